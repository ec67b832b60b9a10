//! What reports show beside the verdict: whether a fix worked, whom to call, series to draw, messages that moved, alerts that would have
//! fired, and the fingerprints of what was read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alarm::Alarm;
use super::change::Change;
use super::names::{ChangeId, MetricName, Origin, ServiceName};
use super::time::{Step, Time, TimeSpan};
use super::vocabulary::{Level, Symptom};

/// Everything beside the verdicts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dossier {
    /// One a verdict, in their order.
    pub recoveries: Vec<Recovery>,
    /// By service, then change.
    pub owners: Vec<Owner>,
    /// Comes from the contents of the files: the key of pseudonyms.
    pub salt: [u8; 32],
    /// Only where the report shows them; they cost time and memory.
    pub exhibits: Option<Exhibits>,
}

/// Whether things went back to normal after an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovery {
    pub outcome: RecoveryOutcome,
    /// What was compared, such as `share of failed requests at gateway`.
    pub measure: String,
    pub before: Option<Measured>,
    pub during: Option<Measured>,
    pub after: Option<Measured>,
    /// 90 % confidence interval of after minus before.
    pub difference: Option<(f64, f64)>,
    /// A difference of less than this counts as none.
    pub margin: f64,
    /// Changes that came while it lasted, by time, and what followed them.
    pub fixes: Vec<Fix>,
}

/// What an equivalence test against the baseline says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryOutcome {
    /// Equivalent to the time before.
    Recovered,
    /// Better than in the incident and worse than before.
    Residue,
    /// Too little came after it.
    CannotTell,
    /// The data end while it lasts.
    StillOn,
}

/// A share or a mean over a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub span: TimeSpan,
    /// Share of bad outcomes, or mean of the values.
    pub level: f64,
    /// Outcomes, or values.
    pub of: u64,
    /// Bad outcomes, where outcomes were counted.
    pub bad: Option<u64>,
}

/// A change made during the incident, as an attempt to end it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    pub change: Arc<Change>,
    pub effect: FixEffect,
    /// From the attempt before to this one.
    pub before: Option<Measured>,
    /// From this one to the next, or to the end of the data.
    pub after: Option<Measured>,
    /// Seconds from the change to the end of the incident; negative: the end came first.
    pub to_end: f64,
}

/// What a change during the incident did to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixEffect {
    /// The incident ended with it.
    Ended,
    /// It got better and did not end.
    Eased,
    /// Nothing changed.
    None,
    /// It got worse.
    Worse,
    /// Too little came between it and the next, or it is one of several at the same time.
    CannotTell,
}

/// Who answers for a service or a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    pub service: ServiceName,
    /// Only where the record of a change names them.
    pub change: Option<ChangeId>,
    pub name: String,
    pub origin: Origin,
}

/// What is shown beside the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Exhibits {
    /// SHA-256 of every file as it lies on the disk, by path.
    pub inputs: Vec<InputHash>,
    /// Request outcomes by service, entry services first.
    pub services: Vec<ServiceChart>,
    /// Metric series that the evidence names, by cause.
    pub metrics: Vec<MetricChart>,
    /// Messages that came, surged or vanished; one list a verdict.
    pub messages: Vec<Vec<MessageRow>>,
    /// The files in which each service was heard of.
    pub told_by: BTreeMap<ServiceName, Vec<Arc<str>>>,
    /// One list a verdict.
    pub alarms: Vec<Vec<Alarm>>,
}

/// A file that was read, so that a report can be told to be about the same files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputHash {
    pub path: String,
    pub bytes: u64,
    /// Lower-case hexadecimal digits; `None`: it could not be read again.
    pub sha256: Option<String>,
}

/// The requests of one service: one value a window.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceChart {
    pub service: ServiceName,
    pub is_entry: bool,
    pub start: Time,
    pub step: Step,
    /// Requests a second.
    pub rate: Vec<f64>,
    /// Share of failed requests; not finite where there were none.
    pub failed: Vec<f64>,
    /// Milliseconds; not finite where there were none.
    pub p50_ms: Vec<f64>,
    pub p95_ms: Vec<f64>,
}

/// One metric series.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricChart {
    pub service: ServiceName,
    pub metric: MetricName,
    /// By time; of more values than can be drawn, the largest of each step.
    pub points: Vec<(Time, f64)>,
}

/// How a kind of message moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moved {
    /// Never seen before the incident.
    New,
    Surging,
    Vanished,
}

/// One kind of message, over all instances.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    pub moved: Moved,
    pub service: ServiceName,
    pub level: Level,
    /// Variables as `<*>`.
    pub template: String,
    pub during: u64,
    /// What the time before predicts for the length of the incident.
    pub expected: f64,
    pub symptom: Option<Symptom>,
    pub example: String,
    pub origin: Origin,
}

impl MessageRow {
    /// Whether the message tells of trouble: a level of warning or worse, an error text, or a known symptom of failure.
    pub fn is_trouble(&self) -> bool {
        self.moved != Moved::Vanished
            && (self.level >= Level::Warn
                || self.template.contains(" | ")
                || self.symptom.is_some_and(|s| !matches!(s, Symptom::Started | Symptom::Reloaded | Symptom::Stopped)))
    }
}
