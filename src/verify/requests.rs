//! Requests: the share that failed and how long they took, compared at one mix of routes.

use std::collections::BTreeMap;

use super::Case;
use super::judge::{self, Judged, LEAST_REQUESTS, Limits, Seen, TOLERATED_RATIO};
use super::windows::later_half;
use crate::model::verify::{Check, Doubt, Measured};
use crate::model::{Outcome, ServiceName, TimeSpan};
use crate::stats::resample::{Random, block_length, draw_blocks};
use crate::stats::sequential::Share;
use crate::stats::variance;
use crate::template::Cell;
use crate::template::{LatencySketch, Symbol};

/// A side is cut into about so many blocks to see how bursty it is.
const BLOCKS: usize = 30;
/// Routes with fewer old requests take the share of all.
const LEAST_OF_ROUTE: f64 = 20.0;
/// Fewer independent stretches of time than this tell nothing of the spread of a quantile.
const LEAST_BLOCKS: usize = 8;
/// Blocks that are drawn; more would only cost time.
const MOST_BLOCKS: usize = 64;
const RESAMPLES: usize = 600;
/// Quantiles with the requests that each side must have to know them.
const QUANTILES: [(f64, u64); 3] = [(0.5, 50), (0.95, 200), (0.99, 2_000)];
/// A smaller rise of a latency is not felt, in milliseconds.
const FELT_MS: f64 = 10.0;
/// Relative accuracy of a bin of the sketch.
const ACCURACY: f64 = 0.02;

/// The requests of one window and route.
#[derive(Clone)]
struct Row {
    window: i64,
    route: Symbol,
    cell: Cell,
}

/// Compares the failing shares and the latencies of requests.
pub fn check(case: &Case<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    for service in case.scope().into_iter().filter(|service| case.has_outcomes(service)) {
        let compared = Requests::of(case, service);
        checks.extend(failed_share(case, service, &compared));
        checks.extend(latencies(case, service, &compared));
    }
    checks
}

/// Compares the failing share of the requests to one service.
pub fn check_failures(case: &Case<'_>, service: &ServiceName) -> Option<Check> {
    failed_share(case, service, &Requests::of(case, service))
}

/// The requests that are compared, by window, then route.
struct Requests {
    new: Vec<Row>,
    old: Vec<Row>,
    /// The same hours so many days earlier.
    season: Option<(u32, Vec<Row>)>,
}

impl Requests {
    fn of(case: &Case<'_>, service: &ServiceName) -> Requests {
        let (new, old) = (gather(case, service, &case.windows.after, true), gather(case, service, side_of_old(case), false));
        let concurrent = case.sides.basis.is_concurrent();
        let season = case.windows.season.as_ref().filter(|_| !concurrent).map(|(days, spans)| (*days, gather(case, service, spans, false)));
        Requests { new, old, season }
    }
}

fn side_of_old<'a>(case: &'a Case<'_>) -> &'a [TimeSpan] {
    if case.sides.basis.is_concurrent() { &case.windows.after } else { &case.windows.before }
}

/// By window, then route.
fn gather(case: &Case<'_>, service: &ServiceName, spans: &[TimeSpan], new: bool) -> Vec<Row> {
    let tally = &case.signals.tally;
    let step = case.signals.step;
    let mut rows = Vec::new();
    for (key, counts) in tally.requests_sorted() {
        if tally.symbols.text(key.service) != service.as_str() {
            continue;
        }
        if case.sides.basis.is_concurrent() && case.sides.is_new(key, case.signals) != Some(new) {
            continue;
        }
        let within = |window: i64| spans.iter().any(|span| span.contains(step.start_of(window)));
        let kept = counts.windows.iter().filter(|(window, _)| within(*window));
        rows.extend(kept.map(|(window, cell)| Row { window, route: key.route, cell }));
    }
    rows.sort_by_key(|row| (row.window, row.route));
    rows
}

fn share_of<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Share {
    rows.into_iter()
        .fold(Share::default(), |sum, row| Share::new(sum.hits + f64::from(row.cell.failed), sum.of + f64::from(row.cell.completed)))
}

