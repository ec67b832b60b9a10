//! What of a line's parts must stay as it is for a scan to take the same way: asked while one line is scanned, for all its like.
//!
//! A scan knows its text by what it asks ([`Asked`]). Where the bytes of a part are all of a class or none is, the answer is the same for whatever
//! stands there; where places within a part matter, for whatever is as long; else only for the same bytes.

use super::super::scanner::{Asked, ByteSet};
use super::super::varying::{Kind, Kinds, Stands, may_overlap};
use super::part::Part;

/// What of a part must be the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pin {
    #[default]
    Nothing,
    Length,
    Bytes,
}

/// What the bytes of a part may be to a class.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    All,
    None,
    Some,
}

fn within(kind: Kind, has: impl Fn(u8) -> bool) -> Within {
    let first = has(b'0');
    match kind.bytes().iter().all(|byte| has(*byte) == first) {
        true if first => Within::All,
        true => Within::None,
        false => Within::Some,
    }
}

/// Gathers what must stay of a line.
pub struct Pins<'l> {
    text: &'l [u8],
    parts: &'l [Part],
    pins: Vec<Pin>,
}

impl<'l> Pins<'l> {
    /// Nothing was asked yet.
    pub fn new(text: &'l str, parts: &'l [Part]) -> Pins<'l> {
        Pins { text: text.as_bytes(), parts, pins: vec![Pin::Nothing; parts.len()] }
    }

    /// What must stay of each part.
    pub fn into_pins(self) -> Vec<Pin> {
        self.pins
    }

    /// All of a range must stay.
    pub fn bytes(&mut self, range: std::ops::Range<usize>) {
        self.each(range.start, range.end, |_| Pin::Bytes);
    }

    /// Of a range the length of each part must stay, and what its bytes are: all of them where it is no number, and as `behind_letter` says where
    /// it is one at the end of a word.
    pub fn classes(&mut self, range: std::ops::Range<usize>, behind_letter: Pin) {
        let text = self.text;
        self.each(range.start, range.end, |part| {
            let ends_word = part.start() > 0 && text[part.start() - 1].is_ascii_alphabetic();
            match part.kind {
                Kind::Digits if ends_word => behind_letter,
                Kind::Digits => Pin::Length,
                _ => Pin::Bytes,
            }
        });
    }

    /// A place within a part is used.
    pub fn place(&mut self, at: usize) {
        if let Some(number) = self.part(at)
            && self.parts[number].start() < at
        {
            self.pin(number, Pin::Length);
        }
    }

    /// Whether the first byte, where there is one, is of a class.
    pub fn begins(&mut self, has: impl Fn(u8) -> bool) -> bool {
        if let Some(number) = self.part(0)
            && within(self.parts[number].kind, &has) == Within::Some
        {
            self.pin(number, Pin::Bytes);
        }
        self.text.first().is_some_and(|byte| has(*byte))
    }

    /// What may stand at each of the first places of all lines alike, as far as that is told.
    pub fn first_bytes(&self) -> impl Iterator<Item = Stands> {
        let mut is_told = true;
        self.text.iter().enumerate().map_while(move |(at, byte)| {
            let part = self.part(at).filter(|number| self.pins[*number] < Pin::Bytes);
            let stands = part.map_or(Stands::Byte(*byte), |number| Stands::AnyOf(self.parts[number].kind));
            // Behind a part of any length nothing has its place.
            let varies = part.is_some_and(|number| self.pins[number] == Pin::Nothing);
            let told = is_told.then_some(stands);
            is_told &= !varies;
            told
        })
    }

    /// The kinds of parts of which not every byte is pinned.
    pub fn free_kinds(&self) -> Kinds {
        let free = self.parts.iter().zip(&self.pins).filter(|(_, pin)| **pin < Pin::Bytes);
        Kinds::of(free.map(|(part, _)| part.kind))
    }

    fn pin(&mut self, number: usize, pin: Pin) {
        self.pins[number] = self.pins[number].max(pin);
    }

    /// The part that a place is in or at the beginning of.
    fn part(&self, at: usize) -> Option<usize> {
        let number = self.parts.partition_point(|part| part.end() <= at);
        self.parts.get(number).filter(|part| part.start() <= at).map(|_| number)
    }

    /// Pins the parts that share bytes with a range.
    fn each(&mut self, from: usize, to: usize, pin: impl Fn(Part) -> Pin) {
        let first = self.parts.partition_point(|part| part.end() <= from);
        for number in first..self.parts.len() {
            if self.parts[number].start() >= to {
                break;
            }
            self.pin(number, pin(self.parts[number]));
        }
    }

    /// Fewest bytes of a range, whatever the length of the parts in it: one of each.
    fn surely(&self, from: usize, to: usize) -> usize {
        let first = self.parts.partition_point(|part| part.end() <= from);
        let inside = self.parts[first..].iter().take_while(|part| part.start() < to);
        let varying = inside.map(|part| part.end().min(to) - part.start().max(from) - 1);
        to - from - varying.sum::<usize>()
    }

    /// Whether a row of classes, each told by its number, is refused however long the part is that it begins with: `\d{4}-` by `10.0.0.7`.
    fn is_refused_at_any_length(&self, at: usize, classes: usize, has: impl Fn(usize, u8) -> bool) -> bool {
        let Some(number) = self.part(at).filter(|number| self.parts[*number].start() == at) else { return false };
        let part = self.parts[number];
        let behind = &self.text[part.end()..self.parts.get(number + 1).map_or(self.text.len(), |next| next.start())];
        let inside = |class| within(part.kind, |byte| has(class, byte));
        let taken = (0..classes).take_while(|class| inside(*class) == Within::All).count();
        // Longer parts are refused by the next class, if by any.
        (taken == classes || inside(taken) == Within::None)
            && (1..=taken).all(|length| {
                let mut after = (length..classes).map(|class| behind.get(class - length).map(|byte| has(class, *byte)));
                after.find(|taken| *taken != Some(true)) == Some(Some(false))
            })
    }

    /// One byte that is taken where it is of a class. Returns whether it is.
    fn taken(&mut self, at: usize, has: impl Fn(u8) -> bool) -> bool {
        if let Some(number) = self.part(at) {
            match within(self.parts[number].kind, &has) {
                Within::None => {}
                // Whether another follows in the part depends on its length.
                Within::All => self.pin(number, Pin::Length),
                Within::Some => self.pin(number, Pin::Bytes),
            }
        }
        self.text.get(at).is_some_and(|byte| has(*byte))
    }
}

