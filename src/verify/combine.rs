//! From single checks to the verdict on a change.

use std::sync::Arc;

use super::Case;
use crate::model::verify::{Basis, Check, Doubt, Measured};
use crate::model::{Change, Outcome, ServiceName, Verification};
use crate::stats::multiple::holm;

/// Another change within so many seconds, before or after, could be the cause as well.
const CONFOUNDS_WITHIN: f64 = 900.0;

/// Where nothing with a time was read.
pub fn nothing(change: &Arc<Change>) -> Verification {
    Verification {
        change: Arc::clone(change),
        outcome: Outcome::CannotTell,
        basis: Basis::BeforeAfter,
        before: Vec::new(),
        after: Vec::new(),
        ended_by: None,
        set_aside: Vec::new(),
        blamed: None,
        checks: Vec::new(),
        more: None,
        as_of: change.time,
    }
}

/// What the checks say together, corrected for their number and for other changes.
pub fn verdict(change: &Arc<Change>, case: &Case<'_>, mut checks: Vec<Check>) -> Verification {
    correct(&mut checks, case.terms.alpha);
    confound(&mut checks, case);
    let outcome = outcome(&checks);
    // Whatever is undecided must be decided.
    let undecided = checks.iter().filter(|check| check.decides && check.outcome == Outcome::CannotTell);
    let more = if outcome == Outcome::CannotTell { undecided.filter_map(|check| check.more).reduce(f64::max) } else { None };
    let p = |check: &Check| if check.adjusted.is_finite() { check.adjusted } else { 1.0 };
    checks.sort_by(|a, b| (!a.decides, a.outcome, &a.service).cmp(&(!b.decides, b.outcome, &b.service)).then(p(a).total_cmp(&p(b))));
    Verification {
        change: Arc::clone(change),
        outcome,
        basis: case.sides.basis.clone(),
        before: case.windows.before.clone(),
        after: case.windows.after.clone(),
        ended_by: case.windows.ended_by.clone(),
        set_aside: case.windows.set_aside.clone(),
        blamed: case.windows.blamed,
        checks,
        more,
        as_of: case.signals.span.end,
    }
}

/// Holm's correction over all checks that decide; messages were corrected among themselves.
fn correct(checks: &mut [Check], alpha: f64) {
    let is_one = |check: &Check| check.decides && !matches!(check.measured, Measured::Errors { .. });
    let at: Vec<usize> = (0..checks.len()).filter(|i| is_one(&checks[*i])).collect();
    let adjusted = holm(&at.iter().map(|i| checks[*i].p).collect::<Vec<_>>());
    for (i, adjusted) in at.into_iter().zip(adjusted) {
        let check = &mut checks[i];
        check.adjusted = adjusted;
        if check.outcome == Outcome::Worse && adjusted >= alpha {
            check.outcome = Outcome::CannotTell;
            // ln p falls in proportion to what is observed.
            let needed = (alpha * check.p / adjusted).ln() / check.p.ln();
            check.more = Some(1.05 * needed).filter(|more| more.is_finite() && *more > 1.0);
        }
    }
}

/// A difference between before and after may be somebody else's: another change that began near it at a service in reach. Where the analysis
/// blames this change for an incident, that is settled.
fn confound(checks: &mut [Check], case: &Case<'_>) {
    if case.sides.basis.is_concurrent() || case.windows.blamed.is_some() {
        return;
    }
    let own = &case.change.service;
    let reached = |service: &ServiceName| case.topology.distance(own, service).is_some() || case.topology.distance(service, own).is_some();
    let near = |c: &&Arc<Change>| {
        let distance = (c.time - case.change.time).abs();
        c.id != case.change.id && distance <= CONFOUNDS_WITHIN && (c.service == *own || c.service.is_everything() || reached(&c.service))
    };
    // Its own undo is no other explanation.
    let is_undo = |c: &&Arc<Change>| case.change.is_reverted_by(c);
    let others = case.changes.iter().filter(near).filter(|c| !is_undo(c));
    let Some(other) = others.min_by(|a, b| {
        let away = |c: &Change| (c.time - case.change.time).abs();
        away(a).total_cmp(&away(b)).then(a.id.cmp(&b.id))
    }) else {
        return;
    };
    for check in checks.iter_mut().filter(|check| check.outcome == Outcome::Worse && check.decides) {
        check.outcome = Outcome::CannotTell;
        check.more = None;
        check.doubts.push(Doubt::Confounded { by: other.id.clone(), service: other.service.clone() });
    }
}

fn outcome(checks: &[Check]) -> Outcome {
    let deciding = || checks.iter().filter(|check| check.decides);
    match deciding().map(|check| check.outcome).min() {
        Some(Outcome::Worse) => Outcome::Worse,
        Some(Outcome::NotWorse) if is_answered(checks) => Outcome::NotWorse,
        _ => Outcome::CannotTell,
    }
}

/// Whether what users would feel was looked at: silence of the data is no health.
fn is_answered(checks: &[Check]) -> bool {
    let failures = |check: &&Check| matches!(check.measured, Measured::FailedShare | Measured::MetricFailures { .. });
    checks.iter().filter(|check| check.decides).any(|check| failures(&check))
}
