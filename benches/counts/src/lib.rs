//! Scenes without a net: the same on every machine, and without anything that waits.

mod arena_trace;
mod played;
mod scene;

use std::collections::BTreeMap;

use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Tick};

pub use arena_trace::ArenaTrace;
pub use played::{PLAYERS, Played};
pub use scene::{SCENES, Scene, scene};

/// A tick of a trace as a snapshot: rows of one kind, with ids from 1 on.
pub fn snapshot_of<const FIELDS: usize>(tick: Tick, rows: &[[u32; FIELDS]]) -> Snapshot {
    let mut snapshot = Snapshot::new(tick);
    for (id, row) in (1..).filter_map(EntityId::new).zip(rows) {
        snapshot.push(id, 0, |codes| codes.extend_from_slice(row));
    }
    snapshot.seal(BTreeMap::new());
    snapshot
}
