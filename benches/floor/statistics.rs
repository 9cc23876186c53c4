//! What several rounds say together.

use fracas_shared::Rng;
use serde_json::{Value, json};

/// How often the rounds are drawn anew.
const DRAWS: usize = 10_000;
/// The same draws each time, so that the same figures give the same interval.
const SEED: u64 = 1;
/// The share of draws that is left out at either end of the interval.
const TAIL: f64 = 0.025;

/// Figures of some rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
    /// The 95 % bootstrap interval of the median, by its percentiles (Efron 1979).
    pub(crate) low: f64,
    /// Its upper end.
    pub(crate) high: f64,
}

impl Spread {
    /// Of these figures; none of none.
    pub(crate) fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let mut rng = Rng::new(SEED, 0);
        let mut drawn = sorted.clone();
        let draw = |_| {
            drawn.fill_with(|| sorted[rng.below(sorted.len() as u32) as usize]);
            drawn.sort_by(f64::total_cmp);
            median(&drawn)
        };
        let mut medians: Vec<_> = (0..DRAWS).map(draw).collect();
        medians.sort_by(f64::total_cmp);
        let left_out = (DRAWS as f64 * TAIL) as usize;
        let (low, high) = (medians[left_out], medians[DRAWS - 1 - left_out]);
        Some(Self { least, median: median(&sorted), most, low, high })
    }

    /// By what share of the least the most is more.
    pub(crate) fn width(&self) -> f64 {
        self.most / self.least - 1.0
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "median": self.median,
            "least": self.least,
            "most": self.most,
            "interval_95": { "low": self.low, "high": self.high },
        })
    }
}

/// Of figures in order, of which there are some.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_in_the_middle() {
        let median = |figures: &[f64]| Spread::of(figures).map(|spread| spread.median);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn rounds_that_are_alike_leave_no_doubt() {
        let spread = Spread::of(&[1.5; 11]).expect("figures");
        assert_eq!((spread.low, spread.high, spread.width()), (1.5, 1.5, 0.0));
    }

    #[test]
    fn the_interval_is_that_of_the_binomial_distribution() {
        // Of 11 figures, a draw's median is at most the kth when 6 or more of 11 are at most it: with k of 2, that is
        // 0.7 % of all draws, with 3 it is 5.1 %. So the interval goes from the third to the ninth.
        let figures: Vec<_> = (1..=11).map(f64::from).collect();
        let spread = Spread::of(&figures).expect("figures");
        assert_eq!((spread.least, spread.low, spread.high, spread.most), (1.0, 3.0, 9.0, 11.0));
        assert_eq!(spread, Spread::of(&figures).expect("figures"), "the same each time");
    }

    #[test]
    fn the_width_is_of_the_least() {
        assert_eq!(Spread::of(&[10.0, 8.0, 9.0]).expect("figures").width(), 0.25);
    }
}
