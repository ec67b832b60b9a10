//! Did the fix work: an equivalence test of the time after an incident against the time before it, and the same around every change
//! that was made while it lasted.
//!
//! Not finding a difference proves nothing where little was measured. So the question is turned round (two one-sided tests: Schuirmann,
//! "A comparison of the two one-sided tests procedure and the power approach for assessing the equivalence of average bioavailability",
//! Journal of Pharmacokinetics and Biopharmaceutics 15, 1987): recovered means that the 90 % interval of the difference lies below a
//! margin. The margin is a tenth of what the incident did, as a non-inferiority margin is a fraction of a known effect (FDA,
//! "Non-inferiority clinical trials to establish effectiveness", 2016, section IV). Better than before is no residue, so only the upper
//! limit counts.

use std::sync::Arc;

use crate::incident::impact;
use crate::model::{Change, Fix, FixEffect, Incident, IncidentSignal, Measured, Recovery, RecoveryOutcome, Step, Time, TimeSpan};
use crate::signal::{Outcomes, Signals};
use crate::stats;

use super::Material;

/// 5 % in each tail.
const Z: f64 = 1.644_854;
/// The margin as a share of what the incident did.
const MARGIN: f64 = 0.1;
/// A change that moves less than this share of what the incident did has changed nothing to speak of.
const NOTEWORTHY: f64 = 1.0 / 3.0;
/// Seconds around an incident that belong neither to it nor to the quiet time.
const GUARD: f64 = 5.0;
/// Bins of this many seconds tell how much noise varies beyond chance.
const BIN: f64 = 5.0;
/// Noise that varies more than this is an incident of its own.
const MOST_DISPERSION: f64 = 20.0;
/// A share of bad outcomes above this is an incident's, the least that detection reports.
const HURT: f64 = 0.01;
/// Fewer independent values than this tell nothing of a level.
const FEWEST_VALUES: f64 = 5.0;
/// An incident ends with a change when it ends within this many seconds of its completion, or this share of its own length.
const SETTLES: f64 = 60.0;
const SETTLES_SHARE: f64 = 0.1;
/// Changes within this many seconds of each other cannot be told apart by what follows them.
const TOGETHER: f64 = 2.0;

/// Whether the incident of verdict `index` is over, by the signal that showed it.
pub fn judge(material: &Material<'_>, index: usize) -> Recovery {
    let incident = &material.verdicts[index].incident;
    let others = material.others(index);
    let gauge = Gauge::new(material.signals, incident);
    let all = material.signals.span;
    let before = material.options.baseline.unwrap_or(TimeSpan::new(all.start, incident.span.start.plus_seconds(-GUARD).max(all.start)));
    let after = TimeSpan::new(incident.span.end.plus_seconds(GUARD).min(all.end), all.end);
    let normal = gauge.within(before, &others);
    let hurt = gauge.within(incident.span, &[]);
    let since = if incident.ongoing { None } else { gauge.within(after, &others) };
    let effect = match (&normal, &hurt) {
        (Some(normal), Some(hurt)) => hurt.measured.level - normal.measured.level,
        _ => 0.0,
    };
    let test = Test { normal: normal.as_ref(), margin: MARGIN * effect };
    let outcome = match &since {
        _ if incident.ongoing => RecoveryOutcome::StillOn,
        Some(since) => test.outcome(since),
        None => RecoveryOutcome::CannotTell,
    };
    Recovery {
        outcome,
        measure: gauge.name,
        difference: since.as_ref().and_then(|s| Some(difference(normal.as_ref()?, s))),
        margin: test.margin.max(0.0),
        fixes: fixes(material, index, &gauge.data, &test),
        before: normal.map(|s| s.measured),
        during: hurt.map(|s| s.measured),
        after: since.map(|s| s.measured),
    }
}

/// What is compared, over the whole recording.
struct Gauge {
    name: String,
    data: Data,
}

enum Data {
    /// Bad outcomes of all outcomes, by window.
    Share { first: i64, step: Step, all: Vec<f64>, bad: Vec<f64>, dispersion: [f64; 2] },
    /// A level, by window.
    Level { start: Time, step: f64, values: Vec<f64> },
}

/// What a stretch of time shows.
struct Sampled {
    measured: Measured,
    /// Outcomes or values that are independent of each other.
    worth: f64,
    /// Of values; of shares it follows from the level.
    variance: Option<f64>,
}

