//! Who could have done it, and what speaks for and against: evidence with directions and numbers, neither prose nor weights.
//!
//! Everything before this layer is read-only here. Weights and rendering are unknown.

pub mod blame;
pub mod candidates;
pub mod content;
pub mod delayed;
pub mod down;
pub mod edits;
pub mod effect;
pub mod facts;
pub mod flow;
pub mod health;
pub mod load;
pub mod metrics;
pub mod placebo;
mod predict;
pub mod rollout;
pub mod scene;
pub mod surge;
pub mod timing;
pub mod unrecorded;
pub mod vanished;
pub mod whole_files;

use std::sync::Arc;

use crate::intake::NameBook;
use crate::model::{CauseKind, Change, Finding, Incident, InstanceId, KeyEdit, Options, Origin, ServiceName, Topology};
use crate::signal::Signals;
use crate::template::Flow;
use facts::Facts;

/// One incident and everything that was read.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub incident: &'a Incident,
    pub signals: &'a Signals,
    /// What sources of changes record.
    pub changes: &'a [Arc<Change>],
    /// Restarts and reloads that they do not: mostly what something else led to, so that nothing but a suspicion rests on them.
    pub unrecorded: &'a [Arc<Change>],
    pub topology: &'a Topology,
    pub names: &'a NameBook,
    pub flow: &'a Flow,
    pub facts: &'a Facts,
    pub options: &'a Options,
    /// Seconds by which clocks may differ and still be said to agree.
    pub clock_slack: f64,
}

/// A finding and the places it was read from.
pub type Found = (Finding, Vec<Origin>);

/// Somebody or something that may have caused the incident, with what was found about it.
#[derive(Clone, Debug)]
pub struct Suspect {
    pub kind: CauseKind,
    pub service: ServiceName,
    pub instance: Option<InstanceId>,
    pub resource: Option<&'static str>,
    pub change: Option<Arc<Change>>,
    /// The edited key that speaks most for it.
    pub key: Option<KeyEdit>,
    pub undone_by: Option<Arc<Change>>,
    pub findings: Vec<Found>,
}

/// All suspects of a case; `scene` is what was surveyed before anybody was suspected.
pub fn gather(case: &Case<'_>, scene: &scene::Scene<'_>) -> Vec<Suspect> {
    candidates::gather(case, scene)
}
