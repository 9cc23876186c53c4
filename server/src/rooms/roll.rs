//! Who is in a room, for those who have to close it from outside.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fracas_shared::CloseCode;
use fracas_sim::Closer;

use super::inbox::ViewerId;

/// A room's connections and seats, to be reached while its match is in the rules' hands and may never
/// come back from there.
#[derive(Default)]
pub(super) struct Roll(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    closers: HashMap<ViewerId, Closer>,
    census: RollCensus,
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

    /// Ends every connection, and says who was counted.
    pub(super) fn close(&self, code: CloseCode) -> RollCensus {
        let mut entries = self.lock();
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
