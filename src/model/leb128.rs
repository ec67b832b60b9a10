//! Numbers in as few bytes as they need: LEB128 (DWARF 5, section 7.6), those with a sign in zigzag.
//! What is counted along a line, by second or by size, is mostly near what was counted before and mostly few: that takes one byte.

/// Bits of a cell's first number that hold its count less one.
const COUNT_BITS: u32 = 2;
/// What stands there instead where the count is none of the smallest: the count follows.
const OTHER: u64 = (1 << COUNT_BITS) - 1;
/// Where the other bits hold no distance, one of any size follows.
const FAR: u64 = 0;
/// The largest distance that these bits hold.
const FARTHEST: i64 = i64::MAX >> COUNT_BITS;

/// A number with a sign as one without, small where it is small.
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// What [`zigzag`] was made of.
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Writes a number behind what is there.
#[inline]
pub fn write(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        return out.push(value as u8);
    }
    write_long(out, value);
}

fn write_long(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number off the front; `None` at the end and where the bytes are no number.
#[inline]
pub fn read(bytes: &mut &[u8]) -> Option<u64> {
    match **bytes {
        [byte @ 0..0x80, ref rest @ ..] => {
            *bytes = rest;
            Some(byte.into())
        }
        _ => read_long(bytes),
    }
}

fn read_long(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Writes a cell: how far it is from the one before, and what it counts. At distances below 32 and counts of one to three it is one byte.
#[inline]
pub fn write_cell(out: &mut Vec<u8>, distance: i64, count: u32) {
    let small = if (1..=3).contains(&count) { u64::from(count - 1) } else { OTHER };
    if (1..=FARTHEST).contains(&distance) {
        write(out, distance.cast_unsigned() << COUNT_BITS | small);
    } else {
        write(out, FAR | small);
        write(out, zigzag(distance));
    }
    if small == OTHER {
        write(out, u64::from(count));
    }
}

/// Takes a cell off the front: its distance and its count.
#[inline]
pub fn read_cell(bytes: &mut &[u8]) -> Option<(i64, u32)> {
    let first = read(bytes)?;
    let distance = match first >> COUNT_BITS {
        FAR => unzigzag(read(bytes)?),
        near => near.cast_signed(),
    };
    let count = match first & OTHER {
        OTHER => u32::try_from(read(bytes)?).ok()?,
        small => small as u32 + 1,
    };
    Some((distance, count))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_near_and_few_takes_one_byte() {
        let bytes = |distance, count| {
            let mut out = Vec::new();
            write_cell(&mut out, distance, count);
            out.len()
        };
        assert_eq!([bytes(1, 1), bytes(31, 3), bytes(32, 1), bytes(1, 4), bytes(0, 1)], [1, 1, 2, 2, 2]);
    }

    proptest! {
        #[test]
        fn cells_are_read_as_they_were_written(
            cells in proptest::collection::vec((prop_oneof![Just(i64::MIN), Just(i64::MAX), -2i64..99, any::<i64>()], any::<u32>()), 0..9),
            small in proptest::collection::vec((0i64..99, 0u32..9), 0..9),
        ) {
            let all: Vec<_> = cells.into_iter().chain(small).collect();
            let mut out = Vec::new();
            all.iter().for_each(|&(distance, count)| write_cell(&mut out, distance, count));
            let mut bytes = out.as_slice();
            let read: Vec<_> = std::iter::from_fn(|| read_cell(&mut bytes)).collect();
            prop_assert_eq!(read, all);
        }
    }
}
