//! `kubectl get rs -o json`: every ReplicaSet is a revision of its Deployment, made when it was rolled out. What two revisions differ in,
//! environment, arguments and resources, becomes the edited configuration.
//!
//! The image is the version and no key: it says that the code is another one, not which setting is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Outcome;
use super::draft::{Draft, instant};
use crate::model::{ChangeKind, KeyEdit, Origin};
use crate::parse::config::{Flat, Tree};
use crate::parse::config_diff;

const REVISION: &str = "metadata.annotations.deployment.kubernetes.io/revision";
/// Earlier numbers of a revision that was rolled back to.
const EARLIER: &str = "metadata.annotations.deployment.kubernetes.io/revision-history";
/// Parts of a container that are settings.
const SETTINGS: [&str; 5] = ["env", "args", "command", "resources", "envFrom"];

/// Whether ReplicaSets of Deployments are among the documents.
pub(super) fn are_in(documents: &[Tree]) -> bool {
    documents.iter().any(|document| objects(document).iter().any(|object| Revision::of(object).is_some()))
}

fn objects(document: &Tree) -> Vec<&Tree> {
    match document {
        Tree::List(items) => items.iter().flat_map(objects).collect(),
        Tree::Map(_) => document.at("items").map_or_else(|| vec![document], |items| items.items().iter().collect()),
        Tree::Scalar(..) => Vec::new(),
    }
}

/// One ReplicaSet.
#[derive(Clone, Copy, Debug)]
struct Revision<'t> {
    object: &'t Tree,
    owner: &'t str,
    /// The number when it was made, and the one that it has now.
    first: u64,
    now: u64,
}

impl<'t> Revision<'t> {
    fn of(object: &'t Tree) -> Option<Revision<'t>> {
        object.text_at("kind").filter(|kind| *kind == "ReplicaSet")?;
        let now: u64 = object.text_at(REVISION)?.parse().ok()?;
        let first = object.text_at(EARLIER).and_then(|numbers| numbers.split(',').next()?.trim().parse().ok()).unwrap_or(now);
        let owners = object.at("metadata.ownerReferences").map_or(&[][..], Tree::items);
        let owner = owners.iter().find(|owner| owner.text_at("kind") == Some("Deployment"))?.text_at("name")?;
        Some(Revision { object, owner, first, now })
    }

    fn text(&self, path: &str) -> Option<&'t str> {
        self.object.text_at(path)
    }

    fn containers(&self) -> &'t [Tree] {
        self.object.at("spec.template.spec.containers").map_or(&[], Tree::items)
    }

    /// The tag of the image of the container that is called like the owner, else of the first one.
    fn version(&self) -> Option<String> {
        let containers = self.containers();
        let named = containers.iter().find(|c| c.text_at("name") == Some(self.owner)).or(containers.first());
        named?.text_at("image").map(|image| tag(image).unwrap_or(image).to_owned())
    }

    /// The settings of the containers. A variable goes by its own name; a container's name goes before where there are several.
    fn settings(&self) -> Flat {
        let mut flat = Flat::default();
        for container in self.containers() {
            let name = container.text_at("name").filter(|_| self.containers().len() > 1).unwrap_or("");
            for (part, tree) in SETTINGS.iter().filter_map(|part| Some((*part, container.at(part)?))) {
                let key = if part == "env" { "" } else { part };
                let parent = [name, key].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(".");
                tree.flatten(&parent, 0, &mut flat);
            }
        }
        flat
    }
}

/// `1.2.3` of `registry:5000/team/parcels:1.2.3`, the digest's beginning of `parcels@sha256:…`.
pub(super) fn tag(image: &str) -> Option<&str> {
    if let Some((_, digest)) = image.split_once('@') {
        return digest.get(..digest.len().min("sha256:".len() + 12));
    }
    let name = image.rsplit('/').next()?;
    name.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty())
}

/// A change for every revision; those of one Deployment are compared in the order in which they were made.
pub(super) fn read(shown: &Arc<str>, text: &str) -> Outcome {
    let (documents, faults) = super::export::documents(text);
    let mut outcome = Outcome::new("kubectl-replicasets");
    faults.into_iter().for_each(|(line, why)| outcome.complain(shown, line, why));
    let mut owners: BTreeMap<(&str, &str), Vec<Revision<'_>>> = BTreeMap::new();
    for revision in documents.iter().flat_map(objects).filter_map(Revision::of) {
        owners.entry((revision.text("metadata.namespace").unwrap_or(""), revision.owner)).or_default().push(revision);
    }
    for mut revisions in owners.into_values() {
        revisions.sort_by_key(|r| (r.text("metadata.creationTimestamp").and_then(instant), r.first));
        let mut before = None;
        for revision in revisions {
            add(&revision, before, shown, &mut outcome);
            before = Some(revision);
        }
    }
    outcome.sorted()
}

