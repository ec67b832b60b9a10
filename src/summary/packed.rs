//! Short series of numbers as bytes: LEB128, signed ones in zigzag, each series as distances.

use crate::model::Time;
use crate::model::leb128;
use crate::template::LatencySketch;
use crate::template::flow::{Place, Step};
use crate::template::symbols::Symbol;
use crate::template::users::{REGISTERS, UserSet};

/// Writes numbers.
#[derive(Default)]
struct Packer(Vec<u8>);

impl Packer {
    fn put(&mut self, number: u64) {
        leb128::write(&mut self.0, number);
    }

    fn signed(&mut self, number: i64) {
        self.put(leb128::zigzag(number));
    }
}

/// Reads them again; `None` at the end and where the bytes are no numbers.
struct Unpacker<'b>(&'b [u8]);

impl Unpacker<'_> {
    fn next(&mut self) -> Option<u64> {
        leb128::read(&mut self.0)
    }

    fn signed(&mut self) -> Option<i64> {
        self.next().map(leb128::unzigzag)
    }

    fn symbol(&mut self) -> Option<Symbol> {
        u32::try_from(self.next()?).ok().map(Symbol)
    }
}

/// Distances of bins, and counts.
pub fn latency(sketch: &LatencySketch) -> Option<Vec<u8>> {
    let (mut packer, mut last) = (Packer::default(), 0);
    for (bin, count) in sketch.bins() {
        packer.put(u64::from(bin - last));
        packer.put(u64::from(count));
        last = bin;
    }
    (!packer.0.is_empty()).then_some(packer.0)
}

/// The sketch that was packed; what is cut off is left out.
pub fn latency_of(bytes: &[u8]) -> LatencySketch {
    let (mut numbers, mut bin) = (Unpacker(bytes), 0_u16);
    LatencySketch::of_bins(std::iter::from_fn(|| {
        bin = bin.checked_add(u16::try_from(numbers.next()?).ok()?)?;
        Some((bin, u32::try_from(numbers.next()?).ok()?))
    }))
}

/// Eight bytes for each hash, or a byte for each of the registers.
pub fn users(set: &UserSet) -> Option<Vec<u8>> {
    match set {
        UserSet::Exact(hashes) if hashes.is_empty() => None,
        UserSet::Exact(hashes) => Some(hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect()),
        UserSet::Sketch(registers) => Some(registers.to_vec()),
    }
}

/// `sketch`: the bytes are registers.
pub fn users_of(bytes: &[u8], sketch: bool) -> Option<UserSet> {
    if sketch {
        let registers: [u8; REGISTERS] = bytes.try_into().ok()?;
        return Some(UserSet::Sketch(Box::new(registers)));
    }
    let (hashes, []) = bytes.as_chunks::<8>() else { return None };
    let hashes: Vec<u64> = hashes.iter().map(|hash| u64::from_le_bytes(*hash)).collect();
    hashes.is_sorted_by(|a, b| a < b).then_some(UserSet::Exact(hashes))
}

/// (first, last, line) of beats, as distances to the one before.
pub fn beats(all: impl Iterator<Item = (Time, Time, u64)>) -> Vec<u8> {
    let (mut packer, mut last) = (Packer::default(), (0, 0_u64));
    for (first, until, line) in all {
        packer.signed(first.0.wrapping_sub(last.0));
        packer.signed(until.0.wrapping_sub(first.0));
        packer.put(line.wrapping_sub(last.1));
        last = (first.0, line);
    }
    packer.0
}

/// The beats that were packed: first and last time, and the line.
pub fn beats_of(bytes: &[u8]) -> Vec<(Time, Time, u64)> {
    let (mut numbers, mut last) = (Unpacker(bytes), (0_i64, 0_u64));
    let next = || {
        let first = last.0.wrapping_add(numbers.signed()?);
        let until = first.wrapping_add(numbers.signed()?);
        last = (first, last.1.wrapping_add(numbers.next()?));
        Some((Time(first), Time(until), last.1))
    };
    std::iter::from_fn(next).collect()
}

/// The steps of a trace; their texts are numbers of the table `word`.
pub fn steps(all: &[Step]) -> Vec<u8> {
    let (mut packer, mut last) = (Packer::default(), (0, 0_u64));
    for step in all {
        packer.signed(step.time.0.wrapping_sub(last.0));
        packer.signed(step.place.0.wrapping_sub(last.1).cast_signed());
        packer.put(u64::from(step.service.0));
        packer.put(u64::from(step.span));
        packer.put(u64::from(step.event.0) << 1 | u64::from(step.error));
        last = (step.time.0, step.place.0);
    }
    packer.0
}

/// The steps of a trace that were packed.
pub fn steps_of(bytes: &[u8]) -> Vec<Step> {
    let (mut numbers, mut last) = (Unpacker(bytes), (0_i64, 0_u64));
    let next = || {
        last.0 = last.0.wrapping_add(numbers.signed()?);
        last.1 = last.1.wrapping_add(numbers.signed()?.cast_unsigned());
        let service = numbers.symbol()?;
        let span = u32::try_from(numbers.next()?).ok()?;
        let event = numbers.next()?;
        let (event, error) = (Symbol(u32::try_from(event >> 1).ok()?), event & 1 == 1);
        Some(Step { time: Time(last.0), place: Place(last.1), service, span, event, error })
    };
    std::iter::from_fn(next).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn beats_and_latencies_come_back(beats in proptest::collection::vec(any::<(i64, i64, u64)>(), 0..20), micros in proptest::collection::vec(any::<i64>(), 0..50)) {
            let all: Vec<(Time, Time, u64)> = beats.iter().map(|b| (Time(b.0), Time(b.1), b.2)).collect();
            prop_assert_eq!(beats_of(&super::beats(all.iter().copied())), all);
            let mut sketch = LatencySketch::default();
            micros.iter().for_each(|m| sketch.add(*m));
            prop_assert_eq!(latency_of(&latency(&sketch).unwrap_or_default()), sketch);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (beats_of(&bytes), latency_of(&bytes), steps_of(&bytes), users_of(&bytes, false), users_of(&bytes, true));
        }
    }

    #[test]
    fn users_and_steps_come_back() {
        for count in [0, 3, 5_000] {
            let mut set = UserSet::default();
            (0..count).for_each(|i| set.insert(&i.to_string()));
            let bytes = users(&set).unwrap_or_default();
            assert_eq!(users_of(&bytes, matches!(set, UserSet::Sketch(_))), Some(set));
        }
        let step = |time, place, error| Step {
            time: Time(time),
            place: Place(place),
            service: Symbol(3),
            span: u32::MAX,
            event: Symbol(70_000),
            error,
        };
        let all = vec![step(-5, u64::MAX, true), step(7, 0, false)];
        assert_eq!(steps_of(&steps(&all)), all);
    }
}
