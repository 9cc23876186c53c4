//! How likely each residual is: a family of distributions that both ends compute.
//!
//! A residual is what a predictor was wrong by. Its distribution is taken to be logistic around the
//! predictor's exact opinion, which is an eighth of a quantum fine, with a part more that is right to the
//! quantum: what rests, or changes rarely. Two numbers tell which one it is: its *scale*, in quarters of
//! an octave, and its *spike*. Wider ones leave the lowest bits as they are.
//!
//! The arithmetic is that of IEEE 754 doubles, multiplication, division and rounding down, so that it is
//! the same on every machine and in every language.

#![expect(clippy::inline_always, reason = "measured: the coder's state stays in registers")]

use std::sync::LazyLock;

use super::range::{RangeDecoder, RangeEncoder, TOTAL};
use crate::bits::OutOfBits;

/// Parts of a quantum in which predictors have an opinion.
pub(super) const PHASES: usize = 8;
/// Scales that there are: the number of one is 7 bits.
pub(super) const SCALES: usize = 128;
/// Spikes that there are.
pub(super) const SPIKES: usize = 16;

/// e^(-1 / (8 s)) in 65,536ths, of s = 2^((i - 12) / 4).
const DECAYS: [u16; 16] = [
    24109, 28267, 32314, 36162, 39750, 43041, 46019, 48681, 51039, 53111, 54917, 56484, 57835, 58997, 59992,
    60842,
];
/// The part that is right to the quantum, in 1,024ths.
const SPIKE_PARTS: [u16; SPIKES] =
    [0, 64, 128, 256, 384, 512, 640, 768, 832, 896, 960, 992, 1008, 1016, 1020, 1022];
/// From this scale on, each octave is that of one less with one more bit as it is.
const WIDE: u8 = 16;

/// Tokens: far below, -12 to -1, exactly right, 1 to 12 quanta or, of wide ones, 0 to 11 steps, far above.
const TOKENS: usize = 27;
const RIGHT: usize = 13;
const FAR: usize = TOKENS - 1;
const REACH: i64 = 12;
/// What is far: how much further, by its length in 5 bits and then its bits below the highest.
const FAR_LOG: u32 = 3;

/// What is before each token, and where to begin to look for one.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Table {
    /// Behind the last token for places that there are not.
    before: [u16; PLACES],
    /// Of each 64th of all parts, the token that its first part is of.
    first: [u8; FIRSTS],
}

/// Powers of two, so that no place needs to be checked.
const PLACES: usize = 32;
const FIRSTS: usize = 64;

/// By scale (the 16 narrow ones and one octave of wide ones), spike and phase; of a power of two, so that no
/// place needs to be checked.
pub(super) type Tables = [Table; 4096];

pub(super) static TABLES: LazyLock<Box<Tables>> = LazyLock::new(|| {
    let table = |place: usize| {
        let (scale, spike, phase) = (place / PHASES / SPIKES, place / PHASES % SPIKES, place % PHASES);
        Table::new(scale.min(19) as u8, SPIKE_PARTS[spike], phase)
    };
    let tables: Box<[Table]> = (0..4096).map(table).collect();
    match tables.try_into() {
        Ok(tables) => tables,
        Err(_) => unreachable!("as many were made"),
    }
});

impl Table {
    fn new(scale: u8, spike: u16, phase: usize) -> Self {
        let is_wide = scale >= WIDE;
        let decay = f64::from(DECAYS[usize::from(if is_wide { scale - 4 } else { scale })]) / 65536.0;
        let spike = f64::from(spike) / 1024.0;
        // How likely it is to be below the lower edge of -12, -11 and so on: 1 / (1 + e^(-edge / s)), of
        // which an edge has 8 for each quantum.
        let mut growth = 1.0;
        for _ in 0..(96 + phase) {
            growth /= decay;
        }
        let mut below = [0.0; TOKENS];
        for edge in &mut below {
            *edge = 1.0 / (1.0 + growth);
            for _ in 0..8 {
                growth *= decay;
            }
        }
        let free = f64::from(TOTAL) - TOKENS as f64;
        let mut before = [TOTAL as u16; PLACES];
        before[0] = 0;
        for (token, place) in before.iter_mut().enumerate().take(TOKENS).skip(1) {
            // Of wide ones the spike alone is right to the quantum, and 0 steps are a token more.
            let edge = if is_wide && token > RIGHT { token - 2 } else { token - 1 };
            let is_after = f64::from(u8::from(token > RIGHT));
            let parts = (1.0 - spike) * below[edge] + spike * is_after;
            *place = token as u16 + (free * parts).floor() as u16;
        }
        let mut first = [0; FIRSTS];
        for (place, token) in first.iter_mut().enumerate() {
            let part = (place as u32 * TOTAL / FIRSTS as u32) as u16;
            *token = before[1..TOKENS].iter().filter(|before| **before <= part).count() as u8;
        }
        Self { before, first }
    }

    #[inline]
    fn before(&self, token: usize) -> u32 {
        self.before[token % PLACES].into()
    }

    #[inline(always)]
    fn put(&self, encoder: &mut RangeEncoder<'_>, token: usize) {
        let before = self.before(token);
        encoder.put(before, self.before(token + 1) - before);
    }

    #[inline(always)]
    fn take(&self, decoder: &mut RangeDecoder<'_>) -> Result<usize, OutOfBits> {
        let part = decoder.part();
        let place = decoder.place(part);
        if place >= TOTAL {
            return Err(OutOfBits);
        }
        let mut token = usize::from(self.first[(place / (TOTAL / FIRSTS as u32)) as usize % FIRSTS]);
        // What is behind the last token is behind every place.
        while self.before(token + 1) <= place {
            token += 1;
        }
        let before = self.before(token);
        decoder.take(part, before, self.before(token + 1) - before);
        Ok(token)
    }
}

