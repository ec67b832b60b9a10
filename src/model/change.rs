//! Recorded changes and what they edited.

use super::names::{ChangeId, ConfigKey, InstanceId, Origin, ServiceName};
use super::time::{Time, TimeSpan};

/// What sort of change it was (the contract's closed list).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    Deploy,
    Config,
    Flag,
    Migration,
    Scale,
    Rollback,
    Infra,
    /// A restart or reload that the logs show and no source of changes records.
    Unrecorded,
}

impl ChangeKind {
    /// All kinds.
    pub const ALL: &'static [ChangeKind] = &[
        ChangeKind::Deploy,
        ChangeKind::Config,
        ChangeKind::Flag,
        ChangeKind::Migration,
        ChangeKind::Scale,
        ChangeKind::Rollback,
        ChangeKind::Infra,
        ChangeKind::Unrecorded,
    ];

    /// The kinds that a record of a change may name.
    pub fn recorded() -> impl Iterator<Item = ChangeKind> {
        ChangeKind::ALL.iter().copied().filter(|kind| *kind != ChangeKind::Unrecorded)
    }

    /// As in changes.jsonl and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::Deploy => "deploy",
            ChangeKind::Config => "config",
            ChangeKind::Flag => "flag",
            ChangeKind::Migration => "migration",
            ChangeKind::Scale => "scale",
            ChangeKind::Rollback => "rollback",
            ChangeKind::Infra => "infra",
            ChangeKind::Unrecorded => "unrecorded",
        }
    }

    /// The kind that a record names.
    pub fn from_name(name: &str) -> Option<ChangeKind> {
        ChangeKind::recorded().find(|k| k.name() == name)
    }
}

/// One recorded change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub id: ChangeId,
    /// When it began to take effect.
    pub time: Time,
    /// When the roll-out was complete, where known.
    pub end_time: Option<Time>,
    pub service: ServiceName,
    pub kind: ChangeKind,
    pub version: Option<String>,
    pub previous_version: Option<String>,
    pub summary: Option<String>,
    pub author: Option<String>,
    pub url: Option<String>,
    /// The instances it was applied to; empty: all.
    pub instances: Vec<InstanceId>,
    /// Paths inside the bundle of the configuration before and after, as written in the change.
    pub config_before: Option<String>,
    pub config_after: Option<String>,
    /// The configuration compared key by key: from the snapshots, or from a unified diff of a configuration file.
    pub config: ConfigDiff,
    /// A unified diff, as text.
    pub diff: Option<String>,
    /// Where the change itself is recorded.
    pub origin: Origin,
}

impl Change {
    /// From its beginning to the end of its roll-out; empty where no end is recorded.
    pub fn rollout(&self) -> TimeSpan {
        TimeSpan::new(self.time, self.end_time.unwrap_or(self.time))
    }

    /// Whether `later` puts back what `self` changed: versions, snapshots or edited values swapped.
    pub fn is_reverted_by(&self, later: &Change) -> bool {
        if later.time <= self.time || later.service != self.service {
            return false;
        }
        let swapped =
            |a: &Option<String>, b: &Option<String>, c: &Option<String>, d: &Option<String>| a.is_some() && b.is_some() && a == d && b == c;
        swapped(&self.version, &self.previous_version, &later.version, &later.previous_version)
            || swapped(&self.config_before, &self.config_after, &later.config_before, &later.config_after)
            || self.config.is_inverse_of(&later.config)
    }
}

/// The keys that differ between two configurations, sorted by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigDiff {
    pub edits: Vec<KeyEdit>,
}

impl ConfigDiff {
    /// Whether no key was edited.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Whether `other` edits exactly the same keys, with old and new values swapped.
    pub fn is_inverse_of(&self, other: &ConfigDiff) -> bool {
        !self.edits.is_empty()
            && self.edits.len() == other.edits.len()
            && self.edits.iter().zip(&other.edits).all(|(a, b)| a.key == b.key && a.before == b.after && a.after == b.before)
    }
}

/// One edited key. `before` is `None` for an added key, `after` for a removed one.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyEdit {
    pub key: ConfigKey,
    pub before: Option<String>,
    pub after: Option<String>,
    /// Where the new value stands (the old one for a removed key).
    pub origin: Option<Origin>,
}
