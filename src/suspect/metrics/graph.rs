//! The call graph with what was measured on it: how much of a service's trouble its callees account for. Resources are unknown here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::deviation::Deviation;
use crate::model::{MetricName, ServiceName, Topology};
use crate::signal::class::Class;
use crate::stats::median;

/// A callee this many scales off explains its share of the damage in full, however much more its caller is off.
const CLEARLY_OFF: f64 = 1.5;
/// Lost calls explain this many times their own strength of the caller's errors: each of them fails outright.
const LOST_EXPLAINS: f64 = 3.0;
/// A caller's load counts as at least this share of its quiet load: below it, nothing can be said about its callees.
const LEAST_LOAD_SHARE: f64 = 0.05;
/// Calls that ebb away in ordinary times, as a share, at the least.
const LEAST_EBB: f64 = 0.3;

/// The strength of a deviation: logarithmic, since ten times the deviation is not ten times the evidence; falls count nothing.
pub fn strength(z: f64) -> f64 {
    z.max(0.0).ln_1p()
}

/// What users feel, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    pub service: ServiceName,
    /// The errors and latency that hurt, worst first, at most one of a kind; empty where the service has neither measured.
    pub metrics: Vec<(Class, MetricName)>,
    /// Whether the operator named it; otherwise it is only where users come in.
    pub given: bool,
}

/// A service by its place in the sorted list of services.
pub type Node = usize;

/// The graph and what was measured at its nodes and edges.
pub struct Graph<'m> {
    pub names: Vec<&'m ServiceName>,
    callees: Vec<Vec<Node>>,
    callers: Vec<Vec<Node>>,
    /// Callees that may explain their caller: in a cycle, only those that are further from where users come in.
    below: Vec<Vec<Node>>,
    z: BTreeMap<(Node, Class), f64>,
    seen_by_caller: BTreeMap<(Node, Node, Class), f64>,
    seen_by_callee: BTreeMap<(Node, Node, Class), f64>,
    /// Request-seconds lost or failed requests, by service, kind and metric.
    damage: BTreeMap<(Node, Class), BTreeMap<&'m MetricName, f64>>,
    /// Lower quartile of the window and ordinary ebb of the load, as shares of its quiet median.
    load_shares: BTreeMap<Node, (f64, f64)>,
    pub alarm: Option<Alarm>,
    /// Whether the alarmed service depends on the node, or is it; all without an alarm.
    pub reached: Vec<bool>,
}

/// Whether the series of an edge was measured at its caller.
pub fn is_by_caller(d: &Deviation) -> bool {
    d.key.edge.as_ref().is_some_and(|(caller, _)| *caller == d.key.service || d.meaning.by_caller)
}

/// The service that a series describes as a whole; `None` for what a caller measured of one callee.
pub fn subject<'m>(d: &Deviation<'m>) -> Option<&'m ServiceName> {
    match &d.key.edge {
        None => Some(&d.key.service),
        Some(_) if is_by_caller(d) => None,
        Some((_, callee)) => Some(callee),
    }
}

/// Median by group.
pub fn medians<K: Ord>(values: impl Iterator<Item = (K, f64)>) -> BTreeMap<K, f64> {
    let mut groups: BTreeMap<K, Vec<f64>> = BTreeMap::new();
    for (key, value) in values {
        groups.entry(key).or_default().push(value);
    }
    groups.into_iter().filter_map(|(key, values)| Some((key, median(&values)?))).collect()
}

/// All services that some series names, sorted.
fn services<'m>(deviations: &[Deviation<'m>]) -> Vec<&'m ServiceName> {
    let mut services: BTreeSet<&ServiceName> = deviations.iter().map(|d| &d.key.service).collect();
    services.extend(deviations.iter().filter_map(|d| d.key.edge.as_ref()).flat_map(|(caller, callee)| [caller, callee]));
    services.into_iter().collect()
}

