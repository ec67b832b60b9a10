//! How a line was read, told so that it holds for all lines that differ from it in what may differ.
//!
//! The line is matched once more against every format that comes before its own, watching what is asked of it. What cannot be watched is not
//! learnt: automata, tables whose columns the file names, blocks.

use std::borrow::Cow;

use super::super::assemble;
use super::super::beginnings::Candidates;
use super::super::cells::{Cell, Column, Columns, Row, Spelling};
use super::super::compile::{LineFormat, Variant};
use super::super::dispatch::Look;
use super::super::format::Reader;
use super::super::header;
use super::super::matching::{Head, Matched, Matcher, is_structured_inside, names_fields, takes_level_for_name};
use super::super::pattern::Pattern;
use super::super::pending::{Meant, meant, plain};
use super::super::scanner::Scanned;
use super::super::structured::{Names, pairs_of, scan_object};
use super::super::timestamp::Clock;
use super::super::varying::Kind;
use super::envelope::OfEnvelope;
use super::folded::Folded;
use super::left_out;
use super::part::Part;
use super::pins::{Pin, Pins};
use super::{Known, Place, Span};

/// What was learnt of a line.
pub struct Lesson<'f> {
    pub known: Known<'f>,
    pub(super) cells: Vec<Span>,
    /// What must be the same of each part.
    pub pins: Vec<Pin>,
}

/// What a format makes of a line, whatever its parts are within their pins.
enum Tried<'f> {
    No,
    Taken(Option<&'f Variant>),
    /// That cannot be told.
    Untold,
}

/// The formats, in the order in which lines are tried, and what is known of time.
pub struct Teacher<'t, 'f> {
    pub matcher: &'t mut Matcher<'f>,
    pub order: &'t [&'f LineFormat],
    /// The one that is tried first elsewhere.
    pub first: Option<&'f LineFormat>,
    pub clock: &'t Clock,
}

