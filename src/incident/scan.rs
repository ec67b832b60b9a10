//! Finds the intervals in which the share of bad outcomes is raised, against the stream's own quiet time.
//!
//! A scan statistic (Kulldorff, "A spatial scan statistic", Communications in Statistics 26, 1997) in one dimension: each window
//! scores its log-likelihood ratio of a raised against the quiet share, and the contiguous stretch with the largest sum is the
//! candidate. Noise that comes in bursts is respected through the over-dispersion outside the candidate.

use super::windows_of;
use crate::model::{IncidentSignal, ServiceName, Step, Time, TimeSpan, Witness};
use crate::signal::Outcomes;
use crate::stats;

/// Outcomes of which some are bad, by window.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    pub signal: IncidentSignal,
    pub services: Vec<ServiceName>,
    pub step: Step,
    pub first_window: i64,
    /// All outcomes, or seconds of exposure where there is no denominator.
    pub total: Vec<f64>,
    pub bad: Vec<f64>,
    /// The exact time of the first bad outcome of a window, where known.
    pub first_bad: Vec<Option<Time>>,
    /// Share of bad outcomes in the quiet time.
    pub quiet: f64,
    pub limits: Limits,
    /// Seconds that a bad outcome may take to show: the last part of the data cannot hold those yet.
    pub lag: f64,
    /// What another search than the scan has found already.
    pub found: Option<Vec<Found>>,
    /// The series behind that, where metrics alone showed it.
    pub witnesses: Vec<Witness>,
}

/// How sure and how large a finding must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Nats that the score must reach, over ln(number of outcomes): the maximum of a random walk over N positions grows so.
    pub score: f64,
    /// Bad outcomes beyond the expected.
    pub excess: f64,
    /// Smallest share of bad outcomes.
    pub share: f64,
    /// Smallest ratio to the quiet share.
    pub ratio: f64,
    /// Shortest length in seconds.
    pub seconds: f64,
}

/// For requests that fail.
pub const FAILURES: Limits = Limits { score: 10.0, excess: 10.0, share: 0.01, ratio: 3.0, seconds: 0.0 };

/// An interval of raised share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    pub span: TimeSpan,
    /// Nats, divided by the over-dispersion.
    pub score: f64,
    pub quiet: f64,
    /// The data end while it lasts.
    pub ongoing: bool,
}

/// The quiet share is never taken for less: a recording without a failure is no proof that none ever happens.
pub const SMALLEST_QUIET: f64 = 5e-4;
/// The share that the scan looks for is at least this, and five times the quiet one.
const SMALLEST_RAISED: f64 = 0.02;
/// Over-dispersion above this would be an incident of its own.
const MOST_DISPERSION: f64 = 20.0;
/// Candidates looked at in one stream.
const MOST_FOUND: usize = 6;
/// A gap without a bad outcome splits a stretch when it is longer than this many seconds …
const SPLIT_GAP: f64 = 20.0;
/// … and this improbable, in nats, at the stretch's own share.
const SPLIT_NATS: f64 = 30.0;
/// Stretches nearer than this many seconds are one incident …
const JOIN_GAP: f64 = 120.0;
/// … unless the smaller has less than this share of the larger's score and is shorter than [`SPLIT_GAP`].
const JOIN_SHARE: f64 = 0.15;
/// Minutes outside of a stretch that tell what is usual.
const ENOUGH_MINUTES: usize = 6;
/// A stretch this many times as long as the longest time outside of it is compared with that …
const USUAL_LENGTH: usize = 2;
/// … and is usual where this share of its own places are as quiet.
const USUAL: f64 = 0.1;
/// At the end of the data, that many nats of good outcomes say that it was over.
const OVER_NATS: f64 = 5.0;

impl Stream {
    /// The incidents of the stream, by time.
    pub fn search(&self) -> Vec<Found> {
        self.found.clone().unwrap_or_else(|| scan(self))
    }

