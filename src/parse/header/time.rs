//! Where in the first part of a line its time stands.

use std::ops::Range;

use crate::model::Time;
use crate::read::bitmaps::{self, BLOCK};

use super::super::timestamp::Clock;

/// How far into a line its time is looked for, in bytes.
const FAR: usize = 160;
/// Places tried at most.
const TRIES: usize = 24;
/// Places that are tried before it is asked how far they may stand, which costs as much as several.
const TRIED_FIRST: usize = if cfg!(test) { 1 } else { 3 };

/// The first date and time in a line's beginning; a time of day or a bare number of seconds only where there is no date. `far` tells behind which
/// place the first of them is of no use, in bytes: it is asked once, and not where a few places are all there are.
pub fn find_time(text: &str, clock: &Clock, far: impl Fn() -> usize) -> Option<(Time, Range<usize>)> {
    let bytes = text.as_bytes();
    let (mut weaker, mut last) = (None, None);
    for (tried, at) in places(text).take(TRIES).enumerate() {
        if weaker.is_none() && tried >= TRIED_FIRST && at > *last.get_or_insert_with(&far) {
            return None;
        }
        if let Some((time, length)) = clock.read_prefix(&text[at..]) {
            let place = at..at + length;
            if is_dated(&bytes[place.clone()]) {
                return Some((time, place));
            }
            weaker = weaker.or(Some((time, place)));
        }
    }
    weaker
}

/// Whether no time begins up to a place in any text that is the same as this one up to `end`; `false` where that is not told.
pub fn has_none(text: &str, place: usize, end: usize) -> bool {
    places(text).take_while(|at| *at <= place).all(|at| Clock::is_no_beginning(&text[at..end]))
}

/// Whether a time with its date stands at the first place at which one may begin, so that no other is asked for.
pub fn is_first(text: &str, place: &Range<usize>) -> bool {
    places(text).next() == Some(place.start) && is_dated(&text.as_bytes()[place.clone()])
}

/// Where in a line's beginning a time may begin.
fn places(text: &str) -> Places<'_> {
    let bytes = text.as_bytes();
    Places { bytes: &bytes[..bytes.len().min(FAR)], next: 0, found: 0, goes_on: false }
}

struct Places<'t> {
    bytes: &'t [u8],
    /// Where the next block begins.
    next: usize,
    /// A bit for each place that is left of the block before, the last of whose bytes is of a word if it goes on.
    found: u64,
    goes_on: bool,
}

impl Iterator for Places<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        loop {
            while self.found == 0 {
                self.see_block()?;
            }
            let at = self.next - BLOCK + self.found.trailing_zeros() as usize;
            self.found &= self.found - 1;
            if MAY_BEGIN[usize::from(*self.bytes.get(at)?)] && begins(self.bytes, at) {
                return Some(at);
            }
        }
    }
}

impl Places<'_> {
    fn see_block(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.next..).filter(|rest| !rest.is_empty())?;
        let (found, words) = beginnings(&rest[..rest.len().min(BLOCK)]);
        let glued = if self.next == 0 { 1 << 1 } else { 0 };
        self.found = found & (!(words << 1 | u64::from(self.goes_on)) | glued);
        self.goes_on = words >> (BLOCK - 1) == 1;
        self.next += BLOCK;
        Some(())
    }
}

/// Of a block or what there is of one: where any time may begin by its first byte, a digit, a capital or `@`; and where letters and digits stand.
fn beginnings(some: &[u8]) -> (u64, u64) {
    let [found, words] = bitmaps::of(&bitmaps::padded::<BLOCK>(some), |bytes| {
        let digits = bitmaps::in_range(bytes, b'0', b'9');
        [digits | bitmaps::in_range(bytes, b'@', b'Z'), digits | bitmaps::letters(bytes)]
    });
    (found, words)
}

/// Whether a time may begin at a place that holds such a byte, by what stands before it.
fn begins(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| bytes[before]);
    match before {
        None => true,
        // glog glues its letter to the date.
        Some(b'I' | b'W' | b'E' | b'F') if at == 1 => bytes[at].is_ascii_digit(),
        Some(b) => !b.is_ascii_alphanumeric() && !matches!(b, b'.' | b'/' | b'_' | b'-' | b':' | b'%' | b'#') && b.is_ascii(),
    }
}

/// Whether a time may begin with a byte: a digit, a capital letter of a day or a month, daemontools' `@`.
const MAY_BEGIN: [bool; 256] = {
    let mut all = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = matches!(byte as u8, b'J' | b'F' | b'M' | b'A' | b'S' | b'O' | b'N' | b'D' | b'T' | b'W' | b'@');
        all[byte] = letter || (byte as u8).is_ascii_digit();
        byte += 1;
    }
    all
};

fn is_dated(written: &[u8]) -> bool {
    let number = written.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let of_day = written.iter().take(3).any(|b| *b == b':');
    !number && !of_day
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// No place is missed, wherever the blocks of a bitmap end.
        #[test]
        fn places_are_those_of_each_byte(text in "[A-Za-z0-9@ .:é=\\[-]{0,200}|([IWEFx]?[0-9]{3}[ ,a]?){0,60}") {
            let bytes = text.as_bytes();
            let near = 0..bytes.len().min(FAR);
            let each: Vec<usize> = near.filter(|at| MAY_BEGIN[usize::from(bytes[*at])] && begins(bytes, *at)).collect();
            proptest::prop_assert_eq!(places(&text).collect::<Vec<_>>(), each);
        }
    }
}
