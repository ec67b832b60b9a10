//! What is said of a bundle must not depend on how it was written down, and must move with it where it moves.
//!
//! The truth is not asked: two answers are compared. Threads, the size of parts and the order of paths are in `determinism.rs`, where
//! the same bytes are asked for; names, clocks and invented changes in `stress.rs`. `contrib/stress/metamorphic.py` asks the same of recordings.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use crate::stress::{Bundle, line_time, skewed, time, written};
use crate::tool::{Folder, SAMPLES, json_of};

/// Most by which a start, in seconds, and a confidence may differ.
const NEAR: (i64, f64) = (2, 0.05);

/// Start, first cause and its confidence of each incident.
type Answer = Vec<Incident>;

/// When it began, its first cause, and how sure that is.
type Incident = (DateTime<Utc>, String, f64);

fn answer(bundle: &Bundle) -> (Answer, Value) {
    let folder = Folder::new(&[]);
    bundle.write(&json!({}), "bundle", &folder);
    let document = json_of(&folder.at("bundle"), &[]);
    let of = |incident: &Value| {
        let cause = &incident["causes"][0];
        let who = format!("{} {} {}", cause["kind"], cause["service"], cause["change_id"]);
        (time(incident["start"].as_str().unwrap()), who, cause["confidence"].as_f64().unwrap_or(0.0))
    };
    (document["incidents"].as_array().unwrap().iter().map(of).collect(), document)
}

/// The answer to a changed bundle is that to the bundle itself, so many seconds later. Returns what was said of it.
fn check(what: &str, bundle: &Bundle, changed: &Bundle, seconds: i64) -> Value {
    let (before, (after, document)) = (answer(bundle).0, answer(changed));
    let near = |(one, two): (&Incident, &Incident)| {
        (two.0 - one.0 - Duration::seconds(seconds)).num_seconds().abs() <= NEAR.0 && one.1 == two.1 && (one.2 - two.2).abs() <= NEAR.1
    };
    assert!(before.len() == after.len() && before.iter().zip(&after).all(near), "{what}: {before:?} becomes {after:?}");
    document
}

fn shifted(bundle: &Bundle, seconds: i64) -> Bundle {
    let mut bundle = bundle.clone();
    for folder in ["logs/", "metrics/"] {
        bundle.edit(folder, &|text| skewed(text, seconds));
    }
    bundle.changes(&|mut changes| {
        for change in &mut changes {
            for field in ["time", "end_time"] {
                if let Some(text) = change[field].as_str() {
                    change[field] = (time(text) + Duration::seconds(seconds)).to_rfc3339().into();
                }
            }
        }
        changes
    });
    bundle
}

/// A second, an odd time of day, a leap day, summer time, years before and after.
#[test]
fn the_whole_moves_by_any_offset_and_the_answer_with_it() {
    const DAY: i64 = 86_400;
    for name in SAMPLES {
        let bundle = Bundle::of(name);
        for seconds in [1, -1, 37 * 60 + 11, 461 * DAY + 7 * 3_600, -400 * DAY, -28 * DAY, 3_000 * DAY] {
            check(&format!("{name} moved by {seconds} s"), &bundle, &shifted(&bundle, seconds), seconds);
        }
    }
}

/// As rotation leaves logs; a part begins with a line that has a time.
#[test]
fn a_log_in_pieces_is_the_log() {
    for name in SAMPLES {
        let bundle = Bundle::of(name);
        let mut pieces = bundle.clone();
        pieces.edit("logs/", &str::to_owned);
        let logs: Vec<String> = pieces.0.keys().filter(|path| path.starts_with("logs/")).cloned().collect();
        for path in logs {
            let text = String::from_utf8(pieces.0.remove(&path).unwrap()).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            let cut = |at: usize| (at..lines.len()).find(|at| line_time(lines[*at]).is_some()).unwrap_or(lines.len());
            let (first, second) = (cut(lines.len() / 3), cut(lines.len() * 2 / 3));
            for (end, part) in [(".2", &lines[..first]), (".1", &lines[first..second]), ("", &lines[second..])] {
                pieces.0.insert(format!("{path}{end}"), (part.join("\n") + "\n").into_bytes());
            }
        }
        check(&format!("{name} in pieces"), &bundle, &pieces, 0);
    }
}

#[test]
fn what_is_there_twice_counts_once() {
    for name in SAMPLES {
        let bundle = Bundle::of(name);
        let mut doubled = bundle.clone();
        for (path, bytes) in bundle.0.iter().filter(|(path, _)| path.starts_with("logs/") || path.starts_with("metrics/")) {
            let (folder, file) = path.rsplit_once('/').unwrap();
            doubled.0.insert(format!("{folder}/copy-of-{file}"), bytes.clone());
        }
        let document = check(&format!("{name} twice"), &bundle, &doubled, 0);
        let complaints = document["coverage"]["complaints"].as_array().unwrap();
        let said = complaints.iter().filter(|complaint| complaint["why"].as_str().unwrap().starts_with("holds the same as")).count();
        assert_eq!(said, bundle.0.keys().filter(|path| path.starts_with("logs/")).count(), "{complaints:#?}");
        assert_eq!(answer(&bundle).1["incidents"][0]["impact"], document["incidents"][0]["impact"]);
    }
}

#[test]
fn services_that_do_what_they_always_do_change_nothing() {
    for name in SAMPLES {
        let bundle = Bundle::of(name);
        let mut noisy = bundle.clone();
        let log = String::from_utf8(bundle.0["logs/card-vault/card-vault.log"].clone()).unwrap();
        let begin = log.lines().find_map(line_time).unwrap();
        for number in 0..5_i64 {
            let line = |second: i64| {
                let time = begin + Duration::seconds(second);
                let text = ["tick", "tock", "cache refreshed", "heartbeat sent"][(second * 7 + number) as usize % 4];
                format!("{} INFO [bystander] {text}\n", time.format("%Y-%m-%d %H:%M:%S"))
            };
            noisy.0.insert(format!("logs/bystander-{number}/app.log"), (0..600).map(line).collect::<String>().into_bytes());
        }
        check(&format!("{name} among others"), &bundle, &noisy, 0);
    }
}

#[test]
fn changes_elsewhere_and_long_before_change_nothing() {
    for name in SAMPLES {
        let bundle = Bundle::of(name);
        let mut more = bundle.clone();
        more.changes(&|mut changes| {
            let first = time(changes[0]["time"].as_str().unwrap());
            changes.extend((0..5).map(|i| {
                json!({"id": format!("innocent-{i}"), "time": written(first - Duration::hours(i + 2)), "service": format!("elsewhere-{i}"), "kind": "deploy"})
            }));
            changes
        });
        check(&format!("{name} with more changes"), &bundle, &more, 0);
    }
}
