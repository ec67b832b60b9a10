//! The period that a bundle is about, where single records are dated years away from all others.
//!
//! A clock that begins at 1970, a line of last year's log, a year misread: one such record stretches the recording over decades, windows
//! grow to days, and the incident can no longer be seen. So it is left out, and said.

use std::collections::BTreeMap;

use crate::model::{Time, TimeSpan};
use crate::template::{Flow, Tally};

/// Silences up to this length part nothing, in seconds: a night, a weekend's eve.
const SILENCE: f64 = 86_400.0;
/// Where more than this share of the records is far from the rest, it is a part of the recording all the same: the same hours of the
/// weeks before, say.
const STRAY_SHARE: f64 = 0.1;

/// Records between two silences.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cluster {
    span: TimeSpan,
    records: u64,
}

/// From the first to the last record that is not far from all others; `None` where none is.
pub fn of(counted: &[(Tally, Flow)]) -> Option<TimeSpan> {
    let tallies = || counted.iter().map(|(tally, _)| tally);
    let whole = tallies().filter_map(|tally| tally.span).reduce(TimeSpan::union)?;
    if whole.seconds() <= SILENCE {
        return None;
    }
    let mut seconds: BTreeMap<Time, (Time, u64)> = BTreeMap::new();
    for tally in tallies() {
        let mut count = |window: i64, records: u64| {
            let ends = tally.step.start_of(window.saturating_add(1));
            let known = seconds.entry(tally.step.start_of(window)).or_insert((ends, 0));
            *known = (known.0.max(ends), known.1 + records);
        };
        tally.records.values().flat_map(|counts| counts.windows.iter()).for_each(|(window, records)| count(window, u64::from(records)));
        let requests = tally.requests.values().flat_map(|counts| &counts.windows);
        requests.for_each(|(window, cell)| count(window, u64::from(cell.completed)));
    }
    let clusters = clusters(seconds.into_iter().map(|(start, (end, records))| Cluster { span: TimeSpan { start, end }, records }));
    let period = main(&clusters)?;
    (period.start > whole.start || period.end < whole.end).then_some(period)
}

fn clusters(windows: impl Iterator<Item = Cluster>) -> Vec<Cluster> {
    let mut all: Vec<Cluster> = Vec::new();
    for window in windows {
        match all.last_mut() {
            Some(last) if window.span.start.seconds() - last.span.end.seconds() <= SILENCE => {
                last.span = last.span.union(window.span);
                last.records += window.records;
            }
            _ => all.push(window),
        }
    }
    all
}

/// From the largest cluster outwards: what is not farther away than the period so far is long belongs to it.
fn main(clusters: &[Cluster]) -> Option<TimeSpan> {
    let largest = clusters.iter().enumerate().max_by_key(|(at, cluster)| (cluster.records, *at))?.0;
    let (mut first, mut last) = (largest, largest);
    loop {
        let period = TimeSpan { start: clusters[first].span.start, end: clusters[last].span.end };
        let reach = period.seconds().max(SILENCE);
        let near = |from: Time, to: Time| to.seconds() - from.seconds() <= reach;
        if first > 0 && near(clusters[first - 1].span.end, period.start) {
            first -= 1;
        } else if clusters.get(last + 1).is_some_and(|next| near(period.end, next.span.start)) {
            last += 1;
        } else {
            let records = |clusters: &[Cluster]| clusters.iter().map(|cluster| cluster.records).sum::<u64>() as f64;
            let strays = records(clusters) - records(&clusters[first..=last]);
            return (strays <= STRAY_SHARE * records(clusters)).then_some(period);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    /// (first second, last second, records) of windows; returns the seconds of the period.
    fn check(windows: &[(i64, i64, u64)], expected: Option<(i64, i64)>) {
        let time = |second: i64| Time(second * 1_000_000);
        let windows = windows
            .iter()
            .map(|(start, end, records)| Cluster { span: TimeSpan { start: time(*start), end: time(*end) }, records: *records });
        let found = main(&clusters(windows)).map(|found| (found.start.0 / 1_000_000, found.end.0 / 1_000_000));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_far_and_little_is_left_out() {
        let now = 20_000 * DAY;
        let hour = Some((now, now + 3_600));
        check(&[(now, now + 3_600, 1_000)], hour);
        check(&[(0, 1, 1), (now, now + 3_600, 1_000), (now + 5_000 * DAY, now + 5_000 * DAY + 1, 10)], hour);
        // A host whose clock is a year off.
        check(&[(now - 400 * DAY, now - 400 * DAY + 3_600, 90), (now, now + 3_600, 1_000)], hour);
        // Half of the records, or a distance that the recording itself has, are no accident.
        check(&[(0, 1, 500), (now, now + 3_600, 1_000)], None);
        check(&[(now - 30 * DAY, now - 30 * DAY + 1, 1), (now, now + 40 * DAY, 1_000)], Some((now - 30 * DAY, now + 40 * DAY)));
        check(&[(now - DAY, now - DAY + 9, 1), (now, now + 3_600, 1_000)], Some((now - DAY, now + 3_600)));
    }

    #[test]
    fn a_job_that_runs_once_a_week_is_a_recording() {
        let weekly: Vec<(i64, i64, u64)> = (0..10).map(|week| (week * 7 * DAY, week * 7 * DAY + 600, 100)).collect();
        check(&weekly, None);
    }
}
