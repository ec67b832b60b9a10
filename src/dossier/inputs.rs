//! Fingerprints of the files of a bundle, so that a report can be checked against what it was made from.

use std::io::{self, Read};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::model::InputHash;
use crate::read::{Bundle, Source};

/// One a source, as the files lie on the disk: `sha256sum` prints the same.
pub fn hashes(bundle: &Bundle) -> Vec<InputHash> {
    let hash = |source: &Source| InputHash {
        path: source.shown.to_string(),
        bytes: source.bytes,
        sha256: if source.is_at_hand() { sha256(source).ok() } else { None },
    };
    bundle.sources.par_iter().map(hash).collect()
}

/// A key that only holders of the files can know: not the fingerprint that reports print. Standard input adds nothing to it.
pub fn salt(bundle: &Bundle) -> [u8; 32] {
    let mut hasher = Sha256::new().chain_update(b"whatchanged pseudonyms 2\0");
    for source in &bundle.sources {
        // What cannot be read adds nothing; the analysis complains of it.
        source.head_digest().into_iter().for_each(|digest| hasher.update(digest));
    }
    hasher.finalize().into()
}

fn sha256(source: &Source) -> io::Result<String> {
    let mut file = source.raw()?;
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
