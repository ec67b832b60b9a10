//! One incident as a block of lines: headline, signal, cause, evidence, advice, and what it was not.

use crate::model::{Analysis, Cause, Change, Evidence, RecoveryOutcome, RuledOut, Verdict};
use crate::report::text::{confidence, count, counted, duration, listed_up_to, percent, sanitize, shorten, width};
use crate::report::wording::{Certainty, certainty};
use crate::report::{View, advice, recovery, sentences, wording};

use super::Limits;
use super::layout::{Paragraph, Screen, Tone};
use super::spark;

/// Column where what is said of a cause begins.
const CAUSE_INDENT: usize = 13;

/// Everything of the first screen about one incident.
pub fn block(screen: &mut Screen, analysis: &Analysis, verdict: &Verdict, view: &View, limits: Limits) {
    headline(screen, verdict);
    signal(screen, verdict, view);
    screen.gap();
    let certainty = certainty(verdict);
    let others: Vec<&Cause> = verdict.causes.iter().take(view.top.max(1)).skip(1).collect();
    match verdict.causes.first() {
        Some(best) => {
            cause(screen, best, certainty, limits.evidence);
            mechanism(screen, verdict);
            if certainty != Certainty::Certain {
                alternatives(screen, verdict, &others, ("OR", limits.others.max(2)));
            }
            actions(screen, analysis, best, certainty);
        }
        None => no_cause(screen),
    }
    recovered(screen, analysis, verdict);
    screen.gap();
    ruled_out(screen, &verdict.ruled_out, limits);
    not_ruled_out(screen, verdict);
    if certainty == Certainty::Certain {
        alternatives(screen, verdict, &others, ("OTHER", limits.others));
    }
}

/// Headline, cause and advice of an incident that is not the worst.
pub fn short_block(screen: &mut Screen, verdict: &Verdict) {
    headline(screen, verdict);
    match verdict.causes.first() {
        Some(best) => {
            cause_line(screen, best, certainty(verdict));
            let advice = advice::advise(best);
            let text = advice.first().map_or("", String::as_str);
            screen.paragraph(&Paragraph { label: "DO", indent: 5, text, ..Paragraph::default() });
        }
        None => no_cause(screen),
    }
}

fn headline(screen: &mut Screen, verdict: &Verdict) {
    let incident = &verdict.incident;
    let ongoing = if incident.ongoing { "ONGOING " } else { "" };
    let unclear = if certainty(verdict) == Certainty::Unclear { "; cause unclear" } else { "" };
    let text = format!("{ongoing}{}{unclear}", wording::headline(incident));
    screen.paragraph(&Paragraph { text: &text, tone: Tone::Alarm, ..Paragraph::default() });
    let span = incident.span;
    let end = match incident.span.end.date() == span.start.date() {
        true => span.end.clock(),
        false => format!("{} {}", span.end.date(), span.end.clock()),
    };
    let state = if incident.ongoing { "still going on when the data end" } else { "over" };
    let text = format!("{} {} - {end} UTC, {}, {state}", span.start.date(), span.start.clock(), duration(span.seconds()));
    screen.paragraph(&Paragraph { text: &text, ..Paragraph::default() });
}

/// Columns of the route that failed most.
const WORST_ROUTE: usize = 32;

/// Bars, marks, and the numbers behind the headline's shares.
fn signal(screen: &mut Screen, verdict: &Verdict, view: &View) {
    let drawing = spark::draw(&verdict.incident, verdict.causes.first(), screen.width - 2, view.unicode);
    let impact = &verdict.incident.impact;
    let mut numbers = Vec::new();
    if impact.requests > 0 {
        numbers.push(format!("{} of {}", count(impact.failed), counted(impact.requests, "request")));
    }
    if impact.users > 0 {
        numbers.push(format!("{} of {}", count(impact.users_affected), counted(impact.users, "user")));
    }
    numbers.extend(drawing.as_ref().map(|d| d.peak.clone()));
    if let Some((route, requests, failed)) = impact.routes.first()
        && *requests > 0
    {
        let share = percent(*failed as f64 / *requests as f64);
        numbers.push(format!("worst {} {share}", shorten(&sanitize(route), WORST_ROUTE)));
    }
    if let Some(witnesses) = wording::witnesses(&verdict.incident) {
        screen.paragraph(&Paragraph { text: &witnesses, most_lines: 4, ..Paragraph::default() });
    }
    if !numbers.is_empty() {
        screen.paragraph(&Paragraph { text: &numbers.join("; "), most_lines: 2, ..Paragraph::default() });
    }
    if let Some(drawing) = drawing {
        let [before, during, after] = drawing.bars;
        screen.line(vec![(Tone::Plain, format!("  {before}")), (Tone::Alarm, during), (Tone::Plain, after)]);
        drawing.rows.into_iter().for_each(|row| screen.line(vec![(Tone::Plain, format!("  {row}"))]));
    }
}

