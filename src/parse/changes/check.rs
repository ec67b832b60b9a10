//! Runs the samples and rejects inside change format files: the test of every format.
//!
//! Does not print.

use std::sync::Arc;

use super::format::{ChangeFormat, ChangeReader, ExpectedChange};
use super::{Export, Outcome, export, read_any, table};
use crate::model::{Change, Time};
use crate::parse::Formats;
use crate::parse::check::Failure;

/// Runs every sample and reject of every change format among all formats.
pub fn check(formats: &Formats) -> Vec<Failure> {
    formats.changes().iter().flat_map(|format| check_format(formats, format)).collect()
}

/// Runs the samples and rejects of one change format among all formats.
pub fn check_format(formats: &Formats, format: &ChangeFormat) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    let mut wrong = |text: &str, why: String| {
        let text = text.trim().lines().next().unwrap_or_default().to_owned();
        let path = format.written.as_ref().map(|written| written.path.clone());
        failures.push(Failure { format: format.name.clone(), path, text, why, ..Failure::default() });
    };
    if format.samples.is_empty() || format.rejects.is_empty() {
        wrong("", "has no [[sample]] or no [[reject]]".to_owned());
    }
    if !format.docs.starts_with("https://") {
        wrong(&format.docs, "docs is no link".to_owned());
    }
    for sample in &format.samples {
        let text = sample.text.trim_matches('\n');
        let taken = match Export::of(text, formats) {
            Some(Export::Declared(taken)) => taken.name.as_str(),
            Some(_) => "an export that is paired",
            None => "unknown",
        };
        if taken != format.name {
            wrong(text, format!("is taken for {taken}"));
            continue;
        }
        let shown: Arc<str> = Arc::from(sample.path.as_deref().unwrap_or("export"));
        let outcome = read_any(&shown, text, formats, &|_| Err("samples have no snapshots".to_owned()));
        compare_all(&outcome, &sample.expect, sample.complaints).into_iter().for_each(|why| wrong(text, why));
    }
    for reject in format.rejects.iter().filter(|reject| is_taken(format, reject.text.trim_matches('\n'))) {
        wrong(&reject.text, "matches what it is to reject".to_owned());
    }
    for (number, list) in format.lists.iter().enumerate() {
        if !format.samples.iter().any(|sample| export::has_items(list, format.reader, sample.text.trim_matches('\n'))) {
            wrong(&format.name, format!("no sample has items of [[list]] {}", number + 1));
        }
    }
    failures
}

fn is_taken(format: &ChangeFormat, text: &str) -> bool {
    match format.reader {
        ChangeReader::Json => export::fits(format, &export::documents(text).0),
        ChangeReader::Csv => export::fits(format, &table::rows(text)),
    }
}

fn compare_all(outcome: &Outcome, expect: &[ExpectedChange], complaints: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    if outcome.changes.len() != expect.len() {
        let ids: Vec<&str> = outcome.changes.iter().map(|change| change.id.as_str()).collect();
        wrong.push(format!("{} changes, not {}: {ids:?}", outcome.changes.len(), expect.len()));
    }
    if outcome.complaints.len() != complaints {
        wrong.push(format!("complaints: {:?}", outcome.complaints));
    }
    for (number, (change, expected)) in (1..).zip(outcome.changes.iter().zip(expect)) {
        wrong.extend(compare(expected, change).into_iter().map(|why| format!("change {number}: {why}")));
    }
    wrong
}

/// What of a change is not as expected.
fn compare(expected: &ExpectedChange, change: &Change) -> Vec<String> {
    let time = |text: &Option<String>| text.as_deref().and_then(Time::parse_rfc3339).map(Time::rfc3339);
    let instances = || change.instances.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",");
    let edits = || {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let shown = change.config.edits.iter().map(|edit| format!("{}: {} -> {}", edit.key, side(&edit.before), side(&edit.after)));
        shown.collect::<Vec<_>>().join(", ")
    };
    let fields = [
        ("id", expected.id.clone(), Some(change.id.to_string())),
        ("time", time(&expected.time), Some(change.time.rfc3339())),
        ("end_time", expected.end_time.as_ref().map(|_| time(&expected.end_time).unwrap_or_default()), change.end_time.map(Time::rfc3339)),
        ("service", expected.service.clone(), Some(change.service.to_string())),
        ("kind", expected.kind.clone(), Some(change.kind.name().to_owned())),
        ("version", expected.version.clone(), change.version.clone()),
        ("previous_version", expected.previous_version.clone(), change.previous_version.clone()),
        ("summary", expected.summary.clone(), change.summary.clone()),
        ("author", expected.author.clone(), change.author.clone()),
        ("url", expected.url.clone(), change.url.clone()),
        ("instances", expected.instances.clone(), Some(instances())),
        ("edit", expected.edit.clone(), Some(edits())),
        ("line", expected.line.map(|line| line.to_string()), Some(change.origin.line.to_string())),
    ];
    let wrong = fields.into_iter().filter_map(|(name, expected, found)| {
        let (expected, found) = (expected?, found.unwrap_or_default());
        (expected != found).then(|| format!("{name} is {found:?}, not {expected:?}"))
    });
    wrong.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_and_reject_of_every_change_format_holds() {
        let failures: Vec<String> = check(&Formats::builtin()).iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    }
}
