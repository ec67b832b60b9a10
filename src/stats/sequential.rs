//! Tests that may be looked at again and again while data comes in.
//!
//! A p-value of fixed horizon that is looked at every minute has several times its nominal rate of false alarms. Shares are therefore
//! tested by e-processes, valid at any time; tests that have no such form spend their level over looks.

use super::special::ln_beta;

/// The prior of a share: Jeffreys', Beta(1/2, 1/2).
const PRIOR: f64 = 0.5;

/// Successes of trials; not whole where they were divided by an over-dispersion.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    pub hits: f64,
    pub of: f64,
}

impl Share {
    /// So many hits of so many trials.
    pub fn new(hits: f64, of: f64) -> Share {
        Share { hits, of }
    }

    /// `None` without trials.
    pub fn value(self) -> Option<f64> {
        (self.of > 0.0).then(|| self.hits / self.of)
    }

    /// As many as `factor` times this, of the same share.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Share {
        Share { hits: self.hits * factor, of: self.of * factor }
    }

    /// ln of the likelihood of `p`.
    fn likelihood(self, p: f64) -> f64 {
        let term = |n: f64, p: f64| if n > 0.0 { n * p.max(1e-300).ln() } else { 0.0 };
        term(self.hits, p) + term(self.of - self.hits, 1.0 - p)
    }

    /// ln of the likelihood averaged over the prior: a test martingale against any fixed p when divided by p's (Robbins, "Statistical
    /// methods related to the law of the iterated logarithm", Ann. Math. Statist. 41, 1970).
    fn mixture(self) -> f64 {
        ln_beta(self.hits + PRIOR, self.of - self.hits + PRIOR) - ln_beta(PRIOR, PRIOR)
    }

    /// The confidence sequence of the share at level `alpha`: it holds at all times at once with probability 1 - alpha.
    pub fn sequence(self, alpha: f64) -> (f64, f64) {
        let limit = self.mixture() + alpha.ln();
        let inside = |p: f64| self.likelihood(p) >= limit;
        let centre = self.value().unwrap_or(0.5);
        (boundary(centre, 0.0, &inside), boundary(centre, 1.0, &inside))
    }
}

/// The last point from `from`, which is inside, towards `to` that is inside.
fn boundary(from: f64, to: f64, inside: &dyn Fn(f64) -> bool) -> f64 {
    if inside(to) {
        return to;
    }
    let (mut within, mut beyond) = (from, to);
    for _ in 0..80 {
        let middle = 0.5 * (within + beyond);
        if inside(middle) { within = middle } else { beyond = middle }
    }
    within
}

/// Always-valid p-value of "the share of `new` is at most that of `old` plus `margin`" (a negative margin: at most that much less).
///
/// The product of both martingales over the largest likelihood that the hypothesis allows is at most their product at the true shares,
/// hence an e-process (universal inference: Wasserman, Ramdas and Balakrishnan, PNAS 117, 2020), and 1/e may be read at any time
/// (Ville's inequality; Johari et al., "Always valid inference", Operations Research 70, 2022).
pub fn p_at_most(new: Share, old: Share, margin: f64) -> f64 {
    p_against(new, old, margin, |a, b| a <= b)
}

/// The same for "the share of `new` is at least that of `old` plus `margin`".
pub fn p_at_least(new: Share, old: Share, margin: f64) -> f64 {
    p_against(new, old, margin, |a, b| a >= b)
}

fn p_against(new: Share, old: Share, margin: f64, allowed: fn(f64, f64) -> bool) -> f64 {
    let (Some(a), Some(b)) = (new.value(), old.value()) else { return 1.0 };
    if allowed(a, b + margin) {
        return 1.0;
    }
    // The best pair that the hypothesis allows lies on its border; the likelihood is concave along it.
    let at = |p: f64| new.likelihood((p + margin).clamp(0.0, 1.0)) + old.likelihood(p);
    let (mut low, mut high) = ((-margin).max(0.0), (1.0 - margin).min(1.0));
    for _ in 0..200 {
        let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if at(a) < at(b) { low = a } else { high = b }
    }
    let best = at(0.5 * (low + high));
    (best - new.mixture() - old.mixture()).exp().min(1.0)
}

/// Values between 0 and 1, such as failing shares of stretches of time whose number of requests is unknown.
///
/// Their mean is tested by betting: whoever stakes the share b of his capital on failure and the rest on success, at the odds of the mean m,
/// gets b·x/m + (1 - b)(1 - x)/(1 - m) times it back for a value x, which is a fair game where m is true, so that capital is an e-process
/// (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86, 2024). Capital is spread over b by
/// Jeffreys' prior (Orabona and Jun, IEEE Trans. Inf. Theory 70, 2024): for values of 0 and 1 alone that is [`Share`]'s mixture, and for
/// values in between it wins sooner, as these vary less than all or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounded {
    /// Each value with how often it came, by value.
    values: Vec<(f64, f64)>,
    sum: Share,
}

