//! What was read, what was understood, and what was not: a conclusion from half-read logs must say so.

use std::collections::BTreeMap;

use super::clock::Skew;
use super::names::{Origin, ServiceName};
use super::time::TimeSpan;

/// Below this share of lines understood a conclusion is not to be trusted without a look at the rest.
pub const TRUSTED_SHARE: f64 = 0.9;

/// A file of at least this share of all lines, or of at least so many lines, is looked at by itself.
const SUBSTANTIAL_SHARE: f64 = 0.01;
const SUBSTANTIAL_LINES: u64 = 1_000;

/// Something that could not be read or understood; never a reason to stop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    pub origin: Origin,
    /// A lower-case fragment: `not valid JSON: …`.
    pub why: String,
    /// How many more of the same kind the same file has.
    pub more: u64,
}

impl Complaint {
    /// Whether it is about the bundle as a whole.
    pub fn is_of_bundle(&self) -> bool {
        &*self.origin.path == Origin::BUNDLE
    }
}

/// What happened to one input file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceCoverage {
    /// Path inside the bundle.
    pub path: String,
    /// What the file was taken for: a log format's name, `metrics csv`, `changes`, `config`, `not read`.
    pub format: String,
    pub bytes: u64,
    pub lines: u64,
    /// Lines that are records, continue one, or are known to carry nothing (blank, a header).
    pub understood: u64,
    pub records: u64,
    /// From the first to the last record.
    pub span: Option<TimeSpan>,
    /// The first lines that were not understood, at most three, as (line, text).
    pub misread: Vec<(u64, String)>,
    /// The longest silence that its own rhythm explains, in seconds; `None` where it wrote too seldom to have one.
    pub rhythm: Option<f64>,
    /// Silences that its rhythm does not explain, by time.
    pub gaps: Vec<Gap>,
}

impl SourceCoverage {
    /// Share of lines understood, 1 where there are no lines.
    pub fn share(&self) -> f64 {
        share(self.understood, self.lines)
    }

    /// Lines not understood.
    pub fn missed(&self) -> u64 {
        self.lines.saturating_sub(self.understood)
    }
}

/// A time in which a source that had written steadily wrote nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// From the record before to the record after.
    pub span: TimeSpan,
    /// Line of the record before.
    pub line: u64,
    /// No record came after, though other sources went on.
    pub to_the_end: bool,
}

/// What all files of one format add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatCoverage {
    pub format: String,
    pub sources: u64,
    pub bytes: u64,
    pub lines: u64,
    pub understood: u64,
    pub records: u64,
}

impl FormatCoverage {
    /// Share of lines understood, 1 where there are no lines.
    pub fn share(&self) -> f64 {
        share(self.understood, self.lines)
    }
}

fn share(understood: u64, lines: u64) -> f64 {
    if lines == 0 { 1.0 } else { understood as f64 / lines as f64 }
}

/// Requests that a service reported in two logs and that are counted from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    pub service: ServiceName,
    /// The format of the log that is counted.
    pub counted: String,
    /// The format of the log whose requests are left out.
    pub left_out: String,
    /// Requests left out.
    pub requests: u64,
}

/// The ledger of a whole run, sorted by path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coverage {
    pub sources: Vec<SourceCoverage>,
    pub complaints: Vec<Complaint>,
    /// Clocks that differ from the others; times are compared after correction by them.
    pub clocks: Vec<Skew>,
    pub duplicates: Vec<Duplicate>,
    pub crowds: Vec<Crowd>,
}

/// More different names or texts than are counted each by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crowd {
    pub service: ServiceName,
    /// What there were too many of, in the plural.
    pub of: &'static str,
}

impl Coverage {
    /// Lines of all sources.
    pub fn lines(&self) -> u64 {
        self.sources.iter().map(|s| s.lines).sum()
    }

    /// Lines of all sources that a format understood.
    pub fn understood(&self) -> u64 {
        self.sources.iter().map(|s| s.understood).sum()
    }

