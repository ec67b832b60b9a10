//! Lines to records: a log file read from its beginning to its end, every line accounted for.
//!
//! Does not keep records, nor know what they will be used for.

mod dialect;
mod ledger;
mod log;
mod parts;
pub mod piece;
pub mod tries;
mod turns;

use std::io::{self, Read};

use crate::model::{Complaint, Level, Origin, Record, SourceCoverage, Tag, Time};
use crate::read::Source;
use crate::read::documents::unfolded;
use crate::read::lines::{Blocks, Lines};

use super::Formats;
use super::timestamp::Clock;
use dialect::{Dialect, SAMPLE};
pub use ledger::Ledger;
use log::{Log, Memory};
pub use parts::{Parts, Worker};
use turns::PartOutcome;

/// What became of a file.
#[derive(Clone, Debug, Default)]
pub struct LogOutcome {
    pub coverage: SourceCoverage,
    pub complaints: Vec<Complaint>,
}

impl LogOutcome {
    /// A file that cannot be opened or read at all.
    pub fn unreadable(source: &Source, why: &str) -> LogOutcome {
        let (path, format) = (source.shown.to_string(), "not read".to_owned());
        let complaint = Complaint { origin: Origin::file(&source.shown), why: format!("cannot be read: {why}"), more: 0 };
        let coverage = SourceCoverage { path, format, bytes: source.bytes, ..SourceCoverage::default() };
        LogOutcome { coverage, complaints: vec![complaint] }
    }
}

/// Takes what a log holds, in the order in which it is known to be complete.
pub trait Sink {
    /// A record, with the number of its first line.
    fn record(&mut self, record: &Record<'_>, line: u64);

    /// Whether outcomes of requests, callees and codes are asked for; where not, records have them only where they cost nothing.
    fn wants_requests(&self) -> bool {
        true
    }

    /// A record of the same kind as one handed on before, with its level, its time and the number of its line; only where no outcomes of requests
    /// are asked for. `false`: it is wanted whole.
    fn alike(&mut self, _kind: Tag, _level: Level, _time: Time, _line: u64) -> bool {
        false
    }

    /// A record of a kind begins, which is handed on when the lines that belong to it are read: what it changes may be fetched meanwhile.
    fn expect(&self, _kind: Tag) {}

    /// A line that was not understood, with its number.
    fn unread(&mut self, _text: &str, _line: u64) {}
}

/// Takes nothing.
struct Nobody;

impl Sink for Nobody {
    fn record(&mut self, _: &Record<'_>, _: u64) {}
}

impl<F: FnMut(&Record<'_>, u64)> Sink for F {
    fn record(&mut self, record: &Record<'_>, line: u64) {
        self(record, line);
    }
}

/// Reads a log and hands each record to `sink`. `utc_offset` are the seconds east of UTC of times without a zone.
pub fn read_log(
    source: &Source,
    input: Box<dyn Read + Send>,
    formats: &Formats,
    utc_offset: Option<i32>,
    sink: &mut dyn Sink,
) -> LogOutcome {
    read_watched(source, input, formats, utc_offset, &|_, _| {}, sink)
}

/// The same; `watch` is told of bytes of the file and lines that are done. The bytes add up to those on disk.
pub fn read_watched(
    source: &Source,
    input: Box<dyn Read + Send>,
    formats: &Formats,
    utc_offset: Option<i32>,
    watch: &Watch<'_>,
    sink: &mut dyn Sink,
) -> LogOutcome {
    let mut blocks = Blocks::new(unfolded(input));
    let clock = Clock::of(source, utc_offset);
    let mut opening = Opening::default();
    let failure = opening.read(&mut blocks).err();
    let dialect = Dialect::of(formats, &clock, &opening.text);
    let mut log = Log::new(&dialect, formats, clock, sink);
    let mut told = Told { watch, left: source.bytes, lines: 0 };
    log.cut(opening.cut);
    log = log.block(&opening.text);
    told.tell(opening.text.len(), log.lines());
    drop(opening);
    // After an error there is nothing to be read any more.
    let (rest, _) = read_rest(log, &mut blocks, told);
    let mut ledger = Ledger::default();
    ledger.follow(rest.ledger);
    ledger.outcome(source, &dialect.detected.name(), failure.or(rest.failure).as_ref())
}

/// Reads what is left of a log, or of a part of one.
fn read_rest<'f>(mut log: Log<'f, '_, '_>, blocks: &mut Blocks, mut told: Told<'_>) -> (PartOutcome, Box<Memory<'f>>) {
    let failure = loop {
        match blocks.next_block() {
            Ok(Some(block)) => {
                log.cut(block.cut);
                log = log.block(&block.text);
                told.tell(block.text.len(), log.lines());
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    told.end();
    let (ledger, memory) = log.leave();
    (PartOutcome { ledger, failure }, memory)
}

/// Told of bytes on disk and lines that are done.
pub type Watch<'w> = dyn Fn(u64, u64) + Sync + 'w;

/// What a watcher was told of one file.
struct Told<'w> {
    watch: &'w Watch<'w>,
    /// Bytes on disk that were not told yet.
    left: u64,
    lines: u64,
}

impl Told<'_> {
    /// A packed file has more bytes than there are on disk: they are told as far as they go.
    fn tell(&mut self, bytes: usize, lines: u64) {
        let bytes = (bytes as u64).min(self.left);
        self.left -= bytes;
        (self.watch)(bytes, lines - std::mem::replace(&mut self.lines, lines));
    }

    fn end(&mut self) {
        (self.watch)(std::mem::take(&mut self.left), 0);
    }
}

/// The beginning of a log, from which its dialect is told.
#[derive(Default)]
struct Opening {
    text: String,
    cut: u64,
}

impl Opening {
    /// Reads until there are lines enough.
    fn read(&mut self, blocks: &mut Blocks) -> io::Result<()> {
        while Lines::of(&self.text).take(SAMPLE).count() < SAMPLE {
            match blocks.next_block()? {
                Some(block) => {
                    self.text.push_str(&block.text);
                    self.cut += block.cut;
                }
                None => break,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod mixed;
#[cfg(test)]
mod recalled;
#[cfg(test)]
mod tests;
