//! Series of metrics -> what a service's users feel, one series for a service or a call and a metric, on a common grid of time.

use std::collections::BTreeMap;

use crate::model::time::SECOND;
use crate::model::{MetricName, Metrics, SeriesKey, ServiceName, Time};
use crate::signal::class::{Class, Meaning, ShareUnit, meaning};
use crate::stats;

/// Seconds of a bucket at the least: what is sampled more often is mostly smoothed.
const FINEST: f64 = 15.0;
/// Buckets of a recording at the most.
const MOST_BUCKETS: i64 = 8_192;
/// Shares above it are written in percent, not as 0 to 1.
const RATIO_TOP: f64 = 1.5;
/// Spacings looked at in one series.
const SPACINGS: usize = 1_024;

/// What is measured, in the order in which users mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Errors among requests, in percentage points.
    Share,
    /// Errors, in whatever unit.
    Errors,
    /// Latency, as its logarithm; of the slowest requests alone where `tail`.
    Latency { tail: bool },
    /// Requests, negative: that they cease hurts.
    Requests,
    /// What is used inside, as its logarithm: processors double in health, memory does not.
    Resource { memory: bool },
}

/// One bucket of a folded series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub bucket: i64,
    /// First and last sample in it.
    pub first: Time,
    pub last: Time,
    /// On the scale of the [`Sort`]: more hurts more.
    pub value: f64,
}

/// All instances' series of one metric of a service, or of the calls of one service by another, seen from one end.
pub struct Folded<'m> {
    /// Who is measured: the callee, for calls.
    pub service: &'m ServiceName,
    pub caller: Option<&'m ServiceName>,
    pub metric: &'m MetricName,
    /// One of the series.
    pub key: &'m SeriesKey,
    pub sort: Sort,
    /// Value that stands for no error where successes were turned into errors.
    top: Option<f64>,
    /// Units of a share that make one percentage point.
    point: f64,
    /// Seconds in a unit of latency, where the name tells.
    pub unit: Option<f64>,
    /// By time, without empty buckets.
    pub points: Vec<Point>,
}

/// Buckets of equal width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Microseconds.
    width: i64,
    /// The last bucket in which anything was measured.
    pub last: i64,
}

impl Grid {
    /// As wide as the samples of what is wanted are apart in the middle; `None` without any.
    pub fn over(metrics: &Metrics, wanted: Wanted) -> Option<Grid> {
        let spacing = |points: &Vec<(Time, f64)>| {
            let gaps: Vec<f64> = points.windows(2).take(SPACINGS).map(|w| (w[1].0 - w[0].0).abs()).collect();
            stats::median(&gaps)
        };
        let series = || metrics.iter().filter(|(key, _)| wanted(key).is_some()).map(|(_, points)| points);
        let spacings: Vec<f64> = series().filter_map(spacing).collect();
        let ends = series().filter_map(|points| Some((points.first()?.0, points.last()?.0)));
        let (start, end) = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        let seconds = stats::median(&spacings)?.max(FINEST).max((end - start).abs() / MOST_BUCKETS as f64);
        let width = ((seconds * SECOND as f64).round() as i64).max(1);
        Some(Grid { width, last: end.0.div_euclid(width) })
    }

    fn bucket(self, time: Time) -> i64 {
        time.0.div_euclid(self.width)
    }

    /// Whether buckets `first` to `last` are as many and as long as an incident.
    pub fn is_long(self, first: i64, last: i64) -> bool {
        let buckets = last - first + 1;
        buckets >= super::SHORTEST as i64 && buckets as f64 * self.width as f64 >= super::SHORTEST_SECONDS * SECOND as f64
    }

    /// The bucket of the first instant that a baseline includes, and that of its end.
    pub fn within(self, span: crate::model::TimeSpan) -> std::ops::Range<i64> {
        self.bucket(span.start)..self.bucket(span.end)
    }
}

/// Says of a series what it means, where it is wanted.
pub type Wanted = fn(&SeriesKey) -> Option<Meaning>;

/// What a series says of users; `None` for resources, and for calls that a service makes, which describe its callees.
pub fn felt(key: &SeriesKey) -> Option<Meaning> {
    let meaning = meaning(key.metric.as_str())?;
    let felt = matches!(meaning.class, Class::Errors | Class::Latency | Class::Load);
    (felt && (key.edge.is_some() || !meaning.outgoing && !meaning.by_caller)).then_some(meaning)
}

/// What a series says of the processor and memory that a service uses.
pub fn used(key: &SeriesKey) -> Option<Meaning> {
    let meaning = meaning(key.metric.as_str())?;
    (key.edge.is_none() && matches!(meaning.class, Class::Cpu | Class::Memory)).then_some(meaning)
}

