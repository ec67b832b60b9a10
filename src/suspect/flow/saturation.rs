//! A resource that ran full while traces went wrong: code that waits for it looks as if it were wrong itself.

use super::FlowScore;
use crate::model::{Finding, SeriesKey, Time};
use crate::signal::class::{Class, ShareUnit, meaning};
use crate::stats;
use crate::suspect::Case;

/// Busy this much of its capacity, and this many times its usual.
const BUSY: f64 = 60.0;
const TIMES_USUAL: f64 = 4.0;
/// Memory in use of its limit, and percentage points above its usual.
const NEARLY_FULL: f64 = 85.0;
const POINTS_ABOVE: f64 = 25.0;
/// What a full resource is worth beside the votes of traces.
const FULL: f64 = 20.0;
/// Ratios stay below this; percentages of a busy resource do not.
const LARGEST_RATIO: f64 = 1.5;

/// Services whose processors or memory were full in the incident and not usually.
pub fn scores(case: &Case<'_>) -> Vec<FlowScore> {
    case.signals.metrics.iter().filter_map(|(key, points)| full(case, key, points)).collect()
}

fn full(case: &Case<'_>, key: &SeriesKey, points: &[(Time, f64)]) -> Option<FlowScore> {
    let meaning = meaning(key.metric.as_str()).filter(|_| key.edge.is_none())?;
    let unit = meaning.share?;
    let values: Vec<f64> = points.iter().map(|p| p.1).filter(|v| v.is_finite()).collect();
    let is_ratio = unit == ShareUnit::Ratio && values.iter().all(|v| *v <= LARGEST_RATIO);
    let scale = if is_ratio { 100.0 } else { 1.0 };
    let span = case.incident.span;
    let within = points.iter().filter(|p| span.start <= p.0 && p.0 <= span.end).map(|p| p.1).filter(|v| v.is_finite());
    let peak = scale * within.reduce(f64::max)?;
    let usual = scale * stats::median(&values)?;
    let resource = match meaning.class {
        Class::Cpu if peak >= BUSY && peak >= TIMES_USUAL * usual => "cpu",
        Class::Memory if peak >= NEARLY_FULL && peak >= usual + POINTS_ABOVE => "memory",
        _ => return None,
    };
    let finding = Finding::Saturated { service: key.service.clone(), metric: key.metric.clone(), before: usual, peak };
    Some(FlowScore { service: key.service.clone(), resource, score: FULL + (peak / usual.max(0.01)).ln(), findings: vec![finding] })
}
