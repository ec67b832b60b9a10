//! Files that a diff creates or deletes as a whole: they say what was written down, not that anything in effect was different before.
//!
//! A configuration that is put under version control as it is looks the same as one that is new, and one that is taken out of it the same as
//! one that is gone. Either may have done harm, but of many settings in such a file one mostly governs what failed by chance.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Change, ChangeKind, ConfigKey, KeyEdit};
use crate::parse::unified_diff;

/// Settings that are added in a file of their own, at most.
const ADDED: usize = 2;

/// The edits of a change, by whether it shows what stood in their place.
#[derive(Debug)]
pub struct Told {
    /// Sorted by key. A setting that moved from one file to another with its value is no edit; with another value it is one edit, not two.
    pub edits: Vec<KeyEdit>,
    /// Keys in files that come or go as a whole.
    whole: BTreeSet<ConfigKey>,
    /// Whether the change records files as a whole and nothing else.
    nothing_else: bool,
}

impl Told {
    /// What a change tells of its edits.
    pub fn by(change: &Change) -> Told {
        let parts = change.diff.as_deref().map(parts).unwrap_or_default();
        let (whole, edited): (Vec<&Part<'_>>, Vec<&Part<'_>>) = parts.iter().partition(|part| part.is_whole);
        Told {
            edits: joined(&change.config.edits),
            whole: whole.iter().flat_map(|part| unified_diff::edits(part.text)).map(|edit| edit.key).collect(),
            // What was deployed was made to run, whatever is recorded of its files.
            nothing_else: edited.is_empty() && matches!(change.kind, ChangeKind::Config | ChangeKind::Flag),
        }
    }

    /// Whether an edit stands in a file that comes or goes as a whole.
    pub fn is_of_whole_file(&self, edit: &KeyEdit) -> bool {
        edit.before.is_none() != edit.after.is_none() && self.whole.contains(&edit.key)
    }

    /// Settings in files that come or go as a whole.
    pub fn settings(&self) -> u64 {
        self.edits.iter().filter(|edit| self.is_of_whole_file(edit)).count() as u64
    }

    /// Where the change records files as a whole and nothing else: its settings, and whether all of them go. One or two are how an addition
    /// looks that takes effect.
    pub fn only_whole_files(&self) -> Option<(u64, bool)> {
        let only = self.nothing_else && self.edits.len() > ADDED && self.edits.iter().all(|edit| self.is_of_whole_file(edit));
        only.then(|| (self.settings(), self.edits.iter().all(|edit| edit.after.is_none())))
    }
}

/// Whether nothing shows that the change changed anything: it explains less than others what its service shows.
pub fn only_records(change: &Change) -> bool {
    Told::by(change).only_whole_files().is_some()
}

/// What a diff says of one file.
#[derive(Debug)]
struct Part<'d> {
    text: &'d str,
    is_whole: bool,
}

/// The parts of a diff, each from the line that names the old file on. One that begins or ends with no line at all is of a whole file,
/// whatever tool wrote it.
fn parts(diff: &str) -> Vec<Part<'_>> {
    let names_old = |at: usize| diff[at..].starts_with("--- ") && diff[at..].lines().nth(1).is_some_and(|next| next.starts_with("+++ "));
    let lines = std::iter::once(0).chain(diff.match_indices('\n').map(|(at, _)| at + 1));
    let starts: Vec<usize> = lines.filter(|at| names_old(*at)).collect();
    let ends = starts.iter().skip(1).copied().chain([diff.len()]);
    starts.iter().zip(ends).map(|(start, end)| Part { text: &diff[*start..end], is_whole: is_whole(&diff[*start..end]) }).collect()
}

/// `@@ -0,0 +1,9 @@` or `@@ -1,9 +0,0 @@`, and no other piece.
fn is_whole(part: &str) -> bool {
    let mut heads = part.lines().filter_map(|line| line.strip_prefix("@@ -"));
    let (Some(head), None) = (heads.next(), heads.next()) else { return false };
    head.split_whitespace().take(2).any(|range| range.trim_start_matches('+') == "0,0")
}

