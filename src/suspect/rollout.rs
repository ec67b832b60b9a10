//! Which of several changes in flight is guilty, judged by metrics of edges and instances: a staged roll-out leaves old and new
//! instances side by side, which is an experiment that nobody had to set up.
//!
//! Five families of evidence, each in nats of log-odds, are added up and normalised together with "none of these". Nothing is trained
//! and no name is looked at, except for the generic words in metric names. Deliberately unknown here: logs, configuration, and what
//! kind of change it was. The constants come from staged releases of a microservice test bed, several in flight at a time; in trials,
//! random factors of 0.5 to 2 on all weights changed fewer than 1 in 100 first answers.

mod aliases;
mod canary;
mod failing_edges;
mod order;
mod reach;
mod resources;
mod silence;
mod telemetry;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::rollout::{Comparison, RolloutFinding, Starved};
use crate::model::{Change, InstanceId, Metrics, Time, TimeSpan, Topology};

use aliases::Aliases;
use failing_edges::Edges;
use reach::Graph;
use telemetry::{Instance, Telemetry};

pub use failing_edges::FailingEdge;

/// Log-odds of "none of these": with the guilty change taken out of the input, the best innocent one stays below even odds.
const NONE_LOG_ODDS: f64 = -1.5;

/// What each family of evidence is worth, in nats; negative speaks against the change.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Terms {
    /// Order in time.
    pub t: f64,
    /// Contrast of success between new and old instances.
    pub c: f64,
    /// Silence of the new instances.
    pub s: f64,
    /// Latency and processor time of the new version.
    pub r: f64,
    /// How much of the failing edges it explains.
    pub g: f64,
}

impl Terms {
    /// All of them, in nats.
    pub fn sum(&self) -> f64 {
        self.t + self.c + self.s + self.r + self.g
    }
}

/// What the metrics say about one change.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutScore {
    /// Index into the changes.
    pub change: usize,
    pub terms: Terms,
    /// Sum of the terms.
    pub log_odds: f64,
    pub probability: f64,
    /// Order of the families; each is worth the term of its family, see [`RolloutScore::evidence`].
    pub findings: Vec<RolloutFinding>,
}

impl RolloutScore {
    /// The findings with what they are worth in nats.
    pub fn evidence(&self) -> impl Iterator<Item = (&RolloutFinding, f64)> {
        self.findings.iter().map(|f| (f, f.worth(&self.terms)))
    }
}

impl RolloutFinding {
    fn worth(&self, terms: &Terms) -> f64 {
        match self {
            RolloutFinding::BeganAfter { .. } | RolloutFinding::BeganBefore { .. } => terms.t,
            RolloutFinding::NewFails { .. }
            | RolloutFinding::NewAsHealthy { .. }
            | RolloutFinding::OldFellAsWell { .. }
            | RolloutFinding::NotCalled => terms.c,
            RolloutFinding::Silent { .. } => terms.s,
            RolloutFinding::Heavier { .. } => terms.r,
            RolloutFinding::Explains { .. } => terms.g,
        }
    }
}

/// The changes weighed against each other.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutVerdict {
    /// Best first.
    pub scores: Vec<RolloutScore>,
    /// Probability of none of these changes.
    pub none: f64,
    /// By name of callee and caller.
    pub failing_edges: Vec<FailingEdge>,
    /// When the first edge began to fail; `None` where none does.
    pub onset: Option<Time>,
    /// Whether the metrics know listed instances of any change; otherwise their silence was not judged, as names probably do not match.
    pub instances_known: bool,
}

/// What all changes are judged against.
struct Scene<'m> {
    telemetry: Telemetry<'m>,
    edges: Edges<'m>,
    graph: Graph,
    /// The first failing edge's onset, or the incident's start where none fails.
    onset: Time,
    /// The incident, no longer than there are samples.
    span: TimeSpan,
}

impl Scene<'_> {
    /// Seconds between samples.
    fn step(&self) -> f64 {
        self.telemetry.step
    }
}

/// One change with the instances it put beside the old ones.
struct Rollout<'a, 'm> {
    change: &'a Change,
    new: Vec<&'a Instance<'m>>,
    old: Vec<&'a Instance<'m>>,
    /// Whether an old instance ended with the roll-out, so that a listed one must have replaced it.
    replaced: bool,
    first_served: Option<Time>,
}

impl<'a, 'm> Rollout<'a, 'm> {
    fn new(change: &'a Change, aliases: &Aliases<'_>, scene: &'a Scene<'m>) -> Rollout<'a, 'm> {
        let listed: BTreeSet<&InstanceId> = change.instances.iter().collect();
        let mut rollout = Rollout { change, new: Vec::new(), old: Vec::new(), replaced: false, first_served: None };
        for (&id, instance) in scene.telemetry.instances_of(&change.service) {
            let alias = aliases.contains(&(&change.service, id));
            match (alias, listed.contains(id)) {
                (true, _) => rollout.replaced = true,
                (false, true) => rollout.new.push(instance),
                (false, false) => rollout.old.push(instance),
            }
        }
        rollout.replaced |= rollout.old.iter().any(|i| silence::ended_with(i, change.time, scene));
        rollout.first_served = order::first_served(&rollout, scene);
        rollout
    }

