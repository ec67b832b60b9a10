//! Sentences for what the paths of traces show.

use crate::model::Finding;

use super::text::{count, counted, milliseconds, number, sanitize, shorten};
use super::wording;

/// Widest text of an event.
const EVENT: usize = 60;

/// The finding as one sentence without a full stop, sanitized; empty for findings that are not about traces.
pub fn sentence(finding: &Finding) -> String {
    match finding {
        Finding::FlowRank { service, score, margin } if *margin >= 0.0 => {
            format!(
                "traces leave their usual paths at {} more than anywhere else (score {}, next {})",
                wording::service(service),
                number(*score),
                number(score - margin)
            )
        }
        Finding::FlowRank { service, score, margin } => {
            format!(
                "traces leave their usual paths elsewhere more than at {} (score {}, best {})",
                wording::service(service),
                number(*score),
                number(score - margin)
            )
        }
        Finding::LeftPath { service, traces, of, before, before_of } => {
            let (now, then) = (part((*traces, *of)), part((*before, *before_of)));
            format!("{now} traces went wrong at {} and nowhere below it, {then} before", wording::service(service))
        }
        Finding::OddStep { service, from, to, during, before } => {
            let from = from.as_deref().map_or_else(|| "a span begins and".to_owned(), |e| format!("after {}", event(e)));
            let to = to.as_deref().map_or_else(|| "nothing follows".to_owned(), |e| format!("{} follows", event(e)));
            format!("in {} {from} {to}: {} times, {} before", wording::service(service), part(*during), part(*before))
        }
        Finding::NotReached { service, caller, from, during, before } => {
            let (caller, service) = (wording::service(caller), wording::service(service));
            format!("after {} of {caller} nothing of {service} follows: {} times, {} before", event(from), part(*during), part(*before))
        }
        Finding::SlowHops { service, neighbours, slow, of, delay_ms } => {
            let hops = format!(
                "{} of {} between {} and {}",
                count(*slow),
                counted(*of, "hop"),
                wording::service(service),
                wording::services(neighbours)
            );
            format!("{hops} took {} longer than usual", milliseconds(*delay_ms))
        }
        _ => String::new(),
    }
}

fn part((some, of): (u64, u64)) -> String {
    format!("{} of {}", count(some), count(of))
}

fn event(text: &str) -> String {
    shorten(&sanitize(text), EVENT)
}
