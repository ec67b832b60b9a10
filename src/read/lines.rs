//! Bytes to lines: decompression by content, UTF-8 repair, and a bound on the length of a line.
//!
//! Does not know what a line says, nor which file belongs to which service.

use std::borrow::Cow;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;

use super::ahead::ahead;
use super::bitmaps::{self, BLOCK};
use super::guard::{SteadyFile, Unpacked};
use super::utf16::Utf16;

/// Longest line handed on whole, in bytes.
const LONGEST: usize = 64 * 1024;
/// What is kept of a longer line, in bytes: its beginning, and after a mark its end.
const HEAD: usize = 48 * 1024;
const TAIL: usize = 16 * 1024;
/// Between head and tail of a line that was cut.
const CUT_MARK: &str = " […] ";
/// Bytes asked of the input at once.
const CHUNK: usize = 256 * 1024;
/// Bytes of memory that unpacking an xz file may take; `xz -9` asks for 65 MiB. (zstd has a limit of its own, 128 MiB.)
const XZ_MEMORY: u64 = 256 << 20;
/// Leading NULs that are skipped to see what a file holds: what a log that was truncated under its writer begins with.
const MOST_LEADING_NULS: u64 = 1 << 30;
/// The path that means standard input.
pub const STDIN: &str = "-";

/// The beginning of standard input, read to recognise what it is and handed out again by [`open`].
static STDIN_HEAD: Mutex<Vec<u8>> = Mutex::new(Vec::new());

type Input = Box<dyn Read + Send>;

/// Opens a file, or standard input for `-`, decompressing what begins like gzip, zstd, bzip2 or xz.
pub fn open(path: &Path) -> io::Result<Input> {
    if path.as_os_str() == STDIN {
        let head = std::mem::take(&mut *STDIN_HEAD.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        return decompress(Box::new(Cursor::new(head).chain(io::stdin())));
    }
    let file = SteadyFile::open(path)?;
    let size = file.size();
    decompress_sized(Box::new(file), Some(size))
}

/// The same, unpacked by a thread of its own where it is packed.
pub fn open_ahead(path: &Path) -> io::Result<Input> {
    let mut head = Vec::new();
    if path.as_os_str() != STDIN {
        SteadyFile::open(path)?.take(6).read_to_end(&mut head)?;
    }
    if is_coded(&head) { ahead(open(path)?) } else { open(path) }
}

/// Whether an input that begins so is packed, or of another encoding than UTF-8.
pub(super) fn is_coded(head: &[u8]) -> bool {
    const MARKS: [&[u8]; 6] =
        [&[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd], b"BZh", &[0xfd, b'7', b'z', b'X', b'Z', 0], &[0xff, 0xfe], &[0xfe, 0xff]];
    MARKS.iter().any(|mark| head.starts_with(mark))
}

/// The first `limit` decompressed bytes; what follows them stays readable with [`open`].
pub(super) fn head(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    if path.as_os_str() != STDIN {
        return read_up_to(open(path)?, limit);
    }
    let mut kept = STDIN_HEAD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    io::stdin().take(limit as u64).read_to_end(&mut kept)?;
    read_up_to(decompress(Box::new(Cursor::new(kept.clone())))?, limit)
}

/// A truncated or broken file gives what could be read of it. NULs before everything else are left out.
fn read_up_to(mut input: Input, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8 * 1024];
    let mut skipped = 0;
    while bytes.len() < limit {
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) if bytes.is_empty() && skipped < MOST_LEADING_NULS => {
                let nuls = chunk[..n].iter().take_while(|b| **b == 0).count();
                skipped += nuls as u64;
                bytes.extend_from_slice(&chunk[nuls..n]);
            }
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if bytes.is_empty() => return Err(e),
            Err(_) => break,
        }
    }
    if bytes.is_empty() && skipped > 0 {
        bytes.push(0);
    }
    bytes.truncate(limit);
    Ok(bytes)
}

/// Puts the decoders in front that the first bytes ask for: of the compression, then of UTF-16.
pub fn decompress(input: Input) -> io::Result<Input> {
    decompress_sized(input, None)
}

