//! Whom to suspect: every change that had begun, every component that anything points at, load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::scene::Scene;
use super::surge::{CallKind, Pointer, Surge};
use super::{Case, Found, Suspect, content, delayed, down, effect, placebo, timing, unrecorded, whole_files};
use crate::model::{CauseKind, Change, Finding, Origin, ServiceName, Symptom};

/// Components with less blame than this, not down and not exhausted, are no suspects.
const SMALLEST_BLAME: f64 = 0.02;
/// A change up to this many seconds old explains why its service is down or exhausted.
const RECENT: f64 = 600.0;
/// Components taken from the ranking by metrics.
const BY_METRICS: usize = 12;
/// Components taken from the ranking by traces.
const BY_FLOW: usize = 12;
/// Surging messages of its own that are put forward for a suspect.
const SURGES: usize = 2;

/// All suspects; a suspect always has a finding.
pub fn gather(case: &Case<'_>, scene: &Scene<'_>) -> Vec<Suspect> {
    let mut suspects: Vec<Suspect> = case.changes.iter().filter(|c| timing::precedes(c, scene)).map(|c| of_change(c, scene)).collect();
    suspects.extend(case.unrecorded.iter().filter(|c| may_have_led_to_it(c, scene)).map(|c| of_unrecorded(c, scene)));
    suspects.extend(components(scene).iter().map(|s| of_component(s, scene)));
    suspects.extend(of_load(scene));
    suspects.retain(|s| !s.findings.is_empty());
    suspects
}

fn of_change(change: &Arc<Change>, scene: &Scene<'_>) -> Suspect {
    let service = &change.service;
    let (mut findings, undone_by) = timing::examine(change, scene);
    findings.extend(blamed(service, scene));
    findings.extend(by_traces(service, scene));
    findings.extend(by_series(service, scene));
    findings.extend(effect::examine(change, scene));
    let delayed = delayed::examine(change, scene);
    if delayed.is_empty() {
        findings.extend(timing::served_well(change, scene));
    }
    findings.extend(delayed);
    findings.extend(placebo::examine(change, scene));
    findings.extend(content::examine(change, scene));
    findings.extend(own_surges(service, scene));
    findings.extend(first_symptom(change, scene));
    if let Some((Finding::Down { refused, refused_share, up_zero, .. }, origins)) = down::examine(service, scene)
        && refused > 0
        && (refused_share > 0.25 || up_zero)
        && scene.case.incident.span.start - change.time < RECENT
    {
        let after = scene.case.incident.span.start - change.time;
        findings.push((Finding::DiedAfter { service: service.clone(), after }, origins));
    }
    findings.extend(no_symptom(service, scene));
    changed(change, undone_by, findings)
}

/// A restart shortly before the harm that no trouble of the service itself had led to.
fn may_have_led_to_it(change: &Change, scene: &Scene<'_>) -> bool {
    let before = scene.case.incident.span.start - change.time;
    before > timing::CLOCK_SLACK && before < RECENT && !unrecorded::follows_trouble(change, &scene.case.signals.tally)
}

/// Only the clock, the blame and the service's own messages are asked: what was changed is unknown.
fn of_unrecorded(change: &Arc<Change>, scene: &Scene<'_>) -> Suspect {
    let service = &change.service;
    let before_onset = scene.case.incident.span.start - change.time;
    let mut findings = vec![(Finding::Began { before_onset }, vec![change.origin.clone()])];
    findings.extend(blamed(service, scene));
    findings.extend(own_surges(service, scene));
    findings.extend(first_symptom(change, scene));
    findings.extend(no_symptom(service, scene));
    changed(change, None, findings)
}

fn changed(change: &Arc<Change>, undone_by: Option<Arc<Change>>, findings: Vec<Found>) -> Suspect {
    Suspect {
        kind: CauseKind::Change,
        service: change.service.clone(),
        instance: None,
        resource: None,
        change: Some(Arc::clone(change)),
        key: None,
        undone_by,
        findings,
    }
}

fn blamed(service: &ServiceName, scene: &Scene<'_>) -> Option<Found> {
    let finding = || Finding::Blame { service: service.clone(), share: scene.blame.of(service) };
    scene.blame.is_known().then(|| (finding(), blame_origins(service, scene)))
}

fn no_symptom(service: &ServiceName, scene: &Scene<'_>) -> Option<Found> {
    let finding = || Finding::NoSymptom { service: service.clone(), templates_tested: scene.case.signals.tally.records.len() };
    content::shows_nothing(service, scene).then(|| (finding(), Vec::new()))
}