    /// What its values are counted in; of a metric, its name.
    pub fn unit(&self) -> String {
        let counted = match &self.signal {
            IncidentSignal::SlowRequests { .. } => "slow requests/s",
            IncidentSignal::RejectedRequests => "refused requests/s",
            IncidentSignal::ErrorRecords => "error records/s",
            IncidentSignal::LostThroughput => "missing requests/s",
            IncidentSignal::Metric { metric } => metric.as_str(),
            IncidentSignal::FailedRequests | IncidentSignal::Given => "failed requests/s",
        };
        counted.to_owned()
    }

    /// The number of bad outcomes within `seconds` at the mean rate that would just be reported.
    pub fn detectable(&self, seconds: f64) -> f64 {
        let total: f64 = self.total.iter().sum();
        let length = self.total.len() as f64 * self.step.seconds();
        let exposure = if length > 0.0 { total / length * seconds } else { 0.0 };
        let raised = self.raised();
        let needed = self.limits.score + total.max(1.0).ln() + exposure * (raised - self.quiet);
        (needed / (raised / self.quiet).ln())
            .max(self.limits.excess)
            .max(self.limits.share * exposure)
            .max(self.limits.ratio * self.quiet * exposure)
    }

    fn raised(&self) -> f64 {
        raised_above(self.quiet)
    }

    fn scores(&self, raised: f64) -> Vec<f64> {
        self.scores_against(self.quiet, raised)
    }

    fn scores_against(&self, quiet: f64, raised: f64) -> Vec<f64> {
        let gain = (raised / quiet).ln();
        self.total.iter().zip(&self.bad).map(|(t, b)| b * gain - t * (raised - quiet)).collect()
    }

    fn time_of(&self, index: usize) -> Time {
        self.step.start_of(self.first_window + index as i64)
    }
}

/// The share that a scan looks for, above a quiet one.
fn raised_above(quiet: f64) -> f64 {
    (5.0 * quiet).max(SMALLEST_RAISED)
}

/// The median share of the minutes outside of a stretch, where there are enough. The quietest parts of steady, sparse noise hold no failure at all,
/// so that the quiet share is too low for it; what the other minutes hold is not, and an incident does not fill half of them.
fn usual_outside(stream: &Stream, range: &std::ops::Range<usize>) -> f64 {
    let width = windows_of(stream.step, 60.0);
    let minutes = |part: std::ops::Range<usize>| {
        let (total, bad) = (&stream.total[part.clone()], &stream.bad[part]);
        let shares = total.chunks_exact(width).zip(bad.chunks_exact(width)).map(sums).filter(|b| b.0 > 0.0);
        shares.map(|b| b.1 / b.0).collect::<Vec<_>>()
    };
    let mut shares = minutes(0..range.start);
    shares.extend(minutes(range.end..stream.total.len()));
    if shares.len() < ENOUGH_MINUTES { 0.0 } else { stats::median(&shares).unwrap_or(0.0) }
}

/// The share of bad outcomes in the quiet time: the larger of the pooled share of the quietest quarter of 15 s blocks and the
/// lower quartile of 60 s blocks. The first alone is biased low by selection, which many minutes of steady noise would turn into
/// incidents. A quarter, so that a recording that begins shortly before an incident and ends with it still shows it.
///
/// `parts`: 4 for a quarter; 2 where incidents are not expected to fill half of the data, which is less biased.
pub fn quiet_share(total: &[f64], bad: &[f64], step: Step, parts: usize) -> f64 {
    let mut blocks: Vec<(f64, f64)> = total.chunks(windows_of(step, 15.0)).zip(bad.chunks(windows_of(step, 15.0))).map(sums).collect();
    blocks.retain(|b| b.0 > 0.0);
    blocks.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let lower = blocks[..blocks.len().div_ceil(parts)].iter().fold((0.0, 0.0), |s, b| (s.0 + b.0, s.1 + b.1));
    let pooled = if lower.0 > 0.0 { lower.1 / lower.0 } else { 0.0 };
    let minute = windows_of(step, 60.0);
    let shares: Vec<f64> = total.chunks(minute).zip(bad.chunks(minute)).map(sums).filter(|b| b.0 > 0.0).map(|b| b.1 / b.0).collect();
    let sorted = stats::sorted(&shares);
    let quartile = if sorted.len() >= 6 { sorted[(sorted.len() - 1) / parts] } else { 0.0 };
    pooled.max(quartile).max(SMALLEST_QUIET)
}

