//! Which format a file has: the one that matches most of its first lines, the more specific one where several do.
//!
//! Does not read files: it is given the lines.

use super::beginnings::Candidates;
use super::cells::{Column, Row};
use super::compile::LineFormat;
use super::format::Reader;
use super::matching::{Matched, Matcher};
use super::timestamp::Clock;

/// A format that matches this share of what the best one matches is as good as the best one.
const NEAR_BEST: f64 = 0.8;

/// Formats up to this specificity get only the lines that no other format matches.
pub const CATCH_ALL: u8 = 10;

/// What a file's lines are.
#[derive(Clone, Debug, Default)]
pub struct Detected<'f> {
    /// The envelope, where the lines are wrapped.
    pub wrapper: Option<&'f LineFormat>,
    /// The format of the lines, or of what the envelopes hold. `None`: no known one.
    pub format: Option<&'f LineFormat>,
    /// All formats in the order in which a line is to be tried: those that the sample had, the file's own among them,
    /// come first.
    pub order: Vec<&'f LineFormat>,
}

impl<'f> Detected<'f> {
    /// `docker-json/logback`, `none`.
    pub fn name(&self) -> String {
        let names: Vec<&str> = [self.wrapper, self.format].into_iter().flatten().map(|f| f.name.as_str()).collect();
        if names.is_empty() { "unknown".to_owned() } else { names.join("/") }
    }
}

/// Finds the format of a file from its first lines.
pub fn detect<'f>(matcher: &mut Matcher<'f>, lines: &[&str], clock: &Clock) -> Detected<'f> {
    matcher.see_first(lines.first().copied().unwrap_or_default());
    let counts = count(matcher, lines, clock, |_| true);
    match best(&counts) {
        Some(wrapper) if wrapper.wraps => {
            let inner: Vec<String> = lines.iter().filter_map(|line| inner(matcher, wrapper, line, clock)).collect();
            let inner: Vec<&str> = inner.iter().map(String::as_str).collect();
            let counts = count(matcher, &inner, clock, |f| !f.wraps);
            Detected { wrapper: Some(wrapper), format: best(&counts), order: order(&counts) }
        }
        format => Detected { wrapper: None, format, order: order(&counts) },
    }
}

/// The file's format first, unless it is a catch-all: then those before it that know some of the lines better.
fn order<'f>(counts: &[(usize, &'f LineFormat)]) -> Vec<&'f LineFormat> {
    let own = best(counts);
    let is_own = |format: &LineFormat| own.is_some_and(|own| std::ptr::eq(own, format));
    let place = |(count, format): &(usize, &LineFormat)| match () {
        () if is_own(format) && format.specificity > CATCH_ALL => 0,
        () if *count > 0 && format.specificity > CATCH_ALL => 1,
        () if is_own(format) => 2,
        () => 3,
    };
    let mut order: Vec<_> = counts.iter().filter(|(_, f)| !f.wraps).collect();
    // Stable: within a place they stay by falling specificity.
    order.sort_by_key(|counted| place(counted));
    order.into_iter().map(|(_, format)| *format).collect()
}

fn inner<'f>(matcher: &mut Matcher<'f>, wrapper: &'f LineFormat, line: &str, clock: &Clock) -> Option<String> {
    let mut row = Row::default();
    match matcher.line(wrapper, line, &Candidates::ANY, clock, &mut row) {
        Matched::Record(_) => row.text(Column::Inner, line).map(|text| text.trim_end().to_owned()),
        _ => None,
    }
}

type Counts<'f> = Vec<(usize, &'f LineFormat)>;

/// How many lines each format matches.
fn count<'f>(matcher: &mut Matcher<'f>, lines: &[&str], clock: &Clock, wanted: fn(&LineFormat) -> bool) -> Counts<'f> {
    let heads: Vec<&str> = lines.iter().copied().filter(|line| !line.is_empty() && !line.starts_with([' ', '\t'])).collect();
    let beginnings = matcher.formats.beginnings();
    let looks: Vec<_> = heads.iter().map(|line| beginnings.look(line)).collect();
    let mut known = vec![false; heads.len()];
    let mut counts = Vec::new();
    // By falling specificity, so that a catch-all comes when all others have taken theirs.
    for format in matcher.formats.lines().iter().filter(|f| wanted(f)) {
        let mut count = 0_usize;
        for ((line, look), known) in heads.iter().zip(&looks).zip(&mut known) {
            let free = format.specificity > CATCH_ALL || !*known;
            // The middle of a block does not begin like a block.
            let may_match = beginnings.may_be(look, format.position) || format.reader == Reader::Block;
            if free && may_match && matches(matcher, format, line, look, clock) {
                count += 1;
                *known = true;
            }
        }
        counts.push((count, format));
    }
    counts
}

/// Of the formats that match nearly the most lines the most specific; `None` where none matches any.
fn best<'f>(counts: &[(usize, &'f LineFormat)]) -> Option<&'f LineFormat> {
    let most = counts.iter().map(|(count, _)| *count).max().filter(|most| *most > 0)?;
    let good = counts.iter().filter(|(count, _)| *count as f64 >= NEAR_BEST * most as f64);
    // Formats come by falling specificity, then by name: of equals the first stays.
    let better = |a: &(usize, &LineFormat), b: &(usize, &LineFormat)| (b.1.specificity, b.0) > (a.1.specificity, a.0);
    good.reduce(|a, b| if better(a, b) { b } else { a }).map(|(_, format)| *format)
}

fn matches<'f>(matcher: &mut Matcher<'f>, format: &'f LineFormat, line: &str, look: &Candidates, clock: &Clock) -> bool {
    matcher.line(format, line, look, clock, &mut Row::default()) != Matched::No || is_in_block(matcher, format, line)
}

/// Whether a line belongs into the middle of a block.
fn is_in_block<'f>(matcher: &mut Matcher<'f>, format: &'f LineFormat, line: &str) -> bool {
    format.reader == Reader::Block && format.variants.iter().any(|v| matcher.hits(v, line))
}

#[cfg(test)]
mod tests {
    use super::super::Formats;
    use super::*;

    fn check(lines: &[&str], expected: &str) {
        let formats = Formats::builtin();
        let found = detect(&mut Matcher::new(&formats), lines, &Clock::default()).name();
        assert_eq!(found, expected, "{lines:?}");
    }

    #[test]
    fn the_specific_format_wins_though_the_catch_all_matches_more() {
        let python = "2023-08-12 14:31:07,824 INFO [a] one";
        let other = "2023-08-12 14:31:07 something else";
        check(&[python, python, python, python, other], "python-logging");
        check(&[python, other, other, other, other], "generic-header");
        check(&[other], "generic-header");
        check(&["", "  indented", "no time"], "unknown");
    }

    #[test]
    fn envelopes_are_opened() {
        let envelope = |inner: &str| format!("{{\"log\":\"{inner}\\n\",\"stream\":\"stdout\",\"time\":\"2023-08-12T14:31:07.1Z\"}}");
        check(&[&envelope("2023-08-12 14:31:07,824 INFO [a] one")], "docker-json/python-logging");
        check(&[&envelope("hello")], "docker-json");
    }
}
