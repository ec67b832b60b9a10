//! The numbers of a period from the history.
//!
//! A change failed when the analysis holds it responsible for an incident, when its verdict is "worse", or when it was put back. The last
//! deploy before an incident is not held responsible for having been the last.

use std::collections::{BTreeMap, BTreeSet};

use super::{History, HistoryError, Rows};
use crate::model::history::{Row, Table};
use crate::model::period::{Entry, Fate, LevelOutcome, NearMiss, Period, Rate, Recurring, Totals};
use crate::model::{PastChange, Time, TimeSpan};
use crate::stats::{median, wilson};

/// Standard deviations of a 95 % interval.
const Z: f64 = 1.96;
/// A change is held responsible for an incident from this confidence on.
const RESPONSIBLE: f64 = 0.5;
/// What to act on: no more than a person does on a Monday.
const MOST_ACTS: usize = 5;
/// A change younger than this at the end of the period has not met a day's peak.
const YOUNG: f64 = 86_400.0;
/// Stretches without data that are told.
const LONGEST_GAP: f64 = 3_600.0;
const MOST_TOLD: usize = 12;

/// Everything the history holds, each thing once and as it was known last.
struct Known {
    changes: Vec<Row>,
    risks: BTreeMap<String, Vec<Row>>,
    verdicts: BTreeMap<String, Vec<Row>>,
    incidents: Vec<Row>,
    runs: Vec<Row>,
    unreadable: Vec<String>,
}

/// The report on `span`, compared with the equally long period before it.
///
/// # Errors
/// Where the history cannot be listed.
pub fn report(history: &History, span: TimeSpan) -> Result<Period, HistoryError> {
    let known = Known::load(history)?;
    let length = span.seconds();
    let earlier = TimeSpan { start: span.start.plus_seconds(-length), end: span.start };
    let (changes, previous) = (known.entries(span), known.entries(earlier));
    let (now, before) = (known.totals(&changes, span), known.totals(&previous, earlier));
    let mut period = Period {
        span: Some(span),
        difference: difference(now.failed, before.failed),
        act: act(&changes, span),
        near_misses: known.near_misses(&changes),
        unrecorded: known.unrecorded(span),
        recurring: known.recurring(span.end),
        calibration: calibration(&previous),
        gaps: known.gaps(span),
        now,
        before,
        changes,
    };
    if period.changes.iter().any(|entry| entry.risk.is_none()) {
        let n = period.changes.iter().filter(|entry| entry.risk.is_none()).count();
        period.gaps.push(format!("{n} changes have no risk from before: run `whatchanged risk PATH --history DIR`"));
    }
    Ok(period)
}

/// All changes that the history holds, with what came of them.
///
/// # Errors
/// Where the history cannot be listed.
pub fn past(history: &History) -> Result<Vec<PastChange>, HistoryError> {
    let known = Known::load(history)?;
    let entries = known.entries(Time::RANGE);
    let of = |entry: Entry| PastChange {
        id: entry.id,
        service: entry.service,
        time: entry.time,
        failed: entry.fate == Fate::Failed,
        keys: entry.keys.into_iter().map(|(key, _, after)| (key, after)).collect(),
    };
    Ok(entries.into_iter().map(of).collect())
}

impl Known {
    fn load(history: &History) -> Result<Known, HistoryError> {
        let mut unreadable = Vec::new();
        let mut take = |rows: Rows| {
            unreadable.extend(rows.unreadable.into_iter().map(|(path, why)| format!("{}: {why}", path.display())));
            rows.rows
        };
        let changes = latest_changes(take(history.rows(Table::Changes)?));
        let risks = latest(take(history.rows(Table::Risks)?), "level");
        let verdicts = latest(take(history.rows(Table::Verdicts)?), "verdict");
        let incidents = latest_incidents(take(history.rows(Table::Incidents)?));
        let runs = take(history.rows(Table::Runs)?);
        Ok(Known { changes, risks, verdicts, incidents, runs, unreadable })
    }

    /// Deploys of a span; unrecorded restarts and rollbacks are none.
    fn entries(&self, span: TimeSpan) -> Vec<Entry> {
        let is_deploy = |row: &&Row| !matches!(row.text("kind"), "rollback" | "unrecorded");
        let within = |row: &&Row| row.time().is_some_and(|time| span.contains(time));
        self.changes.iter().filter(within).filter(is_deploy).map(|row| self.entry(row)).collect()
    }

