//! Predictions by number: what the new limits carry, against the load and the latencies measured before the change.

use super::{Found, Outlook};
use crate::model::{KeyEdit, KeyRole, RiskFinding, TimeSpan};
use crate::signal::Signals;
use crate::signal::load::{instances, latency, peak};
use crate::suspect::edits;
use crate::suspect::facts::{numeric_value, seconds};
use crate::template::LatencySketch;

/// A pool that is less busy than this at the peak has room for swings that no minute shows.
const BUSY: f64 = 0.7;
/// A limit that fewer calls exceed than this changes nothing that anybody would notice.
const SMALLEST_SHARE: f64 = 0.005;
/// Fewer calls than this say nothing of the slowest of them.
const FEWEST_CALLS: u64 = 50;

/// What edited limits will do under the load that was measured.
pub fn examine(outlook: &Outlook<'_>) -> Vec<Found> {
    let Some(signals) = outlook.signals else { return Vec::new() };
    let quiet = outlook.quiet();
    let both = |edit: &KeyEdit| [capacity(edit, outlook, signals, &quiet), below_latency(edit, outlook, signals, &quiet)];
    outlook.edits().flat_map(|edit| both(edit).into_iter().flatten().map(|finding| (finding, edit.origin.clone()))).collect()
}

/// A request holds its place no longer than it takes; where the key names a callee, no longer than the callee takes.
fn capacity(edit: &KeyEdit, outlook: &Outlook<'_>, signals: &Signals, quiet: &[TimeSpan]) -> Option<RiskFinding> {
    let fact = outlook.facts.key(edit.key.as_str())?;
    let lowered = edits::factor(edit).is_none_or(|factor| factor < 1.0);
    if !matches!(fact.role, KeyRole::Pool | KeyRole::ConnectionLimit | KeyRole::Threads) || !lowered {
        return None;
    }
    let service = &outlook.change.service;
    let outcomes = signals.outcomes.get(service)?;
    let callee = edits::named_callee(edit, service, outlook.topology).and_then(|callee| signals.outcomes.get(callee));
    let hold_s = latency(callee.unwrap_or(outcomes), quiet).mean()? / 1e6;
    let peak_per_s = peak(outcomes, quiet)?;
    let instances = instances(signals, service, quiet);
    let places = edit.after.as_deref().and_then(numeric_value).filter(|places| *places > 0.0)? * instances as f64;
    let capacity_per_s = edits::carried_per_s(places, hold_s);
    let refused = edits::refused_share(capacity_per_s, peak_per_s);
    let finding = RiskFinding::Capacity { edit: edit.clone(), places, instances, hold_s, capacity_per_s, peak_per_s, refused };
    (peak_per_s > BUSY * capacity_per_s).then_some(finding)
}

fn below_latency(edit: &KeyEdit, outlook: &Outlook<'_>, signals: &Signals, quiet: &[TimeSpan]) -> Option<RiskFinding> {
    let fact = outlook.facts.key(edit.key.as_str()).filter(|fact| fact.role == KeyRole::Timeout)?;
    let callee = edits::named_callee(edit, &outlook.change.service, outlook.topology)?;
    let limit_s = edit.after.as_deref().and_then(|value| seconds(value, fact.unit)).filter(|limit| *limit > 0.0)?;
    let sketch = latency(signals.outcomes.get(callee)?, quiet);
    let (share, calls) = share_above(&sketch, limit_s)?;
    let before = edit.before.as_deref().and_then(|value| seconds(value, fact.unit)).filter(|limit| *limit > 0.0);
    let added = share - before.and_then(|limit| share_above(&sketch, limit)).map_or(0.0, |(share, _)| share);
    (added >= SMALLEST_SHARE).then(|| RiskFinding::BelowLatency { edit: edit.clone(), callee: callee.clone(), limit_s, share, calls })
}

fn share_above(sketch: &LatencySketch, limit_s: f64) -> Option<(f64, u64)> {
    let calls = sketch.count();
    (calls >= FEWEST_CALLS).then(|| (sketch.above(limit_s * 1e6) as f64 / calls as f64, calls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_calls_say_nothing_of_the_slow_ones() {
        let mut sketch = LatencySketch::default();
        assert_eq!(share_above(&sketch, 1.0), None);
        (0..49).for_each(|_| sketch.add(2_000_000));
        assert_eq!(share_above(&sketch, 1.0), None);
        (0..51).for_each(|_| sketch.add(500_000));
        assert_eq!(share_above(&sketch, 1.0), Some((0.49, 100)));
    }
}
