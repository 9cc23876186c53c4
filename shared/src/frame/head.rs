//! What a frame says before its rows: whole bytes, to be read without decoding it.

use super::FrameError;
use crate::bits::OutOfBits;
use crate::limits::BASELINE_AGE_MAX;
use crate::tick::Tick;

/// What a frame says before its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// The tick it shows.
    pub tick: Tick,
    /// The tick that it builds on; none for a keyframe.
    pub baseline: Option<Tick>,
    /// The view hash, when it rides along.
    pub hash: Option<u32>,
}

const KEYFRAME: u8 = 1;
const HASH: u8 = 2;
/// Strings follow.
pub(super) const STRINGS: u8 = 4;
/// A change of the tick's model follows.
pub(super) const MODEL: u8 = 8;
/// Entities leave or enter.
pub(super) const COMINGS: u8 = 16;
/// The baseline's age is said; else it is 1.
const AGE: u8 = 32;

/// The same, and what is to be read behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) tick: Tick,
    /// The baseline's; none for a keyframe.
    pub(super) age: Option<u8>,
    pub(super) hash: Option<u32>,
    /// [`STRINGS`], [`MODEL`] and [`COMINGS`].
    pub(super) follows: u8,
}

impl Head {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let says_age = self.age.is_some_and(|age| age != 1);
        let own = [(KEYFRAME, self.age.is_none()), (HASH, self.hash.is_some()), (AGE, says_age)];
        out.push(
            own.iter().filter(|(_, is_set)| *is_set).fold(self.follows, |flags, (flag, _)| flags | flag),
        );
        let tick = self.tick.0.to_le_bytes();
        out.extend_from_slice(if self.age.is_none() { &tick } else { &tick[..1] });
        out.extend(self.age.filter(|_| says_age));
        if let Some(hash) = self.hash {
            out.extend_from_slice(&hash.to_le_bytes());
        }
    }

    /// The head and what follows it. A delta's tick is the one nearest to `near` that ends so.
    pub(super) fn take(frame: &[u8], near: Tick) -> Result<(Self, &[u8]), FrameError> {
        let (flags, rest) = frame.split_first().ok_or(OutOfBits)?;
        let is = |flag: u8| flags & flag != 0;
        if *flags >= AGE << 1 || (is(KEYFRAME) && is(AGE)) {
            return Err(FrameError::Malformed("flags that there are not"));
        }
        let (tick, rest) = if is(KEYFRAME) {
            let (tick, rest) = rest.split_first_chunk::<4>().ok_or(OutOfBits)?;
            (Tick(u32::from_le_bytes(*tick)), rest)
        } else {
            let (low, rest) = rest.split_first().ok_or(OutOfBits)?;
            let off = low.wrapping_sub(near.0 as u8).cast_signed();
            (Tick(near.0.wrapping_add_signed(off.into())), rest)
        };
        let (age, rest) = if is(AGE) {
            let (age, rest) = rest.split_first().ok_or(OutOfBits)?;
            if !(2..=BASELINE_AGE_MAX).contains(&u32::from(*age)) {
                return Err(FrameError::Malformed("a baseline of no allowed age"));
            }
            (Some(*age), rest)
        } else {
            ((!is(KEYFRAME)).then_some(1), rest)
        };
        let (hash, rest) = if is(HASH) {
            let (hash, rest) = rest.split_first_chunk::<4>().ok_or(OutOfBits)?;
            (Some(u32::from_le_bytes(*hash)), rest)
        } else {
            (None, rest)
        };
        let follows = flags & (STRINGS | MODEL | COMINGS);
        Ok((Self { tick, age, hash, follows }, rest))
    }

    /// Whether this follows.
    pub(super) fn has(&self, flag: u8) -> bool {
        self.follows & flag != 0
    }
}
