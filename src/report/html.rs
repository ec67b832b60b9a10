//! One page that works without a network: verdict, evidence, charts on one time axis, tables.
//!
//! All text stands in the page itself; scripts only draw. A content security policy allows exactly the two scripts and the style sheet that
//! are compiled in, by their hashes, so that nothing that a log smuggled in could run. Charts are drawn by uPlot (MIT, its licence beside it).

mod charts;
mod sections;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::model::{Analysis, Verdict};

use super::severity::most_severe_first;
use super::text::{duration, escape_html as escape};
use super::{View, ledger, wording};

const UPLOT: &str = include_str!("html/uPlot.iife.min.js");
const UPLOT_STYLE: &str = include_str!("html/uPlot.min.css");
const UPLOT_LICENCE: &str = include_str!("html/uPlot.LICENSE");
const SCRIPT: &str = include_str!("html/page.js");
const STYLE: &str = include_str!("html/page.css");

/// The page, with a final newline.
pub fn render(analysis: &Analysis, _view: &View) -> String {
    let verdicts = most_severe_first(&analysis.verdicts);
    let title = match verdicts.first() {
        Some(worst) => wording::headline(&worst.incident),
        None if analysis.span.is_none() => "Nothing could be judged: no record or sample with a time was found".to_owned(),
        None => "No incident found".to_owned(),
    };
    let style = format!("{UPLOT_STYLE}\n{STYLE}");
    let library = format!("/* uPlot, {} */\n{UPLOT}", UPLOT_LICENCE.replace("*/", "").trim());
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}' 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(&library),
        hash(SCRIPT),
        hash(&style)
    );
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>{}</title>\n<style>{style}</style>\n</head>\n<body>\n",
        escape(&title)
    );
    out.push_str(&header(analysis, &verdicts, &title));
    out.push_str("<main>\n");
    out.push_str(&sections::all(analysis, &verdicts));
    out.push_str("</main>\n");
    out.push_str(&format!(
        "<footer><p>Made by whatchanged {}. Charts: uPlot, MIT licence. This page loads nothing and sends nothing.</p></footer>\n",
        env!("CARGO_PKG_VERSION")
    ));
    out.push_str(&format!("<script type=\"application/json\" id=\"data\">{}</script>\n", charts::data(analysis, &verdicts)));
    out.push_str(&format!("<script>{library}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"));
    out
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

fn header(analysis: &Analysis, verdicts: &[&Verdict], title: &str) -> String {
    let mut out = format!("<header>\n<h1>{}</h1>\n", escape(title));
    let span = verdicts.first().map(|v| v.incident.span).or(analysis.span);
    if let Some(span) = span {
        let state = match verdicts.first() {
            Some(worst) if worst.incident.ongoing => ", <strong class=\"alarm\">still going on when the data end</strong>",
            Some(_) => ", over",
            None => "",
        };
        let (start, end) = (span.start, span.end);
        out.push_str(&format!(
            "<p class=\"dim\">{} {} to {} {} UTC, {}{state}</p>\n",
            start.date(),
            start.clock(),
            end.date(),
            end.clock(),
            duration(span.seconds())
        ));
    }
    ledger::doubts(&analysis.coverage).iter().for_each(|doubt| out.push_str(&sections::warning(doubt)));
    let links: Vec<String> = sections::PARTS.iter().map(|(id, name)| format!("<a href=\"#{id}\">{name}</a>")).collect();
    out.push_str(&format!("<nav aria-label=\"Parts of this page\">{}</nav>\n</header>\n", links.join(" ")));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn all() -> Vec<Analysis> {
        vec![
            samples::rich(),
            samples::uncertain(0.2),
            samples::ongoing(),
            samples::metrics_only(),
            samples::several(),
            samples::quiet(),
            samples::timeless(),
            samples::hostile(),
        ]
    }

    #[test]
    fn nothing_from_outside_becomes_markup_or_script() {
        for analysis in all() {
            let page = render(&analysis, &View::default());
            assert_eq!(page.matches("<script").count(), 3, "a script got in");
            let text = &page[page.find("<header>").unwrap()..page.find("/* uPlot").unwrap()];
            for bad in ["<script>alert", "onerror=", "javascript:alert(1)</", "\x1b", "\u{202e}"] {
                assert!(!text.contains(bad), "{bad:?} got through");
            }
            assert!(text.chars().all(|c| c == '\n' || !crate::report::text::is_harmful(c)));
            assert!(!page.contains("http-equiv=\"refresh\"") && !text.contains(" style="));
        }
    }

    #[test]
    fn the_policy_names_the_scripts_that_are_there() {
        let page = render(&samples::rich(), &View::default());
        let scripts = page.split("<script>").skip(1).map(|s| s.split("</script>").next().unwrap());
        for script in scripts {
            assert!(page.contains(&format!("'sha256-{}'", hash(script))));
        }
        let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        assert!(page.contains(&format!("style-src 'sha256-{}'", hash(style))));
        assert!(!SCRIPT.contains("</script") && !UPLOT.contains("</script"));
    }

    #[test]
    fn what_puts_the_whole_answer_in_doubt_is_told_before_it() {
        let page = render(&samples::uncertain(0.5), &View::default());
        let (doubt, answer) = (page.find("were not understood").unwrap(), page.find("<main>").unwrap());
        assert!(doubt < answer && page.matches("lines were not understood").count() == 1);
    }

    #[test]
    fn the_page_says_what_the_terminal_says() {
        let page = render(&samples::rich(), &View::default());
        for needle in [
            "15 % of requests failed",
            "orders deploy-310",
            "<del>15</del>",
            "<ins>1</ins>",
            "database server postgres",
            "not ruled out",
            "changes.jsonl",
        ] {
            assert!(page.contains(needle), "{needle} is missing");
        }
    }
}
