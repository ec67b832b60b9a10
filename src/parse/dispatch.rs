//! Which formats a line can be of at all, found by one pass for all formats together.
//!
//! A line of a mixed stream would else be held against dozens of expressions one after the other. This only rules out: what
//! is left is tried in its order, so the outcome is the same as without it.

use std::sync::OnceLock;

use regex::bytes::{RegexSet, RegexSetBuilder};
use rustc_hash::FxHashMap;

use super::compile::{LineFormat, Pattern, without_rest};
use super::format::Reader;
use super::structured::{scan_json, scan_pairs};

/// The beginnings of all expressions as one automaton, and the keys that structured formats require. It belongs to one
/// thread; [`Plan::new`] is what threads share.
pub struct Dispatch<'p> {
    plan: &'p Plan,
    /// Of its own, as threads would wait for each other's memory.
    heads: Option<RegexSet>,
    possible: Vec<bool>,
}

/// What is worked out once for all threads.
#[derive(Debug, Default)]
pub struct Plan {
    heads: OnceLock<Option<RegexSet>>,
    sources: Vec<String>,
    /// Whose the expression of that number is.
    owners: Vec<usize>,
    /// A bit for each key that some structured format requires.
    keys: FxHashMap<Box<str>, u64>,
    formats: Vec<Needs>,
}

/// What a line must have to be of a format.
#[derive(Debug)]
enum Needs {
    /// One of its expressions.
    Expression,
    /// To be an object with a key of each mask.
    Object(Vec<u64>),
    /// To be pairs with a key of each mask.
    Pairs(Vec<u64>),
    /// Only the format itself can tell.
    Unknown,
}

impl Plan {
    /// `formats` by their position.
    pub fn new(formats: &[LineFormat]) -> Plan {
        let mut plan = Plan::default();
        for (position, format) in formats.iter().enumerate() {
            let variants = format.variants.iter().map(|variant| &variant.pattern);
            for pattern in variants.chain(&format.ignore).chain(&format.block) {
                plan.expression(pattern, position);
            }
            let needs = plan.needs(format);
            plan.formats.push(needs);
        }
        plan
    }

    fn expression(&mut self, pattern: &Pattern, owner: usize) {
        self.sources.push(without_rest(&pattern.text).0.to_owned());
        self.owners.push(owner);
    }

    fn needs(&mut self, format: &LineFormat) -> Needs {
        let masks: Vec<u64> =
            format.requires.iter().map(|keys| keys.iter().map(|key| self.bit(key)).fold(0, |all, bit| all | bit)).collect();
        match format.reader {
            Reader::Lines | Reader::Block => Needs::Expression,
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
}

impl<'p> Dispatch<'p> {
    pub fn new(plan: &'p Plan) -> Dispatch<'p> {
        Dispatch { plan, heads: None, possible: vec![true; plan.formats.len()] }
    }

    /// Looks at a line, which [`Dispatch::may_be`] then answers for.
    pub fn look(&mut self, text: &str) {
        let plan = self.plan;
        if self.heads.is_none() {
            self.heads = plan.heads.get_or_init(|| RegexSetBuilder::new(&plan.sources).unicode(false).build().ok()).clone();
        }
        let Some(heads) = &self.heads else { return };
        let object = text.trim_start().starts_with('{').then(|| self.plan.keys_of(|visit| scan_json(text, 0, visit)));
        let pairs = (object.is_none() && text.contains('=')).then(|| self.plan.keys_of(|visit| scan_pairs(text, 0, visit).leads));
        let has = |keys: Option<u64>, masks: &[u64]| keys.is_some_and(|keys| masks.iter().all(|mask| keys & mask != 0));
        for (possible, needs) in self.possible.iter_mut().zip(&plan.formats) {
            *possible = match needs {
                Needs::Expression => false,
                Needs::Object(masks) => has(object, masks),
                Needs::Pairs(masks) => has(pairs, masks),
                Needs::Unknown => true,
            };
        }
        for number in heads.matches(text.as_bytes()).iter() {
            self.possible[plan.owners[number]] = true;
        }
    }

    /// Whether the line last looked at may be of a format.
    pub fn may_be(&self, format: &LineFormat) -> bool {
        self.possible.get(format.position).copied().unwrap_or(true)
    }
}

impl Plan {
    fn keys_of<T>(&self, scan: impl FnOnce(&mut dyn FnMut(&str, super::cells::Cell)) -> T) -> u64 {
        let mut found = 0;
        scan(&mut |key, _| found |= self.keys.get(key).copied().unwrap_or(0));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::Formats;
    use super::super::cells::Row;
    use super::super::matching::{Matched, Matcher};
    use super::super::timestamp::Clock;
    use super::*;

    /// What is ruled out does not match: for every sample of every format, against all formats.
    #[test]
    fn nothing_that_matches_is_ruled_out() {
        let formats = Formats::builtin();
        let mut matcher = Matcher::new(&formats);
        let mut matches = 0;
        for sample in formats.lines().iter().flat_map(|format| &format.samples) {
            for line in sample.text.lines() {
                matcher.look(line);
                for format in formats.lines() {
                    let matched = matcher.line(format, line, &Clock::default(), &mut Row::default());
                    matches += usize::from(matched != Matched::No);
                    assert!(matched == Matched::No || matcher.may_be(format), "{}: {line}", format.name);
                }
            }
        }
        assert!(matches > 100, "{matches}");
    }
}