fn blame_origins(service: &ServiceName, scene: &Scene<'_>) -> Vec<Origin> {
    scene.complaints_about(service).chain(scene.trouble_of(service)).take(2).map(|s| s.origin.clone()).collect()
}

fn own_surges(service: &ServiceName, scene: &Scene<'_>) -> Vec<Found> {
    let of = |s: &Surge| {
        let finding = Finding::Surge {
            service: s.service.clone(),
            text: s.text.clone(),
            count: s.count,
            expected: s.expected,
            never_before: s.never_before,
            symptom: s.symptom,
            own: s.pointer == Pointer::Own,
        };
        (finding, vec![s.origin.clone()])
    };
    let vanished = scene.vanished.iter().find(|v| v.service == *service).map(|v| (v.finding(), vec![v.origin.clone()]));
    scene.trouble_of(service).take(SURGES).map(of).chain(vanished).collect()
}

fn first_symptom(change: &Change, scene: &Scene<'_>) -> Option<Found> {
    let after = |s: &&Surge| s.first >= change.time && s.never_before;
    let first = scene.trouble_of(&change.service).filter(after).min_by_key(|s| (s.first, &s.origin))?;
    let finding = Finding::FirstSymptom { service: change.service.clone(), after: first.first - change.time, text: first.text.clone() };
    (scene.case.incident.span.start - change.time < RECENT).then(|| (finding, vec![first.origin.clone()]))
}

/// Services with blame, with signs of being down, with an exhausted resource, or high in the ranking by metrics.
fn components(scene: &Scene<'_>) -> BTreeSet<ServiceName> {
    let mut all: BTreeSet<ServiceName> = scene.blame.shares.iter().filter(|s| *s.1 >= SMALLEST_BLAME).map(|s| s.0.clone()).collect();
    all.extend(scene.surges.iter().filter(|s| exhausts(s)).map(|s| s.service.clone()));
    all.extend(scene.by_metrics.iter().map(|s| s.service.clone()).take(BY_METRICS));
    all.extend(scene.flow.iter().flat_map(|f| f.scores.iter().take(BY_FLOW)).map(|s| s.service.clone()));
    all.extend(scene.case.topology.services().into_iter().filter(|s| down::examine(s, scene).is_some()).cloned());
    all.retain(|s| !s.is_everything());
    all
}

/// A resource of the writer itself ran out: the message names no callee.
fn exhausts(surge: &Surge) -> bool {
    surge.pointer == Pointer::Own && matches!(surge.symptom, Some(Symptom::Memory | Symptom::Disk | Symptom::Descriptors))
}

fn of_component(service: &ServiceName, scene: &Scene<'_>) -> Suspect {
    let mut findings = Vec::new();
    findings.extend(blamed(service, scene));
    let mut resource = None;
    let is_down = down::examine(service, scene);
    if let Some((Finding::Down { refused_share, up_zero, .. }, _)) = &is_down
        && (*refused_share > 0.25 || *up_zero)
    {
        resource = Some("process");
    }
    findings.extend(is_down);
    if let Some((finding, origins)) = unreached(service, scene) {
        if let Finding::Unreached { symptom, .. } = &finding {
            resource = resource.or(Some(barred_at(*symptom)));
        }
        findings.push((finding, origins));
    }
    // What no call graph knows and nothing is recorded of belongs to somebody else.
    let foreign = scene.is_dark(service) && !scene.case.topology.services().contains(service);
    let mut kind = if foreign { CauseKind::Infra } else { CauseKind::Component };
    if let Some(surge) = scene.trouble_of(service).find(|s| exhausts(s))
        && let Some(symptom) = surge.symptom
    {
        resource = Some(resource_of(symptom));
        kind = if symptom == Symptom::Disk { CauseKind::Infra } else { kind };
        findings.push((Finding::Exhausted { service: service.clone(), symptom, count: surge.count }, vec![surge.origin.clone()]));
    }
    findings.extend(by_traces(service, scene));
    if let Some(flow) = &scene.flow {
        let score = flow.of(service);
        resource = if scene.flow_decides() { score.map(|s| s.resource).or(resource) } else { resource };
        findings.extend(score.into_iter().flat_map(|s| s.findings.iter().cloned()).map(|f| (f, Vec::new())));
    }
    if let Some(score) = scene.by_metrics.iter().find(|s| s.service == *service) {
        resource = resource.or(Some(score.resource).filter(|r| *r != "unknown"));
        findings.push((metric_rank(score, scene), Vec::new()));
        findings.extend(score.findings.iter().cloned().map(|f| (f, Vec::new())));
    }
    findings.extend(own_surges(service, scene));
    findings.extend(changed_recently(service, scene));
    if let Some((callee, share)) = scene.blame.passed_on(service).filter(|p| p.1 > scene.blame.of(service)) {
        findings.push((Finding::Victim { service: service.clone(), of: callee.clone(), share }, Vec::new()));
    }
    Suspect { kind, service: service.clone(), instance: None, resource, change: None, key: None, undone_by: None, findings }
}

