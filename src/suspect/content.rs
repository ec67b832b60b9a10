//! What was edited: does the key govern what ran out, does the message quote the new value, do words of the diff appear in it?

use std::collections::BTreeSet;

use super::facts::spellings;
use super::scene::Scene;
use super::surge::{Pointer, Surge, has_word};
use super::whole_files::Told;
use super::{Found, down, edits, predict, timing};
use crate::model::{Change, ChangeKind, Finding, KeyEdit, KeyRole, Origin, ServiceName, Symptom};
use crate::parse::unified_diff;
use crate::stats;
use crate::template::tokens;

/// A symptom with less than this share of a service's troubled records does not characterise it.
const SMALLEST_SHARE: f64 = 0.03;
/// A value counts as quoted with a word of its key when both stand within this many bytes.
const QUOTED_WITHIN: usize = 40;
/// More edits than this are a rewrite; the rest says nothing of its own.
const MOST_EDITS: usize = 400;
/// Words of a diff that are shown.
const MOST_WORDS: usize = 8;
/// Words of at most this many bytes are not looked for.
const SHORT_WORD: usize = 3;
/// Of so many pairs of a word of a diff and a word of an unrelated log one is equal: the median of 60 commits and 10 edits against the
/// logs of 21 programs, most between 2,500 and 13,000.
const PAIRS_A_MATCH: f64 = 4_000.0;
/// How little that says of a diff and the logs of the same system, where one of 150 may be: the shape of the gamma distribution with that spread.
const PRIOR_SHAPE: f64 = 0.25;

/// What a change's content says about the symptoms.
pub fn examine(change: &Change, scene: &Scene<'_>) -> Vec<Found> {
    let symptoms = scene.symptoms_around(&change.service);
    let told = Told::by(change);
    let mut findings = Vec::new();
    for edit in told.edits.iter().take(MOST_EDITS).filter(|edit| !timing::replaced(edit, change, scene)) {
        let known = findings.len();
        findings.extend(match edits::named_callee(edit, &change.service, scene.case.topology) {
            // What asks again and again shows at whom it asks.
            Some(callee) if role_of(edit, scene) == Some(KeyRole::Retries) => governs(edit, &scene.symptoms_around(callee), scene),
            Some(callee) => governs(edit, &scene.symptoms_between(&change.service, callee), scene),
            None => governs(edit, &symptoms, scene),
        });
        findings.extend(quoted(edit, change, scene));
        findings.extend(names_callee(edit, change, scene));
        findings.extend(predict::examine(edit, change, scene));
        let pieces = (findings.len() - known) as u64;
        if pieces > 0 && told.is_of_whole_file(edit) {
            let (settings, removed) = (told.settings(), edit.after.is_none());
            let whole = Finding::WholeFile { edit: Some(edit.clone()), pieces, settings, removed };
            findings.push((whole, edit.origin.clone().into_iter().collect()));
        }
    }
    findings.extend(told.only_whole_files().map(|(settings, removed)| {
        let whole = Finding::WholeFile { edit: None, pieces: 0, settings, removed };
        (whole, vec![change.origin.clone()])
    }));
    findings.extend(diff_words(change, scene));
    findings.extend(migration(change, scene));
    findings
}

