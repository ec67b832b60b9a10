//! Counts by window in few bytes: what grows with the length of the span must be small.
//!
//! Most windows of most kinds of message hold one or two records, and the next window is near. So a cell is written as the distance to the
//! window before and the count ([`leb128::write_cell`]): one byte mostly, where a pair of numbers takes sixteen. What was counted last is
//! kept open; of that the older half is written behind the rest when there is enough of it. What comes later than that waits, and is
//! sorted in as a log-structured merge tree does it (O'Neil et al., 1996), so that records out of order cost little.

use crate::model::leb128;

/// Open cells for each closed one at the most, where records came so late that closing means to write all anew.
const OPEN_SHARE: usize = 8;

/// Bytes by which a list of cells grows at least.
const FEWEST_MORE: usize = 24;

/// What is counted in one window.
pub trait Count: Clone + Default {
    /// Cells kept open at least.
    const OPEN: usize;

    /// The number of what is counted.
    fn count(&self) -> u32;

    /// Writes what is to be known beside it behind what is there.
    fn pack(&self, out: &mut Vec<u8>);

    /// Of that number, and of what is taken off the front.
    fn unpack(count: u32, bytes: &mut &[u8]) -> Self;

    /// Adds what another shard counted in the same window.
    fn absorb(&mut self, other: Self);

    /// Bytes that it takes packed with the gap before it, or a few less.
    fn room(&self) -> usize;

    /// What a cell weighs, in units of the caller's; no less after [`Count::absorb`].
    fn weight(&self) -> usize;
}

/// Of plain counts a cell weighs one.
impl Count for u32 {
    const OPEN: usize = 4;

    fn count(&self) -> u32 {
        *self
    }

    fn pack(&self, _: &mut Vec<u8>) {}

    fn unpack(count: u32, _: &mut &[u8]) -> u32 {
        count
    }

    fn absorb(&mut self, other: u32) {
        *self = self.saturating_add(other);
    }

    fn room(&self) -> usize {
        3
    }

    fn weight(&self) -> usize {
        1
    }
}

/// What was counted, by window.
#[derive(Clone, Debug, Default)]
pub struct Windows<C> {
    /// Each closed cell by window, with the distance from the one before; that of the first is from window 0.
    packed: Vec<u8>,
    /// Closed cells, and what they weigh.
    cells: usize,
    weight: usize,
    /// The last closed window, and where its cell begins.
    last: i64,
    last_at: usize,
    /// Open cells, by window; some may be of a window that also has a closed cell.
    open: Vec<(i64, C)>,
}

/// How often something came, by window.
pub type WindowCounts = Windows<u32>;

impl<C: Count> Windows<C> {
    /// The cell of a window, to count in: it may be new while the window has a closed one, too.
    pub fn at(&mut self, window: i64) -> &mut C {
        if self.open.len() >= C::OPEN {
            self.make_room();
        }
        at_window(&mut self.open, window)
    }

    /// Closes the older half of the open cells; those that came late wait until there are enough of them.
    fn make_room(&mut self) {
        if self.is_in_order() {
            self.push_open(self.open.len() / 2);
        } else if self.open.len() > self.cells / OPEN_SHARE {
            *self = self.iter().collect();
        }
    }

    fn is_in_order(&self) -> bool {
        self.cells == 0 || self.open.first().is_none_or(|(window, _)| *window > self.last)
    }

    /// Whether a window is none of those before the last closed one.
    #[inline]
    pub fn ends_by(&self, window: i64) -> bool {
        self.cells == 0 || window >= self.last
    }

    fn push_open(&mut self, cells: usize) {
        let mut open = std::mem::take(&mut self.open);
        open.drain(..cells).for_each(|(window, cell)| self.push(window, &cell));
        self.open = open;
    }

    /// Sorts the open cells in, and gives back what memory they had.
    pub fn settle(&mut self) {
        if self.is_in_order() {
            self.push_open(self.open.len());
        } else {
            *self = self.iter().collect();
        }
        self.open = Vec::new();
        self.packed.shrink_to_fit();
    }

    /// Adds a closed cell behind all others.
    #[inline]
    fn push(&mut self, window: i64, cell: &C) {
        self.last_at = self.packed.len();
        self.write(window.wrapping_sub(self.last), cell);
        self.last = window;
        self.cells += 1;
    }

    #[inline]
    fn write(&mut self, distance: i64, cell: &C) {
        self.make_way(cell.room());
        leb128::write_cell(&mut self.packed, distance, cell.count());
        cell.pack(&mut self.packed);
        self.weight += cell.weight();
    }

    /// Counts more in the last closed window, in place.
    fn add_to_last(&mut self, more: C) {
        let mut bytes = &self.packed[self.last_at..];
        let Some((distance, count)) = leb128::read_cell(&mut bytes) else { return };
        let mut cell = C::unpack(count, &mut bytes);
        self.weight -= cell.weight();
        cell.absorb(more);
        self.packed.truncate(self.last_at);
        self.write(distance, &cell);
    }