fn sums((total, bad): (&[f64], &[f64])) -> (f64, f64) {
    (total.iter().sum(), bad.iter().sum())
}

/// All intervals of the stream that are incidents by its limits, by time.
pub fn scan(stream: &Stream) -> Vec<Found> {
    let mut scores = stream.scores(stream.raised());
    let mut found: Vec<(std::ops::Range<usize>, f64)> = Vec::new();
    for _ in 0..MOST_FOUND {
        let Some(best) = stats::best_stretch(&scores) else { break };
        let range = best.start..best.end;
        scores[range.clone()].fill(f64::NEG_INFINITY);
        let score = best.sum / dispersion_outside(stream, &range);
        for part in split(stream, range) {
            if let Some(part_score) = accepted(stream, &part, score) {
                found.push((part, part_score));
            }
        }
    }
    let found = joined(stream, found).into_iter().filter(|(range, _)| !is_usual(stream, range));
    found.map(|(range, score)| finish(stream, range, score)).collect()
}

/// Whether the quiet time outside of a stretch may be a gap of the kind that the stretch is full of, so that what comes again and again has
/// merely not come yet. Asked of stretches that fill most of the data: the time outside is laid over every place within, as in a permutation
/// test, and the share of places as quiet is the p-value of its being outside by chance.
fn is_usual(stream: &Stream, range: &std::ops::Range<usize>) -> bool {
    let (before, after) = (0..range.start, range.end..stream.total.len());
    let outside = if before.len() >= after.len() { before } else { after };
    let width = outside.len();
    if width == 0 || range.len() < USUAL_LENGTH * width {
        return false;
    }
    let (total, bad) = sums((&stream.total[outside.clone()], &stream.bad[outside]));
    let quiet = (bad / total.max(1.0)).max(stream.quiet);
    let places = stream.total[range.clone()].windows(width).zip(stream.bad[range.clone()].windows(width));
    let (mut as_quiet, mut all) = (0.0, 0.0);
    for (total, bad) in places.step_by((width / 16).max(1)).map(sums) {
        let expected = total * quiet;
        all += 1.0;
        as_quiet += f64::from(u8::from(bad <= expected + 2.0 * expected.sqrt()));
    }
    as_quiet >= USUAL * all
}

/// Pearson over-dispersion of the bad outcomes in 5 s bins outside of `range`.
fn dispersion_outside(stream: &Stream, range: &std::ops::Range<usize>) -> f64 {
    let width = windows_of(stream.step, 5.0);
    let outside = |values: &[f64]| -> Vec<f64> {
        let kept: Vec<f64> = values.iter().enumerate().map(|(i, v)| if range.contains(&i) { 0.0 } else { *v }).collect();
        Outcomes::grouped(&kept, width)
    };
    let (total, bad) = (outside(&stream.total), outside(&stream.bad));
    let share = (bad.iter().sum::<f64>() / total.iter().sum::<f64>().max(1.0)).max(SMALLEST_QUIET);
    let expected: Vec<f64> = total.iter().map(|t| t * share).collect();
    stats::over_dispersion(&bad, &expected, MOST_DISPERSION)
}