impl Gauge {
    fn new(signals: &Signals, incident: &Incident) -> Gauge {
        let counted = impact::counted(signals, &incident.signal, &incident.services);
        let entries: Vec<&Outcomes> = counted.iter().filter_map(|s| signals.outcomes.get(*s)).collect();
        let at = counted.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ");
        let threshold = match incident.signal {
            IncidentSignal::FailedRequests | IncidentSignal::Given => None,
            IncidentSignal::SlowRequests { threshold } => Some(threshold as f64),
            _ => return Gauge { name: incident.sparkline.unit.clone(), data: level(incident) },
        };
        let Some(first) = entries.first() else { return Gauge { name: incident.sparkline.unit.clone(), data: level(incident) } };
        let mut all = vec![0.0; first.completed.len()];
        let mut bad = all.clone();
        for outcomes in &entries {
            for (i, (a, b)) in all.iter_mut().zip(&mut bad).enumerate() {
                let sketch = &outcomes.latency[i];
                *a += threshold.map_or(outcomes.completed[i], |_| sketch.count() as f64);
                *b += threshold.map_or(outcomes.failed[i], |t| sketch.above(t) as f64);
            }
        }
        let what = if threshold.is_some() { "slow" } else { "failed" };
        let windows = (first.step, first.first_window);
        // Within an incident failures come in bursts, too; the larger of both is what chance can do.
        let within = |inside| dispersion(&all, &bad, windows, (incident.span, inside));
        let dispersion = [within(false), within(true)];
        let data = Data::Share { first: first.first_window, step: first.step, all, bad, dispersion };
        Gauge { name: format!("share of {what} requests at {at}"), data }
    }

    fn within(&self, span: TimeSpan, without: &[TimeSpan]) -> Option<Sampled> {
        self.data.within(span, without)
    }
}

fn level(incident: &Incident) -> Data {
    let line = &incident.sparkline;
    Data::Level { start: line.start, step: line.step.map_or(1.0, Step::seconds), values: line.values.clone() }
}

/// Over-dispersion of the bad outcomes outside of the incident, or inside of it.
fn dispersion(all: &[f64], bad: &[f64], (step, first): (Step, i64), (incident, inside): (TimeSpan, bool)) -> f64 {
    let width = ((BIN / step.seconds()).round() as usize).max(1);
    let quiet: Vec<(f64, f64)> = (0..all.len().div_ceil(width))
        .filter(|bin| {
            let start = step.start_of(first + (bin * width) as i64);
            TimeSpan::new(start, start.plus_seconds(width as f64 * step.seconds())).overlaps(incident) == inside
        })
        .map(|bin| {
            let range = bin * width..((bin + 1) * width).min(all.len());
            (all[range.clone()].iter().sum::<f64>(), bad[range].iter().sum::<f64>())
        })
        .collect();
    let (total, failed) = quiet.iter().fold((0.0, 0.0), |s, q| (s.0 + q.0, s.1 + q.1));
    let share = if total > 0.0 { failed / total } else { 0.0 };
    let expected: Vec<f64> = quiet.iter().map(|q| q.0 * share).collect();
    let observed: Vec<f64> = quiet.iter().map(|q| q.1).collect();
    stats::over_dispersion(&observed, &expected, MOST_DISPERSION)
}

impl Data {
    /// `None` where nothing was measured.
    fn within(&self, span: TimeSpan, without: &[TimeSpan]) -> Option<Sampled> {
        let wanted = |time: Time| span.contains(time) && !without.iter().any(|w| w.contains(time));
        match self {
            Data::Share { first, step, all, bad, dispersion } => {
                let chosen = (0..all.len()).filter(|i| wanted(step.start_of(first + *i as i64)));
                let (of, bad) = chosen.fold((0.0, 0.0), |sum, i| (sum.0 + all[i], sum.1 + bad[i]));
                let measured = Measured { span, level: if of > 0.0 { bad / of } else { 0.0 }, of: of as u64, bad: Some(bad as u64) };
                let [quiet, bursts] = *dispersion;
                // Quiet noise where nothing is wrong, the incident's where much is.
                let dispersion = if measured.level > HURT { quiet.max(bursts) } else { quiet };
                (of > 0.0).then_some(Sampled { measured, worth: of / dispersion, variance: None })
            }
            Data::Level { start, step, values } => {
                let at = |i: usize| start.plus_seconds(step * i as f64);
                let chosen: Vec<f64> = (0..values.len()).filter(|i| wanted(at(*i)) && values[*i].is_finite()).map(|i| values[i]).collect();
                let measured = Measured { span, level: stats::mean(&chosen)?, of: chosen.len() as u64, bad: None };
                Some(Sampled { measured, worth: stats::independent_values(&chosen), variance: stats::variance(&chosen) })
            }
        }
    }
}

