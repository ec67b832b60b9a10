//! Which format a file has: the one that matches most of its first lines, the more specific one where several do.
//!
//! Does not read files: it is given the lines.

use super::cells::{Column, Row};
use super::compile::LineFormat;
use super::format::Reader;
use super::matching::{Matched, Matcher};
use super::timestamp::Clock;

/// A format that matches this share of what the best one matches is as good as the best one.
const NEAR_BEST: f64 = 0.8;

/// What a file's lines are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detected<'f> {
    /// The envelope, where the lines are wrapped.
    pub wrapper: Option<&'f LineFormat>,
    /// The format of the lines, or of what the envelopes hold. `None`: no known one.
    pub format: Option<&'f LineFormat>,
}

impl<'f> Detected<'f> {
    /// `docker-json/logback`, `none`.
    pub fn name(&self) -> String {
        let names: Vec<&str> = [self.wrapper, self.format].into_iter().flatten().map(|f| f.name.as_str()).collect();
        if names.is_empty() { "unknown".to_owned() } else { names.join("/") }
    }
}

/// Finds the format of a file from its first lines.
pub fn detect<'f>(matcher: &mut Matcher<'f>, lines: &[String], clock: &Clock) -> Detected<'f> {
    let best = best(matcher, lines, clock, |_| true);
    match best {
        Some(wrapper) if wrapper.wraps => {
            let inner: Vec<String> = lines.iter().filter_map(|line| inner(matcher, wrapper, line, clock)).collect();
            Detected { wrapper: Some(wrapper), format: self::best(matcher, &inner, clock, |f| !f.wraps) }
        }
        format => Detected { wrapper: None, format },
    }
}

fn inner<'f>(matcher: &mut Matcher<'f>, wrapper: &'f LineFormat, line: &str, clock: &Clock) -> Option<String> {
    let mut row = Row::default();
    match matcher.line(wrapper, line, clock, &mut row) {
        Matched::Record(_) => row.text(Column::Inner, line).map(|text| text.trim_end().to_owned()),
        _ => None,
    }
}

fn best<'f>(matcher: &mut Matcher<'f>, lines: &[String], clock: &Clock, wanted: fn(&LineFormat) -> bool) -> Option<&'f LineFormat> {
    let formats = matcher.formats;
    let counts: Vec<(usize, &LineFormat)> =
        formats.lines().iter().filter(|f| wanted(f)).map(|f| (matches(matcher, f, lines, clock), f)).collect();
    let most = counts.iter().map(|(count, _)| *count).max().filter(|most| *most > 0)?;
    let good = counts.into_iter().filter(|(count, _)| *count as f64 >= NEAR_BEST * most as f64);
    // Formats come by falling specificity, then by name: of equals the first stays.
    let better = |a: &(usize, &LineFormat), b: &(usize, &LineFormat)| (b.1.specificity, b.0) > (a.1.specificity, a.0);
    good.reduce(|a, b| if better(&a, &b) { b } else { a }).map(|(_, format)| format)
}

fn matches<'f>(matcher: &mut Matcher<'f>, format: &'f LineFormat, lines: &[String], clock: &Clock) -> usize {
    let mut row = Row::default();
    let heads = lines.iter().filter(|line| !line.is_empty() && !line.starts_with([' ', '\t']));
    heads.filter(|line| matcher.line(format, line, clock, &mut row) != Matched::No || is_in_block(matcher, format, line)).count()
}

/// Whether a line belongs into the middle of a block.
fn is_in_block<'f>(matcher: &mut Matcher<'f>, format: &'f LineFormat, line: &str) -> bool {
    format.reader == Reader::Block && format.variants.iter().any(|v| matcher.hits(v, line))
}