/// The score of a part where it passes the limits. The whole stretch's score bounds a part's: both are divided by the same noise.
fn accepted(stream: &Stream, part: &std::ops::Range<usize>, whole: f64) -> Option<f64> {
    let (total, bad) = sums((&stream.total[part.clone()], &stream.bad[part.clone()]));
    let dispersion = dispersion_outside(stream, part);
    let quiet = stream.quiet.max(usual_outside(stream, part));
    let scores = stream.scores_against(quiet, raised_above(quiet));
    let score = (scores[part.clone()].iter().sum::<f64>() / dispersion).min(whole);
    let limits = stream.limits;
    let outcomes: f64 = stream.total.iter().sum();
    let passes = score >= limits.score + outcomes.max(1.0).ln()
        && bad - total * quiet >= limits.excess
        && bad >= total * limits.share.max(limits.ratio * quiet)
        && part.len() as f64 * stream.step.seconds() >= limits.seconds;
    passes.then_some(score)
}

/// Cuts quiet edges off a stretch and splits it where a long gap is too improbable to belong to it.
fn split(stream: &Stream, range: std::ops::Range<usize>) -> Vec<std::ops::Range<usize>> {
    let (total, bad) = sums((&stream.total[range.clone()], &stream.bad[range.clone()]));
    let share = (bad / total.max(1.0)).max(stream.quiet);
    let refined = refine_start(stream, range, share);
    let mut parts = Vec::new();
    let (mut start, mut last_bad, mut gap_total) = (None, refined.start, 0.0);
    for i in refined.clone() {
        if stream.bad[i] <= 0.0 {
            gap_total += stream.total[i];
            continue;
        }
        let gap = (i - last_bad) as f64 * stream.step.seconds();
        if let Some(from) = start
            && gap > SPLIT_GAP
            && gap_total * silence(share) > SPLIT_NATS
        {
            parts.push(from..last_bad + 1);
            start = None;
        }
        start = start.or(Some(i));
        (last_bad, gap_total) = (i, 0.0);
    }
    parts.extend(start.map(|from| from..last_bad + 1));
    parts
}

/// How improbable one outcome without a bad one is, in nats: binomial for shares, Poisson where the share is a rate above 1.
fn silence(share: f64) -> f64 {
    if share < 0.9 { -(1.0 - share).ln() } else { share.max(-0.1_f64.ln()) }
}

/// The first window from which the sum of scores against half the stretch's own share never falls back: the scan for a small
/// share starts too early when single failures precede the incident.
fn refine_start(stream: &Stream, range: std::ops::Range<usize>, share: f64) -> std::ops::Range<usize> {
    let scores = stream.scores((share / 2.0).max(stream.quiet * 2.0));
    match stats::best_stretch(&scores[range.clone()]) {
        Some(best) => range.start + best.start..range.end,
        None => range,
    }
}

fn joined(stream: &Stream, mut found: Vec<(std::ops::Range<usize>, f64)>) -> Vec<(std::ops::Range<usize>, f64)> {
    found.sort_by_key(|f| f.0.start);
    let mut out: Vec<(std::ops::Range<usize>, f64)> = Vec::new();
    let seconds = |r: &std::ops::Range<usize>| r.len() as f64 * stream.step.seconds();
    for (range, score) in found {
        if let Some((last, last_score)) = out.last_mut() {
            let gap = range.start.saturating_sub(last.end) as f64 * stream.step.seconds();
            let (small, large) = if *last_score < score { (&*last, &range) } else { (&range, &*last) };
            let minor = last_score.min(score) < JOIN_SHARE * last_score.max(score) && seconds(small) < SPLIT_GAP;
            if gap < JOIN_GAP && !minor && large.start < large.end {
                *last = last.start..range.end.max(last.end);
                *last_score += score;
                continue;
            }
        }
        out.push((range, score));
    }
    out
}

