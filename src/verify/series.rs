//! Metrics: success and latency of instances side by side, whether they answer at all, what they use, and what is nearly full.

use std::collections::{BTreeMap, BTreeSet};

use super::Case;
use super::judge::{self, Judged, Limits, Seen, TOLERATED_RATIO};
use crate::model::verify::{Basis, Check, Doubt, Effect, Measured};
use crate::model::{InstanceId, MetricName, Outcome, SeriesKey, ServiceName, Time, TimeSpan};
use crate::stats::resample::mean_and_error;
use crate::stats::sequential::Share;
use crate::stats::{mean, median, quantile};
use crate::suspect::metrics::class::{Class, ShareUnit, meaning};

/// Fewer steps than this decide nothing.
const LEAST_STEPS: usize = 5;
/// A share of success varies by so much at least: low traffic shows 100 % until its first failure.
const LEAST_SHARE_SD: f64 = 0.01;
/// The same of the logarithm of a latency or a use of resources.
const LEAST_LOG_SD: f64 = 0.1;
/// A failing share that rises by less than this is not worse by metrics, which know no number of requests.
const SHARE_MATTERS: f64 = 0.02;
/// A rise of failures a second that matters: so much, and a doubling.
const RATE_MATTERS: f64 = 0.1;
/// Nobody feels less, in milliseconds.
const FELT_MS: f64 = 10.0;
/// Instances that answer in less than this share of their siblings' steps are silent.
const SILENT: f64 = 0.5;
/// Siblings that answer in fewer steps are not called enough to tell.
const SIBLINGS_ANSWER: f64 = 0.5;
/// Nearly full, and not so before.
const FULL: f64 = 0.9;
const NOT_FULL: f64 = 0.8;
/// Ratios stay below this; percentages of a busy resource do not.
const LARGEST_RATIO: f64 = 1.5;

/// Compares the means of metric series.
pub fn check(case: &Case<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    for (group, series) in groups(case) {
        let (new, old) = sides(case, &series);
        checks.extend(compare(case, &group, &new, &old));
    }
    checks.extend(answering(case));
    checks.extend(pairs(case));
    checks
}

/// What is compared with each other: one metric, seen by one caller.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    metric: MetricName,
    caller: Option<ServiceName>,
}

type Points = [(Time, f64)];
type Side = Vec<(Time, f64)>;
/// The new and the old side.
type Both<'p> = (&'p Points, &'p Points);

fn groups<'a>(case: &'a Case<'_>) -> BTreeMap<Group, Vec<(&'a SeriesKey, &'a Points)>> {
    let own = &case.change.service;
    let mut all: BTreeMap<Group, Vec<(&SeriesKey, &Points)>> = BTreeMap::new();
    for (key, points) in &case.signals.metrics {
        let inbound = key.edge.as_ref().is_none_or(|(_, callee)| callee == own);
        if key.service == *own && inbound {
            let group = Group { metric: key.metric.clone(), caller: key.edge.as_ref().map(|(caller, _)| caller.clone()) };
            all.entry(group).or_default().push((key, points.as_slice()));
        }
    }
    all
}

/// The samples of the new and of the old side.
fn sides(case: &Case<'_>, series: &[(&SeriesKey, &Points)]) -> (Side, Side) {
    let within = |spans: &[TimeSpan], time: Time| spans.iter().any(|span| span.contains(time));
    let (mut new, mut old) = (Vec::new(), Vec::new());
    for (key, points) in series {
        let after = points.iter().filter(|p| within(&case.windows.after, p.0)).copied();
        match &case.sides.basis {
            Basis::Instances { new: fresh, old: kept } => {
                let is = |all: &[InstanceId]| key.instance.as_ref().is_some_and(|i| all.contains(i));
                if is(fresh) {
                    new.extend(after);
                } else if is(kept) {
                    old.extend(after);
                }
            }
            Basis::Versions { .. } => {}
            Basis::BeforeAfter => {
                new.extend(after);
                old.extend(points.iter().filter(|p| within(&case.windows.before, p.0)).copied());
            }
        }
    }
    (new, old)
}

