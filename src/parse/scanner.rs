//! Expressions as a row of steps that never go back: most format expressions need no more, and it is several times faster
//! than an automaton that looks at every byte and remembers every group.
//!
//! A step takes what the expression would try first. Where that leads to a match, it is the match of the expression. Where
//! it does not, and something else might have, the scanner says so and the regular expression decides. So the result is
//! always that of the regular expression. Does not know columns or formats.

mod asked;
mod bytes;

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memchr2, memchr3};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

pub use asked::{Asked, Beginning};
pub use bytes::ByteSet;
use bytes::Fixed;

/// Deepest groups that are worth the trouble.
const DEEPEST: usize = 32;
/// Times that a group may be written out.
const WRITTEN_OUT: usize = 8;
/// Bytes of a run that are looked at one by one.
const NEAR: usize = 16;
/// Ways that one scan tries; a line that needs more is left to the regular expression, whose time is bounded.
const MOST_TRIES: u32 = 512;

/// A compiled expression, anchored at the beginning of the text.
#[derive(Clone, Debug)]
pub struct Scanner {
    steps: Vec<Step>,
    /// Steps at the beginning that can be done in one way only.
    sure: usize,
    /// For each number of sure steps the slots that they fill.
    known: Box<[usize]>,
}

/// How far the sure steps of one expression came on a text, from which the next expression that begins alike goes on.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    /// The place before each step.
    places: Vec<usize>,
    /// The step that failed.
    failed: Option<usize>,
}

impl Trail {
    /// Forgets, since another text follows.
    pub fn clear(&mut self) {
        self.places.clear();
        self.failed = None;
    }
}

/// Reads an expression as [`regex::bytes`] does without Unicode.
///
/// # Errors
/// It is no expression; the text says why, over several lines.
pub fn parse(pattern: &str) -> Result<Hir, String> {
    ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).map_err(|e| e.to_string())
}

/// The named groups of an expression, by number.
pub fn groups(hir: &Hir) -> Vec<(usize, &str)> {
    match hir.kind() {
        HirKind::Capture(capture) => {
            let own = capture.name.as_deref().map(|name| (capture.index as usize, name));
            own.into_iter().chain(groups(&capture.sub)).collect()
        }
        HirKind::Repetition(repetition) => groups(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().flat_map(groups).collect(),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => Vec::new(),
    }
}

/// What came of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// Matched up to this place.
    Match(usize),
    No,
    /// Only the regular expression can tell.
    Unsure,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Literal(Box<[u8]>),
    /// One byte of each class: what has a fixed length.
    Fixed(Box<Fixed>),
    Run(Box<Run>),
    /// The beginning (even) or the end (odd) of a group.
    Slot(usize),
    Optional(Box<Body>),
    Choice(Box<Choice>),
    Start,
    End,
    WordEdge,
}

/// Bytes of one class.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    set: ByteSet,
    /// The bytes that end it, where they are few.
    stops: Vec<u8>,
    least: usize,
    most: usize,
    /// Takes as few as possible.
    lazy: bool,
    /// What may follow, and whether nothing need.
    next: Next,
    /// Taking another number of bytes would not help what follows.
    sure: bool,
}

/// Steps that come up to `most` times.
#[derive(Clone, Debug, PartialEq)]
struct Body {
    steps: Vec<Step>,
    most: usize,
    slots: Vec<usize>,
    sure: bool,
    /// A text without which they cannot match.
    needed: Option<Needed>,
}

