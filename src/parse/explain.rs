//! What becomes of one line and why: for people who write formats, and for whoever wonders what the tool made of a log.
//!
//! Takes the same way as a run does. Slow, as it may be; does not print.

mod near;

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{Level, Record, Time};
use crate::read::{Content, Source, SourceKind};

use super::beginnings::Candidates;
use super::cells::{Cell, Column, Row, Spelling};
use super::check::fields;
use super::compile::LineFormat;
use super::detect::{CATCH_ALL, detect};
use super::format::Reader;
use super::matching::{Matched, Matcher, fill_by};
use super::pattern::Places;
use super::timestamp::Clock;
use super::{Formats, LogOutcome, Sink, read_log};

pub use near::{Failed, NearMiss};

/// Formats that nearly match and are shown.
const NEAR_MISSES: usize = 3;

/// What is to be explained.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The first lines of the file, from which its format is told, and those just before the line; with their numbers.
    pub before: Vec<(u64, String)>,
    pub line: String,
    /// From 1.
    pub number: u64,
    /// What its time may leave out.
    pub clock: Clock,
}

/// What a line is to the tool.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// What the file, or the line by itself, is taken for.
    pub detected: String,
    /// The formats that took the line, an envelope first.
    pub layers: Vec<Layer>,
    /// Whether a run counts the line as understood.
    pub understood: bool,
    /// The record that has the line.
    pub record: Option<Found>,
    /// The message formats that found something in it.
    pub messages: Vec<MessageHit>,
    /// What nearly matched, nearest first. Empty where a format that is no catch-all took the line.
    pub near: Vec<NearMiss>,
}

/// One format's share in a line.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    pub format: String,
    /// The `[[line]]` that took it.
    pub variant: Option<String>,
    /// Column and text, in the order of the columns.
    pub cells: Vec<(&'static str, String)>,
    pub time: Option<Time>,
    pub level: Level,
    /// A line of this format that carries nothing, such as a header.
    pub empty: bool,
}

/// A record as the analysis sees it.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The line on which it begins.
    pub begins: u64,
    /// The fields that it has, under the names that samples use.
    pub fields: Vec<(&'static str, String)>,
    pub message: String,
    pub error: Option<String>,
    pub code: Option<String>,
}

/// What one message format found.
#[derive(Clone, Debug)]
pub struct MessageHit {
    pub format: String,
    /// Which `[[message]]`, from 1.
    pub number: usize,
    pub cells: Vec<(&'static str, String)>,
}

/// Explains a line.
pub fn explain(formats: &Formats, question: &Question) -> Explanation {
    let clock = question.clock;
    let mut sample: Vec<&str> = question.before.iter().map(|(_, text)| text.as_str()).collect();
    sample.push(&question.line);
    let mut matcher = Matcher::new(formats);
    let detected = detect(&mut matcher, &sample, &clock);
    let mut explanation = Explanation { detected: detected.name(), ..Explanation::default() };
    let mut line = question.line.clone();
    if let Some(wrapper) = detected.wrapper
        && let Some((layer, row)) = layer(&mut matcher, wrapper, &line, &clock)
    {
        explanation.layers.push(layer);
        line = row.cell(Column::Inner).map(|cell| cell.text(&line).trim_end().to_owned()).unwrap_or_default();
    }
    let taker = detected.order.iter().find_map(|format| Some((format, layer(&mut matcher, format, &line, &clock)?.0)));
    if taker.as_ref().is_none_or(|(format, _)| format.specificity <= CATCH_ALL) {
        let taken = taker.as_ref().map(|(format, _)| format.name.as_str());
        explanation.near = near::misses(&mut matcher, &line, &clock, taken);
        explanation.near.truncate(NEAR_MISSES);
    }
    explanation.layers.extend(taker.map(|(_, layer)| layer));
    find_record(formats, question, &mut explanation);
    if explanation.layers.is_empty() && explanation.record.is_some() {
        // A line that continues a record is not meant to be of any format.
        explanation.near.clear();
    }
    if let Some(record) = &explanation.record {
        let texts = record.error.iter().chain([&record.message]);
        explanation.messages = texts.flat_map(|text| message_hits(formats, text)).collect();
    }
    explanation
}

/// What one format makes of a line; `None`: it is of another format.
fn layer<'f>(matcher: &mut Matcher<'f>, format: &'f LineFormat, line: &str, clock: &Clock) -> Option<(Layer, Row)> {
    let mut row = Row::default();
    let layer = Layer { format: format.name.clone(), ..Layer::default() };
    match matcher.line(format, line, &Candidates::ANY, clock, &mut row) {
        Matched::No => None,
        Matched::Nothing => Some((Layer { empty: true, ..layer }, row)),
        Matched::Record(head) => {
            let of_lines = format.reader == Reader::Lines;
            let variant = format.variants.iter().find(|v| of_lines && matcher.hits(v, line)).map(|v| v.name.clone());
            Some((Layer { variant, cells: cells(&row, line), time: head.time, level: head.level, ..layer }, row))
        }
    }
}

