//! Lines to records: a log file read from its beginning to its end, every line accounted for.
//!
//! A record is handed on when the next one begins, for until then lines may follow that belong to it. Does not keep
//! records, nor know what they will be used for.

use std::borrow::Cow;
use std::io::{self, Read};

use crate::model::{Complaint, Origin, Record, SourceCoverage, Time, TimeSpan};
use crate::read::Source;
use crate::read::documents::unfolded;
use crate::read::lines::{LineReader, without_colours};

use super::Formats;
use super::cells::{Column, Row};
use super::compile::LineFormat;
use super::detect::{CATCH_ALL, Detected, detect};
use super::dispatch::Look;
use super::format::Reader;
use super::matching::{Head, Matched, Matcher};
use super::pending::{Outer, Pending};
use super::rhythm::Rhythm;
use super::timestamp::Clock;
use super::trace;

/// Lines from which a file's format is told.
const SAMPLE: usize = 200;
/// Lines that were not understood and are kept as examples.
const EXAMPLES: usize = 3;
/// Formats that are tried before all others are looked at together.
const TRIED_FIRST: usize = 2;
/// Longest line put together from parts, in bytes.
const LONGEST: usize = 64 * 1024;
/// Docker cuts lines at this length; a longer one without its line end goes on in the next.
const DOCKER_CUT: usize = 16 * 1024;

/// What became of a file.
#[derive(Debug, Default)]
pub struct LogOutcome {
    pub coverage: SourceCoverage,
    pub complaints: Vec<Complaint>,
}

impl LogOutcome {
    /// A file that cannot be opened or read at all.
    pub fn unreadable(source: &Source, why: &str) -> LogOutcome {
        let (path, format) = (source.shown.to_string(), "not read".to_owned());
        let complaint = Complaint { origin: Origin::file(&source.shown), why: format!("cannot be read: {why}"), more: 0 };
        let coverage = SourceCoverage { path, format, bytes: source.bytes, ..SourceCoverage::default() };
        LogOutcome { coverage, complaints: vec![complaint] }
    }
}

/// Takes what a log holds, in the order in which it is known to be complete.
pub trait Sink {
    /// A record, with the number of its first line.
    fn record(&mut self, record: &Record<'_>, line: u64);

    /// A line that was not understood, with its number.
    fn unread(&mut self, _text: &str, _line: u64) {}
}

impl<F: FnMut(&Record<'_>, u64)> Sink for F {
    fn record(&mut self, record: &Record<'_>, line: u64) {
        self(record, line);
    }
}

/// Reads a log and hands each record to `sink`. `utc_offset` are the seconds east of UTC of times without a zone.
pub fn read_log(
    source: &Source,
    input: Box<dyn Read + Send>,
    formats: &Formats,
    utc_offset: Option<i32>,
    sink: &mut dyn Sink,
) -> LogOutcome {
    let mut lines = LineReader::new(unfolded(input));
    let mut sample = Vec::new();
    let mut failure = take_sample(&mut lines, &mut sample).err();
    let indent = common_indent(&sample);
    sample.iter_mut().for_each(|line| *line = without_indent(line, indent).to_owned());
    let clock = Clock { utc_offset: utc_offset.unwrap_or(0), near: source.near };
    let mut log = Log::new(formats, clock, &sample, sink);
    for line in std::mem::take(&mut sample) {
        log.line(&line);
    }
    while failure.is_none() {
        match lines.next_line() {
            Ok(Some(line)) => log.line(without_indent(&line.text, indent)),
            Ok(None) => break,
            Err(e) => failure = Some(e),
        }
    }
    log.release_partial();
    log.flush();
    log.outcome(source, failure.as_ref(), lines.cut)
}

/// Blanks that every line of the sample begins with: some programs indent whole logs.
fn common_indent(sample: &[String]) -> usize {
    let indents = sample.iter().filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start_matches([' ', '\t']).len());
    indents.min().unwrap_or(0)
}

