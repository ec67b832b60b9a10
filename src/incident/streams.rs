//! The streams of outcomes in which incidents are looked for, most direct first: failed requests, slow requests, lost
//! throughput at the services where users come in, then the error records of every service.

use std::collections::BTreeMap;

use super::scan::{FAILURES, Limits, SMALLEST_QUIET, Stream, quiet_share, scan};
use super::{series, slow, symptoms};
use crate::model::{IncidentSignal, Level, Options, ServiceName, Time, TimeSpan};
use crate::signal::{Outcomes, Signals};
use crate::stats;
use crate::template::LatencySketch;

/// A request is slow when it takes longer than this many times the quiet 90th percentile.
const SLOW_RATIO: f64 = 2.0;
/// Error records have no denominator; a stack trace logged twice is two of them.
const ERRORS: Limits = Limits { score: 40.0, excess: 20.0, share: 0.0, ratio: 4.0, seconds: 10.0 };
/// A request that takes longer than this many seconds says nothing about the end of an incident.
const LONGEST_LAG: f64 = 60.0;
/// Load may take this many seconds to build up when a recording begins; nothing is missing then.
const RAMP: f64 = 120.0;
/// Missing arrivals, at one window of 5 s or more.
const LOSS: Limits = Limits { score: 30.0, excess: 50.0, share: 0.5, ratio: 4.0, seconds: 20.0 };

/// Refusals, which clients bring about too.
const REJECTIONS: Limits = Limits { score: 30.0, excess: 30.0, share: 0.05, ratio: 3.0, seconds: 20.0 };
/// What is served must fall by this part of what is refused.
const DISPLACED: f64 = 0.5;

/// All streams of a run.
pub fn all(signals: &Signals, options: &Options) -> Vec<Stream> {
    let mut streams = Vec::new();
    let entries: Vec<&Outcomes> = signals.entries.iter().filter_map(|s| signals.outcomes.get(s)).collect();
    if let Some(pooled) = pooled(&entries) {
        let base = |values: (&[f64], &[f64])| quiet_of(&pooled, options, values);
        streams.push(failures(&pooled, &signals.entries, base((&pooled.completed, &pooled.failed))));
        match tells_durations(&pooled) {
            true => streams.extend(slowness(&pooled, &signals.entries, slow::Of::Users, options)),
            false => streams.extend(slowness_behind(signals, options)),
        }
        streams.extend(rejections(&pooled, &signals.entries, base((&pooled.completed, &pooled.rejected))));
        streams.extend(slowness_within(signals, options));
        streams.extend(lost_throughput(&pooled, &signals.entries));
    }
    streams.extend(error_records(signals, options));
    if nothing_counts_requests(&streams) {
        streams.extend(series::streams(signals));
        streams.extend(symptoms::streams(signals, options.baseline));
    }
    streams
}

fn quiet_of(outcomes: &Outcomes, options: &Options, (total, bad): (&[f64], &[f64])) -> f64 {
    let Some(baseline) = options.baseline else { return quiet_share(total, bad, outcomes.step, 4) };
    let range = outcomes.indices(baseline);
    let (total, bad): (f64, f64) = (total[range.clone()].iter().sum(), bad[range].iter().sum());
    if total > 0.0 { (bad / total).max(SMALLEST_QUIET) } else { SMALLEST_QUIET }
}

/// The outcomes of several services as one.
fn pooled(services: &[&Outcomes]) -> Option<Outcomes> {
    let (first, rest) = services.split_first()?;
    let mut all = (*first).clone();
    for other in rest {
        let add = |into: &mut Vec<f64>, from: &Vec<f64>| into.iter_mut().zip(from).for_each(|(a, b)| *a += b);
        add(&mut all.completed, &other.completed);
        add(&mut all.failed, &other.failed);
        add(&mut all.rejected, &other.rejected);
        add(&mut all.arrived, &other.arrived);
        all.latency.iter_mut().zip(&other.latency).for_each(|(a, b)| a.merge(b));
        all.first_failed.iter_mut().zip(&other.first_failed).for_each(|(a, b)| *a = [*a, *b].into_iter().flatten().min());
    }
    Some(all)
}

/// Whether no outcomes of requests decide, so that metrics do.
pub fn nothing_counts_requests(streams: &[Stream]) -> bool {
    streams.iter().all(|s| s.signal != IncidentSignal::FailedRequests)
}

fn failures(outcomes: &Outcomes, services: &[ServiceName], quiet: f64) -> Stream {
    Stream {
        signal: IncidentSignal::FailedRequests,
        services: services.to_vec(),
        step: outcomes.step,
        first_window: outcomes.first_window,
        total: outcomes.completed.clone(),
        bad: outcomes.failed.clone(),
        first_bad: outcomes.first_failed.clone(),
        quiet,
        limits: FAILURES,
        lag: slowest(outcomes),
        found: None,
        witnesses: Vec::new(),
    }
}

