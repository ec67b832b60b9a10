//! A number, an identifier or a string that stands in a line and differs among its like.

use std::ops::Range;

use super::super::varying::Kind;

/// A part of a line that differs among its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    start: u16,
    end: u16,
    pub kind: Kind,
    /// Hexadecimal and so short, or a number of a name, that masking leaves it as it is.
    pub short: bool,
}

impl Part {
    /// One that ends where the line begins.
    pub const BEFORE_ALL: Part = Part { start: 0, end: 0, kind: Kind::Digits, short: false };

    /// From one place of a line to another, in bytes. Lines that are folded are short.
    #[inline]
    pub fn new((start, end): (usize, usize), kind: Kind) -> Part {
        Part { start: start as u16, end: end as u16, kind, short: false }
    }

    /// The same, told to be short or not.
    #[inline]
    pub fn marked(self, short: bool) -> Part {
        Part { short, ..self }
    }

    /// Whether it is the number that a name ends with, and may be left out for that.
    pub fn is_of_name(self) -> bool {
        self.short && self.kind == Kind::Digits
    }

    /// Where it begins in the line, in bytes; letters and digits stand neither before it nor behind, unless it is digits or behind `0x`. Around
    /// [`Kind::Text`] stand quotes.
    pub fn start(self) -> usize {
        usize::from(self.start)
    }

    /// Where it ends.
    pub fn end(self) -> usize {
        usize::from(self.end)
    }

    /// Its bytes in the line.
    pub fn range(self) -> Range<usize> {
        self.start()..self.end()
    }
}
