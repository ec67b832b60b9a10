//! Envelopes of lines: what stands before the line in one is looked up by itself, whatever that line is.

use super::super::Formats;
use super::super::cells::{Cell, Column, Row, Spelling};
use super::super::compile::LineFormat;
use super::super::scanner::{Asked, ByteSet};
use super::learn::Teacher;
use super::pins::Pins;
use super::{Recall, Recalled};

/// What is remembered of the envelopes before.
#[derive(Debug, Default)]
pub struct Envelopes {
    recall: Recall,
    /// Bytes of the last one that was read.
    length: usize,
}

impl Envelopes {
    /// Looks up what a line begins with, as far as the envelope before went. What is known of it fills the row.
    pub fn look<'f>(&mut self, text: &str, formats: &'f Formats, row: &mut Row) -> Recalled<'f> {
        let Some(envelope) = text.get(..self.length).filter(|envelope| !envelope.is_empty()) else { return Recalled::No };
        let recalled = self.recall.look(envelope, formats, row);
        if matches!(recalled, Recalled::Known(_)) {
            row.set(Column::Inner, Cell::new(self.length, text.len(), Spelling::Plain), 0);
        }
        recalled
    }

    /// Learns how the envelope looked up last is read.
    pub fn learn<'f>(&mut self, wrapper: &'f LineFormat, text: &str, teacher: &mut Teacher<'_, 'f>) {
        let lesson = teacher.learn_envelope(wrapper, text, self.length, &self.recall.folded);
        self.recall.keep(&text[..self.length], lesson);
    }

    /// Takes note of an envelope that was read.
    pub fn note(&mut self, row: &Row) {
        self.length = row.cell(Column::Inner).map_or(0, Cell::start);
    }
}

/// Tells what is asked of an envelope, and whether what it holds is taken as it is.
pub struct OfEnvelope<'p, 'l> {
    pins: &'p mut Pins<'l>,
    envelope: &'l [u8],
    /// Something was asked of what it holds.
    pub looks_inside: bool,
}

impl<'p, 'l> OfEnvelope<'p, 'l> {
    /// Nothing was asked yet. `pins` are those of the envelope.
    pub fn new(envelope: &'l str, pins: &'p mut Pins<'l>) -> OfEnvelope<'p, 'l> {
        OfEnvelope { pins, envelope: envelope.as_bytes(), looks_inside: false }
    }
}

impl OfEnvelope<'_, '_> {
    /// Whether what ends at a place is of the envelope.
    fn is_before(&mut self, end: usize) -> bool {
        self.looks_inside |= end > self.envelope.len();
        end <= self.envelope.len()
    }

    /// How many of so many bytes that are wanted from a place on are of the envelope. `is_taken`: whether those are as they are wanted, so that
    /// the others matter, too.
    fn of_these(&mut self, at: usize, wanted: usize, is_taken: impl Fn(&[u8]) -> bool) -> usize {
        let own = self.envelope.get(at..).unwrap_or_default();
        let own = &own[..own.len().min(wanted)];
        self.looks_inside |= own.len() < wanted && is_taken(own);
        own.len()
    }
}

impl Asked for OfEnvelope<'_, '_> {
    fn literal(&mut self, at: usize, bytes: &[u8]) {
        let own = self.of_these(at, bytes.len(), |own| bytes.starts_with(own));
        self.pins.literal(at, &bytes[..own]);
    }

    fn fixed(&mut self, at: usize, classes: &[ByteSet]) {
        let own = self.of_these(at, classes.len(), |own| own.iter().zip(classes).all(|(byte, class)| class.has(*byte)));
        self.pins.fixed(at, &classes[..own]);
    }

    fn run(&mut self, at: usize, length: usize, class: &ByteSet, (least, most): (usize, usize)) {
        let takes_all = (least, most) == (0, usize::MAX) && (0..=u8::MAX).all(|byte| byte == b'\n' || class.has(byte));
        if at == self.envelope.len() && takes_all {
            return;
        }
        // The byte that ends it is looked at, too.
        if self.is_before(at + length + 1) {
            self.pins.run(at, length, class, (least, most));
        }
    }

    fn follows(&mut self, from: usize, to: usize, class: &ByteSet) {
        if self.is_before(to + 1) {
            self.pins.follows(from, to, class);
        }
    }

    fn first(&mut self, at: usize, class: &ByteSet) {
        if self.is_before(at + 1) {
            self.pins.first(at, class);
        }
    }

    fn text(&mut self, _: &[u8]) {
        self.looks_inside = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::pattern::Pattern;
    use super::super::folded::Folded;
    use super::*;

    #[test]
    fn what_an_envelope_holds_may_not_be_looked_at() {
        let looks_inside = |pattern: &str, envelope: &str, inside: &str| {
            let mut folded = Folded::default();
            folded.fold(envelope, &[], &[], false);
            let mut pins = Pins::new(envelope, folded.parts());
            let mut asked = OfEnvelope::new(envelope, &mut pins);
            let _ = Pattern::new(pattern).compiled().unwrap().is_match_asking(&format!("{envelope}{inside}"), &mut asked);
            asked.looks_inside
        };
        for (pattern, envelope) in [(r"^(?<time>\d+) (?<inner>.*)$", "17 "), (r"^(?<time>\d+) (?:x:)?: (?<inner>.*)", "17 : ")] {
            assert!(!looks_inside(pattern, envelope, "text") && !looks_inside(pattern, envelope, ""), "{pattern}");
        }
        for pattern in [
            r"^(?<time>\d+) (?<inner>t.*)$",
            r"^(?<time>\d+) (?<inner>\w+)",
            r"^(?<time>\d+) (?:t:)?(?<inner>.*)$",
            r"^(?<time>\d+) t(?<inner>.*)$",
            r"^(?<time>\d+) (?:a|te)(?<inner>.*)$",
        ] {
            assert!(looks_inside(pattern, "17 ", "text"), "{pattern}");
        }
    }
}
