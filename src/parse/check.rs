//! Runs the samples and rejects inside format files: the test of every format, and what `parsers check` shows.
//!
//! Does not print.

use std::fmt;
use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{Record, Time};
use crate::read::documents::unfolded;
use crate::read::{Source, SourceKind};

use super::cells::Row;
use super::compile::{LineFormat, MessageFormat};
use super::detect::detect;
use super::format::{Expected, Reader};
use super::matching::{Matched, Matcher, fill_by};
use super::messages::read_message;
use super::timestamp::Clock;
use super::{Formats, LogOutcome, read_log};

/// What is wrong with a sample or a reject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The format.
    pub format: String,
    /// The first line of the text.
    pub text: String,
    /// A lower-case fragment.
    pub why: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.format, self.why, self.text)
    }
}

/// Runs every sample and reject of every format among all formats.
pub fn check(formats: &Formats) -> Vec<Failure> {
    let lines = formats.lines().iter().flat_map(|format| check_line_format(formats, format));
    lines.chain(formats.messages().iter().flat_map(|format| check_message_format(formats, format))).collect()
}

fn check_line_format(formats: &Formats, format: &LineFormat) -> Vec<Failure> {
    let mut wrong = Wrong { format: &format.name, failures: Vec::new() };
    if format.samples.is_empty() || format.rejects.is_empty() {
        wrong.add("", "has no [[sample]] or no [[reject]]".to_owned());
    }
    if !format.docs.starts_with("https://") {
        wrong.add(&format.docs, "docs is no link".to_owned());
    }
    for sample in &format.samples {
        check_sample(formats, format, sample.text.trim_matches('\n'), &sample.expect, &mut wrong);
    }
    let mut matcher = Matcher::new(formats);
    for reject in &format.rejects {
        if matcher.line(format, reject.text.trim_matches('\n'), &clock(), &mut Row::default()) != Matched::No {
            wrong.add(&reject.text, "matches what it is to reject".to_owned());
        }
    }
    check_variants(&mut matcher, format, &mut wrong);
    wrong.failures
}

/// Each variant must be the first to match some line of a sample.
fn check_variants<'f>(matcher: &mut Matcher<'f>, format: &'f LineFormat, wrong: &mut Wrong<'_>) {
    let lines = || format.samples.iter().flat_map(|s| s.text.lines());
    for (index, variant) in format.variants.iter().enumerate() {
        let mut hit = |line: &str| {
            let before = format.reader == Reader::Block || !format.variants[..index].iter().any(|v| matcher.hits(v, line));
            before && matcher.hits(variant, line)
        };
        if !lines().any(&mut hit) {
            wrong.add(&variant.name, "no sample hits this [[line]] first".to_owned());
        }
    }
}

struct Wrong<'f> {
    format: &'f str,
    failures: Vec<Failure>,
}

impl Wrong<'_> {
    fn add(&mut self, text: &str, why: String) {
        let text = text.trim().lines().next().unwrap_or_default().to_owned();
        self.failures.push(Failure { format: self.format.to_owned(), text, why });
    }
}

/// Samples without a year are of 2023.
fn clock() -> Clock {
    Clock { utc_offset: 0, near: Time::parse_rfc3339("2023-08-12T14:30:00Z") }
}

fn check_sample(formats: &Formats, format: &LineFormat, text: &str, expect: &[Expected], wrong: &mut Wrong<'_>) {
    let lines = lines_of(text);
    let detected = detect(&mut Matcher::new(formats), &lines, &clock());
    let outer = detected.wrapper.or(detected.format).map_or("unknown", |f| &f.name);
    if outer != format.name {
        wrong.add(text, format!("is taken for {}", detected.name()));
    }
    let mut differences: Vec<Vec<String>> = Vec::new();
    let outcome = read(formats, text, &mut |record| {
        let expected = expect.get(differences.len());
        differences.push(expected.map_or_else(Vec::new, |e| compare(e, record)));
    });
    if differences.len() != expect.len() {
        wrong.add(text, format!("{} records, not {}", differences.len(), expect.len()));
    }
    for (number, difference) in differences.iter().enumerate().flat_map(|(n, list)| list.iter().map(move |d| (n + 1, d))) {
        wrong.add(text, format!("record {number}: {difference}"));
    }
    if outcome.coverage.understood != outcome.coverage.lines {
        wrong.add(text, format!("lines not understood: {:?}", outcome.coverage.misread));
    }
}

/// The lines as a file's would be handed on: a document's records each in one.
fn lines_of(text: &str) -> Vec<String> {
    let mut unfolded_text = String::new();
    let read = unfolded(Box::new(Cursor::new(text.to_owned().into_bytes()))).read_to_string(&mut unfolded_text);
    let text = if read.is_ok() { &unfolded_text } else { text };
    text.lines().map(str::to_owned).collect()
}

