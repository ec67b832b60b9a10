//! Whether users asked for more than before.

use crate::model::{Finding, ServiceName, TimeSpan};
use crate::signal::{Outcomes, Signals};
use crate::stats;

/// Arrivals of one service around the onset, against the quiet time.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    pub service: ServiceName,
    /// Largest of the rates around the onset, over the median quiet rate.
    pub ratio: f64,
    /// The 95th percentile of the quiet rates over their median: how much the load swings anyway.
    pub usual_swing: f64,
    pub before_per_s: f64,
    pub during_per_s: f64,
}

/// Rates are compared in bins of this many seconds.
const BIN: f64 = 15.0;
/// Spans around the onset, in seconds, in which a rise counts: some time before the first failure to shortly after it.
/// Later arrivals are the users' retries.
const AROUND: [(f64, f64); 3] = [(-10.0, 10.0), (-20.0, 0.0), (0.0, 30.0)];

/// The load of a service; `None` without arrivals in the quiet time.
pub fn measure(signals: &Signals, service: &ServiceName, quiet: TimeSpan, onset: crate::model::Time) -> Option<Load> {
    let outcomes = signals.outcomes.get(service)?;
    let range = outcomes.indices(quiet);
    let width = ((BIN / signals.step.seconds()).round() as usize).max(1);
    let mut rates: Vec<f64> = Outcomes::grouped(&outcomes.arrived[range], width);
    rates.pop(); // the last bin is cut short by the onset
    let rates: Vec<f64> = rates.into_iter().map(|n| n / (width as f64 * signals.step.seconds())).filter(|r| *r > 0.0).collect();
    let usual = stats::median(&rates).filter(|m| *m > 0.0)?;
    let around = |(from, to): (f64, f64)| outcomes.arrival_rate(TimeSpan { start: onset.plus_seconds(from), end: onset.plus_seconds(to) });
    let during = AROUND.into_iter().filter_map(around).fold(0.0, f64::max);
    let swing = stats::quantile(&rates, 0.95).unwrap_or(usual) / usual;
    Some(Load { service: service.clone(), ratio: during / usual, usual_swing: swing, before_per_s: usual, during_per_s: during })
}

impl Load {
    /// The rise as a finding, or that there was none.
    pub fn finding(&self) -> Finding {
        if self.has_risen() {
            Finding::LoadRise {
                service: self.service.clone(),
                ratio: self.ratio,
                before_per_s: self.before_per_s,
                during_per_s: self.during_per_s,
            }
        } else {
            Finding::LoadFlat { service: self.service.clone(), ratio: self.ratio, detectable: self.rise_from() }
        }
    }

    /// More than the load swings anyway.
    pub fn has_risen(&self) -> bool {
        self.ratio > self.rise_from()
    }

    /// The ratio from which a rise counts.
    fn rise_from(&self) -> f64 {
        (1.3 * self.usual_swing).max(1.4)
    }
}
