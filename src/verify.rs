//! What became of a change once it was out: worse, not worse, or not to be told yet, and then how much more traffic would decide.
//!
//! Where old and new run side by side they are compared in the same minutes, and their callers before and after; otherwise the time before with
//! the time after, and where the record reaches back far enough also with the same hours of earlier days. What an incident with another cause
//! did is held against nobody.

mod answering;
mod callers;
mod combine;
mod fullness;
mod judge;
mod messages;
mod requests;
mod series;
mod sides;
mod steps;
mod windows;

use std::path::PathBuf;
use std::sync::Arc;

use crate::analyze::{self, AnalyzeError, Examined};
use crate::model::verify::Basis;
use crate::model::{Change, ChangeId, ChangeKind, Options, Outcome, Progress, ServiceName, Time, Topology, Verification, Verifications};
use crate::parse::Formats;
use crate::signal::Signals;
use crate::suspect::facts::Facts;
use sides::Sides;
use windows::Windows;

/// What the user may set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// The chance of a false alarm in one run, over all checks and looks.
    pub alpha: f64,
    /// How much more may fail without it being called worse, as a share of requests.
    pub tolerated: f64,
    /// At most so many seconds after the roll-out are looked at.
    pub within_s: f64,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { alpha: 0.05, tolerated: 0.01, within_s: 86_400.0 }
    }
}

/// A change with all that it is judged by.
struct Case<'a> {
    change: &'a Change,
    changes: &'a [Arc<Change>],
    signals: &'a Signals,
    topology: &'a Topology,
    terms: Terms,
    windows: Windows,
    sides: Sides,
}

/// Reads the bundle up to `options.until` and judges the change `wanted`, or all but rollbacks.
///
/// # Errors
/// As [`crate::analyze::analyze`].
pub fn verify(
    paths: &[PathBuf],
    wanted: Option<&ChangeId>,
    terms: Terms,
    options: &Options,
    (formats, facts): (&Formats, &Facts),
    progress: &dyn Progress,
) -> Result<Verifications, AnalyzeError> {
    let examined = analyze::examine(paths, options, formats, facts, progress)?;
    Ok(verifications(&examined, wanted, terms, options.until))
}

/// The same of what was read already.
pub fn verifications(examined: &Examined, wanted: Option<&ChangeId>, terms: Terms, until: Option<Time>) -> Verifications {
    let recorded = |change: &&Arc<Change>| !matches!(change.kind, ChangeKind::Unrecorded) && until.is_none_or(|until| change.time <= until);
    let is_wanted = |change: &&Arc<Change>| match wanted {
        Some(id) => change.id == *id,
        None => change.kind != ChangeKind::Rollback,
    };
    let changes = &examined.analysis.changes;
    let judged = changes.iter().filter(recorded).filter(is_wanted).map(|change| one(change, examined, terms));
    Verifications { changes: judged.collect(), coverage: examined.analysis.coverage.clone() }
}

fn one(change: &Arc<Change>, examined: &Examined, terms: Terms) -> Verification {
    let Some(signals) = &examined.signals else { return combine::nothing(change) };
    let analysis = &examined.analysis;
    let windows = Windows::of(change, analysis, signals, terms);
    let sides = Sides::of(change, &windows, signals, &analysis.changes);
    let (changes, topology) = (&analysis.changes, &examined.topology);
    let case = Case { change, changes, signals, topology, terms, windows, sides };
    let side_by_side = judged(change, &case);
    // The harm that one instance does may show with its callers only, who see all of them.
    if side_by_side.outcome == Outcome::Worse || case.windows.blamed.is_none() || !case.sides.basis.is_concurrent() {
        return side_by_side;
    }
    let in_time = judged(change, &case.in_time());
    if in_time.outcome == Outcome::Worse { in_time } else { side_by_side }
}

fn judged(change: &Arc<Change>, case: &Case<'_>) -> Verification {
    let mut checks = requests::check(case);
    checks.extend(series::check(case));
    checks.extend(messages::check(case));
    checks.extend(callers::check(case));
    combine::verdict(change, case, checks)
}

impl<'a> Case<'a> {
    /// The same, compared before and after.
    fn in_time(&self) -> Case<'a> {
        Case { windows: self.windows.clone(), sides: Sides { basis: Basis::BeforeAfter }, ..*self }
    }

    /// The level that this look may spend: looks count doublings of the time after the change.
    fn level(&self) -> f64 {
        const SHORTEST_LOOK: f64 = 60.0;
        let after: f64 = self.windows.after.iter().map(|span| span.seconds()).sum();
        crate::stats::sequential::spent(self.terms.alpha, crate::stats::sequential::look(after, SHORTEST_LOOK))
    }

    /// A p-value of fixed horizon as one that may be compared with the level of the run at any look.
    fn at_any_look(&self, p: f64) -> f64 {
        (p * self.terms.alpha / self.level()).min(1.0)
    }

    /// The changed service, and with it, where instances are not compared, those that reach it: its harm may show with them only.
    fn scope(&self) -> Vec<&ServiceName> {
        let own = &self.change.service;
        let reaches = |other: &&ServiceName| own.is_everything() || *other == own || self.topology.distance(other, own).is_some();
        if self.sides.basis.is_concurrent() {
            return vec![own];
        }
        self.signals.outcomes.keys().filter(reaches).collect()
    }

    fn has_outcomes(&self, service: &ServiceName) -> bool {
        self.signals.outcomes.get(service).is_some_and(|outcomes| outcomes.completed.iter().sum::<f64>() > 0.0)
    }
}
