//! Metrics: success and latency of instances side by side, or of a service before and after, and what they use.

use std::collections::BTreeMap;

use super::fullness::{self, positive_ln};
use super::judge::{self, Judged, Limits, Seen, TOLERATED_RATIO};
use super::steps::{Grid, Side};
use super::{Case, answering};
use crate::model::verify::{Basis, Check, Doubt, Measured};
use crate::model::{InstanceId, MetricName, Outcome, SeriesKey, ServiceName, Time, TimeSpan};
use crate::signal::class::{Class, Meaning, ShareUnit, meaning};
use crate::stats::mean;
use crate::stats::resample::mean_and_error;
use crate::stats::sequential::{Bounded, Share, p_at_most, p_mean_at_most};

/// Fewer steps than this decide nothing.
pub const LEAST_STEPS: usize = 5;
/// A share of success varies by so much at least: low traffic shows 100 % until its first failure.
const LEAST_SHARE_SD: f64 = 0.01;
/// The same of the logarithm of a latency or a use of resources.
pub const LEAST_LOG_SD: f64 = 0.1;
/// A failing share that rises by less than this is not worse by metrics, which know no number of requests.
const SHARE_MATTERS: f64 = 0.02;
/// A rise of failures a second that matters: so much, and a doubling.
const RATE_MATTERS: f64 = 0.1;
/// Nobody feels less, in milliseconds.
const FELT_MS: f64 = 10.0;

/// Compares the means of metric series.
pub fn check(case: &Case<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    for (group, series) in groups(case, &case.change.service) {
        let (new, old) = sides(case, &series);
        checks.extend(compare(case, &group, (&new, &old)));
    }
    checks.extend(answering::check(case));
    checks.extend(fullness::check(case));
    checks
}

/// What is compared with each other: one metric of one service, seen by one caller.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    pub service: ServiceName,
    pub metric: MetricName,
    pub caller: Option<ServiceName>,
}

type Points = [(Time, f64)];
/// The new and the old side.
type Both<'s> = (&'s Side, &'s Side);

/// The series of a service, but those of its own calls to others.
pub fn groups<'a>(case: &'a Case<'_>, own: &ServiceName) -> BTreeMap<Group, Vec<(&'a SeriesKey, &'a Points)>> {
    let mut all: BTreeMap<Group, Vec<(&SeriesKey, &Points)>> = BTreeMap::new();
    for (key, points) in &case.signals.metrics {
        let inbound = key.edge.as_ref().is_none_or(|(_, callee)| callee == own);
        if key.service == *own && inbound {
            let caller = key.edge.as_ref().map(|(caller, _)| caller.clone());
            let group = Group { service: own.clone(), metric: key.metric.clone(), caller };
            all.entry(group).or_default().push((key, points.as_slice()));
        }
    }
    all
}

/// The samples in any of the spans.
pub fn within(spans: &[TimeSpan], points: &Points) -> impl Iterator<Item = (Time, f64)> {
    points.iter().filter(|p| spans.iter().any(|span| span.contains(p.0))).copied()
}

/// The samples of the new and of the old side.
pub fn sides(case: &Case<'_>, series: &[(&SeriesKey, &Points)]) -> (Side, Side) {
    let (mut new, mut old) = (Side::default(), Side::default());
    for (key, points) in series {
        let after = within(&case.windows.after, points);
        match &case.sides.basis {
            Basis::Instances { new: fresh, old: kept } => {
                let is = |all: &[InstanceId]| key.instance.as_ref().is_some_and(|i| all.contains(i));
                if is(fresh) {
                    new.push(after);
                } else if is(kept) {
                    old.push(after);
                }
            }
            Basis::Versions { .. } => {}
            Basis::BeforeAfter => {
                new.push(after);
                old.push(within(&case.windows.before, points));
            }
        }
    }
    (new, old)
}

/// The samples of all instances in the time before.
pub fn before(case: &Case<'_>, group: &Group) -> Side {
    let mut side = Side::default();
    for (_, points) in groups(case, &group.service).remove(group).unwrap_or_default() {
        side.push(within(&case.windows.before, points));
    }
    side
}

