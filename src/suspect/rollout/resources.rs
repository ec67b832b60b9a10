//! R, latency and processor time of the new version against the old one, in units of what differs between old instances anyway.
//!
//! One-sided and weak: a young process normally needs less processor time and answers slower than its warm siblings.

use std::collections::BTreeMap;

use crate::model::{MetricName, Time};
use crate::stats;

use super::telemetry::{Edge, Instance, Series};
use super::{Comparison, Rollout, RolloutFinding, Scene};

/// Fewer samples on one side give no median to trust.
const LEAST_SAMPLES: usize = 2;

/// The series of one metric and caller.
#[derive(Default)]
struct Sides<'a, 'm> {
    new: Vec<&'a Series<'m>>,
    old: Vec<&'a Series<'m>>,
}

/// What a difference of the logarithm is measured in, and from when on it counts.
struct Scale {
    /// Least deviation of the logarithm: flat series would make every difference infinite.
    floor: f64,
    /// Deviations that innocent young processes reach.
    free: f64,
}

const LATENCY: Scale = Scale { floor: 0.1, free: 2.5 };
const CPU: Scale = Scale { floor: 0.05, free: 1.5 };
/// Deviations beyond the free ones that count at most, and nats for each.
const MOST_DEVIATIONS: f64 = 4.0;
const NATS_PER_DEVIATION: f64 = 0.5;
const MOST: f64 = 2.0;

/// What latency and processor time of changed instances are worth beside those of the others, in nats, and why.
pub fn weigh(rollout: &Rollout<'_, '_>, scene: &Scene<'_>) -> (f64, Option<RolloutFinding>) {
    let latency = largest(rollout, scene, &LATENCY, |i| &i.latency);
    let cpu = largest(rollout, scene, &CPU, |i| &i.cpu);
    let worth = |found: &Option<Comparison>, scale: &Scale| {
        found.as_ref().map_or(0.0, |c| NATS_PER_DEVIATION * (c.z - scale.free).clamp(0.0, MOST_DEVIATIONS))
    };
    let (of_latency, of_cpu) = (worth(&latency, &LATENCY), worth(&cpu, &CPU));
    let weight = (of_latency + of_cpu).min(MOST);
    let finding = RolloutFinding::Heavier { latency: latency.filter(|_| of_latency > 0.0), cpu: cpu.filter(|_| of_cpu > 0.0) };
    (weight, (weight > 0.0).then_some(finding))
}

/// The comparison that differs most, in either direction.
fn largest<'a, 'm: 'a>(
    rollout: &Rollout<'a, 'm>,
    scene: &Scene<'m>,
    scale: &Scale,
    series_of: impl Fn(&'a Instance<'m>) -> &'a Vec<Series<'m>>,
) -> Option<Comparison> {
    let mut groups: BTreeMap<(&MetricName, Edge<'_>), Sides<'_, '_>> = BTreeMap::new();
    for series in rollout.new.iter().flat_map(|i| series_of(i)) {
        groups.entry((series.metric, series.edge)).or_default().new.push(series);
    }
    for series in rollout.old.iter().flat_map(|i| series_of(i)) {
        groups.entry((series.metric, series.edge)).or_default().old.push(series);
    }
    let times = (rollout.change.time, rollout.arrival(), scene.span.end);
    groups
        .into_iter()
        .filter_map(|((metric, edge), sides)| compare((metric, edge), &sides, times, scale.floor))
        .max_by(|x, y| x.z.abs().total_cmp(&y.z.abs()).then(x.z.total_cmp(&y.z)))
}

/// `times`: begin of the roll-out, arrival of the first request, end.
fn compare(
    (metric, edge): (&MetricName, Edge<'_>),
    sides: &Sides<'_, '_>,
    (began, arrival, end): (Time, Time, Time),
    floor: f64,
) -> Option<Comparison> {
    let logs =
        |series: &[&Series<'_>]| series.iter().flat_map(|s| s.values(arrival, end)).filter(|v| *v > 0.0).map(f64::ln).collect::<Vec<_>>();
    let (new, old_now) = (logs(&sides.new), logs(&sides.old));
    if new.len() < LEAST_SAMPLES || old_now.len() < LEAST_SAMPLES {
        return None;
    }
    let (new_log, old_log) = (stats::median(&new)?, stats::median(&old_now)?);
    Some(Comparison {
        metric: metric.clone(),
        caller: edge.0.cloned(),
        new: new_log.exp(),
        old: old_log.exp(),
        new_samples: new.len(),
        old_samples: old_now.len(),
        z: (new_log - old_log) / usual_deviation(&sides.old, began, end).max(floor),
    })
}

/// How much old instances differ over time and from each other.
fn usual_deviation(old: &[&Series<'_>], began: Time, end: Time) -> f64 {
    let log = |values: &mut dyn Iterator<Item = f64>| values.filter(|v| *v > 0.0).map(f64::ln).collect::<Vec<_>>();
    let over_time: Vec<f64> = old.iter().filter_map(|s| stats::mad(&log(&mut s.values(Time(i64::MIN), end)))).collect();
    let medians: Vec<f64> = old.iter().filter_map(|s| stats::median(&log(&mut s.values_before(began)))).collect();
    let range = stats::quantile(&medians, 1.0).zip(stats::quantile(&medians, 0.0)).map_or(0.0, |(most, least)| most - least);
    stats::median(&over_time).unwrap_or(0.0).max(range / 2.0)
}
