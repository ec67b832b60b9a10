//! Shows what becomes of a line: its format, its columns, the record, the template, and where other formats stop.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::cli::args::ExplainArgs;
use crate::cli::output::Streams;
use crate::cli::settings::{Environment, utc_offset};
use crate::cli::{Failure, formats};
use crate::model::Time;
use crate::parse::Formats;
use crate::parse::explain::{Explanation, Failed, Layer, NearMiss, Question, explain};
use crate::parse::timestamp::Clock;
use crate::read::Bundle;
use crate::read::lines;
use crate::report::{pad, sanitize, shorten, symptom, to_ascii, wrap};
use crate::suspect::facts::Facts;
use crate::template::tokens;

/// Lines of a file from which its format is told, as in a run.
const HEAD: u64 = 200;
/// Lines before the one in question, in which the record that it continues begins.
const BEFORE: usize = 100;
/// Columns of the names at the left.
const LABEL: usize = 11;
/// Lines of one text.
const MOST_LINES: usize = 6;

/// Explains the line, the lines of standard input, or one line of a file.
pub fn run(args: &ExplainArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let offset = args.tz.as_deref().map(utc_offset).transpose()?.unwrap_or(0);
    let loaded = formats::load(&args.formats, environment)?;
    loaded.warn(streams);
    let asked = Asked { formats: &loaded.formats, facts: &Facts::builtin(), offset, environment };
    match (&args.file, args.line.as_deref()) {
        (Some(place), _) => {
            let question = line_of_file(place, offset)?;
            asked.answer(&question, streams)
        }
        (None, Some("-")) => asked.standard_input(streams),
        (None, line) => {
            let line = line.unwrap_or_default().to_owned();
            let clock = clock(Path::new(lines::STDIN), offset);
            asked.answer(&Question { line, number: 1, clock, ..Question::default() }, streams)
        }
    }
}

struct Asked<'a> {
    formats: &'a Formats,
    facts: &'a Facts,
    offset: i32,
    environment: &'a Environment,
}

