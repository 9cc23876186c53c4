//! Order-0 entropy: the bits that a coder needs which knows how often each value comes, and nothing
//! else.

use std::collections::HashMap;

use super::arena_trace::FIELDS;

/// Bits per entity and tick, summed over the fields.
#[derive(Clone, Copy, Debug)]
pub struct Entropies {
    /// Of what a field differs from the tick before.
    pub differences: f64,
    /// Of what that differs from the tick before.
    pub second_differences: f64,
}

/// The entropies of so many ticks of codes of these widths. Differences are modulo their widths.
pub fn entropies(ticks: &[Vec<[u32; FIELDS]>], bits: [u32; FIELDS]) -> Entropies {
    let mut sums = Entropies { differences: 0.0, second_differences: 0.0 };
    for field in 0..FIELDS {
        let difference = |from: u32, to: u32| wrapped(to.wrapping_sub(from) as i32, bits[field]);
        let (mut first, mut second) = (HashMap::new(), HashMap::new());
        for window in ticks.windows(3) {
            for ((a, b), c) in window[0].iter().zip(&window[1]).zip(&window[2]) {
                let (before, now) = (difference(a[field], b[field]), difference(b[field], c[field]));
                *first.entry(now).or_insert(0u64) += 1;
                *second.entry(wrapped(now - before, bits[field])).or_insert(0u64) += 1;
            }
        }
        sums.differences += bits_of(&first);
        sums.second_differences += bits_of(&second);
    }
    sums
}

fn wrapped(value: i32, bits: u32) -> i32 {
    let shift = 32 - bits;
    value << shift >> shift
}

fn bits_of(counts: &HashMap<i32, u64>) -> f64 {
    let all: u64 = counts.values().sum();
    let share = |count: &u64| *count as f64 / all as f64;
    counts.values().map(share).map(|share| -share * share.log2()).sum()
}
