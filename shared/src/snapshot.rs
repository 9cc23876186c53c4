//! What everyone sees after one tick: a snapshot of a room.
//!
//! A [`Snapshot`] is an immutable value once it is sealed: rows by kind and id, and the strings that they
//! name. [`frame`](crate::frame) has the codec that makes frames of bytes of it.

use std::collections::BTreeMap;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use crate::frame::{Model, Moves};
use crate::id::EntityId;
use crate::row::{Names, Row, RowError, RowReader};
use crate::tick::Tick;

/// The rows that everyone sees at one tick, by kind and then by id; and what the codec of frames knows of how
/// they came to be so, which is no part of what is seen.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    tick: Tick,
    pub(crate) ids: Vec<EntityId>,
    /// Where each kind's rows are. Kinds behind the last one have none.
    kinds: Vec<KindPlace>,
    /// Row by row.
    pub(crate) codes: Vec<u32>,
    pub(crate) moves: Moves,
    strings: Arc<BTreeMap<u32, Arc<[u8]>>>,
    /// How this tick's frames are coded; none before the first.
    pub(crate) model: Option<Arc<Model>>,
    /// The rows that were pushed and are not yet sealed.
    pushed: Vec<Pushed>,
    /// Memory for putting codes in order.
    spare: Vec<u32>,
}

/// Where the rows of one kind are, and their codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KindPlace {
    first_row: u32,
    first_code: u32,
    rows: u32,
    fields: u8,
}

impl KindPlace {
    #[inline]
    pub(crate) fn rows(&self) -> Range<usize> {
        self.first_row as usize..(self.first_row + self.rows) as usize
    }

    #[inline]
    pub(crate) fn codes(&self) -> Range<usize> {
        let first = self.first_code as usize;
        first..first + self.rows as usize * usize::from(self.fields)
    }
}

#[derive(Clone, Copy, Debug)]
struct Pushed {
    kind: u8,
    fields: u8,
    id: EntityId,
    first_code: u32,
}

/// One entity's row in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityRow<'a> {
    /// Whose it is.
    pub id: EntityId,
    /// The number of its kind in the schema's views.
    pub kind: u8,
    /// The code of each field.
    pub codes: &'a [u32],
}

impl Snapshot {
    /// A snapshot of nothing yet.
    pub fn new(tick: Tick) -> Self {
        Self { tick, ..Self::default() }
    }

    /// Makes it a snapshot of nothing yet, in the memory that it has.
    pub fn reset(&mut self, tick: Tick) {
        self.tick = tick;
        self.ids.clear();
        self.kinds.clear();
        self.codes.clear();
        self.moves.clear();
        self.model = None;
        self.pushed.clear();
    }

