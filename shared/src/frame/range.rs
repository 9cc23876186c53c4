//! A range coder: numbers by how likely they are, in fractions of bits.
//!
//! The carry-propagating coder of G. N. N. Martin, "Range encoding" (1979), with frequencies that the
//! caller knows. All arithmetic fits into 32 bits, and decoding needs no division.

#![expect(clippy::inline_always, reason = "measured: its state stays in registers, which halves the time")]

use crate::bits::OutOfBits;

/// Frequencies are parts of 2^this.
pub(super) const TOTAL_BITS: u32 = 14;
/// All frequencies together.
pub(super) const TOTAL: u32 = 1 << TOTAL_BITS;
/// The range is never smaller than this before a number is coded.
const RANGE_MIN: u32 = 1 << 24;
/// Bits that are coded at once, as they are.
const BITS_MAX: u32 = 16;

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
    low: u32,
    range: u32,
}

impl<'a> RangeEncoder<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, state: EncoderState { low: 0, range: u32::MAX } }
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
        self.add(part * before);
        self.state.range = part * frequency;
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
        self.add(self.state.range * value);
        self.grow();
    }

    #[inline(always)]
    fn add(&mut self, more: u32) {
        let (low, carries) = self.state.low.overflowing_add(more);
        self.state.low = low;
        if carries {
            carry(self.out);
        }
    }

    #[inline(always)]
    fn grow(&mut self) {
        while self.state.range < RANGE_MIN {
            self.out.push((self.state.low >> 24) as u8);
            self.state.low <<= 8;
            self.state.range <<= 8;
        }
    }

    /// Calls what is cold.
    #[inline(always)]
    pub(super) fn go_cold(&mut self, code: impl FnOnce(&mut RangeEncoder<'_>)) {
        #[cold]
        #[inline(never)]
        fn cold(
            out: &mut Vec<u8>,
            state: EncoderState,
            code: impl FnOnce(&mut RangeEncoder<'_>),
        ) -> EncoderState {
            let mut encoder = RangeEncoder { out, state };
            code(&mut encoder);
            encoder.state
        }
        self.state = cold(self.out, self.state, code);
    }

    /// Writes as few bytes as tell the last number.
    pub(super) fn finish(mut self) {
        let low = u64::from(self.state.low);
        let end = low + u64::from(self.state.range);
        for bytes in 0..=4 {
            let rest = (1u64 << (32 - 8 * bytes)) - 1;
            let value = (low + rest) & !rest;
            if value < end {
                self.add((value - low) as u32);
                self.out.extend_from_slice(&self.state.low.to_be_bytes()[..bytes]);
                return;
            }
        }
    }
}

#[cold]
#[inline(never)]
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
    offset: u32,
    range: u32,
}

impl<'a> RangeDecoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self { bytes, next: 0, offset: 0, range: u32::MAX };
        for _ in 0..4 {
            decoder.offset = decoder.offset << 8 | decoder.take_byte();
        }
        decoder
    }

    /// What one part of all is now.
    #[inline(always)]
    pub(super) fn part(&self) -> u32 {
        self.range >> TOTAL_BITS
    }

    /// Whether what is coded comes before this many parts.
    #[inline(always)]
    pub(super) fn is_before(&self, part: u32, parts: u32) -> bool {
        self.offset < part * parts
    }

    /// In which part of all the coded number is. Of bytes that nobody encoded, it may be beyond them.
    #[inline(always)]
    pub(super) fn place(&self, part: u32) -> u32 {
        self.offset / part
    }

    /// Takes what was found.
    #[inline(always)]
    pub(super) fn take(&mut self, part: u32, before: u32, frequency: u32) {
        self.offset -= part * before;
        self.range = part * frequency;
        self.grow();
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
        // Of bytes that nobody encoded, the offset may be beyond the range.
        let value = (self.offset / self.range).min((1 << bits) - 1);
        self.offset -= value * self.range;
        self.grow();
        value
    }

    pub(super) fn take_bool(&mut self) -> bool {
        self.take_bits(1) == 1
    }

    #[inline(always)]
    fn grow(&mut self) {
        while self.range < RANGE_MIN {
            self.offset = self.offset << 8 | self.take_byte();
            self.range <<= 8;
        }
    }

    #[inline(always)]
    fn take_byte(&mut self) -> u32 {
        let byte = self.bytes.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        byte.into()
    }

    /// Whether the bytes ended too early. Of whole ones, at most four zeros are read behind the end.
    #[inline]
    pub(super) fn check(&self) -> Result<(), OutOfBits> {
        if self.next > self.bytes.len() + 4 { Err(OutOfBits) } else { Ok(()) }
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
                let part = decoder.part();
                prop_assert!(!decoder.is_before(part, before) && decoder.is_before(part, before + frequency));
                decoder.take(part, before, frequency);
                prop_assert_eq!(decoder.take_bits(bits), value);
                prop_assert!(decoder.check().is_ok());
            }
            prop_assert!(decoder.is_at_end());
        }
    }
}
