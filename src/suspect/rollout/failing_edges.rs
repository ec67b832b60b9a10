//! Which edges of the call graph fail in the incident, since when, and on which calls have ceased.
//!
//! It knows when the first change began, as the quiet time ends there, but not what changed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{MetricName, ServiceName, Time, TimeSpan};
use crate::stats::{self, MAD_TO_SIGMA};

use super::aliases::Aliases;
use super::telemetry::{Edge, Point, Series, Telemetry, distinct_steps, mean_by_step};

/// Fewer quiet samples give no median to trust.
const LEAST_QUIET: usize = 3;
/// A sample is bad when success lies this many points below its quiet median: one failed request in 50.
const BAD_POINTS: f64 = 2.0;
/// ... and this many standard deviations, on edges that are noisy in health.
const BAD_SIGMAS: f64 = 4.0;
/// Single bad samples on unrelated edges are common.
const LEAST_BAD: usize = 2;
/// Mean drop in points from which repeated bad samples count, and from which one is enough.
const MILD_SEVERITY: f64 = 0.5;
const SURE_SEVERITY: f64 = 3.0;
/// Alarms lag: a sample may be bad this many steps before the incident's start.
const ONSET_EARLY_STEPS: f64 = 1.5;
/// How many good samples in a row may interrupt the bad ones before the start.
const ONSET_GAP: usize = 1;
/// Calls in the incident are compared with those in this many steps before it.
const LOSS_STEPS: f64 = 10.0;
/// Edges with samples in fewer of those steps are too seldom called to tell.
const LOSS_LEAST_QUIET: f64 = 0.5;

/// An edge whose requests fail.
#[derive(Clone, Debug, PartialEq)]
pub struct FailingEdge {
    /// `None`: the metric does not say who calls.
    pub caller: Option<ServiceName>,
    pub callee: ServiceName,
    /// Mean fall of success in the incident, in points.
    pub severity: f64,
    pub onset: Time,
}

/// All edges that were tested.
pub struct Edges<'m> {
    failing: Vec<FailingEdge>,
    /// Share of the calls that ceased.
    loss: BTreeMap<(&'m ServiceName, &'m ServiceName), f64>,
}

impl<'m> Edges<'m> {
    /// Tests every edge of the call graph for errors that it did not have until `quiet_until`.
    pub fn test(telemetry: &Telemetry<'m>, aliases: &Aliases<'m>, quiet_until: Time, span: TimeSpan) -> Edges<'m> {
        let from_instances = means_of_instances(telemetry, aliases);
        let mut all: BTreeMap<Edge<'_>, &Vec<Series<'_>>> = from_instances.iter().map(|(edge, series)| (*edge, series)).collect();
        all.extend(telemetry.edges.iter().map(|(edge, series)| (*edge, series)));
        let with_caller: BTreeSet<&ServiceName> = all.keys().filter(|(caller, _)| caller.is_some()).map(|e| e.1).collect();
        // Where callers are told apart, the sum over them adds nothing.
        all.retain(|(caller, callee), _| caller.is_some() || !with_caller.contains(callee));
        let quiet = Quiet { until: quiet_until, span, step: telemetry.step };
        let failing = all.iter().filter_map(|(edge, series)| quiet.failing(*edge, series)).collect();
        let loss = all.iter().filter_map(|((u, v), series)| Some((((*u)?, *v), quiet.loss(series)))).collect();
        Edges { failing, loss }
    }

    /// Edges with errors that they did not have before.
    pub fn failing(&self) -> &[FailingEdge] {
        &self.failing
    }

    /// The same, taken out.
    pub fn into_failing(self) -> Vec<FailingEdge> {
        self.failing
    }

    /// When the first of them began to fail.
    pub fn onset(&self) -> Option<Time> {
        self.failing.iter().map(|e| e.onset).min()
    }

    /// Callees of a service with the share of the calls to them that ceased.
    pub fn losses_of<'a>(&'a self, caller: &'a ServiceName) -> impl Iterator<Item = (&'m ServiceName, f64)> + 'a {
        self.loss.iter().filter(move |((u, _), _)| *u == caller).map(|((_, v), loss)| (*v, *loss))
    }

    /// Edges between known services that any series tells of.
    pub fn known(&self) -> impl Iterator<Item = (&'m ServiceName, &'m ServiceName)> {
        self.loss.keys().copied()
    }
}

