//! Restarts and configuration reloads that the logs show and that no recorded change explains.
//!
//! Somebody's hand or an unrecorded pipeline is behind some of them; most are what a fault led to. Which, and what they are worth, is not
//! decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::facts::Facts;
use crate::model::{Change, ChangeId, ChangeKind, ConfigDiff, InstanceId, Level, Origin, ServiceName, Symptom, Time, TimeSpan};
use crate::template::tally::{RecordCounts, RecordKey};
use crate::template::{Symbol, Tally};

/// A service's first records tell that the recording begins, not that the service does: it must have run for so many seconds.
const RUNNING: f64 = 120.0;
/// The same message within so many seconds is of one start: eight workers come up together.
const ONE_START: f64 = 20.0;
/// Starts of one service at most that many seconds apart are one restart: instances follow each other in a roll-out, and crash loops wait
/// up to five minutes between two attempts (Kubernetes' back-off).
const ONE_RESTART: f64 = 300.0;
/// An instance that starts so often within one restart is in a crash loop.
const LOOP: usize = 3;
/// The same where instances share one log and cannot be told apart.
const LOOP_TOGETHER: usize = 9;
/// Messages of an instance that come more often than this in all are a habit, such as a nightly job's.
const HABIT: usize = 6;
/// The same where instances cannot be told apart.
const HABIT_TOGETHER: usize = 24;
/// A kind of message with more records than this is not about starts of a process.
const MOST_RECORDS: u64 = 200;
/// A record of a change may be stamped so many seconds after what it did, as pipelines report at their end; …
const STAMPED_LATE: f64 = 300.0;
/// … a roll-out whose end is not recorded takes up to so many to reach the last instance; …
const ROLLS: f64 = 600.0;
/// … and one whose end is recorded settles within so many after it.
const SETTLES: f64 = 120.0;
/// Trouble in so many seconds before a restart led to it.
const TROUBLE: f64 = 120.0;
/// Characters of the message that are kept.
const LONGEST_TEXT: usize = 120;

/// One start or reload of a process.
#[derive(Clone, Debug)]
struct Start {
    time: Time,
    instance: Symbol,
    /// The number of the kind of message.
    message: usize,
    symptom: Symptom,
    origin: Origin,
    text: String,
}

/// All restarts that no change records, by time and service.
pub fn find(tally: &Tally, recorded: &[Arc<Change>], facts: &Facts) -> Vec<Arc<Change>> {
    let since = first_seen(tally);
    let mut services: BTreeMap<Symbol, Vec<Start>> = BTreeMap::new();
    for (message, (key, counts)) in tally.records_sorted().into_iter().enumerate() {
        let starts = starts(message, key, counts, tally, facts);
        let ran = |start: &Start| since.get(&key.service).is_some_and(|first| start.time - *first >= RUNNING);
        services.entry(key.service).or_default().extend(starts.into_iter().filter(ran));
    }
    let mut found: Vec<Arc<Change>> = Vec::new();
    for (service, mut starts) in services {
        let service = ServiceName::new(tally.symbols.text(service));
        starts.sort_by(|a, b| (a.time, &a.origin).cmp(&(b.time, &b.origin)));
        let restarts = starts.chunk_by(|a, b| b.time - a.time <= ONE_RESTART).filter(|restart| !is_loop(restart, tally));
        found.extend(restarts.filter_map(|restart| change(&service, restart, tally)).filter(|c| !is_explained(c, recorded)).map(Arc::new));
    }
    found.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    found
}

/// Recorded and unrecorded changes together, by time and id.
pub fn with_recorded(mut changes: Vec<Arc<Change>>, unrecorded: &[Arc<Change>]) -> Vec<Arc<Change>> {
    changes.extend(unrecorded.iter().cloned());
    changes.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    changes
}

/// Whether the service was in trouble when it restarted: errors of its own came much more often than before, or one that ends a process.
pub fn follows_trouble(restart: &Change, tally: &Tally) -> bool {
    let Some(service) = tally.symbols.find(restart.service.as_str()) else { return false };
    let near = TimeSpan { start: restart.time.plus_seconds(-TROUBLE), end: restart.time };
    let start = first_seen(tally).get(&service).copied().unwrap_or(near.start);
    let earlier = TimeSpan { start: start.min(near.start), end: near.start };
    let of_service = || tally.records.iter().filter(|(key, _)| key.service == service);
    if of_service().any(|(key, counts)| key.level == Level::Fatal && within(counts, near, tally) > 0) {
        return true;
    }
    let errors = |span: TimeSpan| {
        let records: u64 = of_service().filter(|(key, _)| key.level >= Level::Error).map(|(_, counts)| within(counts, span, tally)).sum();
        let requests = tally.requests.iter().filter(|(key, _)| key.service == service).flat_map(|(_, counts)| &counts.windows);
        let failed: u64 =
            requests.filter(|(window, _)| span.contains(tally.step.start_of(*window))).map(|(_, cell)| u64::from(cell.failed)).sum();
        (records + failed) as f64
    };
    let expected = if earlier.seconds() > 0.0 { errors(earlier) * TROUBLE / earlier.seconds() } else { 0.0 };
    errors(near) >= 3.0 + 3.0 * expected
}

