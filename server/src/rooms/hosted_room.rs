//! A room on its simulation thread.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use fracas_shared::limits::{FRAME_BYTES_MAX, ROOM_INBOX_MAX};
use fracas_shared::message::ServerMessage;
use fracas_shared::packet::PacketError;
use fracas_shared::{CloseCode, LeaveReason, PlayerId, Refusal};
use fracas_sim::{Match, MessageRefused, Port, TickReport, Viewer};
use tokio::sync::mpsc;
use tracing::{Span, debug, error, info_span};

use super::directory::{Reservation, RoomEntry};
use super::guard::guarded;
use super::inbox::{RoomRequest, ViewerId};
use crate::metrics::{Counted, GameMetrics, Metrics};

/// A room: the match, its viewers and its inbox.
pub(super) struct HostedRoom {
    pub(super) entry: Arc<RoomEntry>,
    pub(super) is_permanent: bool,
    game: Box<dyn Match>,
    requests: mpsc::Receiver<RoomRequest>,
    /// What the match sees of each viewer, and beside it, at the same place, what the host knows.
    viewers: Vec<Viewer>,
    guests: Vec<Guest>,
    places: HashMap<ViewerId, usize>,
    metrics: Metrics,
    game_metrics: GameMetrics,
    _counted: Counted,
    span: Span,
}

struct Guest {
    viewer: ViewerId,
    player: PlayerId,
    _reservation: Reservation,
    _counted: Counted,
}

/// The rules panicked, or made more than may be sent: the room cannot go on.
#[derive(Debug)]
pub(super) struct RoomFailure;

impl HostedRoom {
    pub(super) fn new(
        entry: Arc<RoomEntry>,
        game: Box<dyn Match>,
        requests: mpsc::Receiver<RoomRequest>,
        is_permanent: bool,
        metrics: &Metrics,
    ) -> Self {
        let game_metrics = metrics.rooms.of_game(entry.game);
        Self {
            span: info_span!("room", id = entry.id, game = entry.game),
            _counted: Counted::new(&game_metrics.rooms),
            entry,
            is_permanent,
            game,
            requests,
            viewers: Vec::new(),
            guests: Vec::new(),
            places: HashMap::new(),
            metrics: metrics.clone(),
            game_metrics,
        }
    }

    /// Takes what waits in the inbox and makes one tick.
    pub(super) fn tick(&mut self) -> Result<(), RoomFailure> {
        let span = self.span.clone();
        let _entered = span.enter();
        self.guarded(|room| {
            room.take_requests();
            room.drop_gone();
            let report = room.game.tick(&mut room.viewers);
            room.count(&report);
            report
        })
        .and_then(|report| {
            let bytes = report.frames.frame_bytes_max as usize;
            if bytes <= FRAME_BYTES_MAX {
                return Ok(());
            }
            error!(tick = report.tick.0, bytes, "the room's frame is longer than {FRAME_BYTES_MAX} bytes");
            Err(RoomFailure)
        })
    }

    /// Takes what waits in the inbox without making a tick.
    pub(super) fn look_into_inbox(&mut self) -> Result<(), RoomFailure> {
        self.guarded(|room| {
            room.take_requests();
            room.drop_gone();
        })
    }

    /// Whether anyone watches. A room that nobody watches does not tick.
    pub(super) fn is_watched(&self) -> bool {
        !self.viewers.is_empty()
    }

    /// Tells viewers that time was dropped after the last tick.
    pub(super) fn tell_dropped(&mut self, ticks: u32) {
        let message = ServerMessage::TimeDropped { tick: self.game.now().0, ticks };
        let message = Bytes::from(message.to_bytes());
        for viewer in &mut self.viewers {
            viewer.port.send(message.clone());
        }
    }

    /// Ends the room: closes whoever is in it.
    pub(super) fn end(mut self, code: CloseCode) {
        self.requests.close();
        for viewer in &mut self.viewers {
            viewer.port.close(code);
        }
        while let Ok(request) = self.requests.try_recv() {
            if let RoomRequest::Join { answer, .. } = request {
                // The applicant is no longer there when this fails, which is as well.
                let _ = answer.send(Err(Refusal::NoSuchRoom(self.entry.id.clone())));
            }
        }
        let bots = self.entry.bots.load(Ordering::Relaxed);
        self.game_metrics.bots.dec_by(i64::from(bots));
    }

