//! Many labelled series of one metric -> few: counters are added up, with their failures apart; histograms and summaries become quantiles.
//!
//! Counters of one service and instance can be added whatever their other labels are (routes, methods, processors): requests are
//! requests. What a sum would hide is kept apart: outcomes that failed, and time that processors waited.

use std::collections::BTreeMap;

use super::counters::{rates, rates_together};
use super::histogram::{QUANTILES, quantiles};
use super::labels::{Labels, repeats_others};
use super::{Kind, Points, Raw, RawKey, by_instant, combine, plain};
use crate::model::{MetricName, Metrics, SeriesKey, Time};

/// Labels of the outcome of a request, most telling first.
const OUTCOMES: [&str; 13] = [
    "http_response_status_code",
    "http_status_code",
    "status_code",
    "response_code",
    "http_status",
    "code",
    "status",
    "rpc_grpc_status_code",
    "grpc_code",
    "grpc_status",
    "outcome",
    "result",
    "error_type",
];
const FAILED: [&str; 8] = ["error", "errors", "failure", "failed", "fail", "server_error", "exception", "timeout"];
/// gRPC status codes that the server is to blame for (OpenTelemetry, semantic conventions for gRPC: error on the server's side).
const GRPC_FAILED: [&str; 12] =
    ["2", "4", "12", "13", "14", "15", "unknown", "deadlineexceeded", "unimplemented", "internal", "unavailable", "dataloss"];
/// States of processors that are waiting, kept apart from work.
const WAITING: [&str; 3] = ["iowait", "wait", "steal"];
/// States of a resource in which nobody uses it: what rises there is good news.
const UNUSED: [&str; 9] = ["idle", "free", "cached", "buffered", "buffers", "inactive", "available", "slab_reclaimable", "reserved"];
/// Resources that have such states.
const RESOURCES: [&str; 6] = ["cpu", "mem", "filesystem", "disk", "paging", "swap"];

type Group<T> = BTreeMap<SeriesKey, Vec<T>>;

/// A series of a counter, by second once it is rated.
struct Counted {
    labels: Labels,
    kind: Kind,
    points: Points,
}

struct Bucket {
    bound: f64,
    kind: Kind,
    points: Points,
}

/// All series, each folded with those that differ from it only in labels.
pub fn fold(all: Vec<(RawKey, Raw)>) -> Metrics {
    let (mut levels, mut counters, mut buckets): (Group<(Labels, Points)>, Group<Counted>, Group<Bucket>) = Default::default();
    for (RawKey { mut key, mut labels }, Raw { kind, points }) in all.into_iter().filter(|(key, _)| !repeats_others(&key.labels)) {
        if let Some(bound) = labels.get("le").and_then(|le| le.parse::<f64>().ok()).filter(|bound| !bound.is_nan()) {
            key.metric = renamed(&key.metric, "_bucket", "");
            buckets.entry(key).or_default().push(Bucket { bound, kind, points });
        } else if let Some(ending) = labels.remove("quantile").as_deref().and_then(quantile_ending) {
            key.metric = renamed(&key.metric, "", &ending);
            levels.entry(key).or_default().push((labels, points));
        } else if matches!(kind, Kind::Counter | Kind::Rate) {
            counters.entry(key).or_default().push(Counted { labels, kind, points });
        } else {
            levels.entry(key).or_default().push((labels, points));
        }
    }
    let mut metrics = Metrics::new();
    for (key, series) in levels {
        metrics.extend(plain::fold(&key, in_use(key.metric.as_str(), series, |s| &s.0)));
    }
    buckets.into_iter().for_each(|(key, series)| add_quantiles(&key, series, &mut metrics));
    let counted = counters.into_iter().map(|(key, series)| (key.clone(), rated(&key, series))).collect();
    add_rates(counted, &mut metrics);
    metrics.retain(|_, points| !points.is_empty());
    metrics
}

fn renamed(metric: &MetricName, without: &str, with: &str) -> MetricName {
    let base = metric.as_str().strip_suffix(without).unwrap_or(metric.as_str());
    MetricName::new(&format!("{base}{with}"))
}

