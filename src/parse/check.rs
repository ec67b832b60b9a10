//! Runs the samples and rejects inside format files: the test of every format, and what `parsers check` shows.
//!
//! Does not print.

use std::fmt;
use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::time::SECOND;
use crate::model::{Record, Time};
use crate::read::documents::unfolded;
use crate::read::{Content, Source, SourceKind};

use super::beginnings::Candidates;
use super::cells::Row;
use super::compile::{LineFormat, MessageFormat};
use super::detect::detect;
use super::format::{Expected, Reader};
use super::matching::{Matched, Matcher, fill_by};
use super::messages::{Meanings, read_message};
use super::pattern::Places;
use super::place::Written;
use super::timestamp::Clock;
use super::{Formats, LogOutcome, read_log};

/// What is wrong with a sample or a reject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The format.
    pub format: String,
    /// The user's file; `None`: the format comes with the tool.
    pub path: Option<PathBuf>,
    /// Line of the file, from 1, where it is known.
    pub line: Option<u64>,
    /// The first line of the text.
    pub text: String,
    /// A lower-case fragment.
    pub why: String,
    /// What the sample says and what came out, where one of its columns is another.
    pub differs: Option<Difference>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.format, self.why)?;
        if let Some(differs) = &self.differs {
            write!(f, " is {:?}, not {:?}", differs.found, differs.expected)?;
        }
        write!(f, "\n    {}", self.text)
    }
}

/// A column of a record that is not what the sample says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub column: &'static str,
    pub expected: String,
    pub found: String,
}

/// Runs every sample and reject of every format among all formats.
pub fn check(formats: &Formats) -> Vec<Failure> {
    let lines = formats.lines().iter().flat_map(|format| check_line_format(formats, format));
    lines.chain(formats.messages().iter().flat_map(|format| check_message_format(formats, format))).collect()
}

fn check_line_format(formats: &Formats, format: &LineFormat) -> Vec<Failure> {
    let mut wrong = Wrong { format: &format.name, written: format.written.as_ref(), failures: Vec::new() };
    wrong.check_blocks(format.samples.len(), format.rejects.len());
    wrong.check_docs(&format.docs);
    for sample in &format.samples {
        check_sample(formats, format, sample.text.trim_matches('\n'), &sample.expect, &mut wrong);
    }
    let mut matcher = Matcher::new(formats);
    for reject in &format.rejects {
        if matcher.line(format, reject.text.trim_matches('\n'), &Candidates::ANY, &clock(), &mut Row::default()) != Matched::No {
            wrong.add(&reject.text, "matches what it is to reject".to_owned(), Some("make the pattern stricter"));
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
            wrong.add(&variant.name, "no sample hits this [[line]] first".to_owned(), Some(UNHIT));
        }
    }
}

/// What to do about a pattern without a sample.
const UNHIT: &str = "give it a sample of its own; where an earlier one takes the sample's lines, put it before that one";

struct Wrong<'f> {
    format: &'f str,
    written: Option<&'f Written>,
    failures: Vec<Failure>,
}

impl Wrong<'_> {
    fn add(&mut self, text: &str, why: String, hint: Option<&str>) {
        let failure = self.about(text, why);
        self.failures.push(Failure { hint: hint.map(str::to_owned), ..failure });
    }

    fn differs(&mut self, text: &str, why: String, difference: Difference) {
        let failure = self.about(text, why);
        self.failures.push(Failure { differs: Some(difference), ..failure });
    }

    fn about(&self, text: &str, why: String) -> Failure {
        let text = text.trim().lines().next().unwrap_or_default().to_owned();
        let line = self.written.and_then(|written| written.line_of(&text));
        Failure { format: self.format.to_owned(), path: self.written.map(|w| w.path.clone()), line, text, why, ..Failure::default() }
    }

    fn check_blocks(&mut self, samples: usize, rejects: usize) {
        if samples == 0 {
            self.add(
                "",
                "has no [[sample]]".to_owned(),
                Some("a format without an example proves nothing: add lines and what they must become"),
            );
        }
        if rejects == 0 {
            self.add("", "has no [[reject]]".to_owned(), Some("add a line of another program that looks alike and must not match"));
        }
    }

    fn check_docs(&mut self, docs: &str) {
        if !docs.starts_with("https://") {
            self.add(docs, "docs is no link".to_owned(), Some("name the page that describes the format, with https://"));
        }
    }
}

/// Samples without a year are of 2023.
fn clock() -> Clock {
    Clock { utc_offset: 0, near: Time::parse_rfc3339("2023-08-12T14:30:00Z"), ..Clock::default() }
}

fn check_sample(formats: &Formats, format: &LineFormat, text: &str, expect: &[Expected], wrong: &mut Wrong<'_>) {
    let lines = lines_of(text);
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    let detected = detect(&mut Matcher::new(formats), &lines, &clock());
    let outer = detected.wrapper.or(detected.format);
    if outer.is_none_or(|f| f.name != format.name) {
        wrong.add(text, format!("is taken for {}", detected.name()), Some(&rival(format, outer)));
    }
    for time in expect.iter().filter_map(|e| e.time.as_deref()).filter(|time| Time::parse_rfc3339(time).is_none()) {
        wrong.add(time, format!("the time that is expected, {time:?}, is no time"), Some("write it as RFC 3339: 2023-08-12T14:30:00.250Z"));
    }
    let mut differences: Vec<Vec<Difference>> = Vec::new();
    let outcome = read(formats, text, &mut |record| {
        let expected = expect.get(differences.len());
        differences.push(expected.map_or_else(Vec::new, |e| compare(e, record)));
    });
    if differences.len() != expect.len() {
        wrong.add(text, format!("{} records, not {}", differences.len(), expect.len()), Some("expect needs one entry for each record"));
    }
    for (number, difference) in differences.into_iter().enumerate().flat_map(|(n, list)| list.into_iter().map(move |d| (n + 1, d))) {
        wrong.differs(text, format!("record {number}: {}", difference.column), difference);
    }
    if outcome.coverage.understood != outcome.coverage.lines {
        for (_, line) in &outcome.coverage.misread {
            wrong.add(line, "line not understood".to_owned(), Some("`whatchanged parsers explain LINE` shows where matching stops"));
        }
    }
}

