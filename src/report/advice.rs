//! What to do now, derived from a cause alone.
//!
//! It proposes only what the records name: a version, a value, a file. Whether a cause is likely is not its business.

use crate::model::{Cause, CauseKind, Change, ChangeKind, Evidence, Finding, KeyEdit, Symptom};

use super::text::{listed_up_to, number, sanitize, shorten};
use super::wording;

/// What to do about a cause: one to three sentences, the most urgent first.
pub fn advise(cause: &Cause) -> Vec<String> {
    let mut sentences = match (&cause.change, &cause.undone_by) {
        (Some(change), Some(by)) => after_undoing(cause, change, by),
        (Some(change), None) => undo(cause, change),
        (None, _) => look(cause),
    };
    sentences.truncate(3);
    sentences
}

fn after_undoing(cause: &Cause, change: &Change, by: &Change) -> Vec<String> {
    let undone = format!("{} at {} UTC by {}", verb_done(change.kind), by.time.clock(), wording::id(by.id.as_str()));
    if let Some(lasted) = cause.evidence.iter().find_map(in_vain) {
        return vec![
            format!(
                "{}, but the failures went on for {lasted}: look for damage it left behind, then at the other candidates.",
                capital(&undone)
            ),
            before_again(cause, change),
        ];
    }
    vec![format!("Nothing urgent: {undone}."), before_again(cause, change)]
}

fn in_vain(evidence: &Evidence) -> Option<String> {
    match &evidence.finding {
        Finding::UndoneInVain { lasted, .. } => Some(super::text::duration(*lasted)),
        _ => None,
    }
}

fn before_again(cause: &Cause, change: &Change) -> String {
    let what = change.version.as_deref().map_or_else(|| wording::id(change.id.as_str()), wording::version);
    match &cause.key {
        Some(edit) => format!("Before {what} goes out again: {}.", set_back(edit)),
        None => format!("Before {what} goes out again: reproduce {} and fix it.", symptom_of(cause)),
    }
}

/// The symptom that a test has to show, as short as it can be said.
fn symptom_of(cause: &Cause) -> String {
    let text = cause.evidence.iter().filter(|e| e.supports()).find_map(|e| match &e.finding {
        Finding::Surge { text, .. } | Finding::FirstSymptom { text, .. } => Some(text),
        _ => None,
    });
    text.map_or_else(|| "the failures".to_owned(), |t| format!("\"{}\"", shorten(&sanitize(t), 60)))
}

fn undo(cause: &Cause, change: &Change) -> Vec<String> {
    let service = wording::service(&change.service);
    let id = wording::id(change.id.as_str());
    let on = instances(change);
    match change.kind {
        ChangeKind::Migration => migration(cause, &service, &id),
        ChangeKind::Config => match &cause.key {
            Some(edit) => vec![format!("{} for {service}{on}, or revert {id}.", capital(&set_back(edit)))],
            None => vec![format!("Revert {id} on {service}{on}.")],
        },
        ChangeKind::Flag => match &cause.key {
            Some(edit) => vec![format!("Switch the flag back: {} ({service}{on}, {id}).", set_back(edit))],
            None => vec![format!("Switch the flag of {id} back on {service}{on}.")],
        },
        ChangeKind::Scale => match &cause.key {
            Some(edit) => vec![format!("Scale {service} back: {} ({id}).", set_back(edit))],
            None => vec![format!("Scale {service} back to its size before {id}.")],
        },
        ChangeKind::Infra => vec![format!("Undo {id} on {service}{on}, or move the load away from what it touched.")],
        ChangeKind::Unrecorded => vec![
            format!("Find out who restarted or reloaded {service}{on}, and what was new in it: no change is recorded."),
            format!("Start reading at {}.", sanitize(&change.origin.to_string())),
        ],
        ChangeKind::Deploy | ChangeKind::Rollback => roll_back(cause, change, &service, &on),
    }
}

fn roll_back(cause: &Cause, change: &Change, service: &str, on: &str) -> Vec<String> {
    let id = wording::id(change.id.as_str());
    let verb = if change.kind == ChangeKind::Rollback { "Take the rollback back: bring" } else { "Roll" };
    let mut sentences = vec![match &change.previous_version {
        Some(version) => format!("{verb} {service}{on} back to {} (undoes {id}).", wording::version(version)),
        None => format!("Undo {id} on {service}{on}."),
    }];
    if let Some(edit) = &cause.key {
        sentences.push(format!("Or only {}.", set_back(edit)));
    }
    sentences
}

fn migration(cause: &Cause, service: &str, id: &str) -> Vec<String> {
    let locks = cause
        .evidence
        .iter()
        .any(|e| matches!(&e.finding, Finding::MigrationSymptom { symptom: Symptom::LockWait | Symptom::Deadlock, .. }));
    let first = if locks {
        format!("If migration {id} still runs on {service}, cancel its session: that frees the locks.")
    } else {
        format!("Do not run migration {id} on {service} backwards in a hurry: bring the code that needs the old schema in line first.")
    };
    vec![first, "A schema rollback can lose rows written since: read the down script and take a backup before.".to_owned()]
}

