//! What the analysis concludes. Evidence carries a direction and numbers, never prose: the report turns it into a sentence,
//! and only the verdict layer says what it is worth.

use std::sync::Arc;

use super::change::{Change, KeyEdit};
use super::coverage::Coverage;
use super::dossier::Dossier;
use super::finding::Finding;
use super::incident::{Incident, Witness};
use super::mechanism::Diagnosis;
use super::names::{ChangeId, InstanceId, Origin, ServiceName};
use super::time::{Time, TimeSpan};

/// The result of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// Earliest incident first; empty on quiet data.
    pub verdicts: Vec<Verdict>,
    /// Short disturbances that are not incidents, such as the blip of a restart: (span, bad outcomes, all outcomes, the roll-out that explains it).
    pub disturbances: Vec<(TimeSpan, u64, u64, Option<ChangeId>)>,
    /// From the first to the last record or sample; `None` when nothing with a time was read.
    pub span: Option<TimeSpan>,
    /// What the search for incidents looked at, and how small a problem it would have seen.
    pub sought: Sought,
    /// All services that logs, metrics, changes or the call graph name, by name.
    pub services: Vec<ServiceName>,
    /// All recorded changes, by time.
    pub changes: Vec<Arc<Change>>,
    pub coverage: Coverage,
    /// What reports show beside the verdicts.
    pub dossier: Dossier,
}

/// What was searched for incidents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sought {
    /// Services whose request outcomes were tested.
    pub services: Vec<ServiceName>,
    pub requests: u64,
    pub failed: u64,
    /// The smallest number of failures in a minute at the mean request rate that would have been reported.
    pub detectable_per_minute: Option<f64>,
    /// Services whose error records were tested.
    pub error_streams: usize,
    /// Metric series that were tested.
    pub metric_series: usize,
    /// Resources that left their usual range where no incident was found and nothing but metrics could have shown one; furthest first.
    pub resource_shifts: Vec<ResourceShift>,
}

/// A series that left its usual range, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceShift {
    pub witness: Witness,
    pub span: TimeSpan,
}

/// The verdict on one incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub incident: Incident,
    /// Best first, at most ten.
    pub causes: Vec<Cause>,
    /// Probability that the cause is none of the recorded changes, components or load listed.
    pub unexplained: f64,
    /// The same before any evidence: by what kinds of suspects there are, and how many.
    pub unexplained_prior: f64,
    pub ruled_out: Vec<RuledOut>,
    pub not_ruled_out: Vec<NotRuledOut>,
    pub timeline: Vec<TimelineEntry>,
    /// Whose connections ran out, where the incident concerns a database or a pool.
    pub mechanism: Option<Diagnosis>,
}

/// The contract's kinds of cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CauseKind {
    Change,
    Component,
    Load,
    Infra,
}

impl CauseKind {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            CauseKind::Change => "change",
            CauseKind::Component => "component",
            CauseKind::Load => "load",
            CauseKind::Infra => "infra",
        }
    }
}

/// One probable cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    pub kind: CauseKind,
    pub service: ServiceName,
    pub instance: Option<InstanceId>,
    /// What of a component failed: `process`, `memory`, `disk`, `cpu`, `network`, `code`, `traffic`.
    pub resource: Option<&'static str>,
    pub change: Option<Arc<Change>>,
    /// The edited key that is held responsible.
    pub key: Option<KeyEdit>,
    /// A later change that undid this one, if any.
    pub undone_by: Option<Arc<Change>>,
    /// Calibrated probability, 0 to 1.
    pub confidence: f64,
    /// As it is told: strongest first, whether for or against, and last what is aside.
    pub evidence: Vec<Evidence>,
}

/// One piece of evidence about a cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub finding: Finding,
    /// What it is worth, in nats of log-odds; negative speaks against.
    pub weight: f64,
    /// The lines, series or changes it was read from, best first.
    pub origins: Vec<Origin>,
    /// It counts, and does not help to tell the story: it repeats what is told, or does not go with it. Not among the first reasons.
    pub aside: bool,
}

impl Evidence {
    /// Whether it speaks for the suspect.
    pub fn supports(&self) -> bool {
        self.weight > 0.0
    }
}

/// A path that was tested and excluded.
#[derive(Clone, Debug, PartialEq)]
pub struct RuledOut {
    pub kind: CauseKind,
    pub service: ServiceName,
    pub change: Option<Arc<Change>>,
    /// Short name of the path: `database server postgres`, `storefront deploy-7959`, `network`.
    pub title: String,
    pub evidence: Vec<Evidence>,
}

/// A path that the data at hand cannot exclude.
#[derive(Clone, Debug, PartialEq)]
pub struct NotRuledOut {
    pub title: String,
    /// What data would decide it.
    pub needed: String,
}

/// What happened when.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineEntry {
    pub time: Time,
    pub kind: TimelineKind,
    pub service: ServiceName,
    pub text: String,
    pub origin: Option<Origin>,
}

/// What happened at a moment of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimelineKind {
    Change,
    FirstSymptom,
    IncidentStart,
    IncidentEnd,
    Disturbance,
}

impl TimelineKind {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            TimelineKind::Change => "change",
            TimelineKind::FirstSymptom => "first_symptom",
            TimelineKind::IncidentStart => "incident_start",
            TimelineKind::IncidentEnd => "incident_end",
            TimelineKind::Disturbance => "disturbance",
        }
    }
}
