//! What is remembered, by its key, all of it in one row of bytes.
//!
//! Looking up thousands of lines costs less for comparing than for waiting, as what is remembered is more than the near caches hold. So it is
//! few bytes, and those of a line stand together: one place leads to all of them. Of a key only its fingerprint is kept, which is half of what it
//! would take. What is used least makes room. Does not know what the values mean.

use std::num::NonZeroU64;

use prefetch_index::prefetch_index;
use xxhash_rust::xxh3::xxh3_128;

/// Bytes before a value: the key's tag, how often it was used, and the length of the value.
const HEAD: usize = TAG + 3;
const TAG: usize = 8;
/// Longest value, in bytes.
const LONGEST: usize = u16::MAX as usize;
/// Of so many that are remembered one is forgotten at least where there is no room.
const FORGOTTEN: usize = 4;
/// Of eight slots so many are filled at the most.
const FILLED: usize = 5;
/// Bytes up to which the row of bytes grows by doubling, as those of most logs are few. Beyond, all the room there may be is taken at once: of what is not
/// yet written the system gives no memory, while doubling leaves holes of half of it.
const FEW_BYTES: usize = 64 << 10;
/// Slots at first.
const FEWEST_SLOTS: usize = 64;
/// Bytes fetched at once, on most processors.
const CACHE_LINE: usize = 64;
/// Of these so many are fetched of a value: few values take more.
const FETCHED: usize = 3;
/// In no row of bytes.
const NOWHERE: u32 = u32::MAX;

/// The fingerprint of a key (XXH3, 128 bits; Collet, 2019), of which 95 are compared: among a million keys two are taken for the same once in
/// 10^17. It is no secret: who makes up a line with the fingerprint of another has it read as that one. So what is found may be of another key, and
/// the places that it names need not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Never zero, so that a key or none fits two registers.
    tag: NonZeroU64,
    hash: u32,
}

impl Key {
    /// The key of a text.
    #[inline]
    pub fn of(text: &[u8]) -> Key {
        let fingerprint = xxh3_128(text);
        Key { tag: NonZeroU64::MIN | (fingerprint >> 64) as u64, hash: fingerprint as u32 }
    }

    /// The part of it that the store asks for last.
    #[inline]
    pub fn tag(self) -> u64 {
        self.tag.get()
    }
}

/// Where what is remembered stands.
#[derive(Clone, Copy, Debug)]
struct Slot {
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
    end: usize,
}

