//! Time lost between services: the gap from one service's record to the next one of another.

use std::collections::{BTreeMap, BTreeSet};

use super::{Epoch, FlowScore, Traces, likelihood_ratio, share};
use crate::model::Finding;
use crate::stats;
use crate::template::Symbol;

/// Seconds beyond the usual median that make a gap slow, and the most that one gap counts for.
const SLOW: f64 = 0.05;
const LONGEST: f64 = 2.0;
/// Seconds of delay that a call notices.
const NOTICEABLE: f64 = 0.02;
/// Gaps that the baseline must know; slow gaps of the incident, and how unlikely by chance.
const KNOWN: usize = 3;
const SEEN: usize = 2;
const LEAST_ODD: f64 = 2.0;
/// Evidence in nats from which a score counts in full.
const FULL: f64 = 10.0;
/// Nats that each e-fold of delay is worth.
const SCALE: f64 = 8.0;
/// With one slow neighbour only, either of the two may be slow.
const ONE_NEIGHBOUR: f64 = 0.6;
/// A delay shows where packets leave rather than where they arrive.
const OUTGOING: f64 = 0.1;

/// A pair of services whose gaps grew.
#[derive(Clone, Copy)]
struct Slowed {
    odds: f64,
    /// Mean seconds beyond the usual, of the slow gaps.
    excess: f64,
    slow: usize,
    of: usize,
}

type Pair = (Symbol, Symbol);

/// The services at which slow gaps meet.
pub fn scores(traces: &Traces<'_>) -> Vec<FlowScore> {
    let slowed = slowed(traces);
    let all: f64 = slowed.values().map(|s| s.odds).sum();
    let services: BTreeSet<Symbol> = slowed.keys().flat_map(|p| [p.0, p.1]).collect();
    services.into_iter().map(|s| score(traces, s, &slowed, all)).collect()
}

fn slowed(traces: &Traces<'_>) -> BTreeMap<Pair, Slowed> {
    let mut gaps: BTreeMap<Pair, [Vec<f64>; 2]> = BTreeMap::new();
    for (epoch, steps) in traces.all.iter().filter(|t| t.0 != Epoch::Near) {
        for pair in steps.windows(2).filter(|w| w[0].service != w[1].service) {
            let lists = gaps.entry((pair[0].service, pair[1].service)).or_default();
            lists[usize::from(*epoch == Epoch::Window)].push(pair[1].time - pair[0].time);
        }
    }
    gaps.into_iter().filter_map(|(pair, [before, during])| Some((pair, grown(&before, &during)?))).collect()
}

fn grown(before: &[f64], during: &[f64]) -> Option<Slowed> {
    let usual = stats::median(before).filter(|_| before.len() >= KNOWN)?;
    let slow = |gaps: &[f64]| gaps.iter().filter(|g| **g > usual + SLOW).count();
    let (now, then) = (slow(during), slow(before));
    if now < SEEN || share(now, during.len()) <= share(then, before.len()) {
        return None;
    }
    let odds = likelihood_ratio(now, during.len(), then, before.len());
    let beyond = during.iter().map(|g| g - usual).filter(|d| *d > SLOW).map(|d| d.min(LONGEST));
    (odds >= LEAST_ODD).then(|| Slowed { odds, excess: beyond.sum::<f64>() / now as f64, slow: now, of: during.len() })
}

/// How large the delay is, times how much of all slowness meets at the service, times how many of its gaps are slow.
fn score(traces: &Traces<'_>, service: Symbol, slowed: &BTreeMap<Pair, Slowed>, all: f64) -> FlowScore {
    let own: Vec<(&Pair, &Slowed)> = slowed.iter().filter(|(p, _)| p.0 == service || p.1 == service).collect();
    let sum = |value: &dyn Fn(&Slowed) -> f64| own.iter().map(|(_, s)| value(s)).sum::<f64>();
    let odds = sum(&|s| s.odds);
    let excess = sum(&|s| s.odds * s.excess) / odds;
    let (slow, of) = (own.iter().map(|o| o.1.slow).sum::<usize>(), own.iter().map(|o| o.1.of).sum::<usize>());
    let neighbours: BTreeSet<Symbol> = own.iter().map(|(p, _)| if p.0 == service { p.1 } else { p.0 }).collect();
    let outgoing: f64 = own.iter().filter(|(p, _)| p.0 == service).map(|(_, s)| s.odds).sum();
    let size = SCALE * (excess / NOTICEABLE).ln_1p();
    let reach = (odds / all) * (odds / FULL).min(1.0) * (0.3 + 0.7 * share(slow, of));
    let sides = if neighbours.len() == 1 { ONE_NEIGHBOUR } else { 1.0 };
    let direction = 1.0 + OUTGOING * (2.0 * outgoing - odds) / odds;
    let name = traces.name(service);
    let finding = Finding::SlowHops {
        service: name.clone(),
        neighbours: neighbours.into_iter().map(|n| traces.name(n)).collect(),
        slow: slow as u64,
        of: of as u64,
        delay_ms: excess * 1_000.0,
    };
    FlowScore { service: name, resource: "network", score: size * reach * sides * direction, findings: vec![finding] }
}