/// Stakes among which capital is spread; any number of them is fair.
const STAKES: usize = 48;

impl Bounded {
    /// Of these values, to a thousandth, so that equal ones are counted; what lies outside 0 to 1 is moved to its nearer end.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Bounded {
        let thousandth = |v: f64| (v.clamp(0.0, 1.0) * 1_000.0).round() / 1_000.0;
        let mut ordered: Vec<f64> = values.into_iter().filter(|v| !v.is_nan()).map(thousandth).collect();
        ordered.sort_by(f64::total_cmp);
        let sum = Share::new(ordered.iter().sum(), ordered.len() as f64);
        let values = ordered.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as f64)).collect();
        Bounded { values, sum }
    }

    /// `None` without values.
    pub fn mean(&self) -> Option<f64> {
        self.sum.value()
    }

    /// ln of what the capital has become if bets are paid as for the mean `m`.
    fn capital(&self, m: f64) -> f64 {
        let m = m.clamp(1e-9, 1.0 - 1e-9);
        // Jeffreys' prior is uniform in the angle whose squared sine is b.
        let stake = |i: usize| ((i as f64 + 0.5) / STAKES as f64 * std::f64::consts::FRAC_PI_2).sin().powi(2);
        let won = |b: f64| -> f64 { self.values.iter().map(|(x, n)| n * (b * x / m + (1.0 - b) * (1.0 - x) / (1.0 - m)).ln()).sum() };
        let logs: Vec<f64> = (0..STAKES).map(|i| won(stake(i))).collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + (logs.iter().map(|log| (log - most).exp()).sum::<f64>() / STAKES as f64).ln()
    }

    /// The confidence sequence of the mean at level `alpha`: it holds at all times at once with probability 1 - alpha.
    pub fn sequence(&self, alpha: f64) -> (f64, f64) {
        let Some(centre) = self.mean() else { return (0.0, 1.0) };
        let inside = |m: f64| self.capital(m) <= -alpha.ln();
        (boundary(centre, 0.0, &inside), boundary(centre, 1.0, &inside))
    }
}

/// Always-valid p-value of "the mean of `new` is at most that of `old`".
pub fn p_mean_at_most(new: &Bounded, old: &Bounded) -> f64 {
    let (Some(a), Some(b)) = (new.mean(), old.mean()) else { return 1.0 };
    if a <= b {
        return 1.0;
    }
    // Both means may be the same, somewhere between those that were seen: where both bets together win least.
    let at = |m: f64| new.capital(m) + old.capital(m);
    let (mut low, mut high) = (b, a);
    for _ in 0..30 {
        let (left, right) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if at(left) > at(right) { low = left } else { high = right }
    }
    (-at(0.5 * (low + high))).exp().min(1.0)
}

/// The level that the `look`-th look (from 1) may spend so that all looks together stay below `alpha`: 6/(π²·look²) of it (the spending
/// idea is Lan and DeMets', Biometrika 70, 1983; the series sums to one). Looks count doublings of the observed time, [`look`].
pub fn spent(alpha: f64, look: u32) -> f64 {
    alpha * 6.0 / (std::f64::consts::PI * f64::from(look.max(1))).powi(2)
}

/// Which look it is when `observed` is so many times the shortest time that is looked at.
pub fn look(observed: f64, shortest: f64) -> u32 {
    let doublings = (observed / shortest).max(1.0).log2().floor();
    doublings.min(60.0) as u32 + 1
}

#[cfg(test)]
mod tests {
    use super::super::resample::Random;
    use super::*;

    #[test]
    fn nothing_and_little_decide_nothing() {
        assert_eq!(p_at_most(Share::default(), Share::new(1.0, 10.0), 0.0), 1.0);
        assert_eq!(p_at_most(Share::new(1.0, 10.0), Share::new(1.0, 10.0), 0.0), 1.0);
        assert!(p_at_most(Share::new(2.0, 4.0), Share::new(0.0, 4.0), 0.0) > 0.05);
        assert!(p_at_most(Share::new(200.0, 400.0), Share::new(0.0, 400.0), 0.0) < 1e-20);
        assert!(p_at_least(Share::new(1.0, 20_000.0), Share::new(1.0, 20_000.0), 0.01) < 1e-6);
        assert_eq!(p_at_least(Share::new(5.0, 100.0), Share::new(1.0, 100.0), 0.01), 1.0);
    }