    fn blamed_incident(&self, change: &Row) -> Option<&Row> {
        let id = change.text("change_id");
        let responsible = |row: &&Row| {
            row.text("change_id") == id
                && row.number("confidence").is_some_and(|c| c >= RESPONSIBLE)
                && row.time().zip(change.time()).is_some_and(|(onset, began)| onset - began > -600.0)
        };
        self.incidents.iter().find(responsible)
    }

    fn entry(&self, row: &Row) -> Entry {
        let id = row.text("change_id").to_owned();
        let key = key_of(row);
        let incident = self.blamed_incident(row);
        let (risks, verdicts) = (self.risks.get(&key), self.verdicts.get(&key));
        let verdict = verdicts.and_then(|rows| rows.first());
        let worst = verdicts.and_then(|rows| rows.iter().find(|r| r.text("check_verdict") == "worse" && r.number("decides") == Some(1.0)));
        let reason = risks.and_then(|rows| rows.iter().find(|r| r.number("weight").is_some_and(|w| w > 0.0)));
        let reverted = row.text("reverted_by").to_owned();
        let failed = incident.is_some() || verdict.is_some_and(|v| v.text("verdict") == "worse") || !reverted.is_empty();
        let fate = match verdict.map(|v| v.text("verdict")) {
            _ if failed => Fate::Failed,
            Some("not_worse") => Fate::Fine,
            _ => Fate::CannotTell,
        };
        let told = [
            incident.map(|i| (i.text("title").to_owned(), row.text("source").to_owned())),
            worst.map(|w| (w.text("statement").to_owned(), w.text("source").to_owned())),
            reason.map(|r| (r.text("statement").to_owned(), r.text("source").to_owned())),
        ];
        let (why, source) = told.into_iter().flatten().next().unwrap_or_default();
        let onset = incident.and_then(Row::time);
        let repaired = incident.and_then(|i| i.time_of("undone_at"));
        let ended = incident.filter(|i| i.number("ongoing") != Some(1.0)).and_then(|i| i.time_of("end"));
        let since_onset = |time: Option<Time>| Some(time? - onset?).filter(|s| *s >= 0.0);
        Entry {
            service: row.text("service").to_owned(),
            kind: row.text("kind").to_owned(),
            time: row.time().unwrap_or_default(),
            version: row.text("version").to_owned(),
            previous_version: row.text("previous_version").to_owned(),
            summary: row.text("summary").to_owned(),
            author: row.text("author").to_owned(),
            url: row.text("url").to_owned(),
            keys: edits(row),
            risk: risks.and_then(|rows| rows.first()).map(|r| (r.text("level").to_owned(), r.number("score").unwrap_or_default())),
            fate,
            source: if source.is_empty() { row.text("source").to_owned() } else { source },
            why,
            rolled_back_by: reverted,
            detect_s: since_onset(repaired),
            recover_s: since_onset(ended),
            id,
        }
    }

    fn totals(&self, entries: &[Entry], span: TimeSpan) -> Totals {
        let failed = entries.iter().filter(|entry| entry.fate == Fate::Failed).count();
        let incidents: Vec<&Row> = self.incidents.iter().filter(|row| row.time().is_some_and(|time| span.contains(time))).collect();
        let attributed = |row: &&&Row| !row.text("change_id").is_empty() && row.number("confidence").is_some_and(|c| c >= RESPONSIBLE);
        let of = |get: fn(&Entry) -> Option<f64>| {
            let values: Vec<f64> = entries.iter().filter_map(get).collect();
            median(&values).map(|median| (median, values.len()))
        };
        let repairs = self.changes.iter().filter(|row| row.time().is_some_and(|t| span.contains(t)));
        let repairs = repairs
            .filter(|row| row.text("kind") == "rollback" || self.changes.iter().any(|c| c.text("reverted_by") == row.text("change_id")));
        let repairs: BTreeSet<&str> = repairs.map(|row| row.text("change_id")).collect();
        let rollbacks = repairs.iter().filter(|id| !entries.iter().any(|entry| entry.id == **id)).count();
        Totals {
            deploys: entries.len(),
            failed: rate(failed, entries.len()),
            rolled_back: entries.iter().filter(|entry| !entry.rolled_back_by.is_empty()).count(),
            untold: entries.iter().filter(|entry| entry.fate == Fate::CannotTell).count(),
            incidents: incidents.len(),
            incidents_without_change: incidents.len() - incidents.iter().filter(attributed).count(),
            detect_s: of(|entry| entry.detect_s),
            recover_s: of(|entry| entry.recover_s),
            rework: rate(repairs.len(), entries.len() + rollbacks),
        }
    }

