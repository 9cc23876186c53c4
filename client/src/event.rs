//! What a session tells.

use std::sync::Arc;
use std::time::Duration;

use fracas_shared::frame::FrameError;
use fracas_shared::message::{Hearers, Joined, RoomInfo, RosterEntry, Standing};
use fracas_shared::packet::LooseRow;
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{PlayerId, Refusal, Tick};

/// Something that happened, in the order in which the server told it.
#[derive(Clone, Debug)]
pub enum Event {
    /// The server greets: requests may be made.
    Welcome {
        /// The server program and its version.
        server: String,
    },
    /// The client has a seat, or watches; again, with `resumed`, after its connection was lost.
    Joined(Arc<Joined>),
    /// The last request is not granted.
    Refused(Refusal),
    /// The client's seat is free again.
    Left {
        /// The last tick that the player was part of.
        tick: Tick,
    },
    /// A page of rooms.
    Rooms {
        /// The rooms, oldest first.
        rooms: Vec<RoomInfo>,
        /// How many there are in all.
        total: u32,
    },
    /// Another player took a seat.
    PlayerJoined(RosterEntry),
    /// Another player's seat became free.
    PlayerLeft(PlayerId),
    /// Another player's connection was lost; the seat is kept for some time.
    PlayerAway(PlayerId),
    /// Another player is back.
    PlayerBack(PlayerId),
    /// Whoever runs the server has something to say.
    Notification {
        /// What.
        text: String,
    },
    /// The connection was lost, and the client tries to come back.
    Lost {
        /// Why, in a sentence.
        reason: String,
    },
    /// A try to come back begins.
    Reconnecting {
        /// 1 for the first one since the connection was lost.
        attempt: u32,
        /// The pause before it.
        delay: Duration,
    },
    /// The match is over.
    Outcome {
        /// Seats and scores, the best first.
        standings: Vec<Standing>,
        /// The tick at which the next match begins.
        next_match: Tick,
    },
    /// A new match began with the same players.
    MatchBegan {
        /// Its first tick.
        tick: Tick,
    },
    /// The server was too late and dropped time.
    TimeDropped {
        /// The last tick before the gap.
        tick: Tick,
        /// How many ticks' time was dropped. No tick is missing: the next one has the next number.
        ticks: u32,
    },
    /// The answer to a ping.
    Pong {
        /// The ping's number.
        nonce: u32,
    },
    /// A player said something.
    Said {
        /// The speaker.
        player: PlayerId,
        /// Who hears it.
        to: Hearers,
        /// What was said.
        text: String,
    },
    /// The state of a tick.
    Frame(Frame),
    /// What happened in a tick.
    GameEvents(GameEvents),
    /// A frame could not be decoded. A keyframe has been asked for; until it comes, frames are
    /// passed over in silence.
    FrameLost(FrameError),
}

impl Event {
    /// Whether it has a meaning only in the room that it came from.
    pub(crate) fn is_of_room(&self) -> bool {
        match self {
            Self::PlayerJoined(_)
            | Self::PlayerLeft(_)
            | Self::PlayerAway(_)
            | Self::PlayerBack(_)
            | Self::Notification { .. }
            | Self::Outcome { .. }
            | Self::MatchBegan { .. }
            | Self::TimeDropped { .. }
            | Self::Said { .. }
            | Self::Frame(_)
            | Self::GameEvents(_)
            | Self::FrameLost(_) => true,
            Self::Welcome { .. }
            | Self::Joined(_)
            | Self::Refused(_)
            | Self::Left { .. }
            | Self::Rooms { .. }
            | Self::Lost { .. }
            | Self::Reconnecting { .. }
            | Self::Pong { .. } => false,
        }
    }
}

/// The state of a tick, as one player sees it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What everyone sees.
    pub snapshot: Arc<Snapshot>,
    /// What the player alone sees; the same `Arc` as before when it has not changed.
    pub own: Option<Arc<LooseRow>>,
    /// The stamp of the newest input of this player that a step has used; none before the first.
    pub input_tick: Option<Tick>,
    /// How many ticks before their steps the player's inputs came since the step before: of the one
    /// that came with the least time to spare; negative when it was late. None when none came.
    pub input_margin: Option<i8>,
    /// Whether the entities' ids mean the same as in the frame before. When not, forget what was
    /// known of them. False for the first frame.
    pub is_continuous: bool,
}

impl Frame {
    /// Whether the step of this tick had no input of this player that was meant for it.
    pub fn input_was_missing(&self) -> bool {
        self.input_tick != Some(self.snapshot.tick())
    }
}

/// What happened in a tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GameEvents {
    /// That tick.
    pub tick: Tick,
    /// The rows of the game's events, in their order.
    pub rows: Vec<LooseRow>,
}
