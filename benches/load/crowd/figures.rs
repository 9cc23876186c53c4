//! What a crowd counts.

use serde_json::{Value, json};

use crate::times::Times;

/// All clients together, since it was last asked.
#[derive(Debug)]
pub(super) struct Figures {
    /// From one update of a client to its next, of those who never stall.
    pub(super) gaps: Times,
    /// From when a client that stalled reads again to its first update that is as new as anyone's.
    pub(super) live_again: Times,
    /// How late the crowd itself was to look.
    pub(super) sweeps: Times,
    pub(super) updates: u64,
    /// Ticks that clients were not shown, though they read all the time.
    pub(super) missed: u64,
    /// Keyframes beyond the first, of the same.
    pub(super) keyframes_again: u64,
    /// The same of those who stall.
    pub(super) stalled_missed: u64,
    pub(super) inputs: u64,
    pub(super) pings: u64,
    /// Connections that the server has ended.
    pub(super) lost: u64,
}

impl Figures {
    pub(super) fn new() -> Self {
        Self {
            gaps: Times::new(),
            live_again: Times::new(),
            sweeps: Times::new(),
            updates: 0,
            missed: 0,
            keyframes_again: 0,
            stalled_missed: 0,
            inputs: 0,
            pings: 0,
            lost: 0,
        }
    }

    /// All of it, and begins anew.
    pub(super) fn take(&mut self) -> Value {
        let taken = std::mem::replace(self, Self::new());
        json!({
            "gaps": taken.gaps.pairs(),
            "live_again": taken.live_again.pairs(),
            "sweeps": taken.sweeps.pairs(),
            "updates": taken.updates,
            "missed": taken.missed,
            "keyframes_again": taken.keyframes_again,
            "stalled_missed": taken.stalled_missed,
            "inputs": taken.inputs,
            "pings": taken.pings,
            "lost": taken.lost,
        })
    }
}
