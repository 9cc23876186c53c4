//! The strings that a snapshot's rows name by their places.

use std::collections::BTreeMap;
use std::sync::Arc;

use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::limits::{TEXT_BYTES_MAX, TEXTS_MAX};
use fracas_shared::row::Refs;
use fracas_shared::{EntityId, EntityKey, State};

use crate::wire_ids::WireIds;

/// Places of strings: a string keeps its place while rows name it in every snapshot.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    places: BTreeMap<Arc<[u8]>, Place>,
    /// Shared with snapshots.
    taken: Arc<BTreeMap<u32, Arc<[u8]>>>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    number: u32,
    is_named: bool,
}

impl Strings {
    fn place_of(&mut self, string: &[u8]) -> u32 {
        if string.is_empty() {
            return 0;
        }
        if let Some(place) = self.places.get_mut(string) {
            place.is_named = true;
            return place.number;
        }
        let free = (1..=TEXTS_MAX as u32).find(|number| !self.taken.contains_key(number));
        let Some(number) = free else { return 0 };
        let string: Arc<[u8]> = string.into();
        Arc::make_mut(&mut self.taken).insert(number, string.clone());
        self.places.insert(string, Place { number, is_named: true });
        number
    }

    /// Ends a snapshot: forgets what no row named, and gives the table of the rest.
    pub(crate) fn finish(&mut self) -> Arc<BTreeMap<u32, Arc<[u8]>>> {
        let taken = &mut self.taken;
        self.places.retain(|_, place| {
            if !place.is_named {
                Arc::make_mut(taken).remove(&place.number);
            }
            std::mem::take(&mut place.is_named)
        });
        self.taken.clone()
    }
}

/// Between two snapshots no string is named, so the table is all there is.
impl State for Strings {
    fn save(&self, out: &mut StateWriter<'_>) {
        self.taken.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        let taken = BTreeMap::<u32, Arc<[u8]>>::load(from)?;
        let mut places = BTreeMap::new();
        for (&number, string) in &taken {
            let fits =
                (1..=TEXTS_MAX as u32).contains(&number) && (1..=TEXT_BYTES_MAX).contains(&string.len());
            let earlier = places.insert(string.clone(), Place { number, is_named: false });
            if !fits || earlier.is_some() {
                return Err(DecodeError::Malformed("a string at no place or at two".into()));
            }
        }
        Ok(Self { places, taken: Arc::new(taken) })
    }
}

/// What the rows of a snapshot are written with.
pub(crate) struct SnapshotRefs<'a> {
    pub(crate) wire_ids: &'a WireIds,
    pub(crate) strings: &'a mut Strings,
}

impl Refs for SnapshotRefs<'_> {
    fn id_of(&mut self, key: EntityKey) -> Option<EntityId> {
        self.wire_ids.id_of(key)
    }

    fn place_of(&mut self, string: &[u8]) -> u32 {
        self.strings.place_of(string)
    }
}
