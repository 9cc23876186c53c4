//! The room's own seeded generator.

use core::f32::consts::TAU;

use glam::Vec2;
use oorandom::Rand32;

use crate::math;

/// A seeded random generator (PCG32, O'Neill 2014), part of the match's state.
///
/// The same seed gives the same numbers on every machine. Not for secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(Rand32);

impl Rng {
    /// A generator with this seed; `stream` tells apart generators of one seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(Rand32::new_inc(seed, stream))
    }

    /// A number from 0 to `bound` less one; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound == 0 { 0 } else { self.0.rand_range(0..bound) }
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f32 {
        self.0.rand_float()
    }

    /// A number in [`low`, `high`).
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        math::lerp(low, high, self.unit())
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// A unit vector of any direction.
    pub fn direction(&mut self) -> Vec2 {
        math::direction(self.unit() * TAU)
    }

    /// 32 random bits.
    pub fn bits(&mut self) -> u32 {
        self.0.rand_u32()
    }

    pub(crate) fn to_parts(&self) -> (u64, u64) {
        self.0.state()
    }

    /// None for an even increment: no generator has one, and numbers would come in a short circle.
    pub(crate) fn from_parts(parts: (u64, u64)) -> Option<Self> {
        (parts.1 % 2 == 1).then(|| Self(Rand32::from_state(parts)))
    }
}
