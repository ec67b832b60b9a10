//! The report as sentences, one a line: no columns, no bars, no colours, nothing that a screen reader would spell out.

use crate::model::{Analysis, Cause, Verdict};

use super::text::{confidence, count, counted, duration, number, sanitize};
use super::wording::{Certainty, certainty};
use super::{View, actions, cite, ledger, recovery, sentences, timeline, wording};

/// Evidence and paths told where not everything is asked for.
const FEW: usize = 3;

/// The whole report, with a final newline.
pub fn render(analysis: &Analysis, view: &View) -> String {
    let mut out = Lines(String::new());
    if analysis.span.is_none() {
        out.say("Nothing could be judged: no record or sample with a time was found");
    }
    ledger::doubts(&analysis.coverage).iter().for_each(|doubt| out.say(&format!("Warning: {}", doubt.text)));
    match (&analysis.span, analysis.verdicts.as_slice()) {
        (None, _) => {}
        (_, []) => quiet(&mut out, analysis),
        (_, verdicts) => {
            let worst_first = super::severity::most_severe_first(verdicts);
            out.say(&counted(verdicts.len() as u64, "incident"));
            worst_first.iter().enumerate().for_each(|(i, v)| incident(&mut out, analysis, (i, v), view));
        }
    }
    out.say(&format!("Read {}", ledger::summary(&analysis.coverage)));
    ledger::remarks(&analysis.coverage).iter().for_each(|w| out.say(&format!("Warning: {}", w.text)));
    analysis.coverage.clocks.iter().for_each(|skew| out.say(&format!("Clock: {}", wording::clock(skew))));
    if view.unicode { out.0 } else { super::to_ascii_lines(&out.0) }
}

struct Lines(String);

impl Lines {
    fn say(&mut self, text: &str) {
        let text = text.trim_end_matches('.').replace(" -> ", " to ").replace(" x \"", " times \"");
        self.0.push_str(&text);
        self.0.push_str(".\n");
    }

    /// A statement and where it stands.
    fn say_with(&mut self, text: &str, places: &str) {
        self.say(&if places.is_empty() { text.to_owned() } else { format!("{text}. See {places}") });
    }
}

fn quiet(out: &mut Lines, analysis: &Analysis) {
    let sought = &analysis.sought;
    out.say("No incident found");
    out.say(&format!(
        "Looked at {}, {} failed, and at {} metric series",
        counted(sought.requests, "request"),
        count(sought.failed),
        sought.metric_series
    ));
    if let Some(n) = sought.detectable_per_minute {
        out.say(&format!("{} failed requests in a minute would have been seen", number(n.ceil())));
    }
    if let Some(shifts) = wording::shifts(sought) {
        out.say(shifts.trim_end_matches('.'));
    }
}

fn incident(out: &mut Lines, analysis: &Analysis, (index, verdict): (usize, &Verdict), view: &View) {
    let found = &verdict.incident;
    let span = found.span;
    out.say(&format!("Incident {}: {}", index + 1, wording::headline(found)));
    let state = if found.ongoing { "it is still going on when the data end" } else { "it is over" };
    out.say(&format!(
        "From {} {} to {} UTC, {}, {state}",
        span.start.date(),
        span.start.clock(),
        span.end.clock(),
        duration(span.seconds())
    ));
    if let Some(witnesses) = wording::witnesses(found) {
        out.say(witnesses.trim_end_matches('.'));
    }
    match verdict.causes.first() {
        Some(best) => cause(out, analysis, best, certainty(verdict), view),
        None => out.say("Cause unknown: nothing in the data explains it"),
    }
    let position = analysis.verdicts.iter().position(|v| std::ptr::eq(v, verdict));
    if let Some(recovered) = position.and_then(|i| analysis.dossier.recoveries.get(i)) {
        out.say(&format!("Did the fix work: {}", recovery::sentence(recovered)));
        recovered.fixes.iter().for_each(|f| out.say(&recovery::fix(f)));
    }
    let most = if view.all { usize::MAX } else { FEW };
    for other in verdict.causes.iter().take(view.top).skip(1).take(most) {
        out.say(&format!("Other candidate, {}: {}", percent(other), wording::title(other)));
    }
    for path in verdict.ruled_out.iter().take(most) {
        let Some(reason) = path.evidence.first() else { continue };
        out.say(&format!("Not it: {}, because {}", sanitize(&path.title), sentences::sentence(reason)));
    }
    more(out, verdict.ruled_out.len().saturating_sub(most), "path ruled out");
    verdict
        .not_ruled_out
        .iter()
        .for_each(|p| out.say(&format!("Not ruled out, no data: {}, needs {}", sanitize(&p.title), sanitize(&p.needed))));
    if view.all {
        for row in timeline::rows(&verdict.timeline) {
            out.say_with(&format!("At {}, {}, {}: {}", row.time, row.what.to_lowercase(), row.service, row.text), &row.origin);
        }
    }
}

fn more(out: &mut Lines, hidden: usize, what: &str) {
    if hidden > 0 {
        out.say(&format!("{} more with --all", counted(hidden as u64, what)));
    }
}

fn percent(cause: &Cause) -> String {
    confidence(cause.confidence).replace("< 1 %", "less than 1 %").replace(" %", " percent")
}

fn cause(out: &mut Lines, analysis: &Analysis, best: &Cause, certainty: Certainty, view: &View) {
    let lead = match certainty {
        Certainty::Certain => "Cause",
        Certainty::NotCertain => "Best candidate, not certain",
        Certainty::Unclear => "Cause unclear, best guess",
    };
    out.say(&format!("{lead}, {}: {}", percent(best), wording::title(best)));
    let most = if view.all { best.evidence.len() } else { FEW };
    let told: Vec<_> = best.evidence.iter().filter(|e| view.all || !e.aside).take(most).collect();
    for e in &told {
        let lead = if e.supports() { "Evidence" } else { "Against it" };
        let places: Vec<String> = cite::of(analysis, e, best.change.as_deref()).iter().map(cite::Cite::plain).collect();
        out.say_with(&format!("{lead}: {}", sentences::sentence(e)), &places.join(", "));
    }
    more(out, best.evidence.len() - told.len(), "piece of evidence");
    actions::advise(analysis, best).iter().for_each(|a| out.say(&format!("To do: {a}")));
    if let Some(call) = actions::call(analysis, best) {
        out.say(&format!("Call: {call}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn every_line_is_a_sentence() {
        for analysis in [
            samples::rich(),
            samples::uncertain(0.5),
            samples::ongoing(),
            samples::quiet(),
            samples::timeless(),
            samples::hostile(),
            samples::several(),
        ] {
            for all in [false, true] {
                let text = render(&analysis, &View { all, ..View::default() });
                for line in text.lines() {
                    assert!(line.ends_with('.') && !line.contains("->") && !line.contains('\u{1b}') && !line.contains('█'), "{line}");
                }
            }
        }
        let text = render(&samples::rich(), &View::default());
        assert!(text.contains("Cause, 93 percent: orders deploy-310: db.pool.max_size 15 to 1.\n"), "{text}");
        assert!(text.contains("209 times \"QueuePool limit"), "{text}");
    }
}
