//! Which bytes of a text are of a class: a bit each, many at once.

use wide::u8x16;

/// Bytes that one bitmap tells of.
pub const BLOCK: usize = 64;
/// Bytes looked at at once.
pub const AT_ONCE: usize = 16;

/// A bitmap for each of several classes, of a whole block.
#[inline]
pub fn of<const CLASSES: usize>(block: &[u8], classes: impl Fn(u8x16) -> [u8x16; CLASSES]) -> [u64; CLASSES] {
    let mut bitmaps = [0; CLASSES];
    for (number, some) in block.as_chunks::<AT_ONCE>().0.iter().enumerate() {
        for (bitmap, class) in bitmaps.iter_mut().zip(classes(u8x16::new(*some))) {
            *bitmap |= u64::from(class.to_bitmask()) << (number * AT_ONCE);
        }
    }
    bitmaps
}

/// Some bytes, and zeros behind them.
#[inline]
pub fn padded<const LENGTH: usize>(some: &[u8]) -> [u8; LENGTH] {
    let mut all = [0; LENGTH];
    all[..some.len()].copy_from_slice(some);
    all
}

/// A bit for each byte of a block that is this one.
#[inline]
pub fn of_byte(block: &[u8; BLOCK], byte: u8) -> u64 {
    let [found] = of(block, |bytes| [bytes.simd_eq(u8x16::splat(byte))]);
    found
}

/// Whether bytes are from one to another.
#[inline]
pub fn in_range(bytes: u8x16, from: u8, to: u8) -> u8x16 {
    let above = bytes - u8x16::splat(from);
    above.simd_le(u8x16::splat(to - from))
}

/// Whether bytes are letters of ASCII.
#[inline]
pub fn letters(bytes: u8x16) -> u8x16 {
    in_range(lower(bytes), b'a', b'z')
}

/// Letters without capitals; of what is no letter, something that is none.
#[inline]
pub fn lower(bytes: u8x16) -> u8x16 {
    bytes | u8x16::splat(0x20)
}
