//! `git log -p` of a repository that holds configuration: each commit a change of every service whose files it edits.
//!
//! Whose a file is follows from its path. Merge commits that show no diff change nothing of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Outcome;
use super::draft::{Draft, place_of};
use super::place;
use crate::model::{Change, ChangeKind};
use crate::parse::unified_diff;
use crate::read::lines::without_colours;

/// Digits of the commit's name that an id keeps.
const SHORT: usize = 12;

/// Whether a text begins like the output of `git log` with diffs: `commit <name>`, then a header with an author.
pub(super) fn is_one(head: &str) -> bool {
    let head = without_colours(head);
    let mut lines = head.lines();
    lines.next().is_some_and(|line| commit_name(line).is_some())
        && lines.by_ref().take(6).any(|line| line.starts_with("Author: "))
        && lines.any(|line| line.starts_with("diff --") || line.starts_with("@@ "))
}

/// All commits that edit a file.
pub(super) fn read(shown: &Arc<str>, text: &str) -> Outcome {
    let text = without_colours(text);
    let mut outcome = Outcome::new("git-log");
    for commit in commits(&text) {
        for (service, files) in commit.by_service() {
            match commit.change(service, &files, shown) {
                Ok(change) => outcome.add(change),
                Err(why) => outcome.complain(shown, commit.line, why),
            }
        }
    }
    outcome.sorted()
}

#[derive(Debug, Default)]
struct Commit<'t> {
    line: u64,
    name: &'t str,
    author: Option<&'t str>,
    /// When it was written, and when it was put where it is: the latter where both are given.
    date: Option<&'t str>,
    commit_date: Option<&'t str>,
    subject: Option<&'t str>,
    files: Vec<File<'t>>,
}

/// The diff of one file, its head included.
#[derive(Debug)]
struct File<'t> {
    path: &'t str,
    lines: Vec<&'t str>,
}

/// The full name in `commit 3f2a… (HEAD -> main)`.
fn commit_name(line: &str) -> Option<&str> {
    let name = line.strip_prefix("commit ")?.split(' ').next()?;
    ((40..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_hexdigit())).then_some(name)
}

fn commits(text: &str) -> Vec<Commit<'_>> {
    let mut commits: Vec<Commit<'_>> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(name) = commit_name(line) {
            commits.push(Commit { line: number, name, ..Commit::default() });
        } else if let Some(commit) = commits.last_mut() {
            commit.take(line);
        }
    }
    commits
}

impl<'t> Commit<'t> {
    fn take(&mut self, line: &'t str) {
        if let Some(heads) = line.strip_prefix("diff --git ").or_else(|| line.strip_prefix("diff --cc ")) {
            return self.files.push(File { path: path_in(heads), lines: vec![line] });
        }
        if let Some(file) = self.files.last_mut() {
            return file.lines.push(line);
        }
        if let Some(subject) = line.strip_prefix("    ") {
            self.subject = self.subject.or(Some(subject.trim()).filter(|text| !text.is_empty()));
            return;
        }
        let Some((field, value)) = line.split_once(':') else { return };
        let value = Some(value.trim()).filter(|value| !value.is_empty());
        match field {
            "Author" => self.author = value,
            "Date" | "AuthorDate" => self.date = value,
            "CommitDate" => self.commit_date = value,
            _ => {}
        }
    }

    /// The files of each service; those of no service in particular are of all.
    fn by_service(&self) -> BTreeMap<Option<String>, Vec<&File<'t>>> {
        let mut services: BTreeMap<Option<String>, Vec<&File<'t>>> = BTreeMap::new();
        for file in &self.files {
            services.entry(place::service_of(file.path)).or_default().push(file);
        }
        services
    }

    fn change(&self, service: Option<String>, files: &[&File<'t>], shown: &Arc<str>) -> Result<Change, String> {
        let diff: String = files.iter().flat_map(|file| &file.lines).flat_map(|line| [*line, "\n"]).collect();
        let draft = Draft {
            id: Some(self.name.chars().take(SHORT).collect()),
            time: self.commit_date.or(self.date).map(str::to_owned),
            service: Some(service.unwrap_or_else(|| "*".to_owned())),
            summary: self.subject.map(str::to_owned),
            author: self.author.map(str::to_owned),
            edits: unified_diff::edits(&diff),
            diff: Some(diff),
            ..Draft::default()
        };
        draft.finish("git", kind_of(files), place_of(shown, self.line))
    }
}

