//! The report on a period: one page to mail, Markdown for a ticket, JSON for scripts. The numbers are the history's.

mod html;

use serde::Serialize;
use serde_json::json;

use super::escape_markdown;
use super::text::{counted, duration, number, percent, sanitize, shorten};
use crate::model::period::{Entry, Fate, Period, Rate, Totals};

/// How the report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodFormat {
    Html,
    Markdown,
    Json,
}

/// The whole report, with a final newline.
pub fn render(period: &Period, format: PeriodFormat) -> String {
    match format {
        PeriodFormat::Html => html::render(period),
        PeriodFormat::Markdown => markdown(period),
        PeriodFormat::Json => json_of(period),
    }
}

fn title(period: &Period) -> String {
    let span = period.span.map(|span| format!("{} to {} UTC", minute(span.start), minute(span.end)));
    format!("Changes from {}", span.unwrap_or_default())
}

fn minute(time: crate::model::Time) -> String {
    format!("{} {}", time.date(), time.clock().get(..5).unwrap_or(""))
}

/// The first line: what a reader who stops there must know.
fn summary(period: &Period) -> String {
    let now = &period.now;
    if now.deploys == 0 {
        return format!("No deploy is recorded; {} found.", counted(now.incidents as u64, "incident"));
    }
    let untold = if now.untold > 0 { format!(", {} cannot be told", now.untold) } else { String::new() };
    format!(
        "{}, {} failed, {} rolled back{untold}. Change failure rate {}; {}.",
        counted(now.deploys as u64, "deploy"),
        now.failed.hits,
        now.rolled_back,
        with_interval(now.failed),
        against(period)
    )
}

fn against(period: &Period) -> String {
    let before = period.before.failed;
    match (period.difference, before.value()) {
        (Some((low, high)), Some(was)) if low <= 0.0 && high >= 0.0 => {
            format!("too few to tell it from the {} of the period before ({} of {})", percent(was), before.hits, before.of)
        }
        (Some((low, high)), Some(was)) => {
            let way = if low > 0.0 { "up" } else { "down" };
            format!("{way} from {} ({:+.0} to {:+.0} points)", percent(was), 100.0 * low, 100.0 * high)
        }
        _ => "no deploy in the period before".to_owned(),
    }
}

fn with_interval(rate: Rate) -> String {
    match rate.value() {
        Some(value) => format!("{} (95 %: {}-{})", percent(value), percent(rate.low), percent(rate.high)),
        None => "unknown".to_owned(),
    }
}

fn lasted(known: Option<(f64, usize)>) -> String {
    known.map_or_else(|| "not known".to_owned(), |(seconds, of)| format!("{} (median of {of})", duration(seconds)))
}

/// Names and values of the table of numbers, of this period and the one before.
fn numbers(period: &Period) -> Vec<(&'static str, String, String)> {
    let days = period.span.map_or(1.0, |span| (span.seconds() / 86_400.0).max(1e-9));
    let both = |name: &'static str, of: &dyn Fn(&Totals) -> String| (name, of(&period.now), of(&period.before));
    vec![
        both("deploys", &|t| t.deploys.to_string()),
        both("deploys a day", &|t| number(t.deploys as f64 / days)),
        both("failed", &|t| t.failed.hits.to_string()),
        both("rolled back", &|t| t.rolled_back.to_string()),
        both("cannot be told", &|t| t.untold.to_string()),
        both("change failure rate", &|t| with_interval(t.failed)),
        both("incidents", &|t| t.incidents.to_string()),
        both("incidents without a change", &|t| t.incidents_without_change.to_string()),
        both("onset to first repair", &|t| lasted(t.detect_s)),
        both("onset to recovery", &|t| lasted(t.recover_s)),
        both("changes that repair others", &|t| with_interval(t.rework)),
    ]
}

fn name(entry: &Entry) -> String {
    let version = match (entry.previous_version.as_str(), entry.version.as_str()) {
        ("", "") => String::new(),
        ("", version) => format!(" {version}"),
        (previous, version) => format!(" {previous} -> {version}"),
    };
    shorten(&sanitize(&format!("{} {}{version}", entry.service, entry.id)), 90)
}

