//! A line without what differs among its like: numbers and identifiers become one byte each, whatever they are and however long. So do strings
//! that are told to be left out, and numbers of names (`ID47`), where that is told.
//!
//! Two lines that fold to the same differ in these parts alone. What masking makes of them is then the same, but for short hexadecimal words.

use std::ops::Range;

use wide::u8x16;

use crate::read::bitmaps::{self, AT_ONCE, BLOCK};

use super::super::tokens::{HEX_IDENTIFIER, LONG_IDENTIFIER, UUID, class, is_clock_of_date, is_unit, long_number, number_at_end};
use super::super::varying::Kind;
use super::layouts::{HEAD, Head, Layouts, PARTS};
use super::part::Part;

/// Longest line that is folded, in bytes: longer ones are seldom alike.
pub(super) const LONGEST: usize = 1024;
/// Room for the longest line, and for what is read or written too much.
const ROOM: usize = LONGEST + BLOCK;
/// Bytes copied at a time.
const COPIED: usize = 32;
/// More parts than the longest line has, of which each has a byte and one before the next.
const MOST_PARTS: usize = LONGEST;
/// Shortest hexadecimal word that is folded: shorter ones have few spellings.
const SHORTEST_HEX: usize = 4;
/// Parts whose lengths are told at once.
const WITH_LENGTH: usize = 8;
/// Length of the first group of a UUID.
const UUID_BEGINS: usize = 8;
/// Where the dashes of a UUID stand, and a bit for each other byte.
const UUID_DASHES: [usize; 4] = [8, 13, 18, 23];
const UUID_DIGITS: u64 = ((1 << UUID) - 1) & !(1 << 8 | 1 << 13 | 1 << 18 | 1 << 23);

/// What stands for a part. UTF-8 has no such bytes, so that they are no text.
const DIGITS: u8 = 0xf8;
const HEXADECIMAL: u8 = 0xf9;
const SHORT_HEXADECIMAL: u8 = 0xfa;
/// Hexadecimal digits behind `0x`.
const POINTER: u8 = 0xfb;
const LONG: u8 = 0xfc;
/// Stands before the two parts of `12T08`.
const CLOCK: u8 = 0xfd;
/// Of a long number at the end of a word.
const LONG_DIGITS: u8 = 0xfe;
const WHOLE_UUID: u8 = 0xff;
/// The same without capitals: many expressions want such.
const SMALL_HEXADECIMAL: u8 = 0xf5;
const SHORT_SMALL_HEXADECIMAL: u8 = 0xf6;
const SMALL_POINTER: u8 = 0xf7;
const SMALL_UUID: u8 = 0xc0;
/// A string that is left out: its quotes stand around it.
const LEFT_OUT: u8 = 0xc1;
/// Stands behind a line in a block's header; no folded line ends so, or begins.
pub const IN_HEADER: u8 = 0xc1;

/// A folded line.
#[derive(Debug)]
pub struct Folded {
    /// A line, and zeros behind it: no end of it needs care. Of lines that are not read where they stand.
    line: Box<[u8; ROOM]>,
    /// What is behind `length` is of earlier lines.
    folded: Box<[u8; ROOM]>,
    length: usize,
    /// Before the first stands one that ends where the line begins; behind the last are those of earlier lines.
    parts: Box<[Part; MOST_PARTS]>,
    /// The last of them, none if it is the first.
    last: usize,
    layouts: Layouts,
}

impl Default for Folded {
    fn default() -> Folded {
        let (line, folded) = (Box::new([0; ROOM]), Box::new([0; ROOM]));
        let parts = Box::new([Part::BEFORE_ALL; MOST_PARTS]);
        Folded { line, folded, length: 0, parts, last: 0, layouts: Layouts::default() }
    }
}

impl Folded {
    /// The line with one byte for each part.
    pub fn key(&self) -> &[u8] {
        &self.folded[..self.length]
    }

    /// What differs among its like.
    pub fn parts(&self) -> &[Part] {
        &self.parts[1..=self.last]
    }

    /// The parts that share bytes with a range of the line.
    pub fn parts_in(&self, range: Range<usize>) -> impl Iterator<Item = &Part> {
        self.parts().iter().filter(move |part| part.start() < range.end && part.end() > range.start)
    }

