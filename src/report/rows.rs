//! Results as rows of the history: the same statements that people are shown, beside the numbers they are made of.

use std::sync::Arc;

use serde_json::json;

use super::text::sanitize;
use super::{risk, verify, wording};
use crate::model::history::{Row, Table, Value};
use crate::model::{Analysis, Change, ChangeKind, Coverage, Risks, ServiceName, Time, TimeSpan, Verdict, Verification, Verifications};

/// Checks of a verdict that are kept.
const MOST_CHECKS: usize = 12;
/// Reasons of a risk that are kept.
const MOST_REASONS: usize = 8;
/// Changes before an incident that are kept.
const MOST_BEFORE: usize = 40;

fn text(text: &str) -> Value {
    Value::Text(Some(sanitize(text)).filter(|text| !text.is_empty()))
}

fn maybe(value: Option<&str>) -> Value {
    text(value.unwrap_or(""))
}

fn time(time: Time) -> Value {
    Value::Text(Some(time.rfc3339()))
}

/// Six digits: neither noise nor false precision is kept.
fn number(value: f64) -> Value {
    Value::Number(Some((value * 1e6).round() / 1e6).filter(|v| v.is_finite()))
}

fn count(n: u64) -> Value {
    Value::Number(Some(n as f64))
}

/// Changes, each with the later one that put it back.
pub fn changes(all: &[Arc<Change>]) -> Vec<Row> {
    let row = |change: &Arc<Change>| {
        let edit = |edit: &crate::model::KeyEdit| {
            let shown = |value: &Option<String>| value.as_deref().map(|v| sanitize(&wording::redact(edit.key.as_str(), v)));
            json!({ "key": sanitize(edit.key.as_str()), "before": shown(&edit.before), "after": shown(&edit.after) })
        };
        let edits: Vec<serde_json::Value> = change.config.edits.iter().map(edit).collect();
        let reverted_by = all.iter().find(|later| change.is_reverted_by(later)).map(|later| later.id.as_str());
        let values = vec![
            time(change.time),
            text(change.id.as_str()),
            text(change.service.as_str()),
            text(change.kind.name()),
            change.end_time.map_or(Value::Text(None), time),
            maybe(change.version.as_deref()),
            maybe(change.previous_version.as_deref()),
            maybe(change.summary.as_deref()),
            maybe(change.author.as_deref()),
            maybe(change.url.as_deref()),
            count(change.instances.len() as u64),
            if edits.is_empty() { Value::Text(None) } else { Value::Text(Some(serde_json::Value::from(edits).to_string())) },
            maybe(reverted_by),
            text(&change.origin.to_string()),
        ];
        Row { table: Table::Changes, values }
    };
    all.iter().map(row).collect()
}

/// Risks; a change that nothing speaks for or against has one row without a reason.
pub fn risks(all: &Risks, as_of: Option<Time>) -> Vec<Row> {
    let mut rows = Vec::new();
    for risk in &all.changes {
        let at = as_of.filter(|as_of| *as_of < risk.change.time).unwrap_or(risk.change.time);
        let head = |rank: usize| {
            vec![
                time(risk.change.time),
                text(risk.change.id.as_str()),
                text(risk.change.service.as_str()),
                time(at),
                text(risk.level.name()),
                number(risk.score),
                count(rank as u64),
            ]
        };
        if risk.reasons.is_empty() {
            let nothing = [Value::Text(None), Value::Text(None), Value::Number(None), Value::Text(None), Value::Text(None)];
            rows.push(Row { table: Table::Risks, values: [head(0), nothing.to_vec()].concat() });
        }
        for (rank, reason) in risk.reasons.iter().take(MOST_REASONS).enumerate() {
            let rest = [
                text(reason.finding.kind()),
                maybe(reason.finding.edit().map(|edit| edit.key.as_str())),
                number(reason.weight),
                text(&risk::sentence(&reason.finding)),
                maybe(reason.origin.as_ref().map(ToString::to_string).as_deref()),
            ];
            rows.push(Row { table: Table::Risks, values: [head(rank + 1), rest.to_vec()].concat() });
        }
    }
    rows
}

/// Verdicts with their first checks.
pub fn verdicts(all: &Verifications) -> Vec<Row> {
    all.changes.iter().flat_map(verdict).collect()
}

