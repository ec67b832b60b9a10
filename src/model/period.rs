//! What happened in a period, by the history: deploys, failures, and what to do about them.

use super::time::{Time, TimeSpan};

/// A share with its Wilson interval at 95 %.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    pub hits: usize,
    pub of: usize,
    pub low: f64,
    pub high: f64,
}

impl Rate {
    /// Hits of all, 0 to 1; `None` without trials.
    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }
}

/// Totals of a period. Deploys are all changes but rollbacks and unrecorded restarts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    pub deploys: usize,
    pub failed: Rate,
    pub rolled_back: usize,
    /// Changes of which no verdict says more than "cannot tell".
    pub untold: usize,
    pub incidents: usize,
    /// Incidents that no change caused, or none that is known.
    pub incidents_without_change: usize,
    /// Median seconds from the onset of a failure to the first change that repaired it, and how many are known.
    pub detect_s: Option<(f64, usize)>,
    /// Median seconds from the onset of a failure to its end, and how many are known.
    pub recover_s: Option<(f64, usize)>,
    /// Share of the changes that repair others: rollbacks and reverts.
    pub rework: Rate,
}

/// How a change turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Blamed for an incident, found worse, or put back.
    Failed,
    CannotTell,
    Fine,
}

impl Fate {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Fate::Failed => "failed",
            Fate::CannotTell => "cannot_tell",
            Fate::Fine => "fine",
        }
    }
}

/// A change of the period with all that is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub id: String,
    pub service: String,
    pub kind: String,
    pub time: Time,
    pub version: String,
    pub previous_version: String,
    pub summary: String,
    pub author: String,
    pub url: String,
    /// (key, before, after), first those of the reasons.
    pub keys: Vec<(String, String, String)>,
    /// Level and score before the fact; empty where nobody looked.
    pub risk: Option<(String, f64)>,
    pub fate: Fate,
    /// Why it counts as failed, or what of its risk or verdict matters most, with its source.
    pub why: String,
    pub source: String,
    pub rolled_back_by: String,
    pub detect_s: Option<f64>,
    pub recover_s: Option<f64>,
}

/// Something that nearly went wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct NearMiss {
    pub change: String,
    pub statement: String,
    pub source: String,
}

/// How changes of one risk level turned out.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelOutcome {
    pub level: String,
    pub failed: Rate,
    /// Changes that were called wrongly: high and fine, low and failed.
    pub surprises: Vec<String>,
}

/// What failed more than once.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurring {
    /// `service`, `key` or `hour`.
    pub what: &'static str,
    pub name: String,
    pub failed: usize,
    pub of: usize,
}

/// The report on a period.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Period {
    pub span: Option<TimeSpan>,
    pub now: Totals,
    pub before: Totals,
    /// Bounds at 95 % of the difference of both failure rates; `None` where a period has no deploys.
    pub difference: Option<(f64, f64)>,
    /// What to act on, most urgent first: indices into `changes`.
    pub act: Vec<usize>,
    /// By time, then id.
    pub changes: Vec<Entry>,
    pub near_misses: Vec<NearMiss>,
    /// Restarts that no record explains, and configuration or versions that moved between two records.
    pub unrecorded: Vec<String>,
    pub recurring: Vec<Recurring>,
    /// Of the period before, whose outcomes are known by now.
    pub calibration: Vec<LevelOutcome>,
    /// What the data does not say.
    pub gaps: Vec<String>,
}
