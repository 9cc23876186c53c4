//! What a room's frames are coded by: a predictor and shapes for each field.
//!
//! A model belongs to a tick, whatever frame it came by: a frame says by what its tick's model differs
//! from its baseline's. So viewers hold the same one however they came to a tick. The encoder may choose
//! as it likes; the decoder does what it is told.

use super::moves::ROW_CONTEXTS;
use super::range::{RangeDecoder, RangeEncoder, TOTAL};
use super::shape::{SCALES, SPIKES, Shape};
use crate::bits::OutOfBits;
use crate::schema::{FieldKind, Kind};

/// Eighths of the last difference, and of what that differed from the one before, that a field is
/// expected to go on by.
pub(super) const PREDICTORS: [(i8, i8); 16] = [
    (0, 0),
    (2, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (6, -2),
    (7, -2),
    (8, -1),
    (8, -2),
    (8, -3),
    (8, -4),
    (8, -5),
    (8, 4),
    (8, 8),
];
/// Of the bits of a field's code, from which difference on.
pub(super) const PREVIOUS: u8 = 0;
const LINEAR: u8 = 6;

/// What is known of how a field moved: that it rested; that it went on as before; by the length in bits of what its
/// last difference differed from the one before, 1 to 5; nothing.
pub(super) const CONTEXTS: usize = 8;
/// The context of nothing.
pub(super) const UNKNOWN: usize = CONTEXTS - 1;
/// How likely a row is to change, in 16,384ths.
pub(super) const CHANCES: [u16; 16] =
    [8, 24, 64, 160, 400, 1000, 2200, 4600, 8192, 11784, 14184, 15384, 15984, 16224, 16320, 16376];
/// How one field is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldModel {
    pub(super) predictor: Predictor,
    pub(super) shapes: [Shape; CONTEXTS],
}

/// How a field is expected to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Predictor {
    pub(super) number: u8,
    of_last: i16,
    of_second: i16,
}

impl Predictor {
    /// The one of this number, which is below that of [`PREDICTORS`].
    pub(super) fn new(number: u8) -> Self {
        let (of_last, of_second) = PREDICTORS[usize::from(number)];
        Self { number, of_last: of_last.into(), of_second: of_second.into() }
    }

    /// How many eighths of the last difference, and of the second one, a field moves by in so many ticks.
    pub(super) fn eighths(self, age: u32) -> (i32, i32) {
        (i32::from(self.of_last) * age as i32, self.of_second.into())
    }
}

/// How rows of one kind are coded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KindModel {
    /// Places among [`CHANCES`], by [`History::context`].
    pub(super) chances: [u8; ROW_CONTEXTS],
    pub(super) fields: Vec<FieldModel>,
}

/// How frames are coded: for each kind how deltas of one tick are, then for each how older ones are, of which the
/// shapes are those of an age of 1 that [`widening`] makes wider.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Model {
    kinds: Vec<KindModel>,
}

/// By how much of a scale what is predicted over so many ticks is wrong by more: errors of accelerations grow with
/// the time to the power of 1.5.
pub(super) fn widening(age: u32) -> u8 {
    6 * age.ilog2() as u8
}

impl FieldModel {
    /// What is taken to be so of a field before anything is known of it.
    fn new(kind: &FieldKind) -> Self {
        let (predictor, scales, spike) = match kind {
            FieldKind::Fixed { .. } | FieldKind::Angle { .. } | FieldKind::Int { .. } => {
                (LINEAR, [14, 10, 11, 14, 18, 22, 28, 24], 4)
            }
            // What changes at times, to anything.
            _ => (PREVIOUS, [(4 * kind.bits() + 2).min(60); CONTEXTS], 10),
        };
        let shape =
            |context: usize| Shape::new(scales[context], if context == 0 { spike.max(8) } else { spike });
        Self { predictor: Predictor::new(predictor), shapes: std::array::from_fn(shape) }
    }

    fn put(&self, encoder: &mut RangeEncoder<'_>, old: &Self) {
        encoder.put_bits(self.predictor.number.into(), 4);
        for (shape, old) in self.shapes.iter().zip(&old.shapes) {
            encoder.put_bits(u32::from(shape != old), 1);
            if shape != old {
                encoder.put_bits(shape.scale.into(), 7);
                encoder.put_bits(shape.spike.into(), 4);
            }
        }
    }

    fn take(&mut self, decoder: &mut RangeDecoder<'_>) {
        self.predictor = Predictor::new(decoder.take_bits(4) as u8);
        for shape in &mut self.shapes {
            if decoder.take_bool() {
                let scale = decoder.take_bits(7) as u8;
                *shape = Shape::new(scale, decoder.take_bits(4) as u8);
            }
        }
    }
}

impl Model {
    /// The one that both ends begin with.
    pub(super) fn new(views: &[Kind]) -> Self {
        let kind = |kind: &Kind| KindModel {
            chances: [4, 10, 8, 13, 8],
            fields: kind.fields.iter().map(|field| FieldModel::new(&field.kind)).collect(),
        };
        Self { kinds: views.iter().chain(views).map(kind).collect() }
    }

    /// How rows of a kind are coded in deltas of this age.
    #[inline]
    pub(super) fn of(&self, kind: usize, age: u32) -> &KindModel {
        &self.kinds[if age > 1 { self.kinds.len() / 2 + kind } else { kind }]
    }

    /// Of each kind, how deltas of one tick are coded, or older ones.
    pub(super) fn of_age_mut(&mut self, is_older: bool) -> &mut [KindModel] {
        let half = self.kinds.len() / 2;
        let (first, older) = self.kinds.split_at_mut(half);
        if is_older { older } else { first }
    }

    /// Codes by what this one differs from one that the viewer has.
    pub(super) fn put(&self, encoder: &mut RangeEncoder<'_>, old: &Self) {
        for (kind, old) in self.kinds.iter().zip(&old.kinds) {
            encoder.put_bits(u32::from(kind != old), 1);
            if kind == old {
                continue;
            }
            for chance in kind.chances {
                encoder.put_bits(chance.into(), 4);
            }
            for (field, old) in kind.fields.iter().zip(&old.fields) {
                encoder.put_bits(u32::from(field != old), 1);
                if field != old {
                    field.put(encoder, old);
                }
            }
        }
    }

    /// Changes this one as a frame says.
    pub(super) fn take(&mut self, decoder: &mut RangeDecoder<'_>) -> Result<(), OutOfBits> {
        for kind in &mut self.kinds {
            if !decoder.take_bool() {
                continue;
            }
            for chance in &mut kind.chances {
                *chance = decoder.take_bits(4) as u8;
            }
            for field in &mut kind.fields {
                if decoder.take_bool() {
                    field.take(decoder);
                }
            }
            decoder.check()?;
        }
        Ok(())
    }
}

const _: () = {
    assert!(SCALES == 1 << 7 && SPIKES == 1 << 4 && PREDICTORS.len() == 1 << 4 && CHANCES.len() == 1 << 4);
    assert!((CHANCES[15] as u32) < TOTAL);
};
