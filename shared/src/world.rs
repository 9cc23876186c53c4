//! The entities of a match.

use serde::{Deserialize, Serialize};
use slotmap::{Key, SecondaryMap, SlotMap};
use thiserror::Error;

use crate::codec::{DecodeError, StateReader, StateWriter};
use crate::id::EntityKey;
use crate::limits::ENTITIES_MAX;
use crate::state::State;

/// The entities of a match, by key, in a slotmap.
///
/// Iteration goes by slot, so it is the same in every run of the same match. A restored world goes
/// on bit for bit: it hands out the same keys as the saved one would have.
#[derive(Clone, Debug)]
pub struct World<E> {
    /// Who is alive. The value is the number of the spawn, counted from 0.
    keys: SlotMap<EntityKey, u32>,
    /// What each is. Apart from `keys`, so that those can be rebuilt without the entities.
    entities: SecondaryMap<EntityKey, E>,
    /// The last key of each vacant slot, the slot to be used next at the end: what slotmap's own
    /// free list holds but does not show.
    vacant: Vec<EntityKey>,
    spawned: u32,
}

/// The world holds [`ENTITIES_MAX`] entities, and takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the world is full: {ENTITIES_MAX} entities")]
pub struct WorldFull;

impl<E> World<E> {
    /// A world without entities.
    pub fn new() -> Self {
        Self { keys: SlotMap::with_key(), entities: SecondaryMap::new(), vacant: Vec::new(), spawned: 0 }
    }

    /// Adds an entity.
    pub fn spawn(&mut self, entity: E) -> Result<EntityKey, WorldFull> {
        if self.keys.len() >= ENTITIES_MAX {
            return Err(WorldFull);
        }
        let key = self.keys.insert(self.spawned);
        self.spawned = self.spawned.wrapping_add(1);
        let reused = self.vacant.pop();
        debug_assert!(reused.is_none_or(|last| slot_of(last) == slot_of(key)));
        self.entities.insert(key, entity);
        Ok(key)
    }

    /// Takes an entity out; none when it is gone already.
    pub fn despawn(&mut self, key: EntityKey) -> Option<E> {
        self.keys.remove(key)?;
        self.vacant.push(key);
        self.entities.remove(key)
    }

    /// Takes out the entities for which `keep` is false.
    pub fn retain(&mut self, mut keep: impl FnMut(EntityKey, &mut E) -> bool) {
        let gone: Vec<_> =
            self.iter_mut().filter_map(|(key, entity)| (!keep(key, entity)).then_some(key)).collect();
        for key in gone {
            self.despawn(key);
        }
    }

    /// The entity of this key.
    pub fn get(&self, key: EntityKey) -> Option<&E> {
        self.entities.get(key)
    }

    /// The entity of this key, to change it.
    pub fn get_mut(&mut self, key: EntityKey) -> Option<&mut E> {
        self.entities.get_mut(key)
    }

    /// Whether the entity is alive.
    pub fn contains(&self, key: EntityKey) -> bool {
        self.keys.contains_key(key)
    }

    /// All entities, by slot.
    pub fn iter(&self) -> impl Iterator<Item = (EntityKey, &E)> {
        self.entities.iter()
    }

    /// All entities, by slot, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (EntityKey, &mut E)> {
        self.entities.iter_mut()
    }

    /// How many entities there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl<E> Default for World<E> {
    fn default() -> Self {
        Self::new()
    }
}

fn slot_of(key: EntityKey) -> u32 {
    key.data().as_ffi() as u32
}

fn version_of(key: EntityKey) -> u32 {
    (key.data().as_ffi() >> 32) as u32
}

/// One slot in slotmap's own serialised form.
#[derive(Clone, Serialize)]
struct Slot {
    value: Option<u32>,
    version: u32,
}

