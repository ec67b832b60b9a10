//! One page without anything from elsewhere: no script, no font, no image. It can be mailed.

use super::super::text::escape_html as text;
use super::{Period, fate, keys, lists, minute, name, numbers, risk, span_of, summary, title};
use crate::model::period::{Entry, Fate};

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8885;--soft:#8882;--bad:#b3261e;--unsure:#8a6100;--fine:#1b6e3c}
@media(prefers-color-scheme:dark){:root{--bad:#ff8a80;--unsure:#ffcf66;--fine:#7edc9e}}
body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.lead{font-size:1.1rem;margin:.25rem 0 1.5rem}
.wide{overflow-x:auto}table{border-collapse:collapse}
th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;border-bottom:1px solid var(--line)}
th{font-weight:600;white-space:nowrap}td.n{white-space:nowrap}
td{overflow-wrap:break-word;min-width:3.5rem}code{font-size:.9em;background:var(--soft);padding:0 .25em;border-radius:3px}
.failed{color:var(--bad);font-weight:600}.cannot_tell{color:var(--unsure)}.fine{color:var(--fine)}
ul,ol{padding-left:1.25rem}li{margin:.25rem 0}.none{opacity:.7}
@media print{body{margin:0;max-width:none;font-size:11px}}";

/// The report on a period as one page that works without a network.
pub fn render(period: &Period) -> String {
    let title = text(&title(period));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<p class=\"lead\">{}</p>\n",
        text(&summary(period))
    );
    out += "<div class=\"wide\"><table>\n<thead><tr><th></th><th>this period</th><th>before</th></tr></thead>\n<tbody>\n";
    for (what, now, before) in numbers(period) {
        out += &format!("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n", text(what), text(&now), text(&before));
    }
    out += "</tbody></table></div>\n<h2>Act on these</h2>\n";
    let urgent: Vec<&Entry> = period.act.iter().filter_map(|at| period.changes.get(*at)).collect();
    list(&mut out, "ol", &urgent.iter().map(|entry| urgent_item(entry)).collect::<Vec<_>>(), "nothing is urgent");
    out += "<h2>All changes</h2>\n";
    changes(&mut out, period);
    for (what, lines) in lists(period) {
        out += &format!("<h2>{}</h2>\n", text(what));
        list(&mut out, "ul", &lines.iter().map(|line| text(line)).collect::<Vec<_>>(), "none");
    }
    out += "</main>\n</body>\n</html>\n";
    out
}

fn urgent_item(entry: &Entry) -> String {
    let owner = if entry.author.is_empty() { String::new() } else { format!(", {}", text(&entry.author)) };
    format!(
        "<b>{}</b>: <span class=\"{}\">{}</span>, risk {}{owner}. {} <code>{}</code>",
        linked(entry),
        entry.fate.name(),
        text(&fate(entry)),
        text(&risk(entry)),
        text(&entry.why),
        text(&entry.source)
    )
}

fn changes(out: &mut String, period: &Period) {
    if period.changes.is_empty() {
        *out += "<p class=\"none\">no change is recorded</p>\n";
        return;
    }
    *out += "<div class=\"wide\"><table>\n<thead><tr>";
    for head in ["time (UTC)", "change", "kind", "keys", "risk before", "outcome", "to repair", "to recover", "why"] {
        *out += &format!("<th>{head}</th>");
    }
    *out += "</tr></thead>\n<tbody>\n";
    for entry in &period.changes {
        *out += &format!(
            "<tr><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"{}\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n",
            text(&minute(entry.time)),
            linked(entry),
            text(&entry.kind),
            text(&keys(entry)),
            text(&risk(entry)),
            class(entry.fate),
            text(&fate(entry)),
            text(&span_of(entry.detect_s)),
            text(&span_of(entry.recover_s)),
            text(&entry.why)
        );
    }
    *out += "</tbody></table></div>\n";
}

fn class(fate: Fate) -> &'static str {
    fate.name()
}

/// The name, as a link where the record gives an address of the web.
fn linked(entry: &Entry) -> String {
    let shown = text(&name(entry));
    let is_web = entry.url.starts_with("https://") || entry.url.starts_with("http://");
    if is_web { format!("<a rel=\"noreferrer\" href=\"{}\">{shown}</a>", text(&entry.url)) } else { shown }
}

fn list(out: &mut String, tag: &str, items: &[String], nothing: &str) {
    if items.is_empty() {
        *out += &format!("<p class=\"none\">{}</p>\n", text(nothing));
        return;
    }
    *out += &format!("<{tag}>\n");
    items.iter().for_each(|item| *out += &format!("<li>{item}</li>\n"));
    *out += &format!("</{tag}>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(text("<script>\"'&"), "&lt;script&gt;&quot;&#39;&amp;");
    }
}
