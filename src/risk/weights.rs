//! What each finding adds to the log-odds of trouble, in nats. All weights are here, each with its reason.
//!
//! They follow what is published on failing changes and the arithmetic of the limits, and are rough on purpose: simple fixed measures
//! compete with trained ones (Yang et al., FSE 2016), and trained ones age within months (McIntosh and Kamei, TSE 2018).

use crate::model::risk::{MigrationStatement, VersionStep};
use crate::model::{ChangeKind, KeyRole, Origin, Reason, RiskFinding, RiskLevel};

/// One change in thirteen goes wrong where nothing is known of it (change failure rates of 5 to 15 % are usual).
const PRIOR: f64 = -2.5;
/// What is put back ran before.
const ROLLBACK: f64 = -1.0;
/// Scores from which a level begins: even odds are high, four to one is critical, one to three asks for a second look.
const LEVELS: [(f64, RiskLevel); 3] = [(0.8, RiskLevel::Critical), (0.5, RiskLevel::High), (0.25, RiskLevel::Medium)];

/// Nats for each e-fold of an edit in the direction that hurts, and their most: a limit cut to a quarter doubles the odds twice over,
/// one trimmed by a tenth is noise.
const HARMFUL_SLOPE: f64 = 1.5;
const HARMFUL_MOST: f64 = 4.0;
/// The other direction is seldom free (more connections, longer waits), but seldom fatal.
const HARMLESS_SLOPE: f64 = 0.3;
const HARMLESS_MOST: f64 = 0.8;
/// The strongest edit counts in full, each further one this much of what it had: they are seldom independent.
const FURTHER_EDIT: f64 = 0.5;
/// History starts from the prior's failure rate, held as firmly as so many changes would.
const PSEUDO_CHANGES: f64 = 6.0;

/// A finding with its weight.
pub fn reason(finding: RiskFinding, origin: Option<Origin>) -> Reason {
    Reason { weight: weight(&finding), finding, origin }
}

/// 0 to 1.
pub fn score(kind: ChangeKind, reasons: &[Reason]) -> f64 {
    let is_key = |r: &&Reason| r.finding.edit().is_some() && r.weight > 0.0;
    let mut keys: Vec<f64> = reasons.iter().filter(is_key).map(|r| r.weight).collect();
    keys.sort_by(|a, b| b.total_cmp(a));
    let edited: f64 = keys.iter().zip(0..).map(|(weight, place)| weight * FURTHER_EDIT.powi(place)).sum();
    let others: f64 = reasons.iter().filter(|r| !is_key(r)).map(|r| r.weight).sum();
    let rollback = if kind == ChangeKind::Rollback { ROLLBACK } else { 0.0 };
    1.0 / (1.0 + (-(PRIOR + rollback + edited + others)).exp())
}

/// The level of a score from 0 to 1.
pub fn level(score: f64) -> RiskLevel {
    LEVELS.iter().find(|(least, _)| score >= *least).map_or(RiskLevel::Low, |(_, level)| *level)
}

/// By weight, but a predicted number goes before a rule; what lowers the risk comes last.
pub fn in_order(mut reasons: Vec<Reason>) -> Vec<Reason> {
    reasons.retain(|reason| reason.weight != 0.0);
    let rank = |r: &Reason| r.weight + if r.finding.kind() == "arithmetic" { 2.0 } else { 0.0 };
    reasons.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then(a.finding.edit().map(|e| &e.key).cmp(&b.finding.edit().map(|e| &e.key))));
    reasons
}

