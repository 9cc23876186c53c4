//! Times that are measured, as histograms.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The longest time that is told apart from longer ones.
pub(crate) const TIME_MAX: Duration = Duration::from_mins(1);
/// Digits of a time that count over a whole run: it is right to one part in a thousand.
const DIGITS: u8 = 3;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    /// From the first try to reach the server to its welcome.
    Connect,
    /// From asking for a seat to the first whole state.
    Join,
    /// From one update of a bot to its next.
    UpdateGap,
    /// How much later than the earliest of its room a tick's state came.
    TickAge,
    /// From an input to the first state that shows it.
    InputToState,
    /// To the server and back.
    Ping,
    /// From the last update before a connection was gone to the first one after the seat was taken up again.
    Away,
    /// How late the load tester itself was.
    Lateness,
}

impl Time {
    /// All of them, with the names that they have in expectations.
    pub(crate) const ALL: [(Self, &'static str); 8] = [
        (Self::Connect, "connect"),
        (Self::Join, "join"),
        (Self::UpdateGap, "update_gap"),
        (Self::TickAge, "tick_age"),
        (Self::InputToState, "input_to_state"),
        (Self::Ping, "ping"),
        (Self::Away, "away"),
        (Self::Lateness, "lateness"),
    ];
}

/// A histogram of each, in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Times([Histogram<u64>; Time::ALL.len()]);

impl Default for Times {
    fn default() -> Self {
        Self(std::array::from_fn(|_| histogram(DIGITS)))
    }
}

impl Times {
    /// Histograms of fewer digits, for the windows of a run.
    pub(crate) fn coarse() -> Self {
        Self(std::array::from_fn(|_| histogram(DIGITS - 1)))
    }

    pub(crate) fn of(&self, time: Time) -> &Histogram<u64> {
        &self.0[time as usize]
    }

    pub(crate) fn note(&mut self, time: Time, taken: Duration) {
        self.0[time as usize].saturating_record(taken.as_micros() as u64);
    }

    /// Notes a time that nobody looked at meanwhile, corrected for coordinated omission: whoever looks
    /// only every `interval` and then waits for long has not asked as often as was meant. The times that
    /// would have been seen are noted, too (Gil Tene's correction, as in `HdrHistogram`).
    pub(crate) fn note_corrected(&mut self, time: Time, taken: Duration, interval: Duration) {
        let (mut us, interval_us) = (taken.as_micros() as u64, interval.as_micros() as u64);
        let histogram = &mut self.0[time as usize];
        histogram.saturating_record(us);
        while interval_us > 0 && us >= 2 * interval_us {
            us -= interval_us;
            histogram.saturating_record(us);
        }
    }

    /// Adds all that others measured.
    pub(crate) fn add(&mut self, others: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&others.0) {
            mine.add(theirs).expect("histograms of the same bounds");
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.iter_mut().for_each(Histogram::reset);
    }

    pub(crate) fn quantiles(&self, time: Time) -> Quantiles {
        Quantiles::of(self.of(time))
    }
}

/// As JSON: the digits, and of each histogram the values that it has, with how often.
impl Serialize for Times {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = |histogram: &Histogram<u64>| -> Vec<(u64, u64)> {
            histogram
                .iter_recorded()
                .map(|value| (value.value_iterated_to(), value.count_at_value()))
                .collect()
        };
        (self.0[0].sigfig(), self.0.each_ref().map(counts)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (digits, counts): (u8, [Vec<(u64, u64)>; Time::ALL.len()]) =
            Deserialize::deserialize(deserializer)?;
        if !(1..=DIGITS).contains(&digits) {
            return Err(serde::de::Error::custom(format!("no histogram has {digits} digits")));
        }
        let histograms = counts.map(|counts| {
            let mut histogram = histogram(digits);
            for (value, count) in counts {
                histogram.saturating_record_n(value, count);
            }
            histogram
        });
        Ok(Self(histograms))
    }
}

fn histogram(digits: u8) -> Histogram<u64> {
    let max_us = TIME_MAX.as_micros() as u64;
    Histogram::new_with_bounds(1, max_us, digits).expect("the bounds are constants that fit")
}

/// A distribution of times, in milliseconds, right to one part in a thousand; 0 when nothing was
/// measured, and 60,000 for all that took longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quantiles {
    /// How many were measured.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// 9 of 10 are at most this.
    pub p90: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// 999 of 1,000 are at most this.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Quantiles {
    pub(crate) fn of(histogram_us: &Histogram<u64>) -> Self {
        let at = |quantile| histogram_us.value_at_quantile(quantile) as f64 / 1000.0;
        Self {
            count: histogram_us.len(),
            mean: (histogram_us.mean()).round() / 1000.0,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram_us.max() as f64 / 1000.0,
        }
    }
}
