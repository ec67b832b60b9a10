//! Files that hold the same: a log that was copied into the bundle twice, or lies there packed and unpacked, would count double.
//!
//! Only files of one service are compared, and only where they begin alike. Does not know what they say.

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

/// Marks files as not to be read whose content another file of the same service has, and of the same instance unless it is named as a copy
/// of the file. The shortest name stays, for copies are named after what they are of. Returns what to say of it.
pub(super) fn leave_out(sources: &mut [Source], looks: &[Look]) -> Vec<Complaint> {
    let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, (source, look)) in sources.iter().zip(looks).enumerate() {
        if counts_double(source) && look.beginning != 0 {
            alike.entry((look.beginning, source.kind, source.service.clone())).or_default().push(at);
        }
    }
    let mut complaints = Vec::new();
    for mut group in alike.into_values().filter(|group| group.len() > 1) {
        group.sort_by_key(|at| (sources[*at].shown.len(), &sources[*at].shown));
        let contents: Vec<Option<[u8; 32]>> = group.par_iter().map(|at| content(&sources[*at].path)).collect();
        let mut first: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
        for (at, content) in group.into_iter().zip(contents).filter_map(|(at, content)| Some((at, content?))) {
            let others = first.entry(content).or_default();
            let Some(known) = others.iter().copied().find(|other| is_copy(&sources[at], &sources[*other])) else {
                others.push(at);
                continue;
            };
            let why = format!("holds the same as {}: read once", sources[known].shown);
            complaints.push(Complaint { origin: Origin::file(&sources[at].shown), why, more: 0 });
            sources[at].kind = SourceKind::Skipped;
        }
    }
    complaints
}

/// Whether of two files that hold the same one is a copy of the other. Two instances may well write the same.
fn is_copy(source: &Source, known: &Source) -> bool {
    source.instance == known.instance || is_named_after(&source.shown, &known.shown)
}

/// `copy-of-web-1.log`, `web-1 (2).log`, `web-1.log.bak` for `web-1.log`, but not what other instances are called: `web-10.log`, `web-1-2.log`.
fn is_named_after(path: &str, original: &str) -> bool {
    let stem = |path: &str| path.rsplit('/').next().and_then(|name| name.split(".log").next()).unwrap_or_default().to_owned();
    let (name, original) = (stem(path), stem(original));
    let is_copy = |at: usize| {
        let (before, after) = (&name[..at], &name[at + original.len()..]);
        let joined = before.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        let says = |rest: &str| rest.is_empty() || rest.contains(|c: char| c.is_alphabetic() || " (~".contains(c));
        !joined && says(before) && says(after)
    };
    !original.is_empty() && name.match_indices(&*original).any(|(at, _)| is_copy(at))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_named_after_what_they_are_of() {
        for copy in ["logs/web/copy-of-web-1.log", "logs/web/web-1 (2).log", "web-1.log.bak", "old/web-1.log"] {
            assert!(is_named_after(copy, "logs/web/web-1.log"), "{copy}");
        }
        for other in ["logs/web/web-10.log", "logs/web/web-2.log", "logs/web/web-1-2.log", "logs/web-1/a.log", "logs/myweb-1.log"] {
            assert!(!is_named_after(other, "logs/web/web-1.log"), "{other}");
        }
        assert!(!is_named_after("a.log", ".log"));
    }
}
