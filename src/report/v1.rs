//! The JSON contract, version 1: views of an analysis that scripts rely on. The model itself is never serialized, so that it can change
//! without breaking anybody.
//!
//! Identifiers (services, change ids, keys, places) are written as the input spells them; sentences are sanitized. Whatever acts on a
//! terminal is written as a JSON escape. `docs/analysis.schema.json` describes the result; a test keeps the two together.

mod after;
mod coverage;
mod mechanism;

use serde::Serialize;

use crate::model::verdict::Sought;
use crate::model::{
    Analysis, Cause, Change, Evidence, Impact, Incident, IncidentSignal, KeyEdit, NotRuledOut, ResourceShift, RuledOut, TimeSpan,
    TimelineEntry, Witness,
};

use super::{View, actions, advice, checks, sentences, text, wording};
use after::{CheckListView, ContactView, RecoveryView};
use coverage::CoverageView;
use mechanism::MechanismView;

/// Raised when a field changes its meaning or goes away; additions leave it.
const SCHEMA_VERSION: u32 = 1;

/// The contract's limit on causes of one incident.
const MOST_CAUSES: usize = 10;

/// The analysis as one JSON document with a final newline.
pub fn render(analysis: &Analysis, view: &View) -> String {
    let document = DocumentView::new(analysis, view.top.min(MOST_CAUSES));
    super::json_document(&document)
}

fn round(value: f64, digits: i32) -> Option<f64> {
    let scale = 10f64.powi(digits);
    Some((value * scale).round() / scale).filter(|v| v.is_finite())
}

fn probability(value: f64) -> f64 {
    round(value.clamp(0.0, 1.0), 3).unwrap_or(0.0)
}

#[derive(Serialize)]
struct DocumentView {
    schema_version: u32,
    data: DataView,
    incidents: Vec<IncidentView>,
    disturbances: Vec<DisturbanceView>,
    changes: Vec<ChangeView>,
    coverage: CoverageView,
}

impl DocumentView {
    fn new(analysis: &Analysis, top: usize) -> DocumentView {
        DocumentView {
            schema_version: SCHEMA_VERSION,
            data: DataView::new(analysis.span, &analysis.sought),
            incidents: (0..analysis.verdicts.len()).map(|i| IncidentView::new(analysis, i, top)).collect(),
            disturbances: analysis
                .disturbances
                .iter()
                .map(|(span, failed, all, change)| DisturbanceView {
                    start: span.start.rfc3339(),
                    end: span.end.rfc3339(),
                    failed: *failed,
                    all: *all,
                    change_id: change.as_ref().map(ToString::to_string),
                })
                .collect(),
            changes: analysis.changes.iter().map(|c| ChangeView::from(&**c)).collect(),
            coverage: CoverageView::from(&analysis.coverage),
        }
    }
}

#[derive(Serialize)]
struct DataView {
    start: Option<String>,
    end: Option<String>,
    services_tested: Vec<String>,
    requests: u64,
    requests_failed: u64,
    detectable_failures_per_minute: Option<f64>,
    error_streams_tested: usize,
    metric_series_tested: usize,
    resource_shifts: Vec<ShiftView>,
}

