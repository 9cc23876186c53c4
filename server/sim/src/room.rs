//! A match as a host runs it, and its tick.

use bytes::Bytes;
use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::game::Events;
use fracas_shared::limits::{CHECKPOINT_BYTES_MAX, MESSAGES_PER_TICK_MAX, MESSAGES_WAITING_MAX};
use fracas_shared::message::{Hearers, Joined, RosterEntry, ServerMessage, Standing};
use fracas_shared::packet::{EventsHead, InputHead, LooseRow, OwnHead, PacketError, RowCodec, ServerTag};
use fracas_shared::row::{Row, RowWriter};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{
    Chat, ConfigError, EntityId, LeaveReason, Pilot, PlayerId, Profile, Refusal, Rng, Schema, Seen, State,
    Tick,
};
use thiserror::Error;

use crate::frames::Frames;
use crate::inputs::InputCounts;
use crate::options::RoomOptions;
use crate::port::{StateMessages, Viewer};
use crate::record::{PlayerMessage, TickRecord};
use crate::report::TickReport;
use crate::seats::{Occupant, Seat, Seats};
use crate::simulation::{MatchNews, Simulation};
use crate::strings::{SnapshotRefs, Strings};
use crate::wire_ids::WireIds;

/// A match of one game, with seats, bots, waiting inputs and frames for viewers.
///
/// Its tick takes exactly one input of each seated player, lets the rules make their step, takes
/// views, and hands each viewer its frame: see [`Room::tick`].
pub struct Room<G: Pilot> {
    options: RoomOptions<G::Config>,
    simulation: Simulation<G>,
    seats: Seats<G>,
    wire_ids: WireIds,
    /// The bots' own randomness: their inputs are part of the match's record, their thoughts not.
    pilot_rng: Rng,
    strings: Strings,
    frames: Frames,
    codecs: Codecs,
    schema: SchemaText,
    record: TickRecord<G>,
    events: Events<G::Event>,
    input_counts: InputCounts,
    seen_views: Vec<(EntityId, G::View)>,
}

/// The codecs of rows that stand alone.
struct Codecs {
    own: RowCodec,
    inputs: RowCodec,
    events: RowCodec,
    messages: RowCodec,
}

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

/// Why a checkpoint cannot be gone on from.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RestoreError {
    /// The bytes are no checkpoint of this format.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// It is of another game, or of other rules of it.
    #[error("the checkpoint is of {theirs}, these rules are {ours}")]
    OtherRules {
        /// Game and revision of the checkpoint.
        theirs: String,
        /// Game and revision of this build.
        ours: String,
    },
    /// The game refuses the options that are in it.
    #[error("the checkpoint's options: {0}")]
    Options(#[from] ConfigError),
}

/// The version of the checkpoint's layout.
const CHECKPOINT_VERSION: u16 = 1;