/// Stretches of equal length, by time.
fn blocks(rows: &[Row], most: usize) -> Vec<&[Row]> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Vec::new() };
    let width = ((last.window - first.window + 1) as usize).div_ceil(most).max(1) as i64;
    rows.chunk_by(|a, b| (a.window - first.window) / width == (b.window - first.window) / width).collect()
}

fn failed_share(case: &Case<'_>, service: &ServiceName, Requests { new, old, season }: &Requests) -> Option<Check> {
    let (raw_new, raw_old) = (share_of(new), share_of(old));
    if raw_new.of + raw_old.of <= 0.0 {
        return None;
    }
    let mut judged = compare_shares(case, new, old);
    let mut doubts = Vec::new();
    if raw_new.of < LEAST_REQUESTS || raw_old.of < LEAST_REQUESTS {
        judged.outcome = Outcome::CannotTell;
        let floor = if raw_new.of > 0.0 { LEAST_REQUESTS / raw_new.of } else { f64::INFINITY };
        judged.more = Some(judged.more.unwrap_or(1.25).max(floor)).filter(|more| more.is_finite() && raw_old.of >= 1.0);
        doubts.push(if raw_old.of <= 0.0 { Doubt::NoOther } else { Doubt::Few { least: LEAST_REQUESTS } });
    } else if let Some((days, rows)) = season.as_ref().filter(|(_, rows)| share_of(rows).of >= LEAST_REQUESTS) {
        let seasonal = compare_shares(case, new, rows);
        doubts.extend(with_season(&mut judged, &seasonal, *days));
    }
    doubts.extend(judged.trifle.then_some(Doubt::Trifle));
    let standard = standardised(raw_new, new, old);
    let seen =
        Seen { old: standard.value().unwrap_or(f64::NAN), new: raw_new.value().unwrap_or(f64::NAN), old_n: raw_old.of, new_n: raw_new.of };
    Some(judge::check(service, Measured::FailedShare, seen, judged, doubts))
}

/// Worse only where it is worse than both, as rises come every morning; not worse where either comparison says so.
fn with_season(judged: &mut Judged, seasonal: &Judged, days: u32) -> Option<Doubt> {
    judged.p = judged.p.max(seasonal.p);
    if judged.outcome == Outcome::NotWorse || seasonal.outcome == judged.outcome {
        return None;
    }
    judged.outcome = if seasonal.outcome == Outcome::NotWorse { Outcome::NotWorse } else { Outcome::CannotTell };
    judged.more = seasonal.more.filter(|_| judged.outcome == Outcome::CannotTell);
    Some(Doubt::Seasonal { days })
}

fn compare_shares(case: &Case<'_>, new: &[Row], old: &[Row]) -> Judged {
    let dispersion = |rows: &[Row]| judge::over_dispersion(&blocks(rows, BLOCKS).into_iter().map(share_of).collect::<Vec<_>>());
    let phi = dispersion(new).max(dispersion(old));
    let raw = share_of(new);
    let standard = standardised(raw, new, old);
    judge::shares(raw.scaled(1.0 / phi), standard.scaled(1.0 / phi), case.terms.tolerated, case.terms.alpha)
}

/// What the old side would have failed of the new side's mix of routes (direct standardisation), so that a shift of traffic towards a
/// route that always failed is not taken for a failure (Simpson's paradox). Its number is Kish's effective sample size.
fn standardised(all: Share, new: &[Row], old: &[Row]) -> Share {
    let whole = share_of(old);
    let by_route = |rows: &[Row]| {
        let mut routes: BTreeMap<Symbol, Share> = BTreeMap::new();
        for row in rows {
            let share = routes.entry(row.route).or_default();
            *share = Share::new(share.hits + f64::from(row.cell.failed), share.of + f64::from(row.cell.completed));
        }
        routes
    };
    let (new_routes, old_routes) = (by_route(new), by_route(old));
    let (Some(overall), true) = (whole.value(), all.of > 0.0) else { return whole };
    // Routes that the old side hardly knows are one route of their own.
    let (mut expected, mut weights, mut rest, mut rest_old) = (0.0, 0.0, 0.0, 0.0);
    for (route, share) in &new_routes {
        match old_routes.get(route).filter(|before| before.of >= LEAST_OF_ROUTE) {
            Some(before) => {
                expected += share.of * before.value().unwrap_or(overall);
                weights += share.of * share.of / before.of;
            }
            None => {
                rest += share.of;
                rest_old += old_routes.get(route).map_or(0.0, |before| before.of);
            }
        }
    }
    if rest > 0.0 {
        expected += rest * overall;
        weights += rest * rest / rest_old.max(whole.of * rest / all.of).max(1.0);
    }
    let effective = (all.of * all.of / weights.max(1e-9)).min(whole.of);
    Share::new(effective * expected / all.of, effective)
}