/// A series as it was measured.
type Series<'m> = (&'m SeriesKey, &'m Vec<(Time, f64)>);

/// All that is wanted, in the order of services and metrics.
pub fn all(metrics: &Metrics, grid: Grid, wanted: Wanted) -> Vec<Folded<'_>> {
    type Group<'m> = (&'m ServiceName, Option<&'m ServiceName>, &'m MetricName);
    let mut groups: BTreeMap<Group, (Meaning, Vec<Series>)> = BTreeMap::new();
    for (key, points) in metrics {
        let Some(meaning) = wanted(key) else { continue };
        let (caller, service) = key.edge.as_ref().map_or((None, &key.service), |(caller, callee)| (Some(caller), callee));
        groups.entry((service, caller, &key.metric)).or_insert((meaning, Vec::new())).1.push((key, points));
    }
    groups.into_iter().map(|((service, caller, metric), (meaning, of))| fold((service, caller, metric), meaning, &of, grid)).collect()
}

fn fold<'m>(
    (service, caller, metric): (&'m ServiceName, Option<&'m ServiceName>, &'m MetricName),
    meaning: Meaning,
    of: &[Series<'m>],
    grid: Grid,
) -> Folded<'m> {
    let peak = of.iter().flat_map(|(_, points)| points.iter().map(|p| p.1)).fold(0.0, f64::max);
    let hundred = if peak > RATIO_TOP { 100.0 } else { 1.0 };
    let (sort, top) = match (meaning.class, meaning.inverted, meaning.share) {
        (Class::Latency, ..) => (Sort::Latency { tail: meaning.tail }, None),
        (Class::Load, ..) => (Sort::Requests, None),
        (Class::Cpu, ..) => (Sort::Resource { memory: false }, None),
        (Class::Memory, ..) => (Sort::Resource { memory: true }, None),
        (_, true, _) => (Sort::Share, Some(hundred)),
        (_, _, Some(ShareUnit::Percent | ShareUnit::Ratio)) => (Sort::Share, None),
        _ => (Sort::Errors, None),
    };
    let percent = meaning.share == Some(ShareUnit::Percent) && top.is_none();
    let point = if percent { 1.0 } else { hundred / 100.0 };
    let mut folded = Folded { service, caller, metric, key: of[0].0, sort, top, point, unit: meaning.unit, points: Vec::new() };
    folded.points = points(&folded, of, grid);
    folded
}

/// The median over instances of their medians in each bucket.
fn points(folded: &Folded, of: &[Series], grid: Grid) -> Vec<Point> {
    let mut buckets: BTreeMap<i64, (Time, Time, Vec<f64>)> = BTreeMap::new();
    for (_, series) in of {
        for samples in series.chunk_by(|a, b| grid.bucket(a.0) == grid.bucket(b.0)) {
            let values: Vec<f64> = samples.iter().filter_map(|(_, v)| folded.hurt(*v)).collect();
            let (Some(value), (first, last)) = (stats::median(&values), (samples[0].0, samples[samples.len() - 1].0)) else { continue };
            let cell = buckets.entry(grid.bucket(first)).or_insert((first, last, Vec::new()));
            (cell.0, cell.1) = (cell.0.min(first), cell.1.max(last));
            cell.2.push(value);
        }
    }
    let point = |(bucket, (first, last, values)): (i64, (Time, Time, Vec<f64>))| {
        Some(Point { bucket, first, last, value: stats::median(&values)? })
    };
    buckets.into_iter().filter_map(point).collect()
}

impl Folded<'_> {
    /// Whether it tells errors among requests, so that it needs no other series to mean something.
    pub fn is_share(&self) -> bool {
        self.sort == Sort::Share
    }

    /// A value on the scale of the sort; `None` where it is none, such as a latency of 0 where nothing was asked.
    fn hurt(&self, value: f64) -> Option<f64> {
        match self.sort {
            Sort::Latency { .. } | Sort::Resource { .. } => (value > 0.0).then(|| value.ln()),
            Sort::Share => Some(self.top.map_or(value, |top| top - value) / self.point),
            Sort::Errors => Some(value),
            Sort::Requests => Some(-value),
        }
    }

    /// The value as the metric is written.
    pub fn written(&self, hurt: f64) -> f64 {
        match self.sort {
            Sort::Latency { .. } | Sort::Resource { .. } => hurt.exp(),
            Sort::Share => self.top.map_or(hurt * self.point, |top| top - hurt * self.point),
            Sort::Errors => hurt,
            Sort::Requests => -hurt,
        }
    }
}