    /// The tick after whose step these rows were taken.
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// How many entities it shows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether it shows none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// All rows, by kind and then by id.
    pub fn rows(&self) -> impl Iterator<Item = EntityRow<'_>> {
        debug_assert!(self.pushed.is_empty(), "rows are seen once the snapshot is sealed");
        let of_kind = move |(kind, place): (u8, &KindPlace)| {
            let place = *place;
            place.rows().map(move |row| self.row(kind, place, row))
        };
        (0..).zip(&self.kinds).flat_map(of_kind)
    }

    /// The row of one entity.
    pub fn get(&self, id: EntityId) -> Option<EntityRow<'_>> {
        (0..).zip(&self.kinds).find_map(|(kind, place)| {
            let found = self.ids[place.rows()].binary_search(&id).ok()?;
            Some(self.row(kind, *place, place.rows().start + found))
        })
    }

    /// The strings that rows name, by their places.
    pub fn strings(&self) -> &BTreeMap<u32, Arc<[u8]>> {
        &self.strings
    }

    /// All rows as values of the game's view type, by id, into `views`.
    pub fn read_views<V: Row>(&self, views: &mut Vec<(EntityId, V)>) -> Result<(), RowError> {
        views.clear();
        for row in self.rows() {
            views.push((row.id, V::read(row.kind, &mut RowReader::new(row.codes, self))?));
        }
        views.sort_unstable_by_key(|(id, _)| *id);
        Ok(())
    }

    /// Adds a row; `write` appends its codes, of which all rows of a kind have as many. Rows may come in any
    /// order before [`Snapshot::seal`], and are seen after it.
    pub fn push(&mut self, id: EntityId, kind: u8, write: impl FnOnce(&mut Vec<u32>)) {
        let first_code = self.codes.len();
        write(&mut self.codes);
        let fields = (self.codes.len() - first_code) as u8;
        self.pushed.push(Pushed { kind, fields, id, first_code: first_code as u32 });
    }

    /// Ends the pushing: brings the rows into order and takes the strings that they name, all of
    /// them and no others: a viewer forgets a string that no row names, so a string that stayed here
    /// would be missing there.
    pub fn seal(&mut self, strings: impl Into<Arc<BTreeMap<u32, Arc<[u8]>>>>) {
        self.seal_rows();
        self.strings = strings.into();
    }

    /// Brings what was pushed into order. Nothing is known of how it moved.
    pub(crate) fn seal_rows(&mut self) {
        self.pushed.sort_unstable_by_key(|row| (row.kind, row.id));
        if !self.pushed.is_sorted_by_key(|row| row.first_code) {
            self.spare.clear();
            for row in &self.pushed {
                let first = row.first_code as usize;
                self.spare.extend_from_slice(&self.codes[first..][..usize::from(row.fields)]);
            }
            mem::swap(&mut self.codes, &mut self.spare);
        }
        let mut pushed = mem::take(&mut self.pushed);
        for alike in pushed.chunk_by(|a, b| a.kind == b.kind) {
            debug_assert!(alike.iter().all(|row| row.fields == alike[0].fields), "rows of a kind are alike");
            self.push_kind(alike[0].kind, alike[0].fields, alike.iter().map(|row| row.id));
        }
        pushed.clear();
        self.pushed = pushed;
        self.moves.forget(self.ids.len(), self.codes.len());
    }

    /// Adds the rows of the next kind, whose codes are the next ones.
    pub(crate) fn push_kind(&mut self, kind: u8, fields: u8, ids: impl Iterator<Item = EntityId>) {
        let last = self.kinds.last().copied().unwrap_or_default();
        let (first_row, first_code) = (last.rows().end as u32, last.codes().end as u32);
        let none = KindPlace { first_row, first_code, rows: 0, fields: 0 };
        self.kinds.resize(usize::from(kind), none);
        self.ids.extend(ids);
        self.kinds.push(KindPlace { rows: self.ids.len() as u32 - first_row, fields, ..none });
    }

    /// Where the rows of this kind are.
    #[inline]
    pub(crate) fn kind(&self, kind: usize) -> KindPlace {
        self.kinds.get(kind).copied().unwrap_or_default()
    }

    /// Takes rows, codes and moves of another one.
    pub(crate) fn copy_rows(&mut self, other: &Self) {
        self.ids.clone_from(&other.ids);
        self.kinds.clone_from(&other.kinds);
        self.codes.clone_from(&other.codes);
        self.moves.copy(&other.moves);
    }

    /// Takes those rows of another one's kind that are not among the ones that left, in ascending order.
    pub(crate) fn copy_staying(&mut self, other: &Self, kind: usize, left: &[usize]) {
        let mut left = left.iter().peekable();
        let rows = 0..other.kind(kind).rows().len();
        let stay: Vec<_> =
            rows.filter(|row| left.next_if_eq(&row).is_none()).map(|row| (other, row)).collect();
        self.push_rows(kind, &stay);
    }

    /// Adds the rows of another one.
    pub(crate) fn merge(&mut self, other: &Self) {
        let stayed = mem::take(self);
        self.tick = stayed.tick;
        for kind in 0..stayed.kinds.len().max(other.kinds.len()) {
            let rows = |of| (0..Self::kind(of, kind).rows().len()).map(move |row| (of, row));
            let mut rows: Vec<(&Self, usize)> = rows(&stayed).chain(rows(other)).collect();
            rows.sort_by_key(|(of, row)| of.ids[of.kind(kind).rows().start + row]);
            self.push_rows(kind, &rows);
        }
    }

    /// Adds the rows of the next kind, by id: from where, and the how many-eth of the kind there.
    fn push_rows(&mut self, kind: usize, rows: &[(&Self, usize)]) {
        let fields = rows.iter().map(|(of, _)| of.kind(kind).fields).max().unwrap_or_default();
        self.push_kind(
            kind as u8,
            fields,
            rows.iter().map(|(of, row)| of.ids[of.kind(kind).rows().start + row]),
        );
        for (of, row) in rows {
            let codes = &of.codes[of.kind(kind).codes()];
            self.codes.extend_from_slice(&codes[row * usize::from(fields)..][..fields.into()]);
        }
        for field in 0..usize::from(fields) {
            for (of, row) in rows {
                let place = of.kind(kind);
                self.moves.push(&of.moves, place.codes().start + field * place.rows().len() + row);
            }
        }
        for (of, row) in rows {
            self.moves.push_row(&of.moves, of.kind(kind).rows().start + row);
        }
    }

    /// How many rows are pushed and not yet sealed.
    pub(crate) fn pushed(&self) -> usize {
        self.pushed.len()
    }

    /// Whether it shows the same and decodes the same from now on: it may take the other one's place.
    pub fn is_same(&self, other: &Self) -> bool {
        self.tick == other.tick
            && self.ids == other.ids
            && self.kinds == other.kinds
            && self.codes == other.codes
            && self.moves == other.moves
            && self.strings == other.strings
            && self.model == other.model
    }

    /// The strings, shared with other snapshots that have the same.
    pub(crate) fn shared_strings(&self) -> &Arc<BTreeMap<u32, Arc<[u8]>>> {
        &self.strings
    }

    /// Takes strings that are another one's as well.
    pub(crate) fn share_strings(&mut self, strings: Arc<BTreeMap<u32, Arc<[u8]>>>) {
        self.strings = strings;
    }

    /// Whether an id is there twice.
    pub(crate) fn has_twins(&self) -> bool {
        let mut ids = self.ids.clone();
        ids.sort_unstable();
        ids.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// 32 bits over all ids, kinds and codes: the view hash. Ours, made for 32-bit arithmetic as
    /// JavaScript has it: each number is xored in, multiplied by an odd constant and folded.
    pub fn hash(&self) -> u32 {
        let mut hash = self.tick.0;
        let mut mix = |number: u32| {
            hash = (hash ^ number).wrapping_mul(0x9E37_79B1);
            hash ^= hash >> 15;
        };
        for row in self.rows() {
            mix(u32::from(row.id.get()) << 8 | u32::from(row.kind));
            row.codes.iter().copied().for_each(&mut mix);
        }
        hash
    }

    fn row(&self, kind: u8, place: KindPlace, row: usize) -> EntityRow<'_> {
        let fields = usize::from(place.fields);
        let first = place.codes().start + (row - place.rows().start) * fields;
        EntityRow { id: self.ids[row], kind, codes: &self.codes[first..first + fields] }
    }
}

impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.tick == other.tick && self.strings == other.strings && self.rows().eq(other.rows())
    }
}

impl Names for Snapshot {
    fn string_at(&self, place: u32) -> Option<&[u8]> {
        self.strings.get(&place).map(AsRef::as_ref)
    }
}
