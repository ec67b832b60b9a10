//! How far formats got with a line that they do not match.
//!
//! A regular expression is cut into the pieces of its outermost sequence: a beginning of it matches whatever the whole matches, so the
//! first piece that fails is found by bisection. Does not judge which format was meant; it ranks by the share that matched.

use regex::bytes::RegexBuilder;

use crate::parse::beginnings::Candidates;
use crate::parse::cells::{Column, Row};
use crate::parse::compile::{LineFormat, Variant};
use crate::parse::format::Reader;
use crate::parse::matching::{Matched, Matcher};
use crate::parse::timestamp::Clock;

/// A pattern of which less matched has nothing to do with the line.
const LEAST_SHARE: f64 = 0.25;

/// A format that nearly matches.
#[derive(Clone, Debug, PartialEq)]
pub struct NearMiss {
    pub format: String,
    pub variant: Option<String>,
    /// Share of the pattern that matched, 0 to 1.
    pub share: f64,
    /// Bytes of the line that the matching part took.
    pub offset: usize,
    /// The piece of the pattern that failed there; what else was wrong, as a lower-case fragment.
    pub failed: Failed,
}

impl NearMiss {
    /// A short pattern matches much of itself by chance, a loose one much of the line: both must have gone far.
    fn nearness(&self) -> f64 {
        self.share * self.offset as f64
    }
}

/// Why a format does not match.
#[derive(Clone, Debug, PartialEq)]
pub enum Failed {
    /// This piece of the regular expression.
    Piece(String),
    /// The whole pattern matched, but this is no time to it.
    Time(String),
    /// Another reason.
    Other(String),
}

/// The formats that come nearest, nearest first; `taken` is the one that took the line after all.
pub fn misses<'f>(matcher: &mut Matcher<'f>, line: &str, clock: &Clock, taken: Option<&str>) -> Vec<NearMiss> {
    let mut near: Vec<NearMiss> = Vec::new();
    for format in matcher.formats.lines().iter().filter(|f| taken != Some(&f.name)) {
        match format.reader {
            Reader::Lines => near.extend(nearest_variant(matcher, format, line, clock)),
            Reader::Json => near.extend(json(matcher, format, line, clock)),
            Reader::Logfmt | Reader::Csv | Reader::Block | Reader::Header | Reader::Fields => {}
        }
    }
    near.sort_by(|a, b| b.nearness().total_cmp(&a.nearness()).then_with(|| a.format.cmp(&b.format)));
    near
}

fn nearest_variant<'f>(matcher: &mut Matcher<'f>, format: &'f LineFormat, line: &str, clock: &Clock) -> Option<NearMiss> {
    let first = line.bytes().next()?;
    let candidates = format.variants.iter().filter(|v| v.may_begin_with(first));
    let misses = candidates.filter_map(|variant| miss(matcher, format, variant, line, clock));
    misses.max_by(|a, b| a.nearness().total_cmp(&b.nearness()))
}

fn miss<'f>(matcher: &mut Matcher<'f>, format: &'f LineFormat, variant: &'f Variant, line: &str, clock: &Clock) -> Option<NearMiss> {
    let miss = |share, offset, failed| NearMiss { format: format.name.clone(), variant: Some(variant.name.clone()), share, offset, failed };
    if matcher.hits(variant, line) {
        let mut row = Row::default();
        if matcher.line(format, line, &Candidates::ANY, clock, &mut row) != Matched::No {
            return None;
        }
        let time = row.raw(Column::Time, line).unwrap_or_default().to_owned();
        return Some(miss(1.0, line.len(), Failed::Time(time)));
    }
    let progress = progress(&variant.pattern.text, line)?;
    let share = progress.matched as f64 / variant.pattern.text.len().max(1) as f64;
    (share >= LEAST_SHARE && progress.offset > 0).then(|| miss(share, progress.offset, Failed::Piece(progress.piece)))
}

/// Why a line that begins as an object is not one of this format.
fn json<'f>(matcher: &mut Matcher<'f>, format: &'f LineFormat, line: &str, clock: &Clock) -> Option<NearMiss> {
    // Only the format that takes any object can say what is amiss with one.
    if !line.starts_with('{')
        || !format.requires.is_empty()
        || matcher.line(format, line, &Candidates::ANY, clock, &mut Row::default()) != Matched::No
    {
        return None;
    }
    let (offset, why) = match serde_json::from_str::<serde::de::IgnoredAny>(line) {
        Err(e) => {
            (e.column().min(line.len()), format!("it is not valid JSON: {}", e.to_string().split(" at line ").next().unwrap_or_default()))
        }
        Ok(_) => (line.len(), "it is an object, but no key of it is known to hold a time and a message".to_owned()),
    };
    Some(NearMiss { format: format.name.clone(), variant: None, share: 0.99, offset, failed: Failed::Other(why) })
}

struct Progress {
    /// Bytes of the pattern that matched.
    matched: usize,
    offset: usize,
    piece: String,
}

/// `None` where nothing can be said: an alternative at the outermost level.
fn progress(pattern: &str, line: &str) -> Option<Progress> {
    let mut state = Progress { matched: 0, offset: 0, piece: String::new() };
    advance(("", pattern, ""), line, &mut state);
    (!state.piece.is_empty()).then_some(state)
}

