//! Order in time: began before or after the harm, was put back, ran for as long as it lasted.

use std::sync::Arc;

use super::Found;
use super::scene::Scene;
use crate::model::{Change, ChangeKind, Finding, KeyEdit, Origin, TimeSpan};

/// A change that began up to this many seconds after the onset may still precede it: clocks and access logs round.
pub const CLOCK_SLACK: f64 = 3.0;
/// An undo ends the incident when the end lies between this many seconds before it began …
const UNDO_LEAD: f64 = 5.0;
/// … and this many after its roll-out was complete.
const UNDO_LAG: f64 = 45.0;
/// A change that ran longer than this and ended with the incident was the incident.
const LONG_RUN: f64 = 20.0;
/// How exactly the two ends must agree, in seconds.
const END_AGREES: f64 = 15.0;

/// Seconds after a roll-out and before the harm that may belong to either.
const GUARD: f64 = 2.0;
/// Fewer requests served in between say nothing.
const FEWEST_SERVED: f64 = 20.0;

/// Whether the change had begun when the harm began.
pub fn precedes(change: &Change, scene: &Scene<'_>) -> bool {
    change.time - scene.case.incident.span.start <= scene.case.clock_slack
}

/// What the clock says of a change, and the change that undid it.
pub fn examine(change: &Arc<Change>, scene: &Scene<'_>) -> (Vec<Found>, Option<Arc<Change>>) {
    let span = scene.case.incident.span;
    let mut findings = vec![(Finding::Began { before_onset: span.start - change.time }, vec![change.origin.clone()])];
    findings.extend(ran_as_long(change, scene));
    let Some((undo, exact)) = undo_of(change, scene) else { return (findings, None) };
    let origins = vec![undo.origin.clone()];
    let after = span.end - undo.time;
    let latest = undo.end_time.map_or(0.0, |e| e - undo.time) + UNDO_LAG;
    if !scene.case.incident.ongoing && after >= -UNDO_LEAD && after <= latest {
        findings.push((Finding::Undone { by: undo.id.clone(), after, exact }, origins));
    } else if after > latest {
        findings.push((Finding::UndoneInVain { by: undo.id.clone(), lasted: after }, origins));
    }
    (findings, Some(undo))
}

/// The first later change that puts it back: exactly, or as a repair of the same kind on the same service.
fn undo_of(change: &Arc<Change>, scene: &Scene<'_>) -> Option<(Arc<Change>, bool)> {
    let later = || scene.case.changes.iter().filter(|c| c.time > change.time && c.service == change.service && c.id != change.id);
    let exact = later().find(|c| change.is_reverted_by(c) || (c.kind == ChangeKind::Rollback && !names_another_target(change, c)));
    if let Some(undo) = exact {
        return Some((Arc::clone(undo), true));
    }
    let repairs = |c: &&Arc<Change>| {
        let same = c.kind == change.kind && matches!(c.kind, ChangeKind::Migration | ChangeKind::Config | ChangeKind::Flag);
        same && c.time > scene.case.incident.span.start && !sets_again(change, c)
    };
    later().find(repairs).map(|c| (Arc::clone(c), false))
}

/// Whether both give a key the same value: what sets a value again does not undo it.
fn sets_again(change: &Change, later: &Change) -> bool {
    let ours = &change.config.edits;
    later.config.edits.iter().any(|edit| ours.iter().any(|our| our.key == edit.key && our.after == edit.after))
}

/// Whether another value stood in the place of an edited one when the harm began: a later change had replaced it, and the harm is nearer to
/// that change than that change is to this one. A value that is put back at once may still have done harm that shows later.
pub fn replaced(edit: &KeyEdit, change: &Change, scene: &Scene<'_>) -> bool {
    let onset = scene.case.incident.span.start;
    let replaces = |other: &KeyEdit| other.key == edit.key && other.before == edit.after && other.after != edit.after;
    let elsewhere = |later: &Change| !later.instances.is_empty() && later.instances != change.instances;
    scene.case.changes.iter().any(|later| {
        let reigned = later.time - change.time;
        later.service == change.service
            && reigned > scene.case.clock_slack
            && precedes(later, scene)
            && onset - later.time < reigned
            && !elsewhere(later)
            && later.config.edits.iter().any(replaces)
    })
}

/// A rollback that says from which version it rolls back speaks of that version only.
fn names_another_target(change: &Change, rollback: &Change) -> bool {
    matches!((&change.version, &rollback.previous_version), (Some(ours), Some(theirs)) if ours != theirs)
}

/// The changed service answered between its roll-out and the harm as if nothing had been changed, and fails in the incident: what broke it
/// did not take effect at once.
pub fn served_well(change: &Change, scene: &Scene<'_>) -> Option<Found> {
    let outcomes = scene.case.signals.outcomes.get(&change.service).filter(|_| change.instances.is_empty())?;
    let after = TimeSpan { start: change.rollout().end.plus_seconds(GUARD), end: scene.case.incident.span.start.plus_seconds(-GUARD) };
    let seconds = after.end - after.start;
    if seconds <= 0.0 || after.start < scene.case.signals.span.start {
        return None;
    }
    let (requests, failed) = outcomes.totals(after);
    let health = scene.health.get(&change.service).filter(|h| h.errs())?;
    let share = health.failed_share();
    let well = requests >= FEWEST_SERVED && failed / requests < share / 5.0;
    let finding = Finding::ServedWell { service: change.service.clone(), seconds, requests: requests as u64, failed: failed as u64, share };
    well.then(|| (finding, vec![change.origin.clone()]))
}

fn ran_as_long(change: &Change, scene: &Scene<'_>) -> Option<Found> {
    let rollout = change.rollout();
    let end_gap = scene.case.incident.span.end - rollout.end;
    let ran = rollout.seconds() > LONG_RUN && end_gap.abs() <= END_AGREES && !scene.case.incident.ongoing;
    let origins: Vec<Origin> = vec![change.origin.clone()];
    ran.then_some((Finding::RanAsLong { seconds: rollout.seconds(), end_gap }, origins))
}
