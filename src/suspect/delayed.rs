//! Effects that take their time: a resource that has grown ever since a change, and a schedule that came round.
//!
//! Order in time favours what is near. Leaks and nightly jobs are far by nature, and have windows of their own.

use super::Found;
use super::scene::Scene;
use crate::model::{Change, Finding, KeyEdit, Time};
use crate::stats;

/// An effect within this many seconds is no delayed one.
const SHORTEST: f64 = 120.0;
/// The level before a change is that of this many seconds at the most.
const LOOKED_BACK: f64 = 3_600.0;
const FEWEST_BEFORE: usize = 5;
const FEWEST_SINCE: usize = 8;
/// More points than this are thinned: Kendall's tau compares every two.
const MOST_POINTS: usize = 120;
/// Growth that hardly ever turns back.
const STEADY: f64 = 0.7;
/// What was as steady before grew already.
const GREW_BEFORE: f64 = 0.4;
/// It must grow by this share of the level before, and by so many of its scales.
const SMALLEST_GROWTH: f64 = 0.3;
const SCALES: f64 = 4.0;
/// Words by which a metric's name speaks of something that fills up.
const FILLS: &[&str] = &[
    "mem",
    "memory",
    "heap",
    "rss",
    "disk",
    "fds",
    "fd",
    "descriptors",
    "connections",
    "conns",
    "threads",
    "goroutines",
    "queue",
    "backlog",
    "lag",
    "pending",
    "sessions",
    "handles",
    "swap",
    "inodes",
    "wal",
];
/// Harm counts as begun by a schedule when it began this many seconds after it at most.
const ON_TIME: f64 = 150.0;
/// Before it only as far as clocks differ.
const EARLY: f64 = 5.0;
/// What comes round more often than this says nothing by coming round.
const RAREST_NEWS: f64 = 600.0;
const DAY: f64 = 86_400.0;

/// What says that a change took effect late.
pub fn examine(change: &Change, scene: &Scene<'_>) -> Vec<Found> {
    let scheduled = change.config.edits.iter().filter_map(|edit| scheduled(edit, change, scene));
    growth(change, scene).into_iter().chain(scheduled.take(1)).collect()
}

/// The series of the changed service that grew most steadily since the change, and was level before.
fn growth(change: &Change, scene: &Scene<'_>) -> Option<Found> {
    let onset = scene.case.incident.span.start;
    let seconds = onset - change.time;
    if seconds < SHORTEST {
        return None;
    }
    let series = scene.case.signals.metrics.iter().filter(|(key, _)| key.service == change.service && fills(key.metric.as_str()));
    let grown = series.filter_map(|(key, points)| Some((key, grown(points, change.time, onset)?)));
    let (key, (before, at_onset, tau)) = grown.max_by(|a, b| a.1.2.total_cmp(&b.1.2).then_with(|| b.0.cmp(a.0)))?;
    let finding = Finding::GrewSince { service: change.service.clone(), metric: key.metric.clone(), seconds, before, at_onset, tau };
    Some((finding, vec![change.origin.clone()]))
}

fn fills(metric: &str) -> bool {
    metric.to_lowercase().split(|c: char| !c.is_alphabetic()).any(|word| FILLS.contains(&word))
}

/// (median before, level at the onset, Kendall's tau since) of a series that began to grow with the change.
fn grown(points: &[(Time, f64)], changed: Time, onset: Time) -> Option<(f64, f64, f64)> {
    let finite = || points.iter().filter(|p| p.1.is_finite());
    let before: Vec<f64> = finite().filter(|p| p.0 < changed && changed - p.0 <= LOOKED_BACK).map(|p| p.1).collect();
    let since: Vec<f64> = finite().filter(|p| p.0 >= changed && p.0 <= onset).map(|p| p.1).collect();
    if before.len() < FEWEST_BEFORE || since.len() < FEWEST_SINCE {
        return None;
    }
    let (level, scale) = (stats::median(&before)?, stats::robust_scale(&before)?);
    let quarter = since.len() / 4;
    let (early, late) = (stats::median(&since[quarter..2 * quarter])?, stats::median(&since[since.len() - quarter.max(2)..])?);
    let grew = late - level > (SMALLEST_GROWTH * level.abs()).max(SCALES * scale) && late > level;
    // It set in with the change, not later, and not with the start of a new process alone.
    let set_in = early > level && late - early > 0.3 * (late - level);
    let tau = stats::kendall_tau(&thinned(&since))?;
    let tau_before = stats::kendall_tau(&thinned(&before)).unwrap_or(0.0);
    (grew && set_in && tau >= STEADY && tau_before < GREW_BEFORE).then_some((level, late, tau))
}

fn thinned(values: &[f64]) -> Vec<f64> {
    values.iter().step_by(values.len().div_ceil(MOST_POINTS).max(1)).copied().collect()
}