/// Durations of some windows as counts by bin of the sketch, at the mix of routes that `weights` makes.
struct Histograms {
    first_bin: u16,
    blocks: Vec<Vec<f64>>,
    requests: u64,
}

impl Histograms {
    fn new(rows: &[Row], weights: &BTreeMap<Symbol, f64>, bins: (u16, u16)) -> Histograms {
        let width = usize::from(bins.1.saturating_sub(bins.0)) + 1;
        let length = block_length(&means(rows));
        let most = (blocks(rows, 256).len() / length).clamp(1, MOST_BLOCKS);
        let mut requests = 0;
        let of_block = |block: &[Row]| {
            let mut counts = vec![0.0; width];
            for row in block {
                let weight = weights.get(&row.route).copied().unwrap_or(1.0);
                for (bin, count) in row.cell.latency.bins() {
                    counts[usize::from(bin - bins.0)] += weight * f64::from(count);
                    requests += u64::from(count);
                }
            }
            counts
        };
        let blocks = blocks(rows, most).into_iter().map(of_block).collect();
        Histograms { first_bin: bins.0, blocks, requests }
    }

    /// Quantiles of the blocks at `drawn` positions, in milliseconds.
    fn quantiles(&self, drawn: impl Iterator<Item = usize>, wanted: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.blocks.first().map_or(0, Vec::len)];
        for at in drawn {
            sum.iter_mut().zip(&self.blocks[at]).for_each(|(s, c)| *s += c);
        }
        let total: f64 = sum.iter().sum();
        let find = |q: &f64| {
            let mut below = 0.0;
            let bin = sum.iter().position(|count| {
                below += count;
                below > q * total
            });
            bin.map_or(f64::NAN, |bin| LatencySketch::duration_of(self.first_bin + bin as u16) / 1_000.0)
        };
        wanted.iter().map(find).collect()
    }

    fn all(&self, wanted: &[f64]) -> Vec<f64> {
        self.quantiles(0..self.blocks.len(), wanted)
    }
}

/// Mean logarithm of the durations of stretches of time: the series whose autocorrelation sets the length of blocks.
fn means(rows: &[Row]) -> Vec<f64> {
    let mean = |block: &[Row]| {
        let bins = block.iter().flat_map(|row| row.cell.latency.bins());
        let (sum, n) = bins.fold((0.0, 0.0), |(sum, n), (bin, count)| {
            (sum + f64::from(count) * LatencySketch::duration_of(bin).ln(), n + f64::from(count))
        });
        (n > 0.0).then_some(sum / n)
    };
    blocks(rows, 256).into_iter().filter_map(mean).collect()
}

fn latencies(case: &Case<'_>, service: &ServiceName, Requests { new, old, season }: &Requests) -> Vec<Check> {
    let half = later_half(&case.windows.after);
    let step = case.signals.step;
    let later: Vec<Row> = new.iter().filter(|row| half.iter().any(|s| s.contains(step.start_of(row.window)))).cloned().collect();
    let Some(compared) = compare_latencies(case, new, old) else { return Vec::new() };
    let own = *service == case.change.service;
    let seasonal = season.as_ref().and_then(|(days, rows)| compare_latencies(case, new, rows).map(|compared| (*days, compared)));
    let of_later = compare_latencies(case, &later, old);
    let mut checks = Vec::new();
    for found in compared.found {
        let mut judged = found.judged;
        let mut doubts = found.doubts.clone();
        if let Some((days, compared)) = &seasonal
            && let Some(same) = compared.found.iter().find(|other| other.quantile == found.quantile)
        {
            doubts.extend(with_season(&mut judged, &same.judged, *days));
        }
        let now = of_later.as_ref().and_then(|later| later.found.iter().find(|other| other.quantile == found.quantile));
        if judged.outcome == Outcome::Worse && now.is_some_and(|now| now.new <= TOLERATED_RATIO.sqrt() * now.old) {
            judged.outcome = Outcome::NotWorse;
            doubts.push(Doubt::Settled);
        }
        let seen = Seen { old: found.old, new: found.new, old_n: compared.old_n as f64, new_n: compared.new_n as f64 };
        let measured = Measured::Latency { quantile: found.quantile };
        checks.push(Check { decides: own, ..judge::check(service, measured, seen, judged.of_ratio(), doubts) });
    }
    checks
}

