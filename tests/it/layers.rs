//! The order of layers is a rule of the build: an import may only point to a lower layer, polars stays in its folder, and
//! every file says what it is for.

use std::fs;
use std::path::{Path, PathBuf};

/// Lowest first. `lib` and `main` may use all.
const LAYERS: &[&str] = &[
    "model",
    "stats",
    "read",
    "parse",
    "template",
    "signal",
    "summary",
    "intake",
    "incident",
    "suspect",
    "verdict",
    "dossier",
    "redact",
    "pack",
    "analyze",
    "mine",
    "database",
    "capacity",
    "risk",
    "verify",
    "history",
    "calibrate",
    "report",
    "cli",
];
const LONGEST_FILE: usize = 800;

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// (path below src, text, layer), the layer of `lib.rs` and `main.rs` being the highest.
fn files() -> Vec<(String, String, usize)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    assert!(paths.len() > 30, "found only {} files", paths.len());
    let describe = |path: PathBuf| {
        let shown = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let first = shown.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        let layer = match first.as_str() {
            "lib" | "main" => LAYERS.len(),
            name => LAYERS.iter().position(|l| *l == name).unwrap_or_else(|| panic!("{shown} is in no layer")),
        };
        (shown, fs::read_to_string(&path).unwrap(), layer)
    };
    paths.into_iter().map(describe).collect()
}

/// The layers that a text names after `crate::` (a nested `crate::{a, b}` counts each).
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or("").split(',').collect(),
            None => vec![rest],
        };
        for name in names {
            found.push(name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for (path, text, layer) in files() {
        for name in imports(&text) {
            if LAYERS.iter().position(|l| *l == name).is_some_and(|used| used > layer) {
                wrong.push(format!("{path} uses {name}, which is above it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_report_sees_the_result_only() {
    let seen = |path: &str| path.starts_with("report");
    let wrong: Vec<String> = files()
        .into_iter()
        .filter(|f| seen(&f.0))
        .flat_map(|(path, text, _)| {
            imports(&text).into_iter().filter(|n| !matches!(n.as_str(), "model" | "report" | "")).map(move |n| format!("{path} uses {n}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn detection_sees_neither_changes_nor_configuration() {
    for (path, text, _) in files().into_iter().filter(|f| f.0.starts_with("incident")) {
        for word in ["Change,", "ConfigDiff", "KeyEdit", "NameBook", "crate::intake", "crate::parse"] {
            assert!(!text.contains(word), "{path} knows {word}");
        }
    }
}

#[test]
fn polars_stays_in_signal() {
    for (path, text, _) in files() {
        let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
        let uses = code.filter(|l| l.contains("polars::") || l.contains("use polars")).count();
        assert!(uses == 0 || path.starts_with("signal"), "{path} uses polars");
    }
}

#[test]
fn only_the_command_line_prints() {
    for (path, text, _) in files() {
        for macro_name in ["println!", "eprintln!", "print!(", "eprint!("] {
            assert!(!text.contains(macro_name), "{path} prints with {macro_name}");
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_stays_small() {
    for (path, text, _) in files() {
        assert!(text.starts_with("//!"), "{path} does not open with //!");
        assert!(text.lines().count() <= LONGEST_FILE, "{path} has {} lines", text.lines().count());
    }
}
