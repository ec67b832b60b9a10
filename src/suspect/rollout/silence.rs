//! S, silence: new instances that answer nothing while their siblings serve have failed before their first request.
//!
//! Only the comparison with siblings tells: a service that nobody calls is silent as a whole.

use crate::model::Time;
use crate::stats;

use super::telemetry::{Instance, distinct_steps};
use super::{Rollout, RolloutFinding, Scene};

/// Steps that a new instance has to come up.
const START_UP_STEPS: f64 = 3.0;
/// Steps at the end that are looked at in any case.
const LAST_STEPS: f64 = 2.0;
/// Fewer steps are too short for a silence.
const LEAST_STEPS: f64 = 3.0;
/// Siblings that answer in fewer of the steps are silent themselves.
const LEAST_SIBLINGS: f64 = 0.25;
/// ln of a likelihood ratio of about 30: silent among serving siblings was a third of the guilty releases, and no innocent one.
const SILENT: f64 = 3.5;
/// Answering in half as many steps as the siblings is no silence: low traffic leaves holes.
const HALF: f64 = 2.0;
/// Listed instances of which no metric knows while no old instance gave way: probably the names do not match.
const UNKNOWN_NAMES: f64 = 0.3;
/// An old instance gave way when it ended no longer than this before the change ...
const ENDED_BEFORE_STEPS: f64 = 2.0;
/// ... and its series has been over for longer than this at the end.
const ENDED_FOR_STEPS: f64 = 3.0;

/// In which share of the steps requests were answered.
pub struct Presence {
    /// By the best new instance.
    new: f64,
    /// By the median old instance that still reports anything.
    old: f64,
    siblings: usize,
    steps: f64,
}

impl Presence {
    /// Neither new nor old instances are being called.
    pub fn nobody_calls(&self) -> bool {
        self.old < LEAST_SIBLINGS && self.new == 0.0
    }
}

/// How often changed and unchanged instances gave a sample after the roll-out.
pub fn presence(rollout: &Rollout<'_, '_>, scene: &Scene<'_>) -> Presence {
    let end = scene.span.end;
    let latest = end.plus_seconds(-LAST_STEPS * scene.step()).max(scene.span.start);
    let from = rollout.change.time.plus_seconds(START_UP_STEPS * scene.step()).clamp(scene.span.start, latest);
    let inside = |t: &Time| from <= *t && *t <= end;
    // Both ends count: three samples lie within two steps.
    let steps = (end - from) / scene.step() + 1.0;
    let share = |i: &Instance<'_>| (distinct_steps(i.served().filter(inside), scene.step()).len() as f64 / steps).min(1.0);
    let reporting: Vec<f64> = rollout.old.iter().filter(|i| i.times().any(|t| inside(&t))).map(|i| share(i)).collect();
    Presence {
        new: rollout.new.iter().map(|i| share(i)).fold(0.0, f64::max),
        old: stats::median(&reporting).unwrap_or(0.0),
        siblings: reporting.len(),
        steps,
    }
}

/// Whether an instance's series ended with the change.
pub fn ended_with(instance: &Instance<'_>, began: Time, scene: &Scene<'_>) -> bool {
    let after = began.plus_seconds(-ENDED_BEFORE_STEPS * scene.step());
    let before = scene.span.end.plus_seconds(-ENDED_FOR_STEPS * scene.step());
    instance.times().max().is_some_and(|last| after <= last && last < before)
}

/// What the silence of changed instances is worth, in nats, and why.
pub fn weigh(rollout: &Rollout<'_, '_>, presence: &Presence) -> (f64, Option<RolloutFinding>) {
    if rollout.change.instances.is_empty() || presence.old < LEAST_SIBLINGS || presence.steps < LEAST_STEPS {
        return (0.0, None);
    }
    let silent = (1.0 - HALF * presence.new / presence.old).max(0.0);
    if silent == 0.0 {
        return (0.0, None);
    }
    let listed_unknown = !rollout.is_known();
    let weight = SILENT * silent * if listed_unknown { UNKNOWN_NAMES } else { 1.0 };
    let finding = RolloutFinding::Silent { new_share: presence.new, old_share: presence.old, siblings: presence.siblings, listed_unknown };
    (weight, Some(finding))
}
