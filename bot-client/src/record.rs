//! What the bots measure, in bounded memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::times::{Time, Times};

/// Rooms that are told apart; more are counted, but not audited.
const ROOMS_KEPT_MAX: usize = 10_000;
/// Kinds of errors that are told apart.
const ERROR_KINDS_MAX: usize = 64;

/// What some bots measure together, from a run's begin to its end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Until the window began.
    pub(crate) times: Times,
    /// Since then: it is added to both when the window ends, so that what is noted is noted once.
    #[serde(skip)]
    latest: Times,
    pub(crate) counts: Counts,
    pub(crate) rooms: BTreeSet<String>,
    /// By kind.
    pub(crate) errors: BTreeMap<String, Errors>,
    /// By kind: promises that the server broke.
    pub(crate) violations: BTreeMap<String, Errors>,
    pub(crate) updates_received_share_min: Option<f64>,
    /// Since the window began.
    pub(crate) window: Window,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) joined: u64,
    pub(crate) failed: u64,
    pub(crate) disconnects: u64,
    pub(crate) resumed: u64,
    pub(crate) seats_lost: u64,
    pub(crate) continuity_lost: u64,
    pub(crate) updates: u64,
    pub(crate) updates_expected: u64,
    pub(crate) updates_received: u64,
    pub(crate) inputs: u64,
    pub(crate) inputs_planned: u64,
    pub(crate) rx_bytes: u64,
    pub(crate) tx_bytes: u64,
    pub(crate) kills: u64,
    pub(crate) view_hash_mismatches: u64,
    pub(crate) errors: u64,
    /// Microseconds that all bots had their seats.
    pub(crate) played_us: u64,
    /// Microseconds of processor time that driving the bots took.
    pub(crate) cpu_us: u64,
}

/// What was measured in one window of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Window {
    /// Which one, from 0 on.
    pub(crate) number: u32,
    pub(crate) times: Times,
    /// What was counted until its end, since the run began.
    pub(crate) counts: Counts,
    /// Bots that had a seat at its end.
    pub(crate) playing: u32,
    /// Errors and violations in it, by kind.
    pub(crate) errors: BTreeMap<String, Errors>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            number: 0,
            times: Times::coarse(),
            counts: Counts::default(),
            playing: 0,
            errors: BTreeMap::new(),
        }
    }
}

/// Errors of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Errors {
    pub(crate) count: u64,
    /// What the first one said.
    pub(crate) first: String,
}

impl Record {
    /// Notes a time.
    pub(crate) fn note(&mut self, time: Time, taken: Duration) {
        self.latest.note(time, taken);
    }

    /// [`Times::note_corrected`].
    pub(crate) fn note_corrected(&mut self, time: Time, taken: Duration, interval: Duration) {
        self.latest.note_corrected(time, taken, interval);
    }

    /// Counts an error of this kind.
    pub(crate) fn error(&mut self, kind: &str, message: impl FnOnce() -> String) {
        self.counts.errors += 1;
        let message = message();
        count(&mut self.window.errors, kind, 1, || message.clone());
        count(&mut self.errors, kind, 1, || message);
    }

    /// Counts a promise that the server broke; whether it is the first of its kind.
    pub(crate) fn violation(&mut self, kind: &str, times: u64, message: impl FnOnce() -> String) -> bool {
        self.counts.errors += times;
        let message = message();
        count(&mut self.window.errors, kind, times, || message.clone());
        count(&mut self.violations, kind, times, || message)
    }

    pub(crate) fn in_room(&mut self, room: &str) {
        if self.rooms.len() < ROOMS_KEPT_MAX && !self.rooms.contains(room) {
            self.rooms.insert(room.to_owned());
        }
    }

    /// Notes how much a bot got of what it was to get in one stay.
    pub(crate) fn stay(&mut self, expected: u64, received: u64, time: Duration, is_judged: bool) {
        self.counts.updates_expected += expected;
        self.counts.updates_received += received;
        self.counts.played_us += time.as_micros() as u64;
        if is_judged && expected > 0 {
            let share = received as f64 / expected as f64;
            let least = self.updates_received_share_min.map_or(share, |least| least.min(share));
            self.updates_received_share_min = Some(least);
        }
    }

    /// Ends the window, and begins the next one.
    pub(crate) fn end_window(&mut self, playing: u32) -> Window {
        self.window.counts = self.counts;
        self.window.playing = playing;
        self.times.add(&self.latest);
        self.window.times.add(&self.latest);
        self.latest.clear();
        let window = self.window.clone();
        self.window.number += 1;
        self.window.times.clear();
        self.window.errors.clear();
        window
    }

