//! What became of earlier changes of the same service and of the same key.

use super::{Found, Outlook};
use crate::model::{Change, ChangeKind, KeyEdit, RiskFinding};

/// Trouble that begins within so many seconds of a change is held against it: half of a roll-out's usual watch.
const TROUBLE_WITHIN: f64 = 900.0;

pub fn examine(outlook: &Outlook<'_>) -> Vec<Found> {
    let own = |c: &&std::sync::Arc<Change>| c.service == outlook.change.service && c.kind != ChangeKind::Rollback && c.time < outlook.now;
    let earlier: Vec<&Change> = outlook.earlier.iter().filter(own).map(|c| &**c).filter(|c| !c.is_reverted_by(outlook.change)).collect();
    let failed: Vec<&Change> = earlier.iter().copied().filter(|change| failed(change, outlook)).collect();
    let mut found = Vec::new();
    for edit in outlook.edits() {
        let edited = |changes: &[&Change]| changes.iter().filter(|c| c.config.edits.iter().any(|e| same(e, edit))).count();
        let finding = RiskFinding::KeyHistory { edit: edit.clone(), failed: edited(&failed), of: edited(&earlier) };
        let origin = failed.iter().find(|c| c.config.edits.iter().any(|e| same(e, edit))).map(|c| c.origin.clone());
        found.extend(origin.map(|origin| (finding, Some(origin))));
    }
    let origin = failed.last().map(|change| change.origin.clone());
    found.extend((!earlier.is_empty()).then_some((RiskFinding::ServiceHistory { failed: failed.len(), of: earlier.len() }, origin)));
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
