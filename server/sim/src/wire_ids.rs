//! The names under which viewers know entities.

use std::collections::{BTreeSet, VecDeque};

use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::limits::WIRE_ID_QUARANTINE_TICKS;
use fracas_shared::{EntityId, EntityKey, State, Tick};
use slotmap::Key;

/// Which visible entity bears which wire id.
///
/// An id is free again [`WIRE_ID_QUARANTINE_TICKS`] after its bearer was last seen; the oldest free
/// id is used first.
#[derive(Debug, Default)]
pub(crate) struct WireIds {
    /// By the slot of the key: an entity and its successor in a slot are told apart by the key.
    bearers: Vec<Option<Bearer>>,
    /// Ids without a bearer and since when, the oldest first.
    quarantine: VecDeque<(EntityId, Tick)>,
    /// How many ids have ever been used.
    used: u16,
}

#[derive(Clone, Copy, Debug)]
struct Bearer {
    key: EntityKey,
    id: EntityId,
    seen: Tick,
}

impl WireIds {
    /// The id of an entity that is seen at this tick, perhaps a new one; none when all ids are in
    /// use or in quarantine.
    pub(crate) fn see(&mut self, key: EntityKey, tick: Tick) -> Option<EntityId> {
        let slot = slot_of(key);
        if slot >= self.bearers.len() {
            self.bearers.resize(slot + 1, None);
        }
        match self.bearers[slot] {
            Some(ref mut bearer) if bearer.key == key => {
                bearer.seen = tick;
                return Some(bearer.id);
            }
            Some(bearer) => self.quarantine.push_back((bearer.id, tick)),
            None => {}
        }
        let id = self.free_id(tick);
        self.bearers[slot] = id.map(|id| Bearer { key, id, seen: tick });
        id
    }

    fn free_id(&mut self, tick: Tick) -> Option<EntityId> {
        let is_over = |since: Tick| tick.since(since) >= WIRE_ID_QUARANTINE_TICKS as i32;
        if let Some((id, _)) = self.quarantine.pop_front_if(|(_, since)| is_over(*since)) {
            return Some(id);
        }
        self.used = self.used.checked_add(1)?;
        EntityId::new(self.used)
    }

    /// Ends a tick's seeing: who was not seen loses the id.
    pub(crate) fn retire_unseen(&mut self, tick: Tick) {
        for slot in &mut self.bearers {
            if let Some(bearer) = slot.take_if(|bearer| bearer.seen != tick) {
                self.quarantine.push_back((bearer.id, tick));
            }
        }
    }

    /// The id of an entity, if viewers know it.
    pub(crate) fn id_of(&self, key: EntityKey) -> Option<EntityId> {
        self.bearers.get(slot_of(key)).copied().flatten().filter(|bearer| bearer.key == key).map(|b| b.id)
    }

    /// The entity of an id, if it has one.
    pub(crate) fn key_of(&self, id: EntityId) -> Option<EntityKey> {
        self.bearers.iter().flatten().find(|bearer| bearer.id == id).map(|bearer| bearer.key)
    }
}

fn slot_of(key: EntityKey) -> usize {
    key.data().as_ffi() as u32 as usize
}

impl State for WireIds {
    fn save(&self, out: &mut StateWriter<'_>) {
        let bearers: Vec<_> = self.bearers.iter().flatten().map(|b| (b.key, (b.id, b.seen))).collect();
        bearers.save(out);
        self.quarantine.save(out);
        self.used.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        let mut ids = Self::default();
        for (key, (id, seen)) in Vec::<(EntityKey, (EntityId, Tick))>::load(from)? {
            let slot = slot_of(key);
            if slot > fracas_shared::limits::ENTITIES_MAX {
                return Err(DecodeError::Malformed("an entity beyond the last slot".into()));
            }
            if slot >= ids.bearers.len() {
                ids.bearers.resize(slot + 1, None);
            }
            ids.bearers[slot] = Some(Bearer { key, id, seen });
        }
        ids.quarantine = State::load(from)?;
        ids.used = State::load(from)?;
        let borne = ids.bearers.iter().flatten().map(|bearer| bearer.id);
        let all: Vec<_> = borne.chain(ids.quarantine.iter().map(|(id, _)| *id)).collect();
        let distinct: BTreeSet<_> = all.iter().collect();
        if distinct.len() < all.len() || distinct.last().is_some_and(|id| id.get() > ids.used) {
            return Err(DecodeError::Malformed("a wire id is named twice or was never used".into()));
        }
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_shared::World;

    #[test]
    fn an_id_rests_before_it_is_used_again() {
        let mut world = World::new();
        let mut ids = WireIds::default();
        let key = world.spawn(()).unwrap();
        let first = ids.see(key, Tick(1));
        world.despawn(key);
        let successor = world.spawn(()).unwrap();
        assert_eq!(slot_of(successor), slot_of(key));
        let second = ids.see(successor, Tick(2));
        assert_ne!(first, second);
        assert_eq!((ids.id_of(key), ids.id_of(successor)), (None, second));

        let other = world.spawn(()).unwrap();
        assert_ne!(ids.see(other, Tick(1 + WIRE_ID_QUARANTINE_TICKS)), first);
        let another = world.spawn(()).unwrap();
        assert_eq!(ids.see(another, Tick(2 + WIRE_ID_QUARANTINE_TICKS)), first);
    }

    #[test]
    fn ids_may_run_out() {
        let mut world = World::new();
        let mut ids = WireIds::default();
        for _ in 0..u16::MAX {
            let key = world.spawn(()).unwrap();
            assert!(ids.see(key, Tick(1)).is_some());
            world.despawn(key);
        }
        let key = world.spawn(()).unwrap();
        assert_eq!(ids.see(key, Tick(1)), None);
    }
}