impl<'f> Teacher<'_, 'f> {
    /// Reads a line for all that fold to the same; `None` where what it is cannot be told of them.
    pub fn learn(&mut self, text: &str, folded: &Folded) -> Option<Lesson<'f>> {
        let candidates = self.matcher.formats.beginnings().look(text);
        let mut pins = Pins::new(text, folded.parts());
        pin_keys(text, &mut pins);
        let look = self.matcher.look(text);
        let mut row = Row::default();
        let (place, variant, head) = self.taken((&candidates, look), text, &mut pins, &mut row)?;
        let format = self.order.get(place).copied();
        pin_strings(format, &row, text, folded, &mut pins);
        pin_names(&row, folded, &mut pins);
        if !self.is_refused_before(place, look, text, &mut pins) {
            return None;
        }
        let cells = if format.is_some() { cells(&row, folded, &mut pins) } else { Vec::new() };
        let meant = self.meant(&row, text, folded);
        let level = (format.is_some() && has_level_of_all(&row, folded)).then_some(head.level);
        let may_attach =
            format.is_some_and(|format| !format.attach.is_empty() && (level.is_none() || format.attaches(&row, text).is_some()));
        let is_first = format.is_some_and(|format| self.first.is_some_and(|first| std::ptr::eq(first, format)));
        let may_have_header = self.may_have_header(place, text, folded);
        let known = Known { format, may_have_header, variant, is_first, may_attach, level, meant };
        Some(Lesson { known, cells, pins: pins.into_pins() })
    }

    /// Reads what a line begins with for all envelopes that fold to the same, whatever they hold; `None` where that cannot be told of them.
    pub fn learn_envelope(&mut self, wrapper: &'f LineFormat, text: &str, length: usize, folded: &Folded) -> Option<Lesson<'f>> {
        let mut pins = Pins::new(&text[..length], folded.parts());
        let variant = self.variant_of_envelope(wrapper, text, length, &mut pins)?;
        let mut row = Row::default();
        let is_filled = self.matcher.fills(variant, text, &mut row);
        pin_levels(&row, text, &mut pins);
        if !is_filled || takes_level_for_name(text, &row) {
            return None;
        }
        let matched = self.matcher.line(wrapper, text, &Candidates::ANY, self.clock, &mut row);
        let (Matched::Record(head), Some(inner)) = (matched, row.cell(Column::Inner)) else { return None };
        let reads_more = [Column::Message, Column::Tail, Column::Prefix].iter().any(|column| row.has(*column));
        if head.open || reads_more || (inner.start(), inner.end()) != (length, text.len()) {
            return None;
        }
        row.remove(Column::Inner);
        let cells = cells(&row, folded, &mut pins);
        let level = has_level_of_all(&row, folded).then_some(head.level);
        let known = Known {
            format: Some(wrapper),
            may_have_header: false,
            variant: Some(variant),
            is_first: true,
            may_attach: false,
            level,
            meant: Meant::default(),
        };
        Some(Lesson { known, cells, pins: pins.into_pins() })
    }

    /// The variant that takes an envelope whatever is in it, where those before it refuse it so.
    fn variant_of_envelope<'l>(&self, wrapper: &'f LineFormat, text: &'l str, length: usize, pins: &mut Pins<'l>) -> Option<&'f Variant> {
        if wrapper.ignore.is_some() {
            return None;
        }
        for variant in &wrapper.variants {
            if !pins.begins(|byte| variant.may_begin_with(byte)) {
                continue;
            }
            let mut asked = OfEnvelope::new(&text[..length], pins);
            let scanned = variant.pattern.compiled()?.is_match_asking(text, &mut asked);
            match scanned {
                _ if asked.looks_inside => return None,
                Scanned::No => {}
                Scanned::Match(_) => return Some(variant),
                Scanned::Unsure => return None,
            }
        }
        None
    }

    /// The place of the format that takes the line, behind all others where none does, its variant and what that says of the record; its cells fill
    /// the row. `None`: that cannot be told.
    fn taken(
        &mut self,
        may_be: (&Candidates, Look),
        text: &str,
        pins: &mut Pins<'_>,
        row: &mut Row,
    ) -> Option<(usize, Option<&'f Variant>, Head)> {
        for (place, format) in self.order.iter().enumerate() {
            if !self.may_take(may_be, format) {
                continue;
            }
            let head = match self.matcher.line(format, text, may_be.0, self.clock, row) {
                Matched::Record(head) if !head.open => head,
                // What refuses the line is to say so of all lines alike, which is asked once it is known what they have in common.
                Matched::No => continue,
                Matched::Record(_) | Matched::Nothing => return None,
            };
            return match self.tried(format, text, pins) {
                Tried::Taken(variant) => Some((place, variant, head)),
                Tried::No | Tried::Untold => None,
            };
        }
        row.clear();
        row.set(Column::Message, plain(text).1, 0);
        Some((self.order.len(), None, Head::default()))
    }

    /// Whether the formats before one refuse all lines alike; their parts are pinned so.
    fn is_refused_before(&mut self, place: usize, look: Look, text: &str, pins: &mut Pins<'_>) -> bool {
        let order = self.order;
        let candidates = self.matcher.formats.beginnings().of_all_alike(text, pins.first_bytes(), pins.free_kinds());
        order[..place]
            .iter()
            .all(|format| !self.may_take((&candidates, look), format) || matches!(self.tried(format, text, pins), Tried::No))
    }

    /// Whether a format may take the line. Which structured ones may follows from the names in it, which are pinned.
    fn may_take(&self, (candidates, look): (&Candidates, Look), format: &LineFormat) -> bool {
        let formats = self.matcher.formats;
        formats.beginnings().may_be(candidates, format.position) && (!format.is_structured() || formats.plan().may_be(look, format))
    }

    /// Whether any of the lines alike, of which this one has no header, may have one, and would be taken for that before a format has its turn.
    fn may_have_header(&self, place: usize, text: &str, folded: &Folded) -> bool {
        let differs = folded.parts().first();
        self.order[..place].iter().any(|format| format.reader == Reader::Header)
            && differs.is_some_and(|part| !header::is_none_up_to(text, part.start()))
    }

    fn tried(&mut self, format: &'f LineFormat, text: &str, pins: &mut Pins<'_>) -> Tried<'f> {
        match format.ignore.as_ref().map(|pattern| asked(pattern, text, pins)) {
            None | Some(Scanned::No) => {}
            Some(_) => return Tried::Untold,
        }
        match format.reader {
            Reader::Lines => self.variants(format, text, pins),
            Reader::Json => self.structured(format, text, Matcher::json_row),
            Reader::Logfmt => self.structured(format, text, Matcher::logfmt_row),
            // What names fields begins with words without digits, so that nothing that differs among lines alike is one of them.
            Reader::Fields if self.matcher.knows_no_fields() && !names_fields(text) => Tried::No,
            Reader::Csv if self.matcher.is_no_table(format, text) => Tried::No,
            Reader::Block => match format.block.as_ref().map(|pattern| asked(pattern, text, pins)) {
                Some(Scanned::No) => Tried::No,
                Some(Scanned::Match(_)) => Tried::Taken(None),
                Some(Scanned::Unsure) | None => Tried::Untold,
            },
            // That no such line has a header is asked of each of them.
            Reader::Header if !header::is_one(text, self.clock) => Tried::No,
            Reader::Header => self.headed(text, pins),
            // Nothing that differs among lines alike is empty, a quote or a comma; of their times each is read.
            Reader::Csv if !format.fields.is_empty() && matches!(self.matched(format, text), Matched::Record(_)) => Tried::Taken(None),
            Reader::Fields | Reader::Csv => Tried::Untold,
        }
    }

    /// What one line alone is to a format.
    fn matched(&mut self, format: &'f LineFormat, text: &str) -> Matched {
        self.matcher.line(format, text, &Candidates::ANY, self.clock, &mut Row::default())
    }

    /// Which words there are before the message decides. Of the time the length is to be the same, and it is read again for each line.
    fn headed(&mut self, text: &str, pins: &mut Pins<'_>) -> Tried<'f> {
        let mut row = Row::default();
        let Some(shape) = header::shape(text, self.clock, &mut row) else { return Tried::Untold };
        let message = row.raw(Column::Message, text).unwrap_or_default();
        if is_structured_inside(message) || message.contains('\t') {
            return Tried::Untold;
        }
        pins.bytes(0..shape.time.start);
        // A level may have a number at its end, and a time has no level.
        pins.classes(shape.time.clone(), Pin::Length);
        pins.classes(shape.time.end..shape.end, Pin::Bytes);
        if let Some(tail) = row.cell(Column::Tail) {
            pairs_of(tail.raw(text), tail.start(), &mut Keys { text, pins });
        }
        Tried::Taken(None)
    }

    /// Which keys there are decides, and they are pinned; but for the time, which is read again for each line.
    fn structured(
        &mut self,
        format: &'f LineFormat,
        text: &str,
        fill: impl FnOnce(&mut Matcher<'f>, &'f LineFormat, &str, &mut Row) -> bool,
    ) -> Tried<'f> {
        if fill(self.matcher, format, text, &mut Row::default()) { Tried::Taken(None) } else { Tried::No }
    }

    fn variants(&mut self, format: &'f LineFormat, text: &str, pins: &mut Pins<'_>) -> Tried<'f> {
        for variant in &format.variants {
            if !pins.begins(|byte| variant.may_begin_with(byte)) {
                continue;
            }
            match asked(&variant.pattern, text, pins) {
                Scanned::No => continue,
                Scanned::Unsure => return Tried::Untold,
                Scanned::Match(_) => {}
            }
            let mut row = Row::default();
            if !self.matcher.fills(variant, text, &mut row) {
                return Tried::Untold;
            }
            pin_levels(&row, text, pins);
            if takes_level_for_name(text, &row) {
                continue;
            }
            let message = row.cell(Column::Message);
            if row.has(Column::Prefix) || message.is_some_and(|message| is_structured_inside(message.raw(text))) {
                return Tried::Untold;
            }
            if let Some(tail) = row.cell(Column::Tail) {
                pairs_of(tail.raw(text), tail.start(), &mut Keys { text, pins });
            }
            return Tried::Taken(Some(variant));
        }
        Tried::No
    }

    /// What follows of the message of all lines alike.
    fn meant(&mut self, row: &Row, text: &str, folded: &Folded) -> Meant {
        if !has_message_of_all(row, text, folded) {
            return Meant::default();
        }
        let meant = meant(row, text, self.matcher);
        let has_service_of_all = row.cell(Column::Service).is_none_or(|cell| !varies(cell, folded));
        Meant { kind: meant.kind.filter(|_| has_service_of_all), ..meant }
    }
}

