//! Tally and samples -> [`Signals`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use polars::prelude::*;

use super::outcomes::{Breakdown, Outcomes};
use crate::model::{Metrics, ServiceName, Step, Time, TimeSpan, Topology};
use crate::template::tally::{USER_WINDOWS, Users, user_block};
use crate::template::{Symbol, Tally};

/// Columns of the table of requests: one row a stream and window.
mod column {
    pub const SERVICE: &str = "service";
    pub const WINDOW: &str = "window";
    pub const COMPLETED: &str = "completed";
    pub const FAILED: &str = "failed";
    pub const REJECTED: &str = "rejected";
    pub const ARRIVED: &str = "arrived";
    /// Attributes by which requests can be broken down.
    pub const ATTRIBUTES: [&str; 3] = ["instance", "version", "route"];
}

/// A service with fewer request outcomes than this is not where users come in.
const ENTRY_REQUESTS: f64 = 30.0;

/// The table could not be built; says which step failed.
#[derive(Debug)]
pub struct SignalError(String);

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot tabulate the counts: {}", self.0)
    }
}

impl std::error::Error for SignalError {}

impl From<PolarsError> for SignalError {
    fn from(error: PolarsError) -> Self {
        SignalError(error.to_string())
    }
}

/// All signals of a run.
#[derive(Clone, Debug)]
pub struct Signals {
    pub step: Step,
    /// From the first to the last record or sample.
    pub span: TimeSpan,
    /// Request outcomes by service.
    pub outcomes: BTreeMap<ServiceName, Outcomes>,
    /// Where users come in: services that others do not call, busiest first.
    pub entries: Vec<ServiceName>,
    pub metrics: Metrics,
    pub tally: Tally,
    requests: DataFrame,
}

/// From the first to the last record or sample.
pub fn span(tally: &Tally, metrics: &Metrics) -> Option<TimeSpan> {
    let samples = metrics.values().flat_map(|points| points.first().into_iter().chain(points.last())).map(|p| p.0);
    let sampled = samples.fold(None, |span: Option<TimeSpan>, t| {
        let instant = TimeSpan { start: t, end: Time(t.0.saturating_add(1)) };
        Some(span.map_or(instant, |s| s.union(instant)))
    });
    [tally.span, sampled].into_iter().flatten().reduce(TimeSpan::union)
}

/// Builds the signals; `None` when nothing with a time was read.
pub fn tabulate(tally: Tally, metrics: Metrics, topology: &Topology) -> Result<Option<Signals>, SignalError> {
    let Some(span) = span(&tally, &metrics) else { return Ok(None) };
    let requests = request_table(&tally)?;
    let outcomes = outcomes_by_service(&tally, &requests)?;
    let entries = entry_services(&outcomes, topology);
    Ok(Some(Signals { step: tally.step, span, outcomes, entries, metrics, tally, requests }))
}

impl Signals {
    /// Requests of `services` in `span` by an attribute of [`column::ATTRIBUTES`], most failed first.
    pub fn breakdown(&self, services: &[&ServiceName], span: TimeSpan, attribute: &str) -> Result<Breakdown, SignalError> {
        let (from, to) = (self.step.window(span.start), self.step.window(Time(span.end.0.saturating_sub(1))));
        let window = self.requests.column(column::WINDOW)?.i64()?;
        let service = self.requests.column(column::SERVICE)?.str()?;
        let wanted: BTreeSet<&str> = services.iter().map(|s| s.as_str()).collect();
        let mask: BooleanChunked = window
            .iter()
            .zip(service.iter())
            .map(|(w, s)| Some(w.is_some_and(|w| w >= from && w <= to) && s.is_some_and(|s| wanted.contains(s))))
            .collect();
        let rows = self.requests.filter(&mask)?;
        let grouped = sums(&rows, &[attribute], &[column::COMPLETED, column::FAILED])?;
        let names = grouped.column(attribute)?.str()?.clone();
        let count = |name: &str| -> Result<Vec<u64>, SignalError> {
            let summed = grouped.column(&format!("{name}_sum"))?.cast(&DataType::UInt64)?;
            Ok(summed.u64()?.iter().map(|v| v.unwrap_or(0)).collect())
        };
        let (completed, failed) = (count(column::COMPLETED)?, count(column::FAILED)?);
        let mut all: Breakdown = names.iter().zip(completed).zip(failed).map(|((n, c), f)| (n.unwrap_or("").to_owned(), c, f)).collect();
        all.retain(|row| row.1 > 0);
        all.sort_by(|a, b| b.2.cmp(&a.2).then(b.1.cmp(&a.1)).then(a.0.cmp(&b.0)));
        Ok(all)
    }

    /// Distinct users of `services` in the span, and those of them who met a failure. Counted in blocks of
    /// [`USER_WINDOWS`] windows, so users of up to that long before and after are included.
    pub fn users(&self, services: &[&ServiceName], span: TimeSpan) -> (u64, u64) {
        let (from, to) = (user_block(self.step.window(span.start)), self.step.window(span.end));
        let mut users = Users::default();
        for symbol in services.iter().filter_map(|s| self.tally.symbols.find(s.as_str())) {
            for (_, block) in self.tally.users.range((symbol, from)..(symbol, to + USER_WINDOWS)).filter(|((_, b), _)| *b <= to) {
                users.all.merge(&block.all);
                users.failed.merge(&block.failed);
            }
        }
        (users.all.count(), users.failed.count())
    }

