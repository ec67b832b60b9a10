//! Templates with their counts: what the logs of a run say, and how often.

use super::names::Origin;
use super::time::{Step, Time, TimeSpan};
use super::vocabulary::Level;

/// One template with what was counted of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateCounts {
    /// Variables as `<*>`.
    pub template: String,
    pub count: u64,
    /// By level, most severe first, only those that occur.
    pub levels: Vec<(Level, u64)>,
    /// By service name; the empty name where nothing tells it.
    pub services: Vec<(String, u64)>,
    /// Windows of [`Templates::step`], by window.
    pub windows: Vec<(i64, u32)>,
    /// From the first to the last occurrence that has a time.
    pub span: Option<TimeSpan>,
    pub example: String,
    pub origin: Option<Origin>,
}

/// All templates of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Templates {
    /// By falling count, then by text.
    pub rows: Vec<TemplateCounts>,
    /// Width of the windows.
    pub step: Step,
    pub span: Option<TimeSpan>,
    /// Messages counted in all.
    pub total: u64,
}

/// One line of a log with its template.
#[derive(Clone, Debug, PartialEq)]
pub struct LineTemplate<'l> {
    /// From 1, over all files in reading order.
    pub number: u64,
    /// `None` where the line was not understood.
    pub time: Option<Time>,
    pub level: Level,
    /// The logger, else the service that the line names.
    pub component: &'l str,
    pub content: &'l str,
    pub template: &'l str,
}
