//! The first screen: what failed, what did it, what shows it, what to do now; everything else after it on demand.
//!
//! At most 40 lines and 100 columns. What does not fit is counted, never dropped in silence.

mod details;
mod incident;
mod layout;
mod spark;

use crate::model::{Analysis, ChangeId, TimeSpan, Verdict};

use super::severity::most_severe_first;
use super::text::{count, counted, duration, listed, number, sanitize};
use super::{View, ledger, wording};
use layout::{Paragraph, Screen, Tone};

/// Lines of the first screen: a terminal's height less the prompt.
const HEIGHT: usize = 40;

/// Beyond this many columns lines are hard to follow.
const WIDEST: usize = 100;

/// Below this many columns nothing aligns.
const NARROWEST: usize = 40;

/// Clocks that differ, told one by one.
const CLOCKS_SHOWN: usize = 2;

/// Short disturbances that a quiet report tells one by one.
const BLIPS_SHOWN: usize = 3;

/// Warnings of the ledger on the first screen: what puts the answer in doubt, before it, then the worst files.
const WARNINGS_SHOWN: usize = 2;

/// How much of each list is shown.
#[derive(Clone, Copy, Debug)]
struct Limits {
    evidence: usize,
    ruled_out: usize,
    /// Lines for the reasons of one excluded path.
    reason_lines: usize,
    others: usize,
    further_incidents: usize,
}

/// From roomy to tight: the first that fits is used.
const LIMITS: [Limits; 9] = [
    Limits { evidence: 3, ruled_out: 6, reason_lines: 2, others: 3, further_incidents: 2 },
    Limits { evidence: 3, ruled_out: 6, reason_lines: 1, others: 3, further_incidents: 2 },
    Limits { evidence: 3, ruled_out: 4, reason_lines: 1, others: 2, further_incidents: 2 },
    Limits { evidence: 3, ruled_out: 2, reason_lines: 1, others: 1, further_incidents: 2 },
    Limits { evidence: 2, ruled_out: 1, reason_lines: 1, others: 1, further_incidents: 2 },
    Limits { evidence: 2, ruled_out: 1, reason_lines: 1, others: 1, further_incidents: 1 },
    Limits { evidence: 2, ruled_out: 0, reason_lines: 1, others: 0, further_incidents: 1 },
    Limits { evidence: 2, ruled_out: 1, reason_lines: 1, others: 1, further_incidents: 0 },
    Limits { evidence: 1, ruled_out: 0, reason_lines: 1, others: 0, further_incidents: 0 },
];

/// The report for a terminal.
pub fn render(analysis: &Analysis, view: &View) -> String {
    let width = view.width.clamp(NARROWEST, WIDEST);
    let mut screen = match (&analysis.span, analysis.verdicts.as_slice()) {
        (None, _) => timeless(analysis, width),
        (_, []) => quiet(analysis, view, width),
        (_, verdicts) => incidents(analysis, verdicts, view, width),
    };
    if view.all {
        details::append(&mut screen, analysis, view);
    }
    screen.print(view)
}

fn incidents(analysis: &Analysis, verdicts: &[Verdict], view: &View, width: usize) -> Screen {
    let ordered = most_severe_first(verdicts);
    let screens = LIMITS.iter().map(|limits| first_screen(analysis, &ordered, view, (width, *limits)));
    let mut tightest = Screen::new(width);
    for screen in screens {
        if screen.height() <= HEIGHT {
            return screen;
        }
        tightest = screen;
    }
    tightest
}

fn first_screen(analysis: &Analysis, ordered: &[&Verdict], view: &View, (width, limits): (usize, Limits)) -> Screen {
    let mut screen = Screen::new(width);
    let Some((worst, further)) = ordered.split_first() else { return screen };
    doubts(&mut screen, analysis);
    incident::block(&mut screen, analysis, worst, view, limits);
    for verdict in further.iter().take(limits.further_incidents) {
        screen.gap();
        incident::short_block(&mut screen, verdict);
    }
    if further.len() > limits.further_incidents {
        screen.gap();
        let rest = counted((further.len() - limits.further_incidents) as u64, "more incident");
        screen.paragraph(&Paragraph { label: "AND  ", indent: 5, text: &format!("{rest}, shown with --all"), ..Paragraph::default() });
    }
    screen.gap();
    read(&mut screen, analysis, view);
    screen
}

/// Clocks that differ: whoever compares times with the logs must know.
fn clocks(screen: &mut Screen, analysis: &Analysis, view: &View) {
    let clocks = &analysis.coverage.clocks;
    let shown = if view.all { clocks.len() } else { CLOCKS_SHOWN };
    for skew in clocks.iter().take(shown) {
        let text = wording::clock(skew);
        screen.paragraph(&Paragraph {
            label: "CLOCK",
            label_tone: Tone::Warning,
            indent: 7,
            text: &text,
            most_lines: 3,
            ..Paragraph::default()
        });
    }
    if clocks.len() > shown {
        let more = format!("and {} (--all)", counted((clocks.len() - shown) as u64, "more clock"));
        screen.paragraph(&Paragraph { indent: 7, text: &more, ..Paragraph::default() });
    }
}

/// The ledger in one line; warnings where too little was understood.
fn read(screen: &mut Screen, analysis: &Analysis, view: &View) {
    let coverage = &analysis.coverage;
    let mut text = ledger::summary(coverage);
    let (complaints, silences) = (coverage.complaints.len(), ledger::gaps(coverage).len());
    clocks(screen, analysis, view);
    if complaints > 0 {
        text.push_str(&format!("; {}", counted(complaints as u64, "complaint")));
    }
    if silences > 0 {
        text.push_str(&format!("; {}", counted(silences as u64, "unusual silence")));
    }
    if !view.all && (coverage.understood() < coverage.lines() || complaints > 0 || silences > 0) {
        text.push_str(" (details: --all)");
    }
    screen.paragraph(&Paragraph { label: "READ", indent: 6, text: &text, tone: Tone::Dim, ..Paragraph::default() });
    let room = WARNINGS_SHOWN.saturating_sub(ledger::doubts(coverage).len());
    warnings(screen, ledger::remarks(coverage).iter().take(room));
}