    /// Whether the listed instances are the metrics' own: they occur there, or one took the place of an old one.
    fn is_known(&self) -> bool {
        !self.new.is_empty() || self.replaced
    }

    /// From when on the new version can have had an effect.
    fn arrival(&self) -> Time {
        self.first_served.unwrap_or(self.change.time)
    }
}

/// Weighs the changes that began before the end of `span`, the incident. `None` where there is nothing to judge by: no metric tells the
/// success of requests per edge or per instance, or no change can be seen in them.
pub fn weigh(metrics: &Metrics, topology: &Topology, changes: &[Arc<Change>], span: TimeSpan) -> Option<RolloutVerdict> {
    let telemetry = Telemetry::read(metrics)?;
    let judged: Vec<(usize, &Change)> =
        changes.iter().enumerate().map(|(i, c)| (i, c.as_ref())).filter(|(_, c)| c.time < span.end).collect();
    if !judged.is_empty() && !judged.iter().any(|(_, change)| can_be_seen(change, &telemetry, topology)) {
        return None;
    }
    let aliases = aliases::find(&telemetry, judged.iter().map(|(_, c)| *c));
    let span = telemetry.covered(span);
    let quiet_until = judged.iter().map(|(_, c)| c.time).min().unwrap_or(span.start);
    let edges = Edges::test(&telemetry, &aliases, quiet_until, span);
    let graph = Graph::new(&telemetry, topology, &edges, judged.iter().map(|(_, c)| &c.service));
    let onset = edges.onset().unwrap_or(span.start);
    let scene = Scene { telemetry, edges, graph, onset, span };
    let rollouts: Vec<(usize, Rollout<'_, '_>)> =
        judged.into_iter().map(|(index, change)| (index, Rollout::new(change, &aliases, &scene))).collect();
    let instances_known = rollouts.iter().any(|(_, r)| !r.change.instances.is_empty() && r.is_known());
    let scores = rollouts.iter().map(|(index, rollout)| score(*index, rollout, instances_known, &scene)).collect();
    let (scores, none) = normalise(scores, changes);
    Some(RolloutVerdict { scores, none, onset: scene.edges.onset(), failing_edges: scene.edges.into_failing(), instances_known })
}

/// Whether there is anything to compare: of the service something is known, and it was recorded before the change, or beside it.
fn can_be_seen(change: &Change, telemetry: &Telemetry<'_>, topology: &Topology) -> bool {
    let service = &change.service;
    let calls = |edge: &telemetry::Edge<'_>| edge.0 == Some(service);
    let known = telemetry.services.contains(service) || topology.contains(service) || telemetry.edges.keys().any(calls);
    (known || service.is_everything()) && (change.time >= telemetry.recorded.start || !change.instances.is_empty())
}

fn score(index: usize, rollout: &Rollout<'_, '_>, instances_known: bool, scene: &Scene<'_>) -> RolloutScore {
    let presence = silence::presence(rollout, scene);
    let (t, order) = order::weigh(rollout, scene);
    let (c, contrast) = canary::weigh(rollout, &presence, scene);
    let (s, silence) = if instances_known { silence::weigh(rollout, &presence) } else { (0.0, None) };
    let (r, resources) = resources::weigh(rollout, scene);
    let (g, reach) = reach::weigh(&rollout.change.service, scene);
    let terms = Terms { t, c, s, r, g };
    let findings = [Some(order), contrast, silence, resources, reach].into_iter().flatten().collect();
    RolloutScore { change: index, terms, log_odds: terms.sum(), probability: 0.0, findings }
}

/// Softmax over the changes and "none of these"; equal scores in favour of the later change, as the nearest preceding one is the
/// better guess when nothing else is known.
fn normalise(mut scores: Vec<RolloutScore>, changes: &[Arc<Change>]) -> (Vec<RolloutScore>, f64) {
    let highest = scores.iter().map(|s| s.log_odds).fold(NONE_LOG_ODDS, f64::max);
    let none = (NONE_LOG_ODDS - highest).exp();
    let total = none + scores.iter().map(|s| (s.log_odds - highest).exp()).sum::<f64>();
    for score in &mut scores {
        score.probability = (score.log_odds - highest).exp() / total;
    }
    let identity = |s: &RolloutScore| changes.get(s.change).map(|c| (std::cmp::Reverse(c.time), c.id.clone()));
    scores.sort_by(|x, y| y.log_odds.total_cmp(&x.log_odds).then_with(|| identity(x).cmp(&identity(y))));
    (scores, none / total)
}

#[cfg(test)]
mod tests;
