//! The numbers that the page's script draws, as JSON that HTML cannot mistake for markup.

use serde::Serialize;

use crate::model::{Analysis, MetricChart, ServiceChart, Time, Verdict};
use crate::report::text::{sanitize, shorten};
use crate::report::wording;

/// Metric charts on the timeline; more stand among the small multiples.
const MOST_METRICS: usize = 4;
/// Lines in one chart.
const MOST_LINES: usize = 4;
/// Changes marked in the charts: more would be a curtain.
const MOST_CHANGES: usize = 60;

#[derive(Serialize)]
struct Data {
    start: f64,
    end: f64,
    strip: &'static str,
    incidents: Vec<Band>,
    changes: Vec<Mark>,
    charts: Vec<Chart>,
    multiples: Vec<Chart>,
}

#[derive(Serialize)]
struct Band {
    start: f64,
    end: f64,
}

#[derive(Serialize)]
struct Mark {
    time: f64,
    label: String,
    guilty: bool,
}

/// One chart: times on a grid (`start`, `step`) or one by one (`x`).
#[derive(Serialize)]
struct Chart {
    title: String,
    unit: &'static str,
    start: f64,
    step: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<Vec<f64>>,
    series: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    label: String,
    y: Vec<Option<f64>>,
}

/// Everything to draw.
pub fn data(analysis: &Analysis, verdicts: &[&Verdict]) -> String {
    let span = analysis.span.unwrap_or(crate::model::TimeSpan::new(Time(0), Time(1)));
    let (services, metrics): (&[ServiceChart], &[MetricChart]) = match &analysis.dossier.exhibits {
        Some(exhibits) => (&exhibits.services, &exhibits.metrics),
        None => (&[], &[]),
    };
    let data = Data {
        start: span.start.seconds(),
        end: span.end.seconds().max(span.start.seconds() + 1.0),
        strip: "changes",
        incidents: verdicts.iter().map(|v| Band { start: v.incident.span.start.seconds(), end: v.incident.span.end.seconds() }).collect(),
        changes: changes(analysis, verdicts),
        charts: timeline(verdicts, services, metrics),
        multiples: multiples(services, metrics),
    };
    let json = serde_json::to_string(&data).expect("views hold text, finite numbers and lists, all of which JSON can say");
    // Within strings these are written as JSON escapes; outside strings there are none of them.
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn changes(analysis: &Analysis, verdicts: &[&Verdict]) -> Vec<Mark> {
    let guilty =
        |change: &crate::model::Change| verdicts.iter().filter_map(|v| v.causes.first()?.change.as_ref()).any(|c| c.id == change.id);
    let within = analysis.changes.iter().filter(|c| analysis.span.is_some_and(|s| s.contains(c.time)));
    let mark = |c: &std::sync::Arc<crate::model::Change>| Mark {
        time: c.time.seconds(),
        label: shorten(&wording::change(c), 44),
        guilty: guilty(c),
    };
    within.take(MOST_CHANGES).map(mark).collect()
}

/// Error share, latency and the leading metrics, for the services where users come in and the one held responsible.
fn timeline(verdicts: &[&Verdict], services: &[ServiceChart], metrics: &[MetricChart]) -> Vec<Chart> {
    let blamed = verdicts.first().and_then(|v| v.causes.first()).map(|c| &c.service);
    let shown: Vec<&ServiceChart> = services.iter().filter(|s| s.is_entry || Some(&s.service) == blamed).take(MOST_LINES).collect();
    let mut charts = Vec::new();
    if !shown.is_empty() {
        charts.push(of_services("failed requests", "%", &shown, |s| s.failed.iter().map(|v| v * 100.0).collect()));
        charts.push(of_services("95th percentile of latency", "ms", &shown, |s| s.p95_ms.clone()));
        charts.push(of_services("requests", "/s", &shown, |s| s.rate.clone()));
    }
    charts.extend(metrics.iter().take(MOST_METRICS).map(of_metric));
    charts.retain(|c| c.series.iter().any(|s| s.y.iter().any(Option::is_some)));
    charts
}

fn multiples(services: &[ServiceChart], metrics: &[MetricChart]) -> Vec<Chart> {
    let mut charts = Vec::new();
    for service in services {
        let name = wording::service(&service.service);
        charts.push(of_services(&format!("{name}: failed requests"), "%", &[service], |s| s.failed.iter().map(|v| v * 100.0).collect()));
        let mut latency = of_services(&format!("{name}: latency, median and 95th percentile"), "ms", &[service], |s| s.p50_ms.clone());
        latency.series[0].label = "median".to_owned();
        latency.series.push(Line { label: "95th percentile".to_owned(), y: rounded(&service.p95_ms) });
        charts.push(latency);
        charts.push(of_services(&format!("{name}: requests"), "/s", &[service], |s| s.rate.clone()));
    }
    charts.extend(metrics.iter().skip(MOST_METRICS).map(of_metric));
    charts.retain(|c| c.series.iter().any(|s| s.y.iter().any(Option::is_some)));
    charts
}

fn of_services(title: &str, unit: &'static str, services: &[&ServiceChart], values: impl Fn(&ServiceChart) -> Vec<f64>) -> Chart {
    let series = services.iter().map(|s| Line { label: wording::service(&s.service), y: rounded(&values(s)) }).collect();
    let (start, step) = services.first().map_or((0.0, 1.0), |s| (s.start.seconds(), s.step.seconds()));
    Chart { title: title.to_owned(), unit, start, step, x: None, series }
}

fn of_metric(metric: &MetricChart) -> Chart {
    let name = shorten(&sanitize(metric.metric.as_str()), 60);
    Chart {
        title: format!("{name} of {}", wording::service(&metric.service)),
        unit: "",
        start: 0.0,
        step: 0.0,
        x: Some(metric.points.iter().map(|p| (p.0.seconds() * 10.0).round() / 10.0).collect()),
        series: vec![Line { label: name, y: rounded(&metric.points.iter().map(|p| p.1).collect::<Vec<_>>()) }],
    }
}

/// Four significant digits, which is more than a screen shows.
fn rounded(values: &[f64]) -> Vec<Option<f64>> {
    let round = |v: f64| format!("{v:.3e}").parse().unwrap_or(v);
    values.iter().map(|v| v.is_finite().then(|| round(*v))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_gaps_are_gaps() {
        assert_eq!(
            rounded(&[0.0, 1234.567, 0.000_123_456, f64::NAN, -5.0, 1e300]),
            [Some(0.0), Some(1235.0), Some(0.000_123_5), None, Some(-5.0), Some(1e300)]
        );
    }
}
