//! What earlier runs found, kept as a Parquet data set: one folder a table, one immutable file a write.
//!
//! A file is written beside its place, synced, and renamed; it is named after its content. Writers take turns by a lock that the system
//! gives back when a process dies, and leave out rows that are there already. So a crash, a repeat or a second writer neither loses nor
//! doubles a row. Where a file system knows no locks a row may be written twice, with the same `row_id`; reading drops the second.

pub mod period;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::model::Time;
use crate::model::history::{ColumnKind, Row, Table, Value};
use crate::signal::parquet::{self, Cells};

/// The column that tells rows apart: a hash of all their values.
const ROW_ID: &str = "row_id";
/// The version of the columns, in every row.
const VERSION: (&str, f64) = ("schema_version", 1.0);
const LOCK: &str = ".lock";
/// What a file is called until it is whole.
const UNFINISHED: &str = ".unfinished-";

/// Why the history could not be read or written.
#[derive(Debug)]
pub struct HistoryError {
    pub path: PathBuf,
    pub why: String,
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "history {}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for HistoryError {}

/// A folder with the history.
#[derive(Clone, Debug)]
pub struct History {
    dir: PathBuf,
}

/// What an append did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    pub written: usize,
    /// Rows that were there already.
    pub known: usize,
}

/// The rows of a table, and the files that could not be read.
#[derive(Debug, Default)]
pub struct Rows {
    /// By time, then by their values.
    pub rows: Vec<Row>,
    pub unreadable: Vec<(PathBuf, String)>,
}

/// What the history holds of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Holding {
    pub table: Table,
    pub files: usize,
    pub bytes: u64,
    pub rows: usize,
    pub first: Option<Time>,
    pub last: Option<Time>,
}

impl History {
    /// The history in a folder, which need not exist yet.
    pub fn at(dir: &Path) -> History {
        History { dir: dir.to_path_buf() }
    }

    /// Whether anything was ever kept there.
    pub fn exists(&self) -> bool {
        self.dir.is_dir()
    }

    /// Adds the rows that are not there yet.
    ///
    /// # Errors
    /// Where the folder cannot be written; nothing is half written then.
    pub fn append(&self, rows: &[Row]) -> Result<Appended, HistoryError> {
        fs::create_dir_all(&self.dir).map_err(|e| self.failed(&self.dir, &e))?;
        let _turn = self.take_turn()?;
        let mut appended = Appended::default();
        for table in Table::ALL {
            let own: Vec<&Row> = rows.iter().filter(|row| row.table == table).collect();
            if own.is_empty() {
                continue;
            }
            let mut known = self.ids(table)?;
            let mut fresh: Vec<(String, &Row)> =
                own.iter().map(|row| (row_id(row), *row)).filter(|(id, _)| known.insert(id.clone())).collect();
            appended.known += own.len() - fresh.len();
            appended.written += fresh.len();
            fresh.sort_by(|a, b| (a.1.text("time"), &a.0).cmp(&(b.1.text("time"), &b.0)));
            if !fresh.is_empty() {
                self.write(table, &fresh)?;
            }
        }
        Ok(appended)
    }

    /// All rows of a table, each once.
    ///
    /// # Errors
    /// Where the folder cannot be listed; files that cannot be read are told in the result.
    pub fn rows(&self, table: Table) -> Result<Rows, HistoryError> {
        let mut found = Rows::default();
        let mut seen = BTreeSet::new();
        for path in self.files(table)? {
            match read_file(&path, table) {
                Ok(rows) => found.rows.extend(rows.into_iter().filter(|(id, _)| seen.insert(id.clone())).map(|(_, row)| row)),
                Err(why) => found.unreadable.push((path, why)),
            }
        }
        found.rows.sort_by(|a, b| a.text("time").cmp(b.text("time")).then_with(|| row_id(a).cmp(&row_id(b))));
        Ok(found)
    }

    /// What is held, by table.
    ///
    /// # Errors
    /// As [`History::rows`].
    pub fn holdings(&self) -> Result<Vec<Holding>, HistoryError> {
        let mut all = Vec::new();
        for table in Table::ALL {
            let files = self.files(table)?;
            let bytes = files.iter().filter_map(|path| fs::metadata(path).ok()).map(|m| m.len()).sum();
            let rows = self.rows(table)?.rows;
            let times = || rows.iter().filter_map(Row::time);
            all.push(Holding { table, files: files.len(), bytes, rows: rows.len(), first: times().min(), last: times().max() });
        }
        Ok(all)
    }

