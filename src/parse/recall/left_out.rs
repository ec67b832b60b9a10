//! Strings of JSON objects that do not tell what a record is: who logged it, in which thread, and what no column is for.
//!
//! Where they differ from line to line, few lines are the same but for numbers: twelve loggers and forty messages make hundreds of them. They are
//! looked for where lines that begin alike are mostly not known. That they do not matter to a line is asked when it is learnt ([`super::learn`]).

use std::ops::Range;

use memchr::memmem::Finder;

use super::super::Formats;
use super::super::cells::{Cell, Column, Columns, Spelling, is_nothing};
use super::super::structured::scan_json;

/// Strings left out of a line.
const MOST: usize = 8;
/// What they may say.
pub const MAY_SAY: Columns = Columns::of(&[Column::Logger, Column::Thread]);

/// What stands before the strings that are left out of lines that begin alike, in their order: `"logger":"`.
#[derive(Debug, Default)]
pub struct LeftOut(Vec<Finder<'static>>);

impl LeftOut {
    /// Those of lines like one; none where it is no object.
    pub fn of(text: &str, formats: &Formats) -> LeftOut {
        let mut before = Vec::new();
        let matters = |key: &str| formats.keys().get(key).is_some_and(|(column, _)| !MAY_SAY.has(column));
        let is_object = scan_json(text, 0, &mut |key, cell| {
            if before.len() < MOST && !matters(key) && range(cell, text).is_some() {
                before.extend(key_before(text, cell.start()));
            }
        });
        let finders = before.into_iter().filter(|_| is_object).map(|key| Finder::new(key.as_bytes()).into_owned());
        LeftOut(finders.collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where they stand in a line.
    #[inline]
    pub fn find(&self, text: &str, found: &mut Vec<Range<usize>>) {
        found.clear();
        let mut from = 0;
        for finder in &self.0 {
            let Some(at) = finder.find(&text.as_bytes()[from..]) else { continue };
            let start = from + at + finder.needle().len();
            let Some(length) = memchr::memchr2(b'"', b'\\', &text.as_bytes()[start..]) else { return };
            from = start + length;
            found.extend(range(Cell::new(start, from, Spelling::Plain), text));
        }
    }
}

/// Of a string that may be left out: it has a value, and is written as it is.
fn range(cell: Cell, text: &str) -> Option<Range<usize>> {
    let (end, raw) = (cell.end(), cell.raw(text));
    let is_whole = cell.spelling == Spelling::Plain && text.as_bytes().get(end) == Some(&b'"');
    (is_whole && !is_nothing(raw) && raw.bytes().all(|byte| byte >= b' ')).then(|| cell.start()..end)
}

/// The key of the string that begins at a place, with all that stands between.
fn key_before(text: &str, string: usize) -> Option<&str> {
    let key = text[..string - 1].trim_end().strip_suffix(':')?.trim_end().strip_suffix('"')?;
    key.rfind('"').map(|from| &text[from..string])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_that_matter_stay() {
        let formats = Formats::builtin();
        let line = r#"{"level":"info","logger":"a.b","thread" : "t-1","msg":"x","shop":"de","n":"-","o":{"x":["y"],"z":"w"}}"#;
        let left_out = LeftOut::of(line, &formats);
        let found = |text: &str| {
            let mut found = Vec::new();
            left_out.find(text, &mut found);
            found.into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found(line), ["a.b", "t-1", "de", "w"]);
        assert_eq!(found(r#"{"logger":"a b","shop":"-","z":"a\n"}"#), ["a b"]);
        assert_eq!(found(r#"{"logger":"","shop":"x"#), [""; 0]);
        assert_eq!(found(r#"{"shop":"\u00e9","z":"w"}"#), ["w"]);
        for none in ["", "logger=x", r#"{"logger":"x""#, r#"{"msg":"x","logger":1}"#, r#"{"":""}"#] {
            assert!(LeftOut::of(none, &formats).is_empty(), "{none}");
        }
    }
}
