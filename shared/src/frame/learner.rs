//! What the encoder learns of how fields move, to choose models by.
//!
//! It looks at some rows of each tick, and now and then chooses anew for one field. Nothing of it is
//! known to decoders, so it may change at will.

use super::FieldWidth;
use super::model::{CHANCES, FieldModel, KindModel, Model, PREDICTORS, Predictor, UNKNOWN, widening};
use super::moves::{History, ROW_CONTEXTS};
use super::predictions::{context_of, expect};
use super::range::TOTAL;
use super::shape::{SCALES, SPIKES, Shape};
use super::stay::Stay;
use crate::tick::Tick;

/// Latest moves of a field that are kept; of a kind of few rows so many.
const SAMPLES: usize = 1024;
const SAMPLES_OF_FEW: usize = 256;
/// From deltas of more than one tick, which are few, and whose models are the same for all ages.
const SAMPLES_OF_OLDER: usize = 128;
/// As many tell which predictor is best.
const SAMPLES_TO_PREDICT: usize = 256;
/// One of so many is kept, once there are as many: so they are of a longer time.
const KEPT_EVERY: u32 = 8;
/// Of one in so many rows note is taken, in turn. Each counts as as many where a kind has [`FEW_ROWS`]: what is
/// known of them is to come as soon as if note were taken of all, which would go through more memory than all else
/// that a tick of a small room does.
const NOTED_EVERY: u32 = 8;
const FEW_ROWS: usize = 16;
/// Of so many rows, the first ones, note is taken of each.
const YOUNG_ROWS: u32 = SAMPLES_OF_FEW as u32;
/// As many new ones before a field's model is looked at again, at first; each time four times as many.
const FRESH_MIN: u32 = 48;
const FRESH_MAX: u32 = 8192;
/// A model whose values cost within this part of what they did when it was chosen is not looked at again.
const AS_BEFORE: f32 = 0.005;
/// What a change of a field's model costs, in bits, and over how many of its values it must pay.
const CHANGE_BITS: f32 = 90.0;
const PAYS_IN: f32 = 6000.0;
/// Fewer samples in a context tell nothing.
const SAMPLES_MIN: u32 = 6;
/// Rows whose changes are counted before the chances are looked at, and from how many on older ones count for less.
const ROWS_FRESH: u32 = 1024;
const ROWS_MAX: u32 = 16_384;
/// What a change of a chance costs, in bits, and over how many rows it must pay.
const CHANCE_BITS: f32 = 40.0;
const CHANCE_PAYS_IN: f32 = 30_000.0;

/// How a field moved: the difference now, over so many ticks; the last one, and what that differed from the one
/// before, both over one tick. What is beyond 16 bits counts as their ends: who moves
/// further in a tick is told in more bits than he might be.
#[derive(Clone, Copy, Debug)]
struct Move {
    now: i16,
    last: i16,
    second: i16,
    history: History,
    age: u8,
}

#[derive(Debug)]
struct FieldLearner {
    width: FieldWidth,
    samples: Vec<Move>,
    next: usize,
    fresh: u32,
    wanted: u32,
    /// What a value cost, in bits, when the model was last looked at.
    cost: f32,
}

#[derive(Debug)]
struct KindLearner {
    /// Of each row context: those that stayed and those that changed.
    rows: [[u32; 2]; ROW_CONTEXTS],
    fresh: u32,
    /// How many note was taken of, up to [`YOUNG_ROWS`].
    noted: u32,
    fields: Vec<FieldLearner>,
}

/// What was learned of each kind of rows.
#[derive(Debug)]
pub(super) struct Learner {
    /// From deltas of one tick, then from older ones.
    ages: [Vec<KindLearner>; 2],
    /// Whether something is to be looked at again.
    is_due: bool,
    /// The memory in which shapes are chosen.
    residuals: Vec<Residual>,
}

/// What a prediction was wrong by in a context, how wide its shape is made, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Residual {
    context: u8,
    phase: u8,
    widening: u8,
    wrong_by: i32,
    count: u32,
}

impl Learner {
    pub(super) fn new(widths: &[Vec<FieldWidth>]) -> Self {
        let field = |width: &FieldWidth| FieldLearner {
            width: *width,
            samples: Vec::new(),
            next: 0,
            fresh: 0,
            wanted: FRESH_MIN,
            cost: 0.0,
        };
        let kind = |widths: &Vec<FieldWidth>| KindLearner {
            rows: [[0; 2]; ROW_CONTEXTS],
            fresh: 0,
            noted: 0,
            fields: widths.iter().map(field).collect(),
        };
        let kinds = || widths.iter().map(kind).collect();
        Self { ages: [kinds(), kinds()], is_due: false, residuals: Vec::new() }
    }