fn read(formats: &Formats, text: &str, sink: &mut dyn FnMut(&Record<'_>)) -> LogOutcome {
    let source = Source {
        path: PathBuf::from("sample"),
        shown: Arc::from("sample"),
        kind: SourceKind::Log,
        service: None,
        instance: None,
        bytes: text.len() as u64,
        near: clock().near,
    };
    read_log(&source, Box::new(Cursor::new(text.to_owned().into_bytes())), formats, None, &mut |record, _| sink(record))
}

fn check_message_format(formats: &Formats, format: &MessageFormat) -> Vec<Failure> {
    let mut wrong = Wrong { format: &format.name, failures: Vec::new() };
    if format.samples.is_empty() || format.rejects.is_empty() {
        wrong.add("", "has no [[sample]] or no [[reject]]".to_owned());
    }
    for sample in &format.samples {
        let mut record = Record { message: sample.text.trim_matches('\n').into(), ..Record::default() };
        read_message(formats, &mut record);
        for difference in compare(&sample.expect, &record) {
            wrong.add(&sample.text, difference);
        }
    }
    let matches = |text: &str| format.patterns.iter().position(|p| format.any.is_match(text) && fill_by(p, text, &mut Row::default()));
    for reject in format.rejects.iter().filter(|r| matches(&r.text).is_some()) {
        wrong.add(&reject.text, "matches what it is to reject".to_owned());
    }
    for (index, pattern) in format.patterns.iter().enumerate() {
        if !format.samples.iter().any(|s| matches(s.text.trim_matches('\n')) == Some(index)) {
            wrong.add(&pattern.text, "no sample hits this [[message]] first".to_owned());
        }
    }
    wrong.failures
}

/// What of a record is not as expected.
pub fn compare(expected: &Expected, record: &Record<'_>) -> Vec<String> {
    let request = record.request.as_ref();
    let time = (record.time != Time::default()).then(|| micros(record.time));
    let texts = [
        ("time", expected.time.as_deref().and_then(Time::parse_rfc3339).map(micros), time),
        ("level", expected.level.clone(), Some(record.level.name().to_owned())),
        ("service", expected.service.clone(), owned(record.service.as_deref())),
        ("instance", expected.instance.clone(), owned(record.instance.as_deref())),
        ("version", expected.version.clone(), owned(record.version.as_deref())),
        ("logger", expected.logger.clone(), owned(record.logger.as_deref())),
        ("thread", expected.thread.clone(), owned(record.thread.as_deref())),
        ("trace", expected.trace.clone(), owned(record.trace.as_deref())),
        ("span", expected.span.clone(), owned(record.span.as_deref())),
        ("code_line", expected.code_line.clone(), owned(record.code_line.as_deref())),
        ("message", expected.message.clone(), Some(record.message.to_string())),
        ("error", expected.error.clone(), owned(record.error.as_deref())),
        ("detail", expected.detail.clone(), Some(record.detail.to_string())),
        ("code", expected.code.clone(), owned(record.code.as_deref())),
        ("peer", expected.peer.clone(), owned(record.peer.as_deref())),
        ("client", expected.client.clone(), owned(record.client.as_deref())),
        ("method", expected.method.clone(), owned(request.and_then(|r| r.method.as_deref()))),
        ("path", expected.path.clone(), owned(request.and_then(|r| r.path.as_deref()))),
        ("user", expected.user.clone(), owned(request.and_then(|r| r.user.as_deref()))),
        ("status", expected.status.map(|s| s.to_string()), Some(request.map_or(0, |r| r.status).to_string())),
        ("duration_us", expected.duration_us.map(|d| d.to_string()), request.and_then(|r| r.duration).map(|d| d.to_string())),
    ];
    let wrong = texts.into_iter().filter_map(|(name, expected, found)| {
        let (expected, found) = (expected?, found.unwrap_or_default());
        (expected != found).then(|| format!("{name} is {found:?}, not {expected:?}"))
    });
    wrong.collect()
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn micros(time: Time) -> String {
    format!("{} {:06}", time.rfc3339(), time.0.rem_euclid(crate::model::time::SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_format_compiles() {
        let errors: Vec<String> = Formats::builtin().check().iter().map(ToString::to_string).collect();
        assert_eq!(errors, [""; 0]);
    }

    #[test]
    fn every_sample_and_reject_of_every_format_holds() {
        let failures: Vec<String> = check(&Formats::builtin()).iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    }
}
