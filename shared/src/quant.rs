//! Numbers to codes and back: what a field's value becomes on the wire.
//!
//! A code is a whole number of the field's bits. The arithmetic is done in `f64` with operations
//! that are exact on every machine, so both ends of a wire hold the same value.

use core::f64::consts::TAU;

/// The largest code of this many bits (1 to 32).
#[inline]
pub fn code_max(bits: u8) -> u32 {
    u32::MAX >> (32 - u32::from(bits))
}

/// The code of a `fixed` field: the nearest step above `min`, clamped to the field's range.
/// Not a number becomes the code 0.
#[inline]
pub fn fixed_code(value: f32, min: f64, step: f64, bits: u8) -> u32 {
    let steps = (f64::from(value) - min) / step;
    // What `round` gives, which is a call of a function where the machine has no instruction for it.
    let whole = steps as u32;
    let rounded = whole.saturating_add(u32::from(steps - f64::from(whole) >= 0.5));
    rounded.min(code_max(bits))
}

/// The value of a `fixed` field's code.
#[inline]
pub fn fixed_value(code: u32, min: f64, step: f64) -> f32 {
    (min + f64::from(code) * step) as f32
}

/// The code of an `angle` field: the circle is divided into 2^bits parts from 0 upwards.
#[inline]
pub fn angle_code(radians: f32, bits: u8) -> u32 {
    let parts = f64::from(code_max(bits)) + 1.0;
    let part = f64::from(radians) / TAU * parts;
    let whole = part.abs() as i64;
    let whole = whole.saturating_add(i64::from(part.abs() - whole as f64 >= 0.5));
    // 2^bits divides 2^64, so what is negative wraps to what it is in the circle.
    let wrapped = if part < 0.0 { whole.wrapping_neg() } else { whole };
    wrapped as u32 & code_max(bits)
}

/// The value of an `angle` field's code, in radians in [0, tau).
#[inline]
pub fn angle_value(code: u32, bits: u8) -> f32 {
    (f64::from(code) * TAU / (f64::from(code_max(bits)) + 1.0)) as f32
}

/// The code of an `int` field: the value less the smallest one, clamped to the field's range.
#[inline]
pub fn int_code(value: i32, bits: u8) -> u32 {
    let min = -(1i64 << (bits - 1));
    (i64::from(value) - min).clamp(0, i64::from(code_max(bits))) as u32
}

/// The value of an `int` field's code.
#[inline]
pub fn int_value(code: u32, bits: u8) -> i32 {
    (i64::from(code) - (1i64 << (bits - 1))) as i32
}

/// The code of a `uint` field: the value, clamped to the field's range.
#[inline]
pub fn uint_code(value: u32, bits: u8) -> u32 {
    value.min(code_max(bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_of_a_code_has_that_code(code in any::<u32>(), bits in 1u8..=20) {
            let code = code & code_max(bits);
            prop_assert_eq!(fixed_code(fixed_value(code, -64.0, 0.03125), -64.0, 0.03125, bits), code);
            prop_assert_eq!(angle_code(angle_value(code, bits), bits), code);
            prop_assert_eq!(int_code(int_value(code, bits), bits), code);
        }

        #[test]
        fn numbers_are_rounded_as_by_the_standard_library(value in -1e6f32..1e6, halves in -9999i32..9999) {
            for value in [value, halves as f32 / 2.0] {
                let fixed = (f64::from(value) + 8.0).round().clamp(0.0, 1023.0) as u32;
                prop_assert_eq!(fixed_code(value, -8.0, 1.0, 10), fixed);
                let part = (f64::from(value) / TAU * 1024.0).round().rem_euclid(1024.0) as u32 % 1024;
                prop_assert_eq!(angle_code(value, 10), part);
            }
        }

        #[test]
        fn any_number_has_a_code_in_range(value in any::<f32>(), int in any::<i32>(), bits in 1u8..=32) {
            prop_assert!(fixed_code(value, -8.0, 0.25, bits) <= code_max(bits));
            prop_assert!(angle_code(value, bits) <= code_max(bits));
            prop_assert!(int_code(int, bits) <= code_max(bits));
        }
    }
}
