//! Follows the failing calls from where users come in down to where they end.
//!
//! A unit of blame enters at each entry service. At a service, the share of its surging messages that name no callee stays; the
//! rest moves to the callees that the messages point at, with a share that says how far such a message convicts the callee. A
//! timeout against a callee that is as fast and as free of errors as ever is the caller's own fault.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Case;
use super::health::Health;
use super::surge::{self, CallKind, Pointer, Surge};
use crate::model::{Change, IncidentSignal, ServiceName, Symptom, Time, TimeSpan};
use crate::signal::Outcomes;

/// Share of the blame that a message of that kind hands on to the callee.
const REFUSED: f64 = 0.9;
/// A callee that answers others is barred to this caller: by its own doorkeeper, by the way there, or by what the caller brings.
const BARRED_BUT_WELL: f64 = 0.35;
const DATABASE: f64 = 0.5;
/// Statements that a client sent before, unchanged as it is, and that the server now cancels or lets wait.
const SAME_STATEMENTS: f64 = 0.8;
const ON_THE_SERVER: &[Symptom] = &[Symptom::StatementTimeout, Symptom::SlowStatement, Symptom::LockWait, Symptom::NotReady];
/// Seconds in which a service that went down for a change is up again and writes of its start.
const UP_AGAIN: f64 = 30.0;
/// The callee itself fails or is slower.
const VISIBLY_ILL: f64 = 0.95;
/// The callee is demonstrably well.
const HEALTHY: f64 = 0.1;
/// The callee tells nothing of itself.
const UNKNOWN: f64 = 0.75;
/// A service whose own resources are far off hands this much of what nobody explains on to callees of which nothing is known.
const HARD_AT_WORK: f64 = 0.2;
/// A caller slows down, and what it calls does not say how long it takes.
const SLOW_ALONE: f64 = 0.3;
/// A service is overrun when what it is asked for grows by this factor more than what users ask for.
const OVERRUN: f64 = 1.6;
/// Errors or latency by metrics this many quiet scales off: beyond what noise reaches in a handful of series.
const ILL_Z: f64 = 4.0;
/// Blame is followed at most this far: call graphs may have circles.
const MOST_HOPS: usize = 12;
/// When this share of a database's surging lines names one client, part of the blame returns to it.
const ONE_CLIENT: f64 = 0.8;
const RETURNED: f64 = 0.4;

/// Where the blame came to rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Blame {
    /// Sums to 1 where anything failed.
    pub shares: BTreeMap<ServiceName, f64>,
    /// Blame that passed through a service on its way: (from, to) -> share.
    pub passed: BTreeMap<(ServiceName, ServiceName), f64>,
    /// It began at requests that failed or were slow, not at messages alone.
    pub from_requests: bool,
}

impl Blame {
    /// The share of the failing calls that end at the service, 0 to 1.
    pub fn of(&self, service: &ServiceName) -> f64 {
        self.shares.get(service).copied().unwrap_or(0.0)
    }

    /// Whether anything failed or surged that blame could be read from: without logs there is none.
    pub fn is_known(&self) -> bool {
        !self.shares.is_empty()
    }

    /// The callee that most of a service's blame went on to.
    pub fn passed_on(&self, service: &ServiceName) -> Option<(&ServiceName, f64)> {
        let onward = self.passed.iter().filter(|((from, _), _)| from == service).map(|((_, to), share)| (to, *share));
        onward.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(a.0)))
    }
}

/// What is known of services when blame is walked.
pub struct Witnesses<'a> {
    pub surges: &'a [Surge],
    pub health: &'a BTreeMap<ServiceName, Health>,
    /// Errors and latency by metrics, in quiet scales.
    pub outside: &'a BTreeMap<ServiceName, f64>,
    /// Processor, memory and disk, in quiet scales.
    pub inside: &'a BTreeMap<ServiceName, f64>,
    /// Services that wrote anything during the incident.
    pub writing: &'a BTreeSet<ServiceName>,
}