/// What speaks against a certain cause with no more nats than this would only raise doubts that nobody who weighed it has.
const TRIFLE: f64 = 0.35;

fn cause(screen: &mut Screen, cause: &Cause, certainty: Certainty, most_evidence: usize) {
    cause_line(screen, cause, certainty);
    key_line(screen, cause);
    let (supporting, opposing): (Vec<&Evidence>, Vec<&Evidence>) = cause.evidence.iter().partition(|e| e.supports());
    let told: Vec<&&Evidence> = supporting.iter().filter(|e| !e.aside).take(most_evidence).collect();
    for (i, e) in told.iter().enumerate() {
        evidence(screen, &format!("  {}", i + 1), e, 2);
    }
    let doubt = opposing.iter().find(|e| -e.weight > TRIFLE || certainty != Certainty::Certain);
    if let Some(e) = doubt {
        evidence(screen, " but", e, 2);
    }
    let unshown = supporting.len() - told.len() + opposing.len().saturating_sub(usize::from(doubt.is_some()));
    if unshown > 0 {
        let text = format!("+ {unshown} more with --all");
        screen.paragraph(&Paragraph { indent: 5, text: &text, tone: Tone::Dim, ..Paragraph::default() });
    }
}

/// Whose connections ran out, where a database or a pool is concerned.
fn mechanism(screen: &mut Screen, verdict: &Verdict) {
    let Some(diagnosis) = &verdict.mechanism else { return };
    let text = crate::report::mechanism::short(diagnosis);
    screen.paragraph(&Paragraph { label: "HOW", indent: 5, text: &text, most_lines: 2, ..Paragraph::default() });
}

/// One piece of evidence in at most so many lines of text, one more on a narrow screen.
pub fn evidence(screen: &mut Screen, label: &str, e: &Evidence, most_lines: usize) {
    let most_lines = if screen.width < 80 { most_lines + 1 } else { most_lines };
    // Lines break at blanks: some columns of each stay empty.
    let text = sentences::sentence_within(e, (screen.width - 5) * most_lines - 8 * (most_lines - 1));
    let origin = e.origins.first().map(|o| sanitize(&o.to_string()));
    screen.paragraph(&Paragraph { label, label_tone: Tone::Plain, indent: 5, text: &text, origin, most_lines, ..Paragraph::default() });
}

fn cause_line(screen: &mut Screen, cause: &Cause, certainty: Certainty) {
    let p = confidence(cause.confidence);
    let (label, lead) = match certainty {
        Certainty::Certain => (format!("CAUSE {p}"), String::new()),
        Certainty::NotCertain => ("NOT CERTAIN".to_owned(), format!("{p}: ")),
        Certainty::Unclear => ("UNCLEAR".to_owned(), format!("at best {p}: ")),
    };
    let text = format!("{lead}{}", described(cause));
    screen.paragraph(&Paragraph { label: &label, indent: CAUSE_INDENT, text: &text, tone: Tone::Strong, ..Paragraph::default() });
}

/// The suspect with what a reader needs to find it: versions, time, author.
fn described(cause: &Cause) -> String {
    let Some(change) = cause.change.as_deref() else { return wording::suspect(cause) };
    let mut parts = vec![shorten(&wording::suspect(cause), 80)];
    parts.extend(wording::versions(change));
    parts.push(when(change));
    parts.extend(change.author.as_deref().map(|a| shorten(&sanitize(a), 30)));
    if !change.instances.is_empty() {
        let names: Vec<String> = change.instances.iter().map(|i| shorten(&sanitize(i.as_str()), 30)).collect();
        parts.push(format!("on {}", listed_up_to(&names, 2)));
    }
    if cause.key.is_none() {
        parts.extend(change.summary.as_deref().map(|s| format!("\"{}\"", shorten(&sanitize(s), 60))));
    }
    parts.join(", ")
}

