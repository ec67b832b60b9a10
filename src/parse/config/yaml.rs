//! YAML, several documents and anchors included. A file that is not valid is read line by line, with a complaint.

use std::borrow::Cow;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use super::format::Format;
use super::tree::Tree;
use super::{Flat, MAX_DEPTH, flatten_into, indented, join, numbered};

/// Reads all documents. With several, the keys of each begin with its `kind` and name (Kubernetes) or its number.
pub(super) fn read(text: &str, flat: &mut Flat) {
    let documents = match trees(text) {
        Ok(documents) => documents,
        Err((line, why)) => {
            flat.complain(line, format!("not valid YAML, read line by line: {why}"));
            return indented::read(&numbered(text), flat);
        }
    };
    let several = documents.len() > 1;
    for (number, document) in documents.iter().enumerate() {
        let prefix = if several { document_name(document, number) } else { String::new() };
        document.flatten(&prefix, 0, flat);
    }
    unfold(flat);
}

fn document_name(document: &Tree, number: usize) -> String {
    let metadata = match document {
        Tree::Map(fields) => fields.iter().find(|(key, _)| key == "metadata").map(|(_, value)| value),
        Tree::Scalar(..) | Tree::List(_) => None,
    };
    match (document.text("kind"), metadata.and_then(|m| m.text("name"))) {
        (Some(kind), Some(name)) => format!("{kind}.{name}"),
        _ => number.to_string(),
    }
}

/// The documents as trees.
///
/// # Errors
/// The line and the reason where the text is not YAML or nested too deeply for the parser's recursion.
pub(super) fn trees(text: &str) -> Result<Vec<Tree>, (u64, String)> {
    if let Some(line) = too_deep(text) {
        return Err((line, format!("nested deeper than {MAX_DEPTH} levels")));
    }
    let documents = MarkedYaml::load_from_str(text).map_err(|e| (e.marker().line() as u64, e.info().to_owned()))?;
    let source = Source::new(text);
    Ok(documents
        .iter()
        .map(|node| source.tree(node, 0))
        .filter(|tree| !matches!(tree, Tree::Scalar(value, _) if value.is_empty()))
        .collect())
}

/// The first line that could hold a block nested too deeply. Every level of a block takes a column of its own, and those of one line an
/// indicator, so that both bound the depth; flow style has the parser's own bound.
fn too_deep(text: &str) -> Option<u64> {
    let deep = |line: &str| {
        let lead = line.len() - line.trim_start_matches([' ', '-', '?', ':', '\t']).len();
        lead > 4 * MAX_DEPTH || line.matches("- ").count() + line.matches("? ").count() > 4 * MAX_DEPTH
    };
    (1..).zip(text.lines()).find(|(_, line)| deep(line)).map(|(number, _)| number)
}

/// The text and where its characters begin, for the spelling of numbers that the parser has already interpreted.
struct Source<'t> {
    text: &'t str,
    offsets: Vec<usize>,
}

impl<'t> Source<'t> {
    fn new(text: &'t str) -> Source<'t> {
        Source { text, offsets: text.char_indices().map(|(at, _)| at).chain([text.len()]).collect() }
    }

    fn tree(&self, node: &MarkedYaml<'_>, depth: usize) -> Tree {
        let node = &untagged(node);
        let line = (node.span.start.line() as u64).max(1);
        if depth > MAX_DEPTH {
            return Tree::Scalar("…".to_owned(), line);
        }
        match &node.data {
            YamlData::Mapping(fields) => Tree::Map(self.fields(fields.iter(), depth)),
            YamlData::Sequence(items) => Tree::List(items.iter().map(|item| self.tree(item, depth + 1)).collect()),
            _ => Tree::Scalar(self.scalar(node), self.value_line(node, line)),
        }
    }

    /// A mapping's fields; those of a merge (`<<`) come in where the mapping does not set them itself.
    fn fields<'n>(&self, fields: impl Iterator<Item = (&'n MarkedYaml<'n>, &'n MarkedYaml<'n>)>, depth: usize) -> Vec<(String, Tree)> {
        let (mut own, mut merged) = (Vec::new(), Vec::new());
        for (key, value) in fields {
            let key = self.scalar(key);
            match (key.as_str(), self.tree(value, depth + 1)) {
                ("<<", Tree::Map(inherited)) => merged.extend(inherited),
                ("<<", Tree::List(several)) => several.into_iter().for_each(|tree| {
                    if let Tree::Map(inherited) = tree {
                        merged.extend(inherited)
                    }
                }),
                (_, tree) => own.push((key, tree)),
            }
        }
        for (key, tree) in merged {
            if own.iter().all(|(mine, _)| *mine != key) {
                own.push((key, tree));
            }
        }
        own
    }

