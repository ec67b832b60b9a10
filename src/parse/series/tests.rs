//! What series turn into, whatever file they came from.

use super::labels::raw_key;
use super::*;

/// Series as (name and labels, kind, values ten seconds apart; `NaN` leaves one out).
#[track_caller]
fn check(series: &[(&str, Kind, &[f64])], expected: &[(&str, &[f64])]) {
    let mut collected = Collected::default();
    for (name, kind, values) in series {
        let (metric, labels) = name.split_once('{').unwrap_or((name, ""));
        let pairs = labels.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('='));
        let labels = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let id = collected.series(raw_key(metric, labels, &Setting::default()), *kind);
        for (i, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            collected.push(id, Time(i as i64 * 10 * SECOND), *value);
        }
    }
    let found = collected.finish();
    let found: Vec<(&str, Vec<f64>)> =
        found.iter().map(|(key, points)| (key.metric.as_str(), points.iter().map(|p| p.1).collect())).collect();
    let expected: Vec<(&str, Vec<f64>)> = expected.iter().map(|(name, values)| (*name, values.to_vec())).collect();
    assert_eq!(found, expected);
}

const GAP: f64 = f64::NAN;

#[test]
fn counters_become_rates_with_resets_and_gaps() {
    check(&[], &[]);
    check(&[("a", Kind::Counter, &[5.0])], &[]);
    check(&[("a", Kind::Counter, &[10.0, 20.0, 5.0, GAP, 25.0])], &[("a", &[1.0, 0.5, 1.0])]);
    check(&[("a", Kind::Counter, &[f64::INFINITY, 1e308, 20.0, 30.0])], &[("a", &[1.0])]);
    check(&[("a", Kind::Rate, &[2.0, 3.0])], &[("a", &[2.0, 3.0])]);
    check(&[("a", Kind::Gauge, &[2.0, 3.0])], &[("a", &[2.0, 3.0])]);
}

#[test]
fn unknown_series_are_counters_by_name_and_behaviour() {
    let rising: Vec<f64> = (0..40).map(|i| f64::from(10 * i)).collect();
    let ones = [1.0; 39];
    for name in ["http_requests_total", "requests_sum", "keyspace_hits"] {
        check(&[(name, Kind::Unknown, &rising)], &[(name, &ones)]);
    }
    for name in ["memory_bytes", "queue_waits_current", "requests_per_s"] {
        check(&[(name, Kind::Unknown, &rising)], &[(name, &rising)]);
    }
    let swinging = [3.0, 9.0, 7.0, 8.0, 6.0, 9.0, 7.0, 8.0, 7.5, 9.0];
    check(&[("requests_sum", Kind::Unknown, &swinging)], &[("requests_sum", &swinging)]);
    let (short, idle) = ([1.0, 2.0, 3.0], [0.0; 40]);
    check(&[("requests_total", Kind::Unknown, &short)], &[("requests_total", &short)]);
    check(&[("keyspace_hits", Kind::Unknown, &idle)], &[("keyspace_hits", &idle)]);
    let once = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0, 0.0];
    check(&[("errors_total", Kind::Unknown, &once)], &[("errors_total", &once)]);
    let known = [5.0, 5.0, 5.0];
    check(&[("errors_total", Kind::Gauge, &known)], &[("errors_total", &known)]);
}

#[test]
fn counters_are_added_over_labels_with_failures_apart() {
    check(
        &[
            ("r_total{code=200,path=/a}", Kind::Counter, &[0.0, 100.0, 200.0, 300.0]),
            ("r_total{code=404,path=/b}", Kind::Counter, &[0.0, 0.0, 10.0, 10.0]),
            ("r_total{code=500,path=/b}", Kind::Counter, &[GAP, GAP, 50.0, 70.0]),
        ],
        &[("r_total", &[10.0, 16.0, 12.0]), ("r_total{code=5xx}", &[0.0, 5.0, 2.0])],
    );
    check(&[("r_total{code=500}", Kind::Counter, &[0.0, 10.0])], &[("r_total", &[1.0])]);
    check(
        &[("c_total{outcome=SERVER_ERROR}", Kind::Counter, &[0.0, 10.0]), ("c_total{outcome=CLIENT_ERROR}", Kind::Counter, &[0.0, 20.0])],
        &[("c_total", &[3.0]), ("c_total{outcome=error}", &[1.0])],
    );
    check(
        &[("g_total{grpc_code=Unavailable}", Kind::Counter, &[0.0, 10.0]), ("g_total{grpc_code=NotFound}", Kind::Counter, &[0.0, 20.0])],
        &[("g_total", &[3.0]), ("g_total{grpc_code=error}", &[1.0])],
    );
}

