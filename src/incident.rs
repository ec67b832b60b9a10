//! When and where users were hurt. Quiet data give nothing.
//!
//! Sees signals only. It must not look at changes or configuration: an incident that is looked for where the deploys are would
//! be found there.

pub mod impact;
pub mod scan;
pub mod series;
pub mod slow;
pub mod streams;
pub mod symptoms;

use crate::model::time::SECOND;
use crate::model::verdict::Sought;
use crate::model::{Incident, IncidentSignal, Options, Sparkline, Step, Time, TimeSpan};
use crate::signal::{Outcomes, SignalError, Signals};
use scan::{Found, Stream};

/// What detection gives: the incidents, and what was looked at.
#[derive(Clone, Debug)]
pub struct Detection {
    /// By start.
    pub incidents: Vec<Incident>,
    pub sought: Sought,
}

/// Incidents that start within this many seconds of each other's span are one, seen in several streams.
const SAME_INCIDENT: f64 = 30.0;

/// Finds the incidents, or takes the one that the operator named.
pub fn detect(signals: &Signals, options: &Options) -> Result<Detection, SignalError> {
    let streams = streams::all(signals, options);
    let mut found: Vec<(usize, Found)> = Vec::new();
    if let Some((start, end)) = options.incident {
        found.push((0, given(signals, start, end, &streams)));
    } else {
        for (index, stream) in streams.iter().enumerate() {
            for candidate in stream.search() {
                if !found.iter().any(|(_, f)| near(f.span, candidate.span)) {
                    found.push((index, candidate));
                }
            }
        }
    }
    let by_metrics_alone = options.incident.is_none() && streams::nothing_counts_requests(&streams);
    let resource_shifts = if by_metrics_alone && found.is_empty() { symptoms::shifts(signals, options.baseline) } else { Vec::new() };
    found.sort_by_key(|(_, f)| f.span.start);
    let incidents = found.into_iter().map(|(index, f)| describe(signals, options, streams.get(index), f)).collect::<Result<_, _>>()?;
    Ok(Detection { incidents, sought: Sought { resource_shifts, ..sought(signals, &streams) } })
}

fn near(a: TimeSpan, b: TimeSpan) -> bool {
    let grown = TimeSpan { start: a.start.plus_seconds(-SAME_INCIDENT), end: a.end.plus_seconds(SAME_INCIDENT) };
    grown.overlaps(b)
}

fn given(signals: &Signals, start: Time, end: Option<Time>, streams: &[Stream]) -> Found {
    let span = TimeSpan::new(start, end.unwrap_or(signals.span.end));
    let quiet_ratio = streams.first().map_or(0.0, |s| s.quiet);
    Found { span, score: 0.0, quiet: quiet_ratio, ongoing: end.is_none() }
}

fn describe(signals: &Signals, options: &Options, stream: Option<&Stream>, found: Found) -> Result<Incident, SignalError> {
    let signal = match (options.incident, stream) {
        (Some(_), _) | (None, None) => IncidentSignal::Given,
        (None, Some(stream)) => stream.signal.clone(),
    };
    let mut services = stream.map(|s| s.services.clone()).unwrap_or_default();
    if let Some((service, _)) = &options.symptom {
        services.retain(|s| s != service);
        services.insert(0, service.clone());
    }
    Ok(Incident {
        impact: impact::measure(signals, found.span, &signal, stream.map_or(&[], |s| &s.services))?,
        sparkline: stream.map(|s| sparkline(s, signals)).unwrap_or_default(),
        witnesses: stream.map(|s| s.witnesses.clone()).unwrap_or_default(),
        span: found.span,
        ongoing: found.ongoing,
        signal,
        services,
        score: found.score,
        quiet_ratio: found.quiet,
    })
}

/// At most this many values: more than a wide terminal has columns.
const SPARKLINE_VALUES: i64 = 240;

fn sparkline(stream: &Stream, signals: &Signals) -> Sparkline {
    let windows = stream.bad.len() as i64;
    let mut step = stream.step;
    while windows / stream.step.ratio_to(step) > SPARKLINE_VALUES {
        step = step.doubled();
    }
    let width = stream.step.ratio_to(step) as usize;
    let values = Outcomes::grouped(&stream.bad, width).into_iter().map(|v| v / step.seconds()).collect();
    let start = stream.step.start_of(stream.first_window).max(Time(signals.span.start.0 / SECOND * SECOND));
    Sparkline { start, step: Some(step), values, unit: stream.unit() }
}

fn sought(signals: &Signals, streams: &[Stream]) -> Sought {
    let requests = streams.iter().find(|s| s.signal == IncidentSignal::FailedRequests);
    Sought {
        services: requests.map(|s| s.services.clone()).unwrap_or_default(),
        requests: requests.map_or(0, |s| s.total.iter().sum::<f64>() as u64),
        failed: requests.map_or(0, |s| s.bad.iter().sum::<f64>() as u64),
        detectable_per_minute: requests.map(|s| s.detectable(60.0)),
        error_streams: streams.iter().filter(|s| s.signal == IncidentSignal::ErrorRecords).count(),
        metric_series: signals.metrics.len(),
        resource_shifts: Vec::new(),
    }
}

/// The width in windows of a block of `seconds`, at least one.
fn windows_of(step: Step, seconds: f64) -> usize {
    ((seconds / step.seconds()).round() as usize).max(1)
}
