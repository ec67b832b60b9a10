//! Robust and count statistics on plain slices. Each function names its source; empty and flat input is defined for all.

pub mod multiple;
pub mod resample;
pub mod sequential;
pub mod special;

/// Scale of the median absolute deviation that makes it estimate the standard deviation of normal data, 1/Φ⁻¹(3/4)
/// (Rousseeuw and Croux, "Alternatives to the median absolute deviation", JASA 88, 1993).
pub const MAD_TO_SIGMA: f64 = 1.4826;
/// Interquartile range of the standard normal distribution.
pub const IQR_TO_SIGMA: f64 = 1.349;

/// The finite values, sorted.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Quantile `q` of sorted values, linear between neighbours (Hyndman and Fan, "Sample quantiles in statistical packages",
/// The American Statistician 50, 1996, type 7); `None` when empty.
pub fn quantile_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = q.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = position.ceil() as usize;
    Some(sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64))
}

/// Quantile `q` of values in any order; those that are not finite are left out.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    quantile_sorted(&sorted(values), q)
}

/// The middle value; `None` of no values.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Median absolute deviation from the median, not scaled.
pub fn mad(values: &[f64]) -> Option<f64> {
    let centre = median(values)?;
    median(&values.iter().map(|v| (v - centre).abs()).collect::<Vec<_>>())
}

/// The larger of the scaled interquartile range and the scaled MAD: either may be 0 on data that mostly repeat one value.
pub fn robust_scale(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let iqr = quantile_sorted(&sorted, 0.75)? - quantile_sorted(&sorted, 0.25)?;
    Some((iqr / IQR_TO_SIGMA).max(MAD_TO_SIGMA * mad(&sorted)?))
}

/// Arithmetic mean; `None` when empty.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample variance with Bessel's correction, 0 for a single value; `None` when empty.
pub fn variance(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some(squares / values.len().saturating_sub(1).max(1) as f64)
}

/// Over-dispersion of counts against their binomial or Poisson expectation: Pearson's χ² over its degrees of freedom
/// (McCullagh and Nelder, "Generalized linear models", 2nd ed. 1989, section 4.5.2), at least 1 and at most `most`.
pub fn over_dispersion(observed: &[f64], expected: &[f64], most: f64) -> f64 {
    let pairs: Vec<_> = observed.iter().zip(expected).filter(|(_, e)| **e > 0.0).collect();
    if pairs.len() < 2 {
        return 1.0;
    }
    let chi_square: f64 = pairs.iter().map(|(o, e)| (*o - *e).powi(2) / *e).sum();
    (chi_square / (pairs.len() - 1) as f64).clamp(1.0, most)
}

/// A contiguous stretch of a sequence and the sum of its scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// First index.
    pub start: usize,
    /// One past the last index.
    pub end: usize,
    pub sum: f64,
}

/// The contiguous stretch with the largest positive sum (Kadane's algorithm: Bentley, "Programming pearls: algorithm design
/// techniques", CACM 27, 1984); `None` when no score is positive. With log-likelihood ratios as scores it is the scan statistic for an
/// interval of raised rate.
pub fn best_stretch(scores: &[f64]) -> Option<Stretch> {
    let mut best: Option<Stretch> = None;
    let (mut start, mut sum) = (0, 0.0);
    for (i, score) in scores.iter().enumerate() {
        if sum <= 0.0 {
            (start, sum) = (i, 0.0);
        }
        sum += score;
        if sum > 0.0 && best.is_none_or(|b| sum > b.sum) {
            best = Some(Stretch { start, end: i + 1, sum });
        }
    }
    best
}

/// The stretches of positions that hold, by position; a single one between them that does not is allowed.
pub fn runs(holds: impl IntoIterator<Item = bool>) -> Vec<std::ops::Range<usize>> {
    let mut all: Vec<std::ops::Range<usize>> = Vec::new();
    for (i, _) in holds.into_iter().enumerate().filter(|(_, holds)| *holds) {
        match all.last_mut() {
            Some(run) if i <= run.end + 1 => run.end = i + 1,
            _ => all.push(i..i + 1),
        }
    }
    all
}

