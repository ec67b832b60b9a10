//! Everything that may be wrong with what the program is given, or happen to it while it runs: no panic, no hang, no memory without
//! bound, and no word about it missing.
//!
//! The table of docs/reliability.md is what this test saw.
#![cfg(target_os = "linux")]

mod bundles;
mod clocks;
mod crowds;
mod faults;
mod interrupted;
mod places;
mod run;
mod texts;
mod values;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use rayon::prelude::*;

use crate::tool::{difference, root};
use run::{Case, Seen};

const BLESS: &str = "WHATCHANGED_BLESS";
const DOCUMENT: &str = "docs/reliability.md";
const BEGIN: &str = "<!-- the table begins: written by `WHATCHANGED_BLESS=1 cargo test --release reliability` -->\n";
const END: &str = "<!-- the table ends -->";

/// All classes of bad input, each with its cases.
fn classes() -> Vec<(&'static str, Vec<Case>)> {
    [places::classes(), texts::classes(), values::classes(), clocks::classes(), crowds::classes(), faults::classes()].concat()
}

/// One row: how many were tried, what became of them, and what was said.
fn row(class: &str, seen: &[&Seen]) -> String {
    let count = |what: &dyn Fn(&Seen) -> bool| seen.iter().filter(|seen| what(seen)).count();
    let (answered, judged) = (count(&|s| s.code == 0), count(&|s| s.verdict.is_some()));
    let right = count(&|s| s.verdict == Some(true));
    let mut said: Vec<&str> = Vec::new();
    for text in seen.iter().filter_map(|seen| seen.said.as_deref()) {
        if !said.contains(&text) {
            said.push(text);
        }
    }
    let said = if said.is_empty() { "–".to_owned() } else { said.join("; ").replace('|', "\\|") };
    let verdict = if judged == 0 { "–".to_owned() } else { format!("{right} of {judged}") };
    format!("| {class} | {} | {answered} | {} | {verdict} | 0 | 0 | {said} |\n", seen.len(), seen.len() - answered)
}

fn table(rows: &BTreeMap<usize, String>) -> String {
    let mut text = String::from(
        "| class | tried | answered | refused | verdict kept | panics, hangs | lost without a word | what is said |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    rows.values().for_each(|row| text.push_str(row));
    text
}

#[test]
fn nothing_bad_that_it_is_given_stops_it_or_goes_unsaid() {
    let (mut rows, mut wrong) = (BTreeMap::new(), String::new());
    let classes = classes();
    let cases: Vec<(usize, &Case)> =
        classes.iter().enumerate().flat_map(|(class, (_, cases))| cases.iter().map(move |c| (class, c))).collect();
    let seen: Vec<(usize, &Case, Result<Seen, String>)> = cases.into_par_iter().map(|(class, case)| (class, case, case.run())).collect();
    for (number, (class, _)) in classes.iter().enumerate() {
        let mut all = Vec::new();
        for (_, case, seen) in seen.iter().filter(|(class, ..)| *class == number) {
            match seen {
                Ok(seen) => all.push(seen),
                Err(why) => writeln!(wrong, "{class}, {}: {why}", case.name).unwrap(),
            }
        }
        rows.insert(number, row(class, &all));
    }
    assert!(wrong.is_empty(), "{wrong}");
    let path = root().join(DOCUMENT);
    let document = fs::read_to_string(&path).unwrap();
    let (head, rest) = document.split_once(BEGIN).expect("the document marks where its table begins");
    let (old, tail) = rest.split_once(END).expect("the document marks where its table ends");
    let new = format!("\n{}\n", table(&rows));
    if std::env::var_os(BLESS).is_some_and(|v| v == "1") {
        fs::write(&path, [head, BEGIN, &new, END, tail].concat()).unwrap();
    } else if let Some(difference) = difference(old, &new) {
        panic!("{DOCUMENT}: {difference}\nIf that is as it should be: {BLESS}=1 cargo test --release reliability");
    }
}