/// Differences of the two sides in the steps in which both ran.
pub fn pairs(new: &Side, old: &Side) -> Vec<f64> {
    let grid = Grid::of(&[new, old]);
    let old = grid.means(old);
    grid.means(new).iter().filter_map(|(at, value)| Some(value - old.get(at)?)).collect()
}

/// Difference of the two sides with its error and degrees of freedom: in pairs of the same step where both ran, else of their means.
fn difference(case: &Case<'_>, (new, old): Both<'_>, least: f64) -> Option<(f64, f64, f64, Vec<f64>)> {
    if case.sides.basis.is_concurrent() {
        let pairs = pairs(new, old);
        let (value, error, freedom) = mean_and_error(&pairs, least).filter(|_| pairs.len() >= LEAST_STEPS)?;
        return Some((value, error, freedom, pairs));
    }
    let grid = Grid::of(&[new, old]);
    let (news, olds): (Vec<f64>, Vec<f64>) = (grid.means(new).into_values().collect(), grid.means(old).into_values().collect());
    let enough = news.len().min(olds.len()) >= LEAST_STEPS;
    let (x, y) = (mean_and_error(&news, least).filter(|_| enough)?, mean_and_error(&olds, least)?);
    let shifted = news.iter().map(|v| v - y.0).collect();
    // Welch's degrees of freedom, at their lower bound.
    Some((x.0 - y.0, x.1.hypot(y.1), x.2.min(y.2), shifted))
}

fn compare(case: &Case<'_>, group: &Group, (new, old): Both<'_>) -> Option<Check> {
    let says = meaning(group.metric.as_str()).filter(|says| !says.outgoing && !new.is_empty() && !old.is_empty())?;
    let decides = case.sides.basis.is_concurrent() || !case.has_outcomes(&case.change.service);
    match says.class {
        Class::Errors => Some(Check { decides, ..failures(case, group, &says, (new, old))? }),
        Class::Latency => Some(Check { decides, ..latency(case, group, (new, old))? }),
        Class::Cpu | Class::Memory => resource(case, group, &says, (new, old)),
        _ => None,
    }
}

/// The share or the rate of failures by a metric.
pub fn failures(case: &Case<'_>, group: &Group, says: &Meaning, (new, old): Both<'_>) -> Option<Check> {
    let scale = share_scale(says, new, old);
    let share = |v: f64| Some(if says.inverted { 1.0 - v / scale.unwrap_or(1.0) } else { v / scale.unwrap_or(1.0) });
    let (new, old) = (new.map(share), old.map(share));
    let usual = mean(&old.values()).unwrap_or(0.0);
    let measured = Measured::MetricFailures { metric: group.metric.clone(), per_second: scale.is_none() };
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
    Some(check)
}

fn latency(case: &Case<'_>, group: &Group, (new, old): Both<'_>) -> Option<Check> {
    let measured = Measured::MetricLatency { metric: group.metric.clone() };
    let mut check = checked(case, group, measured, (new, old), ratio(), true)?;
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
    Some(check)
}

fn resource(case: &Case<'_>, group: &Group, says: &Meaning, (new, old): Both<'_>) -> Option<Check> {
    if let Some(decided) = fullness::capacity(case, group, says, (new, old)) {
        return Some(decided);
    }
    let metric = group.metric.clone();
    let full = fullness::saturated(says, new, old);
    let measured = if full { Measured::Saturation { metric } } else { Measured::Resource { metric } };
    let mut check = checked(case, group, measured, (new, old), ratio(), true)?;
    if full {
        check.outcome = Outcome::Worse;
        check.doubts.clear();
    }
    Some(Check { decides: false, ..check }).filter(|check| check.outcome == Outcome::Worse)
}

/// Logarithms of ratios: how much they vary at least, and what matters of them.
fn ratio() -> (f64, Limits) {
    (LEAST_LOG_SD, Limits { matters: TOLERATED_RATIO.ln(), tolerated: TOLERATED_RATIO.ln() })
}

