//! A range coder: numbers by how likely they are, in fractions of bits.
//!
//! The carry-propagating coder of G. N. N. Martin, "Range encoding" (1979), with frequencies that the
//! caller knows. All numbers fit into the 53 bits that doubles have.

#![expect(clippy::inline_always, reason = "measured: its state stays in registers, which halves the time")]

use crate::bits::OutOfBits;

/// Frequencies are parts of 2^this.
pub(super) const TOTAL_BITS: u32 = 14;
/// All frequencies together.
pub(super) const TOTAL: u32 = 1 << TOTAL_BITS;
/// The range is at most 2^this, and never smaller than 2^32 before a number is coded: so two bytes are the most that
/// one makes certain, and a multiplication stays within 64 bits, or within the 53 that doubles have.
const RANGE_BITS: u32 = 48;
const RANGE_MIN: u64 = 1 << 32;
/// Bits of the two bytes that go at once.
const STEP_BITS: u32 = 16;
/// Bits that are coded at once, as they are.
const BITS_MAX: u32 = 16;
/// What a decoder reads ahead.
const WINDOW_BYTES: usize = RANGE_BITS as usize / 8;

/// Appends coded numbers to a byte vector.
///
/// Loops that code many numbers do so on a local one (see [`RangeEncoder::local`]): what is cold takes
/// its state by value, so that it stays in registers.
pub(super) struct RangeEncoder<'a> {
    out: &'a mut Vec<u8>,
    state: EncoderState,
}

#[derive(Clone, Copy)]
pub(super) struct EncoderState {
    /// Its bits above those of the range are a carry.
    low: u64,
    range: u64,
}

impl<'a> RangeEncoder<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, state: EncoderState { low: 0, range: 1 << RANGE_BITS } }
    }

    /// One that goes on where this one is; [`RangeEncoder::resume`] is to be told where that ended.
    pub(super) fn local(&mut self) -> RangeEncoder<'_> {
        RangeEncoder { out: self.out, state: self.state }
    }

    pub(super) fn state(&self) -> EncoderState {
        self.state
    }

    pub(super) fn resume(&mut self, state: EncoderState) {
        self.state = state;
    }

    /// Codes what takes `frequency` parts of all, after those before it.
    #[inline(always)]
    pub(super) fn put(&mut self, before: u32, frequency: u32) {
        let part = self.state.range >> TOTAL_BITS;
        self.state.low += part * u64::from(before);
        self.state.range = part * u64::from(frequency);
        self.grow();
    }

    /// Codes the lowest `bits` (0 to 32) bits of a number as they are.
    #[inline(always)]
    pub(super) fn put_bits(&mut self, value: u32, bits: u32) {
        debug_assert!(bits == 32 || value >> bits == 0);
        if bits > BITS_MAX {
            self.put_few_bits(value >> BITS_MAX, bits - BITS_MAX);
            self.put_few_bits(value & 0xffff, BITS_MAX);
        } else {
            self.put_few_bits(value, bits);
        }
    }

    #[inline(always)]
    fn put_few_bits(&mut self, value: u32, bits: u32) {
        self.state.range >>= bits;
        self.state.low += self.state.range * u64::from(value);
        self.grow();
    }

    #[inline(always)]
    fn grow(&mut self) {
        if self.state.range < RANGE_MIN {
            self.state = write(self.out, self.state);
        }
    }

    /// Codes what needs much code in a place of its own.
    #[inline(always)]
    pub(super) fn detour(&mut self, code: impl FnOnce(&mut RangeEncoder<'_>)) {
        #[inline(never)]
        fn aside(
            out: &mut Vec<u8>,
            state: EncoderState,
            code: impl FnOnce(&mut RangeEncoder<'_>),
        ) -> EncoderState {
            let mut encoder = RangeEncoder { out, state };
            code(&mut encoder);
            encoder.state
        }
        self.state = aside(self.out, self.state, code);
    }

    /// Writes as few bytes as tell the last number.
    pub(super) fn finish(self) {
        let EncoderState { low, range } = self.state;
        for bytes in 0..=WINDOW_BYTES {
            let rest = (1u64 << (RANGE_BITS as usize - 8 * bytes)) - 1;
            let value = (low + rest) & !rest;
            if value < low + range {
                if value >> RANGE_BITS != 0 {
                    carry(self.out);
                }
                self.out.extend_from_slice(&value.to_be_bytes()[8 - WINDOW_BYTES..][..bytes]);
                return;
            }
        }
    }
}

/// Writes the two bytes that are certain by now.
#[inline(never)]
fn write(out: &mut Vec<u8>, EncoderState { low, range }: EncoderState) -> EncoderState {
    if low >> RANGE_BITS != 0 {
        carry(out);
    }
    out.extend_from_slice(&((low >> (RANGE_BITS - STEP_BITS)) as u16).to_be_bytes());
    EncoderState { low: (low << STEP_BITS) & ((1 << RANGE_BITS) - 1), range: range << STEP_BITS }
}

#[cold]
fn carry(out: &mut [u8]) {
    for byte in out.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
}

/// Reads what [`RangeEncoder`] wrote. Behind the end are zeros.
///
/// It is small and [`Copy`], so that loops can hold it in registers.
#[derive(Clone, Copy)]
pub(super) struct RangeDecoder<'a> {
    bytes: &'a [u8],
    next: usize,
    /// How far the coded number is above the lowest of the range.
    offset: u64,
    range: u64,
}

