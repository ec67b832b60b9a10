//! Exports of tools read by their format files: documents to items, items to changes.
//!
//! Knows no tool: what is where stands in `parsers/changes/*.toml`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::draft::{Draft, join};
use super::format::{ChangeFormat, ChangeReader, Condition, List};
use super::{Outcome, place, table};
use crate::model::{Change, ChangeId, ChangeKind, Origin, ServiceName};
use crate::parse::config::{Tree, json_tree, json_trees};
use crate::parse::config_diff;

/// Stands for what the file's path says.
const PLACE: &str = "@place";
/// Items looked at to recognise a format.
const LOOK: usize = 50;

/// An item of a list, the item of the next list around it, and the document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'t> {
    item: &'t Tree,
    around: &'t Tree,
    document: &'t Tree,
    /// The file.
    shown: &'t Arc<str>,
}

/// The JSON documents of a text with the faults in it: one a line, or one after the other.
pub(super) fn documents(text: &str) -> (Vec<Tree>, Vec<(u64, String)>) {
    let text = text.trim_start_matches('\u{feff}');
    let lines = || (1_u64..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let Some((_, first)) = lines().next().filter(|(_, line)| line.trim_start().starts_with(['{', '['])) else {
        return (Vec::new(), Vec::new());
    };
    if json_tree(first, 1).1.is_some() {
        let (trees, fault) = json_trees(text);
        return (trees, fault.into_iter().collect());
    }
    let (mut trees, mut faults) = (Vec::new(), Vec::new());
    for (line, text) in lines() {
        let (tree, fault) = json_tree(text, line);
        match fault {
            Some(fault) => faults.push(fault),
            None => trees.push(tree),
        }
    }
    (trees, faults)
}

/// Whether the documents hold items of the format: more than half of them do, where there are several.
pub(super) fn fits(format: &ChangeFormat, documents: &[Tree]) -> bool {
    let nowhere: Arc<str> = Arc::from("");
    let looked = &documents[..documents.len().min(LOOK)];
    let has =
        |document: &&Tree| format.lists.iter().any(|list| items(list, document, &nowhere).iter().take(LOOK).any(|item| list.takes(item)));
    looked.iter().filter(has).count() * 2 > looked.len()
}

/// Whether a text has items of that very list.
pub(super) fn has_items(list: &List, reader: ChangeReader, text: &str) -> bool {
    let documents = match reader {
        ChangeReader::Json => documents(text).0,
        ChangeReader::Csv => table::rows(text),
    };
    let nowhere: Arc<str> = Arc::from("");
    documents.iter().any(|document| items(list, document, &nowhere).iter().any(|item| list.takes(item)))
}

/// The changes of a whole export.
pub(super) fn read(format: &ChangeFormat, shown: &Arc<str>, text: &str) -> Outcome {
    let (documents, faults) = match format.reader {
        ChangeReader::Json => documents(text),
        ChangeReader::Csv => (table::rows(text), Vec::new()),
    };
    let mut outcome = Outcome::new(&format.name);
    faults.into_iter().for_each(|(line, why)| outcome.complain(shown, line, why));
    for list in &format.lists {
        let mut steps = Vec::new();
        for item in documents.iter().flat_map(|document| items(list, document, shown)) {
            match list.change(&format.prefix, &item) {
                Some(Ok(step)) => steps.push(step),
                Some(Err(why)) => outcome.complain(shown, item.item.first_line(), why),
                None => {}
            }
        }
        for change in joined(list, steps) {
            match outcome.changes.iter_mut().find(|known| list.join && known.id == change.id) {
                Some(known) => join(known, change),
                None => outcome.add(change),
            }
        }
        outcome.joins |= list.join;
    }
    outcome.sorted()
}

/// An item as a change, with what joins and orders it.
struct Step {
    change: Change,
    environment: Option<String>,
    failed: bool,
    /// Whether the tool numbers its changes, or the id is but the time.
    numbered: bool,
}

fn items<'t>(list: &List, document: &'t Tree, shown: &'t Arc<str>) -> Vec<Item<'t>> {
    let mut found = Vec::new();
    for at in &list.at {
        walk(Item { item: document, around: document, document, shown }, at, &mut found);
    }
    found
}

fn walk<'t>(here: Item<'t>, path: &str, found: &mut Vec<Item<'t>>) {
    match here.item {
        Tree::List(items) => {
            for item in items {
                match path {
                    "" => found.push(Item { item, ..here }),
                    _ => walk(Item { item, around: item, ..here }, path, found),
                }
            }
        }
        Tree::Map(_) if path.is_empty() => found.push(here),
        Tree::Map(fields) => {
            for (key, value) in fields {
                let Some(rest) = path.strip_prefix(key.as_str()) else { continue };
                if rest.is_empty() || rest.starts_with('.') {
                    walk(Item { item: value, ..here }, rest.trim_start_matches('.'), found);
                }
            }
        }
        Tree::Scalar(..) => {}
    }
}