    /// Warnings of verdicts on changes that did not fail.
    fn near_misses(&self, entries: &[Entry]) -> Vec<NearMiss> {
        let mut found = Vec::new();
        for entry in entries.iter().filter(|entry| entry.fate != Fate::Failed) {
            let rows = self.verdicts.get(&format!("{}\u{1}{}", entry.id, entry.service)).into_iter().flatten();
            let warns = |row: &&Row| {
                let kind = row.text("kind");
                row.text("check_verdict") == "worse"
                    && row.number("decides") == Some(0.0)
                    && matches!(kind, "errors" | "saturation" | "waiting" | "resource" | "vanished")
            };
            let told = rows.filter(warns).map(|row| NearMiss {
                change: entry.id.clone(),
                statement: row.text("statement").to_owned(),
                source: row.text("source").to_owned(),
            });
            found.extend(told.take(3));
        }
        found.truncate(MOST_TOLD);
        found
    }

    /// Restarts that no record explains; and versions or keys that are not what the change before left.
    fn unrecorded(&self, span: TimeSpan) -> Vec<String> {
        let mut told = Vec::new();
        let mut last_version: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        let mut last_value: BTreeMap<(&str, String), (String, &str)> = BTreeMap::new();
        for row in &self.changes {
            let (id, service) = (row.text("change_id"), row.text("service"));
            let tells = row.time().is_some_and(|time| span.contains(time));
            if row.text("kind") == "unrecorded" {
                if tells {
                    let (at, what) = (row.text("time"), row.text("summary"));
                    told.push(format!("{service} restarted or reloaded at {at}, and no record says why: {what}"));
                }
                continue;
            }
            let (version, previous) = (row.text("version"), row.text("previous_version"));
            // A canary leaves other instances at the old version; migrations and flags have versions of their own.
            let whole = row.number("instances") == Some(0.0) && matches!(row.text("kind"), "deploy" | "config" | "rollback");
            if whole
                && !previous.is_empty()
                && let Some((was, by)) = last_version.get(service).filter(|(was, _)| tells && *was != previous)
            {
                told.push(format!("{service} ran {previous} before {id}, but {by} had left {was}: something between is not recorded"));
            }
            if whole && !version.is_empty() {
                last_version.insert(service, (version, id));
            }
            for (key, before, after) in edits(row) {
                if let Some((was, by)) = last_value.get(&(service, key.clone())).filter(|(was, _)| tells && *was != before) {
                    told.push(format!("{key} of {service} was {before} before {id}, but {by} had set {was}: configuration drifted"));
                }
                last_value.insert((service, key), (after, id));
            }
        }
        told.truncate(MOST_TOLD);
        told
    }

