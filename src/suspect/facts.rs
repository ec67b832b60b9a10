//! Field knowledge from `knowledge/*.toml`: which configuration key governs what, and which message shows what.
//!
//! Facts only look things up. What follows from them, and what that is worth, is not known here.

pub mod catalogue;
pub mod settings;
mod values;
mod words;
mod written;

use std::collections::BTreeMap;
use std::fmt;

use regex::{Regex, RegexSet};

use crate::model::{KeyRole, Symptom};

pub use catalogue::Signature;
pub use settings::Quantity;
pub use values::{numeric_value, seconds, spellings};
pub use words::{Unit, key_words};

/// The knowledge of one run, checked and compiled.
#[derive(Clone, Debug)]
pub struct Facts {
    keys: RegexSet,
    key_facts: Vec<KnownKey>,
    codes: BTreeMap<String, Symptom>,
    messages: RegexSet,
    symptoms: Vec<Symptom>,
    /// Those of `messages` that tell of a start or a reload: every kind of message is asked for these.
    beginnings: RegexSet,
    /// Whether the catalogue of errors may be asked.
    informed: bool,
}

#[derive(Clone, Debug)]
struct KnownKey {
    role: KeyRole,
    worse: Worse,
    unit: Option<Unit>,
    veto: Option<Regex>,
}

/// What is known of a configuration key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFact {
    pub role: KeyRole,
    pub worse: Worse,
    /// What the key's own name says, or else what the setting is known to be counted in.
    pub unit: Option<Unit>,
}

/// The direction of an edit that hurts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worse {
    Lower,
    Higher,
    /// Any edit may.
    Either,
}

/// Why a knowledge file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactsError {
    /// The file's path as the caller named it.
    pub file: String,
    /// A lower-case fragment.
    pub why: String,
}

impl fmt::Display for FactsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.why)
    }
}

impl std::error::Error for FactsError {}

/// What a process shows when it begins, or begins anew.
const BEGINNINGS: [Symptom; 2] = [Symptom::Started, Symptom::Reloaded];

const KEYS_FILE: (&str, &str) = ("knowledge/config-keys.toml", include_str!("../../knowledge/config-keys.toml"));
const SIGNATURES_FILE: (&str, &str) = ("knowledge/signatures.toml", include_str!("../../knowledge/signatures.toml"));

impl Facts {
    /// The knowledge that the program brings along.
    pub fn builtin() -> Facts {
        Facts::load(KEYS_FILE, SIGNATURES_FILE).expect("the built-in files are compiled in, and a test loads them")
    }

    /// The catalogue of errors and the settings alone, which are compiled when first asked for.
    pub fn catalogues() -> Facts {
        Facts { informed: true, ..Facts::empty() }
    }

    /// No knowledge: for tests, and for measuring what knowledge is worth.
    pub fn empty() -> Facts {
        Facts {
            keys: RegexSet::empty(),
            key_facts: Vec::new(),
            codes: BTreeMap::new(),
            messages: RegexSet::empty(),
            symptoms: Vec::new(),
            beginnings: RegexSet::empty(),
            informed: false,
        }
    }

    /// Compiles the two files, each given as its path and its text.
    ///
    /// # Errors
    /// Text that is not TOML, an unknown field, a role or symptom that the vocabulary does not have, an invalid expression.
    pub fn load(keys: (&str, &str), signatures: (&str, &str)) -> Result<Facts, FactsError> {
        let in_file = |file: &str, why| FactsError { file: file.to_owned(), why };
        let keys_read = written::keys(keys.1).map_err(|why| in_file(keys.0, why))?;
        let signatures_read = written::signatures(signatures.1).map_err(|why| in_file(signatures.0, why))?;
        Ok(Facts {
            keys: written::key_set(&keys_read).map_err(|why| in_file(keys.0, why))?,
            key_facts: keys_read.iter().map(written::Key::known).collect::<Result<_, _>>().map_err(|why| in_file(keys.0, why))?,
            codes: signatures_read.codes().map_err(|why| in_file(signatures.0, why))?,
            messages: signatures_read.set().map_err(|why| in_file(signatures.0, why))?,
            symptoms: signatures_read.symptoms().map_err(|why| in_file(signatures.0, why))?,
            beginnings: signatures_read.beginnings().map_err(|why| in_file(signatures.0, why))?,
            informed: true,
        })
    }

