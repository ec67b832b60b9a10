//! The expressions of format files, ready to match: as steps where that can be said, by a regular expression where not.
//!
//! Compiled when first needed: a run meets a handful of the formats, and few of their expressions need an automaton. Knows
//! columns; does not know formats.

use std::sync::OnceLock;

use memchr::memmem::Finder;
use regex::bytes::{CaptureLocations, Regex, RegexBuilder};

use super::cells::{Cell, Column, Row, Spelling};
use super::compile::column;
use super::scanner::{self, Asked, Scanned, Scanner, Trail};

/// A regular expression that is compiled when it is first needed. ASCII classes, bytes: the fastest that there is.
#[derive(Debug)]
pub struct Pattern {
    pub text: String,
    compiled: OnceLock<Option<Compiled>>,
}

/// A compiled pattern and which group is which column.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The expression without [`Rest`].
    head: Box<str>,
    groups: Vec<(usize, Column)>,
    /// Groups in all, the whole match among them.
    all_groups: usize,
    /// The rest of the line behind the expression.
    rest: Option<Rest>,
    /// The same expression as steps, or what it has that steps cannot do.
    scanner: Result<Scanner, &'static str>,
    /// A text without which the automaton need not be asked.
    needed: Option<Finder<'static>>,
    regex: OnceLock<Option<Regex>>,
}

/// Memory to match in, for one expression after the other.
#[derive(Debug, Default)]
pub struct Places {
    slots: Vec<usize>,
    trail: Trail,
}

impl Places {
    /// Forgets the text before.
    pub fn clear(&mut self) {
        self.trail.clear();
    }

    fn slot(&self, group: usize) -> Option<(usize, usize)> {
        let (start, end) = (*self.slots.get(group * 2)?, *self.slots.get(group * 2 + 1)?);
        (start != usize::MAX && end != usize::MAX).then_some((start, end))
    }
}

/// A regular expression of one thread: shared ones make threads wait for each other's memory.
#[derive(Debug)]
pub struct Automaton {
    regex: Regex,
    locations: CaptureLocations,
}

impl Automaton {
    fn of(regex: &Regex) -> Automaton {
        // A clone has memory of its own to work in.
        Automaton { locations: regex.capture_locations(), regex: regex.clone() }
    }

    /// The end of the match.
    fn fill(&mut self, text: &str, slots: &mut [usize]) -> Option<usize> {
        let end = self.regex.captures_read(&mut self.locations, text.as_bytes())?.end();
        for (group, slots) in slots.chunks_exact_mut(2).enumerate() {
            let (start, end) = self.locations.get(group).unwrap_or((usize::MAX, usize::MAX));
            slots.copy_from_slice(&[start, end]);
        }
        Some(end)
    }
}

/// The group at the end of a pattern that takes all that is left. It is not part of the compiled expression: finding out
/// that everything matches "everything" would cost a step of an automaton for each byte of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    pub column: Column,
    /// `.+`: the rest may not be empty.
    pub needed: bool,
}

/// The pattern without its last group where that takes the rest of the line, and the group's name and whether it needs any.
pub fn without_rest(pattern: &str) -> (&str, Option<(&str, bool)>) {
    for (tail, needed) in [(">.*)$", false), (">.+)$", true)] {
        if let Some(head) = pattern.strip_suffix(tail)
            && let Some(at) = head.rfind("(?<")
            && head[at + 3..].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            // Within a group or behind a `|` it is no part of every match.
            && !pattern.contains("(?s")
            && is_balanced(&head[..at])
        {
            return (&head[..at], Some((&head[at + 3..], needed)));
        }
    }
    (pattern, None)
}

/// Whether all groups of a pattern's beginning are closed, and it has no alternatives outside of groups.
fn is_balanced(head: &str) -> bool {
    let (mut depth, mut in_class, mut escaped) = (0_i32, false, false);
    for byte in head.bytes() {
        match byte {
            _ if escaped => {
                escaped = false;
                continue;
            }
            b'\\' => escaped = true,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'(' if !in_class => depth += 1,
            b')' if !in_class => depth -= 1,
            b'|' if !in_class && depth == 0 => return false,
            _ => {}
        }
    }
    depth == 0
}

impl Pattern {
    /// An expression that is compiled when it is first needed.
    pub fn new(text: &str) -> Pattern {
        Pattern { text: text.to_owned(), compiled: OnceLock::new() }
    }

    /// `None` where the expression is wrong, which [`Formats`](super::Formats) has refused before.
    pub fn compiled(&self) -> Option<&Compiled> {
        self.compiled.get_or_init(|| Compiled::new(&self.text).ok()).as_ref()
    }

    /// Whether the expression matches somewhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled().is_some_and(|c| c.is_match(text))
    }
}

