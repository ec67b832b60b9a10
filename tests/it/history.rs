//! What the history and the report on a period promise: no row lost or doubled whatever happens, and numbers that rest on attribution.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::tool::{Folder, command, done, root, run, sample};

const OUTAGE: &str = "checkout-outage";
const AS_OF: &str = "2026-11-23T00:00:00Z";

fn shown(table: &str, history: &str) -> Vec<String> {
    let found = run(&["history", "show", table, "--history", history, "--format", "json"]);
    assert_eq!(found.code, Some(0), "{}", found.err);
    assert!(found.err.is_empty(), "{}", found.err);
    found.out.lines().map(str::to_owned).collect()
}

fn parquet_files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.ends_with(".parquet"));
    names.sort();
    names
}

/// Whether a table's folder holds a file that a predicate on its name accepts.
fn holds(folder: &Path, is: impl Fn(&str) -> bool) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|entry| is(&entry.file_name().to_string_lossy())))
}

/// Killed in the middle a hundred times: with the lock just taken, with a file half written, between two files, after all of them; then
/// run again, as a schedule would.
#[test]
fn a_writer_that_is_killed_loses_and_doubles_nothing() {
    let change = |n: usize| format!("{{\"id\":\"d{n}\",\"time\":\"2024-03-04T00:{n:02}:00Z\",\"service\":\"web\",\"kind\":\"deploy\"}}\n");
    let bundle = Folder::new(&[("changes.jsonl", (0..50).map(change).collect::<String>().as_bytes())]);
    bundle.write("logs/web/web.log", b"2024-03-04 00:00:01,000 INFO [web] started\n2024-03-04 00:40:01,000 INFO [web] here\n");
    let path = bundle.shown();
    let whole = Folder::new(&[]);
    done(&["risk", &path, "--history", &whole.at("h"), "--quiet"]);
    // Files are named after their content: the same names are the same rows, each once.
    let expected = ["changes", "risks", "runs"].map(|table| (table, parquet_files(&whole.path().join("h").join(table))));
    assert!(expected.iter().all(|(_, files)| files.len() == 1), "{expected:?}");
    let mut killed = 0;
    for round in 0..100 {
        let place = Folder::new(&[]);
        let history = place.at("h");
        let dir = place.path().join("h");
        let reached = |stage: usize| match stage {
            0 => dir.join(".lock").exists(),
            1 => holds(&dir.join("changes"), |_| true),
            2 => holds(&dir.join("changes"), |name| name.ends_with(".parquet")),
            3 => holds(&dir.join("risks"), |_| true),
            _ => holds(&dir.join("runs"), |_| true),
        };
        let mut child =
            command().args(["risk", &path, "--history", &history, "--quiet"]).stdout(std::process::Stdio::null()).spawn().unwrap();
        while !reached(round % 5) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_micros(50));
        }
        killed += usize::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        done(&["risk", &path, "--history", &history, "--quiet"]);
        for (table, files) in &expected {
            assert_eq!(parquet_files(&dir.join(table)), *files, "{table} of round {round}");
            let odd = holds(&dir.join(table), |name| !name.ends_with(".parquet"));
            assert!(!odd, "{table} of round {round} holds what a dead writer left");
        }
    }
    assert!(killed >= 50, "only {killed} runs were killed before they ended");
}