/// Builds the key map that has these living keys, with the numbers of their spawns, and this free
/// list.
///
/// slotmap restores its slots but not the order of its free list. So each vacant slot is restored
/// as it was before its last life, then all are filled, and emptied in the order that leaves the
/// free list as it was.
fn rebuild_keys(
    living: &[(EntityKey, u32)],
    vacant: &[EntityKey],
) -> Result<SlotMap<EntityKey, u32>, DecodeError> {
    let malformed = |what: &str| DecodeError::Malformed(format!("world: {what}"));
    let mut slots = vec![None; living.len() + vacant.len() + 1];
    // The slot 0 is slotmap's own and never filled.
    slots[0] = Some(Slot { value: None, version: 0 });
    let living = living.iter().map(|&(key, number)| (key, Some(number), version_of(key)));
    // A life makes the even version of a vacant slot odd.
    let vacated = vacant.iter().map(|&key| (key, None, version_of(key) ^ 1));
    for (key, value, version) in living.chain(vacated) {
        match slots.get_mut(slot_of(key) as usize) {
            Some(slot @ None) => *slot = Some(Slot { value, version }),
            _ => return Err(malformed("a slot is named twice or beyond the last")),
        }
    }
    let slots = serde_json::to_value(slots).map_err(|error| malformed(&error.to_string()))?;
    let mut keys =
        SlotMap::<EntityKey, u32>::deserialize(slots).map_err(|error| malformed(&error.to_string()))?;
    for _ in vacant {
        keys.insert(0);
    }
    for &key in vacant {
        keys.remove(key).ok_or_else(|| malformed("a vacant slot's key was never alive"))?;
    }
    Ok(keys)
}

impl<E: State> State for World<E> {
    fn save(&self, out: &mut StateWriter<'_>) {
        self.spawned.save(out);
        (self.len() as u32).save(out);
        for (key, entity) in self.iter() {
            key.save(out);
            self.keys[key].save(out);
            entity.save(out);
        }
        self.vacant.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        let spawned = u32::load(from)?;
        let count = u32::load(from)? as usize;
        if count > ENTITIES_MAX {
            return Err(DecodeError::Malformed(format!("world: {count} entities, at most {ENTITIES_MAX}")));
        }
        let mut living = Vec::with_capacity(count);
        let mut entities = Vec::with_capacity(count);
        for _ in 0..count {
            let key = EntityKey::load(from)?;
            living.push((key, u32::load(from)?));
            entities.push((key, E::load(from)?));
        }
        let vacant = Vec::<EntityKey>::load(from)?;
        // A slot is made only when all others are taken, so there are never more of them.
        let slots = count + vacant.len();
        if slots > ENTITIES_MAX {
            return Err(DecodeError::Malformed(format!("world: {slots} slots, at most {ENTITIES_MAX}")));
        }
        let keys = rebuild_keys(&living, &vacant)?;
        Ok(Self { keys, entities: entities.into_iter().collect(), vacant, spawned })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::to_bytes;
    use proptest::prelude::*;

    fn restored(world: &World<u32>) -> World<u32> {
        World::load(&mut StateReader::new(&to_bytes(world))).unwrap()
    }

    proptest! {
        #[test]
        fn a_restored_world_hands_out_the_same_keys(
            lives in prop::collection::vec(prop::option::weighted(0.4, any::<prop::sample::Index>()), 0..200),
            restore_at in any::<prop::sample::Index>(),
        ) {
            let mut world = World::new();
            let mut copy = world.clone();
            let restore_at = restore_at.index(lives.len() + 1);
            for (turn, life) in lives.into_iter().enumerate() {
                if turn == restore_at {
                    copy = restored(&copy);
                }
                match life {
                    Some(index) if !world.is_empty() => {
                        let key = world.iter().nth(index.index(world.len())).unwrap().0;
                        prop_assert_eq!(world.despawn(key), copy.despawn(key));
                    }
                    _ => prop_assert_eq!(world.spawn(turn as u32), copy.spawn(turn as u32)),
                }
                prop_assert_eq!(to_bytes(&world), to_bytes(&copy));
            }
            prop_assert!(world.iter().eq(copy.iter()));
        }

        #[test]
        fn a_forged_world_is_refused_or_harmless(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(mut world) = World::<u32>::load(&mut StateReader::new(&bytes)) {
                let _ = world.spawn(1);
            }
        }
    }

    #[test]
    fn a_full_world_takes_no_more() {
        let mut world = World::new();
        for _ in 0..ENTITIES_MAX {
            world.spawn(()).unwrap();
        }
        assert_eq!(world.spawn(()), Err(WorldFull));
    }
}
