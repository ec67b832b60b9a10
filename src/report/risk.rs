//! Risks as text, as JSON and as Markdown: what speaks against a change, what to watch, how to take it back.
//!
//! Levels, scores and the order of reasons are the risk layer's; nothing is weighed here.

pub mod annotations;

use serde::Serialize;

use super::text::{counted, duration, listed_up_to, milliseconds, number, percent, sanitize, shorten, to_ascii, wrap};
use super::{Format, View, escape_markdown, wording};
use crate::model::risk::{Conflict, MigrationStatement, VersionStep};
use crate::model::{Change, ChangeKind, ChangeRisk, KeyEdit, KeyRole, Reason, RiskFinding, RiskLevel, Risks};

/// Reasons of a first look.
const FIRST_REASONS: usize = 3;

/// The whole result, with a final newline.
pub fn render(risks: &Risks, format: Format, view: &View) -> String {
    match format {
        Format::Json => json(risks),
        Format::Terminal => terminal(risks, view),
        Format::Markdown => markdown(risks, view),
    }
}

/// One change in one line, for a gate, with all that is told of its worst key: `checkout proposed is critical (0.99): db.pool.max_size 15 -> 1 (15 times lower); at the peak …`.
pub fn headline(risk: &ChangeRisk) -> String {
    let best = risk.reasons.first().and_then(|reason| reason.finding.edit()).map(|edit| &edit.key);
    let told = |r: &&Reason| r.weight > 0.0 && (best.is_none() || r.finding.edit().map(|edit| &edit.key) == best);
    let mut reasons: Vec<&Reason> = risk.reasons.iter().filter(told).take(FIRST_REASONS).collect();
    // The edit is told before what follows from it.
    reasons.sort_by_key(|reason| !matches!(reason.finding, RiskFinding::Edit { .. }));
    let why: Vec<String> = reasons.iter().map(|reason| sentence(&reason.finding)).collect();
    let why = if why.is_empty() { "nothing speaks against it".to_owned() } else { why.join("; ") };
    format!("the risk of {} is {} ({:.2}): {why}", wording::change(&risk.change), risk.level.name(), risk.score)
}

fn first<'r>(risk: &'r ChangeRisk, view: &View) -> impl Iterator<Item = &'r Reason> {
    let most = if view.all { usize::MAX } else { FIRST_REASONS };
    let all = view.all;
    risk.reasons.iter().filter(move |reason| all || reason.weight > 0.0).take(most)
}

fn terminal(risks: &Risks, view: &View) -> String {
    let mut out = String::new();
    for risk in &risks.changes {
        let versions = wording::versions(&risk.change).map(|versions| format!("  {versions}")).unwrap_or_default();
        let head =
            format!("{:<8} {:.2}  {} {}{versions}", risk.level.name(), risk.score, risk.change.kind.name(), wording::change(&risk.change));
        out += &format!("{}\n", shorten(&head, view.width.max(40)));
        for reason in first(risk, view) {
            let source = reason.origin.as_ref().map(|origin| format!(" [{}]", shorten(&sanitize(&origin.to_string()), 60)));
            let text = format!("{}{}", sentence(&reason.finding), source.unwrap_or_default());
            indented(&mut out, &format!("{:+.1} ", reason.weight), &text, view);
        }
        if view.all || risk.level >= RiskLevel::Medium {
            indented(&mut out, "watch: ", &watch(risk), view);
            indented(&mut out, "roll back: ", &roll_back(&risk.change), view);
        }
    }
    if risks.changes.is_empty() {
        out.push_str("no change is recorded\n");
    }
    if view.unicode { out } else { to_ascii(&out) }
}

/// A labelled text below a headline, its further lines below its first.
pub fn indented(out: &mut String, label: &str, text: &str, view: &View) {
    let columns = view.width.max(40).saturating_sub(4 + label.len());
    for (at, line) in wrap(text, columns).into_iter().enumerate() {
        let label = if at == 0 { label.to_owned() } else { " ".repeat(label.len()) };
        out.push_str(format!("    {label}{line}").trim_end());
        out.push('\n');
    }
}

fn markdown(risks: &Risks, view: &View) -> String {
    let mut out = String::from("| risk | score | change | why |\n|---|---|---|---|\n");
    for risk in &risks.changes {
        let why: Vec<String> = first(risk, view).map(|reason| escape_markdown(&sentence(&reason.finding))).collect();
        let change = escape_markdown(&wording::change(&risk.change));
        out += &format!("| {} | {:.2} | {change} | {} |\n", risk.level.name(), risk.score, why.join("; "));
    }
    for risk in risks.changes.iter().filter(|risk| view.all || risk.level >= RiskLevel::Medium) {
        let change = escape_markdown(&wording::change(&risk.change));
        let (watch, back) = (escape_markdown(&watch(risk)), escape_markdown(&roll_back(&risk.change)));
        out += &format!("\n**{change}**: watch {watch}. Roll back: {back}.\n");
    }
    out
}

