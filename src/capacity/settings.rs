//! Sizes of pools and limits of servers, from the configuration that was in force at the end of the data.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::intake;
use crate::model::{Change, Origin, ServiceName};
use crate::parse::config::{self, Flat};
use crate::read::{Bundle, Source, SourceKind};
use crate::suspect::facts::{Facts, Quantity, numeric_value};

/// `default_pool_size` unless it is set (PgBouncer's documentation).
pub const PGBOUNCER_POOL: f64 = 20.0;
/// Larger files are data.
const LARGEST: u64 = 4 << 20;

/// A pool that a configuration sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    pub service: ServiceName,
    pub key: String,
    pub origin: Origin,
    /// Connections, those beyond the size included.
    pub size: f64,
    pub of_database: bool,
}

/// What configurations say of pools and limits.
#[derive(Debug, Default)]
pub struct Settings {
    pub pools: Vec<Pool>,
    /// Pools of poolers, by their service.
    pub pooler: BTreeMap<ServiceName, Pool>,
    pub connections: BTreeMap<ServiceName, (f64, Origin)>,
    pub reserved: BTreeMap<ServiceName, f64>,
}

impl Settings {
    /// The settings in force at the end of the recording, by snapshots and by what changes edited.
    pub fn read(bundle: &Bundle, changes: &[Arc<Change>], facts: &Facts) -> Settings {
        let mut settings = Settings::default();
        for (service, (path, flat)) in in_force(bundle, changes) {
            settings.learn(&service, &path, &flat, facts);
        }
        settings
    }

    fn learn(&mut self, service: &ServiceName, path: &str, flat: &Flat, facts: &Facts) {
        let path: Arc<str> = Arc::from(path);
        for (key, entry) in &flat.entries {
            let Some((quantity, _)) = facts.quantity(key) else { continue };
            let Some(value) = numeric_value(&entry.value).filter(|value| *value > 0.0) else { continue };
            let origin = Origin::new(&path, entry.line);
            match quantity {
                Quantity::PoolMax => {
                    let size = value + extra(flat, key, facts);
                    let of_database = is_of_database(key);
                    self.pools.push(Pool { service: service.clone(), key: key.clone(), origin, size, of_database });
                }
                Quantity::PoolerServers if key.to_lowercase().contains("default") => {
                    let pool = Pool { service: service.clone(), key: key.clone(), origin, size: value, of_database: true };
                    self.pooler.insert(service.clone(), pool);
                }
                Quantity::ServerConnections => drop(self.connections.insert(service.clone(), (value, origin))),
                Quantity::ServerReserved => drop(self.reserved.insert(service.clone(), value)),
                _ => {}
            }
        }
    }
}

/// What may be opened beyond the size, as the setting beside it says.
fn extra(flat: &Flat, key: &str, facts: &Facts) -> f64 {
    let parent = |key: &str| key.rsplit_once('.').map_or(String::new(), |(parent, _)| parent.to_owned());
    let beside = flat.entries.iter().filter(|(other, _)| parent(other) == parent(key));
    beside
        .filter(|(other, _)| facts.quantity(other).is_some_and(|q| q.0 == Quantity::PoolExtra))
        .filter_map(|(_, e)| numeric_value(&e.value))
        .sum()
}

/// Pools of HTTP clients, caches and queues are none of a database.
fn is_of_database(key: &str) -> bool {
    const OTHERS: [&str; 8] = ["http", "redis", "jedis", "lettuce", "route", "cache", "rabbit", "kafka"];
    let lower = key.to_lowercase();
    !OTHERS.iter().any(|other| lower.contains(other))
}

/// The configuration of each service at the end: what its last change set, else the last of its snapshots by name.
fn in_force(bundle: &Bundle, changes: &[Arc<Change>]) -> BTreeMap<ServiceName, (String, Flat)> {
    let mut found: BTreeMap<ServiceName, (String, Flat)> = BTreeMap::new();
    let mut paths: Vec<_> = bundle.sources.iter().filter(|source| source.kind == SourceKind::Config).collect();
    paths.sort_by(|a, b| a.shown.cmp(&b.shown));
    for source in paths {
        let Some(service) = source.service.clone().or_else(|| folder(&source.shown)) else { continue };
        if let Some(flat) = text(source).and_then(|text| config::flatten(&source.shown, &text).ok()) {
            found.insert(service, (source.shown.to_string(), flat));
        }
    }
    let mut last: Vec<(&Arc<Change>, &str)> = changes
        .iter()
        .filter(|change| change.instances.is_empty())
        .filter_map(|change| Some((change, change.config_after.as_deref()?)))
        .collect();
    last.sort_by_key(|(change, _)| (change.time, change.id.clone()));
    for (change, path) in last {
        if let Some(flat) = intake::settings(bundle, change, path) {
            found.insert(change.service.clone(), (path.to_owned(), flat));
        }
    }
    found
}

fn text(source: &Source) -> Option<String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    source.open().ok()?.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LARGEST).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// `configs/<service>/<version>.yaml` -> service.
fn folder(shown: &str) -> Option<ServiceName> {
    let parts: Vec<&str> = shown.split('/').collect();
    let at = parts.iter().position(|part| matches!(*part, "configs" | "config"))?;
    (parts.len() > at + 2).then(|| ServiceName::new(parts[at + 1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(text: &str) -> Settings {
        let mut settings = Settings::default();
        settings.learn(&ServiceName::new("web"), "a.yaml", &config::flatten("a.yaml", text).unwrap(), &Facts::builtin());
        settings
    }

    #[test]
    fn sizes_with_what_may_come_on_top() {
        let pools = |text: &str| learned(text).pools.into_iter().map(|pool| (pool.size, pool.of_database)).collect::<Vec<_>>();
        for (text, expected) in [
            ("", vec![]),
            ("db:\n  pool:\n    max_size: 15\n    overflow: 5\n", vec![(20.0, true)]),
            ("db:\n  pool:\n    min_size: 15\n", vec![]),
            ("db:\n  pool:\n    max_size: none\n", vec![]),
            ("spring:\n  redis:\n    jedis:\n      pool:\n        max-active: 8\n", vec![(8.0, false)]),
        ] {
            assert_eq!(pools(text), expected, "{text}");
        }
    }

    #[test]
    fn limits_of_servers() {
        let found = learned("max_connections: 60\nsuperuser_reserved_connections: 5\n");
        let web = ServiceName::new("web");
        assert_eq!((found.connections.get(&web).map(|c| c.0), found.reserved.get(&web)), (Some(60.0), Some(&5.0)));
    }
}
