//! How far each series left its quiet level, in units of its own quiet scale. Services and calls are not interpreted here.

use std::collections::BTreeMap;

use crate::model::{MetricName, Metrics, SeriesKey, ServiceName, Time, TimeSpan};
use crate::signal::class::{Class, Meaning, ShareUnit, meaning};
use crate::stats::{median, quantile, quantile_sorted, robust_scale, sorted};

/// Fewer quiet rows have no scale at all; two or three have a poor one, which `SMALL_SAMPLE` pays for.
const FEWEST_QUIET_ROWS: usize = 2;
/// A quarter of the window suffices to hurt; its maximum is noisier.
const HIGH: f64 = 0.75;
const LOW: f64 = 0.25;
/// The ordinary ebb of a load series.
const EBB: f64 = 0.05;
/// Scale is at least this share of the level: flat series have none of their own.
const RELATIVE_FLOOR: f64 = 0.05;
/// Scale is at least this share of the step between two values: counters and rounded values repeat.
const STEP_FLOOR: f64 = 0.5;
/// Widens the scale by 1 + 4/rows: quartiles of few rows are too narrow.
const SMALL_SAMPLE: f64 = 4.0;
/// Percentage points, where errors are written as a share: 100 % falling to 99.9 % on a flat series is nothing.
const ERROR_FLOOR: f64 = 0.5;
/// Series of one metric name before their common scale means anything.
const FEWEST_POOLED: usize = 3;
/// Shares above it are written in percent, not as 0 to 1.
const RATIO_TOP: f64 = 1.5;
/// Differences below this share of the values are rounding.
const ROUNDING: f64 = 1e-9;
/// Load may explain at most this multiple of the quiet level.
const MOST_LOAD_RATIO: f64 = 5.0;

/// A series ready to be compared: what its name says, its quiet values and those of the window; successes turned into errors.
pub struct Series<'m> {
    pub key: &'m SeriesKey,
    pub meaning: Meaning,
    /// The value that stands for no error, where successes were turned into errors in percentage points.
    top: Option<f64>,
    quiet: Quiet,
    window: Vec<(Time, f64)>,
    values: Vec<f64>,
}

/// The quiet time of one series.
struct Quiet {
    level: f64,
    scale: f64,
    rows: usize,
    ebb: f64,
    step: f64,
}

/// A series and how far it left its quiet level.
pub struct Deviation<'m> {
    pub key: &'m SeriesKey,
    pub meaning: Meaning,
    /// Median of the quiet time; errors made from successes in percentage points.
    pub quiet: f64,
    /// Fifth percentile of the quiet time.
    pub ebb: f64,
    /// Lower and upper quartile and mean of the window.
    pub low: f64,
    pub high: f64,
    pub mean: f64,
    /// By how much it rose, with what the load explains taken off.
    pub rise: f64,
    /// By how much it rose over what it is compared with.
    pub excess: f64,
    /// `rise` over the quiet scale; negative for falls.
    pub z: f64,
    /// Level before and during, as the metric is written.
    pub before: f64,
    pub during: f64,
}

/// Which rows of the window hurt, by the alarmed series: a weight from 0 (quiet) to 1 each.
pub struct HurtRows {
    rows: Vec<(Time, f64)>,
    /// How far a row of another series may be from one of these, in microseconds.
    tolerance: u64,
}

/// Means of a series over the rows that hurt and over those that do not.
#[derive(Clone, Copy)]
struct Split {
    hurt: f64,
    calm: f64,
}

/// All series that have a quiet time and values in the window, in the order of their keys. The window includes its end: a row stamped with
/// it sums up the time before.
pub fn series(metrics: &Metrics, span: TimeSpan) -> Vec<Series<'_>> {
    metrics.iter().filter_map(|(key, points)| one_series(key, points, span)).collect()
}

fn one_series<'m>(key: &'m SeriesKey, points: &[(Time, f64)], span: TimeSpan) -> Option<Series<'m>> {
    let meaning = meaning(key.metric.as_str())?;
    if key.edge.is_none() && meaning.outgoing {
        return None; // it describes the callees, not its service
    }
    let finite = || points.iter().filter(|(_, v)| v.is_finite());
    let top = meaning.inverted.then(|| if finite().any(|(_, v)| *v > RATIO_TOP) { 100.0 } else { 1.0 });
    let oriented = |v: f64| top.map_or(v, |top| 100.0 * (top - v) / top);
    let before: Vec<f64> = finite().filter(|(t, _)| *t < span.start).map(|(_, v)| oriented(*v)).collect();
    let window: Vec<_> = finite().filter(|(t, _)| span.start <= *t && *t <= span.end).map(|(t, v)| (*t, oriented(*v))).collect();
    if before.len() < FEWEST_QUIET_ROWS || window.is_empty() {
        return None;
    }
    let values = sorted(&window.iter().map(|(_, v)| *v).collect::<Vec<_>>());
    let before = sorted(&before);
    let most = before.last()?.max(*values.last()?);
    Some(Series { key, meaning, top, quiet: quiet(&before, error_floor(meaning, most))?, window, values })
}

