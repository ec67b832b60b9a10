//! A list that grows by chunks of one length: growing moves nothing, and where something stands is told by few bytes, which are near.

use std::ops::{Index, IndexMut};

/// Things in one chunk.
const CHUNK: usize = 64;

/// A list of things that are large or many.
#[derive(Clone, Debug)]
pub struct Chunks<T> {
    /// All but the last are full.
    chunks: Vec<Vec<T>>,
    length: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Chunks { chunks: Vec::new(), length: 0 }
    }
}

impl<T> Chunks<T> {
    /// How many things there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Appends one.
    pub fn push(&mut self, thing: T) {
        if self.length.is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        self.chunks[self.length / CHUNK].push(thing);
        self.length += 1;
    }

    /// The one at a place, from 0 on.
    #[inline]
    pub fn get(&self, place: usize) -> Option<&T> {
        self.chunks.get(place / CHUNK)?.get(place % CHUNK)
    }

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)
    }

    /// All in their order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.chunks.iter_mut().flatten()
    }
}

impl<T> IntoIterator for Chunks<T> {
    type Item = T;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.chunks.into_iter().flatten()
    }
}

impl<T> Index<usize> for Chunks<T> {
    type Output = T;

    fn index(&self, place: usize) -> &T {
        &self.chunks[place / CHUNK][place % CHUNK]
    }
}

impl<T> IndexMut<usize> for Chunks<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.chunks[place / CHUNK][place % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_stay_where_they_were_put() {
        let mut chunks = Chunks::default();
        (0..2 * CHUNK + 1).for_each(|thing| chunks.push(thing));
        assert_eq!((chunks.len(), chunks.get(2 * CHUNK), chunks.get(2 * CHUNK + 1)), (2 * CHUNK + 1, Some(&(2 * CHUNK)), None));
        assert!((0..chunks.len()).all(|place| chunks[place] == place));
        chunks[CHUNK] = 7;
        chunks.iter_mut().for_each(|thing| *thing += 1);
        assert_eq!((chunks.get_mut(CHUNK).copied(), chunks.get_mut(9 * CHUNK)), (Some(8), None));
        assert_eq!(chunks.into_iter().take(3).collect::<Vec<_>>(), [1, 2, 3]);
    }
}
