//! Times by the thousand: what share of them was how long.

use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// The shortest time that is told from none, in nanoseconds.
const SHORTEST_NS: u64 = 1;
/// The longest; longer ones count as this.
const LONGEST_NS: u64 = 60_000_000_000;
/// Figures are right to one part in a thousand.
const DIGITS: u8 = 3;

/// Times as a histogram.
#[derive(Clone, Debug)]
pub(crate) struct Times(Histogram<u64>);

impl Times {
    /// None so far.
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(SHORTEST_NS, LONGEST_NS, DIGITS);
        Self(histogram.expect("these bounds are in order"))
    }

    /// Takes one more.
    pub(crate) fn record(&mut self, time: Duration) {
        self.0.saturating_record(time.as_nanos() as u64);
    }

    /// Takes all of another's.
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("the bounds of all are the same");
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time that this share of all does not exceed, in seconds; none of none.
    pub(crate) fn quantile_s(&self, share: f64) -> Option<f64> {
        (self.count() > 0).then(|| self.0.value_at_quantile(share) as f64 / 1e9)
    }

    /// The longest, in seconds; none of none.
    pub(crate) fn max_s(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.0.max() as f64 / 1e9)
    }

    /// For another process: each time in nanoseconds, and how often it is there.
    pub(crate) fn pairs(&self) -> Value {
        self.0.iter_recorded().map(|at| json!([at.value_iterated_to(), at.count_at_value()])).collect()
    }

    /// Of what [`Times::pairs`] made.
    pub(crate) fn of_pairs(pairs: &Value) -> Result<Self> {
        let mut times = Self::new();
        for pair in pairs.as_array().context("no list of times")? {
            let number = |place: usize| pair[place].as_u64().context("no time");
            times.0.saturating_record_n(number(0)?, number(1)?);
        }
        Ok(times)
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let ms = |seconds: Option<f64>| seconds.map(|seconds| seconds * 1000.0);
        json!({
            "count": self.count(),
            "p50_ms": ms(self.quantile_s(0.5)),
            "p99_ms": ms(self.quantile_s(0.99)),
            "p99_9_ms": ms(self.quantile_s(0.999)),
            "max_ms": ms(self.max_s()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That these are the same to a part in a thousand.
    fn assert_near(found: Option<f64>, wanted: f64) {
        let found = found.expect("there are some");
        assert!((found / wanted - 1.0).abs() < 0.001, "{found} instead of {wanted}");
    }

    #[test]
    fn quantiles_are_times_that_were_taken() {
        let mut times = Times::new();
        (1..=1000).for_each(|ms| times.record(Duration::from_millis(ms)));
        for (share, wanted) in [(0.5, 0.5), (0.99, 0.99), (0.999, 0.999)] {
            assert_near(times.quantile_s(share), wanted);
        }
        assert_near(times.max_s(), 1.0);
        assert_eq!(Times::new().quantile_s(0.5), None);
    }

    #[test]
    fn times_are_the_same_in_another_process() {
        let (mut times, mut both) = (Times::new(), Times::new());
        for us in [20, 20, 33_333, 1_000_000] {
            times.record(Duration::from_micros(us));
        }
        let other = Times::of_pairs(&times.pairs()).expect("they were written so");
        assert_eq!(other.json(), times.json());
        both.add(&times);
        both.add(&other);
        assert_eq!(both.count(), 8);
        assert_near(both.quantile_s(0.5), 20e-6);
        assert!(Times::of_pairs(&json!([[1]])).is_err());
    }
}