    /// Takes note of how some rows of a kind went on.
    pub(super) fn note(&mut self, kind: usize, stay: &Stay<'_>, tick: Tick) {
        let kind = &mut self.ages[usize::from(stay.age > 1)][kind];
        let has_few = stay.rows() < FEW_ROWS;
        let every = if has_few && kind.noted < YOUNG_ROWS { 1 } else { NOTED_EVERY };
        let weight = if has_few { every } else { 1 };
        for row in ((tick.0 % every) as usize..stay.rows()).step_by(every as usize) {
            self.is_due |= kind.note(stay, row, weight);
        }
    }

    /// Whether enough that is new is known to look at something again.
    pub(super) fn is_due(&self) -> bool {
        self.is_due
    }

    /// A better model, where enough that is new is known to tell.
    pub(super) fn improved(&mut self, model: &Model) -> Option<Model> {
        let mut better: Option<Model> = None;
        for (is_older, kinds) in [false, true].into_iter().zip(&mut self.ages) {
            for (number, learner) in kinds.iter_mut().enumerate() {
                let kind = model.of(number, 1 + u32::from(is_older));
                let mut improve = |with: &dyn Fn(&mut KindModel)| {
                    with(&mut better.get_or_insert_with(|| model.clone()).of_age_mut(is_older)[number]);
                };
                if learner.fresh >= ROWS_FRESH {
                    learner.fresh = 0;
                    for (context, counts) in learner.rows.iter_mut().enumerate() {
                        let (chance, best) = (kind.chances[context], best_chance(*counts));
                        let count = counts[0] + counts[1];
                        let gain = chance_cost(chance, *counts) - chance_cost(best, *counts);
                        if gain / count as f32 * CHANCE_PAYS_IN > CHANCE_BITS {
                            improve(&|kind| kind.chances[context] = best);
                        }
                        if count > ROWS_MAX {
                            *counts = counts.map(|count| count / 2);
                        }
                    }
                }
                let mut fields = learner.fields.iter_mut().zip(&kind.fields).enumerate();
                let Some((place, (field, old))) = fields.find(|(_, (field, _))| field.fresh >= field.wanted)
                else {
                    continue;
                };
                field.fresh = 0;
                field.wanted = (field.wanted * 4).min(FRESH_MAX);
                if let Some(found) = field.better(old, &mut self.residuals) {
                    improve(&|kind| kind.fields[place] = found);
                }
                // One field in a tick, for none to take long.
                return better;
            }
        }
        self.is_due = false;
        better
    }
}

impl KindLearner {
    /// Takes note of how a row went on, which stands for so many. Whether enough that is new is known.
    fn note(&mut self, stay: &Stay<'_>, row: usize, weight: u32) -> bool {
        let (history, has_moved) = (stay.histories[row], stay.now[row].has_moved());
        self.rows[history.context()][usize::from(has_moved)] += weight;
        self.fresh += weight;
        self.noted = (self.noted + 1).min(YOUNG_ROWS);
        let mut is_due = self.fresh >= ROWS_FRESH;
        if !has_moved {
            return is_due;
        }
        for (number, field) in self.fields.iter_mut().enumerate() {
            let place = stay.column(number).start + row;
            let moved = Move {
                now: saturated(stay.differences[place]),
                last: saturated(stay.last[place]),
                second: saturated(stay.second[place]),
                history,
                age: stay.age as u8,
            };
            field.note(moved, weight);
            is_due |= field.fresh >= field.wanted;
        }
        is_due
    }
}

impl FieldLearner {
    fn note(&mut self, moved: Move, weight: u32) {
        let samples_max = match weight {
            _ if moved.age > 1 => SAMPLES_OF_OLDER,
            1 => SAMPLES,
            _ => SAMPLES_OF_FEW,
        };
        if self.samples.len() < samples_max {
            self.samples.push(moved);
        } else if weight > 1 || self.fresh.is_multiple_of(KEPT_EVERY) {
            self.next %= self.samples.len();
            self.samples[self.next] = moved;
            self.next += 1;
        }
        self.fresh += weight;
    }

    /// What is left of the moves when they are predicted so.
    fn residuals(&self, predictor: Predictor) -> impl Iterator<Item = Residual> {
        self.samples.iter().map(move |moved| {
            let (last, second) = (moved.last.into(), moved.second.into());
            let (step, phase) = expect(predictor.eighths(moved.age.into()), last, second);
            let context = if moved.history.known() > 0 { context_of(last, second) } else { UNKNOWN as u32 };
            let wrong_by = self.width.wrap(i32::from(moved.now).wrapping_sub(step));
            let widening = if moved.age > 1 { widening(moved.age.into()) } else { 0 };
            Residual { context: context as u8, phase: phase as u8, widening, wrong_by, count: 1 }
        })
    }

