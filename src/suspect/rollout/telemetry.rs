//! The metrics arranged by edge and by instance, success in percent whatever its source calls it.
//!
//! It reads generic words of metric names and the ranges of values; it does not know changes or incidents.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{InstanceId, MetricName, Metrics, SeriesKey, ServiceName, Time, TimeSpan};
use crate::stats;

/// A sample.
pub type Point = (Time, f64);
/// Caller, where known, and callee.
pub type Edge<'m> = (Option<&'m ServiceName>, &'m ServiceName);

/// Assumed seconds between samples where no series has two.
const USUAL_STEP: f64 = 60.0;
/// Gaps between samples are the step or a multiple of it, as samples go missing: a low quantile of them finds the step.
const STEP_QUANTILE: f64 = 0.25;
/// Samples at least this share of a step apart belong to different steps; time stamps jitter by seconds.
const SAME_STEP: f64 = 0.5;

/// What a metric measures, by the words of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Success,
    Failure,
    Latency,
    Cpu,
}

/// One series of an edge or an instance.
pub struct Series<'m> {
    pub metric: &'m MetricName,
    pub edge: Edge<'m>,
    pub points: Cow<'m, [Point]>,
}

impl Series<'_> {
    /// Values in `from..=to`.
    pub fn values(&self, from: Time, to: Time) -> impl Iterator<Item = f64> {
        self.points.iter().filter(move |(t, _)| from <= *t && *t <= to).map(|p| p.1)
    }

    /// Values before an instant.
    pub fn values_before(&self, end: Time) -> impl Iterator<Item = f64> {
        self.points.iter().filter(move |(t, _)| *t < end).map(|p| p.1)
    }
}

/// The series of one instance.
#[derive(Default)]
pub struct Instance<'m> {
    /// Success of the requests that reached it, in percent.
    pub inbound: Vec<Series<'m>>,
    /// Success of the calls that it made, in percent.
    pub outbound: Vec<Series<'m>>,
    /// Latency of the requests that reached it.
    pub latency: Vec<Series<'m>>,
    pub cpu: Vec<Series<'m>>,
}

impl<'m> Instance<'m> {
    fn all(&self) -> impl Iterator<Item = &Series<'m>> {
        self.inbound.iter().chain(&self.outbound).chain(&self.latency).chain(&self.cpu)
    }

    /// Times of all samples, unordered.
    pub fn times(&self) -> impl Iterator<Item = Time> {
        self.all().flat_map(|s| s.points.iter().map(|p| p.0))
    }

    /// Times at which it is known to have answered requests, unordered.
    pub fn served(&self) -> impl Iterator<Item = Time> {
        self.inbound.iter().flat_map(|s| s.points.iter().map(|p| p.0))
    }
}

/// All series that roll-outs are judged by.
pub struct Telemetry<'m> {
    instances: BTreeMap<&'m ServiceName, BTreeMap<&'m InstanceId, Instance<'m>>>,
    /// Success in percent, for a whole edge.
    pub edges: BTreeMap<Edge<'m>, Vec<Series<'m>>>,
    /// Services that any series belongs to.
    pub services: BTreeSet<&'m ServiceName>,
    /// Seconds between samples of success.
    pub step: f64,
    /// From the first to the last sample.
    pub recorded: TimeSpan,
}

