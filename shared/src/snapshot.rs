//! What everyone sees after one tick: a snapshot of a room.
//!
//! A [`Snapshot`] is an immutable value once it is sealed: rows by id, and the strings that they
//! name. [`frame`](crate::frame) has the codec that makes frames of bytes of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::frame::Model;
use crate::id::EntityId;
use crate::row::{Names, Row, RowError, RowReader};
use crate::tick::Tick;

/// The rows that everyone sees at one tick, by id; and what the codec of frames knows of how they came
/// to be so, which is no part of what is seen.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    tick: Tick,
    pub(crate) heads: Vec<Head>,
    pub(crate) codes: Vec<u32>,
    /// Of each code, how it moved.
    pub(crate) moves: Vec<Moved>,
    strings: Arc<BTreeMap<u32, Arc<[u8]>>>,
    /// How this tick's frames are coded; none before the first.
    pub(crate) model: Option<Arc<Model>>,
}

/// How a code came to be what it is; nothing of it when that is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    /// What it differs from the tick before.
    pub(crate) last: i32,
    /// What that differs from the last difference.
    pub(crate) second: i32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) id: EntityId,
    pub(crate) kind: u8,
    fields: u8,
    /// How many of the last differences are known, up to 2.
    pub(crate) known: u8,
    /// Whether any code differs from the tick before.
    pub(crate) has_moved: bool,
    start: u32,
}

impl Head {
    /// Where its codes are.
    #[inline]
    pub(crate) fn place(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + usize::from(self.fields)
    }

    /// Whether it is the same entity, of the same kind.
    #[inline]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && self.kind == other.kind
    }
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
    pub(crate) fn reset(&mut self, tick: Tick) {
        self.tick = tick;
        self.heads.clear();
        self.codes.clear();
        self.moves.clear();
    }

    /// The tick after whose step these rows were taken.
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// How many entities it shows.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether it shows none.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// All rows, by id.
    pub fn rows(&self) -> impl Iterator<Item = EntityRow<'_>> {
        self.heads.iter().map(|head| self.row(*head))
    }

    /// The row of one entity.
    pub fn get(&self, id: EntityId) -> Option<EntityRow<'_>> {
        let place = self.heads.binary_search_by_key(&id, |head| head.id).ok()?;
        Some(self.row(self.heads[place]))
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
        Ok(())
    }

    /// Adds a row; `write` appends its codes. Rows may come in any order before [`Snapshot::seal`].
    pub fn push(&mut self, id: EntityId, kind: u8, write: impl FnOnce(&mut Vec<u32>)) {
        let start = self.codes.len();
        write(&mut self.codes);
        let fields = (self.codes.len() - start) as u8;
        self.moves.resize(self.codes.len(), Moved::default());
        self.heads.push(Head { id, kind, fields, known: 0, has_moved: false, start: start as u32 });
    }

    /// Adds a row whose codes, and how they moved, were appended from this place on.
    pub(crate) fn push_head(&mut self, head: Head, first: usize) {
        self.heads.push(Head { start: first as u32, ..head });
    }

    /// Ends the pushing: brings the rows into order and takes the strings that they name, all of
    /// them and no others: a viewer forgets a string that no row names, so a string that stayed here
    /// would be missing there.
    pub fn seal(&mut self, strings: BTreeMap<u32, Arc<[u8]>>) {
        self.seal_shared(Arc::new(strings));
    }

    /// The same with the strings of another snapshot.
    pub(crate) fn seal_shared(&mut self, strings: Arc<BTreeMap<u32, Arc<[u8]>>>) {
        self.heads.sort_unstable_by_key(|head| head.id);
        self.strings = strings;
    }

    /// The strings, shared with other snapshots that have the same.
    pub(crate) fn shared_strings(&self) -> &Arc<BTreeMap<u32, Arc<[u8]>>> {
        &self.strings
    }

    /// Whether an id was pushed twice. Only of a sealed snapshot.
    pub(crate) fn has_twins(&self) -> bool {
        self.heads.windows(2).any(|pair| pair[0].id == pair[1].id)
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

    fn row(&self, head: Head) -> EntityRow<'_> {
        EntityRow { id: head.id, kind: head.kind, codes: &self.codes[head.place()] }
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
