//! The built program as its users meet it: a process with arguments, files, streams and an exit code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The bundles that the README walks through.
pub const SAMPLES: [&str; 3] = ["checkout-outage", "innocent-deploy", "quiet-day"];

/// Variables that change what the program writes, and that whoever runs the tests may have set.
const HEARD: [&str; 9] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "TERM", "LC_ALL", "LC_CTYPE", "LANG"];

/// What a run left behind.
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Fails on what no run may do, whatever it was given: panic, or end by a signal.
    fn of(output: Output, what: &str) -> Run {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_else(|e| panic!("{what}: not UTF-8: {e}"));
        let run = Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        assert!(run.code.is_some_and(|c| c != 101), "{what}: {:?}\n{}", output.status, run.err);
        assert!(!run.err.contains("panicked"), "{what}:\n{}", run.err);
        run
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("not JSON: {e}\n{}\n{}", self.out, self.err))
    }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn sample(name: &str) -> String {
    format!("samples/{name}")
}

/// The program in the repository's root, deaf to the environment of the tests.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whatchanged"));
    command.current_dir(root()).stdin(Stdio::null());
    for name in HEARD {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WHATCHANGED_")) {
        command.env_remove(name);
    }
    // Whoever runs the tests may keep formats of their own.
    command.env("XDG_CONFIG_HOME", "/no/such/folder");
    command
}

pub fn run(arguments: &[&str]) -> Run {
    finish(command().args(arguments), &arguments.join(" "))
}

pub fn finish(command: &mut Command, what: &str) -> Run {
    Run::of(command.output().expect("the program was built"), what)
}

/// A run that must succeed and say something.
pub fn done(arguments: &[&str]) -> Run {
    let run = run(arguments);
    assert_eq!(run.code, Some(0), "{arguments:?}\n{}", run.err);
    assert!(!run.out.trim().is_empty(), "{arguments:?} says nothing");
    run
}

pub fn json_of(path: &str, more: &[&str]) -> Value {
    done(&[&["analyze", path, "--format", "json"], more].concat()).json()
}

/// A bundle that lasts as long as the test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new(files: &[(&str, &[u8])]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, bytes)| folder.write(name, bytes));
        folder
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Copies parts of a sample.
    pub fn of_sample(name: &str, parts: &[&str]) -> Folder {
        let folder = Folder::new(&[]);
        parts.iter().for_each(|part| copy(&root().join("samples").join(name).join(part), &folder.path().join(part)));
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn shown(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    pub fn at(&self, name: &str) -> String {
        self.path().join(name).to_str().unwrap().to_owned()
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}

/// Lines of each side that a difference shows at most.
const SHOWN: usize = 25;

/// The lines that differ, between the common beginning and the common end.
pub fn difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.split('\n').collect(), found.split('\n').collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let lines = |sign: char, lines: &[&str]| {
        let more = if lines.len() > SHOWN { format!("{sign} ... {} more\n", lines.len() - SHOWN) } else { String::new() };
        lines.iter().take(SHOWN).map(|line| format!("{sign} {line}\n")).collect::<String>() + &more
    };
    let (gone, come) = (lines('-', &old[head..old.len() - tail]), lines('+', &new[head..new.len() - tail]));
    Some(format!("from line {} on:\n{gone}{come}", head + 1))
}

#[test]
fn a_difference_shows_what_differs_and_nothing_else() {
    assert_eq!(difference("a\nb\n", "a\nb\n"), None);
    assert_eq!(difference("a\nb\nc", "a\nB\nc").unwrap(), "from line 2 on:\n- b\n+ B\n");
    assert_eq!(difference("a\na", "a").unwrap(), "from line 2 on:\n- a\n");
    assert_eq!(difference("", "x").unwrap(), "from line 1 on:\n- \n+ x\n");
}
