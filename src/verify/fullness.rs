//! What is nearly full, what waits, and how much an instance could still carry.

use super::Case;
use super::judge::{self, Judged, Limits, Seen};
use super::series::{Group, LEAST_LOG_SD, LEAST_STEPS, before, groups, pairs, sides};
use super::steps::Side;
use super::windows::later_half;
use crate::model::verify::{Basis, Check, Measured};
use crate::model::{MetricName, Outcome};
use crate::signal::class::{Class, Meaning, ShareUnit};
use crate::stats::resample::mean_and_error;
use crate::stats::{median, quantile};

/// Nearly full, and not so before.
const FULL: f64 = 0.9;
const NOT_FULL: f64 = 0.8;
/// Ratios stay below this; percentages of a busy resource do not.
const LARGEST_RATIO: f64 = 1.5;
/// An instance that needs so many times the processor for the same traffic carries half of what it did.
const HALVES: f64 = 2.0;
/// Below half of its processor an instance has room; at half of it, those who come wait as long as they are served (M/M/1: Kleinrock, "Queueing
/// Systems", 1975).
const BUSY: f64 = 0.5;

/// What makes values of a metric shares of a capacity; `None` where the name says nothing of one.
fn scale(says: &Meaning, new: &Side, old: &Side) -> Option<f64> {
    let is_ratio = says.share? == ShareUnit::Ratio && [new, old].iter().flat_map(|side| side.values()).all(|v| v <= LARGEST_RATIO);
    Some(if is_ratio { 1.0 } else { 100.0 })
}

/// Whether a share of a capacity is nearly all of it now and was not before.
pub fn saturated(says: &Meaning, new: &Side, old: &Side) -> bool {
    let Some(scale) = scale(says, new, old) else { return false };
    let (now, was) = (quantile(&new.values(), 0.75), quantile(&old.values(), 0.75));
    now.zip(was).is_some_and(|(now, was)| now / scale >= FULL && was / scale < NOT_FULL)
}

/// Whether a new instance carries half or less of what an old one does: it needs twice the processor in the same minutes and is busy with
/// it. That decides before anybody feels it, since the roll-out goes on until all instances are new. Judged by the later half of the time,
/// as caches warm up and leaks grow; against the old instance that ever used most, as instances have roles.
pub fn capacity(case: &Case<'_>, group: &Group, says: &Meaning, (new, old): (&Side, &Side)) -> Option<Check> {
    let scale = scale(says, new, old).filter(|_| says.class == Class::Cpu && matches!(case.sides.basis, Basis::Instances { .. }))?;
    let half = later_half(&case.windows.after);
    let within = |side: &Side| side.at(|time| half.iter().any(|span| span.contains(time)));
    let (new, old) = (within(new), within(old));
    let steps = pairs(&new.map(positive_ln), &old.map(positive_ln));
    let (value, error, freedom) = mean_and_error(&steps, LEAST_LOG_SD).filter(|_| steps.len() >= LEAST_STEPS)?;
    let limits = Limits { matters: HALVES.ln(), tolerated: HALVES.ln() };
    let judged = judge::mean(value, error, freedom, limits, case.level());
    if judged.outcome != Outcome::Worse || new.mean() < BUSY * scale {
        return None;
    }
    let most = old.largest_mean()?.max(before(case, group).largest_mean().unwrap_or(0.0));
    if new.mean() < HALVES * most {
        return None;
    }
    let judged = Judged { p: case.at_any_look(judged.p), ..judged.of_ratio() };
    let seen = Seen { old: old.mean(), new: new.mean(), old_n: old.values().len() as f64, new_n: new.values().len() as f64 };
    let measured = Measured::Capacity { metric: group.metric.clone() };
    Some(judge::check(&case.change.service, measured, seen, judged, Vec::new()))
}

/// Logarithm of what is more than nothing.
pub fn positive_ln(value: f64) -> Option<f64> {
    (value > 0.0).then(|| value.ln())
}

/// Gauges with a limit of their own beside them (`pool_active`, `pool_max`), and gauges of what waits.
pub fn check(case: &Case<'_>) -> Vec<Check> {
    let all = groups(case, &case.change.service);
    let words = |name: &MetricName| -> Vec<String> {
        name.as_str().to_ascii_lowercase().split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect()
    };
    let stem = |words: &[String], drop: &[&str]| -> Option<Vec<String>> {
        let kept: Vec<String> = words.iter().filter(|word| !drop.contains(&word.as_str())).cloned().collect();
        (kept.len() < words.len()).then_some(kept)
    };
    let mut checks = Vec::new();
    for (group, series) in all.iter().filter(|(group, _)| group.caller.is_none()) {
        let (new, old) = sides(case, series);
        let (a, b) = (new.values(), old.values());
        let name = words(&group.metric);
        if name.iter().any(|word| WAITING.contains(&word.as_str())) {
            let (now, was) = (quantile(&a, 0.5), quantile(&b, 0.9));
            if now.zip(was).is_some_and(|(now, was)| now >= 1.0 && was <= 0.0) && a.len() >= LEAST_STEPS && b.len() >= LEAST_STEPS {
                checks.push(warning(case, Measured::Waiting { metric: group.metric.clone() }, &a, &b, 1.0));
            }
            continue;
        }
        let Some(used) = stem(&name, &USED) else { continue };
        let limit = all.iter().find(|(other, _)| other.caller.is_none() && stem(&words(&other.metric), &LIMIT).as_ref() == Some(&used));
        let most = limit.and_then(|(_, series)| median(&sides(case, series).0.values())).filter(|most| *most > 0.0);
        if let Some(most) = most
            && quantile(&a, 0.75).is_some_and(|v| v >= FULL * most)
            && quantile(&b, 0.75).is_some_and(|v| v < NOT_FULL * most)
        {
            checks.push(warning(case, Measured::Saturation { metric: group.metric.clone() }, &a, &b, most));
        }
    }
    checks
}

const USED: [&str; 5] = ["active", "used", "busy", "in", "inuse"];
const LIMIT: [&str; 4] = ["max", "limit", "capacity", "size"];
const WAITING: [&str; 5] = ["pending", "waiting", "queued", "waiters", "blocked"];

fn warning(case: &Case<'_>, measured: Measured, new: &[f64], old: &[f64], scale: f64) -> Check {
    let of = |values: &[f64]| quantile(values, 0.75).unwrap_or(f64::NAN) / scale;
    let seen = Seen { old: of(old), new: of(new), old_n: old.len() as f64, new_n: new.len() as f64 };
    Check { decides: false, ..judge::check(&case.change.service, measured, seen, Judged::WARNED, Vec::new()) }
}
