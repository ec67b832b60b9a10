//! The formats that a line is tried as, looked up by what it may match: lines of a stream are of a few kinds.

use rustc_hash::FxHashMap;

use super::super::Formats;
use super::super::beginnings::Candidates;
use super::super::compile::LineFormat;

/// Kinds of lines remembered.
const MOST: usize = 4096;

/// The formats of each kind of line met.
#[derive(Debug, Default)]
pub struct Tries<'f> {
    known: FxHashMap<Candidates, usize>,
    /// In the order in which they are tried. One more than are remembered is the kind looked at last.
    formats: Vec<Vec<&'f LineFormat>>,
}

impl<'f> Tries<'f> {
    /// The number of the kind of line that has such candidates. `order` is the same on every call.
    pub fn kind(&mut self, formats: &'f Formats, order: &[&'f LineFormat], candidates: Candidates) -> usize {
        if let Some(kind) = self.known.get(&candidates) {
            return *kind;
        }
        self.formats.truncate(self.known.len());
        if self.known.len() < MOST {
            self.known.insert(candidates, self.known.len());
        }
        let may_be = |format: &&LineFormat| formats.beginnings().may_be(&candidates, format.position);
        self.formats.push(order.iter().copied().filter(may_be).collect());
        self.formats.len() - 1
    }

    /// Whether the number of a kind stays.
    pub fn is_lasting(&self, kind: usize) -> bool {
        kind < self.known.len()
    }

    /// What is tried as number `place`; `None` where all have been.
    pub fn format(&self, kind: usize, place: usize) -> Option<&'f LineFormat> {
        self.formats.get(kind)?.get(place).copied()
    }
}
