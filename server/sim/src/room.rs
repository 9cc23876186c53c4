//! A match as a host runs it, and its tick.

mod checkpoint;
mod journaled;
mod news;

use std::mem::{forget, replace, take};

use bytes::{Bytes, BytesMut};
use fracas_shared::game::Events;
use fracas_shared::limits::{FRAME_BYTES_MAX, MESSAGES_PER_TICK_MAX, MESSAGES_WAITING_MAX};
use fracas_shared::message::{Joined, RosterEntry};
use fracas_shared::packet::{InputHead, LooseRow, OwnHead, PacketError, RowCodecs, ServerTag};
use fracas_shared::row::{Row, RowWriter};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{
    Chat, ConfigError, EntityId, LeaveReason, Pilot, PlayerId, Profile, Refusal, Removal, Rng, Schema, Seen,
    Tick, ViewTime,
};
use thiserror::Error;

pub use self::checkpoint::RestoreError;
use crate::frames::Frames;
use crate::inputs::InputCounts;
use crate::journal::{RecordCodec, Seated};
use crate::options::RoomOptions;
#[cfg(feature = "planted-faults")]
use crate::planted_fault::{Fault, PlantedFault};
use crate::port::StateMessages;
use crate::record::{PlayerMessage, TickRecord};
use crate::report::TickReport;
use crate::seats::{Occupant, Seat, SeatToken, Seats};
use crate::simulation::{Panic, Simulation, contain};
use crate::strings::{SnapshotRefs, Strings};
use crate::viewers::Viewers;
use crate::wire_ids::WireIds;

/// A match of one game, with seats, bots, waiting inputs and frames for viewers.
///
/// Its tick takes exactly one input of each seated player, lets the rules make their step, takes
/// views, and hands each viewer its frame: see [`Room::tick`].
pub struct Room<G: Pilot> {
    options: RoomOptions<G::Config>,
    /// The same as checkpoints have them.
    options_json: String,
    simulation: Simulation<G>,
    seats: Seats<G>,
    wire_ids: WireIds,
    /// The bots' own randomness: their inputs are part of the match's record, their thoughts not.
    pilot_rng: Rng,
    strings: Strings,
    frames: Frames,
    codecs: RowCodecs,
    schema: SchemaText,
    record: TickRecord<G>,
    /// By which tokens the players who joined with it can take their seats up again.
    seated: Seated,
    /// Writes records, or reads them, from the last checkpoint on.
    records: Option<RecordCodec<G>>,
    events: Events<G::Event>,
    /// Memory for a tick's views.
    views: Vec<(EntityId, G::View)>,
    seen_views: Vec<(EntityId, G::View)>,
    /// Memory for a row, for a message, and for what players alone are told.
    row: LooseRow,
    message: Vec<u8>,
    own_messages: BytesMut,
    #[cfg(feature = "planted-faults")]
    fault: Fault,
}

/// Few games tell one player alone more.
const OWN_MESSAGE_BYTES_USUAL: usize = 64;

struct SchemaText {
    json: String,
    hash: u32,
}

/// Why a game message was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MessageRefused {
    /// It is none of the game's.
    #[error(transparent)]
    Malformed(#[from] PacketError),
    /// More wait already than may.
    #[error("{MESSAGES_WAITING_MAX} messages of the player wait already")]
    TooMany,
}

impl<G: Pilot> Room<G> {
    /// Opens a room without players. The same seed and the same inputs make the same match.
    pub fn open(options: RoomOptions<G::Config>, seed: u64) -> Result<Self, ConfigError> {
        let game = G::new(&options.config)?;
        let simulation = Simulation::open(game, options.tick_hz, options.rewind_ms, seed);
        let seats = Seats::new(options.seats);
        let names = (WireIds::default(), Strings::default());
        Ok(Self::assemble(options, simulation, seats, names, Rng::new(seed, 1)))
    }

    fn assemble(
        options: RoomOptions<G::Config>,
        simulation: Simulation<G>,
        seats: Seats<G>,
        (wire_ids, strings): (WireIds, Strings),
        pilot_rng: Rng,
    ) -> Self {
        let schema = Schema::of::<G>();
        let mut room = Self {
            options_json: serde_json::to_string(&options).unwrap_or_default(),
            options,
            simulation,
            seats,
            wire_ids,
            pilot_rng,
            strings,
            frames: Frames::new(&schema.views),
            codecs: RowCodecs::of(&schema),
            schema: SchemaText { json: schema.to_json(), hash: schema.hash() },
            record: TickRecord::default(),
            seated: Seated::new(),
            records: None,
            events: Events::default(),
            views: Vec::new(),
            seen_views: Vec::new(),
            row: LooseRow::default(),
            message: Vec::new(),
            own_messages: BytesMut::new(),
            #[cfg(feature = "planted-faults")]
            fault: Fault::default(),
        };
        // What bots see before the next tick. In a restored room every id and every string has its
        // place already, so this changes none.
        let snapshot = room.take_views(&mut TickReport::default());
        room.frames.push(snapshot, &[]);
        room
    }

