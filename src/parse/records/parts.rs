//! A log read in parts by several workers, with the outcome of one reading.
//!
//! A part begins with a line that begins a record wherever it stands: of the format that takes it, with a time that means the
//! same everywhere, and no possible continuation of anything. Whatever is pending before it ends there, so that each part can be
//! read for itself. Where no such line is found, the parts around stay one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use crate::read::Source;
use crate::read::documents::is_plain;
use crate::read::lines::Blocks;
use crate::read::slice::Slice;

use super::super::Formats;
use super::super::matching::FIELDS;
use super::super::timestamp::Clock;
use super::dialect::{Dialect, SAMPLE};
use super::ledger::Ledger;
use super::log::{Log, Memory};
use super::{LogOutcome, Nobody, Sink, Told, Watch};

/// Bytes of the beginning from which the dialect is told; more only where its lines are long.
const OPENING: u64 = 64 * 1024;
/// Bytes that are searched for a line at which a part can begin.
const SEARCHED: u64 = 1024 * 1024;
/// Bytes read at once in the search.
const CHUNK: usize = 16 * 1024;

/// Bytes looked through at once for line ends.
const COUNTED: usize = 256 * 1024;
/// Bytes of the longest of [`FIELDS`], but for one.
const LONGEST_MARK: usize = 8;

/// A log and where its parts begin.
pub struct Parts<'f> {
    formats: &'f Formats,
    dialect: Dialect<'f>,
    clock: Clock,
    /// Opened once, so that all parts are of one file even where its path comes to mean another.
    file: Arc<File>,
    /// Bytes of the file, one after the other.
    ranges: Vec<Range<u64>>,
}

/// What became of a part.
pub struct PartOutcome {
    ledger: Ledger,
    failure: Option<io::Error>,
}