#[test]
fn writers_at_the_same_time_write_each_row_once() {
    let place = Folder::new(&[]);
    let history = place.at("h");
    let start = |bundle: &str| {
        command().args(["analyze", &sample(bundle), "--history", &history, "--quiet"]).stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = [OUTAGE, OUTAGE, "quiet-day", OUTAGE].map(start).into_iter().collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let changes = shown("changes", &history);
    assert_eq!(changes.iter().collect::<BTreeSet<_>>().len(), changes.len());
    let listed = done(&["history", "list", "--history", &history, "--format", "json"]).json();
    assert_eq!(listed["tables"][0]["rows"].as_u64().unwrap() as usize, changes.len());
    assert_eq!(parquet_files(&place.path().join("h/changes")).len(), 2, "one file a bundle");
}

#[test]
fn commands_add_what_they_found_and_pruning_takes_it() {
    let place = Folder::new(&[]);
    let history = place.at("h");
    let bundle = sample(OUTAGE);
    done(&["risk", &bundle, "--history", &history, "--quiet"]);
    done(&["verify", &bundle, "--history", &history, "--quiet"]);
    let risks = shown("risks", &history).join("\n");
    assert!(risks.contains("db.pool.max_size") && risks.contains("critical"), "{risks}");
    assert!(shown("verdicts", &history).join("\n").contains("\"worse\""));
    let files = parquet_files(&place.path().join("h/risks")).len();
    done(&["risk", &bundle, "--history", &history, "--quiet"]);
    assert_eq!(parquet_files(&place.path().join("h/risks")).len(), files, "a repeat writes nothing");
    done(&["history", "prune", "--history", &history, "--before", "2020-01-01T00:00:00Z"]);
    assert!(!shown("risks", &history).is_empty());
    done(&["history", "prune", "--history", &history, "--before", "2030-01-01T00:00:00Z"]);
    assert!(shown("risks", &history).is_empty());
    for (arguments, code) in [
        (vec!["history", "list", "--history", "/no/such"], 1),
        (vec!["history", "show", "nonsense", "--history", &history], 2),
        (vec!["report", "--history", "/no/such"], 1),
        (vec!["report", "--history", &history, "--period", "soon"], 2),
    ] {
        assert_eq!(run(&arguments).code, Some(code), "{arguments:?}");
    }
}

fn report(history: &str, more: &[&str]) -> Value {
    done(&[&["report", "--history", history, "--as-of", AS_OF, "--format", "json"], more].concat()).json()
}

#[test]
fn the_report_counts_by_attribution() {
    let place = Folder::new(&[]);
    let history = place.at("h");
    let found = report(&history, &[&sample(OUTAGE), "--quiet"]);
    let failed: Vec<&str> = found["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["outcome"] == "failed")
        .map(|c| c["change_id"].as_str().unwrap())
        .collect();
    // The deploy that came last before the outage was noticed is another one, and it is not counted.
    assert_eq!(failed, ["deploy-7958"], "{found:#}");
    let rate = &found["period"]["change_failure_rate"];
    assert_eq!(rate["count"], 1);
    assert!(rate["low"].as_f64().unwrap() > 0.0 && rate["high"].as_f64().unwrap() < 1.0, "{rate}");
    assert_eq!(found["period"]["rolled_back"], 1);
    let recover = found["period"]["recover_seconds"].as_f64().unwrap();
    assert!((60.0..600.0).contains(&recover), "{recover}");
    assert_eq!(found["act_on"][0], "deploy-7958");
    assert!(found["gaps"].as_array().unwrap().iter().any(|g| g.as_str().unwrap().contains("no data")), "{found:#}");
    assert_eq!(report(&history, &["--quiet"]), found, "the bundle is not needed again");
    // A week later it is the period before, and risk levels are held against outcomes.
    let later = done(&["report", "--history", &history, "--as-of", "2026-11-30T00:00:00Z", "--format", "json", "--quiet"]).json();
    assert_eq!(later["previous"]["failed"], 1);
    let critical = later["calibration"].as_array().unwrap().iter().find(|l| l["level"] == "critical").unwrap();
    assert_eq!(critical["failed"]["count"], 1, "{critical}");
}

#[test]
fn the_page_stands_alone_and_what_records_say_stays_text() {
    let change = "{\"id\":\"x<script>alert(1)</script>\",\"time\":\"2024-01-01T00:00:00Z\",\"service\":\"a\",\"kind\":\"deploy\",\"url\":\"javascript:alert(1)\",\"summary\":\"| a\\u001b[31m\"}\n";
    let bundle = Folder::new(&[("changes.jsonl", change.as_bytes())]);
    let history = bundle.at("h");
    let page = done(&["report", &bundle.at("changes.jsonl"), "--history", &history, "--as-of", "2024-01-02T00:00:00Z", "--quiet"]).out;
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for part in ["<script", "javascript:", "http://", "<link", "<img", "src=", "\u{1b}"] {
        assert!(!page.contains(part), "{part} is in the page");
    }
    assert!(page.contains("x&lt;script&gt;"), "the change is named");
    let markdown = done(&["report", "--history", &history, "--as-of", "2024-01-02T00:00:00Z", "--format", "markdown", "--quiet"]).out;
    assert!(!markdown.contains("<script>"), "{markdown}");
    let again = done(&["report", "--history", &history, "--as-of", "2024-01-02T00:00:00Z", "--quiet"]).out;
    assert_eq!(page, again);
}

fn contrib(path: &str) -> String {
    std::fs::read_to_string(root().join("contrib").join(path)).unwrap()
}

/// Runs a command line of a schedule with its places replaced.
fn runs(words: &[&str], place: &Folder) {
    let at = words.iter().position(|w| w.ends_with("whatchanged")).map_or(0, |at| at + 1);
    let replaced: Vec<String> = words[at..]
        .iter()
        .map(|word| match *word {
            "/var/log/bundle" | "/bundle" => sample(OUTAGE),
            word if word.starts_with("/var/lib/whatchanged/") || word.starts_with("/state/") => place.at(word.rsplit('/').next().unwrap()),
            word => word.to_owned(),
        })
        .collect();
    let found = run(&replaced.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(found.code, Some(0), "{replaced:?}: {}", found.err);
    assert!(std::fs::read_to_string(place.path().join("report.html")).unwrap().contains("</html>"));
}

#[test]
fn schedules_run_what_they_say() {
    let service = contrib("systemd/whatchanged-report.service");
    let line = service.lines().find_map(|l| l.strip_prefix("ExecStart=")).unwrap();
    runs(&line.split_whitespace().collect::<Vec<_>>(), &Folder::new(&[]));
    let timer = contrib("systemd/whatchanged-report.timer");
    assert!(timer.contains("[Timer]") && timer.contains("OnCalendar=Mon ") && timer.contains("WantedBy=timers.target"));
    for unit in [&service, &timer] {
        let odd = unit.lines().find(|l| !l.is_empty() && !l.starts_with('[') && !l.contains('='));
        assert_eq!(odd, None, "every line of a unit is a section or a setting");
    }
    let cron = contrib("cron/whatchanged");
    let line = cron.lines().find(|l| l.starts_with(|c: char| c.is_ascii_digit())).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..6], ["0", "7", "*", "*", "1", "root"], "five fields and a user");
    runs(&words[6..], &Folder::new(&[]));
}

/// The flat keys of a YAML file, read by the parser that reads configurations.
fn yaml(path: &str) -> std::collections::BTreeMap<String, String> {
    let flat = whatchanged::parse::config::flatten(path, &contrib(path)).unwrap();
    flat.entries.into_iter().map(|(key, entry)| (key, entry.value)).collect()
}

#[test]
fn the_cluster_job_runs_what_it_says() {
    let job = yaml("kubernetes/cronjob.yaml");
    assert_eq!((job["kind"].as_str(), job["spec.schedule"].as_str()), ("CronJob", "0 7 * * 1"));
    let text = contrib("kubernetes/cronjob.yaml");
    let listed = text.split("args:").nth(1).unwrap().split("resources:").next().unwrap();
    let words: Vec<&str> = listed.lines().filter_map(|l| l.trim().strip_prefix("- ")).collect();
    assert_eq!(words[0], "report");
    runs(&words, &Folder::new(&[]));
}

#[test]
fn the_workflow_judges_a_change() {
    let workflow = contrib("ci/whatchanged-risk.yaml");
    assert!(!yaml("ci/whatchanged-risk.yaml").is_empty());
    let commands: Vec<&str> = workflow.lines().filter_map(|l| l.trim().strip_prefix("run: whatchanged ")).collect();
    assert_eq!(commands.len(), 3);
    let bundle = sample(OUTAGE);
    for line in commands {
        let line = line.split(" >").next().unwrap();
        let replaced = line.replace("\"$CONFIG\"", &format!("{bundle}/configs/checkout/2.15.0.yaml"));
        let replaced =
            replaced.replace("before.yaml", &format!("{bundle}/configs/checkout/2.14.0.yaml")).replace("\"$SERVICE\"", "checkout");
        let words: Vec<&str> = replaced.split_whitespace().map(|word| if word == "bundle" { bundle.as_str() } else { word }).collect();
        let found = run(&words);
        let expected = if line.contains("--fail-on") { 3 } else { 0 };
        assert_eq!(found.code, Some(expected), "{words:?}: {}", found.err);
        if line.contains("sarif") {
            let sarif = found.json();
            assert_eq!(sarif["version"], "2.1.0");
            let results = sarif["runs"][0]["results"].as_array().unwrap();
            assert!(results.iter().any(|r| r["ruleId"] == "arithmetic" && r["level"] == "error"), "{results:#?}");
            let place = &results[0]["locations"][0]["physicalLocation"];
            assert!(place["region"]["startLine"].as_u64().unwrap() > 1 && place["artifactLocation"]["uri"].is_string(), "{place}");
        }
        if line.contains("github") {
            assert!(found.out.starts_with("::error file=") && found.out.contains("db.pool.max_size"), "{}", found.out);
        }
    }
}