    /// What failed twice or more, in all of the history up to the end.
    fn recurring(&self, end: Time) -> Vec<Recurring> {
        let all = self.entries(TimeSpan { start: Time::RANGE.start, end });
        let mut counts: BTreeMap<(&'static str, String), (usize, usize)> = BTreeMap::new();
        for entry in &all {
            let hour = format!("{} UTC", entry.time.clock().get(..2).unwrap_or(""));
            let keys = entry.keys.iter().map(|(key, ..)| ("key", format!("{key} of {}", entry.service)));
            for what in keys.chain([("service", entry.service.clone()), ("hour", hour)]) {
                let count = counts.entry(what).or_default();
                count.1 += 1;
                count.0 += usize::from(entry.fate == Fate::Failed);
            }
        }
        let often = counts.into_iter().filter(|(_, (failed, of))| *failed >= 2 && 2 * failed >= *of);
        let mut found: Vec<Recurring> = often.map(|((what, name), (failed, of))| Recurring { what, name, failed, of }).collect();
        found.sort_by(|a, b| b.failed.cmp(&a.failed).then(a.what.cmp(b.what)).then(a.name.cmp(&b.name)));
        found.truncate(MOST_TOLD);
        found
    }

    fn gaps(&self, span: TimeSpan) -> Vec<String> {
        let mut told = Vec::new();
        let covered = self.runs.iter().filter_map(|row| Some(TimeSpan { start: row.time()?, end: row.time_of("end")? }));
        let mut covered: Vec<TimeSpan> = covered.filter(|c| c.overlaps(span)).collect();
        covered.sort_by_key(|c| (c.start, c.end));
        let mut at = span.start;
        for stretch in covered.iter().copied().chain([TimeSpan { start: span.end, end: span.end }]) {
            if stretch.start - at > LONGEST_GAP {
                told.push(format!("no data from {at} to {}", stretch.start));
            }
            at = at.max(stretch.end);
        }
        let dense = told.len();
        if dense > 6 {
            told.truncate(5);
            told.push(format!("and {} more stretches without data", dense - 5));
        }
        let runs = self.runs.iter().filter(|row| row.time().is_some_and(|t| span.contains(t)) && !row.text("gaps").is_empty());
        let doubts: BTreeSet<&str> = runs.map(|row| row.text("gaps")).collect();
        told.extend(doubts.into_iter().take(MOST_TOLD).map(str::to_owned));
        told.extend(self.unreadable.iter().map(|why| format!("a file of the history cannot be read: {why}")));
        told
    }
}

fn key_of(row: &Row) -> String {
    format!("{}\u{1}{}", row.text("change_id"), row.text("service"))
}

/// Each change once: as recorded last, and put back where any record says so.
fn latest_changes(rows: Vec<Row>) -> Vec<Row> {
    let mut all: BTreeMap<(String, String), Row> = BTreeMap::new();
    for row in rows {
        let key = (row.text("time").to_owned(), key_of(&row));
        match all.get(&key) {
            Some(known) if !known.text("reverted_by").is_empty() && row.text("reverted_by").is_empty() => {}
            _ => drop(all.insert(key, row)),
        }
    }
    all.into_values().collect()
}

/// The rows of each change as of the latest instant, by rank.
fn latest(rows: Vec<Row>, what: &str) -> BTreeMap<String, Vec<Row>> {
    let mut all: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows {
        all.entry(key_of(&row)).or_default().push(row);
    }
    for rows in all.values_mut() {
        let last = rows.iter().map(|row| row.text("as_of").to_owned()).max().unwrap_or_default();
        rows.retain(|row| row.text("as_of") == last);
        rows.sort_by(|a, b| {
            let rank = |row: &Row| row.number("rank").unwrap_or(f64::MAX);
            rank(a).total_cmp(&rank(b)).then(a.text(what).cmp(b.text(what)))
        });
    }
    all
}

/// Incidents that overlap and hurt the same service first are one, as it was seen last, unless they were seen in recordings of different
/// systems: those know of changes before the incident, and of none in common.
fn latest_incidents(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| b.text("as_of").cmp(a.text("as_of")).then(a.text("time").cmp(b.text("time"))));
    let span = |row: &Row| Some(TimeSpan { start: row.time()?, end: row.time_of("end")? });
    let first = |row: &Row| row.text("services").split(',').next().unwrap_or("").to_owned();
    let mut kept: Vec<Row> = Vec::new();
    for row in rows {
        let at_once = |other: &Row| span(other).zip(span(&row)).is_some_and(|(a, b)| a.overlaps(b));
        let same = |other: &Row| first(other) == first(&row) && at_once(other) && !are_strangers(other, &row);
        if !kept.iter().any(same) {
            kept.push(row);
        }
    }
    kept.sort_by(|a, b| a.text("time").cmp(b.text("time")).then(a.text("services").cmp(b.text("services"))));
    kept
}

fn are_strangers(one: &Row, other: &Row) -> bool {
    let known = |row: &Row| -> BTreeSet<String> { serde_json::from_str(row.text("changes_before")).unwrap_or_default() };
    let (one, other) = (known(one), known(other));
    !one.is_empty() && !other.is_empty() && one.is_disjoint(&other)
}

fn edits(row: &Row) -> Vec<(String, String, String)> {
    let parsed: Vec<serde_json::Value> = serde_json::from_str(row.text("edits")).unwrap_or_default();
    let text = |edit: &serde_json::Value, name: &str| edit.get(name).and_then(|v| v.as_str()).unwrap_or("(not set)").to_owned();
    parsed.iter().map(|edit| (text(edit, "key"), text(edit, "before"), text(edit, "after"))).collect()
}

fn rate(hits: usize, of: usize) -> Rate {
    let (low, high) = wilson(hits as f64, of as f64, Z);
    Rate { hits, of, low, high }
}

/// Bounds of the difference of two rates from their Wilson intervals (Newcombe, "Interval estimation for the difference between independent
/// proportions", Statistics in Medicine 17, 1998, method 10).
fn difference(now: Rate, before: Rate) -> Option<(f64, f64)> {
    let (a, b) = (now.value()?, before.value()?);
    let low = ((a - now.low).powi(2) + (before.high - b).powi(2)).sqrt();
    let high = ((now.high - a).powi(2) + (b - before.low).powi(2)).sqrt();
    Some((a - b - low, a - b + high))
}