/// Means over instances, for the edges that have no series of their own.
fn means_of_instances<'m>(telemetry: &Telemetry<'m>, aliases: &Aliases<'m>) -> BTreeMap<Edge<'m>, Vec<Series<'m>>> {
    let mut points: BTreeMap<(Edge<'m>, &'m MetricName), Vec<Point>> = BTreeMap::new();
    for (service, id, instance) in telemetry.all_instances() {
        if aliases.contains(&(service, id)) {
            continue;
        }
        for series in instance.inbound.iter().chain(&instance.outbound).filter(|s| !telemetry.edges.contains_key(&s.edge)) {
            points.entry((series.edge, series.metric)).or_default().extend_from_slice(&series.points);
        }
    }
    let mut edges: BTreeMap<Edge<'m>, Vec<Series<'m>>> = BTreeMap::new();
    for ((edge, metric), points) in points {
        let points = Cow::Owned(mean_by_step(points.into_iter(), telemetry.step));
        edges.entry(edge).or_default().push(Series { metric, edge, points });
    }
    edges
}

/// The times that an edge is tested by.
struct Quiet {
    until: Time,
    span: TimeSpan,
    step: f64,
}

/// One metric of an edge, tested.
struct Tested {
    severity: f64,
    bad: usize,
    onset: Option<Time>,
}

impl Quiet {
    fn failing(&self, edge: Edge<'_>, series: &[Series<'_>]) -> Option<FailingEdge> {
        let tested: Vec<Tested> = series.iter().filter_map(|s| self.tested(s)).collect();
        let severity = stats::mean(&tested.iter().map(|t| t.severity).collect::<Vec<_>>())?;
        let bad = tested.iter().map(|t| t.bad).max()?;
        let fails = (bad >= LEAST_BAD && severity >= MILD_SEVERITY) || severity >= SURE_SEVERITY;
        // Several views of one edge differ by a step; the earlier one saw it.
        let onset = tested.iter().filter_map(|t| t.onset).min().unwrap_or(self.span.start);
        fails.then(|| FailingEdge { caller: edge.0.cloned(), callee: edge.1.clone(), severity, onset })
    }

    fn tested(&self, series: &Series<'_>) -> Option<Tested> {
        let quiet = self.quiet_values(series)?;
        let median = stats::median(&quiet)?;
        let limit = BAD_POINTS.max(BAD_SIGMAS * MAD_TO_SIGMA * stats::mad(&quiet)?);
        let is_bad = |value: f64| median - value > limit;
        let drops: Vec<f64> = series.values(self.span.start, self.span.end).map(|v| (median - v).max(0.0)).collect();
        let bad = series.values(self.span.start, self.span.end).filter(|v| is_bad(*v)).count();
        Some(Tested { severity: stats::mean(&drops)?, bad, onset: self.onset(&series.points, is_bad) })
    }

    /// Values before the first change, or before the incident where those are too few.
    fn quiet_values(&self, series: &Series<'_>) -> Option<Vec<f64>> {
        [self.until.min(self.span.start), self.span.start]
            .into_iter()
            .map(|end| series.values_before(end).collect::<Vec<_>>())
            .find(|values| values.len() >= LEAST_QUIET)
    }

    /// The first bad sample, from shortly before the incident on, then back through bad samples.
    fn onset(&self, points: &[Point], is_bad: impl Fn(f64) -> bool) -> Option<Time> {
        let earliest = self.span.start.plus_seconds(-ONSET_EARLY_STEPS * self.step);
        let mut onset = points.iter().position(|(t, v)| earliest <= *t && *t <= self.span.end && is_bad(*v))?;
        let mut good = 0;
        for (i, (_, value)) in points.iter().enumerate().take(onset).rev() {
            match is_bad(*value) {
                true => (onset, good) = (i, 0),
                false => good += 1,
            }
            if good > ONSET_GAP {
                break;
            }
        }
        points.get(onset).map(|p| p.0)
    }

    fn loss(&self, series: &[Series<'_>]) -> f64 {
        let before = TimeSpan { start: self.span.start.plus_seconds(-LOSS_STEPS * self.step), end: self.span.start };
        let per_step = |span: TimeSpan| {
            let times = series.iter().flat_map(|s| s.points.iter().map(|p| p.0)).filter(|t| span.contains(*t));
            distinct_steps(times, self.step).len() as f64 / (span.seconds() / self.step).max(1.0)
        };
        let quiet = per_step(before);
        if quiet < LOSS_LEAST_QUIET { 0.0 } else { (1.0 - per_step(self.span) / quiet).max(0.0) }
    }
}
