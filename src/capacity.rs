//! Is the database large enough? Pools against the load in the bundle by Little's law with a margin for queues, all pools together against
//! the server's limit, and what runs out first when the load grows.
//!
//! Incidents are left out of what is measured: while users wait they ask for less, and hold longer.

pub mod queueing;
mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::analyze::{AnalyzeError, workers};
use crate::database::ledger::Ledger;
use crate::database::{self, ledger::Spans};
use crate::incident;
use crate::intake;
use crate::model::capacity::{CapacityPlan, HoldBasis, Limit, Needed, PoolPlan, ServerPlan};
use crate::model::database::Engine;
use crate::model::{Metrics, Options, Progress, ServiceName, Time, TimeSpan, Topology};
use crate::parse::Formats;
use crate::signal::{Outcomes, Signals, load, tabulate};
use crate::suspect::facts::Facts;
use crate::suspect::surge;

use settings::{Pool, Settings};

/// `superuser_reserved_connections` unless it is set (PostgreSQL's documentation).
const RESERVED: f64 = 3.0;
/// Connections that monitoring, migrations and people need beside the pools: a tenth, and at least five.
const SPARE: f64 = 0.1;
const LEAST_SPARE: f64 = 5.0;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Multiples of the observed load, ascending.
    pub times: Vec<f64>,
    /// The share of requests that may have to wait.
    pub wait: f64,
}

/// What was measured.
struct Measured<'a> {
    signals: &'a Signals,
    topology: &'a Topology,
    quiet: Vec<TimeSpan>,
    asked: &'a Asked,
}

/// The plan for the bundle at `paths`.
///
/// # Errors
/// A bundle that cannot be opened, worker threads that cannot be started, signals that cannot be tabulated.
pub fn plan(
    paths: &[PathBuf],
    asked: &Asked,
    options: &Options,
    formats: &Formats,
    facts: &Facts,
    progress: &dyn Progress,
) -> Result<CapacityPlan, AnalyzeError> {
    let mut input = intake::open(paths, formats, options).map_err(AnalyzeError::Bundle)?;
    workers(options.threads)?.install(|| {
        let mut intake = intake::take_in(&mut input, formats, options, progress);
        let bundle = &input.bundle;
        database::unseen(bundle, &mut intake);
        let settings = Settings::read(bundle, &intake.changes, facts);
        let (tally, metrics) = (std::mem::take(&mut intake.tally), std::mem::take(&mut intake.metrics));
        let empty = |missing| CapacityPlan { wait: asked.wait, missing, ..CapacityPlan::default() };
        let Some(signals) = tabulate(tally, metrics, &intake.topology)? else {
            let missing = vec![("everything".to_owned(), "logs or metrics with times".to_owned())];
            return Ok(CapacityPlan { coverage: intake.coverage, ..empty(missing) });
        };
        let incidents: Vec<TimeSpan> = incident::detect(&signals, options)?.incidents.iter().map(|incident| incident.span).collect();
        let quiet = quiet(signals.span, &incidents);
        let spans = Spans { quiet: quiet.iter().copied().max_by(|a, b| a.seconds().total_cmp(&b.seconds())), incident: None };
        let ledgers = database::ledgers(bundle, &intake, options, formats, facts, spans);
        let measured = Measured { signals: &signals, topology: &intake.topology, quiet, asked };
        let mut pools: Vec<PoolPlan> = settings.pools.iter().filter_map(|pool| measured.pool(pool)).collect();
        pools.extend(ledgers.iter().filter_map(|((service, engine), ledger)| measured.pooler(service, *engine, ledger, &settings)));
        let servers = measured.servers(&settings, &ledgers, &pools);
        let limits = measured.limits(&pools, &servers);
        Ok(CapacityPlan {
            span: Some(signals.span),
            left_out: incidents.first().copied(),
            missing: missing(&settings, &pools, &servers),
            pools,
            servers,
            limits,
            coverage: intake.coverage,
            ..empty(Vec::new())
        })
    })
}

