//! The header of a line of any program: its time, its level, and the names and numbers around them, told by their shape.
//!
//! For lines whose format nobody has described, and for headers that every installation composes itself. What stands
//! behind the last thing that can only be a header is the message. Knows no program.

mod time;
mod words;

use std::ops::Range;

use super::cells::{Cell, Column, Row, Spelling};
use super::timestamp::Clock;
use time::{find_time, has_none, is_first};
pub use words::is_level;
use words::{Group, closing, group, is_class, is_name, is_strong, level_letter, source_line};

/// Tokens of a header at most.
const MOST_TOKENS: usize = 12;
/// Words before the time at most.
const MOST_BEFORE: usize = 6;
/// With what no header begins.
const NO_HEADER: [char; 2] = ['{', '"'];
/// Names that may stand between the time and whatever proves that they belong to the header.
const MOST_NAMES: usize = 3;

/// Fills a row from the header that a line begins with. `None`: the line does not begin with one.
pub fn read(text: &str, clock: &Clock, row: &mut Row) -> Option<crate::model::Time> {
    fill(text, clock, row).map(|(time, _)| time)
}

/// Whether a line begins with a header.
pub fn is_one(text: &str, clock: &Clock) -> bool {
    begun(text, clock).is_some()
}

/// Whether no line that is the same as this one up to a place begins with a header, whatever follows; `false` where that is not told.
pub fn is_none_up_to(text: &str, end: usize) -> bool {
    let far = far(text);
    far < end && has_none(text, far, end)
}

/// A header read up to its time, the time, and where that stands.
fn begun<'t>(text: &'t str, clock: &Clock) -> Option<(Header<'t>, crate::model::Time, Range<usize>)> {
    let (time, place) = find_time(text, clock, || far(text))?;
    let mut header = Header::new(text);
    header.before(&text[..place.start]).then_some((header, time, place))
}

/// How far into a line the time of its header may stand, in bytes: what stands before a later one is the beginning of a sentence, whatever its last
/// word is.
fn far(text: &str) -> usize {
    if text.starts_with(NO_HEADER) {
        return 0;
    }
    let mut before = Before::default();
    let end = words::split(text).find(|word| {
        let name = &text[words::bare(text, word)];
        before.see(name);
        !before.is_of_header()
    });
    end.map_or(text.len(), |word| word.end)
}

/// What a word before the time is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Level,
    Number,
    Name,
    /// Marks alone, or something with marks inside.
    Other,
    OfSentence,
}

/// The words before the time, as far as they were seen.
#[derive(Default)]
struct Before {
    words: usize,
    /// Names that are ordinary words.
    plain: usize,
    has_level: bool,
    is_sentence: bool,
}

impl Before {
    /// Sees the next one, without the marks around it.
    fn see(&mut self, name: &str) -> Word {
        let word = self.kind(name);
        self.words += 1;
        self.plain += usize::from(word == Word::Name && !is_strong(name));
        self.has_level |= word == Word::Level;
        self.is_sentence |= word == Word::OfSentence;
        word
    }

    fn kind(&self, name: &str) -> Word {
        if name.is_empty() {
            Word::Other
        } else if !self.has_level && (is_level(name) || level_letter(name)) {
            Word::Level
        } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
            Word::Number
        } else if is_name(name) {
            Word::Name
        } else if name.contains(['=', '[', '(', ':', '/', '.']) {
            Word::Other
        } else {
            Word::OfSentence
        }
    }

    /// Whether no sentence begins so. With more words it is not less of one.
    fn is_of_header(&self) -> bool {
        !self.is_sentence && self.plain <= 1 && self.words <= MOST_BEFORE
    }
}

/// What of a line tells its header.
pub struct Shape {
    /// Where its time stands.
    pub time: Range<usize>,
    /// Where the last word ends that was looked at. Words are told by what their bytes are and by their length.
    pub end: usize,
}

