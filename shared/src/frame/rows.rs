//! The rows of a frame, kind by kind: who leaves, what changed field by field, who enters.

use super::model::{CHANCES, CONTEXTS, FieldModel, KindModel, Model, widening};
use super::moves::{self, History, are_alike};
use super::predictions::{Predictions, ROWS_AT_ONCE};
use super::range::{RangeDecoder, RangeEncoder, TOTAL};
use super::shape::{Shape, Symbol, Tables};
use super::stay::{Gathered, Stay};
use super::{Baseline, FieldWidth, FrameCodec, FrameError};
use crate::id::EntityId;
use crate::limits::ENTITIES_MAX;
use crate::snapshot::Snapshot;

/// Of so many rows, one that did not move is coded with the others rather than tell which one it is.
const ROWS_PER_RESTING: usize = 32;
/// Which fields nobody moved is told when that saves at least so many values for each field of the kind.
const VALUES_PER_FIELD: usize = 4;

/// Whether entities left or entered.
pub(super) fn differ(baseline: Option<Baseline<'_>>, snapshot: &Snapshot, kinds: usize) -> bool {
    let Some(Baseline { snapshot: old, .. }) = baseline else { return !snapshot.is_empty() };
    (0..kinds).any(|kind| !are_alike(old, snapshot, kind))
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

fn take_small(decoder: &mut RangeDecoder<'_>) -> usize {
    if !decoder.take_bool() {
        return 0;
    }
    let length = decoder.take_bits(4);
    (1 << length | decoder.take_bits(length)) as usize
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

/// The chance that a row of this history has changed.
#[inline]
fn chance(model: &KindModel, history: History) -> u32 {
    CHANCES[usize::from(model.chances[history.context()] % 16)].into()
}

/// A field's shapes at this age.
#[inline]
fn shapes_at(model: &FieldModel, age: u32) -> [Shape; CONTEXTS] {
    if age == 1 { model.shapes } else { model.shapes.map(|shape| shape.wider(widening(age))) }
}

impl FrameCodec {
    pub(super) fn put_rows(
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

    /// Says whether rows may name other strings than those of the baseline.
    pub(super) fn take_rows(
        &self,
        decoder: &mut RangeDecoder<'_>,
        baseline: Option<&Snapshot>,
        model: &Model,
        has_comings: bool,
        snapshot: &mut Snapshot,
    ) -> Result<bool, FrameError> {
        let mut names_others = has_comings || baseline.is_none();
        // Most frames have none.
        let mut entered = has_comings.then(|| Snapshot::new(snapshot.tick()));
        let mut left = Vec::new();
        if let Some(old) = baseline.filter(|_| !has_comings) {
            snapshot.copy_rows(old);
        }
        for (kind, widths) in self.widths.iter().enumerate() {
            if let Some(old) = baseline {
                if has_comings {
                    take_leaves(decoder, old.kind(kind).rows().len(), &mut left)?;
                    snapshot.copy_staying(old, kind, &left);
                }
                let age = snapshot.tick().since(old.tick()) as u32;
                let mut rows = Rows::of(snapshot, kind, age);
                names_others |= rows.take(decoder, self, kind, model.of(kind, age))?;
                decoder.check()?;
            }
            if let Some(entered) = &mut entered {
                let room = ENTITIES_MAX.saturating_sub(snapshot.len() + entered.pushed());
                take_entries(decoder, kind as u8, widths, room, entered)?;
            }
        }
        if let Some(mut entered) = entered.filter(|entered| entered.pushed() > 0) {
            entered.seal_rows();
            // One kind's could not yet be held against the rows of the kinds behind it.
            if snapshot.len() + entered.len() > ENTITIES_MAX {
                return Err(FrameError::Malformed("more entities than a world holds"));
            }
            snapshot.merge(&entered);
            if snapshot.has_twins() {
                return Err(FrameError::Malformed("an entity enters twice"));
            }
        }
        let is_next = |old: &&Snapshot| snapshot.tick().since(old.tick()) == 1;
        snapshot.moves.since = baseline.filter(is_next).map(Snapshot::tick);
        Ok(names_others)
    }
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
    let mut symbols = [Symbol::default(); ROWS_AT_ONCE];
    for (((last, second), differences), (histories, now)) in last.zip(second).zip(differences).zip(rows) {
        expected.expect(model, width, stay.age, (last, second), histories);
        for (difference, step) in differences.iter().zip(&mut expected.steps) {
            *step = width.wrap(difference.wrapping_sub(*step));
        }
        let rows = expected.contexts.iter().zip(&expected.phases).zip(&expected.steps);
        for (((context, phase), residual), symbol) in rows.zip(&mut symbols[..differences.len()]) {
            *symbol = shapes[*context as usize % CONTEXTS].symbol(*phase, *residual);
        }
        for (row, now) in now.iter().enumerate() {
            if ARE_ALL || now.has_moved() {
                let symbol = symbols[row];
                symbol.put(&mut local, tables);
                if symbol.has_rest {
                    let shape = &shapes[expected.contexts[row] as usize % CONTEXTS];
                    local.detour(|encoder| shape.put_rest(encoder, symbol));
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

fn take_leaves(decoder: &mut RangeDecoder<'_>, rows: usize, left: &mut Vec<usize>) -> Result<(), FrameError> {
    left.clear();
    let mut next = 0;
    for _ in 0..take_small(decoder) {
        let place = next + take_small(decoder);
        if place >= rows {
            return Err(FrameError::Malformed("who was not there leaves"));
        }
        left.push(place);
        next = place + 1;
    }
    Ok(decoder.check()?)
}

fn take_entries(
    decoder: &mut RangeDecoder<'_>,
    kind: u8,
    widths: &[FieldWidth],
    room: usize,
    entered: &mut Snapshot,
) -> Result<(), FrameError> {
    let count = take_small(decoder);
    if count > room {
        return Err(FrameError::Malformed("more entities than a world holds"));
    }
    let mut next = 1;
    for _ in 0..count {
        let id = next + take_small(decoder);
        next = id + 1;
        let id = u16::try_from(id).ok().and_then(EntityId::new).ok_or(FrameError::Malformed("no such id"))?;
        entered
            .push(id, kind, |codes| codes.extend(widths.iter().map(|width| decoder.take_bits(width.bits))));
        decoder.check()?;
    }
    Ok(())
}

/// One kind's rows of a snapshot that is decoded: as the baseline has them, until they are taken.
struct Rows<'a> {
    age: u32,
    histories: &'a mut [History],
    last: &'a mut [i32],
    second: &'a mut [i32],
    codes: &'a mut [u32],
}

impl<'a> Rows<'a> {
    fn of(snapshot: &'a mut Snapshot, kind: usize, age: u32) -> Self {
        let place = snapshot.kind(kind);
        let Snapshot { moves, codes, .. } = snapshot;
        Self {
            age,
            histories: &mut moves.histories[place.rows()],
            last: &mut moves.last[place.codes()],
            second: &mut moves.second[place.codes()],
            codes: &mut codes[place.codes()],
        }
    }

    /// Says whether another string is named.
    fn take(
        &mut self,
        decoder: &mut RangeDecoder<'_>,
        codec: &FrameCodec,
        kind: usize,
        model: &KindModel,
    ) -> Result<bool, FrameError> {
        let (widths, strings) = (&codec.widths[kind], &codec.strings[kind]);
        if self.histories.is_empty() || widths.is_empty() {
            return Ok(false);
        }
        let any = decoder.take_bool();
        let are_all = any && decoder.take_bool();
        if any && !are_all {
            let mut local = *decoder;
            for history in &mut *self.histories {
                history.note_coded(local.take_chance(chance(model, *history)));
            }
            *decoder = local;
        }
        let is_masked = any && decoder.take_bool();
        let mut names_others = false;
        for (field, (width, model)) in widths.iter().zip(&model.fields).enumerate() {
            if !any || (is_masked && !decoder.take_bool()) {
                self.rest(field, *width);
                continue;
            }
            if are_all {
                self.take_column::<true>(decoder, codec.tables, (field, *width), model)?;
            } else {
                self.take_column::<false>(decoder, codec.tables, (field, *width), model)?;
            }
            if strings.contains(&(field as u8)) {
                let rows = self.histories.len();
                names_others |= self.last[field * rows..][..rows].iter().any(|last| *last != 0);
            }
        }
        if self.age == 1 {
            moves::end(self.histories, self.second);
        } else {
            self.histories.fill(History::default());
            self.last.fill(0);
            self.second.fill(0);
        }
        Ok(names_others)
    }

    /// One field of all rows, or of those that are coded.
    #[inline(never)]
    fn take_column<const ARE_ALL: bool>(
        &mut self,
        decoder: &mut RangeDecoder<'_>,
        tables: &Tables,
        (field, width): (usize, FieldWidth),
        model: &FieldModel,
    ) -> Result<(), FrameError> {
        let shapes = shapes_at(model, self.age);
        let rows = self.histories.len();
        let fields = self.codes.len() / rows;
        let last = self.last[field * rows..][..rows].chunks_mut(ROWS_AT_ONCE);
        let second = self.second[field * rows..][..rows].chunks_mut(ROWS_AT_ONCE);
        let histories = self.histories.chunks_mut(ROWS_AT_ONCE);
        let codes = self.codes.chunks_mut(ROWS_AT_ONCE * fields);
        let mut expected = Predictions::new();
        for (((last, second), histories), codes) in last.zip(second).zip(histories).zip(codes) {
            expected.expect(model, width, self.age, (last, second), histories);
            *decoder = take_residuals::<ARE_ALL>(decoder, tables, &shapes, histories, &mut expected)?;
            let now = &mut expected.steps[..histories.len()];
            for now in &mut *now {
                *now = width.wrap(*now);
            }
            moves::differ(width, second, now, last);
            last.copy_from_slice(now);
            moves::note_moves(histories, now);
            for (codes, now) in codes.chunks_exact_mut(fields).zip(now) {
                codes[field] = width.add(codes[field], *now);
            }
        }
        Ok(())
    }

    /// A field that nobody moved.
    fn rest(&mut self, field: usize, width: FieldWidth) {
        let rows = self.histories.len();
        let last = &mut self.last[field * rows..][..rows];
        let second = &mut self.second[field * rows..][..rows];
        for (last, second) in last.iter_mut().zip(second) {
            *second = width.wrap(last.wrapping_neg());
            *last = 0;
        }
    }
}

/// Adds to what was expected what that was wrong by. The decoder stays in registers.
#[inline(never)]
fn take_residuals<'a, const ARE_ALL: bool>(
    decoder: &RangeDecoder<'a>,
    tables: &Tables,
    shapes: &[Shape; CONTEXTS],
    histories: &[History],
    expected: &mut Predictions,
) -> Result<RangeDecoder<'a>, FrameError> {
    let mut decoder = decoder.local();
    let rows = expected.contexts.iter().zip(&expected.phases).zip(&mut expected.steps);
    for (((context, phase), step), history) in rows.zip(histories) {
        if ARE_ALL || history.is_coded() {
            let shape = &shapes[*context as usize % CONTEXTS];
            *step = step.wrapping_add(shape.take(&mut decoder, tables, *phase)?);
        } else {
            *step = 0;
        }
    }
    Ok(decoder)
}