fn without_indent(line: &str, indent: usize) -> &str {
    let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
    &line[indent.min(blanks)..]
}

fn take_sample(lines: &mut LineReader, sample: &mut Vec<String>) -> io::Result<()> {
    while sample.len() < SAMPLE {
        match lines.next_line()? {
            Some(line) => sample.push(line.text.into_owned()),
            None => break,
        }
    }
    Ok(())
}

/// The state of one file.
struct Log<'f, 's> {
    matcher: Matcher<'f>,
    detected: Detected<'f>,
    /// The file's format first, then the one met last, then the others.
    order: Vec<&'f LineFormat>,
    clock: Clock,
    pending: Pending<'f>,
    row: Row,
    /// The beginning of a line that its envelope cut, and what the envelope said of it.
    partial: String,
    /// The beginning of a CSV row whose quotes are open.
    open_row: String,
    partial_outer: Outer,
    ledger: Ledger,
    sink: &'s mut dyn Sink,
}

#[derive(Default)]
struct Ledger {
    lines: u64,
    understood: u64,
    records: u64,
    first: Option<Time>,
    last: Option<Time>,
    /// Lines of a known format that have no time, and none before them has.
    undated: u64,
    misread: Vec<(u64, String)>,
    rhythm: Rhythm,
}

impl Ledger {
    fn misread(&mut self, text: &str) {
        if self.misread.len() < EXAMPLES {
            self.misread.push((self.lines, text.chars().take(300).collect()));
        }
    }

    fn record(&mut self, time: Time, line: u64) {
        self.rhythm.beat(time, line);
        self.records += 1;
        self.first = Some(self.first.map_or(time, |t| t.min(time)));
        self.last = Some(self.last.map_or(time, |t| t.max(time)));
    }
}

impl<'f, 's> Log<'f, 's> {
    fn new(formats: &'f Formats, clock: Clock, sample: &[String], sink: &'s mut dyn Sink) -> Self {
        let mut matcher = Matcher::new(formats);
        let mut detected = detect(&mut matcher, sample, &clock);
        detected.wrapper.into_iter().chain(detected.format).for_each(|format| matcher.expect(format));
        Log {
            matcher,
            order: std::mem::take(&mut detected.order),
            detected,
            clock,
            pending: Pending::default(),
            row: Row::default(),
            partial: String::new(),
            open_row: String::new(),
            partial_outer: Outer::default(),
            ledger: Ledger::default(),
            sink,
        }
    }

    fn line(&mut self, text: &str) {
        self.ledger.lines += 1;
        let understood = match self.detected.wrapper {
            Some(wrapper) => self.wrapped(wrapper, text),
            None => self.inner(text, Outer::default()),
        };
        if understood {
            self.ledger.understood += 1;
        } else {
            self.ledger.misread(text);
            self.sink.unread(text, self.ledger.lines);
        }
    }

