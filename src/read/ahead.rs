//! Unpacking on a thread of its own, so that it goes on while what was unpacked before is being read.
//!
//! Memory is bounded by a few buffers, which go back and forth. Does not know what is read.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Bytes of a buffer.
const CHUNK: usize = 256 * 1024;
/// Buffers that wait to be read.
const WAITING: usize = 4;

/// Reads what another thread has read before.
struct Ahead {
    full: Receiver<io::Result<Vec<u8>>>,
    empty: Sender<Vec<u8>>,
    chunk: Vec<u8>,
    /// The part of `chunk` that was handed out.
    given: usize,
}

/// The same bytes and the same error, read ahead.
///
/// # Errors
/// No thread can be had.
pub fn ahead(input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let (full, filled) = sync_channel(WAITING);
    let (empty, emptied) = channel();
    thread::Builder::new().name("unpack".to_owned()).spawn(move || fill(input, &full, &emptied))?;
    Ok(Box::new(Ahead { full: filled, empty, chunk: Vec::new(), given: 0 }))
}

/// Sends buffers until the input ends or nobody wants more.
fn fill(mut input: Box<dyn Read + Send>, full: &SyncSender<io::Result<Vec<u8>>>, emptied: &Receiver<Vec<u8>>) {
    loop {
        let mut chunk = emptied.try_recv().unwrap_or_default();
        chunk.clear();
        let read = input.by_ref().take(CHUNK as u64).read_to_end(&mut chunk);
        let ended = chunk.is_empty() || read.is_err();
        // What was read before an error is handed on before it.
        let sent = chunk.is_empty() || full.send(Ok(chunk)).is_ok();
        let told = read.map_or_else(|error| full.send(Err(error)).is_ok(), |_| true);
        if ended || !sent || !told {
            return;
        }
    }
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.chunk.len() {
            let Ok(next) = self.full.recv() else { return Ok(0) };
            // The other side may be gone, and then needs no buffers.
            let _ = self.empty.send(std::mem::replace(&mut self.chunk, next?));
            self.given = 0;
        }
        let length = into.len().min(self.chunk.len() - self.given);
        into[..length].copy_from_slice(&self.chunk[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails at its end.
    struct Failing<'t>(&'t [u8]);

    impl Read for Failing<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() { Err(io::Error::other("torn")) } else { self.0.read(into) }
        }
    }

    #[test]
    fn bytes_and_errors_come_through_in_their_order() {
        for length in [0, 1, CHUNK - 1, CHUNK, 7 * CHUNK + 3] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut read = Vec::new();
            ahead(Box::new(io::Cursor::new(bytes.clone()))).unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes);
            let (kept, mut read) = (bytes.clone().leak(), Vec::new());
            let error = ahead(Box::new(Failing(kept))).unwrap().read_to_end(&mut read).unwrap_err();
            assert_eq!((read, error.to_string()), (bytes, "torn".to_owned()));
        }
    }

    #[test]
    fn whoever_stops_reading_stops_the_thread() {
        let mut input = ahead(Box::new(io::repeat(7))).unwrap();
        let mut some = [0; 9];
        input.read_exact(&mut some).unwrap();
        assert_eq!(some, [7; 9]);
    }
}