/// What tells the header of a line, from which a row is filled. `None` where it begins with none, or with one that is told by more than that: by
/// places before its time at which another may begin, or by a bracket that nothing closes.
pub fn shape(text: &str, clock: &Clock, row: &mut Row) -> Option<Shape> {
    let (_, shape) = fill(text, clock, row)?;
    (is_first(text, &shape.time) && shape.end <= text.len()).then_some(shape)
}

/// Fills a row from a header, and tells its time and what it was told by.
fn fill(text: &str, clock: &Clock, row: &mut Row) -> Option<(crate::model::Time, Shape)> {
    let (mut header, time, place) = begun(text, clock)?;
    row.set(Column::Time, plain(&place), 0);
    header.at = place.end;
    let mark = header.after_time();
    header.walk(mark);
    let end = header.looked;
    header.fill(row);
    Some((time, Shape { time: place, end }))
}

/// Fills a row from all that stands before the level of a line, in any order: time, process, `user@database`, `key=value`.
pub fn read_prefix(text: &str, prefix: Range<usize>, clock: &Clock, row: &mut Row) {
    let inside = &text[prefix.clone()];
    let mut end_of_time = 0..0;
    if let Some((_, place)) = find_time(inside, clock, || inside.len()) {
        end_of_time = place.clone();
        row.set(Column::Time, plain(&(prefix.start + place.start..prefix.start + place.end)), 0);
    }
    for part in [0..end_of_time.start, end_of_time.end..inside.len()] {
        let base = prefix.start + part.start;
        words::prefix(&inside[part], &mut |column, word| row.set(column, plain(&(base + word.start..base + word.end)), 0));
    }
}

fn plain(place: &Range<usize>) -> Cell {
    Cell::new(place.start, place.end, Spelling::Plain)
}

