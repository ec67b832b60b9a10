//! A compact summary for a chat or an issue.
//!
//! Everything from outside is escaped: it must not become a heading, a link, an image, a mention or HTML where it is pasted.

use crate::model::{Analysis, Cause, Verdict};

use super::markup::{block, code, escape};
use super::text::{bytes, confidence, count, counted, duration, percent, sanitize, shorten};
use super::wording::{Certainty, certainty};
use super::{View, actions, checks, ledger, mechanism, recovery, sentences, timeline, wording};

/// Widest quotation in the summary.
const TEXT_WIDTH: usize = 220;

/// Timeline entries in the summary.
const EVENTS_SHOWN: usize = 12;

/// Commands to check next, in the summary.
const CHECKS_SHOWN: usize = 3;

/// Silences, and lines that were not understood, in the summary.
const LEDGER_SHOWN: usize = 5;

/// The summary, every incident with its leading causes.
pub fn render(analysis: &Analysis, view: &View) -> String {
    let mut out: String = ledger::doubts(&analysis.coverage).iter().map(|doubt| warning(doubt) + "\n").collect();
    if analysis.span.is_none() {
        out.insert_str(0, "**Nothing could be judged:** no record or sample with a time was found.\n\n");
    } else if analysis.verdicts.is_empty() {
        out.push_str(&quiet(analysis));
    }
    for verdict in &analysis.verdicts {
        incident(&mut out, analysis, verdict, view);
    }
    for skew in &analysis.coverage.clocks {
        out.push_str(&format!("\n**Clock:** {}.\n", escape(&wording::clock(skew))));
    }
    read(&mut out, analysis);
    out
}

/// A warning as a paragraph of its own.
fn warning(warning: &ledger::Warning) -> String {
    format!("**Warning:** {}.\n", escape(&shorten(&warning.text, TEXT_WIDTH)))
}

