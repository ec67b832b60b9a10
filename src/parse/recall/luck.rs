//! Whether it is worth looking lines up that begin alike: not where most are unlike any met before.
//!
//! Beginnings of which too few are known rest, each time for longer (binary exponential backoff), unless more of them are known than the last time.

/// Lines after which it is decided.
const TRIED: u16 = 512;
/// Lines of which so many in a hundred are known are worth looking up: a line that is known costs half of one that is read, and looking it up in
/// vain a fifth.
const WORTH: u8 = 45;
/// A share that grows by so much in a hundred from one time to the next may become worth it.
const BETTER: u8 = 5;
/// Times that the rest doubles.
const MOST_DOUBLED: u8 = 7;

/// How many lines that begin alike were known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Luck {
    tried: u16,
    known: u16,
    /// Share of those tried the time before, in a hundred.
    before: u8,
    /// Lines that are not looked up.
    rest: u32,
    doubled: u8,
}

impl Luck {
    /// Whether to look the next line up.
    pub fn tries(&mut self) -> bool {
        self.rest = self.rest.saturating_sub(1);
        self.rest == 0
    }

    /// Takes note of what came of it. Returns whether it is not worth it for now.
    pub fn note(&mut self, known: bool) -> bool {
        self.tried += 1;
        self.known += u16::from(known);
        if self.tried < TRIED {
            return false;
        }
        let share = (u32::from(self.known) * 100 / u32::from(self.tried)) as u8;
        if share >= WORTH {
            self.doubled = 0;
        } else if share < self.before + BETTER {
            self.rest = u32::from(TRIED) << self.doubled;
            self.doubled = (self.doubled + 1).min(MOST_DOUBLED);
        }
        (self.tried, self.known, self.before) = (0, 0, share);
        self.rest > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines looked up of so many, of which those are known for which `known` says so.
    fn looked_up(lines: u32, known: impl Fn(u32) -> bool) -> u32 {
        let (mut luck, mut looked_up) = (Luck::default(), 0);
        for line in 0..lines {
            if luck.tries() {
                looked_up += 1;
                luck.note(known(line));
            }
        }
        looked_up
    }

    #[test]
    fn kinds_rest_for_as_long_as_they_are_not_known() {
        assert_eq!(looked_up(100_000, |_| true), 100_000);
        assert_eq!(looked_up(100_000, |line| line % 20 > 0), 100_000);
        assert!(looked_up(100_000, |_| false) < 8_000);
        assert!(looked_up(100_000, |line| line % 3 == 0) < 8_000);
        // More and more of them.
        assert_eq!(looked_up(20_000, |line| line % 100 < line / 50), 20_000);
        // Known after a while.
        assert!(looked_up(500_000, |line| line > 20_000) > 400_000);
    }
}
