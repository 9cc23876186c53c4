//! What lies between two values of a moving thing.
//!
//! Clients draw it, and the server asks it when it looks at the past as a player saw it: the same
//! arithmetic on the same numbers, so both see the same.

use crate::math::angle_between;

/// One coordinate at the beginning or the end: the value and its velocity per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// Where it is.
    pub at: f32,
    /// How fast it moves, in units per second.
    pub velocity: f32,
}

/// The coordinate at `part` (0 to 1) of the way that takes `seconds`, on the cubic Hermite curve:
/// through both ends, with their velocities.
pub fn along(from: Motion, to: Motion, part: f32, seconds: f32) -> f32 {
    let rest = 1.0 - part;
    let bend_from = from.velocity * seconds;
    let bend_to = to.velocity * seconds;
    from.at * (1.0 + 2.0 * part) * rest * rest
        + bend_from * part * rest * rest
        + to.at * part * part * (3.0 - 2.0 * part)
        - bend_to * part * part * rest
}

/// Whether a coordinate was put elsewhere rather than moved: it is further than `jump` from where
/// its velocities explain.
pub fn is_jump(from: Motion, to: Motion, seconds: f32, jump: f32) -> bool {
    let way = to.at - from.at;
    let explained = (from.velocity + to.velocity) * 0.5 * seconds;
    let slack = (from.velocity.abs() + to.velocity.abs()) * 0.5 * seconds;
    (way - explained).abs() > jump + slack
}

/// The angle at `part` of the shorter turn, in radians.
pub fn turn(from: f32, to: f32, part: f32) -> f32 {
    from + angle_between(from, to) * part
}

#[cfg(test)]
mod tests {
    use core::f32::consts::{PI, TAU};

    use super::*;

    #[test]
    fn a_way_begins_and_ends_where_it_should() {
        let (from, to) = (Motion { at: 1.0, velocity: 8.0 }, Motion { at: 1.2, velocity: 4.0 });
        assert_eq!([along(from, to, 0.0, 0.033), along(from, to, 1.0, 0.033)], [1.0, 1.2]);
    }

    #[test]
    fn steady_motion_is_a_straight_line() {
        let (from, to) = (Motion { at: 2.0, velocity: 6.0 }, Motion { at: 2.2, velocity: 6.0 });
        for part in [0.1, 0.25, 0.5, 0.9] {
            assert!((along(from, to, part, 1.0 / 30.0) - (2.0 + 0.2 * part)).abs() < 1e-6);
        }
    }

    #[test]
    fn what_its_velocity_does_not_explain_is_a_jump() {
        let check = |at: f32, velocity: f32, expected: bool| {
            let (from, to) = (Motion { at: 0.0, velocity: 0.0 }, Motion { at, velocity });
            assert_eq!(is_jump(from, to, 0.1, 1.0), expected, "{at} at {velocity}");
        };
        check(0.9, 0.0, false);
        check(1.1, 0.0, true);
        check(2.0, 20.0, false);
        check(-3.0, 0.0, true);
    }

    #[test]
    fn an_angle_takes_the_shorter_turn() {
        assert!((turn(0.1, TAU - 0.1, 0.5)).abs() < 1e-6);
        assert!((turn(3.0, -3.0, 0.5) - PI).abs() < 1e-6);
    }
}
