//! In which order evidence is told, and what of it does not help to tell the story. Neither changes what it is worth.

use std::collections::BTreeSet;

use crate::model::{Evidence, Finding, MetricName, ServiceName};
use crate::suspect::{Suspect, metrics};

/// Sorts evidence as it is told, and marks what counts and yet tells nothing: series that do not go with what the suspect is said to have, and
/// those of a metric that is told already.
pub fn arrange(evidence: &mut [Evidence], suspect: &Suspect) {
    let is_down = evidence.iter().any(|e| e.weight > 0.0 && matches!(e.finding, Finding::Down { .. }));
    evidence.sort_by(|a, b| telling(b).total_cmp(&telling(a)));
    let mut told: BTreeSet<(ServiceName, MetricName)> = BTreeSet::new();
    for e in evidence.iter_mut() {
        let mut repeats = || series(&e.finding).is_some_and(|(service, metric)| !told.insert((service.clone(), metric.clone())));
        e.aside = !goes_with(&e.finding, suspect, is_down) || repeats();
    }
    evidence.sort_by_key(|e| e.aside);
}

/// The series that a finding is about, where it says how that moved.
fn series(finding: &Finding) -> Option<(&ServiceName, &MetricName)> {
    match finding {
        Finding::MetricShift { service, metric, .. } | Finding::Saturated { service, metric, .. } => Some((service, metric)),
        _ => None,
    }
}

/// Whether what a series did can be read as what the suspect is said to have. What is down works less, not more, whatever it did as it went down
/// or came back.
fn goes_with(finding: &Finding, suspect: &Suspect, is_down: bool) -> bool {
    match finding {
        Finding::MetricShift { metric, before, during, .. } if is_down => during < before || metrics::is_felt(metric.as_str()),
        Finding::MetricShift { metric, .. } => suspect.resource.is_none_or(|resource| metrics::speaks_for(resource, metric.as_str())),
        Finding::Saturated { .. } => !is_down,
        _ => true,
    }
}

/// By weight, but what quotes the log or predicts a number goes before what only adds up.
fn telling(evidence: &Evidence) -> f64 {
    let concrete = match &evidence.finding {
        Finding::Surge { own: true, never_before: true, .. } => 2.3,
        Finding::Capacity { .. } | Finding::Predicted { .. } => 2.5,
        // What was seen is told before where it was followed to.
        Finding::Blame { .. } => -1.0,
        // Scores of rankings tell a person little.
        Finding::MetricRank { .. } | Finding::FlowRank { .. } => -0.5,
        // The changed key is told above the evidence anyway.
        Finding::KeyGoverns { .. } => -1.0,
        _ => 0.0,
    };
    evidence.weight.abs() + concrete
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CauseKind;

    fn shift(metric: &str, before: f64, during: f64, weight: f64) -> Evidence {
        let finding = Finding::MetricShift { service: "a".into(), metric: metric.into(), before, during, z: 9.0 };
        Evidence { finding, weight, origins: Vec::new(), aside: false }
    }

    fn down() -> Evidence {
        let finding = Finding::Down { service: "a".into(), refused: 9, refused_share: 0.9, up_zero: true, restarted: false };
        Evidence { finding, weight: 2.0, origins: Vec::new(), aside: false }
    }

    /// What is told of each metric, in order, `-` before what is no help.
    #[track_caller]
    fn check(resource: Option<&'static str>, mut evidence: Vec<Evidence>, expected: &str) {
        let suspect = Suspect {
            kind: CauseKind::Component,
            service: "a".into(),
            instance: None,
            resource,
            change: None,
            key: None,
            undone_by: None,
            findings: Vec::new(),
        };
        let sum = |evidence: &[Evidence]| evidence.iter().map(|e| e.weight).sum::<f64>();
        let before = sum(&evidence);
        arrange(&mut evidence, &suspect);
        let name = |e: &Evidence| series(&e.finding).map_or("down".to_owned(), |(_, metric)| metric.to_string());
        let told: Vec<String> = evidence.iter().map(|e| format!("{}{}", if e.aside { "-" } else { "" }, name(e))).collect();
        assert_eq!((told.join(" ").as_str(), sum(&evidence)), (expected, before));
    }

    #[test]
    fn what_is_down_does_not_work_more() {
        let all = || vec![shift("cpu_pct", 2.0, 6.5, 0.3), shift("errors_per_second", 0.0, 2.0, 0.2), shift("rss_mb", 90.0, 0.0, 0.1)];
        check(Some("process"), [all(), vec![down()]].concat(), "down errors_per_second rss_mb -cpu_pct");
        check(Some("cpu"), all(), "cpu_pct errors_per_second -rss_mb");
        check(None, all(), "cpu_pct errors_per_second rss_mb");
    }

    #[test]
    fn a_metric_is_told_once() {
        let full = Finding::Saturated { service: "a".into(), metric: "cpu_pct".into(), before: 6.0, peak: 99.0 };
        let full = Evidence { finding: full, weight: 0.1, origins: Vec::new(), aside: false };
        check(Some("cpu"), vec![full, shift("cpu_pct", 6.0, 99.0, 0.5), shift("cpu_pct", 7.0, 99.0, 0.4)], "cpu_pct -cpu_pct -cpu_pct");
    }
}
