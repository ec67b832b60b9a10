//! Change format files as they are written: what an export's list of changes looks like, one struct per table of the TOML, unknown keys
//! refused.
//!
//! Does not read exports; `export` does.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::{Captures, Regex};
use regex_syntax::ast::parse::Parser;
use serde::Deserialize;

use crate::model::ChangeKind;
use crate::parse::compile::FormatError;
use crate::parse::place::Written;
use crate::parse::suggest::hint;

/// The fields that `[list.fields]` may give.
pub(super) const FIELDS: [&str; 15] = [
    "id",
    "time",
    "end_time",
    "service",
    "kind",
    "version",
    "previous_version",
    "summary",
    "author",
    "url",
    "instance",
    "key",
    "before",
    "after",
    "environment",
];

/// How an export is taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeReader {
    /// One JSON document, or one a line.
    #[default]
    Json,
    /// A table whose first line names the columns; paths are their names in lower case.
    Csv,
}

/// `parsers/changes/*.toml`: what a tool's export of changes looks like.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeFile {
    pub name: String,
    pub title: String,
    /// Where the export is documented.
    pub docs: String,
    /// What the ids of the changes begin with.
    pub prefix: String,
    #[serde(default)]
    pub reader: ChangeReader,
    pub list: Vec<ListEntry>,
    #[serde(default)]
    pub sample: Vec<ChangeSample>,
    #[serde(default)]
    pub reject: Vec<ChangeReject>,
}

/// `[[list]]`: a list of changes inside a document. A path goes down by dots and through lists; `^.` before it begins at the item of the
/// next list around, `$.` at the document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListEntry {
    /// Where the list may stand; the empty path is the document itself.
    pub at: Vec<String>,
    /// Paths that an item must have to be one: `a|b` is either, `a=x` has that value.
    pub requires: Vec<String>,
    /// The kind of items whose `kind` field says nothing known; without it they are no changes.
    pub default_kind: Option<String>,
    /// Field to paths, best first. A path with `{…}` in it is a text with paths in braces; `@place` is the service that the file's own
    /// path names.
    pub fields: BTreeMap<String, Vec<String>>,
    /// Field to an expression that its text must match; the first group is taken.
    #[serde(default, rename = "match")]
    pub matches: BTreeMap<String, String>,
    /// Kind to the words of the `kind` field that mean it, in any case.
    #[serde(default)]
    pub kind: BTreeMap<String, Vec<String>>,
    /// Path to values: items that have one of them are no changes (any longer).
    #[serde(default)]
    pub skip: BTreeMap<String, Vec<String>>,
    /// Path to values: items that have one of them failed.
    #[serde(default)]
    pub failed: BTreeMap<String, Vec<String>>,
    /// Items with the same id are steps of one change.
    #[serde(default)]
    pub join: bool,
    /// Items of the same service and kind at most that many seconds apart are steps of one change.
    #[serde(default)]
    pub join_seconds: f64,
}

/// `[[sample]]`: an export and the changes in it, by time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeSample {
    pub why: Option<String>,
    /// The file's path, where it matters.
    pub path: Option<String>,
    pub text: String,
    pub expect: Vec<ExpectedChange>,
    /// Items that are complained about.
    #[serde(default)]
    pub complaints: usize,
}

/// `[[reject]]`: a text that looks alike and is of another tool.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeReject {
    pub why: Option<String>,
    pub text: String,
}

/// What a change must be. Only what is listed is compared; an empty text says that the change has none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedChange {
    pub id: Option<String>,
    pub time: Option<String>,
    pub end_time: Option<String>,
    pub service: Option<String>,
    pub kind: Option<String>,
    pub version: Option<String>,
    pub previous_version: Option<String>,
    pub summary: Option<String>,
    pub author: Option<String>,
    pub url: Option<String>,
    pub instances: Option<String>,
    /// `key: before -> after`, `-` for nothing.
    pub edit: Option<String>,
    pub line: Option<u64>,
}

/// A change format, checked.
#[derive(Clone, Debug)]
pub struct ChangeFormat {
    pub name: String,
    pub title: String,
    pub docs: String,
    pub prefix: String,
    pub reader: ChangeReader,
    pub samples: Vec<ChangeSample>,
    pub rejects: Vec<ChangeReject>,
    /// The user's file; `None`: the format comes with the tool.
    pub written: Option<Written>,
    pub(super) lists: Vec<List>,
}

