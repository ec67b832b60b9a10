//! Lines that begin with digits where one before had them, and with the same bytes else: their first parts stand where they stood there.
//!
//! Most lines begin with a time of the same form as that of an earlier line, so that seven parts and more are found at once. To find them one
//! by one costs less for the instructions than for guessing wrong where each of them ends.

use wide::u8x16;

use super::part::Part;
use crate::read::bitmaps::{AT_ONCE, BLOCK};

/// Bytes of a line that are looked at: most times are shorter, and what is behind them is seldom the same.
pub const HEAD: usize = 32;
/// Layouts remembered at once.
const KEPT: usize = 512;
/// Most parts of a layout: each has a byte and one before the next.
pub const PARTS: usize = HEAD / 2;
/// Fewer parts are found as fast one by one.
const FEWEST: usize = 4;
/// So many lines of others make room for another.
const STAYS: u8 = 4;

/// Where the first parts of a line stand, which all are numbers.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// A bit each, as far as whole words go.
    digits: u64,
    /// Of the line met last that was not of it.
    other: u64,
    /// How many lines of others it outlives.
    stays: u8,
    last: u8,
    /// Bytes of the folded line, up to the last part.
    length: u8,
    /// All bits of the bytes that must be the same.
    compared: [u8; HEAD],
    same: [u8; HEAD],
    folded: [u8; HEAD],
    parts: [Part; PARTS],
}

impl Layout {
    const NONE: Layout = Layout {
        digits: 0,
        other: 0,
        stays: 0,
        last: 0,
        length: 0,
        compared: [0; HEAD],
        same: [0; HEAD],
        folded: [0; HEAD],
        parts: [Part::BEFORE_ALL; PARTS],
    };

    /// Its parts, and how many these are.
    #[inline]
    pub fn parts(&self) -> (&[Part; PARTS], usize) {
        (&self.parts, usize::from(self.last))
    }

    /// What the line is folded to up to the last part, and how many bytes these are.
    #[inline]
    pub fn folded(&self) -> (&[u8; HEAD], usize) {
        (&self.folded, usize::from(self.length))
    }

    #[inline]
    fn is_of(&self, head: &Head<'_>) -> bool {
        // Where the last word begins need not be the same: there are no digits behind what is compared.
        if self.digits != head.digits {
            return false;
        }
        let chunks = |bytes| <[u8]>::as_chunks::<AT_ONCE>(bytes).0.iter().map(|chunk| u8x16::new(*chunk));
        let others = chunks(head.bytes).zip(chunks(&self.compared)).zip(chunks(&self.same));
        let differing = others.fold(u8x16::ZERO, |all, ((bytes, compared), same)| all | ((bytes & compared) ^ same));
        differing == u8x16::ZERO
    }
}

/// What a line begins with.
#[derive(Clone, Copy, Debug)]
pub struct Head<'l> {
    bytes: &'l [u8; HEAD],
    /// A bit each, as far as whole words go.
    digits: u64,
    words: u64,
    /// Where a word begins that goes on behind what is looked at.
    pub cut: usize,
}

impl<'l> Head<'l> {
    /// `None` where it has too few numbers. `digits`, and letters and digits: a bit for each byte from the first one on.
    #[inline]
    pub fn of(bytes: &'l [u8; HEAD], digits: u64, words: u64) -> Option<Head<'l>> {
        let cut = HEAD - (words << (BLOCK - HEAD)).leading_ones() as usize;
        let whole = (1 << cut) - 1;
        let (digits, words) = (digits & whole, words & whole);
        let begin = digits & !(digits << 1);
        let has_enough = (1..FEWEST).fold(begin, |left, _| left & left.wrapping_sub(1)) != 0;
        has_enough.then_some(Head { bytes, digits, words, cut })
    }

    #[inline]
    fn place(&self) -> usize {
        let mixed = (self.digits ^ self.words.rotate_left(HEAD as u32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 40) as usize % KEPT
    }
}

/// The layouts met last.
#[derive(Debug)]
pub struct Layouts(Box<[Layout]>);

impl Default for Layouts {
    fn default() -> Layouts {
        Layouts(vec![Layout::NONE; KEPT].into())
    }
}

impl Layouts {
    /// The layout of a line.
    #[inline]
    pub fn find(&mut self, head: &Head<'_>) -> Option<&Layout> {
        let layout = self.0.get_mut(head.place()).filter(|layout| layout.is_of(head))?;
        layout.stays = STAYS;
        Some(layout)
    }

    /// Whether a layout that was not found is worth remembering: the last one that was not was it, and what stands in its place was not met for
    /// a while.
    pub fn is_worth(&mut self, head: &Head<'_>) -> bool {
        let layout = &mut self.0[head.place()];
        if layout.stays > 0 {
            layout.stays -= 1;
            return false;
        }
        std::mem::replace(&mut layout.other, head.digits) == head.digits
    }

    /// Remembers a layout. `parts`: numbers that are found whatever their digits; `folded`: the line up to the last of them.
    pub fn put(&mut self, head: &Head<'_>, parts: &[Part], folded: &[u8]) {
        let layout = &mut self.0[head.place()];
        *layout = Layout { digits: head.digits, stays: STAYS, length: folded.len() as u8, last: parts.len() as u8, ..Layout::NONE };
        layout.compared[..head.cut].fill(u8::MAX);
        layout.parts[..parts.len()].copy_from_slice(parts);
        parts.iter().for_each(|part| layout.compared[part.range()].fill(0));
        layout.same = std::array::from_fn(|at| head.bytes[at] & layout.compared[at]);
        layout.folded[..folded.len()].copy_from_slice(folded);
    }
}
