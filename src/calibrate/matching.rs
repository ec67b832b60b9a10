//! Whether an answer is the truth, by change, key, service, resource or kind.
//!
//! Sees verdicts and truths as they are told; knows neither files nor scores.

use crate::model::calibration::{MatchLevel, Said};
use crate::model::{Cause, TimeSpan, Verdict};

use super::truth::TrueCause;

/// Words for what of a component failed, by their beginnings, and the one word that they are compared as.
const RESOURCES: [(&str, &str); 12] = [
    ("mem", "memory"),
    ("oom", "memory"),
    ("cpu", "cpu"),
    ("net", "network"),
    ("latency", "network"),
    ("disk", "disk"),
    ("io", "disk"),
    ("code", "code"),
    ("exception", "code"),
    ("return", "code"),
    ("process", "process"),
    ("traffic", "traffic"),
];
/// Resources that a truth can be compared by; the data sets name no others in one way.
const COMPARED: [&str; 5] = ["cpu", "memory", "disk", "network", "code"];

/// What is compared at a level: two parts, the second empty where one is enough.
type Key = (String, String);

/// The verdict whose incident overlaps the true span most; one that only touches it counts as hardly overlapping.
pub fn concerned(verdicts: &[Verdict], truth: TimeSpan) -> Option<&Verdict> {
    let overlap = |v: &Verdict| v.incident.span.end.min(truth.end) - v.incident.span.start.max(truth.start);
    let overlapping = verdicts.iter().filter(|v| overlap(v) >= 0.0);
    // The first of equals, as the earliest incident stands first.
    overlapping.reduce(|best, v| if overlap(v) > overlap(best) { v } else { best })
}

/// The levels at which a truth can be compared.
pub fn levels(truth: &TrueCause) -> Vec<MatchLevel> {
    let kind = truth.kind.as_deref();
    let mut levels = vec![if matches!(kind, Some("load" | "infra")) { MatchLevel::Kind } else { MatchLevel::Service }];
    if truth.change_id.is_some() {
        levels.push(MatchLevel::Change);
    }
    if truth.config_key.is_some() {
        levels.push(MatchLevel::Key);
    }
    let resource = truth.resource.as_deref().map(resource);
    if kind == Some("component") && resource.is_some_and(|r| COMPARED.contains(&r.as_str())) {
        levels.push(MatchLevel::Resource);
    }
    levels
}

/// The place of the truth among the distinct answers of a level, from 1.
pub fn rank_of(level: MatchLevel, causes: &[Cause], truths: &[TrueCause]) -> Option<usize> {
    let right: Vec<Key> = truths.iter().filter_map(|truth| true_key(level, truth)).collect();
    let mut seen: Vec<Key> = Vec::new();
    for key in causes.iter().filter_map(|cause| key_of(level, cause)) {
        if seen.contains(&key) {
            continue;
        }
        if right.contains(&key) {
            return Some(seen.len() + 1);
        }
        seen.push(key);
    }
    None
}

/// Every cause with its confidence and whether it is right: the very change where the truth is one, the kind where the truth is load or
/// infrastructure, otherwise a component of the service.
pub fn said(causes: &[Cause], truths: &[TrueCause]) -> Vec<Said> {
    let one = |(i, cause): (usize, &Cause)| Said {
        confidence: cause.confidence,
        right: truths.iter().any(|truth| is_meant(cause, truth)),
        first: i == 0,
    };
    causes.iter().enumerate().map(one).collect()
}

fn is_meant(cause: &Cause, truth: &TrueCause) -> bool {
    let level = match truth.kind.as_deref() {
        _ if truth.change_id.is_some() => MatchLevel::Change,
        Some("load" | "infra") => MatchLevel::Kind,
        _ if cause.change.is_some() => return false,
        _ => MatchLevel::Service,
    };
    key_of(level, cause).is_some_and(|key| Some(key) == true_key(level, truth))
}

fn key_of(level: MatchLevel, cause: &Cause) -> Option<Key> {
    let change = cause.change.as_ref().map(|change| change.id.to_string());
    let edited = cause.key.as_ref().map(|edit| edit.key.to_string());
    key(level, [Some(cause.kind.name()), Some(cause.service.as_str()), change.as_deref(), edited.as_deref(), cause.resource])
}

