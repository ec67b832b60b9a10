//! The ledger of what was read and understood, as JSON has it.

use serde::Serialize;

use crate::model::{Clock, Complaint, Coverage, Duplicate, FormatCoverage, Gap, Skew, SourceCoverage};
use crate::report::{ledger, text, wording};

use super::round;

/// What was read and how much of it was understood.
#[derive(Serialize)]
pub struct CoverageView {
    lines: u64,
    understood: u64,
    understood_ratio: Option<f64>,
    bytes: u64,
    warnings: Vec<WarningView>,
    formats: Vec<FormatView>,
    sources: Vec<SourceView>,
    complaints: Vec<ComplaintView>,
    clocks: Vec<ClockView>,
    duplicates: Vec<DuplicateView>,
}

impl From<&Coverage> for CoverageView {
    fn from(coverage: &Coverage) -> Self {
        CoverageView {
            lines: coverage.lines(),
            understood: coverage.understood(),
            understood_ratio: round(coverage.share().min(1.0), 6),
            bytes: coverage.bytes(),
            warnings: ledger::warnings(coverage).into_iter().map(WarningView::from).collect(),
            formats: coverage.by_format().into_iter().map(FormatView::from).collect(),
            sources: coverage.sources.iter().map(SourceView::from).collect(),
            complaints: coverage.complaints.iter().map(ComplaintView::from).collect(),
            clocks: coverage.clocks.iter().map(ClockView::from).collect(),
            duplicates: coverage.duplicates.iter().map(DuplicateView::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct SourceView {
    path: String,
    format: String,
    bytes: u64,
    lines: u64,
    understood: u64,
    records: u64,
    start: Option<String>,
    end: Option<String>,
    misread: Vec<MisreadView>,
    gaps: Vec<GapView>,
}

impl From<&SourceCoverage> for SourceView {
    fn from(source: &SourceCoverage) -> Self {
        SourceView {
            path: source.path.clone(),
            format: source.format.clone(),
            bytes: source.bytes,
            lines: source.lines,
            understood: source.understood,
            records: source.records,
            start: source.span.map(|s| s.start.rfc3339()),
            end: source.span.map(|s| s.end.rfc3339()),
            gaps: source.gaps.iter().map(|gap| GapView::new(source, gap)).collect(),
            misread: source.misread.iter().map(|(line, text)| MisreadView { line: *line, text: text::sanitize(text) }).collect(),
        }
    }
}

#[derive(Serialize)]
struct MisreadView {
    line: u64,
    text: String,
}

#[derive(Serialize)]
struct WarningView {
    source: Option<String>,
    understood_ratio: Option<f64>,
    text: String,
}

impl From<ledger::Warning> for WarningView {
    fn from(warning: ledger::Warning) -> Self {
        WarningView { source: warning.source, understood_ratio: round(warning.share.min(1.0), 6), text: warning.text }
    }
}

#[derive(Serialize)]
struct FormatView {
    format: String,
    sources: u64,
    bytes: u64,
    lines: u64,
    understood: u64,
    understood_ratio: Option<f64>,
    records: u64,
}

impl From<FormatCoverage> for FormatView {
    fn from(format: FormatCoverage) -> Self {
        FormatView {
            understood_ratio: round(format.share().min(1.0), 6),
            format: format.format,
            sources: format.sources,
            bytes: format.bytes,
            lines: format.lines,
            understood: format.understood,
            records: format.records,
        }
    }
}

#[derive(Serialize)]
struct GapView {
    start: String,
    end: String,
    seconds: Option<f64>,
    usual_seconds: Option<f64>,
    line: u64,
    to_the_end: bool,
}

impl GapView {
    fn new(source: &SourceCoverage, gap: &Gap) -> GapView {
        GapView {
            start: gap.span.start.rfc3339(),
            end: gap.span.end.rfc3339(),
            seconds: round(gap.span.seconds(), 3),
            usual_seconds: source.rhythm.and_then(|usual| round(usual, 3)),
            line: gap.line,
            to_the_end: gap.to_the_end,
        }
    }
}

#[derive(Serialize)]
struct ComplaintView {
    source: String,
    why: String,
    more: u64,
}

impl From<&Complaint> for ComplaintView {
    fn from(complaint: &Complaint) -> Self {
        ComplaintView { source: complaint.origin.to_string(), why: text::sanitize(&complaint.why), more: complaint.more }
    }
}

/// A clock that differs from the others. `service` is null for the clock of the metrics.
#[derive(Serialize)]
struct ClockView {
    service: Option<String>,
    offset_seconds: Option<f64>,
    uncertainty_seconds: Option<f64>,
    basis: &'static str,
    against: Option<String>,
    pairs: u64,
    agreeing: usize,
    statement: String,
}

impl From<&Skew> for ClockView {
    fn from(skew: &Skew) -> Self {
        ClockView {
            service: service(&skew.clock),
            offset_seconds: round(skew.offset, 3),
            uncertainty_seconds: round(skew.uncertainty, 3),
            basis: skew.basis.name(),
            against: service(&skew.against),
            pairs: skew.pairs,
            agreeing: skew.agreeing,
            statement: wording::clock(skew),
        }
    }
}

fn service(clock: &Clock) -> Option<String> {
    match clock {
        Clock::Metrics => None,
        Clock::Service(service) => Some(service.to_string()),
    }
}

/// Requests told in two logs of a service and counted once.
#[derive(Serialize)]
struct DuplicateView {
    service: String,
    counted: String,
    left_out: String,
    requests: u64,
}

impl From<&Duplicate> for DuplicateView {
    fn from(duplicate: &Duplicate) -> Self {
        DuplicateView {
            service: duplicate.service.to_string(),
            counted: duplicate.counted.clone(),
            left_out: duplicate.left_out.clone(),
            requests: duplicate.requests,
        }
    }
}
