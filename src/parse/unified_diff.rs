//! Unified diffs: edited configuration keys, the words of edited lines, the tables of a migration.
//!
//! A diff shows only parts of files, so that keys may lack their outermost parents.

mod tables;
mod words;

use super::config::{Flat, Format, flatten_lines};
use super::config_diff;
use crate::model::KeyEdit;

pub use tables::sql_tables;
pub use words::words;

/// The keys edited in the configuration files of a diff, sorted by key. Origins are unset, because a diff's lines are not lines of the bundle.
pub fn edits(diff: &str) -> Vec<KeyEdit> {
    let mut edits: Vec<KeyEdit> = hunks(diff).iter().flat_map(hunk_edits).collect();
    edits.sort_by(|a, b| a.key.cmp(&b.key));
    edits.dedup_by(|a, b| a == b);
    edits
}

fn hunk_edits(hunk: &Hunk<'_>) -> Vec<KeyEdit> {
    let Some(format) = config_format(hunk) else { return Vec::new() };
    let side = |mark: char| {
        let context = hunk.heading.filter(|_| format == Format::Yaml && hunk.starts_inside()).map(|heading| (1, heading));
        let lines: Vec<(u64, &str)> = context.into_iter().chain(hunk.side(mark).map(|text| (1, text))).collect();
        let mut flat = Flat::default();
        flatten_lines(format, &lines, &mut flat);
        flat
    };
    let found = config_diff::diff((hunk.path, &side('-')), (hunk.path, &side('+')));
    found.edits.into_iter().map(|edit| KeyEdit { origin: None, ..edit }).collect()
}

/// The format of a hunk's file; `None` for code and prose.
fn config_format(hunk: &Hunk<'_>) -> Option<Format> {
    if let Some(format) = Format::by_name(hunk.path) {
        return Some(format);
    }
    let file = hunk.path.rsplit('/').next().unwrap_or(hunk.path);
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let text: String = hunk.side('-').chain(hunk.side('+')).flat_map(|line| [line, "\n"]).collect();
    match extension {
        "conf" | "cfg" | "config" | "template" | "tmpl" | "tpl" | "dist" => Some(Format::of(hunk.path, &text)),
        "" if hunk.path.is_empty() || file.chars().all(|c| c.is_ascii_lowercase()) => plain_format(&text),
        _ => None,
    }
}

/// Without a file name only lines that are all settings count.
fn plain_format(text: &str) -> Option<Format> {
    let is_setting = |line: &str| {
        let line = line.trim();
        let end = line.find([':', '=', ' ']).unwrap_or(0);
        let value = line[end..].trim_start().trim_start_matches([':', '=']);
        end > 0
            && !line.ends_with(['{', ';', '('])
            && (end < line.len() && (line[end..].starts_with([':', '=']) || line[end..].starts_with(" =")) && !value.starts_with('='))
    };
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    (!lines.is_empty() && lines.iter().all(|line| is_setting(line) || line.starts_with(['#', '[']))).then(|| Format::of("", text))
}

/// Some neighbouring lines of one file, before and after.
#[derive(Debug, Default)]
struct Hunk<'d> {
    /// The file's path without the `a/` or `b/` before it; empty where the diff names none.
    path: &'d str,
    /// What stands behind the second `@@`: the nearest line above that begins at the margin.
    heading: Option<&'d str>,
    /// Lines with their mark: ' ', '-', '+'.
    lines: Vec<(char, &'d str)>,
}

impl<'d> Hunk<'d> {
    /// The lines of the old (`-`) or the new (`+`) file.
    fn side(&self, mark: char) -> impl Iterator<Item = &'d str> {
        self.lines.iter().filter(move |(m, _)| *m == mark || *m == ' ').map(|(_, text)| *text)
    }

    /// Whether the first line is nested, so that the heading is its outermost parent.
    fn starts_inside(&self) -> bool {
        self.lines.iter().find(|(_, text)| !text.trim().is_empty()).is_some_and(|(_, text)| text.starts_with(' '))
    }
}

/// Splits a diff. The counts in a hunk's head tell a removed line `-- x` from the next file's head.
fn hunks(diff: &str) -> Vec<Hunk<'_>> {
    let mut hunks: Vec<Hunk<'_>> = Vec::new();
    let mut path = "";
    let (mut old_left, mut new_left) = (0_usize, 0_usize);
    let mut in_hunk = false;
    for line in diff.lines() {
        if let Some((old, new, heading)) = line.strip_prefix("@@ ").and_then(hunk_head) {
            (old_left, new_left, in_hunk) = (old, new, true);
            hunks.push(Hunk { path, heading, lines: Vec::new() });
            continue;
        }
        if old_left == 0 && new_left == 0 {
            if let Some(name) = line.strip_prefix("--- ").or_else(|| line.strip_prefix("+++ ")) {
                path = file_name(name).unwrap_or(path);
                in_hunk = false;
                continue;
            }
            if in_hunk || is_head(line) {
                continue;
            }
        }
        let (mark, text) = split_mark(line);
        if hunks.is_empty() || (!in_hunk && hunks.last().is_none_or(|hunk| hunk.path != path)) {
            hunks.push(Hunk { path, heading: None, lines: Vec::new() });
        }
        old_left = old_left.saturating_sub(usize::from(mark != '+' && mark != '\\'));
        new_left = new_left.saturating_sub(usize::from(mark != '-' && mark != '\\'));
        if let Some(hunk) = hunks.last_mut().filter(|_| mark != '\\') {
            hunk.lines.push((mark, text));
        }
    }
    hunks.retain(|hunk| hunk.lines.iter().any(|(mark, _)| *mark != ' '));
    hunks
}

/// The mark and what follows it; an editor may have cut the blank of an empty context line.
fn split_mark(line: &str) -> (char, &str) {
    match line.chars().next() {
        Some(mark @ ('+' | '-' | ' ' | '\\')) => (mark, &line[1..]),
        _ => (' ', line),
    }
}

fn is_head(line: &str) -> bool {
    ["diff ", "index ", "new file", "deleted file", "old mode", "new mode", "similarity ", "rename ", "copy ", "Binary ", "Index: ", "==="]
        .iter()
        .any(|head| line.starts_with(head))
}

/// `-3,7 +3,8 @@ heading`: the two counts and the heading.
fn hunk_head(text: &str) -> Option<(usize, usize, Option<&str>)> {
    let (ranges, heading) = text.split_once("@@")?;
    let count = |range: &str| range.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok());
    let mut ranges = ranges.split_whitespace();
    let old = count(ranges.next()?.strip_prefix('-')?)?;
    let new = count(ranges.next()?.strip_prefix('+')?)?;
    Some((old, new, Some(heading.trim()).filter(|h| !h.is_empty())))
}

/// The path without its prefix and time stamp; `None` for `/dev/null`.
fn file_name(name: &str) -> Option<&str> {
    let name = name.split('\t').next().unwrap_or(name).trim();
    (name != "/dev/null").then(|| name.strip_prefix("a/").or_else(|| name.strip_prefix("b/")).unwrap_or(name))
}

/// The removed and the added lines of a whole diff; of a text that is no diff, all lines as added.
fn changed_lines(diff: &str) -> (Vec<&str>, Vec<&str>) {
    let hunks = hunks(diff);
    let of = |wanted: char| hunks.iter().flat_map(|hunk| &hunk.lines).filter(|(mark, _)| *mark == wanted).map(|(_, text)| *text).collect();
    if hunks.is_empty() {
        return (Vec::new(), diff.lines().collect());
    }
    (of('-'), of('+'))
}

#[cfg(test)]
mod tests;