/// The symptoms that a key's resource shows when it runs out: directly, or as a consequence.
pub fn related(role: KeyRole) -> (&'static [Symptom], &'static [Symptom]) {
    use Symptom as S;
    match role {
        KeyRole::Pool => (&[S::PoolExhausted], &[S::ConnectionLimit, S::Timeout]),
        KeyRole::PoolTimeout => (&[S::PoolExhausted], &[S::Timeout]),
        KeyRole::ConnectionLimit => (&[S::ConnectionLimit], &[S::PoolExhausted, S::Refused, S::RateLimit, S::Unreachable]),
        KeyRole::StatementTimeout => (&[S::StatementTimeout], &[S::SlowStatement, S::Timeout, S::LockWait]),
        KeyRole::LockTimeout => (&[S::LockWait], &[S::Deadlock, S::StatementTimeout]),
        KeyRole::Timeout => (&[S::Timeout, S::Unreachable], &[S::Reset, S::StatementTimeout]),
        KeyRole::Retries => (&[], &[S::Timeout, S::RateLimit, S::PoolExhausted]),
        KeyRole::Credential => (&[S::Auth], &[S::Refused]),
        KeyRole::Tls => (&[S::Tls], &[S::Reset, S::Refused, S::Auth]),
        KeyRole::Endpoint => (&[S::Refused, S::Dns, S::Unreachable], &[S::Timeout, S::Tls, S::Auth, S::Schema, S::NotReady]),
        KeyRole::Memory => (&[S::Memory], &[S::Stopped, S::Refused]),
        KeyRole::Cpu => (&[], &[S::Timeout, S::SlowStatement]),
        KeyRole::Threads => (&[S::Descriptors], &[S::Timeout, S::RateLimit, S::Refused]),
        KeyRole::Descriptors => (&[S::Descriptors], &[S::Refused, S::Reset]),
        KeyRole::Disk => (&[S::Disk], &[]),
        KeyRole::RateLimit => (&[S::RateLimit], &[S::Refused]),
        KeyRole::Cache => (&[S::Memory], &[S::Timeout, S::SlowStatement, S::PoolExhausted]),
        KeyRole::Replicas => (&[], &[S::Timeout, S::Refused, S::NotReady, S::Unreachable]),
        KeyRole::Schema => (&[S::Schema], &[]),
        KeyRole::Flag => (&[], &[S::Exception, S::Schema]),
        KeyRole::Logging => (&[], &[S::Disk]),
        KeyRole::Schedule | KeyRole::Inert => (&[], &[]),
    }
}

fn role_of(edit: &KeyEdit, scene: &Scene<'_>) -> Option<KeyRole> {
    scene.case.facts.key(edit.key.as_str()).map(|fact| fact.role)
}

fn governs(edit: &KeyEdit, symptoms: &[(Symptom, f64)], scene: &Scene<'_>) -> Option<Found> {
    let fact = scene.case.facts.key(edit.key.as_str())?;
    let (direct, indirect) = related(fact.role);
    let find = |wanted: &[Symptom]| symptoms.iter().find(|(s, share)| *share >= SMALLEST_SHARE && wanted.contains(s)).copied();
    let (hit, is_direct) = match (find(direct), find(indirect)) {
        (Some(hit), _) => (Some(hit), true),
        (None, hit) => (hit, false),
    };
    let factor = edits::factor(edit);
    let worse = edits::is_worse(&fact, factor);
    let finding = Finding::KeyGoverns {
        edit: edit.clone(),
        role: fact.role,
        symptom: hit.map(|h| h.0),
        share: hit.map_or(0.0, |h| h.1),
        direct: is_direct,
        worse,
        factor,
    };
    Some((finding, edit.origin.clone().into_iter().collect()))
}

fn quoted(edit: &KeyEdit, change: &Change, scene: &Scene<'_>) -> Option<Found> {
    let value = edit.after.as_deref()?;
    let spelled = spellings(edit.key.as_str(), value);
    let words: Vec<String> = key_words(edit.key.as_str()).collect();
    let hit = scene
        .trouble_of(&change.service)
        .chain(scene.complaints_about(&change.service))
        .filter(|s| s.expected < 1.0)
        .find(|s| spelled.iter().any(|v| stands_beside(&s.text, v, &words)))?;
    Some((Finding::ValueQuoted { edit: edit.clone(), text: hit.text.clone() }, vec![hit.origin.clone()]))
}

/// Whether `value` stands in the text by itself with one of the words nearby.
fn stands_beside(text: &str, value: &str, words: &[String]) -> bool {
    if value.is_empty() || value.len() > 200 {
        return false;
    }
    let lower = text.to_lowercase();
    let inside = |c: char| c.is_alphanumeric() || c == '.' || c == '_';
    lower.match_indices(&value.to_lowercase()).any(|(at, found)| {
        let (before, after) = (&lower[..at], &lower[at + found.len()..]);
        let alone = !before.ends_with(inside) && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_') && !digit_follows(after);
        let near = |from: usize, to: usize| {
            let (from, to) = (boundary(&lower, from), boundary(&lower, to));
            words.iter().any(|w| lower[from..to].contains(w.as_str()))
        };
        alone && near(at.saturating_sub(QUOTED_WITHIN), (at + found.len() + QUOTED_WITHIN).min(lower.len()))
    })
}

