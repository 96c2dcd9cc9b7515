//! Numbers told as changes of others, in few bytes and little time.
//!
//! Eight numbers share a mask byte that tells which of them changed; masks of nothing are counted.
//! A changed number is a difference in whole units where it is a whole multiple of 1, 1/100 or
//! 1/1,000,000, as counters, percentages and seconds are; otherwise it is the bits that differ,
//! without the zero bytes on both sides. Every number comes back bit for bit.

use super::bytes_io::{DecodeError, Input, put_varint, unzigzag, zigzag};

/// Parts of one; the place in this list is the low bits of a change's first byte.
const UNITS: [f64; 3] = [1.0, 100.0, 1_000_000.0];

/// The low bits of a change that tells differing bits: then come 3 bits for how many bytes there
/// are, less one, and 3 bits for how many zero bytes were left out below.
const BITS: u8 = 3;

/// Adding and taking away 1.5 x 2^52 rounds to a whole number.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// Whole numbers stay so far below what a double tells apart.
const WHOLE_MAX: f64 = (1_u64 << 50) as f64;

/// The most bytes of eight changes, each of them a head and eight bytes.
const EIGHT_BYTES_MAX: usize = 8 * 9;

/// Writes numbers as changes of others.
pub(super) struct ChangeWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Masks of nothing that have not been written yet.
    same: u64,
    mask: u8,
    bit: u32,
    /// The changes of the present mask.
    changes: Vec<u8>,
}

impl<'a> ChangeWriter<'a> {
    /// Appends to `out`.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, same: 0, mask: 0, bit: 0, changes: Vec::with_capacity(EIGHT_BYTES_MAX) }
    }

    /// Writes what makes `after` out of `before`.
    pub(super) fn put(&mut self, before: f64, after: f64) {
        if before.to_bits() != after.to_bits() {
            self.mask |= 1 << self.bit;
            put_change(before, after, &mut self.changes);
        }
        self.bit += 1;
        if self.bit == u8::BITS {
            self.end_mask();
        }
    }

    /// Writes what is left. To be called at the end.
    pub(super) fn finish(mut self) {
        if self.bit > 0 {
            self.end_mask();
        }
        self.put_same();
    }

    fn end_mask(&mut self) {
        if self.mask == 0 {
            self.same += 1;
        } else {
            self.put_same();
            self.out.push(self.mask);
            self.out.append(&mut self.changes);
        }
        (self.mask, self.bit) = (0, 0);
    }

    fn put_same(&mut self) {
        if self.same > 0 {
            self.out.push(0);
            put_varint(self.out, self.same - 1);
            self.same = 0;
        }
    }
}

fn put_change(before: f64, after: f64, out: &mut Vec<u8>) {
    for (index, unit) in (0..).zip(UNITS) {
        if let Some(whole) = in_units(after, unit) {
            let difference = whole - in_units(before, unit).unwrap_or(0);
            put_varint(out, zigzag(difference) << 2 | index);
            return;
        }
    }
    let bits = before.to_bits() ^ after.to_bits();
    let below = (bits.trailing_zeros() / 8).min(7);
    let count = 8_u32.saturating_sub(below + bits.leading_zeros() / 8).max(1);
    out.push(BITS | (count as u8 - 1) << 2 | (below as u8) << 5);
    let bytes = (bits >> (8 * below)).to_le_bytes();
    out.extend(bytes.iter().take(count as usize));
}

/// A number as a whole multiple of a part of one, when it is one to the last bit.
fn in_units(value: f64, unit: f64) -> Option<i64> {
    let whole = value * unit + ROUND - ROUND;
    let exact = whole.abs() < WHOLE_MAX && (whole / unit).to_bits() == value.to_bits();
    exact.then_some(whole as i64)
}

/// Reads what a [`ChangeWriter`] wrote.
pub(super) struct ChangeReader<'a> {
    input: Input<'a>,
    /// Masks of nothing that are yet to come.
    same: u64,
    mask: u8,
    bits_left: u32,
}

impl<'a> ChangeReader<'a> {
    /// Of all bytes that one writer wrote.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { input: Input(bytes), same: 0, mask: 0, bits_left: 0 }
    }

    /// The number that was written after `before`.
    pub(super) fn next(&mut self, before: f64) -> Result<f64, DecodeError> {
        if self.bits_left == 0 {
            self.next_mask()?;
        }
        self.bits_left -= 1;
        let changed = self.mask & 1 == 1;
        self.mask >>= 1;
        if changed { take_change(&mut self.input, before) } else { Ok(before) }
    }

    /// Nothing more was written.
    pub(super) fn finish(self) -> Result<(), DecodeError> {
        let all = self.input.0.is_empty() && self.same == 0 && self.mask == 0;
        if all { Ok(()) } else { Err(DecodeError::Damaged) }
    }

    fn next_mask(&mut self) -> Result<(), DecodeError> {
        self.bits_left = u8::BITS;
        if self.same > 0 {
            self.same -= 1;
            return Ok(());
        }
        self.mask = self.input.byte()?;
        if self.mask == 0 {
            self.same = self.input.varint()?;
        }
        Ok(())
    }
}

fn take_change(input: &mut Input<'_>, before: f64) -> Result<f64, DecodeError> {
    let head = *input.0.first().ok_or(DecodeError::Short)?;
    if let Some(unit) = UNITS.get(usize::from(head & BITS)) {
        let difference = unzigzag(input.varint()? >> 2);
        let whole = in_units(before, *unit).unwrap_or(0).wrapping_add(difference);
        return Ok(whole as f64 / unit);
    }
    input.byte()?;
    let (count, below) = (usize::from(head >> 2 & 7) + 1, head >> 5);
    let mut bytes = [0; 8];
    for (byte, found) in bytes.iter_mut().zip(input.take(count)?) {
        *byte = *found;
    }
    Ok(f64::from_bits(before.to_bits() ^ u64::from_le_bytes(bytes) << (8 * below)))
}