/// What still runs and failed; then what was called risky and is not settled, what has not met a peak first.
fn act(entries: &[Entry], span: TimeSpan) -> Vec<usize> {
    let rank = |entry: &Entry| {
        let level = entry.risk.as_ref().map_or("", |(level, _)| level.as_str());
        let risky = matches!(level, "high" | "critical");
        let young = span.end - entry.time < YOUNG;
        match entry.fate {
            Fate::Failed if entry.rolled_back_by.is_empty() => Some(0),
            Fate::CannotTell if risky && young => Some(1),
            Fate::CannotTell if risky => Some(2),
            Fate::CannotTell if young && level == "medium" => Some(3),
            Fate::Failed => Some(4),
            _ => None,
        }
    };
    let mut urgent: Vec<(i32, usize)> = entries.iter().enumerate().filter_map(|(at, entry)| Some((rank(entry)?, at))).collect();
    urgent.sort_by(|a, b| {
        let score = |at: usize| entries[at].risk.as_ref().map_or(0.0, |(_, score)| *score);
        a.0.cmp(&b.0).then(score(b.1).total_cmp(&score(a.1))).then(b.1.cmp(&a.1))
    });
    urgent.into_iter().map(|(_, at)| at).take(MOST_ACTS).collect()
}

fn calibration(entries: &[Entry]) -> Vec<LevelOutcome> {
    let level = |entry: &Entry| entry.risk.as_ref().map(|(level, _)| level.clone());
    let of_level = |name: &str| {
        let own: Vec<&Entry> = entries.iter().filter(|entry| level(entry).as_deref() == Some(name)).collect();
        let failed = own.iter().filter(|entry| entry.fate == Fate::Failed).count();
        let risky = matches!(name, "high" | "critical");
        let surprise = |entry: &&&Entry| (entry.fate == Fate::Failed) != risky && (risky || name == "low");
        let surprises = own.iter().filter(surprise).map(|entry| format!("{} {}", entry.service, entry.id)).take(5).collect();
        LevelOutcome { level: name.to_owned(), failed: rate(failed, own.len()), surprises }
    };
    ["critical", "high", "medium", "low"].map(of_level).into_iter().filter(|outcome| outcome.failed.of > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::{ColumnKind, Value};

    fn seen(onset: u32, end: u32, as_of: u32, changes_before: &[&str]) -> Row {
        let at = |minute: u32| Some(format!("2024-03-04T10:{minute:02}:00Z"));
        let value = |(name, kind): &(&str, ColumnKind)| match (*name, kind) {
            ("time", _) => Value::Text(at(onset)),
            ("end", _) => Value::Text(at(end)),
            ("as_of", _) => Value::Text(at(as_of)),
            ("services", _) => Value::Text(Some("gateway,checkout".to_owned())),
            ("changes_before", _) => Value::Text(Some(serde_json::json!(changes_before).to_string())),
            (_, ColumnKind::Number) => Value::Number(None),
            _ => Value::Text(None),
        };
        Row { table: Table::Incidents, values: Table::Incidents.columns().iter().map(value).collect() }
    }

    /// An incident that is seen again later is the same; one of another system at the same time is not.
    #[test]
    fn incidents_of_different_systems_are_not_one() {
        let first = seen(10, 20, 20, &["d2", "d1"]);
        let counted = |other: Row| latest_incidents(vec![first.clone(), other]).len();
        for (other, expected) in [
            (seen(10, 30, 40, &["d2", "d1"]), 1),
            (seen(12, 30, 40, &["d3", "d2"]), 1),
            (seen(12, 30, 40, &[]), 1),
            (seen(12, 30, 40, &["release-7"]), 2),
            (seen(25, 30, 40, &["d2", "d1"]), 2),
        ] {
            assert_eq!(counted(other.clone()), expected, "{other:?}");
        }
        let again = latest_incidents(vec![first.clone(), seen(10, 30, 40, &["d2", "d1"])]);
        assert_eq!(again[0].text("as_of"), "2024-03-04T10:40:00Z", "as it was seen last");
    }

    #[test]
    fn few_deploys_tell_no_difference() {
        assert_eq!(difference(rate(0, 0), rate(1, 2)), None);
        let (low, high) = difference(rate(2, 9), rate(0, 8)).unwrap();
        assert!(low < 0.0 && high > 0.0, "{low} {high}");
        let (low, _) = difference(rate(40, 100), rate(5, 100)).unwrap();
        assert!(low > 0.2);
    }
}