/// Walks the blame of a case.
pub fn walk(case: &Case<'_>, witnesses: &Witnesses<'_>) -> Blame {
    let Witnesses { surges, health, .. } = *witnesses;
    let (mut front, from_requests) = sources(case, surges, health);
    let mut blame = Blame { from_requests, ..Blame::default() };
    for hop in 0..=MOST_HOPS {
        let mut next: BTreeMap<ServiceName, f64> = BTreeMap::new();
        for (service, mass) in std::mem::take(&mut front) {
            let onward = if hop == MOST_HOPS { Vec::new() } else { onward(case, &service, witnesses) };
            let kept = mass * (1.0 - onward.iter().map(|o| o.share).sum::<f64>()).max(0.0);
            *blame.shares.entry(service.clone()).or_default() += kept;
            for Onward { callee, share, reached } in onward {
                *blame.passed.entry((service.clone(), callee.clone())).or_default() += mass * share;
                // What never arrived cannot go wrong further down, unless the callee says so itself.
                let goes_on = if witnesses.surges.iter().any(|s| s.service == callee && s.is_trouble()) { share } else { reached };
                *blame.shares.entry(callee.clone()).or_default() += mass * (share - goes_on);
                *next.entry(callee).or_default() += mass * goes_on;
            }
        }
        front = next;
    }
    return_to_clients(case, surges, &mut blame);
    return_to_repeaters(case, health, &mut blame);
    blame.shares.retain(|_, share| *share > 1e-6);
    blame
}

/// Entry services by their failures (`true`); without failures there, every service with trouble, by its surging records.
fn sources(case: &Case<'_>, surges: &[Surge], health: &BTreeMap<ServiceName, Health>) -> (BTreeMap<ServiceName, f64>, bool) {
    let mut start: BTreeMap<ServiceName, f64> = BTreeMap::new();
    let hurt = |s: &ServiceName| {
        health.get(s).is_some_and(|h| h.failed > 0.0 || h.slower() || h.rejects())
            || surges.iter().any(|x| x.service == *s && x.is_trouble())
    };
    match &case.options.symptom {
        // What the alarm was about is where the walk begins.
        Some((service, _)) if hurt(service) => {
            start.insert(service.clone(), 1.0);
        }
        _ if case.incident.signal == IncidentSignal::ErrorRecords => {
            start.extend(case.incident.services.iter().map(|s| (s.clone(), 1.0)));
        }
        _ => {
            let ill = |s: &&ServiceName| health.get(*s).is_some_and(|h| h.failed > 0.0 || h.slower() || h.rejects());
            start.extend(case.incident.services.iter().filter(ill).map(|s| (s.clone(), health.get(s).map_or(1.0, |h| h.failed.max(1.0)))));
        }
    }
    let from_requests = !start.is_empty();
    if start.is_empty() {
        for surge in surges.iter().filter(|s| s.is_trouble()) {
            *start.entry(surge.service.clone()).or_default() += surge.count as f64;
        }
    }
    let all: f64 = start.values().sum();
    start.values_mut().for_each(|v| *v /= all);
    (start, from_requests)
}

/// What one callee takes over of a service's blame.
struct Onward {
    callee: ServiceName,
    share: f64,
    /// The part of the share whose requests reached the callee.
    reached: f64,
}

/// Shares of a service's blame that its callees take over.
fn onward(case: &Case<'_>, service: &ServiceName, witnesses: &Witnesses<'_>) -> Vec<Onward> {
    let Witnesses { surges, health, .. } = *witnesses;
    if matches!(case.incident.signal, IncidentSignal::SlowRequests { .. })
        && health.get(service).is_some_and(|h| h.excess_seconds() > h.failed)
    {
        let all = |(callee, share)| Onward { callee, share, reached: share };
        return slower_callees(case, service, witnesses).into_iter().map(all).collect();
    }
    let trouble: Vec<&Surge> = surges.iter().filter(|s| s.service == *service && s.is_trouble()).collect();
    let texts: f64 = trouble.iter().map(|s| s.count as f64 - s.expected).sum();
    let failed = health.get(service).map_or(0.0, |h| h.failed + if h.rejects() { h.rejected } else { 0.0 });
    // Few texts beside many failures explain few of them; the rest is known only by the status.
    let told = if failed > 0.0 { (texts / failed).min(1.0) } else { f64::from(u8::from(texts > 0.0)) };
    // (share, the part of it that reached the callee)
    let mut shares: BTreeMap<ServiceName, (f64, f64)> = BTreeMap::new();
    let mut add = |callee: &ServiceName, share: f64, reached: bool| {
        let sums = shares.entry(callee.clone()).or_default();
        *sums = (sums.0 + share, sums.1 + if reached { share } else { 0.0 });
    };
    for surge in &trouble {
        if let Pointer::Callee { service: callee, kind } = &surge.pointer {
            let part = told * (surge.count as f64 - surge.expected) / texts;
            let reached = !matches!(kind, CallKind::Refused | CallKind::Barred);
            let reached = reached && !health.get(callee).is_some_and(Health::no_longer_reached);
            let convicted = match surge.symptom {
                Some(symptom) if *kind == CallKind::Database && ON_THE_SERVER.contains(&symptom) && !has_changed(case, service) => {
                    SAME_STATEMENTS
                }
                _ => conviction(*kind, callee, surges, health),
            };
            add(callee, part * convicted, reached);
        }
    }
    if told < 1.0 {
        untold(case, service, witnesses).into_iter().for_each(|(callee, share)| add(callee, (1.0 - told) * share, true));
    }
    let shares = shares.into_iter().filter(|s| s.1.0 > 0.0);
    shares.map(|(callee, (share, reached))| Onward { callee, share, reached }).collect()
}