impl<'a> RangeDecoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut window = [0; 8];
        for (to, byte) in window[8 - WINDOW_BYTES..].iter_mut().zip(bytes) {
            *to = *byte;
        }
        Self { bytes, next: WINDOW_BYTES, offset: u64::from_be_bytes(window), range: 1 << RANGE_BITS }
    }

    /// What one part of all is now. An error when what is coded is behind all of them, as only bytes have it that
    /// nobody encoded.
    #[inline(always)]
    pub(super) fn part(&self) -> Result<u64, OutOfBits> {
        let part = self.range >> TOTAL_BITS;
        if self.is_below(part << TOTAL_BITS) { Ok(part) } else { Err(OutOfBits) }
    }

    /// Whether what is coded is below this place in the range.
    #[inline(always)]
    pub(super) fn is_below(&self, place: u64) -> bool {
        self.offset < place
    }

    /// Takes what was found between these places.
    #[inline(always)]
    pub(super) fn narrow(&mut self, low: u64, high: u64) {
        self.offset -= low;
        self.range = high - low;
        self.grow();
    }

    /// Takes whether something is so that has so many parts of all.
    #[inline(always)]
    pub(super) fn take_chance(&mut self, parts: u32) -> bool {
        let Ok(part) = self.part() else {
            self.spoil();
            return false;
        };
        let edge = part * u64::from(parts);
        let is_so = self.is_below(edge);
        let (low, high) = if is_so { (0, edge) } else { (edge, part << TOTAL_BITS) };
        self.narrow(low, high);
        is_so
    }

    /// One that goes on where this one is: as a value of its own it stays in registers.
    #[inline(always)]
    pub(super) fn local(&self) -> Self {
        Self { bytes: self.bytes, next: self.next, offset: self.offset, range: self.range }
    }

    /// Takes bits (0 to 32) that were coded as they are.
    #[inline(always)]
    pub(super) fn take_bits(&mut self, bits: u32) -> u32 {
        if bits > BITS_MAX {
            let high = self.take_few_bits(bits - BITS_MAX);
            return high << BITS_MAX | self.take_few_bits(BITS_MAX);
        }
        self.take_few_bits(bits)
    }

    #[inline(always)]
    fn take_few_bits(&mut self, bits: u32) -> u32 {
        self.range >>= bits;
        let value = self.offset / self.range;
        if value >> bits != 0 {
            self.spoil();
            return 0;
        }
        self.offset -= value * self.range;
        self.grow();
        value as u32
    }

    /// Nobody encoded this: [`RangeDecoder::check`] will say so.
    #[cold]
    fn spoil(&mut self) {
        *self = Self { bytes: &[], next: WINDOW_BYTES + 2, offset: 0, range: 1 << RANGE_BITS };
    }

    pub(super) fn take_bool(&mut self) -> bool {
        self.take_bits(1) == 1
    }

    #[inline(always)]
    fn grow(&mut self) {
        if self.range < RANGE_MIN {
            self.range <<= STEP_BITS;
            self.offset = self.offset << STEP_BITS | u64::from(self.take_step());
        }
    }

    #[inline(always)]
    fn take_step(&mut self) -> u16 {
        let at = self.next;
        self.next += 2;
        match self.bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            Some(step) => u16::from_be_bytes(*step),
            None => u16::from(self.bytes.get(at).copied().unwrap_or(0)) << 8,
        }
    }

    /// Whether the bytes ended too early. Of whole ones, at most so many zeros are read behind the end as are read
    /// ahead.
    #[inline]
    pub(super) fn check(&self) -> Result<(), OutOfBits> {
        if self.next > self.bytes.len() + WINDOW_BYTES { Err(OutOfBits) } else { Ok(()) }
    }

    /// Whether all bytes were looked at.
    pub(super) fn is_at_end(&self) -> bool {
        self.next >= self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_is_taken(numbers in prop::collection::vec((0..TOTAL, 1..TOTAL, any::<u32>(), 0u32..=32), 0..200)) {
            let numbers: Vec<_> = numbers
                .into_iter()
                .map(|(before, frequency, value, bits)| {
                    (before, frequency.min(TOTAL - before), (u64::from(value) & ((1 << bits) - 1)) as u32, bits)
                })
                .collect();
            let mut bytes = vec![255, 255];
            let mut encoder = RangeEncoder::new(&mut bytes);
            for &(before, frequency, value, bits) in &numbers {
                encoder.put(before, frequency);
                encoder.put_bits(value, bits);
            }
            encoder.finish();
            prop_assert_eq!(&bytes[..2], &[255, 255], "what was there stays");
            let mut decoder = RangeDecoder::new(&bytes[2..]);
            for &(before, frequency, value, bits) in &numbers {
                let part = decoder.part().unwrap();
                let (low, high) = (part * u64::from(before), part * u64::from(before + frequency));
                prop_assert!(!decoder.is_below(low) && decoder.is_below(high));
                decoder.narrow(low, high);
                prop_assert_eq!(decoder.take_bits(bits), value);
                prop_assert!(decoder.check().is_ok());
            }
            prop_assert!(decoder.is_at_end());
        }
    }
}
