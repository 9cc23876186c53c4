//! Baselines, and each tick's frames made once for all who can use them.

use std::collections::VecDeque;

use bytes::Bytes;
use fracas_shared::Tick;
use fracas_shared::frame::FrameCodec;
use fracas_shared::limits::{BASELINE_AGE_MAX, BASELINES_MAX, DELTAS_PER_TICK_MAX, VIEW_HASH_INTERVAL_TICKS};
use fracas_shared::packet::ServerTag;
use fracas_shared::schema::Kind;
use fracas_shared::snapshot::Snapshot;

use crate::viewer::Viewer;

/// The snapshots that viewers may hold, and the frames of the newest one.
#[derive(Debug)]
pub(crate) struct Frames {
    codec: FrameCodec,
    newest: Snapshot,
    /// Older snapshots that some viewer holds, oldest first.
    baselines: VecDeque<Snapshot>,
    /// The frames of the newest snapshot made so far, by baseline.
    made: Vec<(Option<Tick>, Bytes)>,
}

impl Frames {
    pub(crate) fn new(views: &[Kind]) -> Self {
        Self {
            codec: FrameCodec::new(views),
            newest: Snapshot::default(),
            baselines: VecDeque::new(),
            made: Vec::new(),
        }
    }

    /// The newest snapshot.
    pub(crate) fn newest(&self) -> &Snapshot {
        &self.newest
    }

    /// Puts a new snapshot in front; the old one becomes a baseline, and baselines that no viewer
    /// holds are forgotten.
    pub(crate) fn push(&mut self, snapshot: Snapshot, viewers: &[Viewer]) {
        self.made.clear();
        let tick = snapshot.tick();
        self.baselines.push_back(std::mem::replace(&mut self.newest, snapshot));
        // With more viewers that are behind than this, they share the keyframe anyway.
        let mut held: Vec<Tick> = Vec::with_capacity(2 * viewers.len());
        for viewer in viewers {
            let viewer = viewer.held();
            held.extend(viewer.begun.into_iter().chain(viewer.waiting));
        }
        held.sort_unstable_by_key(|tick| tick.0);
        held.dedup();
        self.baselines.retain(|baseline| {
            let age = tick.since(baseline.tick());
            (1..=BASELINE_AGE_MAX as i32).contains(&age)
                && held.binary_search_by_key(&baseline.tick().0, |tick| tick.0).is_ok()
        });
        // Who is furthest behind gets the keyframe.
        let beyond = self.baselines.len().saturating_sub(BASELINES_MAX);
        self.baselines.drain(..beyond);
    }

    /// The newest snapshot's frame for a viewer with this baseline: a delta from it, or, when that
    /// cannot be had, a keyframe. The answer's tick is the baseline that the frame builds on.
    pub(crate) fn frame(&mut self, baseline: Option<Tick>) -> (Option<Tick>, Bytes) {
        let from = |tick: &Tick| self.baselines.iter().find(|snapshot| snapshot.tick() == *tick);
        let is_made = |tick: Option<Tick>| self.made.iter().any(|(made, _)| *made == tick);
        let may_make = self.made.iter().filter(|(made, _)| made.is_some()).count() < DELTAS_PER_TICK_MAX;
        let baseline = baseline.filter(|tick| is_made(Some(*tick)) || (may_make && from(tick).is_some()));
        if let Some((_, frame)) = self.made.iter().find(|(made, _)| *made == baseline) {
            return (baseline, frame.clone());
        }
        let with_hash = self.newest.tick().0.is_multiple_of(VIEW_HASH_INTERVAL_TICKS);
        let mut frame = vec![ServerTag::Frame as u8];
        self.codec.encode(baseline.as_ref().and_then(from), &self.newest, with_hash, &mut frame);
        let frame = Bytes::from(frame);
        self.made.push((baseline, frame.clone()));
        (baseline, frame)
    }
}
