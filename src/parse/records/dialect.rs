//! How one file is written: what its first lines tell, and all that its records need to know of it.

use crate::read::lines::Lines;

use super::super::Formats;
use super::super::compile::LineFormat;
use super::super::detect::{CATCH_ALL, Detected, detect};
use super::super::format::Reader;
use super::super::matching::{Header, Matcher};
use super::super::timestamp::Clock;

/// Lines from which a file's format is told.
pub const SAMPLE: usize = 200;

/// What holds for every line of a file.
pub struct Dialect<'f> {
    pub detected: Detected<'f>,
    /// Names of CSV cells.
    pub header: Option<Header>,
    /// Blanks that every line begins with: some programs indent whole logs.
    pub indent: usize,
}

impl<'f> Dialect<'f> {
    /// Tells it from the beginning of a file.
    pub fn of(formats: &'f Formats, clock: &Clock, opening: &str) -> Dialect<'f> {
        let sample: Vec<&str> = Lines::of(opening).take(SAMPLE).collect();
        let indents = sample.iter().filter(|line| !line.trim().is_empty()).map(|line| blanks(line));
        let indent = indents.min().unwrap_or(0);
        let sample: Vec<&str> = sample.into_iter().map(|line| without_indent(line, indent)).collect();
        let mut matcher = Matcher::new(formats);
        let detected = detect(&mut matcher, &sample, clock);
        Dialect { detected, header: matcher.into_header(), indent }
    }

    /// A format that says what its lines look like, or the file's own.
    pub fn is_sure(&self, format: &LineFormat) -> bool {
        format.specificity > CATCH_ALL || self.detected.format.is_some_and(|own| std::ptr::eq(own, format))
    }

    /// Whether any line of a format can end the header of a block. What names the fields of the lines behind it is to be read in any case.
    pub fn may_end_header(&self, format: &LineFormat) -> bool {
        self.is_sure(format) || format.reader == Reader::Fields
    }

    /// Whether a line may be understood without all those before it: not where quotes may be open, where a line names the cells of those
    /// that follow, and where nothing tells when a line was written.
    pub fn can_be_cut(&self) -> bool {
        let alone = |format: &LineFormat| !matches!(format.reader, Reader::Csv | Reader::Fields | Reader::Block);
        self.detected.format.is_some_and(alone) && self.detected.wrapper.is_none_or(alone) && self.header.is_none()
    }
}

/// The line without so many blanks at its beginning, if it has them.
#[inline]
pub fn without_indent(line: &str, indent: usize) -> &str {
    if indent == 0 { line } else { &line[indent.min(blanks(line))..] }
}

fn blanks(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}
