//! What `risk` promises: its document, its gate, and that it sees nothing of what came later.

use serde_json::{Value, json};

use crate::tool::{Folder, Run, done, root, run, sample};

const OUTAGE: &str = "checkout-outage";

fn risk(path: &str, more: &[&str]) -> Value {
    done(&[&["risk", path, "--format", "json"], more].concat()).json()
}

fn level(document: &Value, id: &str) -> String {
    let changes = document["changes"].as_array().unwrap();
    let change = changes.iter().find(|c| c["change_id"] == id).unwrap_or_else(|| panic!("{id} is not in {document:#}"));
    change["level"].as_str().unwrap().to_owned()
}

fn check_schema(document: &Value, what: &str) {
    let text = std::fs::read_to_string(root().join("docs/risk.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

/// The founding change, proposed but not made.
fn proposed(more: &[&str]) -> Run {
    let bundle = sample(OUTAGE);
    let config = |version: &str| format!("{bundle}/configs/checkout/{version}.yaml");
    let (before, after) = (config("2.14.0"), config("2.15.0"));
    let known = ["--as-of", "2026-11-22T17:24:40Z"];
    run(&[&["risk", &bundle, "--before", &before, "--after", &after, "--service", "checkout"], &known[..], more].concat())
}

#[test]
fn documents_fit_the_schema() {
    for name in crate::tool::SAMPLES {
        check_schema(&risk(&sample(name), &[]), name);
    }
    let poor: [(&str, &[u8]); 4] = [
        ("logs/a/a.log", b""),
        ("changes.jsonl", b"{]"),
        ("changes.jsonl", b"{\"id\": \"d\", \"time\": \"2024-01-01T00:00:00Z\", \"service\": \"a\", \"kind\": \"deploy\"}\n"),
        (
            "changes.jsonl",
            b"{\"id\": \"d\", \"time\": \"2024-01-01T00:00:00Z\", \"service\": \"*\", \"kind\": \"migration\", \"diff\": \"+++ \\n+;;\"}\n",
        ),
    ];
    for (name, bytes) in poor {
        check_schema(&risk(&Folder::new(&[(name, bytes)]).shown(), &[]), name);
    }
}

#[test]
fn the_founding_change_is_stopped_with_key_ratio_and_prediction() {
    let stopped = proposed(&["--fail-on", "high"]);
    assert_eq!(stopped.code, Some(3), "{}", stopped.err);
    for part in ["db.pool.max_size 15 -> 1", "15 times lower", "refuses", "% of requests"] {
        assert!(stopped.err.contains(part), "{part} is not in {}", stopped.err);
    }
    assert!(stopped.out.contains("critical"), "the result is written all the same: {}", stopped.out);
    let json = proposed(&["--format", "json"]);
    assert_eq!(json.code, Some(0), "without a gate: {}", json.err);
    check_schema(&json.json(), "proposed");
    let reasons = json.json()["changes"][0]["reasons"].clone();
    assert!(reasons.as_array().unwrap().iter().any(|r| r["key"] == "db.pool.max_size" && r["kind"] == "arithmetic"), "{reasons:#}");
}

#[test]
fn a_gate_opens_below_its_level() {
    let quiet = sample("innocent-deploy");
    for (arguments, code) in [
        (vec!["risk", &quiet, "--fail-on", "low"], 3),
        (vec!["risk", &quiet, "--change", "no-such"], 1),
        (vec!["risk", &quiet, "--as-of", "yesterday"], 2),
        (vec!["risk", &quiet, "--before", "a.yaml"], 2),
        (vec!["risk", &quiet, "--before", "/no/such", "--after", "/no/such", "--service", "a"], 1),
    ] {
        assert_eq!(run(&arguments).code, Some(code), "{arguments:?}");
    }
    let same = format!("{quiet}/configs/redis/r12.conf");
    let nothing = run(&["risk", &quiet, "--before", &same, "--after", &same, "--service", "redis", "--fail-on", "high"]);
    assert_eq!(nothing.code, Some(0), "{}", nothing.err);
}

/// The same answer whether what is later was cut off by hand or by the flag.
#[test]
fn nothing_later_is_looked_at() {
    let change = |id: &str, time: &str, from: u32, to: u32| {
        json!({"id": id, "time": time, "service": "web", "kind": "config",
            "diff": format!("--- a/web.yaml\n+++ b/web.yaml\n@@ -1 +1 @@\n-db.pool.max_size: {from}\n+db.pool.max_size: {to}\n")})
        .to_string()
    };
    let first = change("c1", "2026-11-22T17:03:00Z", 10, 6);
    let later = change("c2", "2026-11-22T17:05:00Z", 6, 10);
    let lines = |upto: u32| -> String {
        let line = |s: u32| {
            format!(
                "10.0.0.1 - - [22/Nov/2026:17:{:02}:{:02} +0000] \"GET /a HTTP/1.1\" {} 12 \"-\" \"ua\" {}\n",
                s / 60,
                s % 60,
                if s > 200 { 500 } else { 200 },
                if s > 200 { "9.5" } else { "0.1" }
            )
        };
        (0..upto).map(line).collect()
    };
    let all = Folder::new(&[("logs/web/access.log", lines(600).as_bytes()), ("changes.jsonl", format!("{first}\n{later}\n").as_bytes())]);
    let cut = Folder::new(&[("logs/web/access.log", lines(180).as_bytes()), ("changes.jsonl", format!("{first}\n").as_bytes())]);
    let as_of = risk(&all.shown(), &["--as-of", "2026-11-22T17:03:00Z"]);
    assert_eq!(as_of, risk(&cut.shown(), &[]));
    assert_eq!(as_of["changes"].as_array().unwrap().len(), 1, "the change of that instant counts, the later one does not");
    assert_eq!(risk(&all.shown(), &["--as-of", "2026-11-22T17:02:59Z"])["changes"], json!([]));
}

#[test]
fn innocent_changes_of_the_sample_are_below_the_founding_one() {
    let document = risk(&sample(OUTAGE), &[]);
    assert_eq!(level(&document, "deploy-7958"), "critical");
    for id in ["cfg-7949", "deploy-7945", "deploy-7953", "deploy-7959", "rollback-7960"] {
        assert!(["low", "medium"].contains(&level(&document, id).as_str()), "{id}");
    }
}

#[test]
fn hostile_texts_stay_text() {
    let attack = "a\u{1b}[31m<b>\u{202e}|x\u{9b}31m\n# h";
    let change = json!({"id": attack, "time": "2026-11-22T17:03:00Z", "service": attack, "kind": "migration", "version": attack,
        "previous_version": attack, "instances": [attack],
        "diff": format!("--- a/x.yaml\n+++ b/x.yaml\n@@ -1 +1 @@\n-pool.max_size: 9\n+pool.max_size: 1\n+{attack}: 1\n+DROP TABLE {attack};\n")});
    let folder = Folder::new(&[("changes.jsonl", format!("{change}\n").as_bytes())]);
    for format in ["terminal", "json", "markdown"] {
        let shown = run(&["risk", &folder.shown(), "--format", format, "--all", "--fail-on", "low"]);
        assert_eq!(shown.code, Some(3), "{format}: {}", shown.err);
        for text in [&shown.out, &shown.err] {
            assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{format}: {text}");
            assert!(!text.lines().any(|line| line.starts_with("# h")), "{format}: {text}");
        }
        assert!(format != "markdown" || !shown.out.contains("<b>"), "{}", shown.out);
    }
}
