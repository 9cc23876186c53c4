//! Moments that glide to where they are to be.

use std::time::Duration;

/// The share of an error, in ticks, by which a moment runs faster or slower.
const SLEW_GAIN: f64 = 0.1;

/// A moment of a match, in ticks from some epoch, that moves with time and glides to where it is to
/// be: at most so much faster or slower than time, unless it is far off.
#[derive(Clone, Debug)]
pub(crate) struct Glide {
    tick_s: f64,
    /// 0.02 for 2 %.
    slew_max: f64,
    /// An error that is no longer glided away, in seconds.
    jump_s: f64,
    /// Where it stands, and since when.
    stands: Option<(f64, f64)>,
}

impl Glide {
    /// One that stands nowhere yet.
    pub(crate) fn new(tick_hz: u16, slew_max: f64, jump_s: f64) -> Self {
        Self { tick_s: 1.0 / f64::from(tick_hz), slew_max, jump_s, stands: None }
    }

    /// Where it stands; none before it has moved.
    pub(crate) fn ticks(&self) -> Option<f64> {
        Some(self.stands?.0)
    }

    /// Where it would stand at a moment after it last moved, without gliding. `drift` is by how much
    /// this machine's clock is fast.
    pub(crate) fn at(&self, now: Duration, drift: f64) -> Option<f64> {
        let (ticks, since) = self.stands?;
        Some(ticks + (now.as_secs_f64() - since) * (1.0 - drift) / self.tick_s)
    }

    /// Moves on to now, and towards `target`.
    pub(crate) fn advance(&mut self, now: Duration, target: f64, drift: f64) -> f64 {
        let ticks = match self.ticks().zip(self.at(now, drift)) {
            Some((ticks, expected)) => {
                let error = target - expected;
                let slew = (error * SLEW_GAIN).clamp(-self.slew_max, self.slew_max);
                let is_far = error.abs() * self.tick_s > self.jump_s;
                if is_far { target } else { expected + (expected - ticks) * slew }
            }
            None => target,
        };
        self.stands = Some((ticks, now.as_secs_f64()));
        ticks
    }

    /// Stands nowhere again, and so jumps to the next target.
    pub(crate) fn reset(&mut self) {
        self.stands = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: f64, expected: f64) {
        let mut glide = Glide::new(10, 0.02, 0.5);
        assert_eq!(glide.advance(Duration::from_secs(1), 7.0, 0.0), 7.0);
        // A second is ten ticks.
        let stands = glide.advance(Duration::from_secs(2), target, 0.0);
        assert!((stands - expected).abs() < 1e-9, "{stands}");
    }

    #[test]
    fn it_moves_with_time_and_a_little_faster_or_slower() {
        check(17.0, 17.0);
        check(17.1, 17.1);
        check(18.0, 17.2);
        check(16.0, 16.8);
    }

    #[test]
    fn it_jumps_when_it_is_far_off() {
        check(23.0, 23.0);
        check(11.0, 11.0);
    }
}
