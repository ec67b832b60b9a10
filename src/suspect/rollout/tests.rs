//! Roll-outs in a small mesh: `web` calls `cart` and `pay`, `cart` calls `stock`.

use super::*;
use crate::model::ServiceName;
use crate::model::{ChangeKind, ConfigDiff, Origin, SeriesKey};

const STEP: f64 = 60.0;
/// The recording has this many steps; the incident begins at `START`.
const STEPS: usize = 40;
const START: usize = 30;

fn at(step: f64) -> Time {
    Time::parse_rfc3339("2024-05-01T00:00:00Z").unwrap().plus_seconds(step * STEP)
}

fn incident() -> TimeSpan {
    TimeSpan::new(at(START as f64), at(STEPS as f64))
}

fn change(id: &str, service: &str, step: f64, instances: &[&str]) -> Arc<Change> {
    Arc::new(Change {
        id: id.into(),
        time: at(step),
        end_time: None,
        service: service.into(),
        kind: ChangeKind::Deploy,
        version: None,
        previous_version: None,
        summary: None,
        author: None,
        url: None,
        instances: instances.iter().map(|i| InstanceId::new(i)).collect(),
        config_before: None,
        config_after: None,
        config: ConfigDiff::default(),
        diff: None,
        origin: Origin::file("changes.jsonl"),
    })
}

fn topology() -> Topology {
    let mut topology = Topology::default();
    for (caller, callee) in [("web", "cart"), ("web", "pay"), ("cart", "stock"), ("stock", "10.0.0.1")] {
        topology.add(caller.into(), callee.into());
    }
    topology
}

/// A mesh in health, to which faults are added.
struct Mesh(Metrics);

impl Mesh {
    fn healthy() -> Mesh {
        let mut mesh = Mesh(Metrics::new());
        for (caller, callee) in [("web", "cart"), ("web", "pay"), ("cart", "stock")] {
            mesh.edge(caller, callee, |_| Some(100.0));
            for n in 1..=3 {
                mesh.instance(caller, callee, &format!("{callee}-{n}"), |_| Some(100.0));
            }
        }
        mesh
    }

    fn put(&mut self, key: SeriesKey, value: impl Fn(usize) -> Option<f64>) {
        self.0.insert(key, (0..STEPS).filter_map(|i| Some((at(i as f64), value(i)?))).collect());
    }

    fn edge(&mut self, caller: &str, callee: &str, value: impl Fn(usize) -> Option<f64>) {
        let edge = Some((caller.into(), callee.into()));
        self.put(SeriesKey { service: callee.into(), metric: "success_rate".into(), instance: None, edge }, value);
    }

    fn instance(&mut self, caller: &str, callee: &str, id: &str, value: impl Fn(usize) -> Option<f64>) {
        let edge = Some((caller.into(), callee.into()));
        self.put(SeriesKey { service: callee.into(), metric: "success_rate".into(), instance: Some(id.into()), edge }, value);
    }

    fn plain(&mut self, service: &str, metric: &str, id: &str, value: impl Fn(usize) -> Option<f64>) {
        self.put(SeriesKey { service: service.into(), metric: metric.into(), instance: Some(id.into()), edge: None }, value);
    }

    fn weigh(&self, changes: &[Arc<Change>]) -> RolloutVerdict {
        weigh(&self.0, &topology(), changes, incident()).expect("the mesh tells success per edge")
    }
}

/// `cart` fails for a third of the requests from the incident's start on.
fn failing_cart() -> Mesh {
    let mut mesh = Mesh::healthy();
    mesh.edge("web", "cart", |i| Some(if i < START { 100.0 } else { 66.0 }));
    mesh
}

fn first<'a>(verdict: &RolloutVerdict, changes: &'a [Arc<Change>]) -> &'a str {
    changes[verdict.scores[0].change].id.as_str()
}

fn score_of<'a>(verdict: &'a RolloutVerdict, changes: &[Arc<Change>], id: &str) -> &'a RolloutScore {
    verdict.scores.iter().find(|s| changes[s.change].id.as_str() == id).unwrap()
}

