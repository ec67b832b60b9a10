//! Latency quantiles that merge exactly: DDSketch (Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch
//! with relative-error guarantees", VLDB 2019), with whole-number bins so that every order of merging gives the same answer.

use smallvec::SmallVec;

use crate::model::leb128;

/// Relative accuracy of a quantile.
const ACCURACY: f64 = 0.02;

fn log_gamma() -> f64 {
    ((1.0 + ACCURACY) / (1.0 - ACCURACY)).ln()
}

/// The duration that stands for a bin: at most the accuracy away from all of its durations.
fn middle(bin: u16) -> f64 {
    2.0 * (f64::from(bin) * log_gamma()).exp() / (1.0 + log_gamma().exp())
}

/// Counts of durations in logarithmic bins, sorted by bin. Durations in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencySketch {
    /// Most windows of most streams hold one request or two, and there are millions of them: those take no memory of their own.
    bins: SmallVec<[(u16, u32); 2]>,
}

impl LatencySketch {
    /// Adds one duration in microseconds; values below 1 count as 1.
    pub fn add(&mut self, micros: i64) {
        let bin = ((micros.max(1) as f64).ln() / log_gamma()).ceil() as u16;
        self.add_to(bin, 1);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &LatencySketch) {
        for &(bin, count) in &other.bins {
            self.add_to(bin, count);
        }
    }

    fn add_to(&mut self, bin: u16, count: u32) {
        match self.bins.binary_search_by_key(&bin, |b| b.0) {
            Ok(at) => self.bins[at].1 = self.bins[at].1.saturating_add(count),
            Err(at) => self.bins.insert(at, (bin, count)),
        }
    }

    /// Of bins by rising number; others are left out.
    pub fn of_bins(bins: impl IntoIterator<Item = (u16, u32)>) -> LatencySketch {
        let mut bins: SmallVec<[(u16, u32); 2]> = bins.into_iter().collect();
        bins.dedup_by_key(|bin| bin.0);
        bins.retain(|bin| bin.1 > 0);
        LatencySketch { bins }
    }

    /// Writes the bins as cells, each with the distance from the one before.
    pub fn pack(&self, out: &mut Vec<u8>) {
        let mut last = 0;
        for (bin, count) in self.bins() {
            leb128::write_cell(out, i64::from(bin - last), count);
            last = bin;
        }
    }

    /// Takes so many packed bins off the front.
    pub fn unpack(bytes: &mut &[u8], bins: usize) -> LatencySketch {
        let mut last = 0;
        LatencySketch::of_bins((0..bins).map_while(|_| {
            let (distance, count) = leb128::read_cell(bytes)?;
            last += distance as u16;
            Some((last, count))
        }))
    }

    /// The bins by number, with their counts.
    pub fn bins(&self) -> impl ExactSizeIterator<Item = (u16, u32)> {
        self.bins.iter().copied()
    }

    /// The duration in microseconds that stands for a bin.
    pub fn duration_of(bin: u16) -> f64 {
        middle(bin)
    }

    /// Number of durations.
    pub fn count(&self) -> u64 {
        self.bins.iter().map(|b| u64::from(b.1)).sum()
    }

    /// The duration in microseconds below which the share `q` lies; `None` when empty.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let rank = (q.clamp(0.0, 1.0) * (self.count().checked_sub(1)?) as f64).floor() as u64;
        let mut below = 0;
        for &(bin, count) in &self.bins {
            below += u64::from(count);
            if below > rank {
                return Some(middle(bin));
            }
        }
        None
    }

    /// Mean duration in microseconds, to within the accuracy of a bin; `None` when empty.
    pub fn mean(&self) -> Option<f64> {
        let sum: f64 = self.bins.iter().map(|&(bin, count)| middle(bin) * f64::from(count)).sum();
        (!self.bins.is_empty()).then(|| sum / self.count() as f64)
    }

    /// How many durations are longer than `micros`, to within the accuracy of a bin.
    pub fn above(&self, micros: f64) -> u64 {
        let bin = (micros.max(1.0).ln() / log_gamma()).ceil() as u16;
        self.bins.iter().filter(|b| b.0 > bin).map(|b| u64::from(b.1)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_within_two_percent() {
        let mut sketch = LatencySketch::default();
        assert_eq!(sketch.quantile(0.5), None);
        (1..=1000).for_each(|ms| sketch.add(ms * 1000));
        for q in [0.0, 0.5, 0.9, 0.99, 1.0] {
            let exact = 1000.0 * (1.0 + (q * 999.0_f64).floor());
            assert!((sketch.quantile(q).unwrap() / exact - 1.0).abs() <= 0.021, "{q}");
        }
        assert!((sketch.mean().unwrap() / 500_500.0 - 1.0).abs() < 0.02);
        assert!((sketch.above(900_000.0) as i64 - 100).abs() <= 20);
    }

    #[test]
    fn merging_in_any_order_is_the_same() {
        let (mut a, mut b) = (LatencySketch::default(), LatencySketch::default());
        [5, 900, 12_000].iter().for_each(|&d| a.add(d));
        [7, 900, -4].iter().for_each(|&d| b.add(d));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(&b);
        ba.merge(&a);
        assert_eq!(ab, ba);
    }
}
