//! Tails of the distributions that tests need, by `statrs`. What has no answer is no evidence.

use statrs::distribution::{ContinuousCDF, DiscreteCDF, Poisson, StudentsT};
use statrs::function::beta;

/// ln B(a, b) for a, b > 0; infinite elsewhere.
pub fn ln_beta(a: f64, b: f64) -> f64 {
    beta::checked_ln_beta(a, b).unwrap_or(f64::INFINITY)
}

/// P(T > t) of Student's t with `freedom` degrees.
pub fn t_above(t: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(0.5, |student| student.sf(t))
}

/// The t that is exceeded with probability `p` (0 < p < 0.5).
pub fn t_quantile(p: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |student| -student.inverse_cdf(p))
}

/// P(X >= k) of a binomial with `n` trials, by the incomplete beta function.
pub fn binomial_at_least(k: u64, n: u64, p: f64) -> f64 {
    match k {
        0 => 1.0,
        k if k > n => 0.0,
        k => beta::checked_beta_reg(k as f64, (n - k) as f64 + 1.0, p).unwrap_or(1.0),
    }
}

/// P(X >= k) of a Poisson count with the given mean.
pub fn poisson_at_least(k: u64, mean: f64) -> f64 {
    match k {
        0 => 1.0,
        k => Poisson::new(mean).map_or(0.0, |poisson| poisson.sf(k - 1)),
    }
}

/// P(X >= k) of a negative binomial with the given mean and shape, by the incomplete beta function: a Poisson count whose mean is not known but
/// gamma distributed with that shape.
pub fn negative_binomial_at_least(k: u64, mean: f64, shape: f64) -> f64 {
    match k {
        0 => 1.0,
        _ if mean <= 0.0 => 0.0,
        k => beta::checked_beta_reg(k as f64, shape, mean / (mean + shape)).unwrap_or(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        for (found, expected) in [
            (ln_beta(2.0, 3.0), -12f64.ln()),
            (ln_beta(0.5, 0.5), std::f64::consts::PI.ln()),
            (t_above(2.228, 10.0), 0.025),
            (t_above(-2.228, 10.0), 0.975),
            (poisson_at_least(2, 1.0), 1.0 - 2.0 * (-1f64).exp()),
            (poisson_at_least(1, 0.0), 0.0),
            // Shape 1 is the geometric distribution; a large shape is all but Poisson.
            (negative_binomial_at_least(3, 1.0, 1.0), 0.125),
            (negative_binomial_at_least(2, 1.0, 1e7), 1.0 - 2.0 * (-1f64).exp()),
            (negative_binomial_at_least(1, 0.0, 1.0), 0.0),
            (negative_binomial_at_least(0, 0.0, 1.0), 1.0),
            (t_quantile(0.025, 10.0), 2.2281),
            (t_quantile(0.05, 1.0), 6.3138),
            (binomial_at_least(8, 10, 0.5), 0.0546875),
            // By the normal approximation with its correction for continuity: half a million heads of a million and more than a thousand.
            (binomial_at_least(501_000, 1_000_000, 0.5), 0.022_79),
            (binomial_at_least(0, 10, 0.5), 1.0),
            (binomial_at_least(11, 10, 0.5), 0.0),
        ] {
            assert!((found - expected).abs() < 2e-4, "{found} is not {expected}");
        }
    }
}
