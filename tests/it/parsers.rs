//! Formats of one's own: a TOML file is all that a new one takes, and what is wrong with one is told.

use std::io::Write;
use std::process::Stdio;

use crate::tool::{Folder, command, done, finish, json_of, run};

/// A format that no program writes.
const OWN: &str = r##"
name  = "brook"
title = "The log of the brook"
docs  = "https://brook.example/log"
role  = "queue"
specificity = 60

[[line]]
name  = "default"
match = '''^~(?<level>[a-z]+)~ (?<time>\d{2}\.\d\d\.\d{4} at \d\d:\d\d:\d\d) (?<logger>\w+)> (?<message>.*)$'''
time  = ["%d.%m.%Y at %H:%M:%S"]

[level]
error = ["awful"]
info  = ["fine"]

[[sample]]
text = '''
~awful~ 12.08.2023 at 14:31:07 dam> the water is gone
'''
expect = [{ time = "2023-08-12T14:31:07Z", level = "error", logger = "dam", message = "the water is gone" }]

[[reject]]
text = "awful 12.08.2023 at 14:31:07 dam> the water is gone"
"##;

fn log() -> String {
    (0..300).map(|i| format!("~fine~ 12.08.2023 at 14:{:02}:{:02} dam> drop {i}\n", 10 + i / 60, i % 60)).collect()
}

fn folder(formats: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(&[("logs/dam/dam.log", log().as_bytes())]);
    formats.iter().for_each(|(name, text)| folder.write(name, text.as_bytes()));
    folder
}

#[test]
fn a_new_format_needs_one_file_and_no_rust() {
    let (bundle, own) = (folder(&[]), folder(&[("lines/brook.toml", OWN)]));
    let source = |more: &[&str]| json_of(&bundle.shown(), more)["coverage"]["sources"][0].clone();
    let without = source(&[]);
    assert_eq!((&without["understood"], &without["records"]), (&0.into(), &0.into()), "{without:#}");
    let with = source(&["--parsers", &own.shown()]);
    assert_eq!((&with["format"], &with["understood"], &with["records"]), (&"brook".into(), &300.into(), &300.into()), "{with:#}");
    assert_eq!((&with["start"], &with["end"]), (&"2023-08-12T14:10:00Z".into(), &"2023-08-12T14:14:59Z".into()));
}

#[test]
fn formats_are_found_in_their_usual_places() {
    let bundle = folder(&[]);
    let own = folder(&[("config/whatchanged/parsers/lines/brook.toml", OWN), ("bare/brook.toml", OWN)]);
    let understood = |name: &str, value: &str| {
        let mut command = command();
        command.args(["analyze", &bundle.shown(), "--format", "json"]).env(name, value);
        finish(&mut command, name).json()["coverage"]["understood"].clone()
    };
    assert_eq!(understood("XDG_CONFIG_HOME", &own.at("config")), 300);
    assert_eq!(understood("WHATCHANGED_PARSERS", &own.at("bare")), 300);
    assert_eq!(understood("WHATCHANGED_PARSERS", &own.at("bare/brook.toml")), 300);
    assert_eq!(understood("WHATCHANGED_PARSERS", ""), 0);
}

#[test]
fn a_wrong_format_is_told_and_the_rest_goes_on() {
    let own = folder(&[("lines/brook.toml", OWN), ("lines/bad.toml", &OWN.replace("brook", "bad").replace("<level>", "<lvel>"))]);
    let run = done(&["analyze", &own.at("logs"), "--format", "json", "--parsers", &own.shown()]);
    assert!(
        run.err.contains("bad.toml:10: line \"default\": there is no column \"lvel\" (did you mean \"level\"?): left out"),
        "{}",
        run.err
    );
    assert_eq!(run.json()["coverage"]["understood"], 300);
    let nowhere = crate::tool::run(&["analyze", &own.at("logs"), "--parsers", "no/such/folder"]);
    assert_eq!((nowhere.code, nowhere.out.as_str()), (Some(1), ""));
    assert!(nowhere.err.contains("no formats from no/such/folder: no such file or folder\nhint: "), "{}", nowhere.err);
}

/// The mistakes that `parsers check` finds in a text.
fn check(text: &str, expected: &[&str]) {
    let own = folder(&[("lines/brook.toml", text)]);
    let run = run(&["parsers", "check", &own.at("lines")]);
    assert_eq!(run.code, Some(i32::from(!expected.is_empty())), "{}\n{}", run.out, run.err);
    if expected.is_empty() {
        assert!(run.out.contains("brook.toml: fine, 1 sample, 1 reject"), "{}", run.out);
    }
    for part in expected {
        assert!(run.out.contains(part), "{part:?} is missing in\n{}", run.out);
    }
}

