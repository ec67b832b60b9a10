//! What became of a change once it was out: compared, tested, and told with what would decide it where nothing does yet.

use std::sync::Arc;

use super::change::Change;
use super::coverage::Coverage;
use super::names::{ChangeId, InstanceId, MetricName, Origin, ServiceName};
use super::time::{Time, TimeSpan};

/// How a change turned out, or one thing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Worse,
    CannotTell,
    NotWorse,
}

impl Outcome {
    /// All outcomes, the worst first.
    pub const ALL: &'static [Outcome] = &[Outcome::Worse, Outcome::CannotTell, Outcome::NotWorse];

    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Worse => "worse",
            Outcome::CannotTell => "cannot_tell",
            Outcome::NotWorse => "not_worse",
        }
    }
}

/// What is compared with what.
#[derive(Clone, Debug, PartialEq)]
pub enum Basis {
    /// Instances with the change against those without, in the same minutes.
    Instances { new: Vec<InstanceId>, old: Vec<InstanceId> },
    /// Requests that the new version answered against those that the old one answered, in the same minutes.
    Versions { new: String, old: String },
    /// The time before against the time after.
    BeforeAfter,
}

impl Basis {
    /// Whether both sides ran at the same time, under the same load.
    pub fn is_concurrent(&self) -> bool {
        *self != Basis::BeforeAfter
    }
}

/// What a check measures.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// Share of requests that failed, at the traffic mix of the new side.
    FailedShare,
    /// A quantile of the duration of requests, in milliseconds.
    Latency { quantile: f64 },
    /// Share of the steps in which instances answered at all.
    Answering,
    /// Failures by a metric: a share from 0 to 1, or a second.
    MetricFailures { metric: MetricName, per_second: bool },
    /// Latency by a metric, in the metric's unit.
    MetricLatency { metric: MetricName },
    /// Messages of an error kind in an hour; `never_before`: the old side had none.
    Errors { text: String, never_before: bool },
    /// Messages in an hour that came regularly and no more.
    Vanished { text: String },
    /// What a process uses, in the metric's unit.
    Resource { metric: MetricName },
    /// What an instance needs of its processor for its share of the same traffic, in the metric's unit: how much more it could carry.
    Capacity { metric: MetricName },
    /// A share of a capacity, from 0 to 1.
    Saturation { metric: MetricName },
    /// Something waits for a place where nothing did.
    Waiting { metric: MetricName },
}

impl Measured {
    /// As in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Measured::FailedShare => "failed_share",
            Measured::Latency { .. } => "latency",
            Measured::Answering => "answering",
            Measured::MetricFailures { .. } => "metric_failures",
            Measured::MetricLatency { .. } => "metric_latency",
            Measured::Errors { .. } => "errors",
            Measured::Vanished { .. } => "vanished",
            Measured::Resource { .. } => "resource",
            Measured::Capacity { .. } => "capacity",
            Measured::Saturation { .. } => "saturation",
            Measured::Waiting { .. } => "waiting",
        }
    }
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    pub service: ServiceName,
    /// Who calls, where the data says so.
    pub caller: Option<ServiceName>,
    pub measured: Measured,
    pub old: f64,
    pub new: f64,
    /// Requests, messages or samples of each side.
    pub old_n: f64,
    pub new_n: f64,
    /// New minus old for shares, new over old for all else, with bounds at the level of the run.
    pub effect: Effect,
    /// One-sided, of "it is no worse".
    pub p: f64,
    /// The same, corrected for the number of checks (Holm for those that decide, Benjamini-Hochberg for messages).
    pub adjusted: f64,
    pub outcome: Outcome,
    /// How many times the traffic so far would decide it, were it to go on like this; `None`: decided, or more traffic alone would not.
    pub more: Option<f64>,
    /// Whether the verdict rests on it; the others are warnings.
    pub decides: bool,
    pub doubts: Vec<Doubt>,
    pub origin: Option<Origin>,
}

/// Size of a difference with its bounds; not finite where a side has nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effect {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Effect {
    /// Of what nothing is known.
    pub const UNKNOWN: Effect = Effect { value: f64::NAN, low: f64::NAN, high: f64::NAN };

    /// On the scale of ratios what was found on that of their logarithms.
    #[must_use]
    pub fn exp(self) -> Effect {
        Effect { value: self.value.exp(), low: self.low.exp(), high: self.high.exp() }
    }
}

/// Why a check says less than its numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Doubt {
    /// Fewer observations than this on a side.
    Few { least: f64 },
    /// Only so many stretches of time of a side are independent of each other, fewer than the least that bounds can be told from.
    Short { blocks: usize, least: usize },
    /// The same hours of earlier days or weeks were no better, these times before the change.
    Seasonal { days: u32 },
    /// It went back to normal in the second half, as cold caches do.
    Settled,
    /// There was no other side in the same hours.
    NoOther,
    /// It differs, by less than anybody would notice.
    Trifle,
    /// Another change began so close that it could be this one's effect or the other's.
    Confounded { by: ChangeId, service: ServiceName },
}

/// Time that counts for neither side.
#[derive(Clone, Debug, PartialEq)]
pub struct SetAside {
    pub span: TimeSpan,
    /// The incident's most probable cause, where that is somebody else.
    pub cause: String,
    pub change: Option<ChangeId>,
    pub confidence: f64,
}

/// The verdict on one change.
#[derive(Clone, Debug, PartialEq)]
pub struct Verification {
    pub change: Arc<Change>,
    pub outcome: Outcome,
    pub basis: Basis,
    /// Time before the change and after its roll-out that was compared; empty where there is none.
    pub before: Vec<TimeSpan>,
    pub after: Vec<TimeSpan>,
    /// The change that ended the time after: its own undo or the next one of the service.
    pub ended_by: Option<ChangeId>,
    pub set_aside: Vec<SetAside>,
    /// The incident that this change is the most probable cause of, with the confidence.
    pub blamed: Option<(TimeSpan, f64)>,
    /// Those that decide first; worse before undecided before not worse, then by p.
    pub checks: Vec<Check>,
    /// The smallest number of times the traffic so far that would decide what is undecided.
    pub more: Option<f64>,
    /// Until when it was looked at.
    pub as_of: Time,
}

/// The verifications of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verifications {
    /// By time, then id of the change.
    pub changes: Vec<Verification>,
    pub coverage: Coverage,
}