/// The 99th percentile of all durations, in seconds.
fn slowest(outcomes: &Outcomes) -> f64 {
    let mut all = LatencySketch::default();
    outcomes.latency.iter().for_each(|s| all.merge(s));
    all.quantile(0.99).map_or(0.0, |micros| (micros / 1e6).min(LONGEST_LAG))
}

fn tells_durations(outcomes: &Outcomes) -> bool {
    outcomes.latency.iter().any(|sketch| sketch.count() > 0)
}

/// Where users come in nobody says how long requests took: of the services that do, the one that served most stands for them.
fn slowness_behind(signals: &Signals, options: &Options) -> Option<Stream> {
    let told = |o: &Outcomes| o.latency.iter().map(LatencySketch::count).sum::<u64>();
    let busiest = signals.outcomes.iter().filter(|(_, o)| tells_durations(o));
    let (service, outcomes) = busiest.max_by(|a, b| told(a.1).cmp(&told(b.1)).then_with(|| b.0.cmp(a.0)))?;
    slowness(outcomes, std::slice::from_ref(service), slow::Of::Users, options)
}

/// Requests that were served before and are now refused as the client's fault. Whoever tries doors that never were open adds refusals and takes
/// nothing from what is served, so what counts is what replaces it.
fn rejections(outcomes: &Outcomes, services: &[ServiceName], quiet: f64) -> Option<Stream> {
    let mut stream = Stream {
        signal: IncidentSignal::RejectedRequests,
        bad: outcomes.rejected.clone(),
        first_bad: vec![None; outcomes.rejected.len()],
        limits: REJECTIONS,
        ..failures(outcomes, services, quiet)
    };
    let found: Vec<_> = scan(&stream).into_iter().filter(|found| displaces(outcomes, found.span, quiet)).collect();
    if found.is_empty() {
        return None;
    }
    stream.found = Some(found);
    Some(stream)
}

/// Whether what is served in the span falls short of what was served beside it, by a good part of what is refused.
fn displaces(outcomes: &Outcomes, span: TimeSpan, quiet: f64) -> bool {
    let served = |span: TimeSpan| {
        let (all, failed) = outcomes.totals(span);
        (all - failed - outcomes.rejected_within(span), outcomes.indices(span).len() as f64)
    };
    let (before, after) = (
        TimeSpan { start: span.start.plus_seconds(-span.seconds()), end: span.start },
        TimeSpan { start: span.end, end: span.end.plus_seconds(span.seconds()) },
    );
    let beside = [before, after].map(served);
    let windows: f64 = beside.iter().map(|b| b.1).sum();
    let (within, length) = served(span);
    let usual = beside.iter().map(|b| b.0).sum::<f64>() / windows.max(1.0) * length;
    let (all, _) = outcomes.totals(span);
    windows > 0.0 && usual - within > DISPLACED * (outcomes.rejected_within(span) - quiet * all)
}

/// Services behind those where users come in that slowed down while the whole did not visibly: a part of the requests, each of them hurt. The one
/// that lost most speaks for all.
fn slowness_within(signals: &Signals, options: &Options) -> Option<Stream> {
    let behind = signals.outcomes.iter().filter(|(s, o)| !signals.entries.contains(s) && tells_durations(o));
    let slowed = behind.filter_map(|(s, o)| slowness(o, std::slice::from_ref(s), slow::Of::Inner, options));
    let lost = |stream: &Stream| stream.found.iter().flatten().map(|f| f.score).fold(0.0, f64::max);
    slowed
        .filter(|s| s.found.as_ref().is_some_and(|f| !f.is_empty()))
        .max_by(|a, b| lost(a).total_cmp(&lost(b)).then_with(|| b.services.cmp(&a.services)))
}

/// Requests above twice the quiet 90th percentile, with the stretches in which the level stays raised.
fn slowness(outcomes: &Outcomes, services: &[ServiceName], of: slow::Of, options: &Options) -> Option<Stream> {
    let (quiet, found) = slow::find(outcomes, options.baseline, of)?;
    let threshold = SLOW_RATIO * quiet.p90;
    let bad: Vec<f64> = outcomes.latency.iter().map(|s| s.above(threshold) as f64).collect();
    let total: Vec<f64> = outcomes.latency.iter().map(|s| s.count() as f64).collect();
    let quiet = quiet_of(outcomes, options, (&total, &bad));
    Some(Stream {
        signal: IncidentSignal::SlowRequests { threshold: threshold as i64 },
        first_bad: vec![None; bad.len()],
        total,
        bad,
        found: Some(found),
        ..failures(outcomes, services, quiet)
    })
}