impl<G: Pilot> Room<G> {
    /// Opens a room without players. The same seed and the same inputs make the same match.
    pub fn open(options: RoomOptions<G::Config>, seed: u64) -> Result<Self, ConfigError> {
        let game = G::new(&options.config)?;
        let simulation = Simulation::open(game, options.tick_hz, seed);
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
            options,
            simulation,
            seats,
            wire_ids,
            pilot_rng,
            strings,
            frames: Frames::new(&schema.views),
            codecs: Codecs {
                own: RowCodec::new(&schema.own),
                inputs: RowCodec::new(&schema.inputs),
                events: RowCodec::new(&schema.events),
                messages: RowCodec::new(&schema.messages),
            },
            schema: SchemaText { json: schema.to_json(), hash: schema.hash() },
            record: TickRecord::default(),
            events: Events::default(),
            input_counts: InputCounts::default(),
            seen_views: Vec::new(),
        };
        // What bots see before the next tick. In a restored room every id and every string has its
        // place already, so this changes none.
        let snapshot = room.take_views(&mut TickReport::default());
        room.frames.push(snapshot, &[]);
        room
    }

    /// Makes one tick.
    pub fn tick(&mut self, viewers: &mut [Viewer]) -> TickReport {
        let mut report = TickReport::default();
        self.take_record();
        self.events.clear();
        let news = self.simulation.advance(&self.record, &mut self.events);
        let snapshot = self.take_views(&mut report);
        self.frames.push(snapshot, viewers);
        self.tell_news(viewers, news);
        self.tell_events(viewers);
        self.hand_frames(viewers, &mut report);
        report.tick = self.simulation.tick();
        report.entities = self.simulation.world().len() as u32;
        report.inputs = std::mem::take(&mut self.input_counts);
        report.events_dropped = self.events.dropped();
        report
    }

    /// Resolves what came in since the last tick into what the rules get.
    fn take_record(&mut self) {
        self.seats.fill(self.options.bots);
        let (leaves, joins) = self.seats.take_changes();
        self.record = TickRecord { leaves, joins, ..TickRecord::default() };
        let next = self.simulation.tick().next();
        if self.seats.bots() > 0 && self.frames.newest().read_views(&mut self.seen_views).is_err() {
            unreachable!("rows that the game's own views wrote");
        }
        for (player, seat) in self.seats.iter_mut() {
            let input = match &mut seat.occupant {
                Occupant::Player { inputs, messages } => {
                    let count = messages.len().min(MESSAGES_PER_TICK_MAX);
                    self.record.messages.extend(messages.drain(..count).map(|message| (player, message)));
                    inputs.take(next, &mut self.input_counts)
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
        let mut views = Vec::with_capacity(self.simulation.world().len());
        for (key, entity) in self.simulation.world().iter() {
            let Some(view) = self.simulation.game().view(key, entity) else { continue };
            match self.wire_ids.see(key, tick) {
                Some(id) => views.push((id, view)),
                None => report.entities_unnamed += 1,
            }
        }
        self.wire_ids.retire_unseen(tick);
        // Only now has every visible entity its id, so that rows may refer to any of them.
        let mut refs = SnapshotRefs { wire_ids: &self.wire_ids, strings: &mut self.strings };
        let mut snapshot = Snapshot::new(tick);
        for (id, view) in views {
            snapshot.push(id, view.kind(), |codes| view.write(&mut RowWriter::new(codes, &mut refs)));
        }
        snapshot.seal(self.strings.finish());
        snapshot
    }

    /// Tells who came and went, what was said, and what became of the match.
    fn tell_news(&self, viewers: &mut [Viewer], news: Vec<MatchNews>) {
        // Whoever sits there by now has taken the seat over, and knows.
        for (player, _) in &self.record.leaves {
            let message = ServerMessage::PlayerLeft { player: player.0 };
            tell(viewers, |viewer| viewer != Some(*player), &message);
        }
        for (player, profile) in &self.record.joins {
            let message = ServerMessage::PlayerJoined(roster_entry(*player, profile));
            tell(viewers, |viewer| viewer != Some(*player), &message);
        }
        for news in news {
            match news {
                MatchNews::Began => {
                    tell(viewers, |_| true, &ServerMessage::MatchBegan { tick: self.simulation.tick().0 });
                }
                MatchNews::Ended { outcome, next_match } => {
                    let standing = |(player, score): (PlayerId, i32)| Standing { player: player.0, score };
                    let standings = outcome.standings.into_iter().map(standing).collect();
                    let message = ServerMessage::Outcome { standings, next_match_tick: next_match.0 };
                    tell(viewers, |_| true, &message);
                }
                MatchNews::Said { player, chat: Chat { to, text } } => {
                    let hears = |viewer: Option<PlayerId>| match to {
                        Hearers::All => true,
                        Hearers::Others => viewer != Some(player),
                        Hearers::One { player } => viewer == Some(PlayerId(player)),
                    };
                    let message = ServerMessage::Said { player: player.0, to, text: text.to_string() };
                    tell(viewers, hears, &message);
                }
                MatchNews::Vetoed { player } => {
                    let message = ServerMessage::Refused(Refusal::ChatVetoed);
                    tell(viewers, |viewer| viewer == Some(player), &message);
                }
            }
        }
    }

    fn tell_events(&self, viewers: &mut [Viewer]) {
        let mut shared = Vec::new();
        let mut private = Vec::new();
        for (to, event) in self.events.iter() {
            let row = LooseRow::of(event, |key| self.wire_ids.id_of(key));
            match to {
                None => shared.push(row),
                Some(player) => private.push((player, row)),
            }
        }
        if !shared.is_empty() {
            let message = self.events_message(&shared);
            for viewer in &mut *viewers {
                viewer.port.send(message.clone());
            }
        }
        for (player, row) in private {
            let message = self.events_message(std::slice::from_ref(&row));
            for viewer in viewers.iter_mut().filter(|viewer| viewer.player == Some(player)) {
                viewer.port.send(message.clone());
            }
        }
    }

    fn events_message(&self, rows: &[LooseRow]) -> Bytes {
        let mut message = vec![ServerTag::Events as u8];
        EventsHead { tick: self.simulation.tick(), count: rows.len() as u8 }.write(&mut message);
        self.codecs.events.encode_many(rows, &mut message);
        message.into()
    }

    /// Gives each viewer the newest state, on the baseline that it holds.
    fn hand_frames(&mut self, viewers: &mut [Viewer], report: &mut TickReport) {
        let tick = self.simulation.tick();
        for viewer in viewers {
            let own = viewer.player.and_then(|player| self.own_message(player));
            viewer.note_resync(tick);
            loop {
                let held = viewer.baseline();
                let (baseline, frame) = self.frames.frame(held);
                let frame_bytes = frame.len();
                let state = StateMessages { tick, baseline, own: own.clone(), frame };
                // Not taken: the viewer's baseline moved on between the question and the answer.
                if viewer.port.put_state(state) {
                    report.frames.count(tick, baseline, frame_bytes);
                    break;
                }
            }
        }
    }

    fn own_message(&mut self, player: PlayerId) -> Option<Bytes> {
        let Occupant::Player { inputs, .. } = &self.seats.get(player)?.occupant else { return None };
        let (input_tick, input_margin) = (inputs.last_stamp(), inputs.margin_ticks());
        let row = self.own_row(player);
        let mut message = vec![ServerTag::Own as u8];
        OwnHead { input_tick, input_margin, has_row: row.is_some() }.write(&mut message);
        if let Some(row) = row {
            self.codecs.own.encode(&row, &mut message);
        }
        Some(message.into())
    }

    /// Gives a player a seat; the rules hear of it at the next tick.
    pub fn join(&mut self, profile: Profile) -> Result<PlayerId, Refusal> {
        self.seats.join(profile).ok_or_else(|| Refusal::RoomFull(String::new()))
    }

    /// What a player who joined needs to know. `schema_hash` is the hash of the schema that the
    /// client has.
    pub fn joined(&self, player: PlayerId, schema_hash: u32) -> Joined {
        let knows_schema = schema_hash == self.schema.hash;
        Joined {
            room: String::new(),
            game: G::ID.to_owned(),
            player: player.0,
            seats: self.seats.count(),
            tick_hz: self.options.tick_hz,
            tick: self.simulation.tick().next().0,
            schema_hash: self.schema.hash,
            schema: (!knows_schema).then(|| self.schema.json.clone()),
            config: serde_json::to_string(&self.options.config).unwrap_or_default(),
            roster: self.seats.iter().map(|(player, seat)| roster_entry(player, &seat.profile)).collect(),
        }
    }

    /// Frees a player's seat; the rules hear of it at the next tick.
    pub fn leave(&mut self, player: PlayerId, reason: LeaveReason) {
        self.seats.leave(player, reason);
    }

    /// Takes an input packet without its tag. The answer is the newest tick that the client has.
    pub fn input(&mut self, player: PlayerId, packet: &[u8]) -> Result<Tick, PacketError> {
        let (head, row) = InputHead::read(packet)?;
        let row = self.codecs.inputs.decode(row)?;
        let input = row.value_with_keys(|id| self.wire_ids.key_of(id))?;
        if let Some(Seat { occupant: Occupant::Player { inputs, .. }, .. }) = self.seats.get_mut(player) {
            let next = self.simulation.tick().next();
            inputs.push(head.tick, input, next, &mut self.input_counts);
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

    /// The match as its rules know it.
    pub fn simulation(&self) -> &Simulation<G> {
        &self.simulation
    }

    /// What a player alone sees, as it travels.
    pub(crate) fn own_row(&mut self, player: PlayerId) -> Option<LooseRow> {
        own_row(&mut self.simulation, &self.wire_ids, player)
    }

    /// What reached the rules at the last tick.
    pub fn last_record(&self) -> &TickRecord<G> {
        &self.record
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

    /// The room as bytes, all that is needed to go on from here in another process.
    pub fn checkpoint(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut out = StateWriter::new(&mut bytes);
        CHECKPOINT_VERSION.save(&mut out);
        G::ID.to_owned().save(&mut out);
        G::REVISION.save(&mut out);
        serde_json::to_string(&self.options).unwrap_or_default().save(&mut out);
        self.simulation.save(&mut out);
        self.seats.save(&mut out);
        self.wire_ids.save(&mut out);
        self.strings.save(&mut out);
        self.pilot_rng.save(&mut out);
        bytes
    }

    /// Goes on from a checkpoint.
    pub fn restore(bytes: &[u8]) -> Result<Self, RestoreError> {
        if bytes.len() > CHECKPOINT_BYTES_MAX {
            let (bytes, bytes_max) = (bytes.len(), CHECKPOINT_BYTES_MAX);
            return Err(DecodeError::TooLong { bytes, bytes_max }.into());
        }
        let mut from = StateReader::new(bytes);
        let version = u16::load(&mut from)?;
        if version != CHECKPOINT_VERSION {
            let what = format!("a checkpoint of version {version}, this is {CHECKPOINT_VERSION}");
            return Err(DecodeError::Malformed(what).into());
        }
        let (id, revision) = (String::load(&mut from)?, u32::load(&mut from)?);
        if (id.as_str(), revision) != (G::ID, G::REVISION) {
            let name = |id: &str, revision| format!("'{id}' revision {revision}");
            return Err(RestoreError::OtherRules {
                theirs: name(&id, revision),
                ours: name(G::ID, G::REVISION),
            });
        }
        let options: RoomOptions<G::Config> = serde_json::from_str(&String::load(&mut from)?)
            .map_err(|error| ConfigError::new("options", error.to_string()))?;
        options.check()?;
        let game = G::new(&options.config)?;
        let simulation = Simulation::load(game, options.tick_hz, &mut from)?;
        let seats = Seats::load(options.seats, &mut from)?;
        if let Some(beyond) = simulation.players().keys().find(|player| player.0 >= options.seats) {
            return Err(DecodeError::Malformed(format!("player {beyond} has no seat")).into());
        }
        let names = (WireIds::load(&mut from)?, Strings::load(&mut from)?);
        let pilot_rng = Rng::load(&mut from)?;
        if !from.is_at_end() {
            return Err(DecodeError::Malformed("bytes after the checkpoint's end".into()).into());
        }
        Ok(Self::assemble(options, simulation, seats, names, pilot_rng))
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

/// Sends a control message to the viewers for whose seat `hears` is true.
fn tell(viewers: &mut [Viewer], hears: impl Fn(Option<PlayerId>) -> bool, message: &ServerMessage) {
    let message = Bytes::from(message.to_bytes());
    for viewer in viewers.iter_mut().filter(|viewer| hears(viewer.player)) {
        viewer.port.send(message.clone());
    }
}

fn roster_entry(player: PlayerId, profile: &Profile) -> RosterEntry {
    RosterEntry { player: player.0, name: profile.name.to_string(), is_bot: profile.is_bot }
}
