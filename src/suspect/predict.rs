//! Arithmetic on an edited number: what the new value makes happen, by what was measured before the incident, against what happened.
//!
//! A prediction that is met and one that is not are both findings; what they are worth is not decided here.

use super::facts::{Quantity, numeric_value, seconds};
use super::scene::Scene;
use super::surge::{Pointer, has_word};
use super::{Found, edits};
use crate::model::finding::Law;
use crate::model::{Change, Finding, KeyEdit, KeyRole, ServiceName, Symptom, TimeSpan};
use crate::stats;

/// Shares below this are not noticed by anybody.
const SMALLEST_SHARE: f64 = 0.03;
/// A pool that is less busy than this has room for swings.
const BUSY: f64 = 0.7;
/// Fewer calls than this say nothing of the slowest of them.
const FEWEST_CALLS: u64 = 50;
/// `superuser_reserved_connections` unless it is set (PostgreSQL's documentation).
const RESERVED: f64 = 3.0;

type Inputs = Vec<(&'static str, f64)>;

/// What the edit predicts.
pub fn examine(edit: &KeyEdit, change: &Change, scene: &Scene<'_>) -> Vec<Found> {
    let laws = [capacity, time_limit, rate, retries, connections, heap, cache_ttl, timeout_chain];
    let origins = || edit.origin.clone().into_iter().collect::<Vec<_>>();
    laws.iter().filter_map(|law| law(edit, &change.service, scene)).map(|finding| (finding, origins())).collect()
}

fn predicted(edit: &KeyEdit, law: Law, (predicted, observed): (f64, f64), inputs: Inputs) -> Option<Finding> {
    let finite = predicted.is_finite() && observed.is_finite() && inputs.iter().all(|(_, value)| value.is_finite());
    finite.then(|| Finding::Predicted { edit: edit.clone(), law, predicted, observed, inputs })
}

fn quantity(edit: &KeyEdit, scene: &Scene<'_>) -> Option<Quantity> {
    scene.case.facts.quantity(edit.key.as_str()).map(|(quantity, _)| quantity)
}

fn instances(service: &ServiceName, scene: &Scene<'_>) -> f64 {
    let seen = scene.case.signals.breakdown(&[service], scene.case.incident.span, "instance");
    seen.map_or(1, |rows| rows.len().max(1)) as f64
}

/// Little's law on places that were made fewer. W is the mean duration of a request in the quiet time, which bounds from above how long
/// a request holds a place; λ is the quiet rate of arrival, since users ask less often once they are kept waiting.
fn capacity(edit: &KeyEdit, service: &ServiceName, scene: &Scene<'_>) -> Option<Finding> {
    let fact = scene.case.facts.key(edit.key.as_str())?;
    // The least and the idle number of connections carry nothing.
    let carries = !matches!(quantity(edit, scene), Some(Quantity::PoolMin | Quantity::Queue));
    if !matches!(fact.role, KeyRole::Pool | KeyRole::ConnectionLimit | KeyRole::Threads) || !carries || edits::factor(edit)? >= 1.0 {
        return None;
    }
    let outcomes = scene.case.signals.outcomes.get(service)?;
    let places = edit.after.as_deref().and_then(numeric_value)? * instances(service, scene);
    let hold_s = outcomes.latency_within(scene.quiet).mean()? / 1e6;
    let demand_per_s = outcomes.arrival_rate(scene.quiet).filter(|r| *r > 0.0)?;
    let capacity_per_s = edits::carried_per_s(places, hold_s);
    let refused = edits::refused_share(capacity_per_s, demand_per_s);
    let observed = scene.health.get(service)?.failed_share();
    let used = demand_per_s / capacity_per_s;
    if refused > SMALLEST_SHARE {
        return Some(Finding::Capacity { edit: edit.clone(), places, hold_s, capacity_per_s, demand_per_s, refused, observed });
    }
    let inputs = vec![("places", places), ("hold_s", hold_s), ("demand_per_s", demand_per_s)];
    (used < BUSY && observed > SMALLEST_SHARE).then(|| predicted(edit, Law::Carries, (used, observed), inputs)).flatten()
}

/// A limit on the time of calls: those that took longer before will fail.
fn time_limit(edit: &KeyEdit, service: &ServiceName, scene: &Scene<'_>) -> Option<Finding> {
    let fact = scene.case.facts.key(edit.key.as_str()).filter(|fact| fact.role == KeyRole::Timeout)?;
    if quantity(edit, scene).is_some_and(|quantity| quantity != Quantity::TimeLimit) {
        return None;
    }
    let callee = edits::named_callee(edit, service, scene.case.topology)?;
    let limit = |value: &Option<String>| value.as_deref().and_then(|value| seconds(value, fact.unit)).filter(|limit| *limit > 0.0);
    let (limit_s, before_s) = (limit(&edit.after)?, limit(&edit.before));
    if before_s.is_some_and(|before| limit_s >= before) {
        return None;
    }
    let outcomes = scene.case.signals.outcomes.get(callee)?;
    let sketch = outcomes.latency_within(scene.quiet);
    let calls = sketch.count();
    let above = |limit_s: f64| sketch.above(limit_s * 1e6) as f64 / calls as f64;
    let span = scene.case.incident.span;
    let asked = outcomes.arrived[outcomes.indices(span)].iter().sum::<f64>();
    let failed: u64 = scene.complaints_about(callee).filter(|s| s.service == *service && is_late(s.symptom)).map(|s| s.count).sum();
    if calls < FEWEST_CALLS || asked < 1.0 {
        return None;
    }
    let share = (above(limit_s) - before_s.map_or(0.0, above)).max(0.0);
    let inputs = vec![("limit_s", limit_s), ("calls", calls as f64), ("median_s", sketch.quantile(0.5)? / 1e6)];
    predicted(edit, Law::TimeLimit, (share, (failed as f64 / asked).min(1.0)), inputs)
}

fn is_late(symptom: Option<Symptom>) -> bool {
    matches!(symptom, Some(Symptom::Timeout | Symptom::StatementTimeout))
}

/// A limit on the rate of requests: what comes beyond it is refused.
fn rate(edit: &KeyEdit, service: &ServiceName, scene: &Scene<'_>) -> Option<Finding> {
    if quantity(edit, scene) != Some(Quantity::Rate) || edits::factor(edit)? >= 1.0 {
        return None;
    }
    let limit = per_second(edit.key.as_str(), edit.after.as_deref()?)? * instances(service, scene);
    let outcomes = scene.case.signals.outcomes.get(service)?;
    let demand = outcomes.arrival_rate(scene.quiet).filter(|rate| *rate > 0.0)?;
    let range = outcomes.indices(scene.case.incident.span);
    let (completed, rejected): (f64, f64) = (outcomes.completed[range.clone()].iter().sum(), outcomes.rejected[range.clone()].iter().sum());
    let failed: f64 = outcomes.failed[range].iter().sum();
    let observed = if completed > 0.0 { (rejected + failed) / completed } else { 0.0 };
    let share = edits::refused_share(limit, demand);
    (share > SMALLEST_SHARE)
        .then(|| predicted(edit, Law::Rate, (share, observed), vec![("limit_per_s", limit), ("demand_per_s", demand)]))
        .flatten()
}

/// `20r/s`, `300r/m`, `50`; a key may say that it counts by the minute.
fn per_second(key: &str, value: &str) -> Option<f64> {
    let value = value.trim();
    if let Some((number, unit)) = value.split_once("r/") {
        let number: f64 = number.trim().parse().ok()?;
        return Some(if unit.starts_with('m') { number / 60.0 } else { number });
    }
    let number = numeric_value(value).filter(|number| *number > 0.0)?;
    let key = key.to_lowercase();
    Some(if key.contains("minute") || key.contains("rpm") { number / 60.0 } else { number })
}

/// Retries multiply calls while they fail: with a share f of calls failing, n retries make (1 - f^(n+1)) / (1 - f) calls of each.
fn retries(edit: &KeyEdit, service: &ServiceName, scene: &Scene<'_>) -> Option<Finding> {
    if scene.case.facts.key(edit.key.as_str())?.role != KeyRole::Retries || quantity(edit, scene) != Some(Quantity::Retries) {
        return None;
    }
    let callee = edits::named_callee(edit, service, scene.case.topology)?;
    let tries = edit.after.as_deref().and_then(numeric_value).filter(|n| *n > 0.0 && edits::factor(edit).is_none_or(|f| f > 1.0))?;
    let (own, theirs) = (scene.case.signals.outcomes.get(service)?, scene.case.signals.outcomes.get(callee)?);
    let per_request = |span: TimeSpan| Some(theirs.arrival_rate(span)? / own.arrival_rate(span).filter(|rate| *rate > 0.0)?);
    let (before, during) = (per_request(scene.quiet).filter(|calls| *calls > 0.0)?, per_request(scene.case.incident.span)?);
    let failing = scene.health.get(callee)?.failed_share().min(0.999);
    let factor = (1.0 - failing.powf(tries + 1.0)) / (1.0 - failing);
    (factor > 1.2)
        .then(|| predicted(edit, Law::Retries, (factor, during / before), vec![("retries", tries), ("failing", failing)]))
        .flatten()
}

/// All pools of a database together against the connections that its server admits.
fn connections(edit: &KeyEdit, service: &ServiceName, scene: &Scene<'_>) -> Option<Finding> {
    let edited = quantity(edit, scene)?;
    if !matches!(edited, Quantity::PoolMax | Quantity::ServerConnections | Quantity::Replicas) {
        return None;
    }
    let value = edit.after.as_deref().and_then(numeric_value)?;
    let settings = &scene.case.names.settings;
    let of = |wanted: Quantity| {
        settings
            .iter()
            .flat_map(move |(service, keys)| keys.iter().map(move |(key, value)| (service, key, value)))
            .filter(move |(_, key, _)| scene.case.facts.quantity(key).is_some_and(|(quantity, _)| quantity == wanted))
    };
    let limit = match edited {
        Quantity::ServerConnections => value,
        _ => of(Quantity::ServerConnections).find_map(|(_, _, value)| numeric_value(value)).or_else(|| {
            let mut metrics = scene.case.signals.metrics.iter().filter(|(key, _)| key.metric.as_str().contains("max_connections"));
            metrics.find_map(|(_, points)| points.last().map(|p| p.1))
        })?,
    };
    let mut together = 0.0;
    for (owner, key, set) in of(Quantity::PoolMax).filter(|(_, key, _)| !["http", "redis", "route"].iter().any(|other| key.contains(other)))
    {
        let is_edited = owner == service && key == edit.key.as_str();
        let size = if is_edited { value } else { numeric_value(set).unwrap_or(0.0) };
        let copies = if edited == Quantity::Replicas && owner == service { value } else { instances(owner, scene) };
        together += size * copies;
    }
    let free = (limit - RESERVED).max(0.0);
    if together <= free || together <= 0.0 {
        return None;
    }
    let refused = scene.surges.iter().any(|surge| surge.symptom == Some(Symptom::ConnectionLimit));
    let inputs = vec![("together", together), ("limit", limit), ("reserved", RESERVED)];
    predicted(edit, Law::Connections, (1.0 - free / together, f64::from(u8::from(refused))), inputs)
}

/// A heap that the container has no room for.
fn heap(edit: &KeyEdit, service: &ServiceName, scene: &Scene<'_>) -> Option<Finding> {
    let edited = quantity(edit, scene).filter(|q| matches!(q, Quantity::Heap | Quantity::ContainerMemory))?;
    let other = if edited == Quantity::Heap { Quantity::ContainerMemory } else { Quantity::Heap };
    let beside = scene.case.names.settings.get(service)?;
    let found = beside.iter().find(|(key, _)| scene.case.facts.quantity(key).is_some_and(|(quantity, _)| quantity == other));
    let (own, other) = (edit.after.as_deref().and_then(numeric_value)?, found.and_then(|(_, value)| numeric_value(value))?);
    let (heap, container) = if edited == Quantity::Heap { (own, other) } else { (other, own) };
    // What a virtual machine needs beside its heap is rarely below a tenth of it.
    if container <= 0.0 || heap * 1.1 <= container {
        return None;
    }
    let ran_out = scene.surges.iter().any(|surge| surge.symptom == Some(Symptom::Memory));
    predicted(edit, Law::Heap, (heap / container, f64::from(u8::from(ran_out))), vec![("heap", heap), ("container", container)])
}

/// Entries that live shorter are missed more often: with requests for an entry arriving without memory at rate λ, the hit ratio is
/// λT / (1 + λT) (Jung, Berger, Balakrishnan, "Modeling TTL-based Internet caches", INFOCOM 2003). λ follows from the ratio before.
fn cache_ttl(edit: &KeyEdit, service: &ServiceName, scene: &Scene<'_>) -> Option<Finding> {
    if quantity(edit, scene) != Some(Quantity::CacheTtl) {
        return None;
    }
    let factor = edits::factor(edit).filter(|factor| *factor < 1.0)?;
    let hits = hit_ratio(service, scene, scene.quiet).filter(|ratio| *ratio > 0.0 && *ratio < 1.0)?;
    let during = hit_ratio(service, scene, scene.case.incident.span)?;
    let requests = hits / (1.0 - hits) * factor;
    let misses = 1.0 / (1.0 + requests);
    let (more, observed) = (misses / (1.0 - hits), (1.0 - during) / (1.0 - hits));
    (more > 1.2)
        .then(|| predicted(edit, Law::CacheTtl, (more, observed), vec![("hits_before", hits), ("hits_during", during), ("factor", factor)]))
        .flatten()
}

/// Hits over hits and misses, by metrics of the service or of a cache that it calls.
fn hit_ratio(service: &ServiceName, scene: &Scene<'_>, span: TimeSpan) -> Option<f64> {
    let near = |other: &ServiceName| other == service || scene.case.topology.calls(service, other);
    let sum = |word: &str| {
        let series = scene.case.signals.metrics.iter().filter(|(key, _)| near(&key.service) && key.metric.as_str().contains(word));
        let growth = series.filter_map(|(_, points)| {
            let values: Vec<f64> = points.iter().filter(|p| span.contains(p.0)).map(|p| p.1).collect();
            let grows = values.windows(2).all(|w| w[1] >= w[0]);
            if grows { Some(values.last()? - values.first()?) } else { stats::mean(&values) }
        });
        growth.sum::<f64>()
    };
    let (hits, misses) = (sum("hits"), sum("misses"));
    (hits + misses > 0.0).then(|| hits / (hits + misses))
}

/// A limit inside that is longer than the one around it: the outer side gives up first, and the work goes on for nobody.
fn timeout_chain(edit: &KeyEdit, service: &ServiceName, scene: &Scene<'_>) -> Option<Finding> {
    let facts = scene.case.facts;
    let fact = facts
        .key(edit.key.as_str())
        .filter(|fact| matches!(fact.role, KeyRole::Timeout | KeyRole::PoolTimeout | KeyRole::StatementTimeout))?;
    let inner_s = edit.after.as_deref().and_then(|value| seconds(value, fact.unit)).filter(|limit| *limit > 0.0)?;
    // Who waits for this service, and for how long at most: a caller's key that names it.
    let settings = &scene.case.names.settings;
    let callers = scene.case.topology.callers(service);
    let outer = callers.filter_map(|caller| settings.get(caller)).flatten().filter_map(|(key, value)| {
        let fact = facts.key(key).filter(|fact| fact.role == KeyRole::Timeout)?;
        let limits = facts.quantity(key).is_none_or(|(quantity, _)| quantity == Quantity::TimeLimit);
        (limits && has_word(&key.replace(['.', '_'], " "), service.as_str())).then(|| seconds(value, fact.unit)).flatten()
    });
    let outer_s = outer.filter(|limit| *limit > 0.0).reduce(f64::min)?;
    let before_s = edit.before.as_deref().and_then(|value| seconds(value, fact.unit));
    if inner_s <= outer_s || before_s.is_some_and(|before| before > outer_s) {
        return None;
    }
    let names = |pointer: &Pointer| matches!(pointer, Pointer::Callee { service: callee, .. } if callee == service);
    let late = scene.surges.iter().any(|surge| is_late(surge.symptom) && names(&surge.pointer));
    predicted(edit, Law::TimeoutChain, (inner_s / outer_s, f64::from(u8::from(late))), vec![("inner_s", inner_s), ("outer_s", outer_s)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_by_the_second() {
        for (key, value, expected) in [
            ("limit_req.rate", "20r/s", Some(20.0)),
            ("limit_req.rate", "300r/m", Some(5.0)),
            ("api.max_rps", "50", Some(50.0)),
            ("api.requests_per_minute", "120", Some(2.0)),
            ("api.max_rps", "", None),
            ("api.max_rps", "many", None),
        ] {
            assert_eq!(per_second(key, value), expected, "{key} {value}");
        }
    }
}
