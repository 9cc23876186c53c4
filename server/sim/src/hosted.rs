//! A room whose game is not known to the caller.

use fracas_shared::codec::DecodeError;
use fracas_shared::message::{Joined, RosterEntry};
use fracas_shared::packet::PacketError;
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{Chat, LeaveReason, Pilot, PlayerId, Profile, Refusal, Removal, Tick};

use crate::inputs::InputCounts;
use crate::report::TickReport;
use crate::room::{MessageRefused, Room};
use crate::seats::SeatToken;
use crate::simulation::Panic;
use crate::viewers::Viewers;

/// A room of any game: one virtual call per tick. Its methods are [`Room`]'s.
pub trait Match: Send {
    /// See [`Room::tick`].
    fn tick(&mut self, viewers: &mut Viewers) -> TickReport;
    /// See [`Room::join`].
    fn join(&mut self, profile: Profile, token: SeatToken) -> Result<PlayerId, Refusal>;
    /// See [`Room::seat_of`].
    fn seat_of(&self, token: SeatToken) -> Option<PlayerId>;
    /// See [`Room::set_away`].
    fn set_away(&mut self, player: PlayerId, is_away: bool);
    /// See [`Room::joined`].
    fn joined(&self, player: Option<PlayerId>, schema_hash: u32) -> Joined;
    /// See [`Room::take_removals`].
    fn take_removals(&mut self) -> Vec<(PlayerId, Removal)>;
    /// See [`Room::take_lock`].
    fn take_lock(&mut self) -> Option<bool>;
    /// See [`Room::leave`].
    fn leave(&mut self, player: PlayerId, reason: LeaveReason);
    /// See [`Room::input`].
    fn input(&mut self, player: PlayerId, packet: &[u8]) -> Result<Tick, PacketError>;
    /// See [`Room::message`].
    fn message(&mut self, player: PlayerId, packet: &[u8]) -> Result<(), MessageRefused>;
    /// See [`Room::chat`].
    fn chat(&mut self, player: PlayerId, chat: Chat) -> Result<(), MessageRefused>;
    /// See [`Room::roster`].
    fn roster(&self) -> Vec<RosterEntry>;
    /// See [`Room::input_counts`].
    fn input_counts(&self, player: PlayerId) -> Option<InputCounts>;
    /// See [`Room::begin_records`].
    fn begin_records(&mut self, out: &mut Vec<u8>) -> Option<u64>;
    /// See [`Room::write_record`].
    fn write_record(&mut self, out: &mut Vec<u8>);
    /// See [`Room::replay`].
    fn replay(&mut self, record: &[u8], viewers: &mut Viewers) -> Result<TickReport, DecodeError>;
    /// See [`Room::replay_unseen`].
    fn replay_unseen(&mut self, record: &[u8], viewers: &mut Viewers) -> Result<TickReport, DecodeError>;
    /// See [`Simulation::hash`](crate::Simulation::hash).
    fn hash(&self) -> u64;
    /// See [`Room::dismantle`].
    fn dismantle(&mut self) -> Result<(), Panic>;
    /// The last tick made.
    fn now(&self) -> Tick;
    /// Ticks per second.
    fn tick_hz(&self) -> u16;
    /// See [`Room::snapshot`].
    fn snapshot(&self) -> &Snapshot;
    /// Who is here.
    fn census(&self) -> Census;
}

/// Who is in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Seated players that are not bots.
    pub players: u16,
    /// Seated bots.
    pub bots: u16,
}

impl<G: Pilot> Match for Room<G> {
    fn tick(&mut self, viewers: &mut Viewers) -> TickReport {
        Self::tick(self, viewers)
    }

    fn join(&mut self, profile: Profile, token: SeatToken) -> Result<PlayerId, Refusal> {
        Self::join(self, profile, token)
    }

    fn seat_of(&self, token: SeatToken) -> Option<PlayerId> {
        Self::seat_of(self, token)
    }

    fn set_away(&mut self, player: PlayerId, is_away: bool) {
        Self::set_away(self, player, is_away);
    }

    fn joined(&self, player: Option<PlayerId>, schema_hash: u32) -> Joined {
        Self::joined(self, player, schema_hash)
    }

    fn take_removals(&mut self) -> Vec<(PlayerId, Removal)> {
        Self::take_removals(self)
    }

    fn take_lock(&mut self) -> Option<bool> {
        Self::take_lock(self)
    }

    fn leave(&mut self, player: PlayerId, reason: LeaveReason) {
        Self::leave(self, player, reason);
    }

    fn input(&mut self, player: PlayerId, packet: &[u8]) -> Result<Tick, PacketError> {
        Self::input(self, player, packet)
    }

    fn message(&mut self, player: PlayerId, packet: &[u8]) -> Result<(), MessageRefused> {
        Self::message(self, player, packet)
    }

    fn chat(&mut self, player: PlayerId, chat: Chat) -> Result<(), MessageRefused> {
        Self::chat(self, player, chat)
    }

    fn roster(&self) -> Vec<RosterEntry> {
        Self::roster(self)
    }

    fn input_counts(&self, player: PlayerId) -> Option<InputCounts> {
        Self::input_counts(self, player)
    }

    fn begin_records(&mut self, out: &mut Vec<u8>) -> Option<u64> {
        Self::begin_records(self, out)
    }

    fn write_record(&mut self, out: &mut Vec<u8>) {
        Self::write_record(self, out);
    }

    fn replay(&mut self, record: &[u8], viewers: &mut Viewers) -> Result<TickReport, DecodeError> {
        Self::replay(self, record, viewers)
    }

    fn replay_unseen(&mut self, record: &[u8], viewers: &mut Viewers) -> Result<TickReport, DecodeError> {
        Self::replay_unseen(self, record, viewers)
    }

    fn hash(&self) -> u64 {
        self.simulation().hash()
    }

    fn dismantle(&mut self) -> Result<(), Panic> {
        Self::dismantle(self)
    }

    fn now(&self) -> Tick {
        self.simulation().tick()
    }

    fn tick_hz(&self) -> u16 {
        self.simulation().tick_hz()
    }

    fn snapshot(&self) -> &Snapshot {
        Self::snapshot(self)
    }

    fn census(&self) -> Census {
        let (players, bots) = self.seated();
        Census { players, bots }
    }
}