/// Kendall's tau-b of values against their order: 1 where they only rise, -1 where they only fall (Kendall, "The treatment of ties in ranking
/// problems", Biometrika 33, 1945; as a test for trend: Mann, Econometrica 13, 1945); `None` for fewer than two or all equal.
pub fn kendall_tau(values: &[f64]) -> Option<f64> {
    let (mut sum, mut untied) = (0.0, 0.0);
    for (i, a) in values.iter().enumerate() {
        for b in &values[i + 1..] {
            sum += f64::from(i8::from(b > a) - i8::from(b < a));
            untied += f64::from(u8::from(a != b));
        }
    }
    let pairs = (values.len() * values.len().saturating_sub(1)) as f64 / 2.0;
    (untied > 0.0).then(|| sum / (untied * pairs).sqrt())
}

/// Quantiles of the standard normal distribution for a one-sided test at 5 % and a power of 80 %, added.
const DETECTED: f64 = 1.644_853_6 + 0.841_621_2;

/// The share of bad ones among `trials` that a one-sided test at 5 % against `before` of `before_trials` finds with a power of 80 %, by
/// the arcsine transformation (Cohen, "Statistical power analysis for the behavioral sciences", 2nd ed. 1988, chapter 6).
pub fn detectable_share(before: f64, before_trials: f64, trials: f64) -> f64 {
    if trials <= 0.0 || before_trials <= 0.0 {
        return 1.0;
    }
    let quiet = (before / before_trials).clamp(0.0, 1.0).sqrt().asin();
    let effect = DETECTED / 2.0 * (1.0 / trials + 1.0 / before_trials).sqrt();
    (quiet + effect).min(std::f64::consts::FRAC_PI_2).sin().powi(2)
}

/// The number of events in an exposure that a one-sided test at 5 % against `before` events in `ratio` times that exposure finds with a power
/// of 80 %, by the square root that makes the variance of Poisson counts 1/4 (Anscombe, "The transformation of Poisson, binomial and
/// negative-binomial data", Biometrika 35, 1948).
pub fn detectable_count(before: f64, ratio: f64) -> f64 {
    if ratio <= 0.0 {
        return f64::INFINITY;
    }
    let expected = before / ratio;
    (expected.sqrt() + DETECTED / 2.0 * (1.0 + 1.0 / ratio).sqrt()).powi(2)
}

/// ln of the largest Bayes factor that a p-value allows, 1 / (-e p ln p) below 1/e and 1 above (Sellke, Bayarri and Berger, "Calibration of p
/// values for testing precise null hypotheses", The American Statistician 55, 2001).
pub fn ln_bayes_bound(p: f64) -> f64 {
    let p = p.max(f64::MIN_POSITIVE);
    if p < (-1f64).exp() { -(1.0 + p.ln() + (-p.ln()).ln()) } else { 0.0 }
}

