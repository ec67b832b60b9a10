//! The sizes that keep a stranger at ease, measured: files, functions, parameters, comments, documentation, panics.
//!
//! `cargo test --release sizes -- --nocapture` prints the table. The code is formatted by rustfmt, which is what counting by lines rests on: a
//! function ends where a brace stands under its beginning.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::tool::root;

/// Most lines of a file without its tests, of a function, and most parameters that one takes.
const LONGEST_FILE: usize = 800;
const LONGEST_FUNCTION: usize = 100;
const MOST_PARAMETERS: usize = 6;
/// What nine in ten may have at most.
const USUAL_FILE: usize = 500;
const USUAL_FUNCTION: usize = 30;
const USUAL_PARAMETERS: usize = 4;
/// `unwrap` and `expect` a thousand lines, tests aside.
const MOST_PANICS: f64 = 3.0;

/// A source file, with what is only compiled for tests apart.
struct Source {
    path: String,
    code: Vec<String>,
    tests: usize,
}

#[derive(Debug)]
struct Function {
    place: String,
    lines: usize,
    parameters: usize,
}

fn paths(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
    into.sort();
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    paths(&root().join("src"), &mut found);
    let read = |path: PathBuf| {
        let shown = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let only_tests = shown.ends_with("/tests.rs") || shown.contains("/tests/");
        let at = if only_tests { 0 } else { tests_from(&lines) };
        Source { path: shown, tests: lines.len() - at, code: lines[..at].to_vec() }
    };
    found.into_iter().map(read).collect()
}

/// The line at which a module of tests begins.
fn tests_from(lines: &[String]) -> usize {
    let module = |pair: &[String]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ");
    lines.windows(2).position(module).unwrap_or(lines.len())
}

/// The functions of formatted code.
fn functions(source: &Source) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, line) in source.code.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some(name) = function_name(line.trim_start()) else { continue };
        let closing = format!("{}}}", " ".repeat(indent));
        let ends = |line: &String| *line == closing || (line.starts_with(&closing) && line[indent..].starts_with("};"));
        let one_line = line.ends_with('}') || line.ends_with(';');
        let lines = if one_line { 1 } else { source.code[at..].iter().position(ends).map_or(1, |length| length + 1) };
        let head: String = source.code[at..at + lines].concat();
        found.push(Function { place: format!("{}:{} {name}", source.path, at + 1), lines, parameters: parameters(&head) });
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split(' ').peekable();
    while words.next_if(|word| word.starts_with("pub") || matches!(*word, "const" | "async" | "in")).is_some() {}
    (words.next()? == "fn").then(|| words.next().map(|name| name.split(['(', '<']).next().unwrap_or(name)))?
}

/// Parameters without `self`: commas at the level of the first bracket that opens after the name.
fn parameters(head: &str) -> usize {
    let after = head.split_once("fn ").map_or("", |(_, rest)| rest);
    let (mut depth, mut angle, mut text) = (0usize, 0usize, String::new());
    let mut previous = ' ';
    for sign in after.chars() {
        match sign {
            '<' => angle += 1,
            '>' if previous != '-' && previous != '=' => angle = angle.saturating_sub(1),
            '(' | '[' if angle == 0 || depth > 0 => depth += 1,
            ')' | ']' if depth > 0 => depth -= 1,
            _ => {}
        }
        if depth == 0 && angle == 0 && sign == ')' {
            break;
        }
        text.push(if depth > 1 || (depth > 0 && angle > 0) { '_' } else { sign });
        previous = sign;
    }
    let list = text.split_once('(').map_or("", |(_, list)| list);
    list.split(',').map(str::trim).filter(|one| !one.is_empty() && !one.ends_with("self") && !one.starts_with("self:")).count()
}

