//! Lines to records: a log file read from its beginning to its end, every line accounted for.
//!
//! A record is handed on when the next one begins, for until then lines may follow that belong to it. Does not keep
//! records, nor know what they will be used for.

use std::io::Read;

use crate::model::{Complaint, Level, Origin, Record, SourceCoverage, Time, TimeSpan};
use crate::read::Source;
use crate::read::lines::LineReader;

use super::Formats;
use super::assemble;
use super::columns::{Column, Row};
use super::compile::LineFormat;
use super::detail::Detail;
use super::detect::{Detected, detect};
use super::format::Reader;
use super::matching::{Head, Matched, Matcher};
use super::messages::read_message;
use super::timestamp::Clock;
use super::trace;

/// Lines from which a file's format is told.
const SAMPLE: usize = 200;
/// Lines that were not understood and are kept as examples.
const EXAMPLES: usize = 3;
/// Longest text of one record before its detail, in bytes: a runaway CSV quote or SQL statement ends here.
const LONGEST: usize = 64 * 1024;
/// Docker cuts lines at this length; a longer one without its line end goes on in the next.
const DOCKER_CUT: usize = 16 * 1024;

/// What became of a file.
#[derive(Debug, Default)]
pub struct LogOutcome {
    pub coverage: SourceCoverage,
    pub complaints: Vec<Complaint>,
}

/// Reads a log and hands each record to `sink`, with the number of its first line. `utc_offset` are the seconds east of
/// UTC of times without a zone.
pub fn read_log(
    source: &Source,
    input: Box<dyn Read + Send>,
    formats: &Formats,
    utc_offset: Option<i32>,
    sink: &mut dyn FnMut(&Record<'_>, u64),
) -> LogOutcome {
    let mut lines = LineReader::new(input);
    let mut sample = Vec::new();
    let mut failure = None;
    while sample.len() < SAMPLE && failure.is_none() {
        match lines.next() {
            Ok(Some(line)) => sample.push(line.text.into_owned()),
            Ok(None) => break,
            Err(e) => failure = Some(e),
        }
    }
    let clock = Clock { utc_offset: utc_offset.unwrap_or(0), near: source.near };
    let mut log = Log::new(formats, clock, &sample, sink);
    for line in &sample {
        log.line(line);
    }
    drop(sample);
    while failure.is_none() {
        match lines.next() {
            Ok(Some(line)) => log.line(&line.text),
            Ok(None) => break,
            Err(e) => failure = Some(e),
        }
    }
    log.flush();
    log.outcome(source, failure, lines.cut)
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
    wrapping: Row,
    /// The beginning of a line that its envelope cut.
    partial: String,
    ledger: Ledger,
    sink: &'s mut dyn FnMut(&Record<'_>, u64),
}

/// The record whose following lines are still to come.
#[derive(Default)]
struct Pending<'f> {
    live: bool,
    text: String,
    row: Row,
    format: Option<&'f LineFormat>,
    head: Head,
    first_line: u64,
    outer: Outer,
    detail: Detail,
    in_trace: bool,
    /// A block has got lines after its header.
    has_body: bool,
}

/// What an envelope says of the line in it.
#[derive(Clone, Debug, Default)]
struct Outer {
    time: Option<Time>,
    service: Option<String>,
    instance: Option<String>,
    present: bool,
}

#[derive(Default)]
struct Ledger {
    lines: u64,
    understood: u64,
    records: u64,
    first: Option<Time>,
    last: Option<Time>,
    /// Records before any time was seen.
    undated: u64,
    misread: Vec<(u64, String)>,
}

impl Ledger {
    fn misread(&mut self, text: &str) {
        if self.misread.len() < EXAMPLES {
            self.misread.push((self.lines, text.chars().take(300).collect()));
        }
    }

    fn record(&mut self, time: Time) {
        self.records += 1;
        self.first = Some(self.first.map_or(time, |t| t.min(time)));
        self.last = Some(self.last.map_or(time, |t| t.max(time)));
    }
}

