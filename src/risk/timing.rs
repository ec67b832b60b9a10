//! The moment of a change: the load it meets, what else is being changed, whether users are hurt already.

use super::{Found, Outlook};
use crate::model::{ChangeKind, RiskFinding, ServiceName, TimeSpan};
use crate::signal::Outcomes;

/// Changes this many seconds apart cannot be told apart by their effect.
const NEIGHBOUR_WITHIN: f64 = 600.0;
/// The load is that of so many seconds.
const LOAD_SECONDS: f64 = 900.0;
/// A peak is only known from a record of at least this many seconds.
const PEAK_KNOWN_AFTER: f64 = 6.0 * 3_600.0;
/// A load of this share of the peak is the peak.
const NEAR_PEAK: f64 = 0.85;
/// A load whose peak exceeds its mean by less has none.
const SMALLEST_SWING: f64 = 1.3;

/// When it is made: at the peak, at the end of the week, beside other changes, in an incident.
pub fn examine(outlook: &Outlook<'_>) -> Vec<Found> {
    let repairs = outlook.change.kind == ChangeKind::Rollback || outlook.earlier.iter().any(|c| c.is_reverted_by(outlook.change));
    let mut found: Vec<Found> = peak(outlook).map(|finding| (finding, None)).into_iter().collect();
    found.extend(neighbour(outlook).filter(|_| !repairs));
    found.extend(week_end(outlook).filter(|_| !repairs).map(|finding| (finding, None)));
    found.extend(open_incident(outlook).filter(|_| !repairs).map(|finding| (finding, None)));
    found
}

fn peak(outlook: &Outlook<'_>) -> Option<RiskFinding> {
    let outcomes = outlook.signals?.outcomes.get(&outlook.change.service)?;
    let start = outlook.signals?.span.start;
    let (now_per_s, peak_per_s, mean) = loads(outcomes, TimeSpan::new(start, outlook.now.max(start)))?;
    (peak_per_s > SMALLEST_SWING * mean && now_per_s > NEAR_PEAK * peak_per_s).then_some(RiskFinding::Peak { now_per_s, peak_per_s })
}

/// The last load, the largest and the mean; `None` where the record is too short to know a peak.
fn loads(outcomes: &Outcomes, before: TimeSpan) -> Option<(f64, f64, f64)> {
    let arrived = &outcomes.arrived[outcomes.indices(before)];
    let seconds = outcomes.step.seconds();
    let width = ((LOAD_SECONDS / seconds).round() as usize).max(1);
    if arrived.len() as f64 * seconds < PEAK_KNOWN_AFTER {
        return None;
    }
    let rates: Vec<f64> = arrived.rchunks_exact(width).map(|chunk| chunk.iter().sum::<f64>() / (width as f64 * seconds)).collect();
    let mean = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
    Some((*rates.first()?, rates.iter().copied().fold(0.0, f64::max), mean))
}

/// The last change within minutes at the same service, its callers or its callees.
fn neighbour(outlook: &Outlook<'_>) -> Option<Found> {
    let service = &outlook.change.service;
    let near = |other: &ServiceName| other == service || outlook.topology.calls(service, other) || outlook.topology.calls(other, service);
    let recent = |c: &&std::sync::Arc<crate::model::Change>| outlook.now - c.time <= NEIGHBOUR_WITHIN && near(&c.service);
    let change = outlook.earlier.iter().rev().find(recent)?;
    let finding =
        RiskFinding::Neighbour { change: change.id.clone(), service: change.service.clone(), before_s: outlook.now - change.time };
    Some((finding, Some(change.origin.clone())))
}

fn week_end(outlook: &Outlook<'_>) -> Option<RiskFinding> {
    const DAY: i64 = 86_400 * crate::model::time::SECOND;
    let (day, within) = (outlook.now.0.div_euclid(DAY), outlook.now.0.rem_euclid(DAY));
    // The epoch began on a Thursday.
    let day = match day.rem_euclid(7) {
        1 if within >= DAY / 2 => "Friday",
        2 => "Saturday",
        3 => "Sunday",
        _ => return None,
    };
    Some(RiskFinding::WeekEnd { day })
}

fn open_incident(outlook: &Outlook<'_>) -> Option<RiskFinding> {
    let open = outlook.incidents.iter().find(|incident| incident.span.end >= outlook.now)?;
    Some(RiskFinding::OpenIncident { since: open.span.start })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Step, Time};

    #[test]
    fn a_short_record_knows_no_peak() {
        let step = Step::at_least(64.0);
        let series = |windows: usize| Outcomes { arrived: vec![64.0; windows], ..Outcomes::empty(step, 0, windows) };
        let span = |windows: i64| TimeSpan { start: Time(0), end: step.start_of(windows) };
        assert_eq!(loads(&series(10), span(10)), None);
        assert_eq!(loads(&series(0), span(0)), None);
        assert_eq!(loads(&series(400), span(400)), Some((1.0, 1.0, 1.0)));
        let mut rising = series(400);
        rising.arrived[386..].fill(640.0);
        assert_eq!(loads(&rising, span(400)).map(|l| (l.0, l.1)), Some((10.0, 10.0)));
        assert_eq!(loads(&rising, span(386)).map(|l| (l.0, l.1)), Some((1.0, 1.0)), "what comes later is not looked at");
    }
}
