//! What a perfect observer would report, by what the server has noted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What was noted of one player.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// When each update was written, and the stamp of the newest input that it told of.
    pub(crate) updates: Vec<(Instant, u32)>,
    /// The stamp of each input, and when it came.
    pub(crate) inputs: Vec<(u32, Instant)>,
}

/// Times, in milliseconds and in order.
#[derive(Debug)]
pub(crate) struct Times(Vec<f64>);

impl Times {
    fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut ms: Vec<_> = times.map(|time| time.as_secs_f64() * 1000.0).collect();
        ms.sort_by(f64::total_cmp);
        Self(ms)
    }

    /// From each update to the next, with what those had to wait who would have come in the middle of a gap: one that is longer
    /// than what was to be expected stands for one that began an interval later, and so on, as `HdrHistogram`
    /// corrects for coordinated omission.
    pub(crate) fn corrected_gaps(players: &[Notes], interval: Duration) -> Self {
        Self::of(gaps(players).flat_map(|gap| {
            let shorter =
                move |longer: &Duration| longer.checked_sub(interval).filter(|left| *left >= interval);
            std::iter::successors(Some(gap), shorter)
        }))
    }

    /// How much later each update was written than it was due, by the one that was written earliest.
    pub(crate) fn ages(players: &[Notes], interval: Duration) -> Self {
        Self::of(players.iter().flat_map(|notes| notes.ages(interval)))
    }

    /// From the coming of each input to the first update that told of it. One that answers an update that was
    /// an interval late or more was to come by so much earlier.
    pub(crate) fn inputs_to_state(players: &[Notes], interval: Duration) -> Self {
        Self::of(players.iter().flat_map(|notes| {
            let came: BTreeMap<_, _> = notes.inputs.iter().copied().collect();
            let ages: Vec<Duration> = notes.ages(interval).collect();
            let late = move |came: Instant| {
                let answered = notes.updates.partition_point(|(at, _)| *at <= came);
                let age = answered.checked_sub(1).map_or(Duration::ZERO, |place| ages[place]);
                if age >= interval { age } else { Duration::ZERO }
            };
            let firsts = notes.updates.chunk_by(|one, next| one.1 == next.1).map(|same| same[0]);
            firsts.filter_map(move |(at, stamp)| {
                let came = *came.get(&stamp)?;
                Some(at.saturating_duration_since(came) + late(came))
            })
        }))
    }

    /// The least time that this share of all does not exceed; 0 when there are none.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let place = ((self.0.len() as f64 * share).ceil() as usize).clamp(1, self.0.len().max(1)) - 1;
        self.0.get(place).copied().unwrap_or_default()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

impl Notes {
    /// How much later each update was written than it was due.
    fn ages(&self, interval: Duration) -> impl Iterator<Item = Duration> + '_ {
        let began = self.updates.first().map(|(at, _)| *at);
        let came = move |(place, (at, _)): (usize, &(Instant, u32))| {
            let since = began.map_or(Duration::ZERO, |began| *at - began);
            since.as_secs_f64() - interval.as_secs_f64() * place as f64
        };
        let least = self.updates.iter().enumerate().map(came).fold(f64::INFINITY, f64::min);
        let age = move |update| Duration::from_secs_f64((came(update) - least).max(0.0));
        self.updates.iter().enumerate().map(age)
    }
}

fn gaps(players: &[Notes]) -> impl Iterator<Item = Duration> {
    players.iter().flat_map(|notes| notes.updates.windows(2).map(|two| two[1].0 - two[0].0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observer_reports_what_was_noted() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let updates = vec![(at(0), 0), (at(20), 0), (at(40), 7), (at(60), 7), (at(135), 9)];
        // The input of tick 8 was never used.
        let inputs = vec![(7, at(25)), (8, at(61)), (9, at(62))];
        let players = [Notes { updates, inputs }];
        let corrected = Times::corrected_gaps(&players, Duration::from_millis(20));
        assert_eq!(corrected.0, [20.0, 20.0, 20.0, 35.0, 55.0, 75.0]);
        let interval = Duration::from_millis(20);
        let whole_ms = |times: Times| times.0.iter().map(|ms| ms.round()).collect::<Vec<_>>();
        assert_eq!(whole_ms(Times::ages(&players, interval)), [0.0, 0.0, 0.0, 0.0, 55.0]);
        assert_eq!(whole_ms(Times::inputs_to_state(&players, interval)), [15.0, 73.0]);
        assert_eq!(Times::of(std::iter::empty()).quantile(0.5), 0.0);
    }
}
