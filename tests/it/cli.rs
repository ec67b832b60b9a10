//! The command line: exit codes, messages, streams, and every sort of input that is not what it should be.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::tool::{Folder, SAMPLES, command, done, finish, json_of, run, sample};

const OUTAGE: &str = "samples/checkout-outage";

/// A run that must fail with `code`, say why on standard error and nothing on standard output.
fn check_refused(arguments: &[&str], code: i32, why: &[&str]) {
    let run = run(arguments);
    assert_eq!(run.code, Some(code), "{arguments:?}\n{}\n{}", run.out, run.err);
    assert_eq!(run.out, "", "{arguments:?}");
    for part in why {
        assert!(run.err.contains(part), "{arguments:?}: {part:?} is missing in\n{}", run.err);
    }
}

/// A run over a poor bundle: done, a report that says `says`, warnings that say `warns`.
fn check_reduced(folder: &Folder, says: &str, warns: &[&str]) {
    for format in ["terminal", "markdown", "json"] {
        let run = done(&["analyze", &folder.shown(), "--format", format]);
        for part in warns {
            assert!(run.err.contains(part), "{format}: {part:?} is missing in\n{}\n{}", run.err, run.out);
        }
        match format {
            "json" => drop(run.json()),
            _ => assert!(run.out.contains(says), "{format}: {says:?} is missing in\n{}", run.out),
        }
    }
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let help = done(&["analyze", "--help"]).out;
    for part in ["Examples:", "  whatchanged analyze ", "Exit codes:", "--incident", "--symptom", "--baseline"] {
        assert!(help.contains(part), "{part:?} is missing in\n{help}");
    }
    assert!(done(&["--help"]).out.contains("analyze"));
    assert_eq!(done(&["help", "analyze"]).out, help);
    assert_eq!(done(&["--version"]).out, format!("whatchanged {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn shells_are_helped_to_complete() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = done(&["completions", shell]).out;
        assert!(script.contains("whatchanged") && script.contains("baseline"), "{shell}");
    }
}

#[test]
fn mistakes_in_arguments_are_usage() {
    check_refused(&[], 2, &["Usage:"]);
    check_refused(&["analyse", OUTAGE], 2, &["analyze"]);
    check_refused(&["analyze"], 2, &["PATH"]);
    check_refused(&["analyze", OUTAGE, "--formt", "json"], 2, &["similar", "--format"]);
    check_refused(&["analyze", OUTAGE, "--format", "jsno"], 2, &["similar", "'json'"]);
    check_refused(&["analyze", OUTAGE, "--format", "jsno"], 2, &["terminal, json, markdown"]);
    check_refused(&["analyze", OUTAGE, "--top", "11"], 2, &["--top"]);
    check_refused(&["analyze", OUTAGE, "--threads", "0"], 2, &["--threads"]);
    check_refused(&["analyze", OUTAGE, "--step", "soon"], 2, &["--step", "hint:"]);
    check_refused(&["analyze", OUTAGE, "--since", "yesterday"], 2, &["--since", "hint:"]);
    check_refused(&["analyze", OUTAGE, "--incident", "2026-11-22T18:00:00Z..2026-11-22T17:00:00Z"], 2, &["--incident", "hint:"]);
    check_refused(&["analyze", OUTAGE, "--baseline", "2026-11-22T18:00:00Z"], 2, &["--baseline", "hint:"]);
    check_refused(&["analyze", OUTAGE, "--symptom", "/p95"], 2, &["--symptom", "hint:"]);
    check_refused(&["analyze", OUTAGE, "--tz", "Mars/Olympus"], 2, &["--tz", "hint:"]);
    check_refused(&["completions", "tcsh"], 2, &["bash"]);
}

#[test]
fn nothing_to_read_is_a_failure() {
    let empty = Folder::new(&[]);
    let hidden = Folder::new(&[(".hidden", b"x"), ("README.md", b"# Notes"), ("truth.json", b"{}")]);
    check_refused(&["analyze", "no/such/bundle"], 1, &["error: cannot read no/such/bundle: no such file or folder\n", "hint:"]);
    check_refused(&["analyze", OUTAGE, "no/such/bundle"], 1, &["no/such/bundle"]);
    check_refused(&["analyze", &empty.shown()], 1, &["nothing to read here", "hint:"]);
    check_refused(&["analyze", &hidden.shown()], 1, &["nothing to read here"]);
}

#[test]
fn half_a_bundle_gives_half_an_analysis() {
    let of = |parts: &[&str]| Folder::of_sample("checkout-outage", parts);
    let found = |parts: &[&str]| {
        let document = json_of(&of(parts).shown(), &[]);
        document["incidents"].as_array().unwrap().len()
    };
    assert_eq!(found(&["logs"]), 1);
    assert_eq!(found(&["logs", "topology.csv", "metrics"]), 1);
    assert_eq!(found(&["logs", "changes.jsonl"]), 1);
    check_reduced(&of(&["logs"]), "gateway", &[]);
    check_reduced(&of(&["logs", "metrics", "topology.csv"]), "checkout", &[]);
    // Without a single request the error series alone show the incident and the service.
    assert_eq!(found(&["metrics"]), 1);
    check_reduced(&of(&["metrics"]), "left its usual range", &[]);
    check_reduced(&of(&["changes.jsonl", "configs"]), "Nothing could be judged", &[]);
    check_reduced(&of(&["configs", "topology.csv"]), "Nothing could be judged", &[]);
}

#[test]
fn changes_without_their_configuration_are_changes_all_the_same() {
    let folder = Folder::of_sample("checkout-outage", &["changes.jsonl", "logs"]);
    let document = json_of(&folder.shown(), &[]);
    assert_eq!(document["incidents"][0]["causes"][0]["change_id"], "deploy-7958", "{:#}", document["incidents"]);
    let sources = document["coverage"]["sources"].as_array().unwrap();
    let changes = sources.iter().find(|s| s["path"] == "changes.jsonl").unwrap();
    assert_eq!((changes["lines"].as_u64(), changes["understood"].as_u64()), (Some(6), Some(6)));
    assert!(done(&["analyze", &folder.shown()]).err.contains("configs/checkout/2.15.0.yaml is not in the bundle"));
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// Bytes without any order, the same in every run.
fn noise(length: usize) -> Vec<u8> {
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Some((*state >> 56) as u8)
    };
    std::iter::repeat_n((), length).scan(7, |state, ()| next(state)).collect()
}

#[test]
fn broken_files_are_named_and_never_fatal() {
    let cases: [(&str, &[u8], &str); 14] = [
        ("logs/a/a.log.gz", b"\x1f\x8b\x08\x00 no gzip at all", "a.log.gz"),
        ("logs/a/a.log", &noise(5_000), "not text"),
        ("logs/a/a.log.zst", b"\x28\xb5\x2f\xfd broken", "a.log.zst"),
        ("logs/a/a.log.bz2", b"BZh9 broken", "a.log.bz2"),
        ("logs/a/a.log.xz", b"\xfd7zXZ\0 broken", "a.log.xz"),
        ("changes.jsonl", b"{\"id\": \"d\", \"time\": \n", "changes.jsonl:1: not valid JSON"),
        ("changes.jsonl", b"[1, 2, \"three\"]\n", ""),
        ("changes.jsonl", b"{\"id\": \"d\", \"time\": \"noon\", \"service\": \"a\", \"kind\": \"deploy\"}\n", "noon"),
        ("configs/a/1.yaml", b"a: [1\n b: {\n", "configs/a/1.yaml"),
        ("configs/a/1.json", b"{\"a\": ", "configs/a/1.json"),
        ("configs/a/1.toml", b"a = = 1\n[[[", "configs/a/1.toml"),
        ("metrics/m.csv", b"time,service,metric,value\nnoon,a,cpu,1\n2024-01-01T00:00:00Z,a\n", "metrics/m.csv"),
        ("metrics/m.parquet", b"PAR1 and nothing else", "metrics/m.parquet"),
        ("metrics/m.json", b"{\"status\":\"success\",\"data\":{\"result\":[{", "metrics/m.json"),
    ];
    for (name, bytes, warns) in cases {
        check_reduced(&Folder::new(&[(name, bytes)]), "Nothing could be judged", &[warns]);
        // Beside good files it costs no more than itself.
        let beside = Folder::of_sample("checkout-outage", &["logs", "configs", "topology.csv", "changes.jsonl"]);
        if name != "changes.jsonl" {
            beside.write(name, bytes);
            let document = json_of(&beside.shown(), &[]);
            assert_eq!(document["incidents"][0]["causes"][0]["change_id"], "deploy-7958", "{name}");
        }
    }
}

#[test]
fn empty_files_are_no_trouble() {
    let names =
        ["logs/a/a.log", "logs/a/b.log.gz", "changes.jsonl", "metrics/m.csv", "configs/a/1.yaml", "configs/a/1.json", "topology.csv"];
    for name in names {
        check_reduced(&Folder::new(&[(name, b"")]), "Nothing could be judged", &[]);
        check_reduced(&Folder::new(&[(name, b"\n\n")]), "Nothing could be judged", &[]);
    }
    check_reduced(&Folder::new(&names.map(|name| (name, &b""[..]))), "Nothing could be judged", &[]);
}

#[test]
fn a_file_cut_off_gives_what_it_has() {
    let lines: String = (0..50_000_u32)
        .map(|i| format!("2026-11-22 17:{:02}:{:02} INFO line {}\n", i / 60 % 60, i % 60, i.wrapping_mul(2_654_435_761)))
        .collect();
    let whole = gzipped(lines.as_bytes());
    let folder = Folder::new(&[("logs/a/a.log.gz", &whole[..whole.len() / 2])]);
    let run = done(&["analyze", &folder.shown(), "--format", "json"]);
    let read = run.json()["coverage"]["lines"].as_u64().unwrap();
    assert!((10_000..40_000).contains(&read), "{read}");
    assert!(run.err.contains("warning: logs/a/a.log.gz") && run.err.contains("broken off"), "{}", run.err);
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new(&[("logs/a/a.log", b"2026-11-22 17:00:00 INFO x\n"), ("logs/a/b.log", b"2026-11-22 17:00:00 INFO x\n")]);
    let locked = folder.path().join("logs/a/b.log");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    let readable_anyway = std::fs::File::open(&locked).is_ok();
    std::os::unix::fs::symlink("nowhere", folder.path().join("logs/a/c.log")).unwrap();
    let err = done(&["analyze", &folder.shown()]).err;
    assert!(err.contains("warning: logs/a/c.log: no such file or folder"), "{err}");
    if !readable_anyway {
        assert!(err.contains("warning: logs/a/b.log: permission denied"), "{err}");
        check_refused(&["analyze", &folder.at("logs/a/b.log")], 1, &["permission denied"]);
    }
}

#[test]
fn nothing_is_coloured_unless_asked() {
    for name in SAMPLES {
        let run = done(&["analyze", &sample(name), "--all"]);
        assert!(!run.out.contains('\x1b') && !run.err.contains('\x1b'), "{name}");
    }
    let forced = |variables: &[(&str, &str)], arguments: &[&str]| {
        let all = [&["analyze", OUTAGE], arguments].concat();
        finish(command().args(all).envs(variables.iter().copied()), "forced").out.contains('\x1b')
    };
    assert!(forced(&[], &["--color", "always"]));
    assert!(forced(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!forced(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]));
    assert!(!forced(&[("CLICOLOR_FORCE", "1")], &["--color", "never"]));
    assert!(!forced(&[("CLICOLOR_FORCE", "1")], &["--format", "json"]) && !forced(&[("CLICOLOR_FORCE", "1")], &["--format", "markdown"]));
}

#[test]
fn the_first_screen_is_one_screen() {
    for name in SAMPLES {
        let out = done(&["analyze", &sample(name)]).out;
        let widest = out.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 80, "{name}: {widest} columns\n{out}");
        assert!(out.lines().count() <= 40, "{name}: {} lines\n{out}", out.lines().count());
    }
    let wide = finish(command().args(["analyze", OUTAGE]).env("COLUMNS", "60"), "60 columns").out;
    assert!(wide.lines().all(|line| line.chars().count() <= 60), "{wide}");
    let plain = finish(command().args(["analyze", OUTAGE]).env("LC_ALL", "C"), "C").out;
    assert!(plain.is_ascii(), "{plain}");
}

