//! What a word or a bracketed group of a header is, by its shape.

use std::ops::Range;

use crate::model::Level;

use super::super::cells::Column;
use super::super::structured::{normal_key, scan_pairs};

/// Longest name.
const LONGEST_NAME: usize = 80;
/// Longest group in brackets.
const LONGEST_GROUP: usize = 160;

/// What a pair of brackets holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Level,
    /// `Server thread/INFO`
    ThreadAndLevel,
    Number,
    Trace,
    Pairs,
    /// A name that may be a logger's.
    Name,
    Thread,
    /// `file.rs:12`
    Location,
    Text,
}

/// The place of the bracket that closes the one at `open`.
pub fn closing(text: &str, open: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let (opens, closes) = match bytes[open] {
        b'[' => (b'[', b']'),
        b'(' => (b'(', b')'),
        _ => (b'<', b'>'),
    };
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate().skip(open).take(LONGEST_GROUP) {
        depth += usize::from(*byte == opens);
        if *byte == closes {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// What the inside of brackets is.
pub fn group(inside: &str) -> Group {
    let inside = inside.trim();
    let digits = inside.trim_start_matches(['#', '*']).trim_start_matches("0x");
    if is_level(inside) || level_letter(inside) {
        Group::Level
    } else if inside.rsplit_once('/').is_some_and(|(thread, level)| !thread.is_empty() && is_level(level)) {
        Group::ThreadAndLevel
    } else if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b':' || b == b'-') {
        Group::Number
    } else if is_trace(inside.split(' ').next().unwrap_or_default()) {
        Group::Trace
    } else if inside.contains('=') && !inside.starts_with('=') && scan_pairs(inside, 0, &mut |_, _| {}).leads {
        Group::Pairs
    } else if source_line(inside).is_some() {
        Group::Location
    } else if is_thread(inside) {
        Group::Thread
    } else if is_name(inside) {
        Group::Name
    } else {
        Group::Text
    }
}

/// Whether a word names a level and hardly anything else.
pub fn is_level(word: &str) -> bool {
    let known = Level::from_word(word).is_some() && !word.starts_with(|c: char| c.is_ascii_digit());
    let is_other = || ["log", "system", "config", "note", "fine"].iter().any(|w| w.eq_ignore_ascii_case(word));
    (known && !is_other()) || ["VRB", "FAILURE", "EROR", "CRI", "INFOR", "FATL", "WARNI", "TRAC", "DEBU", "ERRO"].contains(&word)
}

/// Whether a letter stands for a level, as in logcat and glog.
pub fn level_letter(word: &str) -> bool {
    matches!(word, "I" | "W" | "E" | "D" | "F" | "V" | "T" | "N" | "C")
}

/// Whether a word can be the name of a program, a class or a module.
pub fn is_name(word: &str) -> bool {
    let first = word.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'/' | b'.' | b'$'));
    first
        && word.len() <= LONGEST_NAME
        && word.bytes().all(is_name_byte)
        && word.bytes().any(|b| b.is_ascii_alphabetic())
        && !word.ends_with("...")
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/' | b'$' | b'@' | b'#' | b':' | b'+' | b'~')
}

/// Whether a name is no word of a sentence: it has a digit, a mark inside, or a capital letter behind a small one.
pub fn is_strong(word: &str) -> bool {
    let ends = word.bytes().rev().take_while(|byte| matches!(byte, b'.' | b':' | b'-' | b'/')).count();
    let inner = &word.as_bytes()[..word.len() - ends];
    let (mut before, mut has_dash, mut is_small) = (0, false, true);
    for (at, byte) in inner.iter().enumerate() {
        let (small, dash) = (byte.is_ascii_lowercase(), *byte == b'-');
        let marks = at > 0 && !dash && !byte.is_ascii_alphabetic();
        if marks || (byte.is_ascii_uppercase() && u8::is_ascii_lowercase(&before)) {
            return true;
        }
        has_dash |= dash;
        is_small &= small || dash;
        before = *byte;
    }
    has_dash && is_small
}

/// `com.example.Orders`, `nova.compute.manager`, `app::db`
pub fn is_class(word: &str) -> bool {
    let parts: Vec<&str> = word.split(['.', '$']).flat_map(|part| part.split("::")).collect();
    let valid = |part: &&str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let last = parts.last().copied().unwrap_or_default();
    parts.len() >= 2
        && parts.iter().all(valid)
        && (parts.len() >= 3 || word.contains("::") || last.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// The place of the colon in `file.rs:12`.
pub fn source_line(word: &str) -> Option<usize> {
    const ENDINGS: [&str; 21] = [
        "go", "py", "rs", "rb", "js", "ts", "java", "c", "cc", "cpp", "cxx", "h", "hpp", "php", "cs", "kt", "scala", "ex", "lua", "pl",
        "swift",
    ];
    let colon = word.find(':')?;
    let ending = word[..colon].rsplit_once('.')?.1;
    let number = &word[colon + 1..];
    let counts = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b':');
    (counts && ENDINGS.contains(&ending)).then_some(colon)
}

fn is_trace(word: &str) -> bool {
    let hex = word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    (hex && word.len() >= 16 && word.bytes().any(|b| b.is_ascii_digit())) || (word.starts_with("req-") && !word.contains(' '))
}

/// Names that thread pools give.
fn is_thread(word: &str) -> bool {
    const PARTS: [&str; 8] = ["thread", "Thread", "exec-", "worker", "pool-", "handler", "ForkJoin", "executor-"];
    let numbered = word.rsplit_once('-').is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    word == "main" || numbered || PARTS.iter().any(|part| word.contains(part))
}

/// The places of a text's words.
pub fn split(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let is_between = |byte: &u8| matches!(byte, b' ' | b'\t' | b'|');
        let start = at + text.as_bytes()[at..].iter().take_while(|byte| is_between(byte)).count();
        at = start + text.as_bytes()[start..].iter().take_while(|byte| !is_between(byte)).count();
        (start < at).then_some(start..at)
    })
}