fn cells(row: &Row, line: &str) -> Vec<(&'static str, String)> {
    let text = |cell: Cell| (cell.spelling != Spelling::Absent).then(|| cell.text(line).into_owned());
    Column::ALL.iter().filter_map(|column| Some((column.word(), text(row.cell(*column)?)?))).collect()
}

/// Reads the lines as a run does and keeps the record that has the last of them.
fn find_record(formats: &Formats, question: &Question, explanation: &mut Explanation) {
    let mut numbers: Vec<u64> = question.before.iter().map(|(number, _)| *number).collect();
    numbers.push(question.number);
    let before: String = question.before.iter().flat_map(|(_, text)| [text.as_str(), "\n"]).collect();
    let earlier = read(formats, question, before.clone(), &mut |_: &Record<'_>, _: u64| {});
    let mut last: Option<(u64, Found)> = None;
    let whole = read(formats, question, format!("{before}{}\n", question.line), &mut |record: &Record<'_>, line: u64| {
        last = Some((line, found(record)))
    });
    explanation.understood = whole.coverage.understood > earlier.coverage.understood;
    let begins = |line: u64| usize::try_from(line).ok().and_then(|at| numbers.get(at.checked_sub(1)?)).copied().unwrap_or(line);
    explanation.record = last.filter(|_| explanation.understood).map(|(line, record)| Found { begins: begins(line), ..record });
}

fn found(record: &Record<'_>) -> Found {
    let empty = |name: &str, value: &str| value.is_empty() || (name == "status" && value == "0") || (name == "level" && value == "unknown");
    let told = fields(record).into_iter().filter_map(|(name, value)| Some((name, value?))).filter(|(name, value)| !empty(name, value));
    Found {
        begins: 0,
        fields: told.collect(),
        message: record.message.to_string(),
        error: record.error.as_deref().map(str::to_owned),
        code: record.code.as_deref().map(str::to_owned),
    }
}

fn read(formats: &Formats, question: &Question, text: String, sink: &mut dyn Sink) -> LogOutcome {
    let source = Source {
        path: PathBuf::from("line"),
        shown: Arc::from("line"),
        kind: SourceKind::Log,
        service: None,
        instance: None,
        bytes: text.len() as u64,
        near: question.clock.near,
        latest: question.clock.latest,
        content: Content::File,
    };
    read_log(&source, Box::new(Cursor::new(text.into_bytes())), formats, Some(question.clock.utc_offset), sink)
}

fn message_hits(formats: &Formats, text: &str) -> Vec<MessageHit> {
    let hit = |format: &super::compile::MessageFormat| {
        let mut row = Row::default();
        let at = format.patterns.iter().position(|pattern| fill_by(pattern, text, &mut Places::default(), &mut row))?;
        Some(MessageHit { format: format.name.clone(), number: at + 1, cells: cells(&row, text) })
    };
    formats.messages().iter().filter(|format| format.any.is_match(text)).filter_map(hit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(before: &[&str], line: &str) -> Explanation {
        let question = Question {
            before: (1..).zip(before.iter().map(|l| (*l).to_owned())).collect(),
            line: line.to_owned(),
            number: before.len() as u64 + 1,
            clock: Clock { near: Time::parse_rfc3339("2023-08-12T14:30:00Z"), ..Clock::default() },
        };
        explain(&Formats::builtin(), &question)
    }

    #[test]
    fn every_layer_of_a_line_is_told() {
        let e = explained(
            &[],
            r#"{"log":"2023-08-12 14:31:07,824 INFO [a] GET /x 500 15ms\n","stream":"stdout","time":"2023-08-12T14:31:07.1Z"}"#,
        );
        let formats: Vec<&str> = e.layers.iter().map(|l| l.format.as_str()).collect();
        assert_eq!(
            (e.detected.as_str(), formats.as_slice(), e.understood),
            ("docker-json/python-logging", &["docker-json", "python-logging"][..], true)
        );
        assert!(e.layers[1].variant.is_some() && e.layers[1].level == Level::Info);
        let record = e.record.unwrap();
        assert!(record.fields.contains(&("status", "500".to_owned())), "{record:?}");
        assert_eq!(e.messages.iter().map(|m| m.format.as_str()).collect::<Vec<_>>(), ["request"]);
        assert!(e.near.is_empty());
    }

    #[test]
    fn a_line_that_follows_belongs_to_the_record_before_it() {
        let e = explained(&["2023-08-12 14:31:07,824 ERROR [a] failed"], "    at com.example.Foo(Foo.java:3)");
        assert_eq!((e.understood, e.record.map(|r| r.begins)), (true, Some(1)));
        let lost = explained(&[], "nothing that anybody knows");
        assert!(!lost.understood && lost.record.is_none() && lost.layers.is_empty());
    }

    #[test]
    fn no_line_is_too_odd() {
        for line in ["", " ", "{", "{\"a\":", "\u{1b}[31m", "é\u{0}x", "2023-13-45 99:99:99,000 INFO [x] y"] {
            let _ = explained(&[], line);
        }
    }
}