    #[test]
    fn sequences_hold_the_share_and_shrink() {
        let (low, high) = Share::new(10.0, 100.0).sequence(0.05);
        assert!(low < 0.1 && 0.1 < high && low > 0.02 && high < 0.25, "{low} {high}");
        let (narrow, wide) = Share::new(1_000.0, 10_000.0).sequence(0.05);
        assert!(narrow > low && wide < high);
        assert_eq!(Share::default().sequence(0.05), (0.0, 1.0));
    }

    /// Trap: a p-value of fixed horizon looked at again and again.
    #[test]
    fn looking_two_hundred_times_keeps_the_level() {
        let mut random = Random::new(7);
        let (mut always_valid, mut fixed) = (0, 0);
        for _ in 0..300 {
            let mut new = Share::default();
            let old = Share::new((0..2_000).filter(|_| random.next_f64() < 0.05).count() as f64, 2_000.0);
            let (mut alarmed, mut alarmed_fixed) = (false, false);
            for _ in 0..200 {
                new.of += 20.0;
                new.hits += (0..20).filter(|_| random.next_f64() < 0.05).count() as f64;
                alarmed |= p_at_most(new, old, 0.0) < 0.05;
                let pooled = (new.hits + old.hits) / (new.of + old.of);
                let z = (new.hits / new.of - old.hits / old.of) / (pooled * (1.0 - pooled) * (1.0 / new.of + 1.0 / old.of)).sqrt();
                alarmed_fixed |= z > 1.645;
            }
            always_valid += usize::from(alarmed);
            fixed += usize::from(alarmed_fixed);
        }
        assert!(always_valid <= 15, "{always_valid} false alarms in 300 runs");
        assert!(fixed >= 60, "the trap is real: {fixed} of 300 with the two-proportion z");
    }

    #[test]
    fn all_or_nothing_is_a_share_and_values_between_say_more() {
        let bits = |hits: usize, of: usize| Bounded::new((0..of).map(|i| f64::from(u8::from(i < hits))));
        for (new, old) in [((4, 5), (0, 10)), ((7, 8), (0, 9)), ((30, 100), (10, 100))] {
            let as_share = p_at_most(Share::new(new.0 as f64, new.1 as f64), Share::new(old.0 as f64, old.1 as f64), 0.0);
            let betted = p_mean_at_most(&bits(new.0, new.1), &bits(old.0, old.1));
            assert!((betted.ln() - as_share.ln()).abs() < 0.7, "{new:?} {old:?}: {betted} {as_share}");
        }
        let steady = Bounded::new((0..12).map(|i| 0.3 + 0.02 * f64::from(i % 5)));
        let quiet = Bounded::new([0.0; 17]);
        assert!(p_mean_at_most(&steady, &quiet) < 0.01, "{}", p_mean_at_most(&steady, &quiet));
        assert!(p_at_most(Share::new(4.0, 12.0), Share::new(0.0, 17.0), 0.0) > 0.05, "the same sums as all or nothing");
        let (low, high) = steady.sequence(0.05);
        assert!(low > 0.1 && low < 0.33 && high > 0.35 && high < 0.7, "{low} {high}");
        assert_eq!((p_mean_at_most(&quiet, &steady), p_mean_at_most(&Bounded::default(), &quiet)), (1.0, 1.0));
        assert_eq!(Bounded::default().sequence(0.05), (0.0, 1.0));
    }

    #[test]
    fn betting_keeps_the_level_at_every_look() {
        let mut random = Random::new(5);
        let mut alarms = 0;
        for _ in 0..300 {
            // Most stretches are quiet, some fail in part, a few wholly.
            let mut draw = || match random.next_f64() {
                v if v < 0.7 => 0.0,
                v if v < 0.95 => random.next_f64() * 0.4,
                _ => 1.0,
            };
            let old: Vec<f64> = (0..30).map(|_| draw()).collect();
            let new: Vec<f64> = (0..60).map(|_| draw()).collect();
            let old = Bounded::new(old);
            let alarmed = |n: usize| p_mean_at_most(&Bounded::new(new[..n].iter().copied()), &old) < 0.05;
            alarms += usize::from((2..=12).any(|look| alarmed(5 * look)));
        }
        assert!(alarms <= 15, "{alarms} false alarms in 300 runs");
    }

    #[test]
    fn levels_of_all_looks_sum_to_the_level() {
        let all: f64 = (1..100_000).map(|look| spent(0.05, look)).sum();
        assert!(all <= 0.05 && all > 0.0499, "{all}");
        assert_eq!([look(0.0, 60.0), look(60.0, 60.0), look(121.0, 60.0), look(3_600.0, 60.0)], [1, 1, 2, 6]);
    }
}