/// Finds the piece of `body` that fails behind what is `open`; goes into a group, because a time alone has many parts.
fn advance((open, body, close): (&str, &str, &str), line: &str, state: &mut Progress) {
    let cuts = pieces(body);
    let reached = cuts.partition_point(|cut| end_of_match(&format!("{open}{}{close}", &body[..*cut]), line).is_some());
    let Some(&cut) = cuts.get(reached) else { return };
    let start = reached.checked_sub(1).map_or(0, |last| cuts[last]);
    let matching = format!("{open}{}", &body[..start]);
    if let Some(offset) = end_of_match(&format!("{matching}{close}"), line) {
        (state.matched, state.offset) = (matching.len(), offset);
    }
    body[start..cut].clone_into(&mut state.piece);
    if let Some((opener, inside)) = plain_group(&body[start..cut]) {
        advance((&format!("{matching}{opener}"), inside, &format!("){close}")), line, state);
    }
}

fn end_of_match(pattern: &str, line: &str) -> Option<usize> {
    let regex = RegexBuilder::new(pattern).unicode(false).build().ok()?;
    regex.find(line.as_bytes()).map(|found| found.end())
}

/// A group without a quantifier and without alternatives: what opens it and what is inside.
fn plain_group(piece: &str) -> Option<(&str, &str)> {
    let inner = piece.strip_prefix('(')?.strip_suffix(')')?;
    let head = match inner.as_bytes() {
        [b'?', b':', ..] => 2,
        [b'?', b'<', ..] | [b'?', b'P', b'<', ..] => inner.find('>')? + 1,
        [b'?', ..] => return None,
        _ => 0,
    };
    Some((&piece[..head + 1], &inner[head..]))
}

/// Where the pieces of a sequence end: literals, classes and groups, each with its quantifier. None where it has alternatives.
fn pieces(pattern: &str) -> Vec<usize> {
    let bytes = pattern.as_bytes();
    let (mut at, mut ends) = (0, Vec::new());
    while at < bytes.len() {
        if bytes[at] == b'|' {
            return Vec::new();
        }
        at = quantifier_end(bytes, atom_end(pattern, at)).min(bytes.len());
        if pattern.is_char_boundary(at) {
            ends.push(at);
        }
    }
    ends
}

fn atom_end(pattern: &str, at: usize) -> usize {
    let bytes = pattern.as_bytes();
    match bytes[at] {
        b'\\' => at + 1 + pattern.get(at + 1..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8),
        b'[' => class_end(bytes, at),
        b'(' => group_end(bytes, at),
        _ => at + pattern.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8),
    }
}

/// A `]` right behind `[` or `[^` stands for itself.
fn class_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    at += usize::from(bytes.get(at) == Some(&b'^'));
    at += usize::from(bytes.get(at) == Some(&b']'));
    while let Some(byte) = bytes.get(at) {
        match byte {
            b']' => return at + 1,
            b'\\' => at += 2,
            b'[' if bytes.get(at + 1) == Some(&b':') => at = class_end(bytes, at),
            _ => at += 1,
        }
    }
    bytes.len()
}

fn group_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'[' => at = class_end(bytes, at) - 1,
            b'(' => depth += 1,
            b')' if depth == 1 => return at + 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn quantifier_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            Some(b'*' | b'+' | b'?') => at += 1,
            Some(b'{') => at += bytes[at..].iter().position(|b| *b == b'}').map_or(1, |end| end + 1),
            _ => return at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fall_into_their_pieces() {
        let check = |pattern: &str, expected: &[&str]| {
            let ends = pieces(pattern);
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let found: Vec<&str> = starts.zip(&ends).map(|(a, b)| &pattern[a..*b]).collect();
            assert_eq!(found, expected, "{pattern}");
        };
        check(r"^\d{4}-(?<a>x|y)?[^]\]a]+?é$", &["^", r"\d{4}", "-", "(?<a>x|y)?", r"[^]\]a]+?", "é", "$"]);
        check(r"\((?:a(b)[(])*\|", &[r"\(", r"(?:a(b)[(])*", r"\|"]);
        check("a|b", &[]);
        check("[[:alpha:]x]z", &["[[:alpha:]x]", "z"]);
        check("", &[]);
        for broken in ["(", "[", "\\", "a{", "(a[", "[^", ")"] {
            let _ = pieces(broken);
        }
    }

    #[test]
    fn the_first_piece_that_fails_is_found() {
        let check = |pattern: &str, line: &str, expected: Option<(usize, &str)>| {
            let found = progress(pattern, line);
            assert_eq!(found.as_ref().map(|p| (p.offset, p.piece.as_str())), expected, "{pattern} {line}");
        };
        check(r"^(?<time>\d{4}-\d\d) \[(?<level>[A-Z]+)\] x", "2023-08 [INFO] y", Some((15, "x")));
        check(r"^(?<time>\d{4}-\d\d) \[(?<level>[A-Z]+)\] x", "2023-0b [INFO] y", Some((6, r"\d")));
        check(r"^(?<time>\d{4}) (?<level>INFO|WARN) x", "2023 DEBUG x", Some((5, "(?<level>INFO|WARN)")));
        check(r"^a$", "a", None);
        check(r"^a|b", "c", None);
        check(r"^x", "é", Some((0, "x")));
    }
}
