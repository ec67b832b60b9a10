//! The program as it is called: arguments in, streams and exit codes out.

use clap::CommandFactory;

use super::args::Arguments;
use super::*;

/// Exit code, standard output, standard error.
fn called(arguments: &[&str], environment: &Environment) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = std::iter::once("whatchanged").chain(arguments.iter().copied()).map(OsString::from);
    let code = run_with(all, environment, &mut Streams { stdout: Box::new(&mut out), stderr: Box::new(&mut err) });
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn check(arguments: &[&str], code: u8, stdout_has: &str, stderr_has: &str) {
    let (got, out, err) = called(arguments, &Environment::default());
    assert_eq!(got, code, "{arguments:?}\n{out}\n{err}");
    assert!(out.contains(stdout_has), "{arguments:?}: {stdout_has:?} is missing in\n{out}");
    assert!(err.contains(stderr_has), "{arguments:?}: {stderr_has:?} is missing in\n{err}");
    assert!(!out.contains('\x1b') && !err.contains('\x1b'), "{arguments:?}");
}

#[test]
fn the_command_is_well_formed() {
    Arguments::command().debug_assert();
}

#[test]
fn help_and_version_are_results() {
    check(&["--version"], EXIT_DONE, env!("CARGO_PKG_VERSION"), "");
    check(&["--help"], EXIT_DONE, "Exit codes:", "");
    check(&["analyze", "--help"], EXIT_DONE, "Examples:", "");
    check(&["completions", "bash"], EXIT_DONE, "_whatchanged", "");
}

#[test]
fn mistakes_are_explained() {
    check(&[], EXIT_USAGE, "", "Usage:");
    check(&["analize", "x"], EXIT_USAGE, "", "analyze");
    check(&["analyze"], EXIT_USAGE, "", "PATH");
    check(&["analyze", "x", "--formt", "json"], EXIT_USAGE, "", "--format");
    check(&["analyze", "x", "--format", "jsn"], EXIT_USAGE, "", "json");
    check(&["analyze", "x", "--top", "0"], EXIT_USAGE, "", "--top");
    check(
        &["analyze", "x", "--since", "14:30"],
        EXIT_USAGE,
        "",
        "error: --since: \"14:30\" is a time of day without its day\nhint: write day and time",
    );
    check(&["analyze", "x", "--tz", "-05:0x"], EXIT_USAGE, "", "hint: write UTC or an offset");
    check(&["analyze", "x", "--since", "2024-01-02T00:00:00Z", "--until", "2024-01-01T00:00:00Z"], EXIT_USAGE, "", "hint: swap them");
    check(&["analyze", "/no/such/bundle\u{1b}[2J"], EXIT_FAILED, "", "error: cannot read /no/such/bundle\\x1b[2J");
    check(&["analyze", "/no/such/bundle"], EXIT_FAILED, "", "\nhint: name a folder");
}

#[test]
fn cases_without_a_truth_are_no_cases() {
    check(&["calibrate"], EXIT_USAGE, "", "CASES");
    check(&["calibrate", "/no/such/folder"], EXIT_FAILED, "", "error: cannot read /no/such/folder");
    check(&["calibrate", "src"], EXIT_FAILED, "", "error: no folder with a truth.json was found\nhint: a case is");
    check(&["calibrate", "src", "--without", "luck"], EXIT_USAGE, "", "the families are timing, recovery");
    check(&["calibrate", "--help"], EXIT_DONE, "--blind", "");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("truth.json"), "{}").unwrap();
    let path = folder.path().to_str().unwrap();
    check(&["calibrate", path], EXIT_FAILED, "", "truth.json: start \"\" is not a time");
    check(&["calibrate", path], EXIT_FAILED, "", "nothing to read here");
    std::fs::write(folder.path().join("truth.json"), r#"{"incident": false}"#).unwrap();
    check(&["calibrate", path], EXIT_DONE, "0 of 1", "nothing to read here");
}