    /// Grows by a quarter where a cell may not fit: there are many such lists, and twice what is needed would stay.
    #[inline]
    fn make_way(&mut self, room: usize) {
        let spare = self.packed.capacity() - self.packed.len();
        if spare < room {
            self.grow(room);
        }
    }

    #[cold]
    fn grow(&mut self, room: usize) {
        self.packed.reserve_exact(room.max(FEWEST_MORE).max(self.packed.len() / 4));
    }

    /// Counts in a window in which nothing is counted any more, mostly the last one.
    pub fn close(&mut self, window: i64, cell: C) {
        if self.cells > 0 && window == self.last {
            self.add_to_last(cell);
        } else if self.open.is_empty() && self.ends_by(window) {
            self.push(window, &cell);
        } else {
            self.at(window).absorb(cell);
        }
    }

    /// (window, count), by window.
    pub fn iter(&self) -> Cells<'_, C> {
        let mut cells = Cells { packed: &self.packed, last: 0, closed: None, open: &self.open };
        cells.closed = cells.read();
        cells
    }

    /// Adds all counts of `other`.
    pub fn merge(&mut self, other: &Windows<C>) {
        if self.is_empty() {
            *self = other.clone();
        } else if other.cells + other.open.len() <= C::OPEN {
            other.iter().for_each(|(window, cell)| self.at(window).absorb(cell));
        } else {
            *self = summed(self.iter(), other.iter()).collect();
        }
    }

    /// The same counts with other numbers of windows, which must not change their order.
    pub fn renumbered(&self, number: impl Fn(i64) -> i64) -> Windows<C> {
        let mut out = Windows::default();
        let mut before: Option<(i64, C)> = None;
        for (window, cell) in self.iter() {
            let window = number(window);
            match &mut before {
                Some((last, sum)) if *last == window => sum.absorb(cell),
                _ => {
                    before.iter().for_each(|(last, sum)| out.push(*last, sum));
                    before = Some((window, cell));
                }
            }
        }
        before.iter().for_each(|(last, sum)| out.push(*last, sum));
        out
    }

    /// What all cells weigh ([`Count::weight`]), but for some that were counted last.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.cells == 0 && self.open.is_empty()
    }

    /// The first window with a count.
    pub fn first(&self) -> Option<i64> {
        self.iter().next().map(|(window, _)| window)
    }

    /// The last window with a count.
    pub fn last(&self) -> Option<i64> {
        let closed = (self.cells > 0).then_some(self.last);
        closed.into_iter().chain(self.open.last().map(|(window, _)| *window)).max()
    }
}

impl WindowCounts {
    /// Counts `n` more in a window.
    pub fn add(&mut self, window: i64, n: u32) {
        self.at(window).absorb(n);
    }

    /// All counts together.
    pub fn sum(&self) -> u64 {
        self.iter().map(|(_, n)| u64::from(n)).sum()
    }

    /// What was counted in the windows `from` to `to`, both included.
    pub fn between(&self, from: i64, to: i64) -> u64 {
        if self.last().is_none_or(|last| last < from) {
            return 0;
        }
        self.iter().skip_while(|(window, _)| *window < from).take_while(|(window, _)| *window <= to).map(|(_, n)| u64::from(n)).sum()
    }
}

impl<C: Count + PartialEq> PartialEq for Windows<C> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// From cells by window, no window twice.
impl<C: Count> FromIterator<(i64, C)> for Windows<C> {
    fn from_iter<I: IntoIterator<Item = (i64, C)>>(cells: I) -> Self {
        let mut out = Windows::default();
        cells.into_iter().for_each(|(window, cell)| out.push(window, &cell));
        out
    }
}

impl<'c, C: Count> IntoIterator for &'c Windows<C> {
    type Item = (i64, C);
    type IntoIter = Cells<'c, C>;

    fn into_iter(self) -> Cells<'c, C> {
        self.iter()
    }
}

/// The cells of [`Windows`].
#[derive(Clone, Debug)]
pub struct Cells<'c, C> {
    packed: &'c [u8],
    last: i64,
    /// The next closed cell.
    closed: Option<(i64, C)>,
    open: &'c [(i64, C)],
}

