//! The requests of one service over time, one value a window.

use crate::model::{Step, Time, TimeSpan};
use crate::template::LatencySketch;

/// Dense series of one service's request outcomes; index 0 is `first_window`.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcomes {
    pub step: Step,
    pub first_window: i64,
    pub completed: Vec<f64>,
    pub failed: Vec<f64>,
    /// Refused with a status of 4xx.
    pub rejected: Vec<f64>,
    /// By time of arrival (completion minus duration).
    pub arrived: Vec<f64>,
    pub first_failed: Vec<Option<Time>>,
    pub latency: Vec<LatencySketch>,
}

impl Outcomes {
    /// All zero, over `windows` windows.
    pub fn empty(step: Step, first_window: i64, windows: usize) -> Outcomes {
        Outcomes {
            step,
            first_window,
            completed: vec![0.0; windows],
            failed: vec![0.0; windows],
            rejected: vec![0.0; windows],
            arrived: vec![0.0; windows],
            first_failed: vec![None; windows],
            latency: vec![LatencySketch::default(); windows],
        }
    }

    /// The indices of the windows that `span` touches.
    pub fn indices(&self, span: TimeSpan) -> std::ops::Range<usize> {
        let clamp = |w: i64| w.saturating_sub(self.first_window).clamp(0, self.completed.len() as i64) as usize;
        let last = self.step.window(Time(span.end.0.saturating_sub(1)));
        clamp(self.step.window(span.start))..clamp(last.saturating_add(1))
    }

    /// The span of a range of indices.
    pub fn span_of(&self, range: std::ops::Range<usize>) -> TimeSpan {
        let at = |i: usize| self.step.start_of(self.first_window + i as i64);
        TimeSpan { start: at(range.start), end: at(range.end) }
    }

    /// (completed, failed) within a span.
    pub fn totals(&self, span: TimeSpan) -> (f64, f64) {
        let range = self.indices(span);
        (self.completed[range.clone()].iter().sum(), self.failed[range].iter().sum())
    }

    /// Requests refused as the client's fault within a span.
    pub fn rejected_within(&self, span: TimeSpan) -> f64 {
        self.rejected[self.indices(span)].iter().sum()
    }

    /// Arrivals a second within a span; `None` for an empty span.
    pub fn arrival_rate(&self, span: TimeSpan) -> Option<f64> {
        let range = self.indices(span);
        let seconds = range.len() as f64 * self.step.seconds();
        (seconds > 0.0).then(|| self.arrived[range].iter().sum::<f64>() / seconds)
    }

    /// Latencies of a span.
    pub fn latency_within(&self, span: TimeSpan) -> LatencySketch {
        let mut all = LatencySketch::default();
        self.latency[self.indices(span)].iter().for_each(|s| all.merge(s));
        all
    }

    /// Sums of `values` in groups of `width` windows, the last group shorter.
    pub fn grouped(values: &[f64], width: usize) -> Vec<f64> {
        values.chunks(width.max(1)).map(|c| c.iter().sum()).collect()
    }
}

/// Requests by one of their attributes within a span: (value, requests, failed).
pub type Breakdown = Vec<(String, u64, u64)>;
