//! Which formats a line can be of at all, told by its first bytes for all formats at once.
//!
//! For each of the first places of a line and each byte there, a table holds the formats that allow it; of what is left, some
//! need a sign or a text somewhere in the line. The table follows from the expressions of the format files, so nothing that matches is ever ruled
//! out. Does not know what formats mean.

use std::sync::OnceLock;

use memchr::memmem::Finder;
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};
use rustc_hash::FxHashMap;

use super::cells::Column;
use super::compile::LineFormat;
use super::format::Reader;
use super::pattern::without_rest;
use super::scanner;
use super::varying::{Kind, Kinds, Stands};

/// Bytes of a line that are looked at: the header of most lines tells its format within them.
const PLACES: usize = 28;
/// A bit for each place.
const WITHIN: u64 = (1 << PLACES) - 1;
/// Signs without which no line of some formats is complete.
const SIGNS: [u8; 10] = *b"\"[{=|\t(@;,";
/// With what a blank begins, of which Unicode has several.
const BLANKS: [u8; 11] = [b' ', b'\t', b'\n', b'\r', 0x0b, 0x0c, 0xc2, 0xe1, 0xe2, 0xe3, 0xef];
/// Bytes of the shortest text that is looked for: a shorter one stands in too many lines.
const SHORTEST: usize = 3;

/// What a line can match, one bit each: a variant by its number, then whatever else formats have. What has no bit of its own
/// shares the last one, which is always set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Set([u64; 4]);

impl Set {
    const ALL: Set = Set([u64::MAX; 4]);
    const LAST: usize = 255;

    fn add(&mut self, bit: usize) {
        let bit = bit.min(Set::LAST);
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    fn has(&self, bit: usize) -> bool {
        let bit = bit.min(Set::LAST);
        self.0[bit / 64] >> (bit % 64) & 1 == 1
    }

    fn meets(&self, other: &Set) -> bool {
        self.0.iter().zip(other.0).any(|(a, b)| a & b != 0)
    }

    fn keep(&mut self, other: &Set) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= b);
    }

    fn join(&mut self, other: &Set) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
    }

    fn drop(&mut self, other: &Set) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= !b);
    }
}

/// What the beginning of a line tells.
#[derive(Debug, Default)]
pub struct Beginnings {
    /// By place and byte, which of `allowing` allows it: most bytes are to most expressions as others are, and what is looked at for every
    /// line has to stay near.
    places: Vec<[u16; 256]>,
    /// By place and kind of part, what allows any of its bytes.
    any: Vec<[Set; Kind::ALL.len()]>,
    /// What allows a byte at a place, each once.
    allowing: Vec<Set>,
    /// What needs a sign.
    needing: Vec<(u8, Set)>,
    /// What needs a text.
    texts: Vec<(Finder<'static>, Set)>,
    /// By question, the kinds of parts that may share bytes with what is asked for.
    overlapping: Vec<Kinds>,
    /// What a line of each format matches, and what a line matches that the format passes over.
    formats: Vec<(Set, Set)>,
    /// How messages of each pattern begin, told when first asked.
    messages: Vec<OnceLock<[Bytes; PLACES]>>,
}

/// What a line may match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Candidates(Set);

impl Candidates {
    /// Nothing is known of the line.
    pub const ANY: Candidates = Candidates(Set::ALL);

