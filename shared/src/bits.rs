//! Bits packed into bytes, lowest bit first.

use thiserror::Error;

/// The bytes ended before the value did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the bytes end in the middle of a value")]
pub struct OutOfBits;

/// Appends bits to a byte vector.
///
/// The first bit written is the lowest bit of the first byte. Bits gather in a 64-bit register and
/// leave it 32 at a time; [`BitWriter::finish`] pads the last byte with zeros.
#[derive(Debug)]
pub struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    pending: u64,
    pending_bits: u32,
}

impl<'a> BitWriter<'a> {
    /// Appends to what `out` holds.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, pending: 0, pending_bits: 0 }
    }

    /// Appends the lowest `bits` (0 to 32) bits of `value`. Higher bits must be zero.
    #[inline]
    pub fn put(&mut self, value: u32, bits: u32) {
        debug_assert!(bits == 32 || value >> bits == 0, "{value} is wider than {bits} bits");
        self.pending |= u64::from(value) << self.pending_bits;
        self.pending_bits += bits;
        if self.pending_bits >= 32 {
            self.out.extend_from_slice(&(self.pending as u32).to_le_bytes());
            self.pending >>= 32;
            self.pending_bits -= 32;
        }
    }

    /// Appends one bit.
    #[inline]
    pub fn put_bool(&mut self, value: bool) {
        self.put(u32::from(value), 1);
    }

    /// Pads the last byte and hands it over.
    pub fn finish(self) {
        let bytes = self.pending_bits.div_ceil(8) as usize;
        self.out.extend_from_slice(&self.pending.to_le_bytes()[..bytes]);
    }
}

/// Reads bits in the order in which [`BitWriter`] wrote them.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    next_bit: usize,
}

impl<'a> BitReader<'a> {
    /// Reads from the first bit of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next_bit: 0 }
    }

    /// The next `bits` (0 to 32) bits.
    #[inline]
    pub fn take(&mut self, bits: u32) -> Result<u32, OutOfBits> {
        let end = self.next_bit + bits as usize;
        if end > self.bytes.len() * 8 {
            return Err(OutOfBits);
        }
        let first = self.next_bit / 8;
        let mut window = [0; 8];
        let available = (self.bytes.len() - first).min(8);
        window[..available].copy_from_slice(&self.bytes[first..first + available]);
        let value = u64::from_le_bytes(window) >> (self.next_bit % 8);
        self.next_bit = end;
        Ok((value & ((1 << bits) - 1)) as u32)
    }

    /// The next bit.
    #[inline]
    pub fn take_bool(&mut self) -> Result<bool, OutOfBits> {
        Ok(self.take(1)? == 1)
    }

    /// Whether less than a byte is left and it is all zero, as the writer's padding is.
    pub fn is_at_end(&mut self) -> bool {
        let left = self.bytes.len() * 8 - self.next_bit;
        left < 8 && self.take(left as u32) == Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_is_taken(values in prop::collection::vec((any::<u32>(), 0u32..=32), 0..64)) {
            let values: Vec<_> = values
                .into_iter()
                .map(|(value, bits)| ((u64::from(value) & ((1 << bits) - 1)) as u32, bits))
                .collect();
            let mut bytes = Vec::new();
            let mut writer = BitWriter::new(&mut bytes);
            for &(value, bits) in &values {
                writer.put(value, bits);
            }
            writer.finish();
            let mut reader = BitReader::new(&bytes);
            for &(value, bits) in &values {
                prop_assert_eq!(reader.take(bits), Ok(value));
            }
            prop_assert!(reader.is_at_end());
        }
    }
}
