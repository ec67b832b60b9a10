//! Sentences for what a staged roll-out shows: new instances against old ones.

use crate::model::rollout::{Comparison, RolloutFinding};

use super::text::{duration, number, percent, sanitize, shorten};
use super::wording;

/// The finding as one sentence without a full stop, sanitized.
pub fn sentence(finding: &RolloutFinding) -> String {
    match finding {
        RolloutFinding::BeganAfter { seconds } => format!("began {} after the first calls failed", duration(*seconds)),
        RolloutFinding::BeganBefore { seconds, served: Some(served) } => {
            let (before, well) = (duration(*seconds), duration(*served));
            format!("began {before} before the first calls failed; its new instances served for {well} by then")
        }
        RolloutFinding::BeganBefore { seconds, served: None } => format!("began {} before the first calls failed", duration(*seconds)),
        RolloutFinding::NewFails { contrast, old_fell } => {
            format!("{}; the old ones fell by {} points", compared(contrast), number(*old_fell))
        }
        RolloutFinding::NewAsHealthy { contrast } => format!("{}: as healthy as the old ones", compared(contrast)),
        RolloutFinding::OldFellAsWell { contrast, old_fell } => {
            format!("{}, and the old ones fell by {} points too: the version makes no difference", compared(contrast), number(*old_fell))
        }
        RolloutFinding::NotCalled => "neither its new nor its old instances are being called".to_owned(),
        RolloutFinding::Silent { new_share, old_share, siblings, .. } => format!(
            "its new instances answered in {} of the samples, {siblings} old ones beside them in {}",
            percent(*new_share),
            percent(*old_share)
        ),
        RolloutFinding::Heavier { latency, cpu } => {
            let parts: Vec<String> = [latency, cpu].into_iter().flatten().map(compared).collect();
            parts.join("; ")
        }
        RolloutFinding::Explains { share, ending_here, of, starved } => explains(*share, *ending_here, *of, starved.is_some()),
    }
}

fn explains(share: f64, ending_here: usize, of: usize, starved: bool) -> String {
    let starved = if starved { "; its callers stopped calling it, so the break lies before" } else { "" };
    format!("a fault of it would explain {} of what fails ({ending_here} of {of} failing calls end there){starved}", percent(share))
}

fn compared(c: &Comparison) -> String {
    let metric = shorten(&sanitize(c.metric.as_str()), 40);
    let caller = c.caller.as_ref().map_or(String::new(), |caller| format!(" called by {}", wording::service(caller)));
    format!("{metric}{caller}: {} on new instances, {} on old", number(c.new), number(c.old))
}
