//! Lags between series that share a signal, and between series that do not.

use super::*;

/// Counts that jump about like those of real traffic, the same for every run.
fn traffic(windows: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 31)
    };
    (0..windows).map(|_| (20.0 + 20.0 * (next() - 0.5) + 10.0 * (next() - 0.5)).round()).collect()
}

fn series(first: i64, values: &[f64]) -> Series {
    Series { first, values: values.to_vec() }
}

fn check(of: &Series, to: &Series, expected: Option<i64>) {
    assert_eq!(lag(of, to, 1.0).map(|l| l.0), expected);
}

#[test]
fn a_shared_signal_shows_the_lag() {
    let all = traffic(400, 7);
    let third: Vec<f64> = all.iter().map(|v| (v / 3.0).round()).collect();
    for offset in [0, 1, 90, -90] {
        check(&series(1_000 + offset, &all), &series(1_000, &third), Some(offset));
    }
}

#[test]
fn what_only_looks_alike_shows_none() {
    check(&series(0, &traffic(400, 7)), &series(0, &traffic(400, 8)), None);
    check(&series(0, &[]), &series(0, &[]), None);
    check(&series(0, &[5.0; 400]), &series(0, &[5.0; 400]), None);
    let day = |shift: usize| (0..400).map(|i| 100.0 + (i + shift) as f64).collect::<Vec<_>>();
    check(&series(0, &day(0)), &series(0, &day(90)), None);
    let beat = |shift: usize| (0..400).map(|i| if (i + shift).is_multiple_of(30) { 50.0 } else { 1.0 }).collect::<Vec<_>>();
    check(&series(0, &beat(0)), &series(0, &beat(10)), None);
}

fn samples(log: &[f64], every: usize, ahead: i64) -> Vec<(Time, f64)> {
    let sums = log.chunks(every).map(|c| c.iter().sum::<f64>() / every as f64);
    sums.enumerate().map(|(i, v)| (Time((((i + 1) * every) as i64 - ahead) * 1_000_000), v)).collect()
}

#[test]
fn a_metric_of_the_same_traffic_shows_the_lag() {
    let all = traffic(600, 3);
    for (ahead, expected) in [(0, Some(0.0)), (90, Some(90.0)), (-90, Some(-90.0))] {
        let found = against_metric(&"web".into(), &series(0, &all), &samples(&all, 5, ahead), 1.0);
        assert_eq!(found.map(|f| f.1.offset), expected);
    }
    assert_eq!(against_metric(&"web".into(), &series(0, &all), &samples(&traffic(600, 4), 5, 90), 1.0), None);
    assert_eq!(against_metric(&"web".into(), &series(0, &all), &[], 1.0), None);
}