/// The same for an input whose size is known, which bounds what it may become. Bytes.
fn decompress_sized(input: Input, size: Option<u64>) -> io::Result<Input> {
    let (magic, whole) = peek(input, 6)?;
    if !is_packed(&magic) {
        let plain = !matches!(magic.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        return Ok(if plain { Box::new(whole) } else { decoded(&magic, whole) });
    }
    let (packed, limit) = Unpacked::counting(whole, size);
    let packed = BufReader::with_capacity(CHUNK, packed);
    let decoder: Input = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        [0x28, 0xb5, ..] => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
        [b'B', ..] => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
        _ => Box::new(liblzma::bufread::XzDecoder::new_stream(packed, xz_stream()?)),
    };
    let mut unpacked = limit.around(decoder);
    // A broken archive is told where its lines are read, not where it is opened.
    let mut mark = Vec::with_capacity(2);
    match unpacked.by_ref().take(2).read_to_end(&mut mark) {
        Ok(_) => Ok(decoded(&mark.clone(), Cursor::new(mark).chain(unpacked))),
        Err(error) => Ok(Box::new(Cursor::new(mark).chain(Broken(Some(error))))),
    }
}

fn is_packed(magic: &[u8]) -> bool {
    matches!(
        magic,
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [b'B', b'Z', b'h', b'1'..=b'9', ..] | [0xfd, b'7', b'z', b'X', b'Z', 0]
    )
}

/// Decodes all streams of an xz file within [`XZ_MEMORY`].
fn xz_stream() -> io::Result<liblzma::stream::Stream> {
    liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED).map_err(io::Error::other)
}

/// An input of which nothing more can be read, and why.
pub(super) struct Broken(pub(super) Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

type Peeked = BufReader<Chain<Cursor<Vec<u8>>, Input>>;

/// The first bytes, and the whole input again.
fn peek(mut input: Input, length: u64) -> io::Result<(Vec<u8>, Peeked)> {
    let mut magic = Vec::new();
    input.by_ref().take(length).read_to_end(&mut magic)?;
    Ok((magic.clone(), BufReader::with_capacity(CHUNK, Cursor::new(magic).chain(input))))
}

/// Decodes UTF-16 where a byte order mark says so.
fn decoded(mark: &[u8], mut whole: impl Read + Send + 'static) -> Input {
    let big_endian = match mark {
        [0xff, 0xfe, ..] => false,
        [0xfe, 0xff, ..] => true,
        _ => return Box::new(whole),
    };
    let mut skipped = [0; 2];
    match whole.read_exact(&mut skipped) {
        Ok(()) => Box::new(Utf16::new(whole, big_endian)),
        Err(error) => Box::new(Broken(Some(error))),
    }
}

/// Whole lines of text, ready to be read: valid UTF-8 without NULs and colours, lines of a bounded length.
#[derive(Debug, PartialEq, Eq)]
pub struct Block<'r> {
    /// Each line with its line end, but for the input's last one if it has none.
    pub text: Cow<'r, str>,
    /// Lines in it that were too long and lost their middle.
    pub cut: u64,
}

impl Block<'_> {
    /// The lines, without their ends.
    pub fn lines(&self) -> Lines<'_> {
        Lines::of(&self.text)
    }
}

/// The lines of a text, without line ends of either kind. Line ends are looked for by blocks, not anew for each line: most lines take few blocks.
#[derive(Clone, Debug)]
pub struct Lines<'t> {
    text: &'t str,
    /// Where the next line begins.
    start: usize,
    /// Where the next block does.
    block: usize,
    /// A bit for each line end that is left of the block before.
    ends: u64,
}

