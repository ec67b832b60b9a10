//! What happened: summary, timeline, root cause, resolution.

use crate::model::{Alarm, Cause, TimelineKind, Verdict};
use crate::report::cite::{self, Cite};
use crate::report::text::{confidence, count, counted, duration, number, percent, sanitize, shorten};
use crate::report::wording::{Certainty, certainty};
use crate::report::{actions, recovery, sentences, wording};

use super::{Case, blank, code, escape, fact};

/// Evidence told of the leading cause.
const MOST_EVIDENCE: usize = 8;
/// Widest text of a row.
const TEXT_WIDTH: usize = 240;

/// When, where, whom it hurt, and why in one sentence.
pub fn summary(case: &Case<'_>) -> String {
    let incident = &case.verdict.incident;
    let span = incident.span;
    let until = if incident.ongoing { "and was still going on when the data ended at" } else { "to" };
    let mut out = fact(
        &format!(
            "{}, from {} {} {until} {} {} UTC ({})",
            wording::headline(incident),
            span.start.date(),
            span.start.clock(),
            span.end.date(),
            span.end.clock(),
            duration(span.seconds())
        ),
        &[case.signal()],
    );
    let impact = &incident.impact;
    let mut numbers = Vec::new();
    if impact.requests > 0 {
        numbers.push(format!("{} of {} were hurt", count(impact.failed), counted(impact.requests, "request")));
    }
    if impact.users > 0 {
        numbers.push(format!("{} of {} met a failure", count(impact.users_affected), counted(impact.users, "user")));
    }
    if !numbers.is_empty() {
        out.push_str(&fact(&numbers.join("; "), &[case.signal()]));
    }
    let share = |failed: u64, all: u64| percent(failed as f64 / all.max(1) as f64);
    let routes: Vec<String> = impact
        .routes
        .iter()
        .filter(|r| r.2 > 0)
        .take(3)
        .map(|(route, all, failed)| format!("{} ({} of {})", sanitize(route), share(*failed, *all), count(*all)))
        .collect();
    if !routes.is_empty() {
        out.push_str(&fact(&format!("worst hit: {}", routes.join(", ")), &[case.signal()]));
    }
    match case.verdict.causes.first() {
        Some(best) => out.push_str(&fact(&format!("{}: {}", lead(case.verdict), wording::title(best)), &about(case, best))),
        None => out.push_str("The root cause is not known: nothing in the data explains it.\n"),
    }
    let paragraphs = format!("{out}What it cost: {}.\n", blank("orders, revenue, support cases, penalties"));
    separate(&paragraphs)
}

/// Each line a paragraph of its own.
fn separate(lines: &str) -> String {
    lines.trim_end().replace('\n', "\n\n") + "\n"
}

fn lead(verdict: &Verdict) -> String {
    let confidence = verdict.causes.first().map_or_else(String::new, |c| confidence(c.confidence));
    match certainty(verdict) {
        Certainty::Certain => format!("root cause, {confidence} sure"),
        Certainty::NotCertain => format!("most likely root cause, {confidence} sure, not certain"),
        Certainty::Unclear => format!("root cause unclear; the best candidate, {confidence} sure, is"),
    }
}

/// The places that name a cause: its change and its key, else its best evidence.
pub fn about(case: &Case<'_>, cause: &Cause) -> Vec<Cite> {
    let mut cites: Vec<Cite> = cause.change.as_deref().map(Cite::change).into_iter().collect();
    cites.extend(cause.key.as_ref().and_then(|k| k.origin.clone()).map(Cite::Line));
    if cites.is_empty() {
        cites.extend(cause.evidence.iter().find(|e| e.supports()).map(|e| cite::of(case.analysis, e, None)).into_iter().flatten());
    }
    if cites.is_empty() { vec![case.signal()] } else { cites }
}