struct Compared {
    found: Vec<QuantileFound>,
    new_n: u64,
    old_n: u64,
}

struct QuantileFound {
    quantile: f64,
    old: f64,
    new: f64,
    /// Of the logarithm of the ratio.
    judged: Judged,
    doubts: Vec<Doubt>,
}

fn compare_latencies(case: &Case<'_>, new: &[Row], old: &[Row]) -> Option<Compared> {
    let all = || new.iter().chain(old).flat_map(|row| row.cell.latency.bins()).map(|(bin, _)| bin);
    let bins = (all().min()?, all().max()?);
    let (a, b) = (Histograms::new(new, &BTreeMap::new(), bins), Histograms::new(old, &mix(new, old), bins));
    let wanted: Vec<f64> =
        QUANTILES.iter().filter(|(_, least)| a.requests.min(b.requests) >= *least).map(|(quantile, _)| *quantile).collect();
    let (news, olds) = (a.all(&wanted), b.all(&wanted));
    let spread = spreads(&a, &b, &wanted);
    let few = a.blocks.len().min(b.blocks.len());
    let mut found = Vec::new();
    for (at, quantile) in wanted.into_iter().enumerate() {
        let value = (news[at] / olds[at]).ln();
        let limits = Limits { matters: TOLERATED_RATIO.ln(), tolerated: TOLERATED_RATIO.ln() };
        let mut judged = judge::mean(value, spread[at], (few as f64 - 1.0).max(1.0), limits, case.level());
        judged.p = case.at_any_look(judged.p);
        let mut doubts = Vec::new();
        if few < LEAST_BLOCKS {
            judged.outcome = Outcome::CannotTell;
            judged.more = Some(LEAST_BLOCKS as f64 / few.max(1) as f64);
            doubts.push(Doubt::Short { blocks: few, least: LEAST_BLOCKS });
        } else if olds[at] * judged.effect.high.exp() - olds[at] < FELT_MS {
            judged.outcome = Outcome::NotWorse;
            judged.more = None;
        } else if judged.outcome == Outcome::Worse && news[at] - olds[at] < FELT_MS {
            judged.outcome = Outcome::CannotTell;
            doubts.push(Doubt::Trifle);
        }
        found.push(QuantileFound { quantile, old: olds[at], new: news[at], judged, doubts });
    }
    Some(Compared { found, new_n: a.requests, old_n: b.requests })
}

/// What each old request of a route counts so that the old side has the new side's mix.
fn mix(new: &[Row], old: &[Row]) -> BTreeMap<Symbol, f64> {
    let counts = |rows: &[Row]| {
        let mut counts: BTreeMap<Symbol, f64> = BTreeMap::new();
        rows.iter().for_each(|row| *counts.entry(row.route).or_default() += f64::from(row.cell.completed));
        counts
    };
    let (new, old) = (counts(new), counts(old));
    let (new_all, old_all): (f64, f64) = (new.values().sum(), old.values().sum());
    let weight = |(route, before): (&Symbol, &f64)| {
        let now = new.get(route).copied().unwrap_or(0.0) / new_all.max(1.0);
        (*route, if *before >= LEAST_OF_ROUTE { now / (before / old_all) } else { 1.0 })
    };
    old.iter().map(weight).collect()
}