/// The new value is a time of day or a cron expression, and the harm began when it came round first.
fn scheduled(edit: &KeyEdit, change: &Change, scene: &Scene<'_>) -> Option<Found> {
    let schedule = Schedule::parse(edit.after.as_deref()?)?;
    let onset = scene.case.incident.span.start;
    let zone = f64::from(scene.case.options.utc_offset.unwrap_or(0));
    let after = schedule.since_last((onset.seconds() + EARLY + zone).rem_euclid(DAY))? - EARLY;
    let every = schedule.every();
    let first_time = onset - change.time < every + ON_TIME;
    (after <= ON_TIME && every >= RAREST_NEWS && first_time).then(|| {
        let origins = edit.origin.clone().into_iter().collect();
        (Finding::Scheduled { edit: edit.clone(), after, every }, origins)
    })
}

/// Times of day, in seconds from midnight.
#[derive(Debug, PartialEq)]
struct Schedule(Vec<f64>);

impl Schedule {
    /// `03:15`, `03:15:00`, `15 3 * * *`, `*/30 * * * *`; `None` for anything else.
    fn parse(text: &str) -> Option<Schedule> {
        let text = text.trim().trim_matches(['"', '\'']);
        let fields: Vec<&str> = text.split_whitespace().collect();
        match fields.as_slice() {
            [clock] => Schedule::clock(clock),
            [minute, hour, _, _, _] => {
                let (minutes, hours) = (cron_field(minute, 60)?, cron_field(hour, 24)?);
                let times = hours.iter().flat_map(|h| minutes.iter().map(move |m| f64::from(h * 3_600 + m * 60)));
                Some(Schedule(times.collect()))
            }
            _ => None,
        }
    }

    fn clock(text: &str) -> Option<Schedule> {
        let parts: Vec<u32> = text.split(':').map(|p| p.parse().ok().filter(|_| p.len() == 2)).collect::<Option<_>>()?;
        match parts.as_slice() {
            [h @ 0..=23, m @ 0..=59] => Some(Schedule(vec![f64::from(h * 3_600 + m * 60)])),
            [h @ 0..=23, m @ 0..=59, s @ 0..=59] => Some(Schedule(vec![f64::from(h * 3_600 + m * 60 + s)])),
            _ => None,
        }
    }

    /// Seconds from the last of its times to `time` of day.
    fn since_last(&self, time: f64) -> Option<f64> {
        self.0.iter().map(|t| (time - t).rem_euclid(DAY)).min_by(f64::total_cmp)
    }

    /// Mean seconds between its times.
    fn every(&self) -> f64 {
        DAY / self.0.len().max(1) as f64
    }
}

/// `*`, `*/15`, `3`, `1,13`, `9-17` as numbers below `end`.
fn cron_field(text: &str, end: u32) -> Option<Vec<u32>> {
    let mut values = Vec::new();
    for part in text.split(',') {
        let (range, step) = part.split_once('/').map_or((part, Some(1)), |(range, step)| (range, step.parse().ok()));
        let step: u32 = step.filter(|s| *s > 0)?;
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (0, end - 1),
            Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
            None => range.parse().ok().map(|v: u32| (v, v))?,
        };
        if first > last || last >= end {
            return None;
        }
        values.extend((first..=last).step_by(step as usize));
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(value: impl Fn(i64) -> f64) -> Vec<(Time, f64)> {
        (0..120).map(|i| (Time(i * 10_000_000), value(i))).collect()
    }

    #[test]
    fn a_leak_sets_in_with_its_change() {
        let at = |i: i64| Time(i * 10_000_000);
        let wave = |i: i64| 100.0 + (i % 3) as f64;
        let leak = |from: i64| move |i: i64| wave(i) + (i - from).max(0) as f64 * 4.0;
        assert!(grown(&series(leak(40)), at(40), at(119)).is_some());
        assert_eq!(grown(&series(wave), at(40), at(119)), None, "level");
        assert_eq!(grown(&series(leak(0)), at(40), at(119)), None, "it grew before");
        assert_eq!(grown(&series(leak(80)), at(40), at(119)), None, "it began to grow later");
        let restarted = |i: i64| wave(i) + if i < 40 { 0.0 } else { 80.0 };
        assert_eq!(grown(&series(restarted), at(40), at(119)), None, "a new level is no growth");
        assert_eq!(grown(&[], at(40), at(119)), None);
    }

    #[test]
    fn schedules_as_people_write_them() {
        let hours = |text: &str| Schedule::parse(text).map(|s| (s.0.len(), s.0.first().copied()));
        for (text, expected) in [
            ("03:15", Some((1, Some(11_700.0)))),
            ("\"03:15:30\"", Some((1, Some(11_730.0)))),
            ("15 3 * * *", Some((1, Some(11_700.0)))),
            ("*/30 * * * *", Some((48, Some(0.0)))),
            ("0 9-17 * * 1-5", Some((9, Some(32_400.0)))),
            ("0 24 * * *", None),
            ("3:5", None),
            ("12", None),
            ("a b c d e", None),
            ("", None),
        ] {
            assert_eq!(hours(text), expected, "{text}");
        }
        assert_eq!(Schedule::parse("23:59").unwrap().since_last(30.0), Some(90.0));
    }
}
