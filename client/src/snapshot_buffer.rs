//! Recent snapshots, to draw what lies between two of them.

use std::collections::VecDeque;
use std::sync::Arc;

use fracas_shared::Tick;
use fracas_shared::snapshot::Snapshot;

use crate::event::Frame;
use crate::limits::SNAPSHOTS_BUFFERED_MAX;

/// Recent snapshots by tick: at most [`SNAPSHOTS_BUFFERED_MAX`], the oldest goes first.
///
/// Every client draws a moment a little in the past, so that there is a snapshot before and one
/// after it.
#[derive(Clone, Debug, Default)]
pub struct SnapshotBuffer {
    snapshots: VecDeque<Arc<Snapshot>>,
}

/// Two snapshots and a moment between them.
#[derive(Clone, Copy, Debug)]
pub struct Between<'a> {
    /// The snapshot at the moment or before it.
    pub from: &'a Arc<Snapshot>,
    /// The next one; the same when there is none yet.
    pub to: &'a Arc<Snapshot>,
    /// Where the moment is: 0 at `from`, 1 at `to`.
    pub part: f32,
}

impl SnapshotBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a frame's snapshot. When the frame is not continuous, those before it are forgotten.
    pub fn push(&mut self, frame: &Frame) {
        let is_next = self.newest().is_none_or(|newest| frame.snapshot.tick().is_after(newest.tick()));
        if !frame.is_continuous || !is_next {
            self.snapshots.clear();
        }
        if self.snapshots.len() == SNAPSHOTS_BUFFERED_MAX {
            self.snapshots.pop_front();
        }
        self.snapshots.push_back(frame.snapshot.clone());
    }

    /// The newest snapshot.
    pub fn newest(&self) -> Option<&Arc<Snapshot>> {
        self.snapshots.back()
    }

    /// The snapshot of a tick.
    pub fn at(&self, tick: Tick) -> Option<&Arc<Snapshot>> {
        self.snapshots.iter().rev().find(|snapshot| snapshot.tick() == tick)
    }

    /// How many snapshots there are.
    pub fn len(&self) -> usize {
        self.snapshots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.snapshots.is_empty()
    }

    /// The snapshots around the moment that is `part` (0 to 1) of a tick after `tick`.
    ///
    /// A moment before all snapshots is taken to be the oldest one's, a moment after all of them
    /// the newest one's. None while the buffer is empty.
    pub fn around(&self, tick: Tick, part: f32) -> Option<Between<'_>> {
        let last = self.snapshots.len().checked_sub(1)?;
        let after = self.snapshots.partition_point(|snapshot| !snapshot.tick().is_after(tick));
        let Some(from) = after.checked_sub(1) else {
            let oldest = &self.snapshots[0];
            return Some(Between { from: oldest, to: oldest, part: 0.0 });
        };
        let (from, to) = (&self.snapshots[from], &self.snapshots[after.min(last)]);
        let gap = to.tick().since(from.tick());
        let passed = tick.since(from.tick()) as f32 + part.clamp(0.0, 1.0);
        Some(Between { from, to, part: if gap == 0 { 0.0 } else { passed / gap as f32 } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(tick: u32, is_continuous: bool) -> Frame {
        Frame {
            snapshot: Arc::new(Snapshot::new(Tick(tick))),
            own: None,
            input_tick: None,
            input_margin: None,
            is_continuous,
        }
    }

    #[test]
    fn finds_what_is_around_a_moment() {
        let mut buffer = SnapshotBuffer::new();
        assert!(buffer.around(Tick(1), 0.0).is_none());
        for tick in [10, 12, 13] {
            buffer.push(&frame(tick, true));
        }
        let check = |tick: u32, part: f32, expected: (u32, u32, f32)| {
            let found = buffer.around(Tick(tick), part).unwrap();
            assert_eq!((found.from.tick().0, found.to.tick().0, found.part), expected);
        };
        check(3, 0.5, (10, 10, 0.0));
        check(10, 0.0, (10, 12, 0.0));
        check(11, 0.5, (10, 12, 0.75));
        check(12, 0.25, (12, 13, 0.25));
        check(13, 0.5, (13, 13, 0.0));
        check(99, 0.0, (13, 13, 0.0));
        assert_eq!(buffer.at(Tick(12)).unwrap().tick(), Tick(12));
        assert!(buffer.at(Tick(11)).is_none());
    }

    #[test]
    fn holds_so_many_and_forgets_at_a_break() {
        let mut buffer = SnapshotBuffer::new();
        for tick in 0..200 {
            buffer.push(&frame(tick, true));
        }
        assert_eq!(buffer.len(), SNAPSHOTS_BUFFERED_MAX);
        buffer.push(&frame(600, false));
        assert_eq!(buffer.len(), 1);
        buffer.push(&frame(5, true));
        assert_eq!(buffer.newest().unwrap().tick(), Tick(5));
    }
}
