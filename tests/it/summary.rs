//! Summaries say what the logs would have said: however they were cut, in whatever order they are merged.

use std::fs;
use std::process::Stdio;

use crate::determinism::unpacked;
use crate::hostile;
use crate::tool::{Folder, command, difference, done, finish, json_of, run, sample};

fn check_same(expected: &str, found: &str, what: &str) {
    if let Some(difference) = difference(expected, found) {
        panic!("{what}: {difference}");
    }
}

fn report(command: &str, path: &str) -> String {
    done(&[command, path, "--format", "json", "--quiet"]).out
}

/// Summaries of a bundle in pieces of about `size` bytes, each made by a process of its own.
fn summaries(bundle: &str, size: usize, shards: usize) -> Folder {
    let folder = Folder::new(&[]);
    let plan = done(&["summarize", bundle, "--plan", "--split-size", &size.to_string()]).out;
    folder.write("plan.jsonl", plan.as_bytes());
    for shard in 0..shards {
        let shard = format!("{shard}/{shards}");
        done(&["summarize", "--pieces", &folder.at("plan.jsonl"), "--shard", &shard, "-o", &format!("{}/", folder.at("s")), "--quiet"]);
    }
    folder
}

/// Merges summaries in groups of so many until one is left.
fn merged(folder: &Folder, files: &[String], group: usize) -> Vec<u8> {
    let mut files = files.to_vec();
    while files.len() > 1 {
        let rest = files.split_off(group.min(files.len()));
        let out = folder.at(&format!("m-{group}-{}.summary.parquet", rest.len()));
        let arguments: Vec<&str> = ["merge"].into_iter().chain(files.iter().map(String::as_str)).chain(["-o", &out]).collect();
        done(&arguments);
        files = [rest, vec![out]].concat();
    }
    fs::read(&files[0]).unwrap()
}

fn files(folder: &Folder) -> Vec<String> {
    let mut files: Vec<String> =
        fs::read_dir(folder.at("s")).unwrap().map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect();
    files.sort();
    files
}

#[test]
fn neither_cuts_nor_groups_nor_order_can_be_seen() {
    for (name, sizes) in [("checkout-outage", [40_000, 300_000]), ("quiet-day", [70_000, 1_000_000])] {
        let bundle = unpacked(name, usize::MAX);
        let expected = report("analyze", &bundle.shown());
        for (size, shards) in sizes.into_iter().zip([7, 3]) {
            let folder = summaries(&bundle.shown(), size, shards);
            check_same(&expected, &report("analyze", &folder.at("s")), &format!("{name} in pieces of {size}"));
            let mut files = files(&folder);
            let one = merged(&folder, &files, 2);
            files.reverse();
            assert_eq!(one, merged(&folder, &files, 3), "{name} in pieces of {size}");
            folder.write("all.summary.parquet", &one);
            for command in ["analyze", "verify", "risk"] {
                let expected = report(command, &bundle.shown());
                check_same(&expected, &report(command, &folder.at("all.summary.parquet")), &format!("{command} of {name}"));
            }
        }
    }
}

/// Nothing in hostile input, and nothing in the smallest pieces, is lost or counted twice.
#[test]
fn hostile_bundles_and_small_pieces() {
    let bundle = hostile::bundle();
    let folder = summaries(&bundle.shown(), 500, 5);
    check_same(&report("analyze", &bundle.shown()), &report("analyze", &folder.at("s")), "a hostile bundle");
    let bundle = unpacked("checkout-outage", 12_000);
    let folder = summaries(&bundle.shown(), 300, 4);
    check_same(&report("analyze", &bundle.shown()), &report("analyze", &folder.at("s")), "pieces of 300 bytes");
}

#[test]
fn a_stretch_of_a_file_is_asked_for_by_its_bytes() {
    let bundle = unpacked("checkout-outage", usize::MAX);
    let log = bundle.at("logs/checkout/checkout.log");
    let bytes = fs::metadata(&log).unwrap().len();
    let folder = Folder::new(&[]);
    for (number, (start, end)) in [(0, bytes / 3), (bytes / 3, bytes / 2), (bytes / 2, bytes * 2)].into_iter().enumerate() {
        let out = folder.at(&format!("s/{number}.summary.parquet"));
        done(&["summarize", &format!("{log}:{start}-{end}"), "-o", &out, "--quiet"]);
    }
    check_same(&report("analyze", &log), &report("analyze", &folder.at("s")), "three stretches");
}

#[test]
fn standard_input_with_names_is_the_file() {
    let bundle = unpacked("checkout-outage", usize::MAX);
    let log = bundle.path().join("logs/checkout/checkout.log");
    let folder = Folder::new(&[]);
    let out = folder.at("s/one.summary.parquet");
    let mut command = command();
    let names = ["--service", "checkout", "--source", "logs/checkout/checkout.log"];
    command.args(["summarize", "-", "-o", &out, "--quiet"]).args(names).stdin(Stdio::from(fs::File::open(&log).unwrap()));
    assert_eq!(finish(&mut command, "summarize -").code, Some(0));
    let (named, file) = (json_of(&out, &[]), json_of(log.to_str().unwrap(), &[]));
    assert_eq!(named["coverage"]["records"], file["coverage"]["records"]);
    assert_eq!(named["services"], file["services"]);
    assert!(named.to_string().contains("logs/checkout/checkout.log"), "{named}");
}

