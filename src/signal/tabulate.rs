//! Tally and samples -> [`Signals`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use polars::prelude::*;

use super::outcomes::{Breakdown, Outcomes};
use crate::model::{Metrics, ServiceName, Step, Time, TimeSpan, Topology};
use crate::template::tally::{USER_WINDOWS, Users, user_block};
use crate::template::{RecordCounts, RecordKey, RequestCounts, RequestKey, Symbol, Tally};

/// Columns of the table of requests that a breakdown sums.
mod column {
    /// Requests that ended, whatever became of them.
    pub const COMPLETED: &str = "completed";
    /// Those of them that failed.
    pub const FAILED: &str = "failed";
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
    /// Services that call others, by the call graph or by measured calls, and are called by nobody. Unlike `entries` they need no requests in logs.
    pub doors: BTreeSet<ServiceName>,
    pub metrics: Metrics,
    pub tally: Tally,
    services: BTreeSet<ServiceName>,
    /// The kinds of record of each service, in their order.
    records: BTreeMap<ServiceName, Vec<RecordKey>>,
    /// The streams of requests of each service, in their order.
    requests: BTreeMap<ServiceName, Vec<RequestKey>>,
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
    let outcomes = outcomes_by_service(&tally);
    let entries = entry_services(&outcomes, topology);
    let doors = doors(&metrics, topology);
    let records = by_service(&tally, tally.records_sorted().into_iter().map(|(key, _)| *key), |key| key.service);
    let requests = by_service(&tally, tally.requests_sorted().into_iter().map(|(key, _)| *key), |key| key.service);
    let services = outcomes.keys().chain(records.keys()).chain(metrics.keys().map(|k| &k.service));
    let services = services.filter(|s| !s.as_str().is_empty()).cloned().collect();
    Ok(Some(Signals { step: tally.step, span, outcomes, entries, doors, metrics, tally, services, records, requests }))
}

/// Sorted keys by the service that they begin with.
fn by_service<K: Clone>(tally: &Tally, keys: impl Iterator<Item = K>, service: impl Fn(&K) -> Symbol) -> BTreeMap<ServiceName, Vec<K>> {
    let keys: Vec<K> = keys.collect();
    let of_one = keys.chunk_by(|a, b| service(a) == service(b));
    of_one.map(|keys| (ServiceName::new(tally.symbols.text(service(&keys[0]))), keys.to_vec())).collect()
}

impl Signals {
    /// Requests of `services` in `span` by `instance`, `version` or `route`, most failed first.
    pub fn breakdown(&self, services: &[&ServiceName], span: TimeSpan, attribute: &str) -> Result<Breakdown, SignalError> {
        let rows = self.request_table(services, span, attribute)?;
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

    /// One row a stream and window.
    fn request_table(&self, services: &[&ServiceName], span: TimeSpan, attribute: &str) -> Result<DataFrame, SignalError> {
        let windows = self.step.window(span.start)..=self.step.window(Time(span.end.0.saturating_sub(1)));
        let wanted: BTreeSet<&ServiceName> = services.iter().copied().collect();
        let (mut values, mut completed, mut failed) = (Vec::<&str>::new(), Vec::<u64>::new(), Vec::<u64>::new());
        for (key, requests) in wanted.into_iter().flat_map(|service| self.requests_of(service)) {
            let value = match attribute {
                "instance" => key.instance,
                "version" => key.version,
                _ => key.route,
            };
            for (_, cell) in requests.windows.iter().filter(|(window, _)| windows.contains(window)) {
                values.push(self.tally.symbols.text(value));
                completed.push(u64::from(cell.completed));
                failed.push(u64::from(cell.failed));
            }
        }
        let counts = [Column::new(column::COMPLETED.into(), &completed), Column::new(column::FAILED.into(), &failed)];
        let columns = std::iter::once(Column::new(attribute.into(), values)).chain(counts).collect();
        Ok(DataFrame::new(completed.len(), columns)?)
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
    pub fn services(&self) -> &BTreeSet<ServiceName> {
        &self.services
    }

    /// The kinds of record of one service, in their order.
    pub fn records_of(&self, service: &ServiceName) -> impl Iterator<Item = (&RecordKey, &RecordCounts)> {
        self.records.get(service).into_iter().flatten().filter_map(|key| Some((key, &**self.tally.records.get(key)?)))
    }

    /// The streams of requests of one service, in their order.
    pub fn requests_of(&self, service: &ServiceName) -> impl Iterator<Item = (&RequestKey, &RequestCounts)> {
        self.requests.get(service).into_iter().flatten().filter_map(|key| Some((key, &**self.tally.requests.get(key)?)))
    }
}

/// Sums of `values` by `keys`, as columns named `<value>_sum`.
#[expect(deprecated, reason = "the lazy engine that would replace eager sums doubles the clean build and brings an HTTP stack")]
fn sums(table: &DataFrame, keys: &[&str], values: &[&str]) -> Result<DataFrame, SignalError> {
    Ok(table.group_by(keys.iter().copied())?.select(values.iter().copied()).sum()?)
}

/// Sums over instances, versions and routes.
fn outcomes_by_service(tally: &Tally) -> BTreeMap<ServiceName, Outcomes> {
    let mut all = BTreeMap::new();
    let Some(span) = tally.span else { return all };
    let first = tally.step.window(span.start);
    let windows = (tally.step.window(span.end) - first + 1) as usize;
    let index = |window: i64| usize::try_from(window - first).ok().filter(|i| *i < windows);
    for streams in tally.requests_sorted().chunk_by(|a, b| a.0.service == b.0.service) {
        let mut sums = Outcomes::empty(tally.step, first, windows);
        for (_, requests) in streams {
            for (i, cell) in requests.windows.iter().filter_map(|(window, cell)| Some((index(window)?, cell))) {
                sums.completed[i] += f64::from(cell.completed);
                sums.failed[i] += f64::from(cell.failed);
                sums.rejected[i] += f64::from(cell.rejected);
                sums.latency[i].merge(&cell.latency);
                sums.first_failed[i] = [sums.first_failed[i], cell.first_failed].into_iter().flatten().min();
            }
            for (i, arrived) in requests.arrivals.iter().filter_map(|(window, n)| Some((index(window)?, n))) {
                sums.arrived[i] += f64::from(arrived);
            }
        }
        all.insert(ServiceName::new(tally.symbols.text(streams[0].0.service)), sums);
    }
    all
}

fn doors(metrics: &Metrics, topology: &Topology) -> BTreeSet<ServiceName> {
    let measured = metrics.keys().filter_map(|key| key.edge.as_ref()).map(|(caller, callee)| (caller, callee));
    let calls = topology.edges().chain(measured).filter(|(caller, callee)| caller != callee);
    let (callers, callees): (BTreeSet<&ServiceName>, BTreeSet<&ServiceName>) = calls.unzip();
    callers.difference(&callees).map(|service| (*service).clone()).collect()
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
