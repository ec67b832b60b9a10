//! The misleading paths: which of them the data exclude, by what test, and which they cannot exclude.

use std::collections::BTreeSet;

use crate::model::record::series_of;
use crate::model::{Cause, CauseKind, Change, Evidence, Finding, NotRuledOut, RuledOut, ServiceName, Symptom, TimeSpan};
use crate::stats;
use crate::suspect::scene::Scene;
use crate::suspect::timing;

/// A suspect below this confidence is ruled out, if something speaks against it.
const UNLIKELY: f64 = 0.02;
/// A series stayed in its range when its largest value exceeds the quiet 99th percentile by less than this factor.
const FLAT: f64 = 1.3;
/// Innocent changes told before everything else.
const NEAREST: usize = 3;
/// Samples needed on both sides to call a series flat.
const SMALLEST_SERIES: usize = 5;

/// Paths excluded and paths left open.
pub fn examine(scene: &Scene<'_>, causes: &[Cause]) -> (Vec<RuledOut>, Vec<NotRuledOut>) {
    // The nearest innocent changes and the shared infrastructure are what people suspect first.
    let mut changes = changes(scene, causes);
    let onset = scene.case.incident.span.start;
    changes.sort_by(|a, b| nearness(a, onset).total_cmp(&nearness(b, onset)));
    let far = changes.split_off(changes.len().min(NEAREST));
    let mut ruled_out = changes;
    ruled_out.extend(resources(scene, causes));
    ruled_out.extend(components(scene, causes));
    ruled_out.extend(far);
    let mut open = open(scene);
    open.extend(untold(scene));
    (ruled_out, open)
}

/// Changes that came too late, or that a positive reason clears.
fn changes(scene: &Scene<'_>, causes: &[Cause]) -> Vec<RuledOut> {
    let leading = causes.first().and_then(|c| c.undone_by.as_ref()).map(|c| c.id.clone());
    let mut out = Vec::new();
    for change in scene.case.changes {
        let evidence = match causes.iter().find(|c| c.change.as_ref().is_some_and(|x| x.id == change.id)) {
            Some(cause) if cause.confidence >= UNLIKELY || scene.is_dark(&change.service) => continue,
            Some(cause) => cleared(scene, change, cause),
            None if leading.as_ref() == Some(&change.id) => continue,
            None if scene.case.incident.span.contains(change.time) => late(scene, change),
            None => continue,
        };
        out.push(ruled_out(change, evidence));
    }
    out.retain(|r| !r.evidence.is_empty());
    out
}

/// Seconds between a change and the onset, in either direction.
fn nearness(path: &RuledOut, onset: crate::model::Time) -> f64 {
    path.change.as_ref().map_or(f64::INFINITY, |c| (c.time - onset).abs())
}

/// Its service does as well as before, else what speaks against the change most.
fn cleared(scene: &Scene<'_>, change: &Change, cause: &Cause) -> Vec<Evidence> {
    let against = cause.evidence.iter().filter(|e| e.weight < 0.0);
    healthy(scene, &change.service).into_iter().chain(against.cloned()).take(3).collect()
}

fn ruled_out(change: &std::sync::Arc<Change>, evidence: Vec<Evidence>) -> RuledOut {
    let title = format!("{} {}", change.service, change.id);
    RuledOut { kind: CauseKind::Change, service: change.service.clone(), change: Some(std::sync::Arc::clone(change)), title, evidence }
}

fn late(scene: &Scene<'_>, change: &Change) -> Vec<Evidence> {
    if timing::precedes(change, scene) {
        return Vec::new();
    }
    let before_onset = scene.case.incident.span.start - change.time;
    vec![Evidence { finding: Finding::Began { before_onset }, weight: -3.0, origins: vec![change.origin.clone()], aside: false }]
}

/// Components that served as well as before, or whose logs stayed clean.
fn components(scene: &Scene<'_>, causes: &[Cause]) -> Vec<RuledOut> {
    let suspected: BTreeSet<&ServiceName> = causes.iter().filter(|c| c.confidence >= 0.05).map(|c| &c.service).collect();
    let services = scene.case.topology.services();
    let mut out = Vec::new();
    for service in services.into_iter().filter(|s| !suspected.contains(*s) && scene.blame.of(s) < 0.05) {
        let mut evidence: Vec<Evidence> = [healthy(scene, service), clean_log(scene, service)].into_iter().flatten().collect();
        evidence.extend(flat_metrics(scene, service, &["connections", "cpu", "disk_used"]).into_iter().take(2));
        if !evidence.is_empty() && evidence.iter().any(|e| !matches!(e.finding, Finding::MetricFlat { .. })) {
            out.push(RuledOut { kind: CauseKind::Component, service: service.clone(), change: None, title: service.to_string(), evidence });
        }
    }
    out
}

