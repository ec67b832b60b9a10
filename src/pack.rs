//! A bundle as one file that can be shared: every file that the tool reads, redacted where asked for, in a compressed archive.
//!
//! Names, order and line numbers stay, and so does how each file is packed, so that what is said of the archive's contents is what was said
//! of the bundle. The archive holds no times, owners or permissions: same input, same bytes.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::read::lines::{self, STDIN};
use crate::read::{Bundle, Source, SourceKind};
use crate::redact::Redactor;

/// Level of the archive's compression.
const LEVEL: i32 = 12;
/// Files in hand at the same time: a large one is held as a whole.
const AT_ONCE: usize = 8;

/// What became of the files.
#[derive(Debug, Default)]
pub struct Packed {
    pub files: u64,
    /// Lines in which something was replaced.
    pub redacted_lines: u64,
    /// What could not be redacted and is in the archive as it is, or was left out: (path, why).
    pub remarks: Vec<(String, String)>,
}

/// Why there is no archive.
#[derive(Debug)]
pub struct PackError {
    pub path: PathBuf,
    pub error: io::Error,
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot pack {}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for PackError {}

/// One file, ready for the archive.
struct Entry {
    path: String,
    /// `None`: left out.
    bytes: Option<Vec<u8>>,
    lines: u64,
    remark: Option<String>,
}

/// Writes the archive (tar, compressed with zstd).
pub fn pack(bundle: &Bundle, redactor: Option<&Redactor>, out: &mut dyn Write) -> Result<Packed, PackError> {
    let failed = |error: io::Error| PackError { path: PathBuf::from("the archive"), error };
    let encoder = zstd::Encoder::new(out, LEVEL).map_err(failed)?;
    let mut archive = tar::Builder::new(encoder);
    let mut packed = Packed::default();
    for sources in bundle.sources.chunks(AT_ONCE) {
        let entries: Result<Vec<Entry>, PackError> = sources.par_iter().map(|source| entry(source, redactor)).collect();
        for entry in entries? {
            packed.redacted_lines += entry.lines;
            packed.remarks.extend(entry.remark.map(|why| (entry.path.clone(), why)));
            let Some(bytes) = entry.bytes else { continue };
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(0);
            header.set_cksum();
            archive.append_data(&mut header, &entry.path, bytes.as_slice()).map_err(failed)?;
            packed.files += 1;
        }
    }
    archive.into_inner().and_then(zstd::Encoder::finish).map_err(failed)?;
    Ok(packed)
}

fn entry(source: &Source, redactor: Option<&Redactor>) -> Result<Entry, PackError> {
    let path = source.shown.to_string();
    let left_out = |why: &str| Ok(Entry { path: path.clone(), bytes: None, lines: 0, remark: Some(why.to_owned()) });
    if source.path == Path::new(STDIN) {
        return left_out("standard input is not packed");
    }
    let owners = path.rsplit('/').next() == Some("CODEOWNERS");
    if source.kind == SourceKind::Skipped && !owners {
        return left_out("not read by an analysis: left out");
    }
    let failed = |error: io::Error| PackError { path: source.path.clone(), error };
    let mut raw = Vec::new();
    source.raw().and_then(|mut input| input.read_to_end(&mut raw)).map_err(failed)?;
    let Some(redactor) = redactor else { return Ok(Entry { path, bytes: Some(raw), lines: 0, remark: None }) };
    if source.kind == SourceKind::Parquet {
        let remark = Some("binary: packed as it is, look through it before you share it".to_owned());
        return Ok(Entry { path, bytes: Some(raw), lines: 0, remark });
    }
    if raw.starts_with(&[0xff, 0xfe]) || raw.starts_with(&[0xfe, 0xff]) {
        return left_out("UTF-16: left out, convert it to UTF-8 first");
    }
    let codec = Codec::of(&raw);
    let mut lines = Lines { redactor, changed: 0, in_key: false };
    let mut bytes = Vec::with_capacity(raw.len());
    let plain = lines::open(&source.path).map_err(failed)?;
    lines.copy(plain, &mut codec.writer(&mut bytes).map_err(failed)?).map_err(failed)?;
    Ok(Entry { path, bytes: Some(bytes), lines: lines.changed, remark: None })
}

/// Redacts line by line; a private key may take many.
struct Lines<'r> {
    redactor: &'r Redactor,
    changed: u64,
    in_key: bool,
}

impl Lines<'_> {
    fn copy(&mut self, input: impl Read, out: &mut Finished<'_>) -> io::Result<()> {
        let mut input = BufReader::with_capacity(1 << 16, input);
        let mut line = Vec::new();
        loop {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 {
                return out.finish();
            }
            let text = String::from_utf8_lossy(&line);
            match self.line(&text) {
                Some(redacted) => {
                    self.changed += 1;
                    out.write_all(redacted.as_bytes())?;
                }
                None => out.write_all(&line)?,
            }
        }
    }

    fn line(&mut self, text: &str) -> Option<String> {
        let inside = self.in_key;
        let (begins, ends) = (text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----"), text.contains("-----END"));
        self.in_key = (inside || begins) && !ends;
        if inside && !ends {
            let end = if text.ends_with('\n') { "\n" } else { "" };
            return Some(format!("{}{end}", self.redactor.value("private_key", text.trim_end())));
        }
        match self.redactor.text(text) {
            std::borrow::Cow::Owned(redacted) => Some(redacted),
            std::borrow::Cow::Borrowed(_) => None,
        }
    }
}

/// How a file is compressed, by its first bytes.
#[derive(Clone, Copy)]
enum Codec {
    Plain,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
}

/// A compressor that can be brought to its end.
enum Finished<'o> {
    Plain(&'o mut Vec<u8>),
    Gzip(flate2::write::GzEncoder<&'o mut Vec<u8>>),
    Zstd(zstd::Encoder<'o, &'o mut Vec<u8>>),
    Bzip2(bzip2::write::BzEncoder<&'o mut Vec<u8>>),
    Xz(liblzma::write::XzEncoder<&'o mut Vec<u8>>),
}

impl Codec {
    fn of(bytes: &[u8]) -> Codec {
        match bytes {
            [0x1f, 0x8b, ..] => Codec::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Codec::Zstd,
            [b'B', b'Z', b'h', ..] => Codec::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Codec::Xz,
            _ => Codec::Plain,
        }
    }

    fn writer(self, out: &mut Vec<u8>) -> io::Result<Finished<'_>> {
        Ok(match self {
            Codec::Plain => Finished::Plain(out),
            Codec::Gzip => Finished::Gzip(flate2::write::GzEncoder::new(out, flate2::Compression::default())),
            Codec::Zstd => Finished::Zstd(zstd::Encoder::new(out, 3)?),
            Codec::Bzip2 => Finished::Bzip2(bzip2::write::BzEncoder::new(out, bzip2::Compression::default())),
            Codec::Xz => Finished::Xz(liblzma::write::XzEncoder::new(out, 6)),
        })
    }
}

impl Finished<'_> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Finished::Plain(out) => out.write_all(bytes),
            Finished::Gzip(out) => out.write_all(bytes),
            Finished::Zstd(out) => out.write_all(bytes),
            Finished::Bzip2(out) => out.write_all(bytes),
            Finished::Xz(out) => out.write_all(bytes),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Finished::Plain(_) => Ok(()),
            Finished::Gzip(out) => out.try_finish(),
            Finished::Zstd(out) => out.do_finish(),
            Finished::Bzip2(out) => out.try_finish(),
            Finished::Xz(out) => out.try_finish(),
        }
    }
}
