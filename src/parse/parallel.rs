//! One log read by all workers that are free: in parts where it can be cut, unpacked ahead where it is packed.
//!
//! What the parts become is the caller's: a worker that is done with one takes the next into the same sink, so that there are as many sinks
//! as workers, not as parts. The outcome is that of one reading.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::read::Source;
use crate::read::lines;

use super::{Formats, LogOutcome, Parts, Sink, Watch, Worker, read_watched};

/// A log below this size is not worth two workers, nor a packed one a thread to unpack it. Bytes.
const SMALLEST: u64 = 8 << 20;
/// A packed log from this size on is unpacked ahead. Bytes.
const PACKED: u64 = 1 << 20;
/// A part. Bytes: what the second cache of many processors holds, as it is looked at twice.
const PART: u64 = 512 << 10;

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
    /// Bytes of a part; `None`: of the usual size, where more than one worker is there and the log is worth it.
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
    let workers = rayon::current_num_threads();
    let worth_it = workers > 1 && source.bytes > SMALLEST;
    let size = manner.part.or_else(|| worth_it.then_some(PART));
    if let Some(parts) = size.and_then(|size| Parts::of(source, formats, manner.utc_offset, size)) {
        let sinks = in_parts(&parts, workers, watch, begin);
        return (sinks, parts.joined(source));
    }
    let mut sink = begin();
    let outcome = whole(source, formats, manner, watch, workers > 1, &mut sink);
    (vec![sink], outcome)
}

fn whole(source: &Source, formats: &Formats, manner: Manner, watch: &Watch<'_>, ahead: bool, sink: &mut dyn Sink) -> LogOutcome {
    let packed = source.bytes >= PACKED && ahead;
    let input = if packed { lines::open_ahead(&source.path) } else { lines::open(&source.path) };
    match input {
        Ok(input) => read_watched(source, input, formats, manner.utc_offset, watch, sink),
        Err(error) => LogOutcome::unreadable(source, &error.to_string()),
    }
}

/// Lets all workers that are free, or become so, take parts until none is left.
fn in_parts<S: Sink + Send>(parts: &Parts<'_>, workers: usize, watch: &Watch<'_>, begin: &(dyn Fn() -> S + Sync)) -> Vec<S> {
    let read = |_| {
        let mut begun: Option<(S, Worker<'_>)> = None;
        while let Some(part) = parts.take() {
            let (mut sink, worker) = begun.unwrap_or_else(|| (begin(), parts.worker()));
            let worker = parts.read(part, watch, &mut sink, worker);
            begun = Some((sink, worker));
        }
        begun.map(|(sink, _)| sink)
    };
    (0..workers).into_par_iter().with_max_len(1).filter_map(read).collect()
}
