//! A post-mortem as a finished draft: every statement of fact cites a line, a series or a change, and what the data cannot know is a blank.
//!
//! The chapters are pieces that a team's own form can place: `{{summary}}`, `{{timeline}}` and so on. Nothing is weighed here.

mod measures;
mod paths;
mod story;

use crate::model::{Analysis, Verdict};

use super::checks;
use super::cite::{self, Cite};
use super::markup::{block, code, escape};
use super::text::{bytes, counted};
use super::{View, ledger, wording};

/// The form that comes with the tool.
pub const DEFAULT_TEMPLATE: &str = include_str!("postmortem/default.md");

/// The pieces that a form may place.
pub const PIECES: [&str; 12] = [
    "title",
    "version",
    "start",
    "end",
    "summary",
    "timeline",
    "root_cause",
    "resolution",
    "misleading_paths",
    "measures",
    "tasks",
    "checks",
];
/// The piece without which a report cannot be checked; it is appended where a form leaves it out.
const INPUTS: &str = "inputs";

/// A form that names a piece there is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPiece {
    pub name: String,
    /// From 1.
    pub line: usize,
}

impl UnknownPiece {
    /// All names that a form may use.
    pub fn known() -> Vec<&'static str> {
        PIECES.into_iter().chain([INPUTS]).collect()
    }
}

/// The post-mortem of the worst incident in the form of `template`, with a final newline.
pub fn render(analysis: &Analysis, template: &str, _view: &View) -> Result<String, UnknownPiece> {
    let worst = super::severity::most_severe_first(&analysis.verdicts).first().copied();
    let mut out = fill(template, &|name| Some(piece(analysis, worst, name)).filter(|_| name == INPUTS || PIECES.contains(&name)))?;
    if !template.contains("{{inputs}}") {
        out.push_str(&format!("\n\n## What this rests on\n\n{}", piece(analysis, worst, INPUTS)));
    }
    Ok(out.trim_end().to_owned() + "\n")
}

/// Puts pieces in place of `{{name}}`. What a piece holds is not looked at again, so that a log line cannot name one.
fn fill(template: &str, piece: &dyn Fn(&str) -> Option<String>) -> Result<String, UnknownPiece> {
    let mut out = String::with_capacity(template.len() * 4);
    let mut rest = template;
    while let Some(at) = rest.find("{{") {
        let (text, after) = rest.split_at(at);
        out.push_str(text);
        let Some(end) = after.find("}}") else { break };
        let name = after[2..end].trim();
        match piece(name) {
            Some(text) => out.push_str(text.trim_end()),
            None => {
                let line = template[..template.len() - after.len()].matches('\n').count() + 1;
                return Err(UnknownPiece { name: name.to_owned(), line });
            }
        }
        rest = &after[end + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

fn piece(analysis: &Analysis, worst: Option<&Verdict>, name: &str) -> String {
    let Some(verdict) = worst else { return without_incident(analysis, name) };
    let case = Case::new(analysis, verdict);
    let span = verdict.incident.span;
    match name {
        "title" => escape(&wording::headline(&verdict.incident)),
        "version" => env!("CARGO_PKG_VERSION").to_owned(),
        "start" => span.start.rfc3339(),
        "end" => span.end.rfc3339(),
        "summary" => story::summary(&case),
        "timeline" => story::timeline(&case),
        "root_cause" => story::root_cause(&case),
        "resolution" => story::resolution(&case),
        "misleading_paths" => paths::chapter(&case),
        "measures" => measures::chapter(&case),
        "tasks" => measures::tasks(&case),
        "checks" => check_lists(analysis, verdict),
        _ => inputs(analysis),
    }
}

fn without_incident(analysis: &Analysis, name: &str) -> String {
    match name {
        "title" => "no incident found".to_owned(),
        "version" => env!("CARGO_PKG_VERSION").to_owned(),
        "start" | "end" => blank("when"),
        "summary" => {
            let sought = &analysis.sought;
            let text = format!(
                "No incident was found in {} ({} failed), the errors of {} and {}",
                counted(sought.requests, "request"),
                sought.failed,
                counted(sought.error_streams as u64, "service"),
                counted(sought.metric_series as u64, "metric series").trim_end_matches('s')
            );
            format!("{}If you know when it was, name it with `--incident START..END`.\n", fact(&text, &[Cite::All]))
        }
        INPUTS => inputs(analysis),
        _ => format!("{}\n", blank("nothing was found to write here")),
    }
}

/// One incident with what belongs to it.
struct Case<'a> {
    analysis: &'a Analysis,
    verdict: &'a Verdict,
    index: usize,
}

impl<'a> Case<'a> {
    fn new(analysis: &'a Analysis, verdict: &'a Verdict) -> Case<'a> {
        let index = analysis.verdicts.iter().position(|v| std::ptr::eq(v, verdict)).unwrap_or(0);
        Case { analysis, verdict, index }
    }

    fn recovery(&self) -> Option<&'a crate::model::Recovery> {
        self.analysis.dossier.recoveries.get(self.index)
    }

    fn alarms(&self) -> &'a [crate::model::Alarm] {
        self.analysis.dossier.exhibits.as_ref().and_then(|e| e.alarms.get(self.index)).map_or(&[], Vec::as_slice)
    }

    fn messages(&self) -> &'a [crate::model::MessageRow] {
        self.analysis.dossier.exhibits.as_ref().and_then(|e| e.messages.get(self.index)).map_or(&[], Vec::as_slice)
    }

    /// What the signal of the incident was counted in.
    fn signal(&self) -> Cite {
        match (&self.verdict.incident.signal, self.verdict.incident.services.first()) {
            (crate::model::IncidentSignal::Metric { metric }, Some(service)) => Cite::Metric(metric.clone(), service.clone()),
            (_, Some(service)) => cite::counts(self.analysis, service),
            _ => Cite::All,
        }
    }
}

