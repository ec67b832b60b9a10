//! Clocks compared by ids that two services wrote: the strongest evidence, because both tell of the very same request.
//!
//! A caller and its callee finish a request within the time that it takes, so the difference between their last records of it is the
//! difference of their clocks and little more. What varies from request to request is no clock.

use std::collections::BTreeMap;

use super::{Link, clock_of};
use crate::model::{ClockBasis, Time};
use crate::stats;
use crate::template::Flow;
use crate::template::Symbol;
use crate::template::flow::Step;

/// Fewer shared ids than this prove nothing.
const FEWEST: usize = 20;
/// Traces looked at, spread over all.
const MOST_TRACES: usize = 4_096;
/// A trace that this many services share is compared at the first of them only.
const MOST_SERVICES: usize = 24;
/// The middle half of the differences must lie within this many seconds.
const MOST_SPREAD: f64 = 2.0;

/// The links between services that share ids.
pub fn links(flow: &Flow) -> Vec<Link> {
    let traces = flow.traces();
    let stride = traces.len().div_ceil(MOST_TRACES).max(1);
    let mut differences: BTreeMap<(Symbol, Symbol), Vec<f64>> = BTreeMap::new();
    for trace in traces.into_iter().step_by(stride) {
        let ends = last_of_each(trace);
        for (i, (a, at_a)) in ends.iter().enumerate() {
            for (b, at_b) in &ends[i + 1..] {
                differences.entry((*a, *b)).or_default().push(*at_a - *at_b);
            }
        }
    }
    let link = |((a, b), values): ((Symbol, Symbol), Vec<f64>)| {
        let (offset, uncertainty) = agreed(&values)?;
        let clock = |s| clock_of(flow.symbols.text(s));
        Some(Link { of: clock(a), to: clock(b), offset, uncertainty, basis: ClockBasis::SharedIds, pairs: values.len() as u64 })
    };
    differences.into_iter().filter_map(link).collect()
}

/// When each service wrote its last record of a trace, by service.
fn last_of_each(trace: &[Step]) -> Vec<(Symbol, Time)> {
    let mut last: BTreeMap<Symbol, Time> = BTreeMap::new();
    for step in trace {
        let time = last.entry(step.service).or_insert(step.time);
        *time = step.time.max(*time);
    }
    last.into_iter().take(MOST_SERVICES).collect()
}

/// The median difference and the width of its middle half, within which rounding to seconds stays; `None` where ids are few or differences vary.
fn agreed(values: &[f64]) -> Option<(f64, f64)> {
    let sorted = stats::sorted(values);
    if sorted.len() < FEWEST {
        return None;
    }
    let quartile = |q| stats::quantile_sorted(&sorted, q);
    let spread = quartile(0.75)? - quartile(0.25)?;
    (spread <= MOST_SPREAD).then_some((quartile(0.5)?, spread))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_or_varying_differences_are_no_clock() {
        assert_eq!(agreed(&[]), None);
        assert_eq!(agreed(&[90.0; 19]), None);
        assert_eq!(agreed(&[90.0; 20]), Some((90.0, 0.0)));
        let queue: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(agreed(&queue), None, "a queue's delay");
        let mut slow = vec![90.0; 80];
        slow.extend([120.0; 20]);
        assert_eq!(agreed(&slow), Some((90.0, 0.0)), "a fifth of the requests ran into a timeout");
    }
}
