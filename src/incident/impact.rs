//! How many requests and users an incident hurt, with the denominators.

use std::collections::BTreeMap;

use crate::model::{Impact, IncidentSignal, InstanceId, ServiceName, TimeSpan};
use crate::signal::{SignalError, Signals};

/// Routes and instances listed.
const MOST_ROWS: usize = 12;

/// Whose requests are counted: those of the entry services, but of the services where slowness was found where that was behind them.
pub fn counted<'s>(signals: &'s Signals, signal: &IncidentSignal, services: &'s [ServiceName]) -> Vec<&'s ServiceName> {
    let behind = matches!(signal, IncidentSignal::SlowRequests { .. }) && !services.iter().any(|s| signals.entries.contains(s));
    if behind { services.iter().collect() } else { signals.entries.iter().collect() }
}

/// Counts the outcomes within the span of the services that count, and of the instances of every service that failed in it.
pub fn measure(signals: &Signals, span: TimeSpan, signal: &IncidentSignal, services: &[ServiceName]) -> Result<Impact, SignalError> {
    let entries = counted(signals, signal, services);
    let (mut requests, mut failed) = (0.0, 0.0);
    for outcomes in entries.iter().filter_map(|s| signals.outcomes.get(*s)) {
        let (all, bad) = outcomes.totals(span);
        requests += all;
        failed += match signal {
            IncidentSignal::SlowRequests { threshold } => outcomes.latency_within(span).above(*threshold as f64) as f64,
            IncidentSignal::RejectedRequests => bad + outcomes.rejected_within(span),
            _ => bad,
        };
    }
    let (users, users_affected) = users(signals, &entries, span)?;
    let mut routes = signals.breakdown(&entries, span, "route")?;
    routes.retain(|r| r.2 > 0);
    routes.truncate(MOST_ROWS);
    Ok(Impact { requests: requests as u64, failed: failed as u64, users, users_affected, routes, instances: instances(signals, span)? })
}

/// Users as the entry services name them, else as the first service behind them that does.
fn users(signals: &Signals, entries: &[&ServiceName], span: TimeSpan) -> Result<(u64, u64), SignalError> {
    let counted = signals.users(entries, span);
    if counted.0 > 0 {
        return Ok(counted);
    }
    let mut by_requests: Vec<(u64, &ServiceName)> = signals.outcomes.iter().map(|(s, o)| (o.totals(span).0 as u64, s)).collect();
    by_requests.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    Ok(by_requests.into_iter().map(|(_, s)| signals.users(&[s], span)).find(|u| u.0 > 0).unwrap_or((0, 0)))
}

fn instances(signals: &Signals, span: TimeSpan) -> Result<Vec<(ServiceName, InstanceId, u64, u64)>, SignalError> {
    let mut all: BTreeMap<&ServiceName, Vec<(String, u64, u64)>> = BTreeMap::new();
    for (service, outcomes) in &signals.outcomes {
        if outcomes.totals(span).1 > 0.0 {
            let mut rows = signals.breakdown(&[service], span, "instance")?;
            rows.retain(|r| !r.0.is_empty());
            if rows.len() > 1 {
                all.insert(service, rows);
            }
        }
    }
    let rows = all.into_iter().flat_map(|(s, rows)| rows.into_iter().map(move |r| (s.clone(), InstanceId::new(&r.0), r.1, r.2)));
    Ok(rows.collect())
}
