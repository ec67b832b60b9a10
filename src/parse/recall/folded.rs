//! A line without what differs among its like: numbers and identifiers become one byte each, whatever they are and however long.
//!
//! Two lines that fold to the same differ in these parts alone. What masking makes of them is then the same, but for short hexadecimal words.

use super::super::tokens::{HEX_IDENTIFIER, LONG_IDENTIFIER, is_clock_of_date, is_unit};

/// Longest line that is folded, in bytes: longer ones are seldom alike.
const LONGEST: usize = 1024;
/// Bytes looked at together.
const EIGHT: usize = 8;
const ONES: u64 = u64::MAX / 255;
/// Shortest hexadecimal word that is folded: shorter ones have few spellings.
const SHORTEST_HEX: usize = 4;

/// What stands for a part. UTF-8 has no such bytes, so that they are no text.
const DIGITS: u8 = 0xf8;
const HEXADECIMAL: u8 = 0xf9;
const SHORT_HEXADECIMAL: u8 = 0xfa;
const POINTER: u8 = 0xfb;
const LONG: u8 = 0xfc;
/// Stands before the two parts of `12T08`.
const CLOCK: u8 = 0xfd;

/// Which bytes a part may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Digits,
    /// Hexadecimal digits.
    Hex,
    /// Letters and digits.
    Word,
}

impl Kind {
    /// The bytes that may stand in such a part.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Kind::Digits => b"0123456789",
            Kind::Hex => b"0123456789abcdefABCDEF",
            Kind::Word => b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        }
    }

    /// Whether a byte may stand in such a part.
    pub fn has(self, byte: u8) -> bool {
        match self {
            Kind::Digits => byte.is_ascii_digit(),
            Kind::Hex => byte.is_ascii_hexdigit(),
            Kind::Word => byte.is_ascii_alphanumeric(),
        }
    }
}

/// A part of a line that differs among its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    start: u32,
    end: u32,
    pub kind: Kind,
    /// Hexadecimal, and so short that masking leaves it as it is.
    pub short: bool,
}

impl Part {
    /// Where it begins in the line, in bytes; letters and digits stand neither before it nor behind, unless it is digits.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// Where it ends.
    pub fn end(self) -> usize {
        self.end as usize
    }
}

/// A folded line.
#[derive(Debug)]
pub struct Folded {
    /// Room for the longest line; what is behind `length` is of earlier ones.
    folded: Box<[u8]>,
    length: usize,
    parts: Vec<Part>,
    digits: Marks,
    words: Marks,
    hexadecimal: Marks,
}

impl Default for Folded {
    fn default() -> Folded {
        let folded = vec![0; LONGEST + 2 * EIGHT].into();
        Folded { folded, length: 0, parts: Vec::new(), digits: Marks::default(), words: Marks::default(), hexadecimal: Marks::default() }
    }
}

impl Folded {
    /// The line with one byte for each part.
    pub fn key(&self) -> &[u8] {
        &self.folded[..self.length]
    }

    /// What differs among its like.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Folds a line; `false` where it is too long.
    pub fn fold(&mut self, text: &str) -> bool {
        self.length = 0;
        self.parts.clear();
        let bytes = text.as_bytes();
        if bytes.len() > LONGEST {
            return false;
        }
        self.mark(bytes);
        let (mut copied, mut at) = (0, self.digits.next(0));
        while at < bytes.len() {
            let start = self.words.begin(at);
            self.copy(bytes, copied, start);
            let end = self.words.end(at);
            self.word(bytes, start, end);
            copied = end;
            at = self.digits.next(end);
        }
        self.copy(bytes, copied, bytes.len());
        true
    }

    /// Marks what kinds of byte stand where, eight at a time.
    fn mark(&mut self, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks::<EIGHT>();
        for (number, eight) in eights.iter().enumerate() {
            self.mark_eight(number, *eight);
        }
        let mut last = [0; EIGHT];
        last[..rest.len()].copy_from_slice(rest);
        self.mark_eight(eights.len(), last);
        // What is behind a line is no part of it.
        let used = (eights.len() + 1).div_ceil(EIGHT);
        [&mut self.digits, &mut self.words, &mut self.hexadecimal].into_iter().for_each(|marks| marks.0[used] = 0);
    }

    fn mark_eight(&mut self, number: usize, eight: [u8; EIGHT]) {
        let word = u64::from_le_bytes(eight);
        let digits = in_range(word, b'0', b'9');
        let small = word | ONES * 0x20;
        let letters = in_range(small, b'a', b'z');
        self.digits.set(number, digits);
        self.words.set(number, digits | letters);
        self.hexadecimal.set(number, digits | in_range(small, b'a', b'f'));
    }

