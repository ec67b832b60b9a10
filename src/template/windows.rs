//! Counts by window in few bytes: what grows with the length of the span must be small.
//!
//! Most windows of most kinds of message hold one or two records, and the next window is near. So a cell is written as the gap to the
//! window before and the count, each in LEB128 (DWARF 5, section 7.6): two bytes mostly, where a pair of numbers takes sixteen. What was
//! counted last is kept open and sorted in when there is enough of it, as a log-structured merge tree does (O'Neil et al., 1996), so that
//! records out of order cost little.

/// Cells kept open at least, and as a share of all.
const OPEN: usize = 8;
const OPEN_SHARE: usize = 8;

/// How often something came, by window.
#[derive(Clone, Debug, Default)]
pub struct WindowCounts {
    /// (gap, count) of each closed cell, by window; the first gap is from window 0.
    packed: Vec<u8>,
    /// Closed cells.
    cells: usize,
    /// The last closed window.
    last: i64,
    /// Open cells, by window; one may be of a window that also has a closed cell.
    open: Vec<(i64, u32)>,
}

impl WindowCounts {
    /// Counts `n` more in a window.
    pub fn add(&mut self, window: i64, n: u32) {
        let count = at_window(&mut self.open, window);
        *count = count.saturating_add(n);
        if self.open.len() > OPEN.max(self.cells / OPEN_SHARE) {
            self.close();
        }
    }

    /// Sorts the open cells in, and gives back what memory they had.
    pub fn settle(&mut self) {
        self.close();
        self.open = Vec::new();
        self.packed.shrink_to_fit();
    }

    fn close(&mut self) {
        let later = self.packed.is_empty() || self.open.first().is_some_and(|(window, _)| *window > self.last);
        if later {
            let mut open = std::mem::take(&mut self.open);
            open.drain(..).for_each(|(window, count)| self.push(window, count));
            self.open = open;
        } else if !self.open.is_empty() {
            *self = self.iter().collect();
        }
    }

    /// Adds a closed cell behind all others.
    fn push(&mut self, window: i64, count: u32) {
        write(&mut self.packed, zigzag(window.wrapping_sub(self.last)));
        write(&mut self.packed, u64::from(count));
        self.last = window;
        self.cells += 1;
    }

    /// (window, count), by window.
    pub fn iter(&self) -> Cells<'_> {
        let mut cells = Cells { packed: &self.packed, last: 0, closed: None, open: &self.open };
        cells.closed = cells.read();
        cells
    }

    /// Adds all counts of `other`.
    pub fn merge(&mut self, other: &WindowCounts) {
        if self.is_empty() {
            *self = other.clone();
        } else if other.cells + other.open.len() <= OPEN {
            other.iter().for_each(|(window, n)| self.add(window, n));
        } else {
            *self = summed(self.iter(), other.iter()).collect();
        }
    }

    /// The same counts with other numbers of windows, which must not change their order.
    pub fn renumbered(&self, number: impl Fn(i64) -> i64) -> WindowCounts {
        let mut out = WindowCounts::default();
        let mut before: Option<(i64, u32)> = None;
        for (window, count) in self.iter() {
            let window = number(window);
            before = match before {
                Some((last, sum)) if last == window => Some((last, sum.saturating_add(count))),
                Some((last, sum)) => {
                    out.push(last, sum);
                    Some((window, count))
                }
                None => Some((window, count)),
            };
        }
        if let Some((last, sum)) = before {
            out.push(last, sum);
        }
        out
    }

    /// Windows with a count, but for some that were counted last.
    pub fn closed(&self) -> usize {
        self.cells
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

impl PartialEq for WindowCounts {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// From cells by window, no window twice.
impl FromIterator<(i64, u32)> for WindowCounts {
    fn from_iter<I: IntoIterator<Item = (i64, u32)>>(cells: I) -> Self {
        let mut out = WindowCounts::default();
        cells.into_iter().for_each(|(window, count)| out.push(window, count));
        out
    }
}

impl<'c> IntoIterator for &'c WindowCounts {
    type Item = (i64, u32);
    type IntoIter = Cells<'c>;

    fn into_iter(self) -> Cells<'c> {
        self.iter()
    }
}

/// The cells of a [`WindowCounts`].
#[derive(Clone, Debug)]
pub struct Cells<'c> {
    packed: &'c [u8],
    last: i64,
    /// The next closed cell.
    closed: Option<(i64, u32)>,
    open: &'c [(i64, u32)],
}

