//! What an analysis may be told. The names of command-line flags are unknown here.

use super::family::EvidenceFamily;
use super::names::{MetricName, ServiceName};
use super::time::{Step, Time, TimeSpan};

/// Where links and paths that a bundle holds may lead. What the user names is read wherever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Only to what lies below the paths that the user named.
    #[default]
    Inside,
    Anywhere,
}

/// Settings of one analysis, validated, with defaults resolved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The incident that the operator knows of; the tool then looks for none of its own.
    pub incident: Option<(Time, Option<Time>)>,
    /// What the alarm was about.
    pub symptom: Option<(ServiceName, Option<MetricName>)>,
    /// Records before this instant are not read.
    pub since: Option<Time>,
    /// Records from this instant on are not read.
    pub until: Option<Time>,
    /// A period that the operator knows to have been quiet.
    pub baseline: Option<TimeSpan>,
    /// Offset of local times without a zone from UTC, in seconds; `None`: UTC.
    pub utc_offset: Option<i32>,
    /// Width of a window of counts; `None`: as fine as the length of the data allows.
    pub step: Option<Step>,
    /// Number of worker threads; `None`: one a core.
    pub threads: Option<usize>,
    /// Bytes of the parts in which large logs are read; `None`: by their size and the number of threads. No result depends on it.
    pub part: Option<u64>,
    /// Where links and paths that the bundle holds may lead.
    pub reach: Reach,
    /// Families of evidence that weigh nothing, to see what they are worth.
    pub without: Vec<EvidenceFamily>,
    /// Whether to gather what only long reports show: series, messages, back-tested alerts, fingerprints of the input.
    pub exhibits: bool,
}

impl Options {
    /// Whether a record of that time is wanted.
    pub fn wants(&self, time: Time) -> bool {
        self.since.is_none_or(|s| time >= s) && self.until.is_none_or(|u| time < u)
    }
}
