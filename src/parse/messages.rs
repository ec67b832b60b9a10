//! Messages that mean the same whatever envelope they came in: requests, callees, error codes.
//!
//! What they look like stands in `parsers/messages/*.toml`.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::model::Record;

use super::Formats;
use super::assemble::{request, without_address_parts};
use super::cells::{Cell, Column, Row, is_nothing};
use super::compile::MessageFormat;
use super::keys::{Key, KeyCache};
use super::matching::fill_by;
use super::pattern::{Pattern, Places};
use super::recall::Meant;
use super::structured::{Names, pairs_of};
use super::tokens;

/// Masked texts remembered.
const MOST: usize = 8 * 1024;
/// Patterns from this number on share the last bit.
const LAST: usize = 62;
/// The text speaks of a status.
const STATUS: u64 = 1 << 63;

/// Which patterns of message formats the masked texts met before may match.
#[derive(Debug, Default)]
pub struct Meanings {
    known: FxHashMap<Box<str>, u64>,
    masked: String,
    places: Places,
    keys: KeyCache<Option<(Column, u8)>>,
}

impl Meanings {
    /// A bit for each pattern that may have something to say of a text, and [`STATUS`].
    fn of(&mut self, formats: &Formats, text: &str) -> u64 {
        self.masked.clear();
        tokens::mask_into(text, &mut self.masked);
        if let Some(known) = self.known.get(self.masked.as_str()) {
            return *known;
        }
        let found = meaning(formats, &self.masked);
        if self.known.len() < MOST {
            self.known.insert(self.masked.as_str().into(), found);
        }
        found
    }

    /// What a text means, to be kept.
    pub fn meant(&mut self, formats: &Formats, text: &str) -> Meant {
        let may_be = self.of(formats, text);
        Meant { masked: self.masked.as_str().into(), may_be }
    }

    fn read_pairs(&mut self, formats: &Formats, pairs: &str, base: usize, text: &str, row: &mut Row) {
        self.keys.begin();
        pairs_of(pairs, base, &mut Filling { cache: &mut self.keys, formats, text, row });
    }
}

/// What a masked text may mean: its variable parts are no part of any format's plain texts, so that it stands for all its like. Up to the first
/// of them it is what its like begin with.
fn meaning(formats: &Formats, masked: &str) -> u64 {
    let beginning = masked.split_once(tokens::VARIABLE).map_or(masked, |(before, _)| before);
    let begins = |(number, pattern): &(usize, &Pattern)| formats.beginnings().may_be_message(*number, &pattern.text, beginning);
    let spoken_of = numbered(formats).filter(|(format, _)| format.has_digits || format.any.is_match(masked));
    let found = spoken_of.flat_map(|(_, patterns)| patterns.filter(begins)).fold(0, |all, (number, _)| all | bit(number));
    if masked.contains("status") { found | STATUS } else { found }
}

/// Message formats with their patterns, each by its number among those of all formats.
fn numbered(formats: &Formats) -> impl Iterator<Item = (&MessageFormat, impl Iterator<Item = (usize, &Pattern)>)> {
    formats.messages().iter().scan(0, |next, format| {
        let first = *next;
        *next += format.patterns.len();
        Some((format, (first..).zip(&format.patterns)))
    })
}

/// Of a pattern by its number.
fn bit(number: usize) -> u64 {
    1_u64 << number.min(LAST)
}

/// Fills what the line's own columns left open, and returns the masked message. `known` is what the message means where that is known.
pub fn read_message<'m>(
    formats: &Formats,
    meanings: &'m mut Meanings,
    known: Option<&'m Meant>,
    record: &mut Record<'_>,
) -> Option<&'m str> {
    if let Some(error) = record.error.take() {
        let may_be = meanings.of(formats, &error);
        if may_be & !STATUS != 0 {
            let row = matched(formats, meanings, may_be, &error);
            fill(record, &row, &error);
        }
        record.error = Some(error);
    }
    if record.request.is_some() && is_request_line(&record.message) {
        return known.map(|known| &*known.masked);
    }
    let may_be = known.map_or_else(|| meanings.of(formats, &record.message), |known| known.may_be);
    if may_be != 0 {
        read_meaning(formats, meanings, may_be, record);
    }
    Some(known.map_or(&meanings.masked, |known| &known.masked))
}

fn read_meaning(formats: &Formats, meanings: &mut Meanings, may_be: u64, record: &mut Record<'_>) {
    // A borrowed message can be split for as long as the line lives; an owned one is taken out meanwhile.
    let message = std::mem::take(&mut record.message);
    if may_be & !STATUS != 0 {
        let row = matched(formats, meanings, may_be, &message);
        fill(record, &row, &message);
    }
    if record.request.is_none() && may_be & STATUS != 0 {
        let mut row = Row::default();
        meanings.read_pairs(formats, &message, 0, &message, &mut row);
        record.request = request(&row, &message).map(into_owned);
    }
    record.message = message;
}

