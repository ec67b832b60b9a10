//! Messages of the changed service: errors that are new or surge, and regular messages that came no more.
//!
//! They decide only where the service tells nothing of its requests: elsewhere requests say whether users were hurt.

use std::collections::BTreeMap;

use super::judge::{self, Judged, Seen, over_dispersion};
use super::{Case, windows};
use crate::model::verify::{Check, Effect, Measured};
use crate::model::{Level, Outcome, TimeSpan};
use crate::stats::multiple::benjamini_hochberg;
use crate::stats::sequential::Share;
use crate::stats::special::binomial_at_least;
use crate::template::Symbol;
use crate::template::tally::{RecordCounts, RecordKey};

/// A smaller excess is chance, whatever its p.
const SMALLEST_EXCESS: f64 = 5.0;
/// A smaller rise of a kind of message is none.
const SMALLEST_FACTOR: f64 = 2.0;
/// A message that came so often, and in so many of thirty stretches, is a regular one.
const REGULAR: f64 = 30.0;
const REGULAR_BLOCKS: usize = 15;
/// The list is for people.
const MOST_SHOWN: usize = 12;
const BLOCKS: i64 = 30;

/// One kind of message on both sides.
struct Kind<'a> {
    template: Symbol,
    counts: Vec<&'a RecordCounts>,
    level: Level,
}

/// Compares the rates of kinds of message before and after.
pub fn check(case: &Case<'_>) -> Vec<Check> {
    if case.sides.basis.is_concurrent() || case.change.service.is_everything() {
        return Vec::new();
    }
    let (old_s, new_s) = (windows::seconds(&case.windows.before), windows::seconds(&case.windows.after));
    if old_s <= 0.0 || new_s <= 0.0 {
        return Vec::new();
    }
    // More requests write more messages.
    let load = load_ratio(case).unwrap_or(1.0);
    let exposure = (old_s, new_s * load.max(1.0));
    let mut checks: Vec<Check> = kinds(case).iter().filter_map(|kind| errors(case, kind, exposure)).collect();
    let adjusted = benjamini_hochberg(&checks.iter().map(|check| check.p).collect::<Vec<_>>());
    for (check, q) in checks.iter_mut().zip(adjusted) {
        check.adjusted = q;
        let clear = q < case.terms.alpha && check.new_n - check.old_n * exposure.1 / exposure.0 >= SMALLEST_EXCESS;
        let rises = clear && check.effect.value >= SMALLEST_FACTOR;
        check.outcome = if rises { Outcome::Worse } else { Outcome::NotWorse };
    }
    checks.retain(|check| check.outcome == Outcome::Worse);
    checks.extend(kinds(case).iter().filter_map(|kind| vanished(case, kind, exposure)));
    checks.sort_by(|a, b| a.adjusted.total_cmp(&b.adjusted).then(b.new_n.total_cmp(&a.new_n)));
    checks.truncate(MOST_SHOWN);
    checks
}

fn load_ratio(case: &Case<'_>) -> Option<f64> {
    let outcomes = case.signals.outcomes.get(&case.change.service)?;
    let total = |spans: &[TimeSpan]| -> f64 { spans.iter().map(|span| outcomes.totals(*span).0).sum() };
    let rate = |spans: &[TimeSpan]| Some(total(spans) / windows::seconds(spans)).filter(|rate| *rate > 0.0);
    Some(rate(&case.windows.after)? / rate(&case.windows.before)?)
}

fn kinds<'a>(case: &Case<'a>) -> Vec<Kind<'a>> {
    let tally = &case.signals.tally;
    let mut all: BTreeMap<(Level, Symbol), Vec<&'a RecordCounts>> = BTreeMap::new();
    let Some(service) = tally.symbols.find(case.change.service.as_str()) else { return Vec::new() };
    for (key, counts) in tally.records_sorted() {
        let RecordKey { level, template, .. } = *key;
        if key.service == service {
            all.entry((level, template)).or_default().push(counts);
        }
    }
    all.into_iter().map(|((level, template), counts)| Kind { template, counts, level }).collect()
}

fn is_error(case: &Case<'_>, kind: &Kind<'_>) -> bool {
    kind.level >= Level::Error || case.signals.tally.symbols.text(kind.template).contains(" | ")
}

/// Counts by block of about equal length, in whole windows within the spans.
fn counted(case: &Case<'_>, kind: &Kind<'_>, spans: &[TimeSpan]) -> Vec<f64> {
    let step = case.signals.step;
    let width = (windows::seconds(spans) / BLOCKS as f64 / step.seconds()).ceil().max(1.0) as i64;
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return Vec::new() };
    let start = step.window(first.start);
    let mut blocks = vec![0.0; ((step.window(last.end) - start) / width + 1).max(1) as usize];
    let all = kind.counts.iter().flat_map(|counts| &counts.windows);
    for (window, count) in all.filter(|(window, _)| spans.iter().any(|span| span.contains(step.start_of(*window)))) {
        if let Some(block) = blocks.get_mut(((window - start) / width) as usize) {
            *block += f64::from(count);
        }
    }
    blocks
}