#[test]
fn sums_of_observations_become_their_mean() {
    check(
        &[("d_count", Kind::Counter, &[0.0, 10.0, 10.0]), ("d_sum", Kind::Counter, &[0.0, 5.0, 5.0])],
        &[("d_count", &[1.0, 0.0]), ("d_mean", &[0.5])],
    );
    check(&[("requests_sum", Kind::Counter, &[0.0, 10.0])], &[("requests_sum", &[1.0])]);
}

#[test]
fn a_total_that_was_not_looked_at_before_is_no_burst() {
    check(
        &[("r_total{x=1}", Kind::Counter, &[0.0, 10.0, 20.0]), ("r_total{x=2}", Kind::Counter, &[GAP, 9000.0, 9010.0])],
        &[("r_total", &[1.0, 2.0])],
    );
}

#[test]
fn levels_are_kept_apart_while_they_are_few() {
    check(
        &[("used_bytes{d=a}", Kind::Gauge, &[1.0]), ("used_bytes{d=b}", Kind::Gauge, &[2.0])],
        &[("used_bytes{d=a}", &[1.0]), ("used_bytes{d=b}", &[2.0])],
    );
    let names = |metric: &str| (0..20).map(|i| format!("{metric}{{d={i},k=v}}")).collect::<Vec<_>>();
    let (bytes, util) = (names("used_bytes"), names("util_percent"));
    let all = |names: &'static [String]| names.iter().map(|n| (n.as_str(), Kind::Gauge, &[2.0][..])).collect::<Vec<_>>();
    check(&all(Vec::leak(bytes)), &[("used_bytes", &[40.0])]);
    check(&all(Vec::leak(util)), &[("util_percent", &[2.0])]);
}

#[test]
fn what_nobody_uses_is_left_out() {
    check(
        &[("memory.usage{state=free}", Kind::Gauge, &[9.0]), ("memory.usage{state=used}", Kind::Gauge, &[1.0])],
        &[("memory.usage", &[1.0])],
    );
    check(
        &[("pool{state=idle}", Kind::Gauge, &[9.0]), ("pool{state=used}", Kind::Gauge, &[1.0])],
        &[("pool{state=idle}", &[9.0]), ("pool{state=used}", &[1.0])],
    );
    check(
        &[("container_memory_rss{container=POD}", Kind::Gauge, &[9.0]), ("container_memory_rss{container=a}", Kind::Gauge, &[1.0])],
        &[("container_memory_rss", &[1.0])],
    );
}

#[test]
fn a_rate_does_not_hide_in_a_level_of_its_name() {
    check(&[("x{a=1}", Kind::Gauge, &[9.0]), ("x{b=1}", Kind::Counter, &[0.0, 10.0])], &[("x", &[9.0]), ("x_rate", &[1.0])]);
}

#[test]
fn files_are_taken_together_and_samples_of_one_instant_apart_by_seconds_are_added() {
    let of = |points: &[(i64, f64)], label: &str| {
        let mut collected = Collected::default();
        let labels = [("k".to_owned(), label.to_owned())].into();
        let id = collected.series(raw_key("r_total", labels, &Setting::default()), Kind::Counter);
        points.iter().for_each(|(time, value)| collected.push(id, Time(time * SECOND), *value));
        collected
    };
    let mut all = of(&[(20, 40.0)], "a");
    all.absorb(of(&[(0, 0.0), (10, 20.0), (20, 99.0)], "a"));
    all.absorb(of(&[(1, 0.0), (12, 11.0), (21, 20.0)], "b"));
    let metrics = all.finish();
    assert_eq!(metrics.values().next().unwrap(), &[(Time(10 * SECOND), 3.0), (Time(20 * SECOND), 3.0)]);
}

#[test]
fn any_magnitude_of_time() {
    for number in [1_691_850_600.0, 1_691_850_600e3, 1_691_850_600e6, 1_691_850_600e9] {
        assert_eq!(instant(number).map(Time::rfc3339).as_deref(), Some("2023-08-12T14:30:00Z"));
    }
    assert_eq!(instant(f64::NAN), None);
}
