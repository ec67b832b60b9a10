//! Every unusual trace votes for the deepest of the services where it is unusual.

use std::collections::BTreeMap;

use super::paths::{Event, Move, Oddities, Oddity, handovers, moves};
use super::{Epoch, FlowScore, Traces, likelihood_ratio, share};
use crate::model::{Finding, ServiceName, Time, Topology};
use crate::template::Symbol;
use crate::template::flow::Step;

/// Part of the strongest single oddity that a service's score gains.
const STRONGEST: f64 = 0.25;
/// Added to shares whose ratio is taken, and the least that a fault which fades keeps: it may be what an earlier fault left.
const SLACK: f64 = 0.02;
const FADED: f64 = 0.25;
/// The first part of the window, in which an earlier fault may still show.
const EARLY: f64 = 0.25;

/// What an unusual trace shows of one service.
#[derive(Clone, Copy)]
enum Sign {
    Moved(Move),
    /// The caller's event that it did not follow.
    Missed(Symbol, Event),
}

#[derive(Clone, Copy)]
struct Vote {
    sign: Sign,
    oddity: Oddity,
}

impl Vote {
    fn strength(&self) -> f64 {
        self.oddity.odds * self.oddity.weight
    }
}

/// The votes for one service.
#[derive(Default)]
struct Poll {
    early: usize,
    late: usize,
    base: usize,
    best: Option<Vote>,
    weight: f64,
}

/// The services that unusual traces vote for.
pub fn scores(traces: &Traces<'_>, graph: &Topology, oddities: &Oddities) -> Vec<FlowScore> {
    let mut depth = Depth { traces, graph, deeper: BTreeMap::new() };
    let quarter = quarter(traces);
    let mut polls: BTreeMap<Symbol, Poll> = BTreeMap::new();
    let (mut early, mut late) = (0, 0);
    for (epoch, steps) in traces.all.iter().filter(|t| t.0 != Epoch::Near) {
        let is_early = steps.first().is_some_and(|s| s.time < quarter);
        match epoch {
            Epoch::Window if is_early => early += 1,
            Epoch::Window => late += 1,
            _ => {}
        }
        let votes = votes(steps, oddities);
        for (service, vote) in depth.deepest(&votes) {
            let poll = polls.entry(service).or_default();
            match epoch {
                Epoch::Window => poll.count(vote, is_early),
                _ => poll.base += 1,
            }
        }
    }
    let score = |(service, poll): (Symbol, Poll)| poll.score(traces, service, (early, late));
    polls.into_iter().filter_map(score).collect()
}

/// Where the first part of the incident's traces ends; records may end before the incident does.
fn quarter(traces: &Traces<'_>) -> Time {
    let start = traces.case.incident.span.start;
    let last = traces.all.iter().filter(|t| t.0 == Epoch::Window).filter_map(|t| t.1.first()).map(|s| s.time).max().unwrap_or(start);
    start.plus_seconds(EARLY * (last - start))
}

/// What is unusual about a trace: the strongest sign for each service.
fn votes(steps: &[Step], oddities: &Oddities) -> BTreeMap<Symbol, Vote> {
    let mut votes: BTreeMap<Symbol, Vote> = BTreeMap::new();
    let mut add = |service: Symbol, vote: Vote| {
        let kept = votes.entry(service).or_insert(vote);
        if vote.strength() > kept.strength() {
            *kept = vote;
        }
    };
    for taken in moves(steps) {
        if let Some(oddity) = oddities.moves.get(&taken) {
            add(taken.service, Vote { sign: Sign::Moved(taken), oddity: *oddity });
        }
    }
    for step in handovers(steps) {
        for (callee, oddity) in oddities.vanished.get(&(step.service, step.at)).into_iter().flatten() {
            if step.next != Some(*callee) {
                add(*callee, Vote { sign: Sign::Missed(step.service, step.at), oddity: *oddity });
            }
        }
    }
    votes
}

/// Which services lie below others in the call graph.
struct Depth<'t, 'a> {
    traces: &'t Traces<'a>,
    graph: &'t Topology,
    deeper: BTreeMap<(Symbol, Symbol), bool>,
}

impl Depth<'_, '_> {
    /// The votes for services that no other one of them lies below.
    fn deepest(&mut self, votes: &BTreeMap<Symbol, Vote>) -> Vec<(Symbol, Vote)> {
        let mut kept = Vec::new();
        for (&service, &vote) in votes {
            if !votes.keys().any(|other| *other != service && self.is_below(*other, service)) {
                kept.push((service, vote));
            }
        }
        kept
    }

    fn is_below(&mut self, other: Symbol, service: Symbol) -> bool {
        let (traces, graph) = (self.traces, self.graph);
        *self.deeper.entry((other, service)).or_insert_with(|| {
            let (other, service) = (traces.name(other), traces.name(service));
            graph.distance(&service, &other).is_some() && graph.distance(&other, &service).is_none()
        })
    }
}

impl Poll {
    fn count(&mut self, vote: Vote, early: bool) {
        *(if early { &mut self.early } else { &mut self.late }) += 1;
        self.weight = self.weight.max(vote.oddity.weight);
        if self.best.is_none_or(|best| vote.strength() > best.strength()) {
            self.best = Some(vote);
        }
    }

    fn score(self, traces: &Traces<'_>, service: Symbol, (early, late): (usize, usize)) -> Option<FlowScore> {
        let best = self.best?;
        let (voting, window) = (self.early + self.late, early + late);
        let more = share(voting, window) > share(self.base, traces.base);
        let odds = if more { likelihood_ratio(voting, window, self.base, traces.base) } else { 0.0 };
        let fading = (share(self.late, late) + SLACK) / (share(self.early, early) + SLACK);
        let persists = if early == 0 || late == 0 { 1.0 } else { fading.clamp(FADED, 1.0) };
        let score = (odds * self.weight + STRONGEST * best.strength()) * persists;
        let name = traces.name(service);
        let left = Finding::LeftPath {
            service: name.clone(),
            traces: voting as u64,
            of: window as u64,
            before: self.base as u64,
            before_of: traces.base as u64,
        };
        Some(FlowScore { findings: vec![left, detail(traces, &name, best)], service: name, resource: "code", score })
    }
}

fn detail(traces: &Traces<'_>, service: &ServiceName, vote: Vote) -> Finding {
    let oddity = vote.oddity;
    let pair = |(count, of): (usize, usize)| (count as u64, of as u64);
    let (during, before) = (pair(oddity.during), pair(oddity.before));
    let text = |event: Event| match event {
        Event::Start | Event::End => None,
        Event::At { event, .. } => Some(traces.case.flow.symbols.text(event).to_owned()),
    };
    match vote.sign {
        Sign::Moved(m) => Finding::OddStep { service: service.clone(), from: text(m.from), to: text(m.to), during, before },
        Sign::Missed(caller, at) => Finding::NotReached {
            service: service.clone(),
            caller: traces.name(caller),
            from: text(at).unwrap_or_default(),
            during,
            before,
        },
    }
}