/// A commit of SQL files is a migration; any other edits configuration.
fn kind_of(files: &[&File<'_>]) -> ChangeKind {
    let is_sql = |path: &str| path.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("sql"));
    if files.iter().all(|file| is_sql(file.path)) { ChangeKind::Migration } else { ChangeKind::Config }
}

/// The new path in `a/x b/x`; both halves are equally long but where a file is renamed.
fn path_in(heads: &str) -> &str {
    heads.rsplit_once(" b/").map_or(heads, |(_, path)| path).trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
commit 3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a (HEAD -> main)
Author: Ada <ada@example.com>
Date:   Sat Aug 12 16:30:00 2023 +0200

    Smaller pool

    It was too large.

diff --git a/configs/parcels/db.yaml b/configs/parcels/db.yaml
index 1..2 100644
--- a/configs/parcels/db.yaml
+++ b/configs/parcels/db.yaml
@@ -1,3 +1,3 @@
 pool:
-  max: 20
+  max: 2
   min: 1
diff --git a/quotes/values.yaml b/quotes/values.yaml
--- a/quotes/values.yaml
+++ b/quotes/values.yaml
@@ -1 +1 @@
-db_password: old-one
+db_password: new-one

commit 0123456789012345678901234567890123456789
Author:     Bob <b@example.com>
AuthorDate: 2023-08-11 10:00:00 +0000
Commit:     Ada <ada@example.com>
CommitDate: 2023-08-12 10:00:00 +0000

    New column

diff --git a/db/migrations/V7__x.sql b/db/migrations/V7__x.sql
new file mode 100644
--- /dev/null
+++ b/db/migrations/V7__x.sql
@@ -0,0 +1 @@
+alter table t add c int;
";

    #[test]
    fn a_commit_is_a_change_of_every_service_it_edits() {
        assert!(is_one(LOG));
        let outcome = read(&Arc::from("git.txt"), LOG);
        assert_eq!(outcome.complaints, []);
        let shown: Vec<String> = outcome
            .changes
            .iter()
            .map(|c| {
                let edits: Vec<String> = c.config.edits.iter().map(|e| e.key.to_string()).collect();
                format!("{} {} {} {} {}", c.time, c.id, c.kind.name(), edits.join(","), c.origin)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "2023-08-12T10:00:00Z git:*:012345678901 migration  git.txt:25",
                "2023-08-12T14:30:00Z git:parcels:3f2a1b0c9d8e config pool.max git.txt:1",
                "2023-08-12T14:30:00Z git:quotes:3f2a1b0c9d8e config db_password git.txt:1",
            ]
        );
        assert_eq!(outcome.changes[1].summary.as_deref(), Some("Smaller pool"));
        assert!(!format!("{:?}", outcome.changes[2].config).contains("new-one"));
    }

    #[test]
    fn other_texts_and_dates_that_tell_nothing() {
        for text in ["", "commit 12", "commit 3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a\nno author", "committed\nAuthor: x"] {
            assert!(!is_one(text), "{text}");
        }
        let outcome = read(&Arc::from("git.txt"), &LOG.replace("Sat Aug 12 16:30:00 2023 +0200", "2 days ago"));
        assert_eq!(outcome.changes.len(), 1);
        assert_eq!(outcome.complaints[0].to_owned().why, "time \"2 days ago\" cannot be read");
    }
}
