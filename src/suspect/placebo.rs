//! The same statistic where nothing was wrong: how many records of trouble followed a change, against as long windows at quiet times and
//! after earlier changes.
//!
//! A service that complains after every restart says nothing by complaining after this one. The comparison is a randomisation test in time
//! (Dwass, "Modified randomization tests for nonparametric hypotheses", Annals of Mathematical Statistics 28, 1957).

use std::collections::{BTreeMap, BTreeSet};

use super::Found;
use super::scene::Scene;
use super::surge::Pointer;
use crate::model::{Change, Finding, Level, Time, TimeSpan};

/// Seconds after a change in which an immediate effect shows.
const AFTER: f64 = 60.0;
/// Fewer windows to compare with say nothing.
const FEWEST: usize = 4;
/// More windows than this are no better.
const MOST: usize = 500;

/// Records of trouble of the changed service that name no callee, in the minute after the change, against the other minutes.
pub fn examine(change: &Change, scene: &Scene<'_>) -> Option<Found> {
    let at = TimeSpan { start: change.rollout().end, end: change.rollout().end.plus_seconds(AFTER) };
    if change.service.is_everything() || at.start < scene.case.signals.span.start || at.end > scene.case.signals.span.end {
        return None;
    }
    let trouble = Trouble::of(change, scene);
    let records = trouble.within(at);
    if records == 0 {
        return None;
    }
    let others: Vec<TimeSpan> = windows(change, at, scene);
    let as_many = others.iter().filter(|w| trouble.within(**w) >= records).count();
    let finding = Finding::Placebo { service: change.service.clone(), seconds: AFTER, records, windows: others.len(), as_many };
    (others.len() >= FEWEST).then(|| (finding, vec![change.origin.clone()]))
}

/// The windows after earlier changes, then those that fill the quiet time; none that touches the one in question or the incident.
fn windows(change: &Change, at: TimeSpan, scene: &Scene<'_>) -> Vec<TimeSpan> {
    let from = |start: Time| TimeSpan { start, end: start.plus_seconds(AFTER) };
    let (quiet, onset) = (scene.quiet, scene.case.incident.span.start);
    let after = scene.case.changes.iter().filter(|c| c.id != change.id).map(|c| from(c.rollout().end));
    let tiles = (0..MOST).map(|i| from(quiet.start.plus_seconds(i as f64 * AFTER))).take_while(|w| w.end <= quiet.end);
    let usable = |w: &TimeSpan| w.start >= scene.case.signals.span.start && w.end <= onset && !w.overlaps(at);
    after.chain(tiles).filter(usable).take(MOST).collect()
}

/// Own trouble of a service by window of the tally.
struct Trouble<'s> {
    counts: BTreeMap<i64, u64>,
    scene: &'s Scene<'s>,
}

impl<'s> Trouble<'s> {
    fn of(change: &Change, scene: &'s Scene<'s>) -> Trouble<'s> {
        let tally = &scene.case.signals.tally;
        let of_callees: BTreeSet<&str> = scene
            .surges
            .iter()
            .filter(|s| s.service == change.service && matches!(s.pointer, Pointer::Callee { .. }))
            .map(|s| s.template.as_str())
            .collect();
        let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
        let ours = tally.symbols.find(change.service.as_str());
        for (key, records) in tally.records.iter().filter(|(k, _)| Some(k.service) == ours && k.level >= Level::Warn) {
            if !of_callees.contains(tally.symbols.text(key.template)) {
                records.windows.iter().for_each(|(window, count)| *counts.entry(window).or_default() += u64::from(count));
            }
        }
        Trouble { counts, scene }
    }

    fn within(&self, span: TimeSpan) -> u64 {
        let step = self.scene.case.signals.tally.step;
        self.counts.range(step.window(span.start)..=step.window(Time(span.end.0 - 1))).map(|(_, count)| count).sum()
    }
}
