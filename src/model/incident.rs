//! When and where users were hurt.

use super::names::{InstanceId, MetricName, ServiceName};
use super::time::{Step, Time, TimeSpan};

/// Which signal showed the incident.
#[derive(Clone, Debug, PartialEq)]
pub enum IncidentSignal {
    /// Requests failed at the services where users come in.
    FailedRequests,
    /// Requests succeeded but took much longer than in the quiet time: more than `threshold` microseconds.
    SlowRequests { threshold: i64 },
    /// Requests that were served before were refused as the client's fault: with a status of 4xx.
    RejectedRequests,
    /// A service without request outcomes logged many more errors than in the quiet time.
    ErrorRecords,
    /// Requests all but stopped arriving.
    LostThroughput,
    /// A metric left its quiet range.
    Metric { metric: MetricName },
    /// The operator named the window.
    Given,
}

/// A span in which users were hurt.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    pub span: TimeSpan,
    /// The data end while the incident lasts.
    pub ongoing: bool,
    pub signal: IncidentSignal,
    /// Where it showed: the services whose signal was tested, entry services first.
    pub services: Vec<ServiceName>,
    /// Log-likelihood ratio of the span against the quiet time, divided by the noise's over-dispersion; nats.
    pub score: f64,
    /// Share of bad outcomes in the quiet time that the span was tested against.
    pub quiet_ratio: f64,
    pub impact: Impact,
    /// The series that showed it, where nothing but metrics did; those nearest to users first.
    pub witnesses: Vec<Witness>,
    pub sparkline: Sparkline,
}

/// A metric series that left its usual range while an incident lasted.
#[derive(Clone, Debug, PartialEq)]
pub struct Witness {
    /// Who was measured: the callee, where calls were.
    pub service: ServiceName,
    /// Who called, where calls were measured.
    pub caller: Option<ServiceName>,
    pub metric: MetricName,
    /// Medians outside of the incident and within, as the metric is written.
    pub before: f64,
    pub during: f64,
}

/// How many users and requests were hurt, with the denominators.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Impact {
    pub requests: u64,
    pub failed: u64,
    /// Distinct users seen in the incident; 0: no record names a user.
    pub users: u64,
    pub users_affected: u64,
    /// Worst first: (method and path, requests, failed).
    pub routes: Vec<(String, u64, u64)>,
    /// Per instance of the failing services: (service, instance, requests, failed).
    pub instances: Vec<(ServiceName, InstanceId, u64, u64)>,
}

impl Impact {
    /// Share of the requests that failed, 0 to 1; `None` without requests.
    pub fn failed_ratio(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.failed as f64 / self.requests as f64)
    }

    /// Share of the users that a request failed for, 0 to 1; `None` where users are not told apart.
    pub fn users_ratio(&self) -> Option<f64> {
        (self.users > 0).then(|| self.users_affected as f64 / self.users as f64)
    }
}

/// The incident's signal over the whole recording: one value a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sparkline {
    pub start: Time,
    /// Width of one value; `None` where there are no values.
    pub step: Option<Step>,
    pub values: Vec<f64>,
    /// What a value is, such as `failed requests/s`.
    pub unit: String,
}
