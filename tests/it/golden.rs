//! The samples: what is said of them, word for word, and whether it is right.

use std::fs;

use serde_json::Value;

use crate::tool::{SAMPLES, difference, done, json_of, root, sample};

/// Rewrites the expected reports instead of comparing with them. What it changed is to be read before it is committed.
const BLESS: &str = "WHATCHANGED_BLESS";

#[test]
fn reports_are_as_expected() {
    let mut wrong = Vec::new();
    for name in SAMPLES {
        let found = done(&["analyze", &sample(name), "--format", "markdown"]).out;
        let path = root().join(sample(name)).join("expected.md");
        if std::env::var_os(BLESS).is_some_and(|v| v == "1") {
            fs::write(&path, &found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        wrong.extend(difference(&expected, &found).map(|d| format!("{}: {d}", path.display())));
    }
    assert!(wrong.is_empty(), "{}\nIf the new text is better: {BLESS}=1 cargo test --release golden", wrong.join("\n"));
}

#[test]
fn a_bundle_with_its_expected_report_is_still_the_same_bundle() {
    for name in SAMPLES {
        let sources = json_of(&sample(name), &[])["coverage"]["sources"].to_string();
        assert!(!sources.contains("expected.md"), "{name}: {sources}");
    }
}

fn only_incident(name: &str) -> Value {
    let document = json_of(&sample(name), &[]);
    let incidents = document["incidents"].as_array().unwrap();
    assert_eq!(incidents.len(), 1, "{name}: {incidents:#?}");
    incidents[0].clone()
}

fn is_change(item: &Value, id: &str) -> bool {
    item["change_id"] == id
}

#[test]
fn the_outage_is_the_pool_that_a_deploy_made_too_small() {
    let incident = only_incident("checkout-outage");
    let best = &incident["causes"][0];
    assert_eq!(best["kind"], "change", "{best:#}");
    assert_eq!(best["service"], "checkout");
    assert_eq!(best["change_id"], "deploy-7958");
    assert_eq!(best["config_key"], "db.pool.max_size");
    assert_eq!((&best["config_before"], &best["config_after"]), (&"15".into(), &"1".into()));
    assert_eq!(best["undone_by"], "rollback-7960");
    assert!(best["confidence"].as_f64().unwrap() >= 0.8, "{best:#}");
    assert!(begins_within(&incident, "2026-11-22T17:24:40Z", "2026-11-22T17:25:10Z"), "{}", incident["start"]);
    let late = incident["ruled_out"].as_array().unwrap().iter().find(|r| is_change(r, "deploy-7959"));
    assert!(late.is_some(), "the deploy after the beginning is not ruled out: {:#}", incident["ruled_out"]);
}

/// Times of one zone and width compare as texts.
fn begins_within(incident: &Value, from: &str, to: &str) -> bool {
    incident["start"].as_str().is_some_and(|start| (from..to).contains(&start))
}

#[test]
fn a_process_that_died_is_not_blamed_on_the_deploy_before_it() {
    const NEAREST: &str = "deploy-4418";
    let incident = only_incident("innocent-deploy");
    let causes = incident["causes"].as_array().unwrap();
    let best = &causes[0];
    assert_eq!((&best["kind"], &best["service"]), (&"component".into(), &"payments".into()), "{best:#}");
    assert_eq!(best["change_id"], Value::Null);
    assert!(begins_within(&incident, "2026-11-22T17:42:12Z", "2026-11-22T17:43:15Z"), "{}", incident["start"]);
    let ruled_out = incident["ruled_out"].as_array().unwrap().iter().any(|r| is_change(r, NEAREST));
    let confidence = |cause: &Value| cause["confidence"].as_f64().unwrap();
    let far_below = causes.iter().any(|c| is_change(c, NEAREST) && confidence(c) * 5.0 < confidence(best));
    assert!(ruled_out || far_below, "nothing is said of the nearest change: {causes:#?}");
}

#[test]
fn deploys_on_a_quiet_day_are_no_incident() {
    let document = json_of(&sample("quiet-day"), &[]);
    assert_eq!(document["incidents"], Value::Array(Vec::new()));
    assert!(document["changes"].as_array().unwrap().len() >= 3, "the sample has lost its deploys");
    assert!(document["data"]["requests"].as_u64().unwrap() > 1_000, "the sample has lost its traffic");
    assert!(done(&["analyze", &sample("quiet-day")]).out.starts_with("No incident found"));
}

#[test]
fn every_line_of_the_samples_is_understood() {
    for name in SAMPLES {
        let coverage = &json_of(&sample(name), &[])["coverage"];
        assert!(coverage["understood_ratio"].as_f64().unwrap() >= 0.99, "{name}: {coverage:#}");
        assert_eq!(coverage["complaints"], Value::Array(Vec::new()), "{name}");
    }
}

/// What is known of configuration keys may sharpen a verdict; it must not be needed for one.
#[test]
fn the_causes_are_found_without_knowledge_too() {
    let best = |name: &str| json_of(&sample(name), &["--no-knowledge"])["incidents"][0]["causes"][0].clone();
    assert_eq!(best("checkout-outage")["change_id"], "deploy-7958");
    assert_eq!(best("innocent-deploy")["service"], "payments");
}

/// A clone is small, and an address or a name of the machine that recorded them helps nobody.
#[test]
fn samples_are_small() {
    fn bytes(path: &std::path::Path) -> u64 {
        if path.is_dir() { fs::read_dir(path).unwrap().map(|e| bytes(&e.unwrap().path())).sum() } else { fs::metadata(path).unwrap().len() }
    }
    for name in SAMPLES {
        let size = bytes(&root().join(sample(name)));
        assert!(size < 1_000_000, "{name} has {size} bytes");
    }
}
