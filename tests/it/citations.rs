//! Every place that a report names exists, and says what is claimed of it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::tool::{SAMPLES, done, json_of, root, sample};

/// The lines of every file of a bundle, by its path inside.
fn files(bundle: &Path) -> BTreeMap<String, Vec<String>> {
    fn walk(folder: &Path, shown: &str, into: &mut BTreeMap<String, Vec<String>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let shown = if shown.is_empty() { name.to_owned() } else { format!("{shown}/{name}") };
            if path.is_dir() {
                walk(&path, &shown, into);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let mut text = Vec::new();
            if bytes.starts_with(&[0x1f, 0x8b]) {
                flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text).unwrap();
            } else {
                text = bytes;
            }
            into.insert(shown, String::from_utf8_lossy(&text).lines().map(str::to_owned).collect());
        }
    }
    let mut all = BTreeMap::new();
    walk(bundle, "", &mut all);
    all
}

/// All places `path:line` of known files in a text.
fn places(text: &str, files: &BTreeMap<String, Vec<String>>) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for path in files.keys() {
        for (at, _) in text.match_indices(path.as_str()) {
            let inside = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || "/_-.".contains(c));
            let rest = &text[at + path.len()..];
            let digits: String = rest.strip_prefix(':').unwrap_or("").chars().take_while(char::is_ascii_digit).collect();
            if let (false, Ok(line)) = (inside, digits.parse()) {
                found.push((path.clone(), line));
            }
        }
    }
    found
}

#[test]
fn every_place_in_every_report_exists() {
    let mut checked = 0;
    for name in SAMPLES {
        let (bundle, files) = (sample(name), files(&root().join(sample(name))));
        for arguments in [
            vec!["postmortem", &bundle],
            vec!["analyze", &bundle, "--format", "html"],
            vec!["analyze", &bundle, "--format", "markdown", "--all"],
            vec!["analyze", &bundle, "--format", "json"],
            vec!["analyze", &bundle, "--format", "sarif"],
            vec!["analyze", &bundle, "--plain", "--all"],
            vec!["analyze", &bundle, "--all"],
        ] {
            for (path, line) in places(&done(&arguments).out, &files) {
                assert!((1..=files[&path].len()).contains(&line), "{arguments:?}: {path}:{line}, which has {} lines", files[&path].len());
                checked += 1;
            }
        }
    }
    assert!(checked > 200, "only {checked} places were found");
}

/// The beginning of what a statement quotes, up to where a report may have shortened or joined it.
fn quoted(statement: &str) -> Option<&str> {
    let from = statement.find('"')? + 1;
    let text = &statement[from..];
    let end = text.find(['"', '|', '…']).unwrap_or(text.len()).min(24);
    Some(text.get(..end)?.trim())
}

fn line_of<'f>(files: &'f BTreeMap<String, Vec<String>>, source: &str) -> Option<&'f str> {
    let (path, line) = source.rsplit_once(':')?;
    files.get(path)?.get(line.parse::<usize>().ok()?.checked_sub(1)?).map(String::as_str)
}

#[test]
fn quotations_changes_and_keys_stand_where_they_are_said_to_stand() {
    let mut checked = [0; 3];
    for name in SAMPLES {
        let files = files(&root().join(sample(name)));
        let document = json_of(&sample(name), &[]);
        for change in document["changes"].as_array().unwrap() {
            let line = line_of(&files, change["source"].as_str().unwrap()).unwrap();
            if change["kind"] != "unrecorded" {
                assert!(line.contains(change["id"].as_str().unwrap()), "{change:#}");
                checked[0] += 1;
            }
            for edit in change["edits"].as_array().unwrap() {
                let line = line_of(&files, edit["source"].as_str().unwrap()).unwrap();
                let last = edit["key"].as_str().unwrap().rsplit('.').next().unwrap();
                let value = edit["after"].as_str().or(edit["before"].as_str()).unwrap();
                assert!(line.contains(last) && line.contains(value), "{edit:#} against {line}");
                checked[1] += 1;
            }
        }
        for incident in document["incidents"].as_array().unwrap() {
            let evidence = incident["causes"].as_array().unwrap().iter().flat_map(|c| c["evidence"].as_array().unwrap());
            let of_messages = |e: &&Value| ["surge", "first_symptom", "value_quoted"].contains(&e["kind"].as_str().unwrap());
            for e in evidence.filter(of_messages) {
                let quote = quoted(e["statement"].as_str().unwrap()).unwrap();
                let line = line_of(&files, e["source"].as_str().unwrap()).unwrap();
                assert!(!quote.is_empty() && line.contains(quote), "{quote:?} is not in {line}");
                checked[2] += 1;
            }
        }
    }
    assert!(checked.iter().all(|n| *n > 5), "{checked:?}");
}

#[test]
fn a_draft_is_the_same_every_time_and_names_what_it_read() {
    let bundle = sample("checkout-outage");
    let first = done(&["postmortem", &bundle, "--threads", "1"]).out;
    assert_eq!(first, done(&["postmortem", &bundle, "--threads", "4"]).out);
    let page = done(&["analyze", &bundle, "--format", "html", "--threads", "1"]).out;
    assert_eq!(page, done(&["analyze", &bundle, "--format", "html", "--threads", "3"]).out);
    // sha256sum samples/checkout-outage/topology.csv
    assert!(first.contains("437c6abb6b759ec176221df7b569f2104a897916920b6f5b97cb5529fd0a1be6"));
}

/// What the founding story knows and data can know, in the shape that its post-mortem had.
#[test]
fn the_founding_post_mortem_has_all_its_parts() {
    let draft = done(&["postmortem", &sample("checkout-outage")]).out;
    for part in [
        "## Issue summary",
        "54 % of users affected",
        "from 2026-11-22 17:24:47 to 2026-11-22 17:27:27 UTC",
        "## Timeline",
        "Detected: **[fill in",
        "Escalated: **[fill in",
        "## Root cause and resolution",
        "db.pool.max\\_size | 15 | 1",
        "rollback-7960 ended it",
        "Recovered;",
        "## Misleading paths",
        "### Database server postgres",
        "### Network",
        "show a pool with no connection left, which is often its fault",
        "## Corrective and preventive measures",
        "**Performance tests before deploys.**",
        "**Alerts for abnormal behaviour.**",
        "**Version control and review of configuration.**",
        "**A rollback plan.**",
        "how far the database and the connections to it carry",
        "## Tasks",
        "**[fill in: owner]**",
    ] {
        assert!(draft.contains(part), "{part} is missing in\n{draft}");
    }
}