impl<'t> Lines<'t> {
    /// The lines of a text that is in memory.
    pub fn of(text: &'t str) -> Lines<'t> {
        Lines { text, start: 0, block: 0, ends: 0 }
    }

    /// Where the next line ends; `None`: with the text.
    #[inline]
    fn next_end(&mut self) -> Option<usize> {
        while self.ends == 0 {
            let left = self.text.as_bytes().get(self.block..).filter(|left| !left.is_empty())?;
            self.ends = match left.first_chunk() {
                Some(block) => bitmaps::of_byte(block, b'\n'),
                None => bitmaps::of_byte(&bitmaps::padded(left), b'\n'),
            };
            self.block += BLOCK;
        }
        let end = self.block - BLOCK + self.ends.trailing_zeros() as usize;
        self.ends &= self.ends - 1;
        Some(end)
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = &'t str;

    #[inline]
    fn next(&mut self) -> Option<&'t str> {
        let line = match self.next_end() {
            Some(end) => &self.text[std::mem::replace(&mut self.start, end + 1)..end],
            None if self.start >= self.text.len() => return None,
            None => &self.text[std::mem::replace(&mut self.start, self.text.len())..],
        };
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}

/// Reads blocks of lines; memory is bounded by the longest line that is handed on.
pub struct Blocks {
    input: Input,
    buffer: Vec<u8>,
    /// The part of `buffer` that is read but not handed out.
    start: usize,
    end: usize,
    /// What stands in `buffer` up to here comes before more is read.
    loaded: usize,
    /// Nothing was handed out yet, so that a byte order mark may come.
    first: bool,
    finished: bool,
}

impl Blocks {
    /// The blocks of an input from its beginning, where a byte order mark is no part of the first line.
    pub fn new(input: Input) -> Blocks {
        Blocks { input, buffer: vec![0; CHUNK], start: 0, end: 0, loaded: 0, first: true, finished: false }
    }

    /// The same of the first `length` bytes of a buffer, which hold the whole input.
    pub fn of_loaded(buffer: Vec<u8>, length: usize) -> Blocks {
        let loaded = length.min(buffer.len());
        Blocks { input: Box::new(io::empty()), buffer, start: 0, end: 0, loaded, first: true, finished: true }
    }

    /// The same where the input begins at a place in a file, in bytes: a byte order mark that is not its first is part of a line.
    pub fn from(self, place: u64) -> Blocks {
        Blocks { first: place == 0, ..self }
    }

    /// What was read into, to be used again.
    pub fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// The next lines, at least one; `None` at the end. After an error the lines before it have all been handed out.
    pub fn next_block(&mut self) -> io::Result<Option<Block<'_>>> {
        loop {
            // Searching backwards ends at once where lines are short.
            if let Some(at) = memchr::memrchr(b'\n', &self.buffer[self.start..self.end]) {
                let block = self.start..self.start + at + 1;
                self.start = block.end;
                return Ok(Some(self.block(block)));
            }
            // What a log that was truncated under its writer holds in place of lines.
            if self.end - self.start > CHUNK && self.buffer[self.start] == 0 {
                self.start += self.buffer[self.start..self.end].iter().take_while(|b| **b == 0).count();
                continue;
            }
            if self.end - self.start > CHUNK {
                return self.overlong().map(Some);
            }
            if !self.more()? {
                let block = self.start..self.end;
                self.start = self.end;
                return Ok((!block.is_empty()).then(|| self.block(block)));
            }
        }
    }

    /// Looks at more of the input; `false` at its end.
    fn more(&mut self) -> io::Result<bool> {
        if self.end < self.loaded {
            self.end = self.loaded.min(self.end + CHUNK);
            return Ok(true);
        }
        Ok(!self.finished && self.fill()?)
    }

    /// Moves what is left to the front and reads more; `false` at the end of the input.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < self.end + CHUNK {
            self.buffer.resize(self.end + CHUNK, 0);
        }
        let read = loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    // What is left is half a line: the error stands for it.
                    self.finished = true;
                    self.end = 0;
                    return Err(e);
                }
                Ok(n) => break n,
            }
        };
        self.end += read;
        self.finished = read == 0;
        Ok(read > 0)
    }

    fn block(&mut self, range: std::ops::Range<usize>) -> Block<'_> {
        let bytes = &self.buffer[range];
        let bytes = if std::mem::take(&mut self.first) { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
        match simdutf8::basic::from_utf8(bytes) {
            Ok(text) if needs_no_repair(bytes) => Block { text: Cow::Borrowed(text), cut: 0 },
            _ => repaired_lines(bytes),
        }
    }

    /// A line longer than the buffer: keeps its head, and reads on for its tail without storing the middle.
    fn overlong(&mut self) -> io::Result<Block<'_>> {
        let mark: &[u8] = if std::mem::take(&mut self.first) { b"\xef\xbb\xbf" } else { b"" };
        let begins = self.start + if self.buffer[self.start..].starts_with(mark) { mark.len() } else { 0 };
        let head = self.buffer[begins..begins + HEAD].to_vec();
        self.start = begins + HEAD;
        loop {
            let found = memchr::memchr(b'\n', &self.buffer[self.start..self.end]);
            let stop = found.map_or(self.end, |at| self.start + at);
            self.start += (stop - self.start).saturating_sub(TAIL);
            if found.is_none() && self.more()? {
                continue;
            }
            let stop = if found.is_some() { stop } else { self.end };
            let tail = &self.buffer[self.start..stop];
            let text = shortened(&head, tail.strip_suffix(b"\r").unwrap_or(tail)) + "\n";
            self.start = stop + usize::from(found.is_some());
            return Ok(Block { text: Cow::Owned(text), cut: 1 });
        }
    }
}