    /// Whether the variant of that number may match.
    pub fn has_variant(&self, id: usize) -> bool {
        self.0.has(id)
    }
}

impl Beginnings {
    /// `formats` by their position; `variants`: how many numbers they have in all; `messages`: how many patterns of messages there are.
    pub fn new(formats: &[LineFormat], variants: usize, messages: usize) -> Beginnings {
        let mut beginnings = Beginnings::default();
        let mut allowing = vec![[Set::default(); 256]; PLACES];
        beginnings.messages.resize_with(messages, OnceLock::new);
        beginnings.needing = SIGNS.map(|sign| (sign, Set::default())).into();
        let mut next = variants;
        for format in formats {
            let (mut matched, mut passed_over) = (Set::default(), Set::default());
            for variant in &format.variants {
                beginnings.put(&mut allowing, variant.id, &Told::by_expression(&variant.pattern.text));
                // The lines of a block are told from the line that begins it.
                if format.reader == Reader::Lines {
                    matched.add(variant.id);
                }
            }
            if let Some(told) = Told::by_reader(format) {
                beginnings.put(&mut allowing, next, &told);
                matched.add(next);
                next += 1;
            }
            if let Some(pattern) = &format.ignore {
                beginnings.put(&mut allowing, next, &Told::by_expression(&pattern.text));
                passed_over.add(next);
                next += 1;
            }
            beginnings.formats.push((matched, passed_over));
        }
        allowing.iter_mut().flatten().for_each(|set| set.add(Set::LAST));
        beginnings.keep(&allowing);
        let signs = beginnings.needing.iter().map(|(sign, _)| Kinds::overlapping(&[*sign]));
        beginnings.overlapping = signs.chain(beginnings.texts.iter().map(|(text, _)| Kinds::overlapping(text.needle()))).collect();
        beginnings
    }

    /// Keeps each set once.
    fn keep(&mut self, allowing: &[[Set; 256]]) {
        let mut numbers: FxHashMap<Set, u16> = FxHashMap::default();
        for row in allowing {
            self.any.push(Kind::ALL.map(|kind| {
                let mut any = Set::default();
                kind.bytes().iter().for_each(|byte| any.join(&row[usize::from(*byte)]));
                any
            }));
            self.places.push(row.map(|set| {
                *numbers.entry(set).or_insert_with(|| {
                    self.allowing.push(set);
                    self.allowing.len() as u16 - 1
                })
            }));
        }
    }

    fn put(&mut self, allowing: &mut [[Set; 256]], bit: usize, told: &Told) {
        if bit >= Set::LAST {
            return;
        }
        for (row, bytes) in allowing.iter_mut().zip(&told.allowed) {
            bytes.each(&mut |byte| row[usize::from(byte)].add(bit));
        }
        self.needing.iter_mut().filter(|(sign, _)| told.needed.has(*sign)).for_each(|(_, set)| set.add(bit));
        let Some(text) = &told.text else { return };
        match self.texts.iter_mut().find(|(finder, _)| finder.needle() == &**text) {
            Some((_, set)) => set.add(bit),
            None => {
                let mut set = Set::default();
                set.add(bit);
                self.texts.push((Finder::new(text).into_owned(), set));
            }
        }
    }

    /// What a line may match.
    pub fn look(&self, text: &str) -> Candidates {
        let mut left = self.begin(text);
        let mut next = 0;
        while let Some(question) = self.question(&left, next) {
            left = self.answered(left, question, self.ask(question, text));
            next = question + 1;
        }
        left
    }

    /// What any line like one may match: `first` is what stands at the first places of all of them, `free` are the kinds of what differs.
    pub fn of_all_alike(&self, text: &str, first: impl Iterator<Item = Stands>, free: Kinds) -> Candidates {
        let mut left = Set::ALL;
        for ((row, any), stands) in self.places.iter().zip(&self.any).zip(first) {
            match stands {
                Stands::Byte(byte) => left.keep(&self.allowing[usize::from(row[usize::from(byte)])]),
                Stands::AnyOf(kind) => left.keep(&any[kind as usize]),
            }
        }
        // Lines alike have a text or none has, unless it may be a part of what differs.
        for (question, overlapping) in self.overlapping.iter().enumerate() {
            let needing = self.needing(question);
            if left.meets(needing) && !overlapping.meets(free) && !self.ask(question, text) {
                left.drop(needing);
            }
        }
        Candidates(left)
    }

    /// What a line may match by its first bytes.
    pub fn begin(&self, text: &str) -> Candidates {
        let mut left = Set::ALL;
        for (row, byte) in self.places.iter().zip(text.as_bytes()) {
            left.keep(&self.allowing[usize::from(row[usize::from(*byte)])]);
        }
        Candidates(left)
    }