    /// Every service that wrote a record, answered a request or has a series.
    pub fn services(&self) -> BTreeSet<ServiceName> {
        let logged = self.tally.records.keys().map(|k| self.name(k.service));
        let measured = self.metrics.keys().map(|k| k.service.clone());
        self.outcomes.keys().cloned().chain(logged).chain(measured).filter(|s| !s.as_str().is_empty()).collect()
    }

    fn name(&self, symbol: Symbol) -> ServiceName {
        ServiceName::new(self.tally.symbols.text(symbol))
    }
}

/// Sums of `values` by `keys`, as columns named `<value>_sum`.
#[expect(deprecated, reason = "the lazy engine that would replace eager sums doubles the clean build and brings an HTTP stack")]
fn sums(table: &DataFrame, keys: &[&str], values: &[&str]) -> Result<DataFrame, SignalError> {
    Ok(table.group_by(keys.iter().copied())?.select(values.iter().copied()).sum()?)
}

fn request_table(tally: &Tally) -> Result<DataFrame, SignalError> {
    let mut text: [Vec<&str>; 4] = Default::default();
    let mut windows: Vec<i64> = Vec::new();
    let mut counts: [Vec<u32>; 4] = Default::default();
    for (key, requests) in tally.requests_sorted() {
        let mut row = |window: i64, values: [u32; 4]| {
            for (column, symbol) in text.iter_mut().zip([key.service, key.instance, key.version, key.route]) {
                column.push(tally.symbols.text(symbol));
            }
            windows.push(window);
            counts.iter_mut().zip(values).for_each(|(column, v)| column.push(v));
        };
        for (window, cell) in &requests.windows {
            row(*window, [cell.completed, cell.failed, cell.rejected, 0]);
        }
        for (window, arrived) in &requests.arrivals {
            row(*window, [0, 0, 0, *arrived]);
        }
    }
    let height = windows.len();
    let mut columns = vec![Column::new(column::WINDOW.into(), windows)];
    for (name, values) in [column::SERVICE].into_iter().chain(column::ATTRIBUTES).zip(text) {
        columns.push(Column::new(name.into(), values));
    }
    for (name, values) in [column::COMPLETED, column::FAILED, column::REJECTED, column::ARRIVED].into_iter().zip(counts) {
        columns.push(Column::new(name.into(), values));
    }
    Ok(DataFrame::new(height, columns)?)
}

/// Sums over instances, versions and routes; latencies and first failures, which do not fit a column, from the tally.
fn outcomes_by_service(tally: &Tally, requests: &DataFrame) -> Result<BTreeMap<ServiceName, Outcomes>, SignalError> {
    let Some(span) = tally.span else { return Ok(BTreeMap::new()) };
    let first = tally.step.window(span.start);
    let windows = (tally.step.window(span.end) - first + 1) as usize;
    let index = |window: i64| usize::try_from(window - first).ok().filter(|i| *i < windows);
    let names = [column::COMPLETED, column::FAILED, column::REJECTED, column::ARRIVED];
    let sums = sums(requests, &[column::SERVICE, column::WINDOW], &names)?;
    let (services, at) = (sums.column(column::SERVICE)?.str()?, sums.column(column::WINDOW)?.i64()?);
    let mut all: BTreeMap<ServiceName, Outcomes> = BTreeMap::new();
    for name in names {
        let values = sums.column(&format!("{name}_sum"))?.cast(&DataType::Float64)?;
        for ((service, window), value) in services.iter().zip(at.iter()).zip(values.f64()?.iter()) {
            let (Some(service), Some(window), Some(value)) = (service, window, value) else { continue };
            let entry = all.entry(ServiceName::new(service)).or_insert_with(|| Outcomes::empty(tally.step, first, windows));
            let series = match name {
                column::COMPLETED => &mut entry.completed,
                column::FAILED => &mut entry.failed,
                column::REJECTED => &mut entry.rejected,
                _ => &mut entry.arrived,
            };
            if let Some(i) = index(window) {
                series[i] = value;
            }
        }
    }
    for (key, requests) in tally.requests_sorted() {
        let Some(entry) = all.get_mut(&ServiceName::new(tally.symbols.text(key.service))) else { continue };
        for (window, cell) in &requests.windows {
            let Some(i) = index(*window) else { continue };
            entry.latency[i].merge(&cell.latency);
            entry.first_failed[i] = [entry.first_failed[i], cell.first_failed].into_iter().flatten().min();
        }
    }
    Ok(all)
}

/// Services of the topology that call others and are called by nobody; without any, the service with the most requests.
fn entry_services(outcomes: &BTreeMap<ServiceName, Outcomes>, topology: &Topology) -> Vec<ServiceName> {
    let requests = |s: &ServiceName| outcomes.get(s).map_or(0.0, |o| o.completed.iter().sum());
    let mut entries: Vec<(f64, ServiceName)> =
        topology.entries().map(|s| (requests(s), s.clone())).filter(|e| e.0 >= ENTRY_REQUESTS).collect();
    if entries.is_empty() {
        let busiest = outcomes.keys().map(|s| (requests(s), s.clone())).filter(|e| e.0 >= ENTRY_REQUESTS);
        entries.extend(busiest.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))));
    }
    entries.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    entries.into_iter().map(|e| e.1).collect()
}
