//! What comes after the verdict: whether a fix worked, whom to call, what to check next.

use serde::Serialize;

use super::round;
use crate::model::{Fix, Measured, Recovery};
use crate::report::actions::Contact;
use crate::report::checks::{Check, CheckList};
use crate::report::{recovery, text};

/// Whether things are as before, and how that was measured.
#[derive(Serialize)]
pub struct RecoveryView {
    outcome: &'static str,
    statement: String,
    measure: String,
    before: Option<MeasuredView>,
    during: Option<MeasuredView>,
    after: Option<MeasuredView>,
    difference_low: Option<f64>,
    difference_high: Option<f64>,
    margin: Option<f64>,
    fixes: Vec<FixView>,
}

impl From<&Recovery> for RecoveryView {
    fn from(found: &Recovery) -> Self {
        let measured = |m: &Option<Measured>| m.as_ref().map(MeasuredView::from);
        RecoveryView {
            outcome: recovery::word(found.outcome),
            statement: recovery::sentence(found),
            measure: text::sanitize(&found.measure),
            before: measured(&found.before),
            during: measured(&found.during),
            after: measured(&found.after),
            difference_low: found.difference.and_then(|d| round(d.0, 6)),
            difference_high: found.difference.and_then(|d| round(d.1, 6)),
            margin: round(found.margin, 6),
            fixes: found.fixes.iter().map(FixView::from).collect(),
        }
    }
}

/// A measure over a span.
#[derive(Serialize)]
pub struct MeasuredView {
    start: String,
    end: String,
    level: Option<f64>,
    of: u64,
    bad: Option<u64>,
}

impl From<&Measured> for MeasuredView {
    fn from(m: &Measured) -> Self {
        MeasuredView { start: m.span.start.rfc3339(), end: m.span.end.rfc3339(), level: round(m.level, 6), of: m.of, bad: m.bad }
    }
}

/// A change during the incident and what it did.
#[derive(Serialize)]
pub struct FixView {
    change_id: String,
    effect: &'static str,
    statement: String,
    seconds_to_end: Option<f64>,
    source: String,
}

impl From<&Fix> for FixView {
    fn from(fix: &Fix) -> Self {
        FixView {
            change_id: fix.change.id.to_string(),
            effect: recovery::effect_word(fix.effect),
            statement: recovery::fix(fix),
            seconds_to_end: round(fix.to_end, 3),
            source: fix.change.origin.to_string(),
        }
    }
}

/// Whom to call, and why.
#[derive(Serialize)]
pub struct ContactView {
    name: String,
    why: String,
    source: String,
}

impl From<Contact> for ContactView {
    fn from(contact: Contact) -> Self {
        ContactView { name: contact.name, why: contact.why, source: contact.origin.to_string() }
    }
}

/// Commands to run next about one subject.
#[derive(Serialize)]
pub struct CheckListView {
    about: String,
    commands: Vec<CheckView>,
}

/// A question with the command that answers it.
#[derive(Serialize)]
pub struct CheckView {
    question: String,
    language: &'static str,
    command: String,
}

impl From<CheckList> for CheckListView {
    fn from(list: CheckList) -> Self {
        CheckListView { about: list.about, commands: list.checks.into_iter().map(CheckView::from).collect() }
    }
}

impl From<Check> for CheckView {
    fn from(check: Check) -> Self {
        CheckView { question: check.question, language: check.language, command: check.command }
    }
}