/// A distribution of residuals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) scale: u8,
    pub(super) spike: u8,
    /// The first of its tables, and the bits of a phase that make a difference.
    table: u16,
    phases: u8,
    /// The lowest bits that are as they are.
    shift: u8,
}

impl Shape {
    /// The one of these numbers, which are below [`SCALES`] and [`SPIKES`].
    pub(super) fn new(scale: u8, spike: u8) -> Self {
        let (narrow, shift) = if scale < WIDE { (scale, 0) } else { (WIDE + scale % 4, (scale - 12) / 4) };
        let table = (u16::from(narrow) * SPIKES as u16 + u16::from(spike)) * PHASES as u16;
        let is_wide = shift > 0;
        // Of wide ones an eighth of a quantum makes no difference.
        let (table, phases) =
            if is_wide { (table + PHASES as u16 / 2, 0) } else { (table, PHASES as u8 - 1) };
        Self { scale, spike, table, phases, shift }
    }

    #[inline]
    fn table(self, tables: &Tables, phase: usize) -> &Table {
        &tables[(usize::from(self.table) + (phase & usize::from(self.phases))) % 4096]
    }

    /// The token of a residual, and its step.
    fn token(self, residual: i32) -> (usize, i64) {
        if self.shift == 0 {
            return (narrow_token(residual), residual.into());
        }
        self.wide_token(residual)
    }

    #[inline(always)]
    fn wide_token(self, residual: i32) -> (usize, i64) {
        let step = (i64::from(residual) + (1 << self.shift >> 1)) >> self.shift;
        let token = if residual == 0 {
            RIGHT as i64
        } else {
            step.clamp(-REACH - 1, REACH) + RIGHT as i64 + i64::from(step >= 0)
        };
        (token as usize, step)
    }

    #[inline(always)]
    pub(super) fn put(self, encoder: &mut RangeEncoder<'_>, tables: &Tables, phase: usize, residual: i32) {
        let table = self.table(tables, phase);
        // Wide or not is mostly as it was for the last row, and asked first for that reason.
        if self.shift == 0 {
            let token = narrow_token(residual);
            table.put(encoder, token);
            if is_far(token) {
                encoder.go_cold(|encoder| put_far(encoder, self.further(residual.into())));
            }
        } else {
            let (token, step) = self.wide_token(residual);
            table.put(encoder, token);
            if is_far(token) {
                encoder.go_cold(|encoder| put_far(encoder, self.further(step)));
            }
            if token != RIGHT {
                let rest = (i64::from(residual) + (1 << self.shift >> 1)) & ((1 << self.shift) - 1);
                encoder.put_bits(rest as u32, self.shift.into());
            }
        }
    }

    /// How far a step is beyond those that have a token.
    fn further(self, step: i64) -> u64 {
        let reach = if self.shift == 0 || step < 0 { REACH + 1 } else { REACH };
        step.unsigned_abs() - reach as u64
    }

    #[inline(always)]
    pub(super) fn take(
        self,
        decoder: &mut RangeDecoder<'_>,
        tables: &Tables,
        phase: usize,
    ) -> Result<i64, OutOfBits> {
        let token = self.table(tables, phase).take(decoder)?;
        let is_wide = self.shift > 0;
        let mut step = token as i64 - RIGHT as i64 - i64::from(is_wide && token > RIGHT);
        if is_far(token) {
            let (at, further) = take_far(*decoder)?;
            *decoder = at;
            step += if token == 0 { -further } else { further };
        }
        if !is_wide || token == RIGHT {
            return Ok(step);
        }
        let rest = decoder.take_bits(self.shift.into());
        Ok((step << self.shift) + i64::from(rest) - (1 << self.shift >> 1))
    }

    /// What a residual costs, in bits.
    pub(super) fn cost(self, phase: usize, residual: i32) -> f32 {
        let (token, step) = self.token(residual);
        let table = self.table(&TABLES, phase);
        let mut bits = BITS[(table.before(token + 1) - table.before(token)) as usize];
        if token != RIGHT {
            bits += f32::from(self.shift);
        }
        if is_far(token) {
            bits += 5.0 + (self.further(step) + (1 << FAR_LOG)).ilog2() as f32;
        }
        bits
    }
}

/// What a token of each frequency costs, in bits.
static BITS: LazyLock<Vec<f32>> =
    LazyLock::new(|| (0..=TOTAL).map(|frequency| (TOTAL as f32 / frequency.max(1) as f32).log2()).collect());

#[inline(always)]
fn narrow_token(residual: i32) -> usize {
    (residual.clamp(-13, 13) + RIGHT as i32) as usize
}

#[inline(always)]
fn is_far(token: usize) -> bool {
    token.wrapping_sub(1) >= FAR - 1
}

fn put_far(encoder: &mut RangeEncoder<'_>, further: u64) {
    let number = further + (1 << FAR_LOG);
    let length = number.ilog2();
    encoder.put_bits(length - FAR_LOG, 5);
    encoder.put_bits((number & ((1 << length) - 1)) as u32, length);
}

/// By value, so that the decoder stays in registers.
#[cold]
#[inline(never)]
fn take_far(mut decoder: RangeDecoder<'_>) -> Result<(RangeDecoder<'_>, i64), OutOfBits> {
    let length = decoder.take_bits(5) + FAR_LOG;
    if length > 32 {
        return Err(OutOfBits);
    }
    let number = 1u64 << length | u64::from(decoder.take_bits(length));
    Ok((decoder, number as i64 - (1 << FAR_LOG)))
}