    /// The room, which errs on purpose from now on.
    #[cfg(feature = "planted-faults")]
    #[must_use]
    pub fn with_planted_fault(mut self, fault: Option<PlantedFault>) -> Self {
        self.fault = Fault(fault);
        self
    }

    /// Makes one tick.
    pub fn tick(&mut self, viewers: &mut Viewers) -> TickReport {
        self.take_record();
        self.make_tick(viewers, true)
    }

    /// Moves the match on by what the record says, and tells of it; what nobody looks at is not shown.
    fn make_tick(&mut self, viewers: &mut Viewers, is_shown: bool) -> TickReport {
        let mut report = TickReport::default();
        self.events.clear();
        let news = self.simulation.advance(&self.record, &mut self.events);
        let snapshot = self.take_views(&mut report);
        if is_shown {
            self.frames.push(snapshot, viewers);
        }
        self.tell_news(viewers, news);
        self.tell_events(viewers);
        if is_shown {
            self.hand_frames(viewers, &mut report);
        }
        report.tick = self.simulation.tick();
        report.entities = self.simulation.world().len() as u32;
        for (_, seat) in self.seats.iter_mut() {
            if let Occupant::Player { inputs, .. } = &mut seat.occupant {
                report.inputs += inputs.report();
            }
        }
        report.events_dropped = self.events.dropped();
        report
    }

    /// Resolves what came in since the last tick into what the rules get.
    fn take_record(&mut self) {
        self.seats.fill(self.options.bots);
        let (leaves, joins) = self.seats.take_changes();
        self.record.clear();
        (self.record.leaves, self.record.joins) = (leaves, joins);
        self.seated.clear();
        let joined = self.record.joins.iter().map(|(player, _)| *player);
        self.seated.extend(joined.filter_map(|player| Some((player, self.seats.token_of(player)?))));
        let next = self.simulation.tick().next();
        while self.seen_views.pop().is_some() {}
        if self.seats.bots() > 0 && self.frames.newest().read_views(&mut self.seen_views).is_err() {
            unreachable!("rows that the game's own views wrote");
        }
        for (player, seat) in self.seats.iter_mut() {
            let input = match &mut seat.occupant {
                Occupant::Player { inputs, messages, .. } => {
                    let count = messages.len().min(MESSAGES_PER_TICK_MAX);
                    self.record.messages.extend(messages.drain(..count).map(|message| (player, message)));
                    let taken = inputs.take(next);
                    self.record.view_times.extend(taken.view_time.map(|time| (player, time)));
                    taken.input
                }
                Occupant::Bot { mind } => {
                    let own = own_row(&mut self.simulation, &self.wire_ids, player);
                    // As a client gets it: quantised, with ids for keys.
                    let own = own.and_then(|row| row.value::<G::Own>().ok());
                    let seen = Seen {
                        tick: self.simulation.tick(),
                        tick_hz: self.options.tick_hz,
                        me: player,
                        own: own.as_ref(),
                        views: &self.seen_views,
                    };
                    let input = self.simulation.game().pilot(mind, &seen, &mut self.pilot_rng);
                    self.record.view_times.push((player, ViewTime::at(self.simulation.tick())));
                    // As it would come from a client.
                    let row = LooseRow::of(&input, |_| None);
                    row.value_with_keys(|id| self.wire_ids.key_of(id)).unwrap_or_default()
                }
            };
            self.record.inputs.push((player, input));
        }
    }

    /// Takes what everyone sees now.
    fn take_views(&mut self, report: &mut TickReport) -> Snapshot {
        let tick = self.simulation.tick();
        let mut views = take(&mut self.views);
        for (key, entity) in self.simulation.world().iter() {
            let Some(view) = self.simulation.game().view(key, entity) else { continue };
            match self.wire_ids.see(key, tick) {
                Some(id) => views.push((id, view)),
                None => report.entities_unnamed += 1,
            }
        }
        #[cfg(feature = "planted-faults")]
        self.fault.swap_ids::<G>(tick, &mut views);
        self.wire_ids.retire_unseen(tick);
        // Only now has every visible entity its id, so that rows may refer to any of them.
        let mut refs = SnapshotRefs { wire_ids: &self.wire_ids, strings: &mut self.strings };
        let mut snapshot = self.frames.blank(tick);
        for (id, view) in views.drain(..) {
            snapshot.push(id, view.kind(), |codes| view.write(&mut RowWriter::new(codes, &mut refs)));
        }
        snapshot.seal(self.strings.finish());
        self.views = views;
        snapshot
    }