/// Requests that each service handles in the window, in the metrics' own unit: instances and callers summed, the median over metrics.
pub fn measured_loads<'m>(deviations: &[Deviation<'m>]) -> BTreeMap<&'m ServiceName, f64> {
    let mut sums: BTreeMap<(&ServiceName, &MetricName), f64> = BTreeMap::new();
    for d in deviations.iter().filter(|d| d.meaning.class == Class::Load) {
        if let Some(service) = subject(d) {
            *sums.entry((service, &d.key.metric)).or_default() += d.mean;
        }
    }
    medians(sums.into_iter().map(|((service, _), sum)| (service, sum)))
}

/// The calls between services that have series.
pub fn measured_calls(deviations: &[Deviation], topology: &Topology) -> Topology {
    let known = services(deviations);
    let is_known = |service: &ServiceName| known.binary_search(&service).is_ok();
    let seen = deviations.iter().filter_map(|d| d.key.edge.as_ref()).map(|(caller, callee)| (caller, callee));
    let mut calls = Topology::default();
    for (caller, callee) in topology.edges().chain(seen).filter(|(a, b)| is_known(a) && is_known(b)) {
        calls.add(caller.clone(), callee.clone());
    }
    calls
}

impl<'m> Graph<'m> {
    /// The services that deviate or take part in calls. `alarm`: where the callers are unknown, who is taken for the caller of all.
    pub fn new(deviations: &[Deviation<'m>], topology: &Topology, alarm: Option<Alarm>) -> Graph<'m> {
        let names = services(deviations);
        let mut calls = measured_calls(deviations, topology);
        if let (true, Some(alarm)) = (calls.is_empty(), &alarm) {
            names.iter().for_each(|callee| calls.add(alarm.service.clone(), (*callee).clone()));
        }
        let nodes = |services: Vec<&ServiceName>| services.iter().filter_map(|s| names.binary_search(s).ok()).collect();
        let callees = names.iter().map(|s| nodes(calls.callees(s).collect())).collect();
        let callers = names.iter().map(|s| nodes(calls.callers(s).collect())).collect();
        let mut graph = Graph {
            callees,
            callers,
            below: Vec::new(),
            reached: Vec::new(),
            names,
            z: BTreeMap::new(),
            seen_by_caller: BTreeMap::new(),
            seen_by_callee: BTreeMap::new(),
            damage: BTreeMap::new(),
            load_shares: BTreeMap::new(),
            alarm,
        };
        graph.measure(deviations);
        let alarmed = graph.alarm.as_ref().and_then(|a| graph.node(&a.service));
        let entries: Vec<Node> = (0..graph.names.len()).filter(|node| graph.callers[*node].is_empty()).collect();
        let depths = graph.depths(&alarmed.map_or(entries, |node| vec![node]));
        graph.below = graph.below(&depths);
        graph.reached = depths.iter().map(|depth| alarmed.is_none() || depth.is_some()).collect();
        graph
    }

    /// Number of calls from the nearest of the starts down to each node; `None` where there is no way.
    fn depths(&self, starts: &[Node]) -> Vec<Option<usize>> {
        let mut depths = vec![None; self.names.len()];
        let mut queue: VecDeque<(Node, usize)> = starts.iter().map(|node| (*node, 0)).collect();
        while let Some((node, depth)) = queue.pop_front() {
            if depths[node].is_none() {
                depths[node] = Some(depth);
                queue.extend(self.callees[node].iter().map(|callee| (*callee, depth + 1)));
            }
        }
        depths
    }

    /// Two services that call each other must not explain each other away.
    fn below(&self, depths: &[Option<usize>]) -> Vec<Vec<Node>> {
        let closes_cycle = |node: Node, callee: Node| depths[callee] <= depths[node] && self.depths(&[callee])[node].is_some();
        let below = |node: Node| self.callees[node].iter().copied().filter(|callee| !closes_cycle(node, *callee)).collect();
        (0..self.names.len()).map(below).collect()
    }

    fn measure(&mut self, deviations: &[Deviation<'m>]) {
        self.z = medians(deviations.iter().filter_map(|d| Some(((self.subject(d)?, d.meaning.class), d.z))));
        self.seen_by_caller = self.edge_z(deviations, true);
        self.seen_by_callee = self.edge_z(deviations, false);
        self.load_shares = self.load_shares(deviations);
        self.damage = self.damage(deviations, &self.loads(deviations));
    }

    /// The node of a service.
    pub fn node(&self, service: &ServiceName) -> Option<Node> {
        self.names.binary_search(&service).ok()
    }

    /// The node that a series describes as a whole.
    pub fn subject(&self, d: &Deviation) -> Option<Node> {
        self.node(subject(d)?)
    }

    fn edge(&self, d: &Deviation) -> Option<(Node, Node)> {
        let (caller, callee) = d.key.edge.as_ref()?;
        Some((self.node(caller)?, self.node(callee)?))
    }

    fn edge_z(&self, deviations: &[Deviation], by_caller: bool) -> BTreeMap<(Node, Node, Class), f64> {
        let side = deviations.iter().filter(|d| is_by_caller(d) == by_caller);
        medians(side.filter_map(|d| self.edge(d).map(|(caller, callee)| ((caller, callee, d.meaning.class), d.z))))
    }

    /// Requests that each node handles in the window. Where none is measured, the largest load of the callers, else the median of all.
    fn loads(&self, deviations: &[Deviation<'m>]) -> Vec<f64> {
        let measured = measured_loads(deviations);
        let usual = median(&measured.values().copied().collect::<Vec<_>>()).unwrap_or(1.0);
        let of = |node: Node| measured.get(self.names[node]).copied();
        let of_callers = |node: Node| self.callers[node].iter().filter_map(|caller| of(*caller)).max_by(f64::total_cmp);
        (0..self.names.len()).map(|node| of(node).or_else(|| of_callers(node)).unwrap_or(usual)).collect()
    }

    fn load_series<'a>(&'a self, deviations: &'a [Deviation<'m>]) -> impl Iterator<Item = (Node, &'a Deviation<'m>)> {
        deviations.iter().filter(|d| d.meaning.class == Class::Load).filter_map(|d| Some((self.subject(d)?, d)))
    }

    fn load_shares(&self, deviations: &[Deviation<'m>]) -> BTreeMap<Node, (f64, f64)> {
        let usable = || self.load_series(deviations).filter(|(_, d)| d.quiet > 0.0);
        let ebbs = medians(usable().map(|(node, d)| (node, d.ebb / d.quiet)));
        let lows = medians(usable().map(|(node, d)| (node, d.low / d.quiet)));
        lows.into_iter().filter_map(|(node, low)| Some((node, (low, *ebbs.get(&node)?)))).collect()
    }

    fn damage(&self, deviations: &[Deviation<'m>], loads: &[f64]) -> BTreeMap<(Node, Class), BTreeMap<&'m MetricName, f64>> {
        let outside = deviations.iter().filter(|d| d.meaning.class.is_outside());
        let each =
            outside.filter_map(|d| self.subject(d).map(|node| ((node, d.meaning.class, &d.key.metric), d.excess.max(0.0) * loads[node])));
        let mut damage: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for ((node, kind, metric), lost) in medians(each) {
            damage.entry((node, kind)).or_default().insert(metric, lost);
        }
        damage
    }

    /// How far the node is off in this class; `None` where nothing of the sort is measured.
    pub fn z(&self, node: Node, class: Class) -> Option<f64> {
        self.z.get(&(node, class)).copied()
    }

    /// The [`strength`] of how far it is off, 0 where nothing is measured.
    pub fn strength(&self, node: Node, class: Class) -> f64 {
        strength(self.z(node, class).unwrap_or(0.0))
    }

    /// Share of the alarmed damage of a kind that the node's own accounts for; by how far they are off where no metric is common to both.
    /// `None` where there is no such damage.
    pub fn alarmed_share(&self, node: Node, kind: Class) -> Option<f64> {
        let alarmed = self.node(&self.alarm.as_ref()?.service)?;
        let damage = *self.damage.get(&(alarmed, kind))?.get(self.alarmed_metric(kind)?)?;
        let by_strength = || Some((self.strength(node, kind) / self.strength(alarmed, kind)).min(1.0)).filter(|share| share.is_finite());
        let share = if node == alarmed { 1.0 } else { self.damage_ratio(node, alarmed, kind).or_else(by_strength).unwrap_or(0.0) };
        (damage > 0.0).then_some(share)
    }

    fn alarmed_metric(&self, kind: Class) -> Option<&MetricName> {
        self.alarm.as_ref()?.metrics.iter().find(|(alarmed, _)| *alarmed == kind).map(|(_, metric)| metric)
    }

    /// Share of the caller's damage that the callee's own would account for: on the alarmed metric if both have it, else the median over
    /// the metrics both have; `None` where they have none in common.
    pub fn damage_ratio(&self, callee: Node, caller: Node, kind: Class) -> Option<f64> {
        let (below, above) = (self.damage.get(&(callee, kind))?, self.damage.get(&(caller, kind))?);
        let ratio = |metric: &MetricName| Some((below.get(metric)? / above.get(metric).filter(|d| **d > 0.0)?).min(1.0));
        self.alarmed_metric(kind).and_then(ratio).or_else(|| median(&above.keys().filter_map(|metric| ratio(metric)).collect::<Vec<_>>()))
    }

    /// Share of the node's errors or latency that its callees explain, 0 to 1.
    pub fn explained(&self, node: Node, kind: Class) -> f64 {
        let own = self.strength(node, kind);
        let by_callee =
            |callee: Node| self.slow_callee_explains(node, callee, kind, own).max(self.silent_callee_explains(callee, kind, own));
        self.below[node].iter().map(|callee| by_callee(*callee)).fold(0.0, f64::max)
    }

    fn slow_callee_explains(&self, node: Node, callee: Node, kind: Class, own: f64) -> f64 {
        let seen = self.seen_by_caller.get(&(node, callee, kind)).copied().or_else(|| self.z(callee, kind));
        let Some(z) = seen.filter(|z| *z > 0.0) else { return 0.0 };
        let relative = if own > 0.0 { (strength(z) / own).min(1.0) } else { 1.0 };
        self.damage_ratio(callee, node, kind).map_or(relative, |share| share * relative.max((z / CLEARLY_OFF).min(1.0)))
    }

    /// A callee that stopped calling its own callees failed before it called, whatever its own series say.
    fn silent_callee_explains(&self, callee: Node, kind: Class, own: f64) -> f64 {
        let lost = LOST_EXPLAINS * self.lost_calls(callee);
        match kind {
            Class::Errors if lost > 0.0 && own > 0.0 => (lost / own).min(1.0),
            _ => 0.0,
        }
    }

    /// Share of the node's calls that it no longer makes, beyond the fall of its own load and the ordinary ebb of the callee's.
    pub fn lost_calls(&self, node: Node) -> f64 {
        let Some((load, _)) = self.load_shares.get(&node) else { return 0.0 };
        let lost = |(low, ebb): &(f64, f64)| {
            let fall = 1.0 - (low / load.max(LEAST_LOAD_SHARE)).min(1.0);
            let ordinary = LEAST_EBB.max(1.0 - ebb);
            ((fall - ordinary) / (1.0 - ordinary)).clamp(0.0, 1.0)
        };
        self.callees[node].iter().filter_map(|callee| self.load_shares.get(callee)).map(lost).fold(0.0, f64::max)
    }

    /// How much worse its callers see the node than it sees itself: a delay on its link is seen by all callers and not by itself.
    pub fn network_gap(&self, node: Node) -> f64 {
        let gap = |caller: Node| {
            let seen = self.seen_by_caller.get(&(caller, node, Class::Latency))?;
            let itself = self.seen_by_callee.get(&(caller, node, Class::Latency)).copied().or_else(|| self.z(node, Class::Latency));
            Some((strength(*seen) - strength(itself.unwrap_or(0.0))).max(0.0))
        };
        let mut gaps: Vec<f64> = self.callers[node].iter().filter_map(|caller| gap(*caller)).collect();
        gaps.sort_by(f64::total_cmp); // a sum that does not depend on the order of names
        if gaps.is_empty() { 0.0 } else { gaps.iter().sum::<f64>() / gaps.len() as f64 }
    }
}
