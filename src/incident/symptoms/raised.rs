//! The stretches in which one series stays beyond its quiet level, beyond what users bear, and beyond its own record.

use std::ops::Range;

use super::folded::{Folded, Grid, Point, Sort};
use crate::model::TimeSpan;
use crate::stats;
use crate::stats::special::{binomial_at_least, t_above};

/// Values outside of a stretch at the least: fewer have no scale.
const FEWEST: usize = 8;
/// Share of a series that is quiet at the least. Of less, the quieter half is no longer quiet.
const QUIET_SHARE: f64 = 0.4;
/// Buckets at the beginning of a series in which a service may still be starting, and before which nothing is known.
const START_UP: usize = 4;
/// Robust scales beyond the quiet level, half of them for a candidate: its level is that of the quieter half, which is too low.
const SCALES: f64 = 6.0;
/// Widens the scale by 1 + 4/values: quartiles of few values are too narrow.
const SMALL_SAMPLE: f64 = 4.0;
/// The least scale: of logarithms of latency, of shares in percentage points, and of others as a share of their level.
const LATENCY_SCALE: f64 = 0.1;
const SHARE_SCALE: f64 = 0.5;
const RELATIVE_SCALE: f64 = 0.05;
/// Latency grows to this multiple, as the median does of requests in logs (`slow.rs`) …
const SLOWER: f64 = 3.0;
/// … and that of the slowest requests to this: a factor of three comes and goes there without anybody complaining …
const SLOWER_TAIL: f64 = 4.0;
/// … and by this many seconds, where its unit is known: less is felt as instant (Nielsen, "Usability engineering", 1993, chapter 5).
const FELT: f64 = 0.1;
/// Errors grow by this many percentage points, and to this multiple.
const MORE_FAIL: f64 = 1.0;
const TIMES: f64 = 3.0;
/// Requests cease where less than this share of them is left.
const LEFT: f64 = 0.1;
/// Processors are used this many times as much, and memory: what is worth looking at, not what hurts.
const BUSIER: f64 = 4.0;
const MORE_MEMORY: f64 = 1.5;
/// The stretch must exceed by this factor what the rest reaches for as long.
const ABOVE_THE_REST: f64 = 1.3;
/// A series is interrupted where this many buckets are missing.
const INTERRUPTED: i64 = 3;
/// Tails as heavy as those of few degrees of freedom are what robust analyses assume of data with outliers (Lange, Little and Taylor, "Robust
/// statistical modeling using the t distribution", JASA 84, 1989).
const FREEDOM: f64 = 3.0;

/// A stretch of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    /// Positions in the series' points.
    pub range: Range<usize>,
    /// Robust scales of its median beyond the median outside.
    pub z: f64,
    /// Medians outside and within, as the metric is written.
    pub before: f64,
    pub during: f64,
    /// Logarithm of the probability that noise is so high for so long at one place.
    pub chance: f64,
    /// Places for a stretch as long.
    pub places: f64,
}

/// All such stretches, by time. What is quiet is told from `baseline` where it is given and holds enough of the series.
pub fn stretches(series: &Folded, grid: Grid, baseline: Option<TimeSpan>) -> Vec<Raised> {
    let points = &series.points;
    let values: Vec<f64> = points.iter().map(|p| p.value).collect();
    let Some(limit) = candidate_limit(series.sort, &values) else { return Vec::new() };
    let runs = stats::runs(values.iter().map(|v| *v > limit)).into_iter().flat_map(|run| uninterrupted(points, run));
    let long = runs.filter(|run| run.start >= START_UP && grid.is_long(points[run.start].bucket, points[run.end - 1].bucket));
    let told = long.filter(|run| run.len() >= super::SHORTEST);
    told.filter_map(|run| accepted(series, &values, run, baseline.map(|span| grid.within(span)))).collect()
}

/// Above it, a value may belong to a stretch; `None` of too few values.
fn candidate_limit(sort: Sort, values: &[f64]) -> Option<f64> {
    if values.len() < FEWEST + super::SHORTEST {
        return None;
    }
    let sorted = stats::sorted(values);
    let (level, scale) = level(sort, &sorted[..sorted.len().div_ceil(2)], &sorted)?;
    Some(level + (SCALES / 2.0 * scale).max(needed(sort, level) / 2.0))
}

