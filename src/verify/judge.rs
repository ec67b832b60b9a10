//! The decision rules of single checks: when a share or a ratio is worse, when it is not, and how much more would decide.

use crate::model::verify::{Check, Doubt, Effect, Measured};
use crate::model::{Outcome, ServiceName};
use crate::stats::sequential::{Bounded, Share, p_at_least, p_at_most};
use crate::stats::special::{t_above, t_quantile};

/// Fewer requests on a side decide nothing: neither how bursty they are nor whether the mix of routes is the usual one can be seen.
pub const LEAST_REQUESTS: f64 = 50.0;
/// A smaller rise of the failing share is a trifle, as a share of requests; …
const SMALLEST_RISE: f64 = 0.002;
/// … and so is one by a smaller factor.
const SMALLEST_FACTOR: f64 = 1.5;
/// A latency or use of resources that rises by less than this factor is not worse.
pub const TOLERATED_RATIO: f64 = 1.5;
/// More traffic than this many times is not worth waiting for.
const MOST_MORE: f64 = 10_000.0;

/// What a test says: outcome and p of "it is no worse", before any correction for other checks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    pub outcome: Outcome,
    pub p: f64,
    pub effect: Effect,
    pub more: Option<f64>,
    pub trifle: bool,
}

impl Judged {
    /// Nothing was tested.
    pub const UNDECIDED: Judged = Judged { outcome: Outcome::CannotTell, p: 1.0, effect: Effect::UNKNOWN, more: None, trifle: false };

    /// Shown without a test: a warning.
    pub const WARNED: Judged = Judged { outcome: Outcome::Worse, p: f64::NAN, effect: Effect::UNKNOWN, more: None, trifle: false };

    /// Of ratios what was judged by their logarithms.
    #[must_use]
    pub fn of_ratio(self) -> Judged {
        Judged { effect: self.effect.exp(), ..self }
    }
}

/// What both sides of a check showed, and of how many observations.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub old: f64,
    pub new: f64,
    pub old_n: f64,
    pub new_n: f64,
}

/// A check that decides, of no particular caller, as it was judged: not yet corrected for the others.
pub fn check(service: &ServiceName, measured: Measured, seen: Seen, judged: Judged, doubts: Vec<Doubt>) -> Check {
    let Seen { old, new, old_n, new_n } = seen;
    let Judged { outcome, p, effect, more, .. } = judged;
    let service = service.clone();
    Check {
        service,
        caller: None,
        measured,
        old,
        new,
        old_n,
        new_n,
        effect,
        p,
        adjusted: p,
        outcome,
        more,
        decides: true,
        doubts,
        origin: None,
    }
}

/// Whether a rise between two shares is one that matters.
fn matters(new: f64, old: f64) -> bool {
    new - old >= SMALLEST_RISE && new >= SMALLEST_FACTOR * old
}

/// Failing shares, already divided by their over-dispersion. `alpha` is the level that this check has, `tolerated` the rise that may be.
pub fn shares(new: Share, old: Share, tolerated: f64, alpha: f64) -> Judged {
    let (a, b) = (new.value().unwrap_or(0.0), old.value().unwrap_or(0.0));
    let p = p_at_most(new, old, 0.0);
    let effect = difference(new, old, alpha);
    let rises = p < alpha;
    let outcome = decided(new, old, tolerated, alpha);
    let more = (outcome == Outcome::CannotTell).then(|| share_needs(new, old, tolerated, alpha)).flatten();
    Judged { outcome, p, effect, more, trifle: rises && !matters(a, b) }
}

fn decided(new: Share, old: Share, tolerated: f64, alpha: f64) -> Outcome {
    let (Some(a), Some(b)) = (new.value(), old.value()) else { return Outcome::CannotTell };
    if matters(a, b) && p_at_most(new, old, 0.0) < alpha {
        return Outcome::Worse;
    }
    if p_at_least(new, old, tolerated) < alpha { Outcome::NotWorse } else { Outcome::CannotTell }
}

/// How many times the new side's requests would decide, at the same shares; the old side stays as it is, unless both run on.
fn share_needs(new: Share, old: Share, tolerated: f64, alpha: f64) -> Option<f64> {
    let mut factor = 1.25;
    while factor < MOST_MORE {
        // The old side grows as well where it can; before and after it cannot, but a longer time after admits a longer time before.
        if decided(new.scaled(factor), old.scaled(factor), tolerated, alpha) != Outcome::CannotTell {
            return Some(factor);
        }
        factor *= 1.25;
    }
    None
}

/// The difference of two shares with bounds from their confidence sequences, each at half the level.
pub fn difference(new: Share, old: Share, alpha: f64) -> Effect {
    let ((new_low, new_high), (old_low, old_high)) = (new.sequence(alpha / 2.0), old.sequence(alpha / 2.0));
    let value = new.value().unwrap_or(0.0) - old.value().unwrap_or(0.0);
    Effect { value, low: new_low - old_high, high: new_high - old_low }
}

/// The same of two means of values between 0 and 1; bounds of a rise only, as they cost time.
pub fn difference_of_means(new: &Bounded, old: &Bounded, alpha: f64) -> Effect {
    let value = new.mean().unwrap_or(0.0) - old.mean().unwrap_or(0.0);
    if value <= 0.0 {
        return Effect { value, ..Effect::UNKNOWN };
    }
    let ((low, high), (old_low, old_high)) = (new.sequence(alpha / 2.0), old.sequence(alpha / 2.0));
    Effect { value, low: low - old_high, high: high - old_low }
}

