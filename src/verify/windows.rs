//! Which time counts before a change and which after it.
//!
//! Left out are roll-outs with their settling, of any change; incidents, before; and after it those whose cause is somebody else.

use std::sync::Arc;

use super::Terms;
use crate::model::verify::SetAside;
use crate::model::{Analysis, Cause, CauseKind, Change, ChangeId, ChangeKind, Time, TimeSpan, Verdict};
use crate::signal::Signals;

/// Restarts break requests for up to so many seconds after a roll-out.
const SETTLES: f64 = 12.0;
/// A roll-out counts as one for at most so many seconds: harm in a long one is harm.
const ROLLS: f64 = 60.0;
/// An incident is left out with so many seconds on each side.
const MARGIN: f64 = 5.0;
/// The time before is this many times the time after, …
const TIMES_AFTER: f64 = 4.0;
/// … at least so many seconds, …
const LEAST_BEFORE: f64 = 1_800.0;
/// … and at most a day, beyond which the system was another.
const MOST_BEFORE: f64 = 86_400.0;
const DAY: f64 = 86_400.0;
/// Shifts in days at which the same hours are looked for: whole weeks first, as weekdays differ.
const SEASONS: [u32; 6] = [7, 14, 21, 1, 2, 3];
/// An incident is somebody else's when that cause is at least so probable, …
const OTHERS: f64 = 0.5;
/// … and this change at most so.
const OWN_AT_MOST: f64 = 0.2;
/// This change is blamed when it leads with at least so much.
const BLAMED: f64 = 0.5;

/// Spans of time, by start, without overlaps.
#[derive(Clone, Debug)]
pub struct Windows {
    pub before: Vec<TimeSpan>,
    pub after: Vec<TimeSpan>,
    /// The same hours earlier: days before, with the part that is recorded and free of incidents. At most one.
    pub season: Option<(u32, Vec<TimeSpan>)>,
    pub ended_by: Option<ChangeId>,
    pub set_aside: Vec<SetAside>,
    pub blamed: Option<(TimeSpan, f64)>,
}

impl Windows {
    /// The spans before and after a change that say something about it.
    pub fn of(change: &Change, analysis: &Analysis, signals: &Signals, terms: Terms) -> Windows {
        let recorded = signals.span;
        let begins = settled(change);
        let next = analysis.changes.iter().find(|later| ends(change, later));
        let last = next.map_or(recorded.end, |next| next.time.min(recorded.end));
        let end = last.min(begins.plus_seconds(terms.within_s));
        let whole = TimeSpan { start: begins.max(recorded.start), end: end.max(begins) };
        let mut set_aside = Vec::new();
        let mut blamed = None;
        for verdict in &analysis.verdicts {
            match blame(verdict, change) {
                Blame::Ours(confidence) => blamed = blamed.or(Some((verdict.incident.span, confidence))),
                Blame::Other(cause) if verdict.incident.span.overlaps(whole) => set_aside.push(aside(verdict, cause)),
                _ => {}
            }
        }
        let others: Vec<TimeSpan> = set_aside.iter().map(|aside| widened(aside.span)).collect();
        let blips: Vec<TimeSpan> = analysis.changes.iter().filter(|c| c.id != change.id).filter_map(|c| blip(c)).collect();
        let after = without(vec![whole], &[others, blips].concat());
        let calm = calm_before(change, analysis);
        let wanted = (TIMES_AFTER * whole.seconds()).clamp(LEAST_BEFORE, MOST_BEFORE);
        let all = TimeSpan { start: change.time.plus_seconds(-wanted).max(recorded.start), end: change.time.min(recorded.end) };
        let before = without(vec![all], &calm);
        let season = season(&after, recorded, change.time, &calm);
        Windows { before, after, season, ended_by: next.map(|next| next.id.clone()), set_aside, blamed }
    }
}

/// Length of all spans together.
pub fn seconds(spans: &[TimeSpan]) -> f64 {
    spans.iter().map(|span| span.seconds()).sum()
}

/// The later half of spans, by time.
pub fn later_half(spans: &[TimeSpan]) -> Vec<TimeSpan> {
    let mut left = seconds(spans) / 2.0;
    let mut half = Vec::new();
    for span in spans.iter().rev() {
        if left <= 0.0 {
            break;
        }
        half.push(TimeSpan { start: span.start.max(span.end.plus_seconds(-left)), end: span.end });
        left -= span.seconds();
    }
    half.reverse();
    half
}

/// When its effect may be judged: restarts are over, but a migration or a flag acts from its first second.
fn settled(change: &Change) -> Time {
    if matches!(change.kind, ChangeKind::Migration | ChangeKind::Flag) {
        return change.time;
    }
    rolled(change).plus_seconds(SETTLES)
}

fn rolled(change: &Change) -> Time {
    change.rollout().end.min(change.time.plus_seconds(ROLLS))
}

/// The disturbance of somebody's restart; flags and migrations restart nothing.
fn blip(change: &Change) -> Option<TimeSpan> {
    let restarts = !matches!(change.kind, ChangeKind::Migration | ChangeKind::Flag);
    restarts.then(|| TimeSpan { start: change.time, end: rolled(change).plus_seconds(SETTLES) })
}