/// Values by their keys.
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
    pub fn find(&self, key: Key) -> Option<Found> {
        self.place(key).map(|(_, found)| found)
    }

    /// What it takes, with what was replaced.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Fetches the slot of a key into the near caches.
    #[inline]
    pub fn fetch_slot(&self, key: Key) {
        prefetch_index(&self.slots, self.first_place(key));
    }

    /// Fetches what mostly is the value of a key, whose slot is there.
    #[inline]
    pub fn fetch_value(&self, key: Key) {
        let slot = self.slots[self.first_place(key)];
        if slot.hash == key.hash {
            (0..FETCHED).for_each(|line| prefetch_index(&self.bytes, slot.at as usize + line * CACHE_LINE));
        }
    }

    /// Where the slot of a key is looked for first.
    #[inline]
    fn first_place(&self, key: Key) -> usize {
        key.hash as usize & (self.slots.len() - 1)
    }

    #[inline]
    fn place(&self, key: Key) -> Option<(usize, Found)> {
        let last = self.slots.len() - 1;
        let mut place = self.first_place(key);
        loop {
            let slot = self.slots[place];
            if slot.at == NOWHERE {
                return None;
            }
            if slot.hash == key.hash
                && let Some(found) = self.found(slot.at as usize, key)
            {
                return Some((place, found));
            }
            place = (place + 1) & last;
        }
    }

    #[inline]
    fn found(&self, at: usize, key: Key) -> Option<Found> {
        let head = self.bytes.get(at..)?.first_chunk::<HEAD>()?;
        head.starts_with(&key.tag().to_le_bytes()).then_some(Found { at, end: at + HEAD + length(head) })
    }

    /// Its value.
    #[inline]
    pub fn value(&self, found: Found) -> &[u8] {
        &self.bytes[found.at + HEAD..found.end]
    }

    /// Its value, to be changed in place.
    pub fn value_mut(&mut self, found: Found) -> &mut [u8] {
        &mut self.bytes[found.at + HEAD..found.end]
    }

    /// Takes note that it was used.
    #[inline]
    pub fn note(&mut self, found: Found) {
        let used = &mut self.bytes[found.at + TAG];
        *used = used.saturating_add(1);
    }

    /// Remembers a value, in place of what the key had: an empty one where it is too long.
    pub fn put(&mut self, key: Key, value: &[u8]) {
        let fits = |value: &[u8]| value.len() <= LONGEST && HEAD + value.len() <= self.most;
        let value = if fits(value) { value } else { &[] };
        if !fits(value) {
            return;
        }
        let room = HEAD + value.len();
        while self.bytes.len() + room > self.most {
            self.forget();
        }
        let at = self.bytes.len();
        let used = match self.place(key) {
            Some((place, found)) => {
                self.slots[place].at = at as u32;
                self.bytes[found.at + TAG]
            }
            None => {
                self.fill(Slot { hash: key.hash, at: at as u32 });
                0
            }
        };
        if self.bytes.capacity() - at < room && at >= FEW_BYTES {
            self.bytes.reserve_exact(self.most - at);
        }
        self.bytes.extend_from_slice(&key.tag().to_le_bytes());
        self.bytes.push(used);
        self.bytes.extend_from_slice(&(value.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(value);
    }

    fn fill(&mut self, slot: Slot) {
        if (self.filled + 1) * 8 > self.slots.len() * FILLED {
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
        let mut often: Vec<u8> = kept.iter().map(|slot| self.bytes[slot.at as usize + TAG]).collect();
        let place = often.len() / FORGOTTEN;
        let least = if often.is_empty() { 0 } else { *often.select_nth_unstable(place).1 };
        kept.retain(|slot| self.bytes[slot.at as usize + TAG] > least);
        kept.sort_unstable_by_key(|slot| slot.at);
        self.slots.fill(Slot::EMPTY);
        self.filled = kept.len();
        let mut end = 0;
        for slot in kept {
            let from = slot.at as usize;
            let length = self.bytes[from..].first_chunk().map_or(0, |head| HEAD + length(head));
            self.bytes.copy_within(from..from + length, end);
            self.bytes[end + TAG] /= 2;
            self.set(Slot { at: end as u32, ..slot });
            end += length;
        }
        self.bytes.truncate(end);
    }
}

/// Of a value, in bytes.
#[inline]
fn length(head: &[u8; HEAD]) -> usize {
    let [.., a, b] = *head;
    usize::from(u16::from_le_bytes([a, b]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustc_hash::FxHashMap;

    use super::*;

    fn value<'s>(store: &'s Store, key: &[u8]) -> Option<&'s [u8]> {
        store.find(Key::of(key)).map(|found| store.value(found))
    }

    #[test]
    fn what_is_used_stays() {
        let mut store = Store::at_most(2_000);
        store.put(Key::of(b"often"), b"x");
        for number in 0..2_000_u32 {
            for _ in 0..3 {
                let found = store.find(Key::of(b"often")).unwrap();
                store.note(found);
            }
            store.put(Key::of(&number.to_le_bytes()), b"once");
            assert_eq!(value(&store, &number.to_le_bytes()), Some(b"once".as_slice()));
        }
        assert_eq!(value(&store, b"often"), Some(b"x".as_slice()));
        assert_eq!(value(&store, &0_u32.to_le_bytes()), None);
        assert!(store.bytes.len() <= 2_000 && store.slots.len() < 1_000);
    }

    #[test]
    fn what_is_too_long_is_not_remembered() {
        let mut store = Store::at_most(1 << 20);
        store.put(Key::of(b"a"), &vec![0; LONGEST]);
        store.put(Key::of(b"b"), &vec![0; LONGEST + 1]);
        let lengths = [b"a", b"b"].map(|key| value(&store, key).map(<[u8]>::len));
        assert_eq!((lengths, store.filled), ([Some(LONGEST), Some(0)], 2));
        let mut store = Store::at_most(HEAD + 2);
        store.put(Key::of(b"abc"), b"def");
        assert_eq!(value(&store, b"abc"), Some(b"".as_slice()));
        store.put(Key::of(b""), b"de");
        assert_eq!(value(&store, b""), Some(b"de".as_slice()));
        let mut store = Store::at_most(HEAD - 1);
        store.put(Key::of(b"abc"), b"");
        assert_eq!(store.filled, 0);
    }

    proptest! {
        /// What is found is what was put last, and as long as there is room all is found.
        #[test]
        fn it_is_a_map(puts in proptest::collection::vec(("[ab]{0,3}|[a-z]{3}", "[a-z]{0,40}", any::<bool>()), 0..300), most in 0_usize..4_000) {
            let (mut store, mut all) = (Store::at_most(most), FxHashMap::default());
            let mut bytes = 0;
            let fits = |text: &str| HEAD + text.len() <= most;
            for (key, text, used) in puts {
                bytes += HEAD + text.len();
                store.put(Key::of(key.as_bytes()), text.as_bytes());
                if let Some(found) = store.find(Key::of(key.as_bytes())).filter(|_| used) {
                    store.note(found);
                }
                let text = if fits(&text) { text } else { String::new() };
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
