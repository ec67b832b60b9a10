//! The text of the page.

use crate::model::{Analysis, Cause, Change, Evidence, MessageRow, Moved, RecoveryOutcome, Verdict};
use crate::report::text::{bytes, confidence, count, duration, number, percent, sanitize, shorten};
use crate::report::wording::{Certainty, certainty};
use crate::report::{actions, checks, cite, ledger, recovery, sentences, timeline, wording};

use super::escape;

/// Parts that the page's navigation names.
pub const PARTS: [(&str, &str); 7] = [
    ("verdict", "Verdict"),
    ("charts", "Charts"),
    ("messages", "Messages"),
    ("configuration", "Configuration"),
    ("not-it", "Not it"),
    ("next", "What next"),
    ("coverage", "Coverage"),
];

/// Widest quotation.
const TEXT_WIDTH: usize = 400;
/// Changes whose configuration is compared.
const MOST_DIFFS: usize = 12;

/// Everything below the header.
pub fn all(analysis: &Analysis, verdicts: &[&Verdict]) -> String {
    let mut out = String::from("<section id=\"verdict\" aria-label=\"Verdict\">\n");
    if verdicts.is_empty() {
        out.push_str(&quiet(analysis));
    }
    verdicts.iter().for_each(|v| out.push_str(&verdict(analysis, v, verdicts.len() > 1)));
    out.push_str("</section>\n");
    out.push_str(&charts(analysis));
    out.push_str(&messages(analysis, verdicts));
    out.push_str(&configuration(analysis, verdicts));
    out.push_str(&not_it(analysis, verdicts));
    out.push_str(&next(analysis, verdicts));
    out.push_str(&coverage(analysis));
    out
}

fn quiet(analysis: &Analysis) -> String {
    let sought = &analysis.sought;
    let power = sought
        .detectable_per_minute
        .map(|n| format!(" {} failed requests in a minute would have been seen.", number(n.ceil())))
        .unwrap_or_default();
    let shifts = wording::shifts(sought).map_or_else(String::new, |text| format!("<p>{}</p>", escape(&text)));
    format!(
        "<div class=\"verdict\"><p class=\"ok\">No incident found.</p><p>Looked at {} requests ({} failed), the errors of {} services and {} metric series.{power}</p>{shifts}</div>\n",
        count(sought.requests),
        count(sought.failed),
        sought.error_streams,
        sought.metric_series
    )
}

fn verdict(analysis: &Analysis, verdict: &Verdict, titled: bool) -> String {
    let incident = &verdict.incident;
    let span = incident.span;
    let mut out = String::new();
    if titled {
        let when = format!("{} {} to {} UTC, {}", span.start.date(), span.start.clock(), span.end.clock(), duration(span.seconds()));
        out.push_str(&format!("<h2>{}</h2>\n<p class=\"dim\">{when}</p>\n", escape(&wording::headline(incident))));
    }
    if let Some(witnesses) = wording::witnesses(incident) {
        out.push_str(&format!("<p>{}</p>\n", escape(&witnesses)));
    }
    match verdict.causes.first() {
        Some(best) => out.push_str(&cause(analysis, best, certainty(verdict))),
        None => out.push_str("<div class=\"verdict\"><p>Cause unknown: nothing in the data explains it.</p></div>\n"),
    }
    let others: Vec<String> = verdict
        .causes
        .iter()
        .skip(1)
        .map(|c| format!("<li>{} {}</li>", confidence(c.confidence).replace('<', "&lt;"), escape(&wording::title(c))))
        .collect();
    if !others.is_empty() {
        out.push_str(&format!(
            "<details><summary>Other candidates</summary><ul>{}<li>{} none of these ({} before any evidence)</li></ul></details>\n",
            others.concat(),
            confidence(verdict.unexplained).replace('<', "&lt;"),
            confidence(verdict.unexplained_prior).replace('<', "&lt;")
        ));
    }
    out.push_str(&routes(verdict));
    out.push_str(&events(verdict));
    out
}

fn cause(analysis: &Analysis, cause: &Cause, certainty: Certainty) -> String {
    let lead = match certainty {
        Certainty::Certain => "Cause",
        Certainty::NotCertain => "Best candidate, not certain",
        Certainty::Unclear => "Cause unclear, best guess",
    };
    let mut out = format!(
        "<div class=\"verdict\">\n<p>{lead}, {}: {}</p>\n<ol>\n",
        confidence(cause.confidence).replace('<', "&lt;"),
        escape(&wording::title(cause))
    );
    let (supporting, opposing): (Vec<&Evidence>, Vec<&Evidence>) = cause.evidence.iter().partition(|e| e.supports());
    supporting.iter().for_each(|e| out.push_str(&evidence(analysis, e, cause.change.as_deref(), "")));
    out.push_str("</ol>\n");
    if !opposing.is_empty() {
        out.push_str("<p>But:</p>\n<ul>\n");
        opposing.iter().for_each(|e| out.push_str(&evidence(analysis, e, cause.change.as_deref(), "")));
        out.push_str("</ul>\n");
    }
    out.push_str("</div>\n<h3>What to do now</h3>\n<ul>\n");
    actions::advise(analysis, cause).iter().for_each(|a| out.push_str(&format!("<li>{}</li>\n", escape(a))));
    if let Some(call) = actions::call(analysis, cause) {
        out.push_str(&format!("<li>Call {}.</li>\n", escape(&call)));
    }
    out.push_str("</ul>\n");
    out
}