    /// Removes the files all of whose rows are older; files are never rewritten, so younger rows keep older ones of theirs. Returns the files
    /// (with their rows) that go, or would go where `dry`.
    ///
    /// # Errors
    /// Where a file cannot be removed.
    pub fn prune(&self, before: Time, dry: bool) -> Result<Vec<(PathBuf, usize)>, HistoryError> {
        let _turn = self.exists().then(|| self.take_turn()).transpose()?;
        let mut gone = Vec::new();
        for table in Table::ALL {
            for path in self.files(table)? {
                let Ok(rows) = read_file(&path, table) else { continue };
                let old = |row: &Row| row.time().is_some_and(|time| time < before);
                if rows.iter().all(|(_, row)| old(row)) {
                    if !dry {
                        fs::remove_file(&path).map_err(|e| self.failed(&path, &e))?;
                    }
                    gone.push((path, rows.len()));
                }
            }
        }
        Ok(gone)
    }

    fn failed(&self, path: &Path, error: &io::Error) -> HistoryError {
        HistoryError { path: path.to_path_buf(), why: error.to_string() }
    }

    /// Waits until no other writer is at work. The lock ends with the value or with the process.
    fn take_turn(&self) -> Result<File, HistoryError> {
        let path = self.dir.join(LOCK);
        let opened = File::options().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(|e| self.failed(&path, &e))?;
        match file.lock() {
            // A file system without locks still has atomic renames and names by content.
            Err(e) if e.kind() == io::ErrorKind::Unsupported => {}
            Err(e) => return Err(self.failed(&path, &e)),
            Ok(()) => self.sweep(),
        }
        Ok(file)
    }

    /// Removes what writers left that died in the middle; only one with the lock may.
    fn sweep(&self) {
        for table in Table::ALL {
            let Ok(entries) = fs::read_dir(self.dir.join(table.name())) else { continue };
            let unfinished = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED));
            unfinished.for_each(|entry| {
                let _ = fs::remove_file(entry.path());
            });
        }
    }

    /// Whole files of a table, by name.
    fn files(&self, table: Table) -> Result<Vec<PathBuf>, HistoryError> {
        let folder = self.dir.join(table.name());
        let entries = match fs::read_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|e| self.failed(&folder, &e))?,
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        let whole = |path: &PathBuf| {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            name.ends_with(".parquet") && !name.starts_with('.')
        };
        paths.retain(whole);
        paths.sort();
        Ok(paths)
    }

    fn ids(&self, table: Table) -> Result<BTreeSet<String>, HistoryError> {
        let mut ids = BTreeSet::new();
        for path in self.files(table)? {
            let rows = read_file(&path, table).map_err(|why| HistoryError { path: path.clone(), why })?;
            ids.extend(rows.into_iter().map(|(id, _)| id));
        }
        Ok(ids)
    }

    fn write(&self, table: Table, rows: &[(String, &Row)]) -> Result<(), HistoryError> {
        let folder = self.dir.join(table.name());
        fs::create_dir_all(&folder).map_err(|e| self.failed(&folder, &e))?;
        let bytes = encoded(table, rows).map_err(|why| HistoryError { path: folder.clone(), why })?;
        let name = hex(&Sha256::digest(&bytes)[..16]);
        let day = rows.first().and_then(|(_, row)| row.time()).map_or_else(|| "undated".to_owned(), Time::date);
        let (unfinished, whole) = (folder.join(format!("{UNFINISHED}{name}")), folder.join(format!("{day}-{name}.parquet")));
        let put = || -> io::Result<()> {
            let mut file = File::create(&unfinished)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&unfinished, &whole)?;
            // The new name is safe only once its folder is.
            File::open(&folder)?.sync_all()
        };
        put().map_err(|e| {
            let _ = fs::remove_file(&unfinished);
            self.failed(&whole, &e)
        })
    }
}

fn encoded(table: Table, rows: &[(String, &Row)]) -> Result<Vec<u8>, String> {
    let mut columns = vec![
        (ROW_ID, Cells::Text(rows.iter().map(|(id, _)| Some(id.clone())).collect())),
        (VERSION.0, Cells::Number(vec![Some(VERSION.1); rows.len()])),
    ];
    for (name, kind) in table.columns() {
        let cells = match kind {
            ColumnKind::Text => {
                Cells::Text(rows.iter().map(|(_, row)| Some(row.text(name).to_owned()).filter(|t| !t.is_empty())).collect())
            }
            ColumnKind::Number => Cells::Number(rows.iter().map(|(_, row)| row.number(name)).collect()),
        };
        columns.push((name, cells));
    }
    parquet::write(columns)
}

/// Rows with their ids. Columns that a file lacks are empty; those that this version does not know are left out.
fn read_file(path: &Path, table: Table) -> Result<Vec<(String, Row)>, String> {
    let columns = parquet::read(fs::read(path).map_err(|e| e.to_string())?)?;
    let height = columns.first().map_or(0, |(_, cells)| cells.len());
    let find = |name: &str| columns.iter().find(|(n, _)| n == name).map(|(_, cells)| cells);
    let ids = match find(ROW_ID) {
        Some(Cells::Text(ids)) => ids.clone(),
        _ => return Err(format!("no column {ROW_ID}: not a file of the history")),
    };
    let row = |at: usize| {
        let value = |(name, kind): &(&str, ColumnKind)| match (kind, find(name)) {
            (ColumnKind::Text, Some(Cells::Text(values))) => Value::Text(values[at].clone()),
            (ColumnKind::Number, Some(Cells::Number(values))) => Value::Number(values[at]),
            (ColumnKind::Text, _) => Value::Text(None),
            (ColumnKind::Number, _) => Value::Number(None),
        };
        Row { table, values: table.columns().iter().map(value).collect() }
    };
    Ok((0..height).map(|at| (ids[at].clone().unwrap_or_default(), row(at))).collect())
}

