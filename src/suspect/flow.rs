//! Which service failed, judged from the paths of traces: a service is suspected where traces leave the path that they took before.
//!
//! Every step is conditioned on the one before it, so that neither the load nor the mix of requests moves the result. Changes and
//! the blame by messages are unknown here. The constants were tried on recordings of one system of forty services.

mod gaps;
mod graph;
mod paths;
mod saturation;
mod votes;

use std::cmp::Ordering;

use super::Case;
use crate::model::{Finding, ServiceName, Time, TimeSpan};
use crate::template::flow::Step;

/// Seconds before and after the incident whose traces are no baseline, tried in this order: the last minutes before an alarm are often
/// already faulty, and what was broken takes time to settle.
const GUARDS: [(f64, f64); 3] = [(150.0, 120.0), (30.0, 30.0), (5.0, 5.0)];
/// Fewer traces than this on either side tell nothing.
const FEWEST_TRACES: usize = 10;
const ENOUGH_TRACES: usize = 20;
/// A best score below this says nothing clearly.
pub const LEAST_SCORE: f64 = 6.0;

/// How well the failure of one resource of a service explains the traces.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowScore {
    pub service: ServiceName,
    /// `code`, `cpu`, `memory` or `network`.
    pub resource: &'static str,
    /// Nats, about; comparable between services and resources.
    pub score: f64,
    pub findings: Vec<Finding>,
}

/// What the traces say.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowVerdict {
    /// Best first, one a service; the first one has at least [`LEAST_SCORE`].
    pub scores: Vec<FlowScore>,
}

impl FlowVerdict {
    /// The score of a service; `None` where no trace passes it.
    pub fn of(&self, service: &ServiceName) -> Option<&FlowScore> {
        self.scores.iter().find(|s| s.service == *service)
    }

    /// The service's place in the ranking: its score, and how far ahead of the best other service it is.
    pub fn rank(&self, service: &ServiceName) -> Finding {
        let score = self.of(service).map_or(0.0, |s| s.score);
        let other = self.scores.iter().find(|s| s.service != *service).map_or(0.0, |s| s.score);
        Finding::FlowRank { service: service.clone(), score, margin: score - other }
    }
}

/// When a trace began, seen from the incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epoch {
    Base,
    /// Too near the incident to be trusted as a baseline.
    Near,
    Window,
}

/// The traces of a case, each with its epoch, by time.
pub struct Traces<'a> {
    pub case: &'a Case<'a>,
    pub all: Vec<(Epoch, &'a [Step])>,
    pub base: usize,
    pub window: usize,
}

impl<'a> Traces<'a> {
    fn of(case: &'a Case<'a>) -> Option<Traces<'a>> {
        let traces = case.flow.traces();
        let sort = |guard| {
            let all: Vec<_> = traces.iter().filter_map(|t| Some((epoch(t.first()?.time, case, guard), *t))).collect();
            let count = |e| all.iter().filter(|t| t.0 == e).count();
            Traces { case, base: count(Epoch::Base), window: count(Epoch::Window), all }
        };
        let sorted = GUARDS.into_iter().map(sort).find(|t| t.base >= ENOUGH_TRACES)?;
        (sorted.window >= FEWEST_TRACES).then_some(sorted)
    }

    /// The service that a symbol of the traces stands for.
    pub fn name(&self, service: crate::template::Symbol) -> ServiceName {
        ServiceName::new(self.case.flow.symbols.text(service))
    }
}

fn epoch(start: Time, case: &Case<'_>, (before, after): (f64, f64)) -> Epoch {
    let span = case.incident.span;
    let guarded = TimeSpan { start: span.start.plus_seconds(-before), end: span.end.plus_seconds(after) };
    match case.options.baseline {
        _ if span.start <= start && start <= span.end => Epoch::Window,
        Some(baseline) if baseline.contains(start) => Epoch::Base,
        None if !guarded.contains(start) => Epoch::Base,
        _ => Epoch::Near,
    }
}

/// Ranks services by the traces of a case; `None` where there are too few, or where they say nothing clearly.
pub fn survey(case: &Case<'_>) -> Option<FlowVerdict> {
    let traces = Traces::of(case)?;
    let graph = graph::calls(&traces);
    let oddities = paths::oddities(&traces, &graph);
    let mut scores = votes::scores(&traces, &graph, &oddities);
    scores.extend(gaps::scores(&traces));
    scores.extend(saturation::scores(case));
    scores.sort_by(best_first);
    let mut seen = std::collections::BTreeSet::new();
    scores.retain(|s| s.score > 0.0 && seen.insert(s.service.clone()));
    scores.first().is_some_and(|s| s.score >= LEAST_SCORE).then_some(FlowVerdict { scores })
}

fn best_first(a: &FlowScore, b: &FlowScore) -> Ordering {
    b.score.total_cmp(&a.score).then_with(|| a.service.cmp(&b.service)).then_with(|| a.resource.cmp(b.resource))
}

/// Log-likelihood ratio of `k` of `n` against the share that `before` of `of` makes likely, half a case added to the latter; nats.
fn likelihood_ratio(k: usize, n: usize, before: usize, of: usize) -> f64 {
    let (k, n) = (k as f64, n as f64);
    let expected = (before as f64 + 0.5) / (of as f64 + 1.0);
    let term = |count: f64, expected: f64| if count > 0.0 { count * (count / n / expected).ln() } else { 0.0 };
    term(k, expected) + term(n - k, 1.0 - expected)
}

fn share(count: usize, of: usize) -> f64 {
    count as f64 / of.max(1) as f64
}

#[cfg(test)]
mod tests;