/// One value a step: the mean of all that was sampled in it.
fn by_step(points: &[(Time, f64)], step: f64) -> BTreeMap<i64, f64> {
    let mut steps: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (time, value) in points {
        steps.entry((time.seconds() / step).floor() as i64).or_default().push(*value);
    }
    steps.into_iter().filter_map(|(step, values)| mean(&values).map(|mean| (step, mean))).collect()
}

/// Seconds between samples.
fn step_of(points: &[(Time, f64)]) -> f64 {
    let times: BTreeSet<Time> = points.iter().map(|p| p.0).collect();
    let times: Vec<Time> = times.into_iter().collect();
    let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap >= 0.9).collect();
    median(&gaps).unwrap_or(60.0).max(1.0)
}

/// Difference of the two sides on the scale of `value`: in pairs of the same step where both ran, else of their means.
fn difference(case: &Case<'_>, new: &[(Time, f64)], old: &[(Time, f64)], least: f64) -> Option<(f64, f64, f64, Vec<f64>)> {
    let all = [new, old].concat();
    let step = step_of(&all);
    let (a, b) = (by_step(new, step), by_step(old, step));
    if case.sides.basis.is_concurrent() {
        let pairs: Vec<f64> = a.iter().filter_map(|(at, value)| Some(value - b.get(at)?)).collect();
        let (value, error, freedom) = mean_and_error(&pairs, least).filter(|_| pairs.len() >= LEAST_STEPS)?;
        return Some((value, error, freedom, pairs));
    }
    let (news, olds): (Vec<f64>, Vec<f64>) = (a.into_values().collect(), b.into_values().collect());
    let enough = news.len().min(olds.len()) >= LEAST_STEPS;
    let (x, y) = (mean_and_error(&news, least).filter(|_| enough)?, mean_and_error(&olds, least)?);
    let shifted = news.iter().map(|v| v - y.0).collect();
    // Welch's degrees of freedom, at their lower bound.
    Some((x.0 - y.0, x.1.hypot(y.1), x.2.min(y.2), shifted))
}

fn compare(case: &Case<'_>, group: &Group, new: &[(Time, f64)], old: &[(Time, f64)]) -> Option<Check> {
    let says = meaning(group.metric.as_str()).filter(|says| !says.outgoing && !new.is_empty() && !old.is_empty())?;
    let (new, old) = (usable(new), usable(old));
    let metric = group.metric.clone();
    let concurrent = case.sides.basis.is_concurrent();
    let decides = concurrent || !case.has_outcomes(&case.change.service);
    match says.class {
        Class::Errors => {
            let scale = share_scale(&says, &new, &old);
            let flip = |points: &[(Time, f64)]| -> Vec<(Time, f64)> {
                let share = |v: f64| if says.inverted { 1.0 - v / scale.unwrap_or(1.0) } else { v / scale.unwrap_or(1.0) };
                points.iter().map(|(t, v)| (*t, share(*v))).collect()
            };
            let (new, old) = (flip(&new), flip(&old));
            let usual = mean(&old.iter().map(|p| p.1).collect::<Vec<_>>()).unwrap_or(0.0);
            let measured = Measured::MetricFailures { metric, per_second: scale.is_none() };
            let (matters, least) = match scale {
                Some(_) => (SHARE_MATTERS, LEAST_SHARE_SD),
                None if says.inverted => return None,
                None => (RATE_MATTERS.max(usual), RATE_MATTERS),
            };
            let limits = Limits { matters, tolerated: matters };
            let mut check = checked(case, group, measured, (&new, &old), (least, limits), false)?;
            if scale.is_some() {
                bounded(case, &mut check, (&new, &old));
            }
            Some(Check { decides, ..check })
        }
        Class::Latency => {
            let mut check = checked(case, group, Measured::MetricLatency { metric }, (&new, &old), ratio(), true)?;
            let unit = milliseconds_of(group.metric.as_str());
            let most = check.old * unit * (check.effect.high - 1.0);
            if check.outcome == Outcome::CannotTell && most < FELT_MS {
                check.outcome = Outcome::NotWorse;
            }
            if check.outcome == Outcome::Worse && (check.new - check.old) * unit < FELT_MS {
                check.outcome = Outcome::NotWorse;
                check.doubts.push(Doubt::Trifle);
            }
            check.more = check.more.filter(|_| check.outcome == Outcome::CannotTell);
            Some(Check { decides, ..check })
        }
        Class::Cpu | Class::Memory => {
            let full = saturated(&says, &new, &old);
            let measured = if full { Measured::Saturation { metric } } else { Measured::Resource { metric } };
            let mut check = checked(case, group, measured, (&new, &old), ratio(), true)?;
            if full {
                check.outcome = Outcome::Worse;
                check.doubts.clear();
            }
            Some(Check { decides: false, ..check }).filter(|check| check.outcome == Outcome::Worse)
        }
        _ => None,
    }
}

