//! The same input gives the same bytes, however many threads read it and in whatever order it was named.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;

use crate::tool::{Folder, SAMPLES, difference, done, sample};

const PARTS: [&str; 5] = ["changes.jsonl", "configs", "logs", "metrics", "topology.csv"];

fn check_same(expected: &str, arguments: &[&str]) {
    if let Some(difference) = difference(expected, &done(arguments).out) {
        panic!("{arguments:?}: {difference}");
    }
}

#[test]
fn threads_change_nothing() {
    for name in SAMPLES {
        for format in ["json", "markdown", "terminal"] {
            let path = sample(name);
            let arguments = ["analyze", &path, "--format", format, "--all", "--threads"];
            let expected = done(&[&arguments[..], &["1"]].concat()).out;
            for threads in ["1", "2", "16"] {
                check_same(&expected, &[&arguments[..], &[threads]].concat());
            }
        }
    }
}

#[test]
fn the_order_of_paths_changes_nothing() {
    for name in SAMPLES {
        let mut paths: Vec<String> = PARTS.iter().map(|part| format!("{}/{part}", sample(name))).collect();
        let arguments = |paths: &[String]| [&["analyze".to_owned(), "--format=json".to_owned()], paths].concat();
        let check =
            |expected: &str, paths: &[String]| check_same(expected, &arguments(paths).iter().map(String::as_str).collect::<Vec<_>>());
        let expected = done(&arguments(&paths).iter().map(String::as_str).collect::<Vec<_>>()).out;
        for _ in 1..paths.len() {
            paths.rotate_left(1);
            check(&expected, &paths);
        }
        paths.reverse();
        check(&expected, &paths);
    }
}

#[test]
fn neither_the_place_nor_the_age_of_a_bundle_matters() {
    for name in SAMPLES {
        let expected = done(&["analyze", &sample(name), "--format", "json"]).out;
        let copy = Folder::of_sample(name, &PARTS);
        check_same(&expected, &["analyze", &copy.shown(), "--format", "json"]);
        check_same(&expected, &["analyze", &format!("{}/./", copy.shown()), "--format", "json"]);
    }
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let path = sample("checkout-outage");
    let expected = done(&["analyze", &path, "--format", "json"]).out;
    for again in ["", "/logs", "/logs/checkout/checkout.log.gz", "/changes.jsonl", "/metrics/services.csv.gz"] {
        let again = format!("./{path}{again}");
        check_same(&expected, &["analyze", &path, &again, "--format", "json"]);
        check_same(&expected, &["analyze", &again, &path, "--format", "json"]);
    }
}

/// The logs of a sample unpacked, each as far as its first bytes: only what is not packed is read in parts.
pub fn unpacked(name: &str, most: usize) -> Folder {
    let folder = Folder::of_sample(name, &PARTS);
    let mut open = vec![PathBuf::from(folder.shown()).join("logs")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let mut text = Vec::new();
        match path.extension() {
            Some(gz) if gz == "gz" => MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text).unwrap(),
            _ => text.write(&bytes).unwrap(),
        };
        fs::remove_file(&path).unwrap();
        let end = text[..text.len().min(most)].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        fs::write(path.with_extension(""), &text[..end]).unwrap();
    }
    folder
}

#[test]
fn neither_threads_nor_the_size_of_parts_change_anything() {
    for (name, most, sizes) in [
        ("checkout-outage", 40_000, ["64", "777"]),
        ("checkout-outage", usize::MAX, ["5000", "300000"]),
        ("quiet-day", usize::MAX, ["9000", "70000"]),
    ] {
        let folder = unpacked(name, most);
        let shown = folder.shown();
        for command in ["analyze", "templates"] {
            let arguments = [command, &shown, "--format", "json"];
            let expected = done(&[&arguments[..], &["--threads", "1"]].concat()).out;
            for (threads, size) in [("1", sizes[0]), ("2", sizes[1]), ("3", sizes[0]), ("16", sizes[1])] {
                check_same(&expected, &[&arguments[..], &["--threads", threads, "--part-size", size]].concat());
            }
        }
    }
}
