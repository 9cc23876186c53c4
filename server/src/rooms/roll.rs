//! Who is in a room, for those who have to close it from outside.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fracas_shared::CloseCode;
use fracas_sim::Closer;

use super::inbox::ViewerId;
use crate::address_limits::AddressHold;

/// A room's connections and seats, to be reached while its match is in the rules' hands and may never
/// come back from there.
#[derive(Default)]
pub(super) struct Roll(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    closers: HashMap<ViewerId, Closer>,
    census: RollCensus,
    holds: HashMap<u64, AddressHold>,
    next_hold: u64,
}

/// A hold that is given back when this is dropped, or when the room is closed from outside.
pub(super) struct RollHold {
    roll: Arc<Roll>,
    number: u64,
}

/// How many are counted in the metrics on behalf of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RollCensus {
    /// Seats of players.
    pub(super) players: i64,
    /// Those of them whose players are away.
    pub(super) away: i64,
}

impl Roll {
    pub(super) fn connected(&self, viewer: ViewerId, closer: Closer) {
        self.lock().closers.insert(viewer, closer);
    }

    pub(super) fn disconnected(&self, viewer: ViewerId) {
        self.lock().closers.remove(&viewer);
    }

    pub(super) fn counts(&self, players: i64, away: i64) {
        let mut entries = self.lock();
        entries.census.players += players;
        entries.census.away += away;
    }

    /// Keeps what someone's address has through the room.
    pub(super) fn keep(self: &Arc<Self>, hold: AddressHold) -> RollHold {
        let mut entries = self.lock();
        let number = entries.next_hold;
        entries.next_hold += 1;
        entries.holds.insert(number, hold);
        RollHold { roll: self.clone(), number }
    }

    /// Ends every connection, gives back what addresses had through the room, and says who was counted.
    pub(super) fn close(&self, code: CloseCode) -> RollCensus {
        let mut entries = self.lock();
        entries.holds.clear();
        for (_, close) in entries.closers.drain() {
            close(code);
        }
        entries.census
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // Nothing under the lock can leave it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RollHold {
    fn drop(&mut self) {
        self.roll.lock().holds.remove(&self.number);
    }
}
