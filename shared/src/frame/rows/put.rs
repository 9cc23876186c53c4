//! Rows as the encoder puts them.

use super::super::model::{FieldModel, KindModel, Model};
use super::super::predictions::{Predictions, ROWS_AT_ONCE};
use super::super::range::{RangeEncoder, TOTAL};
use super::super::shape::{HAS_REST, Tables, narrow_token};
use super::super::stay::{Gathered, Stay};
use super::super::{Baseline, FieldWidth, FrameCodec};
use super::{chance, shapes_at};
use crate::snapshot::Snapshot;

/// Of so many rows, one that did not move is coded with the others rather than tell which one it is.
const ROWS_PER_RESTING: usize = 32;
/// Which fields nobody moved is told when that saves at least so many values for each field of the kind.
const VALUES_PER_FIELD: usize = 4;

impl FrameCodec {
    pub(in crate::frame) fn put_rows(
        &self,
        encoder: &mut RangeEncoder<'_>,
        baseline: Option<Baseline<'_>>,
        snapshot: &Snapshot,
        model: &Model,
        has_comings: bool,
        memory: &mut Gathered,
    ) {
        for (kind, widths) in self.widths.iter().enumerate() {
            let Some(baseline) = baseline else {
                if has_comings {
                    put_entries(encoder, snapshot, kind, widths, Some(&[]));
                }
                continue;
            };
            let stay = memory.stay(widths, kind, baseline, snapshot);
            if has_comings {
                let rows = baseline.snapshot.kind(kind).rows().len();
                let left = missing(rows, stay.pairs, |pair| pair.0);
                put_small(encoder, left.clone().count());
                let mut next = 0;
                for place in left {
                    put_small(encoder, place - next);
                    next = place + 1;
                }
            }
            put_updates(encoder, self.tables, &stay, widths, model.of(kind, stay.age));
            if has_comings {
                put_entries(encoder, snapshot, kind, widths, stay.pairs);
            }
        }
    }
}

/// A number that is mostly 0, up to 16 bits: a bit whether it is not; its length less 1 in 4; its bits below the
/// highest.
fn put_small(encoder: &mut RangeEncoder<'_>, number: usize) {
    encoder.put_bits(u32::from(number != 0), 1);
    if number != 0 {
        let length = number.ilog2();
        encoder.put_bits(length, 4);
        encoder.put_bits(number as u32 & ((1 << length) - 1), length);
    }
}

/// Those of so many that have no place in these pairs; nobody, when there are none.
fn missing(
    count: usize,
    pairs: Option<&[(u32, u32)]>,
    place: fn(&(u32, u32)) -> u32,
) -> impl Iterator<Item = usize> + Clone {
    let first = if pairs.is_some() { 0 } else { count };
    let mut there = pairs.unwrap_or_default().iter().map(place).peekable();
    (first..count).filter(move |number| there.next_if_eq(&(*number as u32)).is_none())
}

fn put_updates(
    encoder: &mut RangeEncoder<'_>,
    tables: &Tables,
    stay: &Stay<'_>,
    widths: &[FieldWidth],
    model: &KindModel,
) {
    let rows = stay.rows();
    if rows == 0 || widths.is_empty() {
        return;
    }
    let moved = stay.now.iter().filter(|now| now.has_moved()).count();
    encoder.put_bits(u32::from(moved > 0), 1);
    if moved == 0 {
        return;
    }
    let are_all = rows - moved <= rows / ROWS_PER_RESTING;
    encoder.put_bits(u32::from(are_all), 1);
    if !are_all {
        let mut local = encoder.local();
        for (history, now) in stay.histories.iter().zip(stay.now) {
            let chance = chance(model, *history);
            let (before, parts) = if now.has_moved() { (0, chance) } else { (chance, TOTAL - chance) };
            local.put(before, parts);
        }
        let state = local.state();
        encoder.resume(state);
    }
    let rests = |field: usize| stay.differences[stay.column(field)].iter().all(|difference| *difference == 0);
    let resting = (0..widths.len()).filter(|field| rests(*field)).count();
    let is_masked = resting * if are_all { rows } else { moved } >= VALUES_PER_FIELD * widths.len();
    encoder.put_bits(u32::from(is_masked), 1);
    for (field, (width, model)) in widths.iter().zip(&model.fields).enumerate() {
        if is_masked {
            encoder.put_bits(u32::from(!rests(field)), 1);
            if rests(field) {
                continue;
            }
        }
        if are_all {
            put_column::<true>(encoder, tables, stay, field, *width, model);
        } else {
            put_column::<false>(encoder, tables, stay, field, *width, model);
        }
    }
}

/// One field of all rows, or of those that moved.
///
/// What is to be coded is found for some rows at once, and then coded: one loop for both has more to hold than there
/// are registers.
fn put_column<const ARE_ALL: bool>(
    encoder: &mut RangeEncoder<'_>,
    tables: &Tables,
    stay: &Stay<'_>,
    field: usize,
    width: FieldWidth,
    model: &FieldModel,
) {
    let shapes = shapes_at(model, stay.age);
    let column = stay.column(field);
    let last = stay.last[column.clone()].chunks(ROWS_AT_ONCE);
    let second = stay.second[column.clone()].chunks(ROWS_AT_ONCE);
    let differences = stay.differences[column].chunks(ROWS_AT_ONCE);
    let rows = stay.histories.chunks(ROWS_AT_ONCE).zip(stay.now.chunks(ROWS_AT_ONCE));
    let mut local = encoder.local();
    let mut expected = Predictions::new();
    let mut tokens = [0; ROWS_AT_ONCE];
    let has_wide = shapes.iter().any(|shape| shape.is_wide());
    for (((last, second), differences), (histories, now)) in last.zip(second).zip(differences).zip(rows) {
        expected.expect(model, &shapes, width, stay.age, (last, second), histories);
        let residuals = &mut expected.steps[..now.len()];
        for ((difference, residual), token) in differences.iter().zip(residuals).zip(&mut tokens) {
            *residual = width.wrap(difference.wrapping_sub(*residual));
            *token = narrow_token(*residual);
        }
        if has_wide {
            for (row, token) in tokens[..now.len()].iter_mut().enumerate() {
                let shape = shapes[expected.context(row)];
                if shape.is_wide() {
                    *token = shape.wide_token(expected.steps[row]);
                }
            }
        }
        for (row, now) in now.iter().enumerate() {
            if ARE_ALL || now.has_moved() {
                let token = tokens[row];
                tables[usize::from(expected.tables[row])].put(&mut local, token);
                if token >= HAS_REST {
                    let (shape, residual) = (shapes[expected.context(row)], expected.steps[row]);
                    local.detour(|encoder| shape.put_rest(encoder, token, residual));
                }
            }
        }
    }
    let state = local.state();
    encoder.resume(state);
}

fn put_entries(
    encoder: &mut RangeEncoder<'_>,
    snapshot: &Snapshot,
    kind: usize,
    widths: &[FieldWidth],
    pairs: Option<&[(u32, u32)]>,
) {
    let place = snapshot.kind(kind);
    let (ids, codes) = (&snapshot.ids[place.rows()], &snapshot.codes[place.codes()]);
    let entered = missing(ids.len(), pairs, |pair| pair.1);
    put_small(encoder, entered.clone().count());
    let mut next = 1;
    for row in entered {
        let id = usize::from(ids[row].get());
        put_small(encoder, id - next);
        next = id + 1;
        for (code, width) in codes[row * widths.len()..].iter().zip(widths) {
            encoder.put_bits(*code, width.bits);
        }
    }
}