/// The place of a service in the ranking by traces, where any trace passes it.
fn by_traces(service: &ServiceName, scene: &Scene<'_>) -> Option<Found> {
    let flow = scene.flow.as_ref()?;
    let passed = || scene.case.flow.symbols.find(service.as_str()).is_some();
    (scene.flow_decides() || passed()).then(|| (flow.rank(service), Vec::new()))
}

/// The place of a changed service in the ranking by series, where nothing but series tells who is to blame.
fn by_series(service: &ServiceName, scene: &Scene<'_>) -> Option<Found> {
    let only_series = !scene.blame.is_known() && scene.flow.is_none() && !scene.compares_versions();
    let score = scene.by_metrics.iter().find(|s| s.service == *service).filter(|_| only_series)?;
    Some((metric_rank(score, scene), Vec::new()))
}

fn metric_rank(score: &super::metrics::ComponentScore, scene: &Scene<'_>) -> Finding {
    let best_other = scene.by_metrics.iter().find(|s| s.service != score.service).map_or(0.0, |s| s.score);
    Finding::MetricRank { service: score.service.clone(), score: score.score, margin: score.score - best_other }
}

/// Most complaints about the service are of calls that did not reach it.
fn unreached(service: &ServiceName, scene: &Scene<'_>) -> Option<Found> {
    let barred = |s: &&Surge| matches!(&s.pointer, Pointer::Callee { kind: CallKind::Barred, .. });
    let all: u64 = scene.complaints_about(service).map(|s| s.count).sum();
    let (mut counts, mut callers, mut origin) = (BTreeMap::<Symptom, u64>::new(), Vec::new(), None);
    for surge in scene.complaints_about(service).filter(barred) {
        *counts.entry(surge.symptom?).or_default() += surge.count;
        origin = origin.or_else(|| Some(surge.origin.clone()));
        if !callers.contains(&surge.service) {
            callers.push(surge.service.clone());
        }
    }
    let count: u64 = counts.values().sum();
    let symptom = counts.into_iter().max_by_key(|(symptom, n)| (*n, std::cmp::Reverse(*symptom)))?.0;
    let finding = Finding::Unreached { service: service.clone(), symptom, count, callers };
    (2 * count > all).then(|| (finding, origin.into_iter().collect()))
}

fn barred_at(symptom: Symptom) -> &'static str {
    match symptom {
        Symptom::Tls => "tls",
        Symptom::Dns => "dns",
        _ => "network",
    }
}

fn resource_of(symptom: Symptom) -> &'static str {
    match symptom {
        Symptom::Memory => "memory",
        Symptom::Disk => "disk",
        _ => "process",
    }
}

/// The latest change of the service that may explain what it shows: a recent one, or one whose undoing ended the incident.
fn changed_recently(service: &ServiceName, scene: &Scene<'_>) -> Option<Found> {
    let onset = scene.case.incident.span.start;
    let healed = |c: &Arc<Change>| timing::examine(c, scene).0.iter().any(|f| matches!(f.0, Finding::Undone { exact: true, .. }));
    let is_near = |c: &Arc<Change>| onset - c.time < RECENT || !delayed::examine(c, scene).is_empty();
    let explains = |c: &Arc<Change>| healed(c) || (is_near(c) && !whole_files::only_records(c));
    let recent = |c: &&Arc<Change>| c.service == *service && timing::precedes(c, scene) && explains(c);
    let change = scene.case.changes.iter().rev().find(recent)?;
    Some((Finding::ChangedRecently { service: service.clone(), change: change.id.clone() }, vec![change.origin.clone()]))
}

fn of_load(scene: &Scene<'_>) -> Option<Suspect> {
    let load = scene.load.as_ref()?;
    Some(Suspect {
        kind: CauseKind::Load,
        service: load.service.clone(),
        instance: None,
        resource: Some("traffic"),
        change: None,
        key: None,
        undone_by: None,
        findings: vec![(load.finding(), Vec::new())],
    })
}
