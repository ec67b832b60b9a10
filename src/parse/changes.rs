//! Recorded changes: the bundle's `changes.jsonl`, with the configuration that each of them edited, and the exports of other tools.
//!
//! A line that cannot be understood becomes a complaint. Whether a change is guilty is not known here.

pub mod check;
mod draft;
mod export;
pub mod format;
mod git_log;
mod place;
mod replica_sets;
mod rollout_history;
mod table;
mod terraform;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::config::{self, Flat};
use super::{Formats, config_diff, suggest, unified_diff};
use crate::model::{Change, ChangeId, ChangeKind, Complaint, ConfigDiff, InstanceId, KeyEdit, Origin, ServiceName, Time};

/// Bytes of a text by which it is recognised.
const LOOK: usize = 64 * 1024;

/// What a text of recorded changes turned into.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    /// The export's format; `changes` for the bundle's own.
    pub format: String,
    /// By time, then id.
    pub changes: Vec<Change>,
    pub complaints: Vec<Complaint>,
    /// Whether another file may tell more of the same changes: what has the same id is joined.
    pub joins: bool,
    seen: BTreeSet<ChangeId>,
}

impl Outcome {
    fn new(format: &str) -> Outcome {
        Outcome { format: format.to_owned(), ..Outcome::default() }
    }

    fn complain(&mut self, shown: &Arc<str>, line: u64, why: String) {
        self.complaints.push(Complaint { origin: Origin::new(shown, line), why, more: 0 });
    }

    /// Adds a change; one whose id is taken is complained about.
    fn add(&mut self, change: Change) {
        if !self.seen.insert(change.id.clone()) {
            let why = format!("the id \"{}\" is used before: this change is left out", change.id);
            return self.complaints.push(Complaint { origin: change.origin, why, more: 0 });
        }
        self.changes.push(change);
    }

    fn sorted(mut self) -> Outcome {
        self.changes.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        self.complaints.sort();
        self.complaints.dedup();
        self
    }
}

/// An export of a tool.
#[derive(Clone, Copy, Debug)]
enum Export<'f> {
    Declared(&'f format::ChangeFormat),
    GitLog,
    RolloutHistory,
    ReplicaSets,
    TerraformPlan,
}

impl<'f> Export<'f> {
    /// Recognised by the beginning of a text, which may end anywhere.
    fn of(head: &str, formats: &'f Formats) -> Option<Export<'f>> {
        let head = head.trim_start_matches('\u{feff}').trim_start();
        if head.starts_with(['{', '[']) {
            let (documents, _) = export::documents(head);
            if replica_sets::are_in(&documents) {
                return Some(Export::ReplicaSets);
            }
            if terraform::is_plan(&documents) {
                return Some(Export::TerraformPlan);
            }
            let json = |format: &&format::ChangeFormat| format.reader == format::ChangeReader::Json && export::fits(format, &documents);
            return formats.changes().iter().find(json).map(Export::Declared);
        }
        if git_log::is_one(head) {
            return Some(Export::GitLog);
        }
        if rollout_history::is_one(head) {
            return Some(Export::RolloutHistory);
        }
        let first = head.lines().next().filter(|line| line.contains([',', ';', '\t', '|']))?;
        let some: String = std::iter::once(first).chain(head.lines().skip(1).take(8)).flat_map(|line| [line, "\n"]).collect();
        let rows = table::rows(&some);
        let table = |format: &&format::ChangeFormat| format.reader == format::ChangeReader::Csv && export::fits(format, &rows);
        (!rows.is_empty()).then(|| formats.changes().iter().find(table).map(Export::Declared))?
    }
}

/// Whether a text begins like an export of changes; a text in the bundle's own format is none.
pub fn is_export(head: &str, formats: &Formats) -> bool {
    Export::of(head, formats).is_some()
}

/// Reads a file of changes, the bundle's own or an export; `load` as for [`read`].
pub fn read_any(shown: &Arc<str>, text: &str, formats: &Formats, load: &dyn Fn(&str) -> Result<String, String>) -> Outcome {
    match Export::of(beginning(text), formats) {
        Some(Export::Declared(format)) => export::read(format, shown, text),
        Some(Export::GitLog) => git_log::read(shown, text),
        Some(Export::RolloutHistory) => rollout_history::read(shown, text),
        Some(Export::ReplicaSets) => replica_sets::read(shown, text),
        Some(Export::TerraformPlan) => terraform::read(shown, text),
        None => {
            let (changes, complaints) = read(shown, text, load);
            Outcome { changes, complaints, ..Outcome::new("changes") }
        }
    }
}

/// As much of a text as is looked at to recognise it.
fn beginning(text: &str) -> &str {
    let end = (0..=text.len().min(LOOK)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// One change as two files tell it: what `other` says more is taken over.
pub fn join(change: &mut Change, other: Change) {
    draft::join(change, other);
}

/// Reads changes: one JSON object a line, or an array of them. `shown` is the file's path for people; `load` gives the text of a
/// configuration snapshot by its path inside the bundle. Sorted by time, then id.
pub fn read(shown: &Arc<str>, text: &str, load: &dyn Fn(&str) -> Result<String, String>) -> (Vec<Change>, Vec<Complaint>) {
    let mut reader = Reader { shown, load, snapshots: BTreeMap::new(), complaints: Vec::new() };
    let mut changes: Vec<Change> = Vec::new();
    let mut seen: BTreeSet<ChangeId> = BTreeSet::new();
    for (line, object) in objects(text.trim_start_matches('\u{feff}')) {
        let Some(change) = reader.change(line, object) else { continue };
        if seen.insert(change.id.clone()) {
            changes.push(change);
        } else {
            reader.complain(line, format!("the id \"{}\" is used before: this change is left out", change.id));
        }
    }
    changes.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    reader.complaints.sort();
    reader.complaints.dedup();
    (changes, reader.complaints)
}

/// The objects of the text with their lines: the items of an array, objects over several lines, or a line each.
fn objects(text: &str) -> Vec<(u64, &str)> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    if first.starts_with('[') || first == "{" {
        return outermost(text);
    }
    (1..).zip(text.lines()).map(|(line, text)| (line, text.trim())).filter(|(_, text)| !text.is_empty()).collect()
}

/// The outermost objects, found by their braces.
fn outermost(text: &str) -> Vec<(u64, &str)> {
    let mut found = Vec::new();
    let (mut depth, mut start, mut line, mut start_line) = (0_usize, 0, 1, 1);
    let (mut in_string, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        line += u64::from(c == '\n');
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '{' if !in_string => {
                if depth == 0 {
                    (start, start_line) = (at, line);
                }
                depth += 1;
            }
            '}' if !in_string && depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    found.push((start_line, &text[start..=at]));
                }
            }
            _ => {}
        }
    }
    if depth > 0 {
        found.push((start_line, &text[start..]));
    }
    found
}

