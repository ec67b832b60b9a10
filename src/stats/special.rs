//! Special functions that tests need: the logarithm of the gamma function, the incomplete beta function, Student's t.

/// ln Γ(x) for x > 0 (Lanczos, "A precision approximation of the gamma function", SIAM J. Numer. Anal. B 1, 1964; g = 7, nine terms).
pub fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        // Reflection.
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let base = x + 7.5;
    let sum = TERMS.iter().skip(1).enumerate().fold(TERMS[0], |sum, (i, term)| sum + term / (x + i as f64 + 1.0));
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * base.ln() - base + sum.ln()
}

/// ln B(a, b) for a, b > 0.
pub fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// The regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (Press et al., "Numerical recipes", 3rd ed. 2007,
/// section 6.4). 0 and 1 outside of x in 0..1.
pub fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b)).exp();
    if x < (a + 1.0) / (a + b + 2.0) { front * fraction(a, b, x) / a } else { 1.0 - front * fraction(b, a, 1.0 - x) / b }
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for m in 1..10_000 {
        let m = f64::from(m);
        for numerator in
            [m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)), -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))]
        {
            d = 1.0 / away(1.0 + numerator * d);
            c = away(1.0 + numerator / c);
            result *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-12 {
            break;
        }
    }
    result
}

/// P(T > t) of Student's t with `freedom` degrees.
pub fn t_above(t: f64, freedom: f64) -> f64 {
    let tail = 0.5 * incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    if t >= 0.0 { tail } else { 1.0 - tail }
}

/// The t that is exceeded with probability `p` (0 < p < 0.5), by bisection.
pub fn t_quantile(p: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1e6);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if t_above(middle, freedom) > p { low = middle } else { high = middle }
    }
    high
}

/// P(X >= k) of a binomial with `n` trials.
pub fn binomial_at_least(k: u64, n: u64, p: f64) -> f64 {
    match k {
        0 => 1.0,
        k if k > n => 0.0,
        k => incomplete_beta(k as f64, (n - k) as f64 + 1.0, p),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        for (found, expected) in [
            (ln_gamma(1.0), 0.0),
            (ln_gamma(5.0), 24f64.ln()),
            (ln_gamma(0.5), std::f64::consts::PI.sqrt().ln()),
            (incomplete_beta(2.0, 3.0, 0.5), 0.6875),
            (incomplete_beta(1.0, 1.0, 0.3), 0.3),
            (t_above(2.228, 10.0), 0.025),
            (t_quantile(0.025, 10.0), 2.2281),
            (t_quantile(0.05, 1.0), 6.3138),
            (binomial_at_least(8, 10, 0.5), 0.0546875),
            (binomial_at_least(0, 10, 0.5), 1.0),
            (binomial_at_least(11, 10, 0.5), 0.0),
        ] {
            assert!((found - expected).abs() < 2e-4, "{found} is not {expected}");
        }
    }
}
