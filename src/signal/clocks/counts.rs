//! Clocks compared by counts over time, where no ids are shared: those of a caller against its callee's, and those of a log against a
//! metric of the same traffic.
//!
//! Two series that rise and fall with the same day agree at every lag, so what is compared is how counts change from one window to
//! the next. A lag is believed only when it stands out from all other lags, which serve as the placebo: a rhythm that repeats has
//! several peaks, and chance has none.

use std::collections::{BTreeMap, BTreeSet};

use super::{Link, clock_of};
use crate::model::{Clock, ClockBasis, Metrics, SeriesKey, ServiceName, Time, Topology};
use crate::stats;
use crate::template::Tally;

/// Largest lag that is tried, in seconds, and as a share of the series.
const LARGEST_LAG: f64 = 900.0;
const LARGEST_SHARE: f64 = 0.4;
/// Series with fewer events or fewer values have no shape.
const FEWEST_EVENTS: f64 = 200.0;
const FEWEST_VALUES: usize = 30;
/// The peak must exceed the mean of the placebo by this many of its standard deviations …
const CLEAR: f64 = 6.0;
/// … the second highest peak by this factor, …
const UNIQUE: f64 = 1.5;
/// … and this correlation.
const LEAST: f64 = 0.3;
/// Lags this many windows from the peak belong to it.
const PEAK_WIDTH: usize = 3;

/// One value a window, from window `first` on.
struct Series {
    first: i64,
    values: Vec<f64>,
}

/// A lag that stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Peak {
    /// Index among the lags that were tried.
    at: usize,
    height: f64,
}

/// The links between clocks that `known` does not connect already.
pub fn links(tally: &Tally, metrics: &Metrics, topology: &Topology, known: &dyn Fn(&Clock, &Clock) -> bool) -> Vec<Link> {
    let series = by_service(tally);
    let step = tally.step.seconds();
    let mut links = Vec::new();
    for (caller, callee) in topology.edges() {
        let (a, b) = (clock_of(caller.as_str()), clock_of(callee.as_str()));
        if let (false, Some(of), Some(to)) = (known(&a, &b), series.get(caller), series.get(callee)) {
            links.extend(lag(of, to, step).map(|(windows, pairs)| Link {
                of: a,
                to: b,
                offset: windows as f64 * step,
                uncertainty: step,
                basis: ClockBasis::Counts,
                pairs,
            }));
        }
    }
    links.extend(against_metrics(&series, metrics, step));
    links
}

/// The requests of each service by window; its records where it tells of few requests.
fn by_service(tally: &Tally) -> BTreeMap<ServiceName, Series> {
    let mut requests: BTreeMap<&str, BTreeMap<i64, f64>> = BTreeMap::new();
    for (key, counts) in tally.requests_sorted() {
        let windows = requests.entry(tally.symbols.text(key.service)).or_default();
        counts.windows.iter().for_each(|(w, cell)| *windows.entry(w).or_default() += f64::from(cell.completed));
    }
    requests.retain(|_, windows| windows.values().sum::<f64>() >= FEWEST_EVENTS);
    let told: BTreeSet<&str> = requests.keys().copied().collect();
    for (key, counts) in tally.records_sorted() {
        let service = tally.symbols.text(key.service);
        if !told.contains(service) {
            let windows = requests.entry(service).or_default();
            counts.windows.iter().for_each(|(w, n)| *windows.entry(w).or_default() += f64::from(n));
        }
    }
    requests.retain(|_, windows| windows.values().sum::<f64>() >= FEWEST_EVENTS);
    requests.into_iter().filter_map(|(service, windows)| Some((ServiceName::new(service), dense(&windows)?))).collect()
}

fn dense(windows: &BTreeMap<i64, f64>) -> Option<Series> {
    let (first, last) = (*windows.keys().next()?, *windows.keys().next_back()?);
    let mut values = vec![0.0; usize::try_from(last - first + 1).ok()?];
    windows.iter().for_each(|(w, n)| values[(w - first) as usize] = *n);
    Some(Series { first, values })
}

/// How many windows the first series is ahead of the second, and how many windows say so.
fn lag(of: &Series, to: &Series, step: f64) -> Option<(i64, u64)> {
    let (a, b) = (changes(&of.values), changes(&to.values));
    let shorter = a.len().min(b.len());
    let most = (LARGEST_LAG / step).min(shorter as f64 * LARGEST_SHARE) as i64;
    if shorter < FEWEST_VALUES || most < 2 * PEAK_WIDTH as i64 {
        return None;
    }
    // Lag 0 is that of equal window numbers, where the two overlap enough for that.
    let base = to.first - of.first;
    let overlap = |lag: i64| -> (usize, usize, usize) {
        let (i, j) = ((base + lag).max(0) as usize, (-(base + lag)).max(0) as usize);
        (i, j, a.len().saturating_sub(i).min(b.len().saturating_sub(j)))
    };
    let correlate = |lag: i64| {
        let (i, j, n) = overlap(lag);
        if n < shorter / 2 { 0.0 } else { correlation(&a[i..i + n], &b[j..j + n]) }
    };
    let heights: Vec<f64> = (-most..=most).map(correlate).collect();
    let lag = peak(&heights)?.at as i64 - most;
    Some((lag, overlap(lag).2 as u64))
}