/// Two-sided Wilson score interval of a proportion (Wilson, "Probable inference", JASA 22, 1927) at `z` standard deviations.
pub fn wilson(successes: f64, trials: f64, z: f64) -> (f64, f64) {
    if trials <= 0.0 {
        return (0.0, 1.0);
    }
    let p = successes / trials;
    let centre = (p + z * z / (2.0 * trials)) / (1.0 + z * z / trials);
    let half = z / (1.0 + z * z / trials) * (p * (1.0 - p) / trials + z * z / (4.0 * trials * trials)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Interval of the difference of two proportions, second minus first, at `z` standard deviations; each is (successes, trials). Newcombe's
/// hybrid score interval ("Interval estimation for the difference between independent proportions: comparison of eleven methods",
/// Statistics in Medicine 17, 1998, method 10): it stays honest where a share is 0 or counts are small.
pub fn difference_of_shares(first: (f64, f64), second: (f64, f64), z: f64) -> (f64, f64) {
    let share = |(successes, trials): (f64, f64)| if trials > 0.0 { successes / trials } else { 0.5 };
    let (p1, p2) = (share(first), share(second));
    let ((l1, u1), (l2, u2)) = (wilson(first.0, first.1, z), wilson(second.0, second.1, z));
    let lower = p2 - p1 - ((p2 - l2).powi(2) + (u1 - p1).powi(2)).sqrt();
    let upper = p2 - p1 + ((u2 - p2).powi(2) + (p1 - l1).powi(2)).sqrt();
    (lower.max(-1.0), upper.min(1.0))
}

/// How many independent values a series is worth: n (1 - r) / (1 + r) with its lag-1 autocorrelation r (Bayley and Hammersley, "The
/// 'effective' number of independent observations in an autocorrelated time series", JRSS suppl. 8, 1946), where r is positive.
pub fn independent_values(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let (Some(mean), true) = (mean(values), values.len() > 2) else { return n };
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    if squares <= 0.0 {
        return n;
    }
    let lagged: f64 = values.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum();
    let r = (lagged / squares).clamp(0.0, 0.99);
    n * (1.0 - r) / (1.0 + r)
}

/// Mean squared difference between forecast probabilities and outcomes (Brier, "Verification of forecasts expressed in terms of
/// probability", Monthly Weather Review 78, 1950, in its two-class form); `None` when empty.
pub fn brier(told: &[(f64, bool)]) -> Option<f64> {
    mean(&told.iter().map(|(p, right)| (p - f64::from(u8::from(*right))).powi(2)).collect::<Vec<_>>())
}

/// Forecasts of about the same probability.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    pub said: usize,
    pub right: usize,
    /// Mean forecast; 0 where there is none.
    pub mean: f64,
}

/// Forecasts in `count` bins of equal width; 1 belongs to the last.
pub fn binned(told: &[(f64, bool)], count: usize) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); count];
    for (p, right) in told {
        let at = ((p.clamp(0.0, 1.0) * count as f64) as usize).min(count.saturating_sub(1));
        if let Some(bin) = bins.get_mut(at) {
            bin.mean = (bin.mean * bin.said as f64 + p) / (bin.said + 1) as f64;
            bin.said += 1;
            bin.right += usize::from(*right);
        }
    }
    bins
}