#[test]
fn what_is_there_already_is_not_made_again() {
    let folder = Folder::new(&[]);
    let out = format!("{}/", folder.at("s"));
    let made = |expected: bool| {
        let told = done(&["summarize", &sample("checkout-outage"), "-o", &out, "--format", "json"]).json();
        assert_eq!(told["made"], expected, "{told}");
        told["summary"].as_str().unwrap().to_owned()
    };
    let path = made(true);
    assert_eq!(made(false), path);
    let whole = fs::read(&path).unwrap();
    // What a full disk leaves behind is not a summary.
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(made(true), path);
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert_eq!(files(&folder).len(), 1, "nothing unfinished is left");
}

#[test]
fn what_does_not_fit_together_is_told() {
    let bundle = unpacked("checkout-outage", 200_000);
    let folder = summaries(&bundle.shown(), 50_000, 9);
    let check = |arguments: &[&str], why: &str| {
        let run = run(arguments);
        assert!(run.code == Some(1) && run.err.contains(why), "{arguments:?}: {:?} {}", run.code, run.err);
    };
    let of_all = folder.at("s");
    check(&["analyze", &of_all, "--tz", "+02:00"], "made for other times or another zone");
    check(&["verify", &of_all, "--as-of", "2026-11-22T17:30:00Z"], "made for other times or another zone");
    let files = files(&folder);
    fs::copy(&files[0], folder.at("s/again.summary.parquet")).unwrap();
    check(&["analyze", &of_all], "two summaries hold");
    fs::remove_file(folder.at("s/again.summary.parquet")).unwrap();
    let cut = files.iter().find(|file| run(&["analyze", file]).err.contains("no summary holds the bytes"));
    fs::remove_file(cut.expect("some summary holds a stretch of a log only")).unwrap();
    check(&["analyze", &of_all], "no summary holds the bytes");
    check(&["merge", &bundle.at("logs"), "-o", &folder.at("x")], "no summaries there");
    check(&["merge", &bundle.at("changes.jsonl"), "-o", &folder.at("x")], "cannot read");
    let usage = run(&["summarize", "--pieces", &folder.at("plan.jsonl"), "--shard", "9/9", "-o", &folder.at("x")]);
    assert_eq!(usage.code, Some(2), "{}", usage.err);
}

/// Where a line names the cells of those behind it, a piece cannot know what its lines mean.
#[test]
fn a_log_that_cannot_be_cut_says_so() {
    let folder = Folder::new(&[]);
    let line = |i: usize| format!("2023-08-12 14:{:02}:{:02},824 INFO [shop] order {i} paid\n", i / 60 % 60, i % 60);
    let mut text: String = (0..400).map(line).collect();
    text.push_str("#Fields: date time c-ip cs-method\n2023-08-12 14:31:07 10.0.0.1 GET\n");
    text.extend((0..400).map(line));
    folder.write("app.log", text.as_bytes());
    let (log, middle, bytes) = (folder.at("app.log"), text.len() / 3, text.len());
    let piece = |range: (usize, usize)| {
        done(&["summarize", &format!("{log}:{}-{}", range.0, range.1), "-o", &format!("{}/", folder.at("s")), "--format", "json"]).json()
    };
    assert_eq!(piece((0, middle))["whole_only"], serde_json::json!([]));
    assert_eq!(piece((middle, bytes))["whole_only"], serde_json::json!(["app.log"]));
    let refused = run(&["analyze", &folder.at("s")]);
    assert!(refused.code == Some(1) && refused.err.contains("summarize it as a whole"), "{}", refused.err);
    done(&["summarize", &log, "-o", &format!("{}/", folder.at("w")), "--quiet"]);
    check_same(&report("analyze", &log), &report("analyze", &folder.at("w")), "a log that is read as a whole");
}

/// A summary may come from anywhere: whatever bytes it has, nothing panics.
#[test]
fn broken_summaries_are_refused() {
    let folder = Folder::new(&[]);
    let out = folder.at("whole.summary.parquet");
    done(&["summarize", &sample("checkout-outage"), "-o", &out, "--quiet"]);
    let whole = fs::read(&out).unwrap();
    let mut state = 7_u64;
    // Where the columns are described, and where they are.
    let footer = whole.len().saturating_sub(16 << 10);
    for draw in 0..48 {
        let mut bytes = whole.clone();
        let from = if draw % 2 == 0 { footer } else { 0 };
        for _ in 0..3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = from + (state >> 20) as usize % (bytes.len() - from);
            bytes[at] ^= 1 << (state % 8);
        }
        folder.write("broken.summary.parquet", &bytes);
        let run = run(&["analyze", &folder.at("broken.summary.parquet"), "--format", "json"]);
        assert!(matches!(run.code, Some(0 | 1)), "{:?} {}", run.code, run.err);
    }
}