fn errors(case: &Case<'_>, kind: &Kind<'_>, (old_s, new_s): (f64, f64)) -> Option<Check> {
    let (old, new) = (counted(case, kind, &case.windows.before), counted(case, kind, &case.windows.after));
    let (old_n, new_n): (f64, f64) = (old.iter().sum(), new.iter().sum());
    if !is_error(case, kind) || new_n <= 0.0 {
        return None;
    }
    let p = case.at_any_look(rate_p(&new, &old, new_s / (new_s + old_s)));
    let (old_rate, new_rate) = (3_600.0 * old_n / old_s, 3_600.0 * new_n / new_s);
    let text = case.signals.tally.symbols.text(kind.template).to_owned();
    let exemplar = kind.counts.iter().filter_map(|c| c.exemplar_from(case.change.time)).min_by_key(|e| (e.time < case.change.time, e.time));
    let effect = Effect { value: new_rate / old_rate.max(3_600.0 * 0.5 / old_s), ..Effect::UNKNOWN };
    let judged = Judged { p, effect, ..Judged::UNDECIDED };
    let seen = Seen { old: old_rate, new: new_rate, old_n, new_n };
    let measured = Measured::Errors { text, never_before: old_n == 0.0 };
    let check = judge::check(&case.change.service, measured, seen, judged, Vec::new());
    Some(Check { decides: !case.has_outcomes(&case.change.service), origin: exemplar.map(|e| e.origin.clone()), ..check })
}

/// p of "the rate did not rise": given the sum of both counts, that of the new side is binomial (Przyborowski and Wilenski, Biometrika 31,
/// 1940), after both are divided by their over-dispersion, as messages come in bursts.
fn rate_p(new: &[f64], old: &[f64], share_of_time: f64) -> f64 {
    let dispersion = |blocks: &[f64]| {
        let mean = blocks.iter().sum::<f64>() / blocks.len().max(1) as f64;
        // At most so much that a stretch with messages counts as one event.
        let most = blocks.iter().sum::<f64>() / blocks.iter().filter(|n| **n > 0.0).count().max(1) as f64;
        crate::stats::over_dispersion(blocks, &vec![mean; blocks.len()], most.max(1.0))
    };
    let phi = dispersion(new).max(dispersion(old));
    let count = |blocks: &[f64]| (blocks.iter().sum::<f64>() / phi).floor() as u64;
    let (new, old) = (count(new), count(old));
    binomial_at_least(new, new + old, share_of_time)
}

fn vanished(case: &Case<'_>, kind: &Kind<'_>, (old_s, new_s): (f64, f64)) -> Option<Check> {
    let (old, new) = (counted(case, kind, &case.windows.before), counted(case, kind, &case.windows.after));
    let (old_n, new_n): (f64, f64) = (old.iter().sum(), new.iter().sum());
    let regular = old.iter().filter(|n| **n > 0.0).count() >= REGULAR_BLOCKS && old_n >= REGULAR;
    let expected = old_n * new_s / old_s;
    if is_error(case, kind) || !regular || new_n > 0.0 || expected < SMALLEST_EXCESS {
        return None;
    }
    let shares: Vec<Share> = old.iter().map(|n| Share::new(n.min(1.0), 1.0)).collect();
    let p = case.at_any_look((-expected / over_dispersion(&shares).max(1.0)).exp());
    let seen = Seen { old: 3_600.0 * old_n / old_s, new: 0.0, old_n, new_n };
    let measured = Measured::Vanished { text: case.signals.tally.symbols.text(kind.template).to_owned() };
    let judged = Judged { p, effect: Effect { value: 0.0, ..Effect::UNKNOWN }, ..Judged::WARNED };
    let origin = kind.counts.iter().flat_map(|c| c.exemplars.iter()).map(|e| e.origin.clone()).next();
    let check = judge::check(&case.change.service, measured, seen, judged, Vec::new());
    (p < case.terms.alpha).then_some(Check { decides: false, origin, ..check })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trap: bursts make a Poisson test alarm.
    #[test]
    fn one_burst_of_messages_is_one_event() {
        let mut new = vec![0.0; 30];
        let old = vec![0.3; 30];
        new[4] = 30.0;
        let poisson = binomial_at_least(30, 39, 0.5);
        assert!(poisson < 0.001, "the trap is real: {poisson}");
        assert!(rate_p(&new, &old, 0.5) > 0.05);
        assert!(rate_p(&[1.0; 30], &old, 0.5) < 0.01, "spread out they are thirty");
    }
}
