//! How what is known of lines is written as bytes, and read again.
//!
//! Of a folded line: its number, the lengths pinned of its first parts, its other pinned parts as they are spelled in the line that was learnt first, and how lines spelled so are read. Of
//! another spelling of it: how lines spelled so are read. Numbers are little-endian.

use crate::model::Level;

use super::super::Formats;
use super::super::cells::{Cell, Column, Columns, Row, Spelling};
use super::super::pending::Meant;
use super::exchange::Of;
use super::folded::{Folded, IN_HEADER, LONGEST};
use super::pins::Pin;
use super::{Known, Place, Span, Wanted};

/// Time is told by these, and the level by those behind them. All others follow.
const OF_TIME: Columns = Columns::of(&[Column::Date, Column::Time, Column::Zone]);
const OF_HEAD: Columns = OF_TIME.with(Columns::of(&[Column::Level, Column::Severity, Column::SeverityNumber]));
const _: () = assert!(OF_TIME.are_first() && OF_HEAD.are_first());
/// For a number of what is not there.
const NONE: u32 = u32::MAX;
const NO_PLACE: u16 = u16::MAX;
/// In place of how many parts are pinned, where nothing can be learnt of a line.
const UNTOLD: u16 = u16::MAX;
/// How a spelling begins, so that it is no folded line: none begins so.
const SPELLING: u8 = IN_HEADER;
/// Bytes of a format, a variant, what is meant, the level, and the columns.
const KNOWN: usize = 22;
/// Bytes of a cell: the bits of its spelling, and of the places where it starts and ends.
const CELL: usize = 6;
const SPELLING_BITS: u32 = 3;
/// Of how many parts end before a place, and of how many bytes stand between.
const NUMBER_BITS: u32 = 11;
/// Bytes before these: the number of a like, its spellings, how many parts are pinned, and the lengths of the first.
const LIKE: usize = 24;
/// Where in [`KNOWN`] the number of the message stands, and behind it that of its kind.
const MEANT: usize = 6;
/// Of the length of a part: its bytes stand behind it. Lines that are folded are not so long.
const ALL_BYTES: u16 = 1 << 15;
const IS_FIRST: u8 = 1;
const IS_REQUEST: u8 = 2;
const MAY_ATTACH: u8 = 4;
const MAY_HAVE_HEADER: u8 = 8;
const TOLD_BY_HEAD: u8 = 16;
/// In place of a level that each line says itself.
const OF_LINE: u8 = u8::MAX;

/// What is known of a folded line.
#[derive(Clone, Copy, Debug)]
pub struct Like<'s> {
    /// Of the line and what is pinned of it.
    pub number: u32,
    pub spellings: u16,
    pinned: u16,
    /// All bits of the lengths that are pinned of the first parts, and these lengths.
    measured: u64,
    lengths: u64,
    /// How the pinned parts are spelled in the line learnt first, and how such lines are read.
    first: &'s [u8],
}

impl<'s> Like<'s> {
    /// `None`: nothing can be learnt of it.
    #[inline]
    pub fn read(mut bytes: &'s [u8]) -> Option<Like<'s>> {
        let number = u32::from_le_bytes(take(&mut bytes)?);
        let spellings = u16::from_le_bytes(take(&mut bytes)?);
        let pinned = u16::from_le_bytes(take(&mut bytes)?);
        if pinned == UNTOLD {
            return None;
        }
        let (measured, lengths) = (u64::from_le_bytes(take(&mut bytes)?), u64::from_le_bytes(take(&mut bytes)?));
        Some(Like { number, spellings, pinned, measured, lengths, first: bytes })
    }

    /// What is written of a line of which nothing can be learnt.
    pub fn write_untold(out: &mut Vec<u8>) {
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&UNTOLD.to_le_bytes());
    }

    /// Whether all spellings of it are the same, as no part is pinned.
    pub fn has_one_spelling(&self) -> bool {
        self.pinned == 0 && self.measured == 0
    }

    /// The parts that are not free, in their order.
    pub fn pins(&self) -> Vec<(u16, Pin)> {
        let measured = self.measured.to_le_bytes();
        let mut pins: Vec<(u16, Pin)> = (0..).zip(measured).filter(|(_, all)| *all > 0).map(|(number, _)| (number, Pin::Length)).collect();
        pins.extend(self.pinned().map(|pinned| (pinned.number, pinned.pin())));
        pins.sort_unstable_by_key(|(number, _)| *number);
        pins
    }