/// A text to be found.
#[derive(Clone, Debug)]
struct Needed(Box<Finder<'static>>);

impl PartialEq for Needed {
    fn eq(&self, other: &Needed) -> bool {
        self.0.needle() == other.0.needle()
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Choice {
    /// With the bytes that each may begin with.
    branches: Vec<(ByteSet, Vec<Step>)>,
    /// A branch may be empty.
    nothing: bool,
    slots: Vec<usize>,
    sure: bool,
}

/// Every byte.
static ANYTHING: LazyLock<ByteSet> = LazyLock::new(|| ByteSet::of(0..=255));

/// What may come next: the first bytes, and whether nothing at all will do.
#[derive(Clone, Debug, PartialEq)]
struct Next {
    first: ByteSet,
    nothing: bool,
}

impl Scanner {
    /// Makes steps of an expression.
    ///
    /// # Errors
    /// What it has that steps cannot do.
    pub fn new(hir: &Hir) -> Result<Scanner, &'static str> {
        let mut steps = Vec::new();
        let end = Next { first: ByteSet::none(), nothing: true };
        compile(hir, end, 0, &mut steps)?;
        steps.reverse();
        if !matches!(steps.first(), Some(Step::Start)) {
            return Err("does not begin with ^, or not in all its branches");
        }
        let steps = fused(steps);
        let sure = steps.iter().take_while(|step| step.is_sure()).count();
        let slots = |from: usize| steps[..from].iter().filter_map(Step::last_slot).max().map_or(2, |slot| slot + 1);
        let known = (0..=sure).map(slots).collect();
        Ok(Scanner { steps, sure, known })
    }

    /// Steps at the beginning that another expression has too, and that can be done in one way only.
    pub fn shared_with(&self, other: &Scanner) -> usize {
        let most = self.sure.min(other.sure);
        self.steps.iter().zip(&other.steps).take(most).take_while(|(a, b)| a == b).count()
    }

    /// Scans a text without line ends. `slots` gets the beginnings and ends of groups; `usize::MAX`: not part of the match. Too
    /// few slots leave out groups. `trail` and `slots` are what another expression, whose first `shared` steps are the same, has left
    /// of the same text; an empty trail where there is none. `is_hopeless` is asked before many ways are tried.
    pub fn scan_on(
        &self,
        text: &[u8],
        slots: &mut [usize],
        trail: &mut Trail,
        shared: usize,
        is_hopeless: impl FnOnce() -> bool,
    ) -> Scanned {
        if trail.failed.is_some_and(|step| step < shared) {
            return Scanned::No;
        }
        let from = shared.min(trail.places.len().saturating_sub(1)).min(self.sure);
        let mut at = trail.places.get(from).copied().unwrap_or(0);
        trail.places.truncate(from);
        trail.failed = None;
        let known = self.known[from];
        slots.iter_mut().skip(known).for_each(|slot| *slot = usize::MAX);
        let mut scan = Scan { text, slots, doubt: false, tries: MOST_TRIES, nested: false, asked: () };
        for (number, step) in self.steps[..self.sure].iter().enumerate().skip(from) {
            trail.places.push(at);
            match scan.sure_step(step, at) {
                Some(next) => at = next,
                None if scan.doubt => {
                    trail.clear();
                    return Scanned::Unsure;
                }
                None => {
                    trail.failed = Some(number);
                    return Scanned::No;
                }
            }
        }
        trail.places.push(at);
        self.end(&mut scan, at, is_hopeless)
    }

    /// Whether an expression matches, without its groups.
    pub fn is_match(&self, text: &[u8], is_hopeless: impl FnOnce() -> bool) -> Scanned {
        let mut scan = Scan { text, slots: &mut [], doubt: false, tries: MOST_TRIES, nested: false, asked: () };
        match scan.steps(&self.steps[..self.sure], 0) {
            Some(at) => self.end(&mut scan, at, is_hopeless),
            None if scan.doubt => Scanned::Unsure,
            None => Scanned::No,
        }
    }

    /// The same, telling what is asked.
    pub fn is_match_asking(&self, text: &[u8], asked: &mut dyn Asked) -> Scanned {
        let mut scan = Scan { text, slots: &mut [], doubt: false, tries: MOST_TRIES, nested: false, asked };
        match scan.steps(&self.steps, 0) {
            Some(end) => Scanned::Match(end),
            None if scan.doubt => Scanned::Unsure,
            None => Scanned::No,
        }
    }

    /// The steps that may be done in several ways.
    fn end(&self, scan: &mut Scan<'_, '_, ()>, at: usize, is_hopeless: impl FnOnce() -> bool) -> Scanned {
        if self.sure < self.steps.len() && is_hopeless() {
            return Scanned::No;
        }
        match scan.steps(&self.steps[self.sure..], at) {
            Some(end) => Scanned::Match(end),
            None if scan.doubt => Scanned::Unsure,
            None => Scanned::No,
        }
    }
}

impl Step {
    fn is_sure(&self) -> bool {
        match self {
            Step::Literal(_) | Step::Fixed(_) | Step::Slot(_) | Step::Start | Step::End | Step::WordEdge => true,
            Step::Run(run) => run.sure,
            Step::Optional(body) => body.sure && body.most == 1 && body.steps.iter().all(Step::is_sure),
            Step::Choice(choice) => choice.sure && choice.branches.iter().all(|(_, steps)| steps.iter().all(Step::is_sure)),
        }
    }

    /// The last slot that it fills.
    fn last_slot(&self) -> Option<usize> {
        match self {
            Step::Slot(slot) => Some(*slot),
            Step::Optional(body) => body.slots.iter().copied().max(),
            Step::Choice(choice) => choice.slots.iter().copied().max(),
            _ => None,
        }
    }
}

struct Scan<'t, 's, A> {
    text: &'t [u8],
    slots: &'s mut [usize],
    /// Something else than what was taken might match.
    doubt: bool,
    tries: u32,
    /// Within a group, what follows it is not seen.
    nested: bool,
    asked: A,
}

impl<A: Asked> Scan<'_, '_, A> {
    fn steps(&mut self, steps: &[Step], mut at: usize) -> Option<usize> {
        for (number, step) in steps.iter().enumerate() {
            at = match step {
                Step::Run(run) if !run.sure => return self.tried(run, &steps[number + 1..], at),
                Step::Optional(body) if !body.sure && body.most == 1 => return self.with_or_without(body, &steps[number + 1..], at),
                step => self.sure_step(step, at)?,
            };
        }
        Some(at)
    }

    /// A step that does not depend on those that follow.
    #[inline(always)]
    fn sure_step(&mut self, step: &Step, at: usize) -> Option<usize> {
        match step {
            Step::Literal(bytes) => {
                self.asked.literal(at, bytes);
                self.text.get(at..)?.starts_with(bytes).then_some(at + bytes.len())
            }
            Step::Fixed(fixed) => {
                self.asked.fixed(at, &fixed.classes);
                let bytes = self.text.get(at..at + fixed.len())?;
                fixed.takes(bytes).then_some(at + fixed.len())
            }
            Step::Run(run) => self.run(run, at),
            Step::Slot(slot) => {
                self.set(*slot, at);
                Some(at)
            }
            Step::Optional(body) => self.optional(body, at),
            Step::Choice(choice) => self.choice(choice, at),
            Step::Start => (at == 0).then_some(at),
            Step::End => (at == self.text.len()).then_some(at),
            Step::WordEdge => (self.is_word(at.wrapping_sub(1)) != self.is_word(at)).then_some(at),
        }
    }

    fn set(&mut self, slot: usize, at: usize) {
        if let Some(kept) = self.slots.get_mut(slot) {
            *kept = at;
        }
    }

    fn is_word(&self, at: usize) -> bool {
        self.text.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    }

    fn run(&mut self, run: &Run, at: usize) -> Option<usize> {
        let rest = self.text.get(at..)?;
        let rest = &rest[..rest.len().min(run.most)];
        let length = run.length(rest);
        self.asked.run(at, length, &run.set, (run.least, run.most));
        let length = if run.lazy {
            let enough = length.min(run.least);
            self.asked.follows(at, at + length, &run.next.first);
            enough + rest[enough..length].iter().take_while(|byte| !run.next.first.has(**byte)).count()
        } else {
            length
        };
        (length >= run.least).then_some(at + length)
    }

    /// Tries the lengths of a run in the order of the expression, each with the steps that follow.
    fn tried(&mut self, run: &Run, follow: &[Step], at: usize) -> Option<usize> {
        let rest = self.text.get(at..)?;
        let longest = run.length(&rest[..rest.len().min(run.most)]);
        let lengths = run.least..longest.checked_add(1)?;
        self.asked.run(at, longest, &run.set, (run.least, run.most));
        self.asked.follows(at, at + longest, if run.next.nothing { &ANYTHING } else { &run.next.first });
        let count = lengths.len();
        for number in 0..count {
            let length = if run.lazy { lengths.start + number } else { lengths.end - 1 - number };
            let fits = self.text.get(at + length).map_or(run.next.nothing, |byte| run.next.nothing || run.next.first.has(*byte));
            if !fits && !matches!(follow.first(), Some(Step::End | Step::WordEdge | Step::Slot(_))) {
                continue;
            }
            self.tries = self.tries.saturating_sub(1);
            if self.tries == 0 {
                self.doubt = true;
                return None;
            }
            let end = self.steps(follow, at + length);
            if end.is_some() {
                // What follows the group might need another length.
                self.doubt |= self.nested;
                return end;
            }
            if self.doubt {
                return None;
            }
        }
        None
    }

    /// What follows is tried behind the group, then in its place.
    fn with_or_without(&mut self, body: &Body, follow: &[Step], at: usize) -> Option<usize> {
        body.slots.iter().for_each(|slot| self.set(*slot, usize::MAX));
        if let Some(end) = self.attempt(&body.steps, &body.slots, body.needed.as_ref(), at)? {
            let found = self.steps(follow, end);
            if found.is_some() || self.doubt {
                self.doubt |= self.nested;
                return found;
            }
            body.slots.iter().for_each(|slot| self.set(*slot, usize::MAX));
        }
        self.steps(follow, at)
    }

    /// `None`: it cannot be told.
    fn optional(&mut self, body: &Body, mut at: usize) -> Option<usize> {
        body.slots.iter().for_each(|slot| self.set(*slot, usize::MAX));
        for _ in 0..body.most {
            match self.attempt(&body.steps, &body.slots, body.needed.as_ref(), at)? {
                Some(end) if end > at => at = end,
                _ => break,
            }
            self.doubt |= !body.sure;
        }
        Some(at)
    }

    fn choice(&mut self, choice: &Choice, at: usize) -> Option<usize> {
        choice.slots.iter().for_each(|slot| self.set(*slot, usize::MAX));
        let byte = self.text.get(at);
        for (first, branch) in &choice.branches {
            self.asked.first(at, first);
            if !choice.nothing && !byte.is_some_and(|byte| first.has(*byte)) {
                continue;
            }
            if let Some(end) = self.attempt(branch, &choice.slots, None, at)? {
                self.doubt |= !choice.sure;
                return Some(end);
            }
        }
        None
    }

    /// `Some(None)`: it surely does not match here. `None`: it cannot be told.
    fn attempt(&mut self, steps: &[Step], slots: &[usize], needed: Option<&Needed>, at: usize) -> Option<Option<usize>> {
        let before = std::mem::replace(&mut self.doubt, false);
        let nested = std::mem::replace(&mut self.nested, true);
        let end = self.steps(steps, at);
        self.nested = nested;
        let impossible = |asked: &mut A| {
            needed.is_some_and(|needed| {
                asked.text(needed.0.needle());
                needed.0.find(&self.text[at..]).is_none()
            })
        };
        if end.is_none() && self.doubt && !impossible(&mut self.asked) {
            return None;
        }
        self.doubt &= end.is_some();
        if end.is_none() {
            slots.iter().for_each(|slot| self.set(*slot, usize::MAX));
        }
        self.doubt |= before;
        Some(end)
    }
}

impl Run {
    #[inline]
    fn length(&self, rest: &[u8]) -> usize {
        // Most runs are words, over before a search by vectors has begun.
        let near = rest.len().min(NEAR);
        match rest[..near].iter().position(|byte| !self.set.has(*byte)) {
            Some(end) => end,
            None => near + self.length_of_long(&rest[near..]),
        }
    }

    #[inline(never)]
    fn length_of_long(&self, rest: &[u8]) -> usize {
        let found = match *self.stops.as_slice() {
            [a] => memchr(a, rest),
            [a, b] => memchr2(a, b, rest),
            [a, b, c] => memchr3(a, b, c, rest),
            _ => rest.iter().position(|byte| !self.set.has(*byte)),
        };
        found.unwrap_or(rest.len())
    }
}

/// Appends the steps of an expression from the last to the first, and returns what may come where it begins.
fn compile(hir: &Hir, next: Next, depth: usize, steps: &mut Vec<Step>) -> Result<Next, &'static str> {
    if depth > DEEPEST {
        return Err("has groups within groups deeper than steps follow");
    }
    match hir.kind() {
        HirKind::Empty => Ok(next),
        HirKind::Literal(literal) => {
            steps.push(Step::Literal(literal.0.clone()));
            Ok(Next { first: ByteSet::of(literal.0.first().copied()), nothing: false })
        }
        HirKind::Class(class) => {
            let set = bytes_of(class)?;
            steps.push(run(set.clone(), (1, 1), true, &next));
            Ok(Next { first: set, nothing: false })
        }
        HirKind::Look(look) => look_step(*look, next, steps),
        HirKind::Repetition(repetition) => repeated(repetition, next, depth, steps),
        HirKind::Capture(capture) => {
            let slot = capture.index as usize * 2;
            steps.push(Step::Slot(slot + 1));
            let first = compile(&capture.sub, next, depth + 1, steps)?;
            steps.push(Step::Slot(slot));
            Ok(first)
        }
        HirKind::Concat(parts) => parts.iter().rev().try_fold(next, |next, part| compile(part, next, depth + 1, steps)),
        HirKind::Alternation(branches) => choice(branches, &next, depth, steps),
    }
}

fn look_step(look: Look, next: Next, steps: &mut Vec<Step>) -> Result<Next, &'static str> {
    match look {
        Look::Start => {
            steps.push(Step::Start);
            Ok(next)
        }
        Look::End => {
            steps.push(Step::End);
            Ok(Next { first: ByteSet::none(), nothing: false })
        }
        Look::WordAscii => {
            steps.push(Step::WordEdge);
            // Which bytes an edge allows depends on the one before it.
            Ok(Next { first: ByteSet::of(0..=255), nothing: false })
        }
        _ => Err("looks around in another way than ^, $ and \\b"),
    }
}