    /// Runs what calls the rules; a panic in them ends this room alone.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Result<T, RoomFailure> {
        guarded(|| work(self)).map_err(|said| {
            error!(room = self.entry.id, tick = self.game.now().0, said, "the game's rules panicked");
            RoomFailure
        })
    }

    fn take_requests(&mut self) {
        // No more than the inbox holds at once: who sends without end does not hold the tick up.
        for _ in 0..ROOM_INBOX_MAX {
            let Ok(request) = self.requests.try_recv() else { break };
            match request {
                RoomRequest::Join { viewer, profile, schema_hash, port, reservation, answer } => {
                    match self.game.join(profile) {
                        Ok(player) => {
                            if answer.send(Ok(())).is_err() {
                                self.game.leave(player, LeaveReason::Lost);
                                continue;
                            }
                            self.welcome(viewer, player, schema_hash, port, reservation);
                        }
                        Err(refusal) => drop(answer.send(Err(refusal))),
                    }
                }
                RoomRequest::Leave { viewer, answer } => {
                    self.part(viewer, LeaveReason::Left);
                    let _ = answer.send(self.game.now());
                }
                RoomRequest::Input { viewer, packet } => {
                    self.pass_on(viewer, |game, player| game.input(player, &packet).map(drop));
                }
                RoomRequest::Message { viewer, packet } => {
                    self.pass_on(viewer, |game, player| game.message(player, &packet));
                }
                RoomRequest::Chat { viewer, chat } => {
                    self.pass_on(viewer, |game, player| game.chat(player, chat));
                }
                RoomRequest::Resync { viewer } => {
                    if let Some(place) = self.places.get(&viewer) {
                        self.viewers[*place].needs_keyframe = true;
                    }
                }
            }
        }
    }

    fn welcome(
        &mut self,
        viewer: ViewerId,
        player: PlayerId,
        schema_hash: u32,
        mut port: Box<dyn Port>,
        reservation: Reservation,
    ) {
        let mut joined = self.game.joined(player, schema_hash);
        joined.room.clone_from(&self.entry.id);
        port.send(Bytes::from(ServerMessage::Joined(joined).to_bytes()));
        self.places.insert(viewer, self.viewers.len());
        self.viewers.push(Viewer::new(port, Some(player)));
        self.guests.push(Guest {
            viewer,
            player,
            _reservation: reservation,
            _counted: Counted::new(&self.game_metrics.players),
        });
    }

    /// Passes what a player sent to the match; what is none of the protocol closes the connection.
    fn pass_on<E: Into<CloseCause>>(
        &mut self,
        viewer: ViewerId,
        take: impl FnOnce(&mut dyn Match, PlayerId) -> Result<(), E>,
    ) {
        let Some(place) = self.places.get(&viewer).copied() else { return };
        if let Err(error) = take(&mut *self.game, self.guests[place].player) {
            let CloseCause { code, error } = error.into();
            debug!(room = self.entry.id, player = self.guests[place].player.0, %error, "closing a player");
            self.viewers[place].port.close(code);
            self.part(viewer, LeaveReason::Lost);
        }
    }

    fn drop_gone(&mut self) {
        let gone: Vec<_> = self
            .viewers
            .iter()
            .zip(&self.guests)
            .filter(|(viewer, _)| !viewer.port.is_open())
            .map(|(_, guest)| guest.viewer)
            .collect();
        for viewer in gone {
            self.part(viewer, LeaveReason::Lost);
        }
    }

    fn part(&mut self, viewer: ViewerId, reason: LeaveReason) {
        let Some(place) = self.places.remove(&viewer) else { return };
        self.viewers.swap_remove(place);
        let guest = self.guests.swap_remove(place);
        self.game.leave(guest.player, reason);
        if let Some(moved) = self.guests.get(place) {
            self.places.insert(moved.viewer, place);
        }
    }

    fn count(&self, report: &TickReport) {
        let frames = &self.metrics.frames;
        frames.deltas.inc_by(u64::from(report.frames.fresh));
        frames.stale.inc_by(u64::from(report.frames.stale));
        frames.keyframes.inc_by(u64::from(report.frames.keyframe));
        frames.bytes.inc_by(report.frames.bytes);
        let inputs = &self.metrics.inputs;
        inputs.on_time.inc_by(u64::from(report.inputs.on_time));
        inputs.late.inc_by(u64::from(report.inputs.late));
        inputs.repeated.inc_by(u64::from(report.inputs.repeated));
        inputs.neutral.inc_by(u64::from(report.inputs.neutral));
        inputs.early_dropped.inc_by(u64::from(report.inputs.early_dropped));
        inputs.duplicate.inc_by(u64::from(report.inputs.duplicate));
        self.metrics.rooms.events_dropped.inc_by(u64::from(report.events_dropped));
        let bots = self.game.census().bots;
        let before = self.entry.bots.swap(bots, Ordering::Relaxed);
        self.game_metrics.bots.inc_by(i64::from(bots) - i64::from(before));
    }

    /// When the room's work of a tick began, for lateness and work to be told apart.
    pub(super) fn observe(&self, due: Instant, began: Instant, ended: Instant) {
        let ticks = &self.metrics.ticks;
        ticks.made.inc();
        ticks.lateness.observe(began.saturating_duration_since(due));
        ticks.work.observe(ended - began);
    }
}

/// Why a player's connection is closed by the room.
struct CloseCause {
    code: CloseCode,
    error: String,
}

impl From<PacketError> for CloseCause {
    fn from(error: PacketError) -> Self {
        Self { code: CloseCode::BadMessage, error: error.to_string() }
    }
}

impl From<MessageRefused> for CloseCause {
    fn from(error: MessageRefused) -> Self {
        let code = match error {
            MessageRefused::Malformed(_) => CloseCode::BadMessage,
            MessageRefused::TooMany => CloseCode::TooFast,
        };
        Self { code, error: error.to_string() }
    }
}
