//! What the bots measure, in bounded memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use fracas_shared::Tick;
use hdrhistogram::Histogram;

/// The longest time that is told apart from longer ones.
const TIME_MAX: Duration = Duration::from_mins(1);
/// Digits of a time that count: it is right to one part in a thousand.
const DIGITS: u8 = 3;

/// What all bots measure together.
#[derive(Debug)]
pub(crate) struct Record {
    /// Microseconds from one update of a bot to its next.
    pub(crate) update_gap_us: Histogram<u64>,
    /// Microseconds from the sending of an input to the first state that it was used for.
    pub(crate) input_to_state_us: Histogram<u64>,
    pub(crate) joined: u32,
    pub(crate) failed: u32,
    pub(crate) disconnects: u32,
    pub(crate) updates: u64,
    pub(crate) kills: u64,
    pub(crate) view_hash_mismatches: u64,
    pub(crate) rooms: BTreeSet<String>,
    pub(crate) errors: BTreeMap<String, Errors>,
    pub(crate) stays: Vec<Stay>,
}

/// Errors of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Errors {
    pub(crate) count: u64,
    /// What the first one said.
    pub(crate) first: String,
}

/// A bot's time in its room.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Stay {
    /// Ticks that the server made while the bot was in the room.
    pub(crate) expected: u32,
    /// Ticks of which the bot got the state.
    pub(crate) received: u32,
    pub(crate) seconds: f64,
    pub(crate) rx_bytes: u64,
    pub(crate) tx_bytes: u64,
}

impl Record {
    pub(crate) fn new() -> Self {
        let histogram = || {
            let max_us = TIME_MAX.as_micros() as u64;
            Histogram::new_with_bounds(1, max_us, DIGITS).expect("the bounds are constants that fit")
        };
        Self {
            update_gap_us: histogram(),
            input_to_state_us: histogram(),
            joined: 0,
            failed: 0,
            disconnects: 0,
            updates: 0,
            kills: 0,
            view_hash_mismatches: 0,
            rooms: BTreeSet::new(),
            errors: BTreeMap::new(),
            stays: Vec::new(),
        }
    }

    /// Takes an update: the time since the bot's last one, and how long the input took that it is
    /// the first to show.
    pub(crate) fn update(&mut self, gap: Option<Duration>, input_to_state: Option<Duration>) {
        self.updates += 1;
        if let Some(gap) = gap {
            self.update_gap_us.saturating_record(gap.as_micros() as u64);
        }
        if let Some(time) = input_to_state {
            self.input_to_state_us.saturating_record(time.as_micros() as u64);
        }
    }

    /// Counts an error of this kind.
    pub(crate) fn error(&mut self, kind: String, message: impl FnOnce() -> String) {
        self.errors.entry(kind).or_insert_with(|| Errors { count: 0, first: message() }).count += 1;
    }
}

/// When inputs were sent, for those that no state has shown yet. The oldest is forgotten first.
#[derive(Debug)]
pub(crate) struct Outstanding {
    sent: [Option<(Tick, Instant)>; Self::INPUTS_MAX],
    /// The newest stamp that a state has shown.
    shown: Option<Tick>,
}

impl Outstanding {
    /// Inputs that are remembered: more than a server lets wait.
    const INPUTS_MAX: usize = 64;

    pub(crate) fn new() -> Self {
        Self { sent: [None; Self::INPUTS_MAX], shown: None }
    }

    pub(crate) fn sent(&mut self, stamp: Tick, at: Instant) {
        self.sent[Self::place(stamp)] = Some((stamp, at));
    }

    /// When the input was sent that a state shows; none when another state has shown it before.
    pub(crate) fn shown(&mut self, stamp: Tick) -> Option<Instant> {
        if self.shown.replace(stamp) == Some(stamp) {
            return None;
        }
        let (sent, at) = self.sent[Self::place(stamp)].take()?;
        (sent == stamp).then_some(at)
    }

    fn place(stamp: Tick) -> usize {
        stamp.0 as usize % Self::INPUTS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_shown_once() {
        let mut outstanding = Outstanding::new();
        let at = Instant::now();
        outstanding.sent(Tick(10), at);
        outstanding.sent(Tick(11), at);
        assert_eq!(outstanding.shown(Tick(9)), None);
        assert_eq!(outstanding.shown(Tick(10)), Some(at));
        assert_eq!(outstanding.shown(Tick(10)), None);
        assert_eq!(outstanding.shown(Tick(11)), Some(at));
        // Tick 76 has the place of tick 12.
        outstanding.sent(Tick(12), at);
        outstanding.sent(Tick(76), at);
        assert_eq!(outstanding.shown(Tick(12)), None);
    }

    #[test]
    fn any_time_can_be_recorded() {
        let mut record = Record::new();
        record.update(None, None);
        record.update(Some(Duration::ZERO), Some(Duration::from_hours(1)));
        assert_eq!(record.updates, 2);
        assert_eq!(record.update_gap_us.len(), 1);
        assert!(record.input_to_state_us.max() >= TIME_MAX.as_micros() as u64);
    }
}
