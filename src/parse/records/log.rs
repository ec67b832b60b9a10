//! The lines of a file or of a part of it, one after the other: which begin a record, which belong to the one before.
//!
//! A record is handed on when the next one begins, for until then lines may follow that belong to it. Which format a line is
//! of depends on the line and the file's dialect alone, not on the lines before it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::Time;
use crate::read::lines::{Lines, without_colours};

use super::super::Formats;
use super::super::beginnings::Candidates;
use super::super::cells::{Column, Row};
use super::super::compile::LineFormat;
use super::super::format::Reader;
use super::super::header;
use super::super::matching::{Head, Matched, Matcher};
use super::super::pending::{Meant, Outer, Pending};
use super::super::recall::{Envelopes, Exchange, Recall, Recalled, Standing, Teacher, Wanted};
use super::super::timestamp::Clock;
use super::super::trace;
use super::Sink;
use super::dialect::{Dialect, without_indent};
use super::ledger::Ledger;
use super::tries::Tries;

/// Longest line put together from parts, in bytes.
const LONGEST: usize = 64 * 1024;
/// Docker cuts lines at this length; a longer one without its line end goes on in the next.
pub(super) const DOCKER_CUT: usize = 16 * 1024;

/// What is known after some of the lines. What is pending borrows from the block that is read.
pub struct Log<'f, 's, 'b> {
    memory: Box<Memory<'f>>,
    dialect: &'s Dialect<'f>,
    clock: Clock,
    /// Some record had a time.
    dated: bool,
    /// The line before was of the first format that is tried.
    of_first: bool,
    /// What is known of the message of a line that no format takes.
    plain: Meant,
    pending: Pending<'f, 'b>,
    row: Box<Row>,
    /// What the envelope of a line says.
    wrapping: Box<Row>,
    /// The beginning of a line that its envelope cut, and what the envelope said of it.
    partial: String,
    partial_outer: Outer,
    /// The beginning of a CSV row whose quotes are open.
    open_row: String,
    /// The line that comes next, and the block from there on, if it is worth looking ahead and the line is looked up as it stands.
    next: Option<(&'b str, &'b [u8])>,
    ledger: Ledger,
    sink: &'s mut dyn Sink,
}

/// What is remembered of the lines of a dialect: it makes reading others faster, and nothing else.
pub struct Memory<'f> {
    matcher: Matcher<'f>,
    tries: Tries<'f>,
    /// `None`: every line is read as if none came before.
    recall: Option<Recall>,
    /// The same of envelopes, where the file has some that expressions take.
    envelopes: Option<Box<Envelopes>>,
    /// The formats that a line may be of in the header of a block: all but those that cannot end it.
    in_header: Vec<&'f LineFormat>,
}

impl<'f> Memory<'f> {
    /// Remembers nothing yet.
    pub fn new(dialect: &Dialect<'f>, formats: &'f Formats) -> Self {
        Memory::of(dialect, formats, Some(Recall::default()))
    }

    /// The same, told what others learn of the same log, whom it tells what it learns.
    pub fn shared(dialect: &Dialect<'f>, formats: &'f Formats, exchange: &Arc<Exchange>) -> Self {
        Memory::of(dialect, formats, Some(Recall::shared(exchange)))
    }

    /// Remembers no lines, ever.
    pub fn forgetful(dialect: &Dialect<'f>, formats: &'f Formats) -> Self {
        Memory::of(dialect, formats, None)
    }

    fn of(dialect: &Dialect<'f>, formats: &'f Formats, recall: Option<Recall>) -> Self {
        let mut matcher = Matcher::with_header(formats, dialect.header.clone());
        let detected = &dialect.detected;
        detected.wrapper.into_iter().chain(detected.format).for_each(|format| matcher.expect(format));
        // Those that are no rows of tables are of one line each.
        let wrapper = detected.wrapper.filter(|wrapper| wrapper.reader == Reader::Lines && recall.is_some());
        let envelopes = wrapper.map(|_| Box::default());
        let in_header =
            detected.order.iter().copied().filter(|format| format.reader == Reader::Block || dialect.may_end_header(format)).collect();
        Memory { matcher, tries: Tries::default(), recall, envelopes, in_header }
    }
}

