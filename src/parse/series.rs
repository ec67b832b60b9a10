//! Series as exporters write them, collected over all files and turned into series that can be compared in time: counters into rates,
//! histograms into quantiles, labels into as few series as keep the meaning.
//!
//! Knows the conventions of Prometheus and OpenTelemetry; does not know the files that series came from, nor what happened in them.

mod counters;
mod fold;
mod histogram;
pub mod labels;
mod plain;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::model::time::SECOND;
use crate::model::{Complaint, Metrics, Origin, SeriesKey, Time, TimeSpan};
pub use labels::{Labels, Setting};

/// Values beyond it are marks of something missing (`DBL_MAX` is one), not measurements.
const LARGEST_VALUE: f64 = 1e30;
/// Distinct series that are told apart; a label that says something new in every sample names no series.
const MOST_SERIES: usize = 200_000;
/// Two samples within this share of the usual gap were taken at one instant.
const ONE_INSTANT: f64 = 0.5;

/// Samples of one series, by time.
pub type Points = Vec<(Time, f64)>;

/// What the values of a series mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nothing says it; name and values decide.
    #[default]
    Unknown,
    /// A level that rises and falls.
    Gauge,
    /// A total that only rises, and begins at zero again when its process does.
    Counter,
    /// A counter that its source turned into increments by time.
    Rate,
}

/// What identifies a series before its labels are folded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RawKey {
    pub key: SeriesKey,
    /// What says neither service nor instance nor call.
    pub labels: Labels,
}

/// The handle of a series in [`Collected`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesId(usize);

#[derive(Clone, Debug, Default)]
struct Raw {
    kind: Kind,
    points: Points,
}

/// All samples read so far, as written.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    ids: BTreeMap<RawKey, SeriesId>,
    series: Vec<Raw>,
    /// Samples that were taken.
    pub samples: u64,
    /// Samples whose value is no number that can be measured: `NaN`, infinite, or beyond all measure.
    pub dropped: u64,
    /// Samples of series beyond [`MOST_SERIES`].
    crowded: u64,
}

/// A metric file, read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub collected: Collected,
    /// The first lines that could not be read, as (line, why) …
    pub misread: Vec<(u64, String)>,
    /// … and how many more there are.
    pub more_misread: u64,
}

impl Reading {
    /// Misread lines that are kept with their reasons.
    const KEPT: usize = 3;

    /// Takes note of a line that could not be read.
    pub fn misread(&mut self, line: u64, why: impl Into<String>) {
        if self.misread.len() < Self::KEPT {
            self.misread.push((line, why.into()));
        } else {
            self.more_misread += 1;
        }
    }

    /// The reading, or the first complaint where nothing at all could be read.
    ///
    /// # Errors
    /// Nothing was read; says why.
    pub fn unless_empty(self, what: &str) -> Result<Reading, String> {
        if self.collected.samples + self.collected.dropped > 0 {
            return Ok(self);
        }
        match self.misread.into_iter().next() {
            Some((line, why)) => Err(format!("{why} (line {line})")),
            None => Err(format!("no samples in this {what}")),
        }
    }
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by magnitude.
pub fn instant(number: f64) -> Option<Time> {
    let unit = [(1e11, 1.0), (1e14, 1e3), (1e17, 1e6)].into_iter().find(|(limit, _)| number.abs() < *limit).map_or(1e9, |(_, unit)| unit);
    Time::from_seconds(number / unit)
}

/// Whether a value can be a measurement.
pub fn usable(value: f64) -> bool {
    value.is_finite() && value.abs() < LARGEST_VALUE
}

impl Collected {
    /// Stands for all series beyond [`MOST_SERIES`].
    const BEYOND: SeriesId = SeriesId(usize::MAX);

    /// The series of a key; a known kind replaces an unknown one.
    pub fn series(&mut self, key: RawKey, kind: Kind) -> SeriesId {
        let next = SeriesId(self.series.len());
        let id = match self.ids.entry(key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(_) if next.0 >= MOST_SERIES => return Self::BEYOND,
            Entry::Vacant(place) => *place.insert(next),
        };
        if id == next {
            self.series.push(Raw::default());
        }
        self.series[id.0].kind = self.series[id.0].kind.max(kind);
        id
    }

