//! What a scan asks of its text, told to whoever wants to know.

use super::ByteSet;

/// Is told of all that a scan asks of its text, so that it can tell for which other texts the answers were the same.
pub trait Asked {
    /// Whether these bytes stand at a place.
    fn literal(&mut self, _at: usize, _bytes: &[u8]) {}

    /// Whether a byte of each class stands from a place on.
    fn fixed(&mut self, _at: usize, _classes: &[ByteSet]) {}

    /// How many bytes of a class stand from a place on, which were `length`; where between `least` and `most` of them may be taken.
    fn run(&mut self, _at: usize, _length: usize, _class: &ByteSet, _bounds: (usize, usize)) {}

    /// Where between two places something may follow that begins with a byte of a class.
    fn follows(&mut self, _from: usize, _to: usize, _class: &ByteSet) {}

    /// Whether a byte of a class stands at a place, which is not taken yet.
    fn first(&mut self, _at: usize, _class: &ByteSet) {}

    /// Whether the text has another in it.
    fn text(&mut self, _needle: &[u8]) {}
}

/// Nobody wants to know.
impl Asked for () {}

impl Asked for &mut dyn Asked {
    fn literal(&mut self, at: usize, bytes: &[u8]) {
        (**self).literal(at, bytes);
    }

    fn fixed(&mut self, at: usize, classes: &[ByteSet]) {
        (**self).fixed(at, classes);
    }

    fn run(&mut self, at: usize, length: usize, class: &ByteSet, bounds: (usize, usize)) {
        (**self).run(at, length, class, bounds);
    }

    fn follows(&mut self, from: usize, to: usize, class: &ByteSet) {
        (**self).follows(from, to, class);
    }

    fn first(&mut self, at: usize, class: &ByteSet) {
        (**self).first(at, class);
    }

    fn text(&mut self, needle: &[u8]) {
        (**self).text(needle);
    }
}
