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

use std::hint::select_unpredictable;
use std::ops::Range;
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
const DECAYS: [u16; WIDE as usize] = [
    24109, 28267, 32314, 36162, 39750, 43041, 46019, 48681, 51039, 53111, 54917, 56484, 57835, 58997, 59992,
    60842, 61565, 62181, 62703, 63145,
];
/// The part that is right to the quantum, in 1,024ths.
const SPIKE_PARTS: [u16; SPIKES] =
    [0, 64, 128, 256, 384, 512, 640, 768, 832, 896, 960, 992, 1008, 1016, 1020, 1022];
/// From this scale on, each octave is that of one less with one more bit as it is.
const WIDE: u8 = 20;

/// Tokens: far below, -29 to -1, exactly right, 1 to 29 quanta or, of wide ones, 0 to 28 steps, far above.
const TOKENS: usize = 61;
const RIGHT: usize = 30;
/// This bit of a token is for the encoder alone: [`Shape::put_rest`] follows.
pub(super) const HAS_REST: u8 = 128;
/// Around the one that is right.
const MIDDLE: Range<u8> = 28..33;
/// So many quanta or more from right, or of wide ones so many steps below, are far.
const FAR_STEPS: i32 = 30;
/// What is far has at least so many parts, more than a logistic distribution gives it: things collide and turn round.
const FAR_PARTS: u16 = 32;
/// What is far: how much further, by its length in 5 bits and then its bits below the highest.
const FAR_LOG: u32 = 3;

/// What is before each token; all of it behind the last one.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Table([u16; PLACES]);

/// A power of two, so that no place needs to be checked.
const PLACES: usize = 64;

/// By scale (the narrow ones and one octave of wide ones), spike and phase.
pub(super) type Tables = [Table; (WIDE as usize + 4) * SPIKES * PHASES];

pub(super) static TABLES: LazyLock<Box<Tables>> = LazyLock::new(|| {
    let table = |place: usize| {
        let (scale, spike, phase) = (place / PHASES / SPIKES, place / PHASES % SPIKES, place % PHASES);
        // Of wide ones an eighth of a quantum makes no difference.
        let phase = if scale < WIDE.into() { phase } else { PHASES / 2 };
        Table::new(scale as u8, SPIKE_PARTS[spike], phase)
    };
    let tables: Box<[Table]> = (0..size_of::<Tables>() / size_of::<Table>()).map(table).collect();
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
        // How likely it is to be below the lower edge of -29, -28 and so on: 1 / (1 + e^(-edge / s)), of
        // which an edge has 8 for each quantum.
        let mut growth = 1.0;
        for _ in 0..((RIGHT - 1) * PHASES + phase) {
            growth /= decay;
        }
        let mut below = [0.0; TOKENS];
        for edge in &mut below {
            *edge = 1.0 / (1.0 + growth);
            for _ in 0..8 {
                growth *= decay;
            }
        }
        let free = f64::from(TOTAL) - TOKENS as f64 - 2.0 * (f64::from(FAR_PARTS) - 1.0);
        let mut before = [TOTAL as u16; PLACES];
        before[0] = 0;
        for (token, place) in before.iter_mut().enumerate().take(TOKENS).skip(1) {
            // Of wide ones the spike alone is right to the quantum, and 0 steps are a token more.
            let edge = if is_wide && token > RIGHT { token - 2 } else { token - 1 };
            let is_after = f64::from(u8::from(token > RIGHT));
            let parts = (1.0 - spike) * below[edge] + spike * is_after;
            *place = token as u16 + FAR_PARTS - 1 + (free * parts).floor() as u16;
        }
        Self(before)
    }

    #[inline]
    fn before(&self, token: u8) -> u32 {
        self.0[usize::from(token) % PLACES].into()
    }

    #[inline(always)]
    pub(super) fn put(&self, encoder: &mut RangeEncoder<'_>, token: u8) {
        let before = self.before(token);
        encoder.put(before, self.before(token + 1) - before);
    }

    /// What a token costs, in bits.
    fn bits(&self, token: u8) -> f32 {
        BITS[(self.before(token + 1) - self.before(token)) as usize]
    }

    /// Compares with all edges in the middle at once, without a branch: between which ones it is cannot be foretold.
    /// To find its place by a division would take longer.
    #[inline(always)]
    fn take(&self, decoder: &mut RangeDecoder<'_>) -> Result<u8, OutOfBits> {
        let part = decoder.part()?;
        let edge = |token: u8| part * u64::from(self.before(token));
        let mut token = MIDDLE.start;
        let (mut low, mut high) = (edge(MIDDLE.start), edge(MIDDLE.end));
        for inner in MIDDLE.start + 1..MIDDLE.end {
            let (is_from, edge) = (!decoder.is_below(edge(inner)), edge(inner));
            token += u8::from(is_from);
            low = select_unpredictable(is_from, edge, low);
        }
        for inner in (MIDDLE.start + 1..MIDDLE.end).rev() {
            let edge = edge(inner);
            high = select_unpredictable(decoder.is_below(edge), edge, high);
        }
        if decoder.is_below(low) || !decoder.is_below(high) {
            if decoder.is_below(low) {
                token = MIDDLE.start - 1;
                while decoder.is_below(edge(token)) {
                    token -= 1;
                }
            } else {
                token = MIDDLE.end;
                while !decoder.is_below(edge(token + 1)) {
                    token += 1;
                }
            }
            (low, high) = (edge(token), edge(token + 1));
        }
        decoder.narrow(low, high);
        Ok(token)
    }
}

