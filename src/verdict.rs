//! Weighing: findings become log-odds, log-odds confidences, suspects a ranked list of causes. The only place that says what
//! evidence is worth, in `weights`; knows no files and no rendering.

pub mod as_written;
pub mod disturbance;
mod mechanism;
pub mod rule_out;
mod telling;
pub mod timeline;
pub mod weights;

use std::collections::BTreeMap;

use crate::model::{Cause, CauseKind, ChangeKind, ConfigKey, Evidence, Finding, Incident, KeyEdit, Verdict};
use crate::suspect::scene::Scene;
use crate::suspect::{Found, Suspect};

/// Causes reported.
const MOST_CAUSES: usize = 10;

/// A suspect with its evidence weighed.
struct Weighed {
    suspect: Suspect,
    key: Option<KeyEdit>,
    evidence: Vec<Evidence>,
    prior: f64,
    log_odds: f64,
}

/// The verdict on one incident.
pub fn weigh(scene: &Scene<'_>, suspects: Vec<Suspect>) -> Verdict {
    let mut weighed: Vec<Weighed> = suspects.into_iter().map(|s| weigh_one(s, scene)).collect();
    weights::judge_rollouts(scene, &mut |change, extra, evidence| {
        if let Some(w) = weighed.iter_mut().find(|w| w.suspect.change.as_ref().is_some_and(|c| c.id == *change)) {
            w.log_odds += extra;
            w.evidence.extend(evidence);
        }
    });
    weighed.sort_by(|a, b| b.log_odds.total_cmp(&a.log_odds).then_with(|| identity(&a.suspect).cmp(&identity(&b.suspect))));
    let (certainties, unexplained) = confidences(&weighed.iter().map(|w| w.log_odds).collect::<Vec<_>>());
    let unexplained_prior = confidences(&weighed.iter().map(|w| w.prior).collect::<Vec<_>>()).1;
    let causes: Vec<Cause> = weighed.into_iter().zip(certainties).map(|(w, confidence)| cause(w, confidence)).collect();
    let (ruled_out, not_ruled_out) = rule_out::examine(scene, &causes);
    let timeline = timeline::entries(scene, &causes);
    let mechanism = mechanism::diagnose(scene, &causes);
    let causes = causes.into_iter().take(MOST_CAUSES).collect();
    Verdict { incident: with_all_services(scene), causes, unexplained, unexplained_prior, ruled_out, not_ruled_out, timeline, mechanism }
}

/// The incident with every service that failed visibly, after those where it was found.
fn with_all_services(scene: &Scene<'_>) -> Incident {
    let mut incident = scene.case.incident.clone();
    let erring = scene.health.iter().filter(|(_, h)| h.errs()).map(|(s, _)| s);
    let more: Vec<_> = erring.filter(|s| !incident.services.contains(s)).cloned().collect();
    incident.services.extend(more);
    incident
}

/// Ties: the later change first, then by name, so that the order never depends on the input's.
fn identity(suspect: &Suspect) -> (CauseKind, std::cmp::Reverse<i64>, String, Option<String>) {
    let time = suspect.change.as_ref().map_or(0, |c| c.time.0);
    (suspect.kind, std::cmp::Reverse(time), suspect.service.to_string(), suspect.change.as_ref().map(|c| c.id.to_string()))
}

fn weigh_one(mut suspect: Suspect, scene: &Scene<'_>) -> Weighed {
    let findings = std::mem::take(&mut suspect.findings);
    let (keyed, plain): (Vec<Found>, Vec<Found>) = findings.into_iter().partition(|f| edit_of(&f.0).is_some());
    let mut evidence: Vec<Evidence> = plain.into_iter().map(|f| evidence(f, &suspect, scene)).collect();
    let (key, best) = best_key(keyed, &suspect, scene);
    let key_worth = weights::key_total(best.iter().map(|e| e.weight).sum());
    let prior = weights::kind_prior(&suspect);
    let log_odds = weights::prior(&suspect, scene) + evidence.iter().map(|e| e.weight).sum::<f64>() + key_worth;
    evidence.extend(best);
    telling::arrange(&mut evidence, &suspect);
    Weighed { suspect, key, evidence, prior, log_odds }
}

fn evidence((finding, origins): Found, suspect: &Suspect, scene: &Scene<'_>) -> Evidence {
    Evidence { weight: weights::weigh(&finding, suspect, scene), finding, origins, aside: false }
}

