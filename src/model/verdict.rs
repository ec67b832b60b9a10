//! What the analysis concludes. Evidence carries a direction and numbers, never prose: the report turns it into a sentence,
//! and only the verdict layer says what it is worth.

use std::sync::Arc;

use super::change::{Change, KeyEdit};
use super::coverage::Coverage;
use super::dossier::Dossier;
use super::incident::Incident;
use super::mechanism::Diagnosis;
use super::names::{ChangeId, InstanceId, Origin, ServiceName};
use super::rollout::RolloutFinding;
use super::time::{Time, TimeSpan};
use super::vocabulary::{KeyRole, Symptom};

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
    /// Strongest first, whether for or against.
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
}

impl Evidence {
    /// Whether it speaks for the suspect.
    pub fn supports(&self) -> bool {
        self.weight > 0.0
    }
}

/// What was found. Times in seconds, shares from 0 to 1, counts in records or requests.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// The failing calls of the incident, followed from caller to callee, end at this service with that share.
    Blame { service: ServiceName, share: f64 },
    /// It began this many seconds before the onset (negative: after).
    Began { before_onset: f64 },
    /// The first symptom of the changed service came this long after the change.
    FirstSymptom { service: ServiceName, after: f64, text: String },
    /// After it, and before the harm, the service answered this many requests, of which so many failed; the share that failed in the incident.
    ServedWell { service: ServiceName, seconds: f64, requests: u64, failed: u64, share: f64 },
    /// A series of the service that was level before the change grew from it to the onset: median before, level at the onset, Kendall's tau.
    GrewSince { service: ServiceName, metric: String, seconds: f64, before: f64, at_onset: f64, tau: f64 },
    /// The edited value is a time of day or a schedule, and the harm began when it came round: seconds from then to the onset, and
    /// seconds between two such times.
    Scheduled { edit: KeyEdit, after: f64, every: f64 },
    /// Records of trouble of the service in the `seconds` after the change, and in how many of as long windows at quiet times and after
    /// earlier changes there were as many.
    Placebo { service: ServiceName, seconds: f64, records: u64, windows: usize, as_many: usize },
    /// A message that the service used to write all the time stopped: `expected` is what the quiet time predicts for the incident.
    Vanished { service: ServiceName, text: String, count: u64, expected: f64 },
    /// A message of the service surged: `expected` is what the quiet time predicts for the incident's length.
    /// `own`: the message names no callee.
    Surge { service: ServiceName, text: String, count: u64, expected: f64, never_before: bool, symptom: Option<Symptom>, own: bool },
    /// A later change put it back and the incident ended `after` seconds later (negative: the end came first).
    Undone { by: ChangeId, after: f64, exact: bool },
    /// It was put back, and the symptoms went on.
    UndoneInVain { by: ChangeId, lasted: f64 },
    /// The change was running for as long as the incident lasted.
    RanAsLong { seconds: f64, end_gap: f64 },
    /// Failing shares of the instances it touched and of those it did not.
    Instances { touched: Vec<InstanceId>, touched_failed: u64, touched_requests: u64, other_failed: u64, other_requests: u64 },
    /// What the edited key governs, and the symptom, if any, that its resource shows when it runs out: `direct` or as a consequence,
    /// with its share of the troubled records. `worse`: it was moved in the direction that hurts, by `factor` (new over old).
    KeyGoverns {
        edit: KeyEdit,
        role: KeyRole,
        symptom: Option<Symptom>,
        share: f64,
        direct: bool,
        worse: Option<bool>,
        factor: Option<f64>,
    },
    /// Little's law on the new value: `places` that are each held for `hold_s` carry `capacity_per_s`; `demand_per_s` arrived, so
    /// that share must be refused; `observed` is the share that failed.
    Capacity { edit: KeyEdit, places: f64, hold_s: f64, capacity_per_s: f64, demand_per_s: f64, refused: f64, observed: f64 },
    /// What the new value makes happen by arithmetic on what was measured before, and what happened. `inputs` are named numbers.
    Predicted { edit: KeyEdit, law: Law, predicted: f64, observed: f64, inputs: Vec<(&'static str, f64)> },
    /// What the instances of a staged roll-out show in the metrics.
    Rollout(RolloutFinding),
    /// The new value itself stands in a new message, beside a word of the key.
    ValueQuoted { edit: KeyEdit, text: String },
    /// The key names the callee that the errors point at.
    KeyNamesCallee { edit: KeyEdit, callee: ServiceName, share: f64 },
    /// The edited keys govern nothing that the symptoms concern.
    KeyIrrelevant { keys: Vec<String> },
    /// Words of the diff that are new in the incident's messages.
    DiffWords { words: Vec<String> },
    /// The migration's database shows the symptoms of a schema or lock change.
    MigrationSymptom { symptom: Symptom, table: Option<String> },
    /// The changed service stopped answering within minutes of the change.
    DiedAfter { service: ServiceName, after: f64 },
    /// Nobody points at it and it shows no symptom of its own.
    NoSymptom { service: ServiceName, templates_tested: usize },
    /// Callers were refused, or the process was down or silent.
    Down { service: ServiceName, refused: u64, refused_share: f64, up_zero: bool, restarted: bool },
    /// A resource ran out, by messages of the component.
    Exhausted { service: ServiceName, symptom: Symptom, count: u64 },
    /// A metric of the component moved: quiet median, median in the incident, robust z.
    MetricShift { service: ServiceName, metric: String, before: f64, during: f64, z: f64 },
    /// The ranking of components by metrics alone: its score, and by how much that exceeds the best other service's (negative: it is
    /// that far behind the best).
    MetricRank { service: ServiceName, score: f64, margin: f64 },
    /// The ranking of services by the paths of traces: its score in nats, and by how much that exceeds the best other service's
    /// (negative: it is that far behind the best).
    FlowRank { service: ServiceName, score: f64, margin: f64 },
    /// Traces of the incident that are unusual at this service and at none below it, of all; the same of the baseline.
    LeftPath { service: ServiceName, traces: u64, of: u64, before: u64, before_of: u64 },
    /// A step inside the service that traces hardly took before: from an event (`None`: the beginning) to an event (`None`: the end);
    /// (taken, possible) times in the incident and in the baseline.
    OddStep { service: ServiceName, from: Option<String>, to: Option<String>, during: (u64, u64), before: (u64, u64) },
    /// After this event of the caller the service used to write next and does not: (missing, possible) times.
    NotReached { service: ServiceName, caller: ServiceName, from: String, during: (u64, u64), before: (u64, u64) },
    /// Between the service and these neighbours traces waited longer than before: slow gaps of all, and how much longer on average.
    SlowHops { service: ServiceName, neighbours: Vec<ServiceName>, slow: u64, of: u64, delay_ms: f64 },
    /// A resource ran full: usual median and peak in percent of its capacity.
    Saturated { service: ServiceName, metric: String, before: f64, peak: f64 },
    /// Requests arrived this many times as often as before.
    LoadRise { service: ServiceName, ratio: f64, before_per_s: f64, during_per_s: f64 },
    /// Requests arrived as often as before; a ratio of `detectable` would have counted as a rise.
    LoadFlat { service: ServiceName, ratio: f64, detectable: f64 },
    /// The component itself was as fast and as free of errors as before, over this many requests. `detectable`: the failing share that
    /// would have been seen with a power of 80 %.
    Healthy { service: ServiceName, requests: u64, failed: u64, p50_before_ms: f64, p50_during_ms: f64, detectable: f64 },
    /// Lines of the component in the incident, none of them an error that is new. `detectable`: the number of errors that would have been
    /// seen with a power of 80 %.
    CleanLog { service: ServiceName, lines: u64, errors: u64, detectable: f64 },
    /// A metric of the component stayed in its quiet range: median before, largest in the incident. `detectable`: the level that would
    /// have counted as a rise.
    MetricFlat { service: ServiceName, metric: String, before: f64, peak: f64, detectable: f64 },
    /// The component changed shortly before, which explains what it shows.
    ChangedRecently { service: ServiceName, change: ChangeId },
    /// Its errors only repeat that a callee failed.
    Victim { service: ServiceName, of: ServiceName, share: f64 },
}

/// How a number in a configuration acts, for predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Law {
    /// The pool carries the load with room to spare: predicted is its utilisation, observed the failed share.
    Carries,
    /// Calls that took longer than the limit before: their share, and the share of calls that failed.
    TimeLimit,
    /// Requests beyond the rate are refused: their share, and the share that was refused.
    Rate,
    /// Calls for each request while calls fail: a ratio, and the measured one.
    Retries,
    /// All pools together against the server's connections: the share beyond the limit, and 1 where the server refused any.
    Connections,
    /// Heap over the container's limit: their ratio, and 1 where memory ran out.
    Heap,
    /// Misses of a cache whose entries live shorter: a ratio to the misses before, and the measured one.
    CacheTtl,
    /// The inner limit over the outer one: their ratio, and 1 where calls timed out.
    TimeoutChain,
}

impl Finding {
    /// The smallest fault that the test behind a clearing finding would have seen, and its unit; `None` where nothing was tested for.
    pub fn detectable(&self) -> Option<(f64, &'static str)> {
        match self {
            Finding::Healthy { detectable, .. } => Some((*detectable, "failed_ratio")),
            Finding::CleanLog { detectable, .. } => Some((*detectable, "error_records")),
            Finding::MetricFlat { detectable, .. } => Some((*detectable, "value")),
            Finding::LoadFlat { detectable, .. } => Some((*detectable, "ratio_to_usual")),
            _ => None,
        }
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
