//! How the codes of a snapshot came to be what they are: what predictions are made of.

#![expect(clippy::inline_always, reason = "measured: these are a few instructions in the innermost loops")]

use super::FieldWidth;
use crate::snapshot::Snapshot;
use crate::tick::Tick;

/// How each code moved; of a kind's rows field by field, in the places that the kind's codes have row by row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    /// The tick before, when that is known.
    pub(super) since: Option<Tick>,
    /// What each code differs from the tick before; 0 when that is not known.
    pub(super) last: Vec<i32>,
    /// What that differs from the difference before; 0 when that is not known.
    pub(super) second: Vec<i32>,
    /// Of each row.
    pub(super) histories: Vec<History>,
}

impl Moves {
    pub(crate) fn clear(&mut self) {
        self.since = None;
        self.last.clear();
        self.second.clear();
        self.histories.clear();
    }

    /// Knows nothing of so many rows and codes.
    pub(crate) fn forget(&mut self, rows: usize, codes: usize) {
        self.clear();
        self.last.resize(codes, 0);
        self.second.resize(codes, 0);
        self.histories.resize(rows, History::default());
    }

    /// Adds what another one knows of a code.
    pub(crate) fn push(&mut self, other: &Self, code: usize) {
        self.last.push(other.last[code]);
        self.second.push(other.second[code]);
    }

    /// Adds what another one knows of a row.
    pub(crate) fn push_row(&mut self, other: &Self, row: usize) {
        self.histories.push(other.histories[row]);
    }

    /// Takes what another one knows.
    pub(crate) fn copy(&mut self, other: &Self) {
        self.since = other.since;
        self.last.clone_from(&other.last);
        self.second.clone_from(&other.second);
        self.histories.clone_from(&other.histories);
    }
}

/// What is known of how a row moved, in bits: of how many ticks that is, up to 2; whether any code moved in the last
/// one, and in the one before. While the next tick is looked at, also what became of the row in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct History(u8);

/// Of as many ticks back moves are known, at most.
pub(super) const KNOWN_MAX: u8 = 2;
const KNOWN: u8 = 3;
/// The next bit is that of the tick before.
const MOVED: u8 = 4;
/// In the next tick, the row is coded.
const CODED: u8 = 16;
/// In the next tick, it moves.
const MOVES: u8 = 32;

impl History {
    #[inline(always)]
    pub(super) fn known(self) -> u8 {
        self.0 & KNOWN
    }

    #[inline(always)]
    pub(super) fn has_moved(self) -> bool {
        self.0 & MOVED != 0
    }

    /// Which of the row contexts it is: by whether it moved in the last tick and in the one before; the last one when
    /// that is not known.
    #[inline(always)]
    pub(super) fn context(self) -> usize {
        if self.known() < KNOWN_MAX { ROW_CONTEXTS - 1 } else { usize::from(self.0 >> 2 & 3) }
    }

    /// As who knows of fewer ticks has it.
    pub(super) fn to_depth(self, depth: u8) -> Self {
        Self(self.0 & !KNOWN | self.known().min(depth))
    }

    /// Takes note of whether the row is coded in the next tick.
    #[inline(always)]
    pub(super) fn note_coded(&mut self, is_coded: bool) {
        self.0 |= if is_coded { CODED } else { 0 };
    }

    #[inline(always)]
    pub(super) fn is_coded(self) -> bool {
        self.0 & CODED != 0
    }

    /// Takes note of how a code of the row moves in the next tick.
    #[inline(always)]
    pub(super) fn note_move(&mut self, now: i32) {
        self.0 |= if now == 0 { 0 } else { MOVES };
    }

    /// The one of the next tick.
    #[inline(always)]
    pub(super) fn next(self) -> Self {
        Self((self.known() + 1).min(KNOWN_MAX) | (self.0 & MOVED) << 1 | (self.0 & MOVES) >> 3)
    }
}

/// What is known of how a row moved.
pub(super) const ROW_CONTEXTS: usize = 5;

/// The rows of one kind that two snapshots both have: where each is, counted within the kind.
pub(super) fn staying(old: &Snapshot, new: &Snapshot, kind: usize, pairs: &mut Vec<(u32, u32)>) {
    pairs.clear();
    let (old, new) = (&old.ids[old.kind(kind).rows()], &new.ids[new.kind(kind).rows()]);
    let mut to = 0;
    for (from, id) in old.iter().enumerate() {
        while new.get(to).is_some_and(|other| other < id) {
            to += 1;
        }
        if new.get(to) == Some(id) {
            pairs.push((from as u32, to as u32));
        }
    }
}

