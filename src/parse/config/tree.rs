//! A nested configuration and how its lists get names, so that moving an item changes no key.

use std::collections::BTreeSet;

use super::{Flat, MAX_DEPTH, join};

/// A nested value with the line of every scalar.
#[derive(Clone, Debug)]
pub(in crate::parse) enum Tree {
    Scalar(String, u64),
    Map(Vec<(String, Tree)>),
    List(Vec<Tree>),
}

/// Fields that name an item of a list, best first.
const NAMES: [&str; 4] = ["name", "id", "key", "host"];

impl Tree {
    /// Puts every scalar below `parent` into `flat`.
    pub(in crate::parse) fn flatten(&self, parent: &str, depth: usize, flat: &mut Flat) {
        if depth > MAX_DEPTH {
            flat.complain(self.line(), format!("nested deeper than {MAX_DEPTH} levels: not read from there"));
            return;
        }
        match self {
            Tree::Scalar(value, line) => flat.put(parent, value, *line),
            Tree::Map(fields) => fields.iter().for_each(|(key, value)| value.flatten(&join(parent, key), depth + 1, flat)),
            Tree::List(items) => flatten_list(items, parent, depth, flat),
        }
    }

    fn line(&self) -> u64 {
        match self {
            Tree::Scalar(_, line) => *line,
            Tree::Map(_) | Tree::List(_) => 0,
        }
    }

    /// The line of the first value in it; 0 where there is none.
    pub(in crate::parse) fn first_line(&self) -> u64 {
        match self {
            Tree::Scalar(_, line) => *line,
            Tree::Map(fields) => fields.iter().map(|(_, value)| value.first_line()).find(|line| *line > 0).unwrap_or(0),
            Tree::List(items) => items.iter().map(Tree::first_line).find(|line| *line > 0).unwrap_or(0),
        }
    }

    /// The value at a dotted path; a number names an item of a list. Keys that have dots in them are found, too. The empty path is
    /// the tree itself.
    pub(in crate::parse) fn at(&self, path: &str) -> Option<&Tree> {
        if path.is_empty() {
            return Some(self);
        }
        match self {
            Tree::Scalar(..) => None,
            Tree::List(items) => {
                let (index, rest) = path.split_once('.').unwrap_or((path, ""));
                items.get(index.parse::<usize>().ok()?)?.at(rest)
            }
            Tree::Map(fields) => fields.iter().find_map(|(key, value)| {
                let rest = path.strip_prefix(key.as_str())?;
                if rest.is_empty() { Some(value) } else { value.at(rest.strip_prefix('.')?) }
            }),
        }
    }

    /// The text at a dotted path; empty and null values count as missing.
    pub(in crate::parse) fn text_at(&self, path: &str) -> Option<&str> {
        match self.at(path)? {
            Tree::Scalar(value, _) => Some(value.trim()).filter(|value| !value.is_empty() && *value != "null"),
            Tree::Map(_) | Tree::List(_) => None,
        }
    }

    pub(in crate::parse) fn items(&self) -> &[Tree] {
        match self {
            Tree::List(items) => items,
            Tree::Scalar(..) | Tree::Map(_) => &[],
        }
    }

    fn field(&self, name: &str) -> Option<&Tree> {
        match self {
            Tree::Map(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            Tree::Scalar(..) | Tree::List(_) => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.field(name)? {
            Tree::Scalar(value, _) if !value.is_empty() => Some(value),
            _ => None,
        }
    }
}

fn flatten_list(items: &[Tree], parent: &str, depth: usize, flat: &mut Flat) {
    if let Some(naming) = NAMES.into_iter().find(|name| names_all(items, name)) {
        items.iter().for_each(|item| flatten_named(item, naming, parent, depth, flat));
        return;
    }
    if let Some(settings) = assignments(items) {
        settings.into_iter().for_each(|(key, value, line)| flat.put(&join(parent, key), value, line));
        return;
    }
    for (index, item) in items.iter().enumerate() {
        item.flatten(&join(parent, &index.to_string()), depth + 1, flat);
    }
}

/// Whether every item has that field, each with another value.
fn names_all(items: &[Tree], name: &str) -> bool {
    let values: BTreeSet<&str> = items.iter().filter_map(|item| item.text(name)).collect();
    !items.is_empty() && values.len() == items.len()
}

/// `- name: X, value: Y` is the setting `X = Y`; other items keep their fields below their name.
fn flatten_named(item: &Tree, naming: &str, parent: &str, depth: usize, flat: &mut Flat) {
    let (Tree::Map(fields), Some(name)) = (item, item.text(naming)) else { return };
    let prefix = join(parent, name);
    let mut lone = true;
    for (key, value) in fields.iter().filter(|(key, _)| key != naming) {
        lone = false;
        let is_setting = key == "value" && fields.len() == 2;
        let key = if is_setting { prefix.clone() } else { join(&prefix, key) };
        value.flatten(&key, depth + 1, flat);
    }
    if lone && let Some(Tree::Scalar(_, line)) = item.field(naming) {
        flat.put(&prefix, "", *line);
    }
}

/// A list of `KEY=value` or `--key=value` texts, as in Compose files and container arguments.
fn assignments(items: &[Tree]) -> Option<Vec<(&str, &str, u64)>> {
    let settings: Vec<_> = items.iter().filter_map(assignment).collect();
    let names: BTreeSet<&str> = settings.iter().map(|(key, ..)| *key).collect();
    (!items.is_empty() && names.len() == items.len()).then_some(settings)
}

fn assignment(item: &Tree) -> Option<(&str, &str, u64)> {
    let Tree::Scalar(text, line) = item else { return None };
    let (key, value) = text.split_once('=')?;
    let bare = key.trim_start_matches('-');
    let is_name = bare.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    is_name.then_some((bare, value, *line))
}
