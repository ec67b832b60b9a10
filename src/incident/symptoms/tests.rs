//! Searching invented metrics.

use super::*;
use crate::model::{IncidentSignal, InstanceId, MetricName, Metrics, SeriesKey, Topology};
use crate::signal::tabulate;
use crate::template::Tally;

/// A minute apart, from a whole hour on.
const MINUTE: i64 = 60_000_000;
const LENGTH: i64 = 60;
const TROUBLE: std::ops::Range<i64> = 40..50;

/// The same noise at every run, between 0 and 1.
fn noise(seed: i64, minute: i64) -> f64 {
    let mixed = (minute.wrapping_add(seed.wrapping_mul(7_919)) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f64 / (1u64 << 24) as f64
}

fn key(service: &str, metric: &str) -> SeriesKey {
    SeriesKey { service: service.into(), metric: metric.into(), instance: None, edge: None }
}

#[derive(Default)]
struct Recording {
    metrics: Metrics,
    topology: Topology,
}

impl Recording {
    /// `edge` calls `shop`, which calls `stock`.
    fn new() -> Recording {
        let mut recording = Recording::default();
        recording.topology.add("edge".into(), "shop".into());
        recording.topology.add("shop".into(), "stock".into());
        recording
    }

    fn with(mut self, key: SeriesKey, value: impl Fn(i64) -> f64) -> Recording {
        self.metrics.insert(key, (0..LENGTH).map(|i| (Time((i + 480_000) * MINUTE), value(i))).collect());
        self
    }

    /// Latency around 50 ms, `times` as much in trouble.
    fn slow(self, service: &str, metric: &str, times: f64) -> Recording {
        let seed = service.len() as i64 * 31 + metric.len() as i64;
        self.with(key(service, metric), move |i| 0.05 * (1.0 + 0.3 * noise(seed, i)) * if TROUBLE.contains(&i) { times } else { 1.0 })
    }

    fn signals(self) -> Signals {
        let nothing = key("edge", "unknown");
        let metrics = self.with(nothing, |_| 1.0);
        tabulate(Tally::default(), metrics.metrics, &metrics.topology).unwrap().unwrap()
    }

    /// Minutes of first and last sample of what is found, with the number of series that say so.
    fn check(self, expected: &[(i64, i64, usize)]) {
        let found: Vec<_> = streams(&self.signals(), None)
            .iter()
            .flat_map(|stream| stream.found.iter().flatten().map(|f| (f.span, stream.witnesses.len())))
            .map(|(span, witnesses)| (span.start.0 / MINUTE - 480_000, span.end.0 / MINUTE - 480_000, witnesses))
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn what_several_series_say_is_an_incident_and_what_one_says_is_none() {
    Recording::new().check(&[]);
    Recording::new().slow("shop", "latency_p50", 1.0).slow("stock", "latency_p50", 1.0).check(&[]);
    Recording::new().slow("shop", "latency_p50", 6.0).slow("stock", "latency_p50", 6.0).check(&[(40, 49, 2)]);
    Recording::new().slow("shop", "latency_p50", 6.0).slow("shop", "latency_p99", 6.0).check(&[(40, 49, 2)]);
    Recording::new().slow("shop", "latency_p50", 6.0).slow("stock", "latency_p50", 1.0).check(&[]);
}

#[test]
fn the_direction_and_the_size_that_hurt_count() {
    let both = |times| Recording::new().slow("shop", "latency_p50", times).slow("stock", "latency_p50", times);
    both(0.1).check(&[]);
    both(2.0).check(&[]);
    // Four times 50 microseconds are felt by nobody, where the name tells the unit.
    Recording::new().slow("shop", "latency_us", 6.0).slow("stock", "latency_us", 6.0).check(&[]);
    Recording::new().slow("shop", "latency_seconds", 6.0).slow("stock", "latency_seconds", 6.0).check(&[(40, 49, 2)]);
}

#[test]
fn shares_of_errors_where_users_come_in_need_no_second_series() {
    let share = |service: &'static str, metric: &'static str, ok: f64, bad: f64| {
        Recording::new().with(key(service, metric), move |i| if TROUBLE.contains(&i) { bad } else { ok })
    };
    share("edge", "success_rate_percent", 100.0, 95.0).check(&[(40, 49, 1)]);
    share("edge", "availability", 1.0, 0.9).check(&[(40, 49, 1)]);
    share("edge", "error_percent", 0.1, 8.0).check(&[(40, 49, 1)]);
    share("edge", "success_rate_percent", 100.0, 99.5).check(&[]);
    share("edge", "success_rate_percent", 95.0, 100.0).check(&[]);
    share("stock", "success_rate_percent", 100.0, 95.0).check(&[]);
}

#[test]
fn requests_that_cease_are_told_by_two_services() {
    let traffic = |recording: Recording, service: &str, left: f64| {
        recording
            .with(key(service, "requests_per_second"), move |i| (20.0 + 3.0 * noise(5, i)) * if TROUBLE.contains(&i) { left } else { 1.0 })
    };
    let both = |left| traffic(traffic(Recording::new(), "edge", left), "shop", left);
    both(0.0).check(&[(40, 49, 2)]);
    both(0.5).check(&[]);
    both(3.0).check(&[]);
    traffic(traffic(Recording::new(), "edge", 1.0), "shop", 0.0).check(&[]);
}

#[test]
fn what_came_before_as_bad_or_does_not_last_is_no_incident() {
    let bad_at = |bad: fn(i64) -> bool| {
        let value = move |i| if bad(i) { 0.4 } else { 0.05 + 0.01 * noise(1, i) };
        Recording::new().with(key("shop", "latency_p50"), value).with(key("stock", "latency_p50"), value)
    };
    bad_at(|i| TROUBLE.contains(&i)).check(&[(40, 49, 2)]);
    bad_at(|i| i % 15 > 11).check(&[]);
    bad_at(|i| (40..42).contains(&i)).check(&[]);
    // A service that starts is slow.
    bad_at(|i| i < 6).check(&[]);
}

#[test]
fn resources_are_said_and_make_no_incident() {
    let busy = |i| if TROUBLE.contains(&i) { 80.0 } else { 5.0 + noise(3, i) };
    let recording = || Recording::new().with(key("stock", "cpu_percent"), busy).with(key("stock", "memory_percent"), busy);
    recording().check(&[]);
    let shifts = shifts(&recording().signals(), None);
    assert_eq!(shifts.len(), 2);
    assert_eq!((shifts[0].span.start, shifts[0].witness.service.as_str()), (Time(480_040 * MINUTE), "stock"));
    let calm = Recording::new().with(key("stock", "cpu_percent"), |i| 5.0 + noise(3, i));
    assert!(super::shifts(&calm.signals(), None).is_empty());
}

/// Two hundred series of heavy-tailed noise: some leave their range for minutes, and never so many together as an incident has.
#[test]
fn of_many_noisy_series_none_makes_an_incident_by_chance() {
    for seed in 0..20 {
        let mut recording = Recording::new();
        for n in 0..200 {
            let service = format!("service-{}", n / 4);
            let burst = (noise(seed, n) * 60.0) as i64;
            recording = recording.with(key(&service, &format!("latency_{n}")), move |i| {
                let tail = 1.0 / (0.02 + noise(seed * 1_000 + n, i)).powf(0.7);
                tail * if (burst..burst + 4).contains(&i) { 6.0 } else { 1.0 }
            });
        }
        recording.check(&[]);
    }
}

#[test]
fn instances_and_both_ends_of_a_call_are_told_apart() {
    let ok = |i: i64| if TROUBLE.contains(&i) { 60.0 } else { 100.0 };
    let of_call = |metric: &str| SeriesKey { edge: Some(("shop".into(), "stock".into())), ..key("stock", metric) };
    let recording = Recording::new().with(of_call("success_rate_source"), ok).with(of_call("success_rate_destination"), ok);
    let signals = recording.signals();
    let found = streams(&signals, None);
    assert_eq!(found[0].services, [ServiceName::from("stock")]);
    assert_eq!(found[0].witnesses[0].caller, Some("shop".into()));
    assert_eq!((found[0].witnesses[0].before, found[0].witnesses[0].during), (100.0, 60.0));
    assert_eq!(found[0].signal, IncidentSignal::Metric { metric: MetricName::new("success_rate_destination") });
    // One instance of three is not the service.
    let mut recording = Recording::new();
    for n in 0..3 {
        let key = SeriesKey { instance: Some(InstanceId::new(&n.to_string())), ..key("edge", "success_rate") };
        recording = recording.with(key, move |i| if n == 0 { ok(i) } else { 100.0 });
    }
    recording.check(&[]);
}