fn look(cause: &Cause) -> Vec<String> {
    let place = match &cause.instance {
        Some(instance) => format!("{} instance {}", wording::service(&cause.service), wording::id(instance.as_str())),
        None => wording::service(&cause.service),
    };
    let first = match (cause.kind, cause.resource) {
        (CauseKind::Load, _) => load(cause, &place),
        (_, Some("process")) => format!("Look at {place}: is the process up, what was its exit code, what are the last lines of its log?"),
        (_, Some("memory")) => format!("Look at the memory of {place}: limit, growth, kills by the kernel. A restart buys time."),
        (_, Some("disk")) => format!("Look at the storage of {place}: free space, inodes, I/O errors."),
        (_, Some("cpu")) => format!("Look at the CPU of {place}: use, throttling, what runs beside it."),
        (_, Some("network")) => format!("Check the network of {place} from its callers: name, route, port, lost packets."),
        (_, Some("tls")) => {
            format!(
                "Look at the certificate that {place} shows: its dates, its names, who signed it; then at what its callers trust, and at their clocks."
            )
        }
        (_, Some("dns")) => format!("Resolve the names in the messages from one of the callers: at {place}, is it one name or every name?"),
        (_, Some("code")) => {
            format!("Read the first stack trace of {place}. No recorded change explains it: look for data, a date or a flag that is new.")
        }
        (_, Some("traffic")) => load(cause, &place),
        (CauseKind::Infra, _) => format!("Check host, network and platform of {place}; no change of yours explains it."),
        _ => format!("Look at {place}: process, resources, the last lines of its log."),
    };
    let start = cause.evidence.iter().filter(|e| e.supports()).find_map(|e| e.origins.first());
    std::iter::once(first).chain(start.map(|o| format!("Start reading at {}.", sanitize(&o.to_string())))).collect()
}

fn load(cause: &Cause, place: &str) -> String {
    let ratio = cause.evidence.iter().find_map(|e| match &e.finding {
        Finding::LoadRise { ratio, .. } => Some(format!(" (now {} times the usual)", number(*ratio))),
        _ => None,
    });
    format!("Limit or shed the requests to {place}{}, or add instances; find out who sends them.", ratio.unwrap_or_default())
}

/// `set db.pool.max_size back to 15 in configs/checkout/2.15.0.yaml:13`.
fn set_back(edit: &KeyEdit) -> String {
    let key = wording::key(edit);
    let place = edit.origin.as_ref().map(|o| format!(" in {}", sanitize(&o.to_string()))).unwrap_or_default();
    match (&edit.before, &edit.after) {
        (None, _) => format!("remove {key}{}", place.replacen(" in ", " from ", 1)),
        (Some(before), None) => format!("put {key} = {} back{place}", wording::value(edit.key.as_str(), Some(before))),
        (Some(before), Some(_)) => format!("set {key} back to {}{place}", wording::value(edit.key.as_str(), Some(before))),
    }
}

/// The instances that a partial roll-out touched.
fn instances(change: &Change) -> String {
    match change.instances.as_slice() {
        [] => String::new(),
        some => format!(" ({})", listed_up_to(&some.iter().map(|i| wording::id(i.as_str())).collect::<Vec<_>>(), 3)),
    }
}

fn verb_done(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Deploy | ChangeKind::Rollback => "rolled back already",
        ChangeKind::Flag => "switched back already",
        _ => "undone already",
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn first(cause: &Cause) -> String {
        advise(cause).remove(0)
    }

    #[test]
    fn what_is_undone_is_not_to_be_undone_again() {
        let cause = samples::rich().verdicts.remove(0).causes.remove(0);
        let advice = advise(&cause);
        assert_eq!(advice[0], "Nothing urgent: rolled back already at 17:27:20 UTC by rollback-311.");
        assert_eq!(advice[1], "Before 4.2.0 goes out again: set db.pool.max_size back to 15 in configs/orders/4.2.0.yaml:13.");
    }

    #[test]
    fn what_is_live_is_to_be_undone() {
        let mut cause = samples::rich().verdicts.remove(0).causes.remove(0);
        cause.undone_by = None;
        assert_eq!(advise(&cause)[0], "Roll orders back to 4.1.0 (undoes deploy-310).");
        assert_eq!(advise(&cause)[1], "Or only set db.pool.max_size back to 15 in configs/orders/4.2.0.yaml:13.");
        if let Some(key) = &mut cause.key {
            key.before = None;
        }
        assert_eq!(advise(&cause)[1], "Or only remove db.pool.max_size from configs/orders/4.2.0.yaml:13.");
    }

    #[test]
    fn every_kind_of_change_and_component_has_advice() {
        let mut cause = samples::rich().verdicts.remove(0).causes.remove(0);
        cause.undone_by = None;
        for &kind in ChangeKind::ALL {
            for key in [cause.key.clone(), None] {
                let change = Change { kind, previous_version: None, ..(**cause.change.as_ref().unwrap()).clone() };
                let cause = Cause { change: Some(change.into()), key, ..cause.clone() };
                assert!(first(&cause).contains("orders") && first(&cause).ends_with('.'), "{kind:?}: {}", first(&cause));
            }
        }
        let words = ["process", "memory", "disk", "cpu", "network", "tls", "dns", "code", "traffic"];
        let mut seen = std::collections::BTreeSet::new();
        for resource in words.into_iter().map(Some).chain([None]) {
            let cause = Cause { kind: CauseKind::Component, change: None, key: None, resource, ..cause.clone() };
            assert!(seen.insert(first(&cause)), "{resource:?}");
        }
    }
}