    /// Gives each viewer the newest state, on the baseline that it holds.
    fn hand_frames(&mut self, viewers: &mut Viewers, report: &mut TickReport) {
        let tick = self.simulation.tick();
        self.own_messages.reserve(viewers.len() * OWN_MESSAGE_BYTES_USUAL);
        #[cfg(feature = "planted-faults")]
        let viewers = self.fault.skip_viewer(tick, viewers);
        for viewer in viewers.iter_mut().filter(|viewer| !viewer.is_away()) {
            let own = viewer.player().and_then(|player| self.own_message(player));
            viewer.note_resync(tick);
            loop {
                let (baseline, frame) = self.frames.frame(viewer.baseline());
                #[cfg(feature = "planted-faults")]
                let frame = self.fault.spoil_hash(tick, frame);
                let frame_bytes = frame.len();
                let builds_on = baseline.map(|held| held.tick);
                let state = StateMessages { tick, baseline: builds_on, own: own.clone(), frame };
                // One that no client takes is only reported: the host ends the room.
                let is_too_long = frame_bytes > FRAME_BYTES_MAX;
                // Not taken: the viewer's baseline moved on between the question and the answer.
                if is_too_long || viewer.put_state(baseline, state) {
                    report.frames.count(tick, builds_on, frame_bytes);
                    break;
                }
            }
        }
    }

    fn own_message(&mut self, player: PlayerId) -> Option<Bytes> {
        let Occupant::Player { inputs, .. } = &self.seats.get(player)?.occupant else { return None };
        let (input_tick, input_margin) = (inputs.last_stamp(), inputs.margin_ticks());
        let own = self.simulation.own(player);
        self.message.clear();
        self.message.push(ServerTag::Own as u8);
        OwnHead { input_tick, input_margin, has_row: own.is_some() }.write(&mut self.message);
        if let Some(own) = own {
            self.row.set(&own, |key| self.wire_ids.id_of(key));
            self.codecs.own.encode(&self.row, &mut self.message);
        }
        // One after the other in the same memory, which is used again when all of them have left.
        self.own_messages.extend_from_slice(&self.message);
        Some(self.own_messages.split().freeze())
    }

    /// Gives a player a seat; the rules hear of it at the next tick. The token is what the player
    /// takes the seat up again with, after the connection was lost.
    pub fn join(&mut self, profile: Profile, token: SeatToken) -> Result<PlayerId, Refusal> {
        self.seats.join(profile, token).ok_or_else(|| Refusal::RoomFull(String::new()))
    }

    /// The seat of this token.
    pub fn seat_of(&self, token: SeatToken) -> Option<PlayerId> {
        self.seats.seat_of(token)
    }

    /// The token of a player's seat.
    pub(crate) fn token_of(&self, player: PlayerId) -> Option<SeatToken> {
        self.seats.token_of(player)
    }

    /// Takes note of whether a player's connection is lost. It is no matter of the match: the rules
    /// do not hear of it.
    pub fn set_away(&mut self, player: PlayerId, is_away: bool) {
        self.seats.set_away(player, is_away);
    }

    /// What one who came to the room needs to know: a player, or a spectator. `schema_hash` is the
    /// hash of the schema that the client has. What the host knows is left to the host.
    pub fn joined(&self, player: Option<PlayerId>, schema_hash: u32) -> Joined {
        let knows_schema = schema_hash == self.schema.hash;
        Joined {
            room: String::new(),
            game: G::ID.to_owned(),
            player: player.map(|player| player.0),
            seats: self.seats.count(),
            tick_hz: self.options.tick_hz,
            tick: self.simulation.tick().next().0,
            schema_hash: self.schema.hash,
            schema: (!knows_schema).then(|| self.schema.json.clone()),
            config: serde_json::to_string(&self.options.config).unwrap_or_default(),
            roster: self.roster(),
            resume_token: String::new(),
            linger_s: self.options.linger_s,
            resumed: None,
        }
    }

    /// Everyone seated, by seat.
    pub fn roster(&self) -> Vec<RosterEntry> {
        self.seats.roster()
    }

    /// Whom the rules want removed since this was last asked, in order.
    pub fn take_removals(&mut self) -> Vec<(PlayerId, Removal)> {
        self.events.take_removals()
    }

    /// Whether the rules want the room locked or unlocked, since this was last asked.
    pub fn take_lock(&mut self) -> Option<bool> {
        self.events.take_lock()
    }

    /// Frees a player's seat; the rules hear of it at the next tick.
    pub fn leave(&mut self, player: PlayerId, reason: LeaveReason) {
        #[cfg(feature = "planted-faults")]
        if self.fault.leaks_seat(reason) {
            return;
        }
        self.seats.leave(player, reason);
    }

