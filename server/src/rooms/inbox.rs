//! What reaches a room between its ticks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use fracas_shared::limits::ROOM_INBOX_MAX;
use fracas_shared::message::RosterEntry;
use fracas_shared::{Chat, LineProfile, PlayerId, Profile, Refusal, Removal, Tick};
use fracas_sim::{InputCounts, Port, SeatToken};
use tokio::sync::{mpsc, oneshot};

use super::directory::Reservation;
use super::room_entry::RoomEntry;
use crate::address_limits::AddressHold;
use crate::metrics::Metrics;

/// A viewer of some room, in all of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ViewerId(u64);

impl ViewerId {
    pub(super) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A request to a room.
pub(super) enum RoomRequest {
    /// Someone comes. The room answers first and sends `Joined` through the port next.
    Enter {
        viewer: ViewerId,
        entrance: Entrance,
        identity: Identity,
        schema_hash: u32,
        port: Box<dyn Port>,
        set_line: LineSetter,
        answer: oneshot::Sender<Result<(), Refusal>>,
    },
    /// The seat is given back. The room answers with the last tick that the player was part of.
    Leave { viewer: ViewerId, answer: oneshot::Sender<Tick> },
    /// An input packet without its tag.
    Input { viewer: ViewerId, packet: Bytes },
    /// A game message's packet without its tag.
    Message { viewer: ViewerId, packet: Bytes },
    /// What the player says.
    Chat { viewer: ViewerId, chat: Chat },
    /// The viewer lost track of the state.
    Resync { viewer: ViewerId },
    /// The viewer has decoded the frame of this tick.
    Ack { viewer: ViewerId, tick: Tick },
    /// A player is to be removed. The room answers whether there was one.
    Remove { player: PlayerId, removal: Removal, answer: oneshot::Sender<bool> },
    /// Something is to be told to a player, or to all. The room answers whether there was one.
    Notify { player: Option<PlayerId>, text: String, answer: oneshot::Sender<bool> },
    /// Who sits there, and what became of their inputs.
    ListPlayers { answer: oneshot::Sender<Vec<(RosterEntry, Option<InputCounts>)>> },
    /// The line of a player is to be another one, or those of all. The room answers how many there are.
    SetLine { player: Option<PlayerId>, line: LineProfile, answer: oneshot::Sender<usize> },
}

/// What someone comes for.
pub(super) enum Entrance {
    /// A seat, which is reserved.
    Seat { profile: Profile, token: SeatToken, reservation: Reservation, hold: AddressHold },
    /// To watch.
    Watch,
    /// The seat of this token, having had so many reliable messages in it, by a try of this number.
    Resume { token: SeatToken, received: Option<u32>, attempt: Option<u32> },
}

/// By what a room knows one who was banned: what the operator's join hook calls the account, or
/// else the address.
pub type Identity = Arc<str>;

/// By what whoever has a connection is asked to make its line another one, at any time.
pub type LineSetter = Box<dyn Fn(LineProfile) + Send>;

/// A room's inbox and the end at which the room takes requests out.
pub(super) fn inbox() -> (mpsc::Sender<RoomRequest>, mpsc::Receiver<RoomRequest>) {
    mpsc::channel(ROOM_INBOX_MAX)
}

/// A connection's way to the room that it has a seat in.
///
/// Dropping it does not give the seat back: the room finds out by the port, which closes with the
/// connection.
pub struct RoomLink {
    viewer: ViewerId,
    entry: Arc<RoomEntry>,
    metrics: Metrics,
}

impl RoomLink {
    pub(super) fn new(viewer: ViewerId, entry: Arc<RoomEntry>, metrics: Metrics) -> Self {
        Self { viewer, entry, metrics }
    }

    /// How often the room ticks in a second.
    pub fn tick_hz(&self) -> u16 {
        self.entry.tick_hz
    }

    /// Passes an input packet on. When the inbox is full it is dropped and counted: inputs come
    /// every tick, and the room has more of them than it can use.
    pub fn input(&self, packet: Bytes) {
        if self.entry.inbox.try_send(RoomRequest::Input { viewer: self.viewer, packet }).is_err() {
            self.metrics.rooms.inbox_overflows.inc();
        }
    }

    /// Passes a game message on. False when the inbox is full: a message may not be lost.
    pub fn message(&self, packet: Bytes) -> bool {
        self.entry.inbox.try_send(RoomRequest::Message { viewer: self.viewer, packet }).is_ok()
    }

    /// Passes on what the player says. False when the inbox is full.
    pub fn chat(&self, chat: Chat) -> bool {
        self.entry.inbox.try_send(RoomRequest::Chat { viewer: self.viewer, chat }).is_ok()
    }

    /// Asks for a keyframe. False when the inbox is full.
    pub fn resync(&self) -> bool {
        self.entry.inbox.try_send(RoomRequest::Resync { viewer: self.viewer }).is_ok()
    }

    /// Passes on that the client has decoded a frame. When the inbox is full it is dropped: the next
    /// one says more.
    pub fn ack(&self, tick: Tick) {
        let _ = self.entry.inbox.try_send(RoomRequest::Ack { viewer: self.viewer, tick });
    }

    /// Gives the seat back, of a connection that ends. When the inbox is full it is kept for as long
    /// as that of one whose connection is lost.
    pub fn give_back(&self) {
        let (answer, _) = oneshot::channel();
        let _ = self.entry.inbox.try_send(RoomRequest::Leave { viewer: self.viewer, answer });
    }

    /// Gives the seat back; the answer is the last tick that the player was part of, or none when
    /// the room has ended.
    pub async fn leave(self: Arc<Self>) -> Option<Tick> {
        let (answer, answered) = oneshot::channel();
        let leaving = async {
            self.entry.inbox.send(RoomRequest::Leave { viewer: self.viewer, answer }).await.ok()?;
            answered.await.ok()
        };
        tokio::select! {
            tick = leaving => tick,
            () = self.entry.given_up() => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::directory::Directory;
    use super::super::room_entry::Description;
    use super::*;

    #[test]
    fn inputs_beyond_a_full_inbox_are_dropped_and_counted() {
        let (sender, mut requests) = inbox();
        let description = Description {
            game: "tag",
            options: String::new(),
            seats: 2,
            tick_hz: 30,
            linger_s: 20,
            metadata: serde_json::Map::new(),
            password: String::new(),
            is_private: false,
            is_locked: false,
            thread: 0,
        };
        let directory = Arc::new(Directory::new(1));
        let place = directory.claim_place().expect("a place");
        let (entry, _reservation) = directory.add(place, description, sender);
        let metrics = Metrics::new();
        let link = RoomLink::new(ViewerId::next(), entry, metrics.clone());
        for _ in 0..ROOM_INBOX_MAX {
            link.input(Bytes::new());
        }
        assert_eq!(metrics.rooms.inbox_overflows.get(), 0);
        link.input(Bytes::new());
        assert_eq!(metrics.rooms.inbox_overflows.get(), 1);
        assert!(!link.message(Bytes::new()), "what may not be lost is refused");
        requests.try_recv().expect("an input");
        assert!(link.message(Bytes::new()));
    }
}