fn healthy(scene: &Scene<'_>, service: &ServiceName) -> Option<Evidence> {
    let health = scene.health.get(service).filter(|h| h.healthy())?;
    let (before, during) = health.p50?;
    let finding = Finding::Healthy {
        service: service.clone(),
        requests: health.requests as u64,
        failed: health.failed as u64,
        p50_before_ms: before / 1_000.0,
        p50_during_ms: during / 1_000.0,
        detectable: stats::detectable_share(health.failed_before, health.requests_before, health.requests),
    };
    Some(Evidence { finding, weight: -2.0, origins: Vec::new(), aside: false })
}

/// A component that wrote during the incident, and nothing of trouble that is new.
fn clean_log(scene: &Scene<'_>, service: &ServiceName) -> Option<Evidence> {
    if scene.trouble_of(service).next().is_some() {
        return None;
    }
    let (signals, span) = (scene.case.signals, scene.case.incident.span);
    let lines: u64 = signals.records_of(service).map(|(_, c)| c.within(span, signals.step)).sum();
    let errors = |s: TimeSpan| {
        let written = signals.records_of(service).filter(|(k, _)| k.level >= crate::model::Level::Error);
        written.map(|(_, c)| c.within(s, signals.step)).sum::<u64>()
    };
    let detectable = stats::detectable_count(errors(scene.quiet) as f64, scene.quiet.seconds() / span.seconds().max(1.0));
    let errors = errors(span);
    (lines > 0).then(|| Evidence {
        finding: Finding::CleanLog { service: service.clone(), lines, errors, detectable },
        weight: -1.0,
        origins: Vec::new(),
        aside: false,
    })
}

/// Paths that people suspect first: database server, host, network.
fn resources(scene: &Scene<'_>, causes: &[Cause]) -> Vec<RuledOut> {
    let leading = causes.first().map(|c| &c.service);
    let mut out = Vec::new();
    for service in scene.case.signals.services() {
        if leading == Some(service) {
            continue;
        }
        if let Some(evidence) = database(scene, service) {
            let title = format!("database server {service}");
            out.push(RuledOut { kind: CauseKind::Component, service: service.clone(), change: None, title, evidence });
        }
        for (name, metrics) in
            [("network", &["retrans", "drop", "packet_loss"][..]), ("host", &["cpu_pct", "mem_used", "disk_used", "load1"][..])]
        {
            let evidence = flat_metrics(scene, service, metrics);
            let on_host = is_host(scene, service);
            if on_host && !evidence.is_empty() && evidence.len() == measured(scene, service, metrics) {
                let title = if name == "host" && service.as_str() != "host" { format!("host {service}") } else { name.to_owned() };
                out.push(RuledOut { kind: CauseKind::Infra, service: service.clone(), change: None, title, evidence });
            }
        }
    }
    out
}

/// A machine rather than a service: it has a load average or other metrics of a node, and serves no requests.
fn is_host(scene: &Scene<'_>, service: &ServiceName) -> bool {
    let of_node = |m: &str| ["load1", "load_average", "mem_used_pct", "tcp_retrans", "node_"].iter().any(|n| m.starts_with(n));
    let serves = scene.case.signals.outcomes.contains_key(service) || scene.case.topology.contains(service);
    !serves && series_of(&scene.case.signals.metrics, service).any(|(k, _)| of_node(k.metric.as_str()))
}

/// A database whose connections stayed below their limit and that logged nothing new.
fn database(scene: &Scene<'_>, service: &ServiceName) -> Option<Vec<Evidence>> {
    let formats = scene.case.names.formats.get(service)?;
    let is_database = formats.iter().any(|f| f.starts_with("postgresql") || f.starts_with("mysql") || f.starts_with("mariadb"));
    if !is_database || scene.blame.of(service) > 0.05 {
        return None;
    }
    let mut evidence: Vec<Evidence> = clean_log(scene, service).into_iter().collect();
    evidence.extend(flat_metrics(scene, service, &["connections_active", "cpu", "locks_waiting"]));
    (!evidence.is_empty()).then_some(evidence)
}