    /// How long the first parts are, in bytes: a byte each, none longer than [`u8::MAX`].
    #[inline]
    pub fn lengths(&self) -> u64 {
        let parts = self.parts[1..=WITH_LENGTH].iter().take(self.last);
        parts.rev().fold(0, |lengths, part| lengths << 8 | (part.end() - part.start()).min(u8::MAX.into()) as u64)
    }

    /// A part by its number.
    #[inline]
    pub fn part(&self, number: u16) -> Part {
        self.parts[(usize::from(number) + 1) % MOST_PARTS]
    }

    /// Where the last of so many parts ends: where the line begins, if there is none.
    #[inline]
    pub fn end_of(&self, parts: u16) -> usize {
        self.parts[usize::from(parts) % MOST_PARTS].end()
    }

    /// Tells the line apart from the same one elsewhere. `place` is neither a byte of UTF-8 nor stands for a part.
    pub fn mark(&mut self, place: u8) {
        self.folded[self.length % ROOM] = place;
        self.length += 1;
    }

    /// Whether a line is not too long to be folded.
    pub fn takes(text: &str) -> bool {
        text.len() <= LONGEST
    }

    /// Folds a line that is not too long. `block`: what it stands in, from its beginning on, if that is more than the line. `left_out`: the insides of
    /// strings without quotes, backslashes and control characters, in their order; `without_numbers`: names are the same whatever number they end with.
    #[inline]
    pub fn fold(&mut self, text: &str, block: &[u8], left_out: &[Range<usize>], without_numbers: bool) {
        let end = text.len().min(LONGEST);
        let line = match where_it_stands(end, block) {
            Some(line) => line,
            None => {
                self.line[..end].copy_from_slice(&text.as_bytes()[..end]);
                self.line[end..][..BLOCK].fill(0);
                &*self.line
            }
        };
        let (folded, parts) = (&mut *self.folded, &mut *self.parts);
        let mut into = Into { line, folded, length: 0, parts, last: 0, done: 0, without_numbers, layouts: &mut self.layouts };
        let mut base = 0;
        for string in left_out {
            into.all(base..string.start);
            into.part(LEFT_OUT, (string.start, string.end), Kind::Text);
            base = string.end;
        }
        into.all(base..end);
        into.copy(end);
        (self.length, self.last) = (into.length, into.last);
    }
}

/// A line where it stands in a block, if all that is read behind it is in the block too. What ends it is of no word and no UUID, as a zero is; copying it
/// first would have the processor wait for what was just written.
#[inline]
fn where_it_stands(end: usize, block: &[u8]) -> Option<&[u8; ROOM]> {
    block.first_chunk().filter(|block| matches!(block[end], b'\n' | b'\r'))
}

/// Where a line is folded to.
struct Into<'i> {
    line: &'i [u8; ROOM],
    folded: &'i mut [u8; ROOM],
    length: usize,
    parts: &'i mut [Part; MOST_PARTS],
    last: usize,
    /// What stands before it is folded.
    done: usize,
    /// The numbers that names end with are parts.
    without_numbers: bool,
    layouts: &'i mut Layouts,
}