/// A mean difference (or mean logarithm of a ratio) with its standard error. Worse: above 0 at the level, and at least `matters`; not
/// worse: below `tolerated` at the level.
pub fn mean(value: f64, error: f64, freedom: f64, limits: Limits, alpha: f64) -> Judged {
    let Limits { matters, tolerated } = limits;
    let error = error.max(1e-12);
    let wide = t_quantile(alpha.clamp(1e-9, 0.49), freedom);
    let effect = Effect { value, low: value - wide * error, high: value + wide * error };
    let p = t_above(value / error, freedom);
    let outcome = match () {
        () if value >= matters && effect.low > 0.0 => Outcome::Worse,
        () if effect.high < tolerated => Outcome::NotWorse,
        () => Outcome::CannotTell,
    };
    // The error shrinks with the square root of what is observed.
    let distance = if value >= matters { value } else { tolerated - value };
    let factor = (wide * error / distance).powi(2) * 1.05;
    let more = (outcome == Outcome::CannotTell && distance > 0.0 && factor < MOST_MORE).then_some(factor.max(1.25));
    Judged { outcome, p, effect, more, trifle: effect.low > 0.0 && value < matters }
}

/// From when on a difference matters, and up to where it is tolerated.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub matters: f64,
    pub tolerated: f64,
}

/// Over-dispersion of hits in blocks against a binomial of their common share: Pearson's χ² over its degrees of freedom, at least 1 and at
/// most so large that a block counts as one trial.
pub fn over_dispersion(blocks: &[Share]) -> f64 {
    let busy: Vec<&Share> = blocks.iter().filter(|block| block.of > 0.0).collect();
    let (hits, of) = busy.iter().fold((0.0, 0.0), |(h, n), block| (h + block.hits, n + block.of));
    let p = if of > 0.0 { hits / of } else { 0.0 };
    if busy.len() < 2 || p <= 0.0 || p >= 1.0 {
        return 1.0;
    }
    let chi: f64 = busy.iter().map(|block| (block.hits - block.of * p).powi(2) / (block.of * p * (1.0 - p))).sum();
    (chi / (busy.len() - 1) as f64).clamp(1.0, (of / busy.len() as f64).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(new: (f64, f64), old: (f64, f64)) -> Judged {
        shares(Share::new(new.0, new.1), Share::new(old.0, old.1), 0.01, 0.05)
    }

    #[test]
    fn worse_not_worse_and_not_to_be_told() {
        for (new, old, expected) in [
            ((0.0, 0.0), (0.0, 0.0), Outcome::CannotTell),
            ((3.0, 6.0), (0.0, 6.0), Outcome::CannotTell),
            ((100.0, 600.0), (1.0, 600.0), Outcome::Worse),
            ((1.0, 6_000.0), (1.0, 6_000.0), Outcome::NotWorse),
            ((0.0, 200.0), (0.0, 200.0), Outcome::CannotTell),
            ((0.0, 6_000.0), (600.0, 6_000.0), Outcome::NotWorse),
        ] {
            assert_eq!(judge(new, old).outcome, expected, "{new:?} {old:?}");
        }
    }

    /// Trap: of enough requests any trifle is significant.
    #[test]
    fn a_trifle_is_not_worse_however_many_requests_say_so() {
        let judged = judge((11_000.0, 1e7), (10_000.0, 1e7));
        assert!(judged.p < 0.01 && judged.trifle, "{judged:?}");
        assert_eq!(judged.outcome, Outcome::NotWorse);
    }

    /// Trap: a flat rise of 5 % of the error rate alarms on noise and sleeps through what matters.
    #[test]
    fn no_flat_percentage() {
        let flat = |new: (f64, f64), old: (f64, f64)| new.0 / new.1 > 1.05 * (old.0 / old.1);
        let noise = ((6.0, 2_000.0), (5.0, 2_000.0));
        assert!(flat(noise.0, noise.1));
        assert_ne!(judge(noise.0, noise.1).outcome, Outcome::Worse);
        let first_failures = ((40.0, 2_000.0), (0.0, 2_000.0));
        assert_eq!(judge(first_failures.0, first_failures.1).outcome, Outcome::Worse);
    }

    #[test]
    fn what_more_traffic_would_decide_it_does_decide() {
        let (new, old) = (Share::new(2.0, 300.0), Share::new(1.0, 300.0));
        let more = shares(new, old, 0.01, 0.05).more.unwrap();
        assert!(more > 1.0 && more < 100.0);
        assert_ne!(shares(new.scaled(more), old.scaled(more), 0.01, 0.05).outcome, Outcome::CannotTell);
        assert_eq!(judge((100.0, 600.0), (1.0, 600.0)).more, None);
    }

    /// Trap: failures come in bursts, and requests of one burst are one event.
    #[test]
    fn one_burst_is_not_thirty_failures() {
        let quiet = Share::new(0.0, 100.0);
        let mut blocks = vec![quiet; 30];
        blocks[7] = Share::new(30.0, 100.0);
        let phi = over_dispersion(&blocks);
        assert!(phi > 20.0, "{phi}");
        let judged = shares(Share::new(30.0 / phi, 3_000.0 / phi), Share::new(0.0, 3_000.0), 0.01, 0.05);
        assert_ne!(judged.outcome, Outcome::Worse, "{judged:?}");
        let spread = over_dispersion(&vec![Share::new(1.0, 100.0); 30]);
        assert_eq!(spread, 1.0);
        assert_eq!(judge((30.0, 3_000.0), (0.0, 3_000.0)).outcome, Outcome::Worse);
    }
}
