//! What one edited key says by itself: by how much it moved, whether that hurts, whom it names, what its places carry.
//!
//! Knows neither symptoms nor incidents: the same is asked of a change that has not happened yet.

use super::facts::{KeyFact, Worse, numeric_value};
use super::surge::has_word;
use crate::model::{KeyEdit, ServiceName, Topology};

/// New over old value, where both are quantities.
pub fn factor(edit: &KeyEdit) -> Option<f64> {
    let before = edit.before.as_deref().and_then(numeric_value)?;
    let after = edit.after.as_deref().and_then(numeric_value)?;
    (before > 0.0 && after >= 0.0).then(|| after / before)
}

/// Whether it moved in the direction that hurts.
pub fn is_worse(fact: &KeyFact, factor: Option<f64>) -> Option<bool> {
    factor.map(|f| match fact.worse {
        Worse::Lower => f < 1.0,
        Worse::Higher => f > 1.0,
        Worse::Either => true,
    })
}

/// The callee of `service` that a key or its new value names.
pub fn named_callee<'t>(edit: &KeyEdit, service: &ServiceName, topology: &'t Topology) -> Option<&'t ServiceName> {
    let text = format!("{} {}", edit.key.as_str().replace(['.', '_'], " "), edit.after.as_deref().unwrap_or(""));
    topology.callees(service).find(|c| has_word(&text, c.as_str()) || has_word(edit.key.as_str(), c.as_str()))
}

/// Little's law, L = λ·W (Little, "A proof for the queuing formula L = λW", Operations Research 9, 1961): so many requests a second can
/// pass `places` that are each held for `hold_s` seconds.
pub fn carried_per_s(places: f64, hold_s: f64) -> f64 {
    places / hold_s
}

/// The share of the demand that finds no place, 0 to 1.
pub fn refused_share(capacity_per_s: f64, demand_per_s: f64) -> f64 {
    if demand_per_s > 0.0 { (1.0 - capacity_per_s / demand_per_s).max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ConfigKey;

    #[test]
    fn factors_of_quantities_only() {
        for (before, after, expected) in [
            (None, Some("1"), None),
            (Some("0"), Some("1"), None),
            (Some("x"), Some("1"), None),
            (Some("15"), Some("1"), Some(1.0 / 15.0)),
            (Some("2s"), Some("500ms"), Some(0.25)),
        ] {
            let edit = KeyEdit { key: ConfigKey::new("k"), before: before.map(Into::into), after: after.map(Into::into), origin: None };
            assert_eq!(factor(&edit), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn what_places_carry() {
        assert_eq!(refused_share(carried_per_s(1.0, 0.5), 4.0), 0.5);
        assert_eq!(refused_share(carried_per_s(10.0, 0.5), 4.0), 0.0);
        assert_eq!(refused_share(carried_per_s(1.0, 0.0), 4.0), 0.0);
        assert_eq!(refused_share(2.0, 0.0), 0.0);
    }
}