impl Compiled {
    /// Compiles an expression, but for its automaton.
    ///
    /// # Errors
    /// What is wrong with it, and what to do about that.
    pub fn new(text: &str) -> Result<Compiled, (String, Option<String>)> {
        let (head, rest) = without_rest(text);
        let hir = scanner::parse(head).map_err(|e| (last_line(&e), None))?;
        let rest = rest.map(|(name, needed)| column(name).map(|column| Rest { column, needed })).transpose()?;
        let mut groups = Vec::new();
        for (number, name) in scanner::groups(&hir) {
            groups.push((number, column(name)?));
        }
        let all_groups = hir.properties().explicit_captures_len() + 1;
        let scanner = Scanner::new(&hir);
        let needed = scanner::needed(&hir).map(|literal| Finder::new(&literal).into_owned());
        Ok(Compiled { head: head.into(), groups, all_groups, rest, scanner, needed, regex: OnceLock::new() })
    }

    /// Compiles the automaton too, so that all mistakes show.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn check(text: &str) -> Result<(), (String, Option<String>)> {
        let compiled = Compiled::new(text)?;
        build(&compiled.head).map(|_| ()).map_err(|e| (last_line(&e.to_string()), None))
    }

    /// Why every line needs an automaton; `None`: steps decide nearly all.
    pub fn slow(&self) -> Option<&'static str> {
        self.scanner.as_ref().err().copied()
    }

    /// An automaton of one's own, for many lines; `None` where none can be built.
    pub fn automaton(&self) -> Option<Automaton> {
        self.regex().map(Automaton::of)
    }

    /// Steps at the beginning that another expression has too.
    pub fn shared_with(&self, other: &Compiled) -> usize {
        match (&self.scanner, &other.scanner) {
            (Ok(a), Ok(b)) => a.shared_with(b),
            _ => 0,
        }
    }

    fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| build(&self.head).ok()).as_ref()
    }

    fn lacks_what_it_needs(&self, text: &str) -> bool {
        self.needed.as_ref().is_some_and(|needed| needed.find(text.as_bytes()).is_none())
    }

    fn scan(&self, text: &str, places: &mut Places, shared: usize) -> Scanned {
        let length = self.all_groups * 2;
        if places.slots.len() < length {
            places.slots.resize(length, usize::MAX);
        }
        let Ok(scanner) = &self.scanner else {
            places.clear();
            return if self.lacks_what_it_needs(text) { Scanned::No } else { Scanned::Unsure };
        };
        scanner.scan_on(text.as_bytes(), &mut places.slots[..length], &mut places.trail, shared, || self.lacks_what_it_needs(text))
    }

    /// Fills a row from a text. `shared`: so many steps at the beginning are those of the expression tried last on the same text
    /// with the same places. `own`: the caller's automaton, made when first needed.
    pub fn fill(&self, text: &str, places: &mut Places, shared: usize, own: Option<&mut Option<Automaton>>, row: &mut Row) -> bool {
        let end = match self.scan(text, places, shared) {
            Scanned::Match(end) => Some(end),
            Scanned::No => None,
            Scanned::Unsure => {
                let slots = &mut places.slots[..self.all_groups * 2];
                match own {
                    Some(own) => {
                        if own.is_none() {
                            *own = self.automaton();
                        }
                        own.as_mut().and_then(|own| own.fill(text, slots))
                    }
                    None => {
                        let matching = self.regex().filter(|regex| regex.is_match(text.as_bytes()));
                        matching.and_then(|regex| Automaton::of(regex).fill(text, slots))
                    }
                }
            }
        };
        let Some(end) = end else { return false };
        if let Some(rest) = self.rest {
            if rest.needed && end == text.len() {
                return false;
            }
            row.set(rest.column, Cell::new(end, text.len(), Spelling::Plain), 0);
        }
        for &(group, column) in &self.groups {
            if let Some((start, end)) = places.slot(group) {
                row.set(column, Cell::new(start, end, Spelling::Plain), 0);
            }
        }
        true
    }

    /// Whether the expression matches, telling what is asked of the text; [`Scanned::Unsure`] where an automaton would have to decide.
    pub fn is_match_asking(&self, text: &str, asked: &mut dyn Asked) -> Scanned {
        let Ok(scanner) = &self.scanner else { return Scanned::Unsure };
        match scanner.is_match_asking(text.as_bytes(), asked) {
            Scanned::Match(end) if end == text.len() && self.rest.is_some_and(|rest| rest.needed) => Scanned::No,
            scanned => scanned,
        }
    }

    fn is_match(&self, text: &str) -> bool {
        let needed = self.rest.is_some_and(|rest| rest.needed);
        let hopeless = || self.lacks_what_it_needs(text);
        let scanned = match &self.scanner {
            Ok(scanner) => scanner.is_match(text.as_bytes(), hopeless),
            Err(_) if hopeless() => Scanned::No,
            Err(_) => Scanned::Unsure,
        };
        match scanned {
            Scanned::No => false,
            Scanned::Match(end) => !needed || end < text.len(),
            Scanned::Unsure if needed => {
                self.regex().is_some_and(|regex| regex.find(text.as_bytes()).is_some_and(|found| found.end() < text.len()))
            }
            Scanned::Unsure => self.regex().is_some_and(|regex| regex.is_match(text.as_bytes())),
        }
    }
}

fn build(head: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(head).unicode(false).build()
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or(text).trim_start_matches("error: ").to_owned()
}