    /// The samples of both files that are not recognised as they should be, each as a sentence; empty when all is well.
    ///
    /// # Errors
    /// As [`Facts::load`].
    pub fn wrong_samples(keys: (&str, &str), signatures: (&str, &str)) -> Result<Vec<String>, FactsError> {
        let facts = Facts::load(keys, signatures)?;
        let mut wrong = written::keys(keys.1).map(|read| written::wrong_keys(&read, &facts)).unwrap_or_default();
        wrong.extend(written::signatures(signatures.1).map(|read| read.wrong(&facts)).unwrap_or_default());
        Ok(wrong)
    }

    /// What is known of a key, in whatever style it is written: `db.pool.maxSize`, `DB_POOL_MAX_SIZE`, `db-pool-max-size`.
    pub fn key(&self, key: &str) -> Option<KeyFact> {
        let (words, unit) = key_words(key);
        let text = words.join(" ");
        let allowed = |index: &usize| self.key_facts[*index].veto.as_ref().is_none_or(|veto| !veto.is_match(&text));
        let known = self.keys.matches(&text).into_iter().find(allowed).map(|index| &self.key_facts[index])?;
        Some(KeyFact { role: known.role, worse: known.worse, unit: unit.or(known.unit) })
    }

    /// What a message shows. `code` is a SQLSTATE, a MySQL error number, an errno name or a gRPC status: these are the same in every
    /// language and version, and count before the text.
    pub fn symptom(&self, text: &str, code: Option<&str>) -> Option<Symptom> {
        code.and_then(|code| self.symptom_of_code(code)).or_else(|| {
            let first = self.messages.matches(text).into_iter().next()?;
            Some(self.symptoms[first])
        })
    }

    /// [`Symptom::Started`] or [`Symptom::Reloaded`], where a message shows one of them and nothing before it.
    pub fn beginning(&self, text: &str) -> Option<Symptom> {
        if !self.beginnings.is_match(text) {
            return None;
        }
        self.symptom(text, None).filter(|symptom| BEGINNINGS.contains(symptom))
    }

    /// What the catalogue of errors says of a message: by its text, or else by its code, for servers speak many languages.
    pub fn signature(&self, text: &str, code: Option<&str>) -> Option<&'static Signature> {
        let catalogue = catalogue::builtin().filter(|_| self.informed)?;
        catalogue.by_text(text).or_else(|| catalogue.by_code(code?))
    }

    /// The SQLSTATE or error number that a message is known to have.
    pub fn code(&self, text: &str) -> Option<&'static str> {
        let catalogue = catalogue::builtin().filter(|_| self.informed)?;
        catalogue.by_text(text)?.codes.first().map(String::as_str)
    }

    /// What a key is a number of, and in which unit where neither the value nor the key's name says so; `None` where it is not known.
    pub fn quantity(&self, key: &str) -> Option<(Quantity, Option<Unit>)> {
        let setting = settings::builtin().filter(|_| self.informed)?.of(key)?;
        Some((setting.quantity, key_words(key).1.or(setting.unit)))
    }

    /// The whole code, or else its SQLSTATE class, which the file writes as `08***`.
    fn symptom_of_code(&self, code: &str) -> Option<Symptom> {
        let code = code.trim().to_ascii_uppercase();
        let class = || code.get(..2).filter(|_| code.len() == 5).and_then(|class| self.codes.get(&format!("{class}***")));
        self.codes.get(&code).or_else(class).copied()
    }
}

#[cfg(test)]
mod tests;
