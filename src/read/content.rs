//! Where the bytes of a source are: in a file, in memory, or nowhere any more, and how a stretch of a file is read.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Source;
use super::guard::SteadyFile;
use super::lines::{self, STDIN};

type Input = Box<dyn Read + Send>;

/// Bytes of the beginning that stand for a file where it must be told from others.
const HEAD: u64 = 64 * 1024;

/// Where the bytes of a source are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// At its path.
    #[default]
    File,
    /// Here, as they lay on the disk.
    Kept(Arc<[u8]>),
    /// Elsewhere: a summary says what was in it, and how it began.
    Counted { head: Option<[u8; 32]> },
}

impl Source {
    /// Its bytes, unpacked.
    ///
    /// # Errors
    /// Of opening; a log of which only a summary is there cannot be opened.
    pub fn open(&self) -> io::Result<Input> {
        match &self.content {
            Content::File => lines::open(&self.path),
            Content::Kept(bytes) => lines::decompress(Box::new(Cursor::new(Arc::clone(bytes)))),
            Content::Counted { .. } => Err(counted()),
        }
    }

    /// Its bytes as they lie on the disk.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn raw(&self) -> io::Result<Input> {
        match &self.content {
            Content::File => Ok(Box::new(SteadyFile::open(&self.path)?)),
            Content::Kept(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            Content::Counted { .. } => Err(counted()),
        }
    }

    /// A fingerprint of its beginning as it lies on the disk; `None` for standard input and for what cannot be read.
    pub fn head_digest(&self) -> Option<[u8; 32]> {
        if let Content::Counted { head } = self.content {
            return head;
        }
        let mut head = Vec::new();
        self.is_at_hand().then(|| self.raw()?.take(HEAD).read_to_end(&mut head)).and_then(io::Result::ok)?;
        Some(Sha256::digest(&head).into())
    }

    /// Whether it can be read a second time.
    pub fn is_at_hand(&self) -> bool {
        match self.content {
            Content::File => self.path != Path::new(STDIN),
            Content::Kept(_) => true,
            Content::Counted { .. } => false,
        }
    }
}

fn counted() -> io::Error {
    io::Error::other("only a summary of it is here, not its lines")
}

/// The lines of a file that begin within a range of its bytes: the last one is read to its end.
///
/// # Errors
/// Of opening and seeking.
pub fn stretch(path: &Path, range: &Range<u64>) -> io::Result<Input> {
    let mut file = File::open(path)?;
    // Whether a line begins at the start, the byte before it tells.
    let position = range.start.saturating_sub(1);
    file.seek(SeekFrom::Start(position))?;
    let done = range.is_empty();
    Ok(Box::new(Stretch { file, position, end: range.end, begun: range.start == 0, done }))
}

struct Stretch {
    file: File,
    /// Of the next byte to be read.
    position: u64,
    end: u64,
    /// The first line that counts was found.
    begun: bool,
    done: bool,
}

impl Read for Stretch {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !self.done {
            let read = self.file.read(into)?;
            let first = self.position;
            self.position += read as u64;
            self.done = read == 0;
            let mut from = 0;
            if !self.begun {
                let Some(at) = memchr::memchr(b'\n', &into[..read]) else {
                    self.done |= self.position >= self.end;
                    continue;
                };
                (self.begun, from) = (true, at + 1);
                self.done |= first + from as u64 >= self.end;
                if self.done {
                    return Ok(0);
                }
            }
            // The line that holds the last byte of the range ends it.
            let last = usize::try_from((self.end - 1).saturating_sub(first)).unwrap_or(usize::MAX).max(from);
            let ends = into[..read].get(last..).and_then(|rest| memchr::memchr(b'\n', rest)).map(|at| last + at + 1);
            self.done |= ends.is_some();
            let until = ends.unwrap_or(read);
            into.copy_within(from..until, 0);
            if until > from {
                return Ok(until - from);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Whatever the cuts, the stretches are the file.
    #[test]
    fn stretches_are_the_file_wherever_it_is_cut() {
        for text in ["", "\n", "a", "a\n", "one\ntwo\n\nthree", "\n\n\nlong long line\nx\n", "no end of line at all"] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let bytes = text.len() as u64;
            for size in 1..=bytes + 1 {
                let mut joined = Vec::new();
                for start in (0..bytes).step_by(size as usize) {
                    let mut part = Vec::new();
                    stretch(file.path(), &(start..(start + size).min(bytes))).unwrap().read_to_end(&mut part).unwrap();
                    assert!(part.is_empty() || part.ends_with(b"\n") || text.as_bytes().ends_with(&part));
                    joined.extend(part);
                }
                assert_eq!(String::from_utf8(joined).unwrap(), text, "in stretches of {size}");
            }
        }
    }
}
