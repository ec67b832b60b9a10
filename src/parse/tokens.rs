//! Masking: the parts of a message that vary from one occurrence to the next become `<*>`.
//!
//! One pass over the bytes, no regular expression. Numbers (with decimals, addresses, ports and times as one), hexadecimal
//! identifiers, UUIDs and long mixed identifiers are variables; a digit inside a word (`psycopg2`, `utf8`) is not.

use crate::model::Record;

/// What stands for a variable part.
pub const VARIABLE: &str = "<*>";

/// Identifiers of at least this length that mix digits and letters are variables: request ids, pod hashes, tokens.
pub(super) const LONG_IDENTIFIER: usize = 16;
/// Hexadecimal runs of at least this length that have a digit are variables.
pub(super) const HEX_IDENTIFIER: usize = 6;
/// Bytes of a UUID.
pub(super) const UUID: usize = 36;
/// A number of at least so many digits at the end of a word is a variable: versions and products have fewer.
const LONG_NUMBER: usize = 5;
/// Longest unit that may follow a number directly: `ms`, `MiB`, `req`.
const LONGEST_UNIT: usize = 3;

const DIGIT: u8 = 1;
const LETTER: u8 = 2;
/// Of a hexadecimal number.
const HEX: u8 = 4;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        let digit = if byte.is_ascii_digit() { DIGIT } else { 0 };
        let letter = if byte.is_ascii_alphabetic() { LETTER } else { 0 };
        let hex = if byte.is_ascii_hexdigit() { HEX } else { 0 };
        classes[byte as usize] = digit | letter | hex;
        byte += 1;
    }
    classes
}

/// Of what classes a byte is; of none where it ends a word.
pub(super) fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// Appends the masked form of `text` to `out`. Masking twice changes nothing more.
///
/// Only words that hold a digit can be variables, so the scan goes from digit to digit and copies what lies between at once.
pub fn mask_into(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    let (mut copied, mut at) = (0, 0);
    while let Some(digit) = next_digit(bytes, at) {
        let before = bytes[at..digit].iter().rev().take_while(|byte| class(**byte) != 0).count();
        let run = Run::of(bytes, digit - before, digit);
        at = run.end;
        if let Some((start, from, next)) = run.variable(bytes) {
            out.push_str(&text[copied..start]);
            out.push_str(VARIABLE);
            (copied, at) = (from, next);
        }
    }
    out.push_str(&text[copied..]);
}

/// The place of the first digit from `from` on, eight bytes at a time.
fn next_digit(bytes: &[u8], from: usize) -> Option<usize> {
    let (words, rest) = bytes[from..].as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let found = digits(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(from + number * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    let rest_from = bytes.len() - rest.len();
    rest.iter().position(u8::is_ascii_digit).map(|at| rest_from + at)
}

/// The high bit of each byte that is a digit.
fn digits(word: u64) -> u64 {
    in_range(word, b'0', b'9')
}

const ONES: u64 = u64::MAX / 255;

/// The high bit of each byte from one to another, both ASCII: adding to seven bits cannot carry into the next byte.
fn in_range(word: u64, first: u8, last: u8) -> u64 {
    let low = word & (ONES * 0x7f);
    let from_first = low + ONES * (0x80 - u64::from(first));
    let past_last = low + ONES * (0x7f - u64::from(last));
    from_first & !past_last & !word & (ONES * 0x80)
}

/// Appends the masked message of a record, and its error where it carries one beside.
pub fn mask_record(record: &Record<'_>, out: &mut String) {
    match record.masked {
        Some(masked) => out.push_str(masked.text),
        None => mask_into(&record.message, out),
    }
    if let Some(error) = &record.error {
        out.push_str(" | ");
        mask_into(error, out);
    }
}

/// The masked form of `text`.
pub fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    mask_into(text, &mut out);
    out
}

/// Letters and digits that stand together, a digit among them.
struct Run {
    start: usize,
    end: usize,
    /// Classes that all its bytes share.
    shared: u8,
    /// Digits that it begins with.
    digits: usize,
}

impl Run {
    /// The run from `start` on, of which the first digit stands at `digit`.
    fn of(bytes: &[u8], start: usize, digit: usize) -> Run {
        let shared = |bytes: &[u8]| bytes.iter().fold(u8::MAX, |shared, byte| shared & class(*byte));
        let mut run = Run { start, end: digit, shared: shared(&bytes[start..digit]), digits: 0 };
        while let Some(class) = bytes.get(run.end).map(|byte| class(*byte)).filter(|class| *class != 0) {
            run.shared &= class;
            run.end += 1;
            run.digits += usize::from(class & DIGIT != 0 && start + run.digits + 1 == run.end);
        }
        run
    }

    /// Whether it is a variable, or has one: where that begins, from where the text goes on as it is, and where to look for the next one.
    fn variable(&self, bytes: &[u8]) -> Option<(usize, usize, usize)> {
        let run = &bytes[self.start..self.end];
        let uuid = self.shared & HEX != 0 && is_uuid(&bytes[self.start..]);
        if (self.shared & DIGIT != 0 && !uuid) || is_clock_of_date(run) {
            let next = swallow_number_tail(bytes, self.end);
            return Some((self.start, next, next));
        }
        let hex = uuid || (self.shared & HEX != 0 && run.len() >= HEX_IDENTIFIER);
        if hex || run.len() >= LONG_IDENTIFIER || run.starts_with(b"0x") {
            let next = swallow_dashed_hex(bytes, self.end);
            return Some((self.start, next, next));
        }
        let unit = &run[self.digits..];
        if self.digits > 0 && is_unit(unit) {
            return Some((self.start, self.start + self.digits, self.end));
        }
        let number = long_number(run)?;
        let next = swallow_number_tail(bytes, self.end);
        Some((self.start + number, next, next))
    }
}

/// Whether a text begins with a UUID (RFC 9562, section 4), whatever digits it begins with.
pub(super) fn is_uuid(bytes: &[u8]) -> bool {
    let Some(uuid) = bytes.first_chunk::<UUID>() else { return false };
    let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    uuid.iter().enumerate().all(|(at, byte)| if is_dash(at) { *byte == b'-' } else { byte.is_ascii_hexdigit() })
        && bytes.get(UUID).is_none_or(|byte| class(*byte) == 0)
}

/// Where the number begins that a word ends with, where it is one that counts things: `tmp16084`, unlike `utf8`. Behind capitals it is part of
/// a name (`KB2729094`), which is told from other names by where it stands.
pub(super) fn long_number(word: &[u8]) -> Option<usize> {
    let letters = number_at_end(word);
    (word.len() - letters >= LONG_NUMBER && word[..letters].iter().all(|byte| !byte.is_ascii_uppercase())).then_some(letters)
}

/// Where the digits begin that a word ends with: at its end, where it ends with none.
pub(super) fn number_at_end(word: &[u8]) -> usize {
    word.len() - word.iter().rev().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Whether what follows a number directly is its unit.
pub(super) fn is_unit(word: &[u8]) -> bool {
    word.len() <= LONGEST_UNIT && word.iter().all(u8::is_ascii_alphabetic)
}

/// `12T08` within `2023-08-12T08:00:00Z`.
pub(super) fn is_clock_of_date(run: &[u8]) -> bool {
    matches!(run, [a, b, b'T', c, d] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()))
}

/// `.25`, `:8080`, `,500` after a number belong to it: decimals, addresses, ports, clock times.
fn swallow_number_tail(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b'.' | b':' | b',')) {
        let rest = &bytes[at + 1..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || !ends_number(&rest[digits..], digits) || is_uuid(rest) {
            break;
        }
        at += 1 + digits;
    }
    at
}

