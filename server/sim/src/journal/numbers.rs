//! Whole numbers in few bits when they are small: Exp-Golomb codes (Teuhola 1978).

use fracas_shared::bits::{BitReader, BitWriter, OutOfBits};

/// Appends a number. Those below 2^`least_bits` (up to 16) take one bit more than that, twice as many two bits more
/// again, and so on.
pub(super) fn put_number(bits: &mut BitWriter<'_>, number: u32, least_bits: u32) {
    let shifted = u64::from(number) + (1 << least_bits);
    let width = u64::BITS - shifted.leading_zeros() - 1;
    // Without its highest bit, which the width tells.
    let low = (shifted & ((1 << width) - 1)) as u32;
    let ones = width - least_bits;
    let prefix = ones + 1;
    if prefix + width <= u32::BITS {
        bits.put(((1 << ones) - 1) | low << prefix, prefix + width);
        return;
    }
    for _ in 0..ones {
        bits.put_bool(true);
    }
    bits.put_bool(false);
    bits.put(low, width);
}

/// Reads what [`put_number`] wrote.
pub(super) fn take_number(bits: &mut BitReader<'_>, least_bits: u32) -> Result<u32, OutOfBits> {
    let mut width = least_bits;
    while bits.take_bool()? {
        width += 1;
        if width > u32::BITS {
            return Err(OutOfBits);
        }
    }
    let shifted = (1 << width) + u64::from(bits.take(width)?);
    u32::try_from(shifted - (1 << least_bits)).map_err(|_| OutOfBits)
}

/// Numbers of both signs as such without: 0, -1, 1, -2, 2 and so on become 0, 1, 2, 3, 4.
pub(super) fn without_sign(number: i32) -> u32 {
    ((number << 1) ^ (number >> 31)) as u32
}

/// The other way round.
pub(super) fn with_sign(number: u32) -> i32 {
    (number >> 1) as i32 ^ -((number & 1) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bits_of(number: u32, least_bits: u32) -> usize {
        let mut bytes = Vec::new();
        let mut bits = BitWriter::new(&mut bytes);
        // As many times as makes whole bytes.
        for _ in 0..8 {
            put_number(&mut bits, number, least_bits);
        }
        bits.finish();
        bytes.len()
    }

    #[test]
    fn small_numbers_take_few_bits() {
        assert_eq!([0, 3, 4, 11, 12].map(|number| bits_of(number, 2)), [3, 3, 5, 5, 7]);
    }

    proptest! {
        #[test]
        fn numbers_survive(numbers in prop::collection::vec((any::<u32>(), 0u32..=16), 0..32)) {
            let numbers: Vec<_> = numbers.into_iter().map(|(number, least)| (number >> (number % 32), least)).collect();
            let mut bytes = Vec::new();
            let mut bits = BitWriter::new(&mut bytes);
            for &(number, least_bits) in &numbers {
                put_number(&mut bits, number, least_bits);
            }
            bits.finish();
            let mut bits = BitReader::new(&bytes);
            for &(number, least_bits) in &numbers {
                prop_assert_eq!(take_number(&mut bits, least_bits), Ok(number));
            }
            prop_assert!(bits.is_at_end());
        }

        #[test]
        fn signs_survive(number in any::<i32>()) {
            prop_assert_eq!(with_sign(without_sign(number)), number);
        }

        #[test]
        fn any_bytes_are_numbers_or_end(bytes in prop::collection::vec(any::<u8>(), 0..24), least_bits in 0u32..=16) {
            let mut bits = BitReader::new(&bytes);
            while take_number(&mut bits, least_bits).is_ok() {}
        }
    }
}
