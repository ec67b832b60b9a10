//! A Terraform plan (`terraform show -json`): each resource that it changes is a change, its attributes before and after compared by key.
//!
//! A plan is what was about to be done: its time is when it was made. Values that Terraform calls sensitive are masked like credentials.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Outcome;
use super::draft::Draft;
use crate::model::{ChangeKind, KeyEdit, Origin};
use crate::parse::config::{Flat, Tree};
use crate::parse::config_diff;

/// Shown for a value that is known only once the plan is applied.
const UNKNOWN: &str = "(known after apply)";
/// Attributes that name the service, best first.
const NAMED: [&str; 10] = [
    "tags.service",
    "tags.Service",
    "tags.app",
    "tags.App",
    "labels.app.kubernetes.io/name",
    "labels.app",
    "labels.service",
    "metadata.0.labels.app.kubernetes.io/name",
    "metadata.0.labels.app",
    "metadata.0.name",
];
/// Names of resources that say nothing.
const UNNAMED: [&str; 8] = ["this", "main", "default", "self", "primary", "resource", "app", "service"];

/// Whether the document is a plan.
pub(super) fn is_plan(documents: &[Tree]) -> bool {
    let has = |document: &Tree, path: &str| document.at(path).is_some();
    documents.first().is_some_and(|plan| has(plan, "format_version") && (has(plan, "resource_changes") || has(plan, "planned_values")))
}

/// A change for every resource that is created, updated, replaced or destroyed.
pub(super) fn read(shown: &Arc<str>, text: &str) -> Outcome {
    let (documents, faults) = super::export::documents(text);
    let mut outcome = Outcome::new("terraform-plan");
    faults.into_iter().for_each(|(line, why)| outcome.complain(shown, line, why));
    for plan in &documents {
        let time = plan.text_at("timestamp");
        let resources = plan.at("resource_changes").map_or(&[][..], Tree::items);
        for resource in resources.iter().filter(|resource| !actions(resource).is_empty()) {
            let origin = Origin::new(shown, resource.first_line());
            match draft(resource, time, shown).finish("terraform", ChangeKind::Infra, origin.clone()) {
                Ok(change) => outcome.add(change),
                Err(why) => outcome.complain(shown, origin.line, why),
            }
        }
    }
    outcome.sorted()
}

/// `update`, or `delete and create`; empty where nothing is changed.
fn actions(resource: &Tree) -> String {
    let actions = resource.at("change.actions").map_or(&[][..], Tree::items);
    let words = actions.iter().filter_map(|action| action.text_at("")).filter(|word| !matches!(*word, "no-op" | "read"));
    words.collect::<Vec<_>>().join(" and ")
}

fn draft(resource: &Tree, time: Option<&str>, shown: &Arc<str>) -> Draft {
    let address = resource.text_at("address").unwrap_or("(no address)");
    Draft {
        id: Some(address.to_owned()),
        time: time.map(str::to_owned),
        service: service(resource, address),
        summary: Some(format!("plan to {} {address}", actions(resource))),
        edits: edits(resource, shown),
        ..Draft::default()
    }
}

/// What a tag or label says, else the resource's own name, else that of its module.
fn service(resource: &Tree, address: &str) -> Option<String> {
    let states = ["change.after", "change.before"].into_iter().filter_map(|path| resource.at(path));
    let tagged = states.flat_map(|state| NAMED.iter().filter_map(|path| state.text_at(path))).next();
    let says = |name: &&str| !UNNAMED.contains(name);
    let own = || resource.text_at("name").filter(says);
    let modules: Vec<&str> = address.split('.').collect();
    let module = || modules.windows(2).rev().find(|pair| pair[0] == "module").map(|pair| pair[1].split('[').next().unwrap_or(pair[1]));
    tagged.or_else(own).or_else(|| module().filter(says)).map(str::to_owned)
}