fn finish(stream: &Stream, range: std::ops::Range<usize>, score: f64) -> Found {
    let start = stream.first_bad.get(range.start).copied().flatten().unwrap_or_else(|| stream.time_of(range.start));
    let (total, bad) = sums((&stream.total[range.clone()], &stream.bad[range.clone()]));
    let share = (bad / total.max(1.0)).max(stream.quiet);
    let known = stream.total.len().saturating_sub((stream.lag / stream.step.seconds()).ceil() as usize);
    let after: f64 = stream.total[range.end.min(known)..known].iter().sum();
    let ongoing = after * silence(share) < OVER_NATS;
    let end = stream.time_of(range.end).max(Time(start.0 + 1));
    Found { span: TimeSpan { start, end }, score, quiet: stream.quiet, ongoing }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 25 requests a second; `bad(second)` of them fail.
    fn stream(seconds: usize, bad: impl Fn(usize) -> f64) -> Stream {
        let total = vec![25.0; seconds];
        let bad: Vec<f64> = (0..seconds).map(bad).collect();
        Stream {
            signal: IncidentSignal::FailedRequests,
            services: vec!["web".into()],
            step: Step::SECOND,
            first_window: 1_000,
            quiet: quiet_share(&total, &bad, Step::SECOND, 4),
            first_bad: vec![None; seconds],
            total,
            bad,
            limits: FAILURES,
            lag: 0.0,
            found: None,
            witnesses: Vec::new(),
        }
    }

    fn check(stream: &Stream, expected: &[(i64, i64, bool)]) {
        let found: Vec<_> =
            scan(stream).iter().map(|f| (f.span.start.0 / 1_000_000 - 1_000, f.span.end.0 / 1_000_000 - 1_000, f.ongoing)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn quiet_constant_and_sparse_noise_are_no_incident() {
        check(&stream(0, |_| 0.0), &[]);
        check(&stream(400, |_| 0.0), &[]);
        check(&stream(400, |s| f64::from(s % 40 == 0)), &[]);
        check(&stream(10_800, |s| f64::from(s % 8 == 0)), &[]);
        // Half a per cent, twelve of them within a minute once.
        check(&stream(800, |s| f64::from(s % 8 == 0 || (500..536).contains(&s) && s % 4 == 0)), &[]);
    }

    #[test]
    fn an_outage_is_found_to_the_second() {
        check(&stream(400, |s| if (200..300).contains(&s) { 4.0 } else { f64::from(s % 50 == 0) }), &[(200, 301, false)]);
        check(&stream(400, |s| if s >= 250 { 10.0 } else { 0.0 }), &[(250, 400, true)]);
    }

    #[test]
    fn what_comes_again_and_again_is_no_incident_where_the_quiet_is_no_longer_than_its_gaps() {
        let blip = |s: usize| s % 144 < 5;
        check(&stream(10_800, |s| if blip(s + 60) { 10.0 } else { f64::from(s % 9 == 0) }), &[]);
        // The same after a quiet hour is one, and so is a short quiet before what does not pause.
        assert_eq!(scan(&stream(10_800, |s| if s > 5_000 && blip(s) { 10.0 } else { f64::from(s % 9 == 0) })).len(), 1);
        check(&stream(1_000, |s| if s >= 300 { 5.0 } else { 0.0 }), &[(300, 1_000, true)]);
    }

    #[test]
    fn a_blip_long_before_does_not_move_the_start() {
        let found = scan(&stream(600, |s| if (100..104).contains(&s) || (300..450).contains(&s) { 8.0 } else { 0.0 }));
        assert_eq!(found.last().unwrap().span.start, Time(1_300_000_000));
    }

    #[test]
    fn the_smallest_detectable_problem_is_detected() {
        let needed = stream(600, |_| 0.0).detectable(60.0).ceil();
        let with = |n: f64| scan(&stream(600, |s| if (300..360).contains(&s) { n / 60.0 } else { 0.0 })).len();
        assert_eq!((with(needed * 1.1), with(needed * 0.5)), (1, 0));
    }
}
