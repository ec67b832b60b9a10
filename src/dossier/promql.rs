//! The little of PromQL's arithmetic that the proposed rules need, done as Prometheus does it, so that what a back-test says is what
//! Prometheus would do.
//!
//! Samples and evaluations share one grid. Windows are no multiple of its interval: Prometheus 2 takes a range with both ends,
//! Prometheus 3 without its first instant, and neither end of such a window meets a sample.

use crate::model::{Time, TimeSpan};

/// `rate(counter[window])` at evaluation `at`: increase by extrapolation as in Prometheus' `extrapolatedRate`
/// (promql/functions.go; counters do not reset here). `values[i]` is the sample at `i * interval`. `None`: fewer than two samples.
pub fn rate(values: &[f64], at: usize, interval: f64, window: f64) -> Option<f64> {
    let now = at as f64 * interval;
    let first = ((now - window) / interval).ceil().max(0.0) as usize;
    let samples = values.get(first..=at)?;
    let (Some(from), Some(to), true) = (samples.first(), samples.last(), samples.len() > 1) else { return None };
    let increase = to - from;
    let sampled = (samples.len() - 1) as f64 * interval;
    let longest = interval * 1.1;
    let mut to_start = first as f64 * interval - (now - window);
    if increase > 0.0 && *from >= 0.0 {
        to_start = to_start.min(sampled * (from / increase));
    }
    let lead = if to_start < longest { to_start } else { interval / 2.0 };
    Some(increase * ((sampled + lead) / sampled) / window)
}

/// `sum(rate(part)) / sum(rate(whole))`; `None` where there is no result, not finite where Prometheus has NaN or infinity.
pub fn share(part: &[f64], whole: &[f64], at: usize, interval: f64, window: f64) -> Option<f64> {
    Some(rate(part, at, interval, window)? / rate(whole, at, interval, window)?)
}

/// The spans in which an alert fires whose condition `holds` at each evaluation: from the first evaluation at which it has held for
/// `hold` seconds to the first at which it does not.
pub fn firing(holds: &[bool], start: Time, interval: f64, hold: f64) -> Vec<TimeSpan> {
    let at = |i: usize| start.plus_seconds(i as f64 * interval);
    let mut spans: Vec<TimeSpan> = Vec::new();
    let mut active: Option<usize> = None;
    for (i, holds) in holds.iter().chain([&false]).enumerate() {
        match (holds, active) {
            (true, None) => active = Some(i),
            (false, Some(since)) => {
                let fires = since + (hold / interval).ceil() as usize;
                if fires < i {
                    spans.push(TimeSpan { start: at(fires), end: at(i) });
                }
                active = None;
            }
            _ => {}
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_extrapolated_to_the_ends_of_the_window() {
        // 15 s between samples, 2 a second: 4 intervals are seen of 70 s, and 10 s before the first sample are added.
        let steady: Vec<f64> = (0..20).map(|i| 1_000.0 + f64::from(i) * 30.0).collect();
        assert!((rate(&steady, 10, 15.0, 70.0).unwrap() - 2.0).abs() < 1e-9);
        // At the beginning only half an interval is added, since more than 1.1 intervals are missing.
        assert!((rate(&steady, 2, 15.0, 70.0).unwrap() - 60.0 * (37.5 / 30.0) / 70.0).abs() < 1e-9);
        // A counter cannot have been below zero: nothing is added before it began.
        let begins: Vec<f64> = [0.0, 0.0, 0.0, 0.0, 0.0, 30.0, 60.0].to_vec();
        assert!((rate(&begins, 6, 15.0, 70.0).unwrap() - 60.0 / 70.0).abs() < 1e-9);
        assert_eq!(rate(&steady, 0, 15.0, 70.0), None);
        assert!(share(&[0.0; 9], &[0.0; 9], 5, 15.0, 70.0).unwrap().is_nan());
    }

    #[test]
    fn an_alert_fires_once_its_condition_has_held() {
        let holds = [false, true, true, false, true, true, true, true];
        let times = |hold: f64| -> Vec<(i64, i64)> {
            firing(&holds, Time(0), 15.0, hold).iter().map(|s| (s.start.0 / 1_000_000, s.end.0 / 1_000_000)).collect()
        };
        assert_eq!(times(0.0), [(15, 45), (60, 120)]);
        assert_eq!(times(30.0), [(90, 120)]);
        assert_eq!(times(60.0), []);
    }
}
