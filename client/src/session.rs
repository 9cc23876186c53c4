//! One connection's side of the protocol, without I/O.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use fracas_shared::limits::CLIENT_MESSAGE_BYTES_MAX;
use fracas_shared::message::{ClientMessage, Hearers, Joined, PROTOCOL_VERSION, RoomWanted, ServerMessage};
use fracas_shared::packet::{ClientTag, INPUT_HEAD_BYTES, InputHead, LooseRow, ServerTag};
use fracas_shared::{PlayerId, Row, Tick, ViewTime};

use crate::clock::InputClock;
use crate::codecs::Codecs;
use crate::error::{RequestError, SessionError};
use crate::event::Event;
use crate::limits::{ACK_INTERVAL, EVENTS_WAITING_MAX, RETRY_AFTER_MAX, SENDS_WAITING_MAX};
use crate::play::Stamp;
use crate::room::{Room, Taken};

/// Few games' inputs have more.
const INPUT_ROW_BYTES_USUAL: usize = 16;

/// One connection's side of the protocol, without I/O.
///
/// `now` is the time since any fixed moment; it must not go back. After an error of
/// [`Session::handle_message`] the session is over and the connection is to be closed.
#[derive(Debug)]
pub struct Session {
    hello: Vec<u8>,
    stage: Stage,
    /// The schema of the last room, in case that the next room has the same.
    last_codecs: Option<Arc<Codecs>>,
    events: VecDeque<Event>,
    sends: VecDeque<Vec<u8>>,
    acked: Tick,
    /// None before the first: that one goes at once, and tells the server that its seat is known.
    acked_at: Option<Duration>,
    retry_after: Option<Duration>,
}

#[derive(Debug)]
enum Stage {
    /// The hello is sent.
    Greeting,
    Lobby,
    Joining {
        known: Option<Arc<Codecs>>,
        is_typed: bool,
    },
    InRoom {
        room: Box<Room>,
        is_typed: bool,
        is_leaving: bool,
    },
    /// The connection was lost; the seat is asked for on another one.
    Resuming(Resuming),
}

#[derive(Debug)]
struct Resuming {
    room: Box<Room>,
    is_typed: bool,
}

impl Session {
    /// A session whose first message to send is the hello. `name` is the player's, `program` tells
    /// the server's log what connects.
    pub fn new(name: impl Into<String>, program: impl Into<String>) -> Self {
        let hello =
            ClientMessage::Hello { protocol: PROTOCOL_VERSION, name: name.into(), client: program.into() };
        let hello = hello.to_bytes();
        Self {
            sends: VecDeque::from([hello.clone()]),
            hello,
            stage: Stage::Greeting,
            last_codecs: None,
            events: VecDeque::new(),
            acked: Tick(0),
            acked_at: None,
            retry_after: None,
        }
    }

    /// Begins anew on another connection, to take the seat up again that the session has, or was
    /// about to take up: `Joined` or `Refused` follows. Until then the room is as it was.
    ///
    /// # Errors
    /// There is no seat to take up: who only watches joins again.
    pub fn resume(&mut self) -> Result<(), RequestError> {
        if self.room().and_then(Room::resume_token).is_none() {
            return Err(RequestError::NotInRoom);
        }
        let mut room = match std::mem::replace(&mut self.stage, Stage::Lobby) {
            Stage::InRoom { room, is_typed, .. } => Resuming { room, is_typed },
            Stage::Resuming(resuming) => resuming,
            Stage::Greeting | Stage::Lobby | Stage::Joining { .. } => return Err(RequestError::NotInRoom),
        };
        let wanted = room.room.resume_request().ok_or(RequestError::NotInRoom)?;
        let join = ClientMessage::Join { room: wanted, schema_hash: room.room.codecs().hash() };
        self.stage = Stage::Resuming(room);
        self.sends = VecDeque::from([self.hello.clone(), join.to_bytes()]);
        self.retry_after = None;
        Ok(())
    }

    /// How long the server wants the client to wait before it tries again what it refused, or
    /// connects again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The room that the client is in, or is about to be in again.
    pub fn room(&self) -> Option<&Room> {
        match &self.stage {
            Stage::InRoom { room, .. } | Stage::Resuming(Resuming { room, .. }) => Some(room),
            Stage::Greeting | Stage::Lobby | Stage::Joining { .. } => None,
        }
    }

    /// [`Session::room`], to make requests of.
    pub fn room_mut(&mut self) -> Option<&mut Room> {
        match &mut self.stage {
            Stage::InRoom { room, .. } | Stage::Resuming(Resuming { room, .. }) => Some(room),
            Stage::Greeting | Stage::Lobby | Stage::Joining { .. } => None,
        }
    }