/// Shares are bounded, and far from normal where they are often all or nothing: a rise is tested as what it is.
///
/// Side by side each step of each instance is a trial, as each sibling is a control of its own; what befalls several in one step is taken
/// for as much as it resembles one event, by the over-dispersion of steps. A trial that failed in part counts in part, which stays valid (the
/// likelihood ratio is convex in it: Hoeffding, JASA 58, 1963). Before and after a step is one value, as all instances share what happens to
/// the service.
fn bounded(case: &Case<'_>, check: &mut Check, (new, old): Both<'_>) {
    let alpha = case.terms.alpha;
    let (p, effect) = if case.sides.basis.is_concurrent() {
        let (a, b) = trials(new, old);
        (p_at_most(a, b, 0.0), judge::difference(a, b, alpha))
    } else {
        let grid = Grid::of(&[new, old]);
        let (a, b) = (Bounded::new(grid.means(new).into_values()), Bounded::new(grid.means(old).into_values()));
        // Steps count alike, however many instances were measured in them; what is shown is what is tested.
        (check.new, check.old) = (a.mean().unwrap_or(f64::NAN), b.mean().unwrap_or(f64::NAN));
        (p_mean_at_most(&a, &b), judge::difference_of_means(&a, &b, alpha))
    };
    (check.p, check.adjusted) = (p, p);
    if effect.value >= SHARE_MATTERS && p < alpha {
        (check.outcome, check.more, check.effect) = (Outcome::Worse, None, effect);
        check.doubts.clear();
    } else if check.outcome == Outcome::Worse {
        check.outcome = Outcome::CannotTell;
    }
    if !check.effect.value.is_finite() {
        check.effect.value = effect.value;
    }
}

fn trials(new: &Side, old: &Side) -> (Share, Share) {
    let grid = Grid::of(&[new, old]);
    let (a, b) = (grid.shares(new), grid.shares(old));
    let phi = judge::over_dispersion(&a).max(judge::over_dispersion(&b));
    (sum(&a).scaled(1.0 / phi), sum(&b).scaled(1.0 / phi))
}

fn sum(shares: &[Share]) -> Share {
    shares.iter().fold(Share::default(), |sum, share| Share::new(sum.hits + share.hits, sum.of + share.of))
}

/// What makes the values shares from 0 to 1; `None` for rates.
fn share_scale(says: &Meaning, new: &Side, old: &Side) -> Option<f64> {
    let largest = new.values().into_iter().chain(old.values()).fold(0.0, f64::max);
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
    let on_scale = |side: &Side| if as_ratio { side.map(positive_ln) } else { side.clone() };
    let (mut judged, mut doubts) = (Judged::UNDECIDED, Vec::new());
    match difference(case, (&on_scale(new), &on_scale(old)), least) {
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
    let seen = Seen { old: old.mean(), new: new.mean(), old_n: old.values().len() as f64, new_n: new.values().len() as f64 };
    let judged = if as_ratio { judged.of_ratio() } else { judged };
    let check = judge::check(&group.service, measured, seen, judged, doubts);
    Some(Check { caller: group.caller.clone(), ..check })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::resample::Random;

    /// Instances of which each fails in part in every step, all alike: now and then something befalls all of them at once.
    fn alike(instances: usize, steps: &[f64], random: &mut Random) -> Side {
        let mut side = Side::default();
        for _ in 0..instances {
            let failed = |share: &f64| (random.next_f64() < *share) as u8;
            let values: Vec<f64> = steps.iter().map(failed).map(f64::from).collect();
            side.push(values.into_iter().enumerate().map(|(i, v)| (Time(i as i64 * 60_000_000), v)));
        }
        side
    }

    /// Trap: what befalls all instances in the same step is one event, not as many as there are siblings.
    #[test]
    fn siblings_that_fail_together_raise_no_false_alarms() {
        let mut random = Random::new(11);
        let (mut alarms, mut seen) = (0, 0);
        for _ in 0..400 {
            let steps: Vec<f64> = (0..12).map(|_| if random.next_f64() < 0.15 { 0.9 } else { 0.02 }).collect();
            let (new, old) = (alike(1, &steps, &mut random), alike(4, &steps, &mut random));
            let (a, b) = trials(&new, &old);
            alarms += usize::from(p_at_most(a, b, 0.0) < 0.05);
            let broken = alike(1, &[0.9; 5], &mut random);
            let (a, b) = trials(&broken, &alike(4, &[0.0; 10], &mut random));
            seen += usize::from(p_at_most(a, b, 0.0) < 0.05);
        }
        assert!(alarms <= 20, "{alarms} false alarms in 400 runs");
        assert!(seen >= 360, "{seen} of 400 seen");
    }
}
