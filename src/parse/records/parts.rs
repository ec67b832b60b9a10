//! A log read in parts by several workers, with the outcome of one reading.
//!
//! A part begins with a line that begins a record wherever it stands: of the format that takes it, with a time that means the
//! same everywhere, and no possible continuation of anything. Whatever is pending before it ends there, so that each part can be
//! read for itself. Where no such line is found, the parts around stay one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use crate::read::Source;
use crate::read::documents::is_plain;
use crate::read::lines::Blocks;

use super::super::Formats;
use super::super::timestamp::Clock;
use super::dialect::{Dialect, SAMPLE};
use super::ledger::Ledger;
use super::log::Log;
use super::{LogOutcome, Sink};

/// Bytes of the beginning from which the dialect is told; more only where its lines are long.
const OPENING: u64 = 64 * 1024;
/// Bytes that are searched for a line at which a part can begin.
const SEARCHED: u64 = 1024 * 1024;
/// Bytes read at once in the search.
const CHUNK: usize = 16 * 1024;

/// A log and where its parts begin.
pub struct Parts<'f> {
    formats: &'f Formats,
    dialect: Dialect<'f>,
    clock: Clock,
    /// Bytes of the file, one after the other.
    ranges: Vec<Range<u64>>,
}

/// What became of a part.
pub struct PartOutcome {
    ledger: Ledger,
    failure: Option<io::Error>,
}

impl PartOutcome {
    /// Lines read.
    pub fn lines(&self) -> u64 {
        self.ledger.lines
    }
}

impl<'f> Parts<'f> {
    /// Parts of about `size` bytes. `None`: the log must be read as a whole, being small, packed, or of a kind whose lines can only be
    /// understood after all that stand before them.
    pub fn of(source: &Source, formats: &'f Formats, utc_offset: Option<i32>, size: u64) -> Option<Parts<'f>> {
        if source.bytes <= size || !is_plain(&source.path) {
            return None;
        }
        let clock = Clock { utc_offset: utc_offset.unwrap_or(0), near: source.near };
        let dialect = Dialect::of(formats, &clock, &opening(source).ok()?);
        if !dialect.can_be_cut() {
            return None;
        }
        let mut parts = Parts { formats, dialect, clock, ranges: Vec::new() };
        let mut file = File::open(&source.path).ok()?;
        let (mut begin, mut at) = (0, size);
        while at < source.bytes {
            match parts.cut(&mut file, at) {
                Some(cut) if cut < source.bytes => {
                    parts.ranges.push(begin..cut);
                    (begin, at) = (cut, cut.saturating_add(size));
                }
                _ => at = at.saturating_add(size.max(SEARCHED)),
            }
        }
        parts.ranges.push(begin..source.bytes);
        (parts.ranges.len() > 1).then_some(parts)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.ranges.len()
    }

    /// The place of the first line behind `from` at which a part can begin.
    fn cut(&self, file: &mut File, from: u64) -> Option<u64> {
        // The line that `from` stands in began before.
        file.seek(SeekFrom::Start(from - 1)).ok()?;
        let mut log = Log::new(&self.dialect, self.formats, self.clock, &mut super::Nobody);
        let (mut bytes, mut begin) = (Vec::new(), None);
        let mut chunk = vec![0; CHUNK];
        while (bytes.len() as u64) < SEARCHED {
            let read = file.read(&mut chunk).ok().filter(|read| *read > 0)?;
            bytes.extend_from_slice(&chunk[..read]);
            loop {
                let start = begin.unwrap_or(0);
                let Some(end) = memchr::memchr(b'\n', &bytes[start..]).map(|end| start + end) else { break };
                // The first line end only ends the line before.
                if begin.is_some() && std::str::from_utf8(&bytes[start..end]).is_ok_and(|line| log.can_begin(line)) {
                    return Some(from - 1 + start as u64);
                }
                begin = Some(end + 1);
            }
        }
        None
    }

    /// Reads a part, of which the first line has the number `lines_before` + 1.
    pub fn read(&self, source: &Source, part: usize, lines_before: u64, sink: &mut dyn Sink) -> PartOutcome {
        let mut log = Log::new(&self.dialect, self.formats, self.clock, sink);
        log.skip(lines_before);
        let mut blocks = match self.open(source, part) {
            Ok(blocks) => blocks,
            Err(error) => return PartOutcome { ledger: log.finish(), failure: Some(error) },
        };
        loop {
            match blocks.next_block() {
                Ok(Some(block)) => {
                    log.cut(block.cut);
                    log = log.block(&block.text);
                }
                Ok(None) => return PartOutcome { ledger: log.finish(), failure: None },
                Err(error) => return PartOutcome { ledger: log.finish(), failure: Some(error) },
            }
        }
    }

    /// Lines of a part.
    ///
    /// # Errors
    /// Of reading.
    pub fn lines(&self, source: &Source, part: usize) -> io::Result<u64> {
        let mut input = self.input(source, part)?;
        let (mut lines, mut chunk) = (0, vec![0; 256 * 1024]);
        loop {
            match input.read(&mut chunk) {
                Ok(0) => return Ok(lines),
                Ok(read) => lines += memchr::memchr_iter(b'\n', &chunk[..read]).count() as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn open(&self, source: &Source, part: usize) -> io::Result<Blocks> {
        let input = Box::new(self.input(source, part)?);
        Ok(if part == 0 { Blocks::new(input) } else { Blocks::middle(input) })
    }

    fn input(&self, source: &Source, part: usize) -> io::Result<io::Take<File>> {
        let range = &self.ranges[part];
        let mut file = File::open(&source.path)?;
        file.seek(SeekFrom::Start(range.start))?;
        Ok(file.take(range.end - range.start))
    }

    /// What became of the log, from what became of all its parts in their order. Nothing is said of what stands behind a failure.
    pub fn joined(&self, source: &Source, outcomes: Vec<PartOutcome>) -> LogOutcome {
        let mut all = Ledger::default();
        let mut failure = None;
        for outcome in outcomes {
            all.follow(outcome.ledger);
            if outcome.failure.is_some() {
                failure = outcome.failure;
                break;
            }
        }
        all.outcome(source, &self.dialect.detected.name(), failure.as_ref())
    }
}

/// The first lines of a log.
fn opening(source: &Source) -> io::Result<String> {
    let mut size = OPENING;
    loop {
        let mut blocks = Blocks::new(Box::new(File::open(&source.path)?.take(size)));
        let mut text = String::new();
        while let Some(block) = blocks.next_block()? {
            text.push_str(&block.text);
        }
        // The last line may be cut.
        if size >= source.bytes || memchr::memchr_iter(b'\n', text.as_bytes()).count() > SAMPLE {
            return Ok(text);
        }
        size *= 4;
    }
}