/// Whether the message is a part of the line that masking cannot tell from that of another.
fn has_message_of_all(row: &Row, text: &str, folded: &Folded) -> bool {
    // Where the line has no message, the lines below may.
    if ![Column::Message, Column::Request].iter().any(|column| row.has(*column)) {
        return false;
    }
    let message = assemble::message(row, text);
    let place = match &message {
        Cow::Borrowed(message) => (message.as_ptr() as usize).checked_sub(text.as_ptr() as usize).map(|start| start..start + message.len()),
        Cow::Owned(_) => {
            row.cell(Column::Message).filter(|cell| has_same_escapes(*cell, text, folded)).map(|cell| cell.start()..cell.end())
        }
    };
    let Some(place) = place else { return false };
    let cut = |at: usize| is_word(text, at.wrapping_sub(1)) && is_word(text, at);
    let short = folded.parts_in(place.clone()).any(|part| part.short && !part.is_of_name());
    !message.is_empty() && place.end <= text.len() && !short && !cut(place.start) && !cut(place.end)
}

/// Whether what a string of JSON says differs among lines alike only in the parts that its spelling differs in: none of its escapes is one of a
/// number, or stands in a part or right before it.
fn has_same_escapes(cell: Cell, text: &str, folded: &Folded) -> bool {
    let raw = cell.raw(text);
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &raw.as_bytes()[at..]) {
        let start = cell.start() + at + found;
        // A part that begins behind it would take its letter for its own.
        let touches = folded.parts_in(start..start + ESCAPE + 1).next().is_some();
        if touches || raw.as_bytes().get(at + found + 1) == Some(&b'u') {
            return false;
        }
        at = (at + found + ESCAPE).min(raw.len());
    }
    cell.spelling == Spelling::Escaped
}

