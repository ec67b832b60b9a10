//! What each finding is worth, in nats of log-odds. All weights are here, each with its reason.
//!
//! They come from trials on recorded incidents, checked by multiplying them at random and by stress variants; families are
//! redundant, so that no single weight decides. A weight is a sum over mechanisms, never a fit to a case.

use std::sync::Arc;

use crate::model::finding::Law;
use crate::model::{CauseKind, Change, ChangeId, ChangeKind, ConfigKey, Evidence, EvidenceFamily, Finding, KeyRole};
use crate::stats;
use crate::suspect::health::Health;
use crate::suspect::scene::Scene;
use crate::suspect::{Suspect, metrics, whole_files};

/// "None of these": about one in five when nothing speaks for anybody.
pub const UNEXPLAINED: f64 = -1.5;
/// Log-odds are multiplied by it: the inverse of a temperature (Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML
/// 2017). Fitted by `calibrate`, each data set held out in turn: 1.4 to 1.6 whichever is left out, stress variants and invented incidents
/// included. The weight of "none" is not fitted: in cases with a known truth the truth is known.
pub const SHARPNESS: f64 = 1.4;
/// Never more certain than this: the share of recordings whose cause no model of ours would know.
pub const MOST_CERTAIN: f64 = 0.97;

/// About half of all incidents are set off by a recorded change; of the other half most are components that fail.
const CHANGE_PRIOR: f64 = 0.0;
const COMPONENT_PRIOR: f64 = -1.7;
/// A restart or reload that nobody records is what a fault leads to more often than what leads to one: it stays behind a component with
/// the same evidence, and behind every recorded change that anything speaks for.
const UNRECORDED_PRIOR: f64 = -3.0;
/// Load must rise visibly to be a suspect at all.
const LOAD_PRIOR: f64 = -4.0;
/// Infrastructure fails rarely (2-10 % of incidents).
const INFRA_PRIOR: f64 = -2.5;

/// Blame is ln(share + floor); shifted so that a share above 11 % speaks for and a smaller one against.
const BLAME_SHIFT: f64 = 2.0;
const BLAME_FLOOR: f64 = 0.02;
/// What the service, or a change of it, gains that all of the blame came to rest at, growing from this share on.
const SOLE: f64 = 1.5;
const SOLE_FROM: f64 = 0.4;
/// Most that the ranking by series takes from a change: what it broke may show at a neighbour.
const CHANGED_ELSEWHERE: f64 = 2.5;
/// Time is a gentle tie-breaker: ln of minutes, shifted so that less than four minutes speak for. Sharper, it would be wrong for
/// leaks, nightly jobs and flags that take effect late.
const TIME_SHIFT: f64 = 1.0;
const TIME_SLOPE: f64 = 0.6;
/// The nearer bound of what all keys of a change together may weigh.
const KEY_RANGE: (f64, f64) = (-1.5, 3.5);
const KEY_SCALE: f64 = 0.8;
/// A key that is related to the symptom only by what may follow stays below it; one that governs what ran out, or whose value is quoted, does not.
const LEAST_KEY: f64 = 1.5;

/// Of the changes that record files as a whole and nothing else, one in three changes something.
const RECORDS_ONLY: f64 = -1.1;

/// Share of the faults of changes that show late, and the seconds over which the others fade.
const LATE_SHARE: f64 = 0.25;
const AT_ONCE: f64 = 300.0;

/// A service that answered this many requests of the incident was up, whatever a probe that ran out of time says …
const ANSWERS: f64 = 20.0;
/// … so that the probe counts this part only.
const BUSY: f64 = 0.3;

/// The log-odds of a suspect before any evidence. The shifts that blame and time carry are taken off where they are known.
pub fn prior(suspect: &Suspect, scene: &Scene<'_>) -> f64 {
    let blame_counts = scene.blame.is_known() && !scene.flow_decides() && !leaves_out(scene, EvidenceFamily::Topology);
    let blame = if blame_counts { BLAME_SHIFT } else { 0.0 };
    let kind = kind_prior(suspect);
    match suspect.kind {
        CauseKind::Change if scene.compares_versions() || leaves_out(scene, EvidenceFamily::Timing) => kind - blame,
        CauseKind::Change => kind - blame - TIME_SHIFT,
        CauseKind::Load => kind,
        CauseKind::Component | CauseKind::Infra => kind - blame,
    }
}

