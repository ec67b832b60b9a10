//! Who is old and who is new: instances, versions or times.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::windows::Windows;
use crate::model::verify::Basis;
use crate::model::{Change, InstanceId, TimeSpan};
use crate::signal::Signals;
use crate::template::tally::RequestKey;

/// Requests of the old version that make it one that still runs.
const STILL_RUNS: u64 = 50;

/// What is compared with what.
pub struct Sides {
    pub basis: Basis,
}

impl Sides {
    /// Instances or versions side by side where both run, else before and after.
    pub fn of(change: &Change, windows: &Windows, signals: &Signals, changes: &[Arc<Change>]) -> Sides {
        let seen = instances(change, signals);
        let listed: BTreeSet<&InstanceId> = change.instances.iter().collect();
        // Instances that have gone were replaced, not left as they were.
        let old: Vec<InstanceId> =
            seen.iter().filter(|i| !listed.contains(i)).filter(|i| lives(i, change, windows, signals)).cloned().collect();
        // Names that no change's instances have in the data are other names, not silent instances.
        let names_match = changes.iter().any(|c| {
            let known = instances(c, signals);
            c.instances.iter().any(|i| known.contains(i))
        });
        let basis = if !listed.is_empty() && !old.is_empty() && names_match {
            Basis::Instances { new: change.instances.clone(), old }
        } else {
            versions(change, windows, signals).unwrap_or(Basis::BeforeAfter)
        };
        Sides { basis }
    }

    /// Whether a stream of requests belongs to the new side (`Some(true)`), to the old one, or to neither.
    pub fn is_new(&self, key: &RequestKey, signals: &Signals) -> Option<bool> {
        let text = |symbol| signals.tally.symbols.text(symbol);
        match &self.basis {
            Basis::Instances { new, old } => {
                let instance = text(key.instance);
                let among = |all: &[InstanceId]| all.iter().any(|i| i.as_str() == instance);
                if among(new) { Some(true) } else { among(old).then_some(false) }
            }
            Basis::Versions { new, old } => match text(key.version) {
                version if version == new => Some(true),
                version if version == old => Some(false),
                _ => None,
            },
            Basis::BeforeAfter => None,
        }
    }
}

/// The instances of the changed service in logs and metrics.
fn instances(change: &Change, signals: &Signals) -> BTreeSet<InstanceId> {
    let service = change.service.as_str();
    let logged = signals.tally.requests.keys().map(|key| (key.service, key.instance));
    let written = signals.tally.records.keys().map(|key| (key.service, key.instance));
    let of_logs = logged.chain(written).filter(|(s, _)| signals.tally.symbols.text(*s) == service).map(|(_, instance)| instance);
    let of_metrics = signals.metrics.keys().filter(|key| key.service == change.service).filter_map(|key| key.instance.clone());
    let named = of_logs.map(|symbol| InstanceId::new(signals.tally.symbols.text(symbol))).filter(|i| !i.as_str().is_empty());
    named.chain(of_metrics).collect()
}

/// Whether anything is heard of an instance in the time after the change.
fn lives(instance: &InstanceId, change: &Change, windows: &Windows, signals: &Signals) -> bool {
    let within = |time| windows.after.iter().any(|span: &TimeSpan| span.contains(time));
    let measured = signals.metrics.iter().filter(|(key, _)| key.service == change.service && key.instance.as_ref() == Some(instance));
    let symbols = &signals.tally.symbols;
    let (Some(service), Some(name)) = (symbols.find(change.service.as_str()), symbols.find(instance.as_str())) else {
        return measured.into_iter().any(|(_, points)| points.iter().any(|p| within(p.0)));
    };
    let step = signals.step;
    let answers = signals.tally.requests.iter().filter(|(key, _)| key.service == service && key.instance == name);
    let writes = signals.tally.records.iter().filter(|(key, _)| key.service == service && key.instance == name);
    answers.flat_map(|(_, counts)| &counts.windows).any(|(w, _)| within(step.start_of(w)))
        || writes.flat_map(|(_, counts)| &counts.windows).any(|(w, _)| within(step.start_of(w)))
        || measured.into_iter().any(|(_, points)| points.iter().any(|p| within(p.0)))
}

fn versions(change: &Change, windows: &Windows, signals: &Signals) -> Option<Basis> {
    let (new, old) = (change.version.as_deref()?, change.previous_version.as_deref()?);
    let symbols = &signals.tally.symbols;
    let (service, new_name, old_name) = (symbols.find(change.service.as_str())?, symbols.find(new)?, symbols.find(old)?);
    let answered = |version| -> u64 {
        let keys = signals.tally.requests.iter().filter(|(key, _)| key.service == service && key.version == version);
        let within = |w: i64| windows.after.iter().any(|span| span.contains(signals.step.start_of(w)));
        keys.flat_map(|(_, counts)| &counts.windows).filter(|(w, _)| within(*w)).map(|(_, cell)| u64::from(cell.completed)).sum()
    };
    let both = answered(new_name) >= STILL_RUNS && answered(old_name) >= STILL_RUNS;
    both.then(|| Basis::Versions { new: new.to_owned(), old: old.to_owned() })
}
