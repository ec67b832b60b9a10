//! What bad inputs are made of.

use std::io::{Read, Write};
use std::path::Path;

use crate::tool::Folder;

/// Ten minutes of a service that writes a line a second.
pub fn lines(mut line: impl FnMut(u32) -> String) -> String {
    (0..600).map(|second| line(second) + "\n").collect()
}

/// `2026-11-22 17:00:00` and so many seconds.
pub fn clock(second: u32) -> String {
    format!("2026-11-22 17:{:02}:{:02}", 20 + second / 60, second % 60)
}

pub fn plain(second: u32) -> String {
    format!("{} INFO job {second} done", clock(second))
}

/// A log beside those of the sample.
pub fn odd(folder: &Folder, bytes: &[u8]) {
    folder.write("logs/odd/odd.log", bytes);
}

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// `megabytes` of one byte, packed by `pack`.
pub fn bomb<W: Write>(mut pack: W, byte: u8, megabytes: usize) -> W {
    let block = vec![byte; 1 << 20];
    (0..megabytes).for_each(|_| pack.write_all(&block).unwrap());
    pack
}

pub fn link(folder: &Folder, target: impl AsRef<Path>, name: &str) {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(target, path).unwrap();
}

/// The text of a log of the sample, and what it becomes; it is written without compression.
pub fn edit(folder: &Folder, name: &str, edit: impl Fn(&str) -> String) {
    let path = folder.path().join(name);
    let bytes = std::fs::read(&path).unwrap();
    let mut text = String::new();
    if name.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        std::fs::remove_file(&path).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    folder.write(name.trim_end_matches(".gz"), edit(&text).as_bytes());
}
