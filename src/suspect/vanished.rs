//! Messages that a service wrote all the time, and stopped writing when the harm began: a cache that is no longer hit, orders no longer placed.

use std::collections::BTreeMap;

use super::Case;
use super::health::Health;
use super::surge::{first_line, grouped};
use crate::model::{Finding, Origin, ServiceName, TimeSpan};

/// A message that a service used to write all the time and stopped writing.
#[derive(Clone, Debug, PartialEq)]
pub struct Vanished {
    pub service: ServiceName,
    pub text: String,
    pub count: u64,
    pub expected: f64,
    pub origin: Origin,
}

impl Vanished {
    /// The same as a finding.
    pub fn finding(&self) -> Finding {
        Finding::Vanished { service: self.service.clone(), text: self.text.clone(), count: self.count, expected: self.expected }
    }
}

/// Expected so often at least; a Poisson count of that mean is hardly ever 0.
const MISSED: f64 = 15.0;
/// At most this share of what is expected is still written.
const STOPPED: f64 = 0.1;
/// Share of the quiet quarter minutes in which a steady message stands.
const STEADY: f64 = 0.6;
const BLOCK: f64 = 15.0;

/// Steady messages of the quiet time that stopped, by what is missed. What is expected follows the requests that users made.
pub fn find(case: &Case<'_>, quiet: TimeSpan, health: &BTreeMap<ServiceName, Health>) -> Vec<Vanished> {
    let (span, step) = (case.incident.span, case.signals.step);
    let entry = case.signals.entries.first().and_then(|s| health.get(s)).filter(|h| h.requests_before > 0.0);
    let by_time = if quiet.seconds() > 0.0 { span.seconds() / quiet.seconds() } else { 0.0 };
    let scale = entry.map_or(by_time, |h| (h.requests / h.requests_before).min(by_time));
    let mut all = Vec::new();
    for (key, counts) in grouped(case.signals) {
        let within = |s: TimeSpan| counts.iter().map(|c| c.within(s, step)).sum::<u64>();
        let (count, expected) = (within(span), within(quiet) as f64 * scale);
        if expected < MISSED || count as f64 > STOPPED * expected || !is_steady(&within, quiet) {
            continue;
        }
        let Some(exemplar) = counts.iter().flat_map(|c| c.exemplars.iter()).min_by_key(|e| (e.time, &e.origin)) else { continue };
        let service = ServiceName::new(case.signals.tally.symbols.text(key.service));
        all.push(Vanished { service, text: first_line(exemplar).to_owned(), count, expected, origin: exemplar.origin.clone() });
    }
    let missed = |v: &Vanished| v.expected - v.count as f64;
    all.sort_by(|a, b| missed(b).total_cmp(&missed(a)).then_with(|| (&a.service, &a.origin).cmp(&(&b.service, &b.origin))));
    all
}

fn is_steady(within: &dyn Fn(TimeSpan) -> u64, quiet: TimeSpan) -> bool {
    let blocks = (quiet.seconds() / BLOCK) as usize;
    let at = |i: usize| quiet.start.plus_seconds(i as f64 * BLOCK);
    let written = (0..blocks).filter(|i| within(TimeSpan { start: at(*i), end: at(i + 1) }) > 0).count();
    blocks > 0 && written as f64 >= STEADY * blocks as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    #[test]
    fn bursts_are_not_steady() {
        let quiet = TimeSpan { start: Time(0), end: Time(150_000_000) };
        assert!(is_steady(&|_| 3, quiet));
        assert!(!is_steady(&|s: TimeSpan| u64::from(s.start.0 == 0) * 50, quiet));
        assert!(!is_steady(&|_| 3, TimeSpan { start: Time(0), end: Time(1) }), "too short to tell");
    }
}