/// The edits with settings that moved told once.
fn joined(edits: &[KeyEdit]) -> Vec<KeyEdit> {
    let mut by_key: BTreeMap<&ConfigKey, Vec<&KeyEdit>> = BTreeMap::new();
    edits.iter().for_each(|edit| by_key.entry(&edit.key).or_default().push(edit));
    let told = |same: Vec<&KeyEdit>| match same.as_slice() {
        [gone, come] | [come, gone] if gone.after.is_none() && come.before.is_none() => {
            let moved = KeyEdit { before: gone.before.clone(), ..(*come).clone() };
            if moved.before == moved.after { Vec::new() } else { vec![moved] }
        }
        all => all.iter().map(|edit| (*edit).clone()).collect(),
    };
    by_key.into_values().flat_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChangeId, ConfigDiff, Origin, ServiceName, Time};

    fn change(kind: ChangeKind, diff: &str) -> Change {
        Change {
            id: ChangeId::new("c"),
            time: Time(0),
            end_time: None,
            service: ServiceName::new("db"),
            kind,
            version: None,
            previous_version: None,
            summary: None,
            author: None,
            url: None,
            instances: Vec::new(),
            config_before: None,
            config_after: None,
            config: ConfigDiff { edits: unified_diff::edits(diff) },
            diff: Some(diff.to_owned()),
            origin: Origin::file("git.log"),
        }
    }

    /// What is left of the edits, how many of them are of whole files, and whether there is nothing else.
    #[track_caller]
    fn check(diff: &str, edits: &str, settings: u64, only: Option<(u64, bool)>) {
        let told = Told::by(&change(ChangeKind::Config, diff));
        let side = |side: &Option<String>| side.clone().unwrap_or_default();
        let shown: Vec<String> = told.edits.iter().map(|e| format!("{}:{}>{}", e.key, side(&e.before), side(&e.after))).collect();
        assert_eq!((shown.join(" ").as_str(), told.settings(), told.only_whole_files()), (edits, settings, only), "{diff}");
    }

    const NEW: &str =
        "diff --git a/b.conf b/b.conf\nnew file mode 100644\n--- /dev/null\n+++ b/b.conf\n@@ -0,0 +1,3 @@\n+v = 3\n+x = 1\n+y = 2\n";
    const EDITED: &str = "diff --git a/a.conf b/a.conf\n--- a/a.conf\n+++ b/a.conf\n@@ -1 +1 @@\n-z = 1\n+z = 2\n";

    #[test]
    fn files_that_come_or_go_as_a_whole() {
        check(NEW, "v:>3 x:>1 y:>2", 3, Some((3, false)));
        check("--- a/b.conf\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-v = 3\n-x = 1\n-y = 2\n", "v:3> x:1> y:2>", 3, Some((3, true)));
        // By `diff -ruN`, which knows no mode; one setting is an addition.
        let dated = "--- old/b.conf\t1970-01-01 00:00:00\n+++ new/b.conf\t2023-08-12 10:00:00\n@@ -0,0 +1 @@\n+x = 1\n";
        check(dated, "x:>1", 1, None);
    }

    #[test]
    fn files_that_were_there() {
        check(EDITED, "z:1>2", 0, None);
        check(&format!("{EDITED}{NEW}"), "v:>3 x:>1 y:>2 z:1>2", 3, None);
        check("--- a/a.conf\n+++ b/a.conf\n@@ -1 +1,2 @@\n z = 1\n+y = 2\n", "y:>2", 0, None);
        check("--- a/a.conf\n+++ b/a.conf\n@@ -10,0 +11 @@\n+y = 2\n", "y:>2", 0, None);
        check("", "", 0, None);
        check("-z = 1\n+z = 2\n", "z:1>2", 0, None);
    }

    #[test]
    fn settings_that_moved_are_told_once() {
        let gone = "--- a/a.conf\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-x = 1\n-y = 9\n-w = 3\n";
        check(&format!("{gone}{NEW}"), "v:>3 w:3> y:9>2", 2, None);
    }

    #[test]
    fn what_was_deployed_is_more_than_its_files() {
        let told = Told::by(&change(ChangeKind::Deploy, NEW));
        assert_eq!((told.settings(), told.only_whole_files()), (3, None));
    }
}
