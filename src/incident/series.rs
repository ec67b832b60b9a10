//! Finds incidents in metric series of errors, for bundles that have no request outcomes.
//!
//! A series counts when its name speaks of errors or failures. Raised is what stays above the quiet level by six robust scales
//! and four times for four samples or more.

use crate::model::{IncidentSignal, SeriesKey, Step, Time, TimeSpan, Witness};
use crate::signal::Signals;
use crate::stats;

use super::scan::{FAILURES, Found, Stream};

/// Words by which a metric's name speaks of errors.
const ERROR_WORDS: &[&str] = &["error", "errors", "5xx", "fail", "failed", "failures", "exceptions"];
/// Fewer samples have no quiet level.
const SMALLEST_SERIES: usize = 12;
/// Samples in a row, a single lower one between them allowed.
const SHORTEST: usize = 4;
/// Robust scales above the quiet level …
const SCALES: f64 = 6.0;
/// … and times the quiet level …
const TIMES: f64 = 4.0;
/// … and share of the largest value: what a noisy series reaches anyway is no incident of it.
const SHARE_OF_PEAK: f64 = 0.2;

/// … and events in one sampling interval: one now and then is no incident.
const GRAINS: f64 = 2.5;
/// Windows of a stream at the most: twelve days of seconds.
const MOST_WINDOWS: i64 = 1 << 20;
/// Share by which sampling intervals differ.
const JITTER: f64 = 0.02;

/// A stream for each time that a series of errors left its quiet range, longest first: the weakest must not stand for an incident of all.
pub fn streams(signals: &Signals) -> Vec<Stream> {
    let errors = signals.metrics.iter().filter(|(key, points)| speaks_of_errors(key) && points.len() >= SMALLEST_SERIES);
    let one = |key: &SeriesKey, points: &[(Time, f64)], found: Found| {
        Some(Stream { witnesses: vec![witness(key, points, &found)], ..stream(key, points, found, signals)? })
    };
    let found = errors.flat_map(|(key, points)| raised(points).into_iter().map(move |found| (key, points, found)));
    let mut streams: Vec<Stream> = found.filter_map(|(key, points, found)| one(key, points, found)).collect();
    let score = |stream: &Stream| stream.found.iter().flatten().map(|found| found.score).fold(0.0, f64::max);
    streams.sort_by(|a, b| score(b).total_cmp(&score(a)));
    streams
}

fn speaks_of_errors(key: &SeriesKey) -> bool {
    let name = key.metric.as_str().to_lowercase();
    key.edge.is_none() && name.split(|c: char| !c.is_alphanumeric()).any(|w| ERROR_WORDS.contains(&w))
}

fn witness(key: &SeriesKey, points: &[(Time, f64)], found: &Found) -> Witness {
    let within: Vec<f64> = points.iter().filter(|(t, _)| found.span.start <= *t && *t < found.span.end).map(|p| p.1).collect();
    let during = stats::median(&within).unwrap_or(found.quiet);
    Witness { service: key.service.clone(), caller: None, metric: key.metric.clone(), before: found.quiet, during }
}

/// A stream of the values of a series, in which something was found.
pub fn stream(key: &SeriesKey, points: &[(Time, f64)], found: Found, signals: &Signals) -> Option<Stream> {
    let step = step_over(signals);
    let first = step.window(signals.span.start);
    let windows = usize::try_from(windows(step, signals.span)).ok()?;
    let mut values = vec![0.0; windows];
    let mut at = 0;
    for (i, value) in values.iter_mut().enumerate() {
        let now = step.start_of(first + i as i64);
        while at + 1 < points.len() && points[at + 1].0 <= now {
            at += 1;
        }
        *value = points[at].1;
    }
    Some(Stream {
        signal: IncidentSignal::Metric { metric: key.metric.clone() },
        services: vec![key.service.clone()],
        step,
        first_window: first,
        total: vec![step.seconds(); windows],
        first_bad: vec![None; windows],
        bad: values,
        quiet: 0.0,
        limits: FAILURES,
        lag: 0.0,
        found: Some(vec![found]),
        witnesses: Vec::new(),
    })
}

/// The step of the logs, coarser where one odd time makes the metrics span centuries.
fn step_over(signals: &Signals) -> Step {
    let mut step = signals.step;
    while windows(step, signals.span) > MOST_WINDOWS {
        step = step.doubled();
    }
    step
}

fn windows(step: Step, span: TimeSpan) -> i64 {
    step.window(span.end) - step.window(span.start) + 1
}

/// The smallest step between two values: one event in the sampling interval, for a rate. Intervals jitter, and with them the rates of equal
/// counts, which are no steps.
fn grain(sorted: &[f64]) -> f64 {
    let steps = sorted.windows(2).filter(|w| w[1] - w[0] > (JITTER * w[1].abs()).max(1e-9));
    steps.map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min)
}

/// The stretches in which a series stays raised.
fn raised(points: &[(Time, f64)]) -> Vec<Found> {
    let sorted = stats::sorted(&points.iter().map(|p| p.1).collect::<Vec<_>>());
    let lower = &sorted[..sorted.len().div_ceil(2)];
    let (Some(quiet), Some(scale), Some(peak)) = (stats::median(lower), stats::robust_scale(lower), sorted.last()) else {
        return Vec::new();
    };
    let limit = (quiet + SCALES * scale).max(TIMES * quiet).max(SHARE_OF_PEAK * peak).max(quiet + GRAINS * grain(&sorted));
    let long = stats::runs(points.iter().map(|p| p.1 > limit)).into_iter().filter(|run| run.len() >= SHORTEST);
    long.map(|run| {
        let end = points.get(run.end).map_or(Time(points[run.end - 1].0.0 + 1), |p| p.0);
        let span = TimeSpan { start: points[run.start].0, end };
        Found { span, score: run.len() as f64, quiet, ongoing: run.end + 1 >= points.len() }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], expected: &[(i64, i64)]) {
        let points: Vec<_> = values.iter().enumerate().map(|(i, v)| (Time(i as i64), *v)).collect();
        let spans: Vec<_> = raised(&points).iter().map(|f| (f.span.start.0, f.span.end.0)).collect();
        assert_eq!(spans, expected, "{values:?}");
    }

    #[test]
    fn jitter_of_intervals_makes_no_smaller_events() {
        let one = |i: usize| 1.0 / (5.0 + 0.001 * i as f64);
        let values: Vec<f64> = (0..30).map(|i| if (10..16).contains(&i) { one(i) } else { 0.0 }).collect();
        check(&values, &[]);
    }

    #[test]
    fn what_stays_raised_is_found_and_noise_is_not() {
        check(&[0.0; 20], &[]);
        check(&[3.0; 20], &[]);
        check(&[0.0, 0.2, 0.0, 0.1, 0.0, 0.2, 0.1, 0.0, 0.2, 0.0, 0.1, 0.2], &[]);
        let mut values = vec![0.0; 20];
        values[8..14].fill(3.0);
        values[10] = 0.0;
        values[2] = 0.5;
        check(&values, &[(8, 14)]);
        check(&[0.0, 0.2, 0.2, 0.2, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], &[]);
        values[16] = 5.0;
        check(&values, &[(8, 14)]);
    }
}