    fn pinned(&self) -> Pinneds<'s> {
        Pinneds { left: self.pinned, bytes: self.first.get(KNOWN..).unwrap_or_default() }
    }

    /// How a line is read that is spelled as the first; what is known of it fills the row. In line, as it is asked of every line: what is written by
    /// pieces and read by vectors keeps the processor waiting.
    #[inline(always)]
    pub fn known_if_first<'f>(
        &self,
        (folded, text): (&Folded, &str),
        wanted: Wanted,
        formats: &'f Formats,
        row: &mut Row,
    ) -> Option<Known<'f>> {
        if self.measured != 0 && folded.lengths() & self.measured != self.lengths {
            return None;
        }
        let mut pinned = self.pinned();
        for pinned in pinned.by_ref() {
            let part = folded.part(pinned.number);
            if part.end() - part.start() != pinned.length
                || (!pinned.bytes.is_empty() && text.as_bytes().get(part.range())? != pinned.bytes)
            {
                return None;
            }
        }
        read_known((self.first, pinned.bytes), wanted, formats, folded, row)
    }

    /// Writes which like a line is of and how its pinned parts are spelled, so that what differs in either differs in this.
    pub fn spell(&self, folded: &Folded, text: &str, out: &mut Vec<u8>) {
        out.clear();
        out.push(SPELLING);
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&(folded.lengths() & self.measured).to_le_bytes());
        for pinned in self.pinned() {
            write_spelled(pinned.pin(), pinned.number, folded, text, out);
        }
    }
}

/// A part that is not free.
struct Pinned<'s> {
    number: u16,
    length: usize,
    /// Empty where only the length is pinned.
    bytes: &'s [u8],
}

impl Pinned<'_> {
    fn pin(&self) -> Pin {
        if self.bytes.is_empty() { Pin::Length } else { Pin::Bytes }
    }
}

/// Reads the parts that are not free; what it leaves stands behind them.
struct Pinneds<'s> {
    left: u16,
    bytes: &'s [u8],
}

impl<'s> Iterator for Pinneds<'s> {
    type Item = Pinned<'s>;

    #[inline]
    fn next(&mut self) -> Option<Pinned<'s>> {
        self.left = self.left.checked_sub(1)?;
        let head = u32::from_le_bytes(take(&mut self.bytes)?);
        let (number, length) = (head as u16, (head >> 16) as u16);
        let pinned = Pinned { number, length: usize::from(length & !ALL_BYTES), bytes: &[] };
        if length & ALL_BYTES == 0 {
            return Some(pinned);
        }
        let (bytes, rest) = self.bytes.split_at_checked(pinned.length)?;
        self.bytes = rest;
        Some(Pinned { bytes, ..pinned })
    }
}

/// Writes what is known of a folded line from its first spelling.
pub fn write_like(
    (number, pins): (u32, &[(u16, Pin)]),
    (known, cells): (&Known<'_>, &[Span]),
    (folded, text): (&Folded, &str),
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&1_u16.to_le_bytes());
    let lengths = folded.lengths();
    let is_measured =
        |(number, pin): &&(u16, Pin)| *pin == Pin::Length && length_of(lengths, *number).is_some_and(|length| length < u8::MAX);
    let measured = pins.iter().filter(is_measured).fold(0, |all, (number, _)| all | u64::from(u8::MAX) << (number * 8));
    let others = pins.iter().filter(|pin| !is_measured(pin));
    out.extend_from_slice(&(others.clone().count() as u16).to_le_bytes());
    out.extend_from_slice(&measured.to_le_bytes());
    out.extend_from_slice(&(lengths & measured).to_le_bytes());
    write_head(known, cells, out);
    for (number, pin) in others {
        out.extend_from_slice(&number.to_le_bytes());
        write_spelled(*pin, *number, folded, text, out);
    }
    write_cells(cells, out);
}

/// That of a part by its number, among those told at once.
fn length_of(lengths: u64, number: u16) -> Option<u8> {
    lengths.to_le_bytes().get(usize::from(number)).copied()
}

/// The number of a like.
pub fn like_number(mut like: &[u8]) -> u32 {
    take(&mut like).map_or(0, u32::from_le_bytes)
}

/// Writes other numbers of what is meant into a value.
pub fn write_meant(of: Of, message: Option<u32>, kind: Option<u32>, value: &mut [u8]) {
    let head = match of {
        Of::Untold => return,
        Of::Like => LIKE,
        Of::Spelling => 0,
    };
    let numbers = [message, kind].map(|number| number.unwrap_or(NONE).to_le_bytes());
    if let Some(meant) = value.get_mut(head + MEANT..head + MEANT + 8) {
        meant.copy_from_slice(numbers.as_flattened());
    }
}

/// The same with one spelling more.
pub fn count_spelling(like: &mut [u8]) {
    if let [_, _, _, _, a, b, ..] = like {
        [*a, *b] = u16::from_le_bytes([*a, *b]).saturating_add(1).to_le_bytes();
    }
}

/// Writes how lines of a spelling are read.
pub fn write_known(known: &Known<'_>, cells: &[Span], out: &mut Vec<u8>) {
    write_head(known, cells, out);
    write_cells(cells, out);
}

/// How lines of a spelling are read; what is known of this one fills the row. Few lines have another than the first.
#[inline(never)]
pub fn read_spelled<'f>(bytes: &[u8], wanted: Wanted, formats: &'f Formats, folded: &Folded, row: &mut Row) -> Option<Known<'f>> {
    read_known((bytes, bytes.get(KNOWN..)?), wanted, formats, folded, row)
}