/// `0.99` -> `_p99`; the extremes of a summary are its least and largest value.
fn quantile_ending(quantile: &str) -> Option<String> {
    let q: f64 = quantile.parse().ok().filter(|q| (0.0..=1.0).contains(q))?;
    Some(match q {
        0.0 => "_min".to_owned(),
        1.0 => "_max".to_owned(),
        _ => format!("_p{}", (q * 1e5).round() / 1e3),
    })
}

/// The series of states in which the resource is used; all where none is.
fn in_use<T>(metric: &str, series: Vec<T>, labels: impl Fn(&T) -> &Labels) -> Vec<T> {
    let lower = metric.to_ascii_lowercase();
    let idle = |labels: &Labels| state(labels).is_some_and(|(_, state)| UNUSED.contains(&state.to_ascii_lowercase().as_str()));
    let any_used = series.iter().any(|s| !idle(labels(s)));
    if !any_used || !RESOURCES.iter().any(|resource| lower.contains(resource)) {
        return series;
    }
    series.into_iter().filter(|s| !idle(labels(s))).collect()
}

/// The label that says what a resource does: `mode`, `state`, `cpu_mode`, `system_memory_state`.
fn state(labels: &Labels) -> Option<(&str, &str)> {
    let is_state =
        |name: &str| ["mode", "state"].iter().any(|s| name.strip_suffix(s).is_some_and(|rest| rest.is_empty() || rest.ends_with('_')));
    labels.iter().find(|(name, _)| is_state(name)).map(|(name, value)| (name.as_str(), value.as_str()))
}

/// The label that tells the outcome, and `5xx` or `error` where that is a failure of the server.
pub fn outcome(labels: &Labels) -> Option<(&'static str, Option<&'static str>)> {
    let name = OUTCOMES.into_iter().find(|name| labels.contains_key(*name))?;
    Some((name, failure(name, labels.get(name)?)))
}

fn failure(name: &str, value: &str) -> Option<&'static str> {
    let lower = value.to_ascii_lowercase();
    let is_http = lower.len() == 3 && lower.starts_with('5') && lower[1..].bytes().all(|b| b.is_ascii_digit() || b == b'x');
    if is_http {
        return Some("5xx");
    }
    let grpc = name.contains("grpc") || !lower.bytes().all(|b| b.is_ascii_digit());
    let failed = FAILED.contains(&lower.as_str()) || (grpc && GRPC_FAILED.contains(&lower.replace('_', "").as_str()));
    // `error.type` is set on failures alone: a class of exception, or a status.
    let typed = name == "error_type" && !lower.is_empty() && !(lower.len() == 3 && lower.starts_with('4'));
    (failed || typed).then_some("error")
}

fn rated(key: &SeriesKey, series: Vec<Counted>) -> Vec<(Labels, Points)> {
    let series = in_use(key.metric.as_str(), series, |s| &s.labels);
    let totals: Vec<&Points> = series.iter().filter(|s| s.kind == Kind::Counter).map(|s| &s.points).collect();
    let mut rates = rates_together(&totals).into_iter();
    let rate = |s: &Counted| if s.kind == Kind::Counter { rates.next().unwrap_or_default() } else { s.points.clone() };
    let points: Vec<Points> = series.iter().map(rate).collect();
    series.into_iter().map(|s| s.labels).zip(points).collect()
}

fn add_quantiles(key: &SeriesKey, buckets: Vec<Bucket>, metrics: &mut Metrics) {
    let by_second = |b: Bucket| (b.bound, if b.kind == Kind::Counter { rates(&b.points) } else { b.points });
    let buckets: Vec<(f64, Points)> = buckets.into_iter().map(by_second).collect();
    for (points, (_, ending)) in quantiles(&buckets).into_iter().zip(QUANTILES) {
        metrics.insert(SeriesKey { metric: renamed(&key.metric, "", ending), ..key.clone() }, points);
    }
}