fn run(set: ByteSet, (least, most): (usize, usize), greedy: bool, next: &Next) -> Step {
    let apart = !set.meets(&next.first);
    let fixed = least == most;
    let ends_here = next.nothing && next.first == ByteSet::none();
    // Where nothing need follow, the most that can be taken is what is taken.
    let sure = fixed || (apart && (greedy || !next.nothing)) || (greedy && ends_here);
    Step::Run(Box::new(Run { stops: set.stops(), set, least, most, lazy: !greedy && !fixed, next: next.clone(), sure }))
}

fn repeated(repetition: &Repetition, next: Next, depth: usize, steps: &mut Vec<Step>) -> Result<Next, &'static str> {
    let least = repetition.min as usize;
    let most = repetition.max.map_or(usize::MAX, |max| max as usize);
    let single = match repetition.sub.kind() {
        HirKind::Class(class) => Some(bytes_of(class)?),
        HirKind::Literal(literal) if literal.0.len() == 1 => Some(ByteSet::of(literal.0.iter().copied())),
        _ => None,
    };
    if let Some(set) = single {
        steps.push(run(set.clone(), (least, most), repetition.greedy, &next));
        return Ok(if least == 0 { either(&set, &next) } else { Next { first: set, nothing: false } });
    }
    let has_groups = repetition.sub.properties().explicit_captures_len() > 0;
    if !repetition.greedy {
        return Err("repeats a group as seldom as possible");
    }
    if (most > 1 && has_groups) || repetition.sub.properties().minimum_len() == Some(0) {
        return Err("repeats a group that is named or may be empty");
    }
    if least > 0 {
        let written = written_out(repetition, least, most).ok_or("repeats a group many times")?;
        return compile(&written, next, depth + 1, steps);
    }
    let mut body = Vec::new();
    // In a loop the body may follow itself.
    let mut after = next.clone();
    if most > 1 {
        let alone = compile(&repetition.sub, next.clone(), depth + 1, &mut Vec::new())?;
        after.first.join(&alone.first);
    }
    let first = compile(&repetition.sub, after, depth + 1, &mut body)?;
    body.reverse();
    let body = fused(body);
    let sure = !first.first.meets(&next.first);
    let found = either(&first.first, &next);
    let needed = needed(&repetition.sub).map(|literal| Needed(Box::new(Finder::new(&literal).into_owned())));
    steps.push(Step::Optional(Box::new(Body { slots: slots_of(&body), steps: body, most, sure, needed })));
    Ok(found)
}

