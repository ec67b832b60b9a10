//! Messages that mean the same whatever envelope they came in: requests, callees, error codes.
//!
//! What they look like stands in `parsers/messages/*.toml`.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::{FxHashMap, FxHasher};

use crate::model::{Masked, Record, Tag};

use super::Formats;
use super::assemble::{request, without_address_parts};
use super::cells::{Cell, Column, Row, is_nothing};
use super::compile::MessageFormat;
use super::keys::{Key, KeyCache};
use super::matching::fill_by;
use super::pattern::{Pattern, Places};
use super::scanner::{Beginning, Scanned};
use super::structured::{Names, pairs_of};
use super::tokens;

/// Masked texts remembered.
const MOST: usize = 8 * 1024;
/// Patterns from this number on share the last bit.
const LAST: usize = 61;
/// Some of the patterns may find an error in it.
const ERROR: u64 = 1 << 62;
/// The text speaks of a status.
const STATUS: u64 = 1 << 63;
/// The columns from which an error may come, as patterns name them.
const OF_ERRORS: [&str; 2] = ["<error>", "<tail>"];

/// Readers so far.
static READERS: AtomicU64 = AtomicU64::new(0);

/// Which patterns of message formats the masked texts met before may match.
#[derive(Debug)]
pub struct Meanings {
    /// What tells its numbers from those of others.
    reader: u64,
    numbers: FxHashMap<Arc<str>, u32>,
    /// By number: the masked text, and a bit for each pattern that may have something to say of it, [`ERROR`] and [`STATUS`].
    known: Vec<(Arc<str>, u64)>,
    /// What services write with masked texts, each pair by a number of its own; by a hash of both, for asking needs no copy of the service then.
    kinds: FxHashMap<u64, Pair>,
    /// The services of these, by their numbers.
    services: Vec<Arc<str>>,
    /// The text masked last.
    masked: String,
    /// What was read of a message last.
    row: Box<Row>,
    places: Places,
    keys: KeyCache<Option<(Column, u8)>>,
}

/// A masked text and a service, by the number of both.
#[derive(Debug)]
struct Pair {
    text: u32,
    number: u32,
}

/// What numbers of one reader stand for, to be told to another.
#[derive(Debug)]
pub struct Said {
    masked: Arc<str>,
    may_be: u64,
    /// Who says it, where that has a kind.
    service: Option<Arc<str>>,
}

/// What a text may mean.
#[derive(Clone, Copy, Debug)]
struct Meaning {
    may_be: u64,
    /// `None`: as many are numbered as there may be.
    number: Option<u32>,
}

impl Default for Meanings {
    fn default() -> Meanings {
        Meanings {
            reader: READERS.fetch_add(1, Ordering::Relaxed),
            numbers: FxHashMap::default(),
            known: Vec::new(),
            kinds: FxHashMap::default(),
            services: Vec::new(),
            masked: String::new(),
            row: Box::default(),
            places: Places::default(),
            keys: KeyCache::default(),
        }
    }
}

impl Meanings {
    fn of(&mut self, formats: &Formats, text: &str) -> Meaning {
        self.masked.clear();
        tokens::mask_into(text, &mut self.masked);
        if let Some(number) = self.numbers.get(self.masked.as_str()) {
            return self.numbered(*number);
        }
        let may_be = meaning(formats, &self.masked);
        if self.known.len() >= MOST {
            return Meaning { may_be, number: None };
        }
        let number = self.add(self.masked.as_str().into(), may_be);
        Meaning { may_be, number: Some(number) }
    }

    /// Numbers a masked text.
    fn add(&mut self, masked: Arc<str>, may_be: u64) -> u32 {
        let number = self.known.len() as u32;
        self.known.push((Arc::clone(&masked), may_be));
        self.numbers.insert(masked, number);
        number
    }

    /// What the numbers of a message and of its kind stand for.
    pub fn said(&self, message: Option<u32>, kind: Option<u32>) -> Option<Said> {
        let (masked, may_be) = &self.known[message? as usize];
        let service = kind.map(|kind| Arc::clone(&self.services[kind as usize]));
        Some(Said { masked: Arc::clone(masked), may_be: *may_be, service })
    }

    /// Its own numbers for what another reader said.
    pub fn hear(&mut self, said: &Said) -> (Option<u32>, Option<u32>) {
        let number = match self.numbers.get(&said.masked) {
            Some(number) => *number,
            None if self.known.len() >= MOST => return (None, None),
            None => self.add(Arc::clone(&said.masked), said.may_be),
        };
        (Some(number), said.service.as_ref().and_then(|service| self.numbered_kind(number, service)))
    }

    fn numbered(&self, number: u32) -> Meaning {
        Meaning { may_be: self.known[number as usize].1, number: Some(number) }
    }

    /// The number of the masked form of a text.
    pub fn number(&mut self, formats: &Formats, text: &str) -> Option<u32> {
        self.of(formats, text).number
    }

    /// The number of what a service writes with a masked text, where that has no error in it, for which it is counted by itself. `is_request`: the
    /// line of a request, which is not looked at for that.
    pub fn kind(&mut self, number: u32, service: &str, is_request: bool) -> Option<u32> {
        if !is_request && self.numbered(number).may_be & ERROR != 0 {
            return None;
        }
        self.numbered_kind(number, service)
    }

