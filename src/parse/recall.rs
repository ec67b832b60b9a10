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
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHasher};

use super::cells::{Cell, Column, Row};
use super::compile::{LineFormat, Variant};
use folded::Folded;
pub use learn::Teacher;
use luck::Luck;
use pins::Pin;
#[cfg(test)]
pub use tests::respelled;

/// Folded lines remembered, and spellings of all of them.
const MOST: usize = 4096;
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
    cells: Box<[Span]>,
    pub meant: Option<Meant>,
}

/// A masked message, and which patterns of messages it may match.
#[derive(Debug)]
pub struct Meant {
    pub masked: Box<str>,
    pub may_be: u64,
}

/// A place in a line, told by the parts before it.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Parts that end before it.
    parts: u32,
    /// Bytes behind the last of them.
    behind: u32,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    column: Column,
    cell: Cell,
    start: Place,
    end: Place,
}

/// What is known of a folded line.
#[derive(Debug)]
struct Like {
    number: u32,
    /// Of the parts that are not free.
    pins: Box<[(u32, Pin)]>,
    spellings: u32,
    /// Nothing can be learnt of it.
    untold: bool,
}

/// What is known of a line.
#[derive(Debug)]
pub enum Recalled<'f> {
    /// It is to be read.
    No,
    /// The same; its like will come again, so that it is worth learning.
    Again,
    Known(Arc<Known<'f>>),
}

/// What is remembered of the lines before.
#[derive(Debug)]
pub struct Recall<'f> {
    folded: Folded,
    seen: Box<[u64]>,
    likes: FxHashMap<Box<[u8]>, Like>,
    known: FxHashMap<Box<[u8]>, Arc<Known<'f>>>,
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
    /// Looks a line up. `kind` is its number by what it may match, `None` where that is not known yet.
    pub fn look(&mut self, text: &str, kind: Option<usize>) -> Recalled<'f> {
        let kind = kind.map_or(0, |kind| kind + 1);
        if kind >= self.luck.len() {
            self.luck.resize(kind + 1, Luck::default());
        }
        if !self.luck[kind].tries() {
            return Recalled::No;
        }
        let recalled = self.looked_up(text);
        self.luck[kind].note(matches!(recalled, Recalled::Known(_)));
        recalled
    }

    fn looked_up(&mut self, text: &str) -> Recalled<'f> {
        if !self.folded.fold(text) {
            return Recalled::No;
        }
        let Some(like) = self.likes.get(self.folded.key()) else {
            return if met(&mut self.seen, self.folded.key()) { Recalled::Again } else { Recalled::No };
        };
        if like.untold {
            return Recalled::No;
        }
        spell(&mut self.spelling, like, &self.folded, text);
        match self.known.get(self.spelling.as_slice()) {
            Some(known) => Recalled::Known(Arc::clone(known)),
            None if like.pins.is_empty() || met(&mut self.seen, &self.spelling) => Recalled::Again,
            None => Recalled::No,
        }
    }

    /// Fills a row with the cells of the line looked up last.
    pub fn fill(&self, known: &Known<'f>, row: &mut Row) {
        row.clear();
        let parts = self.folded.parts();
        let place = |place: Place| {
            let from = (place.parts as usize).checked_sub(1).and_then(|last| parts.get(last)).map_or(0, |part| part.end());
            from + place.behind as usize
        };
        for span in &known.cells {
            row.replace(span.column, span.cell.moved_to(place(span.start), place(span.end)));
        }
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
                let like = Like { number: next(), pins: Box::default(), spellings: 0, untold: false };
                self.likes.entry(self.folded.key().into()).or_insert(like)
            }
        };
        let Some(lesson) = lesson.filter(|_| like.spellings < MOST_SPELLINGS) else {
            like.untold = true;
            return;
        };
        let pins = joined(&like.pins, &lesson.pins);
        if pins != like.pins {
            // What was spelled by fewer parts is not found any more.
            (like.pins, like.number) = (pins, next());
        }
        like.spellings += 1;
        spell(&mut self.spelling, like, &self.folded, text);
        self.known.insert(self.spelling.as_slice().into(), Arc::new(lesson.known));
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
fn spell(spelling: &mut Vec<u8>, like: &Like, folded: &Folded, text: &str) {
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