#[test]
fn nothing_to_judge_by() {
    assert!(weigh(&Metrics::new(), &topology(), &[], incident()).is_none());
    let mut totals = Mesh(Metrics::new());
    totals.put(SeriesKey { service: "cart".into(), metric: "success_rate".into(), instance: None, edge: None }, |_| Some(99.0));
    totals.plain("cart", "cpu", "cart-1", |_| Some(1.0));
    assert!(weigh(&totals.0, &topology(), &[], incident()).is_none());
}

#[test]
fn no_change_or_only_later_ones_leave_none() {
    let late = change("late", "cart", STEPS as f64, &[]);
    for changes in [vec![], vec![late]] {
        let verdict = failing_cart().weigh(&changes);
        assert!(verdict.scores.is_empty());
        assert_eq!(verdict.none, 1.0);
        assert_eq!(verdict.onset, Some(at(START as f64)));
    }
}

#[test]
fn probabilities_add_up_and_evidence_is_worth_the_score() {
    let changes = [change("a", "cart", 29.0, &["cart-3"]), change("b", "pay", 28.0, &[]), change("c", "*", 1.0, &[])];
    let verdict = failing_cart().weigh(&changes);
    let total: f64 = verdict.none + verdict.scores.iter().map(|s| s.probability).sum::<f64>();
    assert!((total - 1.0).abs() < 1e-12);
    for score in &verdict.scores {
        let worth: f64 = score.evidence().map(|(_, nats)| nats).sum();
        assert!((worth - score.log_odds).abs() < 1e-12, "{score:?}");
    }
}

#[test]
fn a_failing_canary_is_guilty_and_a_healthy_one_is_not() {
    let mut mesh = failing_cart();
    mesh.instance("web", "cart", "cart-new", |i| (i >= START).then_some(0.0));
    mesh.instance("web", "pay", "pay-new", |i| (i >= START).then_some(100.0));
    let changes = [change("cart", "cart", 29.0, &["cart-new"]), change("pay", "pay", 29.5, &["pay-new"])];
    let verdict = mesh.weigh(&changes);
    assert_eq!(first(&verdict, &changes), "cart");
    assert!(verdict.scores[0].probability > 0.95);
    assert!(
        matches!(&verdict.scores[0].findings[1], RolloutFinding::NewFails { contrast, .. } if contrast.new == 0.0 && contrast.old == 100.0)
    );
    assert!(score_of(&verdict, &changes, "pay").findings.iter().any(|f| matches!(f, RolloutFinding::NewAsHealthy { .. })));
}

#[test]
fn a_service_that_falls_as_a_whole_is_a_victim() {
    let mut mesh = failing_cart();
    for id in ["cart-1", "cart-2", "cart-3", "cart-new"] {
        mesh.instance("web", "cart", id, |i| Some(if i < START { 100.0 } else { 66.0 }));
    }
    let changes = [change("cart", "cart", 29.0, &["cart-new"])];
    let verdict = mesh.weigh(&changes);
    assert!(verdict.scores[0].findings.iter().any(|f| matches!(f, RolloutFinding::OldFellAsWell { .. })));
    assert!(verdict.scores[0].terms.c < 0.0);
}

#[test]
fn silence_counts_only_among_serving_siblings() {
    let check = |siblings_serve: bool, replaced: bool| {
        let mut mesh = failing_cart();
        for id in ["cart-1", "cart-2"] {
            mesh.instance("web", "cart", id, |i| (siblings_serve || i < START).then_some(100.0));
        }
        mesh.instance("web", "cart", "cart-3", |i| (!replaced || i < 29).then_some(100.0));
        let other = change("pay", "pay", 20.0, &["pay-1"]);
        let changes = [change("cart", "cart", 28.0, &["cart-new"]), other];
        let verdict = mesh.weigh(&changes);
        score_of(&verdict, &changes, "cart").terms.s
    };
    assert_eq!(check(true, true), 3.5);
    assert!((check(true, false) - 3.5 * 0.3).abs() < 1e-12);
    assert_eq!(check(false, true), 0.0);
}

#[test]
fn silence_is_not_judged_where_no_listed_instance_is_known() {
    let changes = [change("cart", "cart", 28.0, &["i-0123"]), change("pay", "pay", 28.0, &["i-4567"])];
    let verdict = failing_cart().weigh(&changes);
    assert!(!verdict.instances_known);
    assert!(verdict.scores.iter().all(|s| s.terms.s == 0.0));
}

