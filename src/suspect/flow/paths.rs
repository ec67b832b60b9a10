//! Steps that traces take now and did not take before, and calls that no longer arrive.

use rustc_hash::FxHashMap;

use super::{Epoch, Traces, likelihood_ratio, share};
use crate::model::Topology;
use crate::template::Symbol;
use crate::template::flow::{MOST_STEPS, Step};

/// The baseline must have seen what came before a step this often, and the step itself in at most this share.
const KNOWN: usize = 4;
const RARE: f64 = 0.03;
/// A step must be taken this often, and be this unlikely by chance.
const TAKEN: usize = 2;
const LEAST_ODD: f64 = 1.5;
/// Where only the minutes around the incident know what came before: errors only, and clearly more of them.
const LEAST_ODD_NEAR: f64 = 3.0;
const SHIFT_NEAR: f64 = 0.4;
/// Branches without an error also follow the content of requests.
const BRANCH: f64 = 0.4;
/// A callee is expected after an event that it followed this often; it vanished when it follows that much less often.
const FOLLOWED: f64 = 0.75;
const MISSING: f64 = 0.15;
const LEAST_VANISHED: f64 = 2.0;

/// What happened at a place of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    Start,
    End,
    At { event: Symbol, error: bool },
}

impl Event {
    fn of(step: &Step) -> Event {
        Event::At { event: step.event, error: step.error }
    }

    fn is_error(self) -> bool {
        matches!(self, Event::At { error: true, .. })
    }
}

/// From one event of a span to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Move {
    pub service: Symbol,
    pub from: Event,
    pub to: Event,
}

/// A service's event, and the other service whose record came next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handover {
    pub service: Symbol,
    pub at: Event,
    pub next: Option<Symbol>,
}

/// How unusual something is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Oddity {
    /// Log-likelihood ratio, nats.
    pub odds: f64,
    /// 1, or less for what may be innocent.
    pub weight: f64,
    /// Times seen of times possible, in the incident and in the baseline.
    pub during: (usize, usize),
    pub before: (usize, usize),
}

/// What is unusual about the traces of the incident.
#[derive(Debug, Default)]
pub struct Oddities {
    pub moves: FxHashMap<Move, Oddity>,
    /// By caller and its event: callees that no longer follow.
    pub vanished: FxHashMap<Context, Vec<(Symbol, Oddity)>>,
}

/// The moves of each span of a trace, its start and end included; a trace that was cut off has no ends.
pub fn moves(steps: &[Step]) -> Vec<Move> {
    let end = (steps.len() < MOST_STEPS).then_some(Event::End);
    let mut by_span: Vec<&Step> = steps.iter().collect();
    by_span.sort_by_key(|s| (s.service, s.span)); // stable: the order of time stays
    let mut moves = Vec::with_capacity(steps.len() * 2);
    for span in by_span.chunk_by(|a, b| (a.service, a.span) == (b.service, b.span)) {
        let service = span[0].service;
        let mut from = Event::Start;
        for to in span.iter().map(|s| Event::of(s)).chain(end) {
            moves.push(Move { service, from, to });
            from = to;
        }
    }
    moves
}

/// For each step of a trace, which other service wrote next.
pub fn handovers(steps: &[Step]) -> Vec<Handover> {
    let next = |i: usize| steps.get(i + 1).map(|s| s.service).filter(|s| *s != steps[i].service);
    steps.iter().enumerate().map(|(i, s)| Handover { service: s.service, at: Event::of(s), next: next(i) }).collect()
}

/// A service and one of its events: what something else follows.
type Context = (Symbol, Event);

/// How often each outcome followed each context, by epoch.
struct Counts<O> {
    outcomes: FxHashMap<(Context, O), [usize; 3]>,
    contexts: FxHashMap<Context, [usize; 3]>,
}

impl<O: Copy + Eq + std::hash::Hash> Counts<O> {
    fn new() -> Self {
        Counts { outcomes: FxHashMap::default(), contexts: FxHashMap::default() }
    }

    fn add(&mut self, epoch: Epoch, context: Context, outcome: O) {
        self.outcomes.entry((context, outcome)).or_default()[epoch as usize] += 1;
        self.contexts.entry(context).or_default()[epoch as usize] += 1;
    }
}

/// Finds what is unusual.
pub fn oddities(traces: &Traces<'_>, graph: &Topology) -> Oddities {
    let mut steps: Counts<Event> = Counts::new();
    let mut calls: Counts<Option<Symbol>> = Counts::new();
    for (epoch, trace) in &traces.all {
        moves(trace).into_iter().for_each(|m| steps.add(*epoch, (m.service, m.from), m.to));
        handovers(trace).into_iter().for_each(|h| calls.add(*epoch, (h.service, h.at), h.next));
    }
    let mut found = Oddities::default();
    for (&((service, from), to), &taken) in &steps.outcomes {
        if let Some(oddity) = odd_move(from, to, taken, steps.contexts[&(service, from)]) {
            found.moves.insert(Move { service, from, to }, oddity);
        }
    }
    for (&((service, at), next), &followed) in &calls.outcomes {
        let Some(callee) = next else { continue };
        let oddity = vanished(followed, calls.contexts[&(service, at)]);
        if let Some(oddity) = oddity.filter(|_| graph.calls(&traces.name(service), &traces.name(callee))) {
            found.vanished.entry((service, at)).or_default().push((callee, oddity));
        }
    }
    found.vanished.values_mut().for_each(|callees| callees.sort_by_key(|c| c.0));
    found
}

fn odd_move(from: Event, to: Event, taken: [usize; 3], context: [usize; 3]) -> Option<Oddity> {
    let of = |e: Epoch| (taken[e as usize], context[e as usize]);
    let (base, near, during) = (of(Epoch::Base), of(Epoch::Near), of(Epoch::Window));
    // Which event begins a span is up to whoever asks.
    if during.0 < TAKEN || (from == Event::Start && !to.is_error()) {
        return None;
    }
    if base.1 >= KNOWN {
        let odds = likelihood_ratio(during.0, during.1, base.0, base.1);
        let weight = if to.is_error() || to == Event::End { 1.0 } else { BRANCH };
        return (share(base.0, base.1) <= RARE && odds >= LEAST_ODD).then_some(Oddity { odds, weight, during, before: base });
    }
    let before = (base.0 + near.0, base.1 + near.1);
    let odds = likelihood_ratio(during.0, during.1, before.0, before.1);
    let shifted = before.1 > 0 && share(during.0, during.1) - share(before.0, before.1) >= SHIFT_NEAR;
    (to.is_error() && shifted && odds >= LEAST_ODD_NEAR).then_some(Oddity { odds, weight: 1.0, during, before })
}

/// Counted are the times that the callee did not follow.
fn vanished(followed: [usize; 3], context: [usize; 3]) -> Option<Oddity> {
    let missing = |e: Epoch| (context[e as usize] - followed[e as usize], context[e as usize]);
    let (before, during) = (missing(Epoch::Base), missing(Epoch::Window));
    let (share_before, share_during) = (share(before.0, before.1), share(during.0, during.1));
    if before.1 < KNOWN || during.1 == 0 || share_before > 1.0 - FOLLOWED || share_during - share_before < MISSING {
        return None;
    }
    let odds = likelihood_ratio(during.0, during.1, before.0, before.1);
    (odds >= LEAST_VANISHED).then_some(Oddity { odds, weight: 1.0, during, before })
}
