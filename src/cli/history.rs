//! The commands `history` and `report`, and what other commands add to a history.

use std::path::{Path, PathBuf};

use crate::analyze::{self, Examined};
use crate::history::{Appended, History, HistoryError, period};
use crate::model::history::{Row, Table, Value};
use crate::model::{Options, PastChange, Time, TimeSpan};
use crate::report::period::{self as view, PeriodFormat};
use crate::report::{count, json_document, pad, rows, sanitize, shorten};
use crate::risk::{self, Subject};
use crate::suspect::facts::Facts;
use crate::verify::{self, Terms};

use super::args::{HistoryCommand, HistoryListArgs, HistoryPruneArgs, HistoryShowArgs, ListFormatArg, PeriodFormatArg, ReportArgs};
use super::output::{self, Streams};
use super::settings::{self, Environment};
use super::{Failure, supervised, warn};

fn failed(error: &HistoryError) -> Failure {
    Failure::failed(error, Some("name a folder that can be written, on a local disk where several writers share it".to_owned()))
}

/// Adds rows to the history in `dir`.
pub fn add(dir: &Path, rows: &[Row]) -> Result<Appended, Failure> {
    History::at(dir).append(rows).map_err(|error| failed(&error))
}

/// What became of earlier changes, by the history in `dir`; nothing where there is none yet.
pub fn past(dir: &Path) -> Result<Vec<PastChange>, Failure> {
    period::past(&History::at(dir)).map_err(|error| failed(&error))
}

/// Runs one of the commands of `history`.
pub fn run(command: &HistoryCommand, streams: &mut Streams<'_>) -> Result<(), Failure> {
    match command {
        HistoryCommand::List(args) => list(args, streams),
        HistoryCommand::Show(args) => show(args, streams),
        HistoryCommand::Prune(args) => prune(args, streams),
    }
}

fn existing(dir: &Path) -> Result<History, Failure> {
    let history = History::at(dir);
    if history.exists() {
        return Ok(history);
    }
    let hint = "write one with `whatchanged analyze PATH --history DIR`, or risk, verify, report";
    Err(Failure::failed(format!("there is no history in {}", sanitize(&dir.display().to_string())), Some(hint.to_owned())))
}

fn list(args: &HistoryListArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let holdings = existing(&args.history)?.holdings().map_err(|error| failed(&error))?;
    let shown = |time: Option<Time>| time.map_or_else(|| "-".to_owned(), Time::rfc3339);
    let text = match args.format {
        ListFormatArg::Json => {
            let of = |h: &crate::history::Holding| {
                serde_json::json!({ "table": h.table.name(), "files": h.files, "bytes": h.bytes, "rows": h.rows,
                    "first": h.first.map(Time::rfc3339), "last": h.last.map(Time::rfc3339) })
            };
            let document = serde_json::json!({ "schema_version": 1, "tables": holdings.iter().map(of).collect::<Vec<_>>() });
            json_document(&document)
        }
        ListFormatArg::Terminal => {
            let mut out = format!("{} {:>8} {:>6} {:>10}  {} last\n", pad("table", 10), "rows", "files", "bytes", pad("first", 24));
            for h in &holdings {
                let (rows, files, bytes) = (count(h.rows as u64), count(h.files as u64), count(h.bytes));
                out += &format!(
                    "{} {rows:>8} {files:>6} {bytes:>10}  {} {}\n",
                    pad(h.table.name(), 10),
                    pad(&shown(h.first), 24),
                    shown(h.last)
                );
            }
            out
        }
    };
    streams.result(text.as_bytes())
}

fn show(args: &HistoryShowArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let names = Table::ALL.map(Table::name).join(", ");
    let table = Table::from_name(&args.table)
        .ok_or_else(|| Failure::usage(format!("there is no table \"{}\"", sanitize(&args.table)), format!("the tables are {names}")))?;
    let rows = existing(&args.history)?.rows(table).map_err(|error| failed(&error))?;
    for (path, why) in &rows.unreadable {
        streams.message("warning", &format!("{}: {why}", path.display()));
    }
    let wanted = |row: &&Row| args.change.as_ref().is_none_or(|id| row.text("change_id") == id);
    let chosen: Vec<&Row> = rows.rows.iter().filter(wanted).collect();
    let text = match args.format {
        ListFormatArg::Json => chosen.iter().map(|row| format!("{}\n", json_row(row))).collect::<String>(),
        ListFormatArg::Terminal => chosen.iter().map(|row| terminal_row(row)).collect(),
    };
    streams.result(text.as_bytes())
}

