//! What may stand in a part of a line that differs among its like: numbers and identifiers, and strings that do not matter.
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
    /// All that may stand in a string of JSON without a backslash.
    Text,
}

/// The bytes of [`Kind::Text`].
const TEXT: [u8; 222] = text_bytes();

const fn text_bytes() -> [u8; 222] {
    let (mut bytes, mut length, mut byte) = ([0; 222], 0, u8::MAX);
    while byte > 0 {
        if is_text(byte) {
            bytes[length] = byte;
            length += 1;
        }
        byte -= 1;
    }
    bytes
}

/// All but control characters, quotes and backslashes.
const fn is_text(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

impl Kind {
    /// All kinds, in their order.
    pub const ALL: [Kind; 7] = [Kind::Digits, Kind::SmallHex, Kind::Hex, Kind::Word, Kind::SmallUuid, Kind::Uuid, Kind::Text];

    /// The bytes that may stand in such a part.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Kind::Digits => b"0123456789",
            Kind::SmallHex => b"0123456789abcdef",
            Kind::SmallUuid => b"0123456789abcdef-",
            Kind::Hex => b"0123456789abcdefABCDEF",
            Kind::Uuid => b"0123456789abcdefABCDEF-",
            Kind::Word => b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
            Kind::Text => &TEXT,
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
            Kind::Text => is_text(byte),
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
/// word of it has digits. A string may have any text in it.
pub fn may_overlap(needle: &[u8], kind: Kind) -> bool {
    if kind == Kind::Text {
        return needle.iter().any(|byte| kind.has(*byte));
    }
    let all = |word: &[u8]| !word.is_empty() && word.strip_prefix(b"x").unwrap_or(word).iter().all(|byte| kind.has(*byte));
    let begins = needle.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let ends = needle.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    needle.iter().any(u8::is_ascii_digit) || all(&needle[..begins]) || all(&needle[needle.len() - ends..])
}
