//! Frames that several clients of one program get alike, decoded once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use fracas_shared::frame::{FrameCodec, FrameError};
use fracas_shared::snapshot::Snapshot;

/// Frames that are remembered. Clients in one place get a tick's frame within a tick or two.
const FRAMES_KEPT: usize = 4;

/// Frames that several clients of one program get alike, decoded once: for programs with many players in
/// one room, as a load tester or a shared screen.
///
/// A server encodes a tick once for all who hold the same, so their frames are the same bytes. Decoding
/// depends on the baseline and the bytes alone; so a frame of the very same bytes, on the very same
/// baseline in memory, is the same snapshot. Each client's own bytes are compared, every one of them:
/// whatever differs is decoded by itself.
#[derive(Debug, Default)]
pub struct SharedFrames {
    newest: Mutex<VecDeque<Decoded>>,
}

#[derive(Debug, Default)]
struct Decoded {
    baseline: Option<Arc<Snapshot>>,
    bytes: Vec<u8>,
    snapshot: Arc<Snapshot>,
}

impl SharedFrames {
    /// With nothing decoded yet.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn decode(
        &self,
        codec: &FrameCodec,
        baseline: Option<&Arc<Snapshot>>,
        bytes: &[u8],
    ) -> Result<Arc<Snapshot>, FrameError> {
        // Who panicked here has left whole frames behind.
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known =
            |decoded: &&Decoded| is_same(decoded.baseline.as_ref(), baseline) && decoded.bytes == bytes;
        if let Some(known) = newest.iter().rev().find(is_known) {
            return Ok(known.snapshot.clone());
        }
        let mut memory = Decoded::default();
        if newest.len() == FRAMES_KEPT
            && let Some(oldest) = newest.pop_front()
        {
            memory = oldest;
        }
        // The oldest's own snapshot is what the next one builds on. What it built on itself, nobody needs any more,
        // or somebody who is far behind.
        let mut snapshot = memory.baseline.and_then(Arc::into_inner).unwrap_or_default();
        codec.decode_into(baseline.map(Arc::as_ref), bytes, &mut snapshot)?;
        // Who came by another way, as one that has just joined, is soon where the others are.
        if let Some(known) = newest.iter().rev().find(|known| known.snapshot.is_same(&snapshot)) {
            return Ok(known.snapshot.clone());
        }
        let snapshot = Arc::new(snapshot);
        memory.bytes.clear();
        memory.bytes.extend_from_slice(bytes);
        newest.push_back(Decoded {
            baseline: baseline.cloned(),
            bytes: memory.bytes,
            snapshot: snapshot.clone(),
        });
        Ok(snapshot)
    }
}

fn is_same(one: Option<&Arc<Snapshot>>, other: Option<&Arc<Snapshot>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}