    /// The first question from a number on whose answer may rule any of them out: what needs the sign or the text.
    pub fn question(&self, candidates: &Candidates, from: usize) -> Option<usize> {
        (from..self.needing.len() + self.texts.len()).find(|question| candidates.0.meets(self.needing(*question)))
    }

    fn needing(&self, question: usize) -> &Set {
        match question.checked_sub(self.needing.len()) {
            None => &self.needing[question].1,
            Some(text) => &self.texts[text].1,
        }
    }

    /// Whether a line has the sign or the text that is asked for.
    pub fn ask(&self, question: usize, text: &str) -> bool {
        match question.checked_sub(self.needing.len()) {
            None => memchr::memchr(self.needing[question].0, text.as_bytes()).is_some(),
            Some(number) => self.texts[number].0.find(text.as_bytes()).is_some(),
        }
    }

    /// What is left by an answer.
    pub fn answered(&self, candidates: Candidates, question: usize, has: bool) -> Candidates {
        let mut left = candidates.0;
        if !has {
            left.drop(self.needing(question));
        }
        Candidates(left)
    }

    /// Whether a line may be of the format at a position.
    pub fn may_be(&self, candidates: &Candidates, position: usize) -> bool {
        self.formats.get(position).is_none_or(|(matched, passed_over)| candidates.0.meets(matched) || candidates.0.meets(passed_over))
    }

    /// Whether a message that begins so may match the pattern of messages with that number.
    pub fn may_be_message(&self, number: usize, pattern: &str, beginning: &str) -> bool {
        let Some(told) = self.messages.get(number) else { return true };
        let allowed = told.get_or_init(|| Told::by_expression(pattern).allowed);
        beginning.bytes().zip(allowed).all(|(byte, bytes)| bytes.has(byte))
    }

    /// Whether the format at a position may pass over a line.
    pub fn may_pass_over(&self, candidates: &Candidates, position: usize) -> bool {
        self.formats.get(position).is_none_or(|(_, passed_over)| candidates.0.meets(passed_over))
    }
}

/// What a format's expressions tell of its lines.
struct Told {
    /// The bytes allowed at each place.
    allowed: [Bytes; PLACES],
    /// The bytes that each of its lines has.
    needed: Bytes,
    /// A text that each of its lines has.
    text: Option<Box<[u8]>>,
}

#[derive(Clone, Copy, Debug)]
struct Bytes([u64; 4]);

impl Bytes {
    const NONE: Bytes = Bytes([0; 4]);
    const ALL: Bytes = Bytes([u64::MAX; 4]);

    fn of(bytes: &[u8]) -> Bytes {
        let mut set = Bytes::NONE;
        bytes.iter().for_each(|byte| set.allow(*byte));
        set
    }

    fn keep(&mut self, other: Bytes) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= b);
    }

    fn has(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    fn join(&mut self, other: Bytes) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
    }

    fn each(&self, visit: &mut dyn FnMut(u8)) {
        for (number, word) in self.0.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                visit((number * 64) as u8 + left.trailing_zeros() as u8);
                left &= left - 1;
            }
        }
    }

    fn allow(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
}

impl Told {
    /// Nothing is allowed yet, everything needed.
    const NOTHING: Told = Told { allowed: [Bytes::NONE; PLACES], needed: Bytes::ALL, text: None };

    fn by_expression(pattern: &str) -> Told {
        let mut told = Told::NOTHING;
        told.by(pattern);
        told
    }

    /// `None` where the variants tell all.
    fn by_reader(format: &LineFormat) -> Option<Told> {
        let mut told = Told::NOTHING;
        match format.reader {
            Reader::Lines => return None,
            Reader::Json => told.json(),
            Reader::Logfmt => told.pairs(),
            Reader::Block => format.block.iter().for_each(|pattern| told.by(&pattern.text)),
            Reader::Csv if format.fields.first() == Some(&Some(Column::Time)) => told.begins_with_time(),
            Reader::Csv | Reader::Fields | Reader::Header => told.anything(),
        }
        Some(told)
    }

    fn anything(&mut self) {
        self.needed = Bytes::NONE;
        self.rest(0);
    }