impl Cells<'_> {
    fn read(&mut self) -> Option<(i64, u32)> {
        if self.packed.is_empty() {
            return None;
        }
        let gap = read(&mut self.packed);
        let count = read(&mut self.packed);
        let more = gap >> 1;
        let gap = (more as i64) ^ -((gap & 1) as i64);
        self.last = self.last.wrapping_add(gap);
        Some((self.last, count as u32))
    }
}

impl Iterator for Cells<'_> {
    type Item = (i64, u32);

    fn next(&mut self) -> Option<(i64, u32)> {
        let Some(open) = self.open.first().copied() else {
            let closed = self.closed.take()?;
            self.closed = self.read();
            return Some(closed);
        };
        match self.closed {
            Some(closed) if closed.0 < open.0 => {
                self.closed = self.read();
                Some(closed)
            }
            Some(closed) if closed.0 == open.0 => {
                self.closed = self.read();
                self.open = &self.open[1..];
                Some((open.0, closed.1.saturating_add(open.1)))
            }
            _ => {
                self.open = &self.open[1..];
                Some(open)
            }
        }
    }
}

/// The cells of both, equal windows added up.
fn summed<'c>(a: Cells<'c>, b: Cells<'c>) -> impl Iterator<Item = (i64, u32)> + 'c {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    std::iter::from_fn(move || match (a.peek(), b.peek()) {
        (Some(x), Some(y)) if x.0 == y.0 => {
            let sum = (x.0, x.1.saturating_add(y.1));
            a.next();
            b.next();
            Some(sum)
        }
        (Some(x), Some(y)) if x.0 > y.0 => b.next(),
        (Some(_), _) => a.next(),
        _ => b.next(),
    })
}

/// The cell of a window in a list sorted by window; records mostly come in order, so the end is tried first.
pub(crate) fn at_window<T: Default>(windows: &mut Vec<(i64, T)>, window: i64) -> &mut T {
    let at = match windows.last() {
        Some(last) if last.0 == window => windows.len() - 1,
        Some(last) if last.0 > window => match windows.binary_search_by_key(&window, |w| w.0) {
            Ok(at) => at,
            Err(at) => {
                windows.insert(at, (window, T::default()));
                at
            }
        },
        _ => {
            windows.push((window, T::default()));
            windows.len() - 1
        }
    };
    &mut windows[at].1
}

/// Values by window in windows `ratio` times as long.
pub(crate) fn folded<T>(windows: Vec<(i64, T)>, ratio: i64, merge: impl Fn(&mut T, T)) -> Vec<(i64, T)> {
    let mut out: Vec<(i64, T)> = Vec::new();
    for (window, value) in windows {
        let window = window.div_euclid(ratio);
        match out.last_mut() {
            Some(last) if last.0 == window => merge(&mut last.1, value),
            _ => out.push((window, value)),
        }
    }
    out
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number off the front.
fn read(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            *bytes = &bytes[place + 1..];
            return value;
        }
    }
    *bytes = &[];
    value
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
    fn two_bytes_a_cell() {
        let adds: Vec<(i64, u32)> = (0..10_000).map(|i| (1_700_000_000 + 3 * i, 2)).collect();
        let (mut counts, _) = counted(&adds);
        counts.settle();
        assert!(counts.packed.capacity() <= 20_010, "{}", counts.packed.capacity());
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