/// Logarithms of ratios: how much they vary at least, and what matters of them.
fn ratio() -> (f64, Limits) {
    (LEAST_LOG_SD, Limits { matters: TOLERATED_RATIO.ln(), tolerated: TOLERATED_RATIO.ln() })
}

/// Shares are bounded, and a share is far from normal where it is often all or nothing: a rise is tested as one of so many steps that
/// failed in part. That stays valid for values between 0 and 1 (the likelihood ratio is convex in them: Hoeffding, JASA 58, 1963).
fn bounded(case: &Case<'_>, check: &mut Check, (new, old): Both<'_>) {
    let step = step_of(&[new, old].concat());
    let share = |points: &[(Time, f64)]| {
        let steps = by_step(points, step);
        Share::new(steps.values().map(|v| v.clamp(0.0, 1.0)).sum(), steps.len() as f64)
    };
    let (a, b) = (share(new), share(old));
    let p = crate::stats::sequential::p_at_most(a, b, 0.0);
    let rise = a.value().unwrap_or(0.0) - b.value().unwrap_or(0.0);
    (check.p, check.adjusted) = (p, p);
    if rise >= SHARE_MATTERS && p < case.terms.alpha {
        (check.outcome, check.more) = (Outcome::Worse, None);
        check.doubts.clear();
    } else if check.outcome == Outcome::Worse {
        check.outcome = Outcome::CannotTell;
    }
    if !check.effect.value.is_finite() {
        check.effect.value = rise;
    }
}

fn usable(points: &[(Time, f64)]) -> Vec<(Time, f64)> {
    points.iter().filter(|p| p.1.is_finite()).copied().collect()
}

/// What makes the values shares from 0 to 1; `None` for rates.
fn share_scale(says: &crate::suspect::metrics::class::Meaning, new: &[(Time, f64)], old: &[(Time, f64)]) -> Option<f64> {
    let largest = new.iter().chain(old).map(|p| p.1).fold(0.0, f64::max);
    match says.share {
        Some(ShareUnit::Percent) => Some(100.0),
        Some(ShareUnit::Ratio) | None if says.inverted || says.share.is_some() => Some(if largest <= 1.0 { 1.0 } else { 100.0 }),
        _ => None,
    }
}

fn milliseconds_of(name: &str) -> f64 {
    let lower = name.to_ascii_lowercase();
    let ends = |unit: &str| lower.ends_with(&format!("_{unit}")) || lower.contains(&format!("({unit})"));
    match () {
        () if lower.contains("seconds") && !lower.contains("milliseconds") || ends("s") => 1_000.0,
        () if ends("us") || lower.contains("micro") => 1e-3,
        () if ends("ns") || lower.contains("nano") => 1e-6,
        () => 1.0,
    }
}

fn checked(
    case: &Case<'_>,
    group: &Group,
    measured: Measured,
    (new, old): Both<'_>,
    (least, limits): (f64, Limits),
    as_ratio: bool,
) -> Option<Check> {
    let on_scale = |points: &[(Time, f64)]| -> Vec<(Time, f64)> {
        if as_ratio { points.iter().filter(|p| p.1 > 0.0).map(|(t, v)| (*t, v.ln())).collect() } else { points.to_vec() }
    };
    let of = |points: &[(Time, f64)]| mean(&points.iter().map(|p| p.1).collect::<Vec<_>>()).unwrap_or(f64::NAN);
    let (mut judged, mut doubts) = (Judged::UNDECIDED, Vec::new());
    match difference(case, &on_scale(new), &on_scale(old), least) {
        Some((value, error, freedom, steps)) => {
            judged = judge::mean(value, error, freedom, limits, case.level());
            judged.p = case.at_any_look(judged.p);
            let half = mean(&steps[steps.len() / 2..]).unwrap_or(value);
            // Cold caches warm up; a fault stays.
            if as_ratio && judged.outcome == Outcome::Worse && half < 0.5 * limits.matters {
                judged.outcome = Outcome::NotWorse;
                doubts.push(Doubt::Settled);
            }
            doubts.extend(judged.trifle.then_some(Doubt::Trifle));
        }
        None => doubts.push(Doubt::Few { least: LEAST_STEPS as f64 }),
    }
    let seen = Seen { old: of(old), new: of(new), old_n: old.len() as f64, new_n: new.len() as f64 };
    let judged = if as_ratio { judged.of_ratio() } else { judged };
    let check = judge::check(&case.change.service, measured, seen, judged, doubts);
    Some(Check { caller: group.caller.clone(), ..check })
}

