//! What somebody meets who has only the program: its demo, its settings, its manual pages.

use crate::tool::{Folder, command, done, finish, run};

#[test]
fn the_demo_is_the_analysis_of_the_founding_sample() {
    let demo = done(&["demo"]);
    assert_eq!(demo.out, done(&["analyze", "samples/checkout-outage"]).out);
    assert!(demo.err.contains("A recorded outage") && demo.err.contains("whatchanged analyze"), "{}", demo.err);
    let quiet = done(&["demo", "--quiet", "--format", "json"]);
    assert_eq!(quiet.err, "");
    assert_eq!(quiet.json()["incidents"][0]["causes"][0]["change_id"], "deploy-7958");
    let width = |text: &str| text.lines().map(|line| line.chars().count()).max();
    assert!(width(&demo.err) <= Some(80), "{}", demo.err);
}

#[test]
fn the_demos_files_can_be_kept_and_nobodys_are_lost() {
    let folder = Folder::new(&[]);
    let kept = done(&["demo", "--keep", &folder.at("demo")]);
    assert!(kept.out.contains("whatchanged risk"), "{}", kept.out);
    assert_eq!(done(&["analyze", &folder.at("demo")]).out, done(&["analyze", "samples/checkout-outage"]).out);
    folder.write("mine/changes.jsonl", b"mine");
    let refused = run(&["demo", "--keep", &folder.at("mine")]);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(refused.err.contains("hint: name a folder that does not exist yet"), "{}", refused.err);
    assert_eq!(std::fs::read(folder.at("mine/changes.jsonl")).unwrap(), b"mine");
    let nowhere = finish(command().args(["demo"]).env("TMPDIR", "/no/such/folder"), "demo");
    assert_eq!(nowhere.code, Some(1));
    assert!(nowhere.err.contains("hint: set TMPDIR"), "{}", nowhere.err);
}

/// A run in a folder with this whatchanged.toml.
fn within(settings: &str, arguments: &[&str]) -> crate::tool::Run {
    let folder = Folder::of_sample("quiet-day", &["logs"]);
    folder.write("whatchanged.toml", settings.as_bytes());
    finish(command().args(arguments).current_dir(folder.path()), settings)
}

#[test]
fn settings_of_the_current_folder_are_heard() {
    let formats = |settings: &str, arguments: &[&str]| within(settings, arguments).out.starts_with('{');
    let json = "[analyze]\nformat = \"json\"\n";
    assert!(formats(json, &["analyze", "."]));
    assert!(!formats(json, &["analyze", ".", "--format", "markdown"]));
    assert!(!formats(json, &["analyze", ".", "--no-config"]));
    let read = within(json, &["analyze", "."]).json();
    let sources = read["coverage"]["sources"].as_array().unwrap();
    assert!(sources.iter().all(|source| source["path"] != "whatchanged.toml"), "{sources:#?}");
    assert!(within(json, &["config"]).out.contains("format = \"json\""));
}

#[test]
fn mistakes_in_settings_are_usage_and_help_is_there_all_the_same() {
    let wrong = within("[analyze]\nformt = \"json\"\n", &["analyze", "."]);
    assert_eq!((wrong.code, wrong.out.as_str()), (Some(2), ""));
    assert_eq!(wrong.err, "error: whatchanged.toml:2: there is no flag \"formt\" in [analyze]\nhint: did you mean \"format\"?\n");
    let late = within("tz = \"Mars/Olympus\"\n", &["analyze", "."]);
    assert_eq!(late.code, Some(2));
    assert!(late.err.starts_with("error: whatchanged.toml:1: tz: "), "{}", late.err);
    assert_eq!(within("nonsense", &["--help"]).code, Some(0));
    let missing = run(&["analyze", "samples/quiet-day", "--config", "/no/such.toml"]);
    assert_eq!(missing.code, Some(1), "{}", missing.err);
}

#[test]
fn what_a_setting_gives_need_not_be_typed() {
    let settings = "history = \"kept\"\n";
    let listed = within(settings, &["history", "list"]);
    assert!(listed.code == Some(1) && listed.err.contains("kept"), "{}", listed.err);
    assert_eq!(run(&["history", "list"]).code, Some(2));
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = Folder::new(&[]);
    assert_eq!(run(&["man", &folder.at("man1")]).code, Some(0));
    let page = |name: &str| std::fs::read_to_string(folder.at(&format!("man1/{name}.1"))).unwrap();
    assert!(page("whatchanged").contains("whatchanged\\-analyze(1)") || page("whatchanged").contains("whatchanged-analyze(1)"));
    assert!(page("whatchanged-analyze").contains("Examples:") && page("whatchanged-history-show").contains("TABLE"));
}

