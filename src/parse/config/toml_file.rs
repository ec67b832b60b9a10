//! TOML. A file with faults gives what could be recovered, with a complaint for each.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Flat;
use super::tree::Tree;

/// Reads one document.
pub(super) fn read(text: &str, flat: &mut Flat) {
    let (table, faults) = DeTable::parse_recoverable(text);
    let source = Source { text, starts: std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect() };
    source.table(table.get_ref()).flatten("", 0, flat);
    for fault in faults {
        let line = fault.span().map_or(0, |span| source.line(span.start));
        flat.complain(line, format!("not valid TOML: {}", fault.message()));
    }
}

struct Source<'t> {
    text: &'t str,
    /// Where every line begins.
    starts: Vec<usize>,
}

impl Source<'_> {
    fn line(&self, at: usize) -> u64 {
        self.starts.partition_point(|start| *start <= at) as u64
    }

    fn table(&self, table: &DeTable<'_>) -> Tree {
        Tree::Map(table.iter().map(|(key, value)| (key.get_ref().to_string(), self.value(value))).collect())
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Tree {
        let span = value.span();
        match value.get_ref() {
            DeValue::Table(table) => self.table(table),
            DeValue::Array(items) => Tree::List(items.iter().map(|item| self.value(item)).collect()),
            DeValue::String(text) => Tree::Scalar(text.to_string(), self.line(span.start)),
            _ => {
                let line = self.line(span.start);
                Tree::Scalar(self.text.get(span).unwrap_or("").trim().to_owned(), line)
            }
        }
    }
}
