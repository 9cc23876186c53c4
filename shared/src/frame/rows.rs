//! The rows of a snapshot on their way: who left, what changed, who entered.

#![expect(clippy::inline_always, reason = "measured: the coder's state stays in registers")]

use super::learner::{Learner, Move};
use super::model::{CHANCES, Model, ROW_CONTEXTS, context};
use super::range::{RangeDecoder, RangeEncoder, TOTAL};
use super::{Baseline, FieldWidth, FrameCodec, FrameError};
use crate::id::EntityId;
use crate::limits::ENTITIES_MAX;
use crate::snapshot::{Head, Moved, Snapshot};

/// What is known of how a row moved.
#[inline]
fn row_context(head: &Head, depth: u8) -> usize {
    if head.known == 0 || depth == 0 { ROW_CONTEXTS - 1 } else { usize::from(head.has_moved) }
}

/// What a viewer of this depth knows of how a code moved.
#[inline]
fn known(moved: Moved, depth: u8) -> Moved {
    Moved { last: if depth >= 1 { moved.last } else { 0 }, second: if depth >= 2 { moved.second } else { 0 } }
}

/// Whether entities left or entered.
pub(super) fn differ(baseline: Option<Baseline<'_>>, snapshot: &Snapshot) -> bool {
    let Some(Baseline { snapshot: old, .. }) = baseline else { return !snapshot.is_empty() };
    old.len() != snapshot.len() || old.heads.iter().zip(&snapshot.heads).any(|(old, new)| !old.is_same(new))
}

/// The places of what is in the first list and not in the second one.
fn missing<'a>(here: &'a [Head], there: &'a [Head]) -> impl Iterator<Item = usize> {
    let mut next = there.iter().peekable();
    here.iter().enumerate().filter_map(move |(place, head)| {
        while next.next_if(|other| other.id < head.id).is_some() {}
        (!next.peek().is_some_and(|other| other.is_same(head))).then_some(place)
    })
}

/// The rows that both have: where each is.
fn staying<'a>(old: &'a [Head], new: &'a [Head]) -> impl Iterator<Item = (usize, usize)> {
    let mut next = 0;
    old.iter().enumerate().filter_map(move |(place, head)| {
        while new.get(next).is_some_and(|other| other.id < head.id) {
            next += 1;
        }
        new.get(next).is_some_and(|other| other.is_same(head)).then_some((place, next))
    })
}

/// A number that is mostly 0, up to 16 bits: a bit whether it is not; its length less 1 in 4; its bits below the
/// highest.
fn put_small(coder: &mut RangeEncoder<'_>, number: u32) {
    coder.put_bits(u32::from(number != 0), 1);
    if number != 0 {
        let length = number.ilog2();
        coder.put_bits(length, 4);
        coder.put_bits(number & ((1 << length) - 1), length);
    }
}

fn take_small(coder: &mut RangeDecoder<'_>) -> u32 {
    if !coder.take_bool() {
        return 0;
    }
    let length = coder.take_bits(4);
    1 << length | coder.take_bits(length)
}

impl FrameCodec {
    pub(super) fn put_rows(
        &self,
        coder: &mut RangeEncoder<'_>,
        baseline: Option<Baseline<'_>>,
        snapshot: &Snapshot,
        model: &Model,
        has_comings: bool,
    ) {
        let old: &[Head] = baseline.map_or(&[], |baseline| &baseline.snapshot.heads);
        if has_comings {
            put_small(coder, missing(old, &snapshot.heads).count() as u32);
            let mut next = 0;
            for place in missing(old, &snapshot.heads) {
                put_small(coder, (place - next) as u32);
                next = place + 1;
            }
        }
        if let Some(baseline) = baseline {
            // The next tick for who followed is what nearly all frames are, and gets code of its own.
            let is_usual =
                baseline.depth == Baseline::DEPTH && snapshot.tick().since(baseline.snapshot.tick()) == 1;
            match (is_usual, has_comings) {
                (true, false) => {
                    let mut local = coder.local();
                    for place in 0..old.len() {
                        self.put_update::<true>(&mut local, baseline, place, snapshot, place, model);
                    }
                    let state = local.state();
                    coder.resume(state);
                }
                _ => {
                    for (from, to) in staying(old, &snapshot.heads) {
                        self.put_update::<false>(coder, baseline, from, snapshot, to, model);
                    }
                }
            }
        }
        if has_comings {
            put_small(coder, missing(&snapshot.heads, old).count() as u32);
            let mut next = 1;
            for place in missing(&snapshot.heads, old) {
                let head = &snapshot.heads[place];
                put_small(coder, u32::from(head.id.get()) - next);
                next = u32::from(head.id.get()) + 1;
                coder.put_bits(head.kind.into(), self.kind_bits);
                for (code, width) in
                    snapshot.codes[head.place()].iter().zip(&self.widths[usize::from(head.kind)])
                {
                    coder.put_bits(*code, width.bits);
                }
            }
        }
    }

