//! A bundle that was packed without its secrets is analysed as the bundle is.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::tool::{Folder, done, json_of, run};

const SECRETS: [&str; 5] =
    ["jane.doe@shop.example", "hunter2secret", "4111111111111111", "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "eyJzdWIiOiIxIn0"];

/// The outage, with secrets in a log, in the record of a change and in a configuration.
fn bundle() -> Folder {
    let folder = Folder::of_sample("checkout-outage", &["changes.jsonl", "configs", "logs", "metrics", "topology.csv"]);
    let mut log = String::new();
    for minute in 21..28 {
        for second in 0..60 {
            let level = if minute >= 25 && second % 5 == 0 { "ERROR" } else { "INFO" };
            let text = match second % 5 {
                0 => "mail to jane.doe@shop.example failed".to_owned(),
                1 => "card 4111111111111111 charged".to_owned(),
                2 => "auth Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln".to_owned(),
                3 => "retry with key=sk_live_4eC39HqLyjWDarjtT1zdp7dc".to_owned(),
                _ => "connect postgres://app:hunter2secret@db/shop".to_owned(),
            };
            log += &format!("2026-11-22 17:{minute}:{second:02},000 {level} [notify] {text}\n");
        }
    }
    folder.write("logs/notify/notify.log", log.as_bytes());
    folder.write("configs/notify/1.yaml", b"smtp:\n  password: hunter2secret\n  host: mx\n");
    let changes = std::fs::read_to_string(folder.path().join("changes.jsonl")).unwrap();
    folder.write("changes.jsonl", changes.replace("\"author\": \"ci-bot\"", "\"author\": \"jane.doe@shop.example\"").as_bytes());
    folder
}

fn unpacked(archive: &Path) -> Folder {
    let folder = Folder::new(&[]);
    let decoder = zstd::Decoder::new(std::fs::File::open(archive).unwrap()).unwrap();
    tar::Archive::new(decoder).unpack(folder.path()).unwrap();
    folder
}

fn everything(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &everything(&path);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let mut text = Vec::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text).unwrap();
        } else {
            text = bytes;
        }
        all += &String::from_utf8_lossy(&text);
    }
    all
}

/// Verdict and evidence, without the texts that hold pseudonyms and the sizes of files.
fn verdict(document: &Value) -> Value {
    let causes = document["incidents"][0]["causes"].as_array().unwrap().iter().map(|c| {
        let evidence: Vec<Value> =
            c["evidence"].as_array().unwrap().iter().map(|e| serde_json::json!([e["kind"], e["source"], e["weight"]])).collect();
        serde_json::json!([c["rank"], c["service"], c["change_id"], c["config_key"], c["confidence"], evidence])
    });
    serde_json::json!([
        document["incidents"][0]["start"],
        document["incidents"][0]["impact"],
        causes.collect::<Vec<_>>(),
        document["coverage"]["understood_ratio"]
    ])
}

#[test]
fn a_shared_bundle_has_no_secrets_and_the_same_verdict() {
    let (folder, out) = (bundle(), Folder::new(&[]));
    let archive = out.path().join("bundle.tar.zst");
    let told = run(&["pack", "--redact", &folder.shown(), "-o", archive.to_str().unwrap()]);
    assert_eq!(told.code, Some(0), "{}", told.err);
    assert!(told.err.contains("something replaced in"), "{}", told.err);
    let shared = unpacked(&archive);
    let (before, after) = (everything(folder.path()), everything(shared.path()));
    assert_eq!(before.lines().count(), after.lines().count());
    for secret in SECRETS {
        assert!(before.contains(secret), "the test is worth nothing without {secret}");
        assert!(!after.contains(secret), "{secret} was packed");
    }
    assert_eq!(verdict(&json_of(&folder.shown(), &[])), verdict(&json_of(&shared.shown(), &[])));
    let again = out.path().join("again.tar.zst");
    run(&["pack", "--redact", &folder.shown(), "-o", again.to_str().unwrap(), "--quiet"]);
    assert_eq!(std::fs::read(&archive).unwrap(), std::fs::read(&again).unwrap());
}

#[test]
fn reports_that_are_passed_on_hold_no_secrets_unless_asked() {
    let folder = bundle();
    for arguments in [vec!["postmortem"], vec!["analyze", "--format", "html"], vec!["analyze", "--format", "markdown", "--all"]] {
        let (command, rest) = arguments.split_first().unwrap();
        let out = done(&[&[*command, &folder.shown()], rest].concat()).out;
        for secret in SECRETS {
            assert!(!out.contains(secret) && !out.contains(&secret.replace('@', "&#64;")), "{secret} is in {arguments:?}");
        }
    }
    let open = done(&["analyze", &folder.shown(), "--format", "html", "--no-redact"]).out;
    assert!(open.contains("jane.doe@shop.example"), "--no-redact hides all the same");
    assert!(!done(&["analyze", &folder.shown(), "--redact", "--all"]).out.contains("jane.doe@shop.example"));
}