/// What is public and says nothing about itself. Fields and variants with telling names are left to judgement.
fn undocumented(source: &Source) -> Vec<String> {
    let public = |line: &str| {
        ["pub fn ", "pub const ", "pub struct ", "pub enum ", "pub trait ", "pub type ", "pub static "]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let silent = |at: usize| {
        let above =
            source.code[..at].iter().rev().find(|line| !line.trim_start().starts_with("#[") && !line.trim_start().starts_with(")]"));
        !above.is_some_and(|line| line.trim_start().starts_with("///"))
    };
    // Names that macros make up are documented where the macro is called.
    let lines = source.code.iter().enumerate().filter(|(at, line)| public(line.trim_start()) && !line.contains(" $name") && silent(*at));
    lines.map(|(at, line)| format!("{}:{} {}", source.path, at + 1, line.trim())).collect()
}

/// Calls that may panic.
fn panics(source: &Source) -> usize {
    let calls = |line: &String| line.matches(".unwrap()").count() + line.matches(".expect(").count();
    source.code.iter().filter(|line| !line.trim_start().starts_with("//")).map(calls).sum()
}

/// Of sorted numbers: the middle one, that which nine in ten do not exceed, and the largest.
fn spread(mut numbers: Vec<usize>) -> [usize; 3] {
    numbers.sort_unstable();
    let at = |share: f64| numbers[((numbers.len() - 1) as f64 * share).round() as usize];
    [at(0.5), at(0.9), at(1.0)]
}

#[test]
fn sizes() {
    let sources = sources();
    let functions: Vec<Function> = sources.iter().flat_map(functions).collect();
    let code: usize = sources.iter().map(|source| source.code.len()).sum();
    let mut tests: Vec<PathBuf> = Vec::new();
    paths(&root().join("tests"), &mut tests);
    let outside: usize = tests.iter().map(|path| fs::read_to_string(path).unwrap().lines().count()).sum();
    let inside: usize = sources.iter().map(|source| source.tests).sum();
    let comments = sources.iter().flat_map(|s| &s.code).filter(|l| l.trim_start().starts_with("// ")).count();
    let panics: usize = sources.iter().map(panics).sum();
    let files = spread(sources.iter().map(|source| source.code.len()).filter(|lines| *lines > 0).collect());
    let lines = spread(functions.iter().map(|function| function.lines).collect());
    let taken = spread(functions.iter().map(|function| function.parameters).collect());
    let mut table = String::from("                          median   90 %   most\n");
    for (what, [median, nine, most]) in [("lines of a file", files), ("lines of a function", lines), ("parameters", taken)] {
        let _ = writeln!(table, "{what:<25} {median:>6} {nine:>6} {most:>6}");
    }
    let per = |part: usize, of: f64| part as f64 * of / code as f64;
    let _ = writeln!(table, "{:<25} {:>6.1} in 100 lines of code", "comments", per(comments, 100.0));
    let _ = writeln!(table, "{:<25} {:>6.1} in 1,000 lines of code", "unwrap, expect", per(panics, 1_000.0));
    let _ = writeln!(table, "{:<25} {:>6.2} for one of code ({code} lines)", "lines of tests", per(inside + outside, 1.0));
    println!("{table}");
    assert!(files[2] <= LONGEST_FILE && files[1] <= USUAL_FILE, "{table}");
    assert!(lines[1] <= USUAL_FUNCTION && taken[1] <= USUAL_PARAMETERS, "{table}");
    assert!(per(panics, 1_000.0) <= MOST_PANICS, "{table}");
    let long: Vec<&Function> = functions.iter().filter(|f| f.lines > LONGEST_FUNCTION || f.parameters > MOST_PARAMETERS).collect();
    let named: Vec<&str> = long.iter().map(|f| f.place.as_str()).collect();
    assert!(named.is_empty(), "longer than {LONGEST_FUNCTION} lines, or with more than {MOST_PARAMETERS} parameters: {named:#?}");
}

#[test]
fn what_is_public_says_what_it_is() {
    let silent: Vec<String> = sources().iter().flat_map(undocumented).collect();
    assert!(silent.is_empty(), "{} items\n{}", silent.len(), silent.join("\n"));
}

#[test]
fn lines_and_parameters_are_counted_as_people_count_them() {
    let of = |code: &str| {
        let code = code.lines().map(str::to_owned).collect();
        functions(&Source { path: "x.rs".to_owned(), code, tests: 0 }).into_iter().map(|f| (f.lines, f.parameters)).collect::<Vec<_>>()
    };
    assert_eq!(of("fn a() {}"), [(1, 0)]);
    assert_eq!(of("    pub fn a(&self, b: &[(u8, u8)], c: Map<A, B>) -> Vec<(A, B)> {\n        x\n    }\n"), [(3, 2)]);
    assert_eq!(of("pub(super) fn a<T: Fn(u8) -> u8>(\n    b: T,\n    c: impl Fn(u8, u8) -> u8,\n) -> u8 {\n    x\n}\n"), [(6, 2)]);
    assert_eq!(of("const fn a(mut self, b: u8) {\n}\nfn b(self: &Self) {\n}\n"), [(2, 1), (2, 0)]);
}