impl Asked for Pins<'_> {
    fn literal(&mut self, at: usize, bytes: &[u8]) {
        if self.is_refused_at_any_length(at, bytes.len(), |number, byte| bytes[number] == byte) {
            return;
        }
        let _ = (at..).zip(bytes).all(|(at, wanted)| self.taken(at, |byte| byte == *wanted));
    }

    fn fixed(&mut self, at: usize, classes: &[ByteSet]) {
        if self.is_refused_at_any_length(at, classes.len(), |number, byte| classes[number].has(byte)) {
            return;
        }
        let _ = (at..).zip(classes).all(|(at, class)| self.taken(at, |byte| class.has(byte)));
    }

    fn run(&mut self, at: usize, length: usize, class: &ByteSet, (least, most): (usize, usize)) {
        let (end, has) = (at + length, |byte| class.has(byte));
        if length > 0 {
            self.place(at);
        }
        // The byte that ended it counts too, where it was not the number.
        let seen = end + usize::from(length < most);
        self.each(at, seen, |part| if within(part.kind, has) == Within::Some { Pin::Bytes } else { Pin::Nothing });
        if most != usize::MAX || self.surely(at, end) < least {
            self.each(at, seen, |_| Pin::Length);
        }
    }

    fn follows(&mut self, from: usize, to: usize, class: &ByteSet) {
        self.each(from, to, |part| match within(part.kind, |byte| class.has(byte)) {
            Within::None => Pin::Nothing,
            Within::All => Pin::Length,
            Within::Some => Pin::Bytes,
        });
    }

    fn first(&mut self, at: usize, class: &ByteSet) {
        let Some(number) = self.part(at) else { return };
        if within(self.parts[number].kind, |byte| class.has(byte)) == Within::Some {
            self.pin(number, Pin::Bytes);
        }
    }

    fn text(&mut self, needle: &[u8]) {
        for number in 0..self.parts.len() {
            if may_overlap(needle, self.parts[number].kind) {
                self.pin(number, Pin::Bytes);
            }
        }
    }
}
