//! Lines like one met before are read as that one was: what is remembered is not their text but how it was understood.
//!
//! A line is folded ([`folded`]): what may differ among its like becomes one byte. When it comes again, it is learnt ([`learn`]) which format takes it,
//! where its cells stand between the parts that differ, and what of these parts must stay for that to hold ([`pins`]); or that none takes it. From
//! then on such a line is looked up, and only its time, its level and its numbers are read. The outcome is that of reading it; what is remembered
//! is bounded, and what is used least makes room.

mod envelope;
mod exchange;
mod folded;
mod layouts;
mod learn;
mod left_out;
mod luck;
mod part;
mod pins;
mod seen;
mod store;
#[cfg(test)]
mod tests;
mod written;

use std::ops::Range;
use std::sync::Arc;

use wide::u8x16;

use crate::model::Level;
use crate::read::bitmaps::{self, AT_ONCE};

use super::Formats;
use super::cells::{Column, Row, Spelling};
use super::compile::{LineFormat, Variant};
use super::messages::Meanings;
use super::pending::Meant;
pub use envelope::Envelopes;
pub use exchange::Exchange;
use exchange::{Member, Of, Written};
use folded::{Folded, IN_HEADER};
use learn::Lesson;
pub use learn::Teacher;
use left_out::LeftOut;
use luck::Luck;
use pins::Pin;
use store::{Key, Store};
#[cfg(test)]
pub use tests::respelled;
use written::{Like, count_spelling, like_number, read_spelled, write_known, write_like, write_meant};

/// Bytes for what is remembered of lines: of some nine thousand. Of mixed streams no more are met again.
const MOST: usize = 1 << 20;
/// Bytes that are near whatever else is: a quarter of the second cache of many processors. Tests look ahead from the second block on.
const NEAR: usize = if cfg!(test) { 0 } else { 128 << 10 };
/// Lines are told apart by so many hashes of how they begin.
const BEGINNINGS: usize = 512;
/// Bytes that lines begin with.
const BEGUN: usize = 36;
/// Spellings of pinned parts of one folded line. One that has more is read as if it was never met.
const MOST_SPELLINGS: u16 = 256;

/// How lines of a kind are read.
#[derive(Clone, Copy, Debug)]
pub struct Known<'f> {
    /// `None`: no format takes them, unless they begin with a header told by its shape.
    pub format: Option<&'f LineFormat>,
    /// They may begin with such a header, which is tried before their format.
    pub may_have_header: bool,
    pub variant: Option<&'f Variant>,
    /// Its format is tried first.
    pub is_first: bool,
    /// It may be a part of the record before, as DETAIL is.
    pub may_attach: bool,
    /// `None`: each of them says another, maybe.
    pub level: Option<Level>,
    /// What follows of its message from what is known of the line.
    pub meant: Meant,
}

/// Which cells of a line are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    All,
    /// Those of its time and its level do where its kind is known: it is counted with its like.
    Head,
}

/// A place in a line, told by the parts before it. Lines that are folded are short.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Parts that end before it.
    parts: u16,
    /// Bytes behind the last of them.
    behind: u16,
}

impl Place {
    /// In bytes of a line.
    #[inline]
    fn of(self, folded: &Folded) -> usize {
        folded.end_of(self.parts) + usize::from(self.behind)
    }
}

/// Where a cell stands.
#[derive(Clone, Copy, Debug)]
struct Span {
    column: Column,
    spelling: Spelling,
    start: Place,
    end: Place,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Anywhere,
    /// Below the header of a block, which few formats can end.
    InHeader,
}

/// What is known of a line.
#[derive(Debug)]
pub enum Recalled<'f> {
    /// It is to be read.
    No,
    /// The same; its like will come again, so that it is worth learning.
    Again,
    Known(Known<'f>),
}

