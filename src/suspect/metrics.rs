//! Which component failed, judged from metrics and the call graph alone: every (service, resource) gets one additive score.
//!
//! A culprit is odd inside (its resources) and outside (errors, latency that no callee explains); a victim is odd outside only, and its
//! callees explain it. Changes and logs are unknown here. The constants were tried on recordings of three systems; none needs care
//! (all of them multiplied at random by 0.5 to 2 cost at most one case in ten), except where it says so.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Finding, InstanceId, MetricName, Metrics, ServiceName, TimeSpan, Topology};
use crate::signal::class::{self, Class};

mod deviation;
mod graph;
mod hypothesis;
#[cfg(test)]
mod tests;

use deviation::{Deviation, HurtRows, Series};
use graph::{Alarm, Graph, measured_calls, measured_loads, medians, subject};

/// Without a given symptom, the entry service is taken as alarmed if it is off by more than this many scales.
const ENTRY_ALARM_Z: f64 = 1.5;
/// The alarmed series must spread this many quiet scales over the window to tell rows that hurt from calm ones; more where it was chosen as
/// the worst of many, which noise can be.
const GIVEN_SPREAD: f64 = 2.0;
const CHOSEN_SPREAD: f64 = 4.0;
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

/// How far the errors and latency of each service left their quiet level by its metrics, in quiet scales: the metric that is furthest off.
/// A service without such series is absent.
pub fn outside(metrics: &Metrics, span: TimeSpan) -> BTreeMap<ServiceName, f64> {
    let series = deviation::series(metrics, span);
    let deviations = deviation::deviations(&series, None);
    let mut worst: BTreeMap<ServiceName, f64> = BTreeMap::new();
    for symptom in symptoms(&deviations) {
        let z = worst.entry(symptom.service.clone()).or_insert(symptom.z);
        *z = z.max(symptom.z);
    }
    worst
}

/// The same for what is measured inside: processor, memory and disk.
pub fn inside(metrics: &Metrics, span: TimeSpan) -> BTreeMap<ServiceName, f64> {
    let series = deviation::series(metrics, span);
    let resources = [Class::Cpu, Class::Memory, Class::Disk];
    let mut worst: BTreeMap<ServiceName, f64> = BTreeMap::new();
    for d in deviation::deviations(&series, None).iter().filter(|d| resources.contains(&d.meaning.class)) {
        let Some(service) = subject(d) else { continue };
        let z = worst.entry(service.clone()).or_insert(d.z);
        *z = z.max(d.z);
    }
    worst
}

/// Whether a metric says what callers feel, latency or errors, rather than what is used inside.
pub fn is_felt(metric: &str) -> bool {
    class::meaning(metric).is_some_and(|meaning| meaning.class.is_outside())
}

/// Whether a metric is of a kind that shows the failure of a resource: inside it, or as callers feel it.
pub fn speaks_for(resource: &str, metric: &str) -> bool {
    class::meaning(metric).is_none_or(|meaning| meaning.class.is_outside() || hypothesis::classes_behind(resource).contains(&meaning.class))
}

/// What the operator's alarm was about.
pub type GivenAlarm = (ServiceName, Option<MetricName>);

/// The resources of services that some metric speaks for, best first; ties by service, then resource; none with a score of 0 or less.
/// `span` is the incident, its end included; all rows before it are taken as quiet.
pub fn rank(metrics: &Metrics, topology: &Topology, span: TimeSpan, alarm: Option<&GivenAlarm>) -> Vec<ComponentScore> {
    let series = deviation::series(metrics, span);
    let whole_window = deviation::deviations(&series, None);
    let alarm = alarm.and_then(|given| given_alarm(given, &whole_window)).or_else(|| entry_alarm(&whole_window, topology));
    let hurt = alarm.as_ref().and_then(|alarm| hurt_rows(alarm, &series, &whole_window));
    let deviations = if hurt.is_some() { deviation::deviations(&series, hurt.as_ref()) } else { whole_window };
    let graph = Graph::new(&deviations, topology, alarm);
    let mut scores = hypothesis::scores(&graph, &deviations);
    scores.retain(|s| s.score > 0.0);
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

/// A kind of trouble that users of a service may feel.
struct Symptom<'m> {
    service: &'m ServiceName,
    kind: Class,
    /// The metric of this kind that is furthest off, and how far.
    metric: &'m MetricName,
    z: f64,
}

/// The symptoms of all services, by service, worst first.
fn symptoms<'m>(deviations: &[Deviation<'m>]) -> Vec<Symptom<'m>> {
    let outside = deviations.iter().filter(|d| d.meaning.class.is_outside());
    let by_metric = medians(outside.filter_map(|d| Some(((subject(d)?, d.meaning.class, &d.key.metric), d.z))));
    let mut symptoms: Vec<_> = by_metric.into_iter().map(|((service, kind, metric), z)| Symptom { service, kind, metric, z }).collect();
    symptoms.sort_by(|a, b| a.service.cmp(b.service).then(b.z.total_cmp(&a.z)));
    let mut seen = BTreeSet::new();
    symptoms.retain(|s| seen.insert((s.service, s.kind)));
    symptoms
}

/// The given alarm with its metric found among the series, else the service's worst metric; `None` where the service has no series.
fn given_alarm((service, metric): &GivenAlarm, deviations: &[Deviation]) -> Option<Alarm> {
    deviations.iter().find(|d| subject(d) == Some(service))?;
    let is_named = |d: &&Deviation| subject(d) == Some(service) && d.meaning.class.is_outside() && Some(&d.key.metric) == metric.as_ref();
    let named = deviations.iter().find(is_named).map(|d| (d.meaning.class, d.key.metric.clone()));
    let worst = || symptoms(deviations).into_iter().find(|s| s.service == service).map(|s| (s.kind, s.metric.clone()));
    Some(Alarm { service: service.clone(), metrics: named.or_else(worst).into_iter().collect(), given: true })
}

/// Where users come in and feel it: of the services with callees and no callers that are off, the one with most requests, since a rarely
/// used entry is off by more; with the worst metric of each kind that is off.
fn entry_alarm(deviations: &[Deviation], topology: &Topology) -> Option<Alarm> {
    let calls = measured_calls(deviations, topology);
    let entries: BTreeSet<&ServiceName> = calls.entries().collect();
    let loads = measured_loads(deviations);
    let load = |s: &Symptom| loads.get(s.service).copied().unwrap_or(0.0);
    let felt: Vec<_> = symptoms(deviations).into_iter().filter(|s| s.z > ENTRY_ALARM_Z && entries.contains(s.service)).collect();
    let busier = |a: &Symptom, b: &Symptom| load(a).total_cmp(&load(b)).then(a.z.total_cmp(&b.z)).is_gt();
    let service = felt.iter().reduce(|best, next| if busier(next, best) { next } else { best })?.service;
    let metrics = felt.iter().filter(|s| s.service == service).map(|s| (s.kind, s.metric.clone())).collect();
    Some(Alarm { service: service.clone(), metrics, given: false })
}

/// The rows that hurt, by the alarmed series that moved most.
fn hurt_rows(alarm: &Alarm, series: &[Series], deviations: &[Deviation]) -> Option<HurtRows> {
    let (_, metric) = alarm.metrics.first()?;
    let alarmed = series.iter().zip(deviations).filter(|(_, d)| subject(d) == Some(&alarm.service) && d.key.metric == *metric);
    let (alarmed, _) = alarmed.reduce(|best, next| if next.1.z > best.1.z { next } else { best })?;
    HurtRows::of(alarmed, if alarm.given { GIVEN_SPREAD } else { CHOSEN_SPREAD })
}