/// Whether valid UTF-8 can be handed on as it is.
fn needs_no_repair(bytes: &[u8]) -> bool {
    memchr::memchr2(0, ESCAPE, bytes).is_none() && !has_long_line(bytes)
}

/// Whether any line is longer than [`LONGEST`]: looks at a few places of each stretch of that length only.
fn has_long_line(bytes: &[u8]) -> bool {
    let mut at = 0;
    while bytes.len() - at > LONGEST {
        match memchr::memrchr(b'\n', &bytes[at..at + LONGEST + 1]) {
            Some(end) => at += end + 1,
            None => return true,
        }
    }
    false
}

/// Lines one by one: what is no UTF-8, NULs and colours in one do not touch the others.
fn repaired_lines(bytes: &[u8]) -> Block<'static> {
    let (mut text, mut cut) = (String::with_capacity(bytes.len()), 0);
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest);
        let line = &rest[..end.unwrap_or(rest.len())];
        rest = &rest[end.map_or(rest.len(), |at| at + 1)..];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // The end of a hole in the file, as a log has that was truncated under its writer.
        let line = &line[line.iter().take_while(|b| **b == 0).count()..];
        if line.len() > LONGEST {
            cut += 1;
            text.push_str(&shortened(&line[..HEAD], &line[line.len() - TAIL..]));
        } else {
            text.push_str(&repaired(line));
        }
        // A last line of which nothing is left is a line all the same.
        if end.is_some() || text.is_empty() || text.ends_with('\n') {
            text.push('\n');
        }
    }
    Block { text: Cow::Owned(text), cut }
}

