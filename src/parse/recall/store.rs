//! What is remembered, by its key: each key with its value behind it, all of them in one row of bytes.
//!
//! Looking up thousands of lines costs less for comparing than for waiting, as what is remembered is more than the near caches hold. So it is
//! few bytes, and those of a line stand together: one place leads to all of them. What is used least makes room. Does not know what the values
//! mean.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// Bytes before a key: how often it was used, its length, and that of its value.
const HEAD: usize = 5;
/// Longest key and longest value, in bytes.
const LONGEST: usize = u16::MAX as usize;
/// Of so many that are remembered one is forgotten at least where there is no room.
const FORGOTTEN: usize = 4;
/// Slots at first.
const FEWEST_SLOTS: usize = 64;
/// In no row of bytes.
const NOWHERE: u32 = u32::MAX;

/// Where what is remembered stands.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Of the key.
    hash: u32,
    at: u32,
}

impl Slot {
    const EMPTY: Slot = Slot { hash: 0, at: NOWHERE };
}

/// Something that is remembered, until the next change.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    at: usize,
    value: usize,
    end: usize,
}

/// Keys and values.
#[derive(Debug)]
pub struct Store {
    /// A table with linear probing; its length is a power of two.
    slots: Vec<Slot>,
    filled: usize,
    /// What was replaced stays until there is no room.
    bytes: Vec<u8>,
    most: usize,
}

impl Store {
    /// Remembers no more than so many bytes.
    pub fn at_most(most: usize) -> Store {
        Store { slots: vec![Slot::EMPTY; FEWEST_SLOTS], filled: 0, bytes: Vec::new(), most }
    }

