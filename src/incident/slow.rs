//! Finds stretches in which requests succeed but take much longer than before.
//!
//! Latency has no natural zero and comes in bursts, so counting slow requests convicts every burst. What is looked for instead is a
//! level that stays: the 90th percentile (or the median) of quarter minutes, raised for two minutes or more, and raised above
//! whatever the rest of the recording reaches for as long.

use crate::model::{Time, TimeSpan};
use crate::signal::Outcomes;
use crate::stats;
use crate::template::LatencySketch;

use super::scan::Found;
use super::windows_of;

/// Seconds of one block.
const BLOCK: f64 = 15.0;
/// Blocks with fewer requests have no percentiles.
const SMALLEST_BLOCK: u64 = 10;
/// Shortest stretch, in blocks: two minutes. Shorter slowness is a restart, a cold cache, a neighbour.
const SHORTEST: usize = 8;
/// Blocks at the beginning of a recording in which services may still be starting.
const START_UP: usize = 4;
/// A block is slow when its 90th percentile exceeds the quiet level by this factor: on a shared machine a factor of three comes and
/// goes without anybody complaining …
const RAISED: f64 = 4.0;
/// … or its median by this, and by a second: the limit for a user's flow of thought (Nielsen, "Usability engineering", 1993,
/// chapter 5).
const MEDIAN_RAISED: f64 = 3.0;
const NOTICEABLE: f64 = 1_000_000.0;
/// The 90th percentile must grow by this many microseconds: less than a tenth of a second is felt as instant (same source).
const FELT: f64 = 100_000.0;
/// The stretch must exceed by this factor what the rest reaches for as long.
const ABOVE_THE_REST: f64 = 1.3;

/// Percentiles of one block in microseconds; `None` with too few requests.
type Level = Option<(f64, f64)>;

/// What is quiet: the median over the faster half of the blocks, of the 90th percentile and of the median.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quiet {
    pub p90: f64,
    pub p50: f64,
}

/// Whose slowness is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A service where users come in.
    Users,
    /// One behind it, whose tail may be slow without anybody noticing: the median must be raised, and felt, as well.
    Inner,
}

/// The quiet level and the slow stretches; `None` without enough requests that tell their duration.
pub fn find(outcomes: &Outcomes, baseline: Option<TimeSpan>, of: Of) -> Option<(Quiet, Vec<Found>)> {
    let width = windows_of(outcomes.step, BLOCK);
    let levels: Vec<Level> = outcomes.latency.chunks(width).map(level).collect();
    let quiet = match baseline {
        Some(span) => level(&outcomes.latency[outcomes.indices(span)]).map(|(p90, p50)| Quiet { p90, p50 }),
        None => quiet_level(&levels),
    }?;
    let slow =
        stats::runs(levels.iter().map(|l| l.is_some_and(|l| is_slow(l, quiet) && (of == Of::Users || is_slow_at_the_median(l, quiet)))));
    let long = slow.into_iter().filter(|run| run.len() >= SHORTEST && run.start >= START_UP);
    let stretches = long.filter(|run| stands_out(&levels, run, quiet));
    let found = stretches.map(|run| {
        let span = outcomes.span_of(run.start * width..(run.end * width).min(outcomes.latency.len()));
        let start = first_slow(outcomes, span, quiet).unwrap_or(span.start);
        let nats = levels[run.clone()].iter().flatten().map(|l| (l.0 / quiet.p90).max(1.0).ln()).sum();
        Found { span: TimeSpan { start, end: span.end }, score: nats, quiet: 0.1, ongoing: run.end >= levels.len().saturating_sub(1) }
    });
    Some((quiet, found.collect()))
}

fn level(windows: &[LatencySketch]) -> Level {
    let mut all = LatencySketch::default();
    windows.iter().for_each(|s| all.merge(s));
    if all.count() < SMALLEST_BLOCK {
        return None;
    }
    Some((all.quantile(0.9)?, all.quantile(0.5)?))
}

/// The level of a slow minute is that of its windows; the quiet level is the median of the lower half.
fn quiet_level(levels: &[Level]) -> Option<Quiet> {
    let lower = |values: Vec<f64>| {
        let sorted = stats::sorted(&values);
        stats::median(&sorted[..sorted.len().div_ceil(2)])
    };
    let known: Vec<(f64, f64)> = levels.iter().flatten().copied().collect();
    (known.len() >= START_UP + SHORTEST).then_some(())?;
    Some(Quiet { p90: lower(known.iter().map(|l| l.0).collect())?, p50: lower(known.iter().map(|l| l.1).collect())? })
}

