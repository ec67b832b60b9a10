//! The ledger of what was read and understood, as JSON has it.

use serde::Serialize;

use crate::model::{Complaint, Coverage, SourceCoverage};
use crate::report::text;

use super::round;

#[derive(Serialize)]
pub struct CoverageView {
    lines: u64,
    understood: u64,
    understood_ratio: Option<f64>,
    bytes: u64,
    sources: Vec<SourceView>,
    complaints: Vec<ComplaintView>,
}

impl From<&Coverage> for CoverageView {
    fn from(coverage: &Coverage) -> Self {
        CoverageView {
            lines: coverage.lines(),
            understood: coverage.understood(),
            understood_ratio: round(coverage.share().min(1.0), 6),
            bytes: coverage.bytes(),
            sources: coverage.sources.iter().map(SourceView::from).collect(),
            complaints: coverage.complaints.iter().map(ComplaintView::from).collect(),
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
