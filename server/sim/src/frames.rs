//! Baselines, and each tick's frames made once for all who can use them.

use std::collections::VecDeque;
use std::mem;

use bytes::{Bytes, BytesMut};
use fracas_shared::Tick;
use fracas_shared::frame::{Baseline, FrameEncoder};
use fracas_shared::limits::{BASELINE_AGE_MAX, BASELINES_MAX, DELTAS_PER_TICK_MAX, VIEW_HASH_INTERVAL_TICKS};
use fracas_shared::packet::ServerTag;
use fracas_shared::schema::Kind;
use fracas_shared::snapshot::Snapshot;

use crate::viewer::Viewer;

/// The snapshots that viewers may hold, and the frames of the newest one.
#[derive(Debug)]
pub(crate) struct Frames {
    encoder: FrameEncoder,
    newest: Snapshot,
    /// Older snapshots that some viewer holds, oldest first.
    baselines: VecDeque<Snapshot>,
    /// The frames of the newest snapshot made so far, by what their viewers hold.
    made: Vec<(Option<HeldState>, Bytes)>,
    /// Baselines that were forgotten, for their memory.
    spares: Vec<Snapshot>,
    /// What viewers hold, in order.
    held: Vec<Tick>,
    frame: Vec<u8>,
    /// Frames one after the other, used again when all of them have left.
    memory: BytesMut,
}

/// As many are forgotten in a tick, as a rule.
const SPARES_MAX: usize = 2;

/// Which state a viewer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldState {
    pub(crate) tick: Tick,
    /// See [`Baseline::depth`].
    pub(crate) depth: u8,
}

impl HeldState {
    /// What a viewer holds that had this before the frame of `tick`; nothing for a keyframe.
    pub(crate) fn after(baseline: Option<Self>, tick: Tick) -> Self {
        let age = |baseline: Self| tick.since(baseline.tick) as u32;
        let depth = baseline.map_or(0, |baseline| Baseline::depth_after(baseline.depth, age(baseline)));
        Self { tick, depth }
    }
}

impl Frames {
    pub(crate) fn new(views: &[Kind]) -> Self {
        Self {
            encoder: FrameEncoder::new(views),
            newest: Snapshot::default(),
            baselines: VecDeque::new(),
            made: Vec::new(),
            spares: Vec::new(),
            held: Vec::new(),
            frame: Vec::new(),
            memory: BytesMut::new(),
        }
    }

    /// The newest snapshot.
    pub(crate) fn newest(&self) -> &Snapshot {
        &self.newest
    }

    /// A snapshot of nothing yet.
    pub(crate) fn blank(&mut self, tick: Tick) -> Snapshot {
        let mut snapshot = self.spares.pop().unwrap_or_default();
        snapshot.reset(tick);
        snapshot
    }

    /// Puts a new snapshot in front; the old one becomes a baseline, and baselines that no viewer
    /// holds are forgotten.
    pub(crate) fn push(&mut self, mut snapshot: Snapshot, viewers: &[Viewer]) {
        self.made.clear();
        self.encoder.follow(&self.newest, &mut snapshot);
        let tick = snapshot.tick();
        self.baselines.push_back(mem::replace(&mut self.newest, snapshot));
        // With more viewers that are behind than this, they share the keyframe anyway.
        let Self { held, baselines, spares, .. } = self;
        held.clear();
        for viewer in viewers {
            let viewer = viewer.held();
            held.extend(viewer.begun.into_iter().chain(viewer.waiting));
        }
        held.sort_unstable_by_key(|tick| tick.0);
        held.dedup();
        let is_held = |baseline: &Snapshot| {
            (1..=BASELINE_AGE_MAX as i32).contains(&tick.since(baseline.tick()))
                && held.binary_search_by_key(&baseline.tick().0, |tick| tick.0).is_ok()
        };
        let mut place = 0;
        while let Some(baseline) = baselines.get(place) {
            if is_held(baseline) {
                place += 1;
            } else if let Some(forgotten) = baselines.remove(place)
                && spares.len() < SPARES_MAX
            {
                spares.push(forgotten);
            }
        }
        // Who is furthest behind gets the keyframe.
        let beyond = baselines.len().saturating_sub(BASELINES_MAX);
        baselines.drain(..beyond);
    }

    /// The newest snapshot's frame for a viewer that holds this: a delta from it, or, when that
    /// cannot be had, a keyframe. The answer says what the frame builds on.
    pub(crate) fn frame(&mut self, held: Option<HeldState>) -> (Option<HeldState>, Bytes) {
        let baselines = &self.baselines;
        let from = |held: &HeldState| baselines.iter().find(|snapshot| snapshot.tick() == held.tick);
        let is_made = |held: Option<HeldState>| self.made.iter().any(|(made, _)| *made == held);
        let may_make = self.made.iter().filter(|(made, _)| made.is_some()).count() < DELTAS_PER_TICK_MAX;
        let held = held.filter(|held| is_made(Some(*held)) || (may_make && from(held).is_some()));
        if let Some((_, frame)) = self.made.iter().find(|(made, _)| *made == held) {
            return (held, frame.clone());
        }
        let with_hash = self.newest.tick().0.is_multiple_of(VIEW_HASH_INTERVAL_TICKS);
        self.frame.clear();
        self.frame.push(ServerTag::Frame as u8);
        let baseline =
            held.as_ref().and_then(|held| Some(Baseline { snapshot: from(held)?, depth: held.depth }));
        self.encoder.encode(baseline, &self.newest, with_hash, &mut self.frame);
        self.memory.extend_from_slice(&self.frame);
        let frame = self.memory.split().freeze();
        self.made.push((held, frame.clone()));
        (held, frame)
    }
}