/// What happened when, with what alerts would have told, and blanks for people.
pub fn timeline(case: &Case<'_>) -> String {
    let verdict = case.verdict;
    let mut rows: Vec<(crate::model::Time, u8, String)> = Vec::new();
    for entry in &verdict.timeline {
        let service = wording::service(&entry.service);
        let text = shorten(&sanitize(&entry.text), TEXT_WIDTH);
        let (order, what) = match entry.kind {
            TimelineKind::Change => (0, format!("{service}: {text}")),
            TimelineKind::FirstSymptom => (2, format!("first symptom of {service}: {text}")),
            TimelineKind::IncidentStart => (1, format!("users begin to be hurt at {service}")),
            TimelineKind::IncidentEnd => (4, format!("users are no longer hurt at {service}")),
            TimelineKind::Disturbance => (3, format!("{service}: {text}")),
        };
        let cites = entry.origin.clone().map_or_else(|| vec![case.signal()], |o| vec![Cite::Line(o)]);
        rows.push((entry.time, order, fact(&what, &cites)));
    }
    if let Some((alarm, (time, after))) = earliest(case.alarms()) {
        let text = format!(
            "the alert {} would have fired, {} after the onset (back-test; `whatchanged alerts` writes it)",
            alarm.name,
            duration(after)
        );
        rows.push((time, 3, fact(&text.replace('`', ""), &[alarm_cite(case, alarm)])));
    }
    rows.sort();
    let mut out = String::from("| time | what |\n|---|---|\n");
    let mut day = String::new();
    let start = verdict.incident.span.start;
    let mut detected = false;
    for (time, order, text) in rows {
        let date = if time.date() == day { String::new() } else { format!("{} ", time.date()) };
        day = time.date();
        out.push_str(&format!("| {date}{} | {} |\n", time.clock(), text.trim_end()));
        if !detected && order == 1 && time == start {
            detected = true;
            out.push_str(&format!(
                "| {} | Detected: {} |\n",
                blank("time"),
                blank("by whom, and by what: an alert, a customer, a colleague")
            ));
            out.push_str(&format!("| {} | Escalated: {} |\n", blank("time"), blank("who was called, in which order")));
            out.push_str(&format!(
                "| {} | Investigated: {} |\n",
                blank("time"),
                blank("what was suspected and tried, see Misleading paths")
            ));
        }
    }
    out
}

/// The alert that would have fired first, with when and how long after the onset.
pub fn earliest(alarms: &[Alarm]) -> Option<(&Alarm, (crate::model::Time, f64))> {
    let fired = alarms.iter().filter(|a| a.backtest.false_alarms.is_empty()).filter_map(|a| Some((a, a.backtest.fired?)));
    fired.filter(|(_, (_, after))| *after >= 0.0).min_by(|a, b| a.1.0.cmp(&b.1.0))
}

/// The series or the counts that a rule is about.
pub fn alarm_cite(case: &Case<'_>, alarm: &Alarm) -> Cite {
    match &alarm.condition {
        crate::model::Condition::Metric { metric, .. } => Cite::Metric(metric.clone(), alarm.service.clone()),
        _ => cite::counts(case.analysis, &alarm.service),
    }
}

/// What did it, and what shows it.
pub fn root_cause(case: &Case<'_>) -> String {
    let Some(best) = case.verdict.causes.first() else {
        return format!("Nothing in the data explains it.\n\n{}\n", blank("root cause, once it is known"));
    };
    let mut out = fact(&format!("{}: {}", lead(case.verdict), wording::title(best)), &about(case, best));
    if let Some(change) = best.change.as_deref() {
        let versions = wording::versions(change).map(|v| format!(", {v}")).unwrap_or_default();
        let by = change.author.as_ref().map(|a| format!(", by {}", shorten(&sanitize(a), 60))).unwrap_or_default();
        let summary = change.summary.as_ref().map(|s| format!(": \"{}\"", shorten(&sanitize(s), 160))).unwrap_or_default();
        let text = format!(
            "{} reached {}{versions}{by} at {} {} UTC{summary}",
            wording::kind_and_id(change),
            wording::service(&change.service),
            change.time.date(),
            change.time.clock()
        );
        out.push_str(&format!("\n{}", fact(&text, &[Cite::change(change)])));
        out.push_str(&edits(change));
    }
    out.push_str("\nWhat shows it:\n\n");
    for evidence in best.evidence.iter().filter(|e| e.supports()).take(MOST_EVIDENCE) {
        let cites = cite::of(case.analysis, evidence, best.change.as_deref());
        out.push_str(&format!("- {}", fact(&sentences::sentence_within(evidence, TEXT_WIDTH), &cites)));
    }
    let against: Vec<_> = best.evidence.iter().filter(|e| !e.supports()).take(3).collect();
    if !against.is_empty() {
        out.push_str("\nWhat speaks against it:\n\n");
        for evidence in against {
            let cites = cite::of(case.analysis, evidence, best.change.as_deref());
            out.push_str(&format!("- {}", fact(&sentences::sentence_within(evidence, TEXT_WIDTH), &cites)));
        }
    }
    out.push_str(&others(case));
    out.push_str(&format!("\nWhy it was possible: {}\n", blank("which test, review or limit would have caught it, and why it did not")));
    out
}

