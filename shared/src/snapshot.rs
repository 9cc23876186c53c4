//! What everyone sees after one tick: a snapshot of a room.
//!
//! A [`Snapshot`] is an immutable value once it is sealed: rows by id, and the strings that they
//! name. [`frame`](crate::frame) has the codec that makes frames of bytes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::EntityId;
use crate::row::{Names, Row, RowError, RowReader};
use crate::tick::Tick;

/// The rows that everyone sees at one tick, by id.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    tick: Tick,
    heads: Vec<Head>,
    codes: Vec<u32>,
    strings: BTreeMap<u32, Arc<[u8]>>,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    id: EntityId,
    kind: u8,
    fields: u8,
    start: u32,
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
        self.heads.push(Head { id, kind, fields, start: start as u32 });
    }

    /// Ends the pushing: brings the rows into order and takes the strings that they name, all of
    /// them and no others: a viewer forgets a string that no row names, so a string that stayed here
    /// would be missing there.
    pub fn seal(&mut self, strings: BTreeMap<u32, Arc<[u8]>>) {
        self.heads.sort_unstable_by_key(|head| head.id);
        self.strings = strings;
    }

    /// The codes of the row that was pushed last.
    pub(crate) fn last_codes_mut(&mut self) -> &mut [u32] {
        let start = self.heads.last().map_or(0, |head| head.start as usize);
        &mut self.codes[start..]
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
        let start = head.start as usize;
        EntityRow { id: head.id, kind: head.kind, codes: &self.codes[start..start + head.fields as usize] }
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