/// What is remembered of the lines before.
#[derive(Debug)]
pub struct Recall {
    folded: Folded,
    /// What is counted for all that read the same log, or for this one alone.
    exchange: Arc<Exchange>,
    /// Others read the same log.
    member: Option<Member>,
    /// Likes by folded lines; how lines are read by like and spelling, where parts are pinned.
    store: Store,
    /// Like and spellings of the line looked up last.
    spelling: Vec<u8>,
    /// What is to be remembered.
    written: Vec<u8>,
    /// By how lines begin.
    beginnings: Box<[Beginning]>,
    /// Strings left out of the line folded last.
    strings: Vec<Range<usize>>,
    /// What it begins with.
    begun: usize,
    /// The line folded last, if it is to be looked up yet.
    ahead: Option<Ahead>,
}

/// A line that was folded before it is looked up.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    /// Where it stands in memory, and its length: no other line does, as long as what it stands in is not given back.
    line: (usize, usize),
    /// `None`: it is not worth looking up.
    key: Option<Key>,
}

fn address(line: &str) -> (usize, usize) {
    (line.as_ptr() as usize, line.len())
}

/// What is known of lines that begin alike: few bytes, for all of them are asked in turn.
#[derive(Debug, Default)]
struct Beginning {
    luck: Luck,
    /// The numbers that names end with are left out.
    without_numbers: bool,
    /// So are strings, if there are any.
    left_out: Option<Box<LeftOut>>,
}

impl Beginning {
    /// Takes note of whether a line was known. Where that is not worth asking, strings are left out from then on, if there are such, else numbers
    /// of names too, and it is asked anew.
    #[inline]
    fn note(&mut self, known: bool, text: &str, formats: &Formats) {
        if self.luck.note(known) && !self.without_numbers {
            self.leave_out(text, formats);
        }
    }

    #[cold]
    fn leave_out(&mut self, text: &str, formats: &Formats) {
        let has_strings = self.left_out.as_ref().is_some_and(|strings| !strings.is_empty());
        let strings = if has_strings { LeftOut::default() } else { LeftOut::of(text, formats) };
        if strings.is_empty() {
            (self.without_numbers, self.luck) = (true, Luck::default());
        } else {
            (self.left_out, self.luck) = (Some(Box::new(strings)), Luck::default());
        }
    }

    /// Where the strings stand that are left out of a line.
    #[inline]
    fn find_strings(&mut self, text: &str, found: &mut Vec<Range<usize>>) {
        found.clear();
        self.left_out.iter_mut().for_each(|strings| strings.find(text, found));
    }
}

impl Default for Recall {
    fn default() -> Self {
        Recall::of(Arc::default(), None)
    }
}

impl Recall {
    /// What workers on the same log learn is told to each other.
    pub fn shared(exchange: &Arc<Exchange>) -> Recall {
        Recall::of(Arc::clone(exchange), Some(Member::of(exchange)))
    }

    fn of(exchange: Arc<Exchange>, member: Option<Member>) -> Recall {
        Recall {
            folded: Folded::default(),
            exchange,
            member,
            store: Store::at_most(MOST),
            spelling: Vec::new(),
            written: Vec::new(),
            beginnings: std::iter::repeat_with(Beginning::default).take(BEGINNINGS).collect(),
            strings: Vec::new(),
            begun: 0,
            ahead: None,
        }
    }

    /// Leaves out the numbers of names from the first line on.
    #[cfg(test)]
    pub fn without_numbers(mut self) -> Recall {
        self.beginnings.iter_mut().for_each(|beginning| beginning.without_numbers = true);
        self
    }