/// The least scale of errors that are written as a share of requests.
fn error_floor(meaning: Meaning, most: f64) -> f64 {
    match meaning.share {
        _ if meaning.inverted => ERROR_FLOOR,
        Some(ShareUnit::Percent) if meaning.class == Class::Errors => ERROR_FLOOR,
        Some(ShareUnit::Ratio) if meaning.class == Class::Errors => {
            if most > RATIO_TOP {
                ERROR_FLOOR
            } else {
                ERROR_FLOOR / 100.0
            }
        }
        _ => 0.0,
    }
}

fn quiet(sorted: &[f64], floor: f64) -> Option<Quiet> {
    let step = sorted.windows(2).map(|w| w[1] - w[0]).filter(|d| *d > 0.0).fold(f64::INFINITY, f64::min);
    Some(Quiet {
        level: quantile_sorted(sorted, 0.5)?,
        scale: robust_scale(sorted)?.max(floor),
        rows: sorted.len(),
        ebb: quantile_sorted(sorted, EBB)?,
        step: if step.is_finite() { step } else { 0.0 },
    })
}

/// The common scale of all series of one metric name. Latencies and errors relative to their level, as a service of 5 ms must not be judged
/// by one of 1 s; resources absolutely, as a tiny share that triples is still nothing.
enum Pool {
    Relative(f64),
    Absolute(f64),
}

fn pools<'m>(series: &[Series<'m>]) -> BTreeMap<&'m MetricName, Pool> {
    let mut named: BTreeMap<&MetricName, Vec<&Series>> = BTreeMap::new();
    for s in series {
        named.entry(&s.key.metric).or_default().push(s);
    }
    named.into_iter().filter(|(_, same)| same.len() >= FEWEST_POOLED).filter_map(|(name, same)| Some((name, pool(&same)?))).collect()
}

fn pool(same: &[&Series]) -> Option<Pool> {
    if same[0].meaning.class.is_outside() {
        let relative: Vec<f64> = same.iter().map(|s| s.quiet.scale / s.quiet.level.abs()).collect();
        return median(&relative).map(Pool::Relative);
    }
    let scales: Vec<f64> = same.iter().map(|s| s.quiet.scale).collect();
    let levels: Vec<f64> = same.iter().map(|s| s.quiet.level.abs()).collect();
    Some(Pool::Absolute(median(&scales)?.max(RELATIVE_FLOOR * median(&levels)?)))
}

/// The deviations of all series; with `hurt`, the rows that hurt are compared with the quiet rows beside them too.
pub fn deviations<'m>(series: &[Series<'m>], hurt: Option<&HurtRows>) -> Vec<Deviation<'m>> {
    let pools = pools(series);
    let loads = load_ratios(series);
    series
        .iter()
        .map(|s| {
            let split = hurt.and_then(|h| h.split(&s.window));
            let load = loads.get(&s.key.service).copied().unwrap_or(1.0);
            deviation(s, pools.get(&s.key.metric), split, load)
        })
        .collect()
}

/// How much more each service has to do than in the quiet time, 1 to 5.
fn load_ratios<'m>(series: &[Series<'m>]) -> BTreeMap<&'m ServiceName, f64> {
    let mut ratios: BTreeMap<&ServiceName, Vec<f64>> = BTreeMap::new();
    for s in series.iter().filter(|s| s.meaning.class == Class::Load && s.key.edge.is_none() && s.quiet.level > 0.0) {
        ratios.entry(&s.key.service).or_default().extend(quantile_sorted(&s.values, 0.5).map(|now| now / s.quiet.level));
    }
    ratios.into_iter().filter_map(|(service, r)| Some((service, median(&r)?.clamp(1.0, MOST_LOAD_RATIO)))).collect()
}

