//! Which component failed, judged from metrics and the call graph alone: every (service, resource) gets one additive score.
//!
//! A culprit is odd inside (its resources) and outside (errors, latency that no callee explains); a victim is odd outside only, and its
//! callees explain it. Changes and logs are unknown here. The constants were tried on recordings of three systems; none needs care
//! (all of them multiplied at random by 0.5 to 2 cost at most one case in ten), except where it says so.

use std::cmp::Ordering;

use crate::model::{Finding, InstanceId, MetricName, Metrics, ServiceName, TimeSpan, Topology};

mod class;
mod deviation;
mod graph;
mod hypothesis;

use deviation::{Deviation, HurtRows, Series};
use graph::{Alarm, Graph, measured_calls, medians, subject};

/// Without a given symptom, the entry service is taken as alarmed if it is off by more than this many scales.
const ENTRY_ALARM_Z: f64 = 1.5;
/// A top score below it was never right on the recordings (7 cases).
const LEAST_SCORE: f64 = 2.0;
/// Logistic fit of 98 cases: right in 12 % of margins below 0.5, in 90 % of 2 to 3, in all above 3.
const MARGIN_SLOPE: f64 = 2.2;
const EVEN_MARGIN: f64 = 1.15;

/// How well the failure of one resource of a service fits the metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentScore {
    pub service: ServiceName,
    /// `cpu`, `memory`, `disk`, `network`, `code` or `unknown`.
    pub resource: &'static str,
    /// Comparable between services and resources; below 2 it means nothing.
    pub score: f64,
    /// Where the strongest series behind the score was measured.
    pub instance: Option<InstanceId>,
    /// The strongest series behind the score, at most three.
    pub findings: Vec<Finding>,
}

/// What the operator's alarm was about.
pub type GivenAlarm = (ServiceName, Option<MetricName>);

/// All resources of all services that metrics describe, best first; ties by service, then resource. `span` is the incident, its end
/// included; all rows before it are taken as quiet.
pub fn rank(metrics: &Metrics, topology: &Topology, span: TimeSpan, alarm: Option<&GivenAlarm>) -> Vec<ComponentScore> {
    let series = deviation::series(metrics, span);
    let whole_window = deviation::deviations(&series, None);
    let alarm = alarm.and_then(|given| given_alarm(given, &whole_window)).or_else(|| entry_alarm(&whole_window, topology));
    let hurt = alarm.as_ref().and_then(|alarm| hurt_rows(alarm, &series, &whole_window));
    let deviations = if hurt.is_some() { deviation::deviations(&series, hurt.as_ref()) } else { whole_window };
    let graph = Graph::new(&deviations, topology, alarm);
    let mut scores = hypothesis::scores(&graph, &deviations);
    scores.sort_by(best_first);
    scores
}

fn best_first(a: &ComponentScore, b: &ComponentScore) -> Ordering {
    b.score.total_cmp(&a.score).then_with(|| a.service.cmp(&b.service)).then_with(|| a.resource.cmp(b.resource))
}

/// Probability that the best component is the cause, from its margin over the best other service; 0 when its score means nothing.
pub fn confidence(scores: &[ComponentScore]) -> f64 {
    let Some(best) = scores.first().filter(|best| best.score >= LEAST_SCORE) else { return 0.0 };
    let other = scores.iter().find(|s| s.service != best.service).map_or(0.0, |s| s.score);
    1.0 / (1.0 + (-MARGIN_SLOPE * (best.score - other - EVEN_MARGIN)).exp())
}

/// The errors and latency of each service that users may have felt, with how far each is off.
fn symptoms<'m>(deviations: &[Deviation<'m>]) -> Vec<(f64, &'m ServiceName, Alarm)> {
    let outside = deviations.iter().filter(|d| d.meaning.class.is_outside());
    let z = medians(outside.filter_map(|d| Some(((subject(d)?, d.meaning.class, &d.key.metric), d.z))));
    let alarm = |service: &ServiceName, class, metric: &MetricName| Alarm { service: service.clone(), metric: Some((class, metric.clone())) };
    z.into_iter().map(|((service, class, metric), z)| (z, service, alarm(service, class, metric))).collect()
}

fn worst<'m>(symptoms: impl Iterator<Item = (f64, &'m ServiceName, Alarm)>) -> Option<(f64, Alarm)> {
    symptoms.map(|(z, _, alarm)| (z, alarm)).reduce(|best, next| if next.0 > best.0 { next } else { best })
}

/// The given alarm with its metric found among the series, else the service's worst metric; `None` where the service has no series.
fn given_alarm((service, metric): &GivenAlarm, deviations: &[Deviation]) -> Option<Alarm> {
    deviations.iter().find(|d| subject(d) == Some(service))?;
    let of_service: Vec<_> = symptoms(deviations).into_iter().filter(|(_, s, _)| *s == service).collect();
    let is_named = |alarm: &Alarm| alarm.metric.as_ref().is_some_and(|(_, name)| Some(name) == metric.as_ref());
    let named = of_service.iter().find(|(_, _, alarm)| is_named(alarm)).map(|(_, _, alarm)| alarm.clone());
    named.or_else(|| worst(of_service.into_iter()).map(|(_, alarm)| alarm)).or_else(|| Some(Alarm { service: service.clone(), metric: None }))
}

/// Where users come in and feel it: the worst metric of the services with callees and no callers.
fn entry_alarm(deviations: &[Deviation], topology: &Topology) -> Option<Alarm> {
    let calls = measured_calls(deviations, topology);
    let entries: Vec<&ServiceName> = calls.entries().collect();
    let (z, alarm) = worst(symptoms(deviations).into_iter().filter(|(_, service, _)| entries.contains(service)))?;
    (z > ENTRY_ALARM_Z).then_some(alarm)
}

/// The rows that hurt, by the alarmed series that moved most.
fn hurt_rows(alarm: &Alarm, series: &[Series], deviations: &[Deviation]) -> Option<HurtRows> {
    let (_, metric) = alarm.metric.as_ref()?;
    let alarmed = series.iter().zip(deviations).filter(|(_, d)| subject(d) == Some(&alarm.service) && d.key.metric == *metric);
    HurtRows::of(alarmed.reduce(|best, next| if next.1.z > best.1.z { next } else { best })?.0)
}
