//! The load that a service bore at quiet times, for arithmetic on its limits.

use crate::model::{ServiceName, TimeSpan};
use crate::template::LatencySketch;

use super::{Outcomes, Signals};

/// The peak is the busiest stretch of so many seconds: shorter ones are chance.
const PEAK_SECONDS: f64 = 60.0;

/// How long requests took in the quiet spans together.
pub fn latency(outcomes: &Outcomes, quiet: &[TimeSpan]) -> LatencySketch {
    let mut all = LatencySketch::default();
    quiet.iter().for_each(|span| all.merge(&outcomes.latency_within(*span)));
    all
}

/// Arrivals a second in the busiest minute of the quiet spans, at any phase of the clock. Spans shorter than a minute count, with their mean, only
/// where none is longer.
pub fn peak(outcomes: &Outcomes, quiet: &[TimeSpan]) -> Option<f64> {
    let step = outcomes.step.seconds();
    let minute = ((PEAK_SECONDS / step).round() as usize).max(1);
    let busiest = |span: &TimeSpan| {
        let arrived = &outcomes.arrived[outcomes.indices(*span)];
        let width = minute.min(arrived.len()).max(1);
        arrived.windows(width).map(|stretch| stretch.iter().sum::<f64>() / (width as f64 * step)).fold(0.0, f64::max)
    };
    let is_long = |span: &&TimeSpan| outcomes.indices(**span).len() >= minute;
    let any_long = quiet.iter().any(|span| is_long(&span));
    let best = quiet.iter().filter(|span| !any_long || is_long(span)).map(busiest).fold(0.0, f64::max);
    (best > 0.0).then_some(best)
}

/// The most instances of a service that answered in one of the quiet spans; at least 1.
pub fn instances(signals: &Signals, service: &ServiceName, quiet: &[TimeSpan]) -> u64 {
    let seen = |span: &TimeSpan| signals.breakdown(&[service], *span, "instance").map_or(0, |rows| rows.len());
    quiet.iter().map(seen).max().unwrap_or(0).max(1) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Step, Time};

    fn span(from: i64, to: i64) -> TimeSpan {
        TimeSpan { start: Time(from * 1_000_000), end: Time(to * 1_000_000) }
    }

    #[test]
    fn the_peak_is_the_busiest_quiet_minute() {
        let series = |arrived: &[f64]| Outcomes { arrived: arrived.to_vec(), ..Outcomes::empty(Step::SECOND, 0, arrived.len()) };
        let mut arrived = vec![1.0; 180];
        arrived[70..130].fill(4.0);
        for (quiet, expected) in [
            (vec![], None),
            (vec![span(0, 180)], Some(4.0)),
            (vec![span(0, 60)], Some(1.0)),
            (vec![span(0, 20)], Some(1.0)),
            (vec![span(0, 60), span(80, 100)], Some(1.0)),
            (vec![span(0, 20), span(80, 100)], Some(4.0)),
        ] {
            assert_eq!(peak(&series(&arrived), &quiet), expected, "{quiet:?}");
        }
        assert_eq!(peak(&series(&[0.0; 100]), &[span(0, 100)]), None);
    }
}
