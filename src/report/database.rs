//! The database view as text, as JSON and as Markdown.
//!
//! Every table says what its numbers are of; "before" and "during" stand only where an incident is known.

mod json;
mod tables;

use super::text::{counted, duration, sanitize, to_ascii};
use super::{Format, View};
use crate::model::TimeSpan;
use crate::model::database::{DatabaseView, Engine, Server};
use tables::{Block, Table};

/// The whole view, with a final newline.
pub fn render(view: &DatabaseView, format: Format, shown: &View) -> String {
    match format {
        Format::Json => json::render(view),
        Format::Terminal => {
            let out = text(view, shown, &|block: &Block| block.terminal(shown));
            if shown.unicode { out } else { to_ascii(&out) }
        }
        Format::Markdown => text(view, shown, &Block::markdown),
    }
}

fn text(view: &DatabaseView, shown: &View, write: &dyn Fn(&Block) -> String) -> String {
    let mut out = String::new();
    for block in blocks(view, shown) {
        if !out.is_empty() {
            out.push('\n');
        }
        out += &write(&block);
    }
    out
}

fn blocks(view: &DatabaseView, shown: &View) -> Vec<Block> {
    if view.servers.is_empty() && view.gauges.is_empty() {
        let files = view.coverage.sources.len() as u64;
        let text = format!("no database or pooler log and no metric of one in {}", counted(files, "file"));
        return vec![Block { title: text, notes: Vec::new(), tables: Vec::new() }];
    }
    let mut blocks = vec![Block { title: compared(view), notes: Vec::new(), tables: tables::gauges(view) }];
    blocks.extend(view.servers.iter().map(|server| of_server(view, server, shown)));
    blocks
}

/// What is compared with what.
fn compared(view: &DatabaseView) -> String {
    let clocks = |span: TimeSpan| format!("{} - {}", span.start.clock(), span.end.clock());
    let date = |span: TimeSpan| span.start.date();
    match (view.incident, view.quiet) {
        (Some(during), Some(before)) => format!("{} during {}, before {} UTC", date(during), clocks(during), clocks(before)),
        (Some(during), None) => format!("{} during {} UTC; nothing before to compare with", date(during), clocks(during)),
        _ => "no incident in this time: nothing is compared".to_owned(),
    }
}

fn of_server(view: &DatabaseView, server: &Server, shown: &View) -> Block {
    let version = server.version.as_deref().map(|version| format!(" {}", sanitize(version))).unwrap_or_default();
    let name = if version.starts_with(" MariaDB") { "" } else { server.engine.name() };
    let kind = format!("{name}{version}").trim().to_owned();
    let span =
        server.span.map(|s| format!(", {} - {} UTC ({})", s.start.clock(), s.end.clock(), duration(s.seconds()))).unwrap_or_default();
    let title = format!("{}  {kind}, {}{span}", sanitize(server.service.as_str()), counted(server.records, "record"));
    let compare = view.incident.is_some();
    let mut found: Vec<Table> = Vec::new();
    found.extend(tables::errors(server, compare, shown));
    found.extend(tables::statements(server, compare, shown));
    found.extend(tables::locks(server, shown));
    found.extend(tables::deadlocks(server, shown));
    found.extend(tables::pooler(server, compare, shown));
    Block { title, notes: notes(server), tables: found }
}

/// What is one line each.
fn notes(server: &Server) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(tables::sessions(server));
    notes.extend(tables::lock_totals(server));
    notes.extend(tables::temporary(server));
    notes.extend(tables::checkpoints(server));
    notes.extend(tables::vacuum(server));
    if server.engine == Engine::PgBouncer {
        notes.extend(tables::pooler_totals(server));
    }
    notes
}
