//! One line against one format: which cell is which column.
//!
//! Does not choose the format, nor keep anything of a line.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use rustc_hash::FxHashMap;

use crate::model::{Level, Time};

use super::Formats;
use super::beginnings::Candidates;
use super::cells::{Cell, Column, Row, Spelling, is_nothing};
use super::compile::{Keys, LineFormat, Variant};
use super::dispatch::Look;
use super::format::Reader;
use super::header;
use super::keys::{Key, KeyCache};
use super::messages::Meanings;
use super::pattern::{Automaton, Pattern, Places};
use super::stamp::{self, Stamps};
use super::structured::{Names, normal_key, pairs_of, scan_csv, scan_json, scan_object};
use super::timestamp::Clock;

/// What a line is to a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    /// A line of another format.
    No,
    /// The first line of a record.
    Record(Head),
    /// A line of this format that carries nothing.
    Nothing,
}

/// What must be known of a record before its last line was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// `None`: the line has none.
    pub time: Option<Time>,
    pub level: Level,
    /// A quoted CSV cell goes on in the next line.
    pub open: bool,
    /// The time means the same wherever it stands.
    pub fixed: bool,
}

/// Matches of a format after which it gets automata of its own: the others are met too seldom for the price of a copy.
const OFTEN: u8 = 8;
/// Words of levels remembered.
const LEVELS: usize = 16;

/// Matches lines. What it remembers of the lines before makes it faster, and nothing else.
pub struct Matcher<'f> {
    pub formats: &'f Formats,
    places: Places,
    /// Automata of its own, by variant.
    automata: Vec<Option<Option<Automaton>>>,
    /// How often each format matched.
    met: Vec<u8>,
    /// What the file's first line says of its CSV cells, where it is a header.
    header: Option<Header>,
    /// What the latest `#Fields:` line says to each format that reads them.
    fields: FxHashMap<&'f str, Header>,
    stamps: Stamps,
    /// Format, letters of the word, level.
    levels: [(usize, u64, Level); LEVELS],
    /// The keys of structured lines, by format.
    keys: Vec<Option<Box<KeyCache<KeyUse>>>>,
    /// The keys that tell structured formats apart.
    marks: KeyCache<u64>,
    pub(super) meanings: Meanings,
}

/// What a format does with a key.
#[derive(Clone, Copy, Debug)]
struct KeyUse {
    column: Option<(Column, u8)>,
    /// A bit for each requirement that it meets.
    meets: u64,
}

/// Columns of CSV cells with the ranks of their names.
#[derive(Clone, Debug)]
pub struct Header {
    line: String,
    separator: u8,
    columns: Vec<Option<(Column, u8)>>,
}

/// What may separate the cells of a table, the usual first.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// How a line begins that names the cells of those after it.
pub const FIELDS: [&str; 3] = ["#Fields:", "#fields\t", "#FIELDS:"];

/// Whether a line names the fields of those after it.
pub fn names_fields(line: &str) -> bool {
    FIELDS.iter().any(|mark| line.starts_with(mark))
}

impl Header {
    /// `None` where the line names no time and nothing that is said.
    fn new(keys: &Keys, line: &str) -> Option<Header> {
        SEPARATORS.into_iter().find_map(|separator| {
            let mut columns = Vec::new();
            scan_csv(line, separator, &mut |_, cell| columns.push(keys.get(&normal_key(cell.text(line).trim()))));
            let has = |wanted: Column| columns.iter().flatten().any(|(column, _)| *column == wanted);
            (has(Column::Time) && has(Column::Inner)).then(|| Header { line: line.to_owned(), separator, columns })
        })
    }

    /// `None` where a required cell is missing.
    fn of_fields(format: &LineFormat, names: &str) -> Option<Header> {
        let names: Vec<String> = names.split_ascii_whitespace().map(normal_key).collect();
        let has = |keys: &Vec<String>| keys.iter().any(|key| names.contains(key));
        let columns = names.iter().map(|name| format.keys.get(name)).collect();
        format.requires.iter().all(has).then(|| Header { line: String::new(), separator: b' ', columns })
    }
}

/// Fills a row by a shared expression.
pub fn fill_by(pattern: &Pattern, text: &str, places: &mut Places, row: &mut Row) -> bool {
    places.clear();
    pattern.compiled().is_some_and(|compiled| compiled.fill(text, places, 0, None, row))
}