fn deviation<'m>(s: &Series<'m>, pool: Option<&Pool>, split: Option<Split>, load_ratio: f64) -> Deviation<'m> {
    let quantile = |q| quantile_sorted(&s.values, q).unwrap_or(s.quiet.level);
    let (low, high) = (quantile(LOW), quantile(HIGH));
    let level = split.map_or(high, |split| split.hurt);
    let compared = split.map_or(s.quiet.level, |split| split.calm);
    let excess = difference(level, compared);
    let explained = if s.meaning.class.follows_load() { s.quiet.level.max(0.0) * (load_ratio - 1.0) } else { 0.0 };
    let rise = excess.min(difference(level, s.quiet.level)) - explained;
    let written = |v: f64| s.top.map_or(v, |top| top - v * top / 100.0);
    Deviation {
        key: s.key,
        meaning: s.meaning,
        quiet: s.quiet.level,
        ebb: s.quiet.ebb,
        low,
        high,
        mean: s.values.iter().sum::<f64>() / s.values.len() as f64,
        rise,
        excess,
        z: score(rise, s.quiet.floored_scale(pool), level),
        before: written(s.quiet.level),
        during: written(level),
    }
}

fn difference(a: f64, b: f64) -> f64 {
    if (a - b).abs() <= ROUNDING * a.abs().max(b.abs()) { 0.0 } else { a - b }
}

/// A series that was always 0 has no scale: it is then judged by its new level alone.
fn score(rise: f64, scale: f64, level: f64) -> f64 {
    let scale = if scale > 0.0 { scale } else { RELATIVE_FLOOR * level.abs() };
    let z = rise / scale;
    if z.is_finite() { z } else { 0.0 }
}

impl Quiet {
    fn floored_scale(&self, pool: Option<&Pool>) -> f64 {
        let pooled = match pool {
            Some(Pool::Relative(share)) => self.level.abs() * share,
            Some(Pool::Absolute(scale)) => *scale,
            None => 0.0,
        };
        let scale = self.scale.max(RELATIVE_FLOOR * self.level.abs()).max(STEP_FLOOR * self.step).max(pooled);
        scale * (1.0 + SMALL_SAMPLE / self.rows as f64)
    }
}

impl HurtRows {
    /// Fewer rows cannot be split.
    const FEWEST_ROWS: usize = 3;
    /// The calm rows may be off the quiet level by this share of the split, since the level drifts over days.
    const CALM_SLACK: f64 = 0.75;
    /// Quiet scale, as a share of the level, at the least.
    const SCALE_FLOOR: f64 = 0.02;
    /// Rows of each sort that another series must have, as a sum of weights.
    const LEAST_WEIGHT: f64 = 0.3;
    const FEWEST_MATCHES: usize = 2;

    /// The rows that hurt in the alarmed series; `None` where its window does not fall into calm and hurting rows, `spread` quiet scales
    /// apart at the least.
    pub fn of(alarmed: &Series, spread: f64) -> Option<HurtRows> {
        let (least, most) = (*alarmed.values.first()?, *alarmed.values.last()?);
        let scale = alarmed.quiet.scale.max(Self::SCALE_FLOOR * alarmed.quiet.level.abs());
        if alarmed.window.len() < Self::FEWEST_ROWS || most - least <= spread * scale {
            return None;
        }
        let rows: Vec<_> = alarmed.window.iter().map(|(t, v)| (*t, (v - least) / (most - least))).collect();
        let gaps: Vec<f64> = rows.windows(2).map(|w| (w[1].0.0.abs_diff(w[0].0.0)) as f64).collect();
        let hurt = HurtRows { tolerance: (quantile(&gaps, 0.5)? / 2.0) as u64, rows };
        let split = hurt.split(&alarmed.window)?;
        let calm_is_quiet = (split.calm - alarmed.quiet.level).abs() < Self::CALM_SLACK * (split.hurt - split.calm) + scale;
        calm_is_quiet.then_some(hurt)
    }

    fn split(&self, window: &[(Time, f64)]) -> Option<Split> {
        let (mut hurt, mut calm) = ((0.0, 0.0), (0.0, 0.0));
        let mut matched = 0;
        for (time, value) in window {
            let Some(weight) = self.weight(*time) else { continue };
            matched += 1;
            hurt = (hurt.0 + weight, hurt.1 + weight * value);
            calm = (calm.0 + 1.0 - weight, calm.1 + (1.0 - weight) * value);
        }
        let enough = matched >= Self::FEWEST_MATCHES && hurt.0 > Self::LEAST_WEIGHT && calm.0 > Self::LEAST_WEIGHT;
        enough.then(|| Split { hurt: hurt.1 / hurt.0, calm: calm.1 / calm.0 })
    }

    /// The weight of the nearest row within the tolerance: rows of one instant differ by seconds across series.
    fn weight(&self, time: Time) -> Option<f64> {
        let after = self.rows.partition_point(|(t, _)| *t < time);
        let near = self.rows.get(after.saturating_sub(1)..self.rows.len().min(after + 1))?;
        let gap = |t: Time| t.0.abs_diff(time.0);
        near.iter().min_by_key(|(t, _)| gap(*t)).filter(|(t, _)| gap(*t) <= self.tolerance).map(|(_, weight)| *weight)
    }
}