/// Where failures that no message explains go on to: callees that are visibly ill; without any, those that are ill by their metrics, then
/// those of which nothing at all is known. What none of these takes stays with the caller.
fn untold<'a>(case: &Case<'a>, service: &ServiceName, witnesses: &Witnesses<'a>) -> Vec<(&'a ServiceName, f64)> {
    let Witnesses { surges, health, outside, writing, .. } = *witnesses;
    let callees: Vec<&ServiceName> = match case.topology.callees(service).next() {
        Some(_) => case.topology.callees(service).collect(),
        None if case.topology.is_empty() => uncalled(service, surges, health),
        None => Vec::new(),
    };
    let shared = |taken: f64, weights: Vec<(&'a ServiceName, f64)>| {
        let all: f64 = weights.iter().map(|w| w.1).sum();
        weights.into_iter().map(|(callee, weight)| (callee, taken * weight / all)).collect::<Vec<_>>()
    };
    let ill: Vec<_> = callees.iter().map(|c| (*c, illness(c, surges, health))).filter(|c| c.1 > 0.0).collect();
    if !ill.is_empty() {
        return shared(VISIBLY_ILL, ill);
    }
    let dark: Vec<_> = callees.into_iter().filter(|c| !writing.contains(*c)).collect();
    let measured_ill: Vec<_> = dark.iter().filter_map(|c| outside.get(*c).filter(|z| **z > ILL_Z).map(|z| (*c, z.ln_1p()))).collect();
    if !measured_ill.is_empty() {
        return shared(VISIBLY_ILL, measured_ill);
    }
    shared(passed_into_the_dark(service, witnesses), dark.into_iter().filter(|c| !outside.contains_key(*c)).map(|c| (c, 1.0)).collect())
}

/// A service that is ill by its own account may be ill of itself; what it uses inside tells, where that was measured.
fn passed_into_the_dark(service: &ServiceName, witnesses: &Witnesses<'_>) -> f64 {
    let ill = witnesses.health.get(service).is_some_and(|h| h.errs() || h.slower());
    match witnesses.inside.get(service) {
        Some(z) if *z > ILL_Z => HARD_AT_WORK,
        None if ill => 0.5,
        _ => UNKNOWN,
    }
}

/// Without any call graph: services that are ill and of which no other service complains, so that the way to them must be from outside.
fn uncalled<'a>(service: &ServiceName, surges: &'a [Surge], health: &'a BTreeMap<ServiceName, Health>) -> Vec<&'a ServiceName> {
    let complained_of = |s: &ServiceName| {
        surges
            .iter()
            .any(|x| x.is_trouble() && x.service != *s && matches!(&x.pointer, Pointer::Callee { service: callee, .. } if callee == s))
    };
    health.iter().filter(|(s, h)| *s != service && (h.errs() || h.slower()) && !complained_of(s)).map(|(s, _)| s).collect()
}