#[test]
fn order_in_time() {
    let check = |step: f64, t: f64| {
        let verdict = failing_cart().weigh(&[change("cart", "cart", step, &[])]);
        let found = verdict.scores[0].terms.t;
        assert!((found - t).abs() < 1e-12, "{step}: {found}");
    };
    check(START as f64, 0.0);
    check(START as f64 + 1.0, -1.5);
    check(START as f64 + 5.0, -3.0);
    check(START as f64 - 2.0, -(2.0f64.ln()));
    check(START as f64 - 18.0, -(10.0f64.ln()));
}

#[test]
fn time_counts_from_the_first_request_served() {
    let mut mesh = failing_cart();
    mesh.instance("web", "cart", "cart-new", |i| (i >= 29).then_some(0.0));
    let changes = [change("cart", "cart", 10.0, &["cart-new"])];
    assert!((mesh.weigh(&changes).scores[0].terms.t + 2.0f64.ln()).abs() < 1e-12);
    // In place, and older than the recording: it served ever since.
    let old = [change("old", "cart", -100.0, &["cart-1"])];
    assert!((mesh.weigh(&old).scores[0].terms.t + 131.0f64.ln()).abs() < 1e-12);
}

#[test]
fn the_onset_is_walked_back_over_one_good_sample_but_not_two() {
    let check = |bad: &[usize], onset: Option<usize>| {
        let mut mesh = Mesh::healthy();
        mesh.edge("web", "cart", |i| Some(if bad.contains(&i) { 60.0 } else { 100.0 }));
        let verdict = mesh.weigh(&[change("cart", "cart", 10.0, &[])]);
        assert_eq!(verdict.onset, onset.map(|i| at(i as f64)), "{bad:?}");
    };
    check(&[], None);
    // A single bad sample is a blip unless it is severe: 40 of 10 samples make 4 points.
    check(&[31], Some(31));
    check(&[30, 31], Some(30));
    check(&[29, 31, 32], Some(29));
    check(&[26, 28, 30, 31], Some(26));
    check(&[25, 28, 30, 31], Some(28));
    check(&[20, 21], None);
}

#[test]
fn a_callee_explains_its_caller() {
    let mut mesh = failing_cart();
    mesh.edge("cart", "stock", |i| Some(if i < START { 100.0 } else { 50.0 }));
    let changes = ["stock", "cart", "web", "pay", "elsewhere"].map(|s| change(s, s, 29.0, &[]));
    let verdict = mesh.weigh(&changes);
    let g: Vec<f64> = changes.iter().map(|c| score_of(&verdict, &changes, c.id.as_str()).terms.g).collect();
    assert!(g.windows(2).all(|pair| pair[0] >= pair[1]), "{g:?}");
    assert_eq!(first(&verdict, &changes), "stock");
    assert_eq!(verdict.failing_edges.len(), 2);
}

#[test]
fn calls_that_ceased_follow_the_break() {
    let g = |pay_ceases: bool| {
        let mut mesh = failing_cart();
        mesh.edge("web", "pay", |i| (i < START || !pay_ceases).then_some(100.0));
        let verdict = mesh.weigh(&[change("pay", "pay", 29.0, &[])]);
        verdict.scores[0].terms.g
    };
    assert!(g(true) < g(false) - 1.5);
}

#[test]
fn a_heavier_version_is_noticed_and_a_lighter_one_is_not() {
    let r = |cpu: f64| {
        let mut mesh = Mesh::healthy();
        for (n, id) in ["cart-1", "cart-2", "cart-3"].into_iter().enumerate() {
            mesh.plain("cart", "cpu_usage", id, |i| Some(20.0 + n as f64 + (i % 3) as f64 * 0.1));
        }
        mesh.plain("cart", "cpu_usage", "cart-new", |i| (i >= START).then_some(cpu));
        mesh.weigh(&[change("cart", "cart", 29.0, &["cart-new"])]).scores[0].terms.r
    };
    assert_eq!(r(60.0), 2.0);
    assert_eq!(r(21.0), 0.0);
    assert_eq!(r(2.0), 0.0);
}

