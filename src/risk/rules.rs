//! What the edited keys say by themselves: direction, ratio, slips of unit, contradictions.

use super::{Found, Outlook};
use crate::model::risk::Conflict;
use crate::model::{ChangeKind, KeyEdit, KeyRole, RiskFinding};
use crate::parse::config::Flat;
use crate::suspect::edits;
use crate::suspect::facts::{Facts, KeyFact, key_words, numeric_value, seconds};

/// Ratios of units that people mix up: seconds and milliseconds, milliseconds and microseconds, minutes and seconds.
const SLIPS: [f64; 3] = [1_000.0, 1_000_000.0, 60.0];

/// What is known of the edited keys: the direction that hurts, slips of units, contradictions.
pub fn examine(outlook: &Outlook<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let (mut inert, mut known) = (0, 0);
    let is_flag = outlook.change.kind == ChangeKind::Flag;
    for edit in outlook.edits() {
        let fact = outlook.facts.key(edit.key.as_str());
        if fact.is_none() && is_flag {
            let finding = RiskFinding::Edit { edit: edit.clone(), role: KeyRole::Flag, worse: None, factor: None };
            found.push((finding, edit.origin.clone()));
        }
        let Some(fact) = fact else { continue };
        known += 1;
        if matches!(fact.role, KeyRole::Inert | KeyRole::Logging) {
            inert += 1;
            continue;
        }
        let factor = edits::factor(edit);
        let worse = edits::is_worse(&fact, factor);
        found.push((RiskFinding::Edit { edit: edit.clone(), role: fact.role, worse, factor }, edit.origin.clone()));
        found.extend(unit_slip(edit, &fact).map(|finding| (finding, edit.origin.clone())));
        found.extend(contradiction(edit, outlook).map(|finding| (finding, edit.origin.clone())));
    }
    let keys = outlook.change.config.edits.len();
    // A deploy edits code as well, whatever its keys are.
    let only_keys = matches!(outlook.change.kind, ChangeKind::Config | ChangeKind::Flag);
    found.extend((only_keys && known > 0 && inert == keys).then_some((RiskFinding::OnlyInert { keys }, None)));
    found
}

/// A time that moved by exactly the ratio of two units was probably meant to stay as it was.
fn unit_slip(edit: &KeyEdit, fact: &KeyFact) -> Option<RiskFinding> {
    let factor = edits::factor(edit).filter(|factor| *factor > 0.0)?;
    let timed = fact.unit.is_some_and(|unit| unit.is_time()) || matches!(fact.role, KeyRole::Timeout | KeyRole::PoolTimeout);
    let is_slip = SLIPS.iter().any(|slip| [factor, 1.0 / factor].iter().any(|f| (f / slip - 1.0).abs() < 1e-6));
    (timed && is_slip).then(|| RiskFinding::UnitSlip { edit: edit.clone(), factor })
}

/// The first setting that contradicts the edited one and did not before.
fn contradiction(edit: &KeyEdit, outlook: &Outlook<'_>) -> Option<RiskFinding> {
    let after = outlook.after?;
    let key = edit.key.as_str();
    let (other, conflict) = conflicts(key, after, outlook.facts).into_iter().next()?;
    let was = outlook.before.is_some_and(|before| conflicts(key, before, outlook.facts).iter().any(|(name, _)| *name == other));
    let other_value = after.entries.get(&other)?.value.clone();
    (!was).then(|| RiskFinding::Contradiction { edit: edit.clone(), other, other_value, conflict })
}

fn conflicts(key: &str, all: &Flat, facts: &Facts) -> Vec<(String, Conflict)> {
    let Some(entry) = all.entries.get(key) else { return Vec::new() };
    let parent = parent(key);
    let siblings = all.entries.iter().filter(|(name, _)| name.as_str() != key);
    siblings
        .filter_map(|(name, other)| {
            let same_parent = self::parent(name) == parent;
            let (a, b) = ((key, entry.value.as_str()), (name.as_str(), other.value.as_str()));
            let more = same_parent && (exceeds(a, b) || exceeds(b, a));
            let longer = outlasts(a, b, facts) || outlasts(b, a, facts);
            more.then_some(Conflict::MoreThanMost).or(longer.then_some(Conflict::OuterGivesUpFirst)).map(|c| (name.clone(), c))
        })
        .collect()
}

