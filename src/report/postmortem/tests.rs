//! The draft as its author finds it.

use super::*;
use crate::model::{Dossier, Exhibits, InputHash, RecoveryOutcome};
use crate::report::{recovery, samples};

fn with_dossier(mut analysis: Analysis) -> Analysis {
    let recoveries = analysis.verdicts.iter().map(|_| recovery::tests::sample(RecoveryOutcome::Recovered)).collect();
    let inputs = vec![InputHash { path: "changes.jsonl".into(), bytes: 812, sha256: Some("ab".repeat(32)) }];
    let exhibits = Exhibits {
        inputs,
        services: Vec::new(),
        metrics: Vec::new(),
        messages: Vec::new(),
        told_by: Default::default(),
        alarms: Vec::new(),
    };
    analysis.dossier = Dossier { recoveries, exhibits: Some(exhibits), ..Dossier::default() };
    analysis
}

fn draft(analysis: Analysis) -> String {
    render(&with_dossier(analysis), DEFAULT_TEMPLATE, &View::default()).unwrap()
}

/// Chapters in which every line states a fact, leaves a blank or is a heading.
const FACTS: [&str; 6] = ["## Issue summary", "## Timeline", "## Root cause", "## Misleading paths", "## Corrective", "## Tasks"];

#[test]
fn every_statement_of_fact_says_where_it_stands() {
    for analysis in [samples::rich(), samples::uncertain(0.5), samples::ongoing(), samples::metrics_only(), samples::several()] {
        let text = draft(analysis);
        for chapter in text
            .split("\n## ")
            .filter(|c| FACTS.iter().any(|f| f.ends_with(c.lines().next().unwrap_or("-").split(" and").next().unwrap_or("-"))))
        {
            let lines = chapter.lines().skip(1).filter(|l| !l.trim().is_empty() && !l.starts_with('#') && !l.starts_with("|---"));
            for line in
                lines.filter(|l| !l.ends_with(':') && !l.starts_with("| time |") && !l.starts_with("| key |") && !l.starts_with("| task |"))
            {
                let cited = line.contains("`)")
                    || line.contains("(counts over")
                    || line.contains("(series ")
                    || line.contains("` |")
                    || line.contains(").");
                let no_statement = line.contains("[fill in: ")
                    || line.starts_with("All times")
                    || line.starts_with("No path")
                    || line.contains(": needs ");
                assert!(cited || no_statement, "{line}\nin\n{text}");
            }
        }
    }
}

#[test]
fn the_draft_has_every_chapter_of_the_form() {
    let text = draft(samples::rich());
    for needle in [
        "# Post-mortem: storefront and orders: 15 % of requests failed",
        "**[fill in: by whom, and by what",
        "db.pool.max\\_size 15 -&gt; 1",
        "Orders deploy-310 was undone by rollback-311 at 17:27:20 UTC",
        "rollback-311 ended it",
        "Recovered; share of failed requests at storefront",
        "- storefront deploy-312: began 9 s after the failures",
        "### Not ruled out: no data",
        "**A rollback plan.**",
        "| [fill in",
        "pg_stat_activity",
        "abababab",
    ] {
        let needle = needle.replace("| [fill in", "| **[fill in: owner]** |");
        assert!(text.to_lowercase().contains(&needle.to_lowercase()), "{needle} is missing in\n{text}");
    }
}

#[test]
fn a_form_of_ones_own_is_filled_and_checked() {
    let analysis = with_dossier(samples::rich());
    let made = render(&analysis, "# {{ title }}\n\nFrom {{start}}\n", &View::default()).unwrap();
    assert!(made.starts_with("# storefront and orders: 15 %") && made.contains("From 2024-03-05T17:24:48Z"), "{made}");
    assert!(made.contains("| `changes.jsonl` | 812 B |"), "the inputs are never left out: {made}");
    let wrong = render(&analysis, "a\n{{root-cause}}", &View::default()).unwrap_err();
    assert_eq!(wrong, UnknownPiece { name: "root-cause".into(), line: 2 });
    assert!(render(&analysis, "{{ open", &View::default()).unwrap().starts_with("{{ open"));
}

#[test]
fn quiet_data_give_a_draft_that_says_so() {
    let text = draft(samples::quiet());
    assert!(text.contains("No incident was found in 16,700 requests") && text.contains("--incident"), "{text}");
    draft(samples::timeless());
}

#[test]
fn hostile_texts_stay_text() {
    let out = draft(samples::hostile());
    for bad in ["<script", "@everyone", "\x1b", "\u{202e}", "\n# H", "]("] {
        assert!(!out.replace("\\](", "").contains(bad), "{bad:?} got through in\n{out}");
    }
    let out = render(&with_dossier(samples::rich()), "{{title}}", &View::default()).unwrap();
    assert!(!out.contains("{{"));
}