fn when(change: &Change) -> String {
    let end = change.end_time.filter(|end| *end - change.time >= 1.0);
    match end {
        Some(end) => format!("{}-{}", change.time.clock(), end.clock()),
        None => change.time.clock(),
    }
}

fn key_line(screen: &mut Screen, cause: &Cause) {
    let Some(edit) = &cause.key else { return };
    let others = cause.change.as_ref().map_or(0, |c| c.config.edits.len().saturating_sub(1));
    let more = if others > 0 { format!("  (+{})", counted(others as u64, "key")) } else { String::new() };
    let text = format!("{}  {}{more}", wording::key(edit), wording::values(edit));
    let origin = edit.origin.as_ref().map(|o| sanitize(&o.to_string()));
    screen.paragraph(&Paragraph { indent: CAUSE_INDENT, text: &text, tone: Tone::Strong, origin, ..Paragraph::default() });
}

fn no_cause(screen: &mut Screen) {
    let text = "nothing in the data explains it: no change, component or load was found that could have done it";
    screen.paragraph(&Paragraph { label: "UNKNOWN", indent: CAUSE_INDENT, text, tone: Tone::Strong, ..Paragraph::default() });
    let text = "Add what is missing: changes.jsonl, logs of the services that the failing ones call, their metrics.";
    screen.paragraph(&Paragraph { label: "DO", indent: 5, text, ..Paragraph::default() });
}

/// Whether it is over, where it is not simply over: what a change did that was made while it lasted, and what is left.
fn recovered(screen: &mut Screen, analysis: &Analysis, verdict: &Verdict) {
    let index = analysis.verdicts.iter().position(|v| std::ptr::eq(v, verdict));
    let Some(found) = index.and_then(|i| analysis.dossier.recoveries.get(i)) else { return };
    let text = match found.outcome {
        RecoveryOutcome::StillOn => return,
        _ => recovery::brief(found),
    };
    let tone = if found.outcome == RecoveryOutcome::Residue { Tone::Warning } else { Tone::Plain };
    screen.paragraph(&Paragraph { label: "FIX", indent: 5, text: &text, tone, ..Paragraph::default() });
}

fn actions(screen: &mut Screen, analysis: &Analysis, best: &Cause, certainty: Certainty) {
    let mut sentences = crate::report::actions::advise(analysis, best);
    match certainty {
        Certainty::Certain => {}
        Certainty::NotCertain => sentences.insert(0, "Compare the candidates above first. If it is the best one:".to_owned()),
        Certainty::Unclear => {
            sentences.truncate(1);
            sentences.insert(0, "Too little speaks for any one: do not act on this alone. If it is the best guess:".to_owned());
        }
    }
    for (i, text) in sentences.iter().enumerate() {
        let label = if i == 0 { "DO" } else { "" };
        screen.paragraph(&Paragraph { label, indent: 5, text, ..Paragraph::default() });
    }
    if let Some(call) = crate::report::actions::call(analysis, best).filter(|_| certainty != Certainty::Unclear && best.undone_by.is_none())
    {
        screen.paragraph(&Paragraph { label: "CALL", indent: 5, text: &call, ..Paragraph::default() });
    }
}

/// Other candidates, one line each, and what is left for none of them.
fn alternatives(screen: &mut Screen, verdict: &Verdict, others: &[&Cause], (label, most): (&str, usize)) {
    let indent = 7;
    let mut label = label;
    for cause in others.iter().take(most) {
        let lead = format!("{:>5}  {}", confidence(cause.confidence), shorten(&wording::title(cause), screen.width / 2));
        let text = match cause.evidence.iter().find(|e| e.supports()) {
            Some(e) => with_reasons(&lead, std::slice::from_ref(e), screen.width - indent),
            None => lead,
        };
        line(screen, label, indent, &text);
        label = "";
    }
    let hidden = others.len().saturating_sub(most);
    if hidden > 0 && most > 0 {
        line(screen, label, indent, &format!("       + {hidden} more with --all"));
        label = "";
    }
    if verdict.unexplained >= 0.005 && !others.is_empty() && most > 0 {
        let before = confidence(verdict.unexplained_prior);
        line(
            screen,
            label,
            indent,
            &format!("{:>5}  none of these ({} before any evidence)", confidence(verdict.unexplained), before.trim()),
        );
    }
}