/// Whether both have the same rows of a kind.
pub(super) fn are_alike(old: &Snapshot, new: &Snapshot, kind: usize) -> bool {
    let (old, new) = (&old.ids[old.kind(kind).rows()], &new.ids[new.kind(kind).rows()]);
    // Without a way out in between, several are compared at once.
    old.len() == new.len()
        && old.iter().zip(new).fold(0, |off, (old, new)| off | (old.get() ^ new.get())) == 0
}

/// Writes into a snapshot how a kind's rows came of those of the tick before.
pub(super) fn note(
    widths: &[FieldWidth],
    kind: usize,
    (old, new): (&Snapshot, &mut Snapshot),
    pairs: &mut Vec<(u32, u32)>,
) {
    let is_alike = are_alike(old, new, kind);
    if !is_alike {
        staying(old, new, kind, pairs);
    }
    let (from, to) = (old.kind(kind), new.kind(kind));
    let (old_rows, rows, fields) = (from.rows().len(), to.rows().len(), widths.len());
    if rows == 0 || fields == 0 {
        return;
    }
    let (old_codes, codes) = (&old.codes[from.codes()], &new.codes[to.codes()]);
    let (old_last, old_histories) = (&old.moves.last[from.codes()], &old.moves.histories[from.rows()]);
    let (last, second) = (&mut new.moves.last[to.codes()], &mut new.moves.second[to.codes()]);
    let histories = &mut new.moves.histories[to.rows()];
    if is_alike {
        histories.copy_from_slice(old_histories);
        let columns = last.chunks_exact_mut(rows).zip(second.chunks_exact_mut(rows));
        let columns = columns.zip(old_last.chunks_exact(rows));
        for (field, (((last, second), old_last), width)) in columns.zip(widths).enumerate() {
            column_differences(*width, last, codes, old_codes, (field, fields));
            differ(*width, second, last, old_last);
            note_moves(histories, last);
        }
        end(histories, second);
        return;
    }
    for &(from, to) in &*pairs {
        let (from, to) = (from as usize, to as usize);
        let mut history = old_histories[from];
        for (field, width) in widths.iter().enumerate() {
            let now = width.difference(codes[to * fields + field], old_codes[from * fields + field]);
            let before = old_last[field * old_rows + from];
            last[field * rows + to] = now;
            second[field * rows + to] =
                if history.known() > 0 { width.wrap(now.wrapping_sub(before)) } else { 0 };
            history.note_move(now);
        }
        histories[to] = history.next();
    }
}

/// What the codes of one field differ, which lie among those of so many fields.
fn column_differences(
    width: FieldWidth,
    differences: &mut [i32],
    codes: &[u32],
    old_codes: &[u32],
    (field, fields): (usize, usize),
) {
    /// Of a number of fields that is known beforehand, compilers make vectors.
    fn of<const FIELDS: usize>(
        width: FieldWidth,
        differences: &mut [i32],
        codes: &[u32],
        old_codes: &[u32],
        field: usize,
    ) {
        let field = field % FIELDS;
        let rows = codes.as_chunks::<FIELDS>().0.iter().zip(old_codes.as_chunks::<FIELDS>().0);
        for (difference, (codes, old_codes)) in differences.iter_mut().zip(rows) {
            *difference = width.difference(codes[field], old_codes[field]);
        }
    }
    match fields {
        1 => of::<1>(width, differences, codes, old_codes, field),
        2 => of::<2>(width, differences, codes, old_codes, field),
        3 => of::<3>(width, differences, codes, old_codes, field),
        4 => of::<4>(width, differences, codes, old_codes, field),
        _ => {
            let rows = codes.chunks_exact(fields).zip(old_codes.chunks_exact(fields));
            for (difference, (codes, old_codes)) in differences.iter_mut().zip(rows) {
                *difference = width.difference(codes[field], old_codes[field]);
            }
        }
    }
}

/// What moves differ from those before.
pub(super) fn differ(width: FieldWidth, second: &mut [i32], last: &[i32], before: &[i32]) {
    for ((second, last), before) in second.iter_mut().zip(last).zip(before) {
        *second = width.wrap(last.wrapping_sub(*before));
    }
}

/// Takes note of which rows a code of theirs moved.
pub(super) fn note_moves(histories: &mut [History], last: &[i32]) {
    for (history, last) in histories.iter_mut().zip(last) {
        history.note_move(*last);
    }
}

/// Ends a tick's noting: forgets what the first moves that are known differ from those before, which are not.
pub(super) fn end(histories: &mut [History], second: &mut [i32]) {
    if histories.iter().fold(false, |any, history| any | (history.known() == 0)) {
        for second in second.chunks_exact_mut(histories.len()) {
            for (second, history) in second.iter_mut().zip(&*histories) {
                *second = if history.known() == 0 { 0 } else { *second };
            }
        }
    }
    for history in histories {
        *history = history.next();
    }
}
