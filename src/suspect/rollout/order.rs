//! T, order in time: what began after the harm did not cause it, and what served in health for long before is cleared by that.
//!
//! The clock is the first request served, not the begin of the roll-out: until then a new version can harm nobody.

use crate::model::Time;

use super::{Rollout, RolloutFinding, Scene};

/// Nats against a change that began well after the onset. Onset and roll-out times are both noisy, so this is no exclusion.
const AFTER_PENALTY: f64 = 3.0;
/// Minutes (steps, where longer) after the onset from which the whole penalty counts.
const AFTER_FULL: f64 = 2.0;
/// Where no request is known to have been served, time counts this much less: the fault may only have begun with the first.
const UNSERVED_SLOWNESS: f64 = 2.0;
/// Seconds of the shortest unit that order in time is measured in.
const MINUTE: f64 = 60.0;

/// When a new instance first served. A change older than the recording counts from its own time if they serve at all.
pub fn first_served(rollout: &Rollout<'_, '_>, scene: &Scene<'_>) -> Option<Time> {
    let began = rollout.change.time;
    let first = rollout.new.iter().flat_map(|i| i.served()).filter(|t| *t >= began).min()?;
    Some(if began < scene.telemetry.recorded.start { began } else { first })
}

/// What the order of roll-out and onset is worth, in nats, and why.
pub fn weigh(rollout: &Rollout<'_, '_>, scene: &Scene<'_>) -> (f64, RolloutFinding) {
    let unit = scene.step().max(MINUTE);
    let before = scene.onset - rollout.change.time;
    if before < 0.0 {
        let weight = -AFTER_PENALTY * (-before / unit / AFTER_FULL).min(1.0);
        return (weight, RolloutFinding::BeganAfter { seconds: -before });
    }
    let served = rollout.first_served.map(|first| (scene.onset - first).max(0.0));
    let units = served.map_or(before / (UNSERVED_SLOWNESS * unit), |seconds| seconds / unit);
    (-units.ln_1p(), RolloutFinding::BeganBefore { seconds: before, served })
}