    #[inline(always)]
    fn put_update<const IS_USUAL: bool>(
        &self,
        coder: &mut RangeEncoder<'_>,
        baseline: Baseline<'_>,
        from: usize,
        snapshot: &Snapshot,
        to: usize,
        model: &Model,
    ) {
        let old = baseline.snapshot;
        let depth = if IS_USUAL { Baseline::DEPTH } else { baseline.depth };
        let age = if IS_USUAL { 1 } else { i64::from(snapshot.tick().since(old.tick())) };
        let head = &old.heads[from];
        let kind = usize::from(head.kind);
        let (kind, widths) = (&model.kinds[kind], &self.widths[kind]);
        let (from, to) = (head.place(), snapshot.heads[to].place());
        // Of equal lengths, so that no place needs to be checked.
        let fields = kind.fields.len();
        let (models, widths) = (&kind.fields[..fields], &widths[..fields]);
        let (before, old_codes) = (&old.moves[from.clone()][..fields], &old.codes[from][..fields]);
        let new = &snapshot.codes[to][..fields];
        let chance = u32::from(CHANCES[usize::from(kind.chances[row_context(head, depth)] % 16)]);
        // Rows are short: a loop is faster than a call.
        if (0..fields).all(|field| old_codes[field] == new[field]) {
            return coder.put(chance, TOTAL - chance);
        }
        coder.put(0, chance);
        for field in 0..fields {
            let (field_model, width) = (&models[field], widths[field]);
            let moved = if IS_USUAL { before[field] } else { known(before[field], depth) };
            let (step, phase) = field_model.predictor.expect(moved.last, moved.second, age);
            let residual = width.wrap(i64::from(new[field]) - i64::from(old_codes[field]) - step);
            let shape = field_model.shapes[context(moved.last, moved.second)];
            shape.put(coder, self.tables, phase, residual);
        }
    }

    /// Says whether rows may name other strings than those of the baseline.
    pub(super) fn take_rows(
        &self,
        coder: &mut RangeDecoder<'_>,
        baseline: Option<&Snapshot>,
        age: i64,
        model: &Model,
        has_comings: bool,
        snapshot: &mut Snapshot,
    ) -> Result<bool, FrameError> {
        let mut names_others = has_comings || baseline.is_none();
        let rows = baseline.map_or(0, Snapshot::len);
        let mut left = Vec::new();
        if has_comings {
            let mut next = 0;
            for _ in 0..take_small(coder) {
                let place = next + take_small(coder) as usize;
                if place >= rows {
                    return Err(FrameError::Malformed("who was not there leaves"));
                }
                left.push(place);
                next = place + 1;
            }
            coder.check()?;
        }
        if let Some(old) = baseline {
            snapshot.codes.resize(old.codes.len(), 0);
            snapshot.moves.resize(old.codes.len(), Moved::default());
            snapshot.heads.reserve(old.heads.len());
            let mut left = left.iter().peekable();
            let (mut local, mut first) = (*coder, 0);
            for (place, head) in old.heads.iter().enumerate() {
                if left.next_if(|left| **left == place).is_none() {
                    let rows = (old, head, age);
                    names_others |= self.take_update(&mut local, rows, model, snapshot, &mut first)?;
                }
            }
            *coder = local;
            snapshot.codes.truncate(first);
            snapshot.moves.truncate(first);
            coder.check()?;
        }
        if has_comings {
            self.take_entries(coder, snapshot)?;
        }
        Ok(names_others)
    }

    /// Reads a row of the baseline into the place that begins at `first`.
    #[inline(always)]
    fn take_update(
        &self,
        coder: &mut RangeDecoder<'_>,
        (old, head, age): (&Snapshot, &Head, i64),
        model: &Model,
        snapshot: &mut Snapshot,
        first: &mut usize,
    ) -> Result<bool, FrameError> {
        let kind = usize::from(head.kind);
        let (kind, widths, strings) = (&model.kinds[kind], &self.widths[kind], &self.strings[kind]);
        // Of equal lengths, so that no place needs to be checked.
        let fields = kind.fields.len();
        let (models, widths) = (&kind.fields[..fields], &widths[..fields]);
        let (before, old_codes) = (&old.moves[head.place()][..fields], &old.codes[head.place()][..fields]);
        let new = &mut snapshot.codes[*first..][..fields];
        let moves = &mut snapshot.moves[*first..][..fields];
        let chance = u32::from(CHANCES[usize::from(kind.chances[row_context(head, Baseline::DEPTH)] % 16)]);
        let part = coder.part();
        let has_changed = coder.is_before(part, chance);
        if has_changed {
            coder.take(part, 0, chance);
            for field in 0..fields {
                let (field_model, width, was) = (&models[field], widths[field], before[field]);
                let (step, phase) = field_model.predictor.expect(was.last, was.second, age);
                let shape = field_model.shapes[context(was.last, was.second)];
                new[field] = width.add(old_codes[field], step + shape.take(coder, self.tables, phase)?);
            }
        } else {
            coder.take(part, chance, TOTAL - chance);
            new.copy_from_slice(old_codes);
        }
        let mut entered = *head;
        (entered.known, entered.has_moved) = (0, false);
        if age == 1 {
            entered.has_moved = note_row_moves(widths, (old_codes, before), new, moves, head.known);
            entered.known = (head.known + 1).min(2);
        }
        let is_other = |place: &u8| new[usize::from(*place)] != old_codes[usize::from(*place)];
        let names_others = has_changed && strings.iter().any(is_other);
        snapshot.push_head(entered, *first);
        *first += fields;
        Ok(names_others)
    }

