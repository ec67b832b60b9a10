//! Inputs that hold what was promised of them: a file is as long as it was when it was opened, and what is unpacked stays in
//! proportion to what was packed.
//!
//! Does not know how anything is packed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What any packed input may become, in bytes.
pub const ALWAYS_UNPACKED: u64 = 256 << 20;
/// Beyond [`ALWAYS_UNPACKED`] an input may become so many times as large. Logs shrink to a tenth or a fiftieth; DEFLATE cannot do more
/// than 1,032, but zstd and xz pack gigabytes of the same line into kilobytes.
pub const MOST_RATIO: u64 = 250;

/// A file of the size that it has when it is opened: what is appended later is not read, and what is missing at the end is an error.
///
/// A file that says it holds nothing is never read: some of the kernel (`/proc/kmsg`, `trace_pipe`) say so and block whoever reads them.
pub(super) struct SteadyFile {
    file: File,
    left: u64,
}

impl SteadyFile {
    /// A file as long as it is now.
    pub fn open(path: &Path) -> io::Result<SteadyFile> {
        SteadyFile::new(File::open(path)?)
    }

    fn new(file: File) -> io::Result<SteadyFile> {
        let left = file.metadata()?.len();
        Ok(SteadyFile { file, left })
    }

    /// Bytes that are left.
    pub fn size(&self) -> u64 {
        self.left
    }
}

impl Read for SteadyFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.file.read(&mut into[..most])?;
        if read == 0 {
            return Err(became_shorter(std::mem::take(&mut self.left)));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// The error of a file that lost its end under its reader.
pub fn became_shorter(missing: u64) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the file became shorter while it was read, {missing} bytes are missing"))
}

/// Counts what a decoder takes in.
pub(super) struct Counted<R> {
    input: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(into)?;
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The limit to what an input may become.
pub(super) struct Unpacked {
    /// Bytes of the whole packed input; `None`: what was taken so far stands for it.
    size: Option<u64>,
    taken: Arc<AtomicU64>,
}

impl Unpacked {
    /// An input whose bytes are counted, and the count.
    pub fn counting<R: Read>(input: R, size: Option<u64>) -> (Counted<R>, Unpacked) {
        let taken = Arc::new(AtomicU64::new(0));
        (Counted { input, taken: Arc::clone(&taken) }, Unpacked { size, taken })
    }

    /// What the decoder gives, until it is too much.
    pub fn around(self, decoder: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        Box::new(Limited { decoder, limit: self, given: 0 })
    }

    fn most(&self) -> u64 {
        let packed = self.size.unwrap_or_else(|| self.taken.load(Ordering::Relaxed));
        ALWAYS_UNPACKED.max(packed.saturating_mul(MOST_RATIO))
    }
}

struct Limited {
    decoder: Box<dyn Read + Send>,
    limit: Unpacked,
    given: u64,
}

impl Read for Limited {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.limit.most().saturating_sub(self.given);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        if most == 0 && !into.is_empty() {
            // The end may be just here.
            return match self.decoder.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::other(format!(
                    "unpacks to more than {MOST_RATIO} times its size, as no log does: the rest is not read; unpack it first if it is one"
                ))),
            };
        }
        let read = self.decoder.read(&mut into[..most])?;
        self.given += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    #[test]
    fn a_file_is_as_long_as_it_was_when_it_was_opened() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"one\ntwo\n").unwrap();
        file.rewind().unwrap();
        let mut other = file.try_clone().unwrap();
        let mut sized = SteadyFile::new(file).unwrap();
        let mut read = [0; 4];
        sized.read_exact(&mut read).unwrap();
        other.seek(io::SeekFrom::End(0)).unwrap();
        other.write_all(b"three\n").unwrap();
        other.seek(io::SeekFrom::Start(4)).unwrap();
        let mut rest = String::new();
        sized.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "two\n");
    }

    /// `/proc/version` has a line and says that it has none; whoever reads `/proc/kmsg` waits for the kernel to say something.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_that_says_it_is_empty_is_not_read() {
        for path in ["/proc/version", "/proc/kmsg"] {
            let Ok(mut file) = SteadyFile::open(Path::new(path)) else { continue };
            let mut read = Vec::new();
            file.read_to_end(&mut read).unwrap();
            assert_eq!((file.size(), read.len()), (0, 0), "{path}");
        }
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[b'x'; 100]).unwrap();
        file.rewind().unwrap();
        let other = file.try_clone().unwrap();
        let mut sized = SteadyFile::new(file).unwrap();
        other.set_len(40).unwrap();
        let mut rest = Vec::new();
        let error = sized.read_to_end(&mut rest).unwrap_err();
        assert_eq!((rest.len(), error.to_string().contains("60 bytes are missing")), (40, true), "{error}");
    }

    #[test]
    fn what_is_unpacked_stays_in_proportion() {
        for (size, given, whole) in
            [(Some(9), ALWAYS_UNPACKED, true), (Some(9), ALWAYS_UNPACKED + 1, false), (None, ALWAYS_UNPACKED + 1, false)]
        {
            let (_, limit) = Unpacked::counting(io::empty(), size);
            let mut unpacked = limit.around(Box::new(io::repeat(0).take(given)));
            let copied = io::copy(&mut unpacked, &mut io::sink());
            assert_eq!(copied.is_ok(), whole, "{size:?} {given}");
        }
    }
}
