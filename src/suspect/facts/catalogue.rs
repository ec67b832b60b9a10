//! The catalogue of errors, `knowledge/errors.toml`: at which layer each arises, what it implies and excludes, how to confirm and to
//! refute it, and where it usually leads people astray.
//!
//! It explains and names; what a message is worth as evidence is decided elsewhere, by other signals.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::RegexSet;
use serde::Deserialize;

use super::written;
use crate::model::{Layer, Mechanism, Symptom};
use crate::parse::suggest::hint;

/// The name of the file that is compiled in, and its text.
pub const FILE: (&str, &str) = ("knowledge/errors.toml", include_str!("../../../knowledge/errors.toml"));

static BUILTIN: LazyLock<Option<Catalogue>> = LazyLock::new(|| Catalogue::load(FILE.1).ok());

/// The catalogue that the program brings along, compiled when first asked for. A test loads it.
pub fn builtin() -> Option<&'static Catalogue> {
    BUILTIN.as_ref()
}

/// One kind of error.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// Stable and unique.
    pub id: String,
    pub layer: Layer,
    /// Set where the error itself names one.
    pub mechanism: Option<Mechanism>,
    pub symptom: Option<Symptom>,
    /// SQLSTATE or error numbers, the own one first.
    pub codes: Vec<String>,
    pub implies: String,
    pub excludes: String,
    pub confirm: String,
    pub refute: String,
    pub misleading: String,
}

/// All kinds of error.
#[derive(Debug)]
pub struct Catalogue {
    set: RegexSet,
    signatures: Vec<Signature>,
    samples: Vec<Samples>,
}

#[derive(Debug)]
struct Samples {
    yes: Vec<String>,
    no: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    error: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    layer: String,
    mechanism: Option<String>,
    symptom: Option<String>,
    #[serde(default)]
    codes: Vec<String>,
    r#match: String,
    implies: String,
    excludes: String,
    confirm: String,
    refute: String,
    misleading: String,
    yes: Vec<String>,
    no: Vec<String>,
}

impl Catalogue {
    /// # Errors
    /// Text that is not TOML, an unknown field or word, an invalid expression; a lower-case fragment.
    pub fn load(text: &str) -> Result<Catalogue, String> {
        let file: File = toml::from_str(text).map_err(|error| written::one_line(&error))?;
        let set = written::set(file.error.iter().map(|error| error.r#match.clone()))?;
        let samples = file.error.iter().map(|error| Samples { yes: error.yes.clone(), no: error.no.clone() }).collect();
        let signatures = file.error.into_iter().map(Written::known).collect::<Result<_, _>>()?;
        Ok(Catalogue { set, signatures, samples })
    }

    /// The first kind whose expression is found.
    pub fn by_text(&self, text: &str) -> Option<&Signature> {
        self.set.matches(text).into_iter().next().map(|index| &self.signatures[index])
    }

    /// The first kind that has the code as its own.
    pub fn by_code(&self, code: &str) -> Option<&Signature> {
        self.signatures.iter().find(|signature| signature.codes.iter().any(|known| known.eq_ignore_ascii_case(code.trim())))
    }

    /// All signatures, in the order of the file.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Samples that are not recognised as they should be, ids that are given twice, texts that say nothing; each as a sentence.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut ids = BTreeSet::new();
        for (index, (signature, samples)) in self.signatures.iter().zip(&self.samples).enumerate() {
            let id = &signature.id;
            wrong.extend((!ids.insert(id)).then(|| format!("{id} is given twice")));
            wrong.extend((samples.yes.is_empty() || samples.no.is_empty()).then(|| format!("{id} lacks samples")));
            for text in &samples.yes {
                let found = self.by_text(text).map_or("nothing", |found| &found.id);
                wrong.extend((found != id).then(|| format!("\"{text}\" is {found}, not {id}")));
            }
            let matches = |text: &&String| self.set.matches(text).matched(index);
            wrong.extend(samples.no.iter().filter(matches).map(|text| format!("\"{text}\" must not be {id}")));
            let texts = [&signature.implies, &signature.excludes, &signature.confirm, &signature.refute, &signature.misleading];
            wrong.extend(texts.iter().any(|text| text.len() < 3).then(|| format!("{id} leaves a text out")));
        }
        wrong
    }

    /// Every sample with the kind it stands for.
    pub fn samples(&self) -> impl Iterator<Item = (&Signature, &str)> {
        self.signatures
            .iter()
            .zip(&self.samples)
            .flat_map(|(signature, samples)| samples.yes.iter().map(move |text| (signature, text.as_str())))
    }
}

impl Written {
    fn known(self) -> Result<Signature, String> {
        let id = self.id;
        let layer = word(&id, "layer", &self.layer, Layer::from_word, || Layer::ALL.iter().map(|layer| layer.word()).collect())?;
        let mechanism = |text: &String| {
            word(&id, "mechanism", text, Mechanism::from_word, || Mechanism::ALL.iter().map(|mechanism| mechanism.word()).collect())
        };
        let symptom =
            |text: &String| word(&id, "symptom", text, Symptom::from_word, || Symptom::ALL.iter().map(|symptom| symptom.word()).collect());
        Ok(Signature {
            layer,
            mechanism: self.mechanism.as_ref().map(mechanism).transpose()?,
            symptom: self.symptom.as_ref().map(symptom).transpose()?,
            codes: self.codes,
            implies: self.implies,
            excludes: self.excludes,
            confirm: self.confirm,
            refute: self.refute,
            misleading: self.misleading,
            id,
        })
    }
}

fn word<T>(id: &str, what: &str, text: &str, known: impl Fn(&str) -> Option<T>, all: impl Fn() -> Vec<&'static str>) -> Result<T, String> {
    known(text).ok_or_else(|| format!("{id}: unknown {what} \"{text}\"{}", hint(text, all())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suspect::facts::Facts;

    #[test]
    fn all_samples_are_recognised_and_there_are_enough() {
        let catalogue = Catalogue::load(FILE.1).unwrap();
        let wrong = catalogue.wrong();
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
        assert!(catalogue.signatures().len() >= 150, "{}", catalogue.signatures().len());
    }

    #[test]
    fn symptoms_agree_with_those_of_messages() {
        let (catalogue, facts) = (Catalogue::load(FILE.1).unwrap(), Facts::builtin());
        let wrong: Vec<String> = catalogue
            .samples()
            .filter_map(|(signature, text)| {
                let wanted = signature.symptom?;
                let found = facts.symptom(text, None);
                (found != Some(wanted)).then(|| format!("{}: \"{text}\" shows {found:?}, not {wanted:?}", signature.id))
            })
            .collect();
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    #[test]
    fn codes_speak_where_texts_are_foreign() {
        let facts = Facts::builtin();
        let id = |text: &str, code: Option<&str>| facts.signature(text, code).map(|signature| signature.id.as_str());
        assert_eq!(id("es gibt schon zu viele Clients", Some("53300")), Some("pg-too-many-clients"));
        assert_eq!(id("es gibt schon zu viele Clients", None), None);
        assert_eq!(facts.code("deadlock detected"), Some("40P01"));
        assert_eq!(Facts::empty().signature("deadlock detected", Some("40P01")), None);
    }

    #[test]
    fn faults_are_told() {
        for (text, why) in [("", "error"), ("error = 3", "sequence"), ("[[error]]\nid = 'a'\nlair = 'b'", "lair")] {
            assert!(Catalogue::load(text).unwrap_err().contains(why), "{text}");
        }
    }
}
