//! One number for a whole run.

use core::fmt;

use xxhash_rust::xxh3::xxh3_64;

/// A hash over the sim hashes of a run, tick by tick: equal chains are equal runs.
///
/// Each link is the xxh3 of the chain before it and the tick's sim hash, 8 bytes each, little
/// endian. It is shown as 16 hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain(pub u64);

impl Chain {
    /// Adds a tick's sim hash.
    pub fn push(&mut self, sim_hash: u64) {
        let mut link = [0; 16];
        link[..8].copy_from_slice(&self.0.to_le_bytes());
        link[8..].copy_from_slice(&sim_hash.to_le_bytes());
        self.0 = xxh3_64(&link);
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