/// The edit that a finding is about.
fn edit_of(finding: &Finding) -> Option<&KeyEdit> {
    match finding {
        Finding::KeyGoverns { edit, .. }
        | Finding::ValueQuoted { edit, .. }
        | Finding::KeyNamesCallee { edit, .. }
        | Finding::Capacity { edit, .. }
        | Finding::Predicted { edit, .. } => Some(edit),
        Finding::WholeFile { edit, .. } => edit.as_ref(),
        _ => None,
    }
}

/// One key did it, if any: the evidence of the key with the largest sum. A change whose keys are all irrelevant says so.
fn best_key(keyed: Vec<Found>, suspect: &Suspect, scene: &Scene<'_>) -> (Option<KeyEdit>, Vec<Evidence>) {
    let mut by_key: BTreeMap<ConfigKey, (KeyEdit, Vec<Evidence>)> = BTreeMap::new();
    for found in keyed {
        let Some(edit) = edit_of(&found.0).cloned() else { continue };
        by_key.entry(edit.key.clone()).or_insert_with(|| (edit, Vec::new())).1.push(evidence(found, suspect, scene));
    }
    let keys: Vec<ConfigKey> = by_key.keys().cloned().collect();
    let total = |e: &[Evidence]| e.iter().map(|e| e.weight).sum::<f64>();
    let best = by_key.into_values().max_by(|a, b| total(&a.1).total_cmp(&total(&b.1)).then_with(|| b.0.key.cmp(&a.0.key)));
    match best {
        Some((edit, evidence)) if total(&evidence) > 0.0 => {
            let hurts = evidence.iter().any(|e| matches!(e.finding, Finding::KeyGoverns { worse: Some(true), .. }));
            let named = hurts || total(&evidence) > weights::least_for_a_key(suspect);
            (named.then_some(edit).or_else(|| the_edit_itself(suspect)), evidence)
        }
        // What a key that is recorded for the first time governs may be all there is, and yet say nothing.
        Some((_, evidence)) if evidence.iter().any(|e| matches!(e.finding, Finding::WholeFile { .. })) => {
            (the_edit_itself(suspect), Vec::new())
        }
        Some((edit, _)) => {
            let origins = edit.origin.clone().into_iter().collect();
            let irrelevant = (Finding::KeyIrrelevant { keys }, origins);
            (the_edit_itself(suspect), vec![evidence(irrelevant, suspect, scene)])
        }
        None => (the_edit_itself(suspect), Vec::new()),
    }
}

/// A flag or configuration change of one key is that key, whatever is known about it; a deploy may have changed code as well.
fn the_edit_itself(suspect: &Suspect) -> Option<KeyEdit> {
    let change = suspect.change.as_ref().filter(|c| matches!(c.kind, ChangeKind::Flag | ChangeKind::Config))?;
    (change.config.edits.len() == 1).then(|| change.config.edits[0].clone())
}

/// Softmax over the suspects and one more answer, "none of these", at the fitted sharpness; the rest is kept back for what no model knows.
fn confidences(log_odds: &[f64]) -> (Vec<f64>, f64) {
    let top = log_odds.iter().copied().fold(weights::UNEXPLAINED, f64::max);
    let odds = |l: f64| (weights::SHARPNESS * (l - top)).exp();
    let expected: Vec<f64> = log_odds.iter().map(|l| odds(*l)).collect();
    let none = odds(weights::UNEXPLAINED);
    let all: f64 = expected.iter().sum::<f64>() + none;
    let confidences: Vec<f64> = expected.iter().map(|e| weights::MOST_CERTAIN * e / all).collect();
    let unexplained = 1.0 - confidences.iter().sum::<f64>();
    (confidences, unexplained)
}

fn cause(weighed: Weighed, confidence: f64) -> Cause {
    let Weighed { suspect, key, evidence, .. } = weighed;
    Cause {
        kind: suspect.kind,
        service: suspect.service,
        instance: suspect.instance,
        resource: suspect.resource,
        change: suspect.change,
        key,
        undone_by: suspect.undone_by,
        confidence,
        evidence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidences_sum_to_one_with_the_unexplained() {
        for odds in [vec![], vec![3.0], vec![2.0, 2.0, -50.0], vec![900.0, -900.0]] {
            let (confidences, unexplained) = confidences(&odds);
            assert!((confidences.iter().sum::<f64>() + unexplained - 1.0).abs() < 1e-9);
            assert!(confidences.iter().all(|c| (0.0..=weights::MOST_CERTAIN).contains(c)) && unexplained > 0.0);
        }
    }
}