fn measured(scene: &Scene<'_>, service: &ServiceName, names: &[&str]) -> usize {
    series_of(&scene.case.signals.metrics, service).filter(|(k, _)| names.iter().any(|n| k.metric.as_str().contains(n))).count()
}

/// The series of a service, by parts of their names, that did not leave their quiet range.
fn flat_metrics(scene: &Scene<'_>, service: &ServiceName, names: &[&str]) -> Vec<Evidence> {
    let span = scene.case.incident.span;
    let wanted = series_of(&scene.case.signals.metrics, service).filter(|(k, _)| names.iter().any(|n| k.metric.as_str().contains(n)));
    wanted
        .filter_map(|(key, points)| flat(points, scene.quiet, span).map(|(before, peak, detectable)| (key, before, peak, detectable)))
        // A share that was near its limit before cannot rise so far that it would show.
        .filter(|(key, _, _, detectable)| !(is_percentage(key.metric.as_str()) && *detectable > 100.0))
        .map(|(key, before, peak, detectable)| {
            let finding = Finding::MetricFlat { service: service.clone(), metric: key.metric.clone(), before, peak, detectable };
            Evidence { finding, weight: -1.0, origins: Vec::new(), aside: false }
        })
        .collect()
}

fn is_percentage(metric: &str) -> bool {
    let name = metric.to_lowercase();
    ["pct", "percent", "%"].iter().any(|word| name.contains(word))
}

/// (quiet median, peak, level that would have been no longer flat) of a series that stayed in its range.
fn flat(points: &[(crate::model::Time, f64)], quiet: TimeSpan, span: TimeSpan) -> Option<(f64, f64, f64)> {
    let within = |s: TimeSpan| points.iter().filter(|p| s.contains(p.0)).map(|p| p.1).collect::<Vec<_>>();
    // Counters that only grow are compared by their growth.
    let (before, during) = (rates(within(quiet)), rates(within(span)));
    if before.len() < SMALLEST_SERIES || during.len() < SMALLEST_SERIES {
        return None;
    }
    let (limit, peak) = (stats::quantile(&before, 0.99)?, stats::quantile(&during, 0.95)?);
    (peak <= limit * FLAT + f64::EPSILON).then(|| (stats::median(&before).unwrap_or(0.0), peak, limit * FLAT))
}

fn rates(values: Vec<f64>) -> Vec<f64> {
    let grows = values.len() > 4 && values.windows(2).all(|w| w[1] >= w[0]) && values.first() != values.last();
    if grows { values.windows(2).map(|w| w[1] - w[0]).collect() } else { values }
}

/// Services of which the bundle tells nothing in the incident: neither they nor what changed at them can be excluded.
fn untold(scene: &Scene<'_>) -> Vec<NotRuledOut> {
    let services = scene.case.topology.services();
    let changed = scene.case.changes.iter().filter(|c| timing::precedes(c, scene)).map(|c| &c.service);
    let all: BTreeSet<&ServiceName> = services.into_iter().chain(changed).filter(|s| !s.is_everything() && scene.is_dark(s)).collect();
    let one = |s: &ServiceName| NotRuledOut {
        title: s.to_string(),
        needed: format!("no data: logs, requests or metrics of {s} in the incident"),
    };
    all.into_iter().map(one).collect()
}

/// What no signal of the bundle can exclude.
fn open(scene: &Scene<'_>) -> Vec<NotRuledOut> {
    let metrics = &scene.case.signals.metrics;
    let has = |parts: &[&str]| metrics.keys().any(|k| parts.iter().any(|p| k.metric.as_str().to_lowercase().contains(p)));
    let shown = |symptom: Symptom| scene.surges.iter().any(|s| s.symptom == Some(symptom));
    let mut open = Vec::new();
    let mut add = |title: &str, needed: &str| open.push(NotRuledOut { title: title.to_owned(), needed: needed.to_owned() });
    if !has(&["retrans", "drop", "packet", "rtt"]) {
        add("network", "host or mesh network metrics (retransmits, drops, connect times)");
    }
    if !has(&["cpu"]) {
        add("host resources", "CPU, memory and disk metrics of the hosts");
    }
    if !shown(Symptom::Dns) && !has(&["dns"]) {
        add("DNS", "resolver logs or lookup times");
    }
    if scene.case.changes.is_empty() {
        add("deploys and configuration", "a changes.jsonl with deploys, config edits and flag flips");
    }
    open
}
