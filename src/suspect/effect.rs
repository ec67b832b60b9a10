//! Size and spread of the effect: the instances and versions that a change touched against those that it did not.

use super::Found;
use super::scene::Scene;
use crate::model::{Change, Finding, TimeSpan};

/// Fewer requests than this on either side say nothing.
const SMALLEST_SIDE: u64 = 10;

/// Failing shares of the touched instances and of the others, or of the new version and of the old where both served.
pub fn examine(change: &Change, scene: &Scene<'_>) -> Vec<Found> {
    let by_instance = || split(change, scene, "instance", &|value| change.instances.iter().any(|i| i.as_str() == value));
    let by_version = || change.version.as_ref().and_then(|version| split(change, scene, "version", &|value| value == version));
    let found = if change.instances.is_empty() { by_version() } else { by_instance() };
    found.into_iter().map(|f| (f, vec![change.origin.clone()])).collect()
}

fn split(change: &Change, scene: &Scene<'_>, attribute: &str, touched: &dyn Fn(&str) -> bool) -> Option<Finding> {
    let span = TimeSpan { start: scene.case.incident.span.start.max(change.time), ..scene.case.incident.span };
    let rows = scene.case.signals.breakdown(&[&change.service], span, attribute).ok()?;
    let (mut ours, mut others) = ((0, 0), (0, 0));
    for (value, requests, failed) in rows.iter().filter(|r| !r.0.is_empty()) {
        let side = if touched(value) { &mut ours } else { &mut others };
        side.0 += requests;
        side.1 += failed;
    }
    (ours.0 >= SMALLEST_SIDE && others.0 >= SMALLEST_SIDE).then(|| Finding::Instances {
        touched: change.instances.clone(),
        touched_failed: ours.1,
        touched_requests: ours.0,
        other_failed: others.1,
        other_requests: others.0,
    })
}
