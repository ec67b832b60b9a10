//! What a staged roll-out's metrics show about its change.

use super::names::{MetricName, ServiceName};

/// How the new instances compare with the old ones in one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub metric: MetricName,
    /// Who calls, where the metric says so.
    pub caller: Option<ServiceName>,
    /// In the metric's own unit; success in percent.
    pub new: f64,
    pub old: f64,
    pub new_samples: usize,
    pub old_samples: usize,
    /// The difference in standard errors (success) or in usual deviations of the logarithm (latency, processor).
    pub z: f64,
}

/// One piece of evidence. At most one per family; seconds, percent and shares from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub enum RolloutFinding {
    /// T: it began this long after the first failing edge did.
    BeganAfter { seconds: f64 },
    /// T: it began this long before; its new instances had served in health for `served` seconds by then (`None`: no request is known
    /// to have reached one of them).
    BeganBefore { seconds: f64, served: Option<f64> },
    /// C: the new instances fail more often than the old ones beside them, which fell by `old_fell` points themselves.
    NewFails { contrast: Comparison, old_fell: f64 },
    /// C: the new instances are as healthy as the old ones.
    NewAsHealthy { contrast: Comparison },
    /// C: the old instances fell as much as the new ones: the service suffers, the version makes no difference.
    OldFellAsWell { contrast: Comparison, old_fell: f64 },
    /// C: neither new nor old instances are being called.
    NotCalled,
    /// S: the new instances answered in this share of the steps, their siblings in that.
    Silent { new_share: f64, old_share: f64, siblings: usize, listed_unknown: bool },
    /// R: the new version is slower or works harder than the old one.
    Heavier { latency: Option<Comparison>, cpu: Option<Comparison> },
    /// G: share of the failing edges that a fault of the service would explain; `of` those edges end there.
    Explains { share: f64, ending_here: usize, of: usize, starved: Option<Starved> },
}

/// Calls to the changed service ceased while their caller went on calling others: the break lies before them.
#[derive(Clone, Debug, PartialEq)]
pub struct Starved {
    pub caller: ServiceName,
    /// Share of the calls that ceased, and the same of the caller's least affected callee.
    pub loss: f64,
    pub least_loss: f64,
}