    /// What is remembered of a key.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<Found> {
        self.place(hash(key), key).map(|(_, found)| found)
    }

    #[inline]
    fn place(&self, hash: u32, key: &[u8]) -> Option<(usize, Found)> {
        let last = self.slots.len() - 1;
        let mut place = hash as usize & last;
        loop {
            let slot = self.slots[place];
            if slot.at == NOWHERE {
                return None;
            }
            if slot.hash == hash
                && let Some(found) = self.found(slot.at as usize, key)
            {
                return Some((place, found));
            }
            place = (place + 1) & last;
        }
    }

    #[inline]
    fn found(&self, at: usize, key: &[u8]) -> Option<Found> {
        let (head, rest) = self.bytes.get(at..)?.split_first_chunk::<HEAD>()?;
        let (length, value) = lengths(head);
        let found = Found { at, value: at + HEAD + length, end: at + HEAD + length + value };
        (length == key.len() && rest.starts_with(key)).then_some(found)
    }

    /// Its value.
    #[inline]
    pub fn value(&self, found: Found) -> &[u8] {
        &self.bytes[found.value..found.end]
    }

    /// Its value, to be changed in place.
    pub fn value_mut(&mut self, found: Found) -> &mut [u8] {
        &mut self.bytes[found.value..found.end]
    }

    /// Takes note that it was used.
    #[inline]
    pub fn note(&mut self, found: Found) {
        let used = &mut self.bytes[found.at];
        *used = used.saturating_add(1);
    }

    /// Remembers a value, in place of what the key had: an empty one where it is too long, and none of a key that is.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        let fits = |value: &[u8]| key.len().max(value.len()) <= LONGEST && HEAD + key.len() + value.len() <= self.most;
        let value = if fits(value) { value } else { &[] };
        if !fits(value) {
            return;
        }
        let room = HEAD + key.len() + value.len();
        while self.bytes.len() + room > self.most {
            self.forget();
        }
        let (hash, at) = (hash(key), self.bytes.len());
        let used = match self.place(hash, key) {
            Some((place, found)) => {
                self.slots[place].at = at as u32;
                self.bytes[found.at]
            }
            None => {
                self.fill(Slot { hash, at: at as u32 });
                0
            }
        };
        self.bytes.push(used);
        self.bytes.extend_from_slice(&(key.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(&(value.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
    }

    fn fill(&mut self, slot: Slot) {
        if (self.filled + 1) * 4 > self.slots.len() * 3 {
            let slots = vec![Slot::EMPTY; self.slots.len() * 2];
            let filled = std::mem::replace(&mut self.slots, slots);
            filled.into_iter().filter(|slot| slot.at != NOWHERE).for_each(|slot| self.set(slot));
        }
        self.filled += 1;
        self.set(slot);
    }

    fn set(&mut self, slot: Slot) {
        let last = self.slots.len() - 1;
        let mut place = slot.hash as usize & last;
        while self.slots[place].at != NOWHERE {
            place = (place + 1) & last;
        }
        self.slots[place] = slot;
    }

    /// Forgets what was replaced and what was used least, and half of how often the rest was (least frequently used with ageing: Einziger,
    /// Friedman, Manes, TinyLFU, 2017).
    fn forget(&mut self) {
        let mut kept: Vec<Slot> = self.slots.iter().filter(|slot| slot.at != NOWHERE).copied().collect();
        let mut often: Vec<u8> = kept.iter().map(|slot| self.bytes[slot.at as usize]).collect();
        let place = often.len() / FORGOTTEN;
        let least = if often.is_empty() { 0 } else { *often.select_nth_unstable(place).1 };
        kept.retain(|slot| self.bytes[slot.at as usize] > least);
        kept.sort_unstable_by_key(|slot| slot.at);
        self.slots.fill(Slot::EMPTY);
        self.filled = kept.len();
        let mut end = 0;
        for slot in kept {
            let from = slot.at as usize;
            let length = self.bytes[from..].first_chunk().map_or(0, |head| HEAD + lengths(head).0 + lengths(head).1);
            self.bytes.copy_within(from..from + length, end);
            self.bytes[end] /= 2;
            self.set(Slot { at: end as u32, ..slot });
            end += length;
        }
        self.bytes.truncate(end);
    }
}

/// Of a key and its value, in bytes.
#[inline]
fn lengths(head: &[u8; HEAD]) -> (usize, usize) {
    let [_, a, b, c, d] = *head;
    (usize::from(u16::from_le_bytes([a, b])), usize::from(u16::from_le_bytes([c, d])))
}

#[inline]
fn hash(key: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(key);
    hasher.finish() as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustc_hash::FxHashMap;

    use super::*;

    fn value<'s>(store: &'s Store, key: &[u8]) -> Option<&'s [u8]> {
        store.find(key).map(|found| store.value(found))
    }

    #[test]
    fn what_is_used_stays() {
        let mut store = Store::at_most(2_000);
        store.put(b"often", b"x");
        for number in 0..2_000_u32 {
            for _ in 0..3 {
                let found = store.find(b"often").unwrap();
                store.note(found);
            }
            store.put(&number.to_le_bytes(), b"once");
            assert_eq!(value(&store, &number.to_le_bytes()), Some(b"once".as_slice()));
        }
        assert_eq!(value(&store, b"often"), Some(b"x".as_slice()));
        assert_eq!(value(&store, &0_u32.to_le_bytes()), None);
        assert!(store.bytes.len() <= 2_000 && store.slots.len() < 1_000);
    }

    #[test]
    fn what_is_too_long_is_not_remembered() {
        let mut store = Store::at_most(1 << 20);
        store.put(b"a", &vec![0; LONGEST]);
        store.put(&vec![0; LONGEST + 1], b"a");
        store.put(b"b", &vec![0; LONGEST + 1]);
        let lengths = [b"a", b"b"].map(|key| value(&store, key).map(<[u8]>::len));
        assert_eq!((lengths, store.filled), ([Some(LONGEST), Some(0)], 2));
        let mut store = Store::at_most(10);
        store.put(b"abcdef", b"");
        assert_eq!(store.filled, 0);
        store.put(b"abc", b"def");
        assert_eq!(value(&store, b"abc"), Some(b"".as_slice()));
        store.put(b"", b"");
        assert_eq!(value(&store, b""), Some(b"".as_slice()));
    }

    proptest! {
        /// What is found is what was put last, and as long as there is room all is found.
        #[test]
        fn it_is_a_map(puts in proptest::collection::vec(("[ab]{0,3}|[a-z]{3}", "[a-z]{0,40}", any::<bool>()), 0..300), most in 0_usize..4_000) {
            let (mut store, mut all) = (Store::at_most(most), FxHashMap::default());
            let mut bytes = 0;
            let fits = |key: &str, text: &str| HEAD + key.len() + text.len() <= most;
            for (key, text, used) in puts {
                bytes += HEAD + key.len() + text.len();
                store.put(key.as_bytes(), text.as_bytes());
                if let Some(found) = store.find(key.as_bytes()).filter(|_| used) {
                    store.note(found);
                }
                let text = if fits(&key, &text) { text } else { String::new() };
                all.insert(key, text);
                prop_assert!(store.bytes.len() <= most);
                for (key, text) in &all {
                    let found = value(&store, key.as_bytes());
                    prop_assert!(found == Some(text.as_bytes()) || (found.is_none() && bytes > most));
                }
            }
        }
    }
}
