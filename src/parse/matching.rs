//! One line against one format: which cell is which column.
//!
//! Does not choose the format, nor keep anything of a line.

use rustc_hash::FxHashMap;

use crate::model::{Level, Time};

use super::Formats;
use super::cells::{Cell, Column, Row, Spelling, is_nothing};
use super::compile::{Keys, LineFormat, Variant};
use super::format::Reader;
use super::header;
use super::pattern::{Compiled, Pattern, Places};
use super::structured::{normal_key, scan_csv, scan_json, scan_pairs};
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
}

/// Matches lines. For the formats of the file it has expressions of its own, as shared ones make threads wait for each
/// other's memory; the others it meets too seldom for the price of a copy.
pub struct Matcher<'f> {
    pub formats: &'f Formats,
    scratch: Vec<Option<Scratch>>,
    /// What the file's first line says of its CSV cells, where it is a header.
    header: Option<Header>,
    /// What the latest `#Fields:` line says to each format that reads them.
    fields: FxHashMap<&'f str, Header>,
    stamp: Stamp,
}

/// The time read last: lines of one second mostly carry the same text, and chrono reads its patterns slowly.
#[derive(Default)]
struct Stamp {
    variant: usize,
    text: String,
    zone: String,
    time: Option<Time>,
}

impl Stamp {
    fn read(&mut self, variant: usize, text: &str, zone: Option<&str>, read: impl FnOnce() -> Option<Time>) -> Option<Time> {
        let zone = zone.unwrap_or("");
        if self.time.is_none() || self.variant != variant || self.text != text || self.zone != zone {
            self.variant = variant;
            text.clone_into(&mut self.text);
            zone.clone_into(&mut self.zone);
            self.time = read();
        }
        self.time
    }
}

/// Columns of CSV cells with the ranks of their names.
struct Header {
    line: String,
    separator: u8,
    columns: Vec<Option<(Column, u8)>>,
}

/// What may separate the cells of a table, the usual first.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// How a line begins that names the cells of those after it.
const FIELDS: [&str; 3] = ["#Fields:", "#fields\t", "#FIELDS:"];

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

struct Scratch {
    compiled: Compiled,
    places: Places,
}

impl Scratch {
    fn new(compiled: &Compiled) -> Self {
        // A clone has memory of its own to work in.
        Scratch { compiled: compiled.clone(), places: compiled.places() }
    }
}

/// Fills a row by a shared expression.
pub fn fill_by(pattern: &Pattern, text: &str, row: &mut Row) -> bool {
    let Some(compiled) = pattern.compiled() else { return false };
    // Most lines are of another format, which costs less to find out than to keep places for them.
    pattern.is_match(text) && compiled.fill(text, &mut compiled.places(), row)
}

