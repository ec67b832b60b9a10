//! The record whose following lines are still to come.
//!
//! Does not decide which lines follow; `records` does.

use std::borrow::Cow;

use crate::model::{Level, Time};

use super::assemble;
use super::beginnings::Candidates;
use super::cells::{Cell, Column, Row, Spelling};
use super::compile::LineFormat;
use super::detail::Detail;
use super::format::Reader;
use super::matching::{Head, Matcher};
use super::messages::{is_request_line, read_message};
use super::records::Sink;
use super::timestamp::Clock;
use super::trace;

/// Longest text of a record that spans lines, in bytes: a runaway CSV quote or SQL statement ends here.
const LONGEST: usize = 64 * 1024;

/// Room made for a record that spans lines, in bytes: most need no more.
const SEVERAL_LINES: usize = 512;

/// Lines that a program wrote with one call reach the envelope within this time, in seconds.
const AT_ONCE: f64 = 0.1;

/// What an envelope says of the line in it.
#[derive(Debug, Default)]
pub struct Outer {
    pub time: Option<Time>,
    pub level: Level,
    pub service: Option<String>,
    pub instance: Option<String>,
}

impl Clone for Outer {
    fn clone(&self) -> Outer {
        let mut outer = Outer::default();
        outer.clone_from(self);
        outer
    }

    /// Keeps the memory of its names: envelopes mostly say the same as the one before.
    #[inline(always)]
    fn clone_from(&mut self, outer: &Outer) {
        (self.time, self.level) = (outer.time, outer.level);
        // Most say neither.
        if self.has_names() || outer.has_names() {
            self.name_as(outer);
        }
    }
}

impl Outer {
    #[inline]
    fn has_names(&self) -> bool {
        self.service.is_some() || self.instance.is_some()
    }

    #[inline(never)]
    fn name_as(&mut self, outer: &Outer) {
        self.service.clone_from(&outer.service);
        self.instance.clone_from(&outer.instance);
    }
}

/// One record, from its first line on.
#[derive(Default)]
pub struct Pending<'f, 'b> {
    /// There is one.
    pub live: bool,
    /// The line, or the lines of a block or of a CSV row.
    text: Cow<'b, str>,
    pub row: Box<Row>,
    /// `None`: a line without a known format in an envelope.
    format: Option<&'f LineFormat>,
    pub head: Head,
    pub first_line: u64,
    outer: Outer,
    detail: Detail,
    /// Its following lines are those of a stack trace.
    pub in_trace: bool,
    /// The last line that a block has got after its header.
    last_of_body: Option<BodyLine>,
    /// What is known of its message.
    pub meant: Meant,
    /// The last record of which it was asked was counted without a look at it, as the next one will be, mostly.
    pub like_are_counted: bool,
}

/// A line of a block behind its header.
#[derive(Clone, Copy, Debug)]
struct BodyLine {
    /// Where it begins in the block.
    start: usize,
    /// What is known of it as a message.
    meant: Meant,
}

/// What is known of a message before it is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meant {
    /// The number of the masked message.
    pub message: Option<u32>,
    /// That of its kind of record.
    pub kind: Option<u32>,
    /// It is the line of a request, and of that kind where an outcome stands beside.
    pub is_request: bool,
}

/// Whether a line begins as a program without times writes one that is no error, `info: `: no part of an error's trace.
fn tells_its_level(text: &str) -> bool {
    let harmless = ["trace", "debug", "verbose", "info", "http", "notice", "warn", "warning"];
    text.split_once(": ").is_some_and(|(word, _)| harmless.iter().any(|level| word.eq_ignore_ascii_case(level)))
}

/// The level that a whole text begins with, and the rest of it.
pub fn plain(text: &str) -> (Option<Level>, Cell) {
    let found = super::matching::leading_level(text);
    let level = found.as_ref().and_then(|(word, _)| Level::from_word(&text[word.clone()]));
    (level, Cell::new(found.map_or(0, |(_, rest)| rest), text.len(), Spelling::Plain))
}

/// What follows of a message from the cells of its line.
pub fn meant(row: &Row, text: &str, matcher: &mut Matcher<'_>) -> Meant {
    let message = assemble::message(row, text);
    let known = (!message.is_empty()).then(|| matcher.meanings.number(matcher.formats, &message));
    let Some(number) = known.flatten() else { return Meant::default() };
    let is_request = is_request_line(&message);
    let service = row.text(Column::Service, text).unwrap_or_default();
    let kind = (!assemble::tells_more(row)).then(|| matcher.meanings.kind(number, &service, is_request)).flatten();
    Meant { message: Some(number), kind, is_request }
}

