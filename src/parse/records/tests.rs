//! Tests of reading whole logs.

use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use super::log::DOCKER_CUT;
use super::*;
use crate::model::Level;
use crate::model::Time;
use crate::read::lines::decompress;
use crate::read::{Content, SourceKind};

/// What tests compare of a record.
pub(super) type Told = (u64, Time, String, String);

pub(super) fn told(record: &Record<'_>, line: u64) -> Told {
    (line, record.time, record.message.to_string(), record.detail.to_string())
}

/// A log with this text, on the disk as long as the file is held.
pub(super) fn written(text: &str) -> (tempfile::NamedTempFile, Source) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let source = Source { path: file.path().to_owned(), bytes: text.len() as u64, ..source() };
    (file, source)
}

pub(super) fn source() -> Source {
    Source {
        path: PathBuf::from("x"),
        shown: Arc::from("logs/x.log"),
        kind: SourceKind::Log,
        service: None,
        instance: None,
        bytes: 0,
        near: Time::parse_rfc3339("2023-08-12T14:30:00Z"),
        latest: None,
        content: Content::File,
    }
}

/// (first line, level, message, detail) of each record.
pub(super) type Seen = Vec<(u64, Level, String, String)>;

pub(super) fn read_bytes(bytes: Vec<u8>) -> (Seen, LogOutcome) {
    static FORMATS: LazyLock<Formats> = LazyLock::new(Formats::builtin);
    let formats: &Formats = &FORMATS;
    let mut seen = Vec::new();
    let input = decompress(Box::new(Cursor::new(bytes))).unwrap();
    let outcome = read_log(&source(), input, formats, None, &mut |record: &Record<'_>, line: u64| {
        seen.push((line, record.level, record.message.to_string(), record.detail.to_string()));
    });
    (seen, outcome)
}

fn read(text: &str) -> (Seen, LogOutcome) {
    read_bytes(text.as_bytes().to_vec())
}

fn check(text: &str, format: &str, records: &[(u64, &str)], understood: u64, lines: u64) {
    let (seen, outcome) = read(text);
    let seen: Vec<(u64, &str)> = seen.iter().map(|(line, _, message, _)| (*line, message.as_str())).collect();
    assert_eq!(seen, records, "{text}");
    let coverage = outcome.coverage;
    assert_eq!(
        (coverage.format.as_str(), coverage.understood, coverage.lines, coverage.records),
        (format, understood, lines, records.len() as u64)
    );
}

#[test]
fn blocks_among_lines_of_other_programs_end() {
    let block = |second: u32, sql: &str| {
        format!(
            "# Time: 2023-08-12T14:31:0{second}.000000Z\n# User@Host: app[app] @ h [10.0.0.1] Id: 7\n# Query_time: 1.5 Lock_time: 0.0 Rows_sent: 1 Rows_examined: 9\nSET timestamp=1691850661;\n{sql}\n"
        )
    };
    let other = "2023-08-12 14:31:02,500 INFO [a] one\n";
    let text = format!("{other}{other}{other}{}{}{other}{}", block(1, "SELECT a\nFROM t;"), block(2, "SELECT b;"), block(3, "SELECT c;"));
    let (seen, _) = read(&text);
    let messages: Vec<&str> = seen.iter().map(|(_, _, message, _)| message.as_str()).collect();
    assert_eq!(messages, ["one", "one", "one", "SELECT a\nFROM t;", "SELECT b;", "one", "SELECT c;"]);
}

#[test]
fn every_line_is_accounted_for() {
    check("", "unknown", &[], 0, 0);
    check("\n\n", "unknown", &[], 2, 2);
    check("hello\nworld\n", "unknown", &[], 0, 2);
    check(
        "2023-08-12 14:31:07,824 INFO [a] one\nnonsense\n\n2023-08-12 14:31:08,824 INFO [a] two",
        "python-logging",
        &[(1, "one"), (4, "two")],
        3,
        4,
    );
    check("  indented\n2023-08-12 14:31:07,824 INFO [a] one\n", "python-logging", &[(2, "one")], 2, 2);
    check("KeyError: 'of another file'\n2023-08-12 14:31:07,824 INFO [a] one\n", "python-logging", &[(2, "one")], 2, 2);
}

#[test]
fn misread_lines_are_kept_up_to_three() {
    let (_, outcome) = read("2023-08-12 14:31:07,824 INFO [a] one\nfirst\nsecond\nthird\nfourth\n");
    let expected = [(2, "first".to_owned()), (3, "second".to_owned()), (4, "third".to_owned())];
    assert_eq!(outcome.coverage.misread, expected);
    assert_eq!(outcome.coverage.understood, 1);
}

#[test]
fn formats_may_alternate_in_one_file() {
    check(
        "[2023-08-12 14:31:03 +0000] [43] [INFO] Booting worker\n{\"time\":\"2023-08-12T14:31:07Z\",\"level\":\"info\",\"msg\":\"up\"}\n\
         {\"time\":\"2023-08-12T14:31:08Z\",\"level\":\"info\",\"msg\":\"served\"}\n[2023-08-12 14:31:09 +0000] [43] [INFO] Shutting down\n\
         2023-08-12 14:31:10,000 WARNING [x] bye\n",
        "gunicorn",
        &[(1, "Booting worker"), (2, "up"), (3, "served"), (4, "Shutting down"), (5, "bye")],
        5,
        5,
    );
}