/// The length of a part, and its bytes where these are pinned.
fn write_spelled(pin: Pin, number: u16, folded: &Folded, text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes().get(folded.part(number).range()).unwrap_or_default();
    let mark = if pin == Pin::Bytes { ALL_BYTES } else { 0 };
    out.extend_from_slice(&(bytes.len() as u16 | mark).to_le_bytes());
    if pin == Pin::Bytes {
        out.extend_from_slice(bytes);
    }
}

fn write_head(known: &Known<'_>, cells: &[Span], out: &mut Vec<u8>) {
    let format = known.format.map_or(NO_PLACE, |format| format.position as u16);
    let place =
        |format: &super::LineFormat| format.variants.iter().position(|own| known.variant.is_some_and(|variant| variant.id == own.id));
    let variant = known.format.and_then(place).map_or(NO_PLACE, |place| place as u16);
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    out.extend_from_slice(&format.to_le_bytes());
    out.extend_from_slice(&variant.to_le_bytes());
    let own = flag(known.is_first, IS_FIRST) | flag(known.may_attach, MAY_ATTACH) | flag(known.may_have_header, MAY_HAVE_HEADER);
    let columns = cells.iter().fold(0, |all, span| all | 1_u64 << span.column as u8);
    out.push(own | flag(known.meant.is_request, IS_REQUEST) | flag(is_told_by_head(known, Columns::of_bits(columns)), TOLD_BY_HEAD));
    out.push(known.level.map_or(OF_LINE, |level| level as u8));
    out.extend_from_slice(&known.meant.message.unwrap_or(NONE).to_le_bytes());
    out.extend_from_slice(&known.meant.kind.unwrap_or(NONE).to_le_bytes());
    out.extend_from_slice(&columns.to_le_bytes());
}

/// Whether time and level are all that is asked of a record whose kind was met before: no record of its format is a part of the one before, its level is
/// not told by its code, and what it says of a request need not be looked at.
fn is_told_by_head(known: &Known<'_>, columns: Columns) -> bool {
    let attaches = known.format.is_some_and(|format| !format.attach.is_empty());
    !known.meant.is_request && !attaches && !columns.has(Column::Code)
}

/// In the order of their columns.
fn write_cells(cells: &[Span], out: &mut Vec<u8>) {
    for span in cells {
        const { assert!(LONGEST >> NUMBER_BITS == 0 && Spelling::Bare as u32 >> SPELLING_BITS == 0) }
        let numbers = [span.start.parts, span.start.behind, span.end.parts, span.end.behind];
        let places = numbers.iter().rev().fold(0, |all, number| all << NUMBER_BITS | u64::from(*number));
        let packed = places << SPELLING_BITS | span.spelling as u64;
        out.extend_from_slice(&packed.to_le_bytes()[..CELL]);
    }
}

/// A cell, as it was written. Which of the keys for its column it is of is asked no more: a line that was read once fills its row at once.
#[inline]
fn read_cell([a, b, c, d, e, f]: [u8; CELL], folded: &Folded) -> Cell {
    let packed = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    let spelling = Spelling::of_number(packed & ((1 << SPELLING_BITS) - 1));
    let places = packed >> SPELLING_BITS;
    let number = |place: u32| (places >> (place * NUMBER_BITS) & ((1 << NUMBER_BITS) - 1)) as u16;
    let place = |first: u32| Place { parts: number(first), behind: number(first + 1) }.of(folded);
    Cell::new(place(0), place(2), spelling)
}

/// From what stands at the beginning of the first, and the cells at that of the second.
#[inline(always)]
fn read_known<'f>(
    (mut head, cells): (&[u8], &[u8]),
    wanted: Wanted,
    formats: &'f Formats,
    folded: &Folded,
    row: &mut Row,
) -> Option<Known<'f>> {
    let format = u16::from_le_bytes(take(&mut head)?);
    let variant = u16::from_le_bytes(take(&mut head)?);
    let [flags, level] = take(&mut head)?;
    let number = |bytes: [u8; 4]| Some(u32::from_le_bytes(bytes)).filter(|number| *number != NONE);
    let (message, kind) = (number(take(&mut head)?), number(take(&mut head)?));
    let columns = Columns::of_bits(u64::from_le_bytes(take(&mut head)?));
    let wanted = match wanted {
        Wanted::Head if flags & TOLD_BY_HEAD == 0 || kind.is_none() => Columns::ALL,
        Wanted::Head if level == OF_LINE => OF_HEAD,
        Wanted::Head => OF_TIME,
        Wanted::All => Columns::ALL,
    };
    row.refill(columns, wanted, cells.as_chunks::<CELL>().0.iter().map(|cell| read_cell(*cell, folded)));
    let format = formats.lines().get(usize::from(format));
    let variant = format.and_then(|format| format.variants.get(usize::from(variant)));
    let meant = Meant { message, kind, is_request: flags & IS_REQUEST != 0 };
    let level = Level::ALL.get(usize::from(level)).copied();
    let (is_first, may_attach, may_have_header) = (flags & IS_FIRST != 0, flags & MAY_ATTACH != 0, flags & MAY_HAVE_HEADER != 0);
    Some(Known { format, may_have_header, variant, is_first, may_attach, level, meant })
}

/// Takes bytes off the front.
#[inline]
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}