/// Whether the later change ends what can be said of this one: its undo, or the next of the same service.
fn ends(change: &Change, later: &Arc<Change>) -> bool {
    let same = later.service == change.service && later.kind != ChangeKind::Unrecorded && later.id != change.id;
    // Instances that a later change does not touch go on.
    let shares = later.instances.is_empty() || change.instances.is_empty() || later.instances.iter().any(|i| change.instances.contains(i));
    later.time > change.time && (change.is_reverted_by(later) || (same && shares))
}

enum Blame<'v> {
    Ours(f64),
    Other(&'v Cause),
    Open,
}

fn blame<'v>(verdict: &'v Verdict, change: &Change) -> Blame<'v> {
    let is_ours = |cause: &&Cause| cause.change.as_ref().is_some_and(|c| c.id == change.id);
    let own = verdict.causes.iter().find(is_ours).map_or(0.0, |cause| cause.confidence);
    match verdict.causes.first() {
        Some(first) if is_ours(&first) && own >= BLAMED => Blame::Ours(own),
        Some(first) if !is_ours(&first) && first.confidence >= OTHERS && own <= OWN_AT_MOST => Blame::Other(first),
        _ => Blame::Open,
    }
}

fn aside(verdict: &Verdict, cause: &Cause) -> SetAside {
    let name = match cause.kind {
        CauseKind::Change => cause.change.as_ref().map_or_else(|| cause.service.to_string(), |c| format!("{} {}", c.service, c.id)),
        CauseKind::Load => "load".to_owned(),
        CauseKind::Component | CauseKind::Infra => cause.service.to_string(),
    };
    let change = cause.change.as_ref().map(|c| c.id.clone());
    SetAside { span: verdict.incident.span, cause: name, change, confidence: cause.confidence }
}

fn widened(span: TimeSpan) -> TimeSpan {
    TimeSpan { start: span.start.plus_seconds(-MARGIN), end: span.end.plus_seconds(MARGIN) }
}

/// What must not be compared with: incidents of any cause, and restarts.
fn calm_before(change: &Change, analysis: &Analysis) -> Vec<TimeSpan> {
    let incidents = analysis.verdicts.iter().map(|verdict| widened(verdict.incident.span)).filter(|span| span.start < change.time);
    let blips = analysis.changes.iter().filter(|c| c.time < change.time).filter_map(|c| blip(c));
    incidents.chain(blips).collect()
}

/// The same hours some days earlier, where they are recorded.
fn season(after: &[TimeSpan], recorded: TimeSpan, change: Time, left_out: &[TimeSpan]) -> Option<(u32, Vec<TimeSpan>)> {
    let first = after.first()?.start;
    SEASONS.iter().find_map(|days| {
        let back = f64::from(*days) * DAY;
        if first.plus_seconds(-back) < recorded.start {
            return None;
        }
        let shifted: Vec<TimeSpan> = after
            .iter()
            .map(|span| TimeSpan { start: span.start.plus_seconds(-back), end: span.end.plus_seconds(-back).min(change) })
            .collect();
        let kept = without(shifted, left_out);
        (seconds(&kept) >= 0.5 * seconds(after)).then_some((*days, kept))
    })
}

/// The parts of `spans` that none of the others touches.
pub fn without(spans: Vec<TimeSpan>, others: &[TimeSpan]) -> Vec<TimeSpan> {
    let mut kept = spans;
    for other in others {
        let cut = |span: TimeSpan| {
            let left = TimeSpan { start: span.start, end: span.end.min(other.start) };
            let right = TimeSpan { start: span.start.max(other.end), end: span.end };
            if span.overlaps(*other) { vec![left, right] } else { vec![span] }
        };
        kept = kept.into_iter().flat_map(cut).filter(|span| span.start < span.end).collect();
    }
    kept.retain(|span| span.start < span.end);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: i64) -> TimeSpan {
        TimeSpan { start: Time(from * 1_000_000), end: Time(to * 1_000_000) }
    }

    #[test]
    fn time_is_cut_out() {
        for (others, expected) in [
            (vec![], vec![span(0, 100)]),
            (vec![span(10, 20)], vec![span(0, 10), span(20, 100)]),
            (vec![span(-5, 20), span(90, 200)], vec![span(20, 90)]),
            (vec![span(0, 100)], vec![]),
            (vec![span(200, 300)], vec![span(0, 100)]),
        ] {
            assert_eq!(without(vec![span(0, 100)], &others), expected, "{others:?}");
        }
        assert!(without(vec![span(5, 5)], &[]).is_empty());
    }

    #[test]
    fn the_later_half_is_half_by_time() {
        assert_eq!(later_half(&[span(0, 10), span(20, 30)]), [span(20, 30)]);
        assert_eq!(later_half(&[span(0, 10), span(20, 24)]), [span(7, 10), span(20, 24)]);
        assert!(later_half(&[]).is_empty());
    }
}