/// The configuration that the change edited.
fn edits(change: &crate::model::Change) -> String {
    if change.config.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n| key | before | after | where |\n|---|---|---|---|\n");
    for edit in change.config.edits.iter().take(20) {
        let key = edit.key.as_str();
        let origin = edit.origin.as_ref().map_or_else(|| code(&change.origin.to_string()), |o| code(&o.to_string()));
        let cells = [wording::key(edit), wording::value(key, edit.before.as_deref()), wording::value(key, edit.after.as_deref())];
        out.push_str(&format!("| {} | {origin} |\n", cells.map(|c| escape(&c)).join(" | ")));
    }
    let more = change.config.edits.len().saturating_sub(20);
    if more > 0 {
        out.push_str(&format!("\nand {} more.\n", counted(more as u64, "key")));
    }
    out
}

fn others(case: &Case<'_>) -> String {
    let others: Vec<&Cause> = case.verdict.causes.iter().skip(1).filter(|c| c.confidence >= 0.02).take(4).collect();
    if others.is_empty() {
        return String::new();
    }
    let mut out = String::from("\nOther candidates:\n\n");
    for cause in others {
        out.push_str(&format!("- {}", fact(&format!("{}: {}", confidence(cause.confidence), wording::title(cause)), &about(case, cause))));
    }
    out
}

/// What ended it, and whether things are as before.
pub fn resolution(case: &Case<'_>) -> String {
    let mut out = String::new();
    if let Some((by, cause)) = case.verdict.causes.first().and_then(|c| Some((c.undone_by.as_deref()?, c))) {
        let after = by.time - case.verdict.incident.span.start;
        let text = format!(
            "{} was undone by {} at {} UTC, {} after users began to be hurt",
            wording::suspect(cause),
            wording::id(by.id.as_str()),
            by.time.clock(),
            duration(after)
        );
        out.push_str(&fact(&text, &[Cite::change(by)]));
    }
    if let Some(recovered) = case.recovery() {
        for fix in &recovered.fixes {
            out.push_str(&fact(&recovery::fix(fix), &[Cite::change(&fix.change), case.signal()]));
        }
        out.push_str(&fact(&recovery::sentence(recovered), &[case.signal()]));
    }
    if let Some(best) = case.verdict.causes.first() {
        for (text, cites) in actions::caveats(case.analysis, best) {
            out.push_str(&fact(&text, &cites));
        }
    }
    if case.verdict.incident.ongoing {
        out.push_str(&format!("Resolution: {}\n", blank("what ended it, and when")));
    } else {
        out.push_str(&format!("Why this ended it, and who decided on it: {}\n", blank("decision, people, doubts")));
    }
    separate(&out)
}

/// How long it took, in words that a table of tasks can use.
pub fn time_to_undo(case: &Case<'_>) -> Option<String> {
    let by = case.verdict.causes.first()?.undone_by.as_deref()?;
    Some(duration(by.time - case.verdict.incident.span.start))
}

/// A number as it stands in sentences.
pub fn per_second(value: f64) -> String {
    format!("{}/s", number(value))
}