impl<'m> Telemetry<'m> {
    /// `None` where success is not told per edge or per instance.
    pub fn read(metrics: &'m Metrics) -> Option<Telemetry<'m>> {
        let ranges = ranges(metrics);
        let mut telemetry = Telemetry {
            instances: BTreeMap::new(),
            edges: BTreeMap::new(),
            services: metrics.keys().map(|k| &k.service).collect(),
            step: USUAL_STEP,
            recorded: recorded(metrics)?,
        };
        for (key, points) in metrics {
            telemetry.take(key, points, &ranges);
        }
        telemetry.step = telemetry.measured_step();
        let by_instance = telemetry.all_instances().any(|(_, _, i)| !i.inbound.is_empty() || !i.outbound.is_empty());
        let by_edge = telemetry.edges.keys().any(|(caller, _)| caller.is_some());
        (by_instance || by_edge).then_some(telemetry)
    }

    fn take(&mut self, key: &'m SeriesKey, points: &'m [Point], ranges: &BTreeMap<&MetricName, (f64, f64)>) {
        let Some(class) = class_of(key.metric.as_str()) else { return };
        let points = match class {
            Class::Latency | Class::Cpu => finite(points),
            Class::Success | Class::Failure => match ranges.get(&key.metric).and_then(|r| percent_scale(class, key.metric.as_str(), *r)) {
                Some(scale) => in_percent(points, class, scale),
                None => return,
            },
        };
        if points.is_empty() {
            return;
        }
        let edge = match &key.edge {
            Some((caller, callee)) => (Some(caller), callee),
            None if speaks_of_callees(key.metric.as_str()) => return,
            None => (None, &key.service),
        };
        self.place(key, class, Series { metric: &key.metric, edge, points });
    }

    fn place(&mut self, key: &'m SeriesKey, class: Class, series: Series<'m>) {
        let is_success = matches!(class, Class::Success | Class::Failure);
        let Some(id) = &key.instance else {
            if is_success {
                self.edges.entry(series.edge).or_default().push(series);
            }
            return;
        };
        let instance = self.instances.entry(&key.service).or_default().entry(id).or_default();
        let inbound = series.edge.1 == &key.service;
        match class {
            Class::Cpu => instance.cpu.push(series),
            Class::Latency if inbound => instance.latency.push(series),
            Class::Latency => {}
            Class::Success | Class::Failure if inbound => instance.inbound.push(series),
            Class::Success | Class::Failure => instance.outbound.push(series),
        }
    }

    /// The instances of a service with their series.
    pub fn instances_of(&self, service: &ServiceName) -> impl Iterator<Item = (&&'m InstanceId, &Instance<'m>)> {
        self.instances.get(service).into_iter().flatten()
    }

    /// All instances with their services and series.
    pub fn all_instances(&self) -> impl Iterator<Item = (&'m ServiceName, &'m InstanceId, &Instance<'m>)> {
        self.instances.iter().flat_map(|(service, set)| set.iter().map(|(id, instance)| (*service, *id, instance)))
    }

    /// The part of a span up to the last sample.
    pub fn covered(&self, span: TimeSpan) -> TimeSpan {
        TimeSpan { start: span.start, end: span.end.min(self.recorded.end).max(span.start) }
    }

    /// Each series by itself: series of different sources are rarely aligned.
    fn measured_step(&self) -> f64 {
        let of_instances = self.all_instances().flat_map(|(_, _, i)| i.inbound.iter().chain(&i.outbound));
        let gaps: Vec<f64> = self
            .edges
            .values()
            .flatten()
            .chain(of_instances)
            .flat_map(|s| s.points.windows(2).map(|pair| pair[1].0 - pair[0].0))
            .filter(|gap| *gap > 0.0)
            .collect();
        stats::quantile(&gaps, STEP_QUANTILE).unwrap_or(USUAL_STEP)
    }
}

/// Sorted times, of which those in the same step count once.
pub fn distinct_steps(times: impl Iterator<Item = Time>, step: f64) -> Vec<Time> {
    let mut times: Vec<Time> = times.collect();
    times.sort_unstable();
    let mut kept: Vec<Time> = Vec::new();
    for time in times {
        if kept.last().is_none_or(|last| time - *last >= SAME_STEP * step) {
            kept.push(time);
        }
    }
    kept
}

/// One value per step: the mean over all points in it.
pub fn mean_by_step(points: impl Iterator<Item = Point>, step: f64) -> Vec<Point> {
    let mut points: Vec<Point> = points.collect();
    points.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut groups: Vec<(Time, Vec<f64>)> = Vec::new();
    for (time, value) in points {
        match groups.last_mut() {
            Some((start, values)) if time - *start < SAME_STEP * step => values.push(value),
            _ => groups.push((time, vec![value])),
        }
    }
    groups.into_iter().filter_map(|(time, values)| Some((time, stats::mean(&values)?))).collect()
}

fn recorded(metrics: &Metrics) -> Option<TimeSpan> {
    let times = || metrics.values().flatten().map(|p| p.0);
    Some(TimeSpan::new(times().min()?, times().max()?))
}

/// Smallest and largest value of each metric over all its series, so that one flat series does not decide what the unit is.
fn ranges(metrics: &Metrics) -> BTreeMap<&MetricName, (f64, f64)> {
    let mut ranges: BTreeMap<&MetricName, (f64, f64)> = BTreeMap::new();
    for (key, points) in metrics {
        for value in points.iter().map(|p| p.1).filter(|v| v.is_finite()) {
            let range = ranges.entry(&key.metric).or_insert((value, value));
            *range = (range.0.min(value), range.1.max(value));
        }
    }
    ranges
}

/// What to multiply with to have percent; `None` where the values cannot be a share.
fn percent_scale(class: Class, name: &str, (least, most): (f64, f64)) -> Option<f64> {
    const ROUNDING: f64 = 1e-6;
    if least < -ROUNDING || most > 100.0 + ROUNDING {
        return None;
    }
    let is_percent = most > 1.0 + ROUNDING || (class == Class::Failure && says_percent(name));
    Some(if is_percent { 1.0 } else { 100.0 })
}

fn in_percent(points: &[Point], class: Class, scale: f64) -> Cow<'_, [Point]> {
    match class {
        Class::Failure => points.iter().filter(|p| p.1.is_finite()).map(|(t, v)| (*t, 100.0 - v * scale)).collect(),
        _ if scale == 1.0 => finite(points),
        _ => points.iter().filter(|p| p.1.is_finite()).map(|(t, v)| (*t, v * scale)).collect(),
    }
}