/// Square roots of counts have the same variance at every rate (Bartlett, "The square root transformation in analysis of variance",
/// 1936); their differences have no trend.
fn changes(values: &[f64]) -> Vec<f64> {
    values.windows(2).map(|w| w[1].max(0.0).sqrt() - w[0].max(0.0).sqrt()).collect()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

/// The highest of the correlations, if it stands out from those at all other lags.
fn peak(heights: &[f64]) -> Option<Peak> {
    let at = (0..heights.len()).max_by(|a, b| heights[*a].total_cmp(&heights[*b]).then(b.cmp(a)))?;
    let height = heights[at];
    let placebo: Vec<f64> = heights.iter().enumerate().filter(|(i, _)| i.abs_diff(at) > PEAK_WIDTH).map(|(_, h)| *h).collect();
    let second = placebo.iter().copied().fold(0.0, f64::max);
    let (mean, spread) = (stats::mean(&placebo)?, stats::variance(&placebo)?.sqrt());
    let stands_out = height >= LEAST && height >= UNIQUE * second && height - mean >= CLEAR * spread;
    stands_out.then_some(Peak { at, height })
}

/// Each log against the metrics of its own service that count the same traffic; the highest peak decides.
fn against_metrics(series: &BTreeMap<ServiceName, Series>, metrics: &Metrics, step: f64) -> Vec<Link> {
    let mut best: BTreeMap<&ServiceName, (f64, Link)> = BTreeMap::new();
    for (key, samples) in metrics.iter().filter(|(key, _)| counts_traffic(key)) {
        let Some(log) = series.get(&key.service) else { continue };
        let Some((height, link)) = against_metric(&key.service, log, samples, step) else { continue };
        if best.get(&key.service).is_none_or(|b| height > b.0) {
            best.insert(&key.service, (height, link));
        }
    }
    best.into_values().map(|b| b.1).collect()
}

/// Names of metrics that count requests, and of those that only sound so.
fn counts_traffic(key: &SeriesKey) -> bool {
    let name = key.metric.as_str().to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| name.contains(w));
    let traffic = has(&["request", "rps", "qps", "calls", "throughput", "ops_per_sec"]);
    let other =
        has(&["duration", "latency", "time", "_ms", "p50", "p90", "p95", "p99", "byte", "size", "error", "fail", "5xx", "4xx", "active"]);
    key.edge.is_none() && traffic && !other
}

fn against_metric(service: &ServiceName, log: &Series, samples: &[(Time, f64)], step: f64) -> Option<(f64, Link)> {
    if samples.len() < FEWEST_VALUES {
        return None;
    }
    let intervals: Vec<f64> = samples.windows(2).map(|w| w[1].0 - w[0].0).collect();
    let interval = stats::median(&intervals).filter(|i| *i >= step)?;
    let length = samples.last()?.0 - samples.first()?.0;
    let most = (LARGEST_LAG.min(length * LARGEST_SHARE) / step) as i64;
    // A lag is one of windows, a peak one of samples.
    let stride = ((interval / step / 2.0) as i64).max(1);
    let lags: Vec<i64> = (-(most / stride)..=most / stride).map(|l| l * stride).collect();
    let sums = Sums::of(log);
    let grows = samples.windows(2).all(|w| w[1].1 >= w[0].1);
    let rates: Vec<f64> = samples.windows(2).map(|w| if grows { w[1].1 - w[0].1 } else { w[1].1 }).collect();
    let heights: Vec<f64> = lags.iter().map(|lag| sums.correlate(samples, &rates, *lag, step)).collect();
    let peak = peak(&heights)?;
    let link = Link {
        of: clock_of(service.as_str()),
        to: Clock::Metrics,
        offset: lags[peak.at] as f64 * step,
        // Some stamp the beginning of what a sample covers, some its end.
        uncertainty: interval / 2.0,
        basis: ClockBasis::Metric,
        pairs: rates.len() as u64,
    };
    Some((peak.height, link))
}

/// Running sums of a series, for the count of any span.
struct Sums {
    first: i64,
    upto: Vec<f64>,
}

impl Sums {
    fn of(series: &Series) -> Sums {
        let running = series.values.iter().scan(0.0, |sum, v| {
            *sum += v;
            Some(*sum)
        });
        Sums { first: series.first, upto: std::iter::once(0.0).chain(running).collect() }
    }

    /// Events up to an instant given in windows; `None` outside the series.
    fn at(&self, window: f64) -> Option<f64> {
        let position = window - self.first as f64;
        let below = position.floor();
        if below < 0.0 || below + 1.0 >= self.upto.len() as f64 {
            return None;
        }
        let (low, high) = (self.upto[below as usize], self.upto[below as usize + 1]);
        Some(low + (high - low) * (position - below))
    }

    /// How well the metric's changes follow those of the log, the log being `lag` windows ahead.
    fn correlate(&self, samples: &[(Time, f64)], rates: &[f64], lag: i64, step: f64) -> f64 {
        let mut pairs: Vec<Option<(f64, f64)>> = Vec::with_capacity(rates.len());
        for (sample, rate) in samples.windows(2).zip(rates) {
            let at = |time: Time| self.at(time.seconds() / step + lag as f64);
            pairs.push(at(sample[0].0).zip(at(sample[1].0)).map(|(from, to)| ((to - from).max(0.0).sqrt(), rate.max(0.0).sqrt())));
        }
        let changes = pairs.windows(2).filter_map(|w| w[0].zip(w[1])).map(|(a, b)| (b.0 - a.0, b.1 - a.1));
        let (log, metric): (Vec<f64>, Vec<f64>) = changes.unzip();
        if log.len() < rates.len().div_ceil(2).max(FEWEST_VALUES / 2) { 0.0 } else { correlation(&log, &metric) }
    }
}

#[cfg(test)]
mod tests;
