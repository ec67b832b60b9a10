//! Times and numbers that cannot be meant.

use serde_json::json;

use super::bundles::{edit, lines, odd, plain};
use super::run::Case;
use crate::tool::Folder;

pub fn classes() -> Vec<(&'static str, Vec<Case>)> {
    vec![("times that cannot be meant", times()), ("numbers that cannot be measured", numbers())]
}

/// A record beside six hundred good ones.
fn stray(folder: &Folder, line: &str) {
    odd(folder, format!("{}{line}\n", lines(plain)).as_bytes());
}

fn change(folder: &Folder, time: &str) {
    let change = json!({"id": "odd", "time": time, "service": "mailer", "kind": "deploy"});
    edit(folder, "changes.jsonl", |text| format!("{text}{change}\n"));
}

fn sample(folder: &Folder, value: &str) {
    let rows = lines(|s| format!("2026-11-22T17:{:02}:{:02}Z,mailer,cpu,{value}", 20 + s / 60, s % 60));
    folder.write("metrics/odd.csv", format!("time,service,metric,value\n{rows}").as_bytes());
}

fn times() -> Vec<Case> {
    let far = "far from all others in time: left out";
    let odd_log = "logs/odd/odd.log";
    vec![
        Case::beside("1970", |f| stray(f, "1970-01-01 00:00:00 INFO begun"), far),
        Case::beside("2016", |f| stray(f, "2016-02-29 12:00:00 INFO begun"), far),
        Case::beside("2030", |f| stray(f, "2030-01-01 00:00:00 INFO begun"), far),
        Case::beside("2262", |f| stray(f, "2262-04-11 00:00:00 INFO begun"), far),
        Case::beside("1970 in a file of its own", |f| odd(f, b"1970-01-01 00:00:00 INFO begun\n"), far),
        Case::beside("1970 and 2030", |f| stray(f, "1970-01-01 00:00:00 INFO begun\n2030-01-01 00:00:00 INFO ended"), far),
        Case::beside("9999", |f| stray(f, "9999-12-31 23:59:59 INFO begun"), ""),
        Case::beside("year 0", |f| stray(f, "0000-01-01 00:00:00 INFO begun"), ""),
        Case::beside("30 February", |f| stray(f, "2026-02-30 10:00:00 INFO begun"), ""),
        Case::beside("25:61:61", |f| stray(f, "2026-11-22 25:61:61 INFO begun"), ""),
        Case::beside("second 60", |f| stray(f, "2026-11-22 17:29:60 INFO leapt"), "").lines(odd_log, 601),
        Case::beside("seconds since 1970 beyond all numbers", |f| stray(f, "{\"ts\":99999999999999999999,\"msg\":\"x\"}"), ""),
        Case::beside("seconds before 1970", |f| stray(f, "{\"ts\":-1e300,\"msg\":\"x\"}"), ""),
        Case::beside("a change in 1970", |f| change(f, "1970-01-01T00:00:00Z"), ""),
        Case::beside("a change in 9999", |f| change(f, "9999-12-31T23:59:59Z"), ""),
        Case::beside("a change at no time", |f| change(f, "yesterday"), "is not RFC 3339"),
        Case::beside(
            "a sample in 1970",
            |f| f.write("metrics/odd.csv", b"time,service,metric,value\n1970-01-01T00:00:00Z,mailer,cpu,1\n"),
            "",
        ),
        Case::beside(
            "a sample in 2262",
            |f| f.write("metrics/odd.csv", b"time,service,metric,value\n2262-01-01T00:00:00Z,mailer,cpu,1\n"),
            "",
        ),
        Case::beside(
            "samples beyond all time",
            |f| f.write("metrics/odd.om", b"# TYPE x gauge\nx 1 99999999999999999999\nx 2 -1e300\nx 3 NaN\nx 4 1795368000\n"),
            "not a sample",
        ),
    ]
}

fn numbers() -> Vec<Case> {
    let none = "samples without a number that can be measured";
    vec![
        Case::beside("NaN, a gap", |f| sample(f, "NaN"), ""),
        Case::beside("Inf", |f| sample(f, "Inf"), none),
        Case::beside("1e308", |f| sample(f, "1e308"), none),
        Case::beside("-1e308", |f| sample(f, "-1e308"), none),
        Case::beside("1e309", |f| sample(f, "1e309"), ""),
        Case::beside("1e29, the largest that counts", |f| sample(f, "1e29"), ""),
        Case::beside("a word", |f| sample(f, "many"), "cells whose time or value cannot be read"),
        Case::beside(
            "counters that jump to infinity",
            |f| {
                let rows = lines(|s| format!("x_total {} {}", ["1.7e308", "+Inf", "-Inf", "NaN", "5"][s as usize % 5], 1_795_368_000 + s));
                f.write("metrics/odd.om", format!("# TYPE x counter\n{rows}").as_bytes());
            },
            none,
        ),
        Case::beside(
            "durations and statuses without sense",
            |f| {
                odd(f, lines(|s| {
            format!("{{\"time\":\"2026-11-22T17:{:02}:{:02}Z\",\"msg\":\"GET /x\",\"method\":\"GET\",\"path\":\"/x\",\"status\":{},\"duration_ms\":{}}}",
                20 + s / 60, s % 60, [200, 99_999, -1][s as usize % 3], ["1e308", "-5", "\"NaN\"", "12"][s as usize % 4])
        }).as_bytes())
            },
            "",
        ),
    ]
}
