//! Everything after the first screen: all causes with their evidence, excluded paths, timeline, edited keys, coverage.

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Table, presets};

use crate::model::mechanism::Shown;
use crate::model::{Analysis, Time, Verdict};
use crate::report::text::{bytes, count, percent, sanitize, shorten};
use crate::report::{View, checks, ledger, mechanism as words, recovery, timeline, wording};

use super::incident;
use super::layout::{Paragraph, Screen, Tone};

/// Changes whose edited keys are listed, per incident.
const LEADING: usize = 3;

/// Writes the appendix.
pub fn append(screen: &mut Screen, analysis: &Analysis, view: &View) {
    for (i, verdict) in analysis.verdicts.iter().enumerate() {
        let span = verdict.incident.span;
        let title = format!("INCIDENT {} OF {}: {} {} UTC", i + 1, analysis.verdicts.len(), span.start.date(), span.start.clock());
        heading(screen, &title);
        screen.paragraph(&Paragraph { text: &wording::headline(&verdict.incident), ..Paragraph::default() });
        routes(screen, verdict);
        causes(screen, verdict, view);
        afterwards(screen, analysis, i);
        mechanism(screen, verdict);
        ruled_out(screen, verdict);
        edited_keys(screen, verdict);
        events(screen, verdict);
    }
    disturbances(screen, analysis);
    coverage(screen, analysis);
}

fn heading(screen: &mut Screen, text: &str) {
    screen.gap();
    screen.line(vec![(Tone::Strong, text.to_owned())]);
}

fn routes(screen: &mut Screen, verdict: &Verdict) {
    let impact = &verdict.incident.impact;
    let mut rows: Vec<[String; 4]> = Vec::new();
    let share = |failed: u64, requests: u64| if requests == 0 { String::new() } else { percent(failed as f64 / requests as f64) };
    for (route, requests, failed) in impact.routes.iter().take(10) {
        rows.push([sanitize(route), count(*requests), count(*failed), share(*failed, *requests)]);
    }
    for (service, name, requests, failed) in impact.instances.iter().take(20) {
        let name = format!("{} {}", wording::service(service), sanitize(name.as_str()));
        rows.push([name, count(*requests), count(*failed), share(*failed, *requests)]);
    }
    if !rows.is_empty() {
        table(screen, ["route or instance", "requests", "failed", "share"], &[1, 2, 3], rows);
    }
}

fn causes(screen: &mut Screen, verdict: &Verdict, view: &View) {
    heading(screen, "CAUSES");
    for (i, cause) in verdict.causes.iter().take(view.top.max(1)).enumerate() {
        incident::full_cause(screen, i + 1, cause);
    }
    let hidden = verdict.causes.len().saturating_sub(view.top.max(1));
    if hidden > 0 {
        screen.paragraph(&Paragraph { text: &format!("+ {hidden} more with a higher --top"), ..Paragraph::default() });
    }
}

/// Whose connections ran out: every sign, what excludes each of the others, and how to make sure.
fn mechanism(screen: &mut Screen, verdict: &Verdict) {
    let Some(diagnosis) = &verdict.mechanism else { return };
    heading(screen, "HOW");
    screen.paragraph(&Paragraph { text: &words::headline(diagnosis), ..Paragraph::default() });
    let mut line = |label: &str, text: &str, origin: Option<String>| {
        screen.paragraph(&Paragraph { label, label_tone: Tone::Plain, indent: 5, text, origin, most_lines: 3, ..Paragraph::default() });
    };
    let place = |shown: &Shown| shown.origin.as_ref().map(|origin| sanitize(&origin.to_string()));
    diagnosis.signs.iter().for_each(|shown| line("  +", &words::sentence(&shown.sign), place(shown)));
    for (other, shown) in &diagnosis.excluded {
        line("  -", &format!("{}: {}", words::name(*other), words::sentence(&shown.sign)), place(shown));
    }
    for (label, text) in [("to confirm", &diagnosis.confirm), ("refuted by", &diagnosis.refute), ("mistaken for", &diagnosis.misleading)] {
        if let Some(text) = text {
            line("", &format!("{label}: {}", sanitize(text)), None);
        }
    }
}

fn ruled_out(screen: &mut Screen, verdict: &Verdict) {
    if verdict.ruled_out.is_empty() {
        return;
    }
    heading(screen, "RULED OUT");
    for path in &verdict.ruled_out {
        screen.paragraph(&Paragraph { text: &sanitize(&path.title), most_lines: 1, ..Paragraph::default() });
        path.evidence.iter().for_each(|e| incident::evidence(screen, "  -", e, 3));
    }
}

/// What the changes did that were made while it lasted, and what to check next.
fn afterwards(screen: &mut Screen, analysis: &Analysis, index: usize) {
    let fixes = analysis.dossier.recoveries.get(index).map_or(&[][..], |r| &r.fixes);
    if !fixes.is_empty() {
        heading(screen, "CHANGES WHILE IT LASTED");
    }
    for fix in fixes {
        let origin = Some(sanitize(&fix.change.origin.to_string()));
        screen.paragraph(&Paragraph { indent: 2, text: &recovery::fix(fix), origin, most_lines: 3, ..Paragraph::default() });
    }
    let lists = checks::lists(analysis, &analysis.verdicts[index]);
    if !lists.is_empty() {
        heading(screen, "CHECK NEXT");
    }
    for list in lists {
        screen.paragraph(&Paragraph { text: &list.about, ..Paragraph::default() });
        for check in list.checks {
            screen.paragraph(&Paragraph {
                label: "  -",
                label_tone: Tone::Plain,
                indent: 4,
                text: &check.question,
                tone: Tone::Dim,
                ..Paragraph::default()
            });
            // A command is to be copied: it is wrapped, never cut.
            screen.paragraph(&Paragraph { indent: 4, text: &check.command, most_lines: 40, ..Paragraph::default() });
        }
    }
}

