//! What was read, what was understood, and what was not: a conclusion from half-read logs must say so.

use super::clock::Skew;
use super::names::{Origin, ServiceName};
use super::time::TimeSpan;

/// Something that could not be read or understood; never a reason to stop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    pub origin: Origin,
    /// A lower-case fragment: `not valid JSON: …`.
    pub why: String,
    /// How many more of the same kind the same file has.
    pub more: u64,
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
}

impl Coverage {
    pub fn lines(&self) -> u64 {
        self.sources.iter().map(|s| s.lines).sum()
    }

    pub fn understood(&self) -> u64 {
        self.sources.iter().map(|s| s.understood).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.sources.iter().map(|s| s.bytes).sum()
    }

    /// Share of lines understood, 1 where there are no lines.
    pub fn share(&self) -> f64 {
        match self.lines() {
            0 => 1.0,
            lines => self.understood() as f64 / lines as f64,
        }
    }
}