#[test]
fn a_file_takes_the_place_of_standard_output() {
    let folder = Folder::new(&[("report.json", b"old and longer than nothing")]);
    let path = folder.at("report.json");
    let written = run(&["analyze", OUTAGE, "--format", "json", "-o", &path]);
    assert_eq!((written.code, written.out.as_str()), (Some(0), ""));
    let expected = done(&["analyze", OUTAGE, "--format", "json"]).out;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    assert_eq!(done(&["analyze", OUTAGE, "--format", "json", "-o", "-"]).out, expected);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something was left behind");
    check_refused(&["analyze", OUTAGE, "-o", &folder.at("no/such/folder.json")], 1, &["cannot write", "hint:"]);
    check_refused(&["analyze", OUTAGE, "-o", &folder.shown()], 1, &["cannot write", "hint:"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = command().args(["analyze", OUTAGE, "--format", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let run = child.wait_with_output().unwrap();
    assert_eq!((run.status.code(), String::from_utf8_lossy(&run.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn standard_input_is_a_log() {
    let text = "2026-11-22T17:00:00Z INFO started\n2026-11-22T17:05:00Z INFO stopped\n";
    let mut child = command().args(["analyze", "-", "--format", "json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["data"]["start"], "2026-11-22T17:00:00Z", "{document:#}");
    assert_eq!(document["coverage"]["lines"], 2);
    assert_eq!(done(&["analyze", "-"]).out.lines().next().map(|l| l.starts_with("Nothing could be judged")), Some(true));
}

#[test]
fn quiet_means_no_warnings() {
    let folder = Folder::new(&[("core", b"\0\x01\x02\x03")]);
    assert!(done(&["analyze", &folder.shown()]).err.contains("warning: core: not text"));
    assert_eq!(done(&["analyze", &folder.shown(), "--quiet"]).err, "");
}

#[test]
fn what_the_operator_knows_is_taken_as_known() {
    let incident = |more: &[&str]| json_of(OUTAGE, more)["incidents"][0].clone();
    let given = incident(&["--incident", "2026-11-22T17:25:00Z..2026-11-22T17:26:00Z"]);
    assert_eq!((&given["start"], &given["end"]), (&"2026-11-22T17:25:00Z".into(), &"2026-11-22T17:26:00Z".into()));
    assert_eq!(given["causes"][0]["change_id"], "deploy-7958");
    let open = incident(&["--incident", "2026-11-22T17:25:00"]);
    assert_eq!((&open["start"], &open["ongoing"]), (&"2026-11-22T17:25:00Z".into(), &true.into()));
    let zoned = incident(&["--incident", "2026-11-22T19:25:00+02:00"]);
    assert_eq!(zoned["start"], open["start"]);
    assert_eq!(incident(&["--symptom", "checkout/http_p95_ms"])["services"][0], "checkout");
    let usual = incident(&[])["quiet_failed_ratio"].as_f64().unwrap();
    let told = incident(&["--baseline", "2026-11-22T17:22:00Z..2026-11-22T17:25:00Z"])["quiet_failed_ratio"].as_f64().unwrap();
    assert!(told > usual, "a baseline with failures in it is no less quiet: {told} {usual}");
    let as_ever = json_of(OUTAGE, &["--baseline", "2026-11-22T17:25:00Z..2026-11-22T17:27:00Z"]);
    assert_eq!(as_ever["incidents"], Value::Array(Vec::new()), "what was told to be quiet is an incident");
    assert!(!json_of("samples/quiet-day", &["--incident", "2026-11-22T18:06:00Z..2026-11-22T18:08:00Z"])["incidents"][0].is_null());
}

#[test]
fn what_is_not_wanted_is_not_read() {
    let before = json_of(OUTAGE, &["--until", "2026-11-22T17:24:00Z"]);
    assert_eq!(before["incidents"], Value::Array(Vec::new()));
    assert!(before["data"]["end"].as_str().unwrap() < "2026-11-22T17:24:00Z");
    let after = json_of(OUTAGE, &["--since", "2026-11-22T17:23:00Z"]);
    assert!(after["data"]["start"].as_str().unwrap() >= "2026-11-22T17:23:00Z");
    assert_eq!(after["incidents"][0]["causes"][0]["change_id"], "deploy-7958");
    assert!(after["data"]["requests"].as_u64() < json_of(OUTAGE, &[])["data"]["requests"].as_u64());
}

#[test]
fn windows_and_limits_are_as_asked() {
    assert_eq!(json_of(OUTAGE, &["--top", "2"])["incidents"][0]["causes"].as_array().unwrap().len(), 2);
    assert_eq!(json_of(OUTAGE, &["--step", "1m"])["incidents"][0]["causes"][0]["change_id"], "deploy-7958");
    let all = done(&["analyze", OUTAGE, "--all"]).out;
    assert!(all.lines().count() > done(&["analyze", OUTAGE]).out.lines().count());
}

/// A time that names no zone is in the zone that was told, in logs and in arguments.
#[test]
fn zones_move_times_without_one() {
    let folder = Folder::new(&[("logs/a/a.log", b"2026-11-22 17:00:00 INFO started\n2026-11-22 17:05:00 INFO stopped\n")]);
    assert_eq!(json_of(&folder.shown(), &["--tz", "+02:00"])["data"]["start"], "2026-11-22T15:00:00Z");
    assert_eq!(json_of(&folder.shown(), &["--tz", "-05:30"])["data"]["start"], "2026-11-22T22:30:00Z");
    let since = json_of(&folder.shown(), &["--tz", "+02:00", "--since", "2026-11-22T17:04:00"]);
    assert_eq!(since["data"]["start"], "2026-11-22T15:05:00Z");
}
