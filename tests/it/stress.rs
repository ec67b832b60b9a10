//! The samples, cut, crowded, renamed and spoilt: what the tool says must follow what happened, not how it was written down.
//!
//! Variants are made at test time and judged by `whatchanged calibrate`. The order of paths, files named twice and the place of a
//! bundle are in `determinism.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::LazyLock;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use regex::{Captures, Regex};
use serde_json::{Value, json};

use crate::tool::{Folder, done, json_of, root};

/// Times as the samples write them: a pattern and what chrono reads and writes them by.
static STAMPS: LazyLock<[(Regex, &str); 5]> = LazyLock::new(|| {
    [
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "%Y-%m-%d %H:%M:%S"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "%Y-%m-%dT%H:%M:%S"),
        (r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", "%Y/%m/%d %H:%M:%S"),
        (r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d", "%d/%b/%Y:%H:%M:%S"),
        (r"\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d", "%d %b %Y %H:%M:%S"),
    ]
    .map(|(pattern, format)| (Regex::new(pattern).unwrap(), format))
});
static MILLISECONDS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""time":(\d{13})\b"#).unwrap());

/// A sample and its truth.
struct Sample {
    name: &'static str,
    onset: &'static str,
    end: &'static str,
    cause: Value,
    /// The service at fault.
    service: &'static str,
    /// The change at fault and what undid it.
    changes: &'static [&'static str],
}

fn samples() -> [Sample; 2] {
    [
        Sample {
            name: "checkout-outage",
            onset: "2026-11-22T17:24:47Z",
            end: "2026-11-22T17:27:25Z",
            cause: json!({"kind": "change", "service": "checkout", "change_id": "deploy-7958", "config_key": "db.pool.max_size"}),
            service: "checkout",
            changes: &["deploy-7958", "rollback-7960"],
        },
        Sample {
            name: "innocent-deploy",
            onset: "2026-11-22T17:42:45Z",
            end: "2026-11-22T17:45:32Z",
            cause: json!({"kind": "component", "service": "payments"}),
            service: "payments",
            changes: &[],
        },
    ]
}