/// A distribution of residuals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) scale: u8,
    pub(super) spike: u8,
    /// The first of its tables, which are as many as there are phases.
    pub(super) table: u16,
    /// The lowest bits that are as they are.
    pub(super) shift: u8,
}

impl Shape {
    /// The one of these numbers, which are below [`SCALES`] and [`SPIKES`].
    pub(super) fn new(scale: u8, spike: u8) -> Self {
        let (narrow, shift) =
            if scale < WIDE { (scale, 0) } else { (WIDE + scale % 4, (scale - WIDE) / 4 + 1) };
        let table = (u16::from(narrow) * SPIKES as u16 + u16::from(spike)) * PHASES as u16;
        Self { scale, spike, table, shift }
    }

    /// The one for what is wrong by more.
    pub(super) fn wider(self, widening: u8) -> Self {
        if widening == 0 {
            self
        } else {
            Self::new((self.scale + widening).min(SCALES as u8 - 1), self.spike)
        }
    }

    /// Whether it is wide: its tokens count steps.
    pub(super) fn is_wide(self) -> bool {
        self.shift > 0
    }

    /// The token of a residual, and whether more follows.
    fn token(self, residual: i32) -> u8 {
        if self.is_wide() { self.wide_token(residual) } else { narrow_token(residual) }
    }

    /// The same of a wide one.
    #[inline]
    pub(super) fn wide_token(self, residual: i32) -> u8 {
        if residual == 0 {
            return RIGHT as u8;
        }
        let step = self.step(residual);
        let up = i64::from(step >= 0);
        let step = step.clamp(-i64::from(FAR_STEPS), i64::from(FAR_STEPS) - 1);
        (step + RIGHT as i64 + up) as u8 | HAS_REST
    }

    /// In steps of a wide one, the one nearest to a residual.
    fn step(self, residual: i32) -> i64 {
        (i64::from(residual) + (1 << self.shift >> 1)) >> self.shift
    }

    /// What a residual costs, in bits.
    pub(super) fn cost(self, phase: u32, residual: i32) -> f32 {
        let token = self.token(residual);
        let bits = TABLES[usize::from(self.table) + phase as usize].bits(token);
        if token < HAS_REST {
            return bits;
        }
        let further = if is_far(token) { 5 + (self.further(residual) + (1 << FAR_LOG)).ilog2() } else { 0 };
        bits + f32::from(self.shift) + further as f32
    }