fn is_slow((p90, p50): (f64, f64), quiet: Quiet) -> bool {
    (p90 > RAISED * quiet.p90 && p90 - quiet.p90 > FELT) || (p50 > MEDIAN_RAISED * quiet.p50 && p50 - quiet.p50 > NOTICEABLE)
}

fn is_slow_at_the_median((_, p50): (f64, f64), quiet: Quiet) -> bool {
    p50 > RAISED * quiet.p50 && p50 - quiet.p50 > FELT
}

/// Whether the stretch is above what the rest reaches in any stretch of the shortest length, by 90th percentile or by median.
fn stands_out(levels: &[Level], run: &std::ops::Range<usize>, quiet: Quiet) -> bool {
    let typical = |range: &[Level], pick: fn(&(f64, f64)) -> f64| stats::median(&range.iter().flatten().map(pick).collect::<Vec<_>>());
    let above = |pick: fn(&(f64, f64)) -> f64, floor: f64| {
        let ours = typical(&levels[run.clone()], pick).unwrap_or(0.0);
        let outside = [&levels[..run.start], &levels[run.end..]];
        let rest = outside.iter().flat_map(|part| part.windows(SHORTEST)).filter_map(|w| typical(w, pick)).fold(floor, f64::max);
        ours > ABOVE_THE_REST * rest
    };
    above(|l| l.0, RAISED * quiet.p90 / ABOVE_THE_REST) || above(|l| l.1, MEDIAN_RAISED * quiet.p50 / ABOVE_THE_REST)
}

/// The first window of the stretch's first block from which a third of the requests exceed the quiet 90th percentile.
fn first_slow(outcomes: &Outcomes, span: TimeSpan, quiet: Quiet) -> Option<Time> {
    let range = outcomes.indices(span);
    let share = |i: usize| outcomes.latency[i].above(quiet.p90) as f64 / outcomes.latency[i].count().max(1) as f64;
    let first = range.clone().find(|&i| share(i) > 1.0 / 3.0)?;
    Some(outcomes.span_of(first..first + 1).start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Step;

    /// 20 requests a second, of `ms(second)` milliseconds at the median and four times that at the 95th percentile.
    fn outcomes(seconds: usize, ms: impl Fn(usize) -> i64) -> Outcomes {
        let mut all = Outcomes::empty(Step::SECOND, 0, seconds);
        for (i, sketch) in all.latency.iter_mut().enumerate() {
            (0..20).for_each(|n| sketch.add(ms(i) * 1_000 * if n < 15 { 1 } else { 4 }));
        }
        all
    }

    fn check(outcomes: &Outcomes, expected: &[(f64, f64)]) {
        let found = find(outcomes, None, Of::Users).map_or_else(Vec::new, |f| f.1);
        let spans: Vec<_> = found.iter().map(|f| (f.span.start.seconds(), f.span.end.seconds())).collect();
        assert_eq!(spans, expected);
    }

    #[test]
    fn steady_bursts_and_too_little_data_are_not_slow() {
        check(&outcomes(0, |_| 50), &[]);
        check(&outcomes(60, |_| 50), &[]);
        check(&outcomes(600, |_| 50), &[]);
        check(&outcomes(600, |s| if s % 120 < 20 { 400 } else { 50 }), &[]);
        check(&outcomes(600, |s| if s > 300 { 3 } else { 1 }), &[]);
    }

    #[test]
    fn a_level_that_stays_is_found() {
        check(&outcomes(600, |s| if (300..435).contains(&s) { 300 } else { 50 }), &[(300.0, 435.0)]);
        let ramp = outcomes(600, |s| if s < 300 { 50 } else { 50 + 2 * (s as i64 - 300) });
        assert_eq!(find(&ramp, None, Of::Users).unwrap().1.len(), 1);
    }

    #[test]
    fn behind_the_door_a_slow_tail_is_not_enough() {
        let mut tail = outcomes(600, |_| 50);
        for sketch in &mut tail.latency[300..480] {
            (0..10).for_each(|_| sketch.add(2_000_000));
        }
        let number = |of| find(&tail, None, of).unwrap().1.len();
        assert_eq!((number(Of::Users), number(Of::Inner)), (1, 0));
        let all = outcomes(600, |s| if (300..480).contains(&s) { 300 } else { 50 });
        assert_eq!(find(&all, None, Of::Inner).unwrap().1.len(), 1);
    }

    #[test]
    fn what_the_rest_reaches_as_long_is_usual() {
        check(&outcomes(1_500, |s| if s % 500 > 350 { 300 } else { 50 }), &[]);
    }
}
