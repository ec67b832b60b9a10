//! The list of formats as a table, as JSON and as the table of the README.

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::cli::settings::Environment;
use crate::parse::Formats;
use crate::parse::folder::Kind;
use crate::parse::place::Written;
use crate::report::{counted, escape_markdown, json_document, sanitize, to_ascii};

/// Raised when a field changes its meaning or goes away.
const SCHEMA_VERSION: u32 = 1;

/// Beyond this many columns the eye loses the line.
const WIDEST: usize = 140;

/// One format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub kind: &'static str,
    pub name: String,
    pub title: String,
    /// What kind of component writes it; `None` for messages, which any may write.
    pub role: Option<String>,
    pub docs: String,
    /// `built-in`, or the path of the user's file.
    pub from: String,
    /// Which format wins where several match.
    pub specificity: Option<u8>,
}

/// All formats, by kind and name.
pub fn rows(formats: &Formats) -> Vec<Row> {
    let lines = formats.lines().iter().map(|f| Row {
        kind: Kind::Lines.name(),
        name: sanitize(&f.name),
        title: sanitize(&f.title),
        role: Some(sanitize(&f.role)),
        docs: sanitize(&f.docs),
        from: from(f.written.as_ref()),
        specificity: Some(f.specificity),
    });
    let messages = formats.messages().iter().map(|f| any_role(Kind::Messages, [&f.name, &f.title, &f.docs], f.written.as_ref()));
    let changes = formats.changes().iter().map(|f| any_role(Kind::Changes, [&f.name, &f.title, &f.docs], f.written.as_ref()));
    let mut rows: Vec<Row> = lines.chain(messages).chain(changes).collect();
    rows.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    rows
}

/// A format that any component may write.
fn any_role(kind: Kind, texts: [&str; 3], written: Option<&Written>) -> Row {
    let [name, title, docs] = texts.map(sanitize);
    Row { kind: kind.name(), name, title, role: None, docs, from: from(written), specificity: None }
}

fn from(written: Option<&Written>) -> String {
    written.map_or_else(|| "built-in".to_owned(), |w| sanitize(&w.path.display().to_string()))
}

/// For a terminal: title, documentation and origin stand below each other, so that 80 columns hold them.
pub fn table(rows: &[Row], environment: &Environment) -> String {
    let mut table = Table::new();
    let width = u16::try_from(environment.width().min(WIDEST)).unwrap_or(u16::MAX);
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width).force_no_tty();
    table.set_header(["name", "role", "spec.", "what it is, where it is documented, where it comes from"].map(Cell::new));
    for row in rows {
        let what = format!("{}\n{}\n{}", row.title, row.docs, row.from);
        let specificity = row.specificity.map(|s| s.to_string()).unwrap_or_default();
        table.add_row([row.name.clone(), row.role.clone().unwrap_or_else(|| row.kind.to_owned()), specificity, what].map(Cell::new));
    }
    for column in 0..3 {
        table.column_mut(column).map(|c| c.set_constraint(ColumnConstraint::ContentWidth));
    }
    let own = rows.iter().filter(|row| row.from != "built-in").count();
    let lines: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    let text = format!("{lines}\n{}, {own} of them your own\n", counted(rows.len() as u64, "format"));
    if environment.unicode() { text } else { to_ascii(&text) }
}

#[derive(Serialize)]
struct Document<'r> {
    schema_version: u32,
    formats: &'r [Row],
}

/// For scripts.
pub fn json(rows: &[Row]) -> String {
    let document = Document { schema_version: SCHEMA_VERSION, formats: rows };
    json_document(&document)
}

/// As the README has it.
pub fn markdown(rows: &[Row]) -> String {
    let mut out = "| format | what it is | role | specificity | from |\n|---|---|---|---|---|\n".to_owned();
    for row in rows {
        // A link that is none would be a way to smuggle one in.
        let name = match row.docs.starts_with("https://") && !row.docs.contains(['(', ')', '<', '>', ' ', '|']) {
            true => format!("[{}]({})", escape_markdown(&row.name), row.docs),
            false => escape_markdown(&row.name),
        };
        let specificity = row.specificity.map(|s| s.to_string()).unwrap_or_default();
        let role = row.role.as_deref().unwrap_or(row.kind);
        let cells = [name, escape_markdown(&row.title), escape_markdown(role), specificity, escape_markdown(&row.from)];
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_listed_in_every_form() {
        let rows = rows(&Formats::builtin());
        let (table, markdown, json) = (table(&rows, &Environment::default()), markdown(&rows), json(&rows));
        assert!(rows.iter().any(|r| r.kind == "lines") && rows.iter().any(|r| r.kind == "messages"));
        for row in &rows {
            assert!(table.contains(&row.name) && markdown.contains(&row.docs) && json.contains(&row.name), "{row:?}");
        }
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        assert_eq!(markdown.lines().count(), rows.len() + 2);
    }

    #[test]
    fn hostile_texts_stay_in_their_cells() {
        let evil = "x | y <b> [z](http://a)\u{1b}[2J";
        let row = Row {
            kind: "lines",
            name: sanitize(evil),
            title: sanitize(evil),
            role: None,
            docs: "javascript:alert(1)".to_owned(),
            from: "built-in".to_owned(),
            specificity: Some(1),
        };
        let text = markdown(&[row]);
        assert!(!text.replace("\\]", "").contains("](") && !text.contains("<b>") && !text.contains('\u{1b}'), "{text}");
        assert_eq!(text.lines().last().map(|l| l.replace("\\|", "").matches('|').count()), Some(6), "{text}");
    }
}
