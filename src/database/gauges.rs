//! Which metrics tell of connections, waits and locks, and which of them is the limit of which.

use std::collections::BTreeMap;

use super::ledger::Spans;
use crate::model::database::Gauge;
use crate::model::{Metrics, ServiceName, Time, TimeSpan};
use crate::stats;

/// Parts of names; all of one row must occur. Ends of the first that fits.
const WANTED: &[&[&str]] = &[
    &["connection"],
    &["threads", "connected"],
    &["threads", "running"],
    &["lock"],
    &["pool"],
    &["longest", "tx"],
    &["idle", "in", "transaction"],
    &["cl", "waiting"],
    &["sv", "active"],
    &["maxwait"],
];
/// Services whose metrics are looked at must be databases or pools by their metrics' names.
const OF_DATABASE: &[&str] =
    &["pg", "postgres", "mysql", "mariadb", "innodb", "pgbouncer", "hikaricp", "db", "database", "sql", "jdbc", "pool"];

/// Metrics of a service, summed over instances at each instant, with the limit they are held against.
pub fn find(metrics: &Metrics, spans: Spans) -> Vec<Gauge> {
    let mut summed: BTreeMap<(ServiceName, String), BTreeMap<Time, f64>> = BTreeMap::new();
    for (key, points) in metrics.iter().filter(|(key, _)| key.edge.is_none()) {
        let metric = key.metric.as_str();
        if !is_wanted(&key.service, metric) {
            continue;
        }
        let series = summed.entry((key.service.clone(), metric.to_owned())).or_default();
        points.iter().for_each(|(time, value)| *series.entry(*time).or_default() += value);
    }
    let limits: Vec<(ServiceName, String, f64)> = summed
        .iter()
        .filter(|((_, metric), _)| is_limit(metric))
        .filter_map(|((service, metric), points)| Some((service.clone(), metric.clone(), *points.values().next_back()?)))
        .collect();
    summed
        .into_iter()
        .filter(|((_, metric), _)| !is_limit(metric))
        .filter_map(|((service, metric), points)| gauge(service, metric, points.into_iter().collect(), &limits, spans))
        .collect()
}

fn words(metric: &str) -> Vec<String> {
    metric.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
}

fn is_wanted(service: &ServiceName, metric: &str) -> bool {
    let words = words(metric);
    let of_service = words.iter().chain(&self::words(service.as_str())).any(|word| OF_DATABASE.contains(&word.as_str()));
    let has = |part: &&str| words.iter().any(|word| word.starts_with(part));
    of_service && WANTED.iter().any(|row| row.iter().all(has))
}

/// `pg_max_connections`, `hikaricp_connections_max`, `mysql_global_variables_max_connections`.
pub fn is_limit(metric: &str) -> bool {
    let words = words(metric);
    let is = |word: &str| words.iter().any(|w| w == word);
    (is("max") || is("limit") || is("maximum")) && (is("connections") || is("connection") || is("pool") || is("clients")) && !is("used")
}

fn gauge(
    service: ServiceName,
    metric: String,
    points: Vec<(Time, f64)>,
    limits: &[(ServiceName, String, f64)],
    spans: Spans,
) -> Option<Gauge> {
    let within = |span: Option<TimeSpan>| {
        let values: Vec<f64> = points.iter().filter(|(time, _)| span.is_some_and(|span| span.contains(*time))).map(|p| p.1).collect();
        stats::median(&values)
    };
    let peak = points.iter().copied().reduce(|best, point| if point.1 > best.1 { point } else { best })?;
    let counts_connections = words(&metric).iter().any(|word| word.starts_with("connection") || word == "connected");
    let limit = limits.iter().find(|(of, ..)| *of == service && counts_connections).map(|(_, name, value)| (name.clone(), *value));
    let (before, during) = (within(spans.quiet), within(spans.incident));
    Some(Gauge { service, metric, limit, before, during, peak: peak.1, peak_at: peak.0, points })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_connections_and_of_limits() {
        for (service, metric, wanted, limit) in [
            ("postgres", "pg_connections_active", true, false),
            ("postgres", "pg_max_connections", true, true),
            ("web", "hikaricp_connections_pending", true, false),
            ("web", "hikaricp_connections_max", true, true),
            ("web", "http_requests_per_s", false, false),
            ("redis", "redis_connected_clients", false, false),
            ("mariadb", "mysql_threads_connected", true, false),
            ("stock", "db_pool_in_use", true, false),
        ] {
            assert_eq!((is_wanted(&ServiceName::new(service), metric), is_limit(metric)), (wanted, limit), "{metric}");
        }
    }
}