    /// Looks a line up. What is known of it fills the row.
    pub fn look<'f>(&mut self, text: &str, formats: &'f Formats, row: &mut Row) -> Recalled<'f> {
        self.look_at((Standing::Anywhere, Wanted::All), text, formats, row)
    }

    /// The same of a line that is tried against other formats for where it stands, and of the cells that are wanted. In line: what is known of a line is
    /// read where it was written, piece by piece, and not copied from there by vectors, for which the processor waits.
    #[inline(always)]
    pub fn look_at<'f>(&mut self, (place, wanted): (Standing, Wanted), text: &str, formats: &'f Formats, row: &mut Row) -> Recalled<'f> {
        let key = match self.ahead.take().filter(|ahead| ahead.line == address(text)) {
            None => self.fold(place, text, text.as_bytes()),
            Some(ahead) if place == Standing::Anywhere => ahead.key,
            Some(ahead) => ahead.key.map(|_| self.key(place)),
        };
        let Some(key) = key else { return Recalled::No };
        let recalled = self.looked_up((key, wanted), text, formats, row);
        self.beginnings[self.begun].note(matches!(recalled, Recalled::Known(_)), text, formats);
        recalled
    }

    /// Folds a line that is looked up after the last one, and fetches what leads to what is known of it: waiting for that takes longer than all
    /// else of looking it up. Until [`Recall::forget_ahead`] it must not be given back. `block`: what it stands in, from its beginning on.
    pub fn look_ahead(&mut self, text: &str, block: &[u8]) {
        // What is indented belongs to the record before, mostly.
        if text.starts_with([' ', '\t']) {
            return;
        }
        let key = self.fold(Standing::Anywhere, text, block);
        key.iter().for_each(|key| self.store.fetch_slot(*key));
        self.ahead = Some(Ahead { line: address(text), key });
    }

    /// Fetches what is known of the line that is looked up next, a while after what leads to it.
    #[inline]
    pub fn fetch_ahead(&self) {
        let key = self.ahead.and_then(|ahead| ahead.key);
        key.iter().for_each(|key| self.store.fetch_value(*key));
    }

    /// Whether what is remembered is more than the near caches hold, so that looking ahead is worth it.
    pub fn is_far(&self) -> bool {
        self.store.bytes() > NEAR
    }

    /// The line that was to be looked up next is not.
    pub fn forget_ahead(&mut self) {
        self.ahead = None;
    }

    /// Folds a line; `None` where it is not to be looked up.
    #[inline]
    fn fold(&mut self, place: Standing, text: &str, block: &[u8]) -> Option<Key> {
        self.begun = beginning(text.as_bytes());
        let beginning = &mut self.beginnings[self.begun];
        if !beginning.luck.tries() || !Folded::takes(text) {
            return None;
        }
        beginning.find_strings(text, &mut self.strings);
        self.folded.fold(text, block, &self.strings, beginning.without_numbers);
        Some(self.key(place))
    }

    /// The key of the line folded last, which is another where it is tried against other formats.
    #[inline]
    fn key(&mut self, place: Standing) -> Key {
        if place == Standing::InHeader {
            self.folded.mark(IN_HEADER);
        }
        Key::of(self.folded.key())
    }

    /// What is known of the line folded last, by its key.
    #[inline(always)]
    fn looked_up<'f>(&mut self, (key, wanted): (Key, Wanted), text: &str, formats: &'f Formats, row: &mut Row) -> Recalled<'f> {
        let Recall { folded, exchange, store, spelling, .. } = self;
        let Some(found) = store.find(key) else {
            return if exchange.seen.met(key) { Recalled::Again } else { Recalled::No };
        };
        store.note(found);
        let Some(like) = Like::read(store.value(found)) else { return Recalled::No };
        if let Some(known) = like.known_if_first((folded, text), wanted, formats, row) {
            return Recalled::Known(known);
        }
        like.spell(folded, text, spelling);
        let has_one_spelling = like.has_one_spelling();
        let key = Key::of(spelling);
        let known = store.find(key).and_then(|found| {
            store.note(found);
            read_spelled(store.value(found), wanted, formats, folded, row)
        });
        match known {
            Some(known) => Recalled::Known(known),
            None if has_one_spelling || exchange.seen.met(key) => Recalled::Again,
            None => Recalled::No,
        }
    }

    /// Takes over what others have learnt since it was asked last.
    #[inline]
    pub fn hear(&mut self, meanings: &mut Meanings) {
        if self.member.as_ref().is_some_and(|member| member.has_news(&self.exchange)) {
            self.take_over(meanings);
        }
    }

    #[cold]
    fn take_over(&mut self, meanings: &mut Meanings) {
        let Recall { exchange, member, store, written, .. } = self;
        for lesson in member.iter_mut().flat_map(|member| member.news(exchange)) {
            let own = store.find(lesson.key).map(|found| store.value(found));
            // Of two that learnt the same line, all keep what was learnt last, so that further spellings are of one like.
            let is_later = |own: &[u8]| lesson.of == Of::Like && like_number(&lesson.value) > like_number(own);
            if own.is_none_or(is_later) {
                written.clear();
                written.extend_from_slice(&lesson.value);
                let (message, kind) = lesson.said.as_ref().map_or((None, None), |said| meanings.hear(said));
                write_meant(lesson.of, message, kind, written);
                store.put(lesson.key, written);
            }
        }
    }

    /// Learns how the line looked up last is read. What is known of it from now on fills the row.
    #[inline(never)]
    pub fn learn<'f>(&mut self, text: &str, teacher: &mut Teacher<'_, 'f>, row: &mut Row) -> Option<Known<'f>> {
        let lesson = teacher.learn(text, &self.folded);
        let meant = lesson.as_ref().map(|lesson| lesson.known.meant).unwrap_or_default();
        let (key, of) = self.keep(text, lesson);
        if let Some(member) = &self.member {
            let said = teacher.matcher.meanings.said(meant.message, meant.kind);
            member.tell(&self.exchange, Written { key, value: self.written.as_slice().into(), of, said });
        }
        match self.looked_up((Key::of(self.folded.key()), Wanted::All), text, teacher.matcher.formats, row) {
            Recalled::Known(known) => Some(known),
            Recalled::No | Recalled::Again => None,
        }
    }

    /// Remembers what was learnt of the line looked up last; `None`: that it cannot be told. Returns what was written, and under which key.
    fn keep(&mut self, text: &str, lesson: Option<Lesson<'_>>) -> (Key, Of) {
        let Recall { folded, exchange, store, spelling, written, .. } = self;
        let key = Key::of(folded.key());
        let found = store.find(key);
        let like = found.and_then(|found| Like::read(store.value(found)));
        written.clear();
        let Some(lesson) = lesson.filter(|_| like.is_none_or(|like| like.spellings < MOST_SPELLINGS)) else {
            Like::write_untold(written);
            store.put(key, written);
            return (key, Of::Untold);
        };
        let before = like.map(|like| like.pins()).unwrap_or_default();
        let pins = joined(&before, &lesson.pins);
        if let Some(found) = found
            && let Some(like) = like.filter(|_| pins == before)
        {
            like.spell(folded, text, spelling);
            write_known(&lesson.known, &lesson.cells, written);
            count_spelling(store.value_mut(found));
            let key = Key::of(spelling);
            store.put(key, written);
            return (key, Of::Spelling);
        }
        // What was spelled by fewer parts is not found any more.
        write_like((exchange.next_like(), &pins), (&lesson.known, &lesson.cells), (folded, text), written);
        store.put(key, written);
        (key, Of::Like)
    }
}