impl Deviation<'_> {
    /// Upper quartile of the window as a percentage of capacity; `None` where the name does not say that it is a share.
    pub fn high_percent(&self) -> Option<f64> {
        let is_ratio = self.meaning.share? == ShareUnit::Ratio && self.high.max(self.quiet) <= RATIO_TOP;
        Some(if is_ratio { 100.0 * self.high } else { self.high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows<'r> = &'r [(i64, f64)];

    fn metrics(all: &[(&str, &str, Rows)]) -> Metrics {
        let key = |service: &str, metric: &str| SeriesKey { service: service.into(), metric: metric.into(), instance: None, edge: None };
        let points = |points: Rows| points.iter().map(|(t, v)| (Time(*t), *v)).collect();
        all.iter().map(|(service, metric, rows)| (key(service, metric), points(rows))).collect()
    }

    fn span() -> TimeSpan {
        TimeSpan::new(Time(100), Time(200))
    }

    #[test]
    fn series_without_quiet_rows_or_window_are_left_out() {
        let cases: [Rows; 4] = [&[], &[(0, 1.0), (100, 1.0)], &[(0, 1.0), (1, 1.0)], &[(0, 1.0), (1, 1.0), (201, 1.0)]];
        for rows in cases {
            assert!(series(&metrics(&[("a", "latency", rows)]), span()).is_empty(), "{rows:?}");
        }
        assert_eq!(series(&metrics(&[("a", "latency", &[(0, 1.0), (1, 1.0), (200, 1.0)])]), span()).len(), 1);
        assert!(series(&metrics(&[("a", "client_latency", &[(0, 1.0), (1, 1.0), (200, 1.0)])]), span()).is_empty());
    }

    #[test]
    fn flat_series_and_lost_availability_have_finite_scores() {
        let always_zero = metrics(&[("a", "errors", &[(0, 0.0), (1, 0.0), (150, 7.0)])]);
        let z = |m: &Metrics| deviations(&series(m, span()), None)[0].z;
        assert!(z(&always_zero) > 1.0 && z(&always_zero).is_finite());
        let tiny = metrics(&[("a", "availability", &[(0, 100.0), (1, 100.0), (150, 99.9)])]);
        assert!((0.0..0.2).contains(&z(&tiny)), "{}", z(&tiny));
        let broken = metrics(&[("a", "success_rate", &[(0, 0.0), (1, 0.0), (150, 0.0)])]);
        assert_eq!(z(&broken), 0.0);
    }

    #[test]
    fn latencies_are_pooled_by_share_and_resources_by_amount() {
        let rows = |quiet: f64, now: f64| [(0, quiet), (1, quiet * 1.2), (2, quiet * 0.8), (150, now)];
        let of = |metric: &'static str, now: f64| {
            let all =
                [("a", metric, &rows(1.0, now)[..]), ("b", metric, &rows(1000.0, 1000.0)[..]), ("c", metric, &rows(1000.0, 1000.0)[..])];
            deviations(&series(&metrics(&all), span()), None)[0].z
        };
        assert!(of("latency", 9.0) > 3.0);
        assert!(of("cpu", 9.0) < 0.1);
    }

    #[test]
    fn rows_that_hurt_are_matched_by_nearness() {
        let quiet = [(0, 10.0), (10, 11.0), (20, 9.0), (30, 10.0)];
        let alarmed = [&quiet[..], &[(100, 10.0), (120, 50.0), (140, 10.0), (160, 48.0), (180, 11.0)]].concat();
        let beside = [&quiet[..], &[(103, 20.0), (123, 30.0), (143, 20.0), (163, 30.0), (183, 20.0)]].concat();
        let all = metrics(&[("a", "latency", &alarmed), ("b", "latency", &beside)]);
        let series = series(&all, span());
        let hurt = HurtRows::of(&series[0], 2.0).unwrap();
        let split = deviations(&series, Some(&hurt));
        assert!((split[1].excess - 9.5).abs() < 1.0, "the drift of 10 is no excess: {}", split[1].excess);
        assert!(HurtRows::of(&series[0], 100.0).is_none());
    }

    #[test]
    fn a_window_without_calm_rows_is_not_split() {
        let rows = [(0, 10.0), (10, 11.0), (20, 9.0), (100, 50.0), (120, 60.0), (140, 55.0)];
        assert!(HurtRows::of(&series(&metrics(&[("a", "latency", &rows)]), span())[0], 2.0).is_none());
    }
}