/// Whether a share of a capacity is nearly all of it now and was not before.
fn saturated(says: &crate::suspect::metrics::class::Meaning, new: &[(Time, f64)], old: &[(Time, f64)]) -> bool {
    let Some(unit) = says.share else { return false };
    let values = |points: &[(Time, f64)]| points.iter().map(|p| p.1).collect::<Vec<f64>>();
    let (new, old) = (values(new), values(old));
    let is_ratio = unit == ShareUnit::Ratio && new.iter().chain(&old).all(|v| *v <= LARGEST_RATIO);
    let scale = if is_ratio { 1.0 } else { 100.0 };
    let (now, was) = (quantile(&new, 0.75), quantile(&old, 0.75));
    now.zip(was).is_some_and(|(now, was)| now / scale >= FULL && was / scale < NOT_FULL)
}

/// Whether the new instances answer at all while their siblings do, by the steps that metrics of inbound requests have.
fn answering(case: &Case<'_>) -> Option<Check> {
    let Basis::Instances { new, old } = &case.sides.basis else { return None };
    let inbound: Vec<(&SeriesKey, &Points)> = groups(case)
        .into_iter()
        .filter(|(group, _)| {
            meaning(group.metric.as_str())
                .is_some_and(|says| !says.outgoing && (group.caller.is_some() || says.class.is_outside()) && says.class.is_outside())
        })
        .flat_map(|(_, series)| series)
        .collect();
    let all: Vec<(Time, f64)> = inbound.iter().flat_map(|(_, points)| points.iter().copied()).collect();
    let step = step_of(&all);
    let present = |of: &InstanceId| -> BTreeSet<i64> {
        let own = inbound.iter().filter(|(key, _)| key.instance.as_ref() == Some(of)).flat_map(|(_, points)| points.iter());
        own.filter(|p| case.windows.after.iter().any(|s| s.contains(p.0))).map(|p| (p.0.seconds() / step).floor() as i64).collect()
    };
    let steps: BTreeSet<i64> = old.iter().flat_map(present).collect();
    let answered: BTreeSet<i64> = new.iter().flat_map(present).collect();
    let siblings: f64 = old.iter().map(|i| present(i).len() as f64).sum();
    let (of, of_siblings) = (steps.len() as f64, (steps.len() * old.len()) as f64);
    let usual = siblings / of_siblings.max(1.0);
    if of < LEAST_STEPS as f64 || usual < SIBLINGS_ANSWER {
        return None;
    }
    let silent = Share::new(of - (answered.len() as f64).min(of), of);
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

/// Gauges with a limit of their own beside them (`pool_active`, `pool_max`), and gauges of what waits.
fn pairs(case: &Case<'_>) -> Vec<Check> {
    let all = groups(case);
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
        let (a, b) = (values(&new), values(&old));
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
        let most = limit.and_then(|(_, series)| median(&values(&sides(case, series).0))).filter(|most| *most > 0.0);
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

fn values(points: &[(Time, f64)]) -> Vec<f64> {
    points.iter().map(|p| p.1).filter(|v| v.is_finite()).collect()
}

fn warning(case: &Case<'_>, measured: Measured, new: &[f64], old: &[f64], scale: f64) -> Check {
    let of = |values: &[f64]| quantile(values, 0.75).unwrap_or(f64::NAN) / scale;
    let seen = Seen { old: of(old), new: of(new), old_n: old.len() as f64, new_n: new.len() as f64 };
    Check { decides: false, ..judge::check(&case.change.service, measured, seen, Judged::WARNED, Vec::new()) }
}
