//! Formats with a setting a line: properties, ini, environment files.

use super::{Flat, join, unquoted, without_comment};

/// Java properties: `=`, `:` or white space after the key, continued lines, escapes.
pub(super) fn properties(lines: &[(u64, &str)], flat: &mut Flat) {
    let mut lines = lines.iter();
    while let Some(&(line, text)) = lines.next() {
        let text = text.trim_start();
        if text.is_empty() || text.starts_with(['#', '!']) {
            continue;
        }
        let mut whole = text.to_owned();
        while whole.ends_with('\\') && !whole.ends_with("\\\\") {
            whole.pop();
            let Some((_, more)) = lines.next() else { break };
            whole.push_str(more.trim_start());
        }
        let (key, value) = split_property(&whole);
        flat.put(&unescaped(key), &unescaped(value.trim_end()), line);
    }
}

/// The key ends at the first `=`, `:` or white space that is not escaped.
fn split_property(text: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = text.find(|c: char| {
        let ends = !escaped && (c == '=' || c == ':' || c.is_whitespace());
        escaped = c == '\\' && !escaped;
        ends
    });
    let (key, rest) = text.split_at(end.unwrap_or(text.len()));
    let rest = rest.trim_start();
    (key, rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start())
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => {}
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    out.push(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}'));
                }
                Some(other) => out.push(other),
                None => {}
            },
            _ => out.push(c),
        }
    }
    out
}

/// Environment files: `export`, quotes, values over several lines.
pub(super) fn env(lines: &[(u64, &str)], flat: &mut Flat) {
    let mut lines = lines.iter();
    while let Some(&(line, text)) = lines.next() {
        let text = text.trim();
        let text = text.strip_prefix("export ").unwrap_or(text).trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let Some((key, value)) = text.split_once('=') else {
            flat.complain(line, "neither a comment nor KEY=value".to_owned());
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => quoted(value, quote, &mut lines),
            _ => without_comment(value, &['#']).to_owned(),
        };
        flat.put(key, &value, line);
    }
}

/// The text up to the closing quote, which may stand on a later line.
fn quoted(value: &str, quote: char, lines: &mut std::slice::Iter<'_, (u64, &str)>) -> String {
    let mut text = value[1..].to_owned();
    let mut ahead = lines.clone();
    loop {
        if let Some(end) = closing(&text, quote) {
            *lines = ahead;
            text.truncate(end);
            return if quote == '"' { text.replace("\\\"", "\"") } else { text };
        }
        let Some((_, more)) = ahead.next() else {
            return value.to_owned();
        };
        text.push('\n');
        text.push_str(more);
    }
}

fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.find(|c: char| {
        let found = c == quote && !escaped;
        escaped = c == '\\' && quote == '"' && !escaped;
        found
    })
}

/// Sections in brackets, then `key = value`, `key: value` or a key alone; also the lines of a TOML file that is shown in part.
pub(super) fn ini(lines: &[(u64, &str)], flat: &mut Flat) {
    let mut section = String::new();
    let mut last: Option<String> = None;
    for &(line, text) in lines {
        let content = without_comment(text, &['#', ';']).trim();
        if content.is_empty() || content.starts_with(['#', ';', '!', '%']) {
            continue;
        }
        if let Some(name) = heading(content) {
            section = name;
            last = None;
            continue;
        }
        match (split_setting(content), &last) {
            (None, Some(key)) if text.starts_with([' ', '\t']) => flat.add(key, unquoted(content), line),
            (setting, _) => {
                let (key, value) = setting.unwrap_or((content, ""));
                let key = join(&section, &dotted(key));
                put_setting(&key, value, line, flat);
                last = Some(key);
            }
        }
    }
}

fn heading(content: &str) -> Option<String> {
    let name = content.strip_prefix('[')?.strip_suffix(']')?;
    let name = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
    (!name.is_empty() && !name.contains(',')).then(|| dotted(name.trim()))
}

/// A key whose dotted parts may be quoted.
fn dotted(key: &str) -> String {
    key.trim().replace(['"', '\''], "")
}

fn split_setting(content: &str) -> Option<(&str, &str)> {
    let equals = content.find('=');
    let colon = content.find(": ").or_else(|| content.strip_suffix(':').map(str::len));
    let at = match (equals, colon) {
        (Some(e), Some(c)) => e.min(c),
        (e, c) => e.or(c)?,
    };
    (at > 0).then(|| (content[..at].trim(), content[at + 1..].trim()))
}

/// A value such as `host=db port=5432` is a group of settings (connection strings of poolers); any other is one.
fn put_setting(key: &str, value: &str, line: u64, flat: &mut Flat) {
    let pairs: Vec<Option<(&str, &str)>> = value.split_whitespace().map(|part| part.split_once('=').filter(|(k, _)| is_word(k))).collect();
    if pairs.len() < 2 || pairs.iter().any(Option::is_none) || value.starts_with(['"', '\'']) {
        return flat.add(key, unquoted(value), line);
    }
    for (name, part) in pairs.into_iter().flatten() {
        flat.add(&join(key, name), unquoted(part), line);
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