/// Where requests are slow and do not fail, the seconds lost at the callees explain those lost at the caller; what they leave goes on to
/// callees of which nobody knows how long they take.
fn slower_callees(case: &Case<'_>, service: &ServiceName, witnesses: &Witnesses<'_>) -> Vec<(ServiceName, f64)> {
    let Witnesses { surges, health, .. } = *witnesses;
    let lost = |s: &ServiceName| match health.get(s) {
        Some(h) if h.slower() => h.excess_seconds(),
        Some(h) if h.tells_durations() => 0.0,
        // A service without requests of its own, such as a database, tells of slowness by its log.
        _ => surges
            .iter()
            .filter(|x| x.service == *s && x.symptom == Some(Symptom::SlowStatement))
            .map(|x| x.count as f64 - x.expected)
            .sum(),
    };
    let own = health.get(service).map_or(0.0, Health::excess_seconds);
    let callees: Vec<(&ServiceName, f64)> = case.topology.callees(service).map(|c| (c, lost(c))).filter(|c| c.1 > 0.0).collect();
    let all: f64 = callees.iter().map(|c| c.1).sum();
    let explained = VISIBLY_ILL * (all / own.max(f64::MIN_POSITIVE)).min(1.0);
    let mut shares: Vec<(ServiceName, f64)> = callees.into_iter().map(|(c, n)| (c.clone(), explained * n / all)).collect();
    let untimed = |c: &&ServiceName| !health.get(*c).is_some_and(Health::tells_durations) && lost(c) <= 0.0;
    let suspected: Vec<(&ServiceName, f64)> =
        case.topology.callees(service).filter(untimed).map(|c| (c, slows_its_callers(case, c, witnesses))).filter(|c| c.1 > 0.0).collect();
    let sum: f64 = suspected.iter().map(|c| c.1).sum();
    let most = suspected.iter().map(|c| c.1).fold(0.0, f64::max);
    shares.extend(suspected.into_iter().map(|(c, share)| (c.clone(), (1.0 - explained) * most * share / sum)));
    shares
}

/// How far the slowness of its callers convicts a callee that tells no durations: several callers that slow down together share what they call,
/// and a caller that does not clears it. A caller that is alone may be slow of itself, all the more where it is hard at work.
fn slows_its_callers(case: &Case<'_>, callee: &ServiceName, witnesses: &Witnesses<'_>) -> f64 {
    let callers = case.topology.callers(callee).filter_map(|c| Some((c, witnesses.health.get(c)?))).filter(|(_, h)| h.tells_durations());
    let (slower, others): (Vec<_>, Vec<_>) = callers.partition(|(_, h)| h.slower());
    if others.iter().any(|(_, h)| h.healthy()) {
        return 0.0;
    }
    let hard_at_work = |c: &ServiceName| witnesses.inside.get(c).is_some_and(|z| *z > ILL_Z);
    let measured_ill =
        witnesses.outside.get(callee).is_some_and(|z| *z > ILL_Z) || witnesses.inside.get(callee).is_some_and(|z| *z > ILL_Z);
    match slower.len() {
        0 => 0.0,
        _ if measured_ill => VISIBLY_ILL,
        _ if slower.iter().any(|(c, _)| hard_at_work(c)) => HARD_AT_WORK,
        1 => SLOW_ALONE,
        _ => UNKNOWN,
    }
}

/// Whether anything is known to have changed at a service before the harm: a record, however old, or a restart that nobody recorded.
fn has_changed(case: &Case<'_>, service: &ServiceName) -> bool {
    let onset = case.incident.span.start;
    let of_it = |c: &&Arc<Change>| c.service == *service || c.service.is_everything();
    let recorded = case.changes.iter().filter(of_it).any(|c| c.time - onset <= case.clock_slack);
    recorded || case.unrecorded.iter().filter(of_it).any(|c| c.time <= onset || went_down_before(case, service, c.time))
}

/// What starts anew writes of it when it is up again: whether no request was answered from the harm until then.
fn went_down_before(case: &Case<'_>, service: &ServiceName, started: Time) -> bool {
    let silent = TimeSpan { start: case.incident.span.start.plus_seconds(case.clock_slack), end: started };
    let answered = |outcomes: &Outcomes| outcomes.totals(silent).0 > 0.0;
    silent.seconds() < UP_AGAIN && case.signals.outcomes.get(service).is_some_and(|outcomes| silent.seconds() <= 0.0 || !answered(outcomes))
}

fn conviction(kind: CallKind, callee: &ServiceName, surges: &[Surge], health: &BTreeMap<ServiceName, Health>) -> f64 {
    let state = health.get(callee);
    match kind {
        CallKind::Refused => REFUSED,
        CallKind::Database => DATABASE,
        CallKind::Barred if state.is_some_and(Health::healthy) => BARRED_BUT_WELL,
        CallKind::Barred => UNKNOWN,
        _ if state.is_some_and(|h| h.errs() || h.slower() || h.rejects()) => VISIBLY_ILL,
        _ if state.is_some_and(Health::healthy) => HEALTHY,
        _ if surges.iter().any(|s| s.service == *callee && s.is_trouble()) => VISIBLY_ILL,
        CallKind::Timeout | CallKind::Failed => UNKNOWN,
    }
}

