//! Trigonometry and powers that give the same bits on every machine.
//!
//! The standard library's differ between platforms; these are `libm`'s, by way of `glam`.
//! Addition, multiplication, division and square roots are exact everywhere and need no wrapper.

use glam::{FloatExt, Vec2};

/// The unit vector that points along `angle`, in radians, counter-clockwise from +x.
pub fn direction(angle: f32) -> Vec2 {
    Vec2::from_angle(angle)
}

/// The angle of a vector, in radians in (-pi, pi], counter-clockwise from +x; 0 for the zero vector.
pub fn angle(v: Vec2) -> f32 {
    v.to_angle()
}

/// The sine of an angle in radians.
pub fn sin(angle: f32) -> f32 {
    direction(angle).y
}

/// The cosine of an angle in radians.
pub fn cos(angle: f32) -> f32 {
    direction(angle).x
}

/// The signed difference `to - from` of two angles in radians, in (-pi, pi].
pub fn angle_between(from: f32, to: f32) -> f32 {
    use core::f32::consts::{PI, TAU};
    let turn = (to - from).rem_euclid(TAU);
    if turn > PI { turn - TAU } else { turn }
}

/// `from` moved towards `to` by the share `t`, where 0 is `from` and 1 is `to`.
pub fn lerp(from: f32, to: f32, t: f32) -> f32 {
    from.lerp(to, t)
}
