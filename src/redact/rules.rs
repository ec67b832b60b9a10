//! What must not be shared, by its shape.
//!
//! Shapes of tokens are those that their issuers document (GitHub, Slack, Stripe, AWS, Google, GitLab: "secret scanning patterns"); card
//! numbers need an issuer's prefix, its length and a valid check digit (ISO/IEC 7812-1), so that times and ids are left alone.

use std::ops::Range;

use regex::{Captures, Regex};

/// What is replaced, and so by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Email,
    Secret,
    Card,
    Ipv4,
    Ipv6,
}

/// An expression whose group `s` is replaced.
#[derive(Debug)]
pub struct Rule {
    pub kind: Kind,
    pub expression: Regex,
}

/// Words of keys whose values are secret.
const SECRET: &str = r"(?:password|passwd|passphrase|pwd|secret|token|api[_.-]?key|access[_.-]?key|private[_.-]?key|signing[_.-]?key|credentials?|authorization|auth[_.-]?key|cookie|session[_.-]?id|client[_.-]?secret)";

/// All rules, in the order in which they are applied.
pub fn all(addresses: bool) -> Vec<Rule> {
    let written = [
        (Kind::Secret, r"(?s)(?P<s>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----)".to_owned()),
        (Kind::Secret, r"\b(?P<s>eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?)".to_owned()),
        (
            Kind::Secret,
            r"\b(?P<s>(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{10,}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|AIza[0-9A-Za-z_-]{35}|npm_[A-Za-z0-9]{30,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})".to_owned(),
        ),
        (Kind::Secret, r#"(?i)\b(?:bearer|basic|digest)\s+(?P<s>[A-Za-z0-9._~+/-]{8,}=*)"#.to_owned()),
        (Kind::Secret, r#"[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@"']*:(?P<s>[^\s/@"']+)@"#.to_owned()),
        (
            Kind::Secret,
            format!(r#"(?i)[A-Za-z0-9_.-]*{SECRET}[A-Za-z0-9_.-]*\\?["']?(?P<sep>\s*[:=]\s*)(?:\\?["'](?P<q>)|)(?P<s>[^\s"'\\,;&(){{}}\[\]<>]+)"#),
        ),
        (Kind::Email, r"(?i)\b(?P<s>[a-z0-9._%+-]+@(?:[a-z0-9-]+\.)+[a-z]{2,24})\b".to_owned()),
        (Kind::Card, r"(?P<s>[2-6][0-9]{3}(?:[ -]?[0-9]{4}){2}[ -]?[0-9]{1,7}|3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}|3[0689][0-9]{12})".to_owned()),
    ];
    let more = [
        (Kind::Ipv4, r"(?P<s>(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3})".to_owned()),
        (
            Kind::Ipv6,
            r"(?i)(?P<s>(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){2,6}:(?:[0-9a-f]{1,4}:){0,5}[0-9a-f]{1,4})".to_owned(),
        ),
    ];
    let rule = |(kind, text): (Kind, String)| Rule {
        kind,
        expression: Regex::new(&text).expect("the rules are compiled in, and a test uses them"),
    };
    written.into_iter().chain(more.into_iter().filter(|_| addresses)).map(rule).collect()
}

/// Whether a key's name says that its value is secret.
pub fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace(['_', '.', '-'], "");
    [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
        "signingkey",
        "credential",
        "authorization",
    ]
    .iter()
    .any(|word| key.contains(word))
}

/// `max_tokens: 400`, `secret_scanning: true`, `token=<*>`: settings, not secrets.
pub fn is_plain_value(value: &str) -> bool {
    let short_number = value.len() < 8 && value.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse::<f64>().is_ok();
    let word = ["true", "false", "null", "none", "nil", "undefined", "yes", "no", "on", "off", "expired", "invalid", "missing", "required"];
    value.is_empty()
        || short_number
        || word.contains(&value.to_ascii_lowercase().as_str())
        || value.chars().all(|c| matches!(c, '*' | '.' | '-' | 'x' | 'X'))
}

/// Whether what has the shape is what is meant: check digits, edges, and prose about secrets.
pub fn is_meant(kind: Kind, text: &str, found: &Captures<'_>, range: Range<usize>) -> bool {
    let secret = &text[range.clone()];
    let (before, after) = (text[..range.start].chars().next_back(), text[range.end..].chars().next());
    let edge = |c: Option<char>, more: &[char]| c.is_none_or(|c| !c.is_ascii_alphanumeric() && !more.contains(&c));
    match kind {
        _ if secret.starts_with(super::MARK) || secret.ends_with(super::DOMAIN) => false,
        Kind::Secret => match found.name("sep") {
            Some(separator) => {
                let prose = separator.as_str().starts_with(':')
                    && found.name("q").is_none()
                    && secret.chars().all(|c| c.is_ascii_lowercase())
                    && text[range.end..].trim_start_matches(' ').starts_with(|c: char| c.is_alphabetic());
                !is_plain_value(secret) && !prose && !["bearer", "basic", "digest"].contains(&secret.to_ascii_lowercase().as_str())
            }
            None => true,
        },
        Kind::Email => true,
        Kind::Card => edge(before, &['.', '-', '_', ':', '/', '+']) && edge(after, &['-', '_', ':']) && is_card(secret),
        Kind::Ipv4 => {
            edge(before, &['.', '-', '_'])
                && edge(after, &['-', '_'])
                && !text[range.end..].starts_with(|c: char| c == '.' && text[range.end + 1..].starts_with(|d: char| d.is_ascii_digit()))
        }
        Kind::Ipv6 => edge(before, &[':', '.', '-']) && edge(after, &[':', '-']),
    }
}

/// An issuer's prefix, its length, and a valid check digit.
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let number = |n: usize| digits.iter().take(n).fold(0, |sum, d| sum * 10 + d);
    let issued = match (number(1), number(2), digits.len()) {
        (4, _, 13 | 16 | 19) => true,
        (_, 51..=55, 16) => true,
        (2, _, 16) => (2221..=2720).contains(&number(4)),
        (_, 34 | 37, 15) => true,
        (_, 35, 16) => (3528..=3589).contains(&number(4)),
        (_, 36 | 38 | 39, 14) => true,
        (_, 30, 14) => number(3) <= 305,
        (_, 60, 16) => number(4) == 6011,
        (_, 64 | 65, 16) => number(3) >= 644,
        (_, 62, 16..=19) => true,
        _ => false,
    };
    issued && has_check_digit(&digits)
}

/// Luhn's algorithm (ISO/IEC 7812-1, annex B).
fn has_check_digit(digits: &[u32]) -> bool {
    let doubled = |d: u32| if d > 4 { 2 * d - 9 } else { 2 * d };
    let sum: u32 = digits.iter().rev().enumerate().map(|(i, d)| if i % 2 == 1 { doubled(*d) } else { *d }).sum();
    sum.is_multiple_of(10)
}
