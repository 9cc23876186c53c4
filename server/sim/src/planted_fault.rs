//! Faults that a room commits on purpose, so that testers can be shown to catch them.
//!
//! Only in builds with the feature `planted-faults`. When a fault is committed depends on ticks alone, so a
//! match with one is as reproducible as any other.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use fracas_shared::frame::FrameCodec;
use fracas_shared::limits::{INPUT_AHEAD_TICKS_MAX, VIEW_HASH_INTERVAL_TICKS};
use fracas_shared::{EntityId, LeaveReason, Pilot, Row, Tick};

use crate::viewer::Viewer;

/// Of so many frames in a row that carry a view hash, one carries a wrong one.
const HASHES_PER_FAULT: u32 = 3;

/// A fault that a room commits on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedFault {
    /// In each [`PlantedFault::PERIOD_TICKS`]th tick, the first viewer is not handed its frame.
    SkippedUpdate,
    /// In each [`PlantedFault::PERIOD_TICKS`]th tick, two entities of a kind have each other's ids.
    SwappedId,
    /// Each third frame that carries a view hash carries a wrong one, for all viewers.
    WrongHash,
    /// Inputs for each [`PlantedFault::PERIOD_TICKS`]th tick are dropped if they come in time.
    LostInput,
    /// Who leaves is told so and keeps the seat.
    LeakedSeat,
}

impl PlantedFault {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::SkippedUpdate, Self::SwappedId, Self::WrongHash, Self::LostInput, Self::LeakedSeat];
    /// Ticks from one fault to the next, of those that are committed in ticks: a prime, so that they fall
    /// together with nothing else that is done every few ticks.
    pub const PERIOD_TICKS: u32 = 97;

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::SkippedUpdate => "skipped-update",
            Self::SwappedId => "swapped-id",
            Self::WrongHash => "wrong-hash",
            Self::LostInput => "lost-input",
            Self::LeakedSeat => "leaked-seat",
        }
    }
}

impl fmt::Display for PlantedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PlantedFault {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let fault = Self::ALL.into_iter().find(|fault| fault.name() == name);
        let names = || Self::ALL.map(Self::name).join(", ");
        fault.ok_or_else(|| format!("'{name}' is no fault; there are: {}", names()))
    }
}

/// The fault that a room commits, if any. Each function is the hook of one, and does nothing in a room with
/// another one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fault(pub(crate) Option<PlantedFault>);

impl Fault {
    fn is_due(self, fault: PlantedFault, tick: Tick) -> bool {
        self.0 == Some(fault) && tick.0.is_multiple_of(PlantedFault::PERIOD_TICKS)
    }

    /// Those who are handed their frames. Who is not among them keeps its baseline, and its next frame builds
    /// on that one, as when a frame was replaced before it could be written.
    pub(crate) fn skip_viewer(self, tick: Tick, viewers: &mut [Viewer]) -> &mut [Viewer] {
        let skipped = usize::from(self.is_due(PlantedFault::SkippedUpdate, tick));
        viewers.get_mut(skipped..).unwrap_or_default()
    }

    /// Swaps the ids of the first two entities of a kind that a client can tell apart.
    pub(crate) fn swap_ids<G: Pilot>(self, tick: Tick, views: &mut [(EntityId, G::View)]) {
        if !self.is_due(PlantedFault::SwappedId, tick) {
            return;
        }
        let kinds: BTreeSet<u8> = views.iter().map(|(_, view)| view.kind()).collect();
        if let Some((one, other)) = kinds.into_iter().find_map(|kind| unlike_pair::<G>(kind, views)) {
            let id = views[one].0;
            views[one].0 = views[other].0;
            views[other].0 = id;
        }
    }

    /// The frame, perhaps with a wrong hash.
    pub(crate) fn spoil_hash(self, tick: Tick, frame: Bytes) -> Bytes {
        let is_due = tick.0.is_multiple_of(HASHES_PER_FAULT * VIEW_HASH_INTERVAL_TICKS);
        if self.0 != Some(PlantedFault::WrongHash) || !is_due {
            return frame;
        }
        let mut bytes = Vec::from(frame);
        // Behind the message's tag. The hash is among the first bytes, so it is the first to be found.
        if let Some(hash) = FrameCodec::peek(&bytes[1..], tick).ok().and_then(|head| head.hash)
            && let Some(place) = bytes.windows(4).position(|window| window == hash.to_le_bytes())
        {
            bytes[place] ^= 1;
        }
        bytes.into()
    }

    /// Whether an input for `tick` that comes before the step of `next` is dropped.
    pub(crate) fn loses_input(self, tick: Tick, next: Tick) -> bool {
        let is_in_time = (0..INPUT_AHEAD_TICKS_MAX as i32).contains(&tick.since(next));
        is_in_time && self.is_due(PlantedFault::LostInput, tick)
    }

    /// Whether who leaves for this reason keeps the seat.
    pub(crate) fn leaks_seat(self, reason: LeaveReason) -> bool {
        self.0 == Some(PlantedFault::LeakedSeat) && reason == LeaveReason::Left
    }
}

/// The places of the first entity of a kind and of the first one that cannot be the same.
fn unlike_pair<G: Pilot>(kind: u8, views: &[(EntityId, G::View)]) -> Option<(usize, usize)> {
    let one = views.iter().position(|(_, view)| view.kind() == kind)?;
    let is_unlike = |view: &G::View| view.kind() == kind && !G::is_same(&views[one].1, view);
    let other = views.iter().position(|(_, view)| is_unlike(view))?;
    Some((one, other))
}