/// The log-odds of a kind of suspect.
pub fn kind_prior(suspect: &Suspect) -> f64 {
    match suspect.kind {
        CauseKind::Change if suspect.change.as_ref().is_some_and(|change| change.kind == ChangeKind::Unrecorded) => UNRECORDED_PRIOR,
        CauseKind::Change => CHANGE_PRIOR,
        CauseKind::Component => COMPONENT_PRIOR,
        CauseKind::Load => LOAD_PRIOR,
        CauseKind::Infra => INFRA_PRIOR,
    }
}

/// What the evidence about a key must exceed for it to stand for its change. A deploy brings code as well, so that there the key must match the
/// symptom directly, or have been moved in the direction that hurts: putting it back instead of the whole is bad advice where the code was at fault.
pub fn least_for_a_key(suspect: &Suspect) -> f64 {
    let brings_code =
        suspect.change.as_ref().is_some_and(|c| matches!(c.kind, ChangeKind::Deploy | ChangeKind::Rollback | ChangeKind::Migration));
    if brings_code { LEAST_KEY } else { 0.0 }
}

/// What the evidence about one key may weigh in all.
pub fn key_total(sum: f64) -> f64 {
    (KEY_SCALE * sum).clamp(KEY_RANGE.0, KEY_RANGE.1)
}

/// The weight of one finding about one suspect; nothing where its family is left out.
pub fn weigh(finding: &Finding, suspect: &Suspect, scene: &Scene<'_>) -> f64 {
    if leaves_out(scene, finding.family()) { 0.0 } else { worth(finding, suspect, scene) }
}

fn leaves_out(scene: &Scene<'_>, family: EvidenceFamily) -> bool {
    scene.case.options.without.contains(&family)
}

