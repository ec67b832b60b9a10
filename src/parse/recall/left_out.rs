//! Strings of JSON objects that do not tell what a record is: who logged it, in which thread, and what no column is for.
//!
//! Where they differ from line to line, few lines are the same but for numbers: twelve loggers and forty messages make hundreds of them. They are
//! looked for where lines that begin alike are mostly not known. That they do not matter to a line is asked when it is learnt ([`super::learn`]).

use std::ops::Range;

use memchr::memmem::Finder;
use wide::u8x16;

use crate::read::bitmaps::{self, AT_ONCE};

use super::super::Formats;
use super::super::cells::{Cell, Column, Columns, Spelling, is_nothing};
use super::super::structured::scan_json;

/// Strings left out of a line.
const MOST: usize = 8;
/// Lines in which a string must differ once to be left out.
const WATCHED: u8 = 64;
/// What they may say.
pub const MAY_SAY: Columns = Columns::of(&[Column::Logger, Column::Thread]);

/// The strings that are left out of lines that begin alike, in their order.
#[derive(Debug, Default)]
pub struct LeftOut {
    strings: Vec<LeftString>,
    /// Lines since the first one, in which nothing is left out yet.
    watched: u8,
}

/// A string by what stands before it: `"logger":"`.
#[derive(Debug)]
struct LeftString {
    before: Finder<'static>,
    /// What it is in the first line.
    first: Box<str>,
    differs: bool,
}

impl LeftOut {
    /// Those of lines like one, which is the first; none where it is no object.
    pub fn of(text: &str, formats: &Formats) -> LeftOut {
        let mut strings = Vec::new();
        let matters = |key: &str| formats.keys().get(key).is_some_and(|(column, _)| !MAY_SAY.has(column));
        let is_object = scan_json(text, 0, &mut |key, cell| {
            if strings.len() < MOST && !matters(key) && is_left_out(cell, text) {
                let string = |key: &str| LeftString {
                    before: Finder::new(key.as_bytes()).into_owned(),
                    first: cell.raw(text).into(),
                    differs: false,
                };
                strings.extend(key_before(text, cell.start()).map(string));
            }
        });
        LeftOut { strings: if is_object { strings } else { Vec::new() }, watched: 0 }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.strings.is_empty()
    }

    /// Appends where they stand in a line.
    pub fn find(&mut self, text: &str, found: &mut Vec<Range<usize>>) {
        self.look(text, found);
        if self.watched < WATCHED {
            found.clear();
            self.watched += 1;
            if self.watched == WATCHED {
                self.strings.retain(|string| string.differs);
            }
        }
    }

    fn look(&mut self, text: &str, found: &mut Vec<Range<usize>>) {
        let mut from = 0;
        for string in &mut self.strings {
            let Some(start) = string.find(text, from) else { continue };
            from = start;
            if let Some(end) = end_of_plain(text.as_bytes(), start).filter(|end| !is_nothing(&text[start..*end])) {
                string.differs = string.differs || text[start..end] != *string.first;
                found.push(start..end);
                from = end;
            }
        }
    }
}

impl LeftString {
    /// Where it begins, from a place on. Mostly it is the next one.
    #[inline]
    fn find(&self, text: &str, from: usize) -> Option<usize> {
        let (left, before) = (&text.as_bytes()[from..], self.before.needle());
        let is_next = left.get(NEXT.len()..).is_some_and(|left| left.starts_with(before)) && left.starts_with(NEXT);
        let at = if is_next { NEXT.len() } else { self.before.find(left)? };
        Some(from + at + before.len())
    }
}

/// Between a string and the next key.
const NEXT: &[u8] = b"\",";

/// Whether a string may be left out: it says something, and is written as it is.
fn is_left_out(cell: Cell, text: &str) -> bool {
    cell.spelling == Spelling::Plain && !is_nothing(cell.raw(text)) && end_of_plain(text.as_bytes(), cell.start()) == Some(cell.end())
}

/// Where the quote stands that ends a string, if neither a backslash nor a control character stands before it.
fn end_of_plain(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while let Some(some) = text.get(at..)?.first_chunk::<AT_ONCE>() {
        let bytes = u8x16::new(*some);
        let ends = bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\')) | bitmaps::in_range(bytes, 0, b' ' - 1);
        match ends.to_bitmask() {
            0 => at += AT_ONCE,
            found => {
                let end = at + found.trailing_zeros() as usize;
                return (text[end] == b'"').then_some(end);
            }
        }
    }
    let end = at + text[at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '))?;
    (text[end] == b'"').then_some(end)
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
        let mut left_out = LeftOut::of(line, &formats);
        let mut found = |text: &str| {
            let mut found = Vec::new();
            left_out.find(text, &mut found);
            found.into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found(r#"{"logger":"other","thread" : "t-2","shop":"at","z":"w"}"#), [""; 0]);
        for _ in 1..WATCHED {
            assert_eq!(found(line), [""; 0]);
        }
        assert_eq!(found(line), ["a.b", "t-1", "de"]);
        assert_eq!(found(r#"{"logger":"a b","shop":"-"}"#), ["a b"]);
        assert_eq!(found(r#"{"logger":"a b","thread" : "a\n","shop":"x"}"#), ["a b", "x"]);
        assert_eq!(found(r#"{"logger":"","shop":"x"#), [""; 0]);
        for none in ["", "logger=x", r#"{"logger":"x""#, r#"{"msg":"x","logger":1}"#, r#"{"":""}"#] {
            assert!(LeftOut::of(none, &formats).is_empty(), "{none}");
        }
    }
}
