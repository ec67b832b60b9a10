//! Configuration files of any usual format, flattened to dotted keys with the line of every value.
//!
//! Order and comments are gone afterwards. What a key means, and whether two files differ, is not known here.

mod blocks;
mod format;
mod indented;
mod json;
mod lines;
mod toml_file;
mod tree;
mod words;
mod yaml;

use std::collections::BTreeMap;

pub(super) use format::Format;
pub(super) use json::{tree as json_tree, trees as json_trees};
pub(super) use tree::Tree;

/// A configuration without its nesting.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flat {
    pub entries: BTreeMap<String, Entry>,
    /// (line from 1, or 0 for the whole file; a lower-case fragment).
    pub complaints: Vec<(u64, String)>,
}

/// A value as text, without quotes, and its line from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub value: String,
    pub line: u64,
}

/// Larger files are data, not configuration.
const MAX_BYTES: usize = 8 << 20;
const MAX_ENTRIES: usize = 50_000;
const MAX_COMPLAINTS: usize = 20;
/// Levels of nesting; real files stay below 15.
const MAX_DEPTH: usize = 48;

/// Flattens a configuration file. The format follows from the file's name, then from what is in it.
///
/// # Errors
/// A file that is too large or not text. Anything less is a complaint beside what was understood.
pub fn flatten(path: &str, text: &str) -> Result<Flat, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("{} MB is too large for a configuration file", text.len() >> 20));
    }
    if text.contains('\0') {
        return Err("not a text file".to_owned());
    }
    let mut flat = Flat::default();
    flatten_into(&mut flat, path, text.trim_start_matches('\u{feff}'));
    Ok(flat)
}

fn flatten_into(flat: &mut Flat, path: &str, text: &str) {
    match Format::of(path, text) {
        Format::Yaml => yaml::read(text, flat),
        Format::Json => json::read(text, flat),
        Format::Toml => toml_file::read(text, flat),
        other => flatten_lines(other, &numbered(text), flat),
    }
}

/// Flattens some lines of a file, such as one side of a hunk: what the lines do not show (their parents) is left out.
pub(super) fn flatten_lines(format: Format, lines: &[(u64, &str)], flat: &mut Flat) {
    match format {
        Format::Yaml | Format::Json => indented::read(lines, flat),
        Format::Toml | Format::Ini => lines::ini(lines, flat),
        Format::Properties => lines::properties(lines, flat),
        Format::Env => lines::env(lines, flat),
        Format::Statements => blocks::statements(lines, flat),
        Format::Hocon => blocks::assignments(lines, flat),
        Format::Sections => words::sections(lines, flat),
        Format::Words => words::read(lines, flat),
    }
}

fn numbered(text: &str) -> Vec<(u64, &str)> {
    (1..).zip(text.lines()).collect()
}

impl Flat {
    /// Sets a key; the last of several settings wins, as in the formats that allow them.
    fn put(&mut self, key: &str, value: &str, line: u64) {
        if self.has_room(key, line) {
            self.entries.insert(key.to_owned(), Entry { value: value.to_owned(), line });
        }
    }

    /// Sets a key, or adds to it where every repetition counts: nothing is lost, and the key does not depend on how many there are.
    fn add(&mut self, key: &str, value: &str, line: u64) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.value.push_str(", ");
            entry.value.push_str(value);
        } else {
            self.put(key, value, line);
        }
    }

    fn has_room(&mut self, key: &str, line: u64) -> bool {
        if self.entries.len() < MAX_ENTRIES || self.entries.contains_key(key) {
            return true;
        }
        self.complain(line, format!("more than {MAX_ENTRIES} keys: the rest is not read"));
        false
    }

    fn complain(&mut self, line: u64, why: String) {
        let known = self.complaints.iter().any(|(_, earlier)| *earlier == why);
        if !known && self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push((line, why));
        }
    }
}

/// `parent.key`, or the key alone at the top.
fn join(parent: &str, key: &str) -> String {
    match (parent.is_empty(), key.is_empty()) {
        (true, _) => key.to_owned(),
        (_, true) => parent.to_owned(),
        _ => format!("{parent}.{key}"),
    }
}

/// The text inside one pair of quotes around the whole of it, or the text itself.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    ['"', '\'', '`']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains(quote)))
        .unwrap_or(text)
}

/// The text up to a comment that begins with one of `marks` after white space, outside quotes.
fn without_comment<'t>(text: &'t str, marks: &[char]) -> &'t str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open && before != '\\' => quote = None,
            Some(_) => {}
            None if (c == '"' || c == '\'') && !before.is_alphanumeric() => quote = Some(c),
            None if marks.contains(&c) && before.is_whitespace() => return text[..at].trim_end(),
            None => {}
        }
        before = c;
    }
    text.trim_end()
}

#[cfg(test)]
mod tests;
