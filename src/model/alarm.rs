//! Alerting rules for what was found, and what they would have done on the data at hand.

use super::names::{MetricName, Origin, ServiceName};
use super::time::{Time, TimeSpan};

/// One rule with its back-test.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// A name that Prometheus allows, unique in the run.
    pub name: String,
    pub service: ServiceName,
    pub condition: Condition,
    /// Seconds that the condition must hold.
    pub hold: f64,
    /// Why this limit: (largest value of the quiet time, typical value in the incident).
    pub levels: (f64, f64),
    /// The line that shows what the rule is about, where there is one.
    pub origin: Option<Origin>,
    pub backtest: Backtest,
}

/// What a rule looks at. Windows in seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Share of requests that failed.
    FailedShare { above: f64, window: f64 },
    /// Share of requests slower than `seconds`.
    SlowShare { seconds: f64, above: f64, window: f64 },
    /// A metric of the service is above or below a limit.
    Metric { metric: MetricName, limit: f64, above: bool },
    /// More than `above` messages that contain the text, within the window.
    Messages { contains: String, above: f64, window: f64 },
}

/// What a rule would have done.
#[derive(Clone, Debug, PartialEq)]
pub struct Backtest {
    /// Seconds between two evaluations, and between two samples.
    pub interval: f64,
    /// The first evaluation.
    pub start: Time,
    /// When it would have begun to fire for the incident, and seconds from the onset to that (negative: before).
    pub fired: Option<(Time, f64)>,
    /// Times at which it would have begun to fire while there was no incident.
    pub false_alarms: Vec<Time>,
    /// Seconds without an incident that were looked at.
    pub quiet_seconds: f64,
    /// Spans in which it fires, from the first evaluation that does to the first that does not.
    pub firing: Vec<TimeSpan>,
    /// The series that the rule was evaluated on, one value an evaluation.
    pub series: Vec<TestSeries>,
}

/// A series as a test of rules has it.
#[derive(Clone, Debug, PartialEq)]
pub struct TestSeries {
    /// Name and labels of the series.
    pub name: String,
    pub labels: Vec<(String, String)>,
    /// `None`: no sample.
    pub values: Vec<Option<f64>>,
}