    /// Adds an event that is not of the protocol.
    pub(crate) fn note(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Takes the first waiting event for which `is_wanted`; the others keep waiting.
    pub fn take_event(&mut self, is_wanted: impl Fn(&Event) -> bool) -> Option<Event> {
        let place = self.events.iter().position(is_wanted)?;
        self.events.remove(place)
    }

    /// The next message to send.
    pub fn poll_send(&mut self) -> Option<Vec<u8>> {
        self.sends.pop_front()
    }

    /// Whether [`Session::poll_send`] has something.
    pub fn has_sends(&self) -> bool {
        !self.sends.is_empty()
    }

    /// When [`Session::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let Stage::InRoom { room, .. } = &self.stage else { return None };
        let newest = room.newest()?.tick();
        let due = self.acked_at.map_or(Duration::ZERO, |acked_at| acked_at + ACK_INTERVAL);
        (newest != self.acked).then_some(due)
    }

    /// Acknowledges the newest frame, when no input has done so for a second.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return;
        }
        if self.sends.len() >= SENDS_WAITING_MAX {
            // The line is stuck: try again in a second.
            self.acked_at = Some(now);
            return;
        }
        let tick = self.acknowledge(now);
        self.sends.push_back(ClientMessage::Ack { tick: tick.0 }.to_bytes());
    }

    /// Asks for a seat: `Joined` or `Refused` follows. Events of the last room that wait to be
    /// polled are dropped. The room's schema comes with it, unless it
    /// is `known` or was that of the last room.
    pub fn join(&mut self, room: RoomWanted) -> Result<(), RequestError> {
        self.start_join(room, self.last_codecs.clone(), false)
    }

    /// Asks for a seat in a room of this very schema; another one is a [`SessionError`].
    pub fn join_typed(&mut self, room: RoomWanted, codecs: Arc<Codecs>) -> Result<(), RequestError> {
        self.start_join(room, Some(codecs), true)
    }

    fn start_join(
        &mut self,
        room: RoomWanted,
        known: Option<Arc<Codecs>>,
        is_typed: bool,
    ) -> Result<(), RequestError> {
        if !matches!(self.stage, Stage::Greeting | Stage::Lobby) {
            return Err(RequestError::InRoom);
        }
        let schema_hash = known.as_ref().map_or(0, |codecs| codecs.hash());
        self.send(&ClientMessage::Join { room, schema_hash })?;
        // Nobody polled them while they meant something; in the next room they mean something else.
        self.events.retain(|event| !event.is_of_room());
        self.stage = Stage::Joining { known, is_typed };
        Ok(())
    }

    /// Gives the seat back: `Left` follows, and frames until then.
    pub fn leave(&mut self) -> Result<(), RequestError> {
        match &mut self.stage {
            Stage::InRoom { is_leaving, .. } if !*is_leaving => *is_leaving = true,
            _ => return Err(RequestError::NotInRoom),
        }
        self.send(&ClientMessage::Leave)
    }

    /// Asks for a page of rooms: `Rooms` follows. `skip` rooms are passed over.
    pub fn list(&mut self, game: Option<&str>, skip: u32) -> Result<(), RequestError> {
        self.send(&ClientMessage::List { game: game.map(str::to_owned), skip })
    }

    /// Asks for a `Pong` with this number.
    pub fn ping(&mut self, nonce: u32) -> Result<(), RequestError> {
        self.send(&ClientMessage::Ping { nonce })
    }

    /// Sends an input made from the newest frame, and gives its stamp; none and nothing sent when
    /// there was no frame yet, or when that tick already has its input.
    pub fn send_input<I: Row>(&mut self, now: Duration, input: &I) -> Result<Option<Tick>, RequestError> {
        self.send_input_row(now, &LooseRow::of(input, |_| None))
    }

    /// [`Session::send_input`] of a row made by the schema.
    pub fn send_input_row(&mut self, now: Duration, row: &LooseRow) -> Result<Option<Tick>, RequestError> {
        let stamp = |clock: &mut InputClock, newest| Some((clock.stamp(newest)?, Some(ViewTime::at(newest))));
        self.send_input_by(now, row, stamp)
    }

    /// Sends an input for the tick that [`Play::advance`](crate::Play::advance) wants it for, also after
    /// a later one, as when its clock stepped back; false and nothing sent when there was no frame yet.
    pub fn send_stamped<I: Row>(
        &mut self,
        now: Duration,
        stamp: Stamp,
        input: &I,
    ) -> Result<bool, RequestError> {
        let row = LooseRow::of(input, |_| None);
        let by = |clock: &mut InputClock, _| {
            clock.note_stamp(stamp.tick);
            Some((stamp.tick, stamp.view_time))
        };
        Ok(self.send_input_by(now, &row, by)?.is_some())
    }

    /// `stamp` tells for which tick the input is and what the screen shows, given the newest frame's.
    fn send_input_by(
        &mut self,
        now: Duration,
        row: &LooseRow,
        stamp: impl FnOnce(&mut InputClock, Tick) -> Option<(Tick, Option<ViewTime>)>,
    ) -> Result<Option<Tick>, RequestError> {
        self.check_sends()?;
        let room = match &mut self.stage {
            Stage::InRoom { room, is_leaving: false, .. } => room,
            // There will be a tick to play again.
            Stage::Resuming(_) => return Ok(None),
            _ => return Err(RequestError::NotInRoom),
        };
        let Some(newest) = room.newest().map(|newest| newest.tick()) else { return Ok(None) };
        let mut bytes = Vec::with_capacity(1 + INPUT_HEAD_BYTES + INPUT_ROW_BYTES_USUAL);
        bytes.resize(1 + INPUT_HEAD_BYTES, ClientTag::Input as u8);
        room.codecs().put_input(row, &mut bytes)?;
        check_length(bytes.len())?;
        // The stamp is taken last, so that a row which is refused does not use one up.
        let Some((tick, view_time)) = stamp(&mut room.clock, newest) else { return Ok(None) };
        let view_lag = view_time.map_or(0, |time| time.parts_before(tick));
        bytes[1..=INPUT_HEAD_BYTES].copy_from_slice(&InputHead { tick, ack: newest, view_lag }.to_bytes());
        self.sends.push_back(bytes);
        self.acknowledge(now);
        Ok(Some(tick))
    }

    /// Sends a message of the game to the rules.
    pub fn send_message<M: Row>(&mut self, message: &M) -> Result<(), RequestError> {
        self.send_message_row(&LooseRow::of(message, |_| None))
    }

    /// [`Session::send_message`] of a row made by the schema.
    pub fn send_message_row(&mut self, row: &LooseRow) -> Result<(), RequestError> {
        self.check_sends()?;
        let room = match &self.stage {
            Stage::InRoom { room, is_leaving: false, .. } => room,
            Stage::Resuming(_) => return Err(RequestError::Away),
            _ => return Err(RequestError::NotInRoom),
        };
        let mut bytes = vec![ClientTag::Message as u8];
        room.codecs().put_message(row, &mut bytes)?;
        check_length(bytes.len())?;
        self.sends.push_back(bytes);
        Ok(())
    }

    /// Says something to others in the room. The rules may keep it from them: then the answer is
    /// [`Event::Refused`].
    pub fn say(&mut self, to: Hearers, text: impl Into<String>) -> Result<(), RequestError> {
        match &self.stage {
            Stage::InRoom { .. } => {}
            Stage::Resuming(_) => return Err(RequestError::Away),
            _ => return Err(RequestError::NotInRoom),
        }
        self.send(&ClientMessage::Say { to, text: text.into() })
    }

    /// Takes a message of the server, tag and all.
    pub fn handle_message(&mut self, now: Duration, message: &[u8]) -> Result<(), SessionError> {
        if self.events.len() >= EVENTS_WAITING_MAX {
            return Err(SessionError::EventsPiledUp);
        }
        let (tag, bytes) = ServerTag::split(message)?;
        if tag == ServerTag::Control {
            return self.handle_control(ServerMessage::from_bytes(bytes)?);
        }
        // What was on its way when the room was left has no meaning any more.
        let Stage::InRoom { room, .. } = &mut self.stage else { return Ok(()) };
        match tag {
            ServerTag::Control => {}
            ServerTag::Own => room.take_own(bytes)?,
            ServerTag::Events => {
                room.count_reliable();
                self.events.push_back(Event::GameEvents(room.take_events(bytes)?));
            }
            ServerTag::Frame => match room.take_frame(bytes)? {
                Taken::Frame(frame) => {
                    self.events.push_back(Event::Frame(frame));
                    self.handle_timeout(now);
                }
                Taken::Lost(error) => {
                    if self.sends.len() >= SENDS_WAITING_MAX {
                        return Err(SessionError::Undecodable(error));
                    }
                    self.sends.push_back(ClientMessage::Resync.to_bytes());
                    self.events.push_back(Event::FrameLost(error));
                }
                Taken::PassedOver => {}
            },
        }
        Ok(())
    }

    fn handle_control(&mut self, message: ServerMessage) -> Result<(), SessionError> {
        if let Stage::InRoom { room, .. } = &mut self.stage
            && message.is_reliable()
        {
            room.count_reliable();
        }
        let event = match message {
            ServerMessage::Welcome { protocol, server } => {
                if protocol != PROTOCOL_VERSION {
                    return Err(SessionError::WrongVersion { theirs: protocol });
                }
                if matches!(self.stage, Stage::Greeting) {
                    self.stage = Stage::Lobby;
                }
                Event::Welcome { server }
            }
            ServerMessage::Joined(joined) => self.enter(joined)?,
            ServerMessage::Refused(refusal) => {
                if matches!(self.stage, Stage::Joining { .. } | Stage::Resuming(_)) {
                    self.stage = Stage::Lobby;
                }
                Event::Refused(refusal)
            }
            ServerMessage::Left { tick } => {
                if !matches!(self.stage, Stage::InRoom { .. }) {
                    return Err(SessionError::Unexpected("the end of a stay"));
                }
                self.stage = Stage::Lobby;
                Event::Left { tick: Tick(tick) }
            }
            ServerMessage::Rooms { rooms, total } => Event::Rooms { rooms, total },
            ServerMessage::PlayerJoined(entry) => {
                if let Stage::InRoom { room, .. } = &mut self.stage {
                    room.player_joined(&entry)?;
                }
                Event::PlayerJoined(entry)
            }
            ServerMessage::PlayerLeft { player } => {
                if let Stage::InRoom { room, .. } = &mut self.stage {
                    room.player_left(PlayerId(player));
                }
                Event::PlayerLeft(PlayerId(player))
            }
            ServerMessage::PlayerAway { player } => {
                self.player_away(PlayerId(player), true);
                Event::PlayerAway(PlayerId(player))
            }
            ServerMessage::PlayerBack { player } => {
                self.player_away(PlayerId(player), false);
                Event::PlayerBack(PlayerId(player))
            }
            ServerMessage::Notification { text } => Event::Notification { text },
            ServerMessage::RetryAfter { ms } => {
                self.retry_after = Some(Duration::from_millis(ms.into()).min(RETRY_AFTER_MAX));
                return Ok(());
            }
            ServerMessage::Outcome { standings, next_match_tick } => {
                Event::Outcome { standings, next_match: Tick(next_match_tick) }
            }
            ServerMessage::MatchBegan { tick } => Event::MatchBegan { tick: Tick(tick) },
            ServerMessage::TimeDropped { tick, ticks } => Event::TimeDropped { tick: Tick(tick), ticks },
            ServerMessage::Pong { nonce } => Event::Pong { nonce },
            ServerMessage::Said { player, to, text } => Event::Said { player: PlayerId(player), to, text },
        };
        self.events.push_back(event);
        Ok(())
    }

    fn enter(&mut self, joined: Joined) -> Result<Event, SessionError> {
        let (known, is_typed) = match &self.stage {
            Stage::Joining { known, is_typed } => (known.as_ref(), *is_typed),
            Stage::Resuming(Resuming { room, is_typed }) => (Some(room.codecs()), *is_typed),
            _ => return Err(SessionError::Unexpected("a seat")),
        };
        let room = Room::new(joined, known, is_typed)?;
        let event = Event::Joined(room.joined().clone());
        self.last_codecs = Some(room.codecs().clone());
        self.stage = Stage::InRoom { room: Box::new(room), is_typed, is_leaving: false };
        self.acked = Tick(0);
        self.acked_at = None;
        Ok(event)
    }

    fn player_away(&mut self, player: PlayerId, is_away: bool) {
        if let Stage::InRoom { room, .. } = &mut self.stage {
            room.player_away(player, is_away);
        }
    }

    /// Notes that the server is being told of the newest frame.
    fn acknowledge(&mut self, now: Duration) -> Tick {
        self.acked_at = Some(now);
        self.acked = self.room().and_then(Room::newest).map_or(Tick(0), |newest| newest.tick());
        self.acked
    }

    fn send(&mut self, message: &ClientMessage) -> Result<(), RequestError> {
        self.check_sends()?;
        let bytes = message.to_bytes();
        check_length(bytes.len())?;
        self.sends.push_back(bytes);
        Ok(())
    }

    fn check_sends(&self) -> Result<(), RequestError> {
        if self.sends.len() >= SENDS_WAITING_MAX { Err(RequestError::SendsPiledUp) } else { Ok(()) }
    }
}

fn check_length(bytes: usize) -> Result<(), RequestError> {
    if bytes > CLIENT_MESSAGE_BYTES_MAX { Err(RequestError::TooLong(bytes)) } else { Ok(()) }
}
