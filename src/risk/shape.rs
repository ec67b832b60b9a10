//! The outline of a change: its kind, how much it edits, what its migration does, how far its version moved, whom it reaches.

use std::sync::LazyLock;

use regex::Regex;

use super::{Found, Outlook};
use crate::model::risk::{MigrationStatement, VersionStep};
use crate::model::{Change, ChangeKind, KeyRole, RiskFinding};
use crate::parse::unified_diff;

/// More edited keys than this are more than a reader checks one by one.
const MANY_KEYS: usize = 10;

/// What the change is made of: its kind, its size, whether it can be taken back.
pub fn examine(outlook: &Outlook<'_>) -> Vec<Found> {
    let change = outlook.change;
    let mut found: Vec<RiskFinding> = Vec::new();
    if matches!(change.kind, ChangeKind::Migration | ChangeKind::Infra) {
        found.push(RiskFinding::Kind { kind: change.kind });
    }
    found.extend(migration(change));
    found.extend(code(change));
    found.extend(version(change));
    let keys = change.config.edits.len();
    found.extend((keys > MANY_KEYS).then_some(RiskFinding::ManyKeys { keys }));
    found.extend(at_once(outlook));
    found.extend((!change.instances.is_empty()).then_some(RiskFinding::Canary { instances: change.instances.len() }));
    let undone = outlook.earlier.iter().rev().find(|earlier| earlier.is_reverted_by(change));
    found.extend(undone.map(|earlier| RiskFinding::PutsBack { change: earlier.id.clone() }));
    let callers = callers(outlook);
    found.extend((callers > 0).then_some(RiskFinding::BlastRadius { callers }));
    found.into_iter().map(|finding| (finding, Some(change.origin.clone()))).collect()
}

/// The worst of what its statements do.
fn migration(change: &Change) -> Option<RiskFinding> {
    let diff = change.diff.as_deref()?;
    let added: String = diff.lines().filter_map(|line| line.strip_prefix('+')).flat_map(|line| [line, "\n"]).collect();
    let sql: String = if added.is_empty() { diff.to_owned() } else { added };
    let is_sql =
        change.kind == ChangeKind::Migration || diff.lines().any(|line| line.starts_with("+++") && line.trim_end().ends_with(".sql"));
    let statement = is_sql.then(|| sql.split(';').filter_map(statement).min()).flatten()?;
    Some(RiskFinding::Migration { statement, table: unified_diff::sql_tables(diff).into_iter().next() })
}

static DESTROYS: LazyLock<Regex> = LazyLock::new(|| {
    fixed(r"(?is)\b(drop\s+(table|column|schema|database|view)|truncate|rename\s+(to|column|table)|drop_column|drop_table|rename_column)\b")
});
static DROPS_INDEX: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?is)\b(drop\s+index|drop_index|remove_index)\b"));
static REWRITES: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?is)(^|\n)\s*(update\s+\S+\s+set|delete\s+from|lock\s+table|vacuum\s+\(?full|cluster\s)|\balter\s+(column\s+)?\S+\s+(set\s+data\s+)?type\b",
    )
});
static WHERE: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?i)\bwhere\b"));
static BUILDS_INDEX: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?is)\bcreate\s+(unique\s+)?index\b"));
static CONCURRENTLY: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?i)\bconcurrently\b|\balgorithm\s*=\s*inplace|\bonline\b"));
static ALTERS: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?is)\balter\s+table\b|\badd_column\b|\balter_column\b"));

fn fixed(expression: &str) -> Regex {
    Regex::new(expression).expect("fixed expressions, compiled by the tests")
}

fn statement(sql: &str) -> Option<MigrationStatement> {
    let sql: String = sql.lines().map(|line| line.split("--").next().unwrap_or("")).flat_map(|line| [line, "\n"]).collect();
    match () {
        () if DESTROYS.is_match(&sql) => Some(MigrationStatement::Destroys),
        () if DROPS_INDEX.is_match(&sql) => Some(MigrationStatement::DropsIndex),
        () if REWRITES.is_match(&sql) && !WHERE.is_match(&sql) => Some(MigrationStatement::RewritesRows),
        () if BUILDS_INDEX.is_match(&sql) && !CONCURRENTLY.is_match(&sql) => Some(MigrationStatement::BuildsIndexLocked),
        () if ALTERS.is_match(&sql) => Some(MigrationStatement::AltersTable),
        () => None,
    }
}

/// What a deploy shows of its code: the edited lines of its diff, or nothing at all.
fn code(change: &Change) -> Option<RiskFinding> {
    let is_code = change.kind == ChangeKind::Deploy;
    let lines = change.diff.as_deref().filter(|diff| unified_diff::edits(diff).is_empty()).map(edited_lines);
    match lines {
        Some(lines) if is_code && lines > 0 => Some(RiskFinding::Code { lines }),
        _ if is_code && change.diff.is_none() && change.config.is_empty() && change.config_after.is_none() => Some(RiskFinding::Unseen),
        _ => None,
    }
}