/// Why another format got the sample.
fn rival(format: &LineFormat, taken_for: Option<&LineFormat>) -> String {
    match taken_for {
        None => "no format matches it".to_owned(),
        Some(other) if other.specificity >= format.specificity => {
            format!("{} has specificity {}, this one {}: the higher one wins", other.name, other.specificity, format.specificity)
        }
        Some(other) => format!("{} matches more of its lines", other.name),
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
        latest: None,
        content: Content::File,
    };
    read_log(&source, Box::new(Cursor::new(text.to_owned().into_bytes())), formats, None, &mut |record: &Record<'_>, _: u64| sink(record))
}

fn check_message_format(formats: &Formats, format: &MessageFormat) -> Vec<Failure> {
    let mut wrong = Wrong { format: &format.name, written: format.written.as_ref(), failures: Vec::new() };
    wrong.check_blocks(format.samples.len(), format.rejects.len());
    wrong.check_docs(&format.docs);
    for sample in &format.samples {
        let mut record = Record { message: sample.text.trim_matches('\n').into(), ..Record::default() };
        read_message(formats, &mut Meanings::default(), None, true, &mut record);
        for difference in compare(&sample.expect, &record) {
            wrong.differs(&sample.text, difference.column.to_owned(), difference);
        }
    }
    let matches = |text: &str| {
        format.patterns.iter().position(|p| format.any.is_match(text) && fill_by(p, text, &mut Places::default(), &mut Row::default()))
    };
    for reject in format.rejects.iter().filter(|r| matches(&r.text).is_some()) {
        wrong.add(&reject.text, "matches what it is to reject".to_owned(), Some("make the pattern stricter"));
    }
    for (index, pattern) in format.patterns.iter().enumerate() {
        if !format.samples.iter().any(|s| matches(s.text.trim_matches('\n')) == Some(index)) {
            wrong.add(&pattern.text, "no sample hits this [[message]] first".to_owned(), Some(UNHIT));
        }
    }
    wrong.failures
}

/// What of a record is not as expected.
pub fn compare(expected: &Expected, record: &Record<'_>) -> Vec<Difference> {
    let wrong = wanted(expected).into_iter().zip(fields(record)).filter_map(|(expected, (column, found))| {
        let (expected, found) = (expected?, found.unwrap_or_default());
        (expected != found).then_some(Difference { column, expected, found })
    });
    wrong.collect()
}

/// What a sample expects, in the order of [`fields`].
fn wanted(expected: &Expected) -> [Option<String>; 21] {
    [
        expected.time.as_deref().and_then(Time::parse_rfc3339).map(micros),
        expected.level.clone(),
        expected.service.clone(),
        expected.instance.clone(),
        expected.version.clone(),
        expected.logger.clone(),
        expected.thread.clone(),
        expected.trace.clone(),
        expected.span.clone(),
        expected.code_line.clone(),
        expected.message.clone(),
        expected.error.clone(),
        expected.detail.clone(),
        expected.code.clone(),
        expected.peer.clone(),
        expected.client.clone(),
        expected.method.clone(),
        expected.path.clone(),
        expected.user.clone(),
        expected.status.map(|s| s.to_string()),
        expected.duration_us.map(|d| d.to_string()),
    ]
}

/// Every field of a record under the name that samples use.
pub fn fields(record: &Record<'_>) -> [(&'static str, Option<String>); 21] {
    let request = record.request.as_ref();
    let time = (record.time != Time::default()).then(|| micros(record.time));
    [
        ("time", time),
        ("level", Some(record.level.name().to_owned())),
        ("service", owned(record.service.as_deref())),
        ("instance", owned(record.instance.as_deref())),
        ("version", owned(record.version.as_deref())),
        ("logger", owned(record.logger.as_deref())),
        ("thread", owned(record.thread.as_deref())),
        ("trace", owned(record.trace.as_deref())),
        ("span", owned(record.span.as_deref())),
        ("code_line", owned(record.code_line.as_deref())),
        ("message", Some(record.message.to_string())),
        ("error", owned(record.error.as_deref())),
        ("detail", Some(record.detail.to_string())),
        ("code", owned(record.code.as_deref())),
        ("peer", owned(record.peer.as_deref())),
        ("client", owned(record.client.as_deref())),
        ("method", owned(request.and_then(|r| r.method.as_deref()))),
        ("path", owned(request.and_then(|r| r.path.as_deref()))),
        ("user", owned(request.and_then(|r| r.user.as_deref()))),
        ("status", Some(request.map_or(0, |r| r.status).to_string())),
        ("duration_us", request.and_then(|r| r.duration).map(|d| d.to_string())),
    ]
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

/// RFC 3339 with every digit that counts: a sample is to notice a lost microsecond.
fn micros(time: Time) -> String {
    let below = time.0.rem_euclid(SECOND);
    let second = Time(time.0 - below).rfc3339();
    if below == 0 { second } else { format!("{}.{below:06}Z", second.trim_end_matches('Z')) }
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
