//! A stretch of a log that is read where nothing of the rest is at hand, and how stretches become the log again.
//!
//! What stands before the first line at which a record begins whatever stands before it may continue the last record of the stretch
//! before; that last record may go on in the stretch after. Both are kept as text, and read once their neighbours are there. Until
//! then lines are numbered by their place: the first byte of the stretch, and the lines read of it. Such numbers grow from line to line
//! over the whole file, so that all that is ordered by line is in order already.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use crate::read::Source;
use crate::read::documents::is_plain;
use crate::read::lines::{Blocks, Lines};

use super::super::Formats;
use super::super::timestamp::Clock;
use super::dialect::{Dialect, SAMPLE};
use super::ledger::Ledger;
use super::log::Log;
use super::parts::{lines_in, names_cells, opening};
use super::{LogOutcome, Nobody, Sink, Told, Watch};

/// Text that is kept of either end; where more would be needed the log is no log to be cut.
const LONGEST_END: usize = 16 << 20;

/// What a stretch of a log holds, but for its records, which a sink has taken.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// Bytes of the file. Its lines are those that begin in there.
    pub range: Range<u64>,
    pub lines: u64,
    /// Its lines before the first at which a record begins for sure; all of them where there is no such line.
    pub lead: String,
    /// Its last lines, from the last at which a record begins for sure.
    pub trail: String,
    /// What became of those between, numbered by their place.
    pub ledger: Ledger,
    /// The lines can only be understood with all that stand before them: nothing was counted, and the log must be read as a whole.
    pub whole_only: bool,
    /// The first lines of the file, of the piece that begins it.
    pub head: String,
}

/// Numbers of lines by their place.
#[derive(Clone, Debug, Default)]
pub struct LineTable {
    /// (first byte, lines before it) of each piece, in their order.
    starts: Vec<(u64, u64)>,
}

impl LineTable {
    /// The number of the line at a place.
    pub fn number(&self, place: u64) -> u64 {
        let after = self.starts.partition_point(|(start, _)| *start < place);
        match after.checked_sub(1).and_then(|at| self.starts.get(at)) {
            Some((start, before)) => before.saturating_add(place - start),
            None => place,
        }
    }
}

/// The first lines of a log, from which its dialect is told, as far as `source` has them.
///
/// # Errors
/// Of reading.
pub fn head_of(source: &Source) -> io::Result<String> {
    let mut text = opening(&mut File::open(&source.path)?, source.bytes)?;
    let end = memchr::memchr_iter(b'\n', text.as_bytes()).nth(SAMPLE - 1);
    text.truncate(end.map_or(text.len(), |end| end + 1));
    Ok(text)
}

/// Whether a log can be read in pieces: its lines are its bytes, and some line of its beginning begins a record for sure.
pub fn can_be_cut(source: &Source, formats: &Formats, utc_offset: Option<i32>) -> bool {
    let Some(head) = is_plain(&source.path).then(|| head_of(source)).and_then(io::Result::ok) else { return false };
    let clock = Clock::of(source, utc_offset);
    let dialect = Dialect::of(formats, &clock, &head);
    let mut nobody = Nobody;
    let mut log = Log::new(&dialect, formats, clock, &mut nobody);
    dialect.can_be_cut() && !names_cells(head.as_bytes()) && Lines::of(&head).any(|line| log.can_begin(line))
}

/// Reads a stretch. `head` are the first lines of the log, `input` the lines that begin in `range`.
///
/// # Errors
/// Of reading; what was taken by `sink` is worth nothing then.
pub fn read_piece(
    source: &Source,
    head: &str,
    (range, input): (Range<u64>, Box<dyn Read + Send>),
    (formats, utc_offset): (&Formats, Option<i32>),
    watch: &Watch<'_>,
    sink: &mut dyn Sink,
) -> io::Result<(Piece, String)> {
    let clock = Clock::of(source, utc_offset);
    let dialect = Dialect::of(formats, &clock, head);
    let format = dialect.detected.name();
    let mut reading = Reading::new(Log::new(&dialect, formats, clock, sink), &range);
    reading.piece.whole_only = !dialect.can_be_cut();
    let mut nobody = Nobody;
    let mut scout = Log::new(&dialect, formats, clock, &mut nobody);
    let mut told = Told { watch, left: range.end - range.start, lines: 0 };
    let mut blocks = Blocks::new(input).from(range.start);
    while let Some(block) = blocks.next_block()? {
        if reading.piece.whole_only || names_cells(block.text.as_bytes()) {
            reading.piece.whole_only = true;
            continue;
        }
        reading = reading.block(&block.text, block.cut, &mut scout);
        told.tell(block.text.len(), reading.piece.lines);
    }
    told.end();
    let mut piece = reading.finish();
    if range.start == 0 {
        piece.head = head.to_owned();
    }
    Ok((piece, format))
}