/// Words that a sentence may begin with in capitals; names are written as they are.
const OWN_WORDS: [&str; 28] = [
    "after",
    "alert",
    "began",
    "by",
    "cannot",
    "collect",
    "failures",
    "first",
    "in",
    "it",
    "its",
    "keep",
    "most",
    "no",
    "not",
    "nothing",
    "on",
    "recovered;",
    "requests",
    "root",
    "test",
    "the",
    "users",
    "what",
    "words",
    "work",
    "worst",
    "write",
];

/// A sentence with its full stop and the places that show it.
fn fact(text: &str, cites: &[Cite]) -> String {
    let text = text.trim_end_matches('.');
    let own = text.split(' ').next().is_some_and(|word| OWN_WORDS.contains(&word));
    let text = if own { capital(text) } else { text.to_owned() };
    format!("{}{}.\n", escape(&text), cite::markdown(cites))
}

/// A place for what only people know.
fn blank(what: &str) -> String {
    format!("**[fill in: {what}]**")
}

fn check_lists(analysis: &Analysis, verdict: &Verdict) -> String {
    let mut out = String::new();
    for list in checks::lists(analysis, verdict) {
        out.push_str(&format!("### {}\n\n", escape(&list.about)));
        for check in list.checks {
            out.push_str(&format!("{}\n\n{}\n", escape(&capital(&check.question)), block(check.language, &check.command)));
        }
    }
    if out.is_empty() { "Nothing is left open.\n".to_owned() } else { out }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn inputs(analysis: &Analysis) -> String {
    let coverage = &analysis.coverage;
    let mut out = format!("Read {}.\n", ledger::summary(coverage));
    for warning in ledger::warnings(coverage) {
        out.push_str(&format!("\n**Warning:** {}.\n", escape(&warning.text)));
    }
    for skew in &coverage.clocks {
        out.push_str(&format!("\n**Clock:** {}.\n", escape(&wording::clock(skew))));
    }
    let Some(exhibits) = &analysis.dossier.exhibits else { return out };
    out.push_str("\n| file | size | SHA-256 |\n|---|--:|---|\n");
    for input in &exhibits.inputs {
        let hash = input.sha256.as_deref().unwrap_or("not known");
        out.push_str(&format!("| {} | {} | `{hash}` |\n", code(&input.path), bytes(input.bytes)));
    }
    out
}

#[cfg(test)]
mod tests;
