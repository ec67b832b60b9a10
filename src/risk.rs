//! How much trouble a change threatens, told before the fact: from its content, its shape, its moment and what came before it.
//!
//! A change is judged by what was known when it began: nothing later is looked at, not even where the bundle holds it.

mod arithmetic;
mod history;
mod rules;
mod shape;
mod timing;
mod weights;

use std::path::PathBuf;
use std::sync::Arc;

use crate::analyze::{AnalyzeError, workers};
use crate::intake::{self, Intake};
use crate::model::{
    Change, ChangeId, ChangeKind, ChangeRisk, ConfigDiff, Incident, Options, Origin, PastChange, Progress, Reason, RiskFinding, Risks,
    ServiceName, Time, TimeSpan, Topology,
};
use crate::parse::config::Flat;
use crate::parse::{Formats, config_diff};
use crate::read::Bundle;
use crate::signal::{Signals, clocks, tabulate};
use crate::suspect::facts::Facts;
use crate::{incident, signal};

/// What is to be judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// All recorded changes.
    Recorded,
    One(ChangeId),
    Proposed(Proposal),
}

/// A change that nobody has made yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    pub service: ServiceName,
    /// Path as shown, and the configuration.
    pub before: (String, Flat),
    pub after: (String, Flat),
}

/// The name that a proposed change goes by.
pub const PROPOSED: &str = "proposed";

/// Everything that was known when a change began.
struct Outlook<'a> {
    change: &'a Change,
    /// When it begins.
    now: Time,
    /// The whole configuration before and after it, where these were recorded.
    before: Option<&'a Flat>,
    after: Option<&'a Flat>,
    /// `None`: nothing with a time was read.
    signals: Option<&'a Signals>,
    /// Those that began before it.
    incidents: &'a [Incident],
    /// Changes that began before it, by time.
    earlier: &'a [Arc<Change>],
    topology: &'a Topology,
    facts: &'a Facts,
    /// What earlier runs kept.
    past: &'a [PastChange],
}

type Found = (RiskFinding, Option<Origin>);

/// Reads the bundle at `paths` up to `options.until` and judges the subject. A change that began exactly then counts; data of that
/// instant does not.
///
/// # Errors
/// As [`crate::analyze::analyze`].
pub fn assess(
    paths: &[PathBuf],
    subject: &Subject,
    options: &Options,
    formats: &Formats,
    (facts, past): (&Facts, &[PastChange]),
    progress: &dyn Progress,
) -> Result<Risks, AnalyzeError> {
    let mut input = intake::open(paths, formats, options).map_err(AnalyzeError::Bundle)?;
    workers(options.threads)?.install(|| {
        let mut intake = intake::take_in(&mut input, formats, options, progress);
        let bundle = &input.bundle;
        intake.changes = known_by(intake.changes, options.until);
        let signals = signals(&mut intake)?;
        let incidents = match &signals {
            Some(signals) => incident::detect(signals, options)?.incidents,
            None => Vec::new(),
        };
        let known = Known { bundle, intake: &intake, signals: signals.as_ref(), incidents: &incidents, facts, past };
        let changes = known.judge(subject, options.until);
        Ok(Risks { changes, coverage: intake.coverage })
    })
}

fn signals(intake: &mut Intake) -> Result<Option<Signals>, signal::SignalError> {
    let mut tally = std::mem::take(&mut intake.tally);
    let mut metrics = std::mem::take(&mut intake.metrics);
    intake.coverage.clocks = clocks::estimate(&tally, &intake.flow, &metrics, &intake.topology);
    clocks::correct(&intake.coverage.clocks, &mut tally, &mut intake.flow, &mut metrics);
    tabulate(tally, metrics, &intake.topology)
}

/// The changes that had begun at an instant, without the ends that nobody knew then.
fn known_by(changes: Vec<Arc<Change>>, instant: Option<Time>) -> Vec<Arc<Change>> {
    let Some(instant) = instant else { return changes };
    let begun = changes.into_iter().filter(|change| change.time <= instant);
    begun
        .map(|change| match change.end_time {
            Some(end) if end > instant => Arc::new(Change { end_time: None, ..(*change).clone() }),
            _ => change,
        })
        .collect()
}

/// What a run knows.
struct Known<'a> {
    bundle: &'a Bundle,
    intake: &'a Intake,
    signals: Option<&'a Signals>,
    incidents: &'a [Incident],
    facts: &'a Facts,
    past: &'a [PastChange],
}

