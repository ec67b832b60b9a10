//! What is said of a change before it shows its effect. Findings carry numbers, never prose: the report turns them into sentences.

use std::sync::Arc;

use super::change::{Change, ChangeKind, KeyEdit};
use super::coverage::Coverage;
use super::names::{ChangeId, Origin, ServiceName};
use super::time::Time;
use super::vocabulary::KeyRole;

/// How much care a change asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RiskLevel {
    Low,
    Medium,
    High,
    Critical,
}

impl RiskLevel {
    /// All levels, the lowest first.
    pub const ALL: &'static [RiskLevel] = &[RiskLevel::Low, RiskLevel::Medium, RiskLevel::High, RiskLevel::Critical];

    /// As on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            RiskLevel::Low => "low",
            RiskLevel::Medium => "medium",
            RiskLevel::High => "high",
            RiskLevel::Critical => "critical",
        }
    }
}

/// The risks of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Risks {
    /// By time, then id, as the changes were recorded.
    pub changes: Vec<ChangeRisk>,
    pub coverage: Coverage,
}

/// The risk of one change.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeRisk {
    pub change: Arc<Change>,
    pub level: RiskLevel,
    /// 0 to 1, comparable within a run: not a probability of failure, which would need the reader's own history.
    pub score: f64,
    /// What raises the risk first, strongest first; what lowers it behind.
    pub reasons: Vec<Reason>,
}

/// A change that an earlier run has kept, with what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PastChange {
    pub id: String,
    pub service: String,
    pub time: Time,
    pub failed: bool,
    /// The keys it edited, with their new values as shown.
    pub keys: Vec<(String, String)>,
}

/// One part of a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    pub finding: RiskFinding,
    /// What it adds to the log-odds of trouble, in nats; negative: it lowers them.
    pub weight: f64,
    pub origin: Option<Origin>,
}

/// How a version moved, by its own numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionStep {
    Major,
    Minor,
    /// A version that calls itself unfinished.
    PreRelease,
}

/// A statement of a migration that holds up or takes away what running code relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MigrationStatement {
    /// A table, column or its contents is gone, or has another name.
    Destroys,
    /// An index is gone: reads that used it scan.
    DropsIndex,
    /// All rows are rewritten, locked or deleted in one statement.
    RewritesRows,
    /// The table is locked against writes while an index is built.
    BuildsIndexLocked,
    /// The table's definition changes, which takes its strongest lock.
    AltersTable,
}

/// Why two settings of one configuration do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The inner wait lasts longer than the outer one that holds it.
    OuterGivesUpFirst,
    /// A minimum or idle number exceeds its maximum.
    MoreThanMost,
}

/// What was found of a change. Times in seconds, shares from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub enum RiskFinding {
    /// A known key was edited; `worse`: in the direction that hurts; `factor`: new over old value.
    Edit {
        edit: KeyEdit,
        role: KeyRole,
        worse: Option<bool>,
        factor: Option<f64>,
    },
    /// The value moved by exactly the ratio of two units.
    UnitSlip {
        edit: KeyEdit,
        factor: f64,
    },
    /// `edit` and the setting `other` contradict each other.
    Contradiction {
        edit: KeyEdit,
        other: String,
        other_value: String,
        conflict: Conflict,
    },
    /// Little's law on the new value: `places` on all `instances`, each held for `hold_s`, carry `capacity_per_s` of the `peak_per_s`
    /// that arrived at the peak before the change; the rest is `refused`.
    Capacity {
        edit: KeyEdit,
        places: f64,
        instances: u64,
        hold_s: f64,
        capacity_per_s: f64,
        peak_per_s: f64,
        refused: f64,
    },
    /// This share of the `calls` that the callee answered before took longer than the new limit allows.
    BelowLatency {
        edit: KeyEdit,
        callee: ServiceName,
        limit_s: f64,
        share: f64,
        calls: u64,
    },
    Migration {
        statement: MigrationStatement,
        table: Option<String>,
    },
    /// A kind of change that fails more often than others whatever is in it.
    Kind {
        kind: ChangeKind,
    },
    /// The diff edits code.
    Code {
        lines: usize,
    },
    /// A deploy of which neither code nor configuration was recorded.
    Unseen,
    Version {
        from: String,
        to: String,
        step: VersionStep,
    },
    ManyKeys {
        keys: usize,
    },
    /// A flag is on for everybody at once.
    AtOnce,
    /// Only some of the instances get it.
    Canary {
        instances: usize,
    },
    /// The edited keys are all labels, texts or telemetry.
    OnlyInert {
        keys: usize,
    },
    /// It puts back what that change did.
    PutsBack {
        change: ChangeId,
    },
    /// It is rolled out while the service serves nearly its largest load.
    Peak {
        now_per_s: f64,
        peak_per_s: f64,
    },
    /// Another change began this many seconds before at the same service or a neighbour.
    Neighbour {
        change: ChangeId,
        service: ServiceName,
        before_s: f64,
    },
    OpenIncident {
        since: Time,
    },
    /// It begins when fewer people are there to see it fail: from Friday noon to Sunday night, UTC.
    WeekEnd {
        day: &'static str,
    },
    /// So many services call it, directly or through others; of these, users call some.
    BlastRadius {
        callers: usize,
    },
    /// Earlier changes of the service, and how many of them were followed by trouble.
    ServiceHistory {
        failed: usize,
        of: usize,
    },
    /// Earlier edits of the same key of the service, and how many of them were followed by trouble.
    KeyHistory {
        edit: KeyEdit,
        failed: usize,
        of: usize,
    },
}

impl RiskFinding {
    /// The edit that it is about.
    pub fn edit(&self) -> Option<&KeyEdit> {
        use RiskFinding as F;
        match self {
            F::Edit { edit, .. }
            | F::UnitSlip { edit, .. }
            | F::Contradiction { edit, .. }
            | F::Capacity { edit, .. }
            | F::BelowLatency { edit, .. }
            | F::KeyHistory { edit, .. } => Some(edit),
            _ => None,
        }
    }

    /// Its kind in the contract.
    pub fn kind(&self) -> &'static str {
        use RiskFinding as F;
        match self {
            F::Edit { .. } | F::OnlyInert { .. } => "key",
            F::UnitSlip { .. } => "unit",
            F::Contradiction { .. } => "contradiction",
            F::Capacity { .. } | F::BelowLatency { .. } => "arithmetic",
            F::Migration { .. } => "migration",
            F::Kind { .. }
            | F::Code { .. }
            | F::Unseen
            | F::Version { .. }
            | F::ManyKeys { .. }
            | F::AtOnce
            | F::Canary { .. }
            | F::PutsBack { .. } => "shape",
            F::Peak { .. } | F::Neighbour { .. } | F::OpenIncident { .. } | F::WeekEnd { .. } => "timing",
            F::BlastRadius { .. } => "blast_radius",
            F::ServiceHistory { .. } | F::KeyHistory { .. } => "history",
        }
    }
}