    /// Allows everything from a place on.
    fn rest(&mut self, from: usize) {
        self.allowed.iter_mut().skip(from).for_each(|bytes| *bytes = Bytes::ALL);
    }

    /// A time, maybe in quotes or behind blanks.
    fn begins_with_time(&mut self) {
        let begins = (b'0'..=b'9').chain(b'a'..=b'z').chain(b'A'..=b'Z').chain(*b"@\"");
        BLANKS.into_iter().chain(begins).for_each(|byte| self.allowed[0].allow(byte));
        self.needed = Bytes::NONE;
        self.rest(1);
    }

    /// An object, maybe behind blanks.
    fn json(&mut self) {
        BLANKS.iter().chain(b"{").for_each(|byte| self.allowed[0].allow(*byte));
        self.needed = Bytes::of(b"{");
        self.rest(1);
    }

    /// A key, maybe behind what separates pairs.
    fn pairs(&mut self) {
        let begins = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-@/ \t,\n".contains(byte);
        (0..=127_u8).filter(begins).for_each(|byte| self.allowed[0].allow(byte));
        self.needed = Bytes::of(b"=");
        self.rest(1);
    }

    /// What an expression may match; all where it is not anchored or cannot be read.
    fn by(&mut self, pattern: &str) {
        let hir = scanner::parse(without_rest(pattern).0);
        match hir {
            Ok(hir) if hir.properties().look_set_prefix().contains(Look::Start) => {
                let ends = self.walk(&hir, 1);
                self.needed.keep(needed(&hir));
                self.text = scanner::needed(&hir).filter(|text| text.len() >= SHORTEST);
                if let Some(first) = (0..PLACES).find(|at| ends >> at & 1 == 1) {
                    self.rest(first);
                }
            }
            _ => self.anything(),
        }
    }

    /// Follows an expression from each of the places whose bit is set, and returns where it may end.
    fn walk(&mut self, hir: &Hir, starts: u64) -> u64 {
        let starts = starts & WITHIN;
        if starts == 0 {
            return 0;
        }
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => starts,
            HirKind::Literal(literal) => literal.0.iter().fold(starts, |at, byte| self.byte(&mut |bytes| bytes.allow(*byte), at)),
            HirKind::Class(class) => {
                let mut allowed = Bytes::NONE;
                allow_class(class, &mut allowed);
                self.byte(&mut |bytes| bytes.join(allowed), starts)
            }
            HirKind::Repetition(repetition) => self.repeated(repetition, starts),
            HirKind::Capture(capture) => self.walk(&capture.sub, starts),
            HirKind::Concat(parts) => parts.iter().fold(starts, |at, part| self.walk(part, at)),
            HirKind::Alternation(branches) => branches.iter().fold(0, |ends, branch| ends | self.walk(branch, starts)),
        }
    }

    fn byte(&mut self, allow: &mut dyn FnMut(&mut Bytes), starts: u64) -> u64 {
        let mut left = starts & WITHIN;
        while left != 0 {
            allow(&mut self.allowed[left.trailing_zeros() as usize]);
            left &= left - 1;
        }
        starts << 1
    }

    fn repeated(&mut self, repetition: &Repetition, starts: u64) -> u64 {
        let (mut at, mut ends) = (starts, 0);
        for times in 0..=repetition.max.unwrap_or(u32::MAX) {
            if times >= repetition.min {
                let before = ends;
                ends |= at;
                // Nothing new after another time: nor will there be.
                if before == ends && times > repetition.min {
                    break;
                }
            }
            if times == repetition.max.unwrap_or(u32::MAX) || at == 0 {
                break;
            }
            at = self.walk(&repetition.sub, at);
        }
        ends
    }
}