#[test]
fn mistakes_are_placed_and_explained() {
    check(OWN, &[]);
    check(&OWN.replace("title", "titel"), &["brook.toml:3: titel: is not known here", "hint: did you mean \"title\"?"]);
    check(&OWN.replace("'''^~", "'''~"), &["brook.toml:10: line \"default\": is not anchored", "hint: begin it with ^"]);
    check(&OWN.replace("(?<level>", "(?<level>("), &["brook.toml:10: line \"default\": unclosed group"]);
    check(&OWN.replace("level = \"error\"", "level = \"fatal\""), &["record 1: level\n    expected  fatal\n    got       error\n"]);
    check(&OWN.replace("\"awful 12", "\"~awful~ 12"), &["matches what it is to reject"]);
    check(&OWN.replace("[[reject]]\ntext", "[[sample]]\nexpect = []\ntext"), &["has no [[reject]]"]);
    check(&OWN.replace("2023-08-12T14:31:07Z", "14:31"), &["\"14:31\", is no time"]);
    let unhit = OWN.replace("[level]", "[[line]]\nname = \"other\"\nmatch = '^zzz (?<message>.*)$'\n\n[level]");
    check(&unhit, &["no sample hits this [[line]] first\n    in        other\n"]);
    let greedy = OWN
        .replace("^~(?<level>[a-z]+)~ (?<time>", "^~?(?<level>[a-z]*)~? ?(?<time>")
        .replace(r"\d{2}\.\d\d\.\d{4} at \d\d:\d\d:\d\d) (?<logger>\w+)>", r"\S+ (?:at )?\S+)(?<logger>)")
        .replace("specificity = 60", "specificity = 99")
        .replace("time  = [", "time  = [\"%Y-%m-%d %H:%M:%S,%3f\", ");
    check(&greedy, &["format python-logging: a sample of it fails with these files"]);
    check("name = \"brook", &["brook.toml:1: TOML: "]);
}

#[test]
fn what_cannot_be_checked_is_refused() {
    let empty = Folder::new(&[("notes.md", b"x")]);
    let refused = |arguments: &[&str], code: i32, why: &str| {
        let run = run(&[&["parsers"], arguments].concat());
        assert_eq!((run.code, run.out.as_str()), (Some(code), ""), "{arguments:?}\n{}", run.err);
        assert!(run.err.contains(why), "{arguments:?}: {why:?} is missing in\n{}", run.err);
    };
    refused(&["check"], 2, "there is no format to check\nhint: ");
    refused(&["check", "no/such.toml"], 1, "no such file or folder");
    refused(&["check", &empty.shown()], 1, "there is no TOML file in it\nhint: ");
    refused(&["explain"], 2, "LINE");
    refused(&["explain", "--file", "x"], 2, "names no line\nhint: ");
    refused(&["explain", "--file", "no/such.log:3"], 1, "cannot read no/such.log");
    refused(&["explain", "--file", &format!("{}:0", empty.at("notes.md"))], 2, "names no line");
    refused(&["explain", "--file", &format!("{}:9", empty.at("notes.md"))], 1, "has 1 lines, no line 9");
    refused(&["explain", "x", "--tz", "Mars"], 2, "--tz");
}

#[test]
fn a_line_is_explained() {
    let check = |arguments: &[&str], expected: &[&str]| {
        let out = done(&[&["parsers", "explain"], arguments].concat()).out;
        expected.iter().for_each(|part| assert!(out.contains(part), "{arguments:?}: {part:?} is missing in\n{out}"));
        assert!(out.lines().all(|line| line.chars().count() <= 80) && !out.contains('\u{1b}'), "{out}");
    };
    let own = folder(&[("lines/brook.toml", OWN)]);
    let line = "~awful~ 12.08.2023 at 14:31:07 dam> drop 17 is gone";
    check(&[line], &["TAKEN FOR  no format"]);
    check(
        &[line, "--parsers", &own.shown()],
        &["brook: understood", "= 2023-08-12T14:31:07Z", "awful = error", "TEMPLATE   drop <*> is gone"],
    );
    check(
        &["~awful~ 12.08.2023 at 14:31:07 dam: x", "--parsers", &own.shown()],
        &["NEARLY     brook, line \"default\"", "  stops at : x", "  expected `>`"],
    );
    let place = format!("{}:250", own.at("logs/dam/dam.log"));
    check(&["--file", &place, "--parsers", &own.shown()], &["brook: understood", "drop 249"]);
    check(&["2023-08-12 14:31:07,824 INFO [a] GET /x 500 15ms"], &["MESSAGE    request", "  status   500", "  duration_us 15000"]);
    check(&["\u{1b}[2J\u{202e}{\"a\":"], &["\\x1b[2J"]);
    check(&["{\"a\": 1}"], &["json-lines", "no key of it is known"]);
}

#[test]
fn lines_of_standard_input_are_explained_one_by_one() {
    let mut child = command().args(["parsers", "explain", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"2023-08-12 14:31:07,824 INFO [a] one\nnonsense\n").unwrap();
    let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(out.matches("LINE  ").count(), 2, "{out}");
    assert!(out.contains("python-logging: understood") && out.contains("no format: not understood"), "{out}");
}

#[test]
fn the_list_knows_where_formats_come_from() {
    let own = folder(&[("lines/brook.toml", OWN)]);
    let list = done(&["parsers", "list", "--format", "json", "--parsers", &own.shown()]).json();
    let formats = list["formats"].as_array().unwrap();
    let named = |name: &str| formats.iter().find(|f| f["name"] == name).unwrap();
    assert_eq!(named("brook")["from"], own.at("lines/brook.toml"));
    assert_eq!((&named("json-lines")["from"], &named("json-lines")["kind"]), (&"built-in".into(), &"lines".into()));
    let table = done(&["parsers", "list"]).out;
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}
