//! When a room's ticks are due.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fracas_shared::limits::{CATCH_UP_TICKS_MAX, PHASE_ROOMS_MAX, PHASES_MAX};

const NANOS_PER_S: u64 = 1_000_000_000;

/// The deadlines of one room: `start + n * period`, so that errors never add up. Takes the time as
/// an argument.
#[derive(Debug)]
pub(super) struct Pacer {
    tick_hz: u64,
    start: Instant,
    ticks: u64,
}

impl Pacer {
    /// The first tick is due at `start`.
    pub(super) fn new(tick_hz: u16, start: Instant) -> Self {
        Self { tick_hz: u64::from(tick_hz), start, ticks: 0 }
    }

    /// The time between two ticks.
    pub(super) fn period(&self) -> Duration {
        Duration::from_nanos(NANOS_PER_S / self.tick_hz)
    }

    /// When the next tick is due.
    pub(super) fn due(&self) -> Instant {
        // Whole seconds apart, for the product to stay small through years.
        let (seconds, ticks) = (self.ticks / self.tick_hz, self.ticks % self.tick_hz);
        self.start + Duration::from_secs(seconds) + Duration::from_nanos(ticks * NANOS_PER_S / self.tick_hz)
    }

    /// Counts a tick that was made at `now`. When more than [`CATCH_UP_TICKS_MAX`] others are due
    /// already, the time of those beyond is dropped; the answer is how many.
    pub(super) fn advance(&mut self, now: Instant) -> u32 {
        self.ticks += 1;
        let late = now.saturating_duration_since(self.due());
        let behind = (late.as_nanos() / self.period().as_nanos()) as u64;
        let dropped = behind.saturating_sub(u64::from(CATCH_UP_TICKS_MAX));
        self.ticks += dropped;
        dropped as u32
    }
}

/// Where in their period the rooms of a thread tick.
///
/// Rooms that tick together share warm caches and one wake-up, so a phase is filled with
/// [`PHASE_ROOMS_MAX`] rooms before the next is opened; then the last room of a phase does not wait
/// long for the others.
#[derive(Debug)]
pub(super) struct Phases {
    epoch: Instant,
    /// How many rooms of a tick rate are in each phase.
    rooms: BTreeMap<u16, [usize; PHASES_MAX]>,
}

impl Phases {
    pub(super) fn new(epoch: Instant) -> Self {
        Self { epoch, rooms: BTreeMap::new() }
    }

    /// Finds a phase for a room of this tick rate.
    pub(super) fn enter(&mut self, tick_hz: u16) -> usize {
        let rooms = self.rooms.entry(tick_hz).or_default();
        let has_place = rooms.iter().position(|count| *count < PHASE_ROOMS_MAX);
        let emptiest = || (0..PHASES_MAX).min_by_key(|phase| rooms[*phase]).unwrap_or_default();
        let phase = has_place.unwrap_or_else(emptiest);
        rooms[phase] += 1;
        phase
    }

    /// Gives a room's place in a phase back.
    pub(super) fn leave(&mut self, tick_hz: u16, phase: usize) {
        if let Some(rooms) = self.rooms.get_mut(&tick_hz) {
            rooms[phase] -= 1;
        }
    }

    /// The first moment of the phase after `now`.
    pub(super) fn next(&self, tick_hz: u16, phase: usize, now: Instant) -> Instant {
        let period = Duration::from_nanos(NANOS_PER_S / u64::from(tick_hz));
        let first = self.epoch + period * phase as u32 / PHASES_MAX as u32;
        let periods = now.saturating_duration_since(first).as_nanos() / period.as_nanos() + 1;
        let whole = Duration::from_nanos((periods * period.as_nanos()) as u64);
        first + whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_do_not_drift() {
        let start = Instant::now();
        let mut pacer = Pacer::new(30, start);
        for _ in 0..30 * 3600 {
            assert_eq!(pacer.advance(pacer.due()), 0);
        }
        assert_eq!(pacer.due() - start, Duration::from_hours(1));
    }

    #[test]
    fn a_late_room_catches_up_three_ticks_and_drops_the_rest() {
        let start = Instant::now();
        let mut pacer = Pacer::new(10, start);
        let now = start + Duration::from_millis(1050);
        // Ticks 1 to 10 are due besides the one that is made: three are made up for.
        assert_eq!(pacer.advance(now), 6);
        assert_eq!(pacer.due(), start + Duration::from_millis(700));
        for _ in 0..4 {
            assert!(pacer.due() <= now);
            assert_eq!(pacer.advance(now), 0);
        }
        assert!(pacer.due() > now);
    }

    #[test]
    fn phases_are_filled_one_after_the_other() {
        let epoch = Instant::now();
        let mut phases = Phases::new(epoch);
        let taken: Vec<_> = (0..=PHASE_ROOMS_MAX).map(|_| phases.enter(20)).collect();
        assert_eq!((taken[0], taken[PHASE_ROOMS_MAX]), (0, 1));
        phases.leave(20, 0);
        assert_eq!(phases.enter(20), 0);
        let period = Duration::from_millis(50);
        assert_eq!(phases.next(20, 0, epoch), epoch + period);
        assert_eq!(phases.next(20, 1, epoch), epoch + period + period / PHASES_MAX as u32);
        assert_eq!(phases.next(20, 0, epoch + period * 7 / 2), epoch + period * 4);
    }
}