/// Whether a number ends before a text: at the end of its word, or before the `Z` of a time, with which it is no identifier yet.
fn ends_number(after: &[u8], digits: usize) -> bool {
    match after {
        [b'Z', next @ ..] => digits + 1 < LONG_IDENTIFIER && next.first().is_none_or(|byte| class(*byte) == 0),
        _ => !after.first().is_some_and(u8::is_ascii_alphabetic),
    }
}

/// The further groups of a UUID.
fn swallow_dashed_hex(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at) == Some(&b'-') {
        let end = at + 1 + bytes[at + 1..].iter().take_while(|byte| class(**byte) != 0).count();
        if end == at + 1 || !bytes[at + 1..end].iter().all(u8::is_ascii_hexdigit) {
            break;
        }
        at = end;
    }
    at
}

/// The words of a text: runs of letters, digits and `_`, longer than two, in lower case, without the masked parts.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| w.len() > 2).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn variables_and_constants() {
        let cases = [
            ("", ""),
            ("GET /orders/17 200 15ms", "GET /orders/<*> <*> <*>ms"),
            ("order 900488 placed, total 78.50", "order <*> placed, total <*>"),
            ("connect to 10.0.0.7:5432 failed", "connect to <*> failed"),
            ("id=550e8400-e29b-41d4-a716-446655440000;", "id=<*>;"),
            ("id=21348712-2f40-45d5-a95e-446655440000;", "id=<*>;"),
            ("21348712-2f40-45d5-a95e-4466554400001", "<*>-2f40-45d5-a95e-<*>"),
            ("pgsql_tmp16084.0 tmp1608 KB2729094~", "pgsql_tmp<*> tmp1608 KB2729094~"),
            ("req=5141e3f295c8c1d8", "req=<*>"),
            ("C-0x55f31aae58b0", "C-<*>"),
            ("psycopg2.errors utf8 s3", "psycopg2.errors utf8 s3"),
            ("worker-3 of checkout-3", "worker-<*> of checkout-<*>"),
            ("größe 5 µs", "größe <*> µs"),
            ("at 12:30:01.", "at <*>."),
            ("since 2023-08-12T08:00:01.5Z", "since <*>-<*>-<*>Z"),
            ("user 12:21348712-2f40-45d5-a95e-446655440000", "user <*>:<*>"),
            ("user 12,21348712 of 7", "user <*> of <*>"),
            ("7.123456789012345Z 7.hJGVIk95fKp3R6xr 7.5Zx", "<*>.<*> <*>.<*> <*>.<*>Zx"),
        ];
        for (text, expected) in cases {
            assert_eq!(mask(text), expected, "{text}");
        }
    }

    #[test]
    fn digits_are_found_eight_at_a_time() {
        for byte in 0..=255_u8 {
            for place in 0..8 {
                let mut word = [b'x'; 8];
                word[place] = byte;
                let expected = if byte.is_ascii_digit() { 0x80 << (8 * place) } else { 0 };
                assert_eq!(digits(u64::from_le_bytes(word)), expected, "{byte} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_first_digit_is_found(text in "[ -~éß]{0,40}", from in 0_usize..40) {
            let from = from.min(text.len());
            let expected = text.as_bytes()[from..].iter().position(u8::is_ascii_digit).map(|at| from + at);
            prop_assert_eq!(next_digit(text.as_bytes(), from), expected);
        }

        #[test]
        fn masking_is_idempotent(text in "[ -~éß]{0,60}") {
            let once = mask(&text);
            prop_assert_eq!(mask(&once), once);
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            mask(&text);
        }
    }
}
