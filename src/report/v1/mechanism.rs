//! The mechanism of an incident for scripts.

use serde::Serialize;

use crate::model::mechanism::{Diagnosis, Shown};
use crate::report::{mechanism, text};

/// Whose connections ran out, and how that is known.
#[derive(Serialize)]
pub struct MechanismView {
    name: &'static str,
    service: String,
    database: Option<String>,
    statement: String,
    corroborated: bool,
    evidence: Vec<SignView>,
    excluded: Vec<ExcludedView>,
    confirm: Option<String>,
    refute: Option<String>,
    misleading: Option<String>,
}

#[derive(Serialize)]
struct SignView {
    statement: String,
    source: Option<String>,
}

#[derive(Serialize)]
struct ExcludedView {
    name: &'static str,
    statement: String,
    source: Option<String>,
}

impl From<&Diagnosis> for MechanismView {
    fn from(diagnosis: &Diagnosis) -> Self {
        let clean = |text: &Option<String>| text.as_deref().map(text::sanitize);
        MechanismView {
            name: diagnosis.mechanism.word(),
            service: diagnosis.service.to_string(),
            database: diagnosis.database.as_ref().map(ToString::to_string),
            statement: mechanism::headline(diagnosis),
            corroborated: diagnosis.corroborated,
            evidence: diagnosis.signs.iter().map(SignView::from).collect(),
            excluded: diagnosis
                .excluded
                .iter()
                .map(|(mechanism, shown)| {
                    let SignView { statement, source } = SignView::from(shown);
                    ExcludedView { name: mechanism.word(), statement, source }
                })
                .collect(),
            confirm: clean(&diagnosis.confirm),
            refute: clean(&diagnosis.refute),
            misleading: clean(&diagnosis.misleading),
        }
    }
}

impl From<&Shown> for SignView {
    fn from(shown: &Shown) -> Self {
        SignView { statement: mechanism::sentence(&shown.sign), source: shown.origin.as_ref().map(ToString::to_string) }
    }
}
