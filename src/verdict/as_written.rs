//! Puts the times of a verdict back to what the logs say, where a clock was corrected: a reader looks them up in the logs.
//!
//! Order and distances stay those of the corrected times; entries of a corrected clock say so.

use crate::model::{Clock, Incident, IncidentSignal, ServiceName, Skew, Step, Time, TimeSpan, TimelineKind, Verdict};

/// How far what was corrected lay from what is written.
#[derive(Clone, Copy, Debug)]
pub struct AsWritten<'s> {
    skews: &'s [Skew],
    step: Step,
}

impl<'s> AsWritten<'s> {
    /// By the skews of clocks; `step` is the width of the windows.
    pub fn new(skews: &'s [Skew], step: Step) -> AsWritten<'s> {
        AsWritten { skews, step }
    }

    /// The skew of the clock that tells when an incident was.
    pub fn teller(&self, incident: &Incident) -> Option<&'s Skew> {
        let clock = match &incident.signal {
            IncidentSignal::Given => return None,
            IncidentSignal::Metric { .. } => Clock::Metrics,
            _ => Clock::Service(incident.services.first()?.clone()),
        };
        self.skews.iter().find(|s| s.clock == clock)
    }

    fn of_service(&self, service: &ServiceName) -> Option<&'s Skew> {
        self.skews.iter().find(|s| matches!(&s.clock, Clock::Service(name) if name == service))
    }

    fn time(&self, time: Time, skew: &Skew) -> Time {
        time.plus_seconds(skew.taken_out(self.step))
    }

    /// The span as the clock of `skew` shows it.
    pub fn span(&self, span: TimeSpan, skew: Option<&Skew>) -> TimeSpan {
        skew.map_or(span, |skew| TimeSpan { start: self.time(span.start, skew), end: self.time(span.end, skew) })
    }

    /// The verdict with times as written.
    pub fn verdict(&self, mut verdict: Verdict) -> Verdict {
        let teller = self.teller(&verdict.incident);
        for entry in &mut verdict.timeline {
            let skew = match entry.kind {
                TimelineKind::IncidentStart | TimelineKind::IncidentEnd => teller,
                TimelineKind::FirstSymptom => self.of_service(&entry.service),
                TimelineKind::Change | TimelineKind::Disturbance => None,
            };
            if let Some(skew) = skew {
                entry.time = self.time(entry.time, skew);
                entry.text.push_str(&format!(" [by its own clock, {:+.0} s]", skew.offset));
            }
        }
        if let Some(skew) = teller {
            let incident = &mut verdict.incident;
            incident.span = self.span(incident.span, Some(skew));
            incident.sparkline.start = self.time(incident.sparkline.start, skew);
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClockBasis, Impact, Sparkline, TimelineEntry};

    fn skew(offset: f64) -> Skew {
        Skew {
            clock: Clock::Service("web".into()),
            offset,
            uncertainty: 0.5,
            basis: ClockBasis::SharedIds,
            against: Clock::Service("api".into()),
            pairs: 100,
            agreeing: 3,
        }
    }

    fn verdict(signal: IncidentSignal) -> Verdict {
        let span = TimeSpan { start: Time(1_000_000_000), end: Time(2_000_000_000) };
        let entry =
            |kind, service: &str, at| TimelineEntry { time: Time(at), kind, service: service.into(), text: "x".into(), origin: None };
        Verdict {
            incident: Incident {
                span,
                ongoing: false,
                signal,
                services: vec!["web".into()],
                score: 1.0,
                quiet_ratio: 0.0,
                witnesses: Vec::new(),
                impact: Impact::default(),
                sparkline: Sparkline::default(),
            },
            causes: Vec::new(),
            unexplained: 1.0,
            unexplained_prior: 1.0,
            ruled_out: Vec::new(),
            not_ruled_out: Vec::new(),
            timeline: vec![
                entry(TimelineKind::Change, "web", 900_000_000),
                entry(TimelineKind::FirstSymptom, "api", 990_000_000),
                entry(TimelineKind::FirstSymptom, "web", 995_000_000),
                entry(TimelineKind::IncidentStart, "web", 1_000_000_000),
            ],
            mechanism: None,
        }
    }

    fn check(signal: IncidentSignal, start: i64, times: [i64; 4]) {
        let skews = [skew(90.3)];
        let shown = AsWritten::new(&skews, Step::SECOND).verdict(verdict(signal));
        assert_eq!(shown.incident.span.start, Time(start * 1_000_000));
        assert_eq!(shown.timeline.iter().map(|e| e.time.0 / 1_000_000).collect::<Vec<_>>(), times);
    }

    #[test]
    fn times_of_a_corrected_clock_are_as_it_wrote_them() {
        check(IncidentSignal::FailedRequests, 1_090, [900, 990, 1_085, 1_090]);
    }

    #[test]
    fn what_the_operator_named_stays() {
        check(IncidentSignal::Given, 1_000, [900, 990, 1_085, 1_000]);
    }
}