fn verdict(found: &Verification) -> Vec<Row> {
    let head = |rank: usize| {
        vec![
            time(found.change.time),
            text(found.change.id.as_str()),
            text(found.change.service.as_str()),
            time(found.as_of),
            text(found.outcome.name()),
            found.blamed.map_or(Value::Number(None), |(_, confidence)| number(confidence)),
            found.more.map_or(Value::Number(None), number),
            count(rank as u64),
        ]
    };
    let none = || Value::Number(None);
    let whole = vec![
        text("verdict"),
        Value::Text(None),
        Value::Text(None),
        none(),
        none(),
        none(),
        none(),
        none(),
        text(&verify::compared(found)),
        text(&found.change.origin.to_string()),
    ];
    let mut rows = vec![Row { table: Table::Verdicts, values: [head(0), whole].concat() }];
    for (rank, check) in found.checks.iter().take(MOST_CHECKS).enumerate() {
        let rest = vec![
            text(check.measured.kind()),
            text(check.service.as_str()),
            text(check.outcome.name()),
            count(u64::from(check.decides)),
            number(check.old),
            number(check.new),
            number(check.effect.value),
            number(check.adjusted),
            text(&verify::sentence(check)),
            maybe(check.origin.as_ref().map(ToString::to_string).as_deref()),
        ];
        rows.push(Row { table: Table::Verdicts, values: [head(rank + 1), rest].concat() });
    }
    rows
}

/// Incidents with their most probable causes.
pub fn incidents(analysis: &Analysis) -> Vec<Row> {
    let as_of = analysis.span.map(|span| span.end);
    analysis.verdicts.iter().map(|verdict| incident(verdict, as_of, &before(&analysis.changes, verdict.incident.span.start))).collect()
}

/// The changes that were made last before an instant, as a JSON list. Recordings of one system agree on them.
fn before(changes: &[Arc<Change>], onset: Time) -> String {
    let mut earlier: Vec<&Arc<Change>> = changes.iter().filter(|c| c.time <= onset && c.kind != ChangeKind::Unrecorded).collect();
    earlier.sort_by(|a, b| b.time.cmp(&a.time).then(a.id.cmp(&b.id)));
    json!(earlier.iter().take(MOST_BEFORE).map(|change| change.id.as_str()).collect::<Vec<_>>()).to_string()
}

fn incident(verdict: &Verdict, as_of: Option<Time>, changes_before: &str) -> Row {
    let found = &verdict.incident;
    let cause = verdict.causes.first();
    let undone = cause.and_then(|cause| cause.undone_by.as_ref());
    let services: Vec<&str> = found.services.iter().map(ServiceName::as_str).collect();
    let values = vec![
        time(found.span.start),
        time(found.span.end),
        count(u64::from(found.ongoing)),
        as_of.map_or(Value::Text(None), time),
        text(&services.join(",")),
        count(found.impact.requests),
        count(found.impact.failed),
        count(found.impact.users),
        count(found.impact.users_affected),
        maybe(cause.map(|cause| cause.kind.name())),
        maybe(cause.map(|cause| cause.service.as_str())),
        maybe(cause.and_then(|cause| cause.change.as_ref()).map(|change| change.id.as_str())),
        maybe(cause.and_then(|cause| cause.key.as_ref()).map(|edit| edit.key.as_str())),
        cause.map_or(Value::Number(None), |cause| number(cause.confidence)),
        maybe(undone.map(|change| change.id.as_str())),
        undone.map_or(Value::Text(None), |change| time(change.time)),
        text(&wording::headline(found)),
        text(changes_before),
    ];
    Row { table: Table::Incidents, values }
}

/// What was read in one run; `None` where nothing had a time.
pub fn run(command: &str, span: Option<TimeSpan>, coverage: &Coverage) -> Option<Row> {
    let span = span.or_else(|| coverage.span())?;
    let doubtful = coverage.sources.iter().filter(|source| source.understood < source.lines);
    let gaps: Vec<String> = doubtful
        .map(|source| format!("{}: {} of {} lines not understood", source.path, source.lines - source.understood, source.lines))
        .take(5)
        .collect();
    let values = vec![
        time(span.start),
        time(span.end),
        text(command),
        count(coverage.sources.len() as u64),
        count(coverage.lines()),
        count(coverage.understood()),
        count(coverage.complaints.len() as u64),
        text(&gaps.join("; ")),
    ];
    Some(Row { table: Table::Runs, values })
}