fn keys(entry: &Entry) -> String {
    const SHOWN: usize = 3;
    let shown = entry.keys.iter().take(SHOWN).map(|(key, before, after)| format!("{key} {before} -> {after}"));
    let mut text = shown.collect::<Vec<_>>().join("; ");
    if entry.keys.len() > SHOWN {
        text += &format!("; and {} more", entry.keys.len() - SHOWN);
    }
    shorten(&sanitize(&text), 160)
}

fn risk(entry: &Entry) -> String {
    entry.risk.as_ref().map_or_else(|| "-".to_owned(), |(level, score)| format!("{level} {score:.2}"))
}

fn fate(entry: &Entry) -> String {
    let undone = if entry.rolled_back_by.is_empty() { String::new() } else { format!(", undone by {}", sanitize(&entry.rolled_back_by)) };
    let word = match entry.fate {
        Fate::Failed => "failed",
        Fate::CannotTell => "cannot tell",
        Fate::Fine => "fine",
    };
    format!("{word}{undone}")
}

fn span_of(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), duration)
}

fn markdown(period: &Period) -> String {
    let mut out = format!("# {}\n\n{}\n", escape_markdown(&title(period)), escape_markdown(&summary(period)));
    out += "\n| | this period | before |\n|---|---|---|\n";
    for (what, now, before) in numbers(period) {
        out += &format!("| {what} | {} | {} |\n", escape_markdown(&now), escape_markdown(&before));
    }
    heading(&mut out, "Act on these");
    for entry in period.act.iter().filter_map(|at| period.changes.get(*at)) {
        let owner = if entry.author.is_empty() { String::new() } else { format!(", {}", sanitize(&entry.author)) };
        let line = format!("{}: {}, risk {}{owner}. {} [{}]", name(entry), fate(entry), risk(entry), entry.why, entry.source);
        out += &format!("- {}\n", escape_markdown(&sanitize(&line)));
    }
    none_of(&mut out, period.act.len(), "nothing is urgent");
    heading(&mut out, "All changes");
    if !period.changes.is_empty() {
        out += "| time (UTC) | change | kind | keys | risk before | outcome | to repair | to recover | why |\n|---|---|---|---|---|---|---|---|---|\n";
    }
    for entry in &period.changes {
        let cells = [
            minute(entry.time),
            name(entry),
            entry.kind.clone(),
            keys(entry),
            risk(entry),
            fate(entry),
            span_of(entry.detect_s),
            span_of(entry.recover_s),
            shorten(&sanitize(&entry.why), 160),
        ];
        out += &format!("| {} |\n", cells.map(|cell| escape_markdown(&sanitize(&cell))).join(" | "));
    }
    none_of(&mut out, period.changes.len(), "no change is recorded");
    for (what, lines) in lists(period) {
        heading(&mut out, what);
        lines.iter().for_each(|line| out += &format!("- {}\n", escape_markdown(line)));
        none_of(&mut out, lines.len(), "none");
    }
    out
}

fn heading(out: &mut String, what: &str) {
    *out += &format!("\n## {what}\n\n");
}

fn none_of(out: &mut String, n: usize, what: &str) {
    if n == 0 {
        *out += &format!("{what}\n");
    }
}

/// The sections that are lists of sentences.
fn lists(period: &Period) -> Vec<(&'static str, Vec<String>)> {
    let near = period.near_misses.iter().map(|near| {
        let source = if near.source.is_empty() { String::new() } else { format!(" [{}]", near.source) };
        sanitize(&format!("{}: {}{source}", near.change, near.statement))
    });
    let recurring = period
        .recurring
        .iter()
        .map(|r| sanitize(&format!("{} {}: {} of {} failed", r.what, r.name, r.failed, counted(r.of as u64, "change"))));
    let calibration = period.calibration.iter().map(|level| {
        let wrong = if level.level == "low" { "failed all the same" } else { "went well" };
        let surprises = if level.surprises.is_empty() { String::new() } else { format!("; {wrong}: {}", level.surprises.join(", ")) };
        sanitize(&format!("{}: {} of {} failed{surprises}", level.level, level.failed.hits, level.failed.of))
    });
    vec![
        ("Near misses", near.collect()),
        ("Not recorded, and drift", period.unrecorded.iter().map(|line| sanitize(line)).collect()),
        ("Again and again", recurring.collect()),
        ("Risk levels of the period before, and what came of them", calibration.collect()),
        ("What the data does not say", period.gaps.iter().map(|line| sanitize(line)).collect()),
    ]
}

