//! Nesting by indentation, line by line: parts of YAML and JSON files, and YAML files with faults.
//!
//! What the lines do not show is left out: a hunk's keys begin at the outermost line it has.

use super::{Flat, MAX_DEPTH, join, unquoted, without_comment, yaml};

/// A key or list item that later, deeper lines belong to.
struct Parent {
    indent: usize,
    key: String,
    is_item: bool,
    /// Items counted below it.
    items: usize,
}

/// Reads lines of YAML or JSON.
pub(super) fn read(lines: &[(u64, &str)], flat: &mut Flat) {
    let mut open: Vec<Parent> = Vec::new();
    let mut outer_items = 0;
    let mut text_below: Option<usize> = None;
    for &(line, text) in lines {
        let content = without_comment(text.trim_end(), &['#']);
        let indent = content.len() - content.trim_start_matches([' ', '\t']).len();
        let content = content.trim();
        if content.is_empty() || content == "---" || content.starts_with(['#', '}', ']']) || content.starts_with("//") {
            continue;
        }
        if text_below.is_some_and(|block| indent > block) {
            continue;
        }
        text_below = None;
        let is_item = content == "-" || content.starts_with("- ");
        while open.last().is_some_and(|p| p.indent > indent || (p.indent == indent && (p.is_item || !is_item))) {
            open.pop();
        }
        let place = Place { line, indent, content, is_item };
        if place.read(&mut open, &mut outer_items, flat) {
            text_below = Some(indent);
        }
    }
}

struct Place<'t> {
    line: u64,
    indent: usize,
    content: &'t str,
    is_item: bool,
}

impl Place<'_> {
    /// Whether the lines below are the text of a block scalar.
    fn read(&self, open: &mut Vec<Parent>, outer_items: &mut usize, flat: &mut Flat) -> bool {
        if open.len() > MAX_DEPTH {
            flat.complain(self.line, format!("nested deeper than {MAX_DEPTH} levels"));
            return false;
        }
        let (mut content, mut indent) = (self.content, self.indent);
        if self.is_item {
            let inner = content[1..].trim_start();
            indent += content.len() - inner.len();
            content = inner;
            let items = open.last_mut().map_or(outer_items, |parent| &mut parent.items);
            let key = item_name(content).unwrap_or_else(|| items.to_string());
            *items += 1;
            open.push(Parent { indent: self.indent, key, is_item: true, items: 0 });
        }
        let Some((key, value)) = split(content) else {
            if self.is_item {
                put_value(&path(open), content, self.line, flat);
            }
            return false;
        };
        if self.is_item && item_name(content).is_some() {
            return false;
        }
        if value.is_empty() || value == "{" || value == "[" {
            open.push(Parent { indent, key, is_item: false, items: 0 });
            return false;
        }
        if value.starts_with(['|', '>']) && value.len() <= 3 {
            return true;
        }
        let is_setting = key == "value" && open.last().is_some_and(|p| p.is_item && p.key.parse::<usize>().is_err());
        let key = if is_setting { path(open) } else { join(&path(open), &key) };
        put_value(&key, value, self.line, flat);
        false
    }
}

fn path(open: &[Parent]) -> String {
    open.iter().fold(String::new(), |path, parent| join(&path, &parent.key))
}

/// The name that an item's first line gives: `- name: X`, or JSON's `"name": "X"`.
fn item_name(content: &str) -> Option<String> {
    let (key, value) = split(content)?;
    (["name", "id", "key"].contains(&key.as_str()) && !value.is_empty()).then(|| unquoted(value).to_owned())
}

/// `key: value`, quotes around the key removed. A key without quotes holds no white space.
fn split(content: &str) -> Option<(String, &str)> {
    let quote = content.chars().next().filter(|c| *c == '"' || *c == '\'');
    let after = match quote {
        Some(quote) => content[1..].find(quote)? + 2,
        None => 0,
    };
    let rest = &content[after..];
    let colon = rest
        .find(": ")
        .or_else(|| rest.strip_suffix(':').map(str::len))
        .or_else(|| (quote.is_some() && rest.starts_with(':')).then_some(0))?;
    let key = match quote {
        Some(_) if rest[..colon].trim().is_empty() => &content[1..after - 1],
        Some(_) => return None,
        None => content[..colon].trim_end(),
    };
    let value = rest[colon + 1..].trim();
    let value = value.strip_suffix(',').filter(|_| quote.is_some()).unwrap_or(value);
    (!key.is_empty() && (quote.is_some() || !key.contains([' ', '\t', '{', '[']))).then(|| (key.to_owned(), value.trim_end()))
}

/// A value on the line itself, which may be a list or a map in flow style.
fn put_value(key: &str, value: &str, line: u64, flat: &mut Flat) {
    if value.starts_with(['{', '['])
        && let Ok(trees) = yaml::trees(value)
        && let [tree] = trees.as_slice()
    {
        let mut inner = Flat::default();
        tree.flatten(key, 0, &mut inner);
        inner.entries.iter().for_each(|(key, entry)| flat.put(key, &entry.value, line));
        return;
    }
    let is_assignment = |(name, _): &(&str, &str)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let value = unquoted(value.strip_suffix(',').filter(|v| v.ends_with(['"', '\''])).unwrap_or(value));
    match value.split_once('=').filter(|_| is_index(key)).filter(is_assignment) {
        Some((name, value)) => {
            flat.put(&join(key.rsplit_once('.').map_or("", |(parent, _)| parent), name.trim_start_matches('-')), value, line)
        }
        None => flat.put(key, value, line),
    }
}

fn is_index(key: &str) -> bool {
    key.rsplit('.').next().is_some_and(|last| last.parse::<usize>().is_ok())
}