fn parent(key: &str) -> &str {
    key.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// Whether `least` is the minimum or idle number that belongs to the maximum `most`, and exceeds it.
fn exceeds((least, a): (&str, &str), (most, b): (&str, &str)) -> bool {
    let ((least, unit), (most, other_unit)) = (key_words(least), key_words(most));
    let is = |words: &[String], any: &[&str]| words.iter().any(|word| any.contains(&word.as_str()));
    let named = is(&least, &["min", "idle", "initial"]) && !is(&least, &["max"]) && is(&most, &["max"]) && !is(&most, &["idle", "min"]);
    let rest = |words: &[String]| -> Vec<String> {
        words.iter().filter(|word| !is(&[(*word).clone()], &["min", "max", "idle", "initial", "size", "connection"])).cloned().collect()
    };
    let numbers = numeric_value(a).zip(numeric_value(b));
    named && unit == other_unit && rest(&least) == rest(&most) && numbers.is_some_and(|(a, b)| b > 0.0 && a > b)
}

/// Whether `inner` waits for somebody else longer than `outer` lets the request live.
fn outlasts((inner, a): (&str, &str), (outer, b): (&str, &str), facts: &Facts) -> bool {
    let (inner_words, outer_words) = (key_words(inner).0, key_words(outer).0);
    let has = |words: &[String], any: &[&str]| words.iter().any(|word| any.contains(&word.as_str()));
    let (Some(inner), Some(outer)) = (facts.key(inner), facts.key(outer)) else { return false };
    let calls = ["client", "upstream", "backend", "db", "database", "pool", "statement"];
    let is_outer = outer.role == KeyRole::Timeout && has(&outer_words, &["server", "request", "gateway"]) && !has(&outer_words, &calls);
    // How long an idle connection is kept has nothing to do with how long a request may take.
    let kept = ["idle", "keepalive", "life", "lifetime", "shutdown", "keep", "alive", "header"];
    let is_inner = matches!(inner.role, KeyRole::Timeout | KeyRole::PoolTimeout | KeyRole::StatementTimeout) && has(&inner_words, &calls);
    let lengths = seconds(a, inner.unit).zip(seconds(b, outer.unit));
    let compared = is_inner && is_outer && !has(&inner_words, &kept) && !has(&outer_words, &kept);
    compared && lengths.is_some_and(|(inner, outer)| outer > 0.0 && inner > outer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ConfigKey;
    use crate::parse::config::flatten;

    #[test]
    fn slips_of_unit() {
        let facts = Facts::builtin();
        for (key, before, after, expected) in [
            ("http.client.timeout_ms", "0", "1000", false),
            ("http.client.timeout_ms", "2000", "2", true),
            ("http.client.timeout_ms", "30", "30000", true),
            ("http.client.timeout", "30s", "30ms", true),
            ("http.client.timeout_s", "1", "60", true),
            ("http.client.timeout_ms", "2000", "1900", false),
            ("db.pool.max_size", "1000", "1", false),
        ] {
            let edit = KeyEdit { key: ConfigKey::new(key), before: Some(before.into()), after: Some(after.into()), origin: None };
            let found = facts.key(key).and_then(|fact| unit_slip(&edit, &fact));
            assert_eq!(found.is_some(), expected, "{key} {before} {after}");
        }
    }

    #[test]
    fn settings_that_contradict_each_other() {
        use Conflict::{MoreThanMost, OuterGivesUpFirst};
        let facts = Facts::builtin();
        for (text, key, expected) in [
            ("pool:\n  min_size: 5\n", "pool.min_size", None),
            ("pool:\n  min_size: 5\n  max_size: 5\n", "pool.max_size", None),
            ("pool:\n  min_size: 5\n  max_size: 2\n", "pool.max_size", Some(MoreThanMost)),
            ("pool:\n  min_size: 5\n  max_size: 2\n", "pool.min_size", Some(MoreThanMost)),
            ("pool:\n  max_idle: 5\n  max: 2\n", "pool.max", None),
            ("pool:\n  idle_timeout_s: 50\n  max_size: 2\n", "pool.max_size", None),
            ("a:\n  min_size: 5\nb:\n  max_size: 2\n", "b.max_size", None),
            ("server:\n  request_timeout: 2s\nclient:\n  timeout: 5s\n", "client.timeout", Some(OuterGivesUpFirst)),
            ("server:\n  request_timeout: 9s\nclient:\n  timeout: 5s\n", "client.timeout", None),
            ("server:\n  request_timeout: 2s\nclient:\n  idle_timeout: 5s\n", "client.idle_timeout", None),
            ("pool:\n  min_size: x\n  max_size: 2\n", "pool.max_size", None),
        ] {
            let found = conflicts(key, &flatten("a.yaml", text).unwrap(), &facts);
            assert_eq!(found.first().map(|c| c.1), expected, "{text}");
        }
    }
}
