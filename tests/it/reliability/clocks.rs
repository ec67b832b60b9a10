//! Clocks that are wrong, change, or are of several zones.

use chrono::{Duration, NaiveDateTime};

use super::bundles::{clock, edit, lines, odd};
use super::run::Case;
use crate::tool::Folder;

pub fn classes() -> Vec<(&'static str, Vec<Case>)> {
    vec![("clocks and zones", clocks())]
}

const CHECKOUT: &str = "logs/checkout/checkout.log.gz";
const POSTGRES: &str = "logs/postgres/postgresql.log";
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// A log whose lines begin with a time, moved by as many seconds as `by` says of a time.
fn moved(text: &str, by: impl Fn(NaiveDateTime) -> i64) -> String {
    let line = |line: &str| match line.get(..19).and_then(|head| NaiveDateTime::parse_from_str(head, FORMAT).ok()) {
        Some(time) => format!("{}{}\n", (time + Duration::seconds(by(time))).format(FORMAT), &line[19..]),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn after(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, FORMAT).unwrap()
}

/// Logs of which all is gone that was before the change.
fn late(folder: &Folder) {
    for name in [CHECKOUT, POSTGRES] {
        edit(folder, name, |text| {
            text.lines()
                .filter(|line| line.get(..19).is_none_or(|time| time >= "2026-11-22 17:24:45"))
                .map(|line| format!("{line}\n"))
                .collect()
        });
    }
}

fn clocks() -> Vec<Case> {
    let odd_log = "logs/odd/odd.log";
    vec![
        Case::beside(
            "a clock that steps back half a minute",
            |f| {
                edit(f, CHECKOUT, |text| moved(text, |time| if time > after("2026-11-22 17:26:00") { -30 } else { 0 }));
            },
            "",
        ),
        Case::beside("a database that is 90 s ahead", |f| edit(f, POSTGRES, |text| moved(text, |_| 90)), ""),
        Case::beside("a service that is 90 s behind", |f| edit(f, CHECKOUT, |text| moved(text, |_| -90)), ""),
        Case::beside(
            "two zones in one file",
            |f| {
                odd(
                    f,
                    lines(|s| {
                        if s % 2 == 0 {
                            format!("{}+00:00 INFO job {s} done", clock(s).replace(' ', "T"))
                        } else {
                            format!("{}+02:00 INFO job {s} done", clock(s).replace("22 17", "22T19"))
                        }
                    })
                    .as_bytes(),
                )
            },
            "",
        )
        .lines(odd_log, 600),
        Case::beside(
            "an hour that comes twice",
            |f| {
                odd(
                    f,
                    lines(|s| format!("2026-10-25 02:{:02}:{:02} INFO job {s} done", (s / 5) % 60, s % 60))
                        .replace("2026-10-25 02", "2026-11-22 17")
                        .as_bytes(),
                )
            },
            "",
        )
        .lines(odd_log, 600),
        Case::beside("logs that begin after the change", late, ""),
        Case::beside("lines in no order", |f| odd(f, lines(|s| format!("{} INFO job {s} done", clock(s * 7_919 % 600))).as_bytes()), "")
            .lines(odd_log, 600),
    ]
}