impl<'f> Matcher<'f> {
    pub fn new(formats: &'f Formats) -> Matcher<'f> {
        let mut scratch = Vec::new();
        scratch.resize_with(formats.variants(), || None);
        Matcher { formats, scratch, header: None, fields: FxHashMap::default(), stamp: Stamp::default() }
    }

    /// Prepares for many lines of a format.
    pub fn expect(&mut self, format: &'f LineFormat) {
        for variant in &format.variants {
            let slot = &mut self.scratch[variant.id];
            if slot.is_none() {
                *slot = variant.pattern.compiled().map(Scratch::new);
            }
        }
    }

    /// Looks whether the first line of a file is a CSV header.
    pub fn see_first(&mut self, line: &str) {
        let format = self.formats.lines().iter().find(|f| f.reader == Reader::Csv && f.fields.is_empty());
        self.header = format.and_then(|f| Header::new(&f.keys, line));
    }

    /// Matches a line and fills the row. A time that is no time makes it a line of another format.
    pub fn line(&mut self, format: &'f LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Matched {
        row.clear();
        if format.ignore.as_ref().is_some_and(|p| p.is_match(text)) {
            return Matched::Nothing;
        }
        match format.reader {
            Reader::Lines => self.variants(format, text, clock, row),
            Reader::Json => json(format, text, row)
                .then(|| {
                    read_level_inside(text, row);
                    head(format, text, row, &mut |written, zone| clock.read(written, zone))
                })
                .flatten(),
            Reader::Logfmt => {
                logfmt(format, text, row).then(|| head(format, text, row, &mut |written, zone| clock.read(written, zone))).flatten()
            }
            Reader::Fields => return self.fields(format, text, clock, row),
            Reader::Csv if format.fields.is_empty() => return self.headed_csv(format, text, clock, row),
            Reader::Csv => csv(format, text, clock, row),
            Reader::Header => headed(format, text, clock, row),
            Reader::Block => format.block.as_ref().is_some_and(|p| p.is_match(text)).then(Head::default),
        }
        .map_or(Matched::No, Matched::Record)
    }

    fn fields(&mut self, format: &'f LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Matched {
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
        let head = head(format, text, row, &mut |written, zone| clock.read(written, zone))
            .filter(|head| head.time.is_some() && columns.next().is_none());
        head.map_or(Matched::No, Matched::Record)
    }

    fn headed_csv(&self, format: &LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Matched {
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
        let head = head(format, text, row, &mut |written, zone| clock.read(written, zone)).filter(|head| head.time.is_some());
        head.map_or(Matched::No, |head| Matched::Record(Head { open: !whole, ..head }))
    }

    fn variants(&mut self, format: &'f LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Option<Head> {
        let first = text.bytes().next()?;
        for variant in format.variants.iter().filter(|v| v.may_begin_with(first)) {
            if !self.variant(variant, text, row) {
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
            read_tail(format, text, row);
            read_inside(format, text, row);
            let stamp = &mut self.stamp;
            return head(format, text, row, &mut |written, zone| match variant.time.as_slice() {
                [] => clock.read(written, zone),
                patterns => stamp.read(variant.id, written, zone, || clock.read_by(patterns, written, zone)),
            });
        }
        None
    }

    fn variant(&mut self, variant: &'f Variant, text: &str, row: &mut Row) -> bool {
        match &mut self.scratch[variant.id] {
            Some(scratch) => scratch.compiled.fill(text, &mut scratch.places, row),
            None => fill_by(&variant.pattern, text, row),
        }
    }

    /// Whether one variant matches a line, by itself.
    pub fn hits(&mut self, variant: &'f Variant, text: &str) -> bool {
        self.variant(variant, text, &mut Row::default())
    }

    /// Fills a row from the lines of a block; what no variant matches is the message, or follows it.
    pub fn block(&mut self, format: &'f LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Head {
        row.clear();
        let mut rest: Option<(usize, usize)> = None;
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let end = start + line.trim_end().len();
            let mut cells = Row::default();
            if format.variants.iter().any(|v| self.variant(v, line.trim_end(), &mut cells)) {
                row.take_moved(&cells, start);
            } else if end > start && !line.starts_with('#') {
                rest = Some((rest.map_or(start, |r| r.0), end));
            }
            start += line.len();
        }
        if let Some((start, end)) = rest {
            let column = if row.has(Column::Message) { Column::Stack } else { Column::Message };
            row.set(column, Cell::new(start, end, Spelling::Plain), 0);
        }
        head(format, text, row, &mut |written, zone| clock.read(written, zone)).unwrap_or_default()
    }
}

/// `time INFO name: …` looks like `time host program: …`.
fn takes_level_for_name(text: &str, row: &Row) -> bool {
    let is_level = |column| row.raw(column, text).is_some_and(header::is_level);
    !row.has(Column::Level) && (is_level(Column::Instance) || (is_level(Column::Service) && !row.has(Column::Pid)))
}

fn read_tail(format: &LineFormat, text: &str, row: &mut Row) {
    if let Some(tail) = row.cell(Column::Tail) {
        scan_pairs(tail.raw(text), tail.start(), &mut |key, cell| set_by_key(&format.keys, key, cell, text, row));
    }
}

fn headed(format: &LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Option<Head> {
    let time = header::read(text, clock, row)?;
    read_tail(format, text, row);
    read_inside(format, text, row);
    read_json_tail(format, text, row);
    let level = row.raw(Column::Level, text).map(|word| format.level(word)).unwrap_or_default();
    Some(Head { time: Some(time), level, open: false })
}

/// Fields that a program appends to its message as an object behind a tab, as zap's console encoder does.
fn read_json_tail(format: &LineFormat, text: &str, row: &mut Row) {
    let Some(message) = row.cell(Column::Message) else { return };
    let Some(tab) = message.raw(text).rfind("\t{") else { return };
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

/// Whether the line is an object with the keys that the format requires, and says anything.
fn json(format: &LineFormat, text: &str, row: &mut Row) -> bool {
    if !text.trim_start().starts_with('{') {
        return false;
    }
    let mut required = vec![false; format.requires.len()];
    let whole = scan_json(text, 0, &mut |key, cell| {
        for (found, keys) in required.iter_mut().zip(&format.requires) {
            *found |= keys.iter().any(|k| k == key);
        }
        set_by_key(&format.keys, key, cell, text, row);
    });
    whole && required.iter().all(|found| *found) && says_something(row)
}

fn says_something(row: &Row) -> bool {
    [Column::Time, Column::Message, Column::Inner, Column::Error].iter().any(|c| row.has(*c))
}

fn logfmt(format: &LineFormat, text: &str, row: &mut Row) -> bool {
    let mut required = vec![false; format.requires.len()];
    let pairs = scan_pairs(text, 0, &mut |key, cell| {
        for (found, keys) in required.iter_mut().zip(&format.requires) {
            *found |= keys.iter().any(|k| k == key);
        }
        set_by_key(&format.keys, key, cell, text, row);
    });
    let mostly_pairs = pairs.leads && pairs.pairs >= 2 && pairs.words <= pairs.pairs;
    mostly_pairs && required.iter().all(|found| *found) && says_something(row)
}

fn csv(format: &LineFormat, text: &str, clock: &Clock, row: &mut Row) -> Option<Head> {
    let mut cells = 0;
    let whole = scan_csv(text, b',', &mut |number, cell| {
        cells += 1;
        if let Some(Some(column)) = format.fields.get(number)
            && !cell.raw(text).is_empty()
        {
            row.set(*column, cell, 0);
        }
    });
    // A row that goes on in the next line cannot have all its cells yet.
    let enough = cells + 4 >= format.fields.len() || !whole;
    let head = head(format, text, row, &mut |written, zone| clock.read(written, zone)).filter(|head| enough && head.time.is_some())?;
    Some(Head { open: !whole, ..head })
}

/// `None` where the time column holds no time.
fn head(format: &LineFormat, text: &str, row: &Row, read: &mut dyn FnMut(&str, Option<&str>) -> Option<Time>) -> Option<Head> {
    let word = row.raw(Column::Level, text).map(|word| format.level(word));
    let known = word.filter(|level| *level != Level::Unknown);
    let by_code = || row.raw(Column::Code, text).filter(|_| row.has(Column::Prefix)).map(level_of_sqlstate);
    let by_number = || row.raw(Column::SeverityNumber, text).and_then(level_of_otel);
    let level = known.or_else(|| severity(row.raw(Column::Severity, text)?)).or_else(by_code).or_else(by_number).unwrap_or_default();
    let Some(written) = row.raw(Column::Time, text) else { return Some(Head { time: None, level, open: false }) };
    let zone = row.raw(Column::Zone, text);
    if let Some(date) = row.raw(Column::Date, text) {
        return Some(Head { time: Some(read(&format!("{date} {written}"), zone)?), level, open: false });
    }
    Some(Head { time: Some(read(written, zone)?), level, open: false })
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

/// A message that is itself JSON or logfmt, or that begins with a level, fills what the envelope left open.
fn read_inside(format: &LineFormat, text: &str, row: &mut Row) {
    let Some(message) = row.cell(Column::Message) else { return };
    let inside = message.raw(text);
    let base = message.start();
    let mut cells = Row::default();
    let mut set = |key: &str, cell: Cell| set_by_key(&format.keys, key, cell, text, &mut cells);
    let structured = match inside.as_bytes() {
        [b'{', .., b'}'] => scan_json(inside, base, &mut set),
        [b'a'..=b'z', ..] if inside.contains(" msg=") => scan_pairs(inside, base, &mut set).leads,
        _ => false,
    };
    if structured && cells.has(Column::Message) {
        row.replace(Column::Message, Cell::default());
        row.take_moved(&cells, 0);
    } else {
        read_level_inside(text, row);
    }
}

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
