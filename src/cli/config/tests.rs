//! Settings as people write them: what goes before what, and what is said of mistakes.

use super::*;

fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    std::fs::write(&path, text).unwrap();
    let shown = path.to_str().unwrap().to_owned();
    (folder, shown)
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment { variables, ..Environment::default() }
}

/// The effective value of `tz` of `analyze`, and where it stands.
fn zone(text: &str, variables: &[(&str, &str)], typed: &[&str]) -> (Option<String>, Option<String>) {
    let (_folder, path) = file(text);
    let arguments: Vec<OsString> = ["whatchanged", "analyze", "x", "--config", &path].iter().chain(typed).map(OsString::from).collect();
    let Ok((parsed, origins)) = parse(&arguments, &environment(variables)) else { panic!("{text}") };
    let crate::cli::args::Command::Analyze(args) = parsed.command else { panic!("another command") };
    let origin = origins.0.into_iter().find(|(flag, _)| flag == "tz").map(|(_, origin)| origin.to_string().replace(&path, "s.toml"));
    (args.judge.span.source.tz, origin)
}

#[test]
fn flags_go_before_variables_before_the_file_before_defaults() {
    let check = |text: &str, variables: &[(&str, &str)], typed: &[&str], value: Option<&str>, origin: Option<&str>| {
        let (got, place) = zone(text, variables, typed);
        assert_eq!((got.as_deref(), place.as_deref()), (value, origin), "{text:?} {variables:?} {typed:?}");
    };
    let all = "tz = '+01:00'\n[analyze]\ntz = '+02:00'\n[risk]\ntz = '+03:00'\n";
    check("", &[], &[], None, None);
    check("tz = '+01:00'\n", &[], &[], Some("+01:00"), Some("s.toml:1"));
    check(all, &[], &[], Some("+02:00"), Some("s.toml:3"));
    check(all, &[("WHATCHANGED_TZ", "+04:00")], &[], Some("+04:00"), Some("WHATCHANGED_TZ"));
    check(all, &[("WHATCHANGED_TZ", "+04:00")], &["--tz", "-05:00"], Some("-05:00"), None);
}

/// The message and the hint about a file of settings.
fn refusal(text: &str) -> (String, String) {
    let (_folder, path) = file(text);
    let arguments: Vec<OsString> = ["whatchanged", "analyze", "x", "--config", &path].iter().map(OsString::from).collect();
    match parse(&arguments, &Environment::default()) {
        Err(Stop::Failure(failure)) => (failure.message.replace(&path, "s.toml"), failure.hint.unwrap_or_default()),
        Err(Stop::Clap(error)) => panic!("{text}: {error}"),
        Ok(_) => panic!("{text} is taken"),
    }
}

#[test]
fn mistakes_are_located_and_helped() {
    let check = |text: &str, message: &str, hint: &str| {
        let got = refusal(text);
        assert!(got.0.starts_with(message) && got.1.contains(hint), "{text:?}: {got:?}");
    };
    check("\nthread = 2", "s.toml:2: there is no flag \"thread\"", "did you mean \"threads\"?");
    check("[analise]\nall = true", "s.toml:1: there is no command \"analise\"", "did you mean \"analyze\"?");
    check("[analyze]\nfail-on = 'high'", "s.toml:2: there is no flag \"fail-on\" in [analyze]", "it belongs to risk, verify");
    check("[analyze]\nformat = 'jsn'", "s.toml:2: format = \"jsn\": is none of its values", "did you mean \"json\"?");
    check("format = 'html'", "s.toml:1: format = \"html\" for `templates`: is none of its values", "[templates]");
    check("[analyze]\nthreads = 0", "s.toml:2: threads = \"0\": 0 is not in 1..=1024", "analyze --help");
    check("[analyze]\nall = 'sure'", "s.toml:2: all = \"sure\": is neither true nor false", "");
    check("[analyze]\ntz = ['+01:00', '+02:00']", "s.toml:2: tz = ", "give one");
    check("tz = ", "s.toml:1: TOML", "config --all");
    check("config = 'x'", "s.toml:1: there is no flag \"config\"", "");
}

/// Of `analyze` with these settings: whether secrets are redacted, the format, whether everything is shown.
fn shown(text: &str, typed: &[&str]) -> crate::cli::args::ShownArgs {
    let (_folder, path) = file(text);
    let arguments: Vec<OsString> = ["whatchanged", "analyze", "x", "--config", &path].iter().chain(typed).map(OsString::from).collect();
    let Ok((parsed, _)) = parse(&arguments, &Environment::default()) else { panic!("{text} {typed:?}") };
    let crate::cli::args::Command::Analyze(args) = parsed.command else { panic!("another command") };
    args.shown
}

