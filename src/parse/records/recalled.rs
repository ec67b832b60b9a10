//! Tests that lines like ones met before are read as if they were the first.

use std::sync::LazyLock;

use super::super::recall::respelled;
use super::super::tokens;
use super::tests::source;
use super::*;

static FORMATS: LazyLock<Formats> = LazyLock::new(Formats::builtin);

/// What becomes of each record and of each line that is none.
struct Told(Vec<String>);

impl Sink for Told {
    fn record(&mut self, record: &Record<'_>, line: u64) {
        // Who did not need the masked message leaves masking to others.
        let masked = record.masked.map_or_else(|| tokens::mask(&record.message), |masked| masked.text.to_owned());
        self.0.push(format!("{line} {masked} {:?}", Record { masked: None, ..record.clone() }));
    }

    fn unread(&mut self, text: &str, line: u64) {
        self.0.push(format!("{line} {text}"));
    }
}

fn told(opening: &str, text: &str, remembering: bool) -> Vec<String> {
    let formats: &Formats = &FORMATS;
    let clock = Clock::of(&source(), None);
    let dialect = Dialect::of(formats, &clock, opening);
    let mut told = Told(Vec::new());
    let log = Log::new(&dialect, formats, clock, &mut told);
    let log = if remembering { log } else { log.forgetful() };
    log.block(text).finish();
    told.0
}

/// The lines again and again, some of them in other spellings, in an order that is not theirs.
fn varied(lines: &[&str]) -> String {
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let mut out = String::new();
    for _ in 0..40 * lines.len() {
        let line = lines[random() % lines.len()];
        let numbers: Vec<u8> = (0..30).map(|_| random() as u8).collect();
        match random() % 4 {
            0 => out.push_str(line),
            // Times and most numbers stay, some digits do not.
            1 | 2 => out.extend(line.bytes().map(|byte| match byte {
                b'0'..=b'9' if random() % 6 == 0 => char::from(b'0' + (random() % 10) as u8),
                byte if byte.is_ascii() => char::from(byte),
                _ => '?',
            })),
            _ => out.push_str(&respelled(line, &numbers)),
        }
        out.push('\n');
    }
    out
}

fn check(opening: &str, lines: &[&str]) -> usize {
    let text = varied(lines);
    let (with, without) = (told(opening, &text, true), told(opening, &text, false));
    for (with, without) in with.iter().zip(&without) {
        assert_eq!(with, without);
    }
    assert_eq!(with.len(), without.len());
    with.len()
}

/// The samples of a format, line by line; but for those that say how the lines below are to be read.
fn samples() -> impl Iterator<Item = (String, Vec<&'static str>)> {
    FORMATS.lines().iter().map(|format| {
        let lines = format.samples.iter().flat_map(|sample| sample.text.lines()).filter(|line| !line.starts_with('#') && !line.is_empty());
        (format.samples.iter().map(|sample| format!("{}\n", sample.text)).collect(), lines.collect())
    })
}

#[test]
fn every_format_by_itself() {
    let told: usize = samples().filter(|(_, lines)| !lines.is_empty()).map(|(opening, lines)| check(&opening, &lines)).sum();
    assert!(told > 5_000, "{told}");
}

#[test]
fn all_formats_mixed() {
    let lines: Vec<&str> = samples().flat_map(|(_, lines)| lines).collect();
    let opening = lines.join("\n");
    assert!(check(&opening, &lines) > 5_000);
}