pub fn time(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

pub fn written(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A bundle in memory: files as they are, unpacked once they are edited.
#[derive(Clone)]
pub struct Bundle(pub BTreeMap<String, Vec<u8>>);

impl Bundle {
    pub fn of(sample: &str) -> Bundle {
        let mut bundle = Bundle(BTreeMap::new());
        let root = root().join("samples").join(sample);
        bundle.take_in(&root, &root);
        bundle
    }

    fn take_in(&mut self, folder: &Path, root: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.take_in(&path, root);
            } else {
                self.0.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }

    /// Rewrites the text of all files below `folder`.
    pub fn edit(&mut self, folder: &str, edit: &dyn Fn(&str) -> String) {
        let paths: Vec<String> = self.0.keys().filter(|path| path.starts_with(folder)).cloned().collect();
        for path in paths {
            let bytes = self.0.remove(&path).unwrap();
            let mut text = String::new();
            match path.strip_suffix(".gz") {
                Some(_) => flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap(),
                None => (&bytes[..]).read_to_string(&mut text).unwrap(),
            };
            self.0.insert(path.trim_end_matches(".gz").to_owned(), edit(&text).into_bytes());
        }
    }

    pub fn changes(&mut self, edit: &dyn Fn(Vec<Value>) -> Vec<Value>) {
        self.edit("changes.jsonl", &|text| {
            let changes = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            edit(changes).iter().map(|change| change.to_string() + "\n").collect()
        });
    }

    /// Nothing after `end` was written yet.
    fn cut(&mut self, end: DateTime<Utc>) {
        for folder in ["logs/", "metrics/"] {
            self.edit(folder, &|text| until(text, end));
        }
        self.changes(&|mut changes| {
            changes.retain(|change| time(change["time"].as_str().unwrap()) <= end);
            changes
        });
    }

    pub fn write(&self, truth: &Value, at: &str, folder: &Folder) {
        self.0.iter().for_each(|(path, bytes)| folder.write(&format!("{at}/{path}"), bytes));
        folder.write(&format!("{at}/truth.json"), truth.to_string().as_bytes());
    }
}

pub fn line_time(line: &str) -> Option<DateTime<Utc>> {
    if let Some(found) = MILLISECONDS.captures(line) {
        return DateTime::from_timestamp_millis(found[1].parse().ok()?);
    }
    let first = STAMPS.iter().filter_map(|(pattern, format)| Some((pattern.find(line)?, format))).min_by_key(|(found, _)| found.start());
    first.and_then(|(found, format)| NaiveDateTime::parse_from_str(found.as_str(), format).ok()).map(|time| time.and_utc())
}

/// The lines until `end`; one without a time goes with the line before it.
fn until(text: &str, end: DateTime<Utc>) -> String {
    let mut kept = String::new();
    let mut keep = true;
    for line in text.lines() {
        keep = line_time(line).map_or(keep, |time| time <= end);
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// A log written by a clock that is `seconds` fast.
pub fn skewed(text: &str, seconds: i64) -> String {
    let millis =
        MILLISECONDS.replace_all(text, |found: &Captures<'_>| format!("\"time\":{}", found[1].parse::<i64>().unwrap() + 1_000 * seconds));
    STAMPS.iter().fold(millis.into_owned(), |text, (pattern, format)| {
        let later = |found: &Captures<'_>| {
            let time = NaiveDateTime::parse_from_str(&found[0], format).unwrap() + Duration::seconds(seconds);
            time.format(format).to_string()
        };
        pattern.replace_all(&text, later).into_owned()
    })
}

/// Six changes of services that had no part in it, from seven minutes to a second before the onset. One at the service that is at
/// fault, without content, could not be told from a cause.
fn decoys(sample: &Sample, mut changes: Vec<Value>) -> Vec<Value> {
    let services = ["inventory", "storefront", "mailer", "redis", "card-vault", "postgres"];
    for (i, (service, before)) in services.iter().zip([1, 15, 60, 120, 240, 420]).enumerate() {
        let time = written(time(sample.onset) - Duration::seconds(before));
        let kind = if i % 2 == 0 { "deploy" } else { "config" };
        changes.push(json!({"id": format!("decoy-{i}"), "time": time, "service": service, "kind": kind, "summary": "labels"}));
    }
    changes
}

/// Every service under another name, in places and texts.
fn renamed(bundle: &Bundle, truth: &Value) -> (Bundle, Value) {
    let names =
        [("checkout", "larch"), ("payments", "quince"), ("storefront", "hazelbrook"), ("inventory", "rowanhill"), ("gateway", "edgefir")];
    let new = |text: &str| names.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new));
    let mut bundle = bundle.clone();
    bundle.edit("", &new);
    let files = bundle.0.into_iter().map(|(path, bytes)| (new(&path), bytes)).collect();
    (Bundle(files), serde_json::from_str(&new(&truth.to_string())).unwrap())
}

fn truth(sample: &Sample) -> Value {
    json!({"incident": true, "start": sample.onset, "end": sample.end, "cause": sample.cause})
}

/// What is made of one sample: (variant, bundle, truth).
fn variants(sample: &Sample) -> Vec<(&'static str, Bundle, Value)> {
    let whole = Bundle::of(sample.name);
    let onset = time(sample.onset);
    let with = |edit: &dyn Fn(&mut Bundle)| {
        let mut bundle = whole.clone();
        edit(&mut bundle);
        bundle
    };
    let logs = format!("logs/{}/", sample.service);
    let (other_names, other_truth) = renamed(&whole, &truth(sample));
    let mut all = vec![
        ("as-recorded", whole.clone(), truth(sample)),
        ("ongoing", with(&|bundle| bundle.cut(onset + Duration::seconds(60))), truth(sample)),
        ("before", with(&|bundle| bundle.cut(onset - Duration::seconds(20))), json!({"incident": false})),
        ("decoys", with(&|bundle| bundle.changes(&|changes| decoys(sample, changes))), truth(sample)),
        ("skewed", with(&|bundle| bundle.edit(&logs, &|text| skewed(text, 90))), truth(sample)),
        ("renamed", other_names, other_truth),
        (
            "entry-logs",
            with(&|bundle| bundle.0.retain(|path, _| !path.starts_with("logs/") || path.starts_with("logs/gateway/"))),
            truth(sample),
        ),
        ("no-graph", with(&|bundle| bundle.0.retain(|path, _| path != "topology.csv")), truth(sample)),
    ];
    if let Some(culprit) = sample.changes.first() {
        let of_culprit = |edit: &dyn Fn(&mut Value)| {
            with(&|bundle| {
                bundle.changes(&|mut changes| {
                    changes.iter_mut().filter(|change| change["id"] == *culprit).for_each(edit);
                    changes
                });
            })
        };
        all.push(("early", of_culprit(&earlier), truth(sample)));
        let mut change_alone = truth(sample);
        change_alone["cause"]["config_key"] = Value::Null;
        all.push(("no-diff", of_culprit(&without_diff), change_alone));
    }
    all
}

fn earlier(change: &mut Value) {
    for field in ["time", "end_time"] {
        change[field] = written(time(change[field].as_str().unwrap()) - Duration::minutes(15)).into();
    }
}

fn without_diff(change: &mut Value) {
    for field in ["config_before", "config_after", "diff"] {
        change.as_object_mut().unwrap().remove(field);
    }
}

/// The one truth that may come later than first: a change of which nobody knows what it changed.
const LAST_PLACE: [(&str, u64); 1] = [("no-diff", 3)];

fn check_misses(report: &Value) {
    for miss in report["misses"].as_array().unwrap() {
        let variant = miss["data_set"].as_str().unwrap().rsplit('/').next().unwrap();
        let worst = LAST_PLACE.iter().find(|(name, _)| *name == variant).map_or(1, |(_, worst)| *worst);
        assert!(miss["rank"].as_u64().is_some_and(|rank| rank <= worst), "{miss:#}");
    }
}

/// A confidence of nine in ten must not mean less than eight in ten.
fn check_confidence(report: &Value) {
    let bins = report["all"]["all_causes"]["bins"].as_array().unwrap();
    let sure = bins.last().unwrap();
    let (said, right) = (sure["said"].as_u64().unwrap(), sure["right"].as_u64().unwrap());
    assert!(said >= 6, "too few answers at 0.9 and more to judge: {sure:#}");
    assert!(right * 10 >= said * 8, "{right} of {said} causes at a confidence of 0.9 or more are right: {report:#}");
}

#[test]
fn spoilt_samples_are_still_understood_and_confidence_means_what_it_says() {
    let folder = Folder::new(&[]);
    let mut made = 0;
    for sample in samples() {
        for (variant, bundle, truth) in variants(&sample) {
            bundle.write(&truth, &format!("{variant}/{}", sample.name), &folder);
            made += 1;
        }
    }
    Bundle::of("quiet-day").write(&json!({"incident": false}), "as-recorded/quiet-day", &folder);
    let report = done(&["calibrate", &folder.shown(), "--format", "json"]).json();
    let all = &report["all"];
    assert_eq!((&all["cases"], &report["failures"]), (&json!(made + 1), &json!([])));
    assert_eq!((&all["quiet_cases"], &all["quiet_right"]), (&json!(3), &json!(3)), "{report:#}");
    let onset = &all["onset_error_seconds"];
    assert_eq!(onset["within_30"], onset["cases"], "{report:#}");
    check_misses(&report);
    check_confidence(&report);
}

/// Without the culprit in the list another change must not take its place.
#[test]
fn a_change_that_nobody_recorded_is_not_replaced_by_another() {
    let [sample, _] = samples();
    let mut bundle = Bundle::of(sample.name);
    bundle.changes(&|mut changes| {
        changes.retain(|change| !sample.changes.contains(&change["id"].as_str().unwrap()));
        changes
    });
    let folder = Folder::new(&[]);
    bundle.write(&json!({}), "removed", &folder);
    let document = json_of(&folder.at("removed"), &[]);
    let best = &document["incidents"][0]["causes"][0];
    let right = best["kind"] == "component" && best["service"] == sample.service;
    assert!(right || best["confidence"].as_f64().unwrap() < 0.5, "{best:#}");
}

#[test]
fn what_the_variants_are_made_with() {
    let clf = r#"127.0.0.1 - - [22/Nov/2026:23:59:15 +0000] "GET /""#;
    assert_eq!(line_time(clf), Some(time("2026-11-22T23:59:15Z")));
    assert_eq!(skewed(clf, 90), clf.replace("22/Nov/2026:23:59:15", "23/Nov/2026:00:00:45"));
    assert_eq!(skewed(r#"{"time":1795368066058}"#, 90), r#"{"time":1795368156058}"#);
    assert_eq!(line_time("  at a.b(c.js:1)"), None);
    let text = "2026-11-22 17:00:00,1 a\n  more\n2026-11-22 17:00:09 b\n  more of b\n";
    assert_eq!(until(text, time("2026-11-22T17:00:05Z")), "2026-11-22 17:00:00,1 a\n  more\n");
}