/// The span without its incidents and what follows them closely.
fn quiet(span: TimeSpan, incidents: &[TimeSpan]) -> Vec<TimeSpan> {
    let mut quiet = Vec::new();
    let mut from = span.start;
    for incident in incidents {
        quiet.push(TimeSpan { start: from, end: incident.start.max(from) });
        from = incident.end.plus_seconds(surge::GUARD).max(from);
    }
    quiet.push(TimeSpan { start: from, end: span.end.max(from) });
    quiet.retain(|span| span.seconds() > 0.0);
    quiet
}

impl Measured<'_> {
    fn pool(&self, pool: &Pool) -> Option<PoolPlan> {
        let outcomes = self.signals.outcomes.get(&pool.service)?;
        let named =
            self.topology.callees(&pool.service).find(|callee| surge::has_word(&pool.key.replace(['.', '_'], " "), callee.as_str()));
        let callee = named.and_then(|callee| self.signals.outcomes.get(callee));
        let basis = if callee.is_some() { HoldBasis::Callee } else { HoldBasis::Requests };
        let hold_s = load::latency(callee.unwrap_or(outcomes), &self.quiet).mean()? / 1e6;
        let (mean_per_s, peak_per_s) = (self.mean(outcomes)?, load::peak(outcomes, &self.quiet)?);
        let instances = load::instances(self.signals, &pool.service, &self.quiet);
        let measured = Rates { mean_per_s, peak_per_s, hold_s, basis };
        let (key, origin) = (Some(pool.key.clone()), Some(pool.origin.clone()));
        let head = PoolHead { service: pool.service.clone(), key, origin, size: pool.size, instances, of_database: pool.of_database };
        Some(self.planned(head, measured))
    }

    /// A pooler's connections to the server, from its own statistics.
    fn pooler(&self, service: &ServiceName, engine: Engine, ledger: &Ledger, settings: &Settings) -> Option<PoolPlan> {
        let stats: Vec<_> = ledger.stats.iter().filter(|s| self.quiet.iter().any(|span| span.contains(s.time))).collect();
        if engine != Engine::PgBouncer || stats.is_empty() {
            return None;
        }
        let transactions: f64 = stats.iter().map(|s| s.transactions_per_s).sum();
        let busy: f64 = stats.iter().map(|s| s.transactions_per_s * s.transaction_us).sum();
        let mean_per_s = transactions / stats.len() as f64;
        let peak_per_s = stats.iter().map(|s| s.transactions_per_s).fold(0.0, f64::max);
        let hold_s = if transactions > 0.0 { busy / transactions / 1e6 } else { return None };
        let set = settings.pooler.get(service);
        let (key, origin) = (set.map(|pool| pool.key.clone()), set.map(|pool| pool.origin.clone()));
        let size = set.map_or(settings::PGBOUNCER_POOL, |pool| pool.size);
        let head = PoolHead { service: service.clone(), key, origin, size, instances: 1, of_database: true };
        Some(self.planned(head, Rates { mean_per_s, peak_per_s, hold_s, basis: HoldBasis::Transactions }))
    }

    fn planned(&self, head: PoolHead, rates: Rates) -> PoolPlan {
        let places = head.size * head.instances as f64;
        let offered = queueing::offered(rates.peak_per_s, rates.hold_s);
        let needed = |times: &f64| {
            let places = queueing::needed(offered * times, self.asked.wait);
            let each = places.div_ceil(head.instances.max(1));
            Needed { times: *times, places, each, utilisation: offered * times / (each * head.instances.max(1)) as f64 }
        };
        PoolPlan {
            needed: self.asked.times.iter().map(needed).collect(),
            utilisation: offered / places,
            waiting: queueing::waiting(offered, places),
            headroom: queueing::headroom(offered, places, self.asked.wait),
            service: head.service,
            key: head.key,
            origin: head.origin,
            size: head.size,
            instances: head.instances,
            mean_per_s: rates.mean_per_s,
            peak_per_s: rates.peak_per_s,
            hold_s: rates.hold_s,
            basis: rates.basis,
            offered,
            of_database: head.of_database,
        }
    }

    fn mean(&self, outcomes: &Outcomes) -> Option<f64> {
        let arrived: f64 = self.quiet.iter().map(|span| outcomes.arrived[outcomes.indices(*span)].iter().sum::<f64>()).sum();
        let seconds: f64 = self.quiet.iter().map(|span| outcomes.indices(*span).len() as f64 * outcomes.step.seconds()).sum();
        (seconds > 0.0 && arrived > 0.0).then(|| arrived / seconds)
    }

    fn servers(&self, settings: &Settings, ledgers: &BTreeMap<(ServiceName, Engine), Ledger>, pools: &[PoolPlan]) -> Vec<ServerPlan> {
        let mut limits: BTreeMap<ServiceName, (f64, String)> = BTreeMap::new();
        for (service, (limit, origin)) in &settings.connections {
            limits.insert(service.clone(), (*limit, origin.to_string()));
        }
        for (key, points) in &self.signals.metrics {
            let is_limit = key.metric.as_str().contains("max_connections") && !key.metric.as_str().contains("used");
            if let (true, Some(last)) = (is_limit, points.last()) {
                limits.insert(key.service.clone(), (last.1, format!("metric {}", key.metric)));
            }
        }
        let is_server = |service: &ServiceName| {
            ledgers.keys().any(|(of, engine)| of == service && *engine != Engine::PgBouncer)
                || self.signals.metrics.keys().any(|key| key.service == *service && key.metric.as_str().contains("max_connections"))
        };
        limits.retain(|service, (limit, _)| is_server(service) && *limit > 0.0);
        limits.into_iter().map(|(service, (limit, source))| self.server(service, limit, source, settings, pools)).collect()
    }

    fn server(&self, service: ServiceName, limit: f64, source: String, settings: &Settings, pools: &[PoolPlan]) -> ServerPlan {
        let reserved = settings.reserved.get(&service).copied().unwrap_or(RESERVED);
        let clients: Vec<&PoolPlan> = pools.iter().filter(|pool| self.works_with(pool, &service)).collect();
        let needed = |(at, times): (usize, &f64)| {
            let places: u64 = clients.iter().map(|pool| pool.needed[at].each * pool.instances).sum();
            let spare = (SPARE * places as f64).max(LEAST_SPARE);
            (*times, places, (places as f64 + spare + reserved).ceil() as u64)
        };
        ServerPlan {
            needed: self.asked.times.iter().enumerate().map(needed).collect(),
            observed: connections(&self.signals.metrics, &service),
            allotted: clients.iter().map(|pool| pool.size * pool.instances as f64).sum(),
            service,
            limit,
            reserved,
            source,
        }
    }

    /// A pool's service calls the server, or a pooler before it; where nobody knows who calls whom, all pools of databases count.
    fn works_with(&self, pool: &PoolPlan, server: &ServiceName) -> bool {
        let known = self.topology.callers(server).next().is_some();
        pool.of_database && (!known || self.topology.calls(&pool.service, server))
    }

    /// What runs out at which multiple of the load.
    fn limits(&self, pools: &[PoolPlan], servers: &[ServerPlan]) -> Vec<Limit> {
        let mut limits: Vec<Limit> = pools
            .iter()
            .map(|pool| {
                let key = pool.key.as_deref().map_or(String::new(), |key| format!(" {key}"));
                let limit = pool.size * pool.instances as f64;
                Limit { name: format!("pool{key} of {}", pool.service), used: pool.offered, limit, at_times: pool.headroom }
            })
            .collect();
        for server in servers {
            let clients: Vec<&PoolPlan> = pools.iter().filter(|pool| self.works_with(pool, &server.service)).collect();
            let free = server.limit - server.reserved;
            let together =
                |times: f64| clients.iter().map(|pool| queueing::needed(pool.offered * times, self.asked.wait) as f64).sum::<f64>();
            let used = server.observed.unwrap_or_else(|| together(1.0));
            // Connections grow with the load only as far as the pools are made larger for it.
            let at_times =
                if clients.is_empty() { free / used.max(1.0) } else { queueing::largest(1_000.0, &|times| together(times) <= free) };
            limits.push(Limit { name: format!("connections of {}", server.service), used, limit: free, at_times });
        }
        limits.extend(shares(&self.signals.metrics, &self.quiet));
        limits.sort_by(|a, b| a.at_times.total_cmp(&b.at_times).then_with(|| a.name.cmp(&b.name)));
        limits
    }
}