/// Standard error of the logarithm of the ratio of quantiles, by resampled blocks; the start of the generator is fixed.
fn spreads(new: &Histograms, old: &Histograms, wanted: &[f64]) -> Vec<f64> {
    let mut random = Random::new(0x5eed);
    let mut drawn: Vec<Vec<f64>> = vec![Vec::with_capacity(RESAMPLES); wanted.len()];
    for _ in 0..RESAMPLES {
        // The blocks are as long as neighbours resemble each other: single ones are drawn.
        let mut draw = |side: &Histograms| {
            let n = side.blocks.len();
            side.quantiles(draw_blocks(n, 1, &mut random).into_iter(), wanted)
        };
        let (a, b) = (draw(new), draw(old));
        for (values, (a, b)) in drawn.iter_mut().zip(a.into_iter().zip(b)) {
            values.extend(Some((a / b).ln()).filter(|v| v.is_finite()));
        }
    }
    drawn.iter().map(|values| variance(values).unwrap_or(0.0).sqrt().max(ACCURACY)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(completed: u32, failed: u32, ms: &[i64]) -> Cell {
        let mut cell = Cell { completed, failed, ..Cell::default() };
        ms.iter().for_each(|ms| cell.latency.add(ms * 1_000));
        cell
    }

    fn rows(cells: &[(u32, Cell)]) -> Vec<Row> {
        cells
            .iter()
            .enumerate()
            .map(|(window, (route, cell))| Row { window: window as i64, route: Symbol(*route), cell: cell.clone() })
            .collect()
    }

    /// Trap: traffic moves towards a route that fails more often, with the roll-out.
    #[test]
    fn a_shift_of_traffic_is_no_failure() {
        let old: Vec<(u32, Cell)> = (0..40).map(|i| (i % 2, if i % 2 == 0 { cell(90, 0, &[]) } else { cell(10, 1, &[]) })).collect();
        let new: Vec<(u32, Cell)> = (0..40).map(|i| (i % 2, if i % 2 == 0 { cell(50, 0, &[]) } else { cell(50, 5, &[]) })).collect();
        let (new, old) = (rows(&new), rows(&old));
        let all = share_of(&new);
        assert!((all.value().unwrap() - 0.05).abs() < 1e-9 && (share_of(&old).value().unwrap() - 0.01).abs() < 1e-9);
        let standard = standardised(all, &new, &old);
        assert!((standard.value().unwrap() - 0.05).abs() < 1e-9, "{standard:?}");
        assert!(standard.of < share_of(&old).of, "few old requests carry the weight: {standard:?}");
    }

    #[test]
    fn the_old_side_is_compared_at_the_new_mix() {
        let old: Vec<(u32, Cell)> = (0..40).map(|i| (i % 2, cell(100, 0, &[if i % 2 == 0 { 10 } else { 1_000 }; 100]))).collect();
        let new: Vec<(u32, Cell)> = (0..40).map(|_| (1, cell(100, 0, &[1_000; 100]))).collect();
        let weights = mix(&rows(&new), &rows(&old));
        assert_eq!((weights[&Symbol(0)], weights[&Symbol(1)]), (0.0, 2.0));
    }

    /// Trap: seventy of a hundred requests a hundred times slower, which a rank test of ten minutes let pass.
    #[test]
    fn a_tail_of_two_modes_is_seen() {
        let durations = |slow: usize| -> Vec<i64> { (0..100).map(|i| if i < slow { 1_000 } else { 10 }).collect() };
        let side = |slow: usize| -> Vec<(u32, Cell)> { (0..10).map(|_| (0, cell(100, 0, &durations(slow)))).collect() };
        let (new, old) = (side(70), side(0));
        let (new, old) = (rows(&new), rows(&old));
        let bins = |rows: &[Row]| rows.iter().flat_map(|r| r.cell.latency.bins()).map(|b| b.0).collect::<Vec<_>>();
        let both = [bins(&new), bins(&old)].concat();
        let range = (*both.iter().min().unwrap(), *both.iter().max().unwrap());
        let (a, b) = (Histograms::new(&new, &BTreeMap::new(), range), Histograms::new(&old, &BTreeMap::new(), range));
        let wanted = [0.5, 0.95];
        let spread = spreads(&a, &b, &wanted);
        let limits = Limits { matters: 1.5f64.ln(), tolerated: 1.5f64.ln() };
        let judged = judge::mean((a.all(&wanted)[1] / b.all(&wanted)[1]).ln(), spread[1], 9.0, limits, 0.05);
        assert_eq!(judged.outcome, Outcome::Worse, "{judged:?}");
    }
}