fn weight(finding: &RiskFinding) -> f64 {
    use RiskFinding as F;
    match finding {
        F::Edit { role, worse, factor, edit } => edited(*role, *worse, *factor, edit.after.is_some()),
        // Sixty is also a usual step of minutes; a thousand is a usual step of nothing.
        F::UnitSlip { factor, .. } if (factor.ln().abs() - 60f64.ln()).abs() < 1e-3 => 0.7,
        F::UnitSlip { .. } => 2.0,
        F::Contradiction { .. } => 1.8,
        // A prediction: what the limit cannot carry fails. Below the limit, waiting grows with the load (1 / (1 - load)).
        F::Capacity { refused, .. } if *refused > 0.0 => (1.5 + 4.0 * refused).min(4.0),
        F::Capacity { .. } => 0.8,
        F::BelowLatency { share, .. } => (1.5 + 5.0 * share).min(4.0),
        F::Migration { statement, .. } => match statement {
            MigrationStatement::Destroys | MigrationStatement::DropsIndex => 1.6,
            MigrationStatement::RewritesRows => 1.4,
            MigrationStatement::BuildsIndexLocked | MigrationStatement::AltersTable => 0.8,
        },
        // There is no canary of a shared schema, and the way back is another migration.
        F::Kind { .. } => 0.7,
        F::Code { lines } => (0.8 + 0.1 * (*lines as f64).ln()).min(1.4),
        F::Unseen => 0.1,
        F::Version { step: VersionStep::Major, .. } => 1.0,
        F::Version { step: VersionStep::PreRelease, .. } => 0.7,
        F::Version { step: VersionStep::Minor, .. } => 0.5,
        F::ManyKeys { keys } => (0.3 * (*keys as f64 / 10.0).ln() + 0.3).min(1.0),
        // A release of code by another name, to all users in one second: no instance keeps the old way to compare with.
        F::AtOnce => 1.6,
        F::Canary { .. } => -0.5,
        F::OnlyInert { .. } => -0.5,
        F::PutsBack { .. } => -2.0,
        F::Peak { .. } => 0.4,
        F::Neighbour { .. } => 0.2,
        // It fails no more often; it takes longer until somebody sees it.
        F::WeekEnd { .. } => 0.1,
        F::OpenIncident { .. } => 0.6,
        // Who is hurt rather than whether: it predicts severity more than failure.
        F::BlastRadius { callers } => (0.15 * (*callers as f64).ln_1p()).min(0.4),
        F::ServiceHistory { failed, of } => smoothed(*failed, *of),
        F::KeyHistory { failed, of, .. } => smoothed(*failed, *of).max(0.0) + 1.0,
    }
}

/// How much an edit of a known key counts: by its ratio where both values are quantities, else by what it governs.
fn edited(role: KeyRole, worse: Option<bool>, factor: Option<f64>, is_set: bool) -> f64 {
    let moved = factor.map(|f| if f > 0.0 { f.ln().abs() } else { f64::INFINITY });
    let by_role = match role {
        KeyRole::Inert | KeyRole::Logging => return 0.0,
        // Wrong at all is wrong for every request.
        KeyRole::Endpoint | KeyRole::Credential | KeyRole::Tls | KeyRole::Schema => return 1.2,
        KeyRole::Flag => return if is_set { 0.8 } else { 0.4 },
        KeyRole::Schedule => 0.3,
        // More of the same calls: only a multiple hurts, and only once something else does.
        KeyRole::Retries | KeyRole::Cache => 0.5,
        _ => 1.0,
    };
    match (worse, moved) {
        (Some(true), Some(moved)) => by_role * (HARMFUL_SLOPE * moved).min(HARMFUL_MOST),
        (Some(false), Some(moved)) => by_role * (HARMLESS_SLOPE * moved).min(HARMLESS_MOST),
        // From or to no number at all: taken away, or set for the first time.
        _ if is_set => 0.3,
        _ => 0.8 * by_role,
    }
}

/// The log-odds of a beta-smoothed failure rate against the prior's.
fn smoothed(failed: usize, of: usize) -> f64 {
    let prior = 1.0 / (1.0 + (-PRIOR).exp());
    let rate = (failed as f64 + PSEUDO_CHANGES * prior) / (of as f64 + PSEUDO_CHANGES);
    (rate / (1.0 - rate)).ln() - PRIOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_found_is_the_prior_and_low() {
        let nothing = score(ChangeKind::Deploy, &[]);
        assert!((nothing - 0.076).abs() < 0.001 && level(nothing) == RiskLevel::Low);
        assert!(score(ChangeKind::Rollback, &[]) < nothing);
    }

    #[test]
    fn ratio_and_direction_decide() {
        for (role, worse, factor, low, high) in [
            (KeyRole::Pool, Some(true), Some(0.0), 4.0, 4.0),
            (KeyRole::Pool, Some(true), Some(1.0 / 15.0), 3.9, 4.0),
            (KeyRole::Pool, Some(true), Some(0.8), 0.2, 0.5),
            (KeyRole::Pool, Some(false), Some(15.0), 0.5, 0.8),
            (KeyRole::Inert, Some(true), Some(100.0), 0.0, 0.0),
            (KeyRole::Retries, Some(true), Some(2.0), 0.3, 0.6),
            (KeyRole::Credential, None, None, 1.2, 1.2),
            (KeyRole::Timeout, None, None, 0.3, 0.3),
        ] {
            let found = edited(role, worse, factor, true);
            assert!((low..=high).contains(&found), "{role:?} {factor:?}: {found}");
        }
    }

    #[test]
    fn a_short_history_says_little() {
        assert!((smoothed(0, 0)).abs() < 1e-9);
        assert!(smoothed(0, 2) < 0.0 && smoothed(0, 2) > -0.4);
        assert!(smoothed(1, 1) > 0.5 && smoothed(5, 5) > smoothed(1, 1));
    }
}
