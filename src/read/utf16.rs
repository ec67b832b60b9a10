//! UTF-16 to UTF-8, as Windows programs write their logs. Does not know lines.

use std::io::{self, Read};

/// Code units decoded at once.
const UNITS: usize = 16 * 1024;

/// Decodes what it reads; what is no UTF-16 becomes `U+FFFD`. The input begins behind the byte order mark.
pub struct Utf16<R> {
    input: R,
    big_endian: bool,
    /// Bytes and a half of a surrogate pair that wait for the rest.
    raw: Vec<u8>,
    text: Vec<u8>,
    given: usize,
}

impl<R: Read> Utf16<R> {
    /// Reads UTF-16 of that byte order, behind its mark, as UTF-8.
    pub fn new(input: R, big_endian: bool) -> Utf16<R> {
        Utf16 { input, big_endian, raw: Vec::new(), text: Vec::new(), given: 0 }
    }

    fn unit(&self, pair: &[u8]) -> u16 {
        let pair = [pair[0], pair[1]];
        if self.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    }

    /// Decodes the next part; `false` at the end of the input.
    fn fill(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 2 * UNITS];
        let read = self.input.read(&mut chunk)?;
        self.raw.extend_from_slice(&chunk[..read]);
        let mut units: Vec<u16> = self.raw.chunks_exact(2).map(|pair| self.unit(pair)).collect();
        let waits = read > 0 && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit));
        units.truncate(units.len() - usize::from(waits));
        // An odd byte at the end of the file is half a character.
        let taken = if read == 0 { self.raw.len() } else { 2 * units.len() };
        let broken = taken > 2 * units.len();
        self.raw.drain(..taken);
        let decoded: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        self.text = decoded.into_bytes();
        if broken {
            self.text.extend_from_slice("\u{fffd}".as_bytes());
        }
        self.given = 0;
        Ok(read > 0 || !self.text.is_empty())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if into.is_empty() || !self.fill()? {
                return Ok(0);
            }
        }
        let length = into.len().min(self.text.len() - self.given);
        into[..length].copy_from_slice(&self.text[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, so that pairs are torn.
    struct Dribble<'b>(&'b [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(into.len());
            into[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    #[test]
    fn both_orders_in_pieces_of_any_size() {
        let text = "2023-08-12 é 日志 🦀\r\nzwei\n";
        for big_endian in [false, true] {
            let bytes: Vec<u8> = text.encode_utf16().flat_map(|u| if big_endian { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
            for piece in [1, 2, 3, 5, 1000] {
                let mut read = String::new();
                Utf16::new(Dribble(&bytes, piece), big_endian).read_to_string(&mut read).unwrap();
                assert_eq!(read, text, "{big_endian} {piece}");
            }
        }
    }

    #[test]
    fn broken_input_is_marked() {
        let check = |bytes: &[u8], expected: &str| {
            let mut read = String::new();
            Utf16::new(bytes, false).read_to_string(&mut read).unwrap();
            assert_eq!(read, expected, "{bytes:?}");
        };
        check(b"", "");
        check(b"a\0b", "a\u{fffd}");
        check(b"\0\xd8a\0", "\u{fffd}a");
        check(b"\0\xd8", "\u{fffd}");
    }
}
