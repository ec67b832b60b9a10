//! Whether pools and databases are large enough: the values of a capacity plan.

use super::coverage::Coverage;
use super::names::{Origin, ServiceName};
use super::time::TimeSpan;

/// The plan for one bundle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CapacityPlan {
    /// What the load was measured in.
    pub span: Option<TimeSpan>,
    /// An incident that was left out of the measurement.
    pub left_out: Option<TimeSpan>,
    /// The share of requests that may have to wait.
    pub wait: f64,
    /// By service and key.
    pub pools: Vec<PoolPlan>,
    pub servers: Vec<ServerPlan>,
    /// What runs out at the smallest multiple of the load stands first.
    pub limits: Vec<Limit>,
    /// What could not be judged, each with what would be needed for it.
    pub missing: Vec<(String, String)>,
    pub coverage: Coverage,
}

/// What the time that a connection is held was measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldBasis {
    /// Whole requests of the service: an upper bound, for a request holds a connection no longer than it lasts.
    Requests,
    /// Requests to the callee that the key names.
    Callee,
    /// Transactions, as the pooler's own statistics have them.
    Transactions,
}

/// One pool of connections.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolPlan {
    pub service: ServiceName,
    /// The key that sets its size; `None` where only a log tells of it.
    pub key: Option<String>,
    pub origin: Option<Origin>,
    /// Connections of each instance.
    pub size: f64,
    pub instances: u64,
    /// Arrivals a second: mean, and in the busiest minute.
    pub mean_per_s: f64,
    pub peak_per_s: f64,
    /// Mean, in seconds.
    pub hold_s: f64,
    pub basis: HoldBasis,
    /// Connections in use on average in the busiest minute (Little's law).
    pub offered: f64,
    pub utilisation: f64,
    /// Share of requests that have to wait then (Erlang C).
    pub waiting: f64,
    /// The multiple of the busiest minute's load at which more requests than allowed wait.
    pub headroom: f64,
    pub needed: Vec<Needed>,
    /// Whether it is a pool of connections to a database.
    pub of_database: bool,
}

/// What a multiple of the load needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Needed {
    pub times: f64,
    /// Connections of all instances.
    pub places: u64,
    /// Of each instance, rounded up.
    pub each: u64,
    /// Share in use then.
    pub utilisation: f64,
}

/// One database server.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerPlan {
    pub service: ServiceName,
    pub limit: f64,
    /// Slots that applications cannot have.
    pub reserved: f64,
    /// Where the limit was read.
    pub source: String,
    /// The most connections that were counted at one time.
    pub observed: Option<f64>,
    /// What the pools may open together: sizes times instances.
    pub allotted: f64,
    /// (times, what the pools need together then, what max_connections should be).
    pub needed: Vec<(f64, u64, u64)>,
}

/// Something that runs out.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// `pool db.pool.max_size of checkout`, `connections of postgres`, `CPU of host`.
    pub name: String,
    pub used: f64,
    pub limit: f64,
    /// The multiple of the load at which it is used up.
    pub at_times: f64,
}