fn worth(finding: &Finding, suspect: &Suspect, scene: &Scene<'_>) -> f64 {
    let component = suspect.kind != CauseKind::Change;
    match finding {
        // Where traces say where requests went wrong, counts of messages do not, and series show victims too.
        Finding::Blame { .. } | Finding::Victim { .. } | Finding::MetricShift { .. } if scene.flow_decides() => 0.0,
        Finding::Blame { service, share } => {
            let around = if component { *share } else { scene.blame_around(service) };
            (around + BLAME_FLOOR).ln() + BLAME_SHIFT + sole(*share, scene)
        }
        // A staged roll-out's clock is its first served request, which the roll-out's own findings judge.
        Finding::Began { .. } | Finding::ServedWell { .. } if scene.compares_versions() => 0.0,
        Finding::Began { before_onset } => TIME_SHIFT - TIME_SLOPE * (1.0 + before_onset.max(0.0) / 60.0).ln(),
        Finding::ServedWell { seconds, requests, share, .. } => served_well(*seconds, *requests, *share),
        // Level before, growing from the change on: a change point found by two clocks.
        Finding::GrewSince { seconds, .. } => 1.8 + late(*seconds),
        Finding::Scheduled { after, every, .. } => (every / (after.abs() + 60.0)).ln().clamp(0.0, 2.5),
        Finding::Placebo { windows, as_many: 0, .. } => (0.2 * (*windows as f64).ln_1p()).min(0.6),
        Finding::Placebo { windows, as_many, .. } if *as_many * 5 >= *windows => -0.3,
        Finding::Vanished { .. } => 0.1,
        // What stands below is told to people; the blame has counted it already.
        Finding::FirstSymptom { after, .. } => 0.2 * f64::from(u8::from((-5.0..60.0).contains(after))),
        Finding::Surge { own: true, never_before: true, .. } => 0.4,
        Finding::Surge { .. } => 0.1,
        Finding::Undone { exact: true, .. } => 3.0,
        Finding::Undone { exact: false, .. } => 2.0,
        Finding::UndoneInVain { .. } => -1.5,
        Finding::RanAsLong { .. } => 2.0,
        Finding::Instances { touched_failed, touched_requests, other_failed, other_requests, .. } => {
            instances((*touched_failed, *touched_requests), (*other_failed, *other_requests))
        }
        Finding::KeyGoverns { role, symptom, direct, share, worse, factor, .. } => {
            let slows = symptom.is_none() && *worse == Some(true) && slows_down(*role, suspect, scene);
            key(*role, symptom.map(|_| (*direct, *share)).or(slows.then_some((false, 0.0))), *worse, *factor)
        }
        Finding::ValueQuoted { edit, .. } => quoted(edit.after.as_deref().unwrap_or("")),
        // A quantitative prediction that is met; the hold time is only bounded, so near is near enough.
        Finding::Capacity { refused, observed, .. } => 1.5 - 3.0 * (refused - observed).abs(),
        Finding::Predicted { law, predicted, observed, .. } => predicted_worth(*law, *predicted, *observed),
        Finding::KeyNamesCallee { share, .. } if *share < 0.05 => -0.7,
        Finding::KeyNamesCallee { share, .. } => 1.5 * share,
        Finding::KeyIrrelevant { keys } => irrelevant(keys, suspect, scene),
        Finding::DiffWords { .. } | Finding::WholeFile { .. } => of_diff(finding),
        Finding::MigrationSymptom { table, .. } => 1.0 + f64::from(u8::from(table.is_some())),
        Finding::DiedAfter { .. } => 2.0,
        Finding::NoSymptom { .. } => -0.5,
        Finding::Down { refused_share, up_zero, restarted, .. } => down(suspect, scene, *refused_share, *up_zero, *restarted),
        Finding::Exhausted { .. } | Finding::Unreached { .. } => out_of_use(finding, scene),
        Finding::LoadRise { ratio, .. } => (4.0 * ratio.log2()).min(8.0),
        Finding::LoadFlat { .. } => -2.0,
        Finding::ChangedRecently { .. } if component => -0.7,
        // Capped: a series alone convicts nobody where messages and requests speak.
        // Where requests were followed, blame has counted what callers feel; and a change of the component explains it as well.
        Finding::MetricShift { z, metric, .. } => {
            let counted = scene.blame.from_requests && metrics::is_felt(metric.as_str());
            (0.15 * z.max(0.0).ln_1p()).min(0.5) * if counted { 0.2 } else { 1.0 }
        }
        Finding::MetricRank { score, margin, .. } if component => metric_rank(*score, *margin, scene),
        Finding::MetricRank { score, margin, .. } => metric_rank(*score, *margin, scene).max(-CHANGED_ELSEWHERE),
        Finding::FlowRank { score, margin, .. } => flow_rank(*score, *margin, scene),
        Finding::LeftPath { .. }
        | Finding::OddStep { .. }
        | Finding::NotReached { .. }
        | Finding::SlowHops { .. }
        | Finding::Saturated { .. } => 0.1,
        Finding::Victim { share, .. } => -0.5 * share,
        Finding::Healthy { .. } | Finding::CleanLog { .. } | Finding::MetricFlat { .. } => -1.0,
        _ => 0.0,
    }
}

/// What ran out, or could not be reached.
fn out_of_use(finding: &Finding, scene: &Scene<'_>) -> f64 {
    match finding {
        Finding::Exhausted { symptom, .. } if *symptom == crate::model::Symptom::Disk => 3.0,
        Finding::Exhausted { .. } => 1.5,
        // Where it answers others, what bars the way may be the caller's.
        Finding::Unreached { service, .. } if scene.health.get(service).is_some_and(Health::healthy) => 0.0,
        Finding::Unreached { .. } => 1.2,
        _ => 0.0,
    }
}

/// A change whose service then did well can only have taken effect late. Of faults that changes bring, about a quarter do; those at once show
/// within minutes, so that an old change has lost nothing by it that its age has not cost it already.
fn served_well(seconds: f64, requests: u64, share: f64) -> f64 {
    let at_once = (-seconds / AT_ONCE).exp();
    let unseen = (1.0 - share.clamp(0.0, 1.0)).powf(requests as f64);
    ((at_once * unseen + LATE_SHARE) / (at_once + LATE_SHARE)).ln()
}

/// Requests that were followed to one place leave "none of these" little room: a fault that is nowhere ends in many places.
fn sole(share: f64, scene: &Scene<'_>) -> f64 {
    if scene.blame.from_requests { SOLE * ((share - SOLE_FROM) / (1.0 - SOLE_FROM)).max(0.0) } else { 0.0 }
}

