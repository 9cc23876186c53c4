//! What the viewers of a room have sent, until its next tick.

use std::ops::Range;

/// Memory for more than this is not kept for the next tick.
const KEPT_BYTES_MAX: usize = 16 * 1024;
const KEPT_PACKETS_MAX: usize = 1024;

/// Input packets that were read at once, each with the place of its viewer.
#[derive(Debug, Default)]
pub(super) struct Heard {
    bytes: Vec<u8>,
    packets: Vec<(usize, Range<usize>)>,
}

impl Heard {
    pub(super) fn push(&mut self, place: usize, packet: &[u8]) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(packet);
        self.packets.push((place, begin..self.bytes.len()));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.packets.iter().map(|(place, range)| (*place, &self.bytes[range.clone()]))
    }

    pub(super) fn clear(&mut self) {
        if self.bytes.capacity() > KEPT_BYTES_MAX || self.packets.capacity() > KEPT_PACKETS_MAX {
            return *self = Self::default();
        }
        self.bytes.clear();
        self.packets.clear();
    }
}