impl DataView {
    fn new(span: Option<TimeSpan>, sought: &Sought) -> DataView {
        DataView {
            start: span.map(|s| s.start.rfc3339()),
            end: span.map(|s| s.end.rfc3339()),
            services_tested: sought.services.iter().map(ToString::to_string).collect(),
            requests: sought.requests,
            requests_failed: sought.failed,
            detectable_failures_per_minute: sought.detectable_per_minute.and_then(|d| round(d, 3)),
            error_streams_tested: sought.error_streams,
            metric_series_tested: sought.metric_series,
            resource_shifts: sought.resource_shifts.iter().map(ShiftView::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct ShiftView {
    start: String,
    end: String,
    #[serde(flatten)]
    series: WitnessView,
}

impl From<&ResourceShift> for ShiftView {
    fn from(shift: &ResourceShift) -> Self {
        ShiftView { start: shift.span.start.rfc3339(), end: shift.span.end.rfc3339(), series: WitnessView::from(&shift.witness) }
    }
}

/// A metric series that left its usual range.
#[derive(Serialize)]
struct WitnessView {
    service: String,
    caller: Option<String>,
    metric: String,
    before: Option<f64>,
    during: Option<f64>,
}

impl From<&Witness> for WitnessView {
    fn from(witness: &Witness) -> Self {
        WitnessView {
            service: witness.service.to_string(),
            caller: witness.caller.as_ref().map(ToString::to_string),
            metric: witness.metric.to_string(),
            before: round(witness.before, 6),
            during: round(witness.during, 6),
        }
    }
}

#[derive(Serialize)]
struct DisturbanceView {
    start: String,
    end: String,
    failed: u64,
    all: u64,
    change_id: Option<String>,
}

#[derive(Serialize)]
struct IncidentView {
    start: String,
    end: String,
    ongoing: bool,
    services: Vec<String>,
    title: String,
    signal: SignalView,
    witnesses: Vec<WitnessView>,
    score: Option<f64>,
    quiet_failed_ratio: Option<f64>,
    impact: ImpactView,
    sparkline: Option<SparklineView>,
    causes: Vec<CauseView>,
    unexplained: f64,
    unexplained_prior: f64,
    ruled_out: Vec<RuledOutView>,
    not_ruled_out: Vec<NotRuledOutView>,
    timeline: Vec<TimelineView>,
    recovery: Option<RecoveryView>,
    checks: Vec<CheckListView>,
    mechanism: Option<MechanismView>,
}

impl IncidentView {
    fn new(analysis: &Analysis, index: usize, top: usize) -> IncidentView {
        let verdict = &analysis.verdicts[index];
        let incident = &verdict.incident;
        IncidentView {
            start: incident.span.start.rfc3339(),
            end: incident.span.end.rfc3339(),
            ongoing: incident.ongoing,
            services: incident.services.iter().map(ToString::to_string).collect(),
            title: wording::headline(incident),
            signal: SignalView::from(&incident.signal),
            witnesses: incident.witnesses.iter().map(WitnessView::from).collect(),
            score: round(incident.score, 3),
            quiet_failed_ratio: round(incident.quiet_ratio, 6),
            impact: ImpactView::from(&incident.impact),
            sparkline: SparklineView::of(incident),
            causes: verdict.causes.iter().take(top).enumerate().map(|(i, c)| CauseView::new(analysis, i + 1, c)).collect(),
            unexplained: probability(verdict.unexplained),
            unexplained_prior: probability(verdict.unexplained_prior),
            ruled_out: verdict.ruled_out.iter().map(RuledOutView::from).collect(),
            not_ruled_out: verdict.not_ruled_out.iter().map(NotRuledOutView::from).collect(),
            timeline: verdict.timeline.iter().map(TimelineView::from).collect(),
            recovery: analysis.dossier.recoveries.get(index).map(RecoveryView::from),
            checks: checks::lists(analysis, verdict).into_iter().map(CheckListView::from).collect(),
            mechanism: verdict.mechanism.as_ref().map(MechanismView::from),
        }
    }
}

#[derive(Serialize)]
struct SignalView {
    kind: &'static str,
    threshold_ms: Option<f64>,
    metric: Option<String>,
}

impl From<&IncidentSignal> for SignalView {
    fn from(signal: &IncidentSignal) -> Self {
        let (threshold_ms, metric) = match signal {
            IncidentSignal::SlowRequests { threshold } => (round(*threshold as f64 / 1e3, 3), None),
            IncidentSignal::Metric { metric } => (None, Some(metric.to_string())),
            _ => (None, None),
        };
        SignalView { kind: wording::signal_kind(signal), threshold_ms, metric }
    }
}

#[derive(Serialize)]
struct ImpactView {
    requests_failed_ratio: Option<f64>,
    users_affected_ratio: Option<f64>,
    requests: u64,
    requests_failed: u64,
    users: u64,
    users_affected: u64,
    routes: Vec<RouteView>,
    instances: Vec<InstanceView>,
}

impl From<&Impact> for ImpactView {
    fn from(impact: &Impact) -> Self {
        ImpactView {
            requests_failed_ratio: impact.failed_ratio().and_then(|r| round(r.min(1.0), 6)),
            users_affected_ratio: impact.users_ratio().and_then(|r| round(r.min(1.0), 6)),
            requests: impact.requests,
            requests_failed: impact.failed,
            users: impact.users,
            users_affected: impact.users_affected,
            routes: impact
                .routes
                .iter()
                .map(|(route, requests, failed)| RouteView { route: route.clone(), requests: *requests, failed: *failed })
                .collect(),
            instances: impact
                .instances
                .iter()
                .map(|(service, instance, requests, failed)| InstanceView {
                    service: service.to_string(),
                    instance: instance.to_string(),
                    requests: *requests,
                    failed: *failed,
                })
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct RouteView {
    route: String,
    requests: u64,
    failed: u64,
}

#[derive(Serialize)]
struct InstanceView {
    service: String,
    instance: String,
    requests: u64,
    failed: u64,
}

#[derive(Serialize)]
struct SparklineView {
    start: String,
    step_seconds: f64,
    unit: String,
    values: Vec<Option<f64>>,
}

impl SparklineView {
    fn of(incident: &Incident) -> Option<SparklineView> {
        let line = &incident.sparkline;
        Some(SparklineView {
            start: line.start.rfc3339(),
            step_seconds: line.step?.seconds(),
            unit: text::sanitize(&line.unit),
            values: line.values.iter().map(|v| round(*v, 4)).collect(),
        })
    }
}

#[derive(Serialize)]
struct CauseView {
    rank: usize,
    kind: &'static str,
    service: String,
    instance: Option<String>,
    change_id: Option<String>,
    config_key: Option<String>,
    config_before: Option<String>,
    config_after: Option<String>,
    config_source: Option<String>,
    resource: Option<&'static str>,
    undone_by: Option<String>,
    confidence: f64,
    title: String,
    advice: Vec<String>,
    caveats: Vec<String>,
    contacts: Vec<ContactView>,
    evidence: Vec<EvidenceView>,
}

impl CauseView {
    fn new(analysis: &Analysis, rank: usize, cause: &Cause) -> CauseView {
        let edit = cause.key.as_ref();
        CauseView {
            rank,
            kind: cause.kind.name(),
            service: cause.service.to_string(),
            instance: cause.instance.as_ref().map(ToString::to_string),
            change_id: cause.change.as_ref().map(|c| c.id.to_string()),
            config_key: edit.map(|e| e.key.to_string()),
            config_before: edit.and_then(|e| redacted(e, e.before.as_deref())),
            config_after: edit.and_then(|e| redacted(e, e.after.as_deref())),
            config_source: edit.and_then(|e| e.origin.as_ref()).map(ToString::to_string),
            resource: cause.resource,
            undone_by: cause.undone_by.as_ref().map(|c| c.id.to_string()),
            confidence: probability(cause.confidence),
            title: wording::title(cause),
            advice: advice::advise(cause),
            caveats: actions::caveats(analysis, cause).into_iter().map(|c| c.0).collect(),
            contacts: actions::contacts(analysis, cause).into_iter().map(ContactView::from).collect(),
            evidence: cause.evidence.iter().map(EvidenceView::from).collect(),
        }
    }
}

fn redacted(edit: &KeyEdit, value: Option<&str>) -> Option<String> {
    value.map(|v| wording::redact(edit.key.as_str(), v))
}

#[derive(Serialize)]
struct EvidenceView {
    kind: &'static str,
    #[serde(rename = "for")]
    supports: bool,
    statement: String,
    source: Option<String>,
    more_sources: Vec<String>,
    weight: Option<f64>,
    /// The smallest fault that a clearing test would have seen.
    detectable: Option<DetectableView>,
}

#[derive(Serialize)]
struct DetectableView {
    value: Option<f64>,
    unit: &'static str,
}

impl From<&Evidence> for EvidenceView {
    fn from(evidence: &Evidence) -> Self {
        let mut sources = evidence.origins.iter().map(ToString::to_string);
        EvidenceView {
            kind: evidence.finding.kind(),
            supports: evidence.supports(),
            statement: sentences::sentence(evidence),
            source: sources.next(),
            more_sources: sources.collect(),
            weight: round(evidence.weight, 3),
            detectable: evidence.finding.detectable().map(|(value, unit)| DetectableView { value: round(value, 4), unit }),
        }
    }
}

#[derive(Serialize)]
struct RuledOutView {
    kind: &'static str,
    service: String,
    change_id: Option<String>,
    title: String,
    evidence: Vec<EvidenceView>,
}

impl From<&RuledOut> for RuledOutView {
    fn from(path: &RuledOut) -> Self {
        RuledOutView {
            kind: path.kind.name(),
            service: path.service.to_string(),
            change_id: path.change.as_ref().map(|c| c.id.to_string()),
            title: text::sanitize(&path.title),
            evidence: path.evidence.iter().map(EvidenceView::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct NotRuledOutView {
    title: String,
    needed: String,
}

impl From<&NotRuledOut> for NotRuledOutView {
    fn from(path: &NotRuledOut) -> Self {
        NotRuledOutView { title: text::sanitize(&path.title), needed: text::sanitize(&path.needed) }
    }
}

#[derive(Serialize)]
struct TimelineView {
    time: String,
    kind: &'static str,
    service: String,
    text: String,
    source: Option<String>,
}

impl From<&TimelineEntry> for TimelineView {
    fn from(entry: &TimelineEntry) -> Self {
        TimelineView {
            time: entry.time.rfc3339(),
            kind: entry.kind.name(),
            service: entry.service.to_string(),
            text: text::sanitize(&entry.text),
            source: entry.origin.as_ref().map(ToString::to_string),
        }
    }
}

#[derive(Serialize)]
struct ChangeView {
    id: String,
    time: String,
    end_time: Option<String>,
    service: String,
    kind: &'static str,
    version: Option<String>,
    previous_version: Option<String>,
    summary: Option<String>,
    author: Option<String>,
    url: Option<String>,
    instances: Vec<String>,
    edits: Vec<EditView>,
    source: String,
}

impl From<&Change> for ChangeView {
    fn from(change: &Change) -> Self {
        ChangeView {
            id: change.id.to_string(),
            time: change.time.rfc3339(),
            end_time: change.end_time.map(|t| t.rfc3339()),
            service: change.service.to_string(),
            kind: change.kind.name(),
            version: change.version.clone(),
            previous_version: change.previous_version.clone(),
            summary: change.summary.clone(),
            author: change.author.clone(),
            url: change.url.clone(),
            instances: change.instances.iter().map(ToString::to_string).collect(),
            edits: change.config.edits.iter().map(EditView::from).collect(),
            source: change.origin.to_string(),
        }
    }
}

#[derive(Serialize)]
struct EditView {
    key: String,
    before: Option<String>,
    after: Option<String>,
    source: Option<String>,
}

impl From<&KeyEdit> for EditView {
    fn from(edit: &KeyEdit) -> Self {
        EditView {
            key: edit.key.to_string(),
            before: redacted(edit, edit.before.as_deref()),
            after: redacted(edit, edit.after.as_deref()),
            source: edit.origin.as_ref().map(ToString::to_string),
        }
    }
}

#[cfg(test)]
mod tests;
