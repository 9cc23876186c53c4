//! What is expected of some rows' codes: found for all of them at once, in loops that compilers make vectors of.

use super::FieldWidth;
use super::model::{CONTEXTS, FieldModel, UNKNOWN};
use super::moves::History;
use super::shape::Shape;

/// As many rows are looked at together.
pub(super) const ROWS_AT_ONCE: usize = 64;

/// What is expected of one field of up to [`ROWS_AT_ONCE`] rows.
pub(super) struct Predictions {
    /// By how much it moves, in quanta, modulo 2^bits.
    pub(super) steps: [i32; ROWS_AT_ONCE],
    /// The eighths of a quantum beyond that, plus 4.
    phases: [u32; ROWS_AT_ONCE],
    /// Which of the field's shapes it has: see [`super::model::CONTEXTS`].
    pub(super) contexts: [u32; ROWS_AT_ONCE],
    /// Which table what the step is wrong by is coded by.
    pub(super) tables: [u16; ROWS_AT_ONCE],
}

impl Predictions {
    pub(super) fn new() -> Self {
        let of_each = [0; ROWS_AT_ONCE];
        Self { steps: [0; ROWS_AT_ONCE], phases: of_each, contexts: of_each, tables: [0; ROWS_AT_ONCE] }
    }

    /// Expects moves over so many ticks of rows that moved so.
    pub(super) fn expect(
        &mut self,
        model: &FieldModel,
        shapes: &[Shape; CONTEXTS],
        width: FieldWidth,
        age: u32,
        (last, second): (&[i32], &[i32]),
        histories: &[History],
    ) {
        let (of_last, of_second) = model.predictor.eighths(age);
        let moves = last.iter().zip(second);
        if width.bits <= 29 {
            // Eighths modulo 2^32 are enough.
            let to = self.steps.iter_mut().zip(&mut self.phases);
            for ((last, second), (step, phase)) in moves.clone().zip(to) {
                let eighths = of_last.wrapping_mul(*last).wrapping_add(of_second.wrapping_mul(*second));
                let eighths = eighths.wrapping_add(4);
                (*step, *phase) = (eighths >> 3, eighths as u32 & 7);
            }
        } else {
            let to = self.steps.iter_mut().zip(&mut self.phases);
            for ((last, second), (step, phase)) in moves.clone().zip(to) {
                (*step, *phase) = expect((of_last, of_second), *last, *second);
            }
        }
        for ((last, second), context) in moves.zip(&mut self.contexts) {
            *context = context_of(*last, *second);
        }
        if histories.iter().fold(false, |any, history| any | (history.known() == 0)) {
            for (history, context) in histories.iter().zip(&mut self.contexts) {
                *context = if history.known() == 0 { UNKNOWN as u32 } else { *context };
            }
        }
        let first_tables = shapes.map(|shape| shape.table);
        let known = self.contexts.iter().zip(&self.phases);
        for ((context, phase), table) in known.zip(&mut self.tables[..histories.len()]) {
            *table = first_tables[*context as usize % CONTEXTS] + *phase as u16;
        }
    }

    /// Which of the field's shapes a row has.
    #[inline]
    pub(super) fn context(&self, row: usize) -> usize {
        self.contexts[row] as usize % CONTEXTS
    }
}

/// By how much a field moves that goes on by so many eighths of its last and of its second difference: in quanta,
/// modulo 2^32, and the eighths of one beyond that, plus 4.
#[inline]
pub(super) fn expect((of_last, of_second): (i32, i32), last: i32, second: i32) -> (i32, u32) {
    let eighths = i64::from(of_last) * i64::from(last) + i64::from(of_second) * i64::from(second) + 4;
    ((eighths >> 3) as i32, eighths as u32 & 7)
}

/// The context of a field that moved so: by the length in bits of the second difference; where that is 0, only by
/// whether there was a last one.
#[inline]
pub(super) fn context_of(last: i32, second: i32) -> u32 {
    let size = second.unsigned_abs();
    let at_least = |least: u32| u32::from(size >= least);
    let goes_on = u32::from(size == 0) & u32::from(last != 0);
    2 * at_least(1) + at_least(2) + at_least(4) + at_least(8) + at_least(16) + goes_on
}