/// Adds what was counted by second. The sum of what was observed says nothing beside its count: it is their mean, where no quantiles are known.
fn add_rates(counted: BTreeMap<SeriesKey, Vec<(Labels, Points)>>, metrics: &mut Metrics) {
    let of = |series: &[(Labels, Points)]| combine(&series.iter().map(|s| &s.1).collect::<Vec<_>>(), |a, b| a + b);
    for (key, series) in &counted {
        let count = SeriesKey { metric: renamed(&key.metric, "_sum", "_count"), ..key.clone() };
        let is_sum = key.metric.as_str().ends_with("_sum");
        if let Some(observations) = counted.get(&count).filter(|_| is_sum) {
            let known =
                QUANTILES.iter().any(|q| metrics.contains_key(&SeriesKey { metric: renamed(&key.metric, "_sum", q.1), ..key.clone() }));
            if !known {
                let mean = SeriesKey { metric: renamed(&key.metric, "_sum", "_mean"), ..key.clone() };
                metrics.insert(mean, ratio(&of(series), &of(observations)));
            }
            continue;
        }
        add_apart(key, series, metrics);
        // A level of the same name is another metric.
        let free =
            if metrics.contains_key(key) { SeriesKey { metric: renamed(&key.metric, "", "_rate"), ..key.clone() } } else { key.clone() };
        metrics.insert(free, of(&working(key, series)));
    }
}

/// Without the time in which processors waited: that is no work.
fn working(key: &SeriesKey, series: &[(Labels, Points)]) -> Vec<(Labels, Points)> {
    let waits = |labels: &Labels| speaks_of_cpu(key) && state(labels).is_some_and(|(_, state)| WAITING.contains(&state));
    if series.iter().all(|(labels, _)| waits(labels)) {
        return series.to_vec();
    }
    series.iter().filter(|(labels, _)| !waits(labels)).cloned().collect()
}

fn speaks_of_cpu(key: &SeriesKey) -> bool {
    key.metric.as_str().to_ascii_lowercase().contains("cpu")
}

/// One series over another, at the instants of both.
fn ratio(above: &Points, below: &Points) -> Points {
    let both = by_instant(&[above, below]);
    both.into_iter().filter_map(|(time, values)| quotient(&values).map(|value| (time, value))).collect()
}

fn quotient(values: &[(usize, f64)]) -> Option<f64> {
    let [(0, above), (1, below)] = values else { return None };
    (*below > 0.0).then(|| above / below)
}

/// What a sum over all labels would hide.
fn add_apart(key: &SeriesKey, series: &[(Labels, Points)], metrics: &mut Metrics) {
    let cpu = speaks_of_cpu(key);
    let mut apart: BTreeMap<(String, String), Vec<bool>> = BTreeMap::new();
    for (i, (labels, _)) in series.iter().enumerate() {
        let failed = outcome(labels).and_then(|(name, failure)| Some((name, failure?)));
        let waiting = state(labels).filter(|(_, state)| cpu && WAITING.contains(state));
        for (name, value) in failed.into_iter().chain(waiting) {
            apart.entry((name.to_owned(), value.to_owned())).or_insert_with(|| vec![false; series.len()])[i] = true;
        }
    }
    for ((name, value), members) in apart.into_iter().filter(|(_, members)| !members.iter().all(|m| *m)) {
        let metric = MetricName::new(&format!("{}{{{name}={value}}}", key.metric));
        metrics.insert(SeriesKey { metric, ..key.clone() }, part(series, &members));
    }
}

/// The sum of some series at the instants of all, 0 where none of them has a sample: no failure was counted then.
fn part(series: &[(Labels, Points)], members: &[bool]) -> Points {
    let masked = |((_, points), member): (&(Labels, Points), &bool)| -> Points {
        if *member { points.clone() } else { points.iter().map(|p: &(Time, f64)| (p.0, 0.0)).collect() }
    };
    let masked: Vec<Points> = series.iter().zip(members).map(masked).collect();
    combine(&masked.iter().collect::<Vec<_>>(), |a, b| a + b)
}
