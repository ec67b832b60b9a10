//! Which structured formats a line can be of at all, found by one look at its keys for all of them together.
//!
//! A JSON line of a mixed stream would else be scanned once for each format that is JSON. This only rules out: what is left
//! is tried in its order, so the outcome is the same as without it.

use rustc_hash::FxHashMap;

use super::cells::Cell;
use super::compile::LineFormat;
use super::format::Reader;
use super::keys::{Key, KeyCache};
use super::structured::{Names, pairs_of, scan_object};

/// What is worked out once for all threads.
#[derive(Debug, Default)]
pub struct Plan {
    /// A bit for each key that some structured format requires.
    keys: FxHashMap<Box<str>, u64>,
    formats: Vec<Needs>,
    /// How many of them are pairs.
    pairs: usize,
}

/// What a line must have to be of a format.
#[derive(Debug)]
enum Needs {
    /// To be an object with a key of each mask.
    Object(Vec<u64>),
    /// To be pairs with a key of each mask.
    Pairs(Vec<u64>),
    /// Only the format itself can tell.
    Unknown,
}

/// What a line has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Required keys of the object that it is.
    object: Option<u64>,
    /// Required keys of the pairs that it begins with.
    pairs: Option<u64>,
}

impl Plan {
    /// `formats` by their position.
    pub fn new(formats: &[LineFormat]) -> Plan {
        let mut plan = Plan::default();
        for format in formats {
            let needs = plan.needs(format);
            plan.pairs += usize::from(matches!(needs, Needs::Pairs(_)));
            plan.formats.push(needs);
        }
        plan
    }

    fn needs(&mut self, format: &LineFormat) -> Needs {
        let mask = |plan: &mut Plan, keys: &[String]| keys.iter().map(|key| plan.bit(key)).fold(0, |all, bit| all | bit);
        let masks: Vec<u64> = format.requires.iter().map(|keys| mask(self, keys)).collect();
        match format.reader {
            Reader::Json if format.ignore.is_none() => Needs::Object(masks),
            Reader::Logfmt if format.ignore.is_none() => Needs::Pairs(masks),
            _ => Needs::Unknown,
        }
    }

    /// More keys than bits share the last one, which only rules out less.
    fn bit(&mut self, key: &str) -> u64 {
        let next = 1_u64 << self.keys.len().min(63);
        *self.keys.entry(key.into()).or_insert(next)
    }

    /// Looks at a line. `keys` remembers those of the lines before.
    pub fn look(&self, text: &str, keys: &mut KeyCache<u64>) -> Look {
        keys.begin();
        let mut marks = Marks { plan: self, cache: keys, found: 0 };
        if text.trim_start().starts_with('{') {
            scan_object(text, 0, &mut marks);
            return Look { object: Some(marks.found), pairs: None };
        }
        if memchr::memchr(b'=', text.as_bytes()).is_none() {
            return Look::default();
        }
        // To tell one format from no other it would be scanned twice.
        if self.pairs < 2 {
            return Look { object: None, pairs: Some(u64::MAX) };
        }
        pairs_of(text, 0, &mut marks);
        Look { object: None, pairs: Some(marks.found) }
    }

    /// Whether a line may be of a format.
    pub fn may_be(&self, look: Look, format: &LineFormat) -> bool {
        let has = |keys: Option<u64>, masks: &[u64]| keys.is_some_and(|keys| masks.iter().all(|mask| keys & mask != 0));
        match self.formats.get(format.position) {
            Some(Needs::Object(masks)) => has(look.object, masks),
            Some(Needs::Pairs(masks)) => has(look.pairs, masks),
            Some(Needs::Unknown) | None => true,
        }
    }
}

/// Gathers the marks of a line's keys.
struct Marks<'p, 'c> {
    plan: &'p Plan,
    cache: &'c mut KeyCache<u64>,
    found: u64,
}

impl Names for Marks<'_, '_> {
    type Name = Key;

    fn root(&self) -> Key {
        KeyCache::<u64>::ROOT
    }

    fn within(&mut self, parent: Key, raw: &[u8]) -> Key {
        let keys = &self.plan.keys;
        self.cache.within(parent, raw, |key| keys.get(key).copied().unwrap_or(0))
    }

    fn foreseen(&mut self, parent: Key, rest: &[u8], end: u8) -> Option<(Key, usize)> {
        self.cache.foreseen(parent, rest, end)
    }

    fn value(&mut self, key: Key, _: Cell) {
        self.found |= self.cache.known(key).copied().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Formats;
    use super::super::beginnings::Candidates;
    use super::super::cells::Row;
    use super::super::matching::{Matched, Matcher};
    use super::super::timestamp::Clock;

    /// What is ruled out does not match: for every sample of every format, against all formats.
    #[test]
    fn nothing_that_matches_is_ruled_out() {
        let formats = Formats::builtin();
        let mut matcher = Matcher::new(&formats);
        let (mut matches, mut ruled_out) = (0, 0);
        for sample in formats.lines().iter().flat_map(|format| &format.samples) {
            for line in sample.text.lines() {
                let look = matcher.look(line);
                for format in formats.lines() {
                    let matched = matcher.line(format, line, &Candidates::ANY, &Clock::default(), &mut Row::default()) != Matched::No;
                    let may_be = formats.plan().may_be(look, format);
                    (matches, ruled_out) = (matches + usize::from(matched), ruled_out + usize::from(!may_be));
                    assert!(!matched || may_be, "{}: {line}", format.name);
                }
            }
        }
        assert!(matches > 100 && ruled_out > 1_000, "{matches} {ruled_out}");
    }
}
