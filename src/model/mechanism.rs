//! Whose connections ran out: the mechanism behind failing database work, with what speaks for it and what excludes the others.

use super::change::KeyEdit;
use super::names::{Origin, ServiceName};
use super::vocabulary::Mechanism;

/// The mechanism of one incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    pub mechanism: Mechanism,
    /// Whose work failed.
    pub service: ServiceName,
    /// The database that it works with, where that is known.
    pub database: Option<ServiceName>,
    /// What speaks for it, strongest first.
    pub signs: Vec<Shown>,
    /// What speaks against each of the others, in their order.
    pub excluded: Vec<(Mechanism, Shown)>,
    /// Whether signs of two independent kinds agree: messages, metrics, the edited setting, the load.
    pub corroborated: bool,
    /// What the catalogue of errors says of its most frequent message.
    pub confirm: Option<String>,
    pub refute: Option<String>,
    pub misleading: Option<String>,
}

/// A sign with the place it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub sign: Sign,
    pub origin: Option<Origin>,
}

/// What was seen. Shares from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Sign {
    /// Messages of the mechanism that surged; `by_server`: the database or its pooler wrote them.
    Messages { service: ServiceName, text: String, count: u64, share: f64, by_server: bool },
    /// No such message came more often than before.
    NoMessages { service: ServiceName, lines: u64 },
    /// Connections against their limit at the worst moment.
    Connections { service: ServiceName, metric: String, peak: f64, limit: f64 },
    /// A metric in the quiet time and in the incident (medians).
    Metric { service: ServiceName, metric: String, before: f64, during: f64 },
    /// The leading cause made the pool smaller.
    PoolLowered { edit: KeyEdit },
    /// Requests arrived this many times as often as before.
    LoadRise { ratio: f64 },
    /// Neither the pool's size, nor the load, nor what the service calls changed: connections do not come back.
    NothingElseChanged { ratio: f64 },
    /// The share of the mechanism's messages is too small to explain the incident.
    TooFew { count: u64, share: f64 },
    /// It follows from the mechanism that was named.
    Consequence { count: u64 },
}

impl Sign {
    /// Signs of one kind do not confirm each other.
    pub fn kind(&self) -> SignKind {
        match self {
            Sign::Messages { by_server: true, .. } => SignKind::ServerMessages,
            Sign::Messages { .. } | Sign::NoMessages { .. } | Sign::TooFew { .. } | Sign::Consequence { .. } => SignKind::ClientMessages,
            Sign::Connections { .. } | Sign::Metric { .. } => SignKind::Metrics,
            Sign::PoolLowered { .. } => SignKind::Settings,
            Sign::LoadRise { .. } | Sign::NothingElseChanged { .. } => SignKind::Load,
        }
    }
}

/// What a sign rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignKind {
    ClientMessages,
    ServerMessages,
    Metrics,
    Settings,
    Load,
}