    /// Takes a line out of its envelope. A CSV row that is not complete waits for its next line.
    fn wrapped(&mut self, wrapper: &'f LineFormat, text: &str) -> bool {
        let mut row = Row::default();
        let joined = (!self.open_row.is_empty()).then(|| format!("{}\n{text}", std::mem::take(&mut self.open_row)));
        let text = joined.as_deref().unwrap_or(text);
        let head = match self.matcher.line(wrapper, text, &self.clock, &mut row) {
            Matched::Record(head) if head.open && text.len() < LONGEST => {
                self.open_row = text.to_owned();
                return true;
            }
            Matched::Record(head) => head,
            Matched::Nothing => return true,
            Matched::No => return self.inner(text, Outer::default()),
        };
        let own = |column| row.text(column, text).map(|t| t.into_owned());
        let outer = Outer { time: head.time, level: head.level, service: own(Column::Service), instance: own(Column::Instance) };
        let inner = row.cell(Column::Inner).map(|cell| cell.text(text)).unwrap_or_default();
        let inner = if inner.contains('\u{1b}') { Cow::Owned(without_colours(&inner).into_owned()) } else { inner };
        // The rest of a cut line can be missing: what was shipped through another agent often has lost it.
        if !self.partial.is_empty() && self.begins_anew(&inner) {
            self.release_partial();
        }
        let cut = row.raw(Column::Partial, text) == Some("P") || (inner.len() >= DOCKER_CUT && !inner.ends_with('\n'));
        if cut && self.partial.len() < LONGEST {
            if self.partial.is_empty() {
                self.partial_outer = outer;
            }
            self.partial.push_str(&inner);
            return true;
        }
        if self.partial.is_empty() {
            return self.unwrapped(&inner, outer);
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.push_str(&inner);
        let outer = std::mem::take(&mut self.partial_outer);
        self.unwrapped(&whole, outer)
    }

    /// What was in an envelope may be several lines, of which those that begin no record belong to the one before.
    fn unwrapped(&mut self, text: &str, outer: Outer) -> bool {
        let mut lines = text.trim_end_matches(['\n', '\r']).split('\n');
        let understood = self.inner(lines.next().unwrap_or_default(), outer.clone());
        for line in lines {
            let begins = !line.starts_with([' ', '\t']) && !trace::is_part(line) && self.begins_record(line, &outer);
            if !begins && self.pending.live {
                self.pending.follow(line);
            }
        }
        understood
    }

    /// Whether a line is dated by itself in the file's format, so that it cannot be the rest of another.
    fn begins_anew(&mut self, text: &str) -> bool {
        let Some(format) = self.detected.format else { return false };
        let matched = self.matcher.line(format, text.trim_end_matches(['\n', '\r']), &self.clock, &mut Row::default());
        matches!(matched, Matched::Record(Head { time: Some(_), .. }))
    }

    /// Takes a cut line whose rest never came for what it is.
    fn release_partial(&mut self) {
        if !self.partial.is_empty() {
            let (text, outer) = (std::mem::take(&mut self.partial), std::mem::take(&mut self.partial_outer));
            self.inner(&text, outer);
        }
    }

    /// Whether the line was understood.
    fn inner(&mut self, text: &str, outer: Outer) -> bool {
        if self.pending.live && self.pending.head.open {
            self.pending.continue_csv(&mut self.matcher, text, &self.clock);
            return true;
        }
        let blank = text.trim_start().is_empty();
        let indented = blank || text.starts_with([' ', '\t']);
        if !(indented && self.pending.shares(&outer)) {
            if blank || self.begins_record(text, &outer) {
                return true;
            }
            if !self.pending.takes(text, &outer) {
                return self.alone(text, outer, indented);
            }
        }
        self.pending.follow(text);
        true
    }

    /// A line of no known format that belongs to no record.
    fn alone(&mut self, text: &str, outer: Outer, indented: bool) -> bool {
        if outer.time.is_none() {
            // What is indented is the end of something whose beginning another file has.
            return indented || trace::is_part(text);
        }
        self.flush();
        self.clock.near = outer.time;
        self.pending.begin_plain(text, outer, self.ledger.lines);
        true
    }

    /// Tries the file's format, then all others, unless the line belongs to a stack trace or to a block.
    fn begins_record(&mut self, text: &str, outer: &Outer) -> bool {
        let follows = self.pending.live && self.pending.in_trace && trace::is_part(text);
        let tried = if follows { 1.min(self.order.len()) } else { self.order.len() };
        // A block ends at the header of the next, and where another program's line says of itself when it was written.
        let in_block = self.pending.is_block();
        let mut look = Look::default();
        for position in 0..tried {
            let format = self.order[position];
            // The file's format and the one met last are worth a try of their own.
            if position == TRIED_FIRST {
                look = self.matcher.formats.plan().look(text);
            }
            if position >= TRIED_FIRST && !self.matcher.formats.plan().may_be(look, format) {
                continue;
            }
            let own = format.reader == Reader::Block;
            let understood = match self.matcher.line(format, text, &self.clock, &mut self.row) {
                Matched::No => false,
                Matched::Nothing => !in_block || own,
                Matched::Record(head) if in_block && !own && (head.time.is_none() || format.specificity <= CATCH_ALL) => false,
                Matched::Record(head) => self.accept(format, head, text, outer),
            };
            if understood {
                self.prefer(position);
                return true;
            }
        }
        false
    }

    /// Formats met again and again are tried soon; a catch-all stays behind those that know more.
    fn prefer(&mut self, position: usize) {
        let format = self.order[position];
        if position > 1 && format.specificity > CATCH_ALL {
            self.order[1..=position].rotate_right(1);
            self.matcher.expect(format);
        }
    }

    fn accept(&mut self, format: &'f LineFormat, head: Head, text: &str, outer: &Outer) -> bool {
        if format.reader == Reader::Block {
            return self.accept_block(format, text, outer);
        }
        if self.attaches(format, text) {
            return true;
        }
        let known = outer.time.or(head.time);
        let Some(time) = known.or_else(|| self.ledger.last.and(self.clock.near)) else {
            self.ledger.undated += 1;
            return false;
        };
        self.flush();
        self.clock.near = Some(time);
        self.ledger.last = self.ledger.last.or(Some(time));
        self.pending.begin(Some(format), Head { time: Some(time), ..head }, text, outer.clone(), self.ledger.lines);
        std::mem::swap(&mut self.pending.row, &mut self.row);
        true
    }

    fn accept_block(&mut self, format: &'f LineFormat, text: &str, outer: &Outer) -> bool {
        if self.pending.takes_header() {
            self.pending.extend(text);
        } else {
            self.flush();
            self.pending.begin(Some(format), Head::default(), text, outer.clone(), self.ledger.lines);
        }
        true
    }

    /// Adds a DETAIL or STATEMENT to the record of the same process before it.
    fn attaches(&mut self, format: &LineFormat, text: &str) -> bool {
        if !self.pending.live || format.attach.is_empty() {
            return false;
        }
        let Some(level) = format.attach.get(self.row.raw(Column::Level, text).unwrap_or_default().trim_end()) else { return false };
        let same = format.attach_same.is_none_or(|column| self.row.raw(column, text) == self.pending.raw(column));
        if same {
            let message = self.row.raw(Column::Message, text).unwrap_or_default();
            self.pending.follow(&format!("{level}:  {}", message.trim_start()));
        }
        same
    }

    fn flush(&mut self) {
        if let Some(time) = self.pending.flush(&mut self.matcher, &self.clock, self.sink) {
            self.ledger.record(time, self.pending.first_line);
        }
    }

    fn outcome(self, source: &Source, failure: Option<&io::Error>, cut: u64) -> LogOutcome {
        let ledger = self.ledger;
        let mut complaints = Vec::new();
        let mut complain =
            |line, why: String, more: u64| complaints.push(Complaint { origin: Origin::new(&source.shown, line), why, more });
        if let Some(error) = failure {
            complain(ledger.lines, format!("broken off after line {}: {error}", ledger.lines), 0);
        }
        if cut > 0 {
            complain(0, "a line of more than 64 KiB lost its middle".to_owned(), cut - 1);
        }
        if ledger.undated > 0 && ledger.records == 0 {
            complain(0, "no line carries a time".to_owned(), 0);
        }
        let span = ledger.first.zip(ledger.last).filter(|_| ledger.records > 0).map(|(a, b)| TimeSpan::new(a, b));
        let coverage = SourceCoverage {
            path: source.shown.to_string(),
            format: self.detected.name(),
            bytes: source.bytes,
            lines: ledger.lines,
            understood: ledger.understood,
            records: ledger.records,
            span,
            misread: ledger.misread,
            rhythm: ledger.rhythm.longest_usual(),
            gaps: ledger.rhythm.gaps(),
        };
        LogOutcome { coverage, complaints }
    }
}

#[cfg(test)]
mod mixed;
#[cfg(test)]
mod tests;
