//! Moments between two ticks.

use core::fmt;

use crate::codec::{DecodeError, StateReader, StateWriter};
use crate::state::State;
use crate::tick::Tick;

/// The moment of a match that a player's screen shows: a tick and a part of the next one.
///
/// Screens show others a little in the past, at moments between two snapshots. Parts are whole
/// numbers, and clients draw at such a moment exactly, so that both ends mean the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewTime {
    tick: Tick,
    /// 0 to [`ViewTime::PARTS`] less one.
    part: u16,
}

impl ViewTime {
    /// Parts of a tick.
    pub const PARTS: u16 = 1024;

    /// The moment of a tick's snapshot.
    pub const fn at(tick: Tick) -> Self {
        Self { tick, part: 0 }
    }

    /// The moment so many parts of a tick before a tick.
    pub fn before(tick: Tick, parts: u16) -> Self {
        let (parts, of_a_tick) = (u32::from(parts), u32::from(Self::PARTS));
        let whole = parts.div_ceil(of_a_tick);
        Self { tick: Tick(tick.0.wrapping_sub(whole)), part: (whole * of_a_tick - parts) as u16 }
    }

    /// The moment so many ticks after a tick, to the part at or before it.
    pub fn after(tick: Tick, ticks: f64) -> Self {
        let parts = (ticks * f64::from(Self::PARTS)).floor() as i64;
        let (whole, part) = (parts.div_euclid(Self::PARTS.into()), parts.rem_euclid(Self::PARTS.into()));
        Self { tick: Tick(tick.0.wrapping_add(whole as u32)), part: part as u16 }
    }

    /// The moment so many parts of a tick later.
    #[must_use]
    pub fn later(self, parts: u32) -> Self {
        let (parts, of_a_tick) = (u64::from(self.part) + u64::from(parts), u64::from(Self::PARTS));
        Self {
            tick: Tick(self.tick.0.wrapping_add((parts / of_a_tick) as u32)),
            part: (parts % of_a_tick) as u16,
        }
    }

    /// The tick at the moment or before it.
    pub fn tick(self) -> Tick {
        self.tick
    }

    /// How far the next tick is on its way: 0 to less than 1.
    pub fn part(self) -> f32 {
        f32::from(self.part) / f32::from(Self::PARTS)
    }

    /// How many ticks it is after a tick; negative when it is before.
    pub fn since(self, tick: Tick) -> f64 {
        f64::from(self.tick.since(tick)) + f64::from(self.part) / f64::from(Self::PARTS)
    }

    /// How many parts of a tick it is before a tick, as an input says it: at least 1, and as many as
    /// fit at most.
    pub fn parts_before(self, tick: Tick) -> u16 {
        let parts = i64::from(tick.since(self.tick)) * i64::from(Self::PARTS) - i64::from(self.part);
        parts.clamp(1, u16::MAX.into()) as u16
    }

    /// Whether it comes after another one.
    pub fn is_after(self, other: Self) -> bool {
        let ticks = self.tick.since(other.tick);
        ticks > 0 || (ticks == 0 && self.part > other.part)
    }
}

impl fmt::Display for ViewTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}/{}", self.tick, self.part, Self::PARTS)
    }
}

impl State for ViewTime {
    fn save(&self, out: &mut StateWriter<'_>) {
        self.tick.save(out);
        self.part.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        let (tick, part) = (Tick::load(from)?, u16::load(from)?);
        if part >= Self::PARTS {
            return Err(DecodeError::Malformed(format!("{part} parts of a tick")));
        }
        Ok(Self { tick, part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_before_a_tick_are_that_moment(tick in any::<u32>(), parts in 1u16..) {
            let time = ViewTime::before(Tick(tick), parts);
            prop_assert_eq!(time.parts_before(Tick(tick)), parts);
            prop_assert_eq!(time.since(Tick(tick)), -f64::from(parts) / f64::from(ViewTime::PARTS));
            prop_assert_eq!(ViewTime::after(Tick(tick), time.since(Tick(tick))), time);
        }
    }

    #[test]
    fn moments_have_an_order_across_the_wrap() {
        let last = ViewTime::before(Tick(0), 1);
        assert!(ViewTime::at(Tick(0)).is_after(last) && !last.is_after(ViewTime::at(Tick(0))));
        assert!(last.is_after(ViewTime::at(Tick(u32::MAX))));
        assert_eq!(last.to_string(), "4294967295+1023/1024");
    }
}