impl Asked<'_> {
    fn answer(&self, question: &Question, streams: &mut Streams<'_>) -> Result<(), Failure> {
        let explanation = explain(self.formats, question);
        let mut page = Page { width: self.environment.width(), text: String::new() };
        page.explanation(question, &explanation, self.facts);
        let text = if self.environment.unicode() { page.text } else { to_ascii(&page.text) };
        streams.result(text.as_bytes())
    }

    fn standard_input(&self, streams: &mut Streams<'_>) -> Result<(), Failure> {
        let clock = clock(Path::new(lines::STDIN), self.offset);
        let mut outcome = Ok(());
        let read = lines::each_line(open(Path::new(lines::STDIN))?, &mut |line, number| {
            outcome = self.next_answer(line, number, clock, streams);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        outcome.and_then(|()| read.map_err(|e| unreadable(Path::new("standard input"), &e)))
    }

    fn next_answer(&self, line: &str, number: u64, clock: Clock, streams: &mut Streams<'_>) -> Result<(), Failure> {
        if number > 1 {
            streams.result(b"\n")?;
        }
        let question = Question { line: line.to_owned(), number: 1, clock, ..Question::default() };
        self.answer(&question, streams)
    }
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    lines::open(path).map_err(|e| unreadable(path, &e))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot read {}: {error}", path.display()), None)
}

/// What times in a file leave out, by the rules of a run; a pipe is being written now.
fn clock(path: &Path, utc_offset: i32) -> Clock {
    if path.as_os_str() == lines::STDIN {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok();
        let now = now.and_then(|now| Time::from_seconds(now.as_secs_f64()));
        return Clock { utc_offset, near: now, latest: now };
    }
    let bundle = Bundle::open(&[path.to_owned()]).ok();
    let source = bundle.as_ref().and_then(|bundle| bundle.sources.first());
    source.map_or(Clock { utc_offset, ..Clock::default() }, |source| Clock::of(source, Some(utc_offset)))
}

/// The line with what a run would have read before it.
fn line_of_file(place: &str, utc_offset: i32) -> Result<Question, Failure> {
    let usage = || Failure::usage(format!("--file: \"{place}\" names no line"), "write FILE:LINE, such as logs/app.log:1284");
    let (path, number) = place.rsplit_once(':').ok_or_else(usage)?;
    let number: u64 = number.parse().ok().filter(|n| *n > 0).ok_or_else(usage)?;
    let path = PathBuf::from(path);
    let (mut head, mut before) = (Vec::new(), VecDeque::new());
    let (mut last, mut found) = (0, None);
    let read = lines::each_line(open(&path)?, &mut |line, at| {
        last = at;
        if at == number {
            found = Some(line.to_owned());
            return ControlFlow::Break(());
        }
        if at <= HEAD {
            head.push((at, line.to_owned()));
            return ControlFlow::Continue(());
        }
        before.push_back((at, line.to_owned()));
        if before.len() > BEFORE {
            before.pop_front();
        }
        ControlFlow::Continue(())
    });
    read.map_err(|e| unreadable(&path, &e))?;
    head.extend(before);
    match found {
        Some(line) => Ok(Question { before: head, line, number, clock: clock(&path, utc_offset) }),
        None => Err(Failure::failed(format!("{} has {last} lines, no line {number}", path.display()), None)),
    }
}

struct Page {
    width: usize,
    text: String,
}

impl Page {
    /// A name and its text, wrapped behind it.
    fn row(&mut self, label: &str, text: &str) {
        let room = self.width.saturating_sub(LABEL).max(16);
        let label = if label.len() < LABEL { pad(label, LABEL) } else { format!("{label} ") };
        let text = shorten(&sanitize(text), room * MOST_LINES);
        let mut lines = wrap(&text, room);
        if lines.is_empty() {
            lines.push("(empty)".to_owned());
        }
        for (i, line) in lines.iter().enumerate() {
            let label = if i == 0 { label.clone() } else { " ".repeat(LABEL) };
            self.text.push_str(format!("{label}{line}").trim_end());
            self.text.push('\n');
        }
    }

    fn explanation(&mut self, question: &Question, e: &Explanation, facts: &Facts) {
        self.row("LINE", &question.line);
        let taken = match (e.understood, e.layers.is_empty()) {
            (true, false) => format!("{}: understood", e.detected),
            (true, true) if e.record.is_some() => "no format by itself, but it belongs to the record before it".to_owned(),
            (true, true) => "no format: looks like the rest of a record whose beginning is elsewhere, and carries nothing".to_owned(),
            (false, false) => format!("{}: but not understood as a record of its own", e.detected),
            (false, true) => "no format: not understood".to_owned(),
        };
        self.row("TAKEN FOR", &taken);
        e.layers.iter().for_each(|layer| self.layer(layer));
        self.record(question, e, facts);
        e.near.iter().for_each(|miss| self.near(&question.line, miss));
    }

    fn layer(&mut self, layer: &Layer) {
        let variant = layer.variant.as_ref().map(|v| format!(", line \"{v}\"")).unwrap_or_default();
        let nothing = if layer.empty { ": carries nothing, such as a header" } else { "" };
        self.row("FORMAT", &format!("{}{variant}{nothing}", layer.format));
        for (column, text) in &layer.cells {
            let read = match *column {
                "time" => layer.time.map(|time| format!("  = {time}")),
                "level" | "severity" => Some(format!("  = {}", layer.level.name())),
                _ => None,
            };
            self.row(&format!("  {column}"), &format!("{text}{}", read.unwrap_or_default()));
        }
    }

    fn record(&mut self, question: &Question, e: &Explanation, facts: &Facts) {
        for hit in &e.messages {
            self.row("MESSAGE", &format!("{}, [[message]] {}", hit.format, hit.number));
            hit.cells.iter().for_each(|(column, text)| self.row(&format!("  {column}"), text));
        }
        let Some(record) = &e.record else { return };
        let begins = if record.begins == question.number { String::new() } else { format!("begins at line {}", record.begins) };
        self.row("RECORD", if begins.is_empty() { "as the analysis sees it" } else { &begins });
        record.fields.iter().for_each(|(name, text)| self.row(&format!("  {name}"), text));
        let error = record.error.as_ref().map(|error| format!(" | {}", tokens::mask(error))).unwrap_or_default();
        self.row("TEMPLATE", &format!("{}{error}", tokens::mask(&record.message)));
        let texts = record.error.iter().chain([&record.message]);
        if let Some(shown) = texts.filter_map(|text| facts.symptom(text, record.code.as_deref())).next() {
            self.row("SHOWS", symptom(shown));
        }
    }

    fn near(&mut self, line: &str, miss: &NearMiss) {
        let variant = miss.variant.as_ref().map(|v| format!(", line \"{v}\"")).unwrap_or_default();
        self.row("NEARLY", &format!("{}{variant}", miss.format));
        match &miss.failed {
            Failed::Piece(piece) => {
                // Regular expressions count bytes; a character must not be cut.
                let at = (0..=miss.offset.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
                let (matched, rest) = line.split_at(at);
                self.row("  matches", &tail(matched));
                self.row("  stops at", if rest.is_empty() { "the end of the line" } else { rest });
                self.row("  expected", &format!("`{piece}`"));
            }
            Failed::Time(time) => self.row("  but", &format!("its time \"{time}\" is no time")),
            Failed::Other(why) => self.row("  but", why),
        }
    }
}

/// The end of a text, which is what counts before the place where something stopped.
fn tail(text: &str) -> String {
    const SHOWN: usize = 60;
    let from = text.char_indices().rev().nth(SHOWN - 1).map_or(0, |(at, _)| at);
    if from == 0 { text.to_owned() } else { format!("…{}", &text[from..]) }
}