/// Expected calibration error: the mean distance of forecast and observed share over bins, by their size (Naeini, Cooper and Hauskrecht,
/// "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015); `None` when empty.
pub fn calibration_error(bins: &[Bin]) -> Option<f64> {
    let all: usize = bins.iter().map(|bin| bin.said).sum();
    let off: f64 = bins.iter().map(|bin| (bin.mean * bin.said as f64 - bin.right as f64).abs()).sum();
    (all > 0).then(|| off / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bayes_factors_that_p_values_allow() {
        // Table 1 of the paper: 1/2.456 at 5 %, 1/7.99 at 1 %, 1/53.3 at 0.1 %.
        for (p, expected) in [(0.05, 2.456), (0.01, 7.988), (0.001, 53.26), (0.5, 1.0), (1.0, 1.0)] {
            let found = ln_bayes_bound(p).exp();
            assert!((found - expected).abs() < 0.01 * expected, "{p}: {found}");
        }
        assert!(ln_bayes_bound(0.0).is_finite());
    }

    #[test]
    fn empty_flat_and_not_finite() {
        assert_eq!(median(&[]), None);
        assert_eq!(quantile(&[f64::NAN], 0.5), None);
        assert_eq!(robust_scale(&[3.0, 3.0, 3.0]), Some(0.0));
        assert_eq!(over_dispersion(&[], &[], 20.0), 1.0);
        assert_eq!(best_stretch(&[]), None);
        assert_eq!(best_stretch(&[-1.0, 0.0]), None);
    }

    #[test]
    fn published_quantiles() {
        // Hyndman and Fan's type 7 as computed by R's quantile(c(1,2,3,4,10)).
        let v = [10.0, 2.0, 3.0, 1.0, 4.0];
        assert_eq!(quantile(&v, 0.25), Some(2.0));
        assert!((quantile(&v, 0.9).unwrap() - 7.6).abs() < 1e-12);
        assert_eq!(mad(&v), Some(1.0));
    }

    #[test]
    fn the_best_stretch_is_found_between_losses() {
        let found = best_stretch(&[1.0, -2.0, 3.0, -1.0, 4.0, -9.0, 2.0]).unwrap();
        assert_eq!((found.start, found.end, found.sum), (2, 5, 6.0));
    }

    #[test]
    fn runs_bridge_one_gap_but_not_two() {
        let of = |marks: &str| runs(marks.bytes().map(|b| b == b'x'));
        assert!(of("").is_empty());
        assert!(of("..").is_empty());
        assert_eq!(of(".xx.x..x"), [1..5, 7..8]);
    }

    #[test]
    fn dispersion_of_bursts_exceeds_that_of_a_steady_stream() {
        assert_eq!(over_dispersion(&[2.0, 2.0, 2.0], &[2.0, 2.0, 2.0], 20.0), 1.0);
        assert!(over_dispersion(&[0.0, 12.0, 0.0], &[4.0, 4.0, 4.0], 20.0) > 10.0);
    }

    #[test]
    fn trends_and_ties() {
        assert_eq!(kendall_tau(&[1.0, 2.0, 3.0]), Some(1.0));
        assert_eq!(kendall_tau(&[3.0, 2.0, 1.0]), Some(-1.0));
        assert_eq!((kendall_tau(&[]), kendall_tau(&[2.0, 2.0])), (None, None));
        // R: cor(1:5, c(1, 3, 2, 2, 5), method = "kendall")
        assert!((kendall_tau(&[1.0, 3.0, 2.0, 2.0, 5.0]).unwrap() - 0.5270).abs() < 1e-3);
    }

    #[test]
    fn what_would_have_been_seen() {
        assert_eq!((detectable_share(0.0, 0.0, 10.0), detectable_count(0.0, 0.0)), (1.0, f64::INFINITY));
        // Cohen's h of 0.5: n = 49.5 in each sample (table 6.4.1, one-sided 5 %, power 0.8).
        let share = detectable_share(500.0, 1_000_000.0, 49.5 / 2.0);
        let h = 2.0 * (share.sqrt().asin() - (5e-4_f64).sqrt().asin());
        assert!((h - 0.4997).abs() < 1e-3, "{h}");
        assert!(detectable_share(10.0, 1_000.0, 1_000.0) < detectable_share(10.0, 1_000.0, 100.0));
        let few = detectable_count(0.0, 4.0);
        assert!((1.0..3.0).contains(&few), "{few}");
        assert!(detectable_count(400.0, 4.0) > 110.0);
    }

    #[test]
    fn wilson_of_ten_in_hundred() {
        let (low, high) = wilson(10.0, 100.0, 1.96);
        assert!((low - 0.0552).abs() < 5e-4 && (high - 0.1744).abs() < 5e-4);
    }

    #[test]
    fn forecasts_are_scored_by_what_came_true() {
        assert_eq!((brier(&[]), calibration_error(&binned(&[], 10))), (None, None));
        assert!(binned(&[(0.5, true)], 0).is_empty());
        let told = [(1.0, true), (0.95, false), (0.0, false), (0.1, true)];
        let bins = binned(&told, 10);
        assert_eq!([bins[0].said, bins[1].said, bins[9].said, bins[9].right], [1, 1, 2, 1]);
        assert!((brier(&told).unwrap() - (0.9025 + 0.81) / 4.0).abs() < 1e-12);
        assert!((calibration_error(&bins).unwrap() - (0.9 + 0.95) / 4.0).abs() < 1e-12);
    }

    #[test]
    fn differences_of_shares_are_as_published() {
        // Newcombe 1998, table II, method 10: 56/70 against 48/80, and 10/10 against 0/20, at 95 %.
        let close = |found: (f64, f64), expected: (f64, f64)| (found.0 - expected.0).abs() < 5e-4 && (found.1 - expected.1).abs() < 5e-4;
        assert!(close(difference_of_shares((48.0, 80.0), (56.0, 70.0), 1.959964), (0.0524, 0.3339)));
        assert!(close(difference_of_shares((0.0, 20.0), (10.0, 10.0), 1.959964), (0.6791, 1.0)));
    }

    #[test]
    fn a_series_that_repeats_itself_is_worth_less_than_its_length() {
        let noise: Vec<f64> = (0..100u32).map(|i| f64::from(i * 7919 % 101)).collect();
        assert!(independent_values(&noise) > 60.0, "{}", independent_values(&noise));
        let drift: Vec<f64> = (0..100).map(f64::from).collect();
        assert!(independent_values(&drift) < 5.0);
        assert_eq!(independent_values(&[1.0; 50]), 50.0);
    }
}
