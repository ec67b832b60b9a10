//! How far the clocks of services differ, estimated from what several of them tell of the same events.
//!
//! Pairs of clocks are linked by shared ids ([`ids`]), else by counts that follow each other ([`counts`]). The largest group of clocks
//! that agree is taken as right. A clock is called off only when every link between it and that group says so: a consumer that works
//! an hour behind its producer has a queue, not a bad clock. Knows neither incidents nor changes.

pub mod counts;
pub mod ids;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Clock, ClockBasis, Metrics, ServiceName, Skew, Topology};
use crate::stats;
use crate::template::{Flow, Tally};

/// Differences up to this many seconds are the time that requests take, and rounding: order in time is judged with the same slack.
const SMALLEST: f64 = 3.0;
/// A difference counts when it exceeds its own uncertainty this many times.
const CLEAR: f64 = 3.0;

/// What relates two clocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub of: Clock,
    pub to: Clock,
    /// Seconds that `of` is ahead of `to`.
    pub offset: f64,
    /// Seconds to either side.
    pub uncertainty: f64,
    pub basis: ClockBasis,
    pub pairs: u64,
}

impl Link {
    /// Up to this difference, in seconds, the two clocks agree.
    fn tolerance(&self) -> f64 {
        SMALLEST.max(CLEAR * self.uncertainty)
    }
}

/// The clocks that differ from the others, by name. None where two clocks cannot be compared, or agree.
pub fn estimate(tally: &Tally, flow: &Flow, metrics: &Metrics, topology: &Topology) -> Vec<Skew> {
    let mut links = ids::links(flow);
    let linked = Placed::over(&links);
    links.extend(counts::links(tally, metrics, topology, &|a, b| linked.comparable(a, b)));
    skews(&links, topology)
}

/// Takes the differences out of the counts, the paths of traces and the samples.
pub fn correct(skews: &[Skew], tally: &mut Tally, flow: &mut Flow, metrics: &mut Metrics) {
    for skew in skews {
        let micros = -(skew.offset * 1e6).round() as i64;
        match &skew.clock {
            Clock::Service(service) => {
                let windows = -(skew.taken_out(tally.step) / tally.step.seconds()) as i64;
                tally.move_service(service.as_str(), windows);
                flow.move_service(service.as_str(), micros);
            }
            Clock::Metrics => {
                metrics.values_mut().flatten().for_each(|p| p.0.0 = p.0.0.saturating_add(micros));
            }
        }
    }
}

/// Clocks with their offsets inside groups of clocks that links connect.
struct Placed {
    /// Clock -> (group, seconds ahead of the group's first clock, tolerance of the way there).
    of: BTreeMap<Clock, (usize, f64, f64)>,
}

impl Placed {
    /// Follows the surest links first; further links between clocks that are connected already change nothing.
    fn over(links: &[Link]) -> Placed {
        let mut order: Vec<&Link> = links.iter().collect();
        // Of links that contradict each other the one that calls no clock off is likelier.
        order.sort_by(|a, b| {
            a.basis.cmp(&b.basis).then(a.offset.abs().total_cmp(&b.offset.abs())).then((&a.of, &a.to).cmp(&(&b.of, &b.to)))
        });
        let mut placed = Placed { of: BTreeMap::new() };
        for link in order {
            let next = placed.of.len();
            let (group, at, way) = *placed.of.entry(link.to.clone()).or_insert((next, 0.0, 0.0));
            let (other, was, _) = *placed.of.entry(link.of.clone()).or_insert((next + 1, 0.0, 0.0));
            if group == other {
                continue;
            }
            let shift = at + link.offset - was;
            for entry in placed.of.values_mut().filter(|e| e.0 == other) {
                *entry = (group, entry.1 + shift, entry.2.max(way).max(link.tolerance()));
            }
        }
        placed
    }

    fn comparable(&self, a: &Clock, b: &Clock) -> bool {
        self.of.get(a).zip(self.of.get(b)).is_some_and(|(a, b)| a.0 == b.0)
    }
}

fn skews(links: &[Link], topology: &Topology) -> Vec<Skew> {
    let placed = Placed::over(links);
    let groups: BTreeSet<usize> = placed.of.values().map(|e| e.0).collect();
    let mut all: Vec<Skew> = groups.into_iter().flat_map(|group| skews_of(group, &placed, links, topology)).collect();
    all.sort_by(|a, b| a.clock.cmp(&b.clock));
    all
}

fn skews_of(group: usize, placed: &Placed, links: &[Link], topology: &Topology) -> Vec<Skew> {
    let members: Vec<(&Clock, f64, f64)> = placed.of.iter().filter(|(_, e)| e.0 == group).map(|(c, e)| (c, e.1, e.2)).collect();
    let agree = |at: f64| -> Vec<&(&Clock, f64, f64)> { members.iter().filter(|m| (m.1 - at).abs() <= m.2.max(SMALLEST)).collect() };
    let entries: BTreeSet<Clock> = topology.entries().map(|s| Clock::Service(s.clone())).collect();
    // Where as many clocks say one thing as another, times stay as the metrics have them, else as they are written where users come in.
    let rank = |m: &(&Clock, f64, f64)| {
        let with = agree(m.1);
        let metrics = with.iter().any(|m| *m.0 == Clock::Metrics);
        (with.len(), metrics, with.iter().any(|m| entries.contains(m.0)))
    };
    let mut best: Option<&(&Clock, f64, f64)> = None;
    for member in &members {
        if best.is_none_or(|b| rank(member) > rank(b)) {
            best = Some(member);
        }
    }
    let Some(best) = best else { return Vec::new() };
    let right = agree(best.1);
    let reference = stats::median(&right.iter().map(|m| m.1).collect::<Vec<_>>()).unwrap_or(best.1);
    let is_right = |clock: &Clock| right.iter().any(|m| m.0 == clock);
    let off = members.iter().filter(|m| !is_right(m.0));
    off.filter_map(|m| skew(m.0, m.1 - reference, links, &is_right, right.len())).collect()
}

/// The skew of a clock that lies `offset` ahead, unless one of its links contradicts.
fn skew(clock: &Clock, offset: f64, links: &[Link], is_right: &dyn Fn(&Clock) -> bool, agreeing: usize) -> Option<Skew> {
    let toward = |l: &Link| {
        let reverse = || (l.to == *clock).then(|| (l.of.clone(), -l.offset));
        if l.of == *clock { Some((l.to.clone(), l.offset)) } else { reverse() }
    };
    let own: Vec<(&Link, Clock, f64)> = links.iter().filter_map(|l| toward(l).map(|(other, ahead)| (l, other, ahead))).collect();
    let to_right: Vec<&(&Link, Clock, f64)> = own.iter().filter(|o| is_right(&o.1)).collect();
    if to_right.iter().any(|(link, _, ahead)| (ahead - offset).abs() > link.tolerance()) {
        return None;
    }
    let best = to_right.into_iter().min_by(|a, b| (a.0.basis, b.0.pairs).cmp(&(b.0.basis, a.0.pairs)));
    let (link, against, _) = best.or_else(|| own.iter().min_by_key(|o| (o.0.basis, o.1.clone())))?;
    Some(Skew {
        clock: clock.clone(),
        offset,
        uncertainty: link.uncertainty,
        basis: link.basis,
        against: against.clone(),
        pairs: link.pairs,
        agreeing,
    })
}

/// The clock of a service.
pub fn clock_of(service: &str) -> Clock {
    Clock::Service(ServiceName::new(service))
}

#[cfg(test)]
mod tests;
