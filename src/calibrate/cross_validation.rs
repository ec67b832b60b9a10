//! Would confidences be better if they were sharper, or if "none of these" weighed otherwise? Two numbers, fitted on all data sets but one
//! and tried on that one.
//!
//! Temperature scaling (Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017) with a bias for one class:
//! every probability is raised to a power, that of "none" is multiplied by a factor, and all are normalised again. The order of causes
//! stays. Each data set counts the same, however many cases it has.

use std::collections::BTreeMap;

use crate::model::calibration::{CaseScore, HeldOut, Said, Sharpening};
use crate::stats;

/// Powers and factors (as logarithms) that are tried: from a third to three, and from e⁻³ to e³.
const POWERS: std::ops::RangeInclusive<i32> = -22..=22;
const POWER_STEP: f64 = 0.05;
const FACTORS: std::ops::RangeInclusive<i32> = -15..=15;
const FACTOR_STEP: f64 = 0.2;
/// A truth that was held for impossible costs no more than this probability.
const LEAST: f64 = 1e-6;

/// What was said of one incident: the causes, and that it is none of them.
type Forecast<'c> = (&'c [Said], f64);

/// One row for each data set with incidents; none where there is only one such set. The last value is the fit on all together.
pub fn cross_validate(cases: &[CaseScore]) -> (Vec<HeldOut>, Option<Sharpening>) {
    let mut by_set: BTreeMap<&str, Vec<Forecast<'_>>> = BTreeMap::new();
    for case in cases {
        if let Some(none) = case.none {
            by_set.entry(&case.data_set).or_default().push((&case.said, none));
        }
    }
    if by_set.len() < 2 {
        return (Vec::new(), None);
    }
    let held_out = by_set.iter().map(|(name, forecasts)| {
        let others: Vec<&[Forecast<'_>]> = by_set.iter().filter(|(other, _)| other != &name).map(|(_, f)| f.as_slice()).collect();
        let fitted = fit(&others);
        HeldOut {
            data_set: (*name).to_owned(),
            fitted,
            log_loss: (log_loss(forecasts, Sharpening::NONE), log_loss(forecasts, fitted)),
            brier: (first_brier(forecasts, Sharpening::NONE), first_brier(forecasts, fitted)),
        }
    });
    let all: Vec<&[Forecast<'_>]> = by_set.values().map(Vec::as_slice).collect();
    (held_out.collect(), Some(fit(&all)))
}

/// The power and factor with the least mean loss over the sets.
fn fit(sets: &[&[Forecast<'_>]]) -> Sharpening {
    let candidates = POWERS.flat_map(|p| {
        FACTORS.map(move |f| Sharpening { power: (f64::from(p) * POWER_STEP).exp(), none: (f64::from(f) * FACTOR_STEP).exp() })
    });
    let loss = |s: Sharpening| sets.iter().map(|set| log_loss(set, s)).sum::<f64>();
    let scored = candidates.map(|s| (loss(s), s));
    scored.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(Sharpening::NONE, |best| best.1)
}

/// Mean negative logarithm of the probability of what was true, in nats.
fn log_loss(forecasts: &[Forecast<'_>], by: Sharpening) -> f64 {
    let losses: Vec<f64> = forecasts.iter().map(|f| -true_share(f, by).max(LEAST).ln()).collect();
    stats::mean(&losses).unwrap_or(0.0)
}

/// The probability of the right causes, of "none" where no cause is right.
fn true_share((said, none): &Forecast<'_>, by: Sharpening) -> f64 {
    let (weights, none) = weights(said, *none, by);
    let all: f64 = weights.iter().sum::<f64>() + none;
    let right: f64 = weights.iter().zip(said.iter()).filter(|(_, s)| s.right).map(|(w, _)| w).sum();
    if all <= 0.0 {
        0.0
    } else if said.iter().any(|s| s.right) {
        right / all
    } else {
        none / all
    }
}

fn weights(said: &[Said], none: f64, by: Sharpening) -> (Vec<f64>, f64) {
    (said.iter().map(|s| s.confidence.powf(by.power)).collect(), by.none * none.powf(by.power))
}

fn first_brier(forecasts: &[Forecast<'_>], by: Sharpening) -> f64 {
    let first = |(said, none): &Forecast<'_>| {
        let (weights, none) = weights(said, *none, by);
        let all: f64 = weights.iter().sum::<f64>() + none;
        said.iter().zip(weights).find(|(s, _)| s.first).map(|(s, w)| (w / all, s.right))
    };
    stats::brier(&forecasts.iter().filter_map(first).collect::<Vec<_>>()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(set: &str, confidence: f64, right: bool) -> CaseScore {
        CaseScore {
            data_set: set.to_owned(),
            name: "c".to_owned(),
            quiet_right: None,
            ranks: Vec::new(),
            said: vec![Said { confidence, right, first: true }],
            none: Some(1.0 - confidence),
            onset_error: None,
        }
    }

    #[test]
    fn one_set_cannot_be_held_out() {
        assert_eq!(cross_validate(&[case("a", 0.7, true)]), (Vec::new(), None));
    }

    #[test]
    fn modest_confidences_are_sharpened_and_bold_ones_softened() {
        let cases = |confidence: f64, right: usize| {
            let of = move |set: &'static str| (0..20).map(move |i| case(set, confidence, i < right));
            of("a").chain(of("b")).collect::<Vec<_>>()
        };
        let (rows, all) = cross_validate(&cases(0.6, 19));
        assert_eq!(rows.len(), 2);
        assert!(rows[0].log_loss.1 < rows[0].log_loss.0 && rows[0].brier.1 < rows[0].brier.0, "{rows:?}");
        let said = |s: Sharpening, p: f64| p.powf(s.power) / (p.powf(s.power) + s.none * (1.0 - p).powf(s.power));
        assert!((said(all.unwrap(), 0.6) - 0.95).abs() < 0.03);
        let (_, all) = cross_validate(&cases(0.95, 12));
        assert!((said(all.unwrap(), 0.95) - 0.6).abs() < 0.05);
    }
}