impl<'f, 's> Log<'f, 's> {
    fn new(formats: &'f Formats, clock: Clock, sample: &[String], sink: &'s mut dyn FnMut(&Record<'_>, u64)) -> Self {
        let mut matcher = Matcher::new(formats);
        let detected = detect(&mut matcher, sample, &clock);
        let others = formats.lines().iter().filter(|f| !f.wraps && detected.format.is_none_or(|d| !std::ptr::eq(d, *f)));
        Log {
            matcher,
            detected,
            order: detected.format.into_iter().chain(others).collect(),
            clock,
            pending: Pending::default(),
            row: Row::default(),
            wrapping: Row::default(),
            partial: String::new(),
            ledger: Ledger::default(),
            sink,
        }
    }

    fn line(&mut self, text: &str) {
        self.ledger.lines += 1;
        match self.detected.wrapper {
            Some(wrapper) => self.wrapped(wrapper, text),
            None => self.inner(text, Outer::default()),
        }
    }

    /// Takes a line out of its envelope.
    fn wrapped(&mut self, wrapper: &'f LineFormat, text: &str) {
        let head = match self.matcher.line(wrapper, text, &self.clock, &mut self.wrapping) {
            Matched::Record(head) => head,
            Matched::Nothing => return self.ledger.understood += 1,
            Matched::No => return self.inner(text, Outer::default()),
        };
        let own = |column| self.wrapping.text(column, text).map(|t| t.into_owned());
        let outer = Outer { time: head.time, service: own(Column::Service), instance: own(Column::Instance), present: true };
        let inner = self.wrapping.cell(Column::Inner).map(|cell| cell.text(text)).unwrap_or_default();
        let cut = self.wrapping.raw(Column::Partial, text) == Some("P") || (inner.len() >= DOCKER_CUT && !inner.ends_with('\n'));
        if cut && self.partial.len() < LONGEST {
            self.partial.push_str(&inner);
            self.ledger.understood += 1;
            return;
        }
        if self.partial.is_empty() {
            return self.inner(inner.trim_end_matches(['\n', '\r']), outer);
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.push_str(inner.trim_end_matches(['\n', '\r']));
        self.inner(&whole, outer);
    }

    fn inner(&mut self, text: &str, outer: Outer) {
        if self.pending.head.open {
            return self.continue_csv(text);
        }
        let indented = text.starts_with([' ', '\t']);
        if text.trim_start().is_empty() || (indented && self.pending.live) {
            return self.follow(text);
        }
        if self.begins_record(text, &outer) {
            return;
        }
        if self.pending.live && self.belongs(text) {
            return self.follow(text);
        }
        if outer.time.is_some() {
            return self.plain(text, outer);
        }
        if indented || trace::is_part(text) {
            // The end of something whose beginning another file has.
            self.ledger.understood += 1;
            return;
        }
        self.ledger.misread(text);
    }

    /// Tries the file's format, then, unless the line is a part of a stack trace, all others.
    fn begins_record(&mut self, text: &str, outer: &Outer) -> bool {
        for position in 0..self.order.len() {
            if position == 1 && self.pending.live && (self.pending.in_trace || self.pending.is_block()) && trace::is_part(text) {
                return false;
            }
            let format = self.order[position];
            match self.matcher.line(format, text, &self.clock, &mut self.row) {
                Matched::No => {}
                Matched::Nothing => {
                    self.ledger.understood += 1;
                    return true;
                }
                Matched::Record(head) => {
                    if !self.accept(format, head, text, outer) {
                        continue;
                    }
                    if position > 1 {
                        self.order[1..=position].rotate_right(1);
                    }
                    return true;
                }
            }
        }
        false
    }

    fn accept(&mut self, format: &'f LineFormat, head: Head, text: &str, outer: &Outer) -> bool {
        if format.reader == Reader::Block {
            self.begin_block(format, text);
            return true;
        }
        let carried = self.ledger.last_seen(&self.clock);
        let Some(time) = outer.time.or(head.time).or(carried) else { return false };
        if self.attaches(format, text) {
            return true;
        }
        self.clock.near = Some(time);
        self.begin(Some(format), Head { time: Some(time), ..head }, text, outer.clone());
        std::mem::swap(&mut self.pending.row, &mut self.row);
        true
    }
}
