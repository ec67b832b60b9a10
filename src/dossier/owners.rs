//! Whom to call: from the record of a change, from CODEOWNERS, from a service catalogue, where a bundle holds them.
//!
//! Read here and not with the rest, because nothing that is weighed depends on it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use serde_json::Value;

use crate::model::{Change, Origin, Owner, ServiceName, Verdict};
use crate::parse::config;
use crate::read::{Bundle, Source, SourceKind};

/// Larger files are not read a second time for a name.
const LARGEST: u64 = 16 << 20;
/// Fields of a change that name who answers for it.
const FIELDS: [&str; 5] = ["owners", "owner", "team", "teams", "approvers"];
/// Names kept of one place.
const MOST_NAMES: usize = 8;

/// Owners of the changes, and of the services that the verdicts name.
pub fn find(bundle: &Bundle, changes: &[Arc<Change>], verdicts: &[Verdict]) -> Vec<Owner> {
    let mut services: BTreeSet<&ServiceName> = changes.iter().map(|c| &c.service).collect();
    services.extend(verdicts.iter().flat_map(|v| v.causes.iter().map(|c| &c.service).chain(&v.incident.services)));
    services.retain(|s| !s.is_everything());
    let mut owners: BTreeSet<Owner> = BTreeSet::new();
    for source in bundle.sources.iter().filter(|s| s.is_at_hand() && s.bytes <= LARGEST) {
        let name = source.shown.rsplit('/').next().unwrap_or_default();
        let read = |read: &dyn Fn(&str) -> Vec<Owner>| text_of(source).map(|text| read(&text)).unwrap_or_default();
        match source.kind {
            SourceKind::Changes => owners.extend(read(&|text| of_changes(source, text, changes))),
            _ if name == "CODEOWNERS" => owners.extend(read(&|text| of_codeowners(source, text, &services, changes))),
            SourceKind::Config if name.starts_with("catalog-info") || name.starts_with("catalog.") => {
                owners.extend(read(&|text| of_catalogue(source, text, &services)));
            }
            _ => {}
        }
    }
    owners.into_iter().collect()
}

fn text_of(source: &Source) -> Option<String> {
    let mut bytes = Vec::new();
    source.open().ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// `"owners": ["@payments", "jo"]` of the record of a change.
fn of_changes(source: &Source, text: &str, changes: &[Arc<Change>]) -> Vec<Owner> {
    let recorded: BTreeMap<u64, &Arc<Change>> =
        changes.iter().filter(|c| c.origin.path == source.shown).map(|c| (c.origin.line, c)).collect();
    let mut owners = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let Some(change) = recorded.get(&line) else { continue };
        let Ok(Value::Object(object)) = serde_json::from_str(text) else { continue };
        let names = FIELDS.iter().filter_map(|field| object.get(*field)).flat_map(names);
        owners.extend(names.take(MOST_NAMES).map(|name| Owner {
            service: change.service.clone(),
            change: Some(change.id.clone()),
            name,
            origin: change.origin.clone(),
        }));
    }
    owners
}

/// A name, or a list of them, or objects that hold one.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::String(name) => name.split([',', ' ']).map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect(),
        Value::Array(all) => all.iter().flat_map(names).collect(),
        Value::Object(object) => {
            ["name", "login", "email"].iter().find_map(|key| object.get(*key)?.as_str()).map(str::to_owned).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The last pattern that matches a path of the service wins, as on GitHub.
fn of_codeowners(source: &Source, text: &str, services: &BTreeSet<&ServiceName>, changes: &[Arc<Change>]) -> Vec<Owner> {
    let mut owners = Vec::new();
    for service in services {
        let mut paths: BTreeSet<String> = [format!("{service}/x"), format!("services/{service}/x"), format!("configs/{service}/x")].into();
        let of_service = changes.iter().filter(|c| c.service == **service);
        paths.extend(of_service.flat_map(|c| [&c.config_before, &c.config_after]).flatten().cloned());
        let last = (1..)
            .zip(text.lines())
            .filter_map(|(line, text)| Some((line, rule(text)?)))
            .filter(|(_, (pattern, _))| paths.iter().any(|p| matches(pattern, p)))
            .last();
        if let Some((line, (_, names))) = last {
            let owner = |name: String| Owner { service: (*service).clone(), change: None, name, origin: Origin::new(&source.shown, line) };
            owners.extend(names.into_iter().take(MOST_NAMES).map(owner));
        }
    }
    owners
}

fn rule(line: &str) -> Option<(&str, Vec<String>)> {
    let line = line.split(" #").next().unwrap_or(line).trim();
    if line.is_empty() || line.starts_with('#') || line.starts_with('[') {
        return None;
    }
    let mut words = line.split_whitespace();
    let pattern = words.next()?;
    let names: Vec<String> = words.map(str::to_owned).collect();
    (!names.is_empty()).then_some((pattern, names))
}

/// As .gitignore has it, for what CODEOWNERS files use: a leading slash anchors, a folder matches all below it, `*` stays in a folder.
fn matches(pattern: &str, path: &str) -> bool {
    let anchored = pattern.trim_end_matches('/').contains('/');
    let bare = pattern.trim_start_matches('/').trim_end_matches('/').trim_end_matches("/**");
    let whole = |from: &str| {
        let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
        let Ok(glob) = glob::Pattern::new(bare) else { return false };
        let ends = from.match_indices('/').map(|(at, _)| at).chain([from.len()]);
        ends.into_iter().any(|end| glob.matches_with(&from[..end], options))
    };
    if anchored {
        return whole(path);
    }
    let starts = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1));
    starts.into_iter().any(|start| whole(&path[start..]))
}

/// Backstage's descriptor: documents with `kind`, `metadata.name` and `spec.owner`.
fn of_catalogue(source: &Source, text: &str, services: &BTreeSet<&ServiceName>) -> Vec<Owner> {
    let mut owners = Vec::new();
    let mut line = 1;
    for document in text.split("\n---") {
        let lines_before = line;
        line += document.matches('\n').count() as u64 + 1;
        let Ok(flat) = config::flatten(&source.shown, document.trim_start_matches('-')) else { continue };
        let (Some(name), Some(owner)) = (flat.entries.get("metadata.name"), flat.entries.get("spec.owner")) else { continue };
        if let Some(service) = services.iter().find(|s| s.as_str() == name.value) {
            let origin = Origin::new(&source.shown, lines_before + owner.line - 1);
            owners.push(Owner { service: (*service).clone(), change: None, name: owner.value.clone(), origin });
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_codeowners() {
        for (pattern, path, expected) in [
            ("*", "checkout/x", true),
            ("/checkout/", "checkout/x", true),
            ("checkout/", "services/checkout/x", true),
            ("/checkout/", "services/checkout/x", false),
            ("services/*/", "services/checkout/x", true),
            ("configs/checkout/*.yaml", "configs/checkout/2.yaml", true),
            ("*.yaml", "configs/checkout/2.yaml", true),
            ("pay", "services/payments/x", false),
            ("[", "x", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
        assert_eq!(rule("/a/ @x @y # why"), Some(("/a/", vec!["@x".to_owned(), "@y".to_owned()])));
        assert_eq!((rule("# a @b"), rule("/a/"), rule("")), (None, None, None));
    }

    #[test]
    fn names_in_every_usual_shape() {
        for text in [r#""a,b""#, r#"["a","b"]"#, r#"[{"login":"a"},{"email":"b"}]"#] {
            assert_eq!(names(&serde_json::from_str(text).unwrap()), ["a", "b"], "{text}");
        }
    }
}
