//! Classes of bytes, each kept once: hundreds of expressions share some fifty, and what scans look at for every line has to stay near.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustc_hash::FxHashMap;

/// A class of bytes.
#[derive(Clone, Debug)]
pub struct ByteSet(Arc<[bool; 256]>);

/// All classes so far, by their bits.
static KNOWN: LazyLock<Mutex<FxHashMap<[u64; 4], ByteSet>>> = LazyLock::new(Mutex::default);

static DIGITS: LazyLock<ByteSet> = LazyLock::new(|| ByteSet::of(b'0'..=b'9'));

/// Equal classes are the same.
impl PartialEq for ByteSet {
    fn eq(&self, other: &ByteSet) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl ByteSet {
    /// No byte.
    pub fn none() -> ByteSet {
        ByteSet::of([])
    }

    /// These bytes.
    pub fn of(bytes: impl IntoIterator<Item = u8>) -> ByteSet {
        let (mut has, mut bits) = ([false; 256], [0_u64; 4]);
        for byte in bytes {
            has[usize::from(byte)] = true;
            bits[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(bits).or_insert_with(|| ByteSet(Arc::new(has))).clone()
    }

    /// Whether a byte is of the class.
    #[inline]
    pub fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    /// Whether they share a byte.
    pub fn meets(&self, other: &ByteSet) -> bool {
        self.0.iter().zip(other.0.iter()).any(|(a, b)| *a && *b)
    }

    /// Adds the bytes of another.
    pub fn join(&mut self, other: &ByteSet) {
        *self = ByteSet::of((0..=255).filter(|byte| self.has(*byte) || other.has(*byte)));
    }

    /// The bytes outside, where there are at most three.
    pub fn stops(&self) -> Vec<u8> {
        let outside: Vec<u8> = (0..=255).filter(|byte| !self.has(*byte)).collect();
        // A line holds no line ends, so that they need not be looked for.
        let outside: Vec<u8> = outside.into_iter().filter(|byte| *byte != b'\n').collect();
        if outside.len() <= 3 && !self.has(b'\n') || outside.len() <= 3 && !outside.is_empty() { outside } else { Vec::new() }
    }
}

/// One byte of each of several classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Fixed {
    places: Box<[Place]>,
    pub classes: Box<[ByteSet]>,
}

/// What a byte must be, in two bytes: most are themselves or digits, so that the classes are seldom looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Byte(u8),
    Digit,
    OfClass,
}

impl Place {
    fn of(class: &ByteSet) -> Place {
        let mut bytes = (0..=255).filter(|byte| class.has(*byte));
        match (bytes.next(), bytes.next()) {
            (Some(byte), None) => Place::Byte(byte),
            _ if *class == *DIGITS => Place::Digit,
            _ => Place::OfClass,
        }
    }
}

impl Fixed {
    /// A byte of each of these.
    pub fn of(classes: Vec<ByteSet>) -> Fixed {
        Fixed { places: classes.iter().map(Place::of).collect(), classes: classes.into() }
    }

    /// How many bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether as many bytes are of their classes.
    #[inline]
    pub fn takes(&self, bytes: &[u8]) -> bool {
        self.places.iter().zip(bytes).enumerate().all(|(number, (place, byte))| match place {
            Place::Byte(own) => own == byte,
            Place::Digit => byte.is_ascii_digit(),
            Place::OfClass => self.classes[number].has(*byte),
        })
    }
}
