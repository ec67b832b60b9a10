//! Lines like one met before are read as that one was: what is remembered is not their text but how it was understood.
//!
//! A line is folded ([`folded`]): what may differ among its like becomes one byte. When it comes again, it is learnt ([`learn`]) which format takes it,
//! where its cells stand between the parts that differ, and what of these parts must stay for that to hold ([`pins`]). From then on such
//! a line is looked up, and only its time, its level and its numbers are read. The outcome is that of reading it; what is remembered is bounded.

mod folded;
mod learn;
mod luck;
mod pins;
#[cfg(test)]
mod tests;

use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHasher};

use super::cells::{Cell, Column, Row, Spelling};
use super::compile::{LineFormat, Variant};
use folded::Folded;
pub use learn::Teacher;
use luck::Luck;
use pins::Pin;
#[cfg(test)]
pub use tests::respelled;

/// Folded lines remembered, and spellings of all of them: as many as a hash table of 2,048 places takes before it doubles.
const MOST: usize = 2048 / 8 * 7;
/// Hashes of lines met, each with how often.
const SEEN: usize = 4096;
const COUNT: u64 = 3;
/// How often a line must be met to be learnt, which costs as much as reading several.
const ENOUGH: u64 = 3;
/// Spellings of pinned parts of one folded line. One that has more is read as if it was never met.
const MOST_SPELLINGS: u32 = 256;

/// How lines of a kind are read.
#[derive(Debug)]
pub struct Known<'f> {
    pub format: &'f LineFormat,
    pub variant: Option<&'f Variant>,
    /// The kind that the line must be by what it may match; `None`: its format is tried first whatever that is.
    pub kind: Option<usize>,
    /// The number of its masked message, where that follows from what is known of the line.
    pub meant: Option<u32>,
    cells: Box<[Span]>,
}

/// A place in a line, told by the parts before it. Lines that are folded are short.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Parts that end before it.
    parts: u16,
    /// Bytes behind the last of them.
    behind: u16,
}

/// Where a cell stands; kept small, for of many kinds of line what is known has to stay near.
#[derive(Clone, Copy, Debug)]
struct Span {
    column: Column,
    spelling: Spelling,
    rank: u8,
    start: Place,
    end: Place,
}

/// What is known of a folded line.
#[derive(Debug)]
struct Like<'f> {
    number: u32,
    /// Of the parts that are not free.
    pins: Box<[(u32, Pin)]>,
    spellings: u32,
    /// Nothing can be learnt of it.
    untold: bool,
    /// How it is read where no part is pinned.
    known: Option<Known<'f>>,
}

/// What is known of a line.
#[derive(Debug)]
pub enum Recalled<'r, 'f> {
    /// It is to be read.
    No,
    /// The same; its like will come again, so that it is worth learning.
    Again,
    Known(&'r Known<'f>),
}

/// What is remembered of the lines before.
#[derive(Debug)]
pub struct Recall<'f> {
    folded: Folded,
    seen: Box<[u64]>,
    likes: FxHashMap<Box<[u8]>, Like<'f>>,
    /// By like and spelling, where parts are pinned.
    known: FxHashMap<Box<[u8]>, Known<'f>>,
    /// Like and spellings of the line looked up last.
    spelling: Vec<u8>,
    /// Likes numbered so far.
    numbered: u32,
    /// Of lines that are looked up before anything is known of them, then of each kind.
    luck: Vec<Luck>,
}

impl Default for Recall<'_> {
    fn default() -> Self {
        Recall {
            folded: Folded::default(),
            seen: vec![0; SEEN].into(),
            likes: FxHashMap::default(),
            known: FxHashMap::default(),
            spelling: Vec::new(),
            numbered: 0,
            luck: Vec::new(),
        }
    }
}

impl<'f> Recall<'f> {
    /// Looks a line up. `kind` is its number by what it may match, `None` where that is not known yet. What is known of it fills the row.
    pub fn look(&mut self, text: &str, kind: Option<usize>, row: &mut Row) -> Recalled<'_, 'f> {
        let number = kind.map_or(0, |kind| kind + 1);
        if number >= self.luck.len() {
            self.luck.resize(number + 1, Luck::default());
        }
        if !self.luck[number].tries() {
            return Recalled::No;
        }
        let Recall { folded, seen, likes, known, spelling, luck, .. } = self;
        let recalled = if folded.fold(text) { looked_up(folded, seen, likes, known, spelling, text) } else { Recalled::No };
        luck[number].note(matches!(recalled, Recalled::Known(_)));
        match recalled {
            Recalled::Known(known) if known.kind.is_some() && known.kind != kind => return Recalled::No,
            Recalled::Known(known) => known.fill(folded, row),
            Recalled::No | Recalled::Again => {}
        }
        recalled
    }

