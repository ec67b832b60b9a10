//! Plain values that every later layer speaks about: times, names, records, changes, incidents, verdicts.
//!
//! Nothing here reads a file, matches a regular expression, knows polars or prints. A type belongs here when two layers
//! exchange it; what only one layer needs stays in that layer.

pub mod alarm;
pub mod calibration;
pub mod capacity;
pub mod change;
pub mod clock;
pub mod coverage;
pub mod database;
pub mod dossier;
pub mod family;
pub mod finding;
pub mod history;
pub mod incident;
pub mod leb128;
pub mod mechanism;
pub mod names;
pub mod options;
pub mod period;
pub mod progress;
pub mod record;
pub mod risk;
pub mod rollout;
pub mod template;
pub mod time;
pub mod topology;
pub mod verdict;
pub mod verify;
pub mod vocabulary;

pub use alarm::{Alarm, Backtest, Condition, TestSeries};
pub use change::{Change, ChangeKind, ConfigDiff, KeyEdit};
pub use clock::{Clock, ClockBasis, Skew};
pub use coverage::{Complaint, Coverage, Crowd, Duplicate, FormatCoverage, Gap, SourceCoverage};
pub use dossier::{
    Dossier, Exhibits, Fix, FixEffect, InputHash, Measured, MessageRow, MetricChart, Moved, Owner, Recovery, RecoveryOutcome, ServiceChart,
};
pub use family::EvidenceFamily;
pub use finding::Finding;
pub use incident::{Impact, Incident, IncidentSignal, Sparkline, Witness};
pub use names::{ChangeId, ConfigKey, InstanceId, MetricName, Origin, ServiceName};
pub use options::{Options, Reach};
pub use progress::{Progress, Unwatched};
pub use record::{Exemplar, Masked, Metrics, Record, Request, Sample, SeriesKey, Tag};
pub use risk::{ChangeRisk, PastChange, Reason, RiskFinding, RiskLevel, Risks};
pub use template::{LineTemplate, TemplateCounts, Templates};
pub use time::{Step, Time, TimeSpan};
pub use topology::Topology;
pub use verdict::{
    Analysis, Cause, CauseKind, Evidence, NotRuledOut, ResourceShift, RuledOut, Sought, TimelineEntry, TimelineKind, Verdict,
};
pub use verify::{Outcome, Verification, Verifications};
pub use vocabulary::{KeyRole, Layer, Level, Mechanism, Symptom};