fn add(revision: &Revision<'_>, before: Option<Revision<'_>>, shown: &Arc<str>, outcome: &mut Outcome) {
    let origin = Origin::new(shown, revision.object.first_line());
    let edits = before.map(|before| edits(&before, revision, shown)).unwrap_or_default();
    let version = revision.version();
    let draft = Draft {
        id: Some(revision.first.to_string()),
        time: revision.text("metadata.creationTimestamp").map(str::to_owned),
        service: Some(revision.owner.to_owned()),
        previous_version: before.and_then(|before| before.version()).filter(|before| Some(before) != version.as_ref()),
        version,
        summary: revision.text("metadata.annotations.kubernetes.io/change-cause").map(str::to_owned),
        edits,
        ..Draft::default()
    };
    if revision.now != revision.first {
        let why =
            format!("revision {} went out again as {}: when is not recorded, so that this is no change", revision.first, revision.now);
        outcome.complain(shown, origin.line, why);
    }
    match draft.finish("rs", ChangeKind::Deploy, origin.clone()) {
        Ok(change) => outcome.add(change),
        Err(why) => outcome.complain(shown, origin.line, why),
    }
}

fn edits(before: &Revision<'_>, after: &Revision<'_>, shown: &Arc<str>) -> Vec<KeyEdit> {
    config_diff::diff((shown, &before.settings()), (shown, &after.settings())).edits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(revision: &str, time: &str, image: &str, env: &str) -> String {
        format!(
            r#"{{"kind": "ReplicaSet", "metadata": {{"name": "parcels-x", "namespace": "shop", "creationTimestamp": "{time}",
  "annotations": {{{revision}}}, "ownerReferences": [{{"kind": "Deployment", "name": "parcels"}}]}},
  "spec": {{"replicas": 1, "template": {{"spec": {{"containers": [{{"name": "parcels", "image": "{image}",
    "env": {env}, "resources": {{"limits": {{"memory": "1Gi"}}}}}}]}}}}}}}}"#
        )
    }

    fn revision(number: u32) -> String {
        format!(r#""deployment.kubernetes.io/revision": "{number}""#)
    }

    #[test]
    fn consecutive_revisions_are_compared() {
        let old = set(&revision(1), "2023-08-12T14:00:00Z", "r:5000/parcels:1.0", r#"[{"name": "POOL_SIZE", "value": "20"}]"#);
        let new = set(&revision(2), "2023-08-12T15:00:00Z", "r:5000/parcels:1.1", r#"[{"name": "POOL_SIZE", "value": "2"}]"#);
        let text = format!("{{\"kind\": \"List\", \"items\": [\n{new},\n{old}\n]}}");
        assert!(are_in(&super::super::export::documents(&text).0));
        let outcome = read(&Arc::from("rs.json"), &text);
        assert_eq!(outcome.complaints, []);
        let [first, second] = outcome.changes.as_slice() else { panic!("{outcome:?}") };
        assert_eq!((first.id.as_str(), first.version.as_deref(), first.config.is_empty()), ("rs:parcels:1", Some("1.0"), true));
        assert_eq!((second.version.as_deref(), second.previous_version.as_deref()), (Some("1.1"), Some("1.0")));
        let edit = &second.config.edits[..];
        assert_eq!(edit.len(), 1, "{edit:?}");
        assert_eq!((edit[0].key.as_str(), edit[0].before.as_deref(), edit[0].after.as_deref()), ("POOL_SIZE", Some("20"), Some("2")));
        assert_eq!(edit[0].origin.as_ref().map(ToString::to_string).as_deref(), Some("rs.json:5"));
        assert_eq!(second.origin.to_string(), "rs.json:2");
    }

    #[test]
    fn a_revision_that_went_out_again_has_no_second_time() {
        let both = format!(r#"{}, "deployment.kubernetes.io/revision-history": "1,3""#, revision(4));
        let outcome = read(&Arc::from("rs.json"), &set(&both, "2023-08-12T14:00:00Z", "parcels@sha256:0123456789abcdef", "[]"));
        assert_eq!(outcome.changes[0].id.as_str(), "rs:parcels:1");
        assert_eq!(outcome.changes[0].version.as_deref(), Some("sha256:0123456789ab"));
        assert!(outcome.complaints[0].why.contains("as 4"), "{:?}", outcome.complaints);
    }

    #[test]
    fn others_are_not_taken() {
        for text in ["{}", "[]", r#"{"kind": "ReplicaSet"}"#, r#"{"items": [{"kind": "Pod"}]}"#] {
            assert!(!are_in(&super::super::export::documents(text).0), "{text}");
        }
    }
}