/// A number for how a line begins, whatever its letters and digits are: by its first bytes, and by those that mostly follow its time.
#[inline]
fn beginning(line: &[u8]) -> usize {
    match line.first_chunk() {
        Some(begun) => beginning_of(begun),
        None => beginning_of(&bitmaps::padded(line)),
    }
}

#[inline]
fn beginning_of(line: &[u8; BEGUN]) -> usize {
    let mut first = [0; AT_ONCE];
    first[..8].copy_from_slice(&line[..8]);
    first[8..].copy_from_slice(&line[20..28]);
    let mut next = [0; AT_ONCE];
    next[..8].copy_from_slice(&line[28..BEGUN]);
    let words = [first, next].into_iter().flat_map(|bytes| {
        let bytes = u8x16::new(bytes);
        let digits = bitmaps::in_range(bytes, b'0', b'9');
        let signs = (bytes & !(digits | bitmaps::letters(bytes))) | (digits & u8x16::splat(1));
        let signs = u128::from_le_bytes(signs.to_array());
        [signs as u64, (signs >> 64) as u64]
    });
    let mixed = words.fold(0_u64, |mixed, word| (mixed.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (mixed >> 32) as usize % BEGINNINGS
}

/// The pins of both.
fn joined(pins: &[(u16, Pin)], more: &[Pin]) -> Vec<(u16, Pin)> {
    let mut all = more.to_vec();
    for (number, before) in pins {
        if let Some(pin) = all.get_mut(usize::from(*number)) {
            *pin = (*pin).max(*before);
        }
    }
    (0..).zip(all).filter(|(_, pin)| *pin != Pin::Nothing).collect()
}