fn evidence(analysis: &Analysis, e: &Evidence, change: Option<&Change>, lead: &str) -> String {
    let cites: Vec<String> = cite::of(analysis, e, change).iter().map(|c| escape(&c.plain())).collect();
    format!("<li>{lead}{} <span class=\"src\">{}</span></li>\n", escape(&sentences::sentence_within(e, TEXT_WIDTH)), cites.join("; "))
}

fn routes(verdict: &Verdict) -> String {
    let impact = &verdict.incident.impact;
    let share = |failed: u64, all: u64| if all == 0 { String::new() } else { percent(failed as f64 / all as f64).replace('<', "&lt;") };
    let mut rows: Vec<String> = Vec::new();
    let mut row = |name: &str, all: u64, failed: u64| {
        rows.push(format!(
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(&shorten(&sanitize(name), 120)),
            count(all),
            count(failed),
            share(failed, all)
        ));
    };
    impact.routes.iter().take(10).for_each(|(route, all, failed)| row(route, *all, *failed));
    impact.instances.iter().take(20).for_each(|(service, name, all, failed)| row(&format!("{service} {name}"), *all, *failed));
    if rows.is_empty() {
        return String::new();
    }
    table("Routes and instances", &["route or instance", "#requests", "#failed", "#share"], &rows)
}

fn events(verdict: &Verdict) -> String {
    let mut rows = Vec::new();
    for (row, entry) in timeline::rows(&verdict.timeline).into_iter().zip(&verdict.timeline) {
        let date = row.date.map(|d| d + " ").unwrap_or_default();
        rows.push(format!(
            "<tr><td class=\"t\"><button type=\"button\" data-time=\"{:.3}\" aria-label=\"show {} in the charts\">{date}{}</button></td><td>{}</td><td>{}</td><td>{}</td><td class=\"src\">{}</td></tr>",
            entry.time.seconds(),
            row.time,
            row.time,
            row.what,
            escape(&row.service),
            escape(&shorten(&row.text, TEXT_WIDTH)),
            escape(&row.origin)
        ));
    }
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<h3>Timeline (UTC)</h3>\n{}",
        table("What happened when; a time shows that moment in the charts", &["time", "what", "service", "text", "where"], &rows)
    )
}

/// A table that can be scrolled by itself; a name that begins with `#` is a column of numbers.
fn table(caption: &str, names: &[&str], rows: &[String]) -> String {
    let head: Vec<String> = names
        .iter()
        .map(|n| match n.strip_prefix('#') {
            Some(name) => format!("<th scope=\"col\" class=\"n\">{name}</th>"),
            None => format!("<th scope=\"col\">{n}</th>"),
        })
        .collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>\n{}\n</tbody></table></div>\n",
        escape(caption),
        escape(caption),
        head.concat(),
        rows.join("\n")
    )
}

fn charts(analysis: &Analysis) -> String {
    let drawable = analysis.dossier.exhibits.as_ref().is_some_and(|e| !e.services.is_empty() || !e.metrics.is_empty());
    let mut out = String::from("<section id=\"charts\" aria-label=\"Charts\">\n<h2>Charts</h2>\n");
    if !drawable {
        out.push_str("<p class=\"empty\">There is nothing to draw: no request outcomes and no metric in the evidence.</p>\n</section>\n");
        return out;
    }
    let clocks = if analysis.coverage.clocks.is_empty() {
        ""
    } else {
        " Clocks that differ were put right for the charts; the tables have times as written."
    };
    out.push_str(&format!("<p class=\"dim\">One time axis, in UTC; the incident is shaded, every change is a line, the one held responsible is solid. Drag to zoom, double-click to see all; with the keyboard: Tab to a chart, arrows read values, + and - zoom, 0 shows all.{clocks}</p>\n"));
    out.push_str("<div class=\"tools\"><button type=\"button\" id=\"zoom-incident\">Zoom to the incident</button><button type=\"button\" id=\"zoom-all\">Show all</button></div>\n<p class=\"readout\" id=\"readout\" role=\"status\" aria-live=\"polite\"></p>\n");
    out.push_str("<noscript><p>Charts need scripts; everything else on this page does not.</p></noscript>\n<div id=\"timeline-charts\"></div>\n<h3>Service by service</h3>\n<div id=\"multiples\" class=\"multiples\"></div>\n</section>\n");
    out
}