/// `.5` after `1` makes another number of it.
fn digit_follows(after: &str) -> bool {
    after.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// The words of a key in any style, longer than two letters, in lower case.
fn key_words(key: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::with_capacity(key.len() + 8);
    let mut before = ' ';
    for c in key.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            spaced.push(' ');
        }
        spaced.push(c);
        before = c;
    }
    let words: Vec<String> = spaced.split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 2).map(str::to_lowercase).collect();
    words.into_iter()
}

/// A key that names a callee, and the share of the service's trouble that points at that callee.
fn names_callee(edit: &KeyEdit, change: &Change, scene: &Scene<'_>) -> Option<Found> {
    let callee = edits::named_callee(edit, &change.service, scene.case.topology)?;
    // A callee that was down by its own monitoring explains the errors that point at it.
    if matches!(down::examine(callee, scene), Some((Finding::Down { up_zero: true, .. }, _))) {
        return None;
    }
    // Only errors that the key's resource could cause count: a time limit does not make the callee answer with an error.
    let (direct, indirect) = related(scene.case.facts.key(edit.key.as_str())?.role);
    let possible = |s: Option<Symptom>| s.is_some_and(|s| direct.contains(&s) || indirect.contains(&s));
    let (mut at_it, mut all, mut origin) = (0.0, 0.0, None);
    for surge in scene.trouble_of(&change.service) {
        if let Pointer::Callee { service, .. } = &surge.pointer {
            all += surge.count as f64;
            if service == callee && possible(surge.symptom) {
                at_it += surge.count as f64;
                origin = origin.or(Some(surge.origin.clone()));
            }
        }
    }
    (all > 0.0)
        .then(|| (Finding::KeyNamesCallee { edit: edit.clone(), callee: callee.clone(), share: at_it / all }, origin.into_iter().collect()))
}

/// Words of the diff that appear in the incident's new messages and in none before, and how many would by chance.
fn diff_words(change: &Change, scene: &Scene<'_>) -> Option<Found> {
    let mut ours: BTreeSet<String> = change.diff.as_deref().map(unified_diff::words)?.into_iter().collect();
    // A service's name is in the messages because it failed, not because a diff names it.
    let services = scene.case.signals.services();
    ours.retain(|w| !services.iter().any(|s| s.as_str().eq_ignore_ascii_case(w)));
    let (mut new, mut words) = (BTreeSet::new(), BTreeSet::new());
    let mut origin: Option<Origin> = None;
    for surge in scene.surges.iter().filter(|s| s.is_trouble() && s.expected < 1.0) {
        for word in new_words(surge, scene) {
            if ours.contains(&word) {
                words.insert(word.clone());
                origin = origin.or_else(|| Some(surge.origin.clone()));
            }
            new.insert(word);
        }
    }
    let old = || scene.old_words.iter().filter(|word| word.len() > SHORT_WORD);
    let shared = old().filter(|word| ours.contains(*word)).count();
    let (by_chance, shape) = matches_by_chance(ours.len(), new.len(), (shared, old().count()));
    let p = stats::special::negative_binomial_at_least(words.len() as u64, by_chance, shape);
    let words: Vec<String> = words.into_iter().take(MOST_WORDS).collect();
    (!words.is_empty()).then(|| (Finding::DiffWords { words, by_chance, p }, origin.into_iter().collect()))
}

