//! Lines like one met before are read as that one was: what is remembered is not their text but how it was understood.
//!
//! A line is folded ([`folded`]): what may differ among its like becomes one byte. When it comes again, it is learnt ([`learn`]) which format takes it,
//! where its cells stand between the parts that differ, and what of these parts must stay for that to hold ([`pins`]); or that none takes it. From
//! then on such a line is looked up, and only its time, its level and its numbers are read. The outcome is that of reading it; what is remembered
//! is bounded, and what is used least makes room.

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
use super::pending::Meant;
use super::tokens;
use folded::Folded;
pub use learn::Teacher;
use luck::Luck;
use pins::Pin;
#[cfg(test)]
pub use tests::respelled;

/// Folded lines remembered, and spellings of all of them: enough for what most streams repeat, and half a kilobyte each.
const MOST: usize = 5 * 1024;
/// Of so many that are remembered one is forgotten at least where there is no room.
const FORGOTTEN: usize = 4;
/// Hashes of lines met, each with how often.
const SEEN: usize = 8192;
const COUNT: u64 = 3;
/// Lines are told apart by so many hashes of how they begin.
const BEGINNINGS: usize = 512;
/// How often a line must be met to be learnt, which costs as much as reading several.
const ENOUGH: u64 = 3;
/// Spellings of pinned parts of one folded line. One that has more is read as if it was never met.
const MOST_SPELLINGS: u32 = 256;

/// How lines of a kind are read.
#[derive(Debug)]
pub struct Known<'f> {
    /// `None`: no format takes them, unless they begin with a header told by its shape.
    pub format: Option<&'f LineFormat>,
    pub variant: Option<&'f Variant>,
    /// Its format is tried first.
    pub is_first: bool,
    /// What follows of its message from what is known of the line.
    pub meant: Meant,
    cells: Box<[Span]>,
    used: Used,
}

/// How often something was used of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Used(u8);

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
    pins: Box<[(u16, Pin)]>,
    spellings: u32,
    /// Nothing can be learnt of it.
    untold: bool,
    /// How the pinned parts are spelled in the line that was learnt first, mostly as in all, and how such lines are read.
    first: Option<(Box<[u8]>, Known<'f>)>,
    used: Used,
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
    /// By how lines begin.
    luck: Box<[Luck]>,
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
            luck: [Luck::default(); BEGINNINGS].into(),
        }
    }
}

impl<'f> Recall<'f> {
    /// Looks a line up. What is known of it fills the row.
    pub fn look(&mut self, text: &str, row: &mut Row) -> Recalled<'_, 'f> {
        let number = beginning(text);
        if !self.luck[number].tries() {
            return Recalled::No;
        }
        let Recall { folded, seen, likes, known, spelling, luck, .. } = self;
        let recalled = if folded.fold(text) { looked_up(folded, seen, likes, known, spelling, text) } else { Recalled::No };
        luck[number].note(matches!(recalled, Recalled::Known(_)));
        if let Recalled::Known(known) = recalled {
            known.fill(folded, row);
        }
        recalled
    }

    /// Learns how the line looked up last is read.
    pub fn learn(&mut self, text: &str, teacher: &mut Teacher<'_, 'f>) {
        if self.likes.len() >= MOST || self.known.len() >= MOST {
            forget(&mut self.likes, |like| &mut like.used);
            forget(&mut self.known, |known| &mut known.used);
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
                let like = Like { number: next(), pins: Box::default(), spellings: 0, untold: false, first: None, used: Used::default() };
                self.likes.entry(self.folded.key().into()).or_insert(like)
            }
        };
        let Some(lesson) = lesson.filter(|_| like.spellings < MOST_SPELLINGS) else {
            (like.untold, like.first) = (true, None);
            return;
        };
        let pins = joined(&like.pins, &lesson.pins);
        if pins != like.pins {
            // What was spelled by fewer parts is not found any more.
            (like.pins, like.number, like.first) = (pins, next(), None);
        }
        like.spellings += 1;
        spell(&mut self.spelling, like, &self.folded, text);
        if like.first.is_none() {
            like.first = Some((self.spelling.as_slice().into(), lesson.known));
            return;
        }
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
    likes: &'r mut FxHashMap<Box<[u8]>, Like<'f>>,
    known: &'r mut FxHashMap<Box<[u8]>, Known<'f>>,
    spelling: &mut Vec<u8>,
    text: &str,
) -> Recalled<'r, 'f> {
    let Some(like) = likes.get_mut(folded.key()) else {
        return if met(seen, folded.key()) { Recalled::Again } else { Recalled::No };
    };
    like.used.note();
    if like.untold {
        return Recalled::No;
    }
    spell(spelling, like, folded, text);
    if let Some((first, known)) = &like.first
        && **first == **spelling
    {
        return Recalled::Known(known);
    }
    match known.get_mut(spelling.as_slice()) {
        Some(known) => {
            known.used.note();
            Recalled::Known(known)
        }
        None if like.pins.is_empty() || met(seen, spelling) => Recalled::Again,
        None => Recalled::No,
    }
}

/// A number for how a line begins, whatever its letters and digits are: by its first bytes, and by those that mostly follow its time.
fn beginning(text: &str) -> usize {
    const FIRST: [usize; 3] = [0, 20, 28];
    let signs = FIRST.map(|from| {
        let bytes = text.as_bytes().get(from..).and_then(|rest| rest.first_chunk::<8>()).copied().unwrap_or_default();
        let word = u64::from_le_bytes(bytes);
        let (digits, letters) = (tokens::digits(word) >> 7, tokens::letters(word) >> 7);
        word & !((digits | letters) * 0xff) | digits
    });
    let mixed = signs.iter().fold(0_u64, |mixed, signs| (mixed.rotate_left(5) ^ signs).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (mixed >> 32) as usize % BEGINNINGS
}

impl Used {
    fn note(&mut self) {
        self.0 = self.0.saturating_add(1);
    }
}

/// Forgets what was used least, and half of how often the others were (least frequently used with ageing: Einziger, Friedman, Manes, TinyLFU, 2017).
fn forget<T>(all: &mut FxHashMap<Box<[u8]>, T>, used: impl Fn(&mut T) -> &mut Used) {
    let mut often: Vec<Used> = all.values_mut().map(|one| *used(one)).collect();
    if often.is_empty() {
        return;
    }
    let place = often.len() / FORGOTTEN;
    let least = *often.select_nth_unstable(place).1;
    all.retain(|_, one| {
        let used = used(one);
        let stays = *used > least;
        used.0 /= 2;
        stays
    });
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
fn joined(pins: &[(u16, Pin)], more: &[Pin]) -> Box<[(u16, Pin)]> {
    let mut all = more.to_vec();
    pins.iter().for_each(|(number, pin)| all[*number as usize] = all[*number as usize].max(*pin));
    (0..).zip(all).filter(|(_, pin)| *pin != Pin::Nothing).collect()
}
