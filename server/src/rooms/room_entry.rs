//! A room, as others see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use fracas_shared::CloseCode;
use fracas_shared::message::RoomInfo;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};

use super::inbox::RoomRequest;
use super::roll::{Roll, RollCensus};
use crate::metrics::Metrics;
use crate::room_filter::RoomFilter;

/// What is fixed of a room.
pub(super) struct Description {
    pub(super) game: &'static str,
    /// What tells its options from others'.
    pub(super) options: String,
    pub(super) seats: u16,
    pub(super) tick_hz: u16,
    pub(super) linger_s: u16,
    pub(super) metadata: Map<String, Value>,
    /// What one must say to get in; empty for nothing.
    pub(super) password: String,
    /// Found by its id alone.
    pub(super) is_private: bool,
    /// Takes nobody but its creator.
    pub(super) is_locked: bool,
    pub(super) thread: usize,
}

/// A room, as those who run the server see it.
#[derive(Clone, Debug)]
pub struct RoomSurvey {
    /// What anyone may know.
    pub info: RoomInfo,
    /// Found by its id alone.
    pub is_private: bool,
    /// Which simulation thread it lives on, from 0.
    pub thread: usize,
}

/// A room, as others see it.
pub(super) struct RoomEntry {
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) game: &'static str,
    pub(super) seats: u16,
    pub(super) tick_hz: u16,
    /// Which simulation thread it lives on.
    pub(super) thread: usize,
    pub(super) inbox: mpsc::Sender<RoomRequest>,
    /// How long the seat of a player is kept whose connection was lost.
    pub(super) linger_s: u16,
    /// Seated bots, told by the room.
    pub(super) bots: AtomicU16,
    /// Who only watches, told by the room.
    pub(super) spectators: AtomicU16,
    /// Who is in the room.
    pub(super) roll: Arc<Roll>,
    /// Takes nobody but who comes back.
    pub(super) is_locked: AtomicBool,
    /// Whether the room was given up, because its match does not come back from the rules.
    is_given_up: watch::Sender<bool>,
    pub(super) options: String,
    metadata: Map<String, Value>,
    /// The same as JSON.
    metadata_json: String,
    password: String,
    pub(super) is_private: bool,
}

impl RoomEntry {
    pub(super) fn new(
        number: u64,
        id: String,
        description: Description,
        inbox: mpsc::Sender<RoomRequest>,
    ) -> Self {
        Self {
            number,
            id,
            game: description.game,
            seats: description.seats,
            tick_hz: description.tick_hz,
            thread: description.thread,
            inbox,
            linger_s: description.linger_s,
            bots: AtomicU16::new(0),
            spectators: AtomicU16::new(0),
            roll: Arc::default(),
            is_locked: AtomicBool::new(description.is_locked),
            is_given_up: watch::Sender::new(false),
            options: description.options,
            metadata_json: Value::Object(description.metadata.clone()).to_string(),
            metadata: description.metadata,
            password: description.password,
            is_private: description.is_private,
        }
    }

    /// What anyone may know, when so many players are seated or on the way in.
    pub(super) fn info(&self, players: u16) -> RoomInfo {
        RoomInfo {
            room: self.id.clone(),
            game: self.game.to_owned(),
            players,
            bots: self.bots.load(Ordering::Relaxed),
            seats: self.seats,
            tick_hz: self.tick_hz,
            metadata: self.metadata_json.clone(),
            spectators: self.spectators.load(Ordering::Relaxed),
            has_password: !self.password.is_empty(),
            is_locked: self.is_locked.load(Ordering::Relaxed),
        }
    }

    /// The same for those who run the server.
    pub(super) fn survey(&self, players: u16) -> RoomSurvey {
        RoomSurvey { info: self.info(players), is_private: self.is_private, thread: self.thread }
    }

    pub(super) fn is_shown_by(&self, filter: &RoomFilter) -> bool {
        filter.shows(self.game, &self.metadata)
    }

    /// Gives the room up, whose match does not come back: ends its connections, and takes out of the
    /// metrics what is counted in its name.
    pub(super) fn give_up(&self, metrics: &Metrics) {
        let RollCensus { players, away } = self.roll.close(CloseCode::RoomHung);
        let metrics = metrics.rooms.of_game(self.game);
        metrics.rooms.dec();
        metrics.players.dec_by(players);
        metrics.away.dec_by(away);
        metrics.bots.dec_by(i64::from(self.bots.load(Ordering::Relaxed)));
        self.is_given_up.send_replace(true);
    }

    /// Waits until the room is given up. Whoever waits for its answer waits for this, too.
    pub(super) async fn given_up(&self) {
        // It cannot fail: the sender is this entry's.
        let _ = self.is_given_up.subscribe().wait_for(|is_given_up| *is_given_up).await;
    }

    /// Whether anyone who asks for any room may be sent to this one.
    pub(super) fn is_open_to_all(&self) -> bool {
        !self.is_private && self.password.is_empty()
    }

    /// Compares all of a password, so that the time it takes tells nothing of where it differs.
    pub(super) fn is_password(&self, said: &str) -> bool {
        let differs = |(ours, theirs): (u8, u8)| ours ^ theirs;
        self.password.is_empty()
            || (self.password.len() == said.len()
                && self.password.bytes().zip(said.bytes()).map(differs).fold(0, |all, one| all | one) == 0)
    }
}
