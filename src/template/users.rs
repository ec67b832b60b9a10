//! How many different users: exact while few, a sketch when many.
//!
//! HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, 2007) with linear counting for small sets; merging is taking the larger
//! register, so the order does not matter. Names are hashed at once and not kept.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// 2^12 registers: a standard error of 1.04/sqrt(4096) = 1.6 %.
const PRECISION: u32 = 12;
/// Number of registers.
pub const REGISTERS: usize = 1 << PRECISION;
/// Up to this many users the set is exact.
const EXACT: usize = 1024;

/// A set of users, by hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserSet {
    /// Sorted hashes.
    Exact(Vec<u64>),
    Sketch(Box<[u8; REGISTERS]>),
}

impl Default for UserSet {
    fn default() -> Self {
        UserSet::Exact(Vec::new())
    }
}

/// A hash that is the same in every process.
pub fn hash(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    spread(hasher.finish())
}

/// The hash of several texts in their order.
pub fn hash_all<'t>(texts: impl IntoIterator<Item = &'t str>) -> u64 {
    texts.into_iter().fold(0, |all, text| spread(all.rotate_left(5) ^ hash(text)))
}

/// FxHash mixes its low bits poorly; the finaliser of SplitMix64 spreads them.
fn spread(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl UserSet {
    /// Counts a user, once.
    pub fn insert(&mut self, user: &str) {
        self.insert_hash(hash(user));
    }

    fn insert_hash(&mut self, hash: u64) {
        match self {
            UserSet::Sketch(registers) => register(registers, hash),
            UserSet::Exact(hashes) => {
                if let Err(at) = hashes.binary_search(&hash) {
                    hashes.insert(at, hash);
                }
                if hashes.len() > EXACT {
                    self.become_sketch();
                }
            }
        }
    }

    fn become_sketch(&mut self) {
        if let UserSet::Exact(hashes) = self {
            let mut registers = Box::new([0; REGISTERS]);
            hashes.iter().for_each(|&h| register(&mut registers, h));
            *self = UserSet::Sketch(registers);
        }
    }

    /// Adds all users of `other`.
    pub fn merge(&mut self, other: &UserSet) {
        match other {
            UserSet::Exact(hashes) => hashes.iter().for_each(|&h| self.insert_hash(h)),
            UserSet::Sketch(theirs) => {
                self.become_sketch();
                if let UserSet::Sketch(ours) = self {
                    ours.iter_mut().zip(theirs.iter()).for_each(|(a, b)| *a = (*a).max(*b));
                }
            }
        }
    }

    /// The number of different users, exact up to 1,024.
    pub fn count(&self) -> u64 {
        match self {
            UserSet::Exact(hashes) => hashes.len() as u64,
            UserSet::Sketch(registers) => estimate(registers),
        }
    }
}

fn register(registers: &mut [u8; REGISTERS], hash: u64) {
    let at = (hash >> (64 - PRECISION)) as usize;
    let rank = ((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() as u8 + 1;
    registers[at] = registers[at].max(rank);
}

fn estimate(registers: &[u8; REGISTERS]) -> u64 {
    let m = REGISTERS as f64;
    let sum: f64 = registers.iter().map(|&r| (-f64::from(r)).exp2()).sum();
    let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
    let empty = registers.iter().filter(|&&r| r == 0).count();
    if raw <= 2.5 * m && empty > 0 { (m * (m / empty as f64).ln()).round() as u64 } else { raw.round() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(range: std::ops::Range<u32>) -> UserSet {
        let mut set = UserSet::default();
        range.for_each(|i| set.insert(&format!("user-{i}")));
        set
    }

    #[test]
    fn exact_when_few_and_close_when_many() {
        assert_eq!(set(0..0).count(), 0);
        assert_eq!(set(0..1024).count(), 1024);
        for n in [2_000, 20_000, 200_000] {
            let error = set(0..n).count() as f64 / f64::from(n) - 1.0;
            assert!(error.abs() < 0.05, "{n}: {error}");
        }
    }

    #[test]
    fn merging_in_any_order_is_the_same() {
        let (small, large) = (set(0..700), set(500..5_000));
        let (mut a, mut b) = (small.clone(), large.clone());
        a.merge(&large);
        b.merge(&small);
        assert_eq!(a, b);
        assert!((a.count() as f64 / 5_000.0 - 1.0).abs() < 0.05);
    }
}
