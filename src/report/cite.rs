//! Where a statement can be looked up: lines of files, series, changes.
//!
//! A finding without a line of its own rests on a series or on the counts of a service's log; this says which.

use crate::model::{Analysis, Change, Evidence, MetricName, Origin, ServiceName};

use super::markup;
use super::text::{sanitize, shorten};
use super::wording;

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cite {
    /// A line, or a file as a whole.
    Line(Origin),
    /// The record of a change.
    Change(String, Origin),
    /// A metric series: its name and its service.
    Metric(MetricName, ServiceName),
    /// Counts over the logs of a service.
    Counts(ServiceName, Vec<String>),
    /// Counts over everything that was read.
    All,
}

impl Cite {
    /// The place where a change is recorded.
    pub fn change(change: &Change) -> Cite {
        Cite::Change(wording::id(change.id.as_str()), change.origin.clone())
    }

    /// The place as plain text, sanitized.
    pub fn plain(&self) -> String {
        match self {
            Cite::Line(origin) => place(origin),
            Cite::Change(id, origin) => format!("change {id}, {}", place(origin)),
            Cite::Metric(metric, service) => format!("series {} of {}", shorten(&sanitize(metric.as_str()), 60), wording::service(service)),
            Cite::Counts(service, files) if files.is_empty() => format!("counts over the records of {}", wording::service(service)),
            Cite::Counts(service, files) => format!("counts over the records of {} in {}", wording::service(service), files.join(", ")),
            Cite::All => "counts over all files listed under Inputs".to_owned(),
        }
    }

    /// The place in Markdown.
    fn markdown(&self) -> String {
        let code = |origin: &Origin| markup::code(&origin.to_string());
        match self {
            Cite::Line(origin) => code(origin),
            Cite::Change(id, origin) => format!("change {}, {}", markup::code(id), code(origin)),
            Cite::Metric(metric, service) => {
                format!("series {} of {}", markup::code(metric.as_str()), markup::escape(&wording::service(service)))
            }
            Cite::Counts(service, files) => {
                let files: Vec<String> = files.iter().map(|f| markup::code(f)).collect();
                let at = if files.is_empty() { String::new() } else { format!(" in {}", files.join(", ")) };
                format!("counts over the records of {}{at}", markup::escape(&wording::service(service)))
            }
            Cite::All => self.plain(),
        }
    }
}

fn place(origin: &Origin) -> String {
    sanitize(&origin.to_string())
}

/// ` (a.log:3; change x, changes.jsonl:4)`, or nothing.
pub fn markdown(cites: &[Cite]) -> String {
    if cites.is_empty() {
        return String::new();
    }
    format!(" ({})", cites.iter().map(Cite::markdown).collect::<Vec<_>>().join("; "))
}

/// The counts of a service, with the files in which it was heard of.
pub fn counts(analysis: &Analysis, service: &ServiceName) -> Cite {
    let told = analysis.dossier.exhibits.as_ref().and_then(|e| e.told_by.get(service));
    Cite::Counts(service.clone(), told.map(|files| files.iter().map(|f| sanitize(f)).collect()).unwrap_or_default())
}

/// Everything a piece of evidence rests on; never empty. `change` is the change it speaks about, if any.
pub fn of(analysis: &Analysis, evidence: &Evidence, change: Option<&Change>) -> Vec<Cite> {
    let lines: Vec<Cite> = evidence.origins.iter().take(2).cloned().map(Cite::Line).collect();
    if !lines.is_empty() {
        return lines;
    }
    let finding = &evidence.finding;
    let cite = match (finding.metric(), finding.service()) {
        (Some(metric), Some(service)) => Cite::Metric(metric.clone(), service.clone()),
        (_, Some(service)) => counts(analysis, service),
        (_, None) => change.map_or(Cite::All, Cite::change),
    };
    vec![cite]
}
