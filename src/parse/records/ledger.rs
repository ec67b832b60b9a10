//! What became of the lines of a file, counted.

use std::io;

use crate::model::{Complaint, Origin, SourceCoverage, Time, TimeSpan};
use crate::read::Source;

use super::super::rhythm::{Beats, Rhythm};
use super::LogOutcome;

/// Lines that were not understood and are kept as examples.
const EXAMPLES: usize = 3;
/// Characters of such a line.
const LONGEST_EXAMPLE: usize = 300;

/// Counts of lines and records.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// With those of the parts before.
    pub lines: u64,
    pub understood: u64,
    /// Lines that lost their middle.
    pub cut: u64,
    /// Lines of a known format that have no time, and none before them has.
    pub undated: u64,
    pub records: u64,
    pub span: Option<(Time, Time)>,
    pub misread: Vec<(u64, String)>,
    /// Of this part.
    pub beats: Beats,
    /// Of all parts before, and of this one once it follows them.
    rhythm: Rhythm,
}

impl Ledger {
    /// Notes a line that was taken for something that it is not; the first few are kept as examples.
    pub fn misread(&mut self, text: &str) {
        if self.misread.len() < EXAMPLES {
            self.misread.push((self.lines, text.chars().take(LONGEST_EXAMPLE).collect()));
        }
    }

    /// Notes a record.
    pub fn record(&mut self, time: Time, line: u64) {
        self.beats.beat(time, line);
        self.records += 1;
        self.span = Some(self.span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
    }

    /// Numbers all lines anew; numbers must keep their order.
    pub fn renumber(&mut self, number: &dyn Fn(u64) -> u64) {
        self.lines = number(self.lines);
        self.misread.iter_mut().for_each(|(line, _)| *line = number(*line));
        self.beats.renumber(number);
    }

    /// Adds what became of the next part.
    pub fn follow(&mut self, part: Ledger) {
        self.lines = part.lines.max(self.lines);
        self.understood += part.understood;
        self.cut += part.cut;
        self.undated += part.undated;
        self.records += part.records;
        self.span = [self.span, part.span].into_iter().flatten().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        self.misread.extend(part.misread);
        self.misread.truncate(EXAMPLES);
        self.rhythm.follow(&part.beats);
    }

    /// What is to be said of the log as a whole. `failure`: why reading ended early.
    pub fn outcome(self, source: &Source, format: &str, failure: Option<&io::Error>) -> LogOutcome {
        let mut complaints = Vec::new();
        let mut complain =
            |line, why: String, more: u64| complaints.push(Complaint { origin: Origin::new(&source.shown, line), why, more });
        if let Some(error) = failure {
            complain(self.lines, format!("broken off after line {}: {error}", self.lines), 0);
        }
        if self.cut > 0 {
            complain(0, "a line of more than 64 KiB lost its middle".to_owned(), self.cut - 1);
        }
        if self.undated > 0 && self.records == 0 {
            complain(0, "no line carries a time".to_owned(), 0);
        }
        let coverage = SourceCoverage {
            path: source.shown.to_string(),
            format: format.to_owned(),
            bytes: source.bytes,
            lines: self.lines,
            understood: self.understood,
            records: self.records,
            span: self.span.map(|(first, last)| TimeSpan::new(first, last)),
            misread: self.misread,
            rhythm: self.rhythm.longest_usual(),
            gaps: self.rhythm.gaps(),
        };
        LogOutcome { coverage, complaints }
    }
}
