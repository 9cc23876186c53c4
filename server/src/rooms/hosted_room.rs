//! A room on its simulation thread.

mod arrivals;
mod heard;
mod kept;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use fracas_shared::limits::{ACK_TIME_MAX_S, FRAME_BYTES_MAX, ROOM_INBOX_MAX};
use fracas_shared::message::{RosterEntry, ServerMessage};
use fracas_shared::packet::PacketError;
use fracas_shared::{CloseCode, LeaveReason, PlayerId, Refusal, Removal};
use fracas_sim::{Audience, InputCounts, Match, MessageRefused, Port, TickReport, Viewer, Viewers};
use tokio::sync::mpsc;
use tracing::{Span, debug, error, info_span};

use super::bans::Bans;
use super::directory::Reservation;
use super::guard::{guarded, said};
use super::guests::Guests;
use super::inbox::{Entrance, RoomRequest};
use super::roll::RollHold;
use super::room_entry::RoomEntry;
use crate::address_limits::AddressHold;
use crate::journal::Unfinished;
use crate::metrics::{Counted, GameMetrics, Metrics};
use arrivals::Arrival;
use heard::Heard;
use kept::RoomLog;

pub(super) use kept::{KeptGuest, KeptRoom, Note, load_kept, load_note};

/// A room: the match, its viewers and its inbox.
pub(super) struct HostedRoom {
    pub(super) entry: Arc<RoomEntry>,
    /// What the room takes of what its creator's address may have; none of a permanent one.
    creator: Option<RollHold>,
    game: Box<dyn Match>,
    requests: mpsc::Receiver<RoomRequest>,
    /// What was read since the last tick.
    heard: Heard,
    /// Reading or writing panicked: it ends with its next tick.
    is_broken: bool,
    guests: Guests,
    bans: Bans,
    /// What is written of it into the journal; nothing without one.
    log: Option<RoomLog>,
    /// What became of players' inputs when it was last counted.
    inputs_counted: BTreeMap<PlayerId, InputCounts>,
    metrics: Metrics,
    game_metrics: GameMetrics,
    _counted: Counted,
    span: Span,
}

/// Over how long it is counted what became of a player's inputs.
const MISSING_EVERY_S: u32 = 10;

/// The rules panicked, or made more than may be sent: the room cannot go on.
#[derive(Debug)]
pub(super) struct RoomFailure;

impl HostedRoom {
    pub(super) fn new(
        entry: Arc<RoomEntry>,
        game: Box<dyn Match>,
        requests: mpsc::Receiver<RoomRequest>,
        creator: Option<AddressHold>,
        metrics: &Metrics,
    ) -> Self {
        let game_metrics = metrics.rooms.of_game(entry.game);
        let guests = Guests::new(entry.roll.clone());
        Self {
            span: info_span!("room", id = entry.id, game = entry.game),
            _counted: Counted::new(&game_metrics.rooms),
            creator: creator.map(|hold| entry.roll.keep(hold)),
            entry,
            game,
            requests,
            heard: Heard::default(),
            is_broken: false,
            guests,
            bans: Bans::default(),
            log: None,
            inputs_counted: BTreeMap::new(),
            metrics: metrics.clone(),
            game_metrics,
        }
    }

    /// One that another process had, with all of its players away, whom nobody has shown anything for so long.
    pub(super) fn again(
        entry: Arc<RoomEntry>,
        game: Box<dyn Match>,
        requests: mpsc::Receiver<RoomRequest>,
        (kept, viewers, reservations): (KeptRoom, Viewers, Vec<Reservation>),
        unfinished: Unfinished,
        metrics: &Metrics,
        away: Duration,
    ) -> Self {
        let creator = (!kept.is_permanent).then(AddressHold::none);
        let mut room = Self::new(entry, game, requests, creator, metrics);
        for banned in kept.bans {
            room.bans.add(banned);
        }
        let until = room.game.now() + u32::from(room.entry.linger_s) * u32::from(room.entry.tick_hz);
        room.guests.again(viewers, &kept.guests, reservations, until, &room.game_metrics);
        let seated: Vec<_> = room.guests.viewers().iter().filter_map(Viewer::player).collect();
        for player in seated {
            room.game.set_away(player, true);
        }
        room.log = Some(RoomLog::new(&room, kept.origin, Some(unfinished)));
        let ticks = (away.as_secs_f64() * f64::from(room.entry.tick_hz)) as u32;
        room.tell_dropped(ticks);
        room
    }

    /// Writes what becomes of it into the journal of its lane. `origin` tells it from all other rooms.
    #[must_use]
    pub(super) fn logged(mut self, origin: u64) -> Self {
        self.log = Some(RoomLog::new(&self, origin, None));
        self
    }