#[derive(Serialize)]
struct Document {
    schema_version: u32,
    changes: Vec<ChangeView>,
}

#[derive(Serialize)]
struct ChangeView {
    change_id: String,
    service: String,
    level: &'static str,
    score: f64,
    /// What raises the risk first; with a negative weight: what lowers it.
    reasons: Vec<ReasonView>,
    watch: String,
    roll_back: String,
}

#[derive(Serialize)]
struct ReasonView {
    kind: &'static str,
    key: Option<String>,
    statement: String,
    source: Option<String>,
    /// Nats of log-odds.
    weight: f64,
}

fn json(risks: &Risks) -> String {
    let document = Document { schema_version: 1, changes: risks.changes.iter().map(change_view).collect() };
    crate::report::json_document(&document)
}

fn change_view(risk: &ChangeRisk) -> ChangeView {
    ChangeView {
        change_id: sanitize(risk.change.id.as_str()),
        service: sanitize(risk.change.service.as_str()),
        level: risk.level.name(),
        score: rounded(risk.score),
        reasons: risk.reasons.iter().map(reason_view).collect(),
        watch: watch(risk),
        roll_back: roll_back(&risk.change),
    }
}

fn reason_view(reason: &Reason) -> ReasonView {
    ReasonView {
        kind: reason.finding.kind(),
        key: reason.finding.edit().map(|edit| sanitize(edit.key.as_str())),
        statement: sentence(&reason.finding),
        source: reason.origin.as_ref().map(|origin| sanitize(&origin.to_string())),
        weight: rounded(reason.weight),
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// A finding as a sentence without its full stop.
pub fn sentence(finding: &RiskFinding) -> String {
    use RiskFinding as F;
    match finding {
        F::Edit { edit, role, worse, factor } => edited(edit, *role, *worse, *factor),
        F::UnitSlip { edit, factor } => {
            let ratio = if *factor < 1.0 { 1.0 / factor } else { *factor };
            format!("{} moved by exactly {}: is it written in another unit than meant?", wording::key(edit), number(ratio))
        }
        F::Contradiction { edit, other, other_value, conflict } => {
            let other = format!("{} {}", shorten(&sanitize(other), 60), wording::value(other, Some(other_value)));
            let this = format!("{} {}", wording::key(edit), wording::value(edit.key.as_str(), edit.after.as_deref()));
            match conflict {
                Conflict::OuterGivesUpFirst => format!("{this} contradicts {other}: the outer one gives up before the inner one may"),
                Conflict::MoreThanMost => format!("{this} contradicts {other}: the smaller bound is above the larger one"),
            }
        }
        F::Capacity { .. } => capacity(finding),
        F::BelowLatency { edit, callee, limit_s, share, calls } => format!(
            "{} of {} that {} answered took longer than the {} of {}",
            percent(*share),
            counted(*calls, "call"),
            wording::service(callee),
            milliseconds(limit_s * 1_000.0),
            wording::key(edit)
        ),
        F::KeyHistory { edit, failed, of } => {
            format!("{} was set to this value {} before; trouble followed {}", wording::key(edit), times(*of), times(*failed))
        }
        F::Peak { now_per_s, peak_per_s } => {
            format!("the service serves {}/s now, near its peak of {}/s", number(*now_per_s), number(*peak_per_s))
        }
        F::Neighbour { change, service, before_s } => {
            let (change, service) = (wording::id(change.as_str()), wording::service(service));
            format!("{service} {change} began {} before: their effects cannot be told apart", duration(*before_s))
        }
        F::WeekEnd { day } => format!("it begins on a {day}, when few are there to see it fail"),
        F::OpenIncident { since } => format!("an incident is open since {} UTC", since.clock()),
        F::BlastRadius { callers } => format!("{} above it in the call graph", counted(*callers as u64, "service")),
        F::ServiceHistory { failed, of } => {
            format!("{} of {} of the service were followed by trouble", failed, counted(*of as u64, "earlier change"))
        }
        _ => shape(finding),
    }
}

fn shape(finding: &RiskFinding) -> String {
    use RiskFinding as F;
    match finding {
        F::Migration { statement, table } => {
            let table = table.as_ref().map(|table| format!(" ({})", shorten(&sanitize(table), 40))).unwrap_or_default();
            format!("{}{table}", migration(*statement))
        }
        F::Kind { kind: ChangeKind::Migration } => "a migration: it reaches all at once, and the way back is another migration".to_owned(),
        F::Kind { kind } => format!("a change of kind {}: it reaches all at once", kind.name()),
        F::Code { lines } => format!("{} of code edited", counted(*lines as u64, "line")),
        F::Unseen => "neither code nor configuration of the change is recorded".to_owned(),
        F::Version { from, to, step } => {
            let step = match step {
                VersionStep::Major => "a major release, which may break its callers",
                VersionStep::Minor => "a release with new behaviour",
                VersionStep::PreRelease => "a version that calls itself unfinished",
            };
            format!("{} -> {}: {step}", wording::version(from), wording::version(to))
        }
        F::ManyKeys { keys } => format!("{} edited at once", counted(*keys as u64, "key")),
        F::AtOnce => "switched on for everybody at once, without stages".to_owned(),
        F::Canary { instances } => format!("only {} get it", counted(*instances as u64, "instance")),
        F::OnlyInert { keys } => format!("all edits ({keys}) are labels, texts or telemetry"),
        F::PutsBack { change } => format!("it puts back what {} changed", wording::id(change.as_str())),
        _ => String::new(),
    }
}

fn migration(statement: MigrationStatement) -> &'static str {
    match statement {
        MigrationStatement::Destroys => "the migration removes or renames what running code may still use",
        MigrationStatement::DropsIndex => "the migration drops an index: reads that use it will scan the table",
        MigrationStatement::RewritesRows => "the migration touches every row in one statement: locks are held until it ends",
        MigrationStatement::BuildsIndexLocked => "the migration builds an index in place: many databases lock the table against writes",
        MigrationStatement::AltersTable => "the migration alters a table, which takes its strongest lock",
    }
}

fn edited(edit: &KeyEdit, role: KeyRole, worse: Option<bool>, factor: Option<f64>) -> String {
    let ratio = match factor {
        Some(0.0) => " (none left)".to_owned(),
        Some(factor) if factor < 1.0 => format!(" ({} times lower)", number(1.0 / factor)),
        Some(factor) if factor > 1.0 => format!(" ({} times higher)", number(factor)),
        _ => String::new(),
    };
    let direction = if worse == Some(true) && ratio.len() > 1 { ", the direction that hurts" } else { "" };
    format!("{}{ratio} governs {}{direction}", wording::edit(edit), wording::role(role))
}

fn capacity(finding: &RiskFinding) -> String {
    let RiskFinding::Capacity { edit, places, instances, hold_s, capacity_per_s, peak_per_s, refused } = finding else {
        return String::new();
    };
    let each = if *instances > 1 { format!(" on {instances} instances") } else { String::new() };
    let carries =
        format!("{} places{each} at {} each carry {}/s", number(*places), milliseconds(hold_s * 1_000.0), number(*capacity_per_s));
    let outcome = match *refused {
        refused if refused > 0.0 => format!("refuses {} of requests", percent(refused)),
        _ => format!("is {} busy", percent(peak_per_s / capacity_per_s)),
    };
    let value = wording::value(edit.key.as_str(), edit.after.as_deref());
    format!("at the peak of {}/s {} of {value} {outcome} ({carries})", number(*peak_per_s), wording::key(edit))
}

fn times(n: usize) -> String {
    counted(n as u64, "time")
}

/// What would show first that it went wrong.
fn watch(risk: &ChangeRisk) -> String {
    let service = wording::service(&risk.change.service);
    let mut signs: Vec<String> = risk.reasons.iter().filter(|reason| reason.weight > 0.2).filter_map(|r| sign(&r.finding)).collect();
    signs.dedup();
    signs.push("failed requests and latency against the minutes before".to_owned());
    format!("{service}: {}", listed_up_to(&signs, FIRST_REASONS))
}

fn sign(finding: &RiskFinding) -> Option<String> {
    let sign = match finding {
        RiskFinding::Capacity { .. } => "waits for a free place, busy places against their limit",
        RiskFinding::BelowLatency { .. } => "calls given up after the new limit",
        RiskFinding::Migration { statement: MigrationStatement::DropsIndex, .. } => "statements that became slow",
        RiskFinding::Migration { .. } => "waits for locks and statements that run long",
        RiskFinding::Code { .. } | RiskFinding::Version { .. } | RiskFinding::AtOnce => "errors that were never seen before",
        RiskFinding::Edit { role, .. } => return Some(wording::role(*role).to_owned()),
        _ => return None,
    };
    Some(sign.to_owned())
}

/// How to have the way back ready before the change goes out.
pub fn roll_back(change: &Change) -> String {
    if change.kind == ChangeKind::Migration {
        return "have the reverse migration written and tried before; data it removes comes back from a backup only".to_owned();
    }
    if change.kind == ChangeKind::Flag {
        return "switch the flag back".to_owned();
    }
    if let Some(previous) = &change.previous_version {
        return format!("{} back to {}", wording::service(&change.service), wording::version(previous));
    }
    match change.config.edits.as_slice() {
        [] => "the record names no earlier version: find out before what it was".to_owned(),
        [edit] => format!("set {} to {}", wording::key(edit), wording::value(edit.key.as_str(), edit.before.as_deref())),
        edits => format!(
            "put {} back, from {}",
            counted(edits.len() as u64, "key"),
            shorten(&sanitize(change.config_before.as_deref().unwrap_or("the diff")), 60)
        ),
    }
}
