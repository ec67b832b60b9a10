//! The proposed alerts, judged by Prometheus' own tool.

use std::io::Write;
use std::process::Command;

use crate::tool::{Folder, done, sample};

/// Whether promtool is there; says so on the terminal itself where it is not, since the output of a passing test is swallowed.
fn has_promtool() -> bool {
    let found = Command::new("promtool").arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        let _ =
            writeln!(std::io::stderr(), "SKIPPED: promtool is not installed (Debian package prometheus), alerts were not checked with it");
    }
    found
}

fn promtool(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("promtool").args(arguments).output().unwrap();
    (output.status.success(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

fn written(bundle: &str) -> (Folder, String) {
    let folder = Folder::new(&[]);
    let summary =
        done(&["alerts", bundle, "-o", &folder.at("rules.yml"), "--test", &folder.at("test.yml"), "--loki", &folder.at("loki.yml")]).out;
    (folder, summary)
}

#[test]
fn the_outage_would_have_been_told_within_two_minutes_and_nothing_else() {
    let (folder, summary) = written(&sample("checkout-outage"));
    let users = summary.lines().find(|l| l.starts_with("GatewayFailedRequests: ")).unwrap();
    assert!(users.contains("would have fired at 2026-11-22 17:26:00 UTC") && users.contains("; 0 false alarms in "), "{summary}");
    let loki = std::fs::read_to_string(folder.path().join("loki.yml")).unwrap();
    assert!(loki.contains("QueuePool limit of size") && loki.contains("count_over_time"), "{loki}");
    let none = done(&["alerts", &sample("quiet-day")]).out;
    assert!(none.ends_with("rules: []\n"), "{none}");
}

#[test]
fn promtool_accepts_the_rules_and_comes_to_the_same_times() {
    if !has_promtool() {
        return;
    }
    for name in ["checkout-outage", "innocent-deploy", "quiet-day"] {
        let (folder, summary) = written(&sample(name));
        let (good, told) = promtool(&["check", "rules", &folder.at("rules.yml")]);
        assert!(good, "{name}: {told}");
        let (good, told) = promtool(&["test", "rules", &folder.at("test.yml")]);
        assert!(good, "{name}: {told}");
        stated_times_are_tested(&std::fs::read_to_string(folder.path().join("test.yml")).unwrap(), &summary);
    }
}

/// Each stated time is one at which the test demands the alert, and one evaluation earlier it demands none.
fn stated_times_are_tested(test: &str, summary: &str) {
    for line in summary.lines().filter(|l| !l.contains("ErrorMessages") && l.contains("would have fired at ")) {
        let (name, rest) = line.split_once(": would have fired at ").unwrap();
        let time = rest.split(" UTC").next().unwrap();
        let own = test.split("  - name: ").find(|t| t.starts_with(&format!("\"{name}\""))).unwrap();
        let moments: Vec<&str> = own.split("      # ").skip(1).collect();
        let at = moments.iter().position(|m| m.starts_with(time)).unwrap_or_else(|| panic!("{time} of {name} is not tested in\n{own}"));
        assert!(moments[at].contains("exp_labels"), "{name}");
        assert!(moments[at - 1].contains("exp_alerts: []"), "{name}");
    }
}

/// A test that cannot fail proves nothing: with the first firing demanded one evaluation too early it does.
#[test]
fn promtool_refuses_another_time() {
    if !has_promtool() {
        return;
    }
    let (folder, _) = written(&sample("checkout-outage"));
    let test = std::fs::read_to_string(folder.path().join("test.yml")).unwrap();
    let fires = test.find("exp_labels").unwrap();
    let eval = test[..fires].rfind("eval_time: ").unwrap() + "eval_time: ".len();
    let end = eval + test[eval..].find('\n').unwrap();
    let earlier = format!("{}4m30s{}", &test[..eval], &test[end..]);
    folder.write("wrong.yml", earlier.as_bytes());
    let (good, told) = promtool(&["test", "rules", &folder.at("wrong.yml")]);
    assert!(!good, "an alert at another time passed: {} {told}", &test[eval..end]);
}

#[test]
fn hostile_names_make_valid_rules() {
    let folder = crate::hostile::bundle();
    let (files, summary) = written(&folder.shown());
    assert!(!summary.contains('\u{1b}'));
    if !has_promtool() {
        return;
    }
    let (good, told) = promtool(&["check", "rules", &files.at("rules.yml")]);
    assert!(good, "{told}");
    let (good, told) = promtool(&["test", "rules", &files.at("test.yml")]);
    assert!(good, "{told}");
}

#[test]
fn the_verdict_as_gauges_is_valid() {
    if !has_promtool() {
        return;
    }
    for bundle in [sample("checkout-outage"), sample("quiet-day"), crate::hostile::bundle().shown()] {
        let gauges = done(&["analyze", &bundle, "--format", "openmetrics"]).out;
        let mut child = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(gauges.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}\n{gauges}", String::from_utf8_lossy(&output.stderr));
    }
}