fn true_key(level: MatchLevel, truth: &TrueCause) -> Option<Key> {
    key(level, [&truth.kind, &truth.service, &truth.change_id, &truth.config_key, &truth.resource].map(|part| part.as_deref()))
}

/// `None` where the answer says nothing at that level.
fn key(level: MatchLevel, [kind, service, change, key, resource_word]: [Option<&str>; 5]) -> Option<Key> {
    let one = |part: Option<&str>| part.map(|part| (part.to_owned(), String::new()));
    match level {
        MatchLevel::Change => one(change),
        MatchLevel::Kind => one(kind),
        MatchLevel::Service => one(service.map(folded).as_deref()),
        MatchLevel::Key => Some((change?.to_owned(), folded(key?))),
        MatchLevel::Resource => Some((folded(service?), resource(resource_word?))),
    }
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn resource(word: &str) -> String {
    let word = word.to_lowercase();
    RESOURCES.iter().find(|(start, _)| word.starts_with(start)).map_or(word.clone(), |(_, resource)| (*resource).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CauseKind;

    fn component(service: &str, resource: Option<&'static str>) -> Cause {
        Cause {
            kind: CauseKind::Component,
            service: service.into(),
            instance: None,
            resource,
            change: None,
            key: None,
            undone_by: None,
            confidence: 0.5,
            evidence: Vec::new(),
        }
    }

    fn truth(kind: &str, service: &str, resource: Option<&str>) -> TrueCause {
        TrueCause {
            kind: Some(kind.to_owned()),
            service: Some(service.to_owned()),
            resource: resource.map(str::to_owned),
            ..TrueCause::default()
        }
    }

    #[test]
    fn distinct_answers_are_counted() {
        let causes = [component("a", Some("cpu")), component("A ", Some("code")), component("b", Some("memory"))];
        let check = |level, truths: &[TrueCause], rank| assert_eq!(rank_of(level, &causes, truths), rank, "{level:?} {truths:?}");
        check(MatchLevel::Service, &[truth("component", "B", None)], Some(2));
        check(MatchLevel::Service, &[truth("component", "c", None)], None);
        check(MatchLevel::Service, &[], None);
        check(MatchLevel::Service, &[truth("component", "c", None), truth("component", "a", None)], Some(1));
        check(MatchLevel::Resource, &[truth("component", "b", Some("mem_leak"))], Some(3));
        check(MatchLevel::Resource, &[truth("component", "a", Some("exception"))], Some(2));
        check(MatchLevel::Kind, &[truth("load", "", None)], None);
        check(MatchLevel::Change, &[truth("component", "a", None)], None);
        assert_eq!(rank_of(MatchLevel::Service, &[], &[truth("component", "a", None)]), None);
    }

    #[test]
    fn levels_follow_from_what_the_truth_names() {
        let check = |truth: TrueCause, expected: &[MatchLevel]| assert_eq!(levels(&truth), expected, "{truth:?}");
        check(TrueCause::default(), &[MatchLevel::Service]);
        check(truth("load", "a", Some("cpu")), &[MatchLevel::Kind]);
        check(truth("component", "a", Some("process")), &[MatchLevel::Service]);
        check(truth("component", "a", Some("CPU_load")), &[MatchLevel::Service, MatchLevel::Resource]);
        let change = TrueCause { change_id: Some("c".into()), config_key: Some("k".into()), ..truth("change", "a", None) };
        check(change, &[MatchLevel::Service, MatchLevel::Change, MatchLevel::Key]);
    }

    #[test]
    fn a_component_is_not_the_change_of_its_service() {
        let change = TrueCause { change_id: Some("c".into()), ..truth("change", "a", None) };
        assert!(!said(&[component("a", None)], &[change])[0].right);
        let told = said(&[component("b", None), component("a", None)], &[truth("component", "a", None)]);
        assert_eq!(told.iter().map(|s| (s.right, s.first)).collect::<Vec<_>>(), [(false, true), (true, false)]);
    }
}