/// Requests that did not arrive, against the median of the 5 s rates. The edges of the data are no loss: logs begin and end.
fn lost_throughput(outcomes: &Outcomes, services: &[ServiceName]) -> Option<Stream> {
    let width = super::windows_of(outcomes.step, 5.0);
    let first = outcomes.arrived.iter().position(|v| *v > 0.0)? + super::windows_of(outcomes.step, RAMP);
    let last = outcomes.arrived.iter().rposition(|v| *v > 0.0)?;
    let rates = Outcomes::grouped(outcomes.arrived.get(first..=last)?, width);
    let usual = stats::median(&rates)? / width as f64;
    if usual <= 0.0 {
        return None;
    }
    let smooth = |i: usize| {
        let around = &outcomes.arrived[i.saturating_sub(width)..(i + width + 1).min(outcomes.arrived.len())];
        around.iter().sum::<f64>() / around.len() as f64
    };
    let missing = |i: usize| if (first..=last).contains(&i) { (usual - smooth(i)).max(0.0) } else { 0.0 };
    let bad: Vec<f64> = (0..outcomes.arrived.len()).map(missing).collect();
    let total = vec![usual; bad.len()];
    let quiet = quiet_share(&total, &bad, outcomes.step, 2).max(0.05);
    Some(Stream {
        signal: IncidentSignal::LostThroughput,
        first_bad: vec![None; bad.len()],
        total,
        bad,
        quiet,
        limits: LOSS,
        ..failures(outcomes, services, quiet)
    })
}

/// Error records of each service, over the seconds of the recording.
fn error_records(signals: &Signals, options: &Options) -> Vec<Stream> {
    let Some(span) = signals.tally.span else { return Vec::new() };
    let (step, first) = (signals.step, signals.step.window(span.start));
    let windows = (step.window(span.end) - first + 1) as usize;
    let mut by_service: BTreeMap<&str, (Vec<f64>, Option<Time>)> = BTreeMap::new();
    for (key, counts) in signals.tally.records_sorted().into_iter().filter(|(k, _)| k.level >= Level::Error) {
        let entry = by_service.entry(signals.tally.symbols.text(key.service)).or_insert_with(|| (vec![0.0; windows], None));
        for (window, count) in &counts.windows {
            if let Some(value) = usize::try_from(window - first).ok().and_then(|i| entry.0.get_mut(i)) {
                *value += f64::from(count);
            }
        }
    }
    let exposure = vec![step.seconds(); windows];
    let stream = |(service, (bad, _)): (&str, (Vec<f64>, Option<Time>))| {
        let quiet =
            options.baseline.map_or_else(|| quiet_share(&exposure, &bad, step, 2), |b| rate_within(&bad, first, b, signals)).max(0.01);
        Stream {
            signal: IncidentSignal::ErrorRecords,
            services: vec![ServiceName::new(service)],
            step,
            first_window: first,
            total: exposure.clone(),
            first_bad: vec![None; bad.len()],
            bad,
            quiet,
            limits: ERRORS,
            lag: 0.0,
            found: None,
            witnesses: Vec::new(),
        }
    };
    by_service.into_iter().map(stream).collect()
}

fn rate_within(bad: &[f64], first: i64, span: TimeSpan, signals: &Signals) -> f64 {
    let index = |t: Time| (signals.step.window(t) - first).clamp(0, bad.len() as i64) as usize;
    let range = index(span.start)..index(span.end);
    let seconds = range.len() as f64 * signals.step.seconds();
    if seconds > 0.0 { bad[range].iter().sum::<f64>() / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Step;

    /// Ten requests a second are served, but for a minute, in which `refused` of them are refused and `more` others as well.
    fn with_refusals(refused: f64, more: f64) -> Outcomes {
        let mut all = Outcomes::empty(Step::SECOND, 0, 600);
        for i in 0..600 {
            let minute = (300..360).contains(&i);
            all.rejected[i] = if minute { refused + more } else { 0.0 };
            all.completed[i] = 10.0 + if minute { more } else { 0.0 };
        }
        all
    }

    #[test]
    fn refusals_count_where_they_replace_what_was_served() {
        let found =
            |outcomes: &Outcomes| rejections(outcomes, &["web".into()], SMALLEST_QUIET).map_or(0, |s| s.found.map_or(0, |f| f.len()));
        assert_eq!(found(&with_refusals(5.0, 0.0)), 1);
        assert_eq!(found(&with_refusals(0.0, 5.0)), 0, "doors that were never open");
        assert_eq!(found(&with_refusals(0.0, 0.0)), 0);
    }
}
