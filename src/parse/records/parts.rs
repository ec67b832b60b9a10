//! A log read in parts by several workers, with the outcome of one reading.
//!
//! A part begins with a line that begins a record wherever it stands: of the format that takes it, with a time that means the
//! same everywhere, and no possible continuation of anything. Whatever is pending before it ends there, so that each part can be
//! read for itself. Where no such line is found, the parts around stay one.
//!
//! Every byte is read once: a part is small enough to be in memory as a whole. Its lines are counted there, and how many stand before it is known once
//! the parts before it were counted, which others do meanwhile ([`Turns`]).

use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::read::Source;
use crate::read::documents::is_plain;
use crate::read::lines::Blocks;
use crate::read::slice::Slice;

use super::super::Formats;
use super::super::matching::FIELDS;
use super::super::recall::Exchange;
use super::super::timestamp::Clock;
use super::dialect::{Dialect, SAMPLE};
use super::log::{Log, Memory};
use super::turns::{Outcomes, Turns};
use super::{LogOutcome, Nobody, Sink, Told, Watch, read_rest};

/// Bytes of the beginning from which the dialect is told; more only where its lines are long.
const OPENING: u64 = 64 * 1024;
/// Bytes that are searched for a line at which a part can begin.
const SEARCHED: u64 = 1024 * 1024;
/// Bytes read at once in the search.
const CHUNK: usize = 4 * 1024;

/// Bytes of a part that is read into memory as a whole; one in which no other can begin may be longer, and is read twice.
const MOST_IN_MEMORY: u64 = 2 << 20;
/// Bytes of such a long one that are looked through at once for line ends.
const COUNTED: usize = 256 * 1024;
/// Bytes of the longest of [`FIELDS`], but for one.
const LONGEST_MARK: usize = 8;

/// A log that is read in parts.
pub struct Parts<'f> {
    formats: &'f Formats,
    dialect: Dialect<'f>,
    clock: Clock,
    /// Opened once, so that all parts are of one file even where its path comes to mean another.
    file: Arc<File>,
    /// Bytes of it.
    bytes: u64,
    /// Bytes of a part, about.
    size: u64,
    /// Where the next part begins.
    cursor: Mutex<Cursor<'f>>,
    exchange: Arc<Exchange>,
    turns: Turns,
    outcomes: Mutex<Outcomes>,
}

#[derive(Default)]
struct Cursor<'f> {
    number: usize,
    begin: u64,
    /// Of whoever looks where parts can begin; `None` before the first look.
    scout: Option<Box<Memory<'f>>>,
}

/// A part that is to be read.
pub struct Part {
    number: usize,
    /// Bytes of the file.
    range: Range<u64>,
}

/// What a worker goes on with from part to part.
pub struct Worker<'f> {
    memory: Box<Memory<'f>>,
    /// Has room for a part.
    buffer: Vec<u8>,
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
        Some(Parts {
            formats,
            dialect,
            clock,
            file: Arc::new(file),
            bytes: source.bytes,
            size: size.max(1),
            cursor: Mutex::default(),
            exchange: Arc::default(),
            turns: Turns::default(),
            outcomes: Mutex::default(),
        })
    }

    /// What a worker begins with.
    pub fn worker(&self) -> Worker<'f> {
        Worker { memory: Box::new(Memory::shared(&self.dialect, self.formats, &self.exchange)), buffer: Vec::new() }
    }

    /// The next part that nobody reads yet. Whoever takes it must [read](Parts::read) it, for others wait for that.
    pub fn take(&self) -> Option<Part> {
        let mut cursor = self.cursor();
        let begin = cursor.begin;
        if begin >= self.bytes {
            return None;
        }
        let scout = cursor.scout.take().unwrap_or_else(|| Box::new(Memory::forgetful(&self.dialect, self.formats)));
        let (end, scout) = self.end_of(begin, scout);
        cursor.scout = Some(scout);
        cursor.begin = end;
        cursor.number += 1;
        Some(Part { number: cursor.number - 1, range: begin..end })
    }

    /// Nobody takes any more.
    fn close(&self) {
        self.cursor().begin = self.bytes;
    }

    fn cursor(&self) -> MutexGuard<'_, Cursor<'f>> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the part ends that begins at `begin`.
    fn end_of(&self, begin: u64, scout: Box<Memory<'f>>) -> (u64, Box<Memory<'f>>) {
        let mut nobody = Nobody;
        let mut log = Log::with(scout, &self.dialect, self.clock, &mut nobody);
        let mut at = begin.saturating_add(self.size);
        let mut end = self.bytes;
        while at < self.bytes {
            if let Some(cut) = self.cut(at, &mut log) {
                end = cut;
                break;
            }
            at = at.saturating_add(self.size.max(SEARCHED));
        }
        (end, log.leave().1)
    }

    /// The place of the first line behind `from` at which a part can begin.
    fn cut(&self, from: u64, log: &mut Log<'f, '_, '_>) -> Option<u64> {
        // The line that `from` stands in began before.
        let mut input = self.input(from - 1..self.bytes);
        let (mut bytes, mut begin) = (Vec::new(), None);
        let mut chunk = [0; CHUNK];
        while (bytes.len() as u64) < SEARCHED {
            let read = input.read(&mut chunk).ok().filter(|read| *read > 0)?;
            let before = bytes.len();
            bytes.extend_from_slice(&chunk[..read]);
            for end in memchr::memchr_iter(b'\n', &chunk[..read]).map(|end| before + end) {
                // The first line end only ends the line before.
                let line = begin.replace(end + 1).map(|start| (start, &bytes[start..end]));
                if let Some((start, line)) = line
                    && std::str::from_utf8(line).is_ok_and(|line| log.can_begin(line))
                {
                    return Some(from - 1 + start as u64);
                }
            }
        }
        None
    }

    /// Reads a part that was taken, unless it turns out that whoever reads one before it has to read on to the end.
    pub fn read(&self, part: Part, watch: &Watch<'_>, sink: &mut dyn Sink, worker: Worker<'f>) -> Worker<'f> {
        let Worker { memory, mut buffer } = worker;
        // An error is told by whoever reads as far.
        let Counted { lines, is_last, in_memory } = self.counted(&part.range, &mut buffer).unwrap_or(Counted::IN_VAIN);
        if is_last {
            self.close();
        }
        let Some(lines_before) = self.turns.pass(part.number, lines, is_last) else { return Worker { memory, buffer } };
        let range = part.range.start..if is_last { self.bytes } else { part.range.end };
        let length = range.end - range.start;
        let blocks = match in_memory && !is_last {
            true => Blocks::of_loaded(buffer, length as usize),
            false => Blocks::new(Box::new(self.input(range.clone()))),
        };
        let mut blocks = blocks.from(range.start);
        let mut log = Log::with(memory, &self.dialect, self.clock, sink);
        log.skip(lines_before);
        let (outcome, memory) = read_rest(log, &mut blocks, Told { watch, left: length, lines: lines_before });
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).take(part.number, outcome);
        Worker { memory, buffer: blocks.into_buffer() }
    }

    /// Counts the lines of a part, which is in the buffer then, unless it is too long.
    fn counted(&self, range: &Range<u64>, buffer: &mut Vec<u8>) -> io::Result<Counted> {
        let mut input = self.input(range.clone());
        let length = range.end - range.start;
        if length > MOST_IN_MEMORY {
            return count_through(input);
        }
        let length = length as usize;
        if buffer.len() < length {
            buffer.reserve_exact(length - buffer.len());
            buffer.resize(length, 0);
        }
        input.read_exact(&mut buffer[..length])?;
        let bytes = &buffer[..length];
        Ok(Counted { lines: lines_in(bytes), is_last: names_cells(bytes), in_memory: true })
    }

    fn input(&self, range: Range<u64>) -> Slice {
        Slice::new(Arc::clone(&self.file), range)
    }

    /// What became of the log, from what became of all its parts in their order. Nothing is said of what stands behind a failure.
    pub fn joined(self, source: &Source) -> LogOutcome {
        let (ledger, failure) = self.outcomes.into_inner().unwrap_or_else(PoisonError::into_inner).joined();
        ledger.outcome(source, &self.dialect.detected.name(), failure.as_ref())
    }
}