fn messages(analysis: &Analysis, verdicts: &[&Verdict]) -> String {
    let mut out = String::from("<section id=\"messages\" aria-label=\"Messages\">\n<h2>Messages that moved</h2>\n");
    let lists = analysis.dossier.exhibits.as_ref().map_or(&[][..], |e| &e.messages);
    let mut any = false;
    for verdict in verdicts {
        let Some(rows) = index(analysis, verdict).and_then(|i| lists.get(i)).filter(|rows| !rows.is_empty()) else { continue };
        any = true;
        let cells: Vec<String> = rows.iter().map(message).collect();
        let caption = format!("Kinds of message in the incident from {} UTC against the time before", verdict.incident.span.start.clock());
        out.push_str(&table(&caption, &["how", "service", "level", "#came", "#expected", "template, with a line of it", "where"], &cells));
    }
    if !any {
        out.push_str("<p class=\"empty\">None did.</p>\n");
    }
    out + "</section>\n"
}

fn index(analysis: &Analysis, verdict: &Verdict) -> Option<usize> {
    analysis.verdicts.iter().position(|v| std::ptr::eq(v, verdict))
}

fn message(row: &MessageRow) -> String {
    let how = match row.moved {
        Moved::New => "<strong class=\"alarm\">new</strong>",
        Moved::Surging => "surging",
        Moved::Vanished => "vanished",
    };
    let symptom = row.symptom.map(|s| format!(" <span class=\"dim\">shows {}</span>", wording::symptom(s))).unwrap_or_default();
    format!(
        "<tr><td>{how}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td><code>{}</code>{symptom}<br><span class=\"src\">{}</span></td><td class=\"src\">{}</td></tr>",
        escape(row.service.as_str()),
        row.level.name(),
        count(row.during),
        number(row.expected).replace('<', "&lt;"),
        escape(&shorten(&sanitize(&row.template), TEXT_WIDTH)),
        escape(&shorten(&sanitize(&row.example), TEXT_WIDTH)),
        escape(&row.origin.to_string())
    )
}

fn configuration(analysis: &Analysis, verdicts: &[&Verdict]) -> String {
    let mut out = String::from("<section id=\"configuration\" aria-label=\"Configuration\">\n<h2>Configuration, key by key</h2>\n");
    let rank = |change: &Change| {
        verdicts.iter().flat_map(|v| &v.causes).position(|c| c.change.as_ref().is_some_and(|x| x.id == change.id)).unwrap_or(usize::MAX)
    };
    let mut edited: Vec<&Change> = analysis.changes.iter().map(|c| &**c).filter(|c| !c.config.is_empty()).collect();
    edited.sort_by_key(|c| rank(c));
    for change in edited.iter().take(MOST_DIFFS) {
        let responsible: Vec<&str> = verdicts
            .iter()
            .flat_map(|v| &v.causes)
            .filter(|c| c.change.as_ref().is_some_and(|x| x.id == change.id))
            .filter_map(|c| Some(c.key.as_ref()?.key.as_str()))
            .collect();
        let rows: Vec<String> = change
            .config
            .edits
            .iter()
            .take(200)
            .map(|edit| {
                let key = edit.key.as_str();
                let mark = if responsible.contains(&key) { " <strong class=\"alarm\">held responsible</strong>" } else { "" };
                let origin = edit.origin.as_ref().map(ToString::to_string).unwrap_or_default();
                format!(
                    "<tr><td><code>{}</code>{mark}</td><td><del>{}</del></td><td><ins>{}</ins></td><td class=\"src\">{}</td></tr>",
                    escape(&wording::key(edit)),
                    escape(&wording::value(key, edit.before.as_deref())),
                    escape(&wording::value(key, edit.after.as_deref())),
                    escape(&origin)
                )
            })
            .collect();
        let caption = format!("{} at {} {} UTC", wording::change(change), change.time.date(), change.time.clock());
        out.push_str(&table(&caption, &["key", "before", "after", "where"], &rows));
    }
    if edited.is_empty() {
        out.push_str("<p class=\"empty\">No change names its configuration before and after.</p>\n");
    }
    if edited.len() > MOST_DIFFS {
        out.push_str(&format!("<p class=\"dim\">and {} more changes with edited keys.</p>\n", edited.len() - MOST_DIFFS));
    }
    out + "</section>\n"
}