    /// Asks the exchange for what has come to those whom the room's ticks drive. Calls no rules, as all of these.
    pub(super) fn prepare(&mut self) {
        self.drive(|room| room.guests.ports().for_each(Port::prepare));
    }

    /// Takes what has come.
    pub(super) fn receive(&mut self) {
        self.drive(|room| {
            // From the last place on, for the places before stay the same when one goes.
            for (place, viewer) in room.guests.viewers().iter_mut().enumerate().rev() {
                if let Some(port) = viewer.port() {
                    port.receive(&mut |packet| room.heard.push(place, packet));
                }
            }
        });
    }

    /// Takes what was read and what waits in the inbox, and makes one tick.
    pub(super) fn tick(&mut self) -> Result<(), RoomFailure> {
        if self.is_broken {
            return Err(RoomFailure);
        }
        let span = self.span.clone();
        let _entered = span.enter();
        self.guarded(|room| {
            room.take_heard();
            room.take_requests();
            room.part_with_lost();
            room.begin_tick();
            let report = room.game.tick(room.guests.viewers());
            room.remove_unwanted();
            room.close_stuck();
            room.count_missing();
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

    /// Hands the exchange what there is for those whom the room's ticks drive.
    pub(super) fn flush(&mut self) {
        self.drive(|room| room.guests.ports().for_each(Port::flush));
    }

    /// Takes note of what was written of that.
    pub(super) fn settle(&mut self) {
        self.drive(|room| room.guests.ports().for_each(Port::settle));
    }

    /// Drives connections; a room whose driving panics ends with its next tick.
    fn drive(&mut self, work: impl FnOnce(&mut Self)) {
        self.is_broken |= self.guarded(work).is_err();
    }

    /// Takes what waits in the inbox without making a tick.
    pub(super) fn look_into_inbox(&mut self) -> Result<(), RoomFailure> {
        self.guarded(|room| {
            room.take_requests();
            room.part_with_lost();
        })
    }

    /// Whether it goes on when nobody is there.
    pub(super) fn is_permanent(&self) -> bool {
        self.creator.is_none()
    }

    /// Whether anyone watches, or has a seat and is away. A room that nobody watches does not tick.
    pub(super) fn is_watched(&self) -> bool {
        !self.guests.is_empty()
    }

    /// Whether the rules want the room locked or unlocked, since this was last asked.
    pub(super) fn take_lock(&mut self) -> Option<bool> {
        self.game.take_lock()
    }

    /// Tells a reliable message that is none of the match's.
    fn tell(&mut self, to: Audience, message: &ServerMessage) {
        debug_assert!(message.is_reliable());
        let message = Bytes::from(message.to_bytes());
        self.guests.tell(to, &message);
        self.note(|| Note::Told { to, message: message.to_vec() });
    }

    /// Tells viewers that time was dropped after the last tick.
    pub(super) fn tell_dropped(&mut self, ticks: u32) {
        let message = ServerMessage::TimeDropped { tick: self.game.now().0, ticks };
        self.tell(Audience::All, &message);
    }

    /// Closes whoever is in the room or on the way in. Calls no rules.
    pub(super) fn close(&mut self, code: CloseCode) {
        self.requests.close();
        self.guests.close(code);
        while let Ok(request) = self.requests.try_recv() {
            if let RoomRequest::Enter { answer, .. } = request {
                // The applicant is no longer there when this fails, which is as well.
                let _ = answer.send(Err(Refusal::NoSuchRoom(self.entry.id.clone())));
            }
        }
        let bots = self.entry.bots.swap(0, Ordering::Relaxed);
        self.game_metrics.bots.dec_by(i64::from(bots));
    }

    /// Ends the match, whose values are dropped by their own code. Only then may the room be dropped
    /// where nobody watches.
    pub(super) fn dismantle(&mut self) {
        if let Err(panic) = self.game.dismantle() {
            error!(
                room = self.entry.id,
                said = said(panic),
                "the game's rules panicked at the end of a room"
            );
        }
    }

    /// Runs what calls the rules; a panic in them ends this room alone.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Result<T, RoomFailure> {
        guarded(|| work(self)).map_err(|said| {
            error!(room = self.entry.id, tick = self.game.now().0, said, "the game's rules panicked");
            RoomFailure
        })
    }

    /// Takes the inputs that were read.
    fn take_heard(&mut self) {
        let mut heard = std::mem::take(&mut self.heard);
        let mut parted = None;
        for (place, packet) in heard.iter() {
            if parted == Some(place) {
                continue;
            }
            match self.pass_on(place, |game, player| game.input(player, packet)) {
                Some(ack) => self.guests.viewer(place).note_ack(ack, self.game.now()),
                None => parted = Some(place),
            }
        }
        heard.clear();
        self.heard = heard;
    }

    fn take_requests(&mut self) {
        // No more than the inbox holds at once: who sends without end does not hold the tick up.
        for _ in 0..ROOM_INBOX_MAX {
            let Ok(request) = self.requests.try_recv() else { break };
            match request {
                RoomRequest::Enter { viewer, entrance, identity, schema_hash, port, set_line, answer } => {
                    let arrival = Arrival { viewer, identity, schema_hash, port, set_line, answer };
                    match entrance {
                        Entrance::Resume { token, received, attempt } => {
                            self.take_back(arrival, token, received, attempt);
                        }
                        entrance => self.let_in(arrival, entrance),
                    }
                }
                RoomRequest::Leave { viewer, answer } => {
                    if let Some(place) = self.guests.place_of(viewer) {
                        self.part(place, LeaveReason::Left);
                    }
                    let _ = answer.send(self.game.now());
                }
                RoomRequest::Input { viewer, packet } => {
                    let Some(place) = self.guests.place_of(viewer) else { continue };
                    if let Some(ack) = self.pass_on(place, |game, player| game.input(player, &packet)) {
                        self.guests.viewer(place).note_ack(ack, self.game.now());
                    }
                }
                RoomRequest::Message { viewer, packet } => {
                    if let Some(place) = self.guests.place_of(viewer) {
                        self.pass_on(place, |game, player| game.message(player, &packet));
                    }
                }
                RoomRequest::Chat { viewer, chat } => {
                    let Some(place) = self.guests.place_of(viewer) else { continue };
                    if self.guests.viewer(place).player().is_some() {
                        self.pass_on(place, |game, player| game.chat(player, chat));
                    } else if let Some(port) = self.guests.viewer(place).port() {
                        port.send(Bytes::from(ServerMessage::Refused(Refusal::Spectating).to_bytes()));
                    }
                }
                RoomRequest::Resync { viewer } => {
                    if let Some(place) = self.guests.place_of(viewer) {
                        self.guests.viewer(place).resync();
                    }
                }
                RoomRequest::Ack { viewer, tick } => {
                    if let Some(place) = self.guests.place_of(viewer) {
                        self.guests.viewer(place).note_ack(tick, self.game.now());
                    }
                }
                RoomRequest::Remove { player, removal, answer } => {
                    let _ = answer.send(self.remove(player, removal));
                }
                RoomRequest::Notify { player, text, answer } => {
                    let is_here = player.is_none_or(|player| self.guests.place_of_player(player).is_some());
                    if is_here {
                        let to = player.map_or(Audience::All, Audience::One);
                        self.tell(to, &ServerMessage::Notification { text });
                    }
                    let _ = answer.send(is_here);
                }
                RoomRequest::ListPlayers { answer } => {
                    let with_inputs = |entry: RosterEntry| {
                        let inputs = self.game.input_counts(PlayerId(entry.player));
                        (entry, inputs)
                    };
                    let _ = answer.send(self.game.roster().into_iter().map(with_inputs).collect());
                }
                RoomRequest::SetLine { player, line, answer } => {
                    let _ = answer.send(self.guests.set_line(player, line));
                }
            }
        }
    }

    /// Passes what a player sent to the match; what is none of the protocol closes the connection.
    fn pass_on<T, E: Into<CloseCause>>(
        &mut self,
        place: usize,
        take: impl FnOnce(&mut dyn Match, PlayerId) -> Result<T, E>,
    ) -> Option<T> {
        let taken = match self.guests.viewer(place).player() {
            Some(player) => take(&mut *self.game, player).map_err(Into::into),
            None => Err(CloseCause::of_spectator()),
        };
        taken
            .inspect_err(|CloseCause { code, error }| {
                debug!(room = self.entry.id, %error, "closing a viewer");
                if let Some(port) = self.guests.viewer(place).port() {
                    port.close(*code);
                }
                self.part(place, LeaveReason::Lost);
            })
            .ok()
    }

    /// Lets those go whose connection is lost: at once, or, who may come back, in some time.
    fn part_with_lost(&mut self) {
        let now = self.game.now();
        let linger_ticks = u32::from(self.entry.linger_s) * u32::from(self.entry.tick_hz);
        while let Some(place) = self.guests.first_gone() {
            if linger_ticks == 0 || !self.guests.may_linger(place) {
                self.part(place, LeaveReason::Lost);
                continue;
            }
            self.guests.go_away(place, now + linger_ticks, Counted::new(&self.game_metrics.away));
            let Some(player) = self.guests.viewer(place).player() else { continue };
            self.game.set_away(player, true);
            self.tell(Audience::Others(player), &ServerMessage::PlayerAway { player: player.0 });
        }
        while let Some(place) = self.guests.first_overdue(now) {
            self.part(place, LeaveReason::Lost);
        }
    }

    fn part(&mut self, place: usize, reason: LeaveReason) {
        let (viewer, guest) = self.guests.remove(place);
        if let Some(player) = viewer.player() {
            self.inputs_counted.remove(&player);
            self.note(|| Note::Went(player));
            self.game.leave(player, reason);
            // Who is in the seat nevertheless was left there on purpose: with all that goes with it.
            #[cfg(feature = "planted-faults")]
            if self.game.input_counts(player).is_some() {
                return std::mem::forget(guest);
            }
        }
        drop(guest);
    }

    /// Removes whom the rules want removed.
    fn remove_unwanted(&mut self) {
        for (player, removal) in self.game.take_removals() {
            self.remove(player, removal);
        }
    }

    /// Removes a player; false when there is none in that seat. A bot goes, too, and another one
    /// comes.
    fn remove(&mut self, player: PlayerId, removal: Removal) -> bool {
        let (code, reason) = match removal {
            Removal::Kick => (CloseCode::Kicked, LeaveReason::Kicked),
            Removal::Ban => (CloseCode::Banned, LeaveReason::Banned),
        };
        let Some(place) = self.guests.place_of_player(player) else {
            self.game.leave(player, reason);
            return false;
        };
        let (mut viewer, guest) = self.guests.remove(place);
        if let Some(port) = viewer.port() {
            port.close(code);
        }
        self.note(|| Note::Went(player));
        self.game.leave(player, reason);
        if removal == Removal::Ban {
            self.note(|| Note::Banned(guest.identity.clone()));
            self.bans.add(guest.identity);
        }
        true
    }

    /// Closes those who are sent frames and acknowledge none: they do not read, whatever else they
    /// send.
    fn close_stuck(&mut self) {
        let (now, tick_hz) = (self.game.now(), u32::from(self.entry.tick_hz));
        // Once a second is often enough.
        if !now.0.is_multiple_of(tick_hz) {
            return;
        }
        let ticks_max = ACK_TIME_MAX_S as u32 * tick_hz;
        for viewer in self.guests.viewers().iter_mut() {
            if viewer.ticks_without_progress(now) > ticks_max
                && let Some(port) = viewer.port()
            {
                port.close(CloseCode::TooSlow);
            }
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
        inputs.late_used.inc_by(u64::from(report.inputs.late_used));
        inputs.repeated.inc_by(u64::from(report.inputs.repeated));
        inputs.neutral.inc_by(u64::from(report.inputs.neutral));
        inputs.early_dropped.inc_by(u64::from(report.inputs.early_dropped));
        inputs.duplicate.inc_by(u64::from(report.inputs.duplicate));
        self.metrics.rooms.events_dropped.inc_by(u64::from(report.events_dropped));
        let spectators = self.guests.spectators() as u16;
        self.entry.spectators.store(spectators, Ordering::Relaxed);
        let bots = self.game.census().bots;
        let before = self.entry.bots.swap(bots, Ordering::Relaxed);
        self.game_metrics.bots.inc_by(i64::from(bots) - i64::from(before));
    }

    /// Counts what became of each player's inputs lately.
    fn count_missing(&mut self) {
        let tick_hz = u32::from(self.entry.tick_hz);
        if !self.game.now().0.is_multiple_of(tick_hz) {
            return;
        }
        for viewer in self.guests.viewers().iter_mut() {
            let Some(player) = viewer.player() else { continue };
            let Some(counts) = self.game.input_counts(player) else { continue };
            let counted = self.inputs_counted.entry(player).or_default();
            let lately = counts.since(*counted);
            if lately.ticks() >= MISSING_EVERY_S * tick_hz {
                self.metrics.inputs.missing.observe_share(lately.missing(), lately.ticks());
                *counted = counts;
            }
        }
    }

    /// How late a tick began and what it took, in a room that has so much time for it.
    pub(super) fn observe(&self, late: Duration, work: Duration, period: Duration) {
        let ticks = &self.metrics.ticks;
        ticks.made.inc();
        ticks.caught_up.inc_by(u64::from(late > period));
        if work > period {
            ticks.overruns.inc();
            self.game_metrics.overruns.inc();
        }
        ticks.lateness.observe(late);
        ticks.work.observe(work);
    }
}

/// Why a player's connection is closed by the room.
struct CloseCause {
    code: CloseCode,
    error: String,
}

impl CloseCause {
    fn of_spectator() -> Self {
        Self { code: CloseCode::BadMessage, error: "one who only watches wants to play".to_owned() }
    }
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
