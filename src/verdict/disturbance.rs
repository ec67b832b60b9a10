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

/// The start of slowness is known only to a quarter of a minute.
const SLOW_LEAD: f64 = 15.0;
/// Caches and pools fill for up to this many seconds after a restart, in which nothing fails but all is slower.
const WARM_UP: f64 = 120.0;

/// The change whose roll-out explains a short disturbance that did not last.
pub fn explained_by<'c>(incident: &Incident, changes: &'c [Arc<Change>]) -> Option<&'c Arc<Change>> {
    let slow = matches!(incident.signal, IncidentSignal::SlowRequests { .. });
    let failed_few = slow || incident.impact.failed < MOST_FAILED;
    let short = incident.span.seconds() < if slow { WARM_UP } else { SHORT };
    if !short || incident.ongoing || !failed_few || incident.signal == IncidentSignal::Given {
        return None;
    }
    changes.iter().find(|c| {
        let rollout = c.rollout();
        let lead = if slow { LEAD + SLOW_LEAD } else { LEAD };
        incident.span.start >= rollout.start.plus_seconds(-lead) && incident.span.start <= rollout.end.plus_seconds(LAG)
    })
}