impl<'f, 'b> Pending<'f, 'b> {
    /// The same, free of the block that its text stands in.
    pub fn into_owned<'n>(self) -> Pending<'f, 'n> {
        Pending {
            text: if self.live { Cow::Owned(self.text.into_owned()) } else { Cow::Borrowed("") },
            live: self.live,
            row: self.row,
            format: self.format,
            head: self.head,
            first_line: self.first_line,
            outer: self.outer,
            detail: self.detail,
            in_trace: self.in_trace,
            last_of_body: self.last_of_body,
            meant: self.meant,
            like_are_counted: self.like_are_counted,
        }
    }

    /// Begins a record with its first line, which is taken, in place of the one before.
    pub fn begin(&mut self, format: Option<&'f LineFormat>, head: &Head, text: &mut Cow<'b, str>, outer: &Outer, line: u64) {
        // Most are borrowed, and were told a moment ago: the processor would wait to copy them whole.
        self.text = if let Cow::Borrowed(text) = text { Cow::Borrowed(*text) } else { std::mem::take(text) };
        self.detail.clear();
        self.row.clear();
        self.format = format;
        self.head = *head;
        if head.level == Level::Unknown {
            self.head.level = outer.level;
        }
        self.outer.clone_from(outer);
        self.first_line = line;
        self.in_trace = false;
        self.last_of_body = None;
        self.meant = Meant::default();
        self.live = true;
    }

    /// Fills the cells that were left out.
    #[inline]
    pub fn complete(&mut self, matcher: &mut Matcher<'f>, clock: &Clock) {
        if self.row.is_partial() {
            self.read_again(matcher, clock);
        }
    }

    /// Fills all cells anew from its text.
    #[inline(never)]
    fn read_again(&mut self, matcher: &mut Matcher<'f>, clock: &Clock) {
        if let Some(format) = self.format {
            matcher.line(format, &self.text, &Candidates::ANY, clock, &mut self.row);
        }
    }

    /// Makes the whole text the message, but for a level that it begins with.
    pub fn begin_plain(&mut self, mut text: Cow<'b, str>, outer: &Outer, line: u64) {
        let (level, message) = plain(&text);
        let level = level.unwrap_or(outer.level);
        let in_trace = trace::is_part(&text);
        self.begin(None, &Head { time: outer.time, level, ..Head::default() }, &mut text, outer, line);
        self.row.set(Column::Message, message, 0);
        self.in_trace = in_trace;
    }

    /// Whether its format lays a record out over several lines.
    pub fn is_block(&self) -> bool {
        self.live && self.format.is_some_and(|f| f.reader == Reader::Block)
    }

    /// Whether the block's last line is as last lines are, and `text` is none of those that a block has.
    pub fn is_complete_before(&self, text: &str) -> bool {
        let last = self.text.rsplit('\n').next().unwrap_or("");
        let own = |format: &LineFormat| format.variants.iter().any(|variant| variant.pattern.is_match(text));
        self.last_of_body.is_some() && self.format.is_some_and(|f| f.end.as_ref().is_some_and(|end| end.is_match(last)) && !own(f))
    }

    /// Whether a line that could begin a block still belongs to the header of this one.
    pub fn takes_header(&self) -> bool {
        self.is_block() && self.last_of_body.is_none()
    }

    /// The text of a column as written.
    pub fn raw(&self, column: Column) -> Option<&str> {
        self.row.raw(column, &self.text)
    }

    /// Whether a line is of the same program as this record, as far as its envelope says.
    #[inline]
    pub fn shares(&self, outer: &Outer) -> bool {
        self.live && self.outer.service == outer.service && self.outer.instance == outer.instance
    }

    /// Whether a line without a time of its own belongs to this record.
    pub fn takes(&self, text: &str, outer: &Outer) -> bool {
        if !self.shares(outer) {
            return false;
        }
        if self.is_block() {
            return true;
        }
        let at_once = outer.time.is_none_or(|t| self.head.time.is_some_and(|head| (t - head).abs() < AT_ONCE));
        let continued = || self.format.and_then(|f| f.continuation.as_ref()).is_some_and(|p| p.is_match(text));
        let after_error = self.in_trace || self.head.level >= Level::Error || trace::is_part(text);
        // A line that is nothing but a time has its message below.
        let bare = self.detail.is_empty() && self.raw(Column::Message) == Some("") && !self.row.has(Column::Logger);
        bare || (at_once && after_error && !(outer.time.is_some() && tells_its_level(text))) || continued()
    }

    /// Adds a line that follows. `meant`: what is known of it as a message.
    pub fn follow(&mut self, text: &str, meant: Meant) {
        if self.is_block() {
            if !text.starts_with('#') {
                self.last_of_body = Some(BodyLine { start: self.text.len() + 1, meant });
            }
            return self.extend(text);
        }
        self.in_trace = self.in_trace || trace::is_part(text);
        if !text.is_empty() || !self.detail.is_empty() {
            self.detail.push(text);
        }
    }

    /// Adds a line to the record's own text.
    pub fn extend(&mut self, text: &str) {
        if self.text.len() + text.len() < LONGEST {
            if let Cow::Borrowed(first) = self.text {
                let mut whole = String::with_capacity(SEVERAL_LINES.max(first.len() + 1 + text.len()));
                whole.push_str(first);
                self.text = Cow::Owned(whole);
            }
            let whole = self.text.to_mut();
            whole.push('\n');
            whole.push_str(text);
        }
    }

    /// Adds a line to an open CSV row; the row is closed when its last quote is.
    pub fn continue_csv(&mut self, matcher: &mut Matcher<'f>, text: &str, clock: &Clock) {
        self.extend(text);
        let too_long = self.text.len() + text.len() >= LONGEST;
        // Doubled quotes come in pairs, so an odd number of them opens or closes.
        let closes = memchr::memchr_iter(b'"', text.as_bytes()).count() % 2 == 1;
        if !closes && !too_long {
            return;
        }
        self.head.open = false;
        self.read_again(matcher, clock);
    }

    /// What is known of a block's message: where it is the last line and nothing else, what is known of that. Of its kind nothing, which has none where
    /// the block tells more than a message.
    fn meant_by_last_line(&self) -> Meant {
        let Some(BodyLine { start, meant }) = self.last_of_body else { return Meant::default() };
        let message = self.row.cell(Column::Message).filter(|cell| cell.start() == start);
        let is_whole = || message.is_some_and(|cell| plain(cell.raw(&self.text)).1.start() == 0);
        if meant.message.is_some() && assemble::tells_more(&self.row) && is_whole() {
            Meant { kind: None, ..meant }
        } else {
            Meant::default()
        }
    }

    /// The number of its kind, where nothing beside its line tells of it. What is not known of its message is asked.
    fn kind(&mut self, matcher: &mut Matcher<'f>) -> Option<u32> {
        if !self.detail.is_empty() || self.outer.service.is_some() {
            return None;
        }
        if self.meant.message.is_none() {
            self.meant = meant(&self.row, &self.text, matcher);
        }
        self.meant.kind.filter(|_| !self.meant.is_request || assemble::is_request(&self.row, &self.text))
    }

    /// Hands the record on. `false` where there was none, or a block without any time.
    pub fn flush(&mut self, matcher: &mut Matcher<'f>, clock: &Clock, sink: &mut dyn Sink) -> Option<Time> {
        if !std::mem::take(&mut self.live) {
            return None;
        }
        if let Some(format) = self.format.filter(|f| f.reader == Reader::Block) {
            self.head = matcher.block(format, &self.text, clock, &mut self.row);
            self.head.time = self.outer.time.or(self.head.time).or(clock.near);
            self.meant = self.meant_by_last_line();
        }
        let time = self.head.time?;
        let wants_requests = sink.wants_requests();
        let kind = (!wants_requests).then(|| self.kind(matcher)).flatten().map(|kind| matcher.meanings.tag(kind));
        if let Some(kind) = kind {
            self.like_are_counted = sink.alike(kind, self.head.level, time, self.first_line);
            if self.like_are_counted {
                return Some(time);
            }
        }
        self.complete(matcher, clock);
        let detail = self.detail.text();
        let mut record = assemble::record(&self.row, &self.text, &detail, self.head);
        record.service = record.service.or_else(|| self.outer.service.as_deref().map(Cow::Borrowed));
        record.instance = record.instance.or_else(|| self.outer.instance.as_deref().map(Cow::Borrowed));
        // What is the line of a request is told apart in any case: it is masked otherwise.
        if wants_requests || is_request_line(&record.message) {
            record.request = assemble::request(&self.row, &self.text);
        }
        record.kind = kind;
        record.masked = read_message(matcher.formats, &mut matcher.meanings, self.meant.message, wants_requests, &mut record);
        sink.record(&record, self.first_line);
        Some(time)
    }
}