/// One line in which runs of blanks are kept.
fn line(screen: &mut Screen, label: &str, indent: usize, text: &str) {
    let label = crate::report::text::pad(label, indent);
    let text = shorten(text, screen.width - indent);
    screen.line(vec![(Tone::Strong, label), (Tone::Plain, text)]);
}

fn ruled_out(screen: &mut Screen, paths: &[RuledOut], limits: Limits) {
    let shown = &paths[..paths.len().min(limits.ruled_out)];
    if shown.is_empty() {
        if !paths.is_empty() {
            line(screen, "NOT IT", 9, &format!("{} tested and excluded, listed with --all", counted(paths.len() as u64, "path")));
        }
        return;
    }
    screen.line(vec![(Tone::Strong, "NOT IT".to_owned())]);
    let titles: Vec<String> = shown.iter().map(|p| format!("  {}", shorten(&sanitize(&p.title), screen.width / 3))).collect();
    let indent = titles.iter().map(|t| width(t)).max().unwrap_or(0) + 2;
    // A line breaks at a blank: the last word's worth of room is not counted on.
    let room = (screen.width - indent) * limits.reason_lines - 12 * (limits.reason_lines - 1);
    for (path, title) in shown.iter().zip(&titles) {
        let text = with_reasons("", &path.evidence, room);
        let most_lines = limits.reason_lines;
        screen.paragraph(&Paragraph { label: title, label_tone: Tone::Plain, indent, text: &text, most_lines, ..Paragraph::default() });
    }
    if paths.len() > shown.len() {
        line(screen, "", 2, &format!("+ {} more with --all", paths.len() - shown.len()));
    }
}

/// As many sentences behind `lead` as one line holds; the first is cut where it must be.
fn with_reasons(lead: &str, reasons: &[Evidence], columns: usize) -> String {
    let mut text = lead.to_owned();
    for (i, reason) in reasons.iter().enumerate() {
        let glue = match i {
            0 if lead.is_empty() => "",
            0 => ": ",
            _ => "; ",
        };
        let room = columns.saturating_sub(width(&text) + glue.len());
        let sentence = if i == 0 { sentences::sentence_within(reason, room.max(12)) } else { sentences::sentence(reason) };
        if i > 0 && width(&sentence) > room {
            break;
        }
        text.push_str(glue);
        text.push_str(&sentence);
    }
    text
}

fn not_ruled_out(screen: &mut Screen, verdict: &Verdict) {
    let open: Vec<String> = verdict
        .not_ruled_out
        .iter()
        .map(|path| match path.needed.is_empty() {
            true => sanitize(&path.title),
            false => format!("{} (needs {})", shorten(&sanitize(&path.title), 40), shorten(&sanitize(&path.needed), 60)),
        })
        .collect();
    if open.is_empty() {
        return;
    }
    let text = format!("not ruled out: {}", listed_up_to(&open, 3));
    screen.paragraph(&Paragraph { label: "NO DATA", indent: 9, text: &text, ..Paragraph::default() });
}

/// All of a cause: for the appendix.
pub fn full_cause(screen: &mut Screen, rank: usize, cause: &Cause) {
    let label = format!("{rank}  {}", confidence(cause.confidence));
    let text = described(cause);
    screen.paragraph(&Paragraph { label: &label, indent: 9, text: &text, tone: Tone::Strong, ..Paragraph::default() });
    if let Some(edit) = &cause.key {
        let origin = edit.origin.as_ref().map(|o| sanitize(&o.to_string()));
        screen.paragraph(&Paragraph { indent: 9, text: &wording::edit(edit), origin, ..Paragraph::default() });
    }
    for e in &cause.evidence {
        evidence(screen, if e.supports() { "  +" } else { "  -" }, e, 3);
    }
    let advice = advice::advise(cause).join(" ");
    screen.paragraph(&Paragraph { label: "  DO", indent: 5, text: &advice, most_lines: 4, ..Paragraph::default() });
}
