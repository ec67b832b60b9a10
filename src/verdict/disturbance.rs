//! Tells the blip of a restart from an incident. Detection must not know about roll-outs; this comes after it.

use std::sync::Arc;

use crate::model::{Change, Incident, IncidentSignal};

/// A blip is shorter than this many seconds, …
const SHORT: f64 = 20.0;
/// … begins at most this many seconds before a roll-out …
const LEAD: f64 = 3.0;
/// … and at most this many after it was complete.
const LAG: f64 = 10.0;
/// An instance that is exchanged may break this many requests without being an outage.
const MOST_FAILED: u64 = 200;

/// The change whose roll-out explains a short disturbance that did not last.
pub fn explained_by<'c>(incident: &Incident, changes: &'c [Arc<Change>]) -> Option<&'c Arc<Change>> {
    let short = incident.span.seconds() < SHORT && !incident.ongoing && incident.impact.failed < MOST_FAILED;
    if !short || incident.signal == IncidentSignal::Given {
        return None;
    }
    changes.iter().find(|c| {
        let rollout = c.rollout();
        incident.span.start >= rollout.start.plus_seconds(-LEAD) && incident.span.start <= rollout.end.plus_seconds(LAG)
    })
}
