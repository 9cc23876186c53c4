//! Simulated time, counted in ticks.

use core::fmt;
use core::ops::{Add, AddAssign};

/// A moment of a match: how many steps its simulation has made.
///
/// Ticks wrap after 2^32 (more than four years at 30 Hz), so they are compared by [`Tick::since`],
/// which is right for ticks less than 2^31 apart. `Ord` is deliberately absent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Tick(pub u32);

impl Tick {
    /// The tick after this one.
    #[must_use]
    pub fn next(self) -> Self {
        self + 1
    }

    /// How many ticks `self` comes after `earlier`; negative when it comes before.
    pub fn since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }

    /// Whether `self` comes after `other`.
    pub fn is_after(self, other: Self) -> bool {
        self.since(other) > 0
    }
}

/// How many ticks last at least this long, of so many in a second; at least 1.
pub fn ticks_of(seconds: f32, tick_hz: u16) -> u32 {
    ((seconds * f32::from(tick_hz)).ceil() as u32).max(1)
}

impl Add<u32> for Tick {
    type Output = Self;

    fn add(self, ticks: u32) -> Self {
        Self(self.0.wrapping_add(ticks))
    }
}

impl AddAssign<u32> for Tick {
    fn add_assign(&mut self, ticks: u32) {
        *self = *self + ticks;
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_wrap() {
        let last = Tick(u32::MAX);
        assert_eq!(last.next(), Tick(0));
        assert_eq!(last.next().since(last), 1);
        assert!(Tick(3).is_after(last) && !last.is_after(Tick(3)));
    }
}
