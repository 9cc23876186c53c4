//! What the encoder learns of how fields move, to choose models by.
//!
//! It looks at some rows of each tick, and now and then chooses anew for one field. Nothing of it is
//! known to decoders, so it may change at will.

use super::FieldWidth;
use super::model::{CHANCES, CONTEXTS, FieldModel, Model, PREDICTORS, Predictor, ROW_CONTEXTS, context};
use super::range::TOTAL;
use super::shape::{SCALES, SPIKES, Shape};

/// Latest moves of a field that are kept.
const SAMPLES: usize = 256;
/// As many new ones before a field's model is looked at again, at first; each time twice as many.
const FRESH_MIN: u32 = 48;
const FRESH_MAX: u32 = 4096;
/// What a change of a field's model costs, in bits, and over how many of its values it must pay.
const CHANGE_BITS: f32 = 90.0;
const PAYS_IN: f32 = 6000.0;
/// Fewer samples in a context tell nothing.
const SAMPLES_MIN: usize = 6;
/// Rows whose changes are counted before the chances are looked at.
const ROWS_FRESH: u32 = 256;

/// How a field moved from one tick to the next: the difference now, the last one, and what that
/// differed from the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Move {
    pub(super) now: i32,
    pub(super) last: i32,
    pub(super) second: i32,
}

#[derive(Debug, Default)]
struct FieldLearner {
    samples: Vec<Move>,
    next: usize,
    fresh: u32,
    wanted: u32,
}

#[derive(Debug, Default)]
struct KindLearner {
    /// Of each row context: those that stayed and those that changed.
    rows: [[u32; 2]; ROW_CONTEXTS],
    fresh: u32,
    fields: Vec<FieldLearner>,
}

/// What was learned of each kind of rows.
#[derive(Debug)]
pub(super) struct Learner {
    kinds: Vec<KindLearner>,
    widths: Vec<Vec<FieldWidth>>,
    /// How many ticks lie between the two snapshots of each move.
    age: i64,
}

impl Learner {
    pub(super) fn new(widths: &[Vec<FieldWidth>], age: i64) -> Self {
        let kind = |fields: &Vec<FieldWidth>| KindLearner {
            fields: fields
                .iter()
                .map(|_| FieldLearner { wanted: FRESH_MIN, ..FieldLearner::default() })
                .collect(),
            ..KindLearner::default()
        };
        Self { kinds: widths.iter().map(kind).collect(), widths: widths.to_vec(), age }
    }

    /// Takes note of whether a row changed.
    pub(super) fn note_row(&mut self, kind: u8, context: usize, has_changed: bool) {
        let kind = &mut self.kinds[usize::from(kind)];
        kind.rows[context][usize::from(has_changed)] += 1;
        kind.fresh += 1;
    }

    /// Takes note of how a field of a changed row moved.
    pub(super) fn note_move(&mut self, kind: u8, field: usize, moved: Move) {
        let field = &mut self.kinds[usize::from(kind)].fields[field];
        if field.samples.len() < SAMPLES {
            field.samples.push(moved);
        } else {
            field.samples[field.next] = moved;
            field.next = (field.next + 1) % SAMPLES;
        }
        field.fresh += 1;
    }

    /// Whether enough that is new is known to look at something again.
    pub(super) fn is_due(&self) -> bool {
        let is_due = |field: &FieldLearner| field.fresh >= field.wanted;
        self.kinds.iter().any(|kind| kind.fresh >= ROWS_FRESH || kind.fields.iter().any(is_due))
    }

    /// Improves the model where enough that is new is known; `all` for a model of what was just noted.
    /// Says whether it did.
    pub(super) fn improve(&mut self, model: &mut Model, all: bool) -> bool {
        let mut has_changed = false;
        let age = self.age;
        for ((learner, kind), widths) in self.kinds.iter_mut().zip(&mut model.kinds).zip(&self.widths) {
            if learner.fresh >= ROWS_FRESH || (all && learner.fresh > 0) {
                learner.fresh = 0;
                for (chance, counts) in kind.chances.iter_mut().zip(&mut learner.rows) {
                    let best = best_chance(*counts);
                    let gain = chance_cost(*chance, *counts) - chance_cost(best, *counts);
                    if gain > if all { 4.0 } else { 40.0 } {
                        (*chance, has_changed) = (best, true);
                    }
                    if !all {
                        *counts = counts.map(|count| count / 2);
                    }
                }
            }
            for ((learner, field), width) in learner.fields.iter_mut().zip(&mut kind.fields).zip(widths) {
                if learner.samples.is_empty() || (!all && learner.fresh < learner.wanted) {
                    continue;
                }
                learner.fresh = 0;
                learner.wanted = (learner.wanted * 2).min(FRESH_MAX);
                let found = learner.best(*field, *width, age);
                let gain = learner.cost(field, *width, age) - learner.cost(&found, *width, age);
                let values = if all { learner.samples.len() as f32 } else { PAYS_IN };
                if gain / learner.samples.len() as f32 * values > CHANGE_BITS {
                    (*field, has_changed) = (found, true);
                }
                if !all {
                    // One field in a tick, for none to take long.
                    return has_changed;
                }
            }
        }
        has_changed
    }
}

