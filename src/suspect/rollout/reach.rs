//! G, whether a fault of the changed service would explain the failing edges, by who calls whom.
//!
//! It knows no times: the order of events is weighed elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ServiceName, Topology};
use crate::stats;

use super::failing_edges::{Edges, FailingEdge};
use super::telemetry::Telemetry;
use super::{RolloutFinding, Scene, Starved};

/// An edge weighs its severity in points, up to this, so that one dead edge does not outvote all others ...
const MOST_SEVERITY: f64 = 20.0;
/// ... plus this for failing at all.
const LEAST_WEIGHT: f64 = 0.5;
/// How well a fault of the service explains that calls to `callee` fail: it is the callee,
const IS_CALLEE: f64 = 1.0;
/// the callee depends on it (this is what explains a caller away by its callee),
const BELOW_CALLEE: f64 = 0.6;
/// it is the caller,
const IS_CALLER: f64 = 0.4;
/// it is another callee of the caller, which may hand on its bad data,
const BESIDE_CALLEE: f64 = 0.3;
/// or none of these.
const UNRELATED: f64 = 0.1;
/// The share that speaks neither for nor against.
const NEUTRAL: f64 = 0.4;
/// Nats against a service whose calls ceased altogether: calls that still happen precede the break, calls that ceased follow it.
const STARVED: f64 = 2.0;
/// Share of the calls to it that must have ceased, and how much more than of the caller's other calls.
const LEAST_LOSS: f64 = 0.5;
const LOSS_MARGIN: f64 = 0.1;

/// The call graph of services that metrics know, with all that failing callees depend on.
pub struct Graph {
    calls: Topology,
    below: BTreeMap<ServiceName, BTreeSet<ServiceName>>,
}

impl Graph {
    /// Who calls whom, by the topology and by the edges that were measured.
    pub fn new<'a>(
        telemetry: &Telemetry<'a>,
        topology: &Topology,
        edges: &Edges<'a>,
        changed: impl Iterator<Item = &'a ServiceName>,
    ) -> Graph {
        let known: BTreeSet<&ServiceName> =
            telemetry.services.iter().copied().chain(changed).chain(edges.known().flat_map(|(u, v)| [u, v])).collect();
        let mut calls = Topology::default();
        for (caller, callee) in topology.edges().chain(edges.known()) {
            if known.contains(caller) && known.contains(callee) {
                calls.add(caller.clone(), callee.clone());
            }
        }
        let below = edges.failing().iter().map(|e| (e.callee.clone(), below(&calls, &e.callee))).collect();
        Graph { calls, below }
    }

    fn explains(&self, service: &ServiceName, edge: &FailingEdge) -> f64 {
        let below = self.below.get(&edge.callee).is_some_and(|set| set.contains(service));
        match &edge.caller {
            // A change of everything fits every edge equally well.
            _ if service.is_everything() => NEUTRAL,
            _ if *service == edge.callee => IS_CALLEE,
            _ if below => BELOW_CALLEE,
            Some(caller) if caller == service => IS_CALLER,
            Some(caller) if self.calls.calls(caller, service) => BESIDE_CALLEE,
            _ => UNRELATED,
        }
    }
}

/// All services that one calls, directly or through others.
fn below(calls: &Topology, service: &ServiceName) -> BTreeSet<ServiceName> {
    let mut found = BTreeSet::new();
    let mut open = vec![service];
    while let Some(next) = open.pop() {
        open.extend(calls.callees(next).filter(|c| found.insert((*c).clone())));
    }
    found
}

/// What the way from a service to the edges that fail is worth, in nats, and why.
pub fn weigh(service: &ServiceName, scene: &Scene<'_>) -> (f64, Option<RolloutFinding>) {
    let failing = scene.edges.failing();
    if failing.is_empty() {
        return (0.0, None);
    }
    let weight = |edge: &FailingEdge| edge.severity.min(MOST_SEVERITY) + LEAST_WEIGHT;
    let explained = ordered_sum(failing.iter().map(|e| weight(e) * scene.graph.explains(service, e)));
    let share = explained / ordered_sum(failing.iter().map(weight));
    let starved = starved(service, scene);
    let weight = (share / NEUTRAL).ln() - STARVED * starved.as_ref().map_or(0.0, share_starved);
    let ending_here = failing.iter().filter(|e| e.callee == *service).count();
    (weight, Some(RolloutFinding::Explains { share, ending_here, of: failing.len(), starved }))
}

/// Smallest first, so that the sum does not depend on what services are called.
fn ordered_sum(values: impl Iterator<Item = f64>) -> f64 {
    stats::sorted(&values.collect::<Vec<_>>()).iter().sum()
}

/// The loss beyond that of the caller's least affected callee, as a share of what could be lost beyond it.
fn share_starved(starved: &Starved) -> f64 {
    (starved.loss - starved.least_loss) / (1.0 - starved.least_loss)
}

/// Where calls to the service ceased most, among callers that take part in failing edges.
fn starved(service: &ServiceName, scene: &Scene<'_>) -> Option<Starved> {
    let ends: BTreeSet<&ServiceName> =
        scene.edges.failing().iter().flat_map(|e| e.caller.iter().chain([&e.callee])).filter(|u| *u != service).collect();
    ends.into_iter()
        .filter_map(|caller| {
            let loss = scene.edges.losses_of(caller).find(|(callee, _)| *callee == service)?.1;
            let least_loss = scene.edges.losses_of(caller).map(|(_, loss)| loss).fold(loss, f64::min);
            let ceased = loss >= LEAST_LOSS && loss > least_loss + LOSS_MARGIN;
            ceased.then(|| Starved { caller: caller.clone(), loss, least_loss })
        })
        .max_by(|x, y| share_starved(x).total_cmp(&share_starved(y)))
}