/// A group as often as it must come, then as often as it may: `(?:x){2,3}` is `xx(?:x)?`.
fn written_out(repetition: &Repetition, least: usize, most: usize) -> Option<Hir> {
    let sub = || (*repetition.sub).clone();
    let optional = |max: Option<u32>, sub: Hir| Hir::repetition(Repetition { min: 0, max, greedy: true, sub: Box::new(sub) });
    let rest = match most {
        usize::MAX => optional(None, sub()),
        most => (least..most).fold(Hir::empty(), |rest, _| optional(Some(1), Hir::concat(vec![sub(), rest]))),
    };
    let bounded = least <= WRITTEN_OUT && (most == usize::MAX || most <= WRITTEN_OUT);
    bounded.then(|| Hir::concat((0..least).map(|_| sub()).chain([rest]).collect()))
}

/// The same steps, with those of fixed length that follow each other as one.
fn fused(steps: Vec<Step>) -> Vec<Step> {
    let mut fused = Vec::new();
    let mut fixed: Vec<ByteSet> = Vec::new();
    for step in steps {
        match fixed_bytes(&step) {
            Some(bytes) => fixed.extend(bytes),
            None => {
                end_fixed(&mut fixed, &mut fused);
                fused.push(step);
            }
        }
    }
    end_fixed(&mut fixed, &mut fused);
    fused
}

