//! Tests of reading unified diffs.

use proptest::prelude::*;

use super::*;

/// Writes the edits as `key: before -> after`.
#[track_caller]
fn check(diff: &str, expected: &[&str]) {
    let shown = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
    let lines: Vec<String> = edits(diff).iter().map(|e| format!("{}: {} -> {}", e.key, shown(&e.before), shown(&e.after))).collect();
    assert_eq!(lines, expected, "{diff}");
}

#[test]
fn nothing_and_code_edit_no_keys() {
    check("", &[]);
    check("no diff", &[]);
    check("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-size = 1\n+size = 2\n", &[]);
    check("--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-a: 1\n+a: 2\n", &[]);
}

#[test]
fn flat_keys() {
    check("--- a/f.yaml\n+++ b/f.yaml\n@@ -1 +1 @@\n-a.b: 1\n+a.b: 2\n", &["a.b: 1 -> 2"]);
    check("-a.b: 1\n+a.b: 2\n", &["a.b: 1 -> 2"]);
    check("--- a/x.env\n+++ b/x.env\n@@ -1,2 +1,2 @@\n A=1\n-B=2\n+C=3\n", &["B: 2 -> nothing", "C: nothing -> 3"]);
    check("--- a/x.toml\n+++ b/x.toml\n@@ -3,3 +3,3 @@\n [db.pool]\n-max = 9 # why\n+max = 3\n min = 1\n", &["db.pool.max: 9 -> 3"]);
    check("--- a/p.conf\n+++ b/p.conf\n@@ -1,2 +1,2 @@\n port = 1\n-work_mem = 4MB\n+work_mem = 1MB\n", &["work_mem: 4MB -> 1MB"]);
}

#[test]
fn nesting_from_context_and_heading() {
    check(
        "--- a/x.yaml\n+++ b/x.yaml\n@@ -4,3 +4,3 @@ clients:\n   pay:\n     url: x\n-    timeout: 3\n+    timeout: 1\n",
        &["clients.pay.timeout: 3 -> 1"],
    );
    check("--- a/x.yaml\n+++ b/x.yaml\n@@ -1,4 +1,4 @@\n a:\n   b:\n-    c: 1\n+    c: 2\n d: 3\n", &["a.b.c: 1 -> 2"]);
    check(
        "--- a/x.yaml\n+++ b/x.yaml\n@@ -9,3 +9,3 @@ spec:\n         env:\n         - name: SIZE\n-          value: \"9\"\n+          value: \"3\"\n",
        &["spec.env.SIZE: 9 -> 3"],
    );
    check(
        "--- a/x.json\n+++ b/x.json\n@@ -1,4 +1,4 @@\n {\n   \"up\": {\n-    \"ms\": 30,\n+    \"ms\": 10,\n     \"url\": \"h\"\n",
        &["up.ms: 30 -> 10"],
    );
    check(
        "--- a/nginx.conf\n+++ b/nginx.conf\n@@ -3,3 +3,3 @@ http {\n     upstream app {\n-        server 10.0.0.1:80;\n+        server 10.0.0.2:80;\n         keepalive 8;\n",
        &["upstream.app.server: 10.0.0.1:80 -> 10.0.0.2:80"],
    );
}

#[test]
fn several_files_and_credentials() {
    let diff = "diff --git a/a.env b/a.env\nindex 1..2 100644\n--- a/a.env\n+++ b/a.env\n@@ -1 +1 @@\n-A=1\n+A=2\n\\ No newline at end of file\ndiff --git a/m.sql b/m.sql\n--- a/m.sql\n+++ b/m.sql\n@@ -1,2 +1 @@\n--- old comment\n-SELECT 1;\n+SELECT 2;\n--- /dev/null\n+++ b/b.properties\n@@ -0,0 +1 @@\n+pool.max=3\n";
    check(diff, &["A: 1 -> 2", "pool.max: nothing -> 3"]);
    let masked = edits("--- a/a.env\n+++ b/a.env\n@@ -1 +1 @@\n-DB_PASSWORD=hunter2\n+DB_PASSWORD=hunter3\n");
    assert!(masked.len() == 1 && !format!("{masked:?}").contains("hunter"), "{masked:?}");
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?:[-+ @\\\\]{0,2}[-a-c01:={}\"',#;/é]{0,9}\n|@@ -1,3 [+]1,2 @@ a:\n|--- a/x.yaml\n|[+]{3} b/x.conf\n){0,14}") {
        edits(&text);
        words(&text);
        sql_tables(&text);
    }
}