/// What puts the whole answer in doubt, before the answer.
fn doubts(screen: &mut Screen, analysis: &Analysis) {
    warnings(screen, ledger::doubts(&analysis.coverage).iter().take(WARNINGS_SHOWN));
}

fn warnings<'w>(screen: &mut Screen, warnings: impl Iterator<Item = &'w ledger::Warning>) {
    for warning in warnings {
        screen.paragraph(&Paragraph {
            label: "WARNING",
            label_tone: Tone::Warning,
            indent: 9,
            text: &warning.text,
            tone: Tone::Warning,
            ..Paragraph::default()
        });
    }
}

fn quiet(analysis: &Analysis, view: &View, width: usize) -> Screen {
    let mut screen = Screen::new(width);
    doubts(&mut screen, analysis);
    let span = analysis.span.map(between).unwrap_or_default();
    let headline = format!("No incident found{span}.");
    screen.paragraph(&Paragraph { text: &headline, tone: Tone::Strong, ..Paragraph::default() });
    screen.paragraph(&Paragraph { text: &looked_at(analysis), most_lines: 3, ..Paragraph::default() });
    if let Some(shifts) = wording::shifts(&analysis.sought) {
        screen.paragraph(&Paragraph { text: &shifts, most_lines: 6, ..Paragraph::default() });
    }
    for text in disturbances(analysis).iter().take(BLIPS_SHOWN) {
        screen.paragraph(&Paragraph { text, ..Paragraph::default() });
    }
    if analysis.disturbances.len() > BLIPS_SHOWN {
        let more = format!("and {} (--all).", counted((analysis.disturbances.len() - BLIPS_SHOWN) as u64, "more short disturbance"));
        screen.paragraph(&Paragraph { text: &more, ..Paragraph::default() });
    }
    read(&mut screen, analysis, view);
    screen
}

fn between(span: TimeSpan) -> String {
    let (start, end) = (span.start, span.end);
    let day = if start.date() == end.date() { String::new() } else { format!("{} ", end.date()) };
    format!(" between {} {} and {day}{} UTC ({})", start.date(), start.clock(), end.clock(), duration(span.seconds()))
}

/// What was searched and how small a problem would have been seen.
fn looked_at(analysis: &Analysis) -> String {
    let sought = &analysis.sought;
    let mut parts = Vec::new();
    if sought.requests > 0 {
        let at = counted(sought.services.len() as u64, "service");
        parts.push(format!("{} at {at} ({} failed)", counted(sought.requests, "request"), count(sought.failed)));
    }
    if sought.error_streams > 0 {
        parts.push(format!("errors of {}", counted(sought.error_streams as u64, "service")));
    }
    if sought.metric_series > 0 {
        parts.push(format!("{} metric series", count(sought.metric_series as u64)));
    }
    if parts.is_empty() {
        return "Nothing was there to test: no request outcome, no error record, no metric series.".to_owned();
    }
    let power = match sought.detectable_per_minute {
        Some(n) => format!(" {} failed requests in a minute would have been seen.", number(n.ceil())),
        None => " Without request outcomes a small problem can go unseen.".to_owned(),
    };
    format!("Looked at {}.{power}", listed(&parts))
}

/// Blips that are no incidents, one sentence each.
fn disturbances(analysis: &Analysis) -> Vec<String> {
    let sentence = |(span, failed, all, change): &(TimeSpan, u64, u64, Option<ChangeId>)| {
        let during = match change {
            Some(id) => format!("during the roll-out of {}", sanitize(id.as_str())),
            None => "with no change recorded".to_owned(),
        };
        format!(
            "Short blip at {} {} UTC, {}: {} of {} failed, {during}.",
            span.start.date(),
            span.start.clock(),
            duration(span.seconds()),
            count(*failed),
            count(*all)
        )
    };
    analysis.disturbances.iter().map(sentence).collect()
}

fn timeless(analysis: &Analysis, width: usize) -> Screen {
    let mut screen = Screen::new(width);
    let coverage = &analysis.coverage;
    let read = format!("{} in {}", counted(coverage.lines(), "line"), counted(coverage.sources.len() as u64, "source"));
    let why = match coverage.span() {
        Some(span) => format!("what was read has times{}, all of them outside of what was asked for.", between(span)),
        None => format!("not one record or sample with a time was found in {read}."),
    };
    let text = format!("Nothing could be judged: {why}");
    screen.paragraph(&Paragraph { text: &text, tone: Tone::Warning, most_lines: 3, ..Paragraph::default() });
    for source in coverage.sources.iter().take(5) {
        let text = format!(
            "{}: taken for {}, {} of {} understood",
            sanitize(&source.path),
            sanitize(&source.format),
            count(source.understood),
            counted(source.lines, "line")
        );
        screen.paragraph(&Paragraph { indent: 2, text: &text, most_lines: 1, ..Paragraph::default() });
    }
    if coverage.sources.len() > 5 {
        screen.paragraph(&Paragraph { indent: 2, text: &format!("+ {} more", coverage.sources.len() - 5), ..Paragraph::default() });
    }
    warnings(&mut screen, ledger::warnings(coverage).iter().take(WARNINGS_SHOWN));
    screen
}

#[cfg(test)]
mod tests;
