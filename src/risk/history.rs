//! What became of earlier changes of the same service and of the same key.

use super::{Found, Outlook};
use crate::model::{Change, ChangeKind, KeyEdit, PastChange, RiskFinding};

/// Trouble that begins within so many seconds of a change is held against it: half of a roll-out's usual watch.
const TROUBLE_WITHIN: f64 = 900.0;

/// What became of earlier changes of the service and of the same keys.
pub fn examine(outlook: &Outlook<'_>) -> Vec<Found> {
    let own = |c: &&std::sync::Arc<Change>| c.service == outlook.change.service && c.kind != ChangeKind::Rollback && c.time < outlook.now;
    let earlier: Vec<&Change> = outlook.earlier.iter().filter(own).map(|c| &**c).filter(|c| !c.is_reverted_by(outlook.change)).collect();
    let failed: Vec<&Change> = earlier.iter().copied().filter(|change| failed(change, outlook)).collect();
    // What the bundle itself shows is not counted again from what earlier runs kept.
    let is_past = |past: &&PastChange| {
        let own = past.service == outlook.change.service.as_str() && past.time < outlook.now && past.id != outlook.change.id.as_str();
        own && !outlook.earlier.iter().any(|c| c.id.as_str() == past.id)
    };
    let past: Vec<&PastChange> = outlook.past.iter().filter(is_past).collect();
    let past_failed = past.iter().filter(|past| past.failed).count();
    let mut found = Vec::new();
    for edit in outlook.edits() {
        let edited = |changes: &[&Change]| changes.iter().filter(|c| c.config.edits.iter().any(|e| same(e, edit))).count();
        let is_same =
            |past: &&&PastChange| past.keys.iter().any(|(key, value)| key == edit.key.as_str() && Some(value) == edit.after.as_ref());
        let kept: Vec<&PastChange> = past.iter().filter(is_same).copied().collect();
        let kept_failed = kept.iter().filter(|past| past.failed).count();
        let finding =
            RiskFinding::KeyHistory { edit: edit.clone(), failed: edited(&failed) + kept_failed, of: edited(&earlier) + kept.len() };
        let origin = failed.iter().find(|c| c.config.edits.iter().any(|e| same(e, edit))).map(|c| c.origin.clone());
        found.extend((origin.is_some() || kept_failed > 0).then_some((finding, origin)));
    }
    let origin = failed.last().map(|change| change.origin.clone());
    let (failed, of) = (failed.len() + past_failed, earlier.len() + past.len());
    found.extend((of > 0).then_some((RiskFinding::ServiceHistory { failed, of }, origin)));
    found
}

/// The same key, moved to the same value: another value is another change.
fn same(a: &KeyEdit, b: &KeyEdit) -> bool {
    a.key == b.key && a.after == b.after
}

/// Rolled back, or the last change of its service or a neighbour before an incident.
fn failed(change: &Change, outlook: &Outlook<'_>) -> bool {
    if outlook.earlier.iter().any(|later| change.is_reverted_by(later)) {
        return true;
    }
    outlook.incidents.iter().any(|incident| {
        let after = incident.span.start - change.time;
        let between = |c: &std::sync::Arc<Change>| c.time > change.time && c.time <= incident.span.start;
        (0.0..=TROUBLE_WITHIN).contains(&after) && !outlook.earlier.iter().any(between)
    })
}
