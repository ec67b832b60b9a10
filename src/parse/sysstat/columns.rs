//! Columns of the tools' tables: which hold labels, and what the others measure.

use crate::parse::series::labels::Labels;
use crate::parse::timestamp::offset_of;

/// Columns that say what a row is about, and the label's name.
const LABELS: &[(&str, &str)] = &[
    ("DEV", "device"),
    ("Device", "device"),
    ("Device:", "device"),
    ("IFACE", "device"),
    ("FILESYSTEM", "filesystem"),
    ("MOUNTPOINT", "filesystem"),
    ("TTY", "tty"),
    ("INTR", "interrupt"),
    ("BUS", "bus"),
    ("TEMP", "sensor"),
    ("FAN", "sensor"),
];
/// Columns that say so and are not kept: processes come and go.
const PROCESS: &[&str] = &["UID", "USER", "PID", "TID", "TGID", "PPID"];
/// The first column of which a header has one names what its table measures.
const SUBJECTS: &[(&str, &str)] = &[
    ("Command", "process"),
    ("IFACE", "network"),
    ("FILESYSTEM", "filesystem"),
    ("MOUNTPOINT", "filesystem"),
    ("DEV", "disk"),
    ("Device", "disk"),
    ("Device:", "disk"),
    ("CPU", "cpu"),
    ("%user", "cpu"),
    ("%usr", "cpu"),
    ("kbmemused", "memory"),
    ("kbswpused", "swap"),
    ("pswpin/s", "swap"),
    ("pgpgin/s", "paging"),
    ("ldavg-1", "load"),
    ("rtps", "disk"),
    ("iseg/s", "tcp"),
    ("retrans/s", "tcp"),
    ("totsck", "sockets"),
];
/// vmstat's columns by its groups.
const VMSTAT: &[(&str, &[&str])] = &[
    ("procs", &["r", "b"]),
    ("memory", &["swpd", "free", "buff", "cache", "inact", "active"]),
    ("swap", &["si", "so"]),
    ("io", &["bi", "bo"]),
    ("system", &["in", "cs"]),
    ("cpu", &["us", "sy", "id", "wa", "st", "gu"]),
];

/// The header of a table.
#[derive(Clone, Debug, Default)]
pub struct Header {
    columns: Vec<String>,
    subject: &'static str,
    pub vmstat: bool,
    /// Zone of the timestamps, where the header names it.
    pub offset: Option<i32>,
}

/// A row by its header.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Whether it is about all processors (`Some(true)`) or one of them; `None` for other tables.
    pub processor: Option<bool>,
    /// The program, for tables of processes.
    pub command: Option<String>,
    pub labels: Labels,
    /// Metrics with their values.
    pub values: Vec<(String, f64)>,
}

/// `procs -----------memory---------- ---swap-- …`.
pub fn is_vmstat_group(line: &str) -> bool {
    line.starts_with("procs ") && line.contains("-memory-")
}

impl Header {
    /// A header by its words; what they measure follows from them.
    pub fn new<'c>(columns: impl Iterator<Item = &'c str>) -> Header {
        let columns: Vec<String> = columns.map(|c| c.trim().to_owned()).filter(|c| c != "avg-cpu:" && c != "#" && c != "Time").collect();
        let has = |name: &str| columns.iter().any(|column| column == name);
        let subject = SUBJECTS.iter().find(|(column, _)| has(column)).map_or("system", |(_, subject)| subject);
        Header { columns, subject, vmstat: false, offset: None }
    }

    /// ` r  b   swpd   free … wa st                 UTC`.
    pub fn of_vmstat(line: &str) -> Option<Header> {
        let mut columns: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        if !columns.starts_with(&["r".to_owned(), "b".to_owned(), "swpd".to_owned()]) {
            return None;
        }
        let zone = columns.pop_if(|last| VMSTAT.iter().all(|(_, names)| !names.contains(&last.as_str())));
        Some(Header { columns, subject: "", vmstat: true, offset: zone.as_deref().and_then(offset_of) })
    }

    /// Whether words are the columns of a table: no number among them, and one that is known.
    pub fn is_one(words: &[&str]) -> bool {
        let named =
            |word: &&str| word.starts_with('%') || word.ends_with("/s") || SUBJECTS.iter().chain(LABELS).any(|(column, _)| column == word);
        words.len() > 1 && words.iter().all(|word| number(word).is_none()) && words.iter().any(named)
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// `None` for a row of another shape.
    pub fn row(&self, cells: &[&str]) -> Option<Row> {
        let is_last_open = self.columns.last().is_some_and(|last| last == "Command");
        if cells.len() < self.columns.len() || (cells.len() > self.columns.len() && !is_last_open) {
            return None;
        }
        let mut row = Row::default();
        for (column, cell) in self.columns.iter().zip(cells) {
            self.take(column, cell, &mut row)?;
        }
        Some(row)
    }

    fn take(&self, column: &str, cell: &str, row: &mut Row) -> Option<()> {
        let of_processes = self.subject == "process";
        match column {
            "CPU" if of_processes => {}
            "CPU" => {
                let all = matches!(cell, "all" | "-1");
                row.processor = Some(all);
                if !all {
                    row.labels.insert("cpu".to_owned(), cell.to_owned());
                }
            }
            "Command" => row.command = Some(cell.trim_start_matches(['|', '_']).to_owned()),
            _ if PROCESS.contains(&column) => {}
            _ => match LABELS.iter().find(|(name, _)| *name == column) {
                Some((_, label)) => {
                    row.labels.insert((*label).to_owned(), cell.to_owned());
                }
                None => row.values.push((self.metric(column), number(cell)?)),
            },
        }
        Some(())
    }

    fn metric(&self, column: &str) -> String {
        let subject = if self.vmstat {
            VMSTAT.iter().find(|(_, names)| names.contains(&column)).map_or("", |(group, _)| group)
        } else {
            self.subject
        };
        format!("{subject}_{column}")
    }
}

/// A number with a decimal point or comma: the tools never group digits.
fn number(cell: &str) -> Option<f64> {
    let plain = cell.parse().or_else(|_| cell.replacen(',', ".", 1).parse()).ok();
    plain.filter(|_| cell.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
}