/// Hands each line of an input to `take` with its number, until that says to stop.
///
/// # Errors
/// Of reading, after all lines before it.
pub fn each_line(input: Input, take: &mut dyn FnMut(&str, u64) -> ControlFlow<()>) -> io::Result<()> {
    let mut blocks = Blocks::new(input);
    let mut number = 0;
    while let Some(block) = blocks.next_block()? {
        for line in block.lines() {
            number += 1;
            if take(line, number).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn shortened(head: &[u8], tail: &[u8]) -> String {
    format!("{}{CUT_MARK}{}", repaired(head), repaired(tail))
}

/// Valid UTF-8 is borrowed; bytes that are not become `U+FFFD`, NULs become spaces, colours go.
fn repaired(bytes: &[u8]) -> Cow<'_, str> {
    let text = std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
    match memchr::memchr2(0, ESCAPE, bytes) {
        Some(_) => Cow::Owned(without_colours(&text).replace('\0', " ")),
        None => text,
    }
}

const ESCAPE: u8 = 0x1b;

/// A text without the sequences that colour a terminal (ECMA-48: CSI, parameters, one final byte).
pub fn without_colours(text: &str) -> Cow<'_, str> {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default();
    if first.len() == text.len() {
        return Cow::Borrowed(text);
    }
    let mut plain = first.to_owned();
    for part in parts {
        let end = part.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c)).map_or(part.len(), |at| at + 1);
        plain.push_str(&part[end..]);
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn reader(bytes: &[u8]) -> Blocks {
        Blocks::new(decompress(Box::new(Cursor::new(bytes.to_vec()))).unwrap())
    }

    fn all(mut blocks: Blocks) -> (Vec<String>, u64, Option<String>) {
        let (mut texts, mut cut) = (Vec::new(), 0);
        loop {
            match blocks.next_block() {
                Ok(Some(block)) => {
                    cut += block.cut;
                    texts.extend(block.lines().map(str::to_owned));
                }
                Ok(None) => return (texts, cut, None),
                Err(e) => return (texts, cut, Some(e.to_string())),
            }
        }
    }

    proptest::proptest! {
        /// Wherever blocks of a bitmap end.
        #[test]
        fn lines_are_those_between_line_ends(text in "([ab\u{e9}]{0,70}\r?\n?|\n{60,70}){0,5}") {
            let whole = text.strip_suffix('\n').unwrap_or(&text);
            let expected: Vec<&str> =
                whole.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).filter(|_| !text.is_empty()).collect();
            proptest::prop_assert_eq!(Lines::of(&text).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn line_ends_marks_and_repairs() {
        let cases: &[(&[u8], &[&str])] = &[
            (b"", &[]),
            (b"\n", &[""]),
            (b"one", &["one"]),
            (b"one\ntwo", &["one", "two"]),
            (b"one\r\ntwo\r\n", &["one", "two"]),
            (b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n", &["one", "\u{feff}two"]),
            (b"a\xffb\nc\0d\n", &["a\u{fffd}b", "c d"]),
            (b"\x1b[32mINFO\x1b[0m a\n\x1b[1;31mx\x1b[K\n\x1b[3", &["INFO a", "x", ""]),
            (b"\n\n", &["", ""]),
            (b"a\n\0\0\0b\n\0", &["a", "b", ""]),
        ];
        for (bytes, expected) in cases {
            let (lines, _, error) = all(reader(bytes));
            assert_eq!((lines.as_slice(), error), (expected.map_to_owned().as_slice(), None), "{bytes:?}");
        }
    }

    trait MapToOwned {
        fn map_to_owned(&self) -> Vec<String>;
    }

    impl MapToOwned for &[&str] {
        fn map_to_owned(&self) -> Vec<String> {
            self.iter().map(|s| (*s).to_owned()).collect()
        }
    }

    /// What is in memory is read as what is not; what stands behind its end in the buffer is none of it.
    #[test]
    fn what_is_loaded_is_read_alike() {
        let long = |length: usize| [vec![b'x'; length], b"\nnext\n".to_vec()].concat();
        let texts = [
            b"\xef\xbb\xbfone\ntwo\xff\n\n\x00last".to_vec(),
            b"one\ntwo\n".repeat(CHUNK / 3),
            [b"one\n".to_vec(), long(CHUNK + 7), long(LONGEST + 1), long(3 * CHUNK)].concat(),
            [b"one\n".to_vec(), vec![0; 3 * CHUNK], b"two\n".to_vec()].concat(),
            vec![b'x'; 2 * CHUNK + 1],
        ];
        for text in texts {
            let loaded = [text.as_slice(), b"of before\n"].concat();
            assert!(all(Blocks::of_loaded(loaded, text.len())) == all(Blocks::new(Box::new(Cursor::new(text.clone())))), "{}", text.len());
            let middle = all(Blocks::of_loaded(text.clone(), text.len()).from(1));
            assert!(middle == all(Blocks::new(Box::new(Cursor::new(text.clone()))).from(1)), "{}", text.len());
        }
    }

    #[test]
    fn long_lines_lose_their_middle() {
        for length in [LONGEST, LONGEST + 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5, 2 * CHUNK + HEAD] {
            for line_end in ["", "\n", "\nnext\n"] {
                let mut text = vec![b'x'; length];
                text[0] = b'<';
                text[length - 1] = b'>';
                text.extend_from_slice(line_end.as_bytes());
                let (lines, cut, error) = all(reader(&text));
                assert_eq!((cut, error), (u64::from(length > LONGEST), None), "{length} {line_end:?}");
                assert!(lines[0].starts_with("<x") && lines[0].ends_with("x>"), "{length} {line_end:?}");
                let kept = if length > LONGEST { HEAD + TAIL + CUT_MARK.len() } else { length };
                assert_eq!(lines[0].len(), kept, "{length} {line_end:?}");
                assert_eq!(lines.get(1).map(String::as_str), line_end.ends_with("next\n").then_some("next"));
            }
        }
    }

    #[test]
    fn every_compression_is_recognised_by_content() {
        let text = "one\ntwo\n".repeat(50_000);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(text.as_bytes()).unwrap();
        let gz = gz.finish().unwrap();
        let zst = zstd::encode_all(text.as_bytes(), 1).unwrap();
        let mut bz = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bz.write_all(text.as_bytes()).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(text.as_bytes()).unwrap();
        for packed in [gz.clone(), zst, bz.finish().unwrap(), xz.finish().unwrap()] {
            assert_eq!(all(reader(&packed)).0.len(), 100_000);
        }
        let two_members = [gz.clone(), gz].concat();
        assert_eq!(all(reader(&two_members)).0.len(), 200_000);
    }

    #[test]
    fn a_truncated_file_gives_its_lines_and_an_error() {
        let text: String = (0..100_000).map(|i| format!("line {i} {}\n", i * 7919 % 10_007)).collect();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(text.as_bytes()).unwrap();
        let gz = gz.finish().unwrap();
        let (lines, _, error) = all(reader(&gz[..gz.len() / 2]));
        assert!(lines.len() > 10_000 && lines.len() < 100_000, "{}", lines.len());
        assert!(error.is_some());
        assert!(lines.iter().enumerate().all(|(i, l)| l.starts_with(&format!("line {i} "))));
    }
}