fn finite(points: &[Point]) -> Cow<'_, [Point]> {
    if points.iter().all(|p| p.1.is_finite()) {
        return Cow::Borrowed(points);
    }
    points.iter().copied().filter(|p| p.1.is_finite()).collect()
}

/// The words of a name, in lower case: split at everything but letters and digits, and inside `camelCase` and `CPUUsage`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (i, &c) in letters.iter().enumerate() {
        let after_lower = i > 0 && letters[i - 1].is_lowercase();
        let before_lower = i > 0 && letters[i - 1].is_uppercase() && letters.get(i + 1).is_some_and(|n| n.is_lowercase());
        if !c.is_alphanumeric() || (c.is_uppercase() && (after_lower || before_lower)) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

fn says_percent(name: &str) -> bool {
    name.contains('%') || words(name).iter().any(|w| w.starts_with("percent") || w == "pct")
}

/// Metrics whose name says that they count what a service asks of others.
fn speaks_of_callees(name: &str) -> bool {
    words(name).iter().any(|w| ["client", "upstream", "outbound", "egress"].contains(&w.as_str()))
}

/// `None` for everything else, for the machine's metrics (they describe the neighbours as well) and for running totals.
fn class_of(name: &str) -> Option<Class> {
    let words = words(name);
    let starts = |stems: &[&str]| words.iter().any(|w| stems.iter().any(|s| w.starts_with(s)));
    let is = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    let first = words.first()?.as_str();
    if ["node", "host", "machine"].contains(&first) || is(&["total", "count", "sum", "bucket"]) {
        return None;
    }
    let is_share = says_percent(name) || words.iter().any(|w| w.contains("rate") || w.contains("ratio") || w == "share");
    if starts(&["success", "availability"]) {
        return Some(Class::Success);
    }
    if is_share && (starts(&["error", "fail"]) || is(&["err", "5xx"])) {
        return Some(Class::Failure);
    }
    let response_time = words.windows(2).any(|pair| pair[0] == "response" && pair[1] == "time");
    if response_time || is(&["lat", "rtt"]) || starts(&["latenc", "duration", "elapsed", "responsetime"]) {
        return Some(Class::Latency);
    }
    starts(&["cpu"]).then_some(Class::Cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_by_generic_words() {
        let check = |name: &str, class: Option<Class>| assert_eq!(class_of(name), class, "{name}");
        check("", None);
        check("(%)", None);
        check("SuccessRate_server", Some(Class::Success));
        check("EdgeSuccessRate", Some(Class::Success));
        check("http.error.ratio", Some(Class::Failure));
        check("failure rate (%)", Some(Class::Failure));
        check("http_errors_total", None);
        check("errors", None);
        check("request_duration_p99", Some(Class::Latency));
        check("request_duration_seconds_count", None);
        check("response time", Some(Class::Latency));
        check("platform_ready", None);
        check("CPUUsage", Some(Class::Cpu));
        check("process.cpu.utilization", Some(Class::Cpu));
        check("NodeCpuUsage", None);
        check("host.cpu", None);
        check("memory_available", None);
    }

    #[test]
    fn shares_in_any_unit() {
        let check = |class, name, range, scale| assert_eq!(percent_scale(class, name, range), scale, "{name}");
        check(Class::Success, "success", (0.0, 1.0), Some(100.0));
        check(Class::Success, "success", (97.0, 100.0), Some(1.0));
        check(Class::Success, "successes", (0.0, 4_000.0), None);
        check(Class::Failure, "error rate", (0.0, 0.4), Some(100.0));
        check(Class::Failure, "error rate (%)", (0.0, 0.4), Some(1.0));
        check(Class::Failure, "error ratio", (-3.0, 0.4), None);
    }

    #[test]
    fn jitter_is_one_step_and_a_gap_two() {
        let times = [0.0, 1.0, 60.0, 119.0, 241.0].map(|s| Time::default().plus_seconds(s));
        assert_eq!(distinct_steps(times.into_iter(), 60.0).len(), 4);
        let means = mean_by_step(times.into_iter().zip([100.0, 50.0, 1.0, 2.0, 3.0]), 60.0);
        assert_eq!(means.iter().map(|p| p.1).collect::<Vec<_>>(), [75.0, 1.0, 2.0, 3.0]);
    }
}
