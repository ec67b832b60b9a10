//! Fingerprints of the files of a bundle, so that a report can be checked against what it was made from.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::model::InputHash;
use crate::read::Bundle;
use crate::read::lines::STDIN;

/// One a source, as the files lie on the disk: `sha256sum` prints the same.
pub fn hashes(bundle: &Bundle) -> Vec<InputHash> {
    let hash = |source: &crate::read::Source| InputHash {
        path: source.shown.to_string(),
        bytes: source.bytes,
        sha256: if source.path == Path::new(STDIN) { None } else { sha256(&source.path).ok() },
    };
    bundle.sources.par_iter().map(hash).collect()
}

/// Bytes of each file that the key of pseudonyms comes from.
const SALT_BYTES: u64 = 64 * 1024;

/// A key that only holders of the files can know: not the fingerprint that reports print. Standard input adds nothing to it.
pub fn salt(bundle: &Bundle) -> [u8; 32] {
    let mut hasher = Sha256::new().chain_update(b"whatchanged pseudonyms 1\0");
    for source in bundle.sources.iter().filter(|s| s.path != Path::new(STDIN)) {
        let mut head = Vec::new();
        // What cannot be read adds nothing; the analysis complains of it.
        let _ = File::open(&source.path).and_then(|file| file.take(SALT_BYTES).read_to_end(&mut head));
        hasher.update((head.len() as u64).to_le_bytes());
        hasher.update(&head);
    }
    hasher.finalize().into()
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