    fn numbered_kind(&mut self, number: u32, service: &str) -> Option<u32> {
        let next = self.services.len();
        let mut hasher = FxHasher::default();
        (number, service).hash(&mut hasher);
        match self.kinds.entry(hasher.finish()) {
            Entry::Occupied(known) => {
                let pair = known.get();
                (pair.text == number && *self.services[pair.number as usize] == *service).then_some(pair.number)
            }
            Entry::Vacant(place) if next < MOST => {
                self.services.push(service.into());
                Some(place.insert(Pair { text: number, number: next as u32 }).number)
            }
            Entry::Vacant(_) => None,
        }
    }

    /// A number among those of all readers.
    pub fn tag(&self, number: u32) -> Tag {
        Tag { reader: self.reader, number }
    }

    /// The masked text of a number, or the one masked last.
    fn masked(&self, number: Option<u32>) -> Masked<'_> {
        let text = number.map_or(self.masked.as_str(), |number| &*self.known[number as usize].0);
        Masked { text, id: number.map(|number| self.tag(number)) }
    }

    /// Fills the row with the columns of the first pattern of each format that matches.
    fn read(&mut self, formats: &Formats, may_be: u64, text: &str) {
        self.row.clear();
        for (_, patterns) in numbered(formats) {
            let mut may_match = patterns.filter(|(number, _)| may_be & bit(*number) != 0);
            let _ = may_match.any(|(_, pattern)| fill_by(pattern, text, &mut self.places, &mut self.row));
        }
        if let Some(tail) = self.row.cell(Column::Tail) {
            self.read_pairs(formats, tail.raw(text), tail.start(), text);
        }
    }

    /// Fills the row with what pairs say.
    fn read_pairs(&mut self, formats: &Formats, pairs: &str, base: usize, text: &str) {
        self.keys.begin();
        pairs_of(pairs, base, &mut Filling { cache: &mut self.keys, formats, text, row: &mut self.row });
    }
}

/// What a masked text may mean: its variable parts are no part of any format's plain texts, so that it stands for all its like. Up to the first
/// of them it is what its like begin with, and what a pattern does not match for what stands there, it does not match in any of them.
fn meaning(formats: &Formats, masked: &str) -> u64 {
    let end = masked.find(tokens::VARIABLE);
    let beginning = &masked[..end.unwrap_or(masked.len())];
    let begins = |(number, pattern): &(usize, &Pattern)| {
        formats.beginnings().may_be_message(*number, &pattern.text, beginning) && {
            let mut asked = Beginning::new(masked.as_bytes(), end);
            let scanned = pattern.compiled().map_or(Scanned::Unsure, |compiled| compiled.is_match_asking(masked, &mut asked));
            scanned != Scanned::No || !asked.was_enough()
        }
    };
    let spoken_of = numbered(formats).filter(|(format, _)| format.has_digits || format.any.is_match(masked));
    let error = |pattern: &Pattern| if OF_ERRORS.iter().any(|name| pattern.text.contains(name)) { ERROR } else { 0 };
    let found =
        spoken_of.flat_map(|(_, patterns)| patterns.filter(begins)).fold(0, |all, (number, pattern)| all | bit(number) | error(pattern));
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

/// Fills what the line's own columns left open, and returns the masked message. `known` is its number where that is known. Where requests are
/// not wanted, no more is read of the message than its error.
pub fn read_message<'m>(
    formats: &Formats,
    meanings: &'m mut Meanings,
    known: Option<u32>,
    wants_requests: bool,
    record: &mut Record<'_>,
) -> Option<Masked<'m>> {
    if let Some(error) = record.error.take() {
        let may_be = meanings.of(formats, &error).may_be;
        if is_spoken_of(may_be) {
            meanings.read(formats, may_be, &error);
            fill(record, &meanings.row, &error);
        }
        record.error = Some(error);
    }
    if record.request.is_some() && is_request_line(&record.message) {
        return known.map(|known| meanings.masked(Some(known)));
    }
    let meaning = match known {
        Some(known) => meanings.numbered(known),
        None => meanings.of(formats, &record.message),
    };
    let wanted = match meaning.may_be & ERROR {
        _ if wants_requests => u64::MAX,
        0 => 0,
        _ => !STATUS,
    };
    let may_be = meaning.may_be & wanted;
    if may_be != 0 {
        read_meaning(formats, meanings, may_be, record);
    }
    Some(meanings.masked(meaning.number))
}

/// Whether any pattern may say something of a text.
fn is_spoken_of(may_be: u64) -> bool {
    may_be & !(STATUS | ERROR) != 0
}

fn read_meaning(formats: &Formats, meanings: &mut Meanings, may_be: u64, record: &mut Record<'_>) {
    // A borrowed message can be split for as long as the line lives; an owned one is taken out meanwhile.
    let message = std::mem::take(&mut record.message);
    if is_spoken_of(may_be) {
        meanings.read(formats, may_be, &message);
        fill(record, &meanings.row, &message);
    }
    if record.request.is_none() && may_be & STATUS != 0 {
        meanings.row.clear();
        meanings.read_pairs(formats, &message, 0, &message);
        record.request = request(&meanings.row, &message).map(into_owned);
    }
    record.message = message;
}

/// `GET /orders HTTP/1.1`: what an access log has said by its columns already.
pub fn is_request_line(message: &str) -> bool {
    let bytes = message.as_bytes();
    let ends = |version: usize| bytes.len().checked_sub(version).is_some_and(|end| bytes[..end].ends_with(b" HTTP/"));
    bytes.first().is_some_and(u8::is_ascii_uppercase) && (0..=3).any(ends)
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
            let may_be = Meanings::default().of(&formats, text).may_be;
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
