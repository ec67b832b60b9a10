//! A stretch of a file that several readers share, each at its own place.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use super::guard::became_shorter;

/// Reads a stretch of a file; one that ends before it does is an error.
pub struct Slice {
    file: Arc<File>,
    left: Range<u64>,
}

impl Slice {
    /// Bytes `stretch` of a file.
    pub fn new(file: Arc<File>, stretch: Range<u64>) -> Slice {
        Slice { file, left: stretch }
    }
}

impl Read for Slice {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.left.end - self.left.start;
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        let read = read_at(&self.file, &mut into[..most], self.left.start)?;
        if read == 0 && most > 0 {
            self.left.start = self.left.end;
            return Err(became_shorter(left));
        }
        self.left.start += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, at)
}