    /// Takes an input packet without its tag. The answer is the newest tick that the client has.
    pub fn input(&mut self, player: PlayerId, packet: &[u8]) -> Result<Tick, PacketError> {
        let (head, row) = InputHead::read(packet)?;
        self.codecs.inputs.decode_into(row, &mut self.row)?;
        let input = self.row.value_with_keys(|id| self.wire_ids.key_of(id))?;
        if let Some(Seat { occupant: Occupant::Player { inputs, .. }, .. }) = self.seats.get_mut(player) {
            let next = self.simulation.tick().next();
            #[cfg(feature = "planted-faults")]
            if self.fault.loses_input(head.tick, next) {
                return Ok(head.ack);
            }
            inputs.push(head, input, next);
        }
        Ok(head.ack)
    }

    /// Takes a game message's packet without its tag.
    pub fn message(&mut self, player: PlayerId, packet: &[u8]) -> Result<(), MessageRefused> {
        let row = self.codecs.messages.decode(packet)?;
        let message = row.value_with_keys(|id| self.wire_ids.key_of(id)).map_err(PacketError::from)?;
        self.queue(player, PlayerMessage::Game(message))
    }

    /// Takes what a player says; others hear it after the next tick, if the rules let it pass.
    pub fn chat(&mut self, player: PlayerId, chat: Chat) -> Result<(), MessageRefused> {
        self.queue(player, PlayerMessage::Chat(chat))
    }

    fn queue(&mut self, player: PlayerId, message: PlayerMessage<G>) -> Result<(), MessageRefused> {
        if let Some(Seat { occupant: Occupant::Player { messages, .. }, .. }) = self.seats.get_mut(player) {
            if messages.len() >= MESSAGES_WAITING_MAX {
                return Err(MessageRefused::TooMany);
            }
            messages.push_back(message);
        }
        Ok(())
    }

    /// Ends the match for good: drops what its rules made, one by one. The error is the first panic in
    /// that; what is left then is leaked, for rules whose values panic are not asked again. No more is
    /// to be done with the room but to drop it.
    ///
    /// A room that is dropped is dismantled before, and no panic comes out of it. What cannot be
    /// contained is a value that panics twice, or while another panic drops it: that ends the process,
    /// as Rust wants it.
    pub fn dismantle(&mut self) -> Result<(), Panic> {
        let dismantled = self.simulation.dismantle().and_then(|()| {
            contain(|| {
                self.seats.clear();
                self.record.clear();
                self.events.clear();
                while self.seen_views.pop().is_some() {}
            })
        });
        dismantled.inspect_err(|_| {
            forget(replace(&mut self.seats, Seats::new(0)));
            forget(take(&mut self.record));
            forget(take(&mut self.events));
            forget(take(&mut self.seen_views));
        })
    }

    /// The match as its rules know it.
    pub fn simulation(&self) -> &Simulation<G> {
        &self.simulation
    }

    /// What a player alone sees, as it travels.
    pub(crate) fn own_row(&mut self, player: PlayerId) -> Option<LooseRow> {
        own_row(&mut self.simulation, &self.wire_ids, player)
    }

    /// What became of a player's inputs until the last tick; none for a bot.
    pub fn input_counts(&self, player: PlayerId) -> Option<InputCounts> {
        match &self.seats.get(player)?.occupant {
            Occupant::Player { inputs, .. } => Some(inputs.reported()),
            Occupant::Bot { .. } => None,
        }
    }

    /// What reached the rules at the last tick.
    pub fn last_record(&self) -> &TickRecord<G> {
        &self.record
    }

    /// What happened in the last tick, in order.
    pub fn last_events(&self) -> impl Iterator<Item = &G::Event> {
        self.events.iter().map(|(_, event)| event)
    }

    /// What everyone sees since the last tick.
    pub fn snapshot(&self) -> &Snapshot {
        self.frames.newest()
    }

    /// Players and bots.
    pub fn seated(&self) -> (u16, u16) {
        (self.seats.players(), self.seats.bots())
    }

    /// The room's options.
    pub fn options(&self) -> &RoomOptions<G::Config> {
        &self.options
    }
}

impl<G: Pilot> Drop for Room<G> {
    fn drop(&mut self) {
        // Whoever wants to know has dismantled it before. What was thrown may panic when it is dropped.
        let _ = self.dismantle().map_err(forget);
    }
}

/// What the player alone sees, as it travels.
fn own_row<G: Pilot>(
    simulation: &mut Simulation<G>,
    wire_ids: &WireIds,
    player: PlayerId,
) -> Option<LooseRow> {
    Some(LooseRow::of(&simulation.own(player)?, |key| wire_ids.id_of(key)))
}
