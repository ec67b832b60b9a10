//! What may stand in a part of a line that differs among its like: numbers and identifiers.
//!
//! Does not know how such parts are found, nor what is asked of them.

/// Which bytes a part may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Digits,
    /// Hexadecimal digits without capitals.
    SmallHex,
    Hex,
    /// Letters and digits.
    Word,
    /// Hexadecimal digits and dashes without capitals.
    SmallUuid,
    Uuid,
}

impl Kind {
    /// All kinds, in their order.
    pub const ALL: [Kind; 6] = [Kind::Digits, Kind::SmallHex, Kind::Hex, Kind::Word, Kind::SmallUuid, Kind::Uuid];

    /// The bytes that may stand in such a part.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Kind::Digits => b"0123456789",
            Kind::SmallHex => b"0123456789abcdef",
            Kind::SmallUuid => b"0123456789abcdef-",
            Kind::Hex => b"0123456789abcdefABCDEF",
            Kind::Uuid => b"0123456789abcdefABCDEF-",
            Kind::Word => b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        }
    }

    /// Whether a byte may stand in such a part.
    pub fn has(self, byte: u8) -> bool {
        match self {
            Kind::Digits => byte.is_ascii_digit(),
            Kind::SmallHex => is_small_hex(byte),
            Kind::Hex => byte.is_ascii_hexdigit(),
            Kind::Word => byte.is_ascii_alphanumeric(),
            Kind::SmallUuid => is_small_hex(byte) || byte == b'-',
            Kind::Uuid => byte.is_ascii_hexdigit() || byte == b'-',
        }
    }
}

fn is_small_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}

/// A set of kinds of parts.
#[derive(Clone, Copy, Debug)]
pub struct Kinds(u8);

impl Kinds {
    /// All of these.
    pub fn of(kinds: impl Iterator<Item = Kind>) -> Kinds {
        Kinds(kinds.fold(0, |all, kind| all | 1 << kind as u8))
    }

    /// Those of which a part may share bytes with a text.
    pub fn overlapping(needle: &[u8]) -> Kinds {
        Kinds::of(Kind::ALL.into_iter().filter(|kind| may_overlap(needle, *kind)))
    }

    /// Whether any kind is of both.
    pub fn meets(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }
}

/// What stands at a place of all lines alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    Byte(u8),
    AnyOf(Kind),
}

/// Whether a text may share bytes with a part: then its first or its last word has bytes of the part's kind only, behind the `x` of `0x` maybe, or a
/// word of it has digits.
pub fn may_overlap(needle: &[u8], kind: Kind) -> bool {
    let all = |word: &[u8]| !word.is_empty() && word.strip_prefix(b"x").unwrap_or(word).iter().all(|byte| kind.has(*byte));
    let begins = needle.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let ends = needle.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    needle.iter().any(u8::is_ascii_digit) || all(&needle[..begins]) || all(&needle[needle.len() - ends..])
}
