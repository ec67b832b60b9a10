//! Finds incidents in metrics where no outcomes of requests decide: what users feel (shares of errors, latency, requests that cease), by service and
//! by call.
//!
//! Hundreds of series are looked at, so that some leave their range at any time by chance. An incident is therefore said where series speak together:
//! each stays beyond its own quiet level and beyond whatever it reached for as long at another time (`raised.rs`), two of them at the least, and as
//! many and as far as would hardly ever coincide if the series were independent noise with heavy tails, or left their range as often as they do alone
//! in the same recording. Errors where users come in need no second
//! series: all requests are in that one. Resources make no incident: a busy processor hurts nobody by itself. Where nothing
//! else was found they are said as what they are ([`shifts`]).

mod folded;
mod raised;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use folded::{Folded, Grid, Sort};
use raised::Raised;

use super::scan::{Found, Stream};
use super::series;
use crate::model::{ResourceShift, ServiceName, Time, TimeSpan, Witness};
use crate::signal::Signals;
use crate::stats::special::poisson_at_least;

/// Incidents among noise alone that are expected in one recording, at the most: Bonferroni's bound over series, places and sets of services (Dunn,
/// "Multiple comparisons among means", JASA 56, 1961).
const BY_CHANCE: f64 = 0.01;
/// Samples that an incident lasts at the least …
const SHORTEST: usize = 3;
/// … and seconds: shorter trouble is a restart, a cold cache, a neighbour, and averages over a minute cannot tell it from one bad request.
const SHORTEST_SECONDS: f64 = 120.0;
/// Samples that may be missing within.
const MOST_MISSING: i64 = 2;
/// Series told of an incident.
const MOST_WITNESSES: usize = 12;
/// Resources told of where no incident was found.
const MOST_SHIFTS: usize = 5;

/// A stretch of one series.
struct Stretch<'m> {
    series: &'m Folded<'m>,
    raised: Raised,
}

/// One stream for each incident, by its strongest series.
pub fn streams(signals: &Signals, baseline: Option<TimeSpan>) -> Vec<Stream> {
    let Some(grid) = Grid::over(&signals.metrics, folded::felt) else { return Vec::new() };
    let all = folded::all(&signals.metrics, grid, folded::felt);
    let stretches = stretches(&all, grid, baseline);
    let search = Search { stretches: &stretches, series: all.len(), door_shares: door_shares(&all, signals), doors: &signals.doors, grid };
    search.coincidences().iter().filter_map(|(buckets, among)| search.stream(signals, buckets, among)).collect()
}

fn stretches<'m>(all: &'m [Folded<'m>], grid: Grid, baseline: Option<TimeSpan>) -> Vec<Stretch<'m>> {
    let of = |series| raised::stretches(series, grid, baseline).into_iter().map(move |raised| Stretch { series, raised });
    all.iter().flat_map(of).collect()
}

/// Resources that left their range, each further than any of so many would by chance; furthest first.
pub fn shifts(signals: &Signals, baseline: Option<TimeSpan>) -> Vec<ResourceShift> {
    let Some(grid) = Grid::over(&signals.metrics, folded::used) else { return Vec::new() };
    let all = folded::all(&signals.metrics, grid, folded::used);
    let mut shifts = stretches(&all, grid, baseline);
    shifts.retain(|s| s.raised.chance + s.raised.places.ln() + (all.len() as f64).ln() <= BY_CHANCE.ln());
    shifts.sort_by(|a, b| b.raised.z.total_cmp(&a.raised.z));
    shifts.iter().take(MOST_SHIFTS).filter_map(|s| Some(ResourceShift { witness: s.witness(), span: s.span()? })).collect()
}

fn door_shares(all: &[Folded], signals: &Signals) -> usize {
    all.iter().filter(|s| s.is_share() && s.caller.is_none() && signals.doors.contains(s.service)).count()
}

struct Search<'s> {
    stretches: &'s [Stretch<'s>],
    /// Series looked at, …
    series: usize,
    /// … and those of them that tell the share of errors where users come in.
    door_shares: usize,
    doors: &'s BTreeSet<ServiceName>,
    grid: Grid,
}

/// First and last bucket of an incident.
type Buckets = (i64, i64);

