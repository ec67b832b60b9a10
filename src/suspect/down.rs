//! Whether a component stopped: its callers were refused, its `up` series fell to 0, it fell silent, it started again.

use super::scene::Scene;
use super::surge::{CallKind, Pointer};
use super::{Case, Found};
use crate::model::record::series_of;
use crate::model::{Change, Finding, Origin, ServiceName, Symptom, Time, TimeSpan};

/// Names under which monitoring says whether a target answers (Prometheus: `up`).
const UP_METRICS: &[&str] = &["up", "probe_success", "health", "alive"];

/// Seconds around a roll-out in which instances are exchanged.
const ROLLING: f64 = 15.0;

/// What says that a component was down; `None` when nothing does.
pub fn examine(service: &ServiceName, scene: &Scene<'_>) -> Option<Found> {
    let refused_by = |kind: CallKind| kind == CallKind::Refused;
    let (mut refused, mut complaints, mut origins) = (0, 0, Vec::<Origin>::new());
    for surge in scene.complaints_about(service) {
        complaints += surge.count;
        if matches!(&surge.pointer, Pointer::Callee { kind, .. } if refused_by(*kind)) {
            refused += surge.count;
            origins.push(surge.origin.clone());
        }
    }
    let up_zero = was_down(service, &scene.case, scene.quiet);
    let restarted = restart(service, scene);
    if refused == 0 && !up_zero && restarted.is_none() {
        return None;
    }
    origins.extend(restarted.iter().cloned());
    let refused_share = if complaints > 0 { refused as f64 / complaints as f64 } else { 0.0 };
    Some((Finding::Down { service: service.clone(), refused, refused_share, up_zero, restarted: restarted.is_some() }, origins))
}

/// Whether an `up` series of the service, at 1 in the quiet time, was 0 for two samples of the incident.
pub fn was_down(service: &ServiceName, case: &Case<'_>, quiet: TimeSpan) -> bool {
    let span = case.incident.span;
    let is_up = |name: &str| UP_METRICS.contains(&name.split('{').next().unwrap_or(name));
    // A roll-out takes the service down for a moment, which is no sign of anything else.
    let rolling = |t: Time| case.changes.iter().any(|c| c.service == *service && in_rollout(c, t));
    series_of(&case.signals.metrics, service).filter(|(k, _)| is_up(k.metric.as_str())).any(|(_, points)| {
        let before = points.iter().any(|p| quiet.contains(p.0) && p.1 > 0.0);
        before && points.iter().filter(|p| span.contains(p.0) && p.1 == 0.0 && !rolling(p.0)).count() >= 2
    })
}

fn in_rollout(change: &Change, time: Time) -> bool {
    let rollout = change.rollout();
    time >= rollout.start.plus_seconds(-ROLLING) && time <= rollout.end.plus_seconds(ROLLING)
}

/// The first start-up message of the service in the incident that no recorded change of the service explains.
fn restart(service: &ServiceName, scene: &Scene<'_>) -> Option<Origin> {
    let span = scene.case.incident.span;
    let explained = scene
        .case
        .changes
        .iter()
        .any(|c| c.service == *service && c.time.plus_seconds(-60.0) <= span.end && c.rollout().end.plus_seconds(60.0) >= span.start);
    let mut starts = scene.surges.iter().filter(|s| s.service == *service && s.symptom == Some(Symptom::Started) && span.contains(s.first));
    if explained { None } else { starts.next().map(|s| s.origin.clone()) }
}
