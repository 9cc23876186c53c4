//! What frames cost: reference traces, their entropies, a packer by hand, and the codec on them.

mod arena_trace;
mod cubes;
mod entropy;
pub mod fiedler;
pub mod tool;

use std::collections::BTreeMap;

use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Tick};

pub use arena_trace::{ArenaTrace, FIELDS, PLAYERS};
pub use cubes::{CUBE_FIELDS, CUBE_HZ, CUBE_TICKS, CUBES, CubeRow, CubeTrace};
pub use entropy::{Entropies, EntropyMeter, entropies};

/// A tick of a trace as a snapshot: rows of one kind, with ids from 1 on.
pub fn snapshot_of<const FIELDS: usize>(tick: Tick, rows: &[[u32; FIELDS]]) -> Snapshot {
    let mut snapshot = Snapshot::new(tick);
    for (id, row) in (1..).filter_map(EntityId::new).zip(rows) {
        snapshot.push(id, 0, |codes| codes.extend_from_slice(row));
    }
    snapshot.seal(BTreeMap::new());
    snapshot
}