impl FieldLearner {
    /// What is left of a move, with the phase, when it is predicted so.
    fn residuals(
        &self,
        predictor: Predictor,
        width: FieldWidth,
        age: i64,
    ) -> impl Iterator<Item = (usize, usize, i32)> {
        self.samples.iter().map(move |moved| {
            let (step, phase) = predictor.expect(moved.last, moved.second, age);
            (context(moved.last, moved.second), phase, width.wrap(i64::from(moved.now) - step))
        })
    }

    fn cost(&self, model: &FieldModel, width: FieldWidth, age: i64) -> f32 {
        self.residuals(model.predictor, width, age)
            .map(|(context, phase, residual)| model.shapes[context].cost(phase, residual))
            .sum()
    }

    fn best(&self, model: FieldModel, width: FieldWidth, age: i64) -> FieldModel {
        // The one that is wrong by the least, in eighths; what is far off counts no more than a little.
        let wrong = |predictor: &Predictor| -> i64 {
            self.residuals(*predictor, width, age)
                .map(|(_, phase, residual)| (8 * i64::from(residual) + 4 - phase as i64).abs().min(8 * 64))
                .sum()
        };
        let mut best = model;
        let predictors = (0..PREDICTORS.len() as u8).map(Predictor::new);
        best.predictor = predictors.min_by_key(wrong).unwrap_or(model.predictor);
        let mut last = None;
        for place in 0..CONTEXTS {
            let mut of_it: Vec<_> = self
                .residuals(best.predictor, width, age)
                .filter(|(context, ..)| *context == place)
                .map(|(_, phase, residual)| (phase, residual))
                .collect();
            if of_it.len() >= SAMPLES_MIN {
                of_it.sort_unstable();
                best.shapes[place] = best_shape(&counted(&of_it));
                last = Some(best.shapes[place]);
            } else if best.predictor != model.predictor
                && let Some(last) = last
            {
                best.shapes[place] = last;
            }
        }
        best
    }
}

/// What there is of a sorted list, and how often.
fn counted(list: &[(usize, i32)]) -> Vec<(usize, i32, f32)> {
    let alike = list.chunk_by(|a, b| a == b);
    alike.map(|alike| (alike[0].0, alike[0].1, alike.len() as f32)).collect()
}

/// The shape by which these cost the least, found from a guess by going downhill.
fn best_shape(residuals: &[(usize, i32, f32)]) -> Shape {
    let sum = |of: &dyn Fn(usize, i32) -> f32| -> f32 {
        residuals.iter().map(|(phase, residual, count)| count * of(*phase, *residual)).sum()
    };
    let cost = |shape: Shape| sum(&|phase, residual| shape.cost(phase, residual));
    let count = sum(&|_, _| 1.0);
    let off = sum(&|phase, residual| (residual as f32 + 0.5 - phase as f32 / 8.0).abs());
    // The mean of what a logistic distribution is off is its scale times 2 ln 2.
    let scale = (off / count / 1.386).max(0.125).log2() * 4.0 + 12.0;
    let right = sum(&|_, residual| f32::from(u8::from(residual == 0)));
    let spike = if right > count * 0.7 { 8 } else { 0 };
    let mut best = Shape::new((scale as u8).min(SCALES as u8 - 1), spike);
    let mut least = cost(best);
    loop {
        let (scale, spike) = (i16::from(best.scale), i16::from(best.spike));
        let near = [(4, 0), (-4, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (2, 2), (8, 3), (-2, -2)];
        let near = near.map(|(more, spikier)| (scale + more, spike + spikier));
        let found = near
            .into_iter()
            .filter(|(scale, spike)| (0..SCALES as i16).contains(scale) && (0..SPIKES as i16).contains(spike))
            .map(|(scale, spike)| Shape::new(scale as u8, spike as u8))
            .map(|shape| (shape, cost(shape)))
            .min_by(|(_, a), (_, b)| a.total_cmp(b));
        match found {
            Some((shape, cost)) if cost < least => (best, least) = (shape, cost),
            _ => return best,
        }
    }
}

fn chance_cost(chance: u8, [stayed, changed]: [u32; 2]) -> f32 {
    let chance = f32::from(CHANCES[usize::from(chance)]) / TOTAL as f32;
    -(stayed as f32 * (1.0 - chance).log2() + changed as f32 * chance.log2())
}

fn best_chance(counts: [u32; 2]) -> u8 {
    let cost = |chance: &u8| chance_cost(*chance, counts);
    (0..CHANCES.len() as u8).min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(8)
}
