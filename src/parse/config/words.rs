//! Directives a line: `key value` and `key = value`, alone (redis, PostgreSQL, sshd, Apache) or under headings (HAProxy).

use super::{Flat, MAX_DEPTH, join, unquoted, without_comment};

/// Headings of HAProxy's configuration.
pub(super) const SECTION_WORDS: [&str; 12] =
    ["global", "defaults", "frontend", "backend", "listen", "peers", "userlist", "resolvers", "mailers", "cache", "program", "ring"];

/// Directives whose second word is part of the name.
const TWO_WORDS: [&str; 6] = ["timeout", "option", "stats", "server", "errorfile", "tune"];

/// `key value`, `key = value`, and Apache's `<Section>`s. A repeated directive with `=` replaces, one without adds.
pub(super) fn read(lines: &[(u64, &str)], flat: &mut Flat) {
    let mut open: Vec<String> = Vec::new();
    for &(line, text) in lines {
        let content = without_comment(text, &['#']).trim();
        let content = content.strip_suffix(';').unwrap_or(content);
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if content.starts_with("</") {
            open.pop();
        } else if let Some(tag) = content.strip_prefix('<').and_then(|c| c.strip_suffix('>')) {
            if open.len() < MAX_DEPTH {
                open.push(tag.split_whitespace().collect::<Vec<_>>().join("."));
            }
        } else {
            let key = |name: &str| join(&open.join("."), name);
            match split(content) {
                (name, value, true) => flat.put(&key(name), &value, line),
                (name, value, false) => flat.add(&key(name), &value, line),
            }
        }
    }
}

/// Name, value, and whether an equals sign stood between them.
fn split(content: &str) -> (&str, String, bool) {
    let end = content.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(content.len());
    let (name, rest) = content.split_at(end);
    let rest = rest.trim_start();
    let (value, assigned) = rest.strip_prefix('=').map_or((rest, false), |value| (value, true));
    (name.trim_end_matches(':'), plain(value), assigned)
}

/// Without quotes; PostgreSQL doubles a quote inside quotes.
fn plain(value: &str) -> String {
    let value = value.trim();
    match value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')) {
        Some(inner) if !inner.replace("''", "").contains('\'') => inner.replace("''", "'"),
        _ => unquoted(value).to_owned(),
    }
}

/// HAProxy: a heading such as `backend app`, then directives.
pub(super) fn sections(lines: &[(u64, &str)], flat: &mut Flat) {
    let mut section = String::new();
    for &(line, text) in lines {
        let content = without_comment(text, &['#']).trim();
        let words: Vec<&str> = content.split_whitespace().collect();
        let Some(first) = words.first().filter(|w| !w.starts_with('#')) else { continue };
        if SECTION_WORDS.contains(first) && text.starts_with(first) {
            section = words.iter().take(2).copied().collect::<Vec<_>>().join(".");
            continue;
        }
        let named = if TWO_WORDS.contains(first) { 2 } else { 1 }.min(words.len());
        let (name, value) = words.split_at(named);
        flat.add(&join(&section, &name.join(".")), unquoted(&value.join(" ")), line);
    }
}
