//! Predictions from an edited number as sentences: the law, its inputs, what it says must happen, and what happened.

use super::text::{bytes, counted, duration, number, percent};
use super::wording;
use crate::model::KeyEdit;
use crate::model::finding::Law;

/// What was predicted and what was observed.
pub fn sentence(edit: &KeyEdit, law: Law, (predicted, observed): (f64, f64), inputs: &[(&'static str, f64)]) -> String {
    let input = |name: &str| inputs.iter().find(|(known, _)| *known == name).map_or(0.0, |(_, value)| *value);
    let key = wording::key(edit);
    match law {
        Law::Carries => format!(
            "{} at {} each would carry {}/s with {} in use: the new {key} does not explain that {} failed",
            counted(input("places").round() as u64, "place"),
            duration(input("hold_s")),
            number(input("demand_per_s")),
            percent(predicted),
            percent(observed)
        ),
        Law::TimeLimit => format!(
            "{} of {} took longer than the new {} before (median {}): as many must fail, {} did",
            percent(predicted),
            counted(input("calls").round() as u64, "call"),
            duration(input("limit_s")),
            duration(input("median_s")),
            percent(observed)
        ),
        Law::Rate => format!(
            "{}/s are let through of {}/s: {} must be refused, {} were",
            number(input("limit_per_s")),
            number(input("demand_per_s")),
            percent(predicted),
            percent(observed)
        ),
        Law::Retries => format!(
            "with {} of the calls failing, {} retries make {} calls of one; measured {}",
            percent(input("failing")),
            number(input("retries")),
            number(predicted),
            number(observed)
        ),
        Law::Connections | Law::Heap | Law::TimeoutChain => contradiction(&key, law, predicted, observed > 0.0, &input),
        Law::CacheTtl => format!(
            "entries living {} times as long make {} times the misses (hit ratio {} before); measured {}",
            number(input("factor")),
            number(predicted),
            percent(input("hits_before")),
            number(observed)
        ),
    }
}

/// Numbers that contradict each other: what is seen is whether that showed.
fn contradiction(key: &str, law: Law, predicted: f64, shown: bool, input: &dyn Fn(&str) -> f64) -> String {
    match law {
        Law::Connections => format!(
            "all pools may open {} of {} connections, {} reserved: {} find none; the server {}",
            number(input("together")),
            number(input("limit")),
            number(input("reserved")),
            percent(predicted),
            if shown { "refused some" } else { "refused none" }
        ),
        Law::Heap => format!(
            "a heap of {} in a container of {}: {}",
            bytes(input("heap").max(0.0) as u64),
            bytes(input("container").max(0.0) as u64),
            if shown { "memory ran out" } else { "yet memory did not run out" }
        ),
        _ => format!(
            "{key} of {} is longer than the {} that the caller waits; {}",
            duration(input("inner_s")),
            duration(input("outer_s")),
            if shown { "its calls timed out" } else { "no call of its timed out" }
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ConfigKey;

    #[test]
    fn every_law_tells_both_numbers() {
        let edit = KeyEdit { key: ConfigKey::new("a.b"), before: None, after: Some("1".into()), origin: None };
        for law in [Law::Carries, Law::TimeLimit, Law::Rate, Law::Retries, Law::Connections, Law::Heap, Law::CacheTtl, Law::TimeoutChain] {
            let told = |observed: f64| sentence(&edit, law, (0.25, observed), &[("limit_s", 0.4), ("places", 1.0)]);
            assert!(told(0.0) != told(1.0) && told(0.5).len() < 200, "{law:?}: {}", told(0.5));
        }
    }
}
