//! Files that commits create as a whole, and long diffs, beside the change that did it: a database that refuses connections for 140 s.

use serde_json::Value;

use crate::tool::{Folder, json_of};

/// Seconds after 10:00 in which requests fail.
const HARM: std::ops::Range<u64> = 480..620;
/// When the guilty change was made.
const GUILTY: u64 = 479;

const NEW: &str = "new file mode 100644\n--- /dev/null\n+++ b/postgresql/postgresql.conf\n";
const EDITED: &str = "--- a/postgresql/postgresql.conf\n+++ b/postgresql/postgresql.conf\n";
const SMALLER: &str = "@@ -1 +1 @@\n-max_connections = 30\n+max_connections = 5\n";

fn clock(second: u64) -> String {
    format!("{:02}:{:02}:{:02}", 10 + second / 3600, second / 60 % 60, second % 60)
}

/// A commit of one file; `head` names it, `body` are its hunks.
fn commit(name: char, second: u64, head: &str, body: &str) -> String {
    let (name, time) = (name.to_string().repeat(40), clock(second));
    format!(
        "commit {name}\nAuthor: ops <ops@example.org>\nDate:   2023-08-12T{time}+00:00\n\n    a commit\n\n\
         diff --git a/postgresql/postgresql.conf b/postgresql/postgresql.conf\n{head}{body}\n"
    )
}

/// The hunk of a new file of these settings.
fn settings(lines: &[&str]) -> String {
    let added: String = lines.iter().map(|line| format!("+{line}\n")).collect();
    format!("@@ -0,0 +1,{} @@\n{added}", lines.len())
}

/// A server's configuration as it is, with the words of its messages and a key beside the one that matters.
fn installed() -> String {
    settings(&[
        "listen_addresses = ''",
        "port = 5432",
        "logging_collector = on",
        "log_line_prefix = '%m [%p] %q%u@%d/%a '",
        "log_connections = on",
        "log_min_duration_statement = 200",
        "max_connections = 30",
        "superuser_reserved_connections = 2",
    ])
}

/// The record of the guilty change, where it says nothing of what that did.
fn deploy() -> String {
    let time = clock(GUILTY);
    format!(
        "{{\"id\": \"d-1\", \"time\": \"2023-08-12T{time}Z\", \"service\": \"postgresql\", \"kind\": \"deploy\", \"version\": \"15.4\"}}\n"
    )
}

/// What the tool says of the harm with these commits and records of changes: the causes.
fn causes(commits: &[String], changes: &str) -> Vec<Value> {
    let (mut access, mut database) = (String::new(), String::new());
    for second in 0..900 {
        for request in 0..8 {
            let fails = HARM.contains(&second) && (second + request) % 3 == 0;
            let status = if fails { 500 } else { 200 };
            access += &format!("10.0.0.{request} - - [12/Aug/2023:{} +0000] \"GET /orders HTTP/1.1\" {status} 120\n", clock(second));
            if fails {
                let time = clock(second);
                database += &format!("2023-08-12 {time}.000 UTC [{second}] FATAL:  sorry, too many clients already\n");
                database += &format!("2023-08-12 {time}.100 UTC [{second}] LOG:  duration: 801.000 ms  statement: select now()\n");
            }
        }
        database += &format!("2023-08-12 {}.500 UTC [7] LOG:  connection received: host=[local]\n", clock(second));
    }
    let folder = Folder::new(&[
        ("logs/web/access.log", access.as_bytes()),
        ("logs/postgresql/postgresql.log", database.as_bytes()),
        ("changes/git.log", commits.concat().as_bytes()),
        ("changes.jsonl", changes.as_bytes()),
        ("topology.csv", b"source,target\nweb,postgresql\n"),
    ]);
    json_of(&folder.shown(), &[])["incidents"][0]["causes"].as_array().unwrap().clone()
}

fn by_git(name: char) -> String {
    format!("git:postgresql:{}", name.to_string().repeat(12))
}

fn of<'c>(causes: &'c [Value], id: &str) -> &'c Value {
    causes.iter().find(|cause| cause["change_id"] == id).unwrap_or_else(|| panic!("{id}: {causes:#?}"))
}

fn says(cause: &Value, kind: &str) -> bool {
    cause["evidence"].as_array().unwrap().iter().any(|evidence| evidence["kind"] == kind)
}

#[test]
fn a_configuration_put_on_record_before_the_harm_did_not_do_it() {
    let causes = causes(&[commit('b', GUILTY, EDITED, SMALLER), commit('a', 390, NEW, &installed())], "");
    assert_eq!(causes[0]["change_id"], by_git('b'), "{causes:#?}");
    assert!(causes[0]["confidence"].as_f64().unwrap() > 0.8, "{causes:#?}");
    assert!(!says(&causes[0], "whole_file"));
    let first = of(&causes, &by_git('a'));
    assert!(says(first, "whole_file"), "{first:#?}");
}

/// A key of the new file governs what failed: of many keys one does.
#[test]
fn that_one_of_many_new_keys_governs_what_failed_is_chance() {
    let causes = causes(&[commit('a', 390, NEW, &installed())], &deploy());
    assert_eq!(causes[0]["change_id"], "d-1", "{causes:#?}");
}

#[test]
fn a_new_file_can_be_the_cause_and_is_less_certain_than_an_edit() {
    let two = settings(&["max_connections = 5", "work_mem = 4MB"]);
    let deploy = "{\"id\": \"d-1\", \"time\": \"2023-08-12T10:02:00Z\", \"service\": \"web\", \"kind\": \"deploy\", \"version\": \"2\"}\n";
    let new = causes(&[commit('a', GUILTY, NEW, &two)], deploy);
    assert_eq!(new[0]["change_id"], by_git('a'), "{new:#?}");
    assert!(says(&new[0], "key_governs") && says(&new[0], "whole_file"), "{new:#?}");
    let edited = causes(&[commit('a', GUILTY, EDITED, SMALLER)], deploy);
    assert_eq!(edited[0]["change_id"], by_git('a'));
    assert!(new[0]["confidence"].as_f64() <= edited[0]["confidence"].as_f64());
}

/// A text of some hundred words has some of any message.
#[test]
fn a_long_diff_that_shares_words_with_the_messages_did_not_do_it() {
    let lines = (0..130).map(|n| format!("+paragraph{n:03} has topic{n:03} about subject{n:03}\n"));
    let prose: String = lines.chain(["+how many clients\n".to_owned(), "+what duration\n".to_owned()]).collect();
    let head = "--- a/postgresql/HANDBOOK.md\n+++ b/postgresql/HANDBOOK.md\n";
    let body = format!("@@ -1 +1,133 @@\n handbook\n{prose}");
    let causes = causes(&[commit('a', 420, head, &body)], &deploy());
    assert_eq!(causes[0]["change_id"], "d-1", "{causes:#?}");
    assert!(says(of(&causes, &by_git('a')), "diff_words"), "{causes:#?}");
}