/// Records in windows that begin in the span.
fn within(counts: &RecordCounts, span: TimeSpan, tally: &Tally) -> u64 {
    counts.windows.iter().filter(|(window, _)| span.contains(tally.step.start_of(*window))).map(|(_, count)| u64::from(count)).sum()
}

/// When each service is first heard of.
fn first_seen(tally: &Tally) -> BTreeMap<Symbol, Time> {
    let records = tally.records.iter().map(|(key, counts)| (key.service, counts.first));
    let requests = tally.requests.iter().filter_map(|(key, counts)| Some((key.service, tally.step.start_of(counts.windows.first()?))));
    let mut first: BTreeMap<Symbol, Time> = BTreeMap::new();
    for (service, time) in records.chain(requests) {
        first.entry(service).and_modify(|known| *known = time.min(*known)).or_insert(time);
    }
    first
}

/// The starts that a kind of message tells of.
fn starts(message: usize, key: &RecordKey, counts: &RecordCounts, tally: &Tally, facts: &Facts) -> Vec<Start> {
    if counts.windows.sum() > MOST_RECORDS || key.level >= Level::Error || tally.symbols.text(key.service).is_empty() {
        return Vec::new();
    }
    let Some(text) = counts.exemplars.first().and_then(|e| e.text.lines().next()) else { return Vec::new() };
    let Some(symptom) = facts.beginning(text) else { return Vec::new() };
    let mut starts: Vec<Start> = Vec::new();
    let mut last: Option<Time> = None;
    for (window, _) in &counts.windows {
        let begins = tally.step.start_of(window);
        if last.is_none_or(|last| begins - last > ONE_START) {
            let (time, origin, text) = example(counts, begins, tally);
            starts.push(Start { time, instance: key.instance, message, symptom, origin, text });
        }
        last = Some(begins);
    }
    let habit = if tally.symbols.text(key.instance).is_empty() { HABIT_TOGETHER } else { HABIT };
    if starts.len() > habit { Vec::new() } else { starts }
}

/// Exact time, place and text where an example of the window was kept; else the window's beginning and the nearest example.
fn example(counts: &RecordCounts, begins: Time, tally: &Tally) -> (Time, Origin, String) {
    let window = TimeSpan { start: begins, end: begins.plus_seconds(tally.step.seconds()) };
    let text = |text: &str| text.lines().next().unwrap_or("").chars().take(LONGEST_TEXT).collect();
    match counts.exemplar_from(begins) {
        Some(kept) if window.contains(kept.time) => (kept.time, kept.origin.clone(), text(&kept.text)),
        Some(near) => (begins, near.origin.clone(), text(&near.text)),
        None => (begins, Origin::file(""), String::new()),
    }
}

/// Whether an instance starts again and again.
fn is_loop(restart: &[Start], tally: &Tally) -> bool {
    let mut times: BTreeMap<(Symbol, usize), usize> = BTreeMap::new();
    restart.iter().for_each(|start| *times.entry((start.instance, start.message)).or_default() += 1);
    times.iter().any(|((instance, _), count)| *count >= if tally.symbols.text(*instance).is_empty() { LOOP_TOGETHER } else { LOOP })
}

fn change(service: &ServiceName, restart: &[Start], tally: &Tally) -> Option<Change> {
    let (first, last) = (restart.first()?, restart.last()?);
    let started = restart.iter().find(|start| start.symptom == Symptom::Started);
    let what = if started.is_some() { "restarted" } else { "reloaded its configuration" };
    let shown = started.unwrap_or(first);
    let names: BTreeSet<&str> = restart.iter().map(|start| tally.symbols.text(start.instance)).filter(|name| !name.is_empty()).collect();
    Some(Change {
        id: ChangeId::new(&format!("unrecorded:{service}:{}", first.time.rfc3339())),
        time: first.time,
        end_time: Some(last.time).filter(|end| *end > first.time),
        service: service.clone(),
        kind: ChangeKind::Unrecorded,
        version: None,
        previous_version: None,
        summary: Some(format!("{what}: {}", shown.text)),
        author: None,
        url: None,
        instances: names.into_iter().map(InstanceId::new).collect(),
        config_before: None,
        config_after: None,
        config: ConfigDiff::default(),
        diff: None,
        origin: shown.origin.clone(),
    })
}

/// Whether a recorded change of the service, or of all, covers the beginning of the restart.
fn is_explained(restart: &Change, recorded: &[Arc<Change>]) -> bool {
    recorded.iter().filter(|c| c.service == restart.service || c.service.is_everything()).any(|c| {
        let end = c.end_time.map_or(c.time.plus_seconds(ROLLS), |end| end.plus_seconds(SETTLES));
        (c.time.plus_seconds(-STAMPED_LATE)..=end).contains(&restart.time)
    })
}

#[cfg(test)]
mod tests;
