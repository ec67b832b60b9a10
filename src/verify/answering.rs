//! Whether the new instances answer at all while their siblings do, by the steps that metrics of inbound requests have.

use std::collections::BTreeSet;

use super::Case;
use super::judge::{self, Judged, Seen};
use super::series::{LEAST_STEPS, groups, within};
use super::steps::{Grid, Side};
use crate::model::verify::{Basis, Check, Effect, Measured};
use crate::model::{InstanceId, Outcome, SeriesKey, Time};
use crate::signal::class::{Class, meaning};
use crate::stats::sequential::Share;

/// Instances that answer in less than this share of their siblings' steps are silent.
const SILENT: f64 = 0.5;
/// Siblings that answer in fewer steps are not called enough to tell.
const SIBLINGS_ANSWER: f64 = 0.5;

/// `None` where instances are not compared, or siblings are not called enough to tell.
pub fn check(case: &Case<'_>) -> Option<Check> {
    let Basis::Instances { new, old } = &case.sides.basis else { return None };
    let inbound = answers(case);
    let of = |instance: &InstanceId| {
        let mut side = Side::default();
        let own = inbound.iter().filter(|(key, _)| key.instance.as_ref() == Some(instance));
        own.for_each(|(_, points)| side.push(within(&case.windows.after, points)));
        side
    };
    let (news, olds): (Vec<Side>, Vec<Side>) = (new.iter().map(of).collect(), old.iter().map(of).collect());
    let grid = Grid::of(&news.iter().chain(&olds).collect::<Vec<_>>());
    let steps: BTreeSet<i64> = olds.iter().flat_map(|side| grid.steps(side)).collect();
    let answered = news.iter().flat_map(|side| grid.steps(side)).filter(|step| steps.contains(step)).collect::<BTreeSet<i64>>();
    let siblings: f64 = olds.iter().map(|side| grid.steps(side).len() as f64).sum();
    let (of, of_siblings) = (steps.len() as f64, (steps.len() * old.len()) as f64);
    let usual = siblings / of_siblings.max(1.0);
    if of < LEAST_STEPS as f64 || usual < SIBLINGS_ANSWER {
        return None;
    }
    let silent = Share::new(of - answered.len() as f64, of);
    let judged = judge::shares(silent, Share::new(of_siblings - siblings, of_siblings), SILENT, case.terms.alpha);
    let is_silent = silent.hits / of > 1.0 - SILENT * usual;
    // Instances that answer now and then are judged by what they answer.
    let outcome = if judged.outcome == Outcome::Worse && is_silent { Outcome::Worse } else { Outcome::NotWorse };
    let effect = Effect { value: -judged.effect.value, low: -judged.effect.high, high: -judged.effect.low };
    let seen = Seen { old: usual, new: 1.0 - silent.hits / of, old_n: of_siblings, new_n: of };
    let judged = Judged { outcome, effect, more: None, ..judged };
    let check = judge::check(&case.change.service, Measured::Answering, seen, judged, Vec::new());
    Some(Check { decides: outcome == Outcome::Worse, ..check })
}

/// The series that tell of answers. A share has no value in a step without requests, while a latency or a count of failures may stand at
/// its last value, or at nought, of an instance that nobody calls: where shares are measured, they alone tell.
fn answers<'a>(case: &'a Case<'_>) -> Vec<(&'a SeriesKey, &'a [(Time, f64)])> {
    let (mut shares, mut others) = (Vec::new(), Vec::new());
    for (group, series) in groups(case, &case.change.service) {
        match meaning(group.metric.as_str()).filter(|says| !says.outgoing && says.class.is_outside()) {
            Some(says) if says.class == Class::Errors && (says.inverted || says.share.is_some()) => shares.extend(series),
            Some(_) => others.extend(series),
            None => {}
        }
    }
    if shares.is_empty() { others } else { shares }
}
