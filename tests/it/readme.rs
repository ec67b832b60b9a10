//! What the README tells people to type works, and what it shows is what they will see.
//!
//! A line of a fenced block that begins with `whatchanged ` or `cargo run --release -- `, with or without `$ ` before it, is a
//! command; what follows one with `$ ` in a `console` block is its output, the rest of which `...` may stand for.

use std::path::Path;

use crate::tool::{command, difference, done, finish, root};

const CARGO: &str = "cargo run --release -- ";
const PROGRAM: &str = "whatchanged ";
/// What a newcomer runs first.
const FIRST: &str = "analyze samples/checkout-outage";
const REST: [&str; 2] = ["...", "…"];

/// A command's arguments, as a shell would read them, and the output shown.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    line: usize,
    arguments: String,
    output: String,
}

fn commands(markdown: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let (mut block, mut continued, mut console) = (None, false, false);
    for (line, number) in markdown.lines().zip(1..) {
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            block = if block.is_some() { None } else { Some(fence.trim()) };
            (continued, console) = (false, false);
            continue;
        }
        let Some(language) = block else { continue };
        let typed = line.trim_start();
        let prompt = typed.starts_with("$ ");
        let typed = typed.trim_start_matches("$ ");
        let arguments = typed.strip_prefix(CARGO).or_else(|| typed.strip_prefix(PROGRAM));
        match (arguments, found.last_mut()) {
            (_, Some(last)) if continued => last.arguments = format!("{} {}", last.arguments.trim_end_matches('\\').trim_end(), typed),
            (Some(arguments), _) => {
                console = prompt && language == "console";
                found.push(Shown { line: number, arguments: arguments.to_owned(), output: String::new() });
            }
            (None, _) if prompt => console = false,
            (None, Some(last)) if console => last.output += &format!("{line}\n"),
            _ => {}
        }
        continued = found.last().is_some_and(|last| last.arguments.ends_with('\\'));
    }
    found
}

/// Whether the output shown is that of the program, to its end or to where the README leaves off.
fn check_output(shown: &Shown, real: &str) -> Result<(), String> {
    let expected = shown.output.trim_end();
    let last = expected.lines().last().unwrap_or("");
    let (expected, real) = match REST.contains(&last) {
        true => (expected.strip_suffix(last).unwrap_or(""), real.split_inclusive('\n').take(expected.lines().count() - 1).collect()),
        false => (expected, real.trim_end().to_owned()),
    };
    match difference(expected, &real) {
        Some(difference) => Err(format!("README.md:{}: {PROGRAM}{}: {difference}", shown.line, shown.arguments)),
        None => Ok(()),
    }
}

fn readme() -> Vec<Shown> {
    let text = std::fs::read_to_string(root().join("README.md")).expect("the repository has a README.md");
    commands(&text)
}

/// In a shell, because that is where people type it, with the program found as an installed one is. What it writes goes to a folder
/// that sees the repository through links.
#[cfg(unix)]
fn run_in_shell(shown: &Shown) -> crate::tool::Run {
    let program = Path::new(env!("CARGO_BIN_EXE_whatchanged"));
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        std::os::unix::fs::symlink(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let others = std::env::var("PATH").unwrap_or_default();
    let mut shell = std::process::Command::new("sh");
    shell.env_clear().env("PATH", format!("{}:{others}", program.parent().unwrap().display()));
    shell.current_dir(folder.path()).stdin(std::process::Stdio::null());
    finish(shell.args(["-c", &format!("{PROGRAM}{}", shown.arguments)]), &shown.arguments)
}

#[cfg(unix)]
#[test]
fn every_command_works() {
    for shown in readme() {
        // Whoever lacks the program behind the pipe still has what is before it.
        let first = Shown { arguments: shown.arguments.split(" | ").next().unwrap_or("").to_owned(), output: String::new(), ..shown };
        let run = run_in_shell(&first);
        assert_eq!(run.code, Some(0), "README.md:{}: {PROGRAM}{}\n{}", first.line, first.arguments, run.err);
    }
}

#[cfg(unix)]
#[test]
fn outputs_shown_are_real() {
    let shown = readme();
    let wrong: Vec<String> =
        shown.iter().filter(|s| !s.output.trim().is_empty()).filter_map(|s| check_output(s, &run_in_shell(s).out).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_first_command_prints_the_verdict_of_the_founding_sample() {
    let first = readme().into_iter().next().expect("the README shows commands");
    assert_eq!(first.arguments.trim(), FIRST);
    let arguments: Vec<&str> = first.arguments.split_whitespace().collect();
    assert!(done(&arguments).out.contains("db.pool.max_size"));
    assert!(!finish(command().args(&arguments), FIRST).out.contains('\x1b'));
}

/// Between these lines the README has the table of formats.
const TABLE: [&str; 2] = ["<!-- formats: whatchanged parsers list --format markdown -->\n", "<!-- end of formats -->\n"];
/// Rewrites the table instead of comparing it.
const BLESS: &str = "WHATCHANGED_BLESS";

#[test]
fn the_table_of_formats_is_that_of_the_program() {
    let path = root().join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let table = done(&["parsers", "list", "--format", "markdown"]).out;
    let (before, rest) = text.split_once(TABLE[0]).expect("the README marks where the table begins");
    let (shown, after) = rest.split_once(TABLE[1]).expect("the README marks where the table ends");
    let found = format!("\n{table}\n");
    if std::env::var_os(BLESS).is_some_and(|v| v == "1") {
        std::fs::write(&path, [before, TABLE[0], &found, TABLE[1], after].concat()).unwrap();
        return;
    }
    let difference = difference(shown, &found).unwrap_or_default();
    assert!(difference.is_empty(), "README.md, formats: {difference}\nTo renew it: {BLESS}=1 cargo test --release readme");
}

#[test]
fn commands_are_found_in_blocks_only() {
    let text = "whatchanged analyze nothing\n\n```console\n$ cargo run --release -- analyze a\nfound\n\n  it\n$ ls\nb\n```\n\n```sh\nwhatchanged analyze \\\n  b --all\nwhatchanged --help\n# whatchanged no\n```\nend\n";
    let expect = |line, arguments: &str, output: &str| Shown { line, arguments: arguments.to_owned(), output: output.to_owned() };
    assert_eq!(commands(text), [expect(4, "analyze a", "found\n\n  it\n"), expect(13, "analyze b --all", ""), expect(15, "--help", "")]);
}

#[test]
fn outputs_are_compared_to_their_end_or_to_where_they_leave_off() {
    let check = |output: &str, real: &str| check_output(&Shown { line: 1, arguments: String::new(), output: output.to_owned() }, real);
    assert_eq!(check("a\nb\n", "a\nb\n"), Ok(()));
    assert_eq!(check("a\n...\n", "a\nb\n"), Ok(()));
    assert!(check("a\n", "a\nb\n").is_err());
    assert!(check("b\n...\n", "a\nb\n").unwrap_err().contains("- b\n+ a\n"));
}