/// One JSON object a line.
fn json_row(row: &Row) -> String {
    let value = |value: &Value| match value {
        Value::Text(text) => serde_json::json!(text),
        Value::Number(number) => serde_json::json!(number),
    };
    let cells = row.table.columns().iter().zip(&row.values).map(|((name, _), cell)| ((*name).to_owned(), value(cell)));
    serde_json::Value::Object(cells.collect()).to_string()
}

fn terminal_row(row: &Row) -> String {
    let mut parts = Vec::new();
    for ((name, _), value) in row.table.columns().iter().zip(&row.values).skip(1) {
        match value {
            Value::Text(Some(text)) => parts.push(format!("{name}={}", shorten(&sanitize(text), 80))),
            Value::Number(Some(number)) => parts.push(format!("{name}={number}")),
            _ => {}
        }
    }
    format!("{}  {}\n", row.text("time"), parts.join(" "))
}

fn prune(args: &HistoryPruneArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let before = settings::instant("--before", &args.before, None)?;
    let history = existing(&args.history)?;
    let gone = history.prune(before, args.dry_run).map_err(|error| failed(&error))?;
    let rows: usize = gone.iter().map(|(_, rows)| rows).sum();
    let verb = if args.dry_run { "would go" } else { "removed" };
    let text =
        format!("{} files with {} rows {verb}; files that also hold younger rows stay\n", count(gone.len() as u64), count(rows as u64));
    streams.result(text.as_bytes())
}

/// Reads the bundle, records everything about it, and writes the report on the period.
pub fn report(args: &ReportArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let length = settings::length("--period", &args.period)?;
    let options = settings::as_of(&args.source, args.as_of.as_deref())?;
    let end = options.until;
    if !args.paths.is_empty() {
        record(args, &options, environment, streams)?;
    }
    let history = existing(&args.history)?;
    let end = end.unwrap_or_else(now);
    let span = TimeSpan { start: end.plus_seconds(-length), end };
    let found = period::report(&history, span).map_err(|error| failed(&error))?;
    if found.changes.is_empty() && !args.quiet {
        let last = history.holdings().map_err(|error| failed(&error))?.into_iter().filter_map(|h| h.last).max();
        let known = last.map(|last| format!("; the newest row of the history is of {last}: --as-of sets the end")).unwrap_or_default();
        streams.message("warning", &format!("no change between {} and {}{known}", span.start, span.end));
    }
    let format = match args.format {
        PeriodFormatArg::Html => PeriodFormat::Html,
        PeriodFormatArg::Markdown => PeriodFormat::Markdown,
        PeriodFormatArg::Json => PeriodFormat::Json,
    };
    let text = view::render(&found, format);
    match &args.output {
        Some(path) => output::write_file(path, text.as_bytes()),
        None => streams.result(text.as_bytes()),
    }
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_seconds(since.as_secs_f64().floor()).unwrap_or_default()
}

/// Analysis, risks and verdicts of a bundle, into the history.
fn record(args: &ReportArgs, options: &Options, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let facts = Facts::builtin();
    let paths: &[PathBuf] = &args.paths;
    let past = past(&args.history)?;
    let formats = &args.source.formats;
    let (examined, judged) = supervised(formats, args.quiet, environment, streams, |formats, progress| {
        let examined = analyze::examine(paths, options, formats, &facts, progress)?;
        Ok((examined, risk::assess(paths, &Subject::Recorded, options, formats, (&facts, &past), progress)?))
    })?;
    if !args.quiet {
        warn(&examined.analysis.coverage, streams);
    }
    let verdicts = verify::verifications(&examined, None, Terms::default(), options.until);
    let Examined { analysis, .. } = &examined;
    let mut all = rows::changes(&analysis.changes);
    all.extend(rows::incidents(analysis));
    all.extend(rows::risks(&judged, options.until));
    all.extend(rows::verdicts(&verdicts));
    all.extend(rows::run("report", analysis.span, &analysis.coverage));
    add(&args.history, &all).map(|_| ())
}
