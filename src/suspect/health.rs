//! How each service did during the incident against the quiet time before: failures and latency of the requests it served.

use std::collections::BTreeMap;

use crate::model::{ServiceName, TimeSpan};
use crate::signal::Signals;

/// A service is slower when its p50 or p90 grew by more than this factor …
const SLOWER: f64 = 2.0;
/// … and as fast as before when neither grew by this.
const AS_FAST: f64 = 1.7;
/// Growth of a latency below this many microseconds is no slowdown that a caller would notice.
const NOTICEABLE: f64 = 20_000.0;
/// A service errs when its failing share exceeds this, and three times the quiet one.
const ERRING_SHARE: f64 = 0.02;

/// A service rejects when it refuses more than this share of its requests, and three times the quiet one.
const REJECTING_SHARE: f64 = 0.1;

/// Requests of one service before and during.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Health {
    pub requests_before: f64,
    pub failed_before: f64,
    pub requests: f64,
    pub failed: f64,
    /// Refused as the client's fault.
    pub rejected_before: f64,
    pub rejected: f64,
    /// Microseconds; `None` where no request told its duration.
    pub p50: Option<(f64, f64)>,
    pub p90: Option<(f64, f64)>,
    pub mean: Option<(f64, f64)>,
}

impl Health {
    /// Share of the requests that failed during the incident, 0 to 1; 0 without requests.
    pub fn failed_share(&self) -> f64 {
        if self.requests > 0.0 { self.failed / self.requests } else { 0.0 }
    }

    /// Whether its requests say how long they took, before and during.
    pub fn tells_durations(&self) -> bool {
        self.p50.is_some()
    }

    fn failed_share_before(&self) -> f64 {
        if self.requests_before > 0.0 { self.failed_before / self.requests_before } else { 0.0 }
    }

    /// Seconds that its requests took longer in all than they would have before.
    pub fn excess_seconds(&self) -> f64 {
        self.mean.map_or(0.0, |(before, during)| self.requests * (during - before).max(0.0) / 1e6)
    }

    /// Its own requests fail visibly more than before.
    pub fn errs(&self) -> bool {
        self.failed >= 3.0 && self.failed_share() > ERRING_SHARE.max(3.0 * self.failed_share_before())
    }

    /// Refuses visibly more of its requests than before.
    pub fn rejects(&self) -> bool {
        let share = |rejected: f64, requests: f64| if requests > 0.0 { rejected / requests } else { 0.0 };
        let before = share(self.rejected_before, self.requests_before);
        self.rejected >= 3.0 && share(self.rejected, self.requests) > REJECTING_SHARE.max(3.0 * before)
    }

    /// Answered before, and in the incident next to nobody: the requests no longer reach it.
    pub fn no_longer_reached(&self) -> bool {
        self.requests_before >= 20.0 && self.requests < 3.0
    }

    /// Whether it answers markedly slower than before.
    pub fn slower(&self) -> bool {
        self.growth_exceeds(SLOWER)
    }

    /// Answered enough requests, without new errors, about as fast as before.
    pub fn healthy(&self) -> bool {
        self.requests >= 20.0 && !self.errs() && !self.rejects() && !self.growth_exceeds(AS_FAST)
    }

    fn growth_exceeds(&self, factor: f64) -> bool {
        [self.p50, self.p90].into_iter().flatten().any(|(before, during)| during > factor * before && during - before > NOTICEABLE)
    }
}

/// The health of every service that serves requests.
pub fn survey(signals: &Signals, quiet: TimeSpan, span: TimeSpan) -> BTreeMap<ServiceName, Health> {
    let one = |(service, outcomes): (&ServiceName, &crate::signal::Outcomes)| {
        let (requests_before, failed_before) = outcomes.totals(quiet);
        let (requests, failed) = outcomes.totals(span);
        let (before, during) = (outcomes.latency_within(quiet), outcomes.latency_within(span));
        let pair = |q: f64| Some((before.quantile(q)?, during.quantile(q)?));
        let health = Health {
            requests_before,
            failed_before,
            requests,
            failed,
            rejected_before: outcomes.rejected_within(quiet),
            rejected: outcomes.rejected_within(span),
            p50: pair(0.5),
            p90: pair(0.9),
            mean: before.mean().zip(during.mean()),
        };
        (service.clone(), health)
    };
    signals.outcomes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erring_slower_and_healthy() {
        let base = Health {
            requests_before: 1000.0,
            requests: 500.0,
            p50: Some((50_000.0, 52_000.0)),
            p90: Some((90_000.0, 95_000.0)),
            ..Health::default()
        };
        assert!(base.healthy() && !base.errs() && !base.slower());
        assert!(Health { failed: 40.0, ..base }.errs());
        assert!(!Health { failed: 40.0, failed_before: 60.0, ..base }.errs(), "it always failed that often");
        assert!(Health { rejected: 80.0, ..base }.rejects() && !Health { rejected: 80.0, ..base }.healthy());
        assert!(!Health { rejected: 80.0, rejected_before: 120.0, ..base }.rejects(), "it always refused that many");
        assert!(Health { requests: 1.0, ..base }.no_longer_reached() && !base.no_longer_reached());
        assert!(Health { p90: Some((90_000.0, 400_000.0)), ..base }.slower());
        assert!(!Health { p50: Some((500.0, 2_000.0)), p90: None, ..base }.slower(), "1.5 ms more is no slowdown");
        assert!(!Health { requests: 3.0, ..base }.healthy(), "too few requests to call it healthy");
    }
}
