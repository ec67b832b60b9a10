//! Traces made by hand: a front that calls a cart, which calls a stock.

use std::collections::BTreeMap;

use super::*;
use crate::intake::NameBook;
use crate::model::time::SECOND;
use crate::model::{Incident, IncidentSignal, Level, Metrics, Options, Record, Topology};
use crate::signal::tabulate;
use crate::suspect::facts::Facts;
use crate::template::{Flow, Tally};

/// One record: service, event, whether it is an error, milliseconds after the one before.
type Line = (&'static str, &'static str, bool, i64);

const GOOD: [Line; 4] = [("front", "in", false, 0), ("cart", "in", false, 5), ("stock", "in", false, 5), ("front", "out", false, 5)];

fn add(flow: &mut Flow, second: i64, lines: &[Line]) {
    let mut time = second * SECOND;
    for (number, (service, event, error, later)) in lines.iter().enumerate() {
        time += later * 1_000;
        let level = if *error { Level::Error } else { Level::Info };
        let record =
            Record { time: Time(time), level, trace: Some(format!("t{second}").into()), message: (*event).into(), ..Record::default() };
        flow.add(&record, service, service, number as u64);
    }
}

/// The ranking when all traces of the incident (1000 s to 1060 s) go along `bad`, and those before along [`GOOD`].
fn ranked(bad: &[Line], edges: &[(&str, &str)], metrics: Metrics) -> Vec<(String, &'static str)> {
    let mut flow = Flow::default();
    (0..60).for_each(|i| add(&mut flow, i * 10, &GOOD));
    (1000..1060).for_each(|i| add(&mut flow, i, bad));
    let flow = Flow::merged(vec![flow]);
    let mut topology = Topology::default();
    edges.iter().for_each(|(a, b)| topology.add((*a).into(), (*b).into()));
    let mut tally = Tally::default();
    tally.span = Some(TimeSpan { start: Time(0), end: Time(1060 * SECOND) });
    let signals = tabulate(tally, metrics, &topology).unwrap().unwrap();
    let incident = Incident {
        span: TimeSpan { start: Time(1000 * SECOND), end: Time(1060 * SECOND) },
        ongoing: false,
        signal: IncidentSignal::Given,
        services: Vec::new(),
        score: 0.0,
        quiet_ratio: 0.0,
        witnesses: Vec::new(),
        impact: Default::default(),
        sparkline: Default::default(),
    };
    let (names, facts, options) = (NameBook::default(), Facts::empty(), Options::default());
    let case = Case {
        incident: &incident,
        signals: &signals,
        changes: &[],
        unrecorded: &[],
        topology: &topology,
        names: &names,
        flow: &flow,
        facts: &facts,
        options: &options,
        clock_slack: 3.0,
    };
    survey(&case).map_or_else(Vec::new, |v| v.scores.into_iter().map(|s| (s.service.to_string(), s.resource)).collect())
}

const EDGES: [(&str, &str); 2] = [("front", "cart"), ("cart", "stock")];

fn check(bad: &[Line], expected: (&str, &str)) {
    for edges in [&EDGES[..], &[]] {
        let best = ranked(bad, edges, BTreeMap::new()).into_iter().next();
        assert_eq!(best.as_ref().map(|b| (b.0.as_str(), b.1)), Some(expected), "{bad:?}");
    }
}

#[test]
fn the_usual_paths_say_nothing() {
    assert_eq!(ranked(&GOOD, &EDGES, BTreeMap::new()), []);
    assert_eq!(ranked(&[], &EDGES, BTreeMap::new()), []);
}

#[test]
fn an_error_in_the_middle_is_not_the_front_s() {
    let bad = [
        ("front", "in", false, 0),
        ("cart", "in", false, 5),
        ("stock", "in", false, 5),
        ("cart", "failed", true, 1),
        ("front", "failed", true, 1),
    ];
    check(&bad, ("cart", "code"));
}

#[test]
fn a_callee_that_writes_no_line_is_to_blame_for_its_caller_s_error() {
    check(
        &[("front", "in", false, 0), ("cart", "in", false, 5), ("cart", "failed", true, 5), ("front", "failed", true, 1)],
        ("stock", "code"),
    );
}

#[test]
fn a_delay_on_both_sides_of_a_service_is_its_own() {
    check(
        &[("front", "in", false, 0), ("cart", "in", false, 205), ("stock", "in", false, 205), ("front", "out", false, 5)],
        ("cart", "network"),
    );
}

#[test]
fn full_processors_excuse_a_branch() {
    let key = crate::model::SeriesKey { service: "stock".into(), metric: "cpu_pct".into(), instance: None, edge: None };
    let points = (0..106).map(|i| (Time(i * 10 * SECOND), if i < 100 { 3.0 } else { 98.0 })).collect();
    let ranked = ranked(&GOOD, &EDGES, BTreeMap::from([(key, points)]));
    assert_eq!(ranked, [("stock".to_owned(), "cpu")]);
}