/// What a look at the bytes of a part tells.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    lines: u64,
    /// Whoever has it reads on to the end: a line may begin in there that names the cells of those behind it, in this part and in others.
    is_last: bool,
    in_memory: bool,
}

impl Counted {
    /// Of a part that cannot be read.
    const IN_VAIN: Counted = Counted { lines: 0, is_last: true, in_memory: false };
}

/// The line ends in some bytes.
pub fn lines_in(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// The same of what is too long to be in memory.
fn count_through(mut input: Slice) -> io::Result<Counted> {
    let (mut all, mut kept, mut chunk) = (Counted::default(), 0, vec![0; COUNTED]);
    loop {
        match input.read(&mut chunk[kept..]) {
            Ok(0) => return Ok(all),
            Ok(read) => {
                let end = kept + read;
                all.lines += lines_in(&chunk[kept..end]);
                all.is_last = all.is_last || names_cells(&chunk[..end]);
                // What names cells may be cut by the end of the chunk.
                let tail = end.saturating_sub(LONGEST_MARK)..end;
                kept = tail.len();
                chunk.copy_within(tail, 0);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
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
        if size >= bytes || lines_in(text.as_bytes()) > SAMPLE as u64 {
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
            let mut records = Vec::new();
            // Each is told what the other learns.
            let (mut worker, mut other) = (parts.worker(), parts.worker());
            while let Some(part) = parts.take() {
                most = most.max(part.number + 1);
                let sink = &mut |record: &Record<'_>, line: u64| records.push(told(record, line));
                (other, worker) = (parts.read(part, &|_, _| {}, sink, worker), other);
            }
            for (part, whole) in records.iter().zip(&whole) {
                assert_eq!(part, whole, "{name} in parts of {size}");
            }
            let joined = parts.joined(&source);
            assert_eq!(
                (records.len(), joined.coverage, joined.complaints),
                (whole.len(), outcome.coverage.clone(), outcome.complaints.clone()),
                "{name} in parts of {size}"
            );
        }
        most
    }

    /// What is missing at the end is told as where the log is read as a whole, and what is there is read.
    #[test]
    fn a_file_that_became_shorter() {
        let line = |number: u64| format!("2023-08-12 14:31:{:02},824 INFO [a] order {number} is done\n", number % 60);
        let (_file, mut source) = written(&(0..500).map(line).collect::<String>());
        source.bytes += 1_000;
        let formats = Formats::builtin();
        for size in [64, 5_000, 20_000] {
            let parts = Parts::of(&source, &formats, None, size).unwrap();
            let (mut records, mut worker) = (0, parts.worker());
            while let Some(part) = parts.take() {
                worker = parts.read(part, &|_, _| {}, &mut |_: &Record<'_>, _| records += 1, worker);
            }
            let outcome = parts.joined(&source);
            assert_eq!((records, outcome.coverage.lines), (500, 500), "{size}");
            let why: Vec<&str> = outcome.complaints.iter().map(|complaint| complaint.why.as_str()).collect();
            assert_eq!(why, ["broken off after line 500: the file became shorter while it was read, 1000 bytes are missing"], "{size}");
        }
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