/// How ill a callee looks by itself: its failures, its slowness, its own trouble; 0 when well.
fn illness(service: &ServiceName, surges: &[Surge], health: &BTreeMap<ServiceName, Health>) -> f64 {
    let state = health.get(service).copied().unwrap_or_default();
    let failing = if state.errs() { state.failed } else { 0.0 } + if state.rejects() { state.rejected } else { 0.0 };
    let slow = if state.slower() { state.excess_seconds() } else { 0.0 };
    // A service that serves no requests of its own, such as a database, can only be judged by what it writes.
    let told: f64 = if state.requests > 0.0 {
        0.0
    } else {
        surges.iter().filter(|s| s.service == *service && s.is_trouble()).map(|s| s.count as f64).sum()
    };
    failing.max(slow).max(told)
}

/// A database whose trouble comes from one client only shares its blame with that client.
fn return_to_clients(case: &Case<'_>, surges: &[Surge], blame: &mut Blame) {
    let mut returned = Vec::new();
    for (service, share) in &blame.shares {
        let mut clients: BTreeMap<ServiceName, f64> = BTreeMap::new();
        let mut all = 0.0;
        for surge in surges.iter().filter(|s| s.service == *service && s.is_trouble()) {
            all += surge.count as f64;
            if let Some(client) = surge.client.as_deref().and_then(|c| client_service(case, c)) {
                *clients.entry(client).or_default() += surge.count as f64;
            }
        }
        let only = |(client, count): &(ServiceName, f64)| *count > ONE_CLIENT * all && client != service && has_changed(case, client);
        if let Some((client, _)) = clients.into_iter().find(only) {
            returned.push((service.clone(), client, share * RETURNED));
        }
    }
    for (service, client, share) in returned {
        *blame.shares.entry(service).or_default() -= share;
        *blame.shares.entry(client).or_default() += share;
    }
}

/// A service that is asked for much more than users ask for is overrun by who asks: a part of its blame returns to those callers that are not
/// asked for more themselves. Half of what came on top, for whoever fails is asked again by callers that always did so.
fn return_to_repeaters(case: &Case<'_>, health: &BTreeMap<ServiceName, Health>, blame: &mut Blame) {
    let (span, signals) = (case.incident.span, case.signals);
    let quiet = surge::quiet_span(signals, span, case.options.baseline);
    let growth = |s: &ServiceName| {
        let outcomes = signals.outcomes.get(s)?;
        let before = outcomes.arrival_rate(quiet).filter(|rate| *rate > 0.0)?;
        Some(outcomes.arrival_rate(span)? / before)
    };
    let Some(users) = signals.entries.first().and_then(growth) else { return };
    let mut returned = Vec::new();
    for (service, share) in blame.shares.iter().filter(|(s, _)| health.get(*s).is_some_and(|h| h.errs() || h.slower() || h.rejects())) {
        let excess = growth(service).map_or(1.0, |own| own / users.max(1.0));
        let callers: Vec<&ServiceName> =
            case.topology.callers(service).filter(|c| growth(c).is_some_and(|own| own < OVERRUN * users.max(1.0))).collect();
        if excess < OVERRUN || callers.is_empty() {
            continue;
        }
        let each = share * (1.0 - 1.0 / excess) / 2.0 / callers.len() as f64;
        returned.extend(callers.into_iter().map(|c| (service.clone(), c.clone(), each)));
    }
    for (service, caller, share) in returned {
        *blame.shares.entry(service).or_default() -= share;
        *blame.shares.entry(caller).or_default() += share;
    }
}

/// The service behind a database role or application name: by the configurations, else by its name.
pub fn client_service(case: &Case<'_>, client: &str) -> Option<ServiceName> {
    let parts: Vec<&str> = client.split(['/', '@', ' ']).filter(|p| !p.is_empty()).collect();
    let by_account = parts.iter().find_map(|p| case.names.accounts.get(*p).cloned());
    by_account.or_else(|| {
        let known = case.signals.services();
        let exact = known.iter().find(|s| parts.contains(&s.as_str())).cloned();
        exact.or_else(|| known.iter().filter(|s| parts.iter().any(|p| starts_as(p, s.as_str()))).max_by_key(|s| s.as_str().len()).cloned())
    })
}

/// `orders_rw` starts as `orders`.
fn starts_as(role: &str, service: &str) -> bool {
    role.strip_prefix(service).is_some_and(|rest| rest.starts_with(['_', '-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_name_their_service() {
        assert!(starts_as("orders_rw", "orders"));
        assert!(!starts_as("orders2_rw", "orders"));
        assert!(!starts_as("orders", "orders"));
    }
}
