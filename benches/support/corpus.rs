//! Logs as large as one likes, made of the samples that the format files carry: the time of day moves on, and numbers of three digits or
//! more that are no part of a date vary, so that lines are of the same kind and not the same.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::random::Random;

/// Seconds over which a corpus spreads, whatever its size.
const SPAN: f64 = 3_000.0;
/// What a company's log folder holds, by weight; every other format has the weight 1.
const COMMON: [(&str, usize); 12] = [
    ("json-lines", 30),
    ("nginx-access", 24),
    ("logback", 16),
    ("logfmt", 12),
    ("postgresql-stderr", 12),
    ("docker-json", 8),
    ("cri", 8),
    ("python-logging", 6),
    ("syslog-rfc5424", 4),
    ("syslog-rfc3164", 4),
    ("nginx-error", 3),
    ("redis", 3),
];
/// Times that a sample is repeated at most, where there is one format only.
const LONGEST_RUN: usize = 100;
/// Lengths of the runs in which samples of one format come in a mixed corpus.
const RUNS: [usize; 8] = [1, 1, 2, 3, 5, 8, 20, 60];

/// One line format with its samples.
pub struct Format {
    pub name: String,
    samples: Vec<String>,
}

#[derive(Deserialize)]
struct File {
    name: String,
    #[serde(default)]
    sample: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    text: String,
}

/// All line formats of the repository, by name.
pub fn formats() -> Vec<Format> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("parsers/lines");
    let mut paths: Vec<_> = fs::read_dir(folder).expect("the checkout has formats").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| -> File {
        toml::from_str(&fs::read_to_string(path).expect("a readable format file")).expect("a format file")
    };
    let ended = |sample: Sample| if sample.text.ends_with('\n') { sample.text } else { sample.text + "\n" };
    let files = paths.iter().map(read).filter(|file| !file.sample.is_empty());
    files.map(|file| Format { name: file.name, samples: file.sample.into_iter().map(ended).collect() }).collect()
}

/// At least `bytes` of one format.
pub fn of_format(format: &Format, bytes: usize, seed: u64) -> Vec<u8> {
    let mut corpus = Corpus::new(bytes, seed);
    loop {
        // One program writes one layout for long; samples show all that there are.
        let length = 1 + corpus.random.below(LONGEST_RUN);
        if !corpus.run(format, length) {
            return corpus.out;
        }
    }
}

/// At least `bytes` of all formats, in runs.
pub fn mixed(bytes: usize, seed: u64) -> Vec<u8> {
    let formats = formats();
    let weight = |format: &Format| COMMON.iter().find(|(name, _)| *name == format.name).map_or(1, |(_, weight)| *weight);
    let shares: Vec<&Format> = formats.iter().flat_map(|format| std::iter::repeat_n(format, weight(format))).collect();
    let mut corpus = Corpus::new(bytes, seed);
    loop {
        let format = shares[corpus.random.below(shares.len())];
        let length = RUNS[corpus.random.below(RUNS.len())];
        if !corpus.run(format, length) {
            return corpus.out;
        }
    }
}

struct Corpus {
    out: Vec<u8>,
    bytes: usize,
    random: Random,
}

impl Corpus {
    fn new(bytes: usize, seed: u64) -> Corpus {
        Corpus { out: Vec::with_capacity(bytes + 8_192), bytes, random: Random::new(seed) }
    }

    /// Adds one sample so many times; `false` once it is large enough.
    fn run(&mut self, format: &Format, length: usize) -> bool {
        // Files show the usual layout first, and every other thing that was ever met after it.
        let which = if self.random.chance(0.5) { 0 } else { self.random.below(format.samples.len()) };
        let sample = &format.samples[which];
        for _ in 0..length {
            let seconds = (self.out.len() as f64 / self.bytes as f64 * SPAN) as usize;
            vary(sample.as_bytes(), seconds, &mut self.random, &mut self.out);
            if self.out.len() >= self.bytes {
                return false;
            }
        }
        true
    }
}

/// Copies a text with other numbers.
fn vary(text: &[u8], seconds: usize, random: &mut Random, out: &mut Vec<u8>) {
    let mut at = 0;
    while at < text.len() {
        let run = digits(&text[at..]);
        if run == 0 {
            out.push(text[at]);
            at += 1;
        } else if is_clock(&text[at..]) {
            out.extend(format!("{}:{:02}:{:02}", String::from_utf8_lossy(&text[at..at + 2]), seconds / 60 % 60, seconds % 60).bytes());
            at += 8;
            at += fraction(&text[at..], random, out);
        } else {
            number(text, at, run, random, out);
            at += run;
        }
    }
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// `14:31:02`
fn is_clock(text: &[u8]) -> bool {
    text.len() >= 8 && digits(text) == 2 && text[2] == b':' && digits(&text[3..]) == 2 && text[5] == b':' && digits(&text[6..]) == 2
}

/// A part of a second behind a time.
fn fraction(text: &[u8], random: &mut Random, out: &mut Vec<u8>) -> usize {
    let run = match text.first() {
        Some(b'.' | b',') => digits(&text[1..]),
        _ => 0,
    };
    if run == 0 {
        return 0;
    }
    out.push(text[0]);
    (0..run).for_each(|_| out.push(b'0' + random.below(10) as u8));
    1 + run
}

/// A run of digits with other digits at its end, unless it may be a part of a date, a version or a status.
fn number(text: &[u8], at: usize, run: usize, random: &mut Random, out: &mut Vec<u8>) {
    let word = &text[at..at + run];
    let beside = [at.checked_sub(1).map(|before| text[before]), text.get(at + run).copied()];
    let dated =
        beside.iter().flatten().any(|b| matches!(b, b'-' | b'/' | b'.' | b'T')) || (matches!(run, 8 | 14) && word.starts_with(b"20"));
    if run < 4 || dated {
        return out.extend_from_slice(word);
    }
    let kept = run - if run >= 7 { 4 } else { 2 };
    out.extend_from_slice(&word[..kept]);
    // The last two digits may be seconds.
    (kept..run - 2).for_each(|_| out.push(b'0' + random.below(10) as u8));
    out.extend(format!("{:02}", random.below(60)).bytes());
}
