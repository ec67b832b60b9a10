//! The verdict as gauges in the OpenMetrics text format (version 1.0.0), for a scrape by a node exporter's textfile collector or a push.

use crate::model::{Analysis, RecoveryOutcome};

use super::text::sanitize;
use super::{View, recovery, wording};

/// All gauges, closed by `# EOF`.
pub fn render(analysis: &Analysis, view: &View) -> String {
    let mut out = String::new();
    gauge(&mut out, "whatchanged_incidents", "Incidents found in the data.", &[(Vec::new(), Some(analysis.verdicts.len() as f64))]);
    let by_incident = |value: &dyn Fn(&crate::model::Verdict) -> Option<f64>| -> Vec<(Labels, Option<f64>)> {
        analysis.verdicts.iter().enumerate().map(|(i, v)| (incident(i, v), value(v))).collect()
    };
    let start = by_incident(&|v| Some(v.incident.span.start.seconds()));
    gauge(&mut out, "whatchanged_incident_start_timestamp_seconds", "When users began to be hurt.", &start);
    let end = by_incident(&|v| (!v.incident.ongoing).then(|| v.incident.span.end.seconds()));
    gauge(&mut out, "whatchanged_incident_end_timestamp_seconds", "When users were no longer hurt; absent while it lasts.", &end);
    let ongoing = by_incident(&|v| Some(f64::from(u8::from(v.incident.ongoing))));
    gauge(&mut out, "whatchanged_incident_ongoing", "1 while the data end in the incident.", &ongoing);
    let failed = by_incident(&|v| v.incident.impact.failed_ratio());
    gauge(&mut out, "whatchanged_incident_requests_failed_ratio", "Share of requests hurt in the incident.", &failed);
    let users = by_incident(&|v| v.incident.impact.users_ratio());
    gauge(&mut out, "whatchanged_incident_users_affected_ratio", "Share of users hurt in the incident.", &users);
    gauge(&mut out, "whatchanged_cause_confidence", "Calibrated probability that this caused the incident.", &causes(analysis, view));
    let unexplained = by_incident(&|v| Some(v.unexplained));
    gauge(&mut out, "whatchanged_unexplained_probability", "Probability that none of the candidates caused the incident.", &unexplained);
    let recovered: Vec<(Labels, Option<f64>)> = analysis
        .verdicts
        .iter()
        .zip(&analysis.dossier.recoveries)
        .enumerate()
        .map(|(i, (v, r))| {
            let mut labels = incident(i, v);
            labels.push(("outcome", recovery::word(r.outcome).to_owned()));
            (labels, Some(f64::from(u8::from(r.outcome == RecoveryOutcome::Recovered))))
        })
        .collect();
    gauge(
        &mut out,
        "whatchanged_incident_recovered",
        "1 where the time after the incident is equivalent to the time before it.",
        &recovered,
    );
    gauge(
        &mut out,
        "whatchanged_lines_understood_ratio",
        "Share of the lines read that were understood.",
        &[(Vec::new(), Some(analysis.coverage.share()))],
    );
    out + "# EOF\n"
}

type Labels = Vec<(&'static str, String)>;

fn incident(index: usize, verdict: &crate::model::Verdict) -> Labels {
    let service = verdict.incident.services.first().map(wording::service).unwrap_or_default();
    vec![("incident", (index + 1).to_string()), ("service", service)]
}

fn causes(analysis: &Analysis, view: &View) -> Vec<(Labels, Option<f64>)> {
    let mut all = Vec::new();
    for (i, verdict) in analysis.verdicts.iter().enumerate() {
        for (rank, cause) in verdict.causes.iter().take(view.top).enumerate() {
            let labels = vec![
                ("incident", (i + 1).to_string()),
                ("rank", (rank + 1).to_string()),
                ("kind", cause.kind.name().to_owned()),
                ("service", wording::service(&cause.service)),
                ("change_id", cause.change.as_ref().map(|c| wording::id(c.id.as_str())).unwrap_or_default()),
                ("config_key", cause.key.as_ref().map(wording::key).unwrap_or_default()),
                ("resource", cause.resource.unwrap_or_default().to_owned()),
            ];
            all.push((labels, Some(cause.confidence)));
        }
    }
    all
}

fn gauge(out: &mut String, name: &str, help: &str, samples: &[(Labels, Option<f64>)]) {
    out.push_str(&format!("# TYPE {name} gauge\n# HELP {name} {help}\n"));
    for (labels, value) in samples.iter().filter_map(|(l, v)| Some((l, (*v)?))) {
        let text: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
        let labels = if text.is_empty() { String::new() } else { format!("{{{}}}", text.join(",")) };
        out.push_str(&format!("{name}{labels} {}\n", (value * 1e6).round() / 1e6));
    }
}

fn quoted(text: &str) -> String {
    sanitize(text).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn every_line_is_a_comment_or_a_sample() {
        for analysis in [samples::rich(), samples::quiet(), samples::hostile(), samples::metrics_only(), samples::timeless()] {
            let text = render(&analysis, &View::default());
            assert!(text.ends_with("# EOF\n"));
            for line in text.lines() {
                let value = line.rsplit(' ').next().unwrap();
                assert!(line.starts_with("# ") || (line.starts_with("whatchanged_") && value.parse::<f64>().is_ok()), "{line}");
                assert!(line.chars().all(|c| !crate::report::text::is_harmful(c)));
            }
        }
        let text = render(&samples::rich(), &View::default());
        assert!(text.contains("rank=\"1\",kind=\"change\",service=\"orders\",change_id=\"deploy-310\",config_key=\"db.pool.max_size\",resource=\"\"} 0.9312\n"), "{text}");
    }
}
