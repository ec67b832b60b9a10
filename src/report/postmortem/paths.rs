//! The misleading paths: why each looked right, and what refutes it.
//!
//! A path looked right when something in the data pointed at it: it changed near the onset, a message named it, or a kind of message that
//! surged is usually its. Paths at which nothing pointed are told in one line each: they were looked at, too.

use crate::model::{CauseKind, Finding, MessageRow, RuledOut, Symptom};
use crate::report::cite::{self, Cite};
use crate::report::text::{count, duration, number, sanitize, shorten};
use crate::report::{sentences, wording};

use super::{Case, blank, escape, fact};

/// Changes further than this many seconds from the onset did not look guilty.
const NEAR: f64 = 3_600.0;
/// Widest quotation.
const QUOTE_WIDTH: usize = 110;
/// A resource in per cent looked full from here on.
const LOOKS_FULL: f64 = 80.0;

/// The chapter.
pub fn chapter(case: &Case<'_>) -> String {
    let mut out = String::new();
    let mut plain = Vec::new();
    for path in &case.verdict.ruled_out {
        match why_it_looked_right(case, path) {
            Some(reasons) => out.push_str(&misleading(case, path, &reasons)),
            None => plain.push(path),
        }
    }
    if out.is_empty() {
        out.push_str("No path was found that looked right and was not.\n\n");
    }
    if !plain.is_empty() {
        out.push_str("### Looked at, too\n\nNothing pointed at these, and this speaks against them:\n\n");
        for path in plain {
            let Some(evidence) = path.evidence.first() else { continue };
            let cites = cite::of(case.analysis, evidence, path.change.as_deref());
            out.push_str(&format!(
                "- {}",
                fact(&format!("{}: {}", sanitize(&path.title), sentences::sentence_within(evidence, 200)), &cites)
            ));
        }
        out.push('\n');
    }
    if !case.verdict.not_ruled_out.is_empty() {
        out.push_str("### Not ruled out: no data\n\n");
        for path in &case.verdict.not_ruled_out {
            out.push_str(&format!("- {}\n", escape(&format!("{}: needs {}", sanitize(&path.title), sanitize(&path.needed)))));
        }
        out.push('\n');
    }
    out.push_str(&format!("What was really suspected, and for how long: {}\n", blank("paths followed, by whom, time lost on each")));
    out
}

fn misleading(case: &Case<'_>, path: &RuledOut, reasons: &[String]) -> String {
    let mut out = format!("### {}\n\nWhy it looked right:\n\n", escape(&capital(&sanitize(&path.title))));
    reasons.iter().for_each(|reason| out.push_str(&format!("- {reason}")));
    out.push_str("\nWhat refutes it:\n\n");
    for evidence in path.evidence.iter().take(4) {
        let cites = cite::of(case.analysis, evidence, path.change.as_deref());
        out.push_str(&format!("- {}", fact(&sentences::sentence_within(evidence, 240), &cites)));
    }
    out.push('\n');
    out
}

fn capital(text: &str) -> String {
    super::capital(text)
}

/// Facts that pointed at the path; `None`: nothing did.
fn why_it_looked_right(case: &Case<'_>, path: &RuledOut) -> Option<Vec<String>> {
    let mut reasons: Vec<String> = Vec::new();
    let onset = case.verdict.incident.span.start;
    if let Some(change) = path.change.as_deref().filter(|c| (c.time - onset).abs() <= NEAR) {
        let distance = change.time - onset;
        let when = if distance < 0.0 {
            "before users began to be hurt"
        } else {
            "after users began to be hurt, when everybody looked for a change"
        };
        let text = format!(
            "{} reached {} at {} UTC, {} {when}",
            wording::kind_and_id(change),
            wording::service(&change.service),
            change.time.clock(),
            duration(distance)
        );
        reasons.push(fact(&text, &[Cite::change(change)]));
    }
    let trouble = || case.messages().iter().filter(|m| m.is_trouble());
    if path.kind == CauseKind::Component
        && let Some(row) = trouble().find(|m| m.service != path.service && names(m, path.service.as_str()))
    {
        reasons.push(fact(
            &format!("{} of {} name it, such as {}", quoted_count(row), wording::service(&row.service), quote(row)),
            &[Cite::Line(row.origin.clone())],
        ));
    }
    let usual = usual_symptoms(path);
    if let Some(row) = trouble().find(|m| m.symptom.is_some_and(|s| usual.contains(&s))) {
        let shows = row.symptom.map_or("", wording::symptom);
        let text = format!(
            "{} of {} show {shows}, which is often its fault, such as {}",
            quoted_count(row),
            wording::service(&row.service),
            quote(row)
        );
        reasons.push(fact(&text, &[Cite::Line(row.origin.clone())]));
    }
    for evidence in &path.evidence {
        if let Finding::MetricFlat { service, metric, peak, .. } = &evidence.finding
            && ["pct", "percent"].iter().any(|word| metric.as_str().contains(word))
            && (LOOKS_FULL..=100.5).contains(peak)
        {
            let text = format!("{} of {} stood at {} in the incident", sanitize(metric.as_str()), wording::service(service), number(*peak));
            reasons.push(fact(&text, &[Cite::Metric(metric.clone(), service.clone())]));
        }
    }
    (!reasons.is_empty()).then_some(reasons)
}

fn quoted_count(row: &MessageRow) -> String {
    format!("{} messages", count(row.during))
}

fn quote(row: &MessageRow) -> String {
    format!("\"{}\"", shorten(&sanitize(&row.example), QUOTE_WIDTH))
}

/// Whether the message names the service as a word of its own.
fn names(row: &MessageRow, service: &str) -> bool {
    let text = row.example.to_ascii_lowercase();
    let service = service.to_ascii_lowercase();
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(&service).any(|(at, found)| !part(text[..at].chars().next_back()) && !part(text[at + found.len()..].chars().next()))
}

/// What people take for a fault of such a path.
fn usual_symptoms(path: &RuledOut) -> &'static [Symptom] {
    let title = path.title.to_ascii_lowercase();
    match path.kind {
        _ if title.starts_with("database") => &[
            Symptom::PoolExhausted,
            Symptom::ConnectionLimit,
            Symptom::StatementTimeout,
            Symptom::LockWait,
            Symptom::Deadlock,
            Symptom::SlowStatement,
            Symptom::NotReady,
        ],
        _ if title.starts_with("network") => {
            &[Symptom::Timeout, Symptom::Unreachable, Symptom::Reset, Symptom::Refused, Symptom::Dns, Symptom::Tls]
        }
        _ if title.starts_with("host") => &[Symptom::Memory, Symptom::Descriptors, Symptom::Disk],
        CauseKind::Load => &[Symptom::RateLimit, Symptom::PoolExhausted, Symptom::Timeout],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Level, Moved, Origin};

    #[test]
    fn a_service_is_named_as_a_word() {
        let row = |example: &str| MessageRow {
            moved: Moved::New,
            service: "web".into(),
            level: Level::Error,
            template: example.into(),
            during: 3,
            expected: 0.0,
            symptom: None,
            example: example.into(),
            origin: Origin::file("a.log"),
        };
        assert!(names(&row("upstream Payments timed out"), "payments"));
        assert!(names(&row("http://payments:8080/x"), "payments"));
        assert!(!names(&row("payments_v2 failed"), "payments"));
        assert!(!names(&row("repayments failed"), "payments"));
    }
}