    /// Size of all sources as they are on disk.
    pub fn bytes(&self) -> u64 {
        self.sources.iter().map(|s| s.bytes).sum()
    }

    /// Share of lines understood, 1 where there are no lines.
    pub fn share(&self) -> f64 {
        share(self.understood(), self.lines())
    }

    /// Whether too little of the whole was understood.
    pub fn is_doubtful(&self) -> bool {
        self.share() < TRUSTED_SHARE
    }

    /// From the first to the last record or sample that was read, whether or not it was wanted.
    pub fn span(&self) -> Option<TimeSpan> {
        self.sources.iter().filter_map(|s| s.span).reduce(TimeSpan::union)
    }

    /// What each format adds up to, most lines first.
    pub fn by_format(&self) -> Vec<FormatCoverage> {
        let mut sums: BTreeMap<&str, FormatCoverage> = BTreeMap::new();
        for source in &self.sources {
            let sum = sums.entry(&source.format).or_default();
            sum.sources += 1;
            sum.bytes += source.bytes;
            sum.lines += source.lines;
            sum.understood += source.understood;
            sum.records += source.records;
        }
        let named = sums.into_iter().map(|(format, sum)| FormatCoverage { format: format.to_owned(), ..sum });
        let mut all: Vec<FormatCoverage> = named.collect();
        all.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.format.cmp(&b.format)));
        all
    }

    /// Substantial sources of which too little was understood, most lost lines first.
    pub fn doubtful_sources(&self) -> Vec<&SourceCoverage> {
        let all = self.lines() as f64;
        let substantial = |s: &SourceCoverage| s.lines >= SUBSTANTIAL_LINES || s.lines as f64 >= SUBSTANTIAL_SHARE * all;
        let mut doubtful: Vec<&SourceCoverage> = self.sources.iter().filter(|s| s.share() < TRUSTED_SHARE && substantial(s)).collect();
        doubtful.sort_by(|a, b| b.missed().cmp(&a.missed()).then_with(|| a.path.cmp(&b.path)));
        doubtful
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, format: &str, lines: u64, understood: u64) -> SourceCoverage {
        SourceCoverage {
            path: path.into(),
            format: format.into(),
            bytes: lines * 10,
            lines,
            understood,
            records: understood,
            ..SourceCoverage::default()
        }
    }

    #[test]
    fn formats_add_up_to_the_whole() {
        let empty = Coverage::default();
        assert!(empty.by_format().is_empty() && empty.share() == 1.0 && !empty.is_doubtful() && empty.span().is_none());
        let coverage =
            Coverage { sources: vec![source("a", "x", 10, 10), source("b", "y", 50, 20), source("c", "x", 5, 4)], ..Coverage::default() };
        let sums: Vec<_> = coverage.by_format().into_iter().map(|f| (f.format, f.sources, f.lines, f.understood, f.bytes)).collect();
        assert_eq!(sums, [("y".to_owned(), 1, 50, 20, 500), ("x".to_owned(), 2, 15, 14, 150)]);
        assert!(coverage.is_doubtful());
    }

    #[test]
    fn only_substantial_files_are_doubted_by_themselves() {
        let check = |sources: &[(u64, u64)], expected: &[&str]| {
            let sources = sources.iter().enumerate().map(|(i, (lines, understood))| source(&format!("{i}"), "x", *lines, *understood));
            let coverage = Coverage { sources: sources.collect(), ..Coverage::default() };
            assert_eq!(coverage.doubtful_sources().iter().map(|s| s.path.as_str()).collect::<Vec<_>>(), expected, "{coverage:?}");
        };
        check(&[(100_000, 100_000), (999, 0)], &[]);
        check(&[(100_000, 100_000), (1_000, 899), (2_000, 0)], &["2", "1"]);
        check(&[(1_000, 900)], &[]);
        check(&[(3, 2)], &["0"]);
        check(&[(0, 0)], &[]);
    }
}