/// What order in time takes from a change of that age.
fn late(seconds: f64) -> f64 {
    (TIME_SLOPE * (1.0 + seconds.max(0.0) / 60.0).ln() - TIME_SHIFT).max(0.0)
}

/// The ranking by metrics, calibrated on its margin: even odds at 1.15, nine in ten at 2.15; a top score below 2 was never right.
/// Where requests and messages were followed to their end, or instances of two versions compared, it only adds to that.
fn metric_rank(score: f64, margin: f64, scene: &Scene<'_>) -> f64 {
    if scene.blame.is_known() || scene.flow_decides() {
        return (0.1 * margin).clamp(-0.3, 0.3);
    }
    let calibrated = if score < 2.0 { -2.0 } else { (2.2 * (margin - 1.15)).clamp(-6.0, 6.0) + UNEXPLAINED - COMPONENT_PRIOR };
    if scene.compares_versions() { (0.2 * calibrated).min(0.5) } else { calibrated }
}

/// The ranking by traces, by its own score alone so that weighing keeps its order: even at 8, and e-folds count twice, for a score
/// sums evidence over traces that one cause made unusual together. Elsewhere it only adds to what requests say.
fn flow_rank(score: f64, margin: f64, scene: &Scene<'_>) -> f64 {
    if scene.flow_decides() { (2.0 * ((score + 1.0) / 9.0).ln()).clamp(-4.0, 7.0) } else { (0.1 * margin).clamp(-0.3, 0.3) }
}

/// ln of the ratio of failing shares, each with half a failure added (Haldane and Anscombe), within ±3.
fn instances(touched: (u64, u64), others: (u64, u64)) -> f64 {
    let share = |(failed, requests): (u64, u64)| (failed as f64 + 0.5) / (requests as f64 + 1.0);
    (share(touched) / share(others)).ln().clamp(-3.0, 3.0)
}

/// A prediction that is met counts as much as one by Little's law; one that is not speaks against the key. Ratios are met within a fifth
/// or so, for both sides are measured over other requests.
fn predicted_worth(law: Law, predicted: f64, observed: f64) -> f64 {
    match law {
        Law::Carries => -0.7,
        Law::TimeLimit | Law::Rate if predicted < 0.005 => -0.7,
        Law::TimeLimit | Law::Rate => 1.5 - 3.0 * (predicted - observed).abs(),
        Law::Connections if observed > 0.0 => 1.5,
        Law::Heap if observed > 0.0 => 1.0,
        Law::TimeoutChain if observed > 0.0 => 0.3,
        Law::Connections | Law::Heap | Law::TimeoutChain => -0.5,
        Law::Retries | Law::CacheTtl => (0.8 - 2.0 * (predicted / observed.max(1e-3)).ln().abs()).max(-0.5),
    }
}

/// Less of such a resource makes a service slow before it makes it fail, and slowness writes no messages.
fn slows_down(role: KeyRole, suspect: &Suspect, scene: &Scene<'_>) -> bool {
    let work = [KeyRole::Pool, KeyRole::Cpu, KeyRole::Threads, KeyRole::Memory, KeyRole::Cache, KeyRole::Replicas, KeyRole::Flag];
    work.contains(&role) && scene.health.get(&suspect.service).is_some_and(|h| h.slower() && !h.errs())
}

/// A key that governs what ran out, moved in the direction that hurts.
fn key(role: KeyRole, hit: Option<(bool, f64)>, worse: Option<bool>, factor: Option<f64>) -> f64 {
    let matched = match hit {
        Some((true, share)) => 1.5 + 1.5 * share,
        Some((false, share)) => 0.3 + 1.2 * share,
        None if role == KeyRole::Inert || role == KeyRole::Logging => return -1.0,
        None => -0.3,
    };
    let direction = match (worse, factor) {
        (Some(true), Some(factor)) if factor > 0.0 => (0.5 * factor.ln().abs()).min(1.5),
        (Some(true), _) => 1.0,
        (Some(false), _) => -0.7,
        (None, _) => 0.0,
    };
    if hit.is_some() { matched + direction } else { matched + 0.3 * direction }
}

