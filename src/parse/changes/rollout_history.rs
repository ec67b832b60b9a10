//! `kubectl rollout history`: revisions and their causes. The command prints no times, so that a revision is a change only where its
//! cause names one.

use std::sync::Arc;

use super::Outcome;
use super::draft::{Draft, instant, place_of};
use crate::model::{ChangeKind, Complaint, Origin, Time};

/// Whether a text begins like the command's output: the object, then the head of the table.
pub(super) fn is_one(head: &str) -> bool {
    let lines: Vec<&str> = head.lines().map(str::trim).filter(|line| !line.is_empty()).take(2).collect();
    lines.iter().any(|line| is_head(line)) && (lines.len() == 1 || is_head(lines[0]) || object(lines[0]).is_some())
}

fn is_head(line: &str) -> bool {
    line.split_whitespace().eq(["REVISION", "CHANGE-CAUSE"])
}

/// The name in `deployment.apps/parcels`, or in `deployment "parcels"` of older versions.
fn object(line: &str) -> Option<&str> {
    let line = line.trim_end_matches(" with revision");
    let kinds = ["deployment", "statefulset", "daemonset"];
    let name = line.split_once('/').or_else(|| line.split_once(' ')).filter(|(kind, _)| kinds.iter().any(|known| kind.starts_with(known)));
    name.map(|(_, name)| name.trim().trim_matches('"')).filter(|name| !name.is_empty() && !name.contains(' '))
}

/// The revisions whose causes name a time; one complaint tells of the others.
pub(super) fn read(shown: &Arc<str>, text: &str) -> Outcome {
    let mut outcome = Outcome::new("kubectl-rollout-history");
    let mut service: Option<&str> = None;
    let mut untimed: Vec<u64> = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if let Some(name) = object(line) {
            service = Some(name);
            continue;
        }
        let Some((revision, cause)) = line.split_once(char::is_whitespace).filter(|(word, _)| word.parse::<u64>().is_ok()) else {
            continue;
        };
        let Some(time) = time_in(cause) else {
            untimed.push(number);
            continue;
        };
        let draft = Draft {
            id: Some(revision.to_owned()),
            time: Some(time.to_owned()),
            service: service.map(str::to_owned),
            summary: Some(cause.trim().to_owned()),
            version: image_version(cause).map(str::to_owned),
            ..Draft::default()
        };
        match draft.finish("rollout", ChangeKind::Deploy, place_of(shown, number)) {
            Ok(change) => outcome.add(change),
            Err(why) => outcome.complain(shown, number, why),
        }
    }
    if let Some(first) = untimed.first() {
        let why = "a revision without a time is no change: `kubectl get rs -o json` has the times".to_owned();
        outcome.complaints.push(Complaint { origin: Origin::new(shown, *first), why, more: untimed.len() as u64 - 1 });
    }
    outcome.sorted()
}

/// The first word that is an RFC 3339 time.
fn time_in(cause: &str) -> Option<&str> {
    cause
        .split_whitespace()
        .map(|word| word.trim_matches(['(', ')', ',', ';']))
        .find(|word| Time::parse_rfc3339(word).is_some() && instant(word).is_some())
}

/// The tag in `kubectl set image deployment/parcels parcels=registry/parcels:1.2.3`.
fn image_version(cause: &str) -> Option<&str> {
    cause.split_whitespace().filter(|word| word.contains('=')).find_map(super::replica_sets::tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: &str = "\
deployment.apps/parcels
REVISION  CHANGE-CAUSE
1         <none>
2         kubectl set image deployment/parcels parcels=registry:5000/parcels:1.2.3 --record=true
3         2023-08-12T14:30:00Z parcels=registry:5000/parcels:1.2.4
";

    #[test]
    fn only_a_revision_with_a_time_is_a_change() {
        assert!(is_one(HISTORY) && is_one("REVISION  CHANGE-CAUSE\n1 x\n"));
        assert!(!is_one("") && !is_one("deployment.apps/parcels restarted\nx\n"));
        let outcome = read(&Arc::from("history.txt"), HISTORY);
        let shown: Vec<String> = outcome.changes.iter().map(|c| format!("{} {} {:?} {}", c.id, c.time, c.version, c.origin)).collect();
        assert_eq!(shown, ["rollout:parcels:3 2023-08-12T14:30:00Z Some(\"1.2.4\") history.txt:5"]);
        let complaint = &outcome.complaints[0];
        assert_eq!((outcome.complaints.len(), complaint.origin.line, complaint.more), (1, 3, 1));
    }
}
