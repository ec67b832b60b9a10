//! Tests of reading recorded changes.

use proptest::prelude::*;

use super::*;

fn load(path: &str) -> Result<String, String> {
    match path {
        "c/1.yaml" => Ok("db:\n  pool: 9\n".to_owned()),
        "c/2.yaml" => Ok("db:\n  pool: 3\n".to_owned()),
        "c/bad.json" => Ok("{\"a\": ".to_owned()),
        _ => Err("no such file".to_owned()),
    }
}

fn read_text(text: &str) -> (Vec<Change>, Vec<Complaint>) {
    read(&Arc::from("changes.jsonl"), text, &load)
}

const MINIMAL: &str = r#"{"id":"a","time":"2023-08-12T14:30:00Z","service":"s","kind":"deploy"}"#;

fn with(more: &str) -> String {
    MINIMAL.replace('}', &format!(",{more}}}"))
}

/// Reads one text and compares the ids and the places and beginnings of the complaints.
#[track_caller]
fn check(text: &str, ids: &[&str], complaints: &[(u64, &str)]) {
    let (changes, found) = read_text(text);
    assert_eq!(changes.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ids, "{text}");
    let found: Vec<(u64, &str)> = found.iter().map(|c| (c.origin.line, c.why.as_str())).collect();
    assert_eq!(found.len(), complaints.len(), "{found:?}");
    for ((line, why), (expected_line, part)) in found.iter().zip(complaints) {
        assert!(line == expected_line && why.contains(part), "{found:?}\n{part}");
    }
}

#[test]
fn lines_arrays_and_objects_over_lines() {
    check("", &[], &[]);
    check("\n\n", &[], &[]);
    check(&format!("\u{feff}{MINIMAL}\n\n"), &["a"], &[]);
    check(&format!("[{MINIMAL},\n{}]", MINIMAL.replace("\"a\"", "\"b{\\\"\"")), &["a", "b{\""], &[]);
    check(&MINIMAL.replace('{', "{\n").replace(',', ",\n"), &["a"], &[]);
    let (changes, _) = read_text(&format!("[\n\n{MINIMAL}]"));
    assert_eq!(changes[0].origin.to_string(), "changes.jsonl:3");
}

#[test]
fn sorted_by_time_then_id() {
    let later = MINIMAL.replace("\"a\"", "\"0\"").replace("14:30", "15:30");
    check(&format!("{later}\n{}\n{MINIMAL}\n", MINIMAL.replace("\"a\"", "\"b\"")), &["a", "b", "0"], &[]);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    check("\nnot json\n[1]\n", &[], &[(2, "not valid JSON"), (3, "not a JSON object")]);
    check(
        r#"{"id":"a","time":"2023-08-12T14:30:00Z","servce":"s","kind":"deploy"}"#,
        &[],
        &[(1, "service (\"servce\" is not a field: did you mean \"service\"?)")],
    );
    check(r#"{"id":"a","kind":null}"#, &[], &[(1, "missing: time, service, kind")]);
    check(&MINIMAL.replace("2023-08-12T14:30:00Z", "yesterday"), &[], &[(1, "time \"yesterday\" is not RFC 3339")]);
    check(&MINIMAL.replace("deploy", "depoly"), &["a"], &[(1, "did you mean \"deploy\"?")]);
    check(&MINIMAL.replace("deploy", "Release"), &["a"], &[(1, "read as deploy")]);
    check(&MINIMAL.replace("deploy", "banana"), &[], &[(1, "one of deploy, config")]);
    check(&format!("{MINIMAL}\n{MINIMAL}"), &["a"], &[(2, "used before")]);
    check(&with(r#""end_time":"2023-08-12T14:00:00Z""#), &["a"], &[(1, "before time")]);
    check(&with(r#""end_time":"soon""#), &["a"], &[(1, "end_time \"soon\"")]);
}

#[test]
fn fields_are_filled_and_unknown_ones_ignored() {
    let text = with(r#""end_time":"2023-08-12T14:31:00Z","version":2.5,"instances":["s-1","s-2"],"summary":" x ","ticket":{"a":1}"#);
    let (changes, complaints) = read_text(&text);
    let change = &changes[0];
    assert_eq!(complaints, []);
    assert_eq!((change.version.as_deref(), change.summary.as_deref()), (Some("2.5"), Some("x")));
    assert_eq!((change.rollout().seconds(), change.instances.len()), (60.0, 2));
}

#[test]
fn configuration_from_snapshots_and_from_diffs() {
    let (changes, complaints) = read_text(&with(r#""config_before":"c/1.yaml","config_after":"c/2.yaml""#));
    let edit = &changes[0].config.edits[0];
    assert_eq!(complaints, []);
    assert_eq!((edit.key.as_str(), edit.before.as_deref(), edit.after.as_deref()), ("db.pool", Some("9"), Some("3")));
    assert_eq!(edit.origin.as_ref().unwrap().to_string(), "c/2.yaml:2");

    let diff = r#""diff":"--- a/f.yaml\n+++ b/f.yaml\n@@ -1 +1 @@\n-a: 1\n+a: 2\n""#;
    let (changes, complaints) = read_text(&with(&format!(r#""config_before":"c/1.yaml","config_after":"c/3.yaml",{diff}"#)));
    assert!(complaints.len() == 1 && complaints[0].why.contains("c/3.yaml: no such file"), "{complaints:?}");
    assert_eq!(changes[0].config.edits[0].origin.as_ref().unwrap().to_string(), "changes.jsonl:1");

    let (changes, complaints) = read_text(&with(r#""config_before":"c/1.yaml","config_after":"c/bad.json""#));
    assert_eq!((changes.len(), complaints[0].origin.to_string().as_str()), (1, "c/bad.json:1"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "[\\[{}\\]\",:\\\\a-c0-9é \n]{0,80}") {
        read_text(&text);
    }
}