/// 90 % interval of second minus first.
fn difference(first: &Sampled, second: &Sampled) -> (f64, f64) {
    let counts = |s: &Sampled| (s.measured.level * s.worth, s.worth);
    match (first.variance, second.variance) {
        (Some(a), Some(b)) => {
            let error = (a / first.worth.max(1.0) + b / second.worth.max(1.0)).sqrt();
            let centre = second.measured.level - first.measured.level;
            (centre - Z * error, centre + Z * error)
        }
        _ => stats::difference_of_shares(counts(first), counts(second), Z),
    }
}

struct Test<'a> {
    normal: Option<&'a Sampled>,
    margin: f64,
}

impl Test<'_> {
    fn outcome(&self, since: &Sampled) -> RecoveryOutcome {
        let enough = since.variance.is_none() || since.worth >= FEWEST_VALUES;
        let (Some(normal), true, true) = (self.normal, self.margin > 0.0, enough) else { return RecoveryOutcome::CannotTell };
        let (low, high) = difference(normal, since);
        match () {
            () if high < self.margin => RecoveryOutcome::Recovered,
            () if low > 0.0 => RecoveryOutcome::Residue,
            () => RecoveryOutcome::CannotTell,
        }
    }

    fn is_normal(&self, sampled: Option<&Sampled>) -> bool {
        sampled.is_some_and(|s| self.outcome(s) == RecoveryOutcome::Recovered)
    }

    /// What a change did that had `before` before it and `after` after it.
    fn effect(&self, before: Option<&Sampled>, after: Option<&Sampled>) -> FixEffect {
        let (Some(before), Some(after)) = (before, after) else { return FixEffect::CannotTell };
        let (low, high) = difference(before, after);
        let least = NOTEWORTHY * self.margin / MARGIN;
        match () {
            () if self.margin <= 0.0 => FixEffect::CannotTell,
            () if high < 0.0 && after.measured.level - before.measured.level <= -least => FixEffect::Eased,
            () if low > 0.0 && after.measured.level - before.measured.level >= least => FixEffect::Worse,
            // An interval wider than the whole incident says nothing.
            () if high - low > self.margin / MARGIN => FixEffect::CannotTell,
            () => FixEffect::None,
        }
    }
}