    /// How far a residual's step is beyond those that have a token.
    fn further(self, residual: i32) -> u64 {
        let step = self.step(residual);
        let reach = if self.shift == 0 || step < 0 { FAR_STEPS } else { FAR_STEPS - 1 };
        step.unsigned_abs() - reach as u64
    }

    /// What a token that [`HAS_REST`] does not tell.
    pub(super) fn put_rest(self, encoder: &mut RangeEncoder<'_>, token: u8, residual: i32) {
        if is_far(token) {
            let number = self.further(residual) + (1 << FAR_LOG);
            let length = number.ilog2();
            encoder.put_bits(length - FAR_LOG, 5);
            encoder.put_bits((number & ((1 << length) - 1)) as u32, length);
        }
        let rest = (i64::from(residual) + (1 << self.shift >> 1)) & ((1 << self.shift) - 1);
        encoder.put_bits(rest as u32, self.shift.into());
    }
}

/// The token of a residual, and whether more follows, where the shape is not wide.
#[inline(always)]
pub(super) fn narrow_token(residual: i32) -> u8 {
    let is_far = residual.unsigned_abs() >= FAR_STEPS as u32;
    (residual.clamp(-FAR_STEPS, FAR_STEPS) + RIGHT as i32) as u8 | (u8::from(is_far) * HAS_REST)
}

/// The residual, modulo 2^32, that is coded by this table of a shape with so many bits as they are.
#[inline(always)]
pub(super) fn take(decoder: &mut RangeDecoder<'_>, table: &Table, shift: u8) -> Result<i32, OutOfBits> {
    // Nearly all are narrow, and a token says nothing of that.
    if shift > 0 {
        return aside(decoder, |decoder| {
            let token = table.take(decoder)?;
            take_rest(decoder, token, shift)
        });
    }
    let token = table.take(decoder)?;
    if is_far(token) {
        return aside(decoder, |decoder| take_rest(decoder, token, 0));
    }
    Ok(i32::from(token) - RIGHT as i32)
}

/// What a token does not tell.
fn take_rest(decoder: &mut RangeDecoder<'_>, token: u8, shift: u8) -> Result<i32, OutOfBits> {
    let token = i64::from(token) - RIGHT as i64;
    if token == 0 {
        return Ok(0);
    }
    let mut step = token - i64::from(shift > 0 && token > 0);
    if token.abs() == i64::from(FAR_STEPS) {
        let length = decoder.take_bits(5) + FAR_LOG;
        if length > 32 {
            return Err(OutOfBits);
        }
        let further = (1 << length | i64::from(decoder.take_bits(length))) - (1 << FAR_LOG);
        step += if token < 0 { -further } else { further };
    }
    let rest = decoder.take_bits(shift.into());
    Ok(((step << shift) + i64::from(rest) - (1 << shift >> 1)) as i32)
}

/// Decodes what needs much code in a place of its own, with a decoder of its own: the other one stays in registers.
#[inline(always)]
fn aside<'a, T>(decoder: &mut RangeDecoder<'a>, take: impl FnOnce(&mut RangeDecoder<'a>) -> T) -> T {
    #[inline(never)]
    fn call<'a, T>(
        mut decoder: RangeDecoder<'a>,
        take: impl FnOnce(&mut RangeDecoder<'a>) -> T,
    ) -> (RangeDecoder<'a>, T) {
        let taken = take(&mut decoder);
        (decoder, taken)
    }
    let (at, taken) = call(decoder.local(), take);
    *decoder = at;
    taken
}

/// What a token of each frequency costs, in bits.
static BITS: LazyLock<Vec<f32>> =
    LazyLock::new(|| (0..=TOTAL).map(|frequency| (TOTAL as f32 / frequency.max(1) as f32).log2()).collect());

#[inline(always)]
fn is_far(token: u8) -> bool {
    (token & !HAS_REST).wrapping_sub(1) >= TOKENS as u8 - 2
}