    /// Adds all that others measured; the windows are left as they are.
    pub(crate) fn add(&mut self, others: &Self) {
        self.times.add(&others.times);
        self.counts.add(&others.counts);
        self.rooms.extend(others.rooms.iter().cloned());
        for (mine, theirs) in [(&mut self.errors, &others.errors), (&mut self.violations, &others.violations)]
        {
            for (kind, errors) in theirs {
                count(mine, kind, errors.count, || errors.first.clone());
            }
        }
        let shares = [self.updates_received_share_min, others.updates_received_share_min];
        self.updates_received_share_min = shares.into_iter().flatten().reduce(f64::min);
    }
}

/// Counts errors of a kind; whether they are the first of it.
pub(crate) fn count(
    kinds: &mut BTreeMap<String, Errors>,
    kind: &str,
    times: u64,
    message: impl FnOnce() -> String,
) -> bool {
    if let Some(errors) = kinds.get_mut(kind) {
        errors.count += times;
        return false;
    }
    let kind = if kinds.len() < ERROR_KINDS_MAX { kind } else { "other" };
    kinds.entry(kind.to_owned()).or_insert_with(|| Errors { count: 0, first: message() }).count += times;
    true
}

impl Counts {
    pub(crate) fn add(&mut self, others: &Self) {
        self.zip(others, |mine, theirs| *mine += theirs);
    }

    /// What was counted since then.
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        self.zip(earlier, |mine, theirs| *mine = mine.saturating_sub(theirs));
        self
    }

    fn zip(&mut self, others: &Self, with: impl Fn(&mut u64, u64)) {
        let Self {
            joined,
            failed,
            disconnects,
            resumed,
            seats_lost,
            continuity_lost,
            updates,
            updates_expected,
            updates_received,
            inputs,
            inputs_planned,
            rx_bytes,
            tx_bytes,
            kills,
            view_hash_mismatches,
            errors,
            played_us,
            cpu_us,
        } = self;
        with(joined, others.joined);
        with(failed, others.failed);
        with(disconnects, others.disconnects);
        with(resumed, others.resumed);
        with(seats_lost, others.seats_lost);
        with(continuity_lost, others.continuity_lost);
        with(updates, others.updates);
        with(updates_expected, others.updates_expected);
        with(updates_received, others.updates_received);
        with(inputs, others.inputs);
        with(inputs_planned, others.inputs_planned);
        with(rx_bytes, others.rx_bytes);
        with(tx_bytes, others.tx_bytes);
        with(kills, others.kills);
        with(view_hash_mismatches, others.view_hash_mismatches);
        with(errors, others.errors);
        with(played_us, others.played_us);
        with(cpu_us, others.cpu_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn any_time_can_be_noted() {
        let mut record = Record::default();
        record.note(Time::UpdateGap, Duration::ZERO);
        record.note(Time::UpdateGap, Duration::from_hours(1));
        record.end_window(0);
        assert_eq!(record.times.of(Time::UpdateGap).len(), 2);
        assert!(record.times.of(Time::UpdateGap).max() >= crate::times::TIME_MAX.as_micros() as u64);
    }

    #[test]
    fn what_nobody_asked_meanwhile_is_noted_too() {
        let mut record = Record::default();
        for gap in [20, 29, 100] {
            record.note_corrected(Time::UpdateGap, ms(gap), ms(20));
        }
        record.end_window(0);
        let noted: Vec<u64> = record
            .times
            .of(Time::UpdateGap)
            .iter_recorded()
            .map(|value| value.value_iterated_to() / 1000 * value.count_at_value())
            .collect();
        assert_eq!(noted, [2 * 20, 29, 40, 60, 80, 100]);
    }

    #[test]
    fn a_sum_is_of_all() {
        let record = |gap, share: Option<f64>| {
            let mut record = Record::default();
            record.note(Time::UpdateGap, ms(gap));
            record.error("closed", || format!("after {gap} ms"));
            record.in_room("r1");
            if let Some(share) = share {
                record.stay(100, (share * 100.0) as u64, ms(1000), true);
            }
            record.end_window(0);
            record
        };
        let mut sum = record(10, None);
        sum.add(&record(30, Some(0.5)));
        sum.add(&record(20, Some(1.0)));
        assert_eq!((sum.times.of(Time::UpdateGap).len(), sum.counts.errors), (3, 3));
        assert_eq!(sum.errors["closed"], Errors { count: 3, first: "after 10 ms".into() });
        assert_eq!((sum.rooms.len(), sum.updates_received_share_min), (1, Some(0.5)));
        assert_eq!((sum.counts.updates_expected, sum.counts.updates_received), (200, 150));
    }

    #[test]
    fn a_record_travels_whole() {
        let mut record = Record::default();
        for us in [1, 999, 12_345, 59_000_000, 100_000_000] {
            record.note(Time::Ping, Duration::from_micros(us));
        }
        record.violation("swapped_id", 2, || "7 was 3's".into());
        record.end_window(0);
        let json = serde_json::to_string(&record).unwrap();
        let back: Record = serde_json::from_str(&json).unwrap();
        assert_eq!(back.times.of(Time::Ping), record.times.of(Time::Ping));
        assert_eq!(serde_json::to_string(&back).unwrap(), json);
    }
}