/// Keys that govern nothing of what failed. A deploy may have changed code as well; an edit of labels and banners can do nothing else.
fn irrelevant(keys: &[ConfigKey], suspect: &Suspect, scene: &Scene<'_>) -> f64 {
    let inert = |key: &ConfigKey| scene.case.facts.key(key.as_str()).is_some_and(|f| matches!(f.role, KeyRole::Inert | KeyRole::Logging));
    let only_keys = suspect.change.as_ref().is_some_and(|c| matches!(c.kind, ChangeKind::Config | ChangeKind::Flag));
    if only_keys && keys.iter().all(inert) { -1.8 } else { -0.6 }
}

/// What the text of a diff says by itself.
fn of_diff(finding: &Finding) -> f64 {
    match finding {
        Finding::DiffWords { words, p, .. } => diff_words(words.len(), *p),
        Finding::WholeFile { edit: Some(_), pieces, settings, .. } => one_of(*settings, *pieces),
        Finding::WholeFile { edit: None, .. } => RECORDS_ONLY,
        _ => 0.0,
    }
}

/// Words that a diff shares with new messages, never worth more than the most favourable reading of so many by chance.
fn diff_words(words: usize, p: f64) -> f64 {
    (0.9 * words as f64).min(2.5).min(stats::ln_bayes_bound(p))
}

/// That one of so many settings governs what failed, or stands in an error, is as many times less telling (Bonferroni).
fn one_of(settings: u64, pieces: u64) -> f64 {
    -(pieces as f64) * (settings as f64).max(1.0).ln()
}

/// A value that is quoted by chance says little: one digit stands in one message in a few, four characters hardly ever.
fn quoted(value: &str) -> f64 {
    match value.trim().len() {
        0..=1 => 0.6,
        2 => 1.0,
        _ => 1.5,
    }
}

/// Several signs of being down together; much less where a change of the component explains them.
fn down(suspect: &Suspect, scene: &Scene<'_>, refused_share: f64, up_zero: bool, restarted: bool) -> f64 {
    // A service that answers and is said to be down had no time for the probe.
    let answers = scene.health.get(&suspect.service).is_some_and(|h| h.requests >= ANSWERS);
    let unseen = if answers && refused_share < 0.25 { BUSY } else { 1.0 };
    let signs = 1.5 * f64::from(u8::from(refused_share >= 0.25))
        + unseen * f64::from(u8::from(up_zero))
        + 0.7 * f64::from(u8::from(restarted && refused_share > 0.0));
    let onset = scene.case.incident.span.start;
    let recent = |c: &&Arc<Change>| c.service == suspect.service && (0.0..600.0).contains(&(onset - c.time));
    let changed = scene.case.changes.iter().filter(recent).any(|c| !whole_files::only_records(c));
    1.6 * signs * if changed { 0.3 } else { 1.0 }
}

/// What staged roll-outs add: the contrast between old and new instances, told by the metrics.
pub fn judge_rollouts(scene: &Scene<'_>, add: &mut dyn FnMut(&ChangeId, f64, Vec<Evidence>)) {
    let Some(verdict) = scene.rollouts.as_ref().filter(|_| !leaves_out(scene, EvidenceFamily::DoseResponse)) else { return };
    for score in &verdict.scores {
        let Some(change) = scene.case.changes.get(score.change) else { continue };
        let evidence = score.evidence().map(|(finding, weight)| Evidence {
            finding: Finding::Rollout { finding: finding.clone() },
            weight,
            origins: Vec::new(),
            aside: false,
        });
        add(&change.id, score.log_odds, evidence.collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_any_log_has_say_little() {
        assert_eq!((diff_words(1, 0.01), diff_words(2, 0.001), diff_words(9, 0.0)), (0.9, 1.8, 2.5));
        assert!((0.1..1.0).contains(&diff_words(3, 0.05)));
        assert_eq!((diff_words(2, 0.4), diff_words(1, 1.0)), (0.0, 0.0));
    }

    #[test]
    fn one_of_many_settings_says_little() {
        assert_eq!((one_of(1, 2), one_of(0, 1), one_of(9, 0)), (0.0, 0.0, 0.0));
        assert!(one_of(9, 2) < one_of(9, 1) && one_of(9, 1) < one_of(3, 1));
    }
}