/// A word without the brackets, quotes and marks around it.
pub fn bare(text: &str, word: &Range<usize>) -> Range<usize> {
    let is_mark = |byte: &u8| matches!(byte, b'[' | b']' | b'(' | b')' | b'<' | b'>' | b'"' | b'\'' | b',' | b';' | b':' | b'-' | b'*');
    let start = word.start + text.as_bytes()[word.clone()].iter().take_while(|byte| is_mark(byte)).count();
    start..word.end - text.as_bytes()[start..word.end].iter().rev().take_while(|byte| is_mark(byte)).count()
}

/// Reports the parts of a header that somebody composed: `[4913]`, `webshop@orders`, `user=webshop,db=orders`, SQLSTATE.
pub fn prefix(text: &str, report: &mut dyn FnMut(Column, Range<usize>)) {
    let mut numbers = 0;
    let mut codes = 0;
    let marks = [' ', '\t', ',', ';', '|', '[', ']', '(', ')', '<', '>', '{', '}'];
    for word in text.split(marks).filter(|word| !word.is_empty()) {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        let trimmed = word.trim_matches([':', '-', '#', '/']);
        let place = start + word.find(trimmed).unwrap_or(0)..start + word.find(trimmed).unwrap_or(0) + trimmed.len();
        if let Some((key, value)) = trimmed.split_once('=') {
            if let Some(column) = column_of(&normal_key(key)).filter(|_| !value.is_empty()) {
                report(column, place.end - value.len()..place.end);
            }
        } else if is_sqlstate(trimmed)
            && (numbers > 0 || !trimmed.bytes().all(|b| b.is_ascii_digit()) || trimmed.starts_with('0'))
            && codes == 0
        {
            codes += 1;
            report(Column::Code, place);
        } else if text[..start].ends_with('(') && text[..start - 1].ends_with(|c: char| c.is_ascii_alphanumeric()) {
            // The port behind a host.
        } else if trimmed.split('-').next().is_some_and(|n| !n.is_empty() && n.len() <= 7 && n.bytes().all(|b| b.is_ascii_digit())) {
            numbers += 1;
            if numbers == 1 {
                report(Column::Pid, place.start..place.start + trimmed.find('-').unwrap_or(trimmed.len()));
            }
        } else if let Some(at) = trimmed.find('@') {
            role_and_database(trimmed, at, place, report);
        }
    }
}

/// `role@database`, `role@database/application`, with other parts glued on by colons.
fn role_and_database(word: &str, at: usize, place: Range<usize>, report: &mut dyn FnMut(Column, Range<usize>)) {
    let role = word[..at].rfind(':').map_or(0, |colon| colon + 1);
    let rest = &word[at + 1..];
    let database = rest.find([':', '/', '@']).unwrap_or(rest.len());
    if role < at {
        report(Column::Role, place.start + role..place.start + at);
    }
    if database > 0 {
        report(Column::Database, place.start + at + 1..place.start + at + 1 + database);
    }
    if let Some(application) = rest[database..].strip_prefix('/').filter(|a| !a.is_empty()) {
        report(Column::Application, place.end - application.len()..place.end);
    }
    if let Some(number) = rest[database..].strip_prefix(':').map(|r| r.trim_matches(['[', ']', ':'])).filter(|n| n.parse::<u32>().is_ok()) {
        let start = word.find(number).unwrap_or(0);
        report(Column::Pid, place.start + start..place.start + start + number.len());
    }
}

fn column_of(key: &str) -> Option<Column> {
    Some(match key {
        "user" | "u" | "usr" | "role" => Column::Role,
        "db" | "d" | "database" => Column::Database,
        "app" | "a" | "application" | "appname" => Column::Application,
        "pid" | "p" | "process" => Column::Pid,
        "sqlstate" | "state" | "e" | "code" | "errcode" => Column::Code,
        "trace" | "traceid" => Column::Trace,
        _ => return None,
    })
}

/// Whether a word is of one of the classes of SQLSTATE that PostgreSQL has.
fn is_sqlstate(word: &str) -> bool {
    const CLASSES: &str = "00 01 02 03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 42 44 53 54 55 57 58 72 F0 HV P0 XX";
    word.len() == 5
        && word.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && word.bytes().any(|b| b.is_ascii_digit())
        && CLASSES.split(' ').any(|class| word.starts_with(class))
}