impl<'f, 's, 'b> Log<'f, 's, 'b> {
    /// Begins a log, or a part of one, of this dialect.
    pub fn new(dialect: &'s Dialect<'f>, formats: &'f Formats, clock: Clock, sink: &'s mut dyn Sink) -> Self {
        Log::with(Box::new(Memory::new(dialect, formats)), dialect, clock, sink)
    }

    /// The same with what is remembered of other parts of that dialect.
    pub fn with(memory: Box<Memory<'f>>, dialect: &'s Dialect<'f>, clock: Clock, sink: &'s mut dyn Sink) -> Self {
        Log {
            memory,
            dialect,
            clock,
            dated: false,
            of_first: false,
            plain: Meant::default(),
            pending: Pending::default(),
            row: Box::default(),
            wrapping: Box::default(),
            partial: String::new(),
            partial_outer: Outer::default(),
            open_row: String::new(),
            next: None,
            ledger: Ledger::default(),
            sink,
        }
    }

    /// Reads every line as if none came before.
    #[cfg(test)]
    pub fn forgetful(self) -> Self {
        Log { memory: Box::new(Memory::forgetful(self.dialect, self.memory.matcher.formats)), ..self }
    }

    /// Leaves out the numbers of names from the first line on.
    #[cfg(test)]
    pub fn without_numbers(self) -> Self {
        let memory = *self.memory;
        Log { memory: Box::new(Memory { recall: memory.recall.map(Recall::without_numbers), ..memory }), ..self }
    }

    /// Takes note of lines that lost their middle.
    pub fn cut(&mut self, lines: u64) {
        self.ledger.cut += lines;
    }

    /// Numbers the lines as those behind so many others.
    pub fn skip(&mut self, lines: u64) {
        self.ledger.lines = lines;
    }

    /// Lines read, with those before.
    pub fn lines(&self) -> u64 {
        self.ledger.lines
    }

    /// Whether a line begins a record whatever stands before it.
    pub fn can_begin(&mut self, text: &str) -> bool {
        let text = without_indent(text.strip_suffix('\r').unwrap_or(text), self.dialect.indent);
        match self.dialect.detected.wrapper {
            None => self.is_head(text),
            Some(wrapper) => {
                let mut row = Box::<Row>::default();
                let matched = self.memory.matcher.line(wrapper, text, &Candidates::ANY, &self.clock, &mut row);
                let inner = row.cell(Column::Inner).map(|cell| cell.text(text)).unwrap_or_default();
                let inner = without_colours(inner.trim_end_matches(['\n', '\r'])).into_owned();
                let own = row.raw(Column::Partial, text) != Some("P") && !inner.contains('\n');
                matches!(matched, Matched::Record(Head { open: false, fixed: true, .. }))
                    && own
                    && self.begins_anew(&inner)
                    && self.is_head(&inner)
            }
        }
    }

    /// Whether the format that takes a line says that a record begins with it, and when it was written.
    fn is_head(&mut self, text: &str) -> bool {
        if text.is_empty() || text.starts_with(|c: char| c.is_whitespace()) || trace::is_part(text) {
            return false;
        }
        let candidates = self.memory.matcher.formats.beginnings().look(text);
        for format in &self.dialect.detected.order {
            match self.memory.matcher.line(format, text, &candidates, &self.clock, &mut self.row) {
                Matched::No => {}
                Matched::Nothing => return false,
                Matched::Record(head) => {
                    let level = self.row.raw(Column::Level, text).unwrap_or_default().trim_end();
                    return self.dialect.is_sure(format)
                        && head.fixed
                        && !head.open
                        && format.reader != Reader::Block
                        && !format.attach.contains_key(level);
                }
            }
        }
        false
    }