fn edits(resource: &Tree, shown: &Arc<str>) -> Vec<KeyEdit> {
    let side = |path: &str| {
        let mut flat = Flat::default();
        resource.at(path).into_iter().for_each(|tree| tree.flatten("", 0, &mut flat));
        flat.entries.retain(|key, entry| !key.is_empty() && entry.value != "null");
        flat
    };
    let (before, mut after, unknown) = (side("change.before"), side("change.after"), side("change.after_unknown"));
    for (key, mut entry) in unknown.entries.into_iter().filter(|(_, entry)| entry.value == "true") {
        entry.value = UNKNOWN.to_owned();
        after.entries.entry(key).or_insert(entry);
    }
    let sensitive: BTreeSet<String> = ["change.before_sensitive", "change.after_sensitive"]
        .into_iter()
        .flat_map(|path| side(path).entries)
        .filter(|(_, entry)| entry.value == "true")
        .map(|(key, _)| key)
        .collect();
    let hidden =
        |key: &str| sensitive.iter().any(|s| key.strip_prefix(s.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
    let value = |flat: &Flat, key: &str| flat.entries.get(key).map(|entry| entry.value.clone());
    let found = config_diff::diff((shown, &before), (shown, &after)).edits;
    let masked = |edit: KeyEdit| {
        if !hidden(edit.key.as_str()) {
            return edit;
        }
        let (old, new) = (value(&before, edit.key.as_str()), value(&after, edit.key.as_str()));
        KeyEdit { origin: edit.origin.clone(), ..config_diff::sensitive_edit_of(edit.key.as_str(), old.as_deref(), new.as_deref()) }
    };
    found.into_iter().map(masked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"{"format_version": "1.2", "terraform_version": "1.6.0", "resource_changes": [
 {"address": "module.parcels.aws_ecs_service.this", "type": "aws_ecs_service", "name": "this", "change": {"actions": ["update"],
  "before": {"desired_count": 4, "key": "plain-old", "arn": "a", "same": 1}, "after": {"desired_count": 1, "key": "plain-new", "same": 1},
  "after_unknown": {"arn": true}, "before_sensitive": {"key": true}, "after_sensitive": {"key": true}}},
 {"address": "aws_db_instance.quotes", "name": "quotes", "change": {"actions": ["no-op"], "before": {}, "after": {}}},
 {"address": "aws_db_instance.billing", "name": "billing", "change": {"actions": ["delete", "create"], "before": null, "after": {"size": 9}}}
], "timestamp": "2023-08-12T14:30:00Z"}"#;

    #[test]
    fn what_a_plan_changes() {
        let outcome = read(&Arc::from("plan.json"), PLAN);
        assert_eq!(outcome.complaints, []);
        let [billing, parcels] = outcome.changes.as_slice() else { panic!("{outcome:?}") };
        assert_eq!(parcels.id.as_str(), "terraform:parcels:module.parcels.aws_ecs_service.this");
        assert_eq!((billing.service.as_str(), billing.origin.line), ("billing", 6));
        assert_eq!(billing.summary.as_deref(), Some("plan to delete and create aws_db_instance.billing"));
        let keys: Vec<(&str, Option<&str>)> = parcels.config.edits.iter().map(|e| (e.key.as_str(), e.after.as_deref())).collect();
        assert_eq!(keys.iter().map(|k| k.0).collect::<Vec<_>>(), ["arn", "desired_count", "key"]);
        assert_eq!((keys[0].1, keys[1].1), (Some(UNKNOWN), Some("1")));
        assert!(!format!("{:?}", parcels.config).contains("plain-"), "{:?}", parcels.config);
    }

    #[test]
    fn a_plan_without_a_time_changes_nothing_that_can_be_placed() {
        let outcome = read(&Arc::from("plan.json"), &PLAN.replace("timestamp", "stamp"));
        assert!(outcome.changes.is_empty());
        assert_eq!(outcome.complaints[0].why, "required but missing: time");
        assert!(!is_plan(&super::super::export::documents(r#"{"format_version": "1.2"}"#).0));
    }
}