/// A hash of the table and all values: what a row is.
fn row_id(row: &Row) -> String {
    let mut hash = Sha256::new();
    hash.update(row.table.name());
    for ((name, _), value) in row.table.columns().iter().zip(&row.values) {
        let text = match value {
            Value::Text(text) => text.clone().unwrap_or_default(),
            Value::Number(number) => number.map(|n| n.to_string()).unwrap_or_default(),
        };
        // Lengths keep neighbouring values apart.
        hash.update(format!("\u{1}{name}={}:", text.len()));
        hash.update(text);
    }
    hex(&hash.finalize()[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn run(time: &str, command: &str) -> Row {
        let text = |t: &str| Value::Text(Some(t.to_owned()));
        let mut values: Vec<Value> = Table::Runs
            .columns()
            .iter()
            .map(|(_, kind)| if *kind == ColumnKind::Text { Value::Text(None) } else { Value::Number(Some(1.5)) })
            .collect();
        (values[0], values[2]) = (text(time), text(command));
        Row { table: Table::Runs, values }
    }

    #[test]
    fn a_repeat_writes_nothing_and_an_overlap_only_what_is_new() {
        let dir = tempfile::tempdir().unwrap();
        let history = History::at(&dir.path().join("new/deep"));
        assert!(!history.exists() && history.rows(Table::Runs).unwrap().rows.is_empty());
        let (a, b, c) = (run("2024-01-01T00:00:00Z", "a"), run("2024-01-02T00:00:00Z", "b"), run("2024-01-03T00:00:00Z", "c"));
        assert_eq!(history.append(&[a.clone(), b.clone(), a.clone()]).unwrap(), Appended { written: 2, known: 1 });
        assert_eq!(history.append(&[a.clone(), b.clone()]).unwrap(), Appended { written: 0, known: 2 });
        assert_eq!(history.append(&[b.clone(), c.clone()]).unwrap(), Appended { written: 1, known: 1 });
        assert_eq!(history.rows(Table::Runs).unwrap().rows, [a, b, c]);
        assert_eq!(history.files(Table::Runs).unwrap().len(), 2);
    }

    #[test]
    fn what_a_dead_writer_left_is_no_row_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        let history = History::at(dir.path());
        history.append(&[run("2024-01-01T00:00:00Z", "a")]).unwrap();
        let left = dir.path().join("runs").join(format!("{UNFINISHED}x"));
        fs::write(&left, b"PAR1 half").unwrap();
        assert_eq!(history.rows(Table::Runs).unwrap().rows.len(), 1);
        history.append(&[run("2024-01-01T00:00:00Z", "b")]).unwrap();
        assert!(!left.exists());
        fs::write(dir.path().join("runs/foreign.parquet"), b"not parquet").unwrap();
        let read = history.rows(Table::Runs).unwrap();
        assert_eq!((read.rows.len(), read.unreadable.len()), (2, 1));
    }

    #[test]
    fn pruning_takes_whole_files_of_old_rows() {
        let dir = tempfile::tempdir().unwrap();
        let history = History::at(dir.path());
        history.append(&[run("2024-01-01T00:00:00Z", "a")]).unwrap();
        history.append(&[run("2024-01-02T00:00:00Z", "b"), run("2024-03-01T00:00:00Z", "c")]).unwrap();
        let before = Time::parse_rfc3339("2024-02-01T00:00:00Z").unwrap();
        assert_eq!(history.prune(before, true).unwrap().len(), 1);
        assert_eq!(history.rows(Table::Runs).unwrap().rows.len(), 3);
        history.prune(before, false).unwrap();
        assert_eq!(history.rows(Table::Runs).unwrap().rows.len(), 2);
    }

    #[test]
    fn two_writers_at_once_double_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let history = History::at(dir.path());
        let rows: Vec<Row> = (0..40).map(|i| run("2024-01-01T00:00:00Z", &i.to_string())).collect();
        std::thread::scope(|scope| {
            for offset in [0, 10, 20] {
                let (history, rows) = (&history, &rows);
                scope.spawn(move || {
                    (0..20).for_each(|i| {
                        history.append(&rows[offset + i..=offset + i]).unwrap();
                    })
                });
            }
        });
        let raw: usize = history.files(Table::Runs).unwrap().iter().map(|path| read_file(path, Table::Runs).unwrap().len()).sum();
        assert_eq!((raw, history.rows(Table::Runs).unwrap().rows.len()), (40, 40));
    }
}
