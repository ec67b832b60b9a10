//! One bad input: how it is made, run within limits, and judged.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::tool::{Folder, command};

/// Virtual memory of a run, in KiB; the memory of threads counts in full.
const MEMORY: u64 = 3 << 20;
/// Longest run. Many run at a time, maybe without optimisation.
const LONGEST: Duration = Duration::from_secs(120);
/// What the sample's incident was caused by.
const CULPRIT: &str = "deploy-7958";

/// What a bad input must lead to.
#[derive(Clone, Default)]
pub struct Expected {
    /// Exit code.
    pub code: i32,
    /// Part of a complaint, a warning or an error. Empty: nothing need be said, since nothing is lost.
    pub said: &'static str,
    /// Whether the sample's incident must still be blamed on its culprit.
    pub verdict: bool,
    /// Lines of a file that must have been read: (path in the bundle, lines at least).
    pub lines: Option<(&'static str, u64)>,
    /// What must not appear anywhere.
    pub secret: Option<&'static str>,
}

type Make = fn(&Folder);

/// One bad input.
#[derive(Clone)]
pub struct Case {
    pub name: &'static str,
    /// Whether it is put into a copy of the sample.
    pub sample: bool,
    pub make: Make,
    /// Arguments after `analyze`; `{}` is the folder. Empty: the folder itself.
    pub arguments: &'static [&'static str],
    /// What the shell does before it runs the program.
    pub before: &'static str,
    pub expected: Expected,
}

/// What became of it.
pub struct Seen {
    pub code: i32,
    /// What was said, without what changes from run to run.
    pub said: Option<String>,
    /// Whether the verdict was kept, where it must be.
    pub verdict: Option<bool>,
}

impl Case {
    /// A file or files beside the sample, whose incident must be found all the same.
    pub fn beside(name: &'static str, make: Make, said: &'static str) -> Case {
        let expected = Expected { said, verdict: true, ..Expected::default() };
        Case { name, sample: true, make, arguments: &[], before: "", expected }
    }

    /// A bundle of its own.
    pub fn alone(name: &'static str, make: Make, said: &'static str) -> Case {
        let expected = Expected { said, ..Expected::default() };
        Case { name, sample: false, make, arguments: &[], before: "", expected }
    }

    pub fn with(self, arguments: &'static [&'static str]) -> Case {
        Case { arguments, ..self }
    }

    pub fn after(self, before: &'static str) -> Case {
        Case { before, ..self }
    }

    pub fn refused(self) -> Case {
        Case { expected: Expected { code: 1, verdict: false, ..self.expected }, ..self }
    }

    pub fn undecided(self) -> Case {
        Case { expected: Expected { verdict: false, ..self.expected }, ..self }
    }

    pub fn lines(self, path: &'static str, lines: u64) -> Case {
        Case { expected: Expected { lines: Some((path, lines)), ..self.expected }, ..self }
    }

    pub fn hides(self, secret: &'static str) -> Case {
        Case { expected: Expected { secret: Some(secret), ..self.expected }, ..self }
    }

    /// Makes and runs it, and says what is wrong with what came of it.
    pub fn run(&self) -> Result<Seen, String> {
        const PARTS: [&str; 5] = ["changes.jsonl", "configs", "logs", "metrics", "topology.csv"];
        let folder = if self.sample { Folder::of_sample("checkout-outage", &PARTS) } else { Folder::new(&[]) };
        (self.make)(&folder);
        let streams = Folder::new(&[]);
        let (code, out, err) = self.within_limits(&folder, &streams)?;
        let expected = &self.expected;
        if code != expected.code {
            return Err(format!("ended with {code}\n{err}"));
        }
        if let Some(secret) = expected.secret.filter(|secret| out.contains(secret) || err.contains(secret)) {
            return Err(format!("tells {secret}"));
        }
        let document: Value = serde_json::from_str(&out).unwrap_or_default();
        if let Some((path, lines)) = expected.lines {
            let sources = document["coverage"]["sources"].as_array().cloned().unwrap_or_default();
            let read = sources.iter().find(|source| source["path"] == path).and_then(|source| source["records"].as_u64());
            if read.is_none_or(|read| read < lines) {
                return Err(format!("{read:?} of {lines} records of {path}\n{err}"));
            }
        }
        let verdict = expected.verdict.then(|| document["incidents"][0]["causes"][0]["change_id"] == CULPRIT);
        if verdict == Some(false) {
            return Err(format!("blames {:#}\n{err}", document["incidents"][0]["causes"][0]));
        }
        Ok(Seen { code, said: self.said(&document, &[&err, &out], &folder)?, verdict })
    }

    /// (exit code, standard output, standard error)
    fn within_limits(&self, folder: &Folder, streams: &Folder) -> Result<(i32, String, String), String> {
        let given = command();
        let mut shell = Command::new("sh");
        shell.current_dir(given.get_current_dir().unwrap());
        for (name, value) in given.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.arg("-c").arg(format!("ulimit -v {MEMORY}; {} exec \"$0\" \"$@\"", self.before)).arg(given.get_program());
        let analyze = ["analyze", "{}", "--format", "json", "--threads", "4"];
        let arguments: Vec<&str> = if self.arguments.is_empty() { analyze.to_vec() } else { self.arguments.to_vec() };
        shell.args(arguments.iter().map(|argument| argument.replace("{}", &folder.shown())));
        let (out, err) = (streams.at("out"), streams.at("err"));
        shell.env("BUNDLE", folder.shown()).stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let mut child = shell.spawn().unwrap();
        let begun = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if begun.elapsed() > LONGEST => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    return Err(format!("still runs after {LONGEST:?}"));
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let text = |path: &str| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let (out, err) = (text(&out), text(&err));
        let code = status.code().ok_or_else(|| format!("ended by a signal: {status}\n{err}"))?;
        if code == 101 || err.contains("panicked") || err.contains("memory allocation") {
            return Err(format!("a panic\n{err}"));
        }
        Ok((code, out, err))
    }

    /// The sentence that says what is wrong, as it stands in the report or on standard error.
    fn said(&self, document: &Value, streams: &[&str], folder: &Folder) -> Result<Option<String>, String> {
        let needle = self.expected.said;
        if needle.is_empty() {
            return Ok(None);
        }
        let complaints = document["coverage"]["complaints"].as_array().cloned().unwrap_or_default();
        let told = complaints.iter().filter_map(|complaint| complaint["why"].as_str().or(complaint["text"].as_str()));
        let line = told.chain(streams.iter().flat_map(|text| text.lines())).find(|text| text.contains(needle));
        let line = line.ok_or_else(|| format!("\"{needle}\" is not said in {complaints:#?}\n{}", streams[0]))?;
        let built = std::fs::canonicalize(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let line = line.replace(&folder.shown(), "BUNDLE").replace(&*built.to_string_lossy(), "ELSEWHERE");
        Ok(Some(without_particulars(&line)))
    }
}

/// A message without what is another in every run: places, and numbers but small ones.
fn without_particulars(text: &str) -> String {
    let text = ["error: ", "warning: "].iter().find_map(|label| text.strip_prefix(label)).unwrap_or(text);
    let mut plain = String::new();
    let mut digits = String::new();
    for c in text.chars().chain(std::iter::once('\n')) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        plain.push_str(if digits.len() > 6 { "N" } else { &digits });
        digits.clear();
        plain.push(c);
    }
    plain.trim_end().to_owned()
}