/// Who and what a pool is.
struct PoolHead {
    service: ServiceName,
    key: Option<String>,
    origin: Option<crate::model::Origin>,
    size: f64,
    instances: u64,
    of_database: bool,
}

/// What a pool has to carry.
struct Rates {
    mean_per_s: f64,
    peak_per_s: f64,
    hold_s: f64,
    basis: HoldBasis,
}

/// The most connections of a server at one time, by the series that counts all of them.
fn connections(metrics: &Metrics, service: &ServiceName) -> Option<f64> {
    let of_kind = |kind: &str| {
        let mut sums: BTreeMap<Time, f64> = BTreeMap::new();
        for (key, points) in metrics.iter().filter(|(key, _)| key.service == *service && key.metric.as_str().contains(kind)) {
            if !key.metric.as_str().contains("max") {
                points.iter().for_each(|(time, value)| *sums.entry(*time).or_default() += value);
            }
        }
        sums.into_values().reduce(f64::max)
    };
    ["connections_by_app", "threads_connected", "numbackends", "connections"].into_iter().find_map(of_kind)
}

/// Metrics that are shares of a capacity and grow with the load: CPU and memory of machines and containers.
fn shares(metrics: &Metrics, quiet: &[TimeSpan]) -> Vec<Limit> {
    let mut limits = Vec::new();
    for (key, points) in metrics {
        let name = key.metric.as_str();
        let percent = name.contains("pct") || name.contains("percent");
        // A process may use several processors: its percentage has no limit that is known here.
        let grows = (name.contains("cpu") && !name.starts_with("process")) || name.contains("threads_busy");
        let values: Vec<f64> = points.iter().filter(|p| quiet.iter().any(|span| span.contains(p.0))).map(|p| p.1).collect();
        let busy = crate::stats::quantile(&values, 0.95).filter(|busy| *busy > 0.0);
        if let (true, true, Some(used)) = (percent, grows, busy) {
            let instance = key.instance.as_ref().map(|i| format!(" {i}")).unwrap_or_default();
            limits.push(Limit { name: format!("{name} of {}{instance}", key.service), used, limit: 100.0, at_times: 100.0 / used });
        }
    }
    limits
}