/// The bytes that every match of an expression has.
fn needed(hir: &Hir) -> Bytes {
    match hir.kind() {
        HirKind::Literal(literal) => Bytes::of(&literal.0),
        HirKind::Capture(capture) => needed(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => needed(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().fold(Bytes::NONE, |mut all, part| {
            all.join(needed(part));
            all
        }),
        HirKind::Alternation(branches) => branches.iter().fold(Bytes::ALL, |mut all, branch| {
            all.keep(needed(branch));
            all
        }),
        _ => Bytes::NONE,
    }
}

fn allow_class(class: &Class, bytes: &mut Bytes) {
    match class {
        Class::Bytes(class) => class.ranges().iter().flat_map(|range| range.start()..=range.end()).for_each(|byte| bytes.allow(byte)),
        Class::Unicode(class) => {
            for range in class.ranges() {
                // Characters beyond ASCII begin with any of the high bytes.
                let (start, end) = (u32::from(range.start()), u32::from(range.end()));
                (start..=end.min(127)).for_each(|byte| bytes.allow(byte as u8));
                if end > 127 {
                    (128..=255_u8).for_each(|byte| bytes.allow(byte));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Formats;
    use super::super::cells::Row;
    use super::super::matching::{Matched, Matcher};
    use super::super::timestamp::Clock;
    use super::*;

    #[test]
    fn places_follow_from_the_expression() {
        let check = |pattern: &str, yes: &[&str], no: &[&str]| {
            let told = Told::by_expression(pattern);
            let fits = |text: &str| text.bytes().zip(&told.allowed).all(|(byte, bytes)| bytes.has(byte));
            assert!(yes.iter().all(|text| fits(text)), "{pattern}");
            assert!(no.iter().all(|text| !fits(text)), "{pattern}");
        };
        check(r"^(?<time>\d{4}-\d\d) x", &["2026-03 x and more", "2"], &["2026/03", "a", "2026-03 y"]);
        check(r"^\[(?<time>x)", &["[x", "[xyz"], &["x", "[y"]);
        check(r"^abc|^def", &["abc", "def", "dbc"], &["xbc"]);
        check(r"^a?b+c", &["abc", "bbbbc", "bc"], &["c", "xb"]);
        check(r"^(?:ab){2,3}x", &["ababx", "abababx"], &["abx", "ba"]);
        check(r"^\S+ x", &["anything x"], &[" x"]);
        check(r"^(?:a|\s)*$", &["aa  a"], &[]);
        check(r"^abc|def", &["xyz"], &[]);
        check("abc", &["xyz"], &[]);
    }

    #[test]
    fn signs_follow_from_the_expression() {
        let check = |pattern: &str, yes: &[u8], no: &[u8]| {
            let needed = Told::by_expression(pattern).needed;
            assert!(yes.iter().all(|b| needed.has(*b)) && no.iter().all(|b| !needed.has(*b)), "{pattern}");
        };
        check(r#"^\S+ \[(?<time>[^\]]+)\] "(?:a|b)"$"#, b"[] \"", b"ab(");
        check(r"^(?:\[x|y\[)(?:=)?;*", b"[", b"xy=;");
        check(r"^a|b", b"", b"ab");
    }

    /// What is ruled out does not match: for every sample of every format, against all formats, whole and cut.
    #[test]
    fn nothing_that_matches_is_ruled_out() {
        let formats = Formats::builtin();
        let mut matcher = Matcher::new(&formats);
        let (mut matches, mut ruled_out) = (0, 0);
        for line in formats.lines().iter().flat_map(|format| &format.samples).flat_map(|sample| sample.text.lines()) {
            let cut = line.char_indices().nth(line.len() / 3).map_or(line.len(), |(at, _)| at);
            for line in [line, &line[..cut]] {
                let beginnings = formats.beginnings();
                let candidates = beginnings.look(line);
                for format in formats.lines() {
                    let mut row = Row::default();
                    let all = matcher.line(format, line, &Candidates::ANY, &Clock::default(), &mut row);
                    let some = matcher.line(format, line, &candidates, &Clock::default(), &mut row);
                    let may_be = beginnings.may_be(&candidates, format.position);
                    (matches, ruled_out) = (matches + usize::from(all != Matched::No), ruled_out + usize::from(!may_be));
                    assert!(all == some && (all == Matched::No || may_be), "{}: {line}", format.name);
                }
            }
        }
        assert!(matches > 100 && ruled_out > 10_000, "{matches} {ruled_out}");
    }
}