/// A stretch, as far as it was read.
struct Reading<'f, 's, 'b> {
    log: Log<'f, 's, 'b>,
    piece: Piece,
    /// Something was found at which a record begins for sure, or the file itself begins here.
    begun: bool,
}

impl<'f, 's, 'b> Reading<'f, 's, 'b> {
    fn new(log: Log<'f, 's, 'b>, range: &Range<u64>) -> Self {
        let mut log = log;
        log.skip(range.start);
        Reading { log, piece: Piece { range: range.clone(), ..Piece::default() }, begun: range.start == 0 }
    }

    fn block(mut self, text: &str, cut: u64, scout: &mut Log<'f, '_, '_>) -> Reading<'f, 's, 'static> {
        self.log.cut(cut);
        self.piece.lines += lines_of(text);
        let mut held = std::mem::take(&mut self.piece.trail);
        let mut rest = text;
        if !self.begun {
            let begins = first_sure(text, scout);
            self.piece.lead.push_str(&text[..begins.unwrap_or(text.len())]);
            rest = &text[begins.unwrap_or(text.len())..];
            self.begun = begins.is_some();
            self.log.skip(self.piece.range.start + self.piece.lines - lines_of(rest));
        }
        held.push_str(rest);
        let from = last_sure(&held, scout);
        let log = self.log.block(&held[..from]);
        held.drain(..from);
        self.piece.trail = held;
        self.piece.whole_only |= self.piece.trail.len().max(self.piece.lead.len()) > LONGEST_END;
        Reading { log, piece: self.piece, begun: self.begun }
    }

    fn finish(self) -> Piece {
        let ledger = self.log.finish();
        if self.piece.whole_only {
            return Piece { lead: String::new(), trail: String::new(), lines: 0, ..self.piece };
        }
        Piece { ledger, ..self.piece }
    }
}

fn lines_of(text: &str) -> u64 {
    lines_in(text.as_bytes()) + u64::from(!text.is_empty() && !text.ends_with('\n'))
}

/// Where the first line begins at which a record begins for sure.
fn first_sure(text: &str, scout: &mut Log<'_, '_, '_>) -> Option<usize> {
    let mut at = 0;
    text.split_inclusive('\n').find_map(|line| {
        let begins = at;
        at += line.len();
        scout.can_begin(line.trim_end_matches('\n')).then_some(begins)
    })
}

/// Where the last line begins at which a record begins for sure; 0 where there is none behind the first.
fn last_sure(text: &str, scout: &mut Log<'_, '_, '_>) -> usize {
    let mut end = text.len();
    while let Some(begins) = memchr::memrchr(b'\n', &text.as_bytes()[..end.saturating_sub(1)]).map(|at| at + 1) {
        if scout.can_begin(text[begins..end].trim_end_matches('\n')) {
            return begins;
        }
        end = begins;
    }
    0
}

/// What the pieces of a log were, in their order and without a hole: the records between them go to `sink`, with the numbers of their
/// lines.
///
/// # Errors
/// A piece is missing, or the log must be read as a whole.
pub fn joined(
    source: &Source,
    pieces: Vec<Piece>,
    (formats, utc_offset): (&Formats, Option<i32>),
    sink: &mut dyn Sink,
) -> Result<(LogOutcome, LineTable), String> {
    complete(source, &pieces)?;
    let head = pieces.first().map(|piece| piece.head.clone()).unwrap_or_default();
    let clock = Clock::of(source, utc_offset);
    let dialect = Dialect::of(formats, &clock, &head);
    let mut table = LineTable::default();
    let (mut all, mut open, mut lines) = (Ledger::default(), String::new(), 0);
    let mut between = |open: &mut String, before: u64, all: &mut Ledger| {
        if !open.is_empty() {
            let mut log = Log::new(&dialect, formats, clock, &mut *sink);
            log.skip(before - lines_of(open));
            all.follow(log.block(open).finish());
            open.clear();
        }
    };
    for piece in pieces {
        table.starts.push((piece.range.start, lines));
        // A piece in which nothing begins is all lead.
        let lead = lines_of(&piece.lead);
        open.push_str(&piece.lead);
        if lead < piece.lines {
            between(&mut open, lines + lead, &mut all);
            let mut ledger = piece.ledger;
            ledger.renumber(&|place| lines.saturating_add(place.saturating_sub(piece.range.start)));
            all.follow(ledger);
            open = piece.trail;
        } else {
            all.cut += piece.ledger.cut;
        }
        lines += piece.lines;
    }
    between(&mut open, lines, &mut all);
    Ok((all.outcome(source, &dialect.detected.name(), None), table))
}

fn complete(source: &Source, pieces: &[Piece]) -> Result<(), String> {
    let shown = &source.shown;
    if pieces.iter().any(|piece| piece.whole_only) {
        return Err(format!("{shown} cannot be read in pieces: summarize it as a whole"));
    }
    let mut end = 0;
    for piece in pieces {
        if piece.range.start != end {
            let what = if piece.range.start > end { "no summary holds" } else { "two summaries hold" };
            let (from, to) = (piece.range.start.min(end), piece.range.start.max(end));
            return Err(format!("{what} the bytes {from}-{to} of {shown}"));
        }
        end = piece.range.end;
    }
    if end < source.bytes { Err(format!("no summary holds the bytes {end}-{} of {shown}", source.bytes)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::read_log;
    use super::super::tests::{Told, told, written};
    use super::*;
    use crate::model::Record;
    use crate::read::content::stretch;

    /// Reads a text as a whole and in pieces, and returns whether it was cut.
    fn check(name: &str, text: &str) -> bool {
        let (_file, source) = written(text);
        let formats = Formats::builtin();
        if !can_be_cut(&source, &formats, None) {
            return false;
        }
        let mut whole: Vec<Told> = Vec::new();
        let outcome =
            read_log(&source, source.open().unwrap(), &formats, None, &mut |record: &Record<'_>, line: u64| whole.push(told(record, line)));
        for size in [1, 37, 300, 5_000] {
            // A byte a piece only where there are few.
            let size = if size == 1 && source.bytes > 700 { 701 } else { size };
            let (mut records, mut pieces) = (Vec::new(), Vec::new());
            let head = head_of(&source).unwrap();
            for start in (0..source.bytes).step_by(size as usize) {
                let range = start..(start + size).min(source.bytes);
                let input = stretch(&source.path, &range).unwrap();
                let mut sink = |record: &Record<'_>, line: u64| records.push(told(record, line));
                pieces.push(read_piece(&source, &head, (range, input), (&formats, None), &|_, _| {}, &mut sink).unwrap().0);
            }
            let mut between: Vec<Told> = Vec::new();
            let mut sink = |record: &Record<'_>, line: u64| between.push(told(record, line));
            let (joined, table) = match joined(&source, pieces, (&formats, None), &mut sink) {
                Ok(joined) => joined,
                Err(why) => {
                    assert!(why.contains("summarize it as a whole") && names_cells(text.as_bytes()), "{name}: {why}");
                    return false;
                }
            };
            records.iter_mut().for_each(|record| record.0 = table.number(record.0));
            records.extend(between);
            records.sort();
            whole.sort();
            assert_eq!(records, whole, "{name} in pieces of {size}");
            assert_eq!((&joined.coverage, &joined.complaints), (&outcome.coverage, &outcome.complaints), "{name} in pieces of {size}");
        }
        true
    }

    /// The samples of every format, again and again, alone and among each other.
    #[test]
    fn pieces_cannot_be_seen() {
        let formats = Formats::builtin();
        let mut cut = 0;
        let mut all: String =
            (0..210).map(|second| format!("2023-08-12 14:{:02}:{:02},824 INFO [a] one\n", second / 60, second % 60)).collect();
        for format in formats.lines() {
            let text: String = format.samples.iter().flat_map(|sample| [sample.text.trim_matches('\n'), "\n"]).collect();
            cut += usize::from(check(&format.name, &text.repeat(2 + 2_000 / text.len())));
            if !names_cells(text.as_bytes()) {
                all.push_str(&text);
            }
        }
        assert!(cut > formats.lines().len() / 2, "{cut}");
        assert!(check("all", &all));
        assert!(check("without an end", "2023-08-12 14:31:07,824 ERROR [a] one\n  at x\n2023-08-12 14:31:08,824 ERROR [a] two\nlast"));
    }

    #[test]
    fn a_missing_or_doubled_piece_is_told() {
        let source = Source { bytes: 30, ..super::super::tests::source() };
        let piece = |start, end| Piece { range: start..end, ..Piece::default() };
        let joined = |pieces| joined(&source, pieces, (&Formats::builtin(), None), &mut Nobody).unwrap_err();
        assert!(joined(vec![piece(0, 10), piece(20, 30)]).contains("no summary holds the bytes 10-20"));
        assert!(joined(vec![piece(0, 10), piece(5, 30)]).contains("two summaries hold the bytes 5-10"));
        assert!(joined(vec![piece(0, 10)]).contains("no summary holds the bytes 10-30"));
        assert!(joined(Vec::new()).contains("no summary holds the bytes 0-30"));
    }
}
