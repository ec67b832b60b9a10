//! One log read by all workers that are free: in parts where it can be cut, unpacked ahead where it is packed.
//!
//! What the parts become is the caller's: a worker that is done with one takes the next into the same sink, so that there are as many sinks
//! as workers, not as parts. The outcome is that of one reading.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::read::Source;
use crate::read::lines;

use super::{Formats, LogOutcome, PartOutcome, Parts, Sink, Watch, read_watched};

/// A log below this size is not worth two workers, nor a packed one a thread to unpack it. Bytes.
const SMALLEST: u64 = 8 << 20;
/// A packed log from this size on is unpacked ahead. Bytes.
const PACKED: u64 = 1 << 20;
/// Parts for each worker, so that one slow part does not keep the others waiting for long.
const PARTS: u64 = 4;

/// Things that one worker at a time has: those that are idle just now.
#[derive(Debug)]
pub struct Idle<T>(Mutex<Vec<T>>);

impl<T> Default for Idle<T> {
    fn default() -> Self {
        Idle(Mutex::default())
    }
}

impl<T> Idle<T> {
    /// One that is idle, if any.
    pub fn take(&self) -> Option<T> {
        self.lock().pop()
    }

    /// Leaves one for whoever comes next.
    pub fn put(&self, thing: T) {
        self.lock().push(thing);
    }

    /// All of them, once nobody works any more.
    pub fn into_all(self) -> Vec<T> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How logs are to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Seconds east of UTC of times without a zone; `None`: UTC.
    pub utc_offset: Option<i32>,
    /// Bytes of a part; `None`: by the size of the log and the number of workers.
    pub part: Option<u64>,
}

/// Reads a log into sinks that `begin` makes. Which sink has which part is left open, and so is their order.
pub fn read_all<S: Sink + Send>(
    source: &Source,
    formats: &Formats,
    manner: Manner,
    watch: &Watch<'_>,
    begin: &(dyn Fn() -> S + Sync),
) -> (Vec<S>, LogOutcome) {
    let workers = rayon::current_num_threads() as u64;
    let by_size = || (workers > 1).then(|| SMALLEST.max(source.bytes.div_ceil(workers * PARTS)));
    let parts = manner.part.or_else(by_size).and_then(|size| Parts::of(source, formats, manner.utc_offset, size));
    if let Some(parts) = parts
        && let Some(before) = line_numbers(&parts)
    {
        return in_parts(source, &parts, before, watch, begin);
    }
    let mut sink = begin();
    let outcome = whole(source, formats, manner, watch, workers > 1, &mut sink);
    (vec![sink], outcome)
}

/// Lines before each part; `None` where the parts are not independent.
fn line_numbers(parts: &Parts<'_>) -> Option<Vec<u64>> {
    let counts: Vec<Option<u64>> = (0..parts.count()).into_par_iter().map(|part| parts.lines(part)).collect();
    let counts: Option<Vec<u64>> = counts.into_iter().collect();
    counts.map(|counts| counts.iter().scan(0, |sum, count| Some(std::mem::replace(sum, *sum + count))).collect())
}

fn whole(source: &Source, formats: &Formats, manner: Manner, watch: &Watch<'_>, ahead: bool, sink: &mut dyn Sink) -> LogOutcome {
    let packed = source.bytes >= PACKED && ahead;
    let input = if packed { lines::open_ahead(&source.path) } else { lines::open(&source.path) };
    match input {
        Ok(input) => read_watched(source, input, formats, manner.utc_offset, watch, sink),
        Err(error) => LogOutcome::unreadable(source, &error.to_string()),
    }
}

fn in_parts<S: Sink + Send>(
    source: &Source,
    parts: &Parts<'_>,
    before: Vec<u64>,
    watch: &Watch<'_>,
    begin: &(dyn Fn() -> S + Sync),
) -> (Vec<S>, LogOutcome) {
    let idle = Idle::default();
    let read = |(part, before): (usize, u64)| {
        let (mut sink, memory) = idle.take().unwrap_or_else(|| (begin(), parts.memory()));
        let (outcome, memory) = parts.read(part, before, watch, (&mut sink, memory));
        idle.put((sink, memory));
        outcome
    };
    let outcomes: Vec<PartOutcome> = before.into_par_iter().enumerate().map(read).collect();
    (idle.into_all().into_iter().map(|(sink, _)| sink).collect(), parts.joined(source, outcomes))
}