    /// What a value costs, in bits.
    fn cost(&self, model: &FieldModel) -> f32 {
        let costs = self
            .residuals(model.predictor)
            .map(|residual| residual.cost(model.shapes[usize::from(residual.context)]));
        costs.sum::<f32>() / self.samples.len() as f32
    }

    /// A model that pays to change to.
    fn better(&mut self, old: &FieldModel, memory: &mut Vec<Residual>) -> Option<FieldModel> {
        let cost = self.cost(old);
        if (cost - self.cost).abs() <= AS_BEFORE * self.cost {
            return None;
        }
        let (found, least) = self.best(*old, memory);
        let pays = (cost - least) * PAYS_IN > CHANGE_BITS;
        self.cost = if pays { least } else { cost };
        pays.then_some(found)
    }

    /// The best model that is found from this one, and what a value costs by it.
    fn best(&self, model: FieldModel, memory: &mut Vec<Residual>) -> (FieldModel, f32) {
        // The one that is wrong by the least, in eighths; what is far off counts no more than a little.
        let few = self.samples.len().div_ceil(SAMPLES_TO_PREDICT);
        let wrong = |predictor: &Predictor| -> u64 {
            let of_each = self.samples.iter().step_by(few).map(|moved| moved.wrong_by(*predictor));
            of_each.map(|eighths| eighths.min(8 * 64)).sum()
        };
        let mut best = model;
        let predictors = (0..PREDICTORS.len() as u8).map(Predictor::new);
        best.predictor = predictors.min_by_key(wrong).unwrap_or(model.predictor);
        memory.clear();
        memory.extend(self.residuals(best.predictor));
        memory.sort_unstable();
        memory.dedup_by(|again, first| {
            let is_alike = Residual { count: first.count, ..*again } == *first;
            first.count += u32::from(is_alike);
            is_alike
        });
        let mut last = None;
        for (place, shape) in best.shapes.iter_mut().enumerate() {
            let first = memory.partition_point(|residual| usize::from(residual.context) < place);
            let of_it = &memory[first..];
            let of_it = &of_it[..of_it.partition_point(|residual| usize::from(residual.context) == place)];
            if of_it.iter().map(|residual| residual.count).sum::<u32>() >= SAMPLES_MIN {
                *shape = best_shape(of_it, *shape);
                last = Some(*shape);
            } else if best.predictor != model.predictor
                && let Some(last) = last
            {
                *shape = last;
            }
        }
        let costs = memory.iter().map(|residual| {
            residual.count as f32 * residual.cost(best.shapes[usize::from(residual.context)])
        });
        (best, costs.sum::<f32>() / self.samples.len() as f32)
    }
}

impl Move {
    /// By how many eighths of a quantum another place was predicted.
    fn wrong_by(self, predictor: Predictor) -> u64 {
        let (of_last, of_second) = predictor.eighths(self.age.into());
        let expected =
            i64::from(of_last) * i64::from(self.last) + i64::from(of_second) * i64::from(self.second);
        (8 * i64::from(self.now)).abs_diff(expected)
    }
}

impl Residual {
    fn cost(self, shape: Shape) -> f32 {
        shape.wider(self.widening).cost(self.phase.into(), self.wrong_by)
    }
}

fn saturated(difference: i32) -> i16 {
    difference.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// The shape by which these cost the least, found from the one in use by going downhill.
fn best_shape(residuals: &[Residual], shape: Shape) -> Shape {
    let cost = |shape: Shape| -> f32 {
        residuals.iter().map(|residual| residual.count as f32 * residual.cost(shape)).sum()
    };
    let (mut best, mut least) = (shape, cost(shape));
    let mut step = 4;
    while step > 0 {
        let (scale, spike) = (i16::from(best.scale), i16::from(best.spike));
        let near = [(step, 0), (-step, 0), (0, step / 2 + 1), (0, -step / 2 - 1)];
        let near = near.map(|(more, spikier)| (scale + more, spike + spikier));
        let found = near
            .into_iter()
            .filter(|(scale, spike)| (0..SCALES as i16).contains(scale) && (0..SPIKES as i16).contains(spike))
            .map(|(scale, spike)| Shape::new(scale as u8, spike as u8))
            .map(|shape| (shape, cost(shape)))
            .min_by(|(_, a), (_, b)| a.total_cmp(b));
        match found {
            Some((shape, cost)) if cost < least => (best, least) = (shape, cost),
            _ => step /= 2,
        }
    }
    best
}

fn chance_cost(chance: u8, [stayed, changed]: [u32; 2]) -> f32 {
    let chance = f32::from(CHANCES[usize::from(chance)]) / TOTAL as f32;
    -(stayed as f32 * (1.0 - chance).log2() + changed as f32 * chance.log2())
}

fn best_chance(counts: [u32; 2]) -> u8 {
    let cost = |chance: &u8| chance_cost(*chance, counts);
    (0..CHANCES.len() as u8).min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(8)
}