struct Reader<'a> {
    shown: &'a Arc<str>,
    load: &'a dyn Fn(&str) -> Result<String, String>,
    /// Changes share snapshots: each is read once, and complained about once.
    snapshots: BTreeMap<String, Option<Flat>>,
    complaints: Vec<Complaint>,
}

impl Reader<'_> {
    fn complain(&mut self, line: u64, why: String) {
        self.complaints.push(Complaint { origin: Origin::new(self.shown, line), why, more: 0 });
    }

    fn change(&mut self, line: u64, text: &str) -> Option<Change> {
        let fields = match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return self.refuse(line, "not a JSON object".to_owned()),
            Err(error) => return self.refuse(line, format!("not valid JSON: {error}")),
        };
        let missing: Vec<&str> = ["id", "time", "service", "kind"].into_iter().filter(|name| self::text(&fields, name).is_none()).collect();
        if !missing.is_empty() {
            return self.refuse(line, format!("required but missing: {}{}", missing.join(", "), misspelt(&fields, &missing)));
        }
        let required = |name| self::text(&fields, name).unwrap_or_default();
        let Some(time) = parse_time(&required("time")) else {
            return self.refuse(line, format!("time \"{}\" is not RFC 3339, such as 2023-08-12T14:30:00Z", required("time")));
        };
        let kind = self.kind(line, &required("kind"))?;
        let mut change = Change {
            id: ChangeId::new(&required("id")),
            time,
            end_time: self.end_time(line, time, &fields),
            service: ServiceName::new(&required("service")),
            kind,
            version: self::text(&fields, "version"),
            previous_version: self::text(&fields, "previous_version"),
            summary: self::text(&fields, "summary"),
            author: self::text(&fields, "author"),
            url: self::text(&fields, "url"),
            instances: instances(&fields),
            config_before: self::text(&fields, "config_before"),
            config_after: self::text(&fields, "config_after"),
            config: ConfigDiff::default(),
            diff: self::text(&fields, "diff"),
            origin: Origin::new(self.shown, line),
        };
        change.config = self.config(&change);
        Some(change)
    }

    fn refuse(&mut self, line: u64, why: String) -> Option<Change> {
        self.complain(line, why);
        None
    }

    /// The kind, forgiving other tools' words for it; the complaint says how it was read.
    fn kind(&mut self, line: u64, word: &str) -> Option<ChangeKind> {
        if let Some(kind) = ChangeKind::from_name(word) {
            return Some(kind);
        }
        let names = || ChangeKind::recorded().map(ChangeKind::name);
        let lower = word.to_lowercase();
        let kind = ChangeKind::from_name(&lower)
            .or_else(|| synonym(&lower))
            .or_else(|| suggest::nearest(&lower, names()).and_then(ChangeKind::from_name));
        let why = match kind {
            Some(kind) => format!("unknown kind \"{word}\" (did you mean \"{0}\"?): read as {0}", kind.name()),
            None => format!("unknown kind \"{word}\": one of {} is needed", names().collect::<Vec<_>>().join(", ")),
        };
        self.complain(line, why);
        kind
    }

    fn end_time(&mut self, line: u64, start: Time, fields: &Map<String, Value>) -> Option<Time> {
        let written = text(fields, "end_time")?;
        let why = match parse_time(&written) {
            Some(end) if end >= start => return Some(end),
            Some(_) => format!("end_time \"{written}\" is before time: left out"),
            None => format!("end_time \"{written}\" is not RFC 3339: left out"),
        };
        self.complain(line, why);
        None
    }

    /// The edited keys: from the snapshots, or else from the diff.
    fn config(&mut self, change: &Change) -> ConfigDiff {
        let from_snapshots = self.snapshot_diff(change).unwrap_or_default();
        if !from_snapshots.is_empty() {
            return from_snapshots;
        }
        let edits = change.diff.as_deref().map(unified_diff::edits).unwrap_or_default();
        ConfigDiff { edits: edits.into_iter().map(|edit| KeyEdit { origin: Some(change.origin.clone()), ..edit }).collect() }
    }

    fn snapshot_diff(&mut self, change: &Change) -> Option<ConfigDiff> {
        let paths = [change.config_before.as_deref(), change.config_after.as_deref()];
        for path in paths.into_iter().flatten() {
            self.load_snapshot(path, change.origin.line);
        }
        let snapshot = |path: &str| self.snapshots.get(path).and_then(Option::as_ref);
        let (before, after) = (paths[0]?, paths[1]?);
        Some(config_diff::diff((before, snapshot(before)?), (after, snapshot(after)?)))
    }

    fn load_snapshot(&mut self, path: &str, line: u64) {
        if self.snapshots.contains_key(path) {
            return;
        }
        let flat = match (self.load)(path).and_then(|text| config::flatten(path, &text)) {
            Ok(flat) => {
                let file: Arc<str> = Arc::from(path);
                let complaints =
                    flat.complaints.iter().map(|(line, why)| Complaint { origin: Origin::new(&file, *line), why: why.clone(), more: 0 });
                self.complaints.extend(complaints);
                Some(flat)
            }
            Err(why) => {
                self.complain(line, format!("cannot read the configuration {path}: {why}"));
                None
            }
        };
        self.snapshots.insert(path.to_owned(), flat);
    }
}