/// A `[[list]]`, checked.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub at: Vec<String>,
    pub requires: Vec<Vec<Condition>>,
    pub default_kind: Option<ChangeKind>,
    pub fields: BTreeMap<String, Vec<String>>,
    pub matches: BTreeMap<String, Expression>,
    /// Lower-case word to kind.
    pub kinds: BTreeMap<String, ChangeKind>,
    pub skip: BTreeMap<String, Vec<String>>,
    pub failed: BTreeMap<String, Vec<String>>,
    pub join: bool,
    pub join_seconds: f64,
}

/// An expression that is compiled when it is first needed: most runs meet no export at all.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    text: String,
    regex: OnceLock<Option<Regex>>,
}

impl Expression {
    fn new(text: &str) -> Result<Expression, String> {
        Parser::new().parse(text).map_err(|error| error.to_string())?;
        Ok(Expression { text: text.to_owned(), regex: OnceLock::new() })
    }

    /// What the expression takes from a text; `None` where it does not match, or is wrong and was refused before.
    pub fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex.get_or_init(|| Regex::new(&self.text).ok()).as_ref()?.captures(text)
    }
}

/// A path, and the value that it must have.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub path: String,
    pub value: Option<String>,
}

impl ChangeFormat {
    /// Checks a file.
    ///
    /// # Errors
    /// Unknown fields and kinds, wrong expressions, lists that no item can be told from.
    pub fn new(file: ChangeFile) -> Result<ChangeFormat, FormatError> {
        let wrong = |key: String, why: String| FormatError { file: file.name.clone(), line: None, key, why, hint: None };
        if file.list.is_empty() {
            return Err(wrong("list".to_owned(), "there is no [[list]]".to_owned()));
        }
        let mut lists = Vec::new();
        for (number, entry) in file.list.iter().enumerate() {
            lists.push(List::new(entry).map_err(|(key, why)| wrong(format!("list {} {key}", number + 1), why))?);
        }
        let ChangeFile { name, title, docs, prefix, reader, sample, reject, .. } = file;
        Ok(ChangeFormat { name, title, docs, prefix, reader, samples: sample, rejects: reject, written: None, lists })
    }

    /// How much an item must have at least: the more, the surer the format.
    pub fn specificity(&self) -> usize {
        self.lists.iter().map(|list| list.requires.len()).min().unwrap_or(0)
    }
}

impl List {
    fn new(entry: &ListEntry) -> Result<List, (String, String)> {
        let at = |key: &str| {
            let key = key.to_owned();
            move |why: String| (key, why)
        };
        if entry.requires.is_empty() || entry.at.is_empty() {
            return Err(at("requires")("neither `at` nor `requires` may be empty".to_owned()));
        }
        for field in entry.fields.keys().chain(entry.matches.keys()) {
            if !FIELDS.contains(&field.as_str()) {
                return Err(at("fields")(format!("there is no field \"{field}\"{}", hint(field, FIELDS))));
            }
        }
        if !entry.fields.contains_key("time") {
            return Err(at("fields")("a change needs a `time`".to_owned()));
        }
        let mut matches = BTreeMap::new();
        for (field, expression) in &entry.matches {
            let expression = Expression::new(expression).map_err(|error| at("match")(error.lines().last().unwrap_or("").to_owned()))?;
            matches.insert(field.clone(), expression);
        }
        let mut kinds = BTreeMap::new();
        for (name, words) in &entry.kind {
            let kind = kind_named(name).map_err(at("kind"))?;
            kinds.extend(words.iter().map(|word| (word.to_lowercase(), kind)));
        }
        Ok(List {
            at: entry.at.clone(),
            requires: entry.requires.iter().map(|either| either.split('|').map(condition).collect()).collect(),
            default_kind: entry.default_kind.as_deref().map(kind_named).transpose().map_err(at("default_kind"))?,
            fields: entry.fields.clone(),
            matches,
            kinds,
            skip: entry.skip.clone(),
            failed: entry.failed.clone(),
            join: entry.join,
            join_seconds: entry.join_seconds,
        })
    }
}

fn condition(text: &str) -> Condition {
    match text.split_once('=') {
        Some((path, value)) => Condition { path: path.trim().to_owned(), value: Some(value.trim().to_owned()) },
        None => Condition { path: text.trim().to_owned(), value: None },
    }
}

fn kind_named(name: &str) -> Result<ChangeKind, String> {
    let known = ChangeKind::recorded().map(ChangeKind::name);
    ChangeKind::from_name(name).ok_or_else(|| format!("there is no kind \"{name}\"{}", hint(name, known)))
}
