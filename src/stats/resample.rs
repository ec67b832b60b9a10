//! Resampling of series whose neighbours resemble each other.

use super::{mean, quantile_sorted, sorted};

/// A small generator of random numbers with a fixed start, so that equal input gives equal output (Vigna, "Further scramblings of
/// Marsaglia's xorshift generators", J. Comput. Appl. Math. 315, 2017; splitmix64 as its start).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to a seed, the same on every machine.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number, by SplitMix64 (Steele, Lea and Flood 2014).
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, not including, 1.
    pub fn next_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Below `n`; 0 for n = 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.next_f64() * n as f64) as usize).min(n.saturating_sub(1))
    }
}

/// How long blocks must be that hardly resemble each other: about twice the lag up to which the autocorrelation exceeds the noise of
/// independent values (2/√n: Politis and White, "Automatic block-length selection for the dependent bootstrap", Econometric Reviews 23,
/// 2004), at least 1 and at most a quarter of the series, so that there are blocks to draw from.
pub fn block_length(series: &[f64]) -> usize {
    let n = series.len();
    let Some(centre) = mean(series) else { return 1 };
    let total: f64 = series.iter().map(|v| (v - centre).powi(2)).sum();
    let most = (n / 4).max(1);
    // What is left of a flat series is rounding.
    if total <= 1e-12 * n as f64 * centre * centre {
        return 1;
    }
    let noise = 2.0 / (n as f64).sqrt();
    let correlated = |lag: usize| {
        let shifted = series.iter().zip(&series[lag..]);
        shifted.map(|(a, b)| (a - centre) * (b - centre)).sum::<f64>() / total > noise
    };
    (1..most).find(|lag| !correlated(*lag)).map_or(most, |lag| (2 * lag - 1).min(most))
}

/// Draws `n` positions as whole blocks of `length` neighbours, wrapping round the end so that all positions are drawn equally often (the
/// circular block bootstrap: Künsch, Ann. Statist. 17, 1989; Politis and Romano, 1992).
pub fn draw_blocks(n: usize, length: usize, random: &mut Random) -> Vec<usize> {
    let mut drawn = Vec::with_capacity(n + length);
    while drawn.len() < n {
        let start = random.below(n);
        drawn.extend((0..length.max(1)).map(|i| (start + i) % n));
    }
    drawn.truncate(n);
    drawn
}

/// What resampling says of a statistic: its own value, the bounds between which it lies at level `alpha` on each side, and how often it
/// fell to `none` or below, as a one-sided p-value that is never 0 (Davison and Hinkley, "Bootstrap methods", 1997, section 4.4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resampled {
    pub low: f64,
    pub high: f64,
    pub p: f64,
}

/// Summary of resampled values; `None` when there are none.
pub fn summary(values: &[f64], none: f64, alpha: f64) -> Option<Resampled> {
    let ordered = sorted(values);
    let at_most = ordered.partition_point(|v| *v <= none);
    Some(Resampled {
        low: quantile_sorted(&ordered, alpha)?,
        high: quantile_sorted(&ordered, 1.0 - alpha)?,
        p: (at_most + 1) as f64 / (ordered.len() + 1) as f64,
    })
}

/// Mean, standard error and degrees of freedom of a series whose neighbours resemble each other, by the means of its blocks; each
/// value varies by at least `least` (standard deviation). `None` for fewer than three values.
pub fn mean_and_error(series: &[f64], least: f64) -> Option<(f64, f64, f64)> {
    let centre = mean(series).filter(|_| series.len() >= 3)?;
    let length = block_length(series);
    let blocks: Vec<f64> = series.chunks(length).filter(|block| block.len() == length).filter_map(mean).collect();
    let between = super::variance(&blocks).unwrap_or(0.0) / blocks.len() as f64;
    let floor = least * least / series.len() as f64;
    Some((centre, between.max(floor).sqrt(), (blocks.len() as f64 - 1.0).max(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values each of which resembles the one before.
    pub fn sticky(n: usize, stick: f64, random: &mut Random) -> Vec<f64> {
        let mut value = 0.0;
        (0..n)
            .map(|_| {
                let noise: f64 = (0..12).map(|_| random.next_f64()).sum::<f64>() - 6.0;
                value = stick * value + noise;
                value
            })
            .collect()
    }

    #[test]
    fn blocks_are_longer_where_neighbours_resemble_each_other() {
        let mut random = Random::new(1);
        assert_eq!(block_length(&[]), 1);
        assert_eq!(block_length(&[3.0; 40]), 1);
        let loose = block_length(&sticky(400, 0.0, &mut random));
        let close = block_length(&sticky(400, 0.9, &mut random));
        assert!(loose <= 5 && close >= 8, "{loose} {close}");
    }

    #[test]
    fn drawing_is_fair_and_repeatable() {
        let draw = |seed| draw_blocks(10, 3, &mut Random::new(seed));
        assert_eq!(draw(4), draw(4));
        assert_ne!(draw(4), draw(5));
        let mut counts = [0; 10];
        let mut random = Random::new(9);
        (0..1_000).for_each(|_| draw_blocks(10, 3, &mut random).into_iter().for_each(|i| counts[i] += 1));
        assert!(counts.iter().all(|c| (850..1_150).contains(c)), "{counts:?}");
    }

    /// Trap: minutes that resemble each other are not independent, and a test that takes them for it alarms too often.
    #[test]
    fn errors_of_sticky_series_are_wide_enough() {
        let mut random = Random::new(3);
        let (mut blocked, mut independent) = (0, 0);
        for _ in 0..400 {
            let series = sticky(200, 0.8, &mut random);
            let (mean, error, freedom) = mean_and_error(&series, 0.0).unwrap();
            blocked += usize::from(super::super::special::t_above(mean / error, freedom) < 0.05);
            let naive = (super::super::variance(&series).unwrap() / 200.0).sqrt();
            independent += usize::from(mean / naive > 1.645);
        }
        assert!(blocked <= 44, "{blocked} of 400 at 5 %");
        assert!(independent >= 80, "the trap is real: {independent} of 400");
    }
}