/// Median and robust scale of quiet values.
fn level(sort: Sort, quiet: &[f64], all: &[f64]) -> Option<(f64, f64)> {
    let median = stats::median(quiet)?;
    let floor = match sort {
        Sort::Latency { .. } => LATENCY_SCALE,
        Sort::Resource { .. } => RELATIVE_SCALE,
        Sort::Share => SHARE_SCALE,
        Sort::Errors | Sort::Requests => RELATIVE_SCALE * median.abs(),
    };
    let scale = stats::robust_scale(quiet)?.max(floor) * (1.0 + SMALL_SAMPLE / quiet.len() as f64);
    // Errors that never were have no scale: half of the fewest that ever are.
    let fewest = all.iter().copied().filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
    let scale = if scale > 0.0 { scale } else { fewest / 2.0 };
    (scale > 0.0 && scale.is_finite()).then_some((median, scale))
}

/// By how much a value must exceed the quiet level for anybody to mind.
fn needed(sort: Sort, level: f64) -> f64 {
    match sort {
        Sort::Latency { tail } => if tail { SLOWER_TAIL } else { SLOWER }.ln(),
        Sort::Share => MORE_FAIL.max((TIMES - 1.0) * level),
        Sort::Errors => (TIMES - 1.0) * level.abs(),
        Sort::Requests => (1.0 - LEFT) * level.abs(),
        Sort::Resource { memory } => if memory { MORE_MEMORY } else { BUSIER }.ln(),
    }
}

/// The parts of a run between which no samples are missing.
fn uninterrupted(points: &[Point], run: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = run.start;
    for i in run.start + 1..run.end {
        if points[i].bucket - points[i - 1].bucket > INTERRUPTED {
            parts.push(start..i);
            start = i;
        }
    }
    parts.push(start..run.end);
    parts
}

fn accepted(series: &Folded, values: &[f64], range: Range<usize>, baseline: Option<Range<i64>>) -> Option<Raised> {
    let sort = series.sort;
    let parts = [&values[..range.start], &values[range.end..]];
    let outside = parts.concat();
    let named = baseline.map(|span| series.points.iter().filter(|p| span.contains(&p.bucket)).map(|p| p.value).collect::<Vec<_>>());
    let quiet = named.filter(|values| values.len() >= FEWEST).unwrap_or_else(|| outside.clone());
    if outside.len() < FEWEST || (outside.len() as f64) < QUIET_SHARE * values.len() as f64 {
        return None;
    }
    let (level, scale) = level(sort, &quiet, values)?;
    let within = stats::median(&values[range.clone()])?;
    let excess = within - level;
    let (before, during) = (series.written(level), series.written(within));
    let felt = !matches!(sort, Sort::Latency { .. }) || series.unit.is_none_or(|unit| (during - before) * unit >= FELT);
    let record = parts.iter().flat_map(|part| part.windows(super::SHORTEST)).filter_map(stats::median).fold(f64::NEG_INFINITY, f64::max);
    if excess < SCALES * scale || excess < needed(sort, level) || !felt || !above(sort, within, level, record) {
        return None;
    }
    let independent = stats::independent_values(&outside) / outside.len() as f64;
    let number = ((range.len() as f64 * independent).round() as u64).max(1);
    let z = excess / scale;
    let chance = binomial_at_least(number / 2 + 1, number, t_above(z, FREEDOM)).max(f64::MIN_POSITIVE).ln();
    let places = (values.len() as f64 / range.len() as f64).max(1.0);
    Some(Raised { range, z, before, during, chance, places })
}

/// Whether a stretch is clearly beyond the highest that the rest stays at.
fn above(sort: Sort, within: f64, level: f64, record: f64) -> bool {
    match sort {
        Sort::Latency { .. } | Sort::Resource { .. } => within > record + ABOVE_THE_REST.ln(),
        Sort::Share | Sort::Errors | Sort::Requests => within - level > ABOVE_THE_REST * (record - level),
    }
}