impl<'f> Parts<'f> {
    /// Parts of about `size` bytes. `None`: the log must be read as a whole, being small, packed, or of a kind whose lines can only be
    /// understood after all that stand before them.
    pub fn of(source: &Source, formats: &'f Formats, utc_offset: Option<i32>, size: u64) -> Option<Parts<'f>> {
        if source.bytes <= size || !is_plain(&source.path) {
            return None;
        }
        let clock = Clock::of(source, utc_offset);
        let mut file = File::open(&source.path).ok()?;
        let dialect = Dialect::of(formats, &clock, &opening(&mut file, source.bytes).ok()?);
        if !dialect.can_be_cut() {
            return None;
        }
        let mut parts = Parts { formats, dialect, clock, file: Arc::new(file.try_clone().ok()?), ranges: Vec::new() };
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
        let mut nobody = Nobody;
        let mut log = Log::new(&self.dialect, self.formats, self.clock, &mut nobody);
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

    /// What a worker begins with.
    pub fn memory(&self) -> Memory<'f> {
        Memory::new(&self.dialect, self.formats)
    }

    /// Reads a part, of which the first line has the number `lines_before` + 1. `memory` is of the parts that the same worker read before.
    pub fn read(
        &self,
        part: usize,
        lines_before: u64,
        watch: &Watch<'_>,
        (sink, memory): (&mut dyn Sink, Memory<'f>),
    ) -> (PartOutcome, Memory<'f>) {
        let mut log = Log::with(memory, &self.dialect, self.clock, sink);
        log.skip(lines_before);
        let range = &self.ranges[part];
        let mut told = Told { watch, left: range.end - range.start, lines: lines_before };
        let mut blocks = self.open(part);
        let failure = loop {
            match blocks.next_block() {
                Ok(Some(block)) => {
                    log.cut(block.cut);
                    log = log.block(&block.text);
                    told.tell(block.text.len(), log.lines());
                }
                Ok(None) => {
                    told.end();
                    break None;
                }
                Err(error) => break Some(error),
            }
        };
        let (ledger, memory) = log.leave();
        (PartOutcome { ledger, failure }, memory)
    }

    /// Lines of a part, as far as it can be read; `None` where one of them may name the cells of those behind it, in this part and in others.
    /// An error is told by whoever reads the part.
    pub fn lines(&self, part: usize) -> Option<u64> {
        let mut input = self.input(part);
        let (mut lines, mut kept, mut chunk) = (0, 0, vec![0; COUNTED]);
        loop {
            match input.read(&mut chunk[kept..]) {
                Ok(0) => return Some(lines),
                Ok(read) => {
                    let end = kept + read;
                    lines += memchr::memchr_iter(b'\n', &chunk[kept..end]).count() as u64;
                    if names_cells(&chunk[..end]) {
                        return None;
                    }
                    // What names cells may be cut by the end of the chunk.
                    let tail = end.saturating_sub(LONGEST_MARK)..end;
                    kept = tail.len();
                    chunk.copy_within(tail, 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Some(lines),
            }
        }
    }

    fn open(&self, part: usize) -> Blocks {
        let input = Box::new(self.input(part));
        if part == 0 { Blocks::new(input) } else { Blocks::middle(input) }
    }

    fn input(&self, part: usize) -> Slice {
        Slice::new(Arc::clone(&self.file), self.ranges[part].clone())
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

/// Whether a line may begin in these bytes that names the cells of those behind it.
pub fn names_cells(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'#', bytes).any(|at| FIELDS.iter().any(|mark| bytes[at..].starts_with(mark.as_bytes())))
}

/// The first lines of a log.
pub fn opening(file: &mut File, bytes: u64) -> io::Result<String> {
    let mut size = OPENING;
    loop {
        file.rewind()?;
        let mut blocks = Blocks::new(Box::new(file.try_clone()?.take(size.min(bytes))));
        let mut text = String::new();
        while let Some(block) = blocks.next_block()? {
            text.push_str(&block.text);
        }
        // The last line may be cut.
        if size >= bytes || memchr::memchr_iter(b'\n', text.as_bytes()).count() > SAMPLE {
            return Ok(text);
        }
        size *= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_log;
    use super::super::tests::{Told, told, written};
    use super::*;
    use crate::model::Record;

    /// Reads a text as a whole and in parts, and returns how many parts there were at most.
    fn check(name: &str, text: &str) -> usize {
        let (_file, source) = written(text);
        let formats = Formats::builtin();
        let mut whole: Vec<Told> = Vec::new();
        let input = Box::new(File::open(&source.path).unwrap());
        let outcome = read_log(&source, input, &formats, None, &mut |record: &Record<'_>, line: u64| whole.push(told(record, line)));
        let mut most = 0;
        for size in [64, 300, 5_000] {
            let Some(parts) = Parts::of(&source, &formats, None, size) else { continue };
            most = most.max(parts.count());
            let counts: Option<Vec<u64>> = (0..parts.count()).map(|part| parts.lines(part)).collect();
            let Some(counts) = counts else { continue };
            let (mut records, mut outcomes, mut before) = (Vec::new(), Vec::new(), 0);
            let mut memory = parts.memory();
            for (part, count) in counts.into_iter().enumerate() {
                let sink = &mut |record: &Record<'_>, line: u64| records.push(told(record, line));
                let (outcome, left) = parts.read(part, before, &|_, _| {}, (sink, memory));
                outcomes.push(outcome);
                memory = left;
                before += count;
            }
            for (part, whole) in records.iter().zip(&whole) {
                assert_eq!(part, whole, "{name} in parts of {size}");
            }
            let joined = parts.joined(&source, outcomes);
            assert_eq!(
                (records.len(), joined.coverage, joined.complaints),
                (whole.len(), outcome.coverage.clone(), outcome.complaints.clone()),
                "{name} in parts of {size}"
            );
        }
        most
    }

    /// The samples of every format, again and again, alone and among each other.
    #[test]
    fn parts_cannot_be_seen() {
        let formats = Formats::builtin();
        let mut cut = 0;
        let mut all: String =
            (0..210).map(|second| format!("2023-08-12 14:{:02}:{:02},824 INFO [a] one\n", second / 60, second % 60)).collect();
        for format in formats.lines() {
            let text: String = format.samples.iter().flat_map(|sample| [sample.text.trim_matches('\n'), "\n"]).collect();
            cut += usize::from(check(&format.name, &text.repeat(3 + 3_000 / text.len())) > 1);
            if !FIELDS.iter().any(|mark| text.contains(mark)) {
                all.push_str(&text);
            }
        }
        assert!(cut > formats.lines().len() / 2, "{cut}");
        assert!(check("all", &all) > 20);
    }
}
