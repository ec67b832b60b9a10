//! The same input gives the same bytes, however many threads read it and in whatever order it was named.

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