/// Bytes of an escape that is no number.
const ESCAPE: usize = 2;

/// Whether a cell may be another among lines alike, whose numbers of names are pinned.
fn varies(cell: Cell, folded: &Folded) -> bool {
    folded.parts_in(cell.start()..cell.end()).any(|part| !part.is_of_name())
}

/// Whether what a line says of its level is the same in all lines alike.
fn has_level_of_all(row: &Row, folded: &Folded) -> bool {
    let cells = [Column::Level, Column::Severity, Column::SeverityNumber, Column::Code].map(|column| row.cell(column));
    !cells.into_iter().flatten().any(|cell| varies(cell, folded))
}

/// Pins names that may be those of levels, for a format does not take them.
fn pin_levels(row: &Row, text: &str, pins: &mut Pins<'_>) {
    for cell in [Column::Service, Column::Instance].into_iter().filter_map(|column| row.cell(column)) {
        if may_be_level(cell.raw(text)) {
            pins.bytes(cell.start()..cell.end());
        }
    }
}

/// Whether a word may name a level with other digits: `debug1`.
fn may_be_level(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_word(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(u8::is_ascii_alphanumeric)
}

fn asked(pattern: &Pattern, text: &str, pins: &mut Pins<'_>) -> Scanned {
    pattern.compiled().map_or(Scanned::Unsure, |compiled| compiled.is_match_asking(text, pins))
}

/// Where the cells stand, told by the parts before them.
fn cells(row: &Row, folded: &Folded, pins: &mut Pins<'_>) -> Vec<Span> {
    let mut place = |at: usize| {
        pins.place(at);
        let before = folded.parts().partition_point(|part| part.end() <= at);
        Place { parts: before as u16, behind: (at - folded.end_of(before as u16)) as u16 }
    };
    let mut span =
        |(column, cell): (Column, Cell)| Span { column, spelling: cell.spelling, start: place(cell.start()), end: place(cell.end()) };
    row.filled().map(&mut span).collect()
}

/// Pins strings that were left out, but those of which nothing follows: values of an object that no column is for, but who logged it.
fn pin_strings(format: Option<&LineFormat>, row: &Row, text: &str, folded: &Folded, pins: &mut Pins<'_>) {
    let is_left_out = |part: &&Part| part.kind == Kind::Text;
    if !folded.parts().iter().any(|part| is_left_out(&part)) {
        return;
    }
    let mut strings = Strings(Vec::new());
    if format.is_some_and(|format| format.reader == Reader::Json) {
        scan_object(text, 0, &mut strings);
    }
    let others = folded.parts().iter().filter(|part| !strings.0.contains(&part.range()));
    let in_cells = parts_but(left_out::MAY_SAY, row, folded);
    others.chain(in_cells).filter(is_left_out).for_each(|part| pins.bytes(part.range()));
}

/// Pins the numbers of names, which masking leaves as they are, in all that follows from more than where it stands.
fn pin_names(row: &Row, folded: &Folded, pins: &mut Pins<'_>) {
    parts_but(SAID_AS_IT_IS, row, folded).filter(|part| part.is_of_name()).for_each(|part| pins.bytes(part.range()));
}

/// The parts in the cells of all columns but some.
fn parts_but<'f>(columns: Columns, row: &Row, folded: &'f Folded) -> impl Iterator<Item = &'f Part> {
    let others = row.filled().filter(move |(column, _)| !columns.has(*column));
    others.flat_map(|(_, cell)| folded.parts_in(cell.start()..cell.end()))
}