impl<'t> Item<'t> {
    fn at(&self, path: &str) -> Option<&'t Tree> {
        match path.split_at_checked(2) {
            Some(("^.", rest)) => self.around.at(rest),
            Some(("$.", rest)) => self.document.at(rest),
            _ => self.item.at(path),
        }
    }

    fn text(&self, path: &str) -> Option<&'t str> {
        match self.at(path)? {
            Tree::Scalar(value, _) => Some(value.trim()).filter(|value| !value.is_empty() && *value != "null"),
            Tree::Map(_) | Tree::List(_) => None,
        }
    }

    /// A text with paths in braces; `None` where one of them leads nowhere.
    fn filled(&self, template: &str) -> Option<String> {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (path, behind) = after.split_once('}')?;
            text.push_str(before);
            text.push_str(self.text(path)?);
            rest = behind;
        }
        text.push_str(rest);
        Some(text)
    }

    fn holds(&self, condition: &Condition) -> bool {
        let Some(found) = self.at(&condition.path) else { return false };
        condition.value.as_ref().is_none_or(|value| matches!(found, Tree::Scalar(text, _) if text.eq_ignore_ascii_case(value)))
    }

    /// The first of the values that the item has.
    fn one_of(&self, values: &BTreeMap<String, Vec<String>>) -> Option<&'t str> {
        values.iter().find_map(|(path, words)| self.text(path).filter(|found| words.iter().any(|word| word.eq_ignore_ascii_case(found))))
    }
}

impl List {
    pub(super) fn takes(&self, item: &Item<'_>) -> bool {
        self.requires.iter().all(|either| either.iter().any(|condition| item.holds(condition)))
    }

    /// The item as a change; `None` for an item of another sort or without effect, an error for one that lacks what a change needs.
    fn change(&self, prefix: &str, item: &Item<'_>) -> Option<Result<Step, String>> {
        if !self.takes(item) || item.one_of(&self.skip).is_some() {
            return None;
        }
        let kind = self.values("kind", item).find_map(|word| self.kinds.get(&word.to_lowercase()).copied()).or(self.default_kind)?;
        let field = |name: &str| self.values(name, item).next();
        let failed = item.one_of(&self.failed).map(str::to_owned);
        let draft = Draft {
            id: field("id"),
            time: field("time"),
            end_time: field("end_time"),
            service: field("service"),
            version: field("version"),
            previous_version: field("previous_version"),
            summary: field("summary"),
            author: field("author"),
            url: field("url"),
            instance: field("instance"),
            edits: field("key").map(|key| edit(&key, field("before"), field("after"))).into_iter().collect(),
            diff: None,
            failed,
        };
        let (failed, numbered) = (draft.failed.is_some(), draft.id.is_some());
        let change = draft.finish(prefix, kind, Origin::new(item.shown, item.item.first_line()));
        Some(change.map(|change| Step { change, environment: field("environment"), failed, numbered }))
    }