#[derive(Serialize)]
struct ChangeView {
    change_id: String,
    service: String,
    kind: String,
    time: String,
    version: String,
    previous_version: String,
    keys: Vec<serde_json::Value>,
    risk_level: Option<String>,
    risk_score: Option<f64>,
    outcome: &'static str,
    rolled_back_by: Option<String>,
    detect_seconds: Option<f64>,
    recover_seconds: Option<f64>,
    why: String,
    source: String,
    url: String,
}

fn json_of(period: &Period) -> String {
    let rate = |rate: Rate| json!({ "count": rate.hits, "of": rate.of, "value": rate.value(), "low": rate.low, "high": rate.high });
    let totals = |t: &Totals| {
        json!({
            "deploys": t.deploys, "failed": t.failed.hits, "rolled_back": t.rolled_back, "cannot_tell": t.untold,
            "change_failure_rate": rate(t.failed), "incidents": t.incidents, "incidents_without_change": t.incidents_without_change,
            "detect_seconds": t.detect_s.map(|d| d.0), "recover_seconds": t.recover_s.map(|r| r.0), "rework_rate": rate(t.rework),
        })
    };
    let calibration: Vec<_> =
        period.calibration.iter().map(|l| json!({ "level": l.level, "failed": rate(l.failed), "surprises": l.surprises })).collect();
    let near: Vec<_> =
        period.near_misses.iter().map(|n| json!({ "change_id": n.change, "statement": n.statement, "source": n.source })).collect();
    let recurring: Vec<_> =
        period.recurring.iter().map(|r| json!({ "what": r.what, "name": r.name, "failed": r.failed, "of": r.of })).collect();
    let act: Vec<&str> = period.act.iter().filter_map(|at| period.changes.get(*at)).map(|entry| entry.id.as_str()).collect();
    let document = json!({
        "schema_version": 1,
        "start": period.span.map(|span| span.start.rfc3339()),
        "end": period.span.map(|span| span.end.rfc3339()),
        "summary": summary(period),
        "period": totals(&period.now),
        "previous": totals(&period.before),
        "failure_rate_difference": period.difference.map(|(low, high)| json!({ "low": low, "high": high })),
        "act_on": act,
        "changes": period.changes.iter().map(change_view).collect::<Vec<_>>(),
        "near_misses": near,
        "unrecorded": period.unrecorded,
        "recurring": recurring,
        "calibration": calibration,
        "gaps": period.gaps,
    });
    crate::report::json_document(&document)
}

fn change_view(entry: &Entry) -> ChangeView {
    ChangeView {
        change_id: entry.id.clone(),
        service: entry.service.clone(),
        kind: entry.kind.clone(),
        time: entry.time.rfc3339(),
        version: entry.version.clone(),
        previous_version: entry.previous_version.clone(),
        keys: entry.keys.iter().map(|(key, before, after)| json!({ "key": key, "before": before, "after": after })).collect(),
        risk_level: entry.risk.as_ref().map(|r| r.0.clone()),
        risk_score: entry.risk.as_ref().map(|r| r.1),
        outcome: entry.fate.name(),
        rolled_back_by: Some(entry.rolled_back_by.clone()).filter(|id| !id.is_empty()),
        detect_seconds: entry.detect_s,
        recover_seconds: entry.recover_s,
        why: entry.why.clone(),
        source: entry.source.clone(),
        url: entry.url.clone(),
    }
}