#[test]
fn a_flag_that_excludes_a_setting_overrules_it() {
    use crate::cli::args::AnalyzeFormatArg::{Json, Markdown, Terminal};
    let of = |text: &str, typed: &[&str]| {
        let args = shown(text, typed);
        (args.format, args.plain, args.redact.redact, args.redact.no_redact)
    };
    let plain = "[analyze]\nplain = true\nredact = true\nformat = 'markdown'\n";
    assert_eq!(of(plain, &[]), (Markdown, true, true, false));
    assert_eq!(of(plain, &["--format", "json"]), (Json, false, true, false));
    assert_eq!(of("[analyze]\nformat = 'json'", &["--plain"]), (Terminal, true, false, false));
    assert_eq!(of(plain, &["--no-redact"]), (Markdown, true, false, true));
}

#[test]
fn a_file_that_nobody_named_has_no_say_over_other_folders() {
    let folder = tempfile::tempdir().unwrap();
    let usual = folder.path().join("whatchanged.toml");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/tmp", folder.path().join("link")).unwrap();
    let taken = |output: &str| {
        std::fs::write(&usual, format!("[analyze]\noutput = '{output}'\n")).unwrap();
        let environment = Environment { usual_settings: Some(usual.clone()), ..Environment::default() };
        parse(&["whatchanged", "analyze", "x"].map(OsString::from), &environment).is_ok()
    };
    assert!(taken("report.html") && taken("./new/report.html") && taken("-"));
    assert!(!taken("/tmp/report.html") && !taken("../report.html") && !taken("new/../../report.html"));
    #[cfg(unix)]
    assert!(!taken("link/report.html"), "a link leads out");
    std::fs::write(&usual, "[analyze]\noutput = '/tmp/report.html'\n").unwrap();
    let named = ["whatchanged", "analyze", "x", "--config", usual.to_str().unwrap()].map(OsString::from);
    assert!(parse(&named, &Environment::default()).is_ok(), "whoever names a file answers for it");
}

#[test]
fn what_is_shown_can_be_read_again() {
    let (_folder, path) =
        file("tz = '+02:00'\nthreads = 2\n[capacity]\ntimes = [1, 3.5]\n[history.show]\nformat = 'json'\n[risk]\nparsers = ['p']\n");
    let layers = |path: &str| layers(&["whatchanged", "config", "--config", path].map(OsString::from), &Environment::default());
    let Ok(first) = layers(&path) else { panic!("not read") };
    let printed = show::text(&first, &[], true).unwrap();
    for part in ["[history.show]", "tz = \"+02:00\"", "times = [1, 3.5]", "s.toml:4", "# top = 10", "WHATCHANGED_TOP"] {
        assert!(printed.contains(part), "{part} is missing in\n{printed}");
    }
    let (_other, again) = file(&printed);
    let Ok(second) = layers(&again) else { panic!("not read again\n{printed}") };
    let of = |layers: &Layers, command: &str, flag: &str| layers.entry(&[command.to_owned()], flag).map(|entry| entry.values.clone());
    for (command, flag) in [("analyze", "tz"), ("capacity", "times"), ("risk", "parsers"), ("risk", "threads"), ("db", "format")] {
        assert_eq!(of(&first, command, flag), of(&second, command, flag), "{command} {flag}");
    }
    assert!(show::text(&first, &["analise".to_owned()], false).unwrap_err().hint.unwrap().contains("analyze"));
}

#[test]
fn variables_switch_on_and_are_checked() {
    let layers = |variables: &[(&str, &str)]| layers(&["whatchanged".into()], &environment(variables));
    let all = |value| layers(&[("WHATCHANGED_ALL", value)]).map(|l| l.entry(&["analyze".to_owned()], "all").map(|e| e.values[0].clone()));
    assert_eq!(all("1"), Ok(Some("true".to_owned())));
    assert_eq!(all("off"), Ok(Some("false".to_owned())));
    assert!(all("maybe").unwrap_err().message.starts_with("WHATCHANGED_ALL: all = \"maybe\""));
    assert!(layers(&[("WHATCHANGED_BLESS", "1")]).is_ok(), "that variable is another program's");
    let coloured = |no_color| {
        let (_folder, path) = file("[analyze]\ncolor = 'always'\n");
        let arguments = ["whatchanged", "analyze", "x", "--config", &path].map(OsString::from);
        super::layers(&arguments, &Environment { no_color, ..Environment::default() }).map(|l| l.entries.len())
    };
    assert_eq!((coloured(false), coloured(true)), (Ok(1), Ok(0)));
}
