//! Rows as the decoder takes them.

use super::super::model::{CONTEXTS, FieldModel, KindModel, Model};
use super::super::moves::{self, History};
use super::super::predictions::{Predictions, ROWS_AT_ONCE};
use super::super::range::RangeDecoder;
use super::super::shape::{Shape, Tables, take};
use super::super::{FieldWidth, FrameCodec, FrameError};
use super::{chance, shapes_at};
use crate::id::EntityId;
use crate::limits::ENTITIES_MAX;
use crate::snapshot::Snapshot;

impl FrameCodec {
    /// Says whether rows may name other strings than those of the baseline.
    pub(in crate::frame) fn take_rows(
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

/// The number that the encoder put, which is mostly 0.
fn take_small(decoder: &mut RangeDecoder<'_>) -> usize {
    if !decoder.take_bool() {
        return 0;
    }
    let length = decoder.take_bits(4);
    (1 << length | decoder.take_bits(length)) as usize
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
        let has_wide = shapes.iter().any(|shape| shape.is_wide());
        let rows = self.histories.len();
        let fields = self.codes.len() / rows;
        let last = self.last[field * rows..][..rows].chunks_mut(ROWS_AT_ONCE);
        let second = self.second[field * rows..][..rows].chunks_mut(ROWS_AT_ONCE);
        let histories = self.histories.chunks_mut(ROWS_AT_ONCE);
        let codes = self.codes.chunks_mut(ROWS_AT_ONCE * fields);
        let mut expected = Predictions::new();
        for (((last, second), histories), codes) in last.zip(second).zip(histories).zip(codes) {
            expected.expect(model, &shapes, width, self.age, (last, second), histories);
            *decoder = if has_wide {
                take_residuals::<ARE_ALL, true>(decoder, tables, &shapes, histories, &mut expected)?
            } else {
                take_residuals::<ARE_ALL, false>(decoder, tables, &shapes, histories, &mut expected)?
            };
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
fn take_residuals<'a, const ARE_ALL: bool, const HAS_WIDE: bool>(
    decoder: &RangeDecoder<'a>,
    tables: &Tables,
    shapes: &[Shape; CONTEXTS],
    histories: &[History],
    expected: &mut Predictions,
) -> Result<RangeDecoder<'a>, FrameError> {
    let mut decoder = decoder.local();
    let rows = expected.contexts.iter().zip(&expected.tables).zip(&mut expected.steps);
    for (((context, table), step), history) in rows.zip(histories) {
        if ARE_ALL || history.is_coded() {
            let shift = if HAS_WIDE { shapes[*context as usize % CONTEXTS].shift } else { 0 };
            *step = step.wrapping_add(take(&mut decoder, &tables[usize::from(*table)], shift)?);
        } else {
            *step = 0;
        }
    }
    Ok(decoder)
}
