//! When a room's ticks come, and how late each is.

use std::time::{Duration, Instant};

use fracas_shared::Tick;

/// How long the earliest arrival counts: clocks of two machines drift apart by some ten us in a second.
const MEMORY: Duration = Duration::from_secs(30);

/// Knows how late a tick's state comes, by the earliest of the last while: that one is taken to have come as
/// soon as one can. So a way that is always long is not late, and a stall is, with all that comes behind it.
#[derive(Debug)]
pub(crate) struct TickClock {
    period_s: f64,
    first: Option<(Tick, Instant)>,
    /// When ticks came, less when they were due, in seconds: the least, now and in the memory before.
    least: f64,
    least_before: f64,
    changed_at: Option<Instant>,
    /// Time that the server has dropped.
    dropped_s: f64,
    dropped_at: Option<Tick>,
}

impl TickClock {
    pub(crate) fn new(tick_hz: u16) -> Self {
        Self {
            period_s: 1.0 / f64::from(tick_hz),
            first: None,
            least: f64::INFINITY,
            least_before: f64::INFINITY,
            changed_at: None,
            dropped_s: 0.0,
            dropped_at: None,
        }
    }

    /// How late it is now for the state of this tick.
    pub(crate) fn age(&mut self, tick: Tick, now: Instant) -> Duration {
        let (first, began) = *self.first.get_or_insert((tick, now));
        let changed_at = *self.changed_at.get_or_insert(now);
        if now - changed_at > MEMORY {
            self.least_before = std::mem::replace(&mut self.least, f64::INFINITY);
            self.changed_at = Some(now);
        }
        let due = f64::from(tick.since(first)) * self.period_s + self.dropped_s;
        let came = (now - began).as_secs_f64() - due;
        self.least = self.least.min(came);
        Duration::from_secs_f64((came - self.least.min(self.least_before)).max(0.0))
    }

    /// The server has dropped time after this tick. All bots of a room are told, and it counts once.
    pub(crate) fn dropped(&mut self, tick: Tick, ticks: u32) {
        if self.dropped_at.is_none_or(|last| tick.is_after(last)) {
            self.dropped_at = Some(tick);
            self.dropped_s += f64::from(ticks) * self.period_s;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_is_on_time() {
        let mut clock = TickClock::new(50);
        let began = Instant::now();
        let ms = Duration::from_millis;
        let check = |clock: &mut TickClock, tick: u32, at_ms: u64, age_ms: u64| {
            let age = clock.age(Tick(tick), began + ms(at_ms));
            assert!(age.abs_diff(ms(age_ms)) < Duration::from_micros(1), "tick {tick}: {age:?}");
        };
        check(&mut clock, 100, 7, 0);
        check(&mut clock, 101, 25, 0);
        check(&mut clock, 102, 47, 2);
        // A stall, and what was behind it.
        check(&mut clock, 103, 165, 100);
        check(&mut clock, 104, 165, 80);
        check(&mut clock, 108, 165, 0);
        for _ in 0..3 {
            clock.dropped(Tick(108), 5);
        }
        check(&mut clock, 109, 285, 0);
    }

    #[test]
    fn what_was_early_long_ago_is_forgotten() {
        let mut clock = TickClock::new(10);
        let began = Instant::now();
        // A clock that is one part in a thousand slow.
        let mut last = Duration::ZERO;
        for tick in 0..6000u32 {
            last = clock.age(Tick(tick), began + Duration::from_secs_f64(f64::from(tick) * 0.1001));
        }
        assert!(last < Duration::from_millis(70), "{last:?}");
    }
}