/// What follows a star and a number at which a name of a program may end (`chrome.exe *64 - `).
fn behind_star(after: &str) -> &str {
    after.strip_prefix(" *").map_or(after, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// A header that is being read.
struct Header<'t> {
    text: &'t str,
    at: usize,
    /// Where the message begins as far as is known.
    message: usize,
    level: Option<Range<usize>>,
    /// The name that is marked as the one who speaks.
    logger: Option<Range<usize>>,
    /// Words not yet known to belong to the header.
    names: Vec<Range<usize>>,
    /// Whether one of them is an ordinary word.
    weak: bool,
    instance: Option<Range<usize>>,
    number: Option<Range<usize>>,
    groups: Vec<(Group, Range<usize>)>,
    line: Option<Range<usize>>,
    tokens: usize,
    /// Where the last word or group ends that was looked at; past the end of the line where it was looked for in vain.
    looked: usize,
}

impl<'t> Header<'t> {
    fn new(text: &'t str) -> Header<'t> {
        Header {
            text,
            at: 0,
            message: 0,
            level: None,
            logger: None,
            names: Vec::new(),
            weak: false,
            instance: None,
            number: None,
            groups: Vec::new(),
            line: None,
            tokens: 0,
            looked: 0,
        }
    }

    /// Reads what stands before the time; `false` where that is the beginning of a sentence.
    fn before(&mut self, prefix: &str) -> bool {
        if prefix.starts_with(NO_HEADER) {
            return false;
        }
        let mut before = Before::default();
        for word in words::split(prefix) {
            let inside = words::bare(prefix, &word);
            match before.see(&prefix[inside.clone()]) {
                Word::Level => self.level = Some(inside),
                Word::Number => self.number = self.number.take().or(Some(inside)),
                Word::Name => self.names.push(inside),
                Word::Other => {}
                Word::OfSentence => return false,
            }
        }
        if self.names.len() > 1 {
            // `HOST PROGRAM time`, `ID NODE COMPONENT STATE time`: the second names the speaker.
            self.instance = Some(self.names[0].clone());
            self.logger = Some(self.names[1].clone());
        } else {
            self.logger = self.names.first().cloned();
        }
        self.names.clear();
        before.is_of_header()
    }

    /// Gives the mark that separates the time from the rest.
    fn after_time(&mut self) -> u8 {
        let rest = &self.text[self.at..];
        let closed = rest.trim_start_matches([']', ')', '>', '"', '\'']);
        self.at += rest.len() - closed.len();
        let mark = self.skip_separators();
        self.message = self.at;
        // `time 1 message` after a name and a time: a flag.
        if self.logger.is_some() && self.level.is_none() {
            let digits = self.text[self.at..].bytes().take_while(u8::is_ascii_digit).count();
            self.looked = self.at + digits;
            if (1..=6).contains(&digits) && self.text[self.at + digits..].starts_with(' ') {
                self.at += digits + 1;
                self.message = self.at;
            }
        }
        mark
    }

    /// Skips what stands between two parts of a header; the strongest mark that it met.
    fn skip_separators(&mut self) -> u8 {
        let mut strongest = b' ';
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b' ' | b']' => {}
                b'\t' | b'|' => strongest = b'|',
                b',' | b';' | b':' | b'>' => strongest = if strongest == b'|' { b'|' } else { b':' },
                b'-' if bytes.get(self.at + 1).is_none_or(|b| matches!(b, b' ' | b'-' | b'>')) => {
                    strongest = if strongest == b'|' { b'|' } else { b'-' };
                }
                _ => break,
            }
            self.at += 1;
        }
        strongest
    }

    fn walk(&mut self, mut mark: u8) {
        let mut named = false;
        while self.tokens < MOST_TOKENS {
            self.tokens += 1;
            let go_on = match self.text.as_bytes().get(self.at) {
                None => false,
                Some(b'[' | b'<' | b'(') => self.bracket(named),
                Some(b'{' | b'"' | b'\'') => false,
                Some(_) => self.word(mark, &mut named),
            };
            if !go_on {
                break;
            }
            mark = self.skip_separators();
            if self.message == usize::MAX {
                self.message = self.at;
            }
        }
        if self.message == usize::MAX {
            self.message = self.at;
        }
    }

    /// What was read so far is header for certain: the message begins behind it and the separators that follow.
    fn commit(&mut self) {
        self.message = usize::MAX;
    }

    fn bracket(&mut self, named: bool) -> bool {
        let closing = closing(self.text, self.at);
        self.looked = closing.map_or(usize::MAX, |end| self.looked.max(end));
        let Some(end) = closing else { return false };
        let inside = self.at + 1..end;
        let found = group(&self.text[inside.clone()]);
        let after = self.text.as_bytes().get(end + 1);
        let apart = after.is_none_or(|b| matches!(b, b' ' | b'\t' | b':' | b'[' | b'<' | b'(' | b'|' | b',' | b'-'));
        let round = !self.text[self.at..].starts_with('[');
        if !apart
            || (round && !matches!(found, Group::Level | Group::Number | Group::Thread))
            || (named && self.level.is_some() && found != Group::Number)
        {
            return false;
        }
        match found {
            Group::Level | Group::ThreadAndLevel if self.level.is_some() => return false,
            Group::ThreadAndLevel => {
                let slash = self.text[inside.clone()].rfind('/').map_or(inside.end, |slash| inside.start + slash);
                self.level = Some(slash + 1..inside.end);
                self.groups.push((Group::Thread, inside.start..slash));
            }
            Group::Level => self.level = Some(inside),
            Group::Number => self.number = self.number.take().or(Some(inside)),
            Group::Text if self.groups.len() > 2 || self.weak => return false,
            Group::Text => {
                // A remark such as `[client 10.0.0.7]` belongs to the message, unless more of the header follows.
                self.groups.push((found, inside));
                self.at = end + 1;
                return true;
            }
            Group::Location => {
                let place = source_line(&self.text[inside.clone()]).unwrap_or(0);
                self.line = Some(inside.start + place + 1..inside.end);
                self.groups.push((Group::Name, inside.start..inside.start + place));
            }
            Group::Trace => {
                let first = self.text[inside.clone()].find(' ').map_or(inside.end, |blank| inside.start + blank);
                self.groups.push((found, inside.start..first));
            }
            _ => self.groups.push((found, inside)),
        }
        if self.weak {
            return false;
        }
        self.at = end + 1;
        self.take_names();
        self.commit();
        true
    }

    /// The names read before are part of the header: the last one speaks.
    fn take_names(&mut self) {
        let names = std::mem::take(&mut self.names);
        self.weak = false;
        let Some(last) = names.last() else { return };
        if names.len() > 1 {
            self.instance = Some(names[0].clone());
        }
        self.logger = self.logger.take().or(Some(last.clone()));
    }

    fn word(&mut self, mark: u8, named: &mut bool) -> bool {
        let rest = &self.text[self.at..];
        let length = rest.find([' ', '\t', '|']).unwrap_or(rest.len());
        self.looked = self.looked.max(self.at + length);
        let token = &rest[..length];
        let word = token.trim_end_matches([':', ',', ';', ']']);
        let whole = self.at..self.at + word.len();
        if let Some(inside) = word.strip_prefix('*').and_then(|w| w.strip_suffix('*')).filter(|w| self.level.is_none() && is_level(w)) {
            self.level = Some(self.at + 1..self.at + 1 + inside.len());
            self.at = whole.end;
            self.take_names();
            self.commit();
            return true;
        }
        if self.level.is_none() && self.is_level_here(word, &rest[word.len()..], mark) {
            self.level = Some(whole.clone());
            self.at = whole.end;
            self.take_names();
            self.commit();
            return true;
        }
        if *named {
            return false;
        }
        if let Some(name) = self.speaker(token, &rest[length..]) {
            self.logger = Some(self.at..self.at + name);
            self.take_host();
            self.at += length;
            *named = true;
            self.commit();
            return true;
        }
        self.other_word(word, &rest[word.len()..], mark, named)
    }

    /// Numbers, names that a separator marks, and words that may turn out to be names.
    fn other_word(&mut self, word: &str, after: &str, mark: u8, named: &mut bool) -> bool {
        let whole = self.at..self.at + word.len();
        let marked = after.starts_with(['|', '\t']) || after.starts_with(" |") || (mark == b'|' && after.is_empty());
        let dashed = behind_star(after).starts_with(" - ");
        let digits = word.trim_start_matches('#');
        if !digits.is_empty() && digits.len() <= 10 && digits.bytes().all(|b| b.is_ascii_digit()) {
            self.number = self.number.take().or(Some(whole.clone()));
            self.at = whole.end;
            if marked {
                self.commit();
            }
            return true;
        }
        if let Some(colon) = source_line(word).filter(|_| self.names.is_empty()) {
            self.logger = self.logger.take().or(Some(self.at..self.at + colon));
            self.line = Some(self.at + colon + 1..whole.end);
            self.at = whole.end;
            *named = self.level.is_some();
            self.commit();
            return true;
        }
        if !is_name(word) {
            return false;
        }
        let strong = is_strong(word);
        if self.weak && (marked || dashed) && mark != b'|' {
            return false;
        }
        if (marked || (dashed && strong)) && self.names.len() <= 1 {
            self.names.push(whole.clone());
            let last = self.names.pop().unwrap_or_default();
            self.take_host();
            self.logger = Some(last);
            self.at = whole.end + if dashed { after.find('-').map_or(0, |dash| dash + 1) } else { 0 };
            *named = dashed;
            self.commit();
            return true;
        }
        let first_after_level = self.level.is_some() && self.names.is_empty() && self.logger.is_none();
        if first_after_level && (is_class(word) || ((strong || is_upper(word)) && after.trim_start().starts_with('['))) {
            self.logger = Some(whole.clone());
            self.at = whole.end;
            self.commit();
            return true;
        }
        if self.level.is_some() || self.names.len() >= MOST_NAMES || (self.weak && !strong) {
            return false;
        }
        self.weak |= !strong;
        self.names.push(whole.clone());
        self.at = whole.end;
        true
    }

    /// A word read before the name of the speaker is where he runs.
    fn take_host(&mut self) {
        let names = std::mem::take(&mut self.names);
        self.weak = false;
        self.instance = self.instance.take().or_else(|| names.first().cloned());
    }

    /// `name:`, `name[12]:`, `name(sub)[12]:`: the length of the name.
    fn speaker(&mut self, token: &str, after: &str) -> Option<usize> {
        let body = token.strip_suffix(':')?;
        if self.level.is_some() && !self.names.is_empty() || self.names.len() > 2 || !(after.is_empty() || after.starts_with([' ', '\t'])) {
            return None;
        }
        let (name, number) = match body.strip_suffix(']').and_then(|b| b.split_once('[')) {
            Some((name, number)) => (name, Some(number)),
            None => (body, None),
        };
        let bare = name.strip_suffix(')').and_then(|n| n.split_once('(')).map_or(name, |(n, _)| n);
        // Without a level before it `Loading: …` is a sentence as often as it is a name.
        let fits =
            is_name(bare) && (number.is_some() || self.level.is_some() || is_strong(bare) || bare.bytes().all(|b| b.is_ascii_lowercase()));
        if !fits || (is_level(bare) && number.is_none()) {
            return None;
        }
        if let Some(colon) = source_line(name) {
            self.line = Some(self.at + colon + 1..self.at + name.len());
            return Some(colon);
        }
        if let Some(number) = number.filter(|n| !n.is_empty()) {
            self.number = Some(self.at + name.len() + 1..self.at + name.len() + 1 + number.len());
        }
        Some(name.len())
    }

    /// Whether a word is the level and not the beginning of a sentence.
    fn is_level_here(&self, word: &str, after: &str, mark: u8) -> bool {
        let separated = after.starts_with([':', '|', '\t', ']', ','])
            || after.starts_with("  ")
            || after.starts_with(" |")
            || after.starts_with(" -")
            || after.is_empty();
        if level_letter(word) {
            let next = after.trim_start();
            return after.starts_with([' ', '|', '\t', ':'])
                && (mark == b'|' || separated || next.starts_with('[') || starts_with_speaker(next) || starts_with_unit(next));
        }
        if !is_level(word) {
            return false;
        }
        let upper = word.bytes().all(|b| b.is_ascii_uppercase());
        let sentence = || {
            !separated
                && !after.trim_start().starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '[' | '{' | '"'))
        };
        let seldom_begins = matches!(word, "info" | "debug" | "trace" | "warn" | "Info" | "Debug" | "Trace" | "Warn" | "INF" | "DBG");
        (upper && self.names.len() <= 2) || (self.names.is_empty() && (separated || mark == b'|' || !sentence() || seldom_begins))
    }

    fn fill(mut self, row: &mut Row) {
        let end = self.text.len();
        let mut set = |column, place: Option<Range<usize>>| place.into_iter().for_each(|place| row.set(column, plain(&place), 0));
        let mut thread = None;
        for (kind, place) in self.groups.drain(..).rev() {
            // A remark that the message keeps is nobody's name.
            if place.start >= self.message {
                continue;
            }
            match kind {
                Group::Trace => set(Column::Trace, Some(place)),
                Group::Name if self.logger.is_none() => self.logger = Some(place),
                Group::Name | Group::Thread | Group::Text if thread.is_none() => thread = Some(place),
                Group::Pairs => set(Column::Tail, Some(place)),
                _ => {}
            }
        }
        set(Column::Level, self.level);
        set(Column::Logger, self.logger);
        set(Column::Instance, self.instance);
        set(Column::Pid, self.number.filter(|place| place.start < self.message));
        set(Column::Thread, thread);
        set(Column::CodeLine, self.line);
        set(Column::Message, Some(self.message.min(end)..end));
    }
}

fn is_upper(word: &str) -> bool {
    word.len() > 2 && word.bytes().all(|b| b.is_ascii_uppercase())
}

/// Whether a text begins with a word of capitals and a group in brackets, as MongoDB 3 names its parts.
fn starts_with_unit(text: &str) -> bool {
    text.split_once(' ').is_some_and(|(word, rest)| (word == "-" || is_upper(word)) && rest.trim_start().starts_with('['))
}

/// Whether a text begins with `name:` or `name[12]:`.
fn starts_with_speaker(text: &str) -> bool {
    let word = text.split([' ', '\t']).next().unwrap_or_default();
    word.ends_with(':') && word.len() > 1
}

#[cfg(test)]
mod tests;