/// `GET /orders HTTP/1.1`: what an access log has said by its columns already.
fn is_request_line(message: &str) -> bool {
    let bytes = message.as_bytes();
    let ends = |version: usize| bytes.len().checked_sub(version).is_some_and(|end| bytes[..end].ends_with(b" HTTP/"));
    bytes.first().is_some_and(u8::is_ascii_uppercase) && (0..=3).any(ends)
}

/// The columns of the first pattern of each format that matches.
fn matched(formats: &Formats, meanings: &mut Meanings, may_be: u64, text: &str) -> Row {
    let mut row = Row::default();
    for (_, patterns) in numbered(formats) {
        let mut may_match = patterns.filter(|(number, _)| may_be & bit(*number) != 0);
        let _ = may_match.any(|(_, pattern)| fill_by(pattern, text, &mut meanings.places, &mut row));
    }
    if let Some(tail) = row.cell(Column::Tail) {
        meanings.read_pairs(formats, tail.raw(text), tail.start(), text, &mut row);
    }
    row
}

/// Fills a row from the pairs in a part of a text.
struct Filling<'m> {
    cache: &'m mut KeyCache<Option<(Column, u8)>>,
    formats: &'m Formats,
    text: &'m str,
    row: &'m mut Row,
}

impl Names for Filling<'_> {
    type Name = Key;

    fn root(&self) -> Key {
        KeyCache::<Option<(Column, u8)>>::ROOT
    }

    fn within(&mut self, parent: Key, raw: &[u8]) -> Key {
        let keys = self.formats.keys();
        self.cache.within(parent, raw, |key| keys.get(key))
    }

    fn foreseen(&mut self, parent: Key, rest: &[u8], end: u8) -> Option<(Key, usize)> {
        self.cache.foreseen(parent, rest, end)
    }

    fn value(&mut self, key: Key, cell: Cell) {
        if let Some(Some((column, rank))) = self.cache.known(key)
            && !is_nothing(cell.raw(self.text))
        {
            self.row.set(*column, cell, rank.saturating_add(1));
        }
    }
}

fn fill(record: &mut Record<'_>, row: &Row, text: &str) {
    let owned = |column| row.text(column, text).map(|t: Cow<'_, str>| Cow::Owned(t.into_owned()));
    record.request = record.request.take().or_else(|| request(row, text).map(into_owned));
    record.span = record.span.take().or_else(|| owned(Column::Span));
    record.code = record.code.take().or_else(|| owned(Column::Code));
    record.trace = record.trace.take().or_else(|| owned(Column::Trace));
    record.error = record.error.take().or_else(|| owned(Column::Error));
    let peer = || row.text(Column::Peer, text).and_then(|p| without_address_parts(&p).map(|p| Cow::Owned(p.to_owned())));
    record.peer = record.peer.take().or_else(peer);
}

fn into_owned<'a>(request: crate::model::Request<'_>) -> crate::model::Request<'a> {
    let owned = |text: Option<Cow<'_, str>>| text.map(|t| Cow::Owned(t.into_owned()));
    crate::model::Request {
        method: owned(request.method),
        path: owned(request.path),
        status: request.status,
        duration: request.duration,
        user: owned(request.user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is ruled out by the masked text does not match: for every sample, against all patterns.
    #[test]
    fn nothing_that_matches_is_ruled_out() {
        let formats = Formats::builtin();
        let patterns: Vec<&Pattern> = formats.messages().iter().flat_map(|format| &format.patterns).collect();
        let lines = formats.lines().iter().flat_map(|format| &format.samples).flat_map(|sample| sample.text.lines());
        let messages = formats.messages().iter().flat_map(|format| &format.samples).map(|sample| sample.text.as_str());
        let (mut matches, mut ruled_out) = (0, 0);
        for text in messages.chain(lines) {
            let may_be = Meanings::default().of(&formats, text);
            for (number, pattern) in patterns.iter().enumerate() {
                let (matched, may_match) = (pattern.is_match(text), may_be & bit(number) != 0);
                (matches, ruled_out) = (matches + usize::from(matched), ruled_out + usize::from(!may_match));
                // A pattern that matches what its format's plain texts are not part of is not tried either.
                let format = formats.messages().iter().find(|format| format.patterns.iter().any(|p| p.text == pattern.text));
                let spoken_of = format.is_some_and(|format| format.any.is_match(text));
                assert!(!matched || !spoken_of || may_match, "{}: {text}", pattern.text);
            }
        }
        assert!(matches > 20 && ruled_out > 1_000, "{matches} {ruled_out}");
    }
}