fn edited_lines(diff: &str) -> usize {
    diff.lines().filter(|line| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---")).count()
}

fn version(change: &Change) -> Option<RiskFinding> {
    let (from, to) = (change.previous_version.as_deref()?, change.version.as_deref()?);
    if matches!(change.kind, ChangeKind::Migration | ChangeKind::Rollback) {
        return None;
    }
    let step = step(from, to)?;
    Some(RiskFinding::Version { from: from.to_owned(), to: to.to_owned(), step })
}

/// How far a version of three numbers (semver.org) moved; `None` for patches and for other ways to number.
fn step(from: &str, to: &str) -> Option<VersionStep> {
    let (a, b) = (numbers(from)?, numbers(to)?);
    let unfinished = to.trim_start_matches('v').split_once('-').is_some_and(|(_, rest)| {
        ["rc", "alpha", "beta", "dev", "snapshot", "pre", "canary"].iter().any(|word| rest.to_ascii_lowercase().starts_with(word))
    });
    match () {
        () if unfinished => Some(VersionStep::PreRelease),
        () if b[0] > a[0] => Some(VersionStep::Major),
        () if b[0] == a[0] && b[1] > a[1] => Some(VersionStep::Minor),
        () => None,
    }
}

fn numbers(version: &str) -> Option<[u64; 3]> {
    let core = version.trim_start_matches('v').split(['-', '+']).next()?;
    let mut parts = core.split('.').map(|part| part.parse::<u64>().ok());
    let found = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(found)
}

/// A flag that goes from off to on reaches everybody in one second; one in percent does not.
fn at_once(outlook: &Outlook<'_>) -> Option<RiskFinding> {
    let change = outlook.change;
    let off = |value: &Option<String>| {
        value.as_deref().is_none_or(|v| matches!(v.trim().to_ascii_lowercase().as_str(), "false" | "off" | "0" | "0%" | "disabled"))
    };
    let on = |value: &Option<String>| {
        value.as_deref().is_some_and(|v| matches!(v.trim().to_ascii_lowercase().as_str(), "true" | "on" | "1" | "100" | "100%" | "enabled"))
    };
    let inert = |key: &str| outlook.facts.key(key).is_some_and(|fact| matches!(fact.role, KeyRole::Inert | KeyRole::Logging));
    let is_flag = |key: &str| change.kind == ChangeKind::Flag || outlook.facts.key(key).is_some_and(|fact| fact.role == KeyRole::Flag);
    let switched = outlook.edits().any(|e| off(&e.before) && on(&e.after) && is_flag(e.key.as_str()) && !inert(e.key.as_str()));
    (switched && change.instances.is_empty()).then_some(RiskFinding::AtOnce)
}

/// Services that reach it, directly or through others.
fn callers(outlook: &Outlook<'_>) -> usize {
    let service = &outlook.change.service;
    let reaches = |from: &&&crate::model::ServiceName| **from != service && outlook.topology.distance(from, service).is_some();
    outlook.topology.services().iter().filter(reaches).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_hurt() {
        use MigrationStatement as M;
        for (sql, expected) in [
            ("", None),
            ("-- drop table orders", None),
            ("CREATE TABLE a (id int)", None),
            ("UPDATE a SET x = 1 WHERE id < 100", None),
            ("UPDATE a SET x = 1 -- where?", Some(M::RewritesRows)),
            ("delete from a", Some(M::RewritesRows)),
            ("ALTER TABLE a DROP COLUMN b", Some(M::Destroys)),
            ("drop\n index ix", Some(M::DropsIndex)),
            ("CREATE INDEX CONCURRENTLY i ON a (b)", None),
            ("CREATE UNIQUE INDEX i ON a (b)", Some(M::BuildsIndexLocked)),
            ("ALTER TABLE a ADD COLUMN c text", Some(M::AltersTable)),
            ("ALTER TABLE a ALTER COLUMN c TYPE bigint", Some(M::RewritesRows)),
        ] {
            assert_eq!(statement(sql), expected, "{sql}");
        }
    }

    #[test]
    fn steps_of_versions() {
        use VersionStep as V;
        for (from, to, expected) in [
            ("", "", None),
            ("r41", "r42", None),
            ("1.2", "1.3", None),
            ("1.2.3.4", "1.3.0.0", None),
            ("1.2.3", "1.2.4", None),
            ("1.3.0", "1.2.0", None),
            ("1.2.3", "1.3.0", Some(V::Minor)),
            ("v1.2.3", "v2.0.0", Some(V::Major)),
            ("1.2.3", "1.3.0-rc1", Some(V::PreRelease)),
            ("1.2.3", "1.2.3-c2", None),
            ("1.2.3", "99999999999999999999.0.0", None),
        ] {
            assert_eq!(step(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn edited_lines_without_headers() {
        assert_eq!(edited_lines("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n z\n"), 2);
        assert_eq!(edited_lines(""), 0);
    }
}
