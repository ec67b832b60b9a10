//! C, the contrast of success between new and old instances of one service, under the same load at the same time: a difference in
//! differences, as the fall of the old ones is counted against it.
//!
//! It does not ask whether the new ones serve at all; silence does.

use std::collections::BTreeMap;

use crate::model::MetricName;
use crate::stats;

use super::silence::Presence;
use super::telemetry::{Edge, Instance};
use super::{Comparison, Rollout, RolloutFinding, Scene};

/// Fewer samples on one side say nothing.
const LEAST_SAMPLES: usize = 2;
/// Variance, in squared points, that each new sample has at least: low traffic shows 100 % until its first failure.
const LEAST_VARIANCE: f64 = 1.0;
/// A smaller difference, in points, is none: one failed request in 50.
const CONTRAST_POINTS: f64 = 2.0;
/// Nats per standard error beyond `FREE_Z`, up to `MOST`.
const NATS_PER_Z: f64 = 0.6;
/// Innocent changes reach two standard errors by chance.
const FREE_Z: f64 = 2.0;
const MOST: f64 = 6.0;
/// Nats against a contrast that the old instances share in full.
const SHARED_FALL: f64 = 2.0;
/// As healthy as the old ones; mild, because a wrong answer that is delivered well hurts only others.
const AS_HEALTHY: f64 = -1.0;
/// The old instances fell by so many points without a contrast: a victim.
const VICTIM_POINTS: f64 = 5.0;
const VICTIM: f64 = -2.0;
const NOT_CALLED: f64 = -1.0;

/// The samples of one metric and caller.
#[derive(Default)]
struct Samples {
    new: Vec<f64>,
    old: Vec<f64>,
    old_before: Vec<f64>,
}

impl Samples {
    /// In an order that does not depend on what instances are called, so that sums do not either.
    fn sorted(&self) -> Samples {
        Samples { new: stats::sorted(&self.new), old: stats::sorted(&self.old), old_before: stats::sorted(&self.old_before) }
    }
}

struct Contrast {
    comparison: Comparison,
    /// Old minus new, in points.
    difference: f64,
    old_fell: f64,
}

/// What the contrast between changed and unchanged instances is worth, in nats, and why.
pub fn weigh(rollout: &Rollout<'_, '_>, presence: &Presence, scene: &Scene<'_>) -> (f64, Option<RolloutFinding>) {
    match largest_contrast(rollout, scene) {
        Some(contrast) => judge(contrast),
        None if presence.nobody_calls() => (NOT_CALLED, Some(RolloutFinding::NotCalled)),
        None => (0.0, None),
    }
}

fn judge(contrast: Contrast) -> (f64, Option<RolloutFinding>) {
    let Contrast { comparison, difference, old_fell } = contrast;
    if difference >= CONTRAST_POINTS {
        let specific = difference / (difference + old_fell);
        let strength = (NATS_PER_Z * (comparison.z - FREE_Z).max(0.0)).min(MOST);
        let weight = strength * specific - SHARED_FALL * (1.0 - specific);
        return (weight, Some(RolloutFinding::NewFails { contrast: comparison, old_fell }));
    }
    if old_fell >= VICTIM_POINTS {
        return (VICTIM, Some(RolloutFinding::OldFellAsWell { contrast: comparison, old_fell }));
    }
    (AS_HEALTHY, Some(RolloutFinding::NewAsHealthy { contrast: comparison }))
}

fn largest_contrast(rollout: &Rollout<'_, '_>, scene: &Scene<'_>) -> Option<Contrast> {
    let from = rollout.arrival().max(scene.onset).plus_seconds(-scene.step() / 2.0);
    let mut groups: BTreeMap<(&MetricName, Edge<'_>), Samples> = BTreeMap::new();
    for series in rollout.new.iter().flat_map(|i| &i.inbound) {
        groups.entry((series.metric, series.edge)).or_default().new.extend(series.values(from, scene.span.end));
    }
    for series in rollout.old.iter().flat_map(|i: &&Instance<'_>| &i.inbound) {
        let samples = groups.entry((series.metric, series.edge)).or_default();
        samples.old.extend(series.values(from, scene.span.end));
        samples.old_before.extend(series.values_before(rollout.change.time));
    }
    groups
        .into_iter()
        .filter_map(|((metric, edge), samples)| contrast(metric, edge, &samples.sorted()))
        .max_by(|x, y| x.difference.total_cmp(&y.difference).then(x.comparison.z.total_cmp(&y.comparison.z)))
}

fn contrast(metric: &MetricName, edge: Edge<'_>, samples: &Samples) -> Option<Contrast> {
    let Samples { new, old, old_before } = samples;
    if new.len() < LEAST_SAMPLES || old.len() < LEAST_SAMPLES {
        return None;
    }
    let (new_mean, old_mean) = (stats::mean(new)?, stats::mean(old)?);
    let difference = old_mean - new_mean;
    let variance = (stats::variance(new)? + LEAST_VARIANCE) / new.len() as f64 + stats::variance(old)? / old.len() as f64;
    let old_fell = stats::median(old_before).map_or(0.0, |before| (before - old_mean).max(0.0));
    let comparison = Comparison {
        metric: metric.clone(),
        caller: edge.0.cloned(),
        new: new_mean,
        old: old_mean,
        new_samples: new.len(),
        old_samples: old.len(),
        z: difference / variance.sqrt(),
    };
    Some(Contrast { comparison, difference, old_fell })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(new: &[f64], old: &[f64], before: &[f64], expect: impl Fn(f64) -> bool) {
        let samples = Samples { new: new.to_vec(), old: old.to_vec(), old_before: before.to_vec() };
        let weight = contrast(&"success".into(), (None, &"a".into()), &samples).map(|c| judge(c).0);
        assert!(weight.is_some_and(expect), "{new:?} {old:?} {before:?}: {weight:?}");
    }

    #[test]
    fn failing_healthy_and_victim() {
        check(&[0.0, 0.0, 0.0], &[100.0, 100.0], &[100.0], |w| w == MOST);
        check(&[100.0, 100.0], &[100.0, 100.0], &[100.0], |w| w == AS_HEALTHY);
        check(&[40.0, 40.0], &[40.0, 41.0], &[100.0], |w| w == VICTIM);
        check(&[99.0, 99.0], &[100.0, 100.0], &[], |w| w == AS_HEALTHY);
        // A small contrast beside a large fall of the old ones speaks against the version.
        check(&[37.0, 37.0], &[40.0, 40.0], &[100.0], |w| w < -1.0);
        // Noise as large as the contrast is worth nothing.
        check(&[0.0, 100.0], &[100.0, 100.0], &[100.0], |w| w == 0.0);
    }

    #[test]
    fn one_sample_is_no_contrast() {
        let samples = Samples { new: vec![0.0], old: vec![100.0; 9], old_before: vec![100.0; 9] };
        assert!(contrast(&"success".into(), (None, &"a".into()), &samples).is_none());
    }
}
