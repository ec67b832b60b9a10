//! The published schema and the rendered documents, held against each other.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::model::Finding;
use crate::report::samples;

const SCHEMA: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/analysis.schema.json"));

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

/// The schema without its door for later fields, so that an undocumented field fails.
fn closed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(map) => {
            let children = std::mem::take(map);
            map.extend(children.into_iter().map(|(k, v)| (k, closed(v))));
            if map.get("type") == Some(&json!("object")) {
                map.insert("additionalProperties".into(), json!(false));
                let all: Vec<Value> = map["properties"].as_object().unwrap().keys().map(|k| json!(k)).collect();
                map.insert("required".into(), Value::Array(all));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|i| *i = closed(i.take())),
        _ => {}
    }
    schema
}

fn rendered(analysis: &Analysis) -> Value {
    serde_json::from_str(&render(analysis, &View::default())).unwrap()
}

#[test]
fn documents_fit_the_schema_and_hold_all_it_names_and_nothing_else() {
    let (open, strict) = (jsonschema::validator_for(&schema()).unwrap(), jsonschema::validator_for(&closed(schema())).unwrap());
    let all = [
        ("rich", samples::rich()),
        ("uncertain", samples::uncertain(0.3)),
        ("quiet", samples::quiet()),
        ("ongoing", samples::ongoing()),
        ("metrics", samples::metrics_only()),
        ("timeless", samples::timeless()),
        ("several", samples::several()),
        ("hostile", samples::hostile()),
    ];
    for (name, analysis) in all {
        let document = rendered(&analysis);
        for validator in [&open, &strict] {
            let errors: Vec<String> = validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(errors.is_empty(), "{name}: {errors:#?}");
        }
    }
}

#[test]
fn the_schema_can_say_no() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let spoil = |pointer: &str, value: Value| {
        let mut document = rendered(&samples::rich());
        *document.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&document), "{pointer}");
    };
    spoil("/schema_version", json!(2));
    spoil("/incidents/0/start", json!("yesterday"));
    spoil("/incidents/0/causes/0/kind", json!("gremlins"));
    spoil("/incidents/0/causes/0/confidence", json!(1.5));
    spoil("/incidents/0/causes/0/evidence/0/for", json!("yes"));
    spoil("/incidents/0/causes/0/evidence/0/kind", json!("hunch"));
    spoil("/incidents/0/impact/requests_failed_ratio", json!(-1));
    spoil("/incidents/0/timeline/0/kind", json!("party"));
    spoil("/changes/0/kind", json!("wish"));
}

#[test]
fn every_kind_of_evidence_is_in_the_schema() {
    let listed: BTreeSet<String> = serde_json::from_value(schema()["$defs"]["evidence"]["properties"]["kind"]["enum"].clone()).unwrap();
    assert_eq!(listed, Finding::KINDS.iter().map(|kind| (*kind).to_owned()).collect());
}

#[test]
fn contract_fields_of_a_rich_analysis() {
    let document = rendered(&samples::rich());
    let incident = &document["incidents"][0];
    assert_eq!((&incident["start"], &incident["end"]), (&json!("2024-03-05T17:24:48Z"), &json!("2024-03-05T17:27:25Z")));
    assert_eq!(incident["services"], json!(["storefront", "orders"]));
    let cause = &incident["causes"][0];
    let expect = json!({
        "rank": 1, "kind": "change", "service": "orders", "instance": null, "change_id": "deploy-310", "config_key": "db.pool.max_size",
        "config_before": "15", "config_after": "1", "resource": null, "confidence": 0.931, "undone_by": "rollback-311",
        "title": "orders deploy-310: db.pool.max_size 15 -> 1",
    });
    for (key, value) in expect.as_object().unwrap() {
        assert_eq!(&cause[key], value, "{key}");
    }
    assert_eq!(cause["evidence"][0]["source"], "logs/orders/orders.log.gz:4821");
    assert_eq!(cause["evidence"][0]["for"], true);
    assert_eq!(document["incidents"][0]["ruled_out"][2]["title"], "storefront deploy-312");
}

#[test]
fn quiet_and_unknown_are_said_plainly() {
    assert_eq!(rendered(&samples::quiet())["incidents"], json!([]));
    let impact = &rendered(&samples::metrics_only())["incidents"][0]["impact"];
    assert_eq!((&impact["requests_failed_ratio"], &impact["users_affected_ratio"]), (&Value::Null, &Value::Null));
    assert_eq!(rendered(&samples::timeless())["data"]["start"], Value::Null);
}

#[test]
fn top_limits_the_causes_and_numbers_are_finite() {
    let mut analysis = samples::rich();
    analysis.verdicts[0].causes[0].confidence = f64::NAN;
    analysis.verdicts[0].incident.score = f64::INFINITY;
    let text = render(&analysis, &View { top: 1, ..View::default() });
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["incidents"][0]["causes"].as_array().unwrap().len(), 1);
    assert_eq!(document["incidents"][0]["causes"][0]["confidence"], 0.0);
    assert_eq!(document["incidents"][0]["score"], Value::Null);
}

#[test]
fn hostile_texts_are_escaped_and_identifiers_survive() {
    let text = render(&samples::hostile(), &View::default());
    assert!(text.chars().all(|c| c == '\n' || !crate::report::text::is_harmful(c)));
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["incidents"][0]["causes"][0]["change_id"], samples::HOSTILE.repeat(6));
}