fn edited_keys(screen: &mut Screen, verdict: &Verdict) {
    let changes = verdict.causes.iter().take(LEADING).filter_map(|c| c.change.as_deref()).filter(|c| !c.config.is_empty());
    for change in changes {
        heading(screen, &format!("KEYS EDITED BY {}", shorten(&sanitize(change.id.as_str()), screen.width - 16)));
        let rows = change.config.edits.iter().map(|edit| {
            let key = edit.key.as_str();
            let origin = edit.origin.as_ref().map(|o| sanitize(&o.to_string())).unwrap_or_default();
            [wording::key(edit), wording::value(key, edit.before.as_deref()), wording::value(key, edit.after.as_deref()), origin]
        });
        table(screen, ["key", "before", "after", "where"], &[3], rows.collect());
    }
}

fn events(screen: &mut Screen, verdict: &Verdict) {
    if verdict.timeline.is_empty() {
        return;
    }
    heading(screen, "TIMELINE (UTC)");
    for row in timeline::rows(&verdict.timeline) {
        if let Some(date) = row.date {
            screen.paragraph(&Paragraph { text: &format!(" {date}"), ..Paragraph::default() });
        }
        let text = match row.what {
            "change" => format!("{}: {}", row.service, row.text),
            what => format!("{what}, {}: {}", row.service, row.text),
        };
        let label = format!(" {}", row.time);
        let origin = Some(row.origin).filter(|o| !o.is_empty());
        screen.paragraph(&Paragraph {
            label: &label,
            label_tone: Tone::Plain,
            indent: 11,
            text: &text,
            origin,
            most_lines: 3,
            ..Paragraph::default()
        });
    }
}

fn disturbances(screen: &mut Screen, analysis: &Analysis) {
    // A quiet report has told them already, as far as they are few.
    if analysis.disturbances.is_empty() || (analysis.verdicts.is_empty() && analysis.disturbances.len() <= super::BLIPS_SHOWN) {
        return;
    }
    heading(screen, "SHORT DISTURBANCES, NO INCIDENTS");
    for text in super::disturbances(analysis) {
        screen.paragraph(&Paragraph { text: &text, ..Paragraph::default() });
    }
}

fn coverage(screen: &mut Screen, analysis: &Analysis) {
    let coverage = &analysis.coverage;
    heading(screen, "COVERAGE");
    let rows = coverage.by_format().into_iter().map(|f| {
        let lost = count(f.lines - f.understood.min(f.lines));
        [count(f.sources), count(f.lines), bytes(f.bytes), percent(f.share()), lost, sanitize(&f.format)]
    });
    table(screen, ["files", "lines", "size", "read", "lost", "format"], &[0, 1, 2, 3, 4], rows.collect());
    screen.gap();
    let rows = coverage.sources.iter().map(|s| {
        let share = if s.lines == 0 { String::new() } else { percent(s.share()) };
        let span = s.span.map(|span| format!("{}-{}", hour(span.start), hour(span.end))).unwrap_or_default();
        [count(s.lines), share, sanitize(&s.format), span, sanitize(&s.path)]
    });
    table(screen, ["lines", "read", "taken for", "from-to", "source"], &[0, 1, 2, 3, 4], rows.collect());
    for (source, gap, text) in ledger::gaps(coverage) {
        note(screen, &text, format!("{}:{}", sanitize(&source.path), gap.line));
    }
    for source in &coverage.sources {
        for (line, text) in &source.misread {
            let text = format!("not understood: {}", sanitize(text));
            note(screen, &text, format!("{}:{line}", sanitize(&source.path)));
        }
    }
    for d in &coverage.duplicates {
        let text = format!(
            "{} reports the same requests in two logs: those in {} are counted, {} in {} left out",
            wording::service(&d.service),
            sanitize(&d.counted),
            count(d.requests),
            sanitize(&d.left_out)
        );
        screen.paragraph(&Paragraph { indent: 2, text: &text, ..Paragraph::default() });
    }
    for complaint in &coverage.complaints {
        let more = if complaint.more > 0 { format!(" (and {} more)", count(complaint.more)) } else { String::new() };
        note(screen, &format!("{}{more}", sanitize(&complaint.why)), sanitize(&complaint.origin.to_string()));
    }
}

/// `14:30`: enough to see a gap.
fn hour(time: Time) -> String {
    time.clock().chars().take(5).collect()
}

fn note(screen: &mut Screen, text: &str, origin: String) {
    screen.paragraph(&Paragraph { indent: 2, text, origin: Some(origin), ..Paragraph::default() });
}

/// A borderless table within the screen. Columns in `whole` are not wrapped, because what stands in them is to be copied.
fn table<const N: usize>(screen: &mut Screen, head: [&str; N], whole: &[usize], rows: Vec<[String; N]>) {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(screen.width).unwrap_or(u16::MAX));
    table.force_no_tty().set_header(head.iter().map(Cell::new));
    for row in rows {
        table.add_row(row.iter().map(|cell| Cell::new(shorten(cell, screen.width / 2))));
    }
    for &column in whole {
        table.column_mut(column).map(|c| c.set_constraint(ColumnConstraint::ContentWidth));
    }
    for line in table.lines() {
        let text = shorten(line.trim_end(), screen.width);
        screen.line(vec![(Tone::Plain, text)]);
    }
}
