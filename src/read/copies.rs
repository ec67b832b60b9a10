//! Files that hold the same: a log that was copied into the bundle twice, or lies there packed and unpacked, would count double.
//!
//! Only files of one owner are compared, and only where they begin alike. Does not know what they say.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::io::Read;
use std::path::Path;

use rayon::prelude::*;
use rustc_hash::FxHasher;
use sha2::{Digest, Sha256};

use super::sniff::Look;
use super::{Source, SourceKind, lines};
use crate::model::{Complaint, Origin};

/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;

/// A hash of a file's first bytes, unpacked; 0 of an empty one.
pub(super) fn beginning(head: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(head);
    if head.is_empty() { 0 } else { hasher.finish().max(1) }
}

/// Marks files as not to be read whose content another file of the same owner has; the first by path stays. Returns what to say of it.
pub(super) fn leave_out(sources: &mut [Source], looks: &[Look]) -> Vec<Complaint> {
    let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, (source, look)) in sources.iter().zip(looks).enumerate() {
        if counts_double(source) && look.beginning != 0 {
            alike.entry((look.beginning, source.kind, source.service.clone(), source.instance.clone())).or_default().push(at);
        }
    }
    let mut complaints = Vec::new();
    for group in alike.into_values().filter(|group| group.len() > 1) {
        let contents: Vec<Option<[u8; 32]>> = group.par_iter().map(|at| content(&sources[*at].path)).collect();
        let mut first: BTreeMap<[u8; 32], usize> = BTreeMap::new();
        for (at, content) in group.into_iter().zip(contents).filter_map(|(at, content)| Some((at, content?))) {
            let known = *first.entry(content).or_insert(at);
            if known != at {
                let why = format!("holds the same as {}: read once", sources[known].shown);
                complaints.push(Complaint { origin: Origin::file(&sources[at].shown), why, more: 0 });
                sources[at].kind = SourceKind::Skipped;
            }
        }
    }
    complaints
}

/// Whether a second copy of it changes a count. The same change, edge or sample counts once however often it is told, and versions of a
/// configuration may well be the same.
fn counts_double(source: &Source) -> bool {
    source.kind == SourceKind::Log && source.path != Path::new(lines::STDIN)
}

/// A hash of what a file holds, unpacked; `None` where it cannot be read to its end.
fn content(path: &Path) -> Option<[u8; 32]> {
    let mut input = lines::open(path).ok()?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => return Some(hash.finalize().into()),
            Ok(read) => hash.update(&chunk[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}
