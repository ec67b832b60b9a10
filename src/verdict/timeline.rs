//! What happened when: changes, first symptoms, the incident's start and end.

use crate::model::{Cause, Change, ChangeKind, Origin, ServiceName, TimeSpan, TimelineEntry, TimelineKind};
use crate::suspect::scene::Scene;

/// Changes from this many seconds before the incident on are part of its story; the leading cause always is.
const STORY: f64 = 3_600.0;
/// Services whose first symptom is listed.
const MOST_SYMPTOMS: usize = 12;

/// All entries, by time.
pub fn entries(scene: &Scene<'_>, causes: &[Cause]) -> Vec<TimelineEntry> {
    let span = scene.case.incident.span;
    let mut entries: Vec<TimelineEntry> = changes(scene, causes);
    entries.extend(first_symptoms(scene));
    let service = scene.case.incident.services.first().cloned().unwrap_or_else(|| ServiceName::new(""));
    entries.push(TimelineEntry {
        time: span.start,
        kind: TimelineKind::IncidentStart,
        service: service.clone(),
        text: "incident begins".to_owned(),
        origin: None,
    });
    if !scene.case.incident.ongoing {
        entries.push(TimelineEntry {
            time: span.end,
            kind: TimelineKind::IncidentEnd,
            service,
            text: "incident ends".to_owned(),
            origin: None,
        });
    }
    entries.sort_by(|a, b| (a.time, a.kind, &a.service, &a.text).cmp(&(b.time, b.kind, &b.service, &b.text)));
    entries
}

fn changes(scene: &Scene<'_>, causes: &[Cause]) -> Vec<TimelineEntry> {
    let span = scene.case.incident.span;
    let story = TimeSpan { start: span.start.plus_seconds(-STORY), end: span.end.plus_seconds(STORY) };
    let leading = causes.first().and_then(|c| c.change.as_ref());
    let told = |c: &&std::sync::Arc<Change>| story.contains(c.time) || leading.is_some_and(|l| l.id == c.id);
    scene.case.changes.iter().chain(scene.case.unrecorded).filter(told).map(|c| of_change(c)).collect()
}

fn of_change(change: &Change) -> TimelineEntry {
    if change.kind == ChangeKind::Unrecorded {
        return unrecorded(change);
    }
    let mut text = format!("{} {}", change.kind.name(), change.id);
    if let (Some(from), Some(to)) = (&change.previous_version, &change.version) {
        text.push_str(&format!(", {from} -> {to}"));
    }
    if let Some(summary) = &change.summary {
        text.push_str(&format!(": {summary}"));
    }
    TimelineEntry {
        time: change.time,
        kind: TimelineKind::Change,
        service: change.service.clone(),
        text,
        origin: Some(change.origin.clone()),
    }
}

fn unrecorded(change: &Change) -> TimelineEntry {
    TimelineEntry {
        time: change.time,
        kind: TimelineKind::Change,
        service: change.service.clone(),
        text: format!("no recorded change: {}", change.summary.as_deref().unwrap_or("restarted")),
        origin: Some(change.origin.clone()),
    }
}

/// The first new message of trouble of each service.
fn first_symptoms(scene: &Scene<'_>) -> Vec<TimelineEntry> {
    let mut seen: Vec<TimelineEntry> = Vec::new();
    let mut surges: Vec<_> = scene.surges.iter().filter(|s| s.is_trouble()).collect();
    surges.sort_by_key(|s| (s.first, s.origin.clone()));
    for surge in surges {
        if !seen.iter().any(|e| e.service == surge.service) {
            let text = format!("first of {}: {}", surge.count, surge.text);
            let origin: Option<Origin> = Some(surge.origin.clone());
            seen.push(TimelineEntry { time: surge.first, kind: TimelineKind::FirstSymptom, service: surge.service.clone(), text, origin });
        }
    }
    seen.truncate(MOST_SYMPTOMS);
    seen
}
