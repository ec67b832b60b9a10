//! What to do now about a cause, seen with everything else that was recorded: the advice, when not to follow it, and whom to call.

use std::collections::BTreeMap;

use crate::model::{Analysis, Cause, Change, ChangeKind, Origin, Owner};

use super::cite::Cite;
use super::text::{listed_up_to, sanitize, shorten};
use super::{advice, wording};

/// Changes named in one warning.
const MOST_NAMED: usize = 3;

/// Advice, then reasons not to follow it blindly. Sentences with their full stops.
pub fn advise(analysis: &Analysis, cause: &Cause) -> Vec<String> {
    advice::advise(cause).into_iter().chain(caveats(analysis, cause).into_iter().map(|c| c.0)).collect()
}

/// What lies between a change and going back: a migration, later changes of the same service. With the places that show it.
pub fn caveats(analysis: &Analysis, cause: &Cause) -> Vec<(String, Vec<Cite>)> {
    let Some(change) = cause.change.as_deref().filter(|_| cause.undone_by.is_none()) else { return Vec::new() };
    let end = change.rollout().end;
    let later =
        || analysis.changes.iter().map(|c| &**c).filter(move |c| c.time >= end && c.id != change.id && c.kind != ChangeKind::Unrecorded);
    let mut found = Vec::new();
    let migrations: Vec<&Change> = later().filter(|c| c.kind == ChangeKind::Migration).collect();
    if !migrations.is_empty() && change.kind != ChangeKind::Migration {
        let text = format!(
            "Not blindly: {} came after it; make sure the older version works with the new schema before you go back.",
            named(&migrations)
        );
        found.push((text, cites(&migrations)));
    }
    let moved: Vec<&Change> = later().filter(|c| c.service == change.service && c.kind != ChangeKind::Migration).collect();
    if !moved.is_empty() {
        let text = format!(
            "{} has changed again since, by {}: going back takes that back, too.",
            wording::service(&change.service),
            named(&moved)
        );
        found.push((text, cites(&moved)));
    }
    found
}

fn named(changes: &[&Change]) -> String {
    let name = |c: &&Change| format!("{} ({} UTC)", wording::kind_and_id(c), c.time.clock());
    listed_up_to(&changes.iter().map(name).collect::<Vec<_>>(), MOST_NAMED)
}

fn cites(changes: &[&Change]) -> Vec<Cite> {
    changes.iter().take(MOST_NAMED).map(|c| Cite::change(c)).collect()
}

/// Somebody to call: a name, why, and where that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub name: String,
    /// `answers for checkout`, `made deploy-7958`.
    pub why: String,
    pub origin: Origin,
}

/// Who answers for the change, then for the service, then who made the change.
pub fn contacts(analysis: &Analysis, cause: &Cause) -> Vec<Contact> {
    let owners = &analysis.dossier.owners;
    let of_change = |o: &&Owner| o.change.is_some() && o.change.as_ref() == cause.change.as_ref().map(|c| &c.id);
    let of_service = |o: &&Owner| o.change.is_none() && o.service == cause.service;
    let contact = |o: &Owner| Contact {
        name: shorten(&sanitize(&o.name), 60),
        why: match &o.change {
            Some(id) => format!("answers for {}", wording::id(id.as_str())),
            None => format!("answers for {}", wording::service(&o.service)),
        },
        origin: o.origin.clone(),
    };
    let mut all: Vec<Contact> = owners.iter().filter(of_change).chain(owners.iter().filter(of_service)).map(contact).collect();
    if let Some((change, author)) = cause.change.as_deref().and_then(|c| Some((c, c.author.as_ref()?))) {
        let why = format!("made {}", wording::id(change.id.as_str()));
        all.push(Contact { name: shorten(&sanitize(author), 60), why, origin: change.origin.clone() });
    }
    all
}

/// `@payments (answers for checkout); ci-bot (made deploy-7958)`, or nothing. A name is told once for each reason.
pub fn call(analysis: &Analysis, cause: &Cause) -> Option<String> {
    let mut by_reason: Vec<(String, Vec<String>)> = Vec::new();
    for contact in contacts(analysis, cause) {
        match by_reason.iter_mut().find(|(why, _)| *why == contact.why) {
            Some((_, names)) if !names.contains(&contact.name) => names.push(contact.name),
            Some(_) => {}
            None => by_reason.push((contact.why, vec![contact.name])),
        }
    }
    let told: Vec<String> = by_reason.into_iter().map(|(why, names)| format!("{} ({why})", listed_up_to(&names, 4))).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// The owner of a service or a change, for a table of tasks.
pub fn owner_of(analysis: &Analysis, cause: &Cause) -> Option<String> {
    let mut names: BTreeMap<String, ()> = BTreeMap::new();
    let answers = contacts(analysis, cause).into_iter().filter(|c| c.why.starts_with("answers"));
    answers.for_each(|c| {
        names.insert(c.name, ());
    });
    let names: Vec<String> = names.into_keys().collect();
    (!names.is_empty()).then(|| listed_up_to(&names, 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use std::sync::Arc;

    #[test]
    fn going_back_is_warned_of_where_a_migration_lies_between() {
        let mut analysis = samples::rich();
        let mut cause = analysis.verdicts[0].causes[0].clone();
        assert_eq!(caveats(&analysis, &cause), [], "it was undone already");
        cause.undone_by = None;
        let rollback = analysis.changes[1].clone();
        let migration = Change { kind: ChangeKind::Migration, id: "m-1".into(), service: "postgres".into(), ..(*rollback).clone() };
        let config = Change { kind: ChangeKind::Config, id: "c-1".into(), ..(*rollback).clone() };
        analysis.changes = vec![cause.change.clone().unwrap(), Arc::new(migration), Arc::new(config)];
        let told: Vec<String> = caveats(&analysis, &cause).into_iter().map(|c| c.0).collect();
        assert!(told[0].starts_with("Not blindly: migration m-1 (17:27:20 UTC) came after it"), "{told:?}");
        assert!(told[1].starts_with("orders has changed again since, by config c-1"), "{told:?}");
    }

    #[test]
    fn people_are_told_once_with_their_reasons() {
        let mut analysis = samples::rich();
        let owner = |name: &str, change: Option<&str>| Owner {
            service: "orders".into(),
            change: change.map(Into::into),
            name: name.into(),
            origin: Origin::file("CODEOWNERS"),
        };
        analysis.dossier.owners = vec![owner("@shop", None), owner("jo", Some("deploy-310")), owner("@shop", None)];
        let cause = analysis.verdicts[0].causes[0].clone();
        assert_eq!(call(&analysis, &cause).unwrap(), "jo (answers for deploy-310); @shop (answers for orders); ci-bot (made deploy-310)");
        assert_eq!(owner_of(&analysis, &cause).unwrap(), "@shop and jo");
    }
}
