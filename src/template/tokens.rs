//! Masking: the parts of a message that vary from one occurrence to the next become `<*>`.
//!
//! One pass over the bytes, no regular expression. Numbers (with decimals, addresses, ports and times as one), hexadecimal
//! identifiers, UUIDs and long mixed identifiers are variables; a digit inside a word (`psycopg2`, `utf8`) is not.

/// What stands for a variable part.
pub const VARIABLE: &str = "<*>";

/// Identifiers of at least this length that mix digits and letters are variables: request ids, pod hashes, tokens.
const LONG_IDENTIFIER: usize = 16;
/// Hexadecimal runs of at least this length that have a digit are variables.
const HEX_IDENTIFIER: usize = 8;
/// Longest unit that may follow a number directly: `ms`, `MiB`, `req`.
const LONGEST_UNIT: usize = 3;

/// Appends the masked form of `text` to `out`. Masking twice changes nothing more.
///
/// Only words that hold a digit can be variables, so the scan goes from digit to digit and copies what lies between at once.
pub fn mask_into(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    let (mut copied, mut at) = (0, 0);
    while let Some(digit) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let digit = at + digit;
        let start = digit - bytes[at..digit].iter().rev().take_while(|b| b.is_ascii_alphanumeric()).count();
        let end = alphanumeric_run(bytes, digit);
        at = end;
        if let Some((from, next)) = variable(bytes, start, end) {
            out.push_str(&text[copied..start]);
            out.push_str(VARIABLE);
            (copied, at) = (from, next);
        }
    }
    out.push_str(&text[copied..]);
}

/// The masked form of `text`.
pub fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    mask_into(text, &mut out);
    out
}

/// Whether the run of letters and digits `bytes[start..end]` is a variable: from where its text goes on as it is, and where to
/// look for the next one.
fn variable(bytes: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let run = &bytes[start..end];
    let digits = run.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == run.len() || is_clock_of_date(run) {
        let next = swallow_number_tail(bytes, end);
        return Some((next, next));
    }
    if is_identifier(run) {
        let next = swallow_dashed_hex(bytes, end);
        return Some((next, next));
    }
    let unit = &run[digits..];
    (digits > 0 && unit.len() <= LONGEST_UNIT && unit.iter().all(u8::is_ascii_alphabetic)).then_some((start + digits, end))
}

fn alphanumeric_run(bytes: &[u8], start: usize) -> usize {
    start + bytes[start..].iter().take_while(|b| b.is_ascii_alphanumeric()).count()
}

/// `12T08` within `2023-08-12T08:00:00Z`.
fn is_clock_of_date(run: &[u8]) -> bool {
    matches!(run, [a, b, b'T', c, d] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()))
}

/// `0x…`, a hexadecimal run with a digit, or a long mix of digits and letters.
fn is_identifier(run: &[u8]) -> bool {
    if !run.iter().any(u8::is_ascii_digit) {
        return false;
    }
    let hex = run.iter().all(u8::is_ascii_hexdigit);
    run.starts_with(b"0x") || (hex && run.len() >= HEX_IDENTIFIER) || run.len() >= LONG_IDENTIFIER
}

/// `.25`, `:8080`, `,500` after a number belong to it: decimals, addresses, ports, clock times.
fn swallow_number_tail(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let separator = matches!(bytes.get(at), Some(b'.' | b':' | b','));
        let digits = bytes.get(at + 1..).map_or(0, |rest| rest.iter().take_while(|b| b.is_ascii_digit()).count());
        let ends_clean = !bytes.get(at + 1 + digits).is_some_and(|b| b.is_ascii_alphabetic() && *b != b'Z');
        if !separator || digits == 0 || !ends_clean {
            return at;
        }
        at += 1 + digits;
    }
}

/// The further groups of a UUID.
fn swallow_dashed_hex(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at) == Some(&b'-') {
        let end = alphanumeric_run(bytes, at + 1);
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
            ("req=5141e3f295c8c1d8", "req=<*>"),
            ("C-0x55f31aae58b0", "C-<*>"),
            ("psycopg2.errors utf8 s3", "psycopg2.errors utf8 s3"),
            ("worker-3 of checkout-3", "worker-<*> of checkout-<*>"),
            ("größe 5 µs", "größe <*> µs"),
            ("at 12:30:01.", "at <*>."),
            ("since 2023-08-12T08:00:01.5Z", "since <*>-<*>-<*>Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(mask(text), expected, "{text}");
        }
    }

    proptest! {
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
