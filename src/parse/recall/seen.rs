//! What was met lately, and how often, until it is worth learning.

use std::sync::atomic::{AtomicU64, Ordering};

use super::store::Key;

/// Hashes of lines met, each with how often.
const SLOTS: usize = 8192;
/// Bits of a slot that count.
const COUNT: u64 = 3;
/// How often a line must be met to be learnt, which costs as much as reading several.
const ENOUGH: u64 = 3;

/// Counts what is met, by whichever worker; what comes in between two looks of another is lost, and with it one time at most.
#[derive(Debug)]
pub struct Seen(Box<[AtomicU64]>);

impl Default for Seen {
    fn default() -> Seen {
        Seen(std::iter::repeat_with(AtomicU64::default).take(SLOTS).collect())
    }
}

impl Seen {
    /// Whether something was met [`ENOUGH`] times, this time among them, as far as nothing has taken its place.
    pub fn met(&self, key: Key) -> bool {
        let hash = key.tag() & !COUNT;
        let slot = &self.0[(hash >> 32) as usize % SLOTS];
        let before = slot.load(Ordering::Relaxed);
        let times = if before & !COUNT == hash { (before & COUNT) + 1 } else { 1 };
        slot.store(hash | times.min(COUNT), Ordering::Relaxed);
        times >= ENOUGH
    }
}