fn missing(settings: &Settings, pools: &[PoolPlan], servers: &[ServerPlan]) -> Vec<(String, String)> {
    let mut missing = Vec::new();
    if settings.pools.is_empty() && settings.pooler.is_empty() {
        missing.push(("pools".to_owned(), "configuration snapshots that set their sizes, as configs/<service>/<version>.yaml".to_owned()));
    }
    for pool in settings.pools.iter().filter(|pool| !pools.iter().any(|plan| plan.service == pool.service)) {
        let needed = format!("requests of {} with their durations", pool.service);
        missing.push((format!("{} of {}", pool.key, pool.service), needed));
    }
    if servers.is_empty() {
        missing.push(("the database server".to_owned(), "its max_connections, from its configuration or a metric".to_owned()));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incidents_are_left_out() {
        let span = |a: i64, b: i64| TimeSpan { start: Time(a * 1_000_000), end: Time(b * 1_000_000) };
        let found: Vec<f64> = quiet(span(0, 100), &[span(20, 40), span(90, 100)]).iter().map(|s| s.seconds()).collect();
        assert_eq!(found, [20.0, 45.0]);
        assert_eq!(quiet(span(0, 100), &[]), [span(0, 100)]);
        assert_eq!(quiet(span(0, 100), &[span(0, 100)]), []);
    }
}