#[test]
fn a_retired_instance_that_copies_its_successor_is_no_sibling() {
    let mut mesh = failing_cart();
    for (id, start) in [("cart-3", 0), ("cart-new", 29)] {
        mesh.plain("cart", "cpu_usage", id, |i| (i >= start).then_some(10.0 + i as f64 / 7.0));
        mesh.instance("web", "cart", id, |i| (i >= start).then_some(if i < START { 100.0 } else { 0.0 }));
    }
    let verdict = mesh.weigh(&[change("cart", "cart", 29.0, &["cart-new"])]);
    let contrast = verdict.scores[0].findings.iter().find_map(|f| match f {
        RolloutFinding::NewFails { contrast, old_fell } => Some((contrast.old, *old_fell)),
        _ => None,
    });
    assert_eq!(contrast, Some((100.0, 0.0)));
}

#[test]
fn names_and_units_do_not_matter() {
    let mut mesh = failing_cart();
    mesh.instance("web", "cart", "cart-new", |i| (i >= START).then_some(40.0 + (i % 4) as f64));
    let changes = [change("cart", "cart", 29.0, &["cart-new"]), change("pay", "pay", 28.5, &["pay-1"])];
    let renamed = |s: &str| s.chars().rev().collect::<String>();
    let service = |s: &ServiceName| ServiceName::new(&renamed(s.as_str()));
    let other_metrics: Metrics = mesh
        .0
        .iter()
        .map(|(key, points)| {
            let key = SeriesKey {
                service: service(&key.service),
                metric: "http error ratio".into(),
                instance: key.instance.as_ref().map(|i| InstanceId::new(&renamed(i.as_str()))),
                edge: key.edge.as_ref().map(|(u, v)| (service(u), service(v))),
            };
            (key, points.iter().map(|(t, v)| (*t, (100.0 - v) / 100.0)).collect())
        })
        .collect();
    let other_changes = changes.clone().map(|c| {
        let instances = c.instances.iter().map(|i| InstanceId::new(&renamed(i.as_str()))).collect();
        Arc::new(Change { service: service(&c.service), instances, ..(*c).clone() })
    });
    let mut other_topology = Topology::default();
    for (u, v) in topology().edges() {
        other_topology.add(service(u), service(v));
    }
    let (a, b) = (mesh.weigh(&changes), weigh(&other_metrics, &other_topology, &other_changes, incident()).unwrap());
    for (x, y) in a.scores.iter().zip(&b.scores) {
        assert_eq!(x.change, y.change);
        assert!((x.log_odds - y.log_odds).abs() < 1e-9, "{x:?} {y:?}");
    }
}

#[test]
fn changes_that_nothing_shows_are_no_contest() {
    let mesh = failing_cart();
    let elsewhere = change("a", "elsewhere", 29.0, &["elsewhere-1"]);
    let long_before = change("b", "cart", -60.0, &[]);
    assert_eq!(weigh(&mesh.0, &topology(), &[elsewhere.clone(), long_before], incident()), None);
    let seen = ["cart", "web", "10.0.0.1", "*"].map(|known| change("c", known, 29.0, &[]));
    for change in seen.into_iter().chain([change("d", "cart", -60.0, &["cart-1"])]) {
        assert_eq!(mesh.weigh(&[elsewhere.clone(), change.clone()]).scores.len(), 2, "{change:?}");
    }
}

#[test]
fn absurd_input_gives_numbers() {
    let mut mesh = failing_cart();
    for (n, value) in [f64::NAN, f64::INFINITY, -0.0, f64::MIN_POSITIVE, f64::MAX].into_iter().enumerate() {
        for metric in ["latency", "cpu", "success_share"] {
            mesh.plain("cart", metric, &format!("cart-{n}"), |_| Some(value));
        }
    }
    let far = |t: i64| Arc::new(Change { time: Time(t), ..(*change("far", "cart", 0.0, &["cart-0", "cart-4"])).clone() });
    let changes = [far(i64::MIN), far(i64::MAX), change("near", "cart", 29.0, &["cart-1"])];
    let spans =
        [incident(), TimeSpan::new(at(5.0), at(5.0)), TimeSpan::new(Time(i64::MIN), Time(i64::MAX)), TimeSpan::new(at(900.0), at(901.0))];
    for span in spans {
        let verdict = weigh(&mesh.0, &topology(), &changes, span).unwrap();
        assert!(verdict.none.is_finite());
        assert!(verdict.scores.iter().all(|s| s.log_odds.is_finite() && s.probability.is_finite()), "{span:?} {verdict:?}");
    }
}
