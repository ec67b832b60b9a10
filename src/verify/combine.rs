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
    confound(&mut checks, case);
    correct(&mut checks, case);
    retain_harm(&mut checks, case);
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

/// Holm's correction over all checks that decide; messages were corrected among themselves. Where instances run side by side, what they
/// show and what their callers show are two families, and each has half of the level.
fn correct(checks: &mut [Check], case: &Case<'_>) {
    let is_one = |check: &Check| check.decides && !matches!(check.measured, Measured::Errors { .. });
    let at_callers = |check: &Check| case.sides.basis.is_concurrent() && check.service != case.change.service;
    let members = |family: bool| (0..checks.len()).filter(|i| is_one(&checks[*i]) && at_callers(&checks[*i]) == family).collect::<Vec<_>>();
    let families: Vec<Vec<usize>> = [false, true].map(members).into_iter().filter(|family| !family.is_empty()).collect();
    let (alpha, share) = (case.terms.alpha, families.len() as f64);
    for at in families {
        let adjusted = holm(&at.iter().map(|i| checks[*i].p).collect::<Vec<_>>());
        for (i, adjusted) in at.into_iter().zip(adjusted) {
            let check = &mut checks[i];
            check.adjusted = (share * adjusted).min(1.0);
            if check.outcome == Outcome::Worse && check.adjusted >= alpha {
                check.outcome = Outcome::CannotTell;
                // ln p falls in proportion to what is observed.
                let needed = (alpha * check.p / check.adjusted).ln() / check.p.ln();
                check.more = Some(1.05 * needed).filter(|more| more.is_finite() && *more > 1.0);
            }
        }
    }
}

/// A difference between before and after may be somebody else's: another change that began near it at a service in reach. Where the analysis
/// blames this change for an incident, that is settled. Instances side by side have no such rivals, but their callers have.
fn confound(checks: &mut [Check], case: &Case<'_>) {
    if case.windows.blamed.is_some() {
        return;
    }
    let in_time = |check: &Check| !case.sides.basis.is_concurrent() || check.service != case.change.service;
    let is_worse = |check: &Check| check.outcome == Outcome::Worse && check.decides;
    for check in checks.iter_mut().filter(|check| is_worse(check) && in_time(check)) {
        let Some(other) = rival(case, &check.service) else { continue };
        check.outcome = Outcome::CannotTell;
        check.more = None;
        check.doubts.push(Doubt::Confounded { by: other.id.clone(), service: other.service.clone() });
    }
}

/// The nearest other change that can have harmed `hurt`: at a service that it calls, or at one before or behind the changed service.
fn rival<'a>(case: &Case<'a>, hurt: &ServiceName) -> Option<&'a Arc<Change>> {
    let own = &case.change.service;
    let reaches = |from: &ServiceName, to: &ServiceName| from == to || case.topology.distance(from, to).is_some();
    let in_reach = |s: &ServiceName| s.is_everything() || reaches(hurt, s) || reaches(own, s) || reaches(s, own);
    let away = |c: &Change| (c.time - case.change.time).abs();
    // Its own undo is no other explanation.
    let others = case.changes.iter().filter(|c| c.id != case.change.id && !case.change.is_reverted_by(c));
    let near = others.filter(|c| away(c) <= CONFOUNDS_WITHIN && in_reach(&c.service));
    near.min_by(|a, b| away(a).total_cmp(&away(b)).then(a.id.cmp(&b.id)))
}

/// What happened to callers of instances that ran side by side is told where it is something. What the correction for many checks leaves
/// undecided is still no reason to call the change "not worse": the correction guards against false alarms only.
fn retain_harm(checks: &mut Vec<Check>, case: &Case<'_>) {
    let at_callers = |check: &Check| case.sides.basis.is_concurrent() && check.service != case.change.service;
    let is_harm = |check: &Check| check.outcome != Outcome::NotWorse && check.p < case.terms.alpha;
    checks.retain(|check| !at_callers(check) || is_harm(check));
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
