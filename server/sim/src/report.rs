//! What a tick was like, in numbers.

use fracas_shared::Tick;

use crate::inputs::InputCounts;

/// What a room's tick was like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TickReport {
    /// The tick that was made.
    pub tick: Tick,
    /// Entities in the world.
    pub entities: u32,
    /// What became of inputs since the tick before.
    pub inputs: InputCounts,
    /// What was sent.
    pub frames: FrameCounts,
    /// Events beyond the limit.
    pub events_dropped: u32,
    /// Entities not shown, for want of a wire id.
    pub entities_unnamed: u32,
}

/// Frames handed out in a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Deltas from the tick before: viewers that are up to date.
    pub fresh: u32,
    /// Deltas from an older baseline: viewers that missed frames.
    pub stale: u32,
    /// Keyframes: viewers that are new or too far behind.
    pub keyframe: u32,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Bytes of the longest.
    pub frame_bytes_max: u32,
}

impl FrameCounts {
    pub(crate) fn count(&mut self, tick: Tick, baseline: Option<Tick>, bytes: usize) {
        match baseline {
            None => self.keyframe += 1,
            Some(baseline) if baseline.next() == tick => self.fresh += 1,
            Some(_) => self.stale += 1,
        }
        self.bytes += bytes as u64;
        self.frame_bytes_max = self.frame_bytes_max.max(bytes as u32);
    }
}
