//! An analysis without what must not be shared: every text in it that came from logs, records of changes or configurations.
//!
//! Paths and the names of services, changes, keys and metrics stay, since a reader looks things up by them.

use std::sync::Arc;

use super::Redactor;
use crate::model::finding::Outside;
use crate::model::mechanism::Sign;
use crate::model::{Alarm, Analysis, Cause, Change, Condition, Evidence, InstanceId, KeyEdit, Verdict};

impl Redactor {
    fn own(&self, text: &mut String) {
        if let std::borrow::Cow::Owned(redacted) = self.text(text) {
            *text = redacted;
        }
    }

    fn maybe(&self, text: &mut Option<String>) {
        text.iter_mut().for_each(|t| self.own(t));
    }

    fn instance(&self, id: &mut InstanceId) {
        if let std::borrow::Cow::Owned(redacted) = self.text(id.as_str()) {
            *id = InstanceId::new(&redacted);
        }
    }

    fn edit(&self, edit: &mut KeyEdit) {
        let key = edit.key.to_string();
        for value in [&mut edit.before, &mut edit.after].into_iter().flatten() {
            *value = self.value(&key, value).into_owned();
        }
    }

    fn change(&self, change: &mut Arc<Change>) {
        let mut own = (**change).clone();
        for text in [&mut own.summary, &mut own.author, &mut own.url, &mut own.diff, &mut own.version, &mut own.previous_version] {
            self.maybe(text);
        }
        own.instances.iter_mut().for_each(|i| self.instance(i));
        own.config.edits.iter_mut().for_each(|e| self.edit(e));
        *change = Arc::new(own);
    }
}

/// Redacts everything in place.
pub fn analysis(analysis: &mut Analysis, redactor: &Redactor) {
    analysis.changes.iter_mut().for_each(|c| redactor.change(c));
    analysis.verdicts.iter_mut().for_each(|v| verdict(v, redactor));
    for source in &mut analysis.coverage.sources {
        source.misread.iter_mut().for_each(|(_, text)| redactor.own(text));
    }
    analysis.coverage.complaints.iter_mut().for_each(|c| redactor.own(&mut c.why));
    let dossier = &mut analysis.dossier;
    dossier.owners.iter_mut().for_each(|o| redactor.own(&mut o.name));
    dossier.recoveries.iter_mut().flat_map(|r| &mut r.fixes).for_each(|f| redactor.change(&mut f.change));
    let Some(exhibits) = &mut dossier.exhibits else { return };
    for row in exhibits.messages.iter_mut().flatten() {
        redactor.own(&mut row.example);
        redactor.own(&mut row.template);
    }
    exhibits.alarms.iter_mut().flatten().for_each(|a| alarm(a, redactor));
}

fn alarm(alarm: &mut Alarm, redactor: &Redactor) {
    if let Condition::Messages { contains, .. } = &mut alarm.condition {
        redactor.own(contains);
    }
}

fn verdict(verdict: &mut Verdict, redactor: &Redactor) {
    let impact = &mut verdict.incident.impact;
    impact.routes.iter_mut().for_each(|(route, ..)| redactor.own(route));
    impact.instances.iter_mut().for_each(|(_, instance, ..)| redactor.instance(instance));
    verdict.causes.iter_mut().for_each(|c| cause(c, redactor));
    for path in &mut verdict.ruled_out {
        path.change.iter_mut().for_each(|c| redactor.change(c));
        path.evidence.iter_mut().for_each(|e| evidence(e, redactor));
    }
    verdict.timeline.iter_mut().for_each(|entry| redactor.own(&mut entry.text));
    let Some(diagnosis) = &mut verdict.mechanism else { return };
    let excluded = diagnosis.excluded.iter_mut().map(|(_, shown)| shown);
    diagnosis.signs.iter_mut().chain(excluded).for_each(|shown| sign(&mut shown.sign, redactor));
}

/// The other signs hold names and numbers only.
fn sign(sign: &mut Sign, redactor: &Redactor) {
    match sign {
        Sign::Messages { text, .. } => redactor.own(text),
        Sign::PoolLowered { edit } => redactor.edit(edit),
        Sign::NoMessages { .. }
        | Sign::Connections { .. }
        | Sign::Metric { .. }
        | Sign::LoadRise { .. }
        | Sign::NothingElseChanged { .. }
        | Sign::TooFew { .. }
        | Sign::Consequence { .. } => {}
    }
}

fn cause(cause: &mut Cause, redactor: &Redactor) {
    cause.instance.iter_mut().for_each(|i| redactor.instance(i));
    cause.change.iter_mut().for_each(|c| redactor.change(c));
    cause.undone_by.iter_mut().for_each(|c| redactor.change(c));
    cause.key.iter_mut().for_each(|k| redactor.edit(k));
    cause.evidence.iter_mut().for_each(|e| evidence(e, redactor));
}

fn evidence(evidence: &mut Evidence, redactor: &Redactor) {
    evidence.finding.outside(&mut |outside| match outside {
        Outside::Text(text) => redactor.own(text),
        Outside::Instance(id) => redactor.instance(id),
        Outside::Edit(edit) => redactor.edit(edit),
    });
}
