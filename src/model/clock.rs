//! Clocks that differ: whose, by how much, and how that is known.

use std::fmt;

use super::names::ServiceName;
use super::time::Step;

/// Whose times they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clock {
    /// The one that stamps the samples of all metrics.
    Metrics,
    /// The one that stamps the logs of a service.
    Service(ServiceName),
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Clock::Metrics => f.write_str("the metrics"),
            Clock::Service(service) => service.fmt(f),
        }
    }
}

/// What an offset was estimated from, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClockBasis {
    /// Times at which two services wrote the same trace or request id.
    SharedIds,
    /// Counts of records of caller and callee over time.
    Counts,
    /// Counts of records against a metric of the same traffic.
    Metric,
}

impl ClockBasis {
    /// The contract's name.
    pub fn name(self) -> &'static str {
        match self {
            ClockBasis::SharedIds => "shared_ids",
            ClockBasis::Counts => "counts",
            ClockBasis::Metric => "metric",
        }
    }
}

/// A clock that differs from the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Skew {
    pub clock: Clock,
    /// Seconds that it is ahead (negative: behind).
    pub offset: f64,
    /// Half the width, in seconds, of the span in which the offset lies.
    pub uncertainty: f64,
    pub basis: ClockBasis,
    /// The clock that it was compared with.
    pub against: Clock,
    /// Shared ids, or windows of counts, or samples, that the estimate rests on.
    pub pairs: u64,
    /// How many clocks agree with each other and are taken as right.
    pub agreeing: usize,
}

impl Skew {
    /// The seconds by which the records of this clock are moved back before they are compared: whole windows of counts for a
    /// service, so that no count is split.
    pub fn taken_out(&self, step: Step) -> f64 {
        match self.clock {
            Clock::Metrics => self.offset,
            Clock::Service(_) => (self.offset / step.seconds()).round() * step.seconds(),
        }
    }
}
