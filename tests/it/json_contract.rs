//! What scripts rely on: every document fits the published schema, and the promised fields are there, of their types.

use serde_json::Value;

use crate::tool::{Folder, SAMPLES, json_of, root, sample};

fn validator() -> jsonschema::Validator {
    let text = std::fs::read_to_string(root().join("docs/analysis.schema.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn check_schema(document: &Value, what: &str) {
    let errors: Vec<String> = validator().iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

#[test]
fn samples_fit_the_schema() {
    for name in SAMPLES {
        for more in
            [&[][..], &["--no-knowledge"], &["--top", "1"], &["--incident", "2026-11-22T17:25:00Z"], &["--symptom", "checkout/latency"]]
        {
            check_schema(&json_of(&sample(name), more), &format!("{name} {more:?}"));
        }
    }
}

#[test]
fn poor_bundles_fit_the_schema() {
    let poor: [(&str, &[u8]); 6] = [
        ("logs/a/a.log", b""),
        ("logs/a/a.log", b"no time at all\n"),
        ("changes.jsonl", b"{\"id\": \"d\", \"time\": \"2024-01-01T00:00:00Z\", \"service\": \"a\", \"kind\": \"deploy\"}\n"),
        ("changes.jsonl", b"{]"),
        ("m.csv", b"time,service,metric,value\n2024-01-01T00:00:00Z,a,cpu,1\n"),
        ("core", b"\0\x01\x02\x03"),
    ];
    for (name, bytes) in poor {
        let folder = Folder::new(&[(name, bytes)]);
        let document = json_of(&folder.shown(), &[]);
        check_schema(&document, name);
        assert_eq!(document["incidents"], Value::Array(Vec::new()), "{name}");
    }
}

/// An hour of minutes in which some series are ten times as high from minute 40 to 49.
fn hour_of_metrics(series: &[(&str, &str)]) -> Vec<u8> {
    let mut csv = String::from("time,service,metric,value\n");
    for minute in 0..60 {
        for (service, metric) in series {
            let value = (5.0 + f64::from(minute * 7 % 5) / 10.0) * if (40..50).contains(&minute) { 10.0 } else { 1.0 };
            csv.push_str(&format!("2024-01-01T00:{minute:02}:00Z,{service},{metric},{value}\n"));
        }
    }
    csv.into_bytes()
}

#[test]
fn what_metrics_alone_show_is_said_with_its_series() {
    let folder = Folder::new(&[("metrics/m.csv", &hour_of_metrics(&[("web", "latency_p50"), ("stock", "latency_p50")]))]);
    let document = json_of(&folder.shown(), &[]);
    check_schema(&document, "latency");
    let incident = &document["incidents"][0];
    assert_eq!((&incident["start"], &incident["signal"]["kind"]), (&"2024-01-01T00:40:00Z".into(), &"metric".into()));
    assert_eq!(incident["witnesses"].as_array().map(Vec::len), Some(2), "{incident}");
    let folder = Folder::new(&[("metrics/m.csv", &hour_of_metrics(&[("web", "cpu_percent"), ("stock", "memory_bytes")]))]);
    let document = json_of(&folder.shown(), &[]);
    check_schema(&document, "resources");
    assert_eq!(document["incidents"], Value::Array(Vec::new()));
    let shifts = document["data"]["resource_shifts"].as_array().unwrap();
    assert!(shifts.len() == 2 && shifts.iter().all(|s| s["start"] == "2024-01-01T00:40:00Z"), "{shifts:?}");
}

/// The contract in its own words: shared with the schema, but a schema can lose a requirement unnoticed.
#[test]
fn promised_fields_are_there() {
    for name in SAMPLES {
        let document = json_of(&sample(name), &[]);
        assert_eq!(document["schema_version"], 1, "{name}");
        for incident in document["incidents"].as_array().unwrap() {
            check_incident(incident);
        }
    }
}

type Is = fn(&Value) -> bool;

fn check_fields(item: &Value, fields: &[(&str, Is)]) {
    for (name, is) in fields {
        let value = item.get(*name).unwrap_or_else(|| panic!("{name} is missing in {item:#}"));
        assert!(is(value), "{name} has another type in {item:#}");
    }
}

fn text_or_null(value: &Value) -> bool {
    value.is_string() || value.is_null()
}

fn ratio_or_null(value: &Value) -> bool {
    value.is_null() || value.as_f64().is_some_and(|r| (0.0..=1.0).contains(&r))
}

fn rfc3339(value: &Value) -> bool {
    value.as_str().is_some_and(|t| t.len() >= 20 && t.as_bytes()[10] == b'T' && t.ends_with('Z'))
}

fn check_incident(incident: &Value) {
    let fields: [(&str, Is); 8] = [
        ("start", rfc3339),
        ("end", rfc3339),
        ("ongoing", Value::is_boolean),
        ("services", Value::is_array),
        ("impact", Value::is_object),
        ("causes", Value::is_array),
        ("ruled_out", Value::is_array),
        ("timeline", Value::is_array),
    ];
    check_fields(incident, &fields);
    assert!(incident["start"].as_str() < incident["end"].as_str());
    check_fields(&incident["impact"], &[("requests_failed_ratio", ratio_or_null), ("users_affected_ratio", ratio_or_null)]);
    check_causes(incident["causes"].as_array().unwrap());
    for path in incident["ruled_out"].as_array().unwrap() {
        check_fields(path, &[("kind", Value::is_string), ("service", Value::is_string), ("title", Value::is_string)]);
        check_evidence(path);
    }
    for entry in incident["timeline"].as_array().unwrap() {
        check_fields(entry, &[("time", rfc3339), ("kind", Value::is_string), ("service", Value::is_string), ("text", Value::is_string)]);
    }
}

fn check_causes(causes: &[Value]) {
    let fields: [(&str, Is); 8] = [
        ("kind", |v| ["change", "component", "load", "infra"].map(Value::from).contains(v)),
        ("service", |v| v.as_str().is_some_and(|s| !s.is_empty())),
        ("instance", text_or_null),
        ("change_id", text_or_null),
        ("config_key", text_or_null),
        ("resource", text_or_null),
        ("confidence", |v| v.is_number() && ratio_or_null(v)),
        ("title", |v| v.as_str().is_some_and(|s| !s.is_empty())),
    ];
    assert!((1..=10).contains(&causes.len()), "{} causes", causes.len());
    for (cause, rank) in causes.iter().zip(1_u64..) {
        check_fields(cause, &fields);
        check_evidence(cause);
        assert_eq!(cause["rank"].as_u64(), Some(rank));
        assert_eq!(cause["kind"] == "change", cause["change_id"].is_string(), "{cause:#}");
    }
    let confidences: Vec<f64> = causes.iter().map(|c| c["confidence"].as_f64().unwrap()).collect();
    assert!(confidences.is_sorted_by(|a, b| a >= b), "{confidences:?}");
    assert!(confidences.iter().sum::<f64>() <= 1.01, "{confidences:?}");
}

fn check_evidence(of: &Value) {
    let all = of["evidence"].as_array().unwrap_or_else(|| panic!("no evidence in {of:#}"));
    assert!(!all.is_empty(), "{of:#}");
    for one in all {
        check_fields(
            one,
            &[("kind", Value::is_string), ("for", Value::is_boolean), ("statement", Value::is_string), ("source", text_or_null)],
        );
    }
}

/// A place that is quoted can be looked up.
#[test]
fn quoted_places_exist() {
    for name in SAMPLES {
        let document = json_of(&sample(name), &[]);
        let known: Vec<&str> = document["coverage"]["sources"].as_array().unwrap().iter().filter_map(|s| s["path"].as_str()).collect();
        let mut quoted = Vec::new();
        places(&document["incidents"], &mut quoted);
        places(&document["changes"], &mut quoted);
        assert!(!quoted.is_empty(), "{name}");
        for place in quoted {
            let path = place.rsplit_once(':').map_or(place.as_str(), |(path, _)| path);
            assert!(known.contains(&path), "{name}: {place}");
        }
    }
}

fn places(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("source" | "config_source", Value::String(place)) => into.push(place.clone()),
                    _ => places(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| places(item, into)),
        _ => {}
    }
}
