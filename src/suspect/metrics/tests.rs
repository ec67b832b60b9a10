//! Tests of the ranking by metrics.

use super::*;
use crate::model::time::SECOND;
use crate::model::{SeriesKey, Time};

const QUIET_ROWS: i64 = 60;
const ROWS: i64 = 80;

/// Small, repeatable noise in 0.97..1.03.
fn wobble(row: i64, seed: usize) -> f64 {
    0.97 + ((row * 7919 + seed as i64 * 104_729) % 61) as f64 / 1000.0
}

fn at(row: i64) -> Time {
    Time(row * 10 * SECOND)
}

fn span() -> TimeSpan {
    TimeSpan::new(at(QUIET_ROWS), at(ROWS))
}

#[derive(Default)]
struct Case {
    metrics: Metrics,
    topology: Topology,
}

impl Case {
    fn calls(mut self, edges: &[(&str, &str)]) -> Case {
        edges.iter().for_each(|(caller, callee)| self.topology.add((*caller).into(), (*callee).into()));
        self
    }

    /// A series at `quiet` before the incident and at `during` in it.
    fn with(self, service: &str, metric: &str, quiet: f64, during: f64) -> Case {
        self.edge(service, metric, None, (quiet, during))
    }

    fn edge(mut self, service: &str, metric: &str, edge: Option<(&str, &str)>, (quiet, during): (f64, f64)) -> Case {
        let edge = edge.map(|(caller, callee)| (caller.into(), callee.into()));
        let key = SeriesKey { service: service.into(), metric: metric.into(), instance: None, edge };
        let seed = self.metrics.len();
        let value = |row| if row < QUIET_ROWS { quiet } else { during };
        self.metrics.insert(key, (0..ROWS).map(|row| (at(row), value(row) * wobble(row, seed))).collect());
        self
    }

    /// Healthy resources and load for services.
    fn healthy(mut self, services: &[&str]) -> Case {
        for service in services {
            for (metric, level) in [("cpu_percent", 20.0), ("memory_bytes", 2e8), ("requests", 100.0)] {
                self = self.with(service, metric, level, level);
            }
        }
        self
    }

    fn rank(&self, alarm: Option<&str>) -> Vec<ComponentScore> {
        let alarm = alarm.map(|service| (service.into(), None));
        rank(&self.metrics, &self.topology, span(), alarm.as_ref())
    }
}

fn check(case: &Case, alarm: Option<&str>, service: &str, resource: &str) {
    let scores = case.rank(alarm);
    let found = scores.first().map(|s| (s.service.as_str(), s.resource));
    assert_eq!(found, Some((service, resource)), "{scores:#?}");
    let distinct: BTreeSet<_> = scores.iter().map(|s| (&s.service, s.resource)).collect();
    assert_eq!(distinct.len(), scores.len());
    assert!(scores.iter().all(|s| s.score.is_finite() && s.findings.len() <= 3));
}

/// Users at `web`, which calls `api`, which calls `db`; all slowed by `db` as far as they call it.
fn slow_database() -> Case {
    let case = Case::default().calls(&[("web", "api"), ("api", "db"), ("web", "ads")]).healthy(&["web", "api", "db", "ads"]);
    case.with("web", "latency_ms", 50.0, 250.0).with("api", "latency_ms", 30.0, 230.0).with("db", "latency_ms", 10.0, 210.0).with(
        "ads",
        "latency_ms",
        5.0,
        5.0,
    )
}

#[test]
fn nothing_to_judge() {
    let empty = Case::default();
    assert_eq!(empty.rank(None), []);
    assert_eq!(empty.rank(Some("web")), []);
    assert_eq!(confidence(&[]), 0.0);
    let quiet = Case::default().calls(&[("web", "api")]).healthy(&["web", "api"]);
    assert_eq!(confidence(&quiet.rank(None)), 0.0);
    assert_eq!(confidence(&quiet.rank(Some("elsewhere"))), 0.0);
}

#[test]
fn odd_series_are_harmless() {
    let key = |metric: &str| SeriesKey { service: "web".into(), metric: metric.into(), instance: None, edge: None };
    for values in
        [vec![], vec![1.0], vec![f64::NAN; 5], vec![0.0, 0.0, 0.0, 9.0], vec![f64::MAX, f64::MIN, f64::MAX, 1.0], vec![-5.0, -5.0, 3.0]]
    {
        for metric in ["latency", "errors", "availability", "cpu_percent", "memory", "requests", "x", ""] {
            for start in 0..4 {
                let series = values.iter().enumerate().map(|(row, v)| (at(row as i64), *v)).collect();
                let metrics = Metrics::from([(key(metric), series)]);
                let scores =
                    rank(&metrics, &Topology::default(), TimeSpan::new(at(start), at(9)), Some(&("web".into(), Some(metric.into()))));
                assert!(scores.iter().all(|s| s.score.is_finite()), "{metric} {values:?}");
                assert!((0.0..=1.0).contains(&confidence(&scores)));
            }
        }
    }
}

#[test]
fn the_deepest_slow_service_explains_its_callers() {
    check(&slow_database(), Some("web"), "db", "code");
    check(&slow_database(), None, "db", "code");
}

