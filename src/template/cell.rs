//! What became of the requests of one window, and how that is written in few bytes.

use super::sketch::LatencySketch;
use super::windows::{Count, number};
use crate::model::Time;
use crate::model::leb128::{unzigzag, write, zigzag};

/// What a cell weighs in words of 8 bytes, and how many bins of latencies that includes. Not what it takes when it is packed, a tenth of
/// that: a weight decides where windows become longer, and what they are must not depend on how well they are packed.
const WORDS: usize = 9;
const BINS: usize = 2;
/// Bytes of a packed cell with up to that many bins; of what tells of failures; and of a bin, as these are near each other.
const BYTES: usize = 6;
const BYTES_OF_FAILURE: usize = 12;
const BYTES_OF_A_BIN: usize = 2;
/// What follows the requests that ended: failures, refusals; the number of bins is what is above.
const FAILED: u64 = 1;
const REJECTED: u64 = 2;
const FLAGS: u32 = 2;

/// Outcomes of the requests of one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    pub completed: u32,
    pub failed: u32,
    /// Refused as the client's fault: status 4xx.
    pub rejected: u32,
    pub first_failed: Option<Time>,
    pub latency: LatencySketch,
}

impl Cell {
    fn has_failed(&self) -> bool {
        self.failed > 0 || self.first_failed.is_some()
    }
}

impl Count for Cell {
    const OPEN: usize = 4;

    fn count(&self) -> u32 {
        self.completed
    }

    fn pack(&self, out: &mut Vec<u8>) {
        let flags = if self.has_failed() { FAILED } else { 0 } | if self.rejected > 0 { REJECTED } else { 0 };
        write(out, (self.latency.bins().len() as u64) << FLAGS | flags);
        if self.has_failed() {
            write(out, u64::from(self.failed));
            write(out, u64::from(self.first_failed.is_some()));
            self.first_failed.iter().for_each(|time| write(out, zigzag(time.0)));
        }
        if self.rejected > 0 {
            write(out, u64::from(self.rejected));
        }
        self.latency.pack(out);
    }

    fn unpack(completed: u32, bytes: &mut &[u8]) -> Cell {
        let flags = number(bytes);
        let mut cell = Cell { completed, ..Cell::default() };
        if flags & FAILED != 0 {
            cell.failed = number(bytes) as u32;
            cell.first_failed = (number(bytes) != 0).then(|| Time(unzigzag(number(bytes))));
        }
        if flags & REJECTED != 0 {
            cell.rejected = number(bytes) as u32;
        }
        cell.latency = LatencySketch::unpack(bytes, (flags >> FLAGS) as usize);
        cell
    }

    fn absorb(&mut self, other: Cell) {
        self.completed = self.completed.saturating_add(other.completed);
        self.failed = self.failed.saturating_add(other.failed);
        self.rejected = self.rejected.saturating_add(other.rejected);
        self.first_failed = [self.first_failed, other.first_failed].into_iter().flatten().min();
        self.latency.merge(&other.latency);
    }

    fn room(&self) -> usize {
        let failed = if self.has_failed() { BYTES_OF_FAILURE } else { 0 };
        BYTES + failed + self.latency.bins().len().saturating_sub(BINS) * BYTES_OF_A_BIN
    }

    fn weight(&self) -> usize {
        WORDS + Some(self.latency.bins().len()).filter(|bins| *bins > BINS).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell((completed, failed, rejected): (u32, u32, u32), first: Option<i64>, durations: &[i64]) -> Cell {
        let mut cell = Cell { completed, failed, rejected, first_failed: first.map(Time), ..Cell::default() };
        durations.iter().for_each(|d| cell.latency.add(*d));
        cell
    }

    #[test]
    fn a_request_takes_four_bytes_with_its_window() {
        let mut out = Vec::new();
        cell((1, 0, 0), None, &[12_000]).pack(&mut out);
        assert_eq!(out.len(), 3);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            cells in proptest::collection::vec((any::<(u32, u32, u32)>(), any::<Option<i64>>(), proptest::collection::vec(any::<i64>(), 0..5)), 0..9),
        ) {
            let cells: Vec<Cell> = cells.into_iter().map(|(counts, first, durations)| cell(counts, first, &durations)).collect();
            let mut out = Vec::new();
            cells.iter().for_each(|c| c.pack(&mut out));
            let mut left = out.as_slice();
            for cell in cells {
                prop_assert_eq!(Cell::unpack(cell.count(), &mut left), cell);
            }
            prop_assert!(left.is_empty());
        }
    }
}