fn not_it(analysis: &Analysis, verdicts: &[&Verdict]) -> String {
    let mut out = String::from("<section id=\"not-it\" aria-label=\"Ruled out\">\n<h2>What it was not</h2>\n");
    let mut any = false;
    for verdict in verdicts {
        let rows: Vec<String> = verdict
            .ruled_out
            .iter()
            .map(|path| {
                let reasons: String = path.evidence.iter().map(|e| evidence(analysis, e, path.change.as_deref(), "")).collect();
                format!("<tr><td>{}</td><td>{}</td><td><ul>{reasons}</ul></td></tr>", escape(&path.title), path.kind.name())
            })
            .collect();
        if !rows.is_empty() {
            any = true;
            out.push_str(&table("Ruled out, with what refutes it", &["path", "kind", "why not"], &rows));
        }
        for path in &verdict.not_ruled_out {
            any = true;
            out.push_str(&format!(
                "<p><strong>not ruled out, no data:</strong> {} (needs {})</p>\n",
                escape(&path.title),
                escape(&path.needed)
            ));
        }
    }
    if !any {
        out.push_str("<p class=\"empty\">Nothing had to be ruled out.</p>\n");
    }
    out + "</section>\n"
}

fn next(analysis: &Analysis, verdicts: &[&Verdict]) -> String {
    let mut out = String::from("<section id=\"next\" aria-label=\"What next\">\n<h2>What next</h2>\n");
    for verdict in verdicts {
        if let Some(found) = index(analysis, verdict).and_then(|i| analysis.dossier.recoveries.get(i)) {
            let class = if found.outcome == RecoveryOutcome::Recovered { "ok" } else { "alarm" };
            out.push_str(&format!("<h3>Did the fix work?</h3>\n<p class=\"{class}\">{}</p>\n", escape(&recovery::sentence(found))));
            if !found.fixes.is_empty() {
                let fixes: String = found
                    .fixes
                    .iter()
                    .map(|f| {
                        format!(
                            "<li>{} <span class=\"src\">{}</span></li>",
                            escape(&recovery::fix(f)),
                            escape(&f.change.origin.to_string())
                        )
                    })
                    .collect();
                out.push_str(&format!("<p>Changes made while it lasted:</p><ul>{fixes}</ul>\n"));
            }
        }
        for list in checks::lists(analysis, verdict) {
            out.push_str(&format!("<details><summary>Check: {}</summary>\n", escape(&list.about)));
            for check in list.checks {
                out.push_str(&format!(
                    "<p>{} <span class=\"dim\">{}</span></p><pre tabindex=\"0\">{}</pre>\n",
                    escape(&check.question),
                    check.language,
                    escape(&check.command)
                ));
            }
            out.push_str("</details>\n");
        }
    }
    if verdicts.is_empty() {
        out.push_str("<p class=\"empty\">Nothing to do.</p>\n");
    }
    out + "</section>\n"
}

/// A warning as a paragraph of its own.
pub fn warning(warning: &ledger::Warning) -> String {
    format!("<p class=\"alarm\">Warning: {}</p>\n", escape(&warning.text))
}

fn coverage(analysis: &Analysis) -> String {
    let coverage = &analysis.coverage;
    let mut out = format!(
        "<section id=\"coverage\" aria-label=\"Coverage\">\n<h2>What was read</h2>\n<p>{}</p>\n",
        escape(&ledger::summary(coverage))
    );
    ledger::remarks(coverage).iter().for_each(|remark| out.push_str(&warning(remark)));
    coverage.clocks.iter().for_each(|skew| out.push_str(&format!("<p class=\"alarm\">Clock: {}</p>\n", escape(&wording::clock(skew)))));
    ledger::gaps(coverage).iter().take(20).for_each(|(_, _, text)| out.push_str(&format!("<p>Silence: {}</p>\n", escape(text))));
    coverage.complaints.iter().take(50).for_each(|c| {
        out.push_str(&format!(
            "<p><span class=\"src\">{}</span> {}</p>\n",
            escape(&c.origin.to_string()),
            escape(&shorten(&sanitize(&c.why), TEXT_WIDTH))
        ))
    });
    let hash = |path: &str| {
        let input = analysis.dossier.exhibits.as_ref()?.inputs.iter().find(|i| i.path == path)?;
        input.sha256.clone()
    };
    let rows: Vec<String> = coverage.sources.iter().take(500).map(|s| {
        format!("<tr><td class=\"src\">{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"src\">{}</td></tr>", escape(&s.path), escape(&s.format), bytes(s.bytes), count(s.lines), percent(s.share()).replace('<', "&lt;"), hash(&s.path).unwrap_or_default())
    }).collect();
    if !rows.is_empty() {
        out.push_str(&table("Files", &["file", "read as", "#size", "#lines", "#understood", "SHA-256"], &rows));
    }
    if coverage.sources.len() > 500 {
        out.push_str(&format!("<p class=\"dim\">and {} more files.</p>\n", coverage.sources.len() - 500));
    }
    out + "</section>\n"
}