/// How many of the `new` words of messages a diff of `ours` words has by chance, and the shape of the gamma distribution of that mean.
///
/// Of all pairs of a word of the diff and one of a message as many are equal as were among the `old` words of the same logs, of which the
/// diff shares some: in its own software's logs a configuration finds its words again whatever happened. Few pairs say little of that
/// rate, so that it is shrunk towards what unrelated diffs and logs have (DuMouchel, "Bayesian data mining in large frequency tables",
/// The American Statistician 53, 1999), and none is trusted to be below it.
fn matches_by_chance(ours: usize, new: usize, (shared, old): (usize, usize)) -> (f64, f64) {
    let pairs = |others: usize| ours as f64 * others as f64;
    let shape = PRIOR_SHAPE + shared as f64;
    let rate = shape / (PRIOR_SHAPE * PAIRS_A_MATCH + pairs(old));
    (pairs(new) * rate.max(1.0 / PAIRS_A_MATCH), shape)
}

fn new_words<'s>(surge: &'s Surge, scene: &'s Scene<'_>) -> impl Iterator<Item = String> + 's {
    tokens::words(&surge.text).chain(tokens::words(&surge.detail)).filter(|w| w.len() > SHORT_WORD && !scene.old_words.contains(w))
}

/// Symptoms that a migration causes: locks, statements that take long, code that does not know the schema.
const MIGRATION_SYMPTOMS: &[Symptom] = &[
    Symptom::StatementTimeout,
    Symptom::LockWait,
    Symptom::Deadlock,
    Symptom::Schema,
    Symptom::SlowStatement,
    Symptom::Timeout,
    Symptom::Disk,
];

fn migration(change: &Change, scene: &Scene<'_>) -> Option<Found> {
    if change.kind != ChangeKind::Migration {
        return None;
    }
    let around: Vec<&Surge> = scene.trouble_of(&change.service).chain(scene.complaints_about(&change.service)).collect();
    let hit = around.iter().find(|s| s.symptom.is_some_and(|s| MIGRATION_SYMPTOMS.contains(&s)))?;
    let tables = change.diff.as_deref().map(unified_diff::sql_tables).unwrap_or_default();
    let table = tables.into_iter().find(|t| around.iter().any(|s| has_word(&s.detail, t) || has_word(&s.text, t)));
    Some((Finding::MigrationSymptom { symptom: hit.symptom?, table }, vec![hit.origin.clone()]))
}

/// Whether nothing at all speaks of the service: no trouble of its own, nobody points at it, its requests are as before.
pub fn shows_nothing(service: &ServiceName, scene: &Scene<'_>) -> bool {
    let ill = scene.health.get(service).is_some_and(|h| h.errs() || h.slower());
    !ill && scene.trouble_of(service).next().is_none() && scene.complaints_about(service).next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beside_their_words() {
        let words = ["timeout".to_owned(), "size".to_owned()];
        for (text, value, expected) in [
            ("limit of size 1 overflow 0", "1", true),
            ("limit of size 12 overflow 0", "1", false),
            ("Read timed out. (read timeout=0.4)", "0.4", true),
            ("Read timed out. (read timeout=0.45)", "0.4", false),
            ("size 1.5 GB", "1", false),
            ("user 1 logged in", "1", false),
            ("größe … timeout 1", "1", true),
        ] {
            assert_eq!(stands_beside(text, value, &words), expected, "{text}");
        }
    }

    #[test]
    fn the_more_words_the_more_match_by_chance() {
        let mean = |ours, new, old| matches_by_chance(ours, new, old).0;
        assert!(mean(3, 10, (0, 200)) < 0.01);
        // A whole configuration of hundreds of words has some that any log has, whatever its logs had before.
        assert!(mean(300, 40, (0, 0)) > 2.0 && mean(300, 40, (0, 400)) > 2.0);
        // As many as were found among the old words, once these are many.
        let told = mean(300, 40, (60, 400));
        assert!((told - 300.0 * 40.0 * 60.0 / (300.0 * 400.0)).abs() < 0.1, "{told}");
        assert_eq!(mean(0, 10, (0, 10)), 0.0);
    }

    #[test]
    fn words_of_keys_in_every_style() {
        for key in ["db.pool.maxSize", "DB_POOL_MAX_SIZE", "db-pool-max-size"] {
            assert_eq!(key_words(key).collect::<Vec<_>>(), ["pool", "max", "size"], "{key}");
        }
    }
}
