//! Templates as a table, as totals, as JSON, and line by line as CSV.
//!
//! Nothing is chosen here but how many rows fit; the order is the catalog's.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde::Serialize;

use crate::model::{Coverage, Level, LineTemplate, TemplateCounts, Templates};
use crate::report::View;
use crate::report::text::{count, counted, percent, sanitize, shorten, to_ascii};

use super::bars;

/// Columns of a trend.
const TREND: usize = 24;
/// A narrower terminal has no room for trends beside the templates.
const NARROW: usize = 72;
/// Rows of a first screen.
const FIRST_ROWS: usize = 40;

/// The totals: `12,000 messages, 36 templates; 99.9 % of 12,004 lines understood`.
pub fn totals(templates: &Templates, coverage: &Coverage) -> String {
    format!(
        "{}, {}; {} of {} understood\n",
        counted(templates.total, "message"),
        counted(templates.rows.len() as u64, "template"),
        percent(coverage.share()),
        counted(coverage.lines(), "line")
    )
}

/// A table of templates, most frequent first, and the totals below it.
pub fn table(templates: &Templates, coverage: &Coverage, view: &View) -> String {
    let most = if view.all { templates.rows.len() } else { FIRST_ROWS };
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(clamped(view.width));
    table.set_header(["count", "share", "trend", "level", "template"]);
    for row in templates.rows.iter().take(most) {
        table.add_row(cells(row, templates, view));
    }
    for column in table.column_iter_mut().take(4) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    if view.width < NARROW
        && let Some(trend) = table.column_mut(2)
    {
        trend.set_constraint(ColumnConstraint::Hidden);
    }
    if let Some(last) = table.column_mut(4) {
        last.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(20)));
    }
    let mut out = table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    out.push_str("\n\n");
    if templates.rows.len() > most {
        out.push_str(&format!("{} more templates; --all shows them\n", count((templates.rows.len() - most) as u64)));
    }
    out.push_str(&totals(templates, coverage));
    if view.unicode { out } else { to_ascii(&out) }
}

fn cells(row: &TemplateCounts, templates: &Templates, view: &View) -> Vec<Cell> {
    let level = worst(row).map_or("", Level::name);
    vec![
        Cell::new(count(row.count)).set_alignment(CellAlignment::Right),
        Cell::new(percent(row.count as f64 / templates.total.max(1) as f64)).set_alignment(CellAlignment::Right),
        Cell::new(bars::row(&trend(row, templates), view.unicode).iter().collect::<String>()),
        Cell::new(level),
        Cell::new(shorten(&sanitize(&row.template), 400)),
    ]
}

/// The most severe level that a tenth of the messages have: one odd line does not colour a template.
fn worst(row: &TemplateCounts) -> Option<Level> {
    row.levels.iter().find(|(_, n)| *n * 10 >= row.count).map(|(level, _)| *level).filter(|level| *level != Level::Unknown)
}

/// Counts over the span of the run, in at most [`TREND`] equal parts.
fn trend(row: &TemplateCounts, templates: &Templates) -> Vec<f64> {
    let Some(span) = templates.span else { return Vec::new() };
    let (first, last) = (templates.step.window(span.start), templates.step.window(span.end));
    let windows = (last - first + 1).max(1) as usize;
    let columns = windows.min(TREND);
    let mut sums = vec![0.0; columns];
    for (window, n) in &row.windows {
        let at = (window - first).clamp(0, windows as i64 - 1) as usize * columns / windows;
        sums[at] += f64::from(*n);
    }
    sums
}

fn clamped(columns: usize) -> u16 {
    u16::try_from(columns.max(40)).unwrap_or(u16::MAX)
}

#[derive(Serialize)]
struct Document<'m> {
    schema_version: u32,
    messages: u64,
    lines: u64,
    understood: u64,
    /// Width of the windows in seconds.
    step_seconds: f64,
    templates: Vec<RowView<'m>>,
}

#[derive(Serialize)]
struct RowView<'m> {
    template: String,
    count: u64,
    levels: Vec<(&'static str, u64)>,
    services: Vec<(&'m str, u64)>,
    start: Option<String>,
    end: Option<String>,
    /// (start of the window, count), only windows that have any.
    windows: Vec<(String, u32)>,
    example: String,
    source: Option<String>,
}

/// All templates, for scripts.
pub fn json(templates: &Templates, coverage: &Coverage) -> String {
    let document = Document {
        schema_version: 1,
        messages: templates.total,
        lines: coverage.lines(),
        understood: coverage.understood(),
        step_seconds: templates.step.seconds(),
        templates: templates.rows.iter().map(|row| row_view(row, templates)).collect(),
    };
    crate::report::json_document(&document)
}

fn row_view<'m>(row: &'m TemplateCounts, templates: &Templates) -> RowView<'m> {
    RowView {
        template: sanitize(&row.template),
        count: row.count,
        levels: row.levels.iter().map(|(level, n)| (level.name(), *n)).collect(),
        services: row.services.iter().map(|(service, n)| (service.as_str(), *n)).collect(),
        start: row.span.map(|span| span.start.rfc3339()),
        end: row.span.map(|span| span.end.rfc3339()),
        windows: row.windows.iter().map(|(window, n)| (templates.step.start_of(*window).rfc3339(), *n)).collect(),
        example: sanitize(&row.example),
        source: row.origin.as_ref().map(ToString::to_string),
    }
}

/// The header of the lines that [`write_line`] writes.
pub const LINE_HEADER: &str = "LineId,Timestamp,Level,Component,Content,EventTemplate\n";

/// One line of CSV (RFC 4180).
pub fn write_line(line: &LineTemplate<'_>, out: &mut dyn Write) -> io::Result<()> {
    let time = line.time.map(|time| time.rfc3339()).unwrap_or_default();
    let level = if line.level == Level::Unknown { "" } else { line.level.name() };
    write!(out, "{},{time},{level},", line.number)?;
    for (text, end) in [(line.component, ","), (line.content, ","), (line.template, "\n")] {
        write_cell(text, out)?;
        out.write_all(end.as_bytes())?;
    }
    Ok(())
}

fn write_cell(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let text = sanitize(text);
    if text.contains([',', '"', '\n', '\r']) { write!(out, "\"{}\"", text.replace('"', "\"\"")) } else { out.write_all(text.as_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;
    use crate::model::time::SECOND;

    #[test]
    fn cells_of_csv_cannot_break_out() {
        let line = LineTemplate {
            number: 7,
            time: Some(Time(SECOND)),
            level: Level::Warn,
            component: "a,b",
            content: "say \"x\"\u{1b}[31m",
            template: "plain",
        };
        let mut out = Vec::new();
        write_line(&line, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.starts_with("7,1970-01-01T00:00:01Z,warn,\"a,b\",\"say \"\"x\"\"") && out.ends_with(",plain\n"), "{out}");
        assert!(!out.contains('\u{1b}'));
    }
}