impl Search<'_> {
    /// The spans in which enough series are raised together, with the stretches that are.
    fn coincidences(&self) -> Vec<(Buckets, BTreeSet<usize>)> {
        let mut raised: BTreeMap<i64, BTreeSet<usize>> = BTreeMap::new();
        for (i, stretch) in self.stretches.iter().enumerate() {
            let (first, last) = stretch.buckets();
            (first..=last).for_each(|bucket| {
                raised.entry(bucket).or_default().insert(i);
            });
        }
        let mut spans: Vec<(Buckets, BTreeSet<usize>)> = Vec::new();
        for (bucket, stretches) in raised {
            if !self.is_enough(&stretches) {
                continue;
            }
            match spans.last_mut() {
                Some(((_, last), among)) if bucket - *last <= MOST_MISSING => {
                    *last = bucket;
                    among.extend(stretches);
                }
                _ => spans.push(((bucket, bucket), stretches)),
            }
        }
        spans.retain(|((first, last), _)| self.grid.is_long(*first, *last));
        let together: BTreeSet<usize> = spans.iter().flat_map(|(_, among)| among).copied().collect();
        let alone = self.stretches.iter().enumerate().filter(|(i, _)| !together.contains(i));
        let restless = alone.map(|(_, s)| s.raised.range.len() as f64 / s.series.points.len() as f64).sum();
        spans.retain(|(_, among)| {
            among.iter().any(|i| self.is_share_at_the_door(&self.stretches[*i])) || self.is_more_than_usual(among, restless)
        });
        spans
    }

    /// Whether so many hardly ever meet where series are raised alone by themselves so often: `restless` of them at a time, on average. A scan for
    /// clusters of Poisson points (Naus, "The distribution of the size of the maximum cluster of points on a line", JASA 60, 1965), by its bound.
    fn is_more_than_usual(&self, among: &BTreeSet<usize>, restless: f64) -> bool {
        let stretches = || among.iter().map(|i| &self.stretches[*i]);
        let services = stretches().map(|s| s.series.service).collect::<BTreeSet<_>>().len();
        let together = services.max(told(stretches()).min(2)) as u64;
        let places = stretches().map(|s| s.raised.places).fold(1.0, f64::max);
        places * poisson_at_least(together, restless) <= BY_CHANCE
    }

    fn is_share_at_the_door(&self, stretch: &Stretch) -> bool {
        stretch.series.is_share() && stretch.series.caller.is_none() && self.doors.contains(stretch.series.service)
    }

    /// Whether so many series are hardly ever raised together by chance, or errors where users come in are.
    fn is_enough(&self, raised: &BTreeSet<usize>) -> bool {
        let stretches = || raised.iter().map(|i| &self.stretches[*i]);
        let places = stretches().map(|s| s.raised.places).fold(1.0, f64::max).ln();
        // That requests cease is told by two services: one may be done with its work.
        // Percentiles of one service, and both ends of its calls, are measured on the same requests: the strongest stands for them.
        let mut by_service: BTreeMap<&ServiceName, f64> = BTreeMap::new();
        for stretch in stretches() {
            let chance = (self.series as f64).ln() + stretch.raised.chance;
            let least = by_service.entry(stretch.series.service).or_insert(0.0);
            *least = least.min(chance);
        }
        let together = places + by_service.values().sum::<f64>();
        let requests_alone = stretches().all(|s| s.series.sort == Sort::Requests);
        if told(stretches()) >= 2 && (by_service.len() >= 2 || !requests_alone) && together <= BY_CHANCE.ln() {
            return true;
        }
        let at_the_door = stretches().filter(|s| self.is_share_at_the_door(s));
        at_the_door.map(|s| places + (self.door_shares as f64).ln() + s.raised.chance).any(|chance| chance <= BY_CHANCE.ln())
    }

    fn stream(&self, signals: &Signals, &(first, last): &Buckets, among: &BTreeSet<usize>) -> Option<Stream> {
        let mut stretches: Vec<&Stretch> = among.iter().map(|i| &self.stretches[*i]).collect();
        stretches.sort_by(|a, b| self.rank(a).cmp(&self.rank(b)).then(b.raised.z.total_cmp(&a.raised.z)));
        let strongest = stretches.first()?;
        let points = || stretches.iter().flat_map(|s| &s.series.points).filter(|p| (first..=last).contains(&p.bucket));
        let start = points().map(|p| p.first).min()?;
        let end = points().map(|p| p.last).max()?.max(Time(start.0 + 1));
        let mut services: Vec<ServiceName> = Vec::new();
        for stretch in &stretches {
            if !services.contains(stretch.series.service) {
                services.push(stretch.series.service.clone());
            }
        }
        let score = stretches.iter().map(|s| -s.raised.chance).fold(0.0, f64::max).min(MOST_NATS);
        let ongoing = self.grid.last - last <= 1;
        let found = Found { span: TimeSpan { start, end }, score, quiet: strongest.raised.before, ongoing };
        let key = strongest.series.key.clone();
        let written: Vec<(Time, f64)> = strongest.series.points.iter().map(|p| (p.first, strongest.series.written(p.value))).collect();
        let mut stream = series::stream(&key, &written, found, signals)?;
        stream.services = services;
        stream.witnesses = stretches.iter().take(MOST_WITNESSES).map(|s| s.witness()).collect();
        Some(stream)
    }

    /// What users feel themselves comes before what services feel, errors before slowness.
    fn rank(&self, stretch: &Stretch) -> (bool, Sort) {
        (!(stretch.series.caller.is_none() && self.doors.contains(stretch.series.service)), stretch.series.sort)
    }
}

/// How many series stretches are of.
fn told<'s>(stretches: impl Iterator<Item = &'s Stretch<'s>>) -> usize {
    stretches.map(|s| (s.series.service, s.series.caller, s.series.metric)).collect::<BTreeSet<_>>().len()
}

/// Probabilities too small to be numbers.
const MOST_NATS: f64 = 700.0;

impl Stretch<'_> {
    fn buckets(&self) -> Buckets {
        let points = &self.series.points[self.raised.range.clone()];
        points.first().zip(points.last()).map_or((0, -1), |(a, b)| (a.bucket, b.bucket))
    }

    fn span(&self) -> Option<TimeSpan> {
        let points = &self.series.points[self.raised.range.clone()];
        let (start, end) = (points.first()?.first, points.last()?.last);
        Some(TimeSpan { start, end: end.max(Time(start.0 + 1)) })
    }

    fn witness(&self) -> Witness {
        Witness {
            service: self.series.service.clone(),
            caller: self.series.caller.cloned(),
            metric: self.series.metric.clone(),
            before: self.raised.before,
            during: self.raised.during,
        }
    }
}
