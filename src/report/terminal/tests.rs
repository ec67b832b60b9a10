//! The first screen as its reader sees it.

use super::*;
use crate::model::{Complaint, Origin};
use crate::report::samples;
use crate::report::text;

const WIDTHS: [usize; 4] = [60, 80, 100, 200];

fn all_samples() -> Vec<(&'static str, Analysis)> {
    vec![
        ("rich", samples::rich()),
        ("uncertain", samples::uncertain(0.5)),
        ("unclear", samples::uncertain(0.2)),
        ("ongoing", samples::ongoing()),
        ("metrics only", samples::metrics_only()),
        ("several", samples::several()),
        ("quiet", samples::quiet()),
        ("timeless", samples::timeless()),
        ("hostile", samples::hostile()),
    ]
}

fn shown(analysis: &Analysis, width: usize) -> String {
    render(analysis, &View { width, ..View::default() })
}

#[test]
fn fits_every_width_and_one_screen() {
    for (name, analysis) in all_samples() {
        for width in WIDTHS {
            for (unicode, all) in [(true, false), (false, false), (true, true), (false, true)] {
                let out = render(&analysis, &View { width, unicode, all, ..View::default() });
                for line in out.lines() {
                    assert!(text::width(line) <= width.min(WIDEST), "{name} {width}: {} {line}", text::width(line));
                    assert_eq!(line, line.trim_end(), "{name} {width}");
                }
                assert!(all || out.lines().count() <= HEIGHT, "{name} {width}: {} lines\n{out}", out.lines().count());
                assert!(unicode || out.is_ascii(), "{name}");
            }
        }
    }
}

#[test]
fn colour_only_where_asked_for_and_nothing_else_acts_on_the_terminal() {
    for (name, analysis) in all_samples() {
        for all in [false, true] {
            let plain = render(&analysis, &View { all, ..View::default() });
            assert!(plain.chars().all(|c| c == '\n' || !text::is_harmful(c)), "{name}");
            let coloured = render(&analysis, &View { all, colour: true, ..View::default() });
            let sequences: Vec<&str> = coloured.split('\x1b').skip(1).map(|s| &s[..s.find('m').unwrap_or(0)]).collect();
            assert!(
                sequences.iter().all(|s| s.starts_with('[') && s[1..].bytes().all(|b| b.is_ascii_digit() || b == b';')),
                "{name} {sequences:?}"
            );
            let stripped = sequences.iter().fold(coloured.clone(), |out, s| out.replace(&format!("\x1b{s}m"), ""));
            assert_eq!(stripped, plain, "{name}");
        }
    }
}

#[test]
fn what_puts_the_whole_answer_in_doubt_is_told_before_it() {
    let complaint = Complaint { origin: Origin::file(Origin::BUNDLE), why: "13 folders are read as one".to_owned(), more: 0 };
    for (name, mut analysis) in all_samples().into_iter().filter(|(name, _)| *name != "timeless") {
        analysis.coverage.complaints.push(complaint.clone());
        let out = shown(&analysis, 80);
        let doubt = out.find("13 folders").or_else(|| out.find("were not understood"));
        let answer = ["CAUSE", "NOT CERTAIN", "UNCLEAR", "No incident"].iter().filter_map(|word| out.find(word)).min();
        assert!(out.starts_with("WARNING  ") && doubt < answer, "{name}\n{out}");
        assert_eq!(out.matches("13 folders").count(), 1, "{name}\n{out}");
    }
}

fn holds(analysis: &Analysis, width: usize, needles: &[&str]) {
    let out = shown(analysis, width);
    let flat = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for needle in needles {
        assert!(flat.contains(needle), "{needle:?} is missing in\n{out}");
    }
}

#[test]
fn the_first_screen_tells_what_the_reader_needs() {
    for width in WIDTHS {
        holds(
            &samples::rich(),
            width,
            &[
                "storefront and orders: 15 % of requests failed, 57 % of users affected",
                "2024-03-05 17:24:48 - 17:27:25 UTC, 2 min 37 s, over",
                "CAUSE 93 % orders deploy-310, 4.1.0 -> 4.2.0, 17:24:40-17:24:46, ci-bot",
                "db.pool.max_size 15 -> 1",
                "configs/orders/4.2.0.yaml:13",
                "1 209 x \"QueuePool limit of size 1",
                "never seen before",
                "logs/orders/orders.log.gz:4821",
                "3 failures ended 5 s after rollback-311 undid it",
                "DO Nothing urgent: rolled back already at 17:27:20 UTC by rollback-311.",
                "NOT IT",
                "more with --all",
                "NO DATA not ruled out: DNS (needs resolver logs)",
                "READ 4 sources, 62,589 lines, 99.8 % understood",
                "▲ deploy-310",
                "▼ rollback-311",
            ],
        );
    }
}

#[test]
fn doubt_is_not_hidden() {
    let doubtful = samples::uncertain(0.5);
    holds(&doubtful, 80, &["NOT CERTAIN 50 %: orders deploy-310", "OR 30 % postgres-0: disk", "none of these", "WARNING"]);
    let unclear = samples::uncertain(0.2);
    holds(&unclear, 80, &["; cause unclear", "UNCLEAR at best 20 %", "do not act on this alone"]);
    assert!(!shown(&unclear, 80).contains("CAUSE"));
    let mut none = samples::rich();
    none.verdicts[0].causes.clear();
    holds(&none, 80, &["UNKNOWN nothing in the data explains it"]);
}

#[test]
fn unknown_shares_are_called_unknown() {
    holds(&samples::ongoing(), 80, &["ONGOING storefront", "users affected unknown", "still going on when the data end"]);
    holds(
        &samples::metrics_only(),
        100,
        &["payments: latency_p99_ms left its usual range, seen in metrics only", "No request was counted"],
    );
}

#[test]
fn the_worst_incident_comes_first() {
    let out = shown(&samples::several(), 80);
    assert!(out.starts_with("storefront and orders"), "{out}");
    assert_eq!(out.matches("mail: ").count(), 2, "{out}");
}

#[test]
fn quiet_and_timeless_data() {
    let quiet = samples::quiet();
    holds(
        &quiet,
        80,
        &[
            "No incident found between 2024-03-05 17:14:00 and 17:34:00 UTC",
            "16,700 requests at 2 services (6 failed)",
            "5 failed requests in a minute would have been seen",
            "during the roll-out of deploy-313",
        ],
    );
    assert!(shown(&quiet, 80).lines().count() <= 6);
    holds(&samples::timeless(), 80, &["Nothing could be judged: not one record or sample with a time"]);
}

#[test]
fn all_lists_every_sentence_key_and_source() {
    let analysis = samples::rich();
    let out = render(&analysis, &View { all: true, width: 100, ..View::default() });
    for needle in
        ["http.read_timeout", "INCIDENT BEGINS", "postgresql-stderr", "batch-4 deploy-304", "not valid JSON", "SHORT DISTURBANCES"]
    {
        assert!(out.contains(needle), "{needle} is missing in\n{out}");
    }
}