    fn scalar(&self, node: &MarkedYaml<'_>) -> String {
        match &node.data {
            YamlData::Value(Scalar::String(text)) => text.trim_end().to_owned(),
            YamlData::Value(value) => self.spelling(node).unwrap_or_else(|| plain(value)),
            YamlData::Representation(text, ..) => text.trim().to_owned(),
            _ => self.spelling(node).unwrap_or_default(),
        }
    }

    /// How a plain scalar is written; not for aliases, whose place is not that of their value.
    fn spelling(&self, node: &MarkedYaml<'_>) -> Option<String> {
        let (start, end) = (node.span.start.index(), node.span.end.index());
        let text = self.text.get(*self.offsets.get(start)?..*self.offsets.get(end)?)?.trim();
        (!text.starts_with(['*', '&', '!']) && !text.contains('\n')).then(|| text.to_owned())
    }

    /// A block scalar's text begins on the line after its indicator.
    fn value_line(&self, node: &MarkedYaml<'_>, line: u64) -> u64 {
        let start = self.offsets.get(node.span.start.index()).copied().unwrap_or(self.text.len());
        line + u64::from(self.text[start..].starts_with(['|', '>']))
    }
}

/// The node without its tag. The parser gives the place of a tagged scalar to the tag.
fn untagged<'n>(node: &'n MarkedYaml<'n>) -> Cow<'n, MarkedYaml<'n>> {
    match &node.data {
        YamlData::Tagged(_, inner) if inner.span.start.line() == 0 => {
            let inner = untagged(inner).into_owned();
            Cow::Owned(MarkedYaml { span: node.span, ..inner })
        }
        YamlData::Tagged(_, inner) => untagged(inner),
        _ => Cow::Borrowed(node),
    }
}

fn plain(value: &Scalar<'_>) -> String {
    match value {
        Scalar::Null => String::new(),
        Scalar::Boolean(value) => value.to_string(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::FloatingPoint(value) => value.to_string(),
        Scalar::String(text) => text.clone().into_owned(),
    }
}

/// Files inside the file, as Kubernetes' ConfigMaps hold them under their names: their keys go below the name.
fn unfold(flat: &mut Flat) {
    let is_file =
        |key: &str, value: &str| value.contains('\n') && key.rsplit('/').next().is_some_and(|name| Format::by_name(name).is_some());
    let files: Vec<String> = flat.entries.iter().filter(|(key, entry)| is_file(key, &entry.value)).map(|(key, _)| key.clone()).collect();
    for key in files {
        let Some(entry) = flat.entries.remove(&key) else { continue };
        let mut inner = Flat::default();
        flatten_inner(&mut inner, &key, &entry.value);
        for (name, found) in inner.entries {
            flat.put(&join(&key, &name), &found.value, found.line + entry.line - 1);
        }
        inner.complaints.into_iter().for_each(|(line, why)| flat.complain(line + entry.line - 1, why));
    }
}

/// One level only: a file inside a file inside a file stays text.
fn flatten_inner(inner: &mut Flat, path: &str, text: &str) {
    match Format::by_name(path) {
        Some(Format::Yaml) => match trees(text) {
            Ok(documents) => documents.iter().for_each(|document| document.flatten("", 0, inner)),
            Err((line, why)) => inner.complain(line, format!("not valid YAML: {why}")),
        },
        _ => flatten_into(inner, path, text),
    }
}
