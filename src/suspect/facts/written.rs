//! The knowledge files as people write them, and the checks between that and what is used.

use std::collections::{BTreeMap, BTreeSet};

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use super::words::Unit;
use super::{BEGINNINGS, Facts, KnownKey, Worse, key_words};
use crate::model::{KeyRole, Symptom};
use crate::parse::suggest::hint;

/// Enough for some thousand expressions.
const REGEX_BYTES: usize = 64 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    key: Vec<Key>,
}

/// A kind of configuration key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    role: String,
    worse: String,
    /// An expression on the key's words (`db pool max size`), whole words at both ends.
    r#match: String,
    /// An expression that excludes keys.
    not: Option<String>,
    /// What the value is counted in, where the name does not say so.
    unit: Option<String>,
    yes: Vec<String>,
    #[serde(default)]
    no: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signatures {
    #[serde(default)]
    code: Vec<Code>,
    #[serde(default)]
    message: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    symptom: String,
    codes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    symptom: String,
    r#match: String,
    yes: Vec<String>,
    #[serde(default)]
    no: Vec<String>,
}

pub(super) fn keys(text: &str) -> Result<Vec<Key>, String> {
    toml::from_str::<KeysFile>(text).map(|file| file.key).map_err(|error| one_line(&error))
}

pub(super) fn signatures(text: &str) -> Result<Signatures, String> {
    toml::from_str(text).map_err(|error| one_line(&error))
}

pub(super) fn one_line(error: &toml::de::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn key_set(keys: &[Key]) -> Result<RegexSet, String> {
    set(keys.iter().map(|key| whole_words(&key.r#match)))
}

fn whole_words(expression: &str) -> String {
    format!("(?:^| )(?:{expression})(?: |$)")
}

fn expression(text: &str) -> Result<Regex, String> {
    let fault =
        |error: regex::Error| format!("expression '{text}': {}", error.to_string().split_whitespace().collect::<Vec<_>>().join(" "));
    RegexBuilder::new(&ascii(text)).case_insensitive(true).multi_line(true).build().map_err(fault)
}

pub(super) fn set(expressions: impl Iterator<Item = String>) -> Result<RegexSet, String> {
    let expressions: Vec<String> = expressions.collect();
    let built = RegexSetBuilder::new(expressions.iter().map(|text| ascii(text)))
        .case_insensitive(true)
        .multi_line(true)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .build();
    // The set's own error does not say which expression is wrong.
    built.map_err(|error| expressions.iter().find_map(|text| expression(text).err()).unwrap_or_else(|| error.to_string()))
}

/// ASCII digits and word boundaries: the Unicode ones would make the expressions large and slow.
fn ascii(expression: &str) -> String {
    expression.replace(r"\b", r"(?-u:\b)").replace(r"\d", "[0-9]")
}

impl Key {
    pub(super) fn known(&self) -> Result<KnownKey, String> {
        let role = KeyRole::from_word(&self.role)
            .ok_or_else(|| format!("unknown role \"{}\"{}", self.role, hint(&self.role, KeyRole::ALL.iter().map(|role| role.word()))))?;
        let worse = match self.worse.as_str() {
            "lower" => Worse::Lower,
            "higher" => Worse::Higher,
            "either" => Worse::Either,
            other => return Err(format!("unknown direction \"{other}\"{}", hint(other, ["lower", "higher", "either"]))),
        };
        let unit = match &self.unit {
            Some(word) => Some(Unit::from_word(word).ok_or_else(|| format!("unknown unit \"{word}\""))?),
            None => None,
        };
        let veto = self.not.as_deref().map(|text| expression(&whole_words(text))).transpose()?;
        Ok(KnownKey { role, worse, unit, veto })
    }
}

fn symptom(word: &str) -> Result<Symptom, String> {
    Symptom::from_word(word)
        .ok_or_else(|| format!("unknown symptom \"{word}\"{}", hint(word, Symptom::ALL.iter().map(|symptom| symptom.word()))))
}

impl Signatures {
    pub(super) fn codes(&self) -> Result<BTreeMap<String, Symptom>, String> {
        let mut codes = BTreeMap::new();
        for entry in &self.code {
            let symptom = symptom(&entry.symptom)?;
            for code in &entry.codes {
                if codes.insert(code.to_ascii_uppercase(), symptom).is_some() {
                    return Err(format!("code \"{code}\" is given twice"));
                }
            }
        }
        Ok(codes)
    }

    pub(super) fn set(&self) -> Result<RegexSet, String> {
        set(self.message.iter().map(|message| message.r#match.clone()))
    }

    pub(super) fn symptoms(&self) -> Result<Vec<Symptom>, String> {
        self.message.iter().map(|message| symptom(&message.symptom)).collect()
    }

    pub(super) fn beginnings(&self) -> Result<RegexSet, String> {
        let begins = |message: &&Message| BEGINNINGS.iter().any(|symptom| symptom.word() == message.symptom);
        set(self.message.iter().filter(begins).map(|message| message.r#match.clone()))
    }

    /// Samples that the knowledge as a whole takes for something else.
    pub(super) fn wrong(&self, facts: &Facts) -> Vec<String> {
        let mut wrong = Vec::new();
        for (index, message) in self.message.iter().enumerate() {
            let word = |found: Option<Symptom>| found.map_or("nothing", Symptom::word);
            let found = message.yes.iter().map(|text| (text, word(facts.symptom(text, None))));
            wrong.extend(
                found
                    .filter(|(_, found)| *found != message.symptom)
                    .map(|(text, found)| format!("\"{text}\" is {found}, not {}", message.symptom)),
            );
            let matches = |text: &&String| facts.messages.matches(text).matched(index);
            wrong.extend(message.no.iter().filter(matches).map(|text| format!("\"{text}\" must not match '{}'", message.r#match)));
            wrong.extend(message.yes.is_empty().then(|| format!("'{}' has no sample", message.r#match)));
            let hit = message.yes.iter().any(|text| facts.messages.matches(text).matched(index));
            wrong.extend((!hit).then(|| format!("no sample of '{}' matches it", message.r#match)));
        }
        wrong.extend(repeated(self.message.iter().map(|message| &message.r#match)));
        wrong
    }
}

/// Key samples that the knowledge as a whole takes for something else.
pub(super) fn wrong_keys(keys: &[Key], facts: &Facts) -> Vec<String> {
    let mut wrong = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        for sample in &key.yes {
            let found = facts.key(sample).map_or("nothing", |fact| fact.role.word());
            wrong.extend((found != key.role).then(|| format!("{sample} ({}) is {found}, not {}", key_words(sample).0.join(" "), key.role)));
        }
        let matches = |sample: &&String| {
            let text = key_words(sample).0.join(" ");
            facts.keys.matches(&text).matched(index) && facts.key_facts[index].veto.as_ref().is_none_or(|veto| !veto.is_match(&text))
        };
        wrong.extend(key.no.iter().filter(matches).map(|sample| format!("{sample} must not match '{}'", key.r#match)));
        wrong.extend((!key.yes.iter().any(|sample| matches(&sample))).then(|| format!("no sample of '{}' matches it", key.r#match)));
    }
    wrong.extend(repeated(keys.iter().map(|key| &key.r#match)));
    wrong
}

fn repeated<'e>(expressions: impl Iterator<Item = &'e String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    expressions.filter(|expression| !seen.insert(*expression)).map(|expression| format!("'{expression}' is given twice")).collect()
}