impl Into<'_> {
    /// Folds the words of a range that cuts none.
    #[inline]
    fn all(&mut self, range: Range<usize>) {
        let mut base = range.start;
        let mut marks = self.marks(base);
        let mut begun = if base == 0 && range.end >= HEAD { self.head(&marks) } else { 0 };
        loop {
            base = self.block(&marks, base, (begun, range.end));
            if base >= range.end {
                return;
            }
            (marks, begun) = (self.marks(base), 0);
        }
    }

    #[inline(always)]
    fn marks(&self, base: usize) -> Marks {
        Marks::of(&self.line[from_place(base, BLOCK)])
    }

    /// Folds the words of a block, which begins where no word goes on, from those on that are folded already up to `end`; returns where the next
    /// block does: at a word that the block cuts.
    #[inline(always)]
    fn block(&mut self, marks: &Marks, base: usize, (begun, end): (usize, usize)) -> usize {
        if marks.words == u64::MAX {
            return self.long_word(base);
        }
        let cut = BLOCK - marks.words.leading_ones() as usize;
        self.words(marks, base, (begun, cut.min(end - base)))
    }

    /// Folds the words that a line begins with, where that is worth it, and returns where they end.
    #[inline(always)]
    fn head(&mut self, marks: &Marks) -> usize {
        let head = self.line.first_chunk().and_then(|bytes| Head::of(bytes, marks.digits, marks.words));
        let Some(head) = head else { return 0 };
        let Some(layout) = self.layouts.find(&head) else { return self.other_head(&head, marks) };
        let (folded, length) = layout.folded();
        self.folded[..HEAD].copy_from_slice(folded);
        let (parts, last) = layout.parts();
        self.parts[1..=PARTS].copy_from_slice(parts);
        (self.length, self.last, self.done) = (length, last, parts[(last - 1) % PARTS].end());
        head.cut
    }

    /// The same of one that is not like an earlier one.
    #[inline(never)]
    fn other_head(&mut self, head: &Head<'_>, marks: &Marks) -> usize {
        if !self.layouts.is_worth(head) {
            return 0;
        }
        self.words(marks, 0, (0, head.cut));
        let parts = &self.parts[1..=self.last];
        // What is folded behind it is a UUID.
        if self.done <= head.cut && parts.iter().all(|part| self.is_number_by_its_length(*part)) {
            self.layouts.put(head, parts, &self.folded[..self.length]);
        }
        head.cut.max(self.done)
    }

    /// Whether a part is one whatever its digits are, if all else is the same: a number, one before its unit, or of `12T08`. Not so the `0` of
    /// `0x`, and what a UUID may begin with.
    fn is_number_by_its_length(&self, part: Part) -> bool {
        let before = part.start().checked_sub(1).map(|at| self.line[at]);
        let (begins_word, is_clock) = (before.is_none_or(|byte| class(byte) == 0), before == Some(b'T'));
        let length = part.end() - part.start();
        part.kind == Kind::Digits
            && !part.short
            && (begins_word || (is_clock && length == 2))
            && length != UUID_BEGINS
            && self.line[part.end()] != b'x'
    }

    /// Folds the words of a block from one that begins there up to where it is cut, one after the other.
    #[inline(always)]
    fn words(&mut self, marks: &Marks, base: usize, (from, cut): (usize, usize)) -> usize {
        // Nothing is left where the block is cut where it begins.
        let within = u64::MAX.checked_shr((BLOCK - cut) as u32).unwrap_or(0) & from_bit(from);
        let mut runs = Runs::of(marks, within);
        while let Some(digit) = self.numbers(base, &runs) {
            let first = BLOCK - (!marks.words & !from_bit(digit)).leading_zeros() as usize;
            let behind = digit + (marks.words >> digit).trailing_ones() as usize;
            runs.pass(self.word(base + first, base + behind) - base);
        }
        (base + cut).max(self.done)
    }

    /// Folds numbers up to the first word that is none, or may begin a UUID; returns where a digit of that stands in the block. What is written
    /// stays in registers meanwhile.
    #[inline(always)]
    fn numbers(&mut self, base: usize, runs: &Runs) -> Option<usize> {
        let (line, folded, parts) = (self.line, &mut *self.folded, &mut *self.parts);
        let (mut length, mut last, mut done) = (self.length, self.last, self.done);
        // Where no word is mixed, all bits.
        let before = runs.mixed.wrapping_sub(1) & !runs.mixed;
        // A mixed word that begins with digits is among those that begin, and its end is not.
        let (mut begin, mut ends) = (runs.begin, runs.end & before);
        while ends != 0 {
            let (first, behind) = (begin.trailing_zeros() as usize, ends.trailing_zeros() as usize);
            let (start, end) = (base + first, base + behind);
            if behind - first == UUID_BEGINS && line[end % LONGEST] == b'-' {
                (self.length, self.last, self.done) = (length, last, done);
                return Some(first);
            }
            begin &= begin - 1;
            ends &= ends - 1;
            let (mut from, mut to) = (done, length);
            length += start - done;
            loop {
                folded[from_place(to, COPIED)].copy_from_slice(&line[from_place(from, COPIED)]);
                (from, to) = (from + COPIED, to + COPIED);
                if from >= start {
                    break;
                }
            }
            folded[length % LONGEST] = DIGITS;
            (length, last, done) = (length + 1, last + 1, end);
            parts[last % MOST_PARTS] = Part::new((start, end), Kind::Digits);
        }
        (self.length, self.last, self.done) = (length, last, done);
        (runs.mixed != 0).then_some(runs.mixed.trailing_zeros() as usize)
    }

    /// Folds a word that fills a block.
    #[cold]
    fn long_word(&mut self, start: usize) -> usize {
        let end = start + self.line[start..].iter().take_while(|byte| class(**byte) != 0).count();
        if self.line[start..end].iter().any(u8::is_ascii_digit) { self.word(start, end) } else { end }
    }

    /// Folds a word with a digit, which may be the first of a UUID; returns where that ends.
    #[inline(never)]
    fn word(&mut self, start: usize, end: usize) -> usize {
        if end - start == UUID_BEGINS
            && let Some(has_capitals) = self.uuid(start)
        {
            let (code, kind) = if has_capitals { (WHOLE_UUID, Kind::Uuid) } else { (SMALL_UUID, Kind::SmallUuid) };
            self.part(code, (start, start + UUID), kind);
            return start + UUID;
        }
        match self.hexadecimal(start..end) {
            Some(Letters { any: false, .. }) => self.part(DIGITS, (start, end), Kind::Digits),
            Some(letters) if end - start >= SHORTEST_HEX => {
                let is_short = end - start < HEX_IDENTIFIER;
                let [code, small] = if is_short { [SHORT_HEXADECIMAL, SHORT_SMALL_HEXADECIMAL] } else { [HEXADECIMAL, SMALL_HEXADECIMAL] };
                self.hexadecimal_part((start, end), [code, small], letters);
            }
            _ => self.other_word(start, end),
        }
        end
    }

    /// Where a UUID begins at a place, whether it has capitals.
    fn uuid(&self, start: usize) -> Option<bool> {
        let some = &self.line[from_place(start, BLOCK)];
        if UUID_DASHES.iter().any(|at| some[*at] != b'-') || class(some[UUID]) != 0 {
            return None;
        }
        let [digits, _, capitals] = bitmaps::of(some, hexadecimal);
        let inside = !from_bit(UUID);
        (digits & inside == UUID_DIGITS).then_some(capitals & inside != 0)
    }

    /// Where a range has hexadecimal digits only, which letters are among them.
    #[inline]
    fn hexadecimal(&self, range: Range<usize>) -> Option<Letters> {
        let mut letters = Letters::default();
        for at in range.clone().step_by(AT_ONCE) {
            let [digits, decimal, capitals] = bitmaps::of(&self.line[from_place(at, AT_ONCE)], hexadecimal);
            let inside = !from_bit(range.end - at) & !from_bit(AT_ONCE);
            if digits & inside != inside {
                return None;
            }
            letters.any |= decimal & inside != inside;
            letters.capitals |= capitals & inside != 0;
        }
        Some(letters)
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        // A part has one byte at least, so that a folded line is no longer than the line.
        self.folded[self.length % LONGEST] = byte;
        self.length += 1;
    }

    /// Appends the line as it is up to a place. So many bytes are written at a time that it is mostly once; those too many are written over.
    #[inline]
    fn copy(&mut self, to: usize) {
        let mut from = self.done;
        while from < to {
            self.folded[from_place(self.length, COPIED)].copy_from_slice(&self.line[from_place(from, COPIED)]);
            from += COPIED;
            self.length += COPIED;
        }
        self.length -= from - to;
        self.done = to;
    }

    /// Appends the line up to a part, and the part.
    #[inline]
    fn part(&mut self, code: u8, range: (usize, usize), kind: Kind) {
        let short = matches!(code, SHORT_HEXADECIMAL | SHORT_SMALL_HEXADECIMAL);
        self.put(code, Part::new(range, kind).marked(short));
    }

    #[inline]
    fn put(&mut self, code: u8, part: Part) {
        self.copy(part.start());
        self.push(code);
        self.last += 1;
        self.parts[self.last % MOST_PARTS] = part;
        self.done = part.end();
    }

    /// Folds letters and digits that stand together, a digit among them, which are neither a number nor hexadecimal.
    fn other_word(&mut self, start: usize, end: usize) {
        let word = &self.line[start..end];
        if word.starts_with(b"0x")
            && end > start + 2
            && let Some(letters) = self.hexadecimal(start + 2..end)
        {
            self.hexadecimal_part((start + 2, end), [POINTER, SMALL_POINTER], letters);
        } else if word.len() >= LONG_IDENTIFIER {
            self.part(LONG, (start, end), Kind::Word);
        } else {
            self.mixed(word, start);
        }
    }

    /// Folds hexadecimal digits to one of two codes: with capitals, and without.
    fn hexadecimal_part(&mut self, range: (usize, usize), [code, small]: [u8; 2], letters: Letters) {
        let (code, kind) = if letters.capitals { (code, Kind::Hex) } else { (small, Kind::SmallHex) };
        self.part(code, range, kind);
    }

    /// A word that masking leaves as it is, but for a number before its unit, the clock behind a date, and a long number at its end.
    fn mixed(&mut self, word: &[u8], start: usize) {
        if is_clock_of_date(word) {
            self.copy(start);
            self.push(CLOCK);
            self.part(DIGITS, (start, start + 2), Kind::Digits);
            return self.part(DIGITS, (start + 3, start + 5), Kind::Digits);
        }
        let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0 && !word.starts_with(b"0x") && is_unit(&word[digits..]) {
            self.part(DIGITS, (start, start + digits), Kind::Digits);
        } else if let Some(number) = long_number(word) {
            self.part(LONG_DIGITS, (start + number, start + word.len()), Kind::Digits);
        } else if self.without_numbers && number_at_end(word) < word.len() {
            // A number stands behind a letter nowhere else but in a clock.
            let number = number_at_end(word);
            self.put(DIGITS, Part::new((start + number, start + word.len()), Kind::Digits).marked(true));
        }
    }
}