impl<'f> Matcher<'f> {
    /// Remembers nothing yet.
    pub fn new(formats: &'f Formats) -> Matcher<'f> {
        let (mut automata, mut keys) = (Vec::new(), Vec::new());
        automata.resize_with(formats.variants(), || None);
        keys.resize_with(formats.lines().len(), || None);
        Matcher {
            formats,
            places: Places::default(),
            automata,
            met: vec![0; formats.lines().len()],
            header: None,
            fields: FxHashMap::default(),
            stamps: Stamps::default(),
            levels: [(usize::MAX, 0, Level::Unknown); LEVELS],
            keys,
            marks: KeyCache::default(),
            meanings: Meanings::default(),
        }
    }

    /// The same for a file whose first line was seen before.
    pub fn with_header(formats: &'f Formats, header: Option<Header>) -> Matcher<'f> {
        Matcher { header, ..Matcher::new(formats) }
    }

    /// What the file's first line says of its CSV cells.
    pub fn into_header(self) -> Option<Header> {
        self.header
    }

    /// Prepares for many lines of a format.
    pub fn expect(&mut self, format: &LineFormat) {
        for variant in &format.variants {
            self.automata[variant.id].get_or_insert(None);
        }
    }

    /// Which structured formats a line can be of.
    pub fn look(&mut self, text: &str) -> Look {
        self.formats.plan().look(text, &mut self.marks)
    }

    /// Whether no line has named the fields of those after it.
    pub fn knows_no_fields(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether a line cannot be a row of a format's table, whatever its cells say.
    pub fn is_no_table(&self, format: &LineFormat, text: &str) -> bool {
        if format.fields.is_empty() {
            return self.header.is_none();
        }
        let mut cells = 0;
        has_too_few_cells(format, text) || (scan_csv(text, b',', &mut |_, _| cells += 1) && !is_wide_enough(format, cells))
    }

    /// Looks whether the first line of a file is a CSV header.
    pub fn see_first(&mut self, line: &str) {
        let format = self.formats.lines().iter().find(|f| f.reader == Reader::Csv && f.fields.is_empty());
        self.header = format.and_then(|f| Header::new(&f.keys, line));
    }

    /// Matches a line, of which `candidates` is what it may match, and fills the row. A time that is no time makes it a line of another
    /// format.
    pub fn line(&mut self, format: &'f LineFormat, text: &str, candidates: &Candidates, clock: &Clock, row: &mut Row) -> Matched {
        row.clear();
        let passes_over =
            |pattern: &Pattern| self.formats.beginnings().may_pass_over(candidates, format.position) && pattern.is_match(text);
        if format.ignore.as_ref().is_some_and(passes_over) {
            return Matched::Nothing;
        }
        match format.reader {
            Reader::Lines => self.variants(format, text, candidates, clock, row),
            Reader::Json => self.json(format, text, clock, row),
            Reader::Logfmt => self.logfmt_row(format, text, row).then(|| self.head(format, text, clock, row)).flatten(),
            Reader::Fields => return self.fields(format, text, clock, row),
            Reader::Csv if format.fields.is_empty() => return self.headed_csv(format, text, clock, row),
            Reader::Csv => self.csv(format, text, clock, row),
            Reader::Header => self.headed(format, text, clock, row),
            Reader::Block => format.block.as_ref().is_some_and(|p| p.is_match(text)).then(Head::default),
        }
        .map_or(Matched::No, Matched::Record)
    }

    /// Whether the line is an object with the keys that the format requires, and says anything.
    fn json(&mut self, format: &'f LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Option<Head> {
        self.json_row(format, text, row).then(|| self.head(format, text, clock, row)).flatten()
    }

    /// Fills a row from such an object.
    pub fn json_row(&mut self, format: &'f LineFormat, text: &str, row: &mut Row) -> bool {
        if !text.trim_start().starts_with('{') {
            return false;
        }
        let mut found = 0;
        let whole = self.with_keys(format, text, row, &mut found, |names| scan_object(text, 0, names));
        let taken = whole && found == required(format) && says_something(row);
        if taken {
            read_level_inside(text, row);
        }
        taken
    }

    /// Fills a row from a line of pairs.
    pub fn logfmt_row(&mut self, format: &'f LineFormat, text: &str, row: &mut Row) -> bool {
        let mut found = 0;
        let pairs = self.with_keys(format, text, row, &mut found, |names| pairs_of(text, 0, names));
        let mostly_pairs = pairs.leads && pairs.pairs >= 2 && pairs.words <= pairs.pairs;
        mostly_pairs && found == required(format) && says_something(row)
    }

    /// Scans a line with the keys of a format, and tells which requirements they meet.
    fn with_keys<T>(
        &mut self,
        format: &'f LineFormat,
        text: &str,
        row: &mut Row,
        found: &mut u64,
        scan: impl FnOnce(&mut Filling<'_, 'f>) -> T,
    ) -> T {
        let cache = self.keys[format.position].get_or_insert_default();
        cache.begin();
        scan(&mut Filling { cache, format, text, row, found })
    }

    fn fields(&mut self, format: &'f LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Matched {
        if self.fields.is_empty() && !text.starts_with('#') {
            return Matched::No;
        }
        if let Some(names) = FIELDS.iter().find_map(|mark| text.strip_prefix(mark)) {
            self.fields.remove(format.name.as_str());
            let Some(header) = Header::of_fields(format, names) else { return Matched::No };
            self.fields.insert(&format.name, header);
            return Matched::Nothing;
        }
        let Some(header) = self.fields.get(format.name.as_str()) else { return Matched::No };
        let separator = if text.contains('\t') { '\t' } else { ' ' };
        let mut start = 0;
        let mut columns = header.columns.iter();
        for cell in text.split(separator) {
            let Some(column) = columns.next() else { return Matched::No };
            let inside = cell.trim_matches('"');
            let from = start + usize::from(inside.len() < cell.len());
            if let Some((column, rank)) = column.filter(|_| !is_nothing(inside)) {
                row.set(column, Cell::new(from, from + inside.len(), Spelling::Plain), rank);
            }
            start += cell.len() + 1;
        }
        let complete = columns.next().is_none();
        let head = self.head(format, text, clock, row).filter(|head| head.time.is_some() && complete);
        head.map_or(Matched::No, Matched::Record)
    }

    fn headed_csv(&mut self, format: &LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Matched {
        let Some(header) = &self.header else { return Matched::No };
        if text == header.line {
            return Matched::Nothing;
        }
        let whole = scan_csv(text, header.separator, &mut |number, cell| {
            if let Some(Some((column, rank))) = header.columns.get(number)
                && !cell.raw(text).is_empty()
            {
                row.set(*column, cell, *rank);
            }
        });
        let head = self.head(format, text, clock, row).filter(|head| head.time.is_some());
        head.map_or(Matched::No, |head| Matched::Record(Head { open: !whole, ..head }))
    }

    fn variants(&mut self, format: &'f LineFormat, text: &str, candidates: &Candidates, clock: &Clock, row: &mut Row) -> Option<Head> {
        let first = text.bytes().next()?;
        self.places.clear();
        // Steps that this variant has in common with the one tried last.
        let mut shared = usize::MAX;
        for (variant, with_last) in format.variants.iter().zip(format.shared()) {
            shared = shared.min(*with_last);
            if !candidates.has_variant(variant.id) || !variant.may_begin_with(first) {
                continue;
            }
            let filled = self.variant(variant, text, shared, row);
            shared = usize::MAX;
            if !filled {
                continue;
            }
            if takes_level_for_name(text, row) {
                row.clear();
                continue;
            }
            if let Some(prefix) = row.cell(Column::Prefix) {
                header::read_prefix(text, prefix.start()..prefix.start() + prefix.raw(text).len(), clock, row);
                if !row.has(Column::Time) {
                    row.clear();
                    continue;
                }
            }
            self.read_tail(format, text, row);
            self.read_inside(format, text, row);
            self.meet(format);
            let level = self.level(format, text, row);
            return self.head_by((format, Some(variant)), level, text, clock, row);
        }
        None
    }

    fn read_tail(&mut self, format: &'f LineFormat, text: &str, row: &mut Row) {
        if let Some(tail) = row.cell(Column::Tail) {
            self.with_keys(format, text, row, &mut 0, |names| pairs_of(tail.raw(text), tail.start(), names));
        }
    }

    fn headed(&mut self, format: &'f LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Option<Head> {
        let time = header::read(text, clock, row)?;
        self.read_tail(format, text, row);
        self.read_inside(format, text, row);
        read_json_tail(format, text, row);
        let fixed = row.raw(Column::Time, text).is_some_and(stamp::is_fixed);
        Some(head_at((time, fixed), self.level_by_word(format, text, row)))
    }

    fn level_by_word(&mut self, format: &LineFormat, text: &str, row: &Row) -> Level {
        row.raw(Column::Level, text).map(|word| self.level_of_word(format, word)).unwrap_or_default()
    }

    /// The head of a line whose header is known, and what it says; `None` where its time has another length than is known.
    #[inline]
    pub fn head_of_known(
        &mut self,
        format: &LineFormat,
        (variant, level): (Option<&Variant>, Option<Level>),
        text: &str,
        clock: &Clock,
        row: &Row,
    ) -> Option<Head> {
        if format.reader == Reader::Header {
            return self.head_of_header(format, level, text, clock, row);
        }
        let level = level.unwrap_or_else(|| self.level(format, text, row));
        self.head_by((format, variant), level, text, clock, row)
    }

    /// The same where it was told by its shape.
    #[inline(never)]
    fn head_of_header(&mut self, format: &LineFormat, level: Option<Level>, text: &str, clock: &Clock, row: &Row) -> Option<Head> {
        let cell = row.cell(Column::Time)?;
        let read = || {
            let (time, length) = clock.read_prefix(text.get(cell.start()..)?)?;
            (cell.start() + length == cell.end()).then_some(time)
        };
        let (written, behind) = (cell.raw(text), text.get(cell.end()..).unwrap_or_default());
        let time = if Clock::ends_before(behind) && written.contains(':') {
            self.stamps.read(owner_of_header(cell), (written, ""), false, clock, read)?
        } else {
            (read()?, stamp::is_fixed(written))
        };
        let level = level.unwrap_or_else(|| self.level_by_word(format, text, row));
        Some(head_at(time, level))
    }

    /// A message that is itself JSON or logfmt, or that begins with a level, fills what the envelope left open.
    fn read_inside(&mut self, format: &'f LineFormat, text: &str, row: &mut Row) {
        let Some(message) = row.cell(Column::Message) else { return };
        let (inside, base) = (message.raw(text), message.start());
        if !is_structured_inside(inside) {
            return read_level_inside(text, row);
        }
        let mut cells = Row::default();
        let structured = match inside.as_bytes() {
            [b'{', .., b'}'] => self.with_keys(format, text, &mut cells, &mut 0, |names| scan_object(inside, base, names)),
            _ => self.with_keys(format, text, &mut cells, &mut 0, |names| pairs_of(inside, base, names)).leads,
        };
        if structured && cells.has(Column::Message) {
            row.replace(Column::Message, Cell::default());
            row.take_moved(&cells, 0);
        } else {
            read_level_inside(text, row);
        }
    }

    /// Takes note of a match.
    fn meet(&mut self, format: &'f LineFormat) {
        let met = &mut self.met[format.position];
        if *met < OFTEN {
            *met += 1;
            if *met == OFTEN {
                self.expect(format);
            }
        }
    }

    fn variant(&mut self, variant: &'f Variant, text: &str, shared: usize, row: &mut Row) -> bool {
        let own = self.automata[variant.id].as_mut();
        variant.pattern.compiled().is_some_and(|compiled| compiled.fill(text, &mut self.places, shared, own, row))
    }

    fn head(&mut self, format: &LineFormat, text: &str, clock: &Clock, row: &Row) -> Option<Head> {
        let level = self.level(format, text, row);
        self.head_by((format, None), level, text, clock, row)
    }

    /// `None` where the time column holds no time.
    #[inline]
    fn head_by(
        &mut self,
        (format, variant): (&LineFormat, Option<&Variant>),
        level: Level,
        text: &str,
        clock: &Clock,
        row: &Row,
    ) -> Option<Head> {
        let Some(written) = row.raw(Column::Time, text) else { return Some(Head { level, ..Head::default() }) };
        let patterns = variant.map(|variant| variant.time.as_slice()).unwrap_or_default();
        let zone = row.raw(Column::Zone, text);
        let read = |written: &str| match patterns {
            [] => clock.read(written, zone),
            patterns => clock.read_by(patterns, written, zone),
        };
        if let Some(date) = row.raw(Column::Date, text) {
            let written = format!("{date} {written}");
            let fixed = !patterns.is_empty() || stamp::is_fixed(&written);
            return Some(Head { time: Some(read(&written)?), level, open: false, fixed });
        }
        // Variants count from below, formats from above.
        let owner = variant.map_or(usize::MAX - format.position, |variant| variant.id);
        let (time, fixed) = self.stamps.read(owner, (written, zone.unwrap_or_default()), !patterns.is_empty(), clock, || read(written))?;
        Some(Head { time: Some(time), level, open: false, fixed })
    }

    fn level(&mut self, format: &LineFormat, text: &str, row: &Row) -> Level {
        let word = row.raw(Column::Level, text).map(|word| self.level_of_word(format, word));
        let known = word.filter(|level| *level != Level::Unknown);
        let by_code = || row.raw(Column::Code, text).filter(|_| row.has(Column::Prefix)).map(level_of_sqlstate);
        let by_number = || row.raw(Column::SeverityNumber, text).and_then(level_of_otel);
        let severity = || row.raw(Column::Severity, text).and_then(severity);
        known.or_else(severity).or_else(by_code).or_else(by_number).unwrap_or_default()
    }

    fn level_of_word(&mut self, format: &LineFormat, word: &str) -> Level {
        let Some(letters) = packed(word) else { return format.level(word) };
        let slot = &mut self.levels[(letters.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize % LEVELS];
        if (slot.0, slot.1) != (format.position, letters) {
            *slot = (format.position, letters, format.level(word));
        }
        slot.2
    }

    /// Whether one variant matches a line, by itself.
    pub fn hits(&mut self, variant: &'f Variant, text: &str) -> bool {
        self.fills(variant, text, &mut Row::default())
    }

    /// Fills a row by one variant, by itself.
    pub fn fills(&mut self, variant: &'f Variant, text: &str, row: &mut Row) -> bool {
        self.places.clear();
        self.variant(variant, text, 0, row)
    }

    /// Fills a row from the lines of a block; what no variant matches is the message, or follows it.
    pub fn block(&mut self, format: &'f LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Head {
        row.clear();
        let mut rest: Option<(usize, usize)> = None;
        let (mut start, mut cells) = (0, Row::default());
        for line_end in memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]) {
            let line = without_blank_end(&text[start..line_end]);
            cells.clear();
            if format.variants.iter().any(|v| v.may_match(line) && self.fills(v, line, &mut cells)) {
                row.take_moved(&cells, start);
            } else if !line.is_empty() && !line.starts_with('#') {
                rest = Some((rest.map_or(start, |r| r.0), start + line.len()));
            }
            start = line_end + 1;
        }
        if let Some((start, end)) = rest {
            let column = if row.has(Column::Message) { Column::Stack } else { Column::Message };
            row.set(column, Cell::new(start, end, Spelling::Plain), 0);
        }
        self.head(format, text, clock, row).unwrap_or_default()
    }

    fn csv(&mut self, format: &LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Option<Head> {
        if has_too_few_cells(format, text) {
            return None;
        }
        let mut cells = 0;
        let whole = scan_csv(text, b',', &mut |number, cell| {
            cells += 1;
            if let Some(Some(column)) = format.fields.get(number)
                && !cell.raw(text).is_empty()
            {
                row.set(*column, cell, 0);
            }
        });
        let enough = is_wide_enough(format, cells) || !whole;
        let head = enough.then(|| self.head(format, text, clock, row)).flatten().filter(|head| head.time.is_some())?;
        Some(Head { open: !whole, ..head })
    }
}

/// Whose a time is that is told by its shape: of headers in which it ends there.
fn owner_of_header(time: Cell) -> usize {
    // Variants count from below, formats from above.
    usize::MAX / 2 + time.end()
}

/// A line without blanks at its end, which most have none of.
fn without_blank_end(line: &str) -> &str {
    if line.bytes().last().is_some_and(|byte| byte.is_ascii_graphic()) { line } else { line.trim_end() }
}

/// Later versions of a program add cells, earlier ones lack some.
fn is_wide_enough(format: &LineFormat, cells: usize) -> bool {
    cells + 4 >= format.fields.len()
}

/// A row that goes on in the next line cannot have all its cells yet, but then it has a quote.
fn has_too_few_cells(format: &LineFormat, text: &str) -> bool {
    let commas = memchr::memchr_iter(b',', text.as_bytes()).count();
    commas + 5 < format.fields.len() && memchr::memchr(b'"', text.as_bytes()).is_none()
}

/// Fills a row from the values of a line that names them.
struct Filling<'m, 'f> {
    cache: &'m mut KeyCache<KeyUse>,
    format: &'f LineFormat,
    text: &'m str,
    row: &'m mut Row,
    found: &'m mut u64,
}

impl Names for Filling<'_, '_> {
    type Name = Key;

    fn root(&self) -> Key {
        KeyCache::<KeyUse>::ROOT
    }

    fn within(&mut self, parent: Key, raw: &[u8]) -> Key {
        let format = self.format;
        let meets = |key: &str| {
            let met = (0..).zip(&format.requires).filter(|(_, keys)| keys.iter().any(|k| k == key));
            met.fold(0, |all, (number, _)| all | 1_u64 << (number % 64))
        };
        self.cache.within(parent, raw, |key| KeyUse { column: format.keys.get(key), meets: meets(key) })
    }

    fn foreseen(&mut self, parent: Key, rest: &[u8], end: u8) -> Option<(Key, usize)> {
        self.cache.foreseen(parent, rest, end)
    }

    fn value(&mut self, key: Key, cell: Cell) {
        let Some(known) = self.cache.known(key) else { return };
        *self.found |= known.meets;
        if let Some((column, rank)) = known.column
            && !is_nothing(cell.raw(self.text))
        {
            self.row.set(column, cell, rank.saturating_add(1));
        }
    }
}

/// `fixed`: the time means the same wherever it stands.
fn head_at((time, fixed): (Time, bool), level: Level) -> Head {
    Head { time: Some(time), level, open: false, fixed }
}

/// A bit for each requirement of a format.
fn required(format: &LineFormat) -> u64 {
    (0..format.requires.len()).fold(0, |all, number| all | 1_u64 << (number % 64))
}

/// The bytes of a short word as a number.
fn packed(word: &str) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes.get_mut(..word.len())?.copy_from_slice(word.as_bytes());
    Some(u64::from_le_bytes(bytes))
}

/// Whether a message may be JSON or logfmt by itself.
pub fn is_structured_inside(message: &str) -> bool {
    match message.as_bytes() {
        [b'{', .., b'}'] => true,
        [b'a'..=b'z', ..] => MESSAGE_KEY.find(message.as_bytes()).is_some(),
        _ => false,
    }
}

/// `time INFO name: …` looks like `time host program: …`.
pub fn takes_level_for_name(text: &str, row: &Row) -> bool {
    let is_level = |column| row.raw(column, text).is_some_and(header::is_level);
    !row.has(Column::Level) && (is_level(Column::Instance) || (is_level(Column::Service) && !row.has(Column::Pid)))
}

/// Fields that a program appends to its message as an object behind a tab, as zap's console encoder does.
fn read_json_tail(format: &LineFormat, text: &str, row: &mut Row) {
    let Some(message) = row.cell(Column::Message) else { return };
    // Most messages have no tab at all, which is seen in a tenth of the time that looking for both takes.
    let raw = message.raw(text);
    let Some(tab) = memchr::memchr(b'\t', raw.as_bytes()).and_then(|_| raw.rfind("\t{")) else { return };
    let start = message.start() + tab;
    let mut cells = Row::default();
    if scan_json(text[start + 1..].trim_end(), start + 1, &mut |key, cell| set_by_key(&format.keys, key, cell, text, &mut cells)) {
        row.replace(Column::Message, Cell::new(message.start(), start, Spelling::Plain));
        row.take_moved(&cells, 0);
    }
}

fn set_by_key(keys: &Keys, key: &str, cell: Cell, text: &str, row: &mut Row) {
    if let Some((column, rank)) = keys.get(key)
        && !is_nothing(cell.raw(text))
    {
        row.set(column, cell, rank.saturating_add(1));
    }
}

fn says_something(row: &Row) -> bool {
    [Column::Time, Column::Message, Column::Inner, Column::Error].iter().any(|c| row.has(*c))
}

/// Level of a message in a language that is not known, by its SQLSTATE: 00 is success, 01 a warning.
fn level_of_sqlstate(code: &str) -> Level {
    match code.get(..2) {
        Some("00") => Level::Info,
        Some("01") => Level::Warn,
        _ => Level::Error,
    }
}

/// Level of OpenTelemetry's severity number (logs data model, "SeverityNumber").
fn level_of_otel(number: &str) -> Option<Level> {
    const LEVELS: [Level; 6] = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];
    let number: usize = number.trim_start_matches("SEVERITY_NUMBER_").parse().ok()?;
    LEVELS.get(number.checked_sub(1)? / 4).copied()
}

/// Level of a syslog priority or severity.
fn severity(number: &str) -> Option<Level> {
    const LEVELS: [Level; 8] =
        [Level::Fatal, Level::Fatal, Level::Fatal, Level::Error, Level::Warn, Level::Info, Level::Info, Level::Debug];
    number.parse::<usize>().ok().map(|n| LEVELS[n & 7])
}

static MESSAGE_KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(" msg="));

/// Takes the level that a message begins with, where nothing else says it.
fn read_level_inside(text: &str, row: &mut Row) {
    if [Column::Level, Column::Severity, Column::SeverityNumber].iter().any(|column| row.has(*column)) {
        return;
    }
    let Some(message) = row.cell(Column::Message) else { return };
    let (inside, base) = (message.raw(text), message.start());
    if let Some((level, rest)) = leading_level(inside) {
        row.replace(Column::Level, Cell::new(base + level.start, base + level.end, Spelling::Plain));
        row.replace(Column::Message, Cell::new(base + rest, base + inside.len(), message.spelling));
    }
}

/// The place of a level's word at the beginning of a message (`INFO …`, `[warn] …`, `error: …`), and where the rest begins.
pub fn leading_level(message: &str) -> Option<(std::ops::Range<usize>, usize)> {
    let bytes = message.as_bytes();
    let bracket = usize::from(matches!(bytes.first()?, b'[' | b'<' | b'('));
    let length = bytes[bracket..].iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let word = bracket..bracket + length;
    Level::from_word(&message[word.clone()])?;
    let after = &message[word.end..];
    let rest = if bracket == 1 { after.strip_prefix([']', '>', ')'])? } else { after };
    let marked = bracket == 1 || rest.starts_with(':') || message[word.clone()].bytes().all(|b| b.is_ascii_uppercase());
    if !marked || !(rest.is_empty() || rest.starts_with([' ', ':', '\t', '|', '-'])) {
        return None;
    }
    // `Error: no such file` and sshd's `error: …` are sentences that need their first word.
    let upper = message[word.clone()].bytes().all(|b| b.is_ascii_uppercase());
    let sentence = bracket == 0 && ((rest.starts_with(':') && !upper) || (&message[word.clone()] == "ALERT" && rest.starts_with(' ')));
    let trimmed = if sentence { message } else { rest.trim_start_matches([' ', ':', '\t', '|', '-']) };
    Some((word, message.len() - trimmed.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_at_the_beginning_of_a_message() {
        let check = |message: &str, expected: Option<(&str, &str)>| {
            let found = leading_level(message).map(|(word, rest)| (&message[word], &message[rest..]));
            assert_eq!(found, expected, "{message}");
        };
        check("INFO mail queued", Some(("INFO", "mail queued")));
        check("[warn] slow", Some(("warn", "slow")));
        check("error: no disk", Some(("error", "error: no disk")));
        check("[error]: no disk", Some(("error", "no disk")));
        check("ALERT exited with 1", Some(("ALERT", "ALERT exited with 1")));
        check("ERROR - no disk", Some(("ERROR", "no disk")));
        check("Error: connect ECONNREFUSED", Some(("Error", "Error: connect ECONNREFUSED")));
        for plain in ["", "error while reading", "Error opening x", "information", "INFOX y", "[", "[info x", "hello", "ERROR_CODE 3"] {
            check(plain, None);
        }
    }
}