impl<C: Count> Cells<'_, C> {
    #[inline]
    fn read(&mut self) -> Option<(i64, C)> {
        let (distance, count) = leb128::read_cell(&mut self.packed)?;
        self.last = self.last.wrapping_add(distance);
        Some((self.last, C::unpack(count, &mut self.packed)))
    }

    #[inline]
    fn take_closed(&mut self) -> Option<(i64, C)> {
        let closed = self.closed.take()?;
        self.closed = self.read();
        Some(closed)
    }

    fn next_of_both(&mut self) -> Option<(i64, C)> {
        let (window, counted) = self.open.first()?;
        if self.closed.as_ref().is_some_and(|closed| closed.0 < *window) {
            return self.take_closed();
        }
        self.open = &self.open[1..];
        let mut cell = counted.clone();
        if self.closed.as_ref().is_some_and(|closed| closed.0 == *window) {
            let closed = self.take_closed()?;
            cell.absorb(closed.1);
        }
        Some((*window, cell))
    }
}

impl<C: Count> Iterator for Cells<'_, C> {
    type Item = (i64, C);

    #[inline]
    fn next(&mut self) -> Option<(i64, C)> {
        if self.open.is_empty() { self.take_closed() } else { self.next_of_both() }
    }
}

/// The cells of both, equal windows added up.
fn summed<'c, C: Count>(a: Cells<'c, C>, b: Cells<'c, C>) -> impl Iterator<Item = (i64, C)> + 'c {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    std::iter::from_fn(move || match (a.peek(), b.peek()) {
        (Some(x), Some(y)) if x.0 == y.0 => {
            let (window, mut sum) = a.next()?;
            sum.absorb(b.next()?.1);
            Some((window, sum))
        }
        (Some(x), Some(y)) if x.0 > y.0 => b.next(),
        (Some(_), _) => a.next(),
        _ => b.next(),
    })
}

/// The cell of a window in a list sorted by window; records mostly come in order, so the end is tried first.
fn at_window<T: Default>(windows: &mut Vec<(i64, T)>, window: i64) -> &mut T {
    let place = match windows.last() {
        Some(last) if last.0 == window => Ok(windows.len() - 1),
        Some(last) if last.0 > window => windows.binary_search_by_key(&window, |w| w.0),
        _ => Err(windows.len()),
    };
    let at = place.unwrap_or_else(|at| {
        // Most lists have one such window at most, where a list would begin with room for four.
        if windows.len() == windows.capacity() {
            windows.reserve_exact(1 + windows.len() / 4);
        }
        windows.insert(at, (window, T::default()));
        at
    });
    &mut windows[at].1
}

/// Takes a number off the front of what was packed here, which is whole.
pub(super) fn number(bytes: &mut &[u8]) -> u64 {
    leb128::read(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn counted(adds: &[(i64, u32)]) -> (WindowCounts, BTreeMap<i64, u32>) {
        let (mut counts, mut expected) = (WindowCounts::default(), BTreeMap::new());
        for &(window, n) in adds {
            counts.add(window, n);
            *expected.entry(window).or_insert(0) += n;
        }
        (counts, expected)
    }

    #[test]
    fn one_byte_a_cell() {
        let adds: Vec<(i64, u32)> = (0..10_000).map(|i| (1_700_000_000 + 3 * i, 2)).collect();
        let (mut counts, _) = counted(&adds);
        counts.settle();
        assert!(counts.packed.capacity() <= 10_010, "{}", counts.packed.capacity());
        assert_eq!((counts.first(), counts.last()), (Some(1_700_000_000), Some(1_700_029_997)));
        assert_eq!((counts.sum(), counts.between(1_700_000_001, 1_700_000_006)), (20_000, 4));
    }

    #[test]
    fn the_ends_of_time() {
        let (counts, expected) = counted(&[(i64::MAX, 1), (i64::MIN, 2), (0, u32::MAX)]);
        assert!(counts.iter().eq(expected));
        assert_eq!((counts.first(), counts.last()), (Some(i64::MIN), Some(i64::MAX)));
    }

    proptest! {
        #[test]
        fn like_a_map(adds in proptest::collection::vec((-300i64..300, 1u32..300), 0..200), cut in 0usize..200, ratio in 1i64..9) {
            let (counts, expected) = counted(&adds);
            prop_assert!(counts.iter().eq(expected.clone()));
            let mut closed = WindowCounts::default();
            for (number, (window, n)) in adds.iter().enumerate() {
                if number % 3 == 0 { closed.add(*window, *n) } else { closed.close(*window, *n) }
            }
            prop_assert_eq!(&closed, &counts);
            let (mut merged, _) = counted(&adds[..cut.min(adds.len())]);
            merged.merge(&counted(&adds[cut.min(adds.len())..]).0);
            prop_assert_eq!(&merged, &counts);
            merged.settle();
            prop_assert_eq!(&merged, &counts);
            prop_assert_eq!(merged.last(), expected.keys().last().copied());
            let mut coarse = BTreeMap::new();
            expected.iter().for_each(|(window, n)| *coarse.entry(window.div_euclid(ratio)).or_insert(0) += n);
            prop_assert!(counts.renumbered(|window| window.div_euclid(ratio)).iter().eq(coarse));
        }
    }
}