/// So many bytes from a place in a line on, which is in it.
#[inline]
fn from_place(place: usize, bytes: usize) -> Range<usize> {
    let place = place % LONGEST;
    place..place + bytes
}

/// The runs of digits of a block: a bit each.
struct Runs {
    /// Where those begin that begin a word.
    begin: u64,
    /// Behind each of these.
    end: u64,
    /// In or beside those with a letter before them or behind.
    mixed: u64,
}

impl Runs {
    /// Those within so many bits, which cut no word.
    #[inline]
    fn of(marks: &Marks, within: u64) -> Runs {
        let digits = marks.digits & within;
        let begin = digits & !(marks.words << 1);
        // Adding where a run begins carries to its end, which is in the block: a word that fills its last byte is cut.
        let end = digits.wrapping_add(begin) & !digits;
        let behind_letter = digits & (marks.words << 1) & !(marks.digits << 1);
        Runs { begin, end, mixed: (end & marks.words) | behind_letter }
    }

    /// Passes all of a word that ends there, with the run behind which it ends.
    #[inline]
    fn pass(&mut self, behind: usize) {
        let left = from_bit(behind);
        self.begin &= left;
        self.mixed &= left;
        self.end &= left << 1;
    }
}

/// Which bytes of a block are digits, and letters or digits: a bit each.
struct Marks {
    digits: u64,
    words: u64,
}

impl Marks {
    #[inline(always)]
    fn of(block: &[u8]) -> Marks {
        let [digits, words] = bitmaps::of(block, |bytes| {
            let digits = bitmaps::in_range(bytes, b'0', b'9');
            [digits, digits | bitmaps::letters(bytes)]
        });
        Marks { digits, words }
    }
}

/// Which of them are among hexadecimal digits.
#[derive(Clone, Copy, Default)]
struct Letters {
    any: bool,
    capitals: bool,
}

/// Whether bytes are hexadecimal digits, and decimal digits and capitals among them.
#[inline]
fn hexadecimal(bytes: u8x16) -> [u8x16; 3] {
    let (decimal, capitals) = (bitmaps::in_range(bytes, b'0', b'9'), bitmaps::in_range(bytes, b'A', b'F'));
    [decimal | bitmaps::in_range(bytes, b'a', b'f') | capitals, decimal, capitals]
}

/// All bits from a number on.
fn from_bit(number: usize) -> u64 {
    u64::MAX.checked_shl(number as u32).unwrap_or(0)
}
