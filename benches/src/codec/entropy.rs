//! Order-0 entropy: the bits that a coder needs which knows how often each value comes, and nothing
//! else.

use std::collections::HashMap;

/// Bits per entity and tick, summed over the fields; not a number when nothing was counted.
#[derive(Clone, Copy, Debug)]
pub struct Entropies {
    /// Of what a field differs from the tick before.
    pub differences: f64,
    /// Of what that differs from the tick before.
    pub second_differences: f64,
}

/// Counts how rows differ, field by field. Differences are modulo the fields' widths.
///
/// Its memory grows with the values that there are, not with how often they come.
pub struct EntropyMeter {
    fields: Vec<FieldMeter>,
}

struct FieldMeter {
    bits: u32,
    first: Histogram,
    second: Histogram,
}

impl EntropyMeter {
    /// A meter of rows with fields of so many bits, 1 to 32 each.
    pub fn new(bits: impl IntoIterator<Item = u32>) -> Self {
        let field = |bits| FieldMeter { bits, first: Histogram::default(), second: Histogram::default() };
        Self { fields: bits.into_iter().map(field).collect() }
    }

    /// Counts what a row differs from `base` and, when it is known what was as long before that, what
    /// this differs from the difference there.
    pub fn add(&mut self, before: Option<&[u32]>, base: &[u32], now: &[u32]) {
        for (place, field) in self.fields.iter_mut().enumerate() {
            let difference = |from: u32, to: u32| wrapped(to.wrapping_sub(from), field.bits);
            let first = difference(base[place], now[place]);
            field.first.add(first);
            if let Some(before) = before {
                let last = difference(before[place], base[place]);
                field.second.add(wrapped(first.wrapping_sub(last) as u32, field.bits));
            }
        }
    }

    /// The entropies of all that was counted.
    pub fn entropies(&self) -> Entropies {
        let sum = |of: fn(&FieldMeter) -> &Histogram| self.fields.iter().map(|field| of(field).bits()).sum();
        Entropies { differences: sum(|field| &field.first), second_differences: sum(|field| &field.second) }
    }
}

/// The entropies of so many ticks of codes of these widths, of the same entities in each.
pub fn entropies<const FIELDS: usize>(ticks: &[Vec<[u32; FIELDS]>], bits: [u32; FIELDS]) -> Entropies {
    let mut meter = EntropyMeter::new(bits);
    for place in 1..ticks.len() {
        let before = place.checked_sub(2).map(|before| &ticks[before]);
        for (entity, (base, now)) in ticks[place - 1].iter().zip(&ticks[place]).enumerate() {
            meter.add(before.map(|rows| rows[entity].as_slice()), base, now);
        }
    }
    meter.entropies()
}

fn wrapped(difference: u32, bits: u32) -> i32 {
    let shift = 32 - bits;
    (difference << shift) as i32 >> shift
}

/// Values this near to zero are most of them, and are counted without looking them up.
const NEAR: i32 = 1 << 10;

/// How often each value came.
#[derive(Default)]
struct Histogram {
    near: Vec<u64>,
    far: HashMap<i32, u64>,
}

impl Histogram {
    fn add(&mut self, value: i32) {
        if (-NEAR..NEAR).contains(&value) {
            self.near.resize(2 * NEAR as usize, 0);
            self.near[(value + NEAR) as usize] += 1;
        } else {
            *self.far.entry(value).or_default() += 1;
        }
    }

    /// The entropy of a value; not a number when there is none.
    fn bits(&self) -> f64 {
        let mut counts: Vec<u64> = self.near.iter().chain(self.far.values()).copied().collect();
        counts.retain(|count| *count > 0);
        // Or the last digits of the sum would be others in each run.
        counts.sort_unstable();
        if counts.is_empty() {
            return f64::NAN;
        }
        let all = counts.iter().sum::<u64>() as f64;
        counts.iter().map(|count| *count as f64 / all).fold(0.0, |bits, share| bits - share * share.log2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropies_are_known() {
        let check = |codes: &[u32], bits, first: f64, second: f64| {
            let ticks: Vec<_> = codes.iter().map(|code| vec![[*code]]).collect();
            let found = entropies(&ticks, [bits]);
            assert!((found.differences - first).abs() < 1e-9, "{codes:?}: {found:?}");
            assert!((found.second_differences - second).abs() < 1e-9, "{codes:?}: {found:?}");
        };
        check(&[5, 5, 5, 5], 8, 0.0, 0.0);
        check(&[0, 1, 1, 2, 2], 8, 1.0, (1.0f64 / 3.0).log2().abs() - 2.0 / 3.0);
        // Around the end of the width and back: differences of 1 and 255 are 1 and -1.
        check(&[254, 255, 0, 1, 2], 8, 0.0, 0.0);
        check(&[0, u32::MAX, u32::MAX - 1], 32, 0.0, 0.0);
        check(&[0, 1 << 31, 0, 1 << 31], 32, 0.0, 0.0);
        // Far ones count as near ones do.
        check(&[0, 5_000, 0, 5_000, 0], 16, 1.0, (1.0f64 / 3.0).log2().abs() - 2.0 / 3.0);
        assert!(entropies(&[vec![[1]], vec![[1]]], [4]).second_differences.is_nan());
    }
}