/// A field as text; numbers are taken as they are written. Empty and null fields count as missing.
fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    match fields.get(name)? {
        Value::String(text) if !text.trim().is_empty() => Some(if name == "diff" { text.clone() } else { text.trim().to_owned() }),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A hint where an unknown field looks like a missing one.
fn misspelt(fields: &Map<String, Value>, missing: &[&str]) -> String {
    const KNOWN: [&str; 14] = [
        "id",
        "time",
        "service",
        "kind",
        "end_time",
        "version",
        "previous_version",
        "summary",
        "author",
        "url",
        "instances",
        "config_before",
        "config_after",
        "diff",
    ];
    let unknown = || fields.keys().map(String::as_str).filter(|name| !KNOWN.contains(name));
    let found = missing.iter().filter(|name| name.len() > 2).find_map(|name| suggest::nearest(name, unknown()).map(|close| (name, close)));
    found.map(|(name, close)| format!(" (\"{close}\" is not a field: did you mean \"{name}\"?)")).unwrap_or_default()
}

/// RFC 3339; a time without a zone is UTC, as everywhere in a bundle.
fn parse_time(text: &str) -> Option<Time> {
    Time::parse_rfc3339(text).or_else(|| Time::parse_rfc3339(&format!("{text}Z"))).filter(|time| Time::RANGE.contains(*time))
}

/// What other tools call the kinds.
fn synonym(word: &str) -> Option<ChangeKind> {
    Some(match word {
        "deployment" | "release" | "rollout" | "publish" | "canary" => ChangeKind::Deploy,
        "configuration" | "settings" | "config_change" | "configmap" | "secret" => ChangeKind::Config,
        "feature_flag" | "feature-flag" | "feature" | "toggle" | "experiment" => ChangeKind::Flag,
        "schema" | "ddl" | "database" | "db_migration" => ChangeKind::Migration,
        "scaling" | "autoscale" | "resize" | "hpa" => ChangeKind::Scale,
        "revert" | "undo" | "roll_back" | "roll-back" => ChangeKind::Rollback,
        "infrastructure" | "network" | "maintenance" | "node" | "terraform" => ChangeKind::Infra,
        _ => return None,
    })
}

fn instances(fields: &Map<String, Value>) -> Vec<InstanceId> {
    let names: Vec<&str> = match fields.get("instances") {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => text.split(',').collect(),
        _ => Vec::new(),
    };
    names.into_iter().map(str::trim).filter(|name| !name.is_empty()).map(InstanceId::new).collect()
}

#[cfg(test)]
mod tests;
