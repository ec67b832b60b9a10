//! Where the dependencies come from: what `cargo deny check` asks by deny.toml of licences, sources and duplicates, asked without it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;
use toml::Table;

use crate::tool::root;

fn settings() -> Table {
    fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap()
}

/// Names in a list of strings or of tables with a `crate`.
fn names(settings: &Table, section: &str, key: &str) -> BTreeSet<String> {
    let list = settings[section][key].as_array().unwrap();
    list.iter().map(|item| item.as_str().or_else(|| item["crate"].as_str()).unwrap().to_owned()).collect()
}

/// All packages that any target or feature may bring in. Those of other systems are fetched where only this one's were needed so far.
fn packages() -> Vec<Value> {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    let output = cargo.current_dir(root()).args(["metadata", "--format-version", "1", "--locked"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["packages"].as_array().unwrap().clone()
}

/// Whether an SPDX expression can be met by what is allowed. AND binds closer than OR; `/` is the old way to write OR.
fn allowed(expression: &str, allow: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    if let Some((inside, rest)) = expression.trim().strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        let rest = rest.trim();
        return match rest.strip_prefix("AND ") {
            Some(other) => allowed(inside, allow) && allowed(other, allow),
            None => allowed(inside, allow) || rest.strip_prefix("OR ").is_some_and(|other| allowed(other, allow)),
        };
    }
    expression.split(" OR ").any(|choice| choice.split(" AND ").all(|licence| allow.contains(licence.trim())))
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let allow = names(&settings(), "licenses", "allow");
    let packages = packages();
    assert!(packages.len() > 100, "{}", packages.len());
    for package in &packages {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(allowed(licence, &allow), "{} {}: {licence:?}", package["name"], package["version"]);
    }
    assert!(!allowed("GPL-3.0", &allow) && !allowed("MIT AND GPL-3.0", &allow) && allowed("GPL-3.0 OR MIT", &allow));
    assert!(!allowed("(MIT OR Apache-2.0) AND GPL-3.0", &allow));
}

/// Names and versions of the packages below the program by edges of some kinds, on any system.
fn tree(edges: &str) -> BTreeSet<(String, String)> {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    let tree = ["tree", "--locked", "--edges", edges, "--target", "all", "--prefix", "none", "--format", "{p}"];
    let output = cargo.current_dir(root()).args(tree).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let package = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        Some((words.next()?, words.next()?))
    };
    String::from_utf8(output.stdout).unwrap().lines().filter_map(package).collect()
}

#[test]
fn everything_comes_from_the_registry() {
    let registry = format!("registry+{}", settings()["sources"]["allow-registry"][0].as_str().unwrap());
    for package in packages() {
        let source = package["source"].as_str();
        assert!(source.is_none_or(|source| source == registry), "{}: {source:?}", package["name"]);
    }
}

#[test]
fn nothing_that_is_built_opens_connections() {
    let (banned, built) = (names(&settings(), "bans", "deny"), tree("normal,build"));
    let built: BTreeSet<String> = built.into_iter().map(|(name, _)| name).collect();
    assert!(built.contains("polars") && built.contains("regex"), "{built:?}");
    let found: Vec<&String> = banned.intersection(&built).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn no_dependency_is_there_twice_that_is_not_known_to_be() {
    let skip = names(&settings(), "bans", "skip");
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for (name, _) in tree("normal,build,dev") {
        *versions.entry(name).or_default() += 1;
    }
    let twice: BTreeSet<String> = versions.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect();
    assert_eq!(twice, skip, "deny.toml names what is there in two versions");
}

#[test]
fn no_line_of_ours_is_unsafe() {
    let manifest: Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    assert_eq!(manifest["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
}