#[test]
fn help_fits_a_terminal_of_eighty_columns() {
    for command in ["", "analyze", "demo", "risk", "config", "history", "completions"] {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = finish(crate::tool::command().args(&arguments).env("COLUMNS", "80"), command).out;
        let (options, examples) = help.split_once("Examples:").unwrap_or((&help, ""));
        let long: Vec<&str> = options.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{command}: {long:#?}\n{examples}");
    }
}

/// A configuration as it was put under version control, then the edit that did the harm: the first did not do it, although it set the same
/// key, its comments have the words of the messages, and the repair sets its value again.
#[test]
fn a_value_that_was_replaced_before_the_harm_is_not_its_cause() {
    let clock = |second: u64| format!("{:02}:{:02}:{:02}", 10 + second / 3600, second / 60 % 60, second % 60);
    let harm = 480..620;
    let (mut access, mut database) = (String::new(), String::new());
    for second in 0..900 {
        for request in 0..8 {
            let fails = harm.contains(&second) && (second + request) % 3 == 0;
            let status = if fails { 500 } else { 200 };
            access += &format!("10.0.0.{request} - - [12/Aug/2023:{} +0000] \"GET /orders HTTP/1.1\" {status} 120\n", clock(second));
            if fails {
                database += &format!("2023-08-12 {}.000 UTC [{second}] FATAL:  sorry, too many clients already\n", clock(second));
            }
        }
        database += &format!("2023-08-12 {}.500 UTC [7] LOG:  duration: 12.000 ms  statement: SELECT 1\n", clock(second));
    }
    let commit = |name: char, second: u64, subject: &str, head: &str, body: &str| {
        let name = name.to_string().repeat(40);
        let time = clock(second);
        format!(
            "commit {name}\nAuthor: ops <ops@example.org>\nDate:   2023-08-12T{time}+00:00\n\n    {subject}\n\n\
             diff --git a/postgresql/postgresql.conf b/postgresql/postgresql.conf\n{head}{body}\n"
        )
    };
    let first = "@@ -0,0 +1,3 @@\n+max_connections = 40   # clients\n+#too many clients already: sorry\n+port = 5432\n";
    let edit = |old: u32, new: u32| format!("@@ -1 +1 @@\n-max_connections = {old}\n+max_connections = {new}\n");
    let both = "--- a/postgresql/postgresql.conf\n+++ b/postgresql/postgresql.conf\n";
    let git = [
        commit('c', 622, "more connections again", both, &edit(8, 40)),
        commit('b', 479, "save memory", both, &edit(40, 8)),
        commit('a', 200, "as installed", "new file mode 100644\n--- /dev/null\n+++ b/postgresql/postgresql.conf\n", first),
    ];
    let folder = Folder::new(&[
        ("logs/web/access.log", access.as_bytes()),
        ("logs/postgresql/postgresql.log", database.as_bytes()),
        ("changes/git.log", git.concat().as_bytes()),
        ("topology.csv", b"source,target\nweb,postgresql\n"),
    ]);
    let incident = crate::tool::json_of(&folder.shown(), &[])["incidents"][0].clone();
    let causes = incident["causes"].as_array().unwrap();
    assert_eq!(causes[0]["change_id"], format!("git:postgresql:{}", "b".repeat(12)), "{causes:#?}");
    let innocent = causes.iter().find(|cause| cause["change_id"] == format!("git:postgresql:{}", "a".repeat(12)));
    for kind in innocent.iter().flat_map(|cause| cause["evidence"].as_array().unwrap()).map(|evidence| &evidence["kind"]) {
        assert!(kind != "undone" && kind != "key_governs" && kind != "diff_words", "{innocent:#?}");
    }
}

/// Scripts of `contrib/` are read by any shell, and say how they are called.
#[cfg(unix)]
#[test]
fn scripts_for_bundles_say_how_they_are_called() {
    let folder = crate::tool::root().join("contrib/collect");
    let mut scripts: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    assert!(scripts.len() >= 7, "{scripts:?}");
    for script in scripts {
        let name = script.file_name().unwrap().to_str().unwrap().to_owned();
        let mut shell = std::process::Command::new("sh");
        let syntax = finish(shell.arg("-n").arg(&script), &name);
        assert_eq!(syntax.code, Some(0), "{name}\n{}", syntax.err);
        let mut shell = std::process::Command::new("sh");
        let called = finish(shell.arg(&script), &name);
        assert!(called.code != Some(0) && called.err.contains(&format!("usage: {name} BUNDLE")), "{name}\n{}", called.err);
        let readme = std::fs::read_to_string(crate::tool::root().join("README.md")).unwrap();
        assert!(readme.contains(&format!("`{name} bundle")), "README.md does not name {name}");
    }
}
