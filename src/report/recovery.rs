//! Sentences on whether a fix worked, and which of several did.

use crate::model::{Fix, FixEffect, Measured, Recovery, RecoveryOutcome};

use super::text::{counted, duration, number, percent, sanitize};
use super::wording;

/// The stable word for JSON.
pub fn word(outcome: RecoveryOutcome) -> &'static str {
    match outcome {
        RecoveryOutcome::Recovered => "recovered",
        RecoveryOutcome::Residue => "residue",
        RecoveryOutcome::CannotTell => "cannot_tell",
        RecoveryOutcome::StillOn => "still_on",
    }
}

/// The stable word for JSON.
pub fn effect_word(effect: FixEffect) -> &'static str {
    match effect {
        FixEffect::Ended => "ended",
        FixEffect::Eased => "eased",
        FixEffect::None => "none",
        FixEffect::Worse => "worse",
        FixEffect::CannotTell => "cannot_tell",
    }
}

/// Whether it is over: one sentence without a full stop.
pub fn sentence(recovery: &Recovery) -> String {
    let numbers = numbers(recovery);
    match recovery.outcome {
        RecoveryOutcome::Recovered => {
            let high = recovery.difference.map_or(0.0, |d| d.1.max(0.0));
            let (left, tenth) = (size(recovery, high), size(recovery, recovery.margin));
            format!("{}; what is left is below {left}, a tenth of the incident is {tenth}", brief(recovery))
        }
        RecoveryOutcome::Residue => format!("not back to normal; {numbers}"),
        RecoveryOutcome::CannotTell => format!("cannot tell whether it is back to normal, too little came after it; {numbers}"),
        RecoveryOutcome::StillOn => {
            let (during, before) = (measured(recovery.during.as_ref()), measured(recovery.before.as_ref()));
            format!("not over: the data end while it lasts; {}: {during} in it, {before} before it", sanitize(&recovery.measure))
        }
    }
}

/// The same for a line or two: without the test, which JSON and the documents have.
pub fn brief(recovery: &Recovery) -> String {
    match recovery.outcome {
        RecoveryOutcome::Recovered => format!("recovered; {}", numbers(recovery)),
        _ => sentence(recovery),
    }
}

fn numbers(recovery: &Recovery) -> String {
    let (after, before) = (measured(recovery.after.as_ref()), measured(recovery.before.as_ref()));
    format!("{}: {after} after it, {before} before it", sanitize(&recovery.measure))
}

fn measured(measured: Option<&Measured>) -> String {
    measured.map_or_else(|| "nothing measured".to_owned(), level)
}

fn size(recovery: &Recovery, value: f64) -> String {
    let shares = recovery.before.is_some_and(|m| m.bad.is_some());
    if shares { format!("{} points", number(value * 100.0)) } else { number(value) }
}

fn level(measured: &Measured) -> String {
    match measured.bad {
        Some(_) => format!("{} of {}", percent(measured.level), counted(measured.of, "request")),
        None => format!("{} in {}", number(measured.level), counted(measured.of, "value")),
    }
}

/// What a change that was made while it lasted did: one sentence without a full stop.
pub fn fix(fix: &Fix) -> String {
    let id = wording::id(fix.change.id.as_str());
    let levels = match (&fix.before, &fix.after) {
        (Some(before), Some(after)) => format!(": {} before it, {} after it", level(before), level(after)),
        _ => String::new(),
    };
    match fix.effect {
        FixEffect::Ended => format!("{id} ended it, {} later{levels}", duration(fix.to_end)),
        FixEffect::Eased => format!("{id} eased it and did not end it{levels}"),
        FixEffect::None => format!("{id} changed nothing{levels}"),
        FixEffect::Worse => format!("after {id} it got worse{levels}"),
        FixEffect::CannotTell => format!("what {id} did cannot be told apart{levels}"),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::model::TimeSpan;
    use crate::report::samples;

    /// A recovery that the samples of this layer show.
    pub fn sample(outcome: RecoveryOutcome) -> Recovery {
        let measured = |level: f64, of: u64| Measured {
            span: TimeSpan::new(samples::time("17:00:00"), samples::time("17:10:00")),
            level,
            of,
            bad: Some((level * of as f64) as u64),
        };
        let change = samples::rich().changes[1].clone();
        Recovery {
            outcome,
            measure: "share of failed requests at storefront".into(),
            before: Some(measured(0.001, 9_000)),
            during: Some(measured(0.15, 2_182)),
            after: Some(measured(0.0, 1_500)),
            difference: Some((-0.001, 0.002)),
            margin: 0.0149,
            fixes: vec![Fix {
                change,
                effect: FixEffect::Ended,
                before: Some(measured(0.15, 2_000)),
                after: Some(measured(0.0, 1_500)),
                to_end: 5.0,
            }],
        }
    }

    #[test]
    fn every_outcome_has_numbers() {
        let told = sentence(&sample(RecoveryOutcome::Recovered));
        assert!(told.contains("0 % of 1,500 requests after it") && told.contains("below 0.2 points"), "{told}");
        let told = brief(&sample(RecoveryOutcome::Recovered));
        assert_eq!(
            told,
            "recovered; share of failed requests at storefront: 0 % of 1,500 requests after it, 0.1 % of 9,000 requests before it"
        );
        for outcome in [RecoveryOutcome::Residue, RecoveryOutcome::CannotTell, RecoveryOutcome::StillOn] {
            assert!(sentence(&sample(outcome)).contains(" before it"));
        }
        assert_eq!(
            fix(&sample(RecoveryOutcome::Recovered).fixes[0]),
            "rollback-311 ended it, 5 s later: 15 % of 2,000 requests before it, 0 % of 1,500 requests after it"
        );
    }
}
