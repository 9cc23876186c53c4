//! A trace's entities as the codec names them.

use std::collections::{HashMap, VecDeque};

use fracas_shared::id::EntityId;
use fracas_shared::limits::WIRE_ID_QUARANTINE_TICKS;
use thiserror::Error;

/// Why an entity has no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum IdError {
    /// A frame has an entity twice.
    #[error("entity {0} is in this tick twice: leave one of the rows out")]
    Twice(u64),
    /// More entities than there are ids.
    #[error(
        "entity {0} is one too many: 65,535 others were here within {WIRE_ID_QUARANTINE_TICKS} frames, and ids \
         have 16 bits; leave some out"
    )]
    UsedUp(u64),
}

/// Which entity has which id: the ids in order, and then those whose entities were away for longest.
#[derive(Default)]
pub(super) struct WireIds {
    bearers: HashMap<u64, Bearer>,
    free: VecDeque<EntityId>,
    /// How many ids have ever been used.
    used: u16,
    /// How often an entity was given an id.
    given: u64,
}

#[derive(Clone, Copy)]
struct Bearer {
    id: EntityId,
    seen: u32,
}

impl WireIds {
    /// The id of an entity in a frame, by the frame's number.
    pub(super) fn see(&mut self, entity: u64, frame: u32) -> Result<EntityId, IdError> {
        if let Some(bearer) = self.bearers.get_mut(&entity) {
            if bearer.seen == frame {
                return Err(IdError::Twice(entity));
            }
            bearer.seen = frame;
            return Ok(bearer.id);
        }
        let id = self.free_id(frame).ok_or(IdError::UsedUp(entity))?;
        self.bearers.insert(entity, Bearer { id, seen: frame });
        self.given += 1;
        Ok(id)
    }

    /// How many entities were given an id; who came back to another one counts again.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    fn free_id(&mut self, frame: u32) -> Option<EntityId> {
        if let Some(used) = self.used.checked_add(1) {
            self.used = used;
            return EntityId::new(used);
        }
        if self.free.is_empty() {
            self.collect(frame);
        }
        self.free.pop_front()
    }

    /// Takes the ids of those who were away for long enough.
    fn collect(&mut self, frame: u32) {
        let mut left = Vec::new();
        self.bearers.retain(|_, bearer| {
            let stays = frame - bearer.seen <= WIRE_ID_QUARANTINE_TICKS;
            if !stays {
                left.push((bearer.seen, bearer.id));
            }
            stays
        });
        left.sort_unstable();
        self.free.extend(left.into_iter().map(|(_, id)| id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_given_on_after_their_quarantine() {
        let mut ids = WireIds::default();
        for entity in 0..65_535 {
            assert_eq!(ids.see(entity, 1 + entity as u32 % 2).map(EntityId::get), Ok(entity as u16 + 1));
        }
        assert_eq!(ids.see(7, 2), Err(IdError::Twice(7)));
        let first_over = 1 + WIRE_ID_QUARANTINE_TICKS + 1;
        assert_eq!(ids.see(u64::MAX, first_over - 1), Err(IdError::UsedUp(u64::MAX)));
        // Entity 0 comes back in time and keeps its id; entity 2 was away as long and does not.
        assert_eq!(ids.see(0, first_over).map(EntityId::get), Ok(1));
        assert_eq!(ids.see(u64::MAX, first_over).map(EntityId::get), Ok(3));
        assert_eq!(ids.see(2, first_over).map(EntityId::get), Ok(5));
        assert_eq!(ids.given(), 65_537);
    }
}
