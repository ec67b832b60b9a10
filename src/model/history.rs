//! What is kept from run to run: tables of rows with fixed columns.

use super::time::Time;

/// The kind of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Number,
}

/// One cell; absent values are kept apart from empty ones.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(Option<String>),
    Number(Option<f64>),
}

/// A table of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// One row a change.
    Changes,
    /// One row a reason of a change's risk, as of an instant.
    Risks,
    /// One row a check of a verdict on a change, and one for the verdict itself (`rank` 0), as of an instant.
    Verdicts,
    /// One row an incident with its most probable cause, as of an instant.
    Incidents,
    /// One row a run: what was read.
    Runs,
}

use ColumnKind::{Number, Text};

impl Table {
    /// All tables.
    pub const ALL: [Table; 5] = [Table::Changes, Table::Risks, Table::Verdicts, Table::Incidents, Table::Runs];

    /// The folder that holds it.
    pub fn name(self) -> &'static str {
        match self {
            Table::Changes => "changes",
            Table::Risks => "risks",
            Table::Verdicts => "verdicts",
            Table::Incidents => "incidents",
            Table::Runs => "runs",
        }
    }

    /// The table in the folder of that name.
    pub fn from_name(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Its columns. Times are RFC 3339 texts in UTC; the first one that is a time places the row.
    pub fn columns(self) -> Columns {
        match self {
            Table::Changes => CHANGES,
            Table::Risks => RISKS,
            Table::Verdicts => VERDICTS,
            Table::Incidents => INCIDENTS,
            Table::Runs => RUNS,
        }
    }
}

/// Names and kinds of columns.
pub type Columns = &'static [(&'static str, ColumnKind)];

const CHANGES: Columns = &[
    ("time", Text),
    ("change_id", Text),
    ("service", Text),
    ("kind", Text),
    ("end_time", Text),
    ("version", Text),
    ("previous_version", Text),
    ("summary", Text),
    ("author", Text),
    ("url", Text),
    ("instances", Number),
    ("edits", Text),
    ("reverted_by", Text),
    ("source", Text),
];

const RISKS: Columns = &[
    ("time", Text),
    ("change_id", Text),
    ("service", Text),
    ("as_of", Text),
    ("level", Text),
    ("score", Number),
    ("rank", Number),
    ("kind", Text),
    ("key", Text),
    ("weight", Number),
    ("statement", Text),
    ("source", Text),
];

const VERDICTS: Columns = &[
    ("time", Text),
    ("change_id", Text),
    ("service", Text),
    ("as_of", Text),
    ("verdict", Text),
    ("blamed", Number),
    ("more_traffic", Number),
    ("rank", Number),
    ("kind", Text),
    ("checked_service", Text),
    ("check_verdict", Text),
    ("decides", Number),
    ("old", Number),
    ("new", Number),
    ("effect", Number),
    ("p_adjusted", Number),
    ("statement", Text),
    ("source", Text),
];

const INCIDENTS: Columns = &[
    ("time", Text),
    ("end", Text),
    ("ongoing", Number),
    ("as_of", Text),
    ("services", Text),
    ("requests", Number),
    ("failed", Number),
    ("users", Number),
    ("users_affected", Number),
    ("cause_kind", Text),
    ("cause_service", Text),
    ("change_id", Text),
    ("config_key", Text),
    ("confidence", Number),
    ("undone_by", Text),
    ("undone_at", Text),
    ("title", Text),
    ("changes_before", Text),
];

const RUNS: Columns = &[
    ("time", Text),
    ("end", Text),
    ("command", Text),
    ("sources", Number),
    ("lines", Number),
    ("understood", Number),
    ("complaints", Number),
    ("gaps", Text),
];

/// One row, its values in the order of the table's columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub table: Table,
    pub values: Vec<Value>,
}

impl Row {
    fn at(&self, column: &str) -> Option<&Value> {
        let at = self.table.columns().iter().position(|(name, _)| *name == column)?;
        self.values.get(at)
    }

    /// The text of a column; empty where there is none.
    pub fn text(&self, column: &str) -> &str {
        match self.at(column) {
            Some(Value::Text(Some(text))) => text,
            _ => "",
        }
    }

    /// The number in a column; `None` where it is empty or holds text.
    pub fn number(&self, column: &str) -> Option<f64> {
        match self.at(column) {
            Some(Value::Number(number)) => *number,
            _ => None,
        }
    }

    /// When it happened.
    pub fn time(&self) -> Option<Time> {
        Time::parse_rfc3339(self.text("time"))
    }

    /// The time in a column; `None` where it holds none.
    pub fn time_of(&self, column: &str) -> Option<Time> {
        Time::parse_rfc3339(self.text(column))
    }
}
