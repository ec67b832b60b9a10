//! What workers bring at the same time, taken in the order of the parts that they read.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Condvar, Mutex, PoisonError};

use super::ledger::Ledger;

/// Sums the lines of parts. A part is counted before it is read, so that those who wait, wait for what is at work, and not for long (single-pass prefix
/// sums: Merrill and Garland, "Single-pass Parallel Prefix Scan with Decoupled Look-back", 2016).
#[derive(Debug, Default)]
pub struct Turns {
    passed: Mutex<Passed>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Passed {
    parts: usize,
    lines: u64,
    /// The last of them goes on to the end.
    closed: bool,
}

impl Turns {
    /// Lines before a part, once all parts before it have passed; `None`: one of them is the last.
    pub fn pass(&self, part: usize, lines: u64, is_last: bool) -> Option<u64> {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |passed: &mut Passed| passed.parts < part && !passed.closed;
        let mut passed = self.moved.wait_while(passed, waits).unwrap_or_else(PoisonError::into_inner);
        if passed.closed {
            return None;
        }
        let before = passed.lines;
        *passed = Passed { parts: part + 1, lines: before + lines, closed: is_last };
        self.moved.notify_all();
        Some(before)
    }
}

/// What became of a part, or of a whole log.
#[derive(Debug)]
pub struct PartOutcome {
    pub ledger: Ledger,
    /// Why it was not read to its end.
    pub failure: Option<io::Error>,
}

/// What became of the parts so far: as one as far as none is missing.
#[derive(Debug, Default)]
pub struct Outcomes {
    parts: usize,
    joined: Ledger,
    failure: Option<io::Error>,
    /// Of parts behind one that is being read still.
    waiting: BTreeMap<usize, PartOutcome>,
}

impl Outcomes {
    /// Takes that of a part.
    pub fn take(&mut self, part: usize, outcome: PartOutcome) {
        self.waiting.insert(part, outcome);
        while let Some(outcome) = self.waiting.remove(&self.parts) {
            self.parts += 1;
            if self.failure.is_none() {
                self.joined.follow(outcome.ledger);
                self.failure = outcome.failure;
            }
        }
    }

    /// All of them, up to the first that could not be read to its end, and why.
    pub fn joined(self) -> (Ledger, Option<io::Error>) {
        (self.joined, self.failure)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Lets parts pass in threads of their own, the last first, and returns the lines before each.
    fn passed(last: Option<usize>) -> Vec<Option<u64>> {
        let turns = &Turns::default();
        thread::scope(|scope| {
            let pass = |part: usize| move || turns.pass(part, part as u64 + 1, last == Some(part));
            let mut threads: Vec<_> = (0..20).rev().map(|part| scope.spawn(pass(part))).collect();
            threads.reverse();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn lines_before_are_those_of_all_parts_before() {
        let before = |part: u64| Some(part * (part + 1) / 2);
        assert_eq!(passed(None), (0..20).map(before).collect::<Vec<_>>());
        assert_eq!(passed(Some(3)), (0..20).map(|part| before(part).filter(|_| part <= 3)).collect::<Vec<_>>());
    }

    #[test]
    fn outcomes_are_joined_in_their_order_up_to_a_failure() {
        let outcome = |records, fails: bool| {
            let mut ledger = Ledger::default();
            (ledger.records, ledger.lines) = (records, records);
            PartOutcome { ledger, failure: fails.then(|| io::Error::other("torn")) }
        };
        let mut outcomes = Outcomes::default();
        for part in [3, 1, 0, 2, 4] {
            outcomes.take(part, outcome(10_u64.pow(part as u32), part == 3));
        }
        let (ledger, failure) = outcomes.joined();
        assert_eq!((ledger.records, ledger.lines), (1_111, 1_000));
        assert_eq!(failure.unwrap().to_string(), "torn");
    }
}