    /// What the alternatives of a field give, best first.
    fn values<'l>(&'l self, field: &str, item: &'l Item<'_>) -> impl Iterator<Item = String> + 'l {
        let expression = self.matches.get(field);
        let value = move |path: &String| {
            let text = match path.as_str() {
                PLACE => place::service_of(item.shown)?,
                template if template.contains('{') => item.filled(template)?,
                path => item.text(path)?.to_owned(),
            };
            let Some(expression) = expression else { return Some(text) };
            let found = expression.captures(&text)?;
            found.get(1).or(found.get(0)).map(|part| part.as_str().to_owned())
        };
        self.fields.get(field).into_iter().flatten().filter_map(value).filter(|text| !text.trim().is_empty())
    }
}

/// An edited key. A switch has two positions: where only the new one is told, the old one follows.
fn edit(key: &str, before: Option<String>, after: Option<String>) -> crate::model::KeyEdit {
    const SWITCHES: [(&str, &str); 4] = [("on", "off"), ("true", "false"), ("enabled", "disabled"), ("active", "inactive")];
    let other = |position: &String| {
        SWITCHES.iter().find_map(|(on, off)| match position {
            p if p == on => Some((*off).to_owned()),
            p if p == off => Some((*on).to_owned()),
            _ => None,
        })
    };
    let before = before.or_else(|| after.as_ref().and_then(other));
    config_diff::edit_of(key, before.as_deref(), after.as_deref())
}

/// The steps of one change as one, by time, with the versions that went before.
fn joined(list: &List, mut steps: Vec<Step>) -> Vec<Change> {
    steps.sort_by(|a, b| (a.change.time, &a.change.id, a.change.origin.line).cmp(&(b.change.time, &b.change.id, b.change.origin.line)));
    let mut whole: Vec<Step> = Vec::new();
    let mut by_id: BTreeMap<ChangeId, usize> = BTreeMap::new();
    let mut latest: BTreeMap<(ServiceName, ChangeKind), usize> = BTreeMap::new();
    for step in steps {
        let run = (step.change.service.clone(), step.change.kind);
        let near = |at: &&usize| step.change.time - whole[**at].change.rollout().end <= list.join_seconds;
        let same = if list.join { by_id.get(&step.change.id) } else { None };
        let same = same.or_else(|| latest.get(&run).filter(|at| list.join_seconds > 0.0 && near(at)));
        if let Some(at) = same.copied() {
            whole[at].failed |= step.failed;
            join(&mut whole[at].change, step.change);
            continue;
        }
        by_id.insert(step.change.id.clone(), whole.len());
        latest.insert(run, whole.len());
        whole.push(step);
    }
    whole.iter_mut().for_each(|step| exchange(&mut step.change));
    number_the_rest(&mut whole);
    tell_previous_versions(&mut whole);
    whole.into_iter().map(|step| step.change).collect()
}

/// A scaling up of one version and down of another is a roll-out.
fn exchange(change: &mut Change) {
    let versions = (&change.version, &change.previous_version);
    if change.kind == ChangeKind::Scale && matches!(versions, (Some(new), Some(old)) if new != old) {
        change.kind = ChangeKind::Deploy;
    }
}

/// Ids that are but times are told apart by their order.
fn number_the_rest(steps: &mut [Step]) {
    let mut seen: BTreeMap<ChangeId, usize> = BTreeMap::new();
    for step in steps.iter_mut().filter(|step| !step.numbered) {
        let times = seen.entry(step.change.id.clone()).or_insert(0);
        *times += 1;
        if *times > 1 {
            step.change.id = ChangeId::new(&format!("{}#{times}", step.change.id));
        }
    }
}

/// What ran before a deploy is what the last deploy that did not fail brought to the same environment.
fn tell_previous_versions(steps: &mut [Step]) {
    let mut running: BTreeMap<(ServiceName, Option<String>), String> = BTreeMap::new();
    for step in steps.iter_mut().filter(|step| matches!(step.change.kind, ChangeKind::Deploy | ChangeKind::Rollback)) {
        let place = (step.change.service.clone(), step.environment.clone());
        let Some(version) = step.change.version.clone() else { continue };
        if step.change.previous_version.is_none() {
            step.change.previous_version = running.get(&place).filter(|before| **before != version).cloned();
        }
        if !step.failed {
            running.insert(place, version);
        }
    }
}