#[test]
fn a_cycle_of_calls_ends() {
    check(&slow_database().calls(&[("db", "api"), ("api", "web")]), Some("web"), "db", "code");
}

#[test]
fn damage_not_deviation_finds_the_culprit_behind_an_alarm() {
    let rare = slow_database().calls(&[("web", "alias")]).with("alias", "latency_ms", 1.0, 400.0).with("alias", "requests", 0.01, 0.01);
    check(&rare, Some("web"), "db", "code");
}

#[test]
fn a_service_that_the_alarmed_one_does_not_need_is_behind() {
    let apart = slow_database().with("batch", "latency_ms", 10.0, 500.0).with("batch", "requests", 100.0, 100.0);
    check(&apart, Some("web"), "db", "code");
}

#[test]
fn resources_are_told_apart() {
    check(&slow_database().with("db", "cpu_percent", 20.0, 95.0), Some("web"), "db", "cpu");
    check(&slow_database().with("db", "memory_bytes", 2e8, 5e8), Some("web"), "db", "memory");
    check(&slow_database().with("db", "disk_iops", 50.0, 900.0), Some("web"), "db", "disk");
    let at_work = slow_database().with("db", "cpu_percent", 3.0, 20.0);
    assert_eq!(at_work.rank(Some("web"))[0].resource, "code");
}

#[test]
fn without_resources_the_kind_is_unknown() {
    let bare = Case::default().calls(&[("web", "db")]).with("web", "latency", 1.0, 9.0).with("db", "latency", 0.5, 8.5);
    check(&bare, Some("web"), "db", "unknown");
}

#[test]
fn a_link_is_slow_where_only_the_callers_see_it() {
    let seen = |case: Case, during| {
        let edge = Some(("web", "api"));
        case.edge("web", "latency_client", edge, (20.0, 120.0)).edge("api", "latency_server", edge, (15.0, during))
    };
    let case = || Case::default().healthy(&["web", "api"]).with("web", "latency_ms", 50.0, 150.0);
    check(&seen(case(), 15.0), None, "api", "network");
    check(&seen(case(), 115.0), None, "api", "code");
}

#[test]
fn a_caller_that_stops_calling_failed_before_the_call() {
    let services = ["web", "checkout", "payment"];
    let case = Case::default().calls(&[("web", "checkout"), ("checkout", "payment")]).healthy(&services);
    let failing = case.with("web", "error_percent", 0.5, 20.0).with("payment", "requests", 100.0, 5.0);
    check(&failing, None, "checkout", "code");
}

#[test]
fn cpu_that_follows_the_load_is_no_finding() {
    let case = Case::default().healthy(&["web"]).with("web", "requests", 100.0, 300.0).with("web", "cpu_percent", 25.0, 75.0);
    assert!(case.rank(None).iter().all(|s| s.score < LEAST_SCORE), "{:?}", case.rank(None));
}

#[test]
fn names_of_services_and_units_do_not_matter() {
    let case = slow_database().with("db", "cpu_percent", 20.0, 95.0);
    let renamed = |name: &ServiceName| ServiceName::new(&format!("x-{name}"));
    let scaled = |key: &SeriesKey, v: f64| if key.metric.as_str() == "latency_ms" { v / 1000.0 } else { v };
    let mut other = Case::default();
    for (key, points) in &case.metrics {
        let points = points.iter().map(|(t, v)| (*t, scaled(key, *v))).collect();
        other.metrics.insert(SeriesKey { service: renamed(&key.service), ..key.clone() }, points);
    }
    case.topology.edges().for_each(|(a, b)| other.topology.add(renamed(a), renamed(b)));
    let ranks = |scores: Vec<ComponentScore>| scores.into_iter().map(|s| (s.service, s.resource)).collect::<Vec<_>>();
    let expected: Vec<_> = ranks(case.rank(Some("web"))).into_iter().map(|(service, resource)| (renamed(&service), resource)).collect();
    assert_eq!(ranks(other.rank(Some("x-web"))), expected);
}

#[test]
fn findings_name_the_strongest_series_in_its_own_unit() {
    let case = Case::default().calls(&[("web", "db")]).with("web", "availability", 99.9, 80.0).with("db", "availability", 99.9, 80.0);
    let scores = case.rank(Some("web"));
    let Some(Finding::MetricShift { service, metric, before, during, z }) = scores[0].findings.first() else { panic!("{scores:?}") };
    assert_eq!((service.as_str(), metric.as_str()), ("db", "availability"));
    assert!(*before > 95.0 && *during < 85.0 && *z > 2.0, "{before} {during} {z}");
}

#[test]
fn confidence_follows_the_margin_over_another_service() {
    let score =
        |service: &str, resource, score| ComponentScore { service: service.into(), resource, score, instance: None, findings: vec![] };
    let of = |top, same, other| confidence(&[score("a", "cpu", top), score("a", "code", same), score("b", "cpu", other)]);
    assert_eq!(of(1.9, 0.0, 0.0), 0.0);
    assert!((of(4.0, 3.9, 1.85) - 0.9).abs() < 0.01);
    assert!(of(9.0, 8.9, 1.0) > 0.99 && of(4.0, 3.9, 3.8) < 0.2);
    assert!(confidence(&[score("a", "cpu", 5.0)]) > 0.99);
}
