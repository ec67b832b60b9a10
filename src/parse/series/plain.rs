//! Levels of one metric that differ in labels: kept apart while they are few, folded over the label with most values where they are many.

use std::collections::{BTreeMap, BTreeSet};

use super::fold::outcome;
use super::labels::Labels;
use super::{Points, combine};
use crate::model::{MetricName, SeriesKey};

/// Series of one metric, service and instance that are kept apart.
const MOST_APART: usize = 12;
/// Words of shares of a capacity …
const SHARES: [&str; 6] = ["ratio", "percent", "pct", "util", "utilization", "%"];
/// … and of amounts, which add up.
const AMOUNTS: [&str; 22] = [
    "bytes",
    "calls",
    "connections",
    "count",
    "errors",
    "failures",
    "goroutines",
    "lag",
    "length",
    "messages",
    "ops",
    "packets",
    "per",
    "qps",
    "queue",
    "requests",
    "rps",
    "sessions",
    "size",
    "threads",
    "total",
    "used",
];

/// The series of one metric, named by the labels in which they differ.
pub fn fold(key: &SeriesKey, mut series: Vec<(Labels, Points)>) -> Vec<(SeriesKey, Points)> {
    for (labels, _) in &mut series {
        if let Some((name, Some(failure))) = outcome(labels) {
            labels.insert(name.to_owned(), failure.to_owned());
        }
    }
    loop {
        let differing = differing(&series);
        let groups = grouped(&series, &differing);
        let widest = differing.iter().max_by_key(|(_, values)| values.len()).map(|(name, _)| name.clone());
        match widest {
            Some(name) if groups.len() > MOST_APART => series.iter_mut().for_each(|(labels, _)| {
                labels.remove(&name);
            }),
            _ => {
                return groups
                    .into_iter()
                    .map(|(shown, points)| (named(key, &shown), combine(&points, how(key.metric.as_str()))))
                    .collect();
            }
        }
    }
}

/// The labels in which the series differ, with their values; a label that a series does not have counts as empty.
fn differing(series: &[(Labels, Points)]) -> BTreeMap<String, BTreeSet<&str>> {
    let names: BTreeSet<&String> = series.iter().flat_map(|(labels, _)| labels.keys()).collect();
    let values = |name: &&String| series.iter().map(|(labels, _)| labels.get(*name).map_or("", String::as_str)).collect::<BTreeSet<_>>();
    names.into_iter().map(|name| (name.clone(), values(&name))).filter(|(_, values)| values.len() > 1).collect()
}

fn grouped<'s>(series: &'s [(Labels, Points)], differing: &BTreeMap<String, BTreeSet<&str>>) -> BTreeMap<String, Vec<&'s Points>> {
    let mut groups: BTreeMap<String, Vec<&Points>> = BTreeMap::new();
    for (labels, points) in series {
        let shown = differing.keys().filter_map(|name| labels.get(name).map(|value| format!("{name}={value}")));
        groups.entry(shown.collect::<Vec<_>>().join(",")).or_default().push(points);
    }
    groups
}

fn named(key: &SeriesKey, shown: &str) -> SeriesKey {
    if shown.is_empty() {
        return key.clone();
    }
    SeriesKey { metric: MetricName::new(&format!("{}{{{shown}}}", key.metric)), ..key.clone() }
}

/// Amounts are added up. Of shares, latencies and whatever is not known to add up the largest is taken: requests wait for the one full
/// device however idle the others are, and a mean over many would hide it.
fn how(metric: &str) -> fn(f64, f64) -> f64 {
    let lower = metric.to_ascii_lowercase();
    let is_share = SHARES.iter().any(|share| lower.contains(share));
    let is_amount = lower.split(|c: char| !c.is_alphanumeric()).any(|word| AMOUNTS.contains(&word));
    if is_amount && !is_share { |a, b| a + b } else { f64::max }
}