/// The ledger: warnings first, then what each format adds up to, silences and the first lines that were not understood.
fn read(out: &mut String, analysis: &Analysis) {
    let coverage = &analysis.coverage;
    ledger::remarks(coverage).iter().for_each(|remark| out.push_str(&format!("\n{}", warning(remark))));
    out.push_str(&format!("\n_Read {}._\n", ledger::summary(coverage)));
    if !coverage.sources.is_empty() {
        out.push_str("\n| format | files | lines | size | understood |\n|---|--:|--:|--:|--:|\n");
    }
    for f in coverage.by_format() {
        let cells = [escape(&sanitize(&f.format)), count(f.sources), count(f.lines), bytes(f.bytes), percent(f.share())];
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    bullets(out, "Silences", ledger::gaps(coverage).into_iter().take(LEDGER_SHOWN).map(|(_, _, text)| text));
    let lost = coverage.sources.iter().flat_map(|s| s.misread.iter().map(move |(line, text)| (s, line, text)));
    bullets(
        out,
        "First lines that were not understood",
        lost.take(LEDGER_SHOWN).map(|(s, line, text)| format!("{}:{line}: {}", sanitize(&s.path), sanitize(text))),
    );
}

fn quiet(analysis: &Analysis) -> String {
    let sought = &analysis.sought;
    let shifts = wording::shifts(sought).map_or_else(String::new, |text| format!("\n{}\n", escape(&text)));
    format!(
        "**No incident found.** Looked at {} ({} failed), errors of {}, {} metric series.\n{shifts}",
        counted(sought.requests, "request"),
        count(sought.failed),
        counted(sought.error_streams as u64, "service"),
        count(sought.metric_series as u64)
    )
}

fn incident(out: &mut String, analysis: &Analysis, verdict: &Verdict, view: &View) {
    let incident = &verdict.incident;
    let span = incident.span;
    out.push_str(&format!("## {}\n\n", escape(&wording::headline(incident))));
    let state = if incident.ongoing { "still going on when the data end" } else { "over" };
    out.push_str(&format!("{} - {}, {}, {state}\n", span.start, span.end, duration(span.seconds())));
    if let Some(witnesses) = wording::witnesses(incident) {
        out.push_str(&format!("\n{}\n", escape(&witnesses)));
    }
    match verdict.causes.first() {
        Some(best) => leading_cause(out, analysis, best, certainty(verdict), view),
        None => out.push_str("\n**Cause unknown:** nothing in the data explains it.\n"),
    }
    if let Some(diagnosis) = &verdict.mechanism {
        out.push_str(&format!("\n**How:** {}\n", escape(&mechanism::paragraph(diagnosis))));
    }
    afterwards(out, analysis, verdict);
    bullets(
        out,
        "Other candidates",
        verdict.causes.iter().take(view.top).skip(1).map(|c| format!("{}: {}", confidence(c.confidence), wording::title(c))),
    );
    bullets(
        out,
        "Ruled out",
        verdict.ruled_out.iter().map(|path| {
            let reason = path.evidence.first().map(|e| format!(": {}", sentences::sentence(e))).unwrap_or_default();
            format!("{}{reason}", sanitize(&path.title))
        }),
    );
    bullets(
        out,
        "Not ruled out, no data",
        verdict.not_ruled_out.iter().map(|path| format!("{} (needs {})", sanitize(&path.title), sanitize(&path.needed))),
    );
    let events = timeline::rows(&verdict.timeline).into_iter().take(EVENTS_SHOWN);
    bullets(
        out,
        "Timeline (UTC)",
        events.map(|r| {
            let date = r.date.map(|d| d + " ").unwrap_or_default();
            format!("{date}{} {}, {}: {}", r.time, r.what, r.service, r.text)
        }),
    );
}

fn leading_cause(out: &mut String, analysis: &Analysis, cause: &Cause, certainty: Certainty, view: &View) {
    let lead = match certainty {
        Certainty::Certain => "Cause",
        Certainty::NotCertain => "Best candidate, not certain",
        Certainty::Unclear => "Cause unclear, best guess",
    };
    out.push_str(&format!("\n**{lead}, {}:** {}\n\n", confidence(cause.confidence), escape(&shorten(&wording::title(cause), TEXT_WIDTH))));
    let shown = if view.all { cause.evidence.len() } else { 3 };
    for e in cause.evidence.iter().filter(|e| view.all || !e.aside).take(shown) {
        let place = e.origins.first().map(|o| format!(" ({})", code(&o.to_string()))).unwrap_or_default();
        let but = if e.supports() { "" } else { "but " };
        out.push_str(&format!("- {but}{}{place}\n", escape(&sentences::sentence_within(e, TEXT_WIDTH))));
    }
    out.push_str(&format!("\n**Do:** {}\n", escape(&actions::advise(analysis, cause).join(" "))));
    if let Some(call) = actions::call(analysis, cause) {
        out.push_str(&format!("\n**Call:** {}\n", escape(&call)));
    }
}

/// Whether the fix worked, and the first commands to find out more.
fn afterwards(out: &mut String, analysis: &Analysis, verdict: &Verdict) {
    let index = analysis.verdicts.iter().position(|v| std::ptr::eq(v, verdict));
    if let Some(found) = index.and_then(|i| analysis.dossier.recoveries.get(i)) {
        let fixes = found.fixes.iter().map(|f| format!("; {}", recovery::fix(f))).collect::<String>();
        out.push_str(&format!("\n**Did the fix work:** {}{}.\n", escape(&recovery::sentence(found)), escape(&fixes)));
    }
    let lists = checks::lists(analysis, verdict);
    let Some(list) = lists.first() else { return };
    out.push_str("\n<details><summary>Check next</summary>\n");
    for check in list.checks.iter().take(CHECKS_SHOWN) {
        out.push_str(&format!("\n{}\n\n{}", escape(&check.question), block(check.language, &check.command)));
    }
    out.push_str("\n</details>\n");
}

fn bullets(out: &mut String, title: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.map(|i| format!("- {}\n", escape(&shorten(&i, TEXT_WIDTH)))).collect();
    if !items.is_empty() {
        out.push_str(&format!("\n**{title}**\n\n{}", items.concat()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_summary_says_the_essentials() {
        let out = render(&samples::rich(), &View::default());
        for needle in [
            "## storefront and orders: 15 % of requests failed, 57 % of users affected",
            "**Cause, 93 %:** orders deploy-310: db.pool.max\\_size 15 -&gt; 1",
            "(`logs/orders/orders.log.gz:4821`)",
            "**Do:** Nothing urgent: rolled back already",
            "**Ruled out**",
            "99.8 % understood",
        ] {
            assert!(out.contains(needle), "{needle} is missing in\n{out}");
        }
        let doubtful = render(&samples::uncertain(0.5), &View::default());
        assert!(
            doubtful.contains("**Best candidate, not certain, 50 %:**")
                && doubtful.contains("**Warning:** 19,000 of 62,589 lines were not understood"),
            "{doubtful}"
        );
        assert!(render(&samples::quiet(), &View::default()).starts_with("**No incident found.**"));
        assert!(render(&samples::timeless(), &View::default()).starts_with("**Nothing could be judged:**"));
    }

    #[test]
    fn what_puts_the_whole_answer_in_doubt_is_told_before_it() {
        let doubtful = render(&samples::uncertain(0.5), &View::default());
        assert!(doubtful.starts_with("**Warning:** 19,000 of 62,589 lines were not understood"), "{doubtful}");
        assert!(!render(&samples::rich(), &View::default()).contains("**Warning:**"));
    }

    #[test]
    fn hostile_texts_stay_text() {
        let out = render(&samples::hostile(), &View { all: true, ..View::default() });
        let bare = out.replace("\\]", "").replace("\\`", "");
        assert!(!bare.contains("](") && !bare.contains('`'), "{bare}");
        for bad in ["<script", "@everyone", "\x1b", "\u{202e}", "\n# ", "\n#H"] {
            assert!(!out.contains(bad), "{bad:?} got through in\n{out}");
        }
        assert!(out.chars().all(|c| c == '\n' || !crate::report::text::is_harmful(c)));
    }
}
