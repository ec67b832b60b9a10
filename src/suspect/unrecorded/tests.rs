//! Tests of finding restarts that no change records.

use std::borrow::Cow;

use super::*;
use crate::model::Record;
use crate::template::tally::Place;

const DAY: &str = "2023-08-12T";

fn at(clock: &str) -> Time {
    Time::parse_rfc3339(&format!("{DAY}{clock}Z")).unwrap()
}

/// A log of `web` that begins at noon, as `clock level instance message` lines.
fn tally(lines: &[&str]) -> Tally {
    let mut tally = Tally::default();
    let path: Arc<str> = Arc::from("logs/web.log");
    for (number, line) in (1..).zip(std::iter::once(&"12:00:00 info - serving").chain(lines)) {
        let parts: Vec<&str> = line.splitn(4, ' ').collect();
        let record = Record {
            time: at(parts[0]),
            level: Level::from_word(parts[1]).unwrap(),
            instance: Some(Cow::Borrowed(parts[2].trim_matches('-'))),
            message: Cow::Borrowed(parts[3]),
            ..Record::default()
        };
        tally.add(&record, Place { service: "web", instance: "", path: &path, line: number });
    }
    Tally::merged(vec![tally], None)
}

fn recorded(service: &str, clock: &str, end: Option<&str>) -> Arc<Change> {
    let restart = [Start {
        time: at(clock),
        instance: Symbol(0),
        message: 0,
        symptom: Symptom::Started,
        origin: Origin::file("changes.jsonl"),
        text: String::new(),
    }];
    let mut empty = Tally::default();
    empty.symbols.intern("");
    let change = change(&ServiceName::new(service), &restart, &empty).unwrap();
    Arc::new(Change { kind: ChangeKind::Deploy, end_time: end.map(at), ..change })
}

/// Finds restarts and compares `clock end summary instances origin`.
#[track_caller]
fn check(lines: &[&str], changes: &[Arc<Change>], expected: &[&str]) {
    let found = find(&tally(lines), changes, &Facts::builtin());
    let shown: Vec<String> = found
        .iter()
        .map(|c| {
            let names: Vec<&str> = c.instances.iter().map(|name| name.as_str()).collect();
            let end = c.end_time.map_or("-".to_owned(), Time::clock);
            format!("{} {end} {} [{}] {}", c.time.clock(), c.summary.as_deref().unwrap_or(""), names.join(","), c.origin)
        })
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn restarts_and_reloads_are_told() {
    check(&[], &[], &[]);
    check(
        &["12:10:00 info - Started WebApplication in 3.2 seconds"],
        &[],
        &["12:10:00 - restarted: Started WebApplication in 3.2 seconds [] logs/web.log:2"],
    );
    check(
        &["12:10:00 info - received SIGHUP, reloading configuration files", "12:10:00 info - parameter \"work_mem\" changed to \"1MB\""],
        &[],
        &["12:10:00 - reloaded its configuration: received SIGHUP, reloading configuration files [] logs/web.log:2"],
    );
}

#[test]
fn the_beginning_of_the_recording_is_no_restart() {
    check(&["12:00:05 info - Started WebApplication in 3.2 seconds", "12:01:00 info b listening on :80"], &[], &[]);
}

#[test]
fn instances_in_a_row_are_one_restart() {
    check(
        &["12:10:00 info a listening on :80", "12:11:00 info b listening on :80", "12:20:00 info a listening on :80"],
        &[],
        &[
            "12:10:00 12:11:00 restarted: listening on :80 [a,b] logs/web.log:2",
            "12:20:00 - restarted: listening on :80 [a] logs/web.log:4",
        ],
    );
}

#[test]
fn a_crash_loop_and_a_habit_are_no_changes() {
    let crash = ["12:10:00 info a listening on :80", "12:10:40 info a listening on :80", "12:12:00 info a listening on :80"];
    check(&crash, &[], &[]);
    let hourly: Vec<String> = (13..21).map(|hour| format!("{hour}:00:00 info a listening on :80")).collect();
    check(&hourly.iter().map(String::as_str).collect::<Vec<_>>(), &[], &[]);
}

#[test]
fn what_a_change_covers_is_recorded() {
    let line = ["12:10:00 info - listening on :80"];
    let told = ["12:10:00 - restarted: listening on :80 [] logs/web.log:2"];
    for (service, clock, end, explains) in [
        ("web", "12:09:00", None, true),
        ("*", "12:09:00", None, true),
        ("other", "12:09:00", None, false),
        ("web", "12:14:00", None, true),
        ("web", "12:16:00", None, false),
        ("web", "12:01:00", None, true),
        ("web", "12:01:00", Some("12:05:00"), false),
        ("web", "11:00:00", Some("12:09:00"), true),
        ("web", "11:00:00", None, false),
    ] {
        check(&line, &[recorded(service, clock, end)], if explains { &[] } else { &told });
    }
}

#[test]
fn trouble_before_a_restart_led_to_it() {
    let facts = Facts::builtin();
    let start = "12:10:00 info - listening on :80";
    let follows = |lines: &[&str]| {
        let tally = tally(lines);
        let found = find(&tally, &[], &facts);
        assert_eq!(found.len(), 1, "{lines:?}");
        follows_trouble(&found[0], &tally)
    };
    assert!(!follows(&[start]));
    assert!(!follows(&["12:09:30 error - quote lost", start]));
    assert!(follows(&["12:09:30 fatal - out of memory", start]));
    assert!(follows(&["12:09:30 error - quote lost", "12:09:31 error - quote lost", "12:09:32 error - quote lost", start]));
    assert!(!follows(&["12:05:00 fatal - x", start, "12:10:01 fatal - y"]));
}

#[test]
fn without_knowledge_nothing_is_known_to_be_a_restart() {
    assert_eq!(find(&tally(&["12:10:00 info - listening on :80"]), &[], &Facts::empty()), []);
}