impl Known<'_> {
    fn judge(&self, subject: &Subject, as_of: Option<Time>) -> Vec<ChangeRisk> {
        let recorded = |wanted: &dyn Fn(&Change) -> bool| -> Vec<ChangeRisk> {
            self.intake.changes.iter().filter(|c| wanted(c)).map(|c| self.recorded(c)).collect()
        };
        match subject {
            Subject::Recorded => recorded(&|_| true),
            Subject::One(id) => recorded(&|change| change.id == *id),
            Subject::Proposed(proposal) => vec![self.proposed(proposal, as_of)],
        }
    }

    fn recorded(&self, change: &Arc<Change>) -> ChangeRisk {
        let load = |path: &Option<String>| path.as_deref().and_then(|path| intake::settings(self.bundle, change, path));
        let (before, after) = (load(&change.config_before), load(&change.config_after));
        self.weigh(change, (before.as_ref(), after.as_ref()))
    }

    fn proposed(&self, proposal: &Proposal, as_of: Option<Time>) -> ChangeRisk {
        let (before, after) = (&proposal.before, &proposal.after);
        let last = self.intake.changes.last().map(|change| change.time);
        let end = self.signals.map(|signals| signals.span.end).into_iter().chain(last).max();
        let change = Change {
            id: ChangeId::new(PROPOSED),
            time: as_of.or(end).unwrap_or_default(),
            end_time: None,
            service: proposal.service.clone(),
            kind: ChangeKind::Config,
            version: None,
            previous_version: None,
            summary: None,
            author: None,
            url: None,
            instances: Vec::new(),
            config_before: Some(before.0.clone()),
            config_after: Some(after.0.clone()),
            config: config_diff::diff((&before.0, &before.1), (&after.0, &after.1)),
            diff: None,
            origin: Origin::file(&after.0),
        };
        self.weigh(&Arc::new(change), (Some(&before.1), Some(&after.1)))
    }

    fn weigh(&self, change: &Arc<Change>, (before, after): (Option<&Flat>, Option<&Flat>)) -> ChangeRisk {
        let incidents: Vec<Incident> = self.incidents.iter().filter(|incident| incident.span.start < change.time).cloned().collect();
        let begun = |c: &&Arc<Change>| c.time <= change.time && c.id != change.id;
        let earlier: Vec<Arc<Change>> = self.intake.changes.iter().filter(begun).cloned().collect();
        let outlook = Outlook {
            change,
            now: change.time,
            before,
            after,
            signals: self.signals,
            incidents: &incidents,
            earlier: &earlier,
            topology: &self.intake.topology,
            facts: self.facts,
            past: self.past,
        };
        let mut found = rules::examine(&outlook);
        found.extend(arithmetic::examine(&outlook));
        found.extend(shape::examine(&outlook));
        found.extend(timing::examine(&outlook));
        found.extend(history::examine(&outlook));
        let reasons: Vec<Reason> = found.into_iter().map(|(finding, origin)| weights::reason(finding, origin)).collect();
        let score = weights::score(change.kind, &reasons);
        ChangeRisk { change: Arc::clone(change), level: weights::level(score), score, reasons: weights::in_order(reasons) }
    }
}

impl Outlook<'_> {
    /// The time before the change in which nobody was hurt, as spans; empty where nothing was recorded before it.
    fn quiet(&self) -> Vec<TimeSpan> {
        let Some(signals) = self.signals.filter(|signals| signals.span.start < self.now) else { return Vec::new() };
        let mut spans = Vec::new();
        let (mut start, end) = (signals.span.start, self.now.min(signals.span.end));
        for incident in self.incidents {
            if incident.span.start > start {
                spans.push(TimeSpan { start, end: incident.span.start.min(end) });
            }
            start = start.max(incident.span.end);
        }
        if start < end {
            spans.push(TimeSpan { start, end });
        }
        spans.retain(|span| span.start < span.end);
        spans
    }

    /// The edits that are looked at one by one: more are a rewrite.
    fn edits(&self) -> impl Iterator<Item = &crate::model::KeyEdit> {
        const MOST_EDITS: usize = 400;
        let ConfigDiff { edits } = &self.change.config;
        edits.iter().take(MOST_EDITS)
    }
}
