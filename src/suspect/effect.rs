//! Size and spread of the effect: the instances and versions that a change touched against those that it did not.
//!
//! A request that dies with a stack trace may leave no request line; records of errors count as failed outcomes, too.

use super::Found;
use super::scene::Scene;
use crate::model::{Change, Finding, Level, TimeSpan};
use crate::signal::Breakdown;

/// Fewer requests than this on either side say nothing.
const SMALLEST_SIDE: u64 = 10;
/// Fewer failures than this in all say nothing.
const SMALLEST_FAILED: u64 = 5;

/// Failing shares of the touched instances and of the others, or of the new version and of the old where both served.
pub fn examine(change: &Change, scene: &Scene<'_>) -> Vec<Found> {
    let by_instance = || {
        let rows = with_error_records(requests_by(change, scene, "instance")?, change, scene);
        contrast(change, &rows, &|value| change.instances.iter().any(|i| i.as_str() == value))
    };
    let by_version = || {
        let version = change.version.as_ref()?;
        contrast(change, &requests_by(change, scene, "version")?, &|value| value == version)
    };
    let found = if change.instances.is_empty() { by_version() } else { by_instance() };
    found.into_iter().map(|f| (f, vec![change.origin.clone()])).collect()
}

/// The part of the incident in which the change was in effect.
fn span(change: &Change, scene: &Scene<'_>) -> TimeSpan {
    let incident = scene.case.incident.span;
    TimeSpan { start: incident.start.max(change.time).min(incident.end), end: incident.end }
}

fn requests_by(change: &Change, scene: &Scene<'_>, attribute: &str) -> Option<Breakdown> {
    scene.case.signals.breakdown(&[&change.service], span(change, scene), attribute).ok()
}

/// Adds the error records of each instance to its outcomes, as failed ones.
fn with_error_records(mut rows: Breakdown, change: &Change, scene: &Scene<'_>) -> Breakdown {
    let tally = &scene.case.signals.tally;
    let span = span(change, scene);
    for (key, counts) in scene.case.signals.records_of(&change.service).filter(|(key, _)| key.level >= Level::Error) {
        let errors = counts.within(span, tally.step);
        let instance = tally.symbols.text(key.instance);
        match rows.iter_mut().find(|r| r.0 == instance) {
            Some(row) => {
                row.1 += errors;
                row.2 += errors;
            }
            None => rows.push((instance.to_owned(), errors, errors)),
        }
    }
    rows
}

fn contrast(change: &Change, rows: &Breakdown, touched: &dyn Fn(&str) -> bool) -> Option<Finding> {
    let (mut ours, mut others) = ((0, 0), (0, 0));
    for (value, outcomes, failed) in rows.iter().filter(|r| !r.0.is_empty()) {
        let side = if touched(value) { &mut ours } else { &mut others };
        side.0 += outcomes;
        side.1 += failed;
    }
    // Without failures on either side there is nothing to contrast.
    let told = ours.1 + others.1 >= SMALLEST_FAILED;
    (told && ours.0 >= SMALLEST_SIDE && others.0 >= SMALLEST_SIDE).then(|| Finding::Instances {
        touched: change.instances.clone(),
        touched_failed: ours.1,
        touched_requests: ours.0,
        other_failed: others.1,
        other_requests: others.0,
    })
}