fn end_fixed(fixed: &mut Vec<ByteSet>, fused: &mut Vec<Step>) {
    if !fixed.is_empty() {
        fused.push(Step::Fixed(Box::new(Fixed::of(std::mem::take(fixed)))));
    }
}

/// The classes of a step of a fixed, short length.
fn fixed_bytes(step: &Step) -> Option<Vec<ByteSet>> {
    /// Longer ones are compared or counted at once.
    const LONGEST: usize = 8;
    match step {
        Step::Literal(bytes) if bytes.len() <= 2 => Some(bytes.iter().map(|byte| ByteSet::of([*byte])).collect()),
        Step::Run(run) if run.least == run.most && run.most <= LONGEST => Some(vec![run.set.clone(); run.most]),
        _ => None,
    }
}

fn either(first: &ByteSet, next: &Next) -> Next {
    let mut both = next.clone();
    both.first.join(first);
    both
}

fn choice(branches: &[Hir], next: &Next, depth: usize, steps: &mut Vec<Step>) -> Result<Next, &'static str> {
    let mut compiled = Vec::new();
    let mut all = Next { first: ByteSet::none(), nothing: false };
    let mut sure = true;
    for branch in branches {
        let mut steps = Vec::new();
        let first = compile(branch, next.clone(), depth + 1, &mut steps)?;
        steps.reverse();
        let steps = fused(steps);
        sure &= !first.nothing && !all.first.meets(&first.first);
        all.first.join(&first.first);
        all.nothing |= first.nothing;
        compiled.push((first.first, steps));
    }
    let slots = compiled.iter().flat_map(|(_, steps)| slots_of(steps)).collect();
    steps.push(Step::Choice(Box::new(Choice { branches: compiled, nothing: all.nothing, slots, sure })));
    Ok(all)
}