#[test]
fn lines_without_time_take_the_time_before_them_or_none() {
    let (seen, outcome) = read("INFO:     Started server process [46]\nINFO:     up\n");
    assert!(seen.is_empty());
    assert_eq!(outcome.complaints[0].why, "no line carries a time");
    assert_eq!(outcome.coverage.understood, 0);
}

#[test]
fn undated_lines_follow_an_error_but_not_an_information() {
    let (seen, outcome) = read("2023-08-12 14:31:07,824 ERROR [a] one\nmore of it\n2023-08-12 14:31:08,824 INFO [a] two\nno part of it\n");
    assert_eq!(seen[0].3, "more of it");
    assert_eq!(seen[1].3, "");
    assert_eq!(outcome.coverage.misread, [(4, "no part of it".to_owned())]);
}

#[test]
fn the_span_is_from_the_first_to_the_last_record() {
    let (_, outcome) = read("2023-08-12 14:31:09,000 INFO [a] x\n2023-08-12 14:31:07,000 INFO [a] x\n");
    let span = outcome.coverage.span.unwrap();
    assert_eq!((span.start.rfc3339().as_str(), span.end.rfc3339().as_str()), ("2023-08-12T14:31:07Z", "2023-08-12T14:31:09Z"));
}

#[test]
fn a_file_that_breaks_off_gives_what_it_has_and_a_complaint() {
    let text: String = (0..50_000).map(|i| format!("2023-08-12 14:31:07,824 INFO [a] number {}\n", i * 7919 % 10_007)).collect();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let mut packed = gz.finish().unwrap();
    packed.truncate(packed.len() / 2);
    let (seen, outcome) = read_bytes(packed);
    assert!(seen.len() > 1000 && seen.len() as u64 == outcome.coverage.lines);
    assert!(outcome.complaints[0].why.starts_with(&format!("broken off after line {}: ", seen.len())), "{:?}", outcome.complaints);
}

#[test]
fn a_csv_quote_that_never_closes_does_not_eat_the_file() {
    let row = |message: &str| {
        format!("2023-08-12 14:31:04.870 UTC,,,1,,1.1,1,,2023-08-12 14:30:00 UTC,,0,LOG,00000,{message},,,,,,,,,\"\",\"x\",,0\n")
    };
    let text = format!("{}{}", row("\"open"), row("\"closed\"").repeat(2_000));
    let (seen, outcome) = read(&text);
    assert!(seen.len() > 1_000, "{}", seen.len());
    assert_eq!(outcome.coverage.lines, 2_001);
}

#[test]
fn an_operators_zone_moves_times_without_one() {
    let formats = Formats::builtin();
    let mut times = Vec::new();
    let text = "2023-08-12 16:31:07,000 INFO [a] local\n2023-08-12T14:31:07Z INFO utc\n";
    let input = Box::new(Cursor::new(text.as_bytes()));
    read_log(&source(), input, &formats, Some(7_200), &mut |record: &Record<'_>, _: u64| times.push(record.time.rfc3339()));
    assert_eq!(times, ["2023-08-12T14:31:07Z", "2023-08-12T14:31:07Z"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_are_read_and_counted(lines in proptest::collection::vec("(2023-08-12 14:31:0[0-9],[0-9]{3} (INFO|ERROR) |\\{\"time\":|# Time: |time=|)[\\PC\"\\\\\t]{0,30}", 0..40)) {
        let (seen, outcome) = read(&lines.join("\n"));
        let coverage = outcome.coverage;
        proptest::prop_assert_eq!(coverage.records, seen.len() as u64);
        proptest::prop_assert!(coverage.understood <= coverage.lines);
        proptest::prop_assert!(coverage.misread.len() as u64 <= coverage.lines - coverage.understood);
        proptest::prop_assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}

/// Length and end of the message of each record.
fn messages(lines: &[String]) -> Vec<(usize, String)> {
    let text = lines.join("\n");
    let source = Source {
        path: "x".into(),
        shown: "x".into(),
        kind: SourceKind::Log,
        service: None,
        instance: None,
        bytes: text.len() as u64,
        near: Time::parse_rfc3339("2023-01-29T08:00:00Z"),
        latest: None,
        content: Content::File,
    };
    let mut seen = Vec::new();
    let mut sink = |record: &Record<'_>, _: u64| {
        let from = record.message.len().saturating_sub(3);
        seen.push((record.message.len(), record.message[from..].to_owned()));
    };
    read_log(&source, Box::new(io::Cursor::new(text.into_bytes())), &Formats::builtin(), None, &mut sink);
    seen
}

fn docker(text: &str) -> String {
    format!(r#"{{"log":"{text}","stream":"stdout","time":"2023-01-29T08:42:22.343225872Z"}}"#)
}

#[test]
fn a_line_that_docker_cut_takes_its_rest_and_no_other_record() {
    let head = "16:42:22.341 INFO  t.c.Food#37 ";
    let (cut, next) = (format!("{head}{}", "x".repeat(DOCKER_CUT - head.len())), format!("{head}all\\n"));
    let length = DOCKER_CUT - head.len();
    let (whole, alone) = ((length + 3, "end".to_owned()), (length, "xxx".to_owned()));
    let ok = (3, "all".to_owned());
    assert_eq!(messages(&[docker(&next), docker(&cut), docker("end\\n"), docker(&next)]), [ok.clone(), whole, ok.clone()]);
    assert_eq!(messages(&[docker(&next), docker(&cut), docker(&next)]), [ok.clone(), alone.clone(), ok.clone()]);
    assert_eq!(messages(&[docker(&next), docker(&cut)]), [ok, alone]);
}