    /// Appends a part of the line as it is. Eight bytes are written at a time, of which those too many are written over.
    fn copy(&mut self, bytes: &[u8], from: usize, to: usize) {
        let mut at = from;
        while at < to {
            let place = self.length + (at - from);
            match (self.folded.get_mut(place..place + EIGHT), bytes.get(at..at + EIGHT)) {
                (Some(into), Some(eight)) => into.copy_from_slice(eight),
                _ => self.folded[place..place + (to - at)].copy_from_slice(&bytes[at..to]),
            }
            at += EIGHT;
        }
        self.length += to - from;
    }

    fn push(&mut self, byte: u8) {
        self.folded[self.length] = byte;
        self.length += 1;
    }

    fn part(&mut self, code: u8, (start, end): (usize, usize), kind: Kind) {
        self.push(code);
        self.parts.push(Part { start: start as u32, end: end as u32, kind, short: code == SHORT_HEXADECIMAL });
    }

    /// Folds letters and digits that stand together, a digit among them.
    fn word(&mut self, bytes: &[u8], start: usize, end: usize) {
        let (place, length) = ((start, end), end - start);
        if self.digits.end(start) >= end {
            self.part(DIGITS, place, Kind::Digits);
        } else if length >= SHORTEST_HEX && self.hexadecimal.end(start) >= end {
            self.part(if length < HEX_IDENTIFIER { SHORT_HEXADECIMAL } else { HEXADECIMAL }, place, Kind::Hex);
        } else if is_pointer(&bytes[start..end]) {
            self.part(POINTER, place, Kind::Word);
        } else if length >= LONG_IDENTIFIER {
            self.part(LONG, place, Kind::Word);
        } else {
            self.mixed(bytes, start, end);
        }
    }

    /// A word that masking leaves as it is, but for a number before its unit and the clock behind a date.
    fn mixed(&mut self, bytes: &[u8], start: usize, end: usize) {
        let word = &bytes[start..end];
        if is_clock_of_date(word) {
            self.push(CLOCK);
            self.part(DIGITS, (start, start + 2), Kind::Digits);
            self.push(b'T');
            self.part(DIGITS, (start + 3, end), Kind::Digits);
            return;
        }
        let unit = self.digits.end(start);
        if unit > start && !word.starts_with(b"0x") && is_unit(&bytes[unit..end]) {
            self.part(DIGITS, (start, unit), Kind::Digits);
            return self.copy(bytes, unit, end);
        }
        self.copy(bytes, start, end);
    }
}

/// A bit for each byte of a line, and none behind it.
#[derive(Debug)]
struct Marks([u64; LONGEST / 64 + 2]);

impl Default for Marks {
    fn default() -> Marks {
        Marks([0; LONGEST / 64 + 2])
    }
}

impl Marks {
    /// Sets those of the eight bytes from number * 8 on, of which `high` has the high bits set; the first of 64 clears the others.
    fn set(&mut self, number: usize, high: u64) {
        let bits = (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        let block = &mut self.0[number / 8];
        *block = if number % 8 == 0 { bits } else { *block | bits << (number % 8 * 8) };
    }

    /// The first marked place from `at` on; one behind all lines where there is none.
    fn next(&self, at: usize) -> usize {
        self.first(at, 0)
    }

    /// The first place from `at` on that is not marked.
    fn end(&self, at: usize) -> usize {
        self.first(at, u64::MAX)
    }

    fn first(&self, at: usize, flip: u64) -> usize {
        let mut block = at / 64;
        let Some(bits) = self.0.get(block) else { return usize::MAX };
        let mut bits = (bits ^ flip) >> (at % 64);
        if bits != 0 {
            return at + bits.trailing_zeros() as usize;
        }
        loop {
            block += 1;
            bits = match self.0.get(block) {
                Some(bits) => bits ^ flip,
                None => return usize::MAX,
            };
            if bits != 0 {
                return block * 64 + bits.trailing_zeros() as usize;
            }
        }
    }

    /// Where the marks that end at `at` begin.
    fn begin(&self, at: usize) -> usize {
        let mut block = at / 64;
        let mut clear = !self.0[block] & ((1 << (at % 64)) - 1);
        while clear == 0 {
            let Some(before) = block.checked_sub(1) else { return 0 };
            block = before;
            clear = !self.0[block];
        }
        block * 64 + 64 - clear.leading_zeros() as usize
    }
}

/// The high bit of each byte that is in a range of ASCII: adding to seven bits cannot carry into the next byte.
fn in_range(word: u64, from: u8, to: u8) -> u64 {
    let low = word & (ONES * 0x7f);
    let reached = low + ONES * u64::from(0x80 - from);
    let passed = low + ONES * u64::from(0x7f - to);
    reached & !passed & !word & (ONES * 0x80)
}

fn is_pointer(word: &[u8]) -> bool {
    word.strip_prefix(b"0x").is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit))
}