    /// Adds a sample, or counts it as dropped.
    pub fn push(&mut self, id: SeriesId, time: Time, value: f64) {
        if !usable(value) {
            self.dropped += 1;
            return;
        }
        if id == Self::BEYOND {
            self.crowded += 1;
            return;
        }
        self.samples += 1;
        self.series[id.0].points.push((time, value));
    }

    /// Adds a sample to what the series already has at this instant, its last one.
    pub fn add(&mut self, id: SeriesId, time: Time, value: f64) {
        let series = self.series.get_mut(id.0);
        match series.and_then(|raw| raw.points.last_mut()) {
            Some(last) if last.0 == time && usable(last.1 + value) => last.1 += value,
            _ => self.push(id, time, value),
        }
    }

    /// From the first to the last sample.
    pub fn span(&self) -> Option<TimeSpan> {
        let times = || self.series.iter().flat_map(|raw| &raw.points).map(|point| point.0);
        Some(TimeSpan { start: times().min()?, end: times().max()? })
    }

    /// Adds what another file held; of two samples at one instant the one read first stays.
    pub fn absorb(&mut self, other: Collected) {
        let Collected { ids, mut series, samples, dropped, crowded } = other;
        for (key, id) in ids {
            let raw = std::mem::take(&mut series[id.0]);
            match self.series(key, raw.kind) {
                Self::BEYOND => self.crowded += raw.points.len() as u64,
                own => self.series[own.0].points.extend(raw.points),
            }
        }
        self.samples += samples;
        self.dropped += dropped;
        self.crowded += crowded;
    }

    /// What to say where there were too many series.
    pub fn crowded_complaint(&self) -> Option<Complaint> {
        let why = format!("a sample of a series beyond the first {MOST_SERIES}: left out");
        (self.crowded > 0).then(|| Complaint { origin: Origin::file(&Arc::from(".")), why, more: self.crowded - 1 })
    }

    /// The series that can be compared: levels, rates by second and quantiles.
    pub fn finish(self) -> Metrics {
        let Collected { ids, mut series, .. } = self;
        let mut all: Vec<(RawKey, Raw)> = ids.into_iter().map(|(key, id)| (key, std::mem::take(&mut series[id.0]))).collect();
        for (_, raw) in &mut all {
            raw.points.sort_by_key(|p| p.0);
            raw.points.dedup_by_key(|p| p.0);
        }
        all.retain(|(_, raw)| !raw.points.is_empty());
        counters::settle_kinds(&mut all);
        fold::fold(all)
    }
}

/// The usual gap between samples, in microseconds: the median; one second where there are none.
fn usual_gap(points: &[(Time, f64)]) -> i64 {
    let mut gaps: Vec<i64> = points.windows(2).map(|w| w[1].0.0.saturating_sub(w[0].0.0)).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(SECOND)
}

/// The samples of several series by the instants at which they were taken together, each with the number of its series.
fn by_instant(series: &[&Points]) -> Vec<(Time, Vec<(usize, f64)>)> {
    let gap = series.iter().filter(|points| points.len() > 1).map(|points| usual_gap(points)).min().unwrap_or(SECOND);
    let tolerance = (gap as f64 * ONE_INSTANT) as i64;
    let mut samples: Vec<(Time, usize, f64)> =
        series.iter().enumerate().flat_map(|(i, points)| points.iter().map(move |p| (p.0, i, p.1))).collect();
    samples.sort_by_key(|s| (s.0, s.1));
    let mut instants: Vec<(Time, Vec<(usize, f64)>)> = Vec::new();
    let mut last_seen = vec![0; series.len()];
    for (time, i, value) in samples {
        let number = instants.len();
        match instants.last_mut() {
            Some((start, values)) if time.0.saturating_sub(start.0) < tolerance && last_seen[i] != number => values.push((i, value)),
            _ => instants.push((time, vec![(i, value)])),
        }
        last_seen[i] = instants.len();
    }
    instants
}

/// Several series as one, instant by instant.
fn combine(series: &[&Points], how: fn(f64, f64) -> f64) -> Points {
    if let [only] = series {
        return (*only).clone();
    }
    let instants = by_instant(series).into_iter();
    instants.filter_map(|(time, values)| Some((time, values.into_iter().map(|v| v.1).reduce(how)?))).collect()
}

#[cfg(test)]
mod tests;
