//! Clocks that agree, clocks that do not, and what only looks like one that is off.

use super::*;
use crate::model::{Record, Time};

fn link(of: &str, to: &str, offset: f64, basis: ClockBasis) -> Link {
    let clock = |name: &str| if name == "metrics" { Clock::Metrics } else { clock_of(name) };
    Link { of: clock(of), to: clock(to), offset, uncertainty: 0.1, basis, pairs: 100 }
}

fn check(links: &[(&str, &str, f64)], expected: &[(&str, f64, usize)]) {
    let mut topology = Topology::default();
    topology.add("web".into(), "api".into());
    let links: Vec<Link> =
        links.iter().map(|l| link(l.0, l.1, l.2, if l.1 == "metrics" { ClockBasis::Metric } else { ClockBasis::SharedIds })).collect();
    let found: Vec<(String, f64, usize)> = skews(&links, &topology).iter().map(|s| (s.clock.to_string(), s.offset, s.agreeing)).collect();
    let expected: Vec<(String, f64, usize)> = expected.iter().map(|e| (e.0.to_owned(), e.1, e.2)).collect();
    assert_eq!(found, expected, "{links:?}");
}

#[test]
fn clocks_that_agree_or_cannot_be_compared_are_not_off() {
    check(&[], &[]);
    check(&[("web", "api", 0.4)], &[]);
    check(&[("web", "api", 2.9), ("api", "db", 2.9)], &[]);
}

#[test]
fn the_larger_group_is_right() {
    check(&[("web", "api", 90.0), ("api", "db", 0.5)], &[("web", 90.25, 2)]);
    check(&[("web", "api", 0.0), ("api", "db", -90.0)], &[("db", 90.0, 2)]);
    check(&[("web", "api", 60.0), ("api", "db", 0.0), ("db", "cache", 30.0)], &[("cache", -30.0, 2), ("web", 60.0, 2)]);
}

#[test]
fn of_two_the_one_with_the_metrics_is_right_else_the_one_where_users_come_in() {
    check(&[("web", "api", 90.0)], &[("api", -90.0, 1)]);
    check(&[("web", "api", 90.0), ("api", "metrics", 0.0)], &[("web", 90.0, 2)]);
    check(&[("web", "metrics", 90.0)], &[("web", 90.0, 1)]);
    check(&[("web", "api", 0.0), ("web", "metrics", 90.0)], &[("the metrics", -90.0, 2)]);
}

#[test]
fn a_clock_with_contradicting_links_is_not_called_off() {
    check(&[("web", "api", 0.0), ("web", "db", 0.0), ("late", "api", 60.0), ("late", "db", 5.0)], &[]);
}

/// Request ids that `web` and `api` write, the latter `lag(i)` seconds later.
fn flow(requests: i64, lag: impl Fn(i64) -> i64) -> Flow {
    let mut flow = Flow::default();
    for i in 0..requests {
        for (service, at) in [("web", 1_000 + i), ("api", 1_000 + i + lag(i)), ("db", 1_000 + i)] {
            let record =
                Record { time: Time(at * 1_000_000), trace: Some(format!("r{i}").into()), message: "x".into(), ..Record::default() };
            flow.add(&record, service, "x.log", i as u64);
        }
    }
    Flow::merged(vec![flow])
}

fn ahead(flow: &Flow) -> Vec<(String, f64)> {
    let skews = estimate(&Tally::default(), flow, &Metrics::new(), &Topology::default());
    skews.iter().map(|s| (s.clock.to_string(), s.offset)).collect()
}

#[test]
fn shared_ids_tell_a_clock_from_a_queue() {
    assert_eq!(ahead(&flow(100, |_| -90)), [("api".to_owned(), -90.0)]);
    assert_eq!(ahead(&flow(100, |_| 1)), []);
    assert_eq!(ahead(&flow(100, |i| 10 + i % 50)), [], "a queue");
    assert_eq!(ahead(&flow(10, |_| 90)), [], "too few");
}

#[test]
fn corrected_clocks_agree() {
    let (mut flow, mut tally, mut metrics) = (flow(100, |_| 90), Tally::default(), Metrics::new());
    let skews = estimate(&tally, &flow, &metrics, &Topology::default());
    correct(&skews, &mut tally, &mut flow, &mut metrics);
    assert_eq!(skews.len(), 1);
    assert_eq!(ahead(&flow), []);
}