/// The longest text that every match of an expression has.
pub fn needed(hir: &Hir) -> Option<Box<[u8]>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(literal.0.clone()),
        HirKind::Capture(capture) => needed(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => needed(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(needed).max_by_key(|literal| literal.len()),
        _ => None,
    }
}

fn slots_of(steps: &[Step]) -> Vec<usize> {
    let inside = |step: &Step| match step {
        Step::Slot(slot) => vec![*slot],
        Step::Optional(body) => body.slots.clone(),
        Step::Choice(choice) => choice.slots.clone(),
        _ => Vec::new(),
    };
    steps.iter().flat_map(inside).collect()
}

fn bytes_of(class: &Class) -> Result<ByteSet, &'static str> {
    match class {
        Class::Bytes(class) => Ok(ByteSet::of(class.ranges().iter().flat_map(|range| range.start()..=range.end()))),
        Class::Unicode(class) if class.is_ascii() => {
            Ok(ByteSet::of(class.ranges().iter().flat_map(|range| range.start() as u8..=range.end() as u8)))
        }
        Class::Unicode(_) => Err("has a class of characters beyond ASCII"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::bytes::RegexBuilder;

    use super::*;

    /// The scanner's answer and that of the regular expression, group by group. Returns whether the scanner was sure.
    fn agree(pattern: &str, text: &str) -> bool {
        let Some(scanner) = parse(pattern).ok().and_then(|hir| Scanner::new(&hir).ok()) else { return false };
        let regex = RegexBuilder::new(pattern).unicode(false).build().unwrap();
        let mut slots = vec![0; regex.captures_len() * 2];
        let expected = regex.captures(text.as_bytes());
        match scanner.scan_on(text.as_bytes(), &mut slots, &mut Trail::default(), 0, || false) {
            Scanned::Unsure => return false,
            Scanned::No => assert!(expected.is_none(), "{pattern} on {text:?}"),
            Scanned::Match(end) => {
                let expected = expected.unwrap_or_else(|| panic!("{pattern} on {text:?}"));
                assert_eq!(end, expected.get(0).unwrap().end(), "{pattern} on {text:?}");
                for group in 1..regex.captures_len() {
                    let found = (slots[group * 2], slots[group * 2 + 1]);
                    let wanted = expected.get(group).map_or((usize::MAX, usize::MAX), |m| (m.start(), m.end()));
                    assert_eq!(found, wanted, "{pattern} on {text:?}, group {group}");
                }
            }
        }
        true
    }

    #[test]
    fn steps_do_what_the_expression_does() {
        let cases = [
            (r"^(?<a>\d+)-(?<b>[a-z]*)", &["12-ab", "12", "-", "", "12-", "x12-a"][..]),
            (
                r"^\[(?<a>[^\]]+)\] (?:(?<b>\w+): )?(?<c>INFO|WARN|ERROR) ",
                &["[a] b: INFO x", "[a] WARN ", "[] INFO ", "[a] b INFO ", "[a] "],
            ),
            (r"^(?<a>\S+) - (?<b>.*?) end$", &["x - y end", "x - y end end", "x -y end", "x - end"]),
            (r"^\d{4}(?:\.\d+)*(?<z>Z|[+-]\d\d)?\b", &["2023.1.2Z", "2023", "2023.+01", "20231"]),
            (r"^a(?:b|bc)(?<x>c?)d", &["abcd", "abd", "abccd", "ad"]),
            (r"^a*ab", &["aaab", "ab", "b"]),
            (r"^(?:\d+ ){1,3}(?<a>x)", &["1 x", "1 2 33 x", "1 2 3 4 x", "x", "1 "]),
            (r"^(?:ab)+(?<a>a?)c", &["ababc", "abac", "c", "ababab"]),
            (r"^(?:a |b ){2}(?<a>\S+)", &["a b x", "a x", "a b a x"]),
        ];
        for (pattern, texts) in cases {
            for text in texts {
                agree(pattern, text);
            }
        }
    }

    /// Every expression of every built-in format on every sample line: the same groups, and nearly always without the
    /// help of the regular expression.
    #[test]
    fn built_in_formats_are_scanned_as_they_are_matched() {
        let formats = crate::parse::Formats::builtin();
        let lines: Vec<&str> = formats.lines().iter().flat_map(|f| &f.samples).flat_map(|s| s.text.lines()).collect();
        let (mut sure, mut all) = (0, 0);
        for variant in formats.lines().iter().flat_map(|f| &f.variants) {
            let head = crate::parse::pattern::without_rest(&variant.pattern.text).0;
            all += lines.len();
            sure += lines.iter().filter(|line| agree(head, line)).count();
        }
        assert!(all > 10_000 && sure * 10 > all * 8, "{sure} of {all}");
    }

    proptest! {
        #[test]
        fn random_lines_agree(text in "[a-c0-2 \\[\\]:.-]{0,24}") {
            for pattern in [
                r"^(?<a>[a-c]+)(?: (?<b>\d+))?: (?<c>.*)$", r"^(?:\[(?<a>[^\]]*)\] )?(?<b>\S+) ", r"^(?<a>\d+[.:]\d+|[a-c]+)(?<b>-\S*)?",
                r"^(?<a>.+?): (?<b>\w+)", r"^(?<a>[a-c]*)a(?<b>\d?)", r"^(?:a|ab)(?<a>c|bc)?",
            ] {
                agree(pattern, &text);
            }
        }
    }
}