/// Every change made while the incident lasted, with what followed it.
fn fixes(material: &Material<'_>, index: usize, data: &Data, test: &Test<'_>) -> Vec<Fix> {
    let verdict = &material.verdicts[index];
    let span = verdict.incident.span;
    let guilty = verdict.causes.first().and_then(|c| c.change.as_ref()).map(|c| &c.id);
    let during = material.changes.iter().filter(|c| c.time > span.start && c.time < span.end && Some(&c.id) != guilty);
    let attempts: Vec<&Arc<Change>> = during.collect();
    let settles = SETTLES.max(SETTLES_SHARE * span.seconds());
    let mut fixes = Vec::with_capacity(attempts.len());
    for (i, change) in attempts.iter().enumerate() {
        let begun = change.rollout();
        let since = if i == 0 { span.start } else { attempts[i - 1].rollout().end.min(begun.start) };
        let next = attempts.get(i + 1).map(|c| c.time);
        let to_end = span.end - change.time;
        let ends_it = !verdict.incident.ongoing && next.is_none_or(|next| next >= span.end) && span.end - begun.end <= settles;
        let from = if ends_it { begun.end.max(span.end).plus_seconds(GUARD) } else { begun.end };
        let until = match next {
            Some(next) => next.max(from),
            None if ends_it || verdict.incident.ongoing => material.signals.span.end.max(from),
            None => span.end.max(from),
        };
        let before = data.within(TimeSpan::new(since, begun.start), &[]);
        let after = data.within(TimeSpan::new(from, until), &material.others(index));
        let crowded = |other: Option<&&Arc<Change>>| other.is_some_and(|c| (c.time - change.time).abs() < TOGETHER);
        let together = crowded(attempts.get(i + 1)) || crowded(i.checked_sub(1).and_then(|j| attempts.get(j)));
        let effect = match test.effect(before.as_ref(), after.as_ref()) {
            _ if together => FixEffect::CannotTell,
            FixEffect::Eased if ends_it && test.is_normal(after.as_ref()) => FixEffect::Ended,
            effect => effect,
        };
        fixes.push(Fix {
            change: Arc::clone(change),
            effect,
            before: before.map(|s| s.measured),
            after: after.map(|s| s.measured),
            to_end,
        });
    }
    fixes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(parts: &[(usize, f64, f64)]) -> Data {
        let (mut all, mut bad) = (Vec::new(), Vec::new());
        for (seconds, rate, share) in parts {
            let mut owed = 0.0;
            for _ in 0..*seconds {
                owed += rate * share;
                let now = owed.floor();
                owed -= now;
                all.push(*rate);
                bad.push(now);
            }
        }
        Data::Share { first: 0, step: Step::SECOND, all, bad, dispersion: [1.0; 2] }
    }

    fn span(from: i64, to: i64) -> TimeSpan {
        TimeSpan::new(Time(from * 1_000_000), Time(to * 1_000_000))
    }

    fn outcome(after: (usize, f64, f64)) -> RecoveryOutcome {
        let data = shares(&[(300, 20.0, 0.002), (100, 20.0, 0.4), after]);
        let normal = data.within(span(0, 300), &[]);
        let hurt = data.within(span(300, 400), &[]).unwrap();
        let margin = MARGIN * (hurt.measured.level - normal.as_ref().unwrap().measured.level);
        Test { normal: normal.as_ref(), margin }.outcome(&data.within(span(400, 4_000), &[]).unwrap())
    }

    #[test]
    fn recovery_needs_evidence_of_health_and_not_only_none_of_harm() {
        assert_eq!(outcome((200, 20.0, 0.002)), RecoveryOutcome::Recovered);
        assert_eq!(outcome((200, 20.0, 0.0)), RecoveryOutcome::Recovered);
        assert_eq!(outcome((200, 20.0, 0.15)), RecoveryOutcome::Residue);
        assert_eq!(outcome((200, 20.0, 0.4)), RecoveryOutcome::Residue);
        assert_eq!(outcome((2, 10.0, 0.0)), RecoveryOutcome::CannotTell, "twenty requests without a failure prove little");
    }

    #[test]
    fn levels_are_compared_by_what_their_values_are_worth() {
        let wave = |from: u32, n: u32, level: f64| (from..from + n).map(move |i| level + f64::from(i * 7919 % 13) / 13.0);
        let values: Vec<f64> = wave(0, 60, 10.0).chain(wave(0, 20, 50.0)).chain(wave(5, 60, 10.0)).collect();
        let data = Data::Level { start: Time(0), step: 1.0, values };
        let normal = data.within(span(0, 60), &[]);
        let test = Test { normal: normal.as_ref(), margin: 4.0 };
        assert_eq!(test.outcome(&data.within(span(80, 140), &[]).unwrap()), RecoveryOutcome::Recovered);
        assert_eq!(test.outcome(&data.within(span(60, 80), &[]).unwrap()), RecoveryOutcome::Residue);
        assert_eq!(test.outcome(&data.within(span(80, 83), &[]).unwrap()), RecoveryOutcome::CannotTell);
        assert!(data.within(span(500, 600), &[]).is_none());
    }

    #[test]
    fn a_change_that_did_nothing_is_told_from_one_that_helped() {
        let data = shares(&[(300, 20.0, 0.0), (100, 20.0, 0.4), (100, 20.0, 0.4), (100, 20.0, 0.1), (100, 20.0, 0.7)]);
        let part = |from, to| data.within(span(from, to), &[]);
        let normal = part(0, 300);
        let test = Test { normal: normal.as_ref(), margin: 0.04 };
        let effect = |a: (i64, i64), b: (i64, i64)| test.effect(part(a.0, a.1).as_ref(), part(b.0, b.1).as_ref());
        assert_eq!(effect((300, 400), (400, 500)), FixEffect::None);
        assert_eq!(effect((400, 500), (500, 600)), FixEffect::Eased);
        assert_eq!(effect((500, 600), (600, 700)), FixEffect::Worse);
        assert_eq!(effect((500, 501), (700, 701)), FixEffect::CannotTell);
    }
}