    /// Learns how the line looked up last is read.
    pub fn learn(&mut self, text: &str, teacher: &mut Teacher<'_, 'f>) {
        if self.likes.len() >= MOST || self.known.len() >= MOST {
            self.likes.clear();
            self.known.clear();
        }
        let lesson = teacher.learn(text, &self.folded);
        let numbered = &mut self.numbered;
        let mut next = || {
            *numbered = numbered.wrapping_add(1);
            *numbered
        };
        let like = match self.likes.get_mut(self.folded.key()) {
            Some(like) => like,
            None => {
                let like = Like { number: next(), pins: Box::default(), spellings: 0, untold: false, known: None };
                self.likes.entry(self.folded.key().into()).or_insert(like)
            }
        };
        let Some(lesson) = lesson.filter(|_| like.spellings < MOST_SPELLINGS) else {
            (like.untold, like.known) = (true, None);
            return;
        };
        let pins = joined(&like.pins, &lesson.pins);
        if pins != like.pins {
            // What was spelled by fewer parts is not found any more.
            (like.pins, like.number, like.known) = (pins, next(), None);
        }
        like.spellings += 1;
        if like.pins.is_empty() {
            like.known = Some(lesson.known);
            return;
        }
        spell(&mut self.spelling, like, &self.folded, text);
        self.known.insert(self.spelling.as_slice().into(), lesson.known);
    }
}

impl Known<'_> {
    /// Fills a row with the cells of a line.
    fn fill(&self, folded: &Folded, row: &mut Row) {
        row.clear();
        let parts = folded.parts();
        let place = |place: Place| {
            let from = usize::from(place.parts).checked_sub(1).and_then(|last| parts.get(last)).map_or(0, |part| part.end());
            from + usize::from(place.behind)
        };
        for span in &self.cells {
            row.replace(span.column, Cell::ranked(place(span.start), place(span.end), span.spelling, span.rank));
        }
    }
}

/// What is known of a folded line.
fn looked_up<'r, 'f>(
    folded: &Folded,
    seen: &mut [u64],
    likes: &'r FxHashMap<Box<[u8]>, Like<'f>>,
    known: &'r FxHashMap<Box<[u8]>, Known<'f>>,
    spelling: &mut Vec<u8>,
    text: &str,
) -> Recalled<'r, 'f> {
    let Some(like) = likes.get(folded.key()) else {
        return if met(seen, folded.key()) { Recalled::Again } else { Recalled::No };
    };
    if let Some(known) = &like.known {
        return Recalled::Known(known);
    }
    if like.untold {
        return Recalled::No;
    }
    spell(spelling, like, folded, text);
    match known.get(spelling.as_slice()) {
        Some(known) => Recalled::Known(known),
        None if like.pins.is_empty() || met(seen, spelling) => Recalled::Again,
        None => Recalled::No,
    }
}

/// Whether something was met [`ENOUGH`] times, this time among them, as far as nothing has taken its place.
fn met(seen: &mut [u64], key: &[u8]) -> bool {
    let mut hasher = FxHasher::default();
    hasher.write(key);
    let hash = hasher.finish() & !COUNT;
    let slot = &mut seen[(hash >> 32) as usize % SEEN];
    let times = if *slot & !COUNT == hash { (*slot & COUNT) + 1 } else { 1 };
    *slot = hash | times.min(COUNT);
    times >= ENOUGH
}

/// Which like it is and how its pinned parts are written, so that what differs in either differs in this.
fn spell(spelling: &mut Vec<u8>, like: &Like<'_>, folded: &Folded, text: &str) {
    spelling.clear();
    spelling.extend_from_slice(&like.number.to_le_bytes());
    for (number, pin) in &like.pins {
        let Some(part) = folded.parts().get(*number as usize) else { continue };
        spelling.extend_from_slice(&((part.end() - part.start()) as u16).to_le_bytes());
        if *pin == Pin::Bytes {
            spelling.extend_from_slice(&text.as_bytes()[part.start()..part.end()]);
        }
    }
}

/// The pins of both.
fn joined(pins: &[(u32, Pin)], more: &[Pin]) -> Box<[(u32, Pin)]> {
    let mut all = more.to_vec();
    pins.iter().for_each(|(number, pin)| all[*number as usize] = all[*number as usize].max(*pin));
    (0..).zip(all).filter(|(_, pin)| *pin != Pin::Nothing).collect()
}