    fn take_entries(&self, coder: &mut RangeDecoder<'_>, snapshot: &mut Snapshot) -> Result<(), FrameError> {
        let count = take_small(coder) as usize;
        if snapshot.len() + count > ENTITIES_MAX {
            return Err(FrameError::Malformed("more entities than a world holds"));
        }
        let mut next = 1;
        for _ in 0..count {
            let id = next + take_small(coder);
            let id =
                u16::try_from(id).ok().and_then(EntityId::new).ok_or(FrameError::Malformed("no such id"))?;
            next = u32::from(id.get()) + 1;
            let kind = coder.take_bits(self.kind_bits) as u8;
            let widths = self.widths.get(usize::from(kind)).ok_or(FrameError::Malformed("no such kind"))?;
            snapshot
                .push(id, kind, |codes| codes.extend(widths.iter().map(|width| coder.take_bits(width.bits))));
            coder.check()?;
        }
        Ok(())
    }

    /// Writes into a snapshot how it came of the tick before.
    pub(super) fn note_moves(&self, last: &Snapshot, snapshot: &mut Snapshot) {
        let mut next = 0;
        let Snapshot { heads, codes, moves, .. } = snapshot;
        for head in heads {
            while last.heads.get(next).is_some_and(|other| other.id < head.id) {
                next += 1;
            }
            let Some(old) = last.heads.get(next).filter(|old| old.is_same(head)) else { continue };
            let moves = &mut moves[head.place()];
            let (codes, old_codes) = (&codes[head.place()], &last.codes[old.place()]);
            let widths = &self.widths[usize::from(head.kind)];
            head.has_moved =
                note_row_moves(widths, (old_codes, &last.moves[old.place()]), codes, moves, old.known);
            head.known = (old.known + 1).min(2);
        }
    }

    /// Lets a learner look at one of so many of the rows that stay, or at all of them.
    pub(super) fn note_rows(
        &self,
        learner: &mut Learner,
        baseline: Baseline<'_>,
        snapshot: &Snapshot,
        (first, every): (usize, usize),
    ) {
        if differ(Some(baseline), snapshot) {
            let rows = staying(&baseline.snapshot.heads, &snapshot.heads);
            for (from, to) in rows.filter(|(_, to)| to % every == first) {
                self.note_row(learner, baseline, snapshot, from, to);
            }
        } else {
            for place in (first..snapshot.len()).step_by(every) {
                self.note_row(learner, baseline, snapshot, place, place);
            }
        }
    }

    fn note_row(
        &self,
        learner: &mut Learner,
        baseline: Baseline<'_>,
        snapshot: &Snapshot,
        from: usize,
        to: usize,
    ) {
        let (old, depth) = (baseline.snapshot, baseline.depth);
        let head = &old.heads[from];
        let (from, to) = (head.place(), snapshot.heads[to].place());
        let (codes, new) = (&old.codes[from.clone()], &snapshot.codes[to]);
        learner.note_row(head.kind, row_context(head, depth), codes != new);
        if codes == new {
            return;
        }
        let widths = &self.widths[usize::from(head.kind)];
        let moves = old.moves[from].iter().zip(codes.iter().zip(new));
        for (field, ((moved, (code, new)), width)) in moves.zip(widths).enumerate() {
            let Moved { last, second } = known(*moved, depth);
            let now = width.wrap(i64::from(*new) - i64::from(*code));
            learner.note_move(head.kind, field, Move { now, last, second });
        }
    }
}

/// Writes how codes came of those of the tick before, of which so much is known; says whether any moved.
#[inline(always)]
fn note_row_moves(
    widths: &[FieldWidth],
    (old_codes, old_moves): (&[u32], &[Moved]),
    codes: &[u32],
    moves: &mut [Moved],
    known: u8,
) -> bool {
    let fields = moves.len();
    // Of equal lengths, so that no place needs to be checked.
    let (old_codes, old_moves) = (&old_codes[..fields], &old_moves[..fields]);
    let (codes, widths) = (&codes[..fields], &widths[..fields]);
    let is_known = if known > 0 { -1 } else { 0 };
    let mut any = 0;
    for field in 0..fields {
        let spare = widths[field].spare;
        let wrap = |difference: u32| ((difference << spare) as i32) >> spare;
        let last = wrap(codes[field].wrapping_sub(old_codes[field]));
        let second = wrap((last as u32).wrapping_sub(old_moves[field].last as u32)) & is_known;
        moves[field] = Moved { last, second };
        any |= last;
    }
    any != 0
}