/// Columns that tell nothing of others.
const SAID_AS_IT_IS: Columns = Columns::of(&[Column::Instance, Column::Logger, Column::Thread]);

/// Where the values of an object stand that are strings without escapes.
struct Strings(Vec<std::ops::Range<usize>>);

impl Names for Strings {
    type Name = ();

    fn root(&self) {}

    fn within(&mut self, (): (), _: &[u8]) {}

    fn value(&mut self, (): (), cell: Cell) {
        self.0.extend((cell.spelling == Spelling::Plain).then(|| cell.start()..cell.end()));
    }
}

/// Pins the names of what may be an object or pairs.
fn pin_keys(text: &str, pins: &mut Pins<'_>) {
    if text.trim_start().starts_with('{') {
        scan_object(text, 0, &mut Keys { text, pins });
    } else if text.contains('=') {
        pairs_of(text, 0, &mut Keys { text, pins });
    }
}

/// Pins names.
struct Keys<'k, 'l> {
    text: &'k str,
    pins: &'k mut Pins<'l>,
}

impl Names for Keys<'_, '_> {
    type Name = ();

    fn root(&self) {}

    fn within(&mut self, (): (), raw: &[u8]) {
        let start = raw.as_ptr() as usize - self.text.as_ptr() as usize;
        self.pins.bytes(start..start + raw.len());
    }

    fn value(&mut self, (): (), _: Cell) {}
}
