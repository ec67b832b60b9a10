//! Series to draw: the requests of every service, and the metrics that the evidence names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Evidence, IncidentSignal, MetricChart, MetricName, ServiceChart, ServiceName, Time, Verdict};
use crate::read::{Bundle, SourceKind};
use crate::signal::{Outcomes, Signals};
use crate::template::LatencySketch;

/// Values of a series: a share of few requests jumps from second to second, and a page of many services stays small.
const MOST_VALUES: usize = 240;
/// Services drawn, busiest first behind the entry services.
const MOST_SERVICES: usize = 24;
/// Metric series drawn.
const MOST_METRICS: usize = 24;
/// Causes whose evidence is drawn.
const LEADING: usize = 3;
/// Files named for a service.
const MOST_FILES: usize = 4;

/// The requests of the services that answered any.
pub fn services(signals: &Signals) -> Vec<ServiceChart> {
    let busy = |o: &Outcomes| o.completed.iter().sum::<f64>();
    let mut all: Vec<(bool, &ServiceName, &Outcomes)> =
        signals.outcomes.iter().filter(|(_, o)| busy(o) > 0.0).map(|(name, o)| (signals.entries.contains(name), name, o)).collect();
    all.sort_by(|a, b| b.0.cmp(&a.0).then(busy(b.2).total_cmp(&busy(a.2))).then(a.1.cmp(b.1)));
    all.truncate(MOST_SERVICES);
    all.into_iter().map(|(is_entry, name, outcomes)| service(name, is_entry, outcomes)).collect()
}

fn service(name: &ServiceName, is_entry: bool, outcomes: &Outcomes) -> ServiceChart {
    let mut step = outcomes.step;
    while outcomes.completed.len() as i64 / outcomes.step.ratio_to(step) > MOST_VALUES as i64 {
        step = step.doubled();
    }
    let width = outcomes.step.ratio_to(step) as usize;
    let completed = Outcomes::grouped(&outcomes.completed, width);
    let failed = Outcomes::grouped(&outcomes.failed, width);
    let latency: Vec<LatencySketch> = outcomes.latency.chunks(width).map(merged).collect();
    let quantile = |q: f64| latency.iter().map(|s| s.quantile(q).map_or(f64::NAN, |micros| micros / 1e3)).collect();
    ServiceChart {
        service: name.clone(),
        is_entry,
        start: outcomes.step.start_of(outcomes.first_window),
        step,
        rate: completed.iter().map(|n| n / step.seconds()).collect(),
        failed: completed.iter().zip(&failed).map(|(all, bad)| if *all > 0.0 { bad / all } else { f64::NAN }).collect(),
        p50_ms: quantile(0.5),
        p95_ms: quantile(0.95),
    }
}

fn merged(sketches: &[LatencySketch]) -> LatencySketch {
    let mut all = LatencySketch::default();
    sketches.iter().for_each(|s| all.merge(s));
    all
}

/// The metrics that the incident, the leading causes and the paths ruled out rest on, in that order.
pub fn metrics(signals: &Signals, verdicts: &[Verdict]) -> Vec<MetricChart> {
    let mut wanted: Vec<(ServiceName, MetricName)> = Vec::new();
    for verdict in verdicts {
        if let (IncidentSignal::Metric { metric }, Some(service)) = (&verdict.incident.signal, verdict.incident.services.first()) {
            wanted.push((service.clone(), metric.clone()));
        }
        let leading = verdict.causes.iter().take(LEADING).flat_map(|c| &c.evidence);
        wanted.extend(leading.chain(verdict.ruled_out.iter().flat_map(|r| &r.evidence)).filter_map(named));
    }
    let mut seen = BTreeSet::new();
    wanted.retain(|key| seen.insert(key.clone()));
    let charts = wanted.into_iter().filter_map(|(service, metric)| {
        let points = thinned(over_instances(signals, &service, &metric));
        (points.len() > 1).then_some(MetricChart { service, metric, points })
    });
    charts.take(MOST_METRICS).collect()
}

/// The series that a finding is about.
pub fn named(evidence: &Evidence) -> Option<(ServiceName, MetricName)> {
    let finding = &evidence.finding;
    Some((finding.service()?.clone(), finding.metric()?.clone()))
}

/// The largest value of all instances at each time.
pub fn over_instances(signals: &Signals, service: &ServiceName, metric: &MetricName) -> Vec<(Time, f64)> {
    let mut all: BTreeMap<Time, f64> = BTreeMap::new();
    for (_, points) in signals.metrics.iter().filter(|(key, _)| key.service == *service && key.metric == *metric && key.edge.is_none()) {
        for (time, value) in points {
            all.entry(*time).and_modify(|v| *v = v.max(*value)).or_insert(*value);
        }
    }
    all.into_iter().collect()
}

fn thinned(points: Vec<(Time, f64)>) -> Vec<(Time, f64)> {
    let width = points.len().div_ceil(MOST_VALUES).max(1);
    let largest = |chunk: &[(Time, f64)]| chunk.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
    points.chunks(width).filter_map(largest).collect()
}

/// The logs of each service by their place, largest first, then files in which records name it.
pub fn told_by(bundle: &Bundle, signals: &Signals) -> BTreeMap<ServiceName, Vec<Arc<str>>> {
    let mut all: BTreeMap<ServiceName, Vec<Arc<str>>> = BTreeMap::new();
    let mut logs: Vec<_> = bundle.sources.iter().filter(|s| s.kind == SourceKind::Log).collect();
    logs.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.shown.cmp(&b.shown)));
    for source in logs {
        let owner = source.service.iter().filter(|s| !s.as_str().is_empty());
        owner.for_each(|service| all.entry(service.clone()).or_default().push(Arc::clone(&source.shown)));
    }
    for (key, counts) in signals.tally.records_sorted() {
        let files = all.entry(ServiceName::new(signals.tally.symbols.text(key.service))).or_default();
        for exemplar in counts.exemplars.iter() {
            if files.len() < MOST_FILES && !files.contains(&exemplar.origin.path) {
                files.push(Arc::clone(&exemplar.origin.path));
            }
        }
    }
    all.values_mut().for_each(|files| files.truncate(MOST_FILES));
    all
}