    /// Reads whole lines, and keeps what the next block needs.
    pub fn block<'n>(self, text: &'b str) -> Log<'f, 's, 'n> {
        let mut log = self;
        let indent = log.dialect.indent;
        let looks_ahead = log.dialect.detected.wrapper.is_none() && log.memory.recall.as_ref().is_some_and(Recall::is_far);
        let mut lines = Lines::of(text).map(|line| without_indent(line, indent));
        let from = |line: &str| &text.as_bytes()[line.as_ptr() as usize - text.as_ptr() as usize..];
        let mut next = lines.next();
        while let Some(line) = next {
            next = lines.next();
            log.next = next.filter(|_| looks_ahead).map(|next| (next, from(next)));
            log.line(line);
        }
        // The block is given back.
        log.memory.recall.iter_mut().for_each(Recall::forget_ahead);
        Log {
            pending: log.pending.into_owned(),
            memory: log.memory,
            dialect: log.dialect,
            clock: log.clock,
            dated: log.dated,
            of_first: log.of_first,
            plain: log.plain,
            row: log.row,
            wrapping: log.wrapping,
            partial: log.partial,
            partial_outer: log.partial_outer,
            open_row: log.open_row,
            next: None,
            ledger: log.ledger,
            sink: log.sink,
        }
    }

    /// Hands on what is left.
    pub fn finish(self) -> Ledger {
        self.leave().0
    }

    /// The same, leaving what is remembered to another part.
    pub fn leave(mut self) -> (Ledger, Box<Memory<'f>>) {
        self.release_partial();
        self.flush();
        (self.ledger, self.memory)
    }

    fn line(&mut self, text: &'b str) {
        self.ledger.lines += 1;
        let understood = match self.dialect.detected.wrapper {
            Some(wrapper) => self.wrapped(wrapper, text),
            None => self.inner(Cow::Borrowed(text), Outer::default()),
        };
        if understood {
            self.ledger.understood += 1;
        } else {
            self.ledger.misread(text);
            self.sink.unread(text, self.ledger.lines);
        }
    }

    /// Takes a line out of its envelope. A CSV row that is not complete waits for its next line.
    fn wrapped(&mut self, wrapper: &'f LineFormat, text: &'b str) -> bool {
        if self.open_row.is_empty() {
            return self.envelope(wrapper, Cow::Borrowed(text));
        }
        let joined = format!("{}\n{text}", std::mem::take(&mut self.open_row));
        self.envelope(wrapper, Cow::Owned(joined))
    }

    fn envelope(&mut self, wrapper: &'f LineFormat, text: Cow<'b, str>) -> bool {
        match self.matched_envelope(wrapper, &text) {
            Matched::Record(head) if head.open && text.len() < LONGEST => {
                self.open_row = text.into_owned();
                true
            }
            Matched::Record(head) => {
                let row = &self.wrapping;
                let own = |column| row.text(column, &text).map(Cow::into_owned);
                let outer = Outer { time: head.time, level: head.level, service: own(Column::Service), instance: own(Column::Instance) };
                let cut = row.raw(Column::Partial, &text) == Some("P");
                let inner = inner_text(row, text);
                self.opened(inner, outer, cut)
            }
            Matched::Nothing => true,
            Matched::No => self.inner(text, Outer::default()),
        }
    }

    /// What a line is to the format of envelopes: by one like it that was met before, where there was one.
    fn matched_envelope(&mut self, wrapper: &'f LineFormat, text: &str) -> Matched {
        let Memory { matcher, envelopes, .. } = &mut *self.memory;
        let (clock, row) = (&self.clock, &mut self.wrapping);
        let Some(envelopes) = envelopes else { return matcher.line(wrapper, text, &Candidates::ANY, clock, row) };
        match envelopes.look(text, matcher.formats, row) {
            Recalled::Known(known) => {
                if let Some(head) = matcher.head_of_known(wrapper, (known.variant, known.level), text, clock, row) {
                    return Matched::Record(head);
                }
            }
            Recalled::Again => envelopes.learn(wrapper, text, &mut Teacher { matcher, order: &[], first: None, clock }),
            Recalled::No => {}
        }
        let matched = matcher.line(wrapper, text, &Candidates::ANY, clock, row);
        envelopes.note(row);
        matched
    }

    /// What was in an envelope, maybe a part of a line.
    fn opened(&mut self, inner: Cow<'b, str>, outer: Outer, cut: bool) -> bool {
        let inner = if memchr::memchr(0x1b, inner.as_bytes()).is_some() { Cow::Owned(without_colours(&inner).into_owned()) } else { inner };
        // The rest of a cut line can be missing: what was shipped through another agent often has lost it.
        if !self.partial.is_empty() && self.begins_anew(&inner) {
            self.release_partial();
        }
        let cut = cut || (inner.len() >= DOCKER_CUT && !inner.ends_with('\n'));
        if cut && self.partial.len() < LONGEST {
            if self.partial.is_empty() {
                self.partial_outer = outer;
            }
            self.partial.push_str(&inner);
            return true;
        }
        if self.partial.is_empty() {
            return self.unwrapped(inner, outer);
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.push_str(&inner);
        let outer = std::mem::take(&mut self.partial_outer);
        self.unwrapped(Cow::Owned(whole), outer)
    }

    /// What was in an envelope may be several lines, of which those that begin no record belong to the one before.
    fn unwrapped(&mut self, text: Cow<'b, str>, outer: Outer) -> bool {
        let whole = text.trim_end_matches(['\n', '\r']);
        let end = whole.len();
        let Some(first) = memchr::memchr(b'\n', whole.as_bytes()) else {
            return self.inner(shortened(text, end), outer);
        };
        let rest = whole[first + 1..].to_owned();
        let understood = self.inner(shortened(text, first), outer.clone());
        for line in rest.split('\n') {
            let begins =
                !line.starts_with([' ', '\t']) && !trace::is_part(line) && self.begins_record(&mut Cow::Owned(line.to_owned()), &outer);
            if !begins && self.pending.live {
                self.pending.follow(line, Meant::default());
            }
        }
        understood
    }

    /// Whether a line is dated by itself in the file's format, so that it cannot be the rest of another.
    fn begins_anew(&mut self, text: &str) -> bool {
        let Some(format) = self.dialect.detected.format else { return false };
        let matched = self.memory.matcher.line(format, text.trim_end_matches(['\n', '\r']), &Candidates::ANY, &self.clock, &mut self.row);
        matches!(matched, Matched::Record(Head { time: Some(_), .. }))
    }

    /// Takes a cut line whose rest never came for what it is.
    fn release_partial(&mut self) {
        if !self.partial.is_empty() {
            let (text, outer) = (std::mem::take(&mut self.partial), std::mem::take(&mut self.partial_outer));
            self.inner(Cow::Owned(text), outer);
        }
    }

    /// Whether the line was understood.
    fn inner(&mut self, mut text: Cow<'b, str>, outer: Outer) -> bool {
        if self.pending.live && self.pending.head.open {
            self.pending.continue_csv(&mut self.memory.matcher, &text, &self.clock);
            return true;
        }
        let indented = text.as_bytes().first().is_none_or(|first| matches!(first, b' ' | b'\t') || !first.is_ascii_graphic());
        let blank = indented && text.trim_start().is_empty();
        let indented = blank || (indented && text.starts_with([' ', '\t']));
        let mut meant = Meant::default();
        if !(indented && self.pending.shares(&outer)) {
            if blank || self.begins_record(&mut text, &outer) {
                return true;
            }
            meant = self.plain;
            if !self.pending.takes(&text, &outer) {
                return self.alone(text, outer, indented);
            }
        }
        self.pending.follow(&text, meant);
        true
    }

    /// A line of no known format that belongs to no record.
    fn alone(&mut self, text: Cow<'b, str>, outer: Outer, indented: bool) -> bool {
        if outer.time.is_none() {
            // What is indented is the end of something whose beginning another file has.
            return indented || trace::is_part(&text);
        }
        self.flush();
        self.clock.near = outer.time;
        self.pending.begin_plain(text, &outer, self.ledger.lines);
        self.pending.meant = self.plain;
        true
    }

    /// Tries the file's format, then all others, unless the line belongs to a stack trace or to a block.
    fn begins_record(&mut self, text: &mut Cow<'b, str>, outer: &Outer) -> bool {
        let order = self.dialect.detected.order.as_slice();
        self.plain = Meant::default();
        if self.pending.live && self.pending.in_trace && trace::is_part(text) {
            return order.first().is_some_and(|format| self.is_taken_by(format, &Candidates::ANY, text, outer));
        }
        if let Some(begins) = self.recalled(text, outer) {
            return begins;
        }
        // Where the last line was of the first format, so mostly is this one.
        let tried = order.first().copied().filter(|_| self.of_first);
        if let Some(format) = tried
            && self.is_taken_by(format, &Candidates::ANY, text, outer)
        {
            return true;
        }
        let formats = self.memory.matcher.formats;
        let (candidates, kind) = self.memory.tries.look(formats, order, text);
        let mut look = None;
        let mut place = 0;
        while let Some(format) = self.memory.tries.format(kind, place) {
            place += 1;
            if tried.is_some_and(|tried| std::ptr::eq(tried, format)) {
                continue;
            }
            if format.is_structured() && !formats.plan().may_be(*look.get_or_insert_with(|| self.memory.matcher.look(text)), format) {
                continue;
            }
            if self.is_taken_by(format, &candidates, text, outer) {
                self.of_first = self.dialect.detected.order.first().is_some_and(|first| std::ptr::eq(*first, format));
                return true;
            }
        }
        self.of_first = false;
        false
    }

    /// Whether a line begins a record as one like it did that was met before, and is taken as that was; `None` where that is not known.
    fn recalled(&mut self, text: &mut Cow<'b, str>, outer: &Outer) -> Option<bool> {
        let Memory { matcher, recall, in_header, .. } = &mut *self.memory;
        let recall = recall.as_mut().filter(|_| matcher.knows_no_fields())?;
        let all = self.dialect.detected.order.as_slice();
        let (place, order) =
            if self.pending.takes_header() { (Standing::InHeader, in_header.as_slice()) } else { (Standing::Anywhere, all) };
        recall.hear(&mut matcher.meanings);
        let wanted = if self.pending.like_are_counted { Wanted::Head } else { Wanted::All };
        let known = match recall.look_at((place, wanted), text, matcher.formats, &mut self.row) {
            Recalled::No => return None,
            Recalled::Again => {
                let mut teacher = Teacher { matcher, order, first: all.first().copied(), clock: &self.clock };
                recall.learn(text, &mut teacher, &mut self.row)?
            }
            Recalled::Known(known) => known,
        };
        if let Some((next, block)) = self.next {
            recall.look_ahead(next, block);
            let kind = known.meant.kind.map(|kind| matcher.meanings.tag(kind));
            kind.into_iter().for_each(|kind| self.sink.expect(kind));
        }
        if known.may_have_header && header::is_one(text, &self.clock) {
            return None;
        }
        let Some(format) = known.format else {
            (self.plain, self.of_first) = (known.meant, false);
            return Some(false);
        };
        if format.reader == Reader::Block {
            self.of_first = known.is_first;
            return Some(self.accept_block(format, text, outer));
        }
        // What ends a block depends on more than the line.
        if self.pending.is_block() {
            return None;
        }
        let head = self.memory.matcher.head_of_known(format, (known.variant, known.level), text, &self.clock, &self.row);
        self.memory.recall.iter().for_each(Recall::fetch_ahead);
        let dated = outer.time.is_some() || (self.dated && self.clock.near.is_some());
        let head = head.as_ref().filter(|head| dated || head.time.is_some())?;
        self.of_first = known.is_first;
        if known.may_attach && self.attaches(format, text) {
            return Some(true);
        }
        self.begin(format, head, text, outer, known.meant).then_some(true)
    }

    fn is_taken_by(&mut self, format: &'f LineFormat, candidates: &Candidates, text: &mut Cow<'b, str>, outer: &Outer) -> bool {
        // A block ends at the header of the next, and where another program's line says of itself when it was written.
        let in_block = self.pending.is_block();
        let own = format.reader == Reader::Block;
        if in_block && !own && !self.may_end_block(format) {
            return false;
        }
        match self.memory.matcher.line(format, text, candidates, &self.clock, &mut self.row) {
            Matched::No => false,
            Matched::Nothing => !in_block || own,
            Matched::Record(head) if in_block && !own && !self.ends_block(format, head, text) => false,
            Matched::Record(head) => self.accept(format, head, text, outer),
        }
    }

    /// Whether any line of a format can end the block.
    fn may_end_block(&self, format: &LineFormat) -> bool {
        !self.pending.takes_header() || self.dialect.may_end_header(format)
    }

    /// A catch-all takes much for a header that stands in the middle of a block, unless it is the file's own or the block is complete.
    fn ends_block(&self, format: &LineFormat, head: Head, text: &str) -> bool {
        head.time.is_some() && (self.dialect.is_sure(format) || self.pending.is_complete_before(text))
    }

    /// Takes a line for one of a format.
    fn accept(&mut self, format: &'f LineFormat, head: Head, text: &mut Cow<'b, str>, outer: &Outer) -> bool {
        if format.reader == Reader::Block {
            return self.accept_block(format, text, outer);
        }
        self.attaches(format, text) || self.begin(format, &head, text, outer, Meant::default())
    }

    /// Takes a line for a record of a format. `meant`: what is known of its message.
    fn begin(&mut self, format: &'f LineFormat, head: &Head, text: &mut Cow<'b, str>, outer: &Outer, meant: Meant) -> bool {
        let written = outer.time.or(head.time);
        let Some(time) = written.or_else(|| self.clock.near.filter(|_| self.dated)) else {
            self.ledger.undated += 1;
            return false;
        };
        self.flush();
        self.clock.near = Some(time);
        self.dated = true;
        self.pending.begin(Some(format), head, text, outer, self.ledger.lines);
        self.pending.head.time = Some(time);
        std::mem::swap(&mut self.pending.row, &mut self.row);
        self.pending.meant = meant;
        true
    }

    fn accept_block(&mut self, format: &'f LineFormat, text: &mut Cow<'b, str>, outer: &Outer) -> bool {
        if self.pending.takes_header() {
            self.pending.extend(text);
        } else {
            self.flush();
            self.pending.begin(Some(format), &Head::default(), text, outer, self.ledger.lines);
        }
        true
    }

    /// Adds a DETAIL or STATEMENT to the record of the same process before it.
    fn attaches(&mut self, format: &LineFormat, text: &str) -> bool {
        if !self.pending.live || format.attach.is_empty() {
            return false;
        }
        let Some(level) = format.attaches(&self.row, text) else { return false };
        self.pending.complete(&mut self.memory.matcher, &self.clock);
        let same = format.attach_same.is_none_or(|column| self.row.raw(column, text) == self.pending.raw(column));
        if same {
            let message = self.row.raw(Column::Message, text).unwrap_or_default();
            self.pending.follow(&format!("{level}:  {}", message.trim_start()), Meant::default());
        }
        same
    }

    fn flush(&mut self) {
        let (line, time): (u64, Option<Time>) =
            (self.pending.first_line, self.pending.flush(&mut self.memory.matcher, &self.clock, self.sink));
        if let Some(time) = time {
            self.dated = true;
            self.ledger.record(time, line);
        }
    }
}

/// The line in an envelope.
fn inner_text<'b>(row: &Row, text: Cow<'b, str>) -> Cow<'b, str> {
    let Some(cell) = row.cell(Column::Inner) else { return Cow::Borrowed("") };
    match text {
        Cow::Borrowed(text) => cell.text(text),
        Cow::Owned(text) => Cow::Owned(cell.text(&text).into_owned()),
    }
}

/// The beginning of a text.
fn shortened(text: Cow<'_, str>, end: usize) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}
