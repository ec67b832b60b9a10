//! Where in the first part of a line its time stands.

use std::ops::Range;

use crate::model::Time;

use super::super::timestamp::Clock;

/// How far into a line its time is looked for, in bytes.
const FAR: usize = 160;
/// Places tried at most.
const TRIES: usize = 24;

/// The first date and time in a line's beginning; a time of day or a bare number of seconds only where there is no date.
pub fn find_time(text: &str, clock: &Clock) -> Option<(Time, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut weaker = None;
    let mut tries = 0;
    let mut at = 0;
    while at < bytes.len().min(FAR) && tries < TRIES {
        if begins(bytes, at) && text.is_char_boundary(at) {
            tries += 1;
            if let Some((time, length)) = clock.read_prefix(&text[at..]) {
                let place = at..at + length;
                if is_dated(&bytes[place.clone()]) {
                    return Some((time, place));
                }
                weaker = weaker.or(Some((time, place)));
            }
        }
        at += 1;
    }
    weaker
}

/// Whether a time may begin here: at a digit, at a capital letter of a day or a month, or at daemontools' `@`.
fn begins(bytes: &[u8], at: usize) -> bool {
    if !may_begin(bytes[at]) {
        return false;
    }
    let before = at.checked_sub(1).map(|before| bytes[before]);
    match before {
        None => true,
        // glog glues its letter to the date.
        Some(b'I' | b'W' | b'E' | b'F') if at == 1 => bytes[at].is_ascii_digit(),
        Some(b) => !b.is_ascii_alphanumeric() && !matches!(b, b'.' | b'/' | b'_' | b'-' | b':' | b'%' | b'#') && b.is_ascii(),
    }
}

/// Whether a time may begin with a byte.
fn may_begin(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'J' | b'F' | b'M' | b'A' | b'S' | b'O' | b'N' | b'D' | b'T' | b'W' | b'@')
}

fn is_dated(written: &[u8]) -> bool {
    let number = written.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let of_day = written.iter().take(3).any(|b| *b == b':');
    !number && !of_day
}
