//! What events mean, and what messages are as events: docs/SOCKETIO.md, without I/O.
//!
//! Everything a client says becomes a message of the protocol, and everything it is told was one:
//! what may be done when, and every limit on it, is the [`Connection`](super::super::connection::Connection)'s.

use std::collections::VecDeque;

use bytes::Bytes;
use fracas_shared::frame::FrameCodec;
use fracas_shared::json::{JsonRowError, from_json, to_json};
use fracas_shared::limits::SOCKETIO_ANSWERS_MAX;
use fracas_shared::message::{ClientMessage, Hearers, Joined, ServerMessage};
use fracas_shared::packet::{ClientTag, EventsHead, InputHead, OwnHead, RowCodecs, ServerTag};
use fracas_shared::schema::Schema;
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{CloseCode, Refusal, Tick, ViewTime};
use serde_json::{Value, json};

use super::args::{Arg, Args};
use super::json::{entry_to_json, joined_to_json, refused, room_to_json, row_to_json};
use super::wanted::{no_more, object, optional_text, room_wanted, whole};

/// Packets that are one event.
const PACKETS_PER_EVENT_MAX: usize = 16;

/// In what form a client has the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Its messages, as they are on a WebSocket, by events `packet`.
    Packets,
    /// Events; the state as it is on a WebSocket.
    Binary,
    /// Events; the state as JSON.
    Json,
}

/// What goes to the client. `A` is by what a request is answered.
#[derive(Debug, PartialEq)]
pub(super) enum Told<A> {
    Event(&'static str, Args),
    Answer(A, Value),
}

/// Why what a client says means nothing.
#[derive(Debug, PartialEq)]
pub(super) struct Complaint {
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// The requests that are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Join,
    Leave,
    List,
    Ping,
}

/// One client's conversation.
pub(super) struct Conversation<A> {
    form: Form,
    asked: VecDeque<(Request, A)>,
    retry_after_ms: Option<u32>,
    room: Option<Room>,
    /// The newest tick whose frame has left.
    left: Tick,
}

/// What is needed to read and write a room's rows.
struct Room {
    schema: Schema,
    frames: FrameCodec,
    rows: RowCodecs,
    /// What the client has, when it has the state as JSON.
    snapshot: Option<Snapshot>,
    /// What goes with the frame that follows, to a player.
    own: Value,
}

impl Room {
    fn of(joined: &Joined) -> Option<Self> {
        let schema = Schema::from_json(joined.schema.as_deref()?).ok()?;
        Some(Self {
            frames: FrameCodec::new(&schema.views),
            rows: RowCodecs::of(&schema),
            schema,
            snapshot: None,
            own: Value::Null,
        })
    }
}

impl Complaint {
    /// What is none of the protocol.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self { code: "bad_message", message: message.into() }
    }

    /// What the client is told, by the answer to what it said if it wants one.
    pub(super) fn told<A>(self, ack: Option<A>) -> Told<A> {
        let told = json!({"code": self.code, "message": self.message});
        match ack {
            Some(ack) => Told::Answer(ack, refused(told)),
            None => Told::Event("error", told.into()),
        }
    }
}

fn bad_row(event: &str, error: &JsonRowError) -> Complaint {
    Complaint::bad(format!("{event}: {error}"))
}

impl<A> Conversation<A> {
    pub(super) fn new(form: Form) -> Self {
        Self { form, asked: VecDeque::new(), retry_after_ms: None, room: None, left: Tick(0) }
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// The message that an event means. `ack` answers it, when the client wants an answer.
    pub(super) fn hear(&mut self, event: &str, args: Args, ack: Option<A>) -> Result<Bytes, Complaint> {
        if self.form == Form::Packets {
            return match args.into_first() {
                Some(Arg::Binary(packet)) if event == "packet" => Ok(packet),
                _ => Err(Complaint::bad("who speaks in packets says `packet` with bytes, and nothing else")),
            };
        }
        let message = match event {
            "input" => return self.hear_input(args),
            "message" => return self.hear_message(args),
            "join" | "create" | "joinById" => {
                let room = room_wanted(event, &mut object(event, args)?)?;
                self.expect(Request::Join, ack);
                ClientMessage::Join { room, schema_hash: 0 }
            }
            "leave" => {
                self.expect(Request::Leave, ack);
                ClientMessage::Leave
            }
            "list" => {
                let mut wanted = object(event, args)?;
                let game = optional_text(event, &mut wanted, "game")?;
                let skip = match wanted.remove("skip") {
                    None => 0,
                    Some(skip) => {
                        whole(&skip).ok_or_else(|| Complaint::bad("list: `skip` must be a whole number"))?
                    }
                };
                no_more(event, &wanted)?;
                self.expect(Request::List, ack);
                ClientMessage::List { game, skip }
            }
            "ping" => {
                let nonce = match args.into_first() {
                    None => 0,
                    Some(Arg::Json(nonce)) => whole(&nonce)
                        .ok_or_else(|| Complaint::bad("ping: a number must be whole, of at most 32 bits"))?,
                    Some(Arg::Binary(_)) => {
                        return Err(Complaint::bad("ping: it takes a whole number, or nothing"));
                    }
                };
                self.expect(Request::Ping, ack);
                ClientMessage::Ping { nonce }
            }
            "ack" => match args.into_first() {
                Some(Arg::Json(tick)) => {
                    let tick =
                        whole(&tick).ok_or_else(|| Complaint::bad("ack: it takes the tick of a frame"))?;
                    ClientMessage::Ack { tick }
                }
                _ => return Err(Complaint::bad("ack: it takes the tick of a frame")),
            },
            "resync" => ClientMessage::Resync,
            unknown => {
                let unknown: String = unknown.chars().take(32).collect();
                let message = format!(
                    "there is no event `{unknown}`; there are: join, create, joinById, leave, list, input, \
                     message, ping, ack, resync"
                );
                return Err(Complaint { code: "unknown_event", message });
            }
        };
        Ok(message.to_bytes().into())
    }

    fn expect(&mut self, request: Request, ack: Option<A>) {
        if let Some(ack) = ack.filter(|_| self.asked.len() < SOCKETIO_ANSWERS_MAX) {
            self.asked.push_back((request, ack));
        }
    }

    fn hear_input(&self, args: Args) -> Result<Bytes, Complaint> {
        let mut packet = vec![ClientTag::Input as u8];
        match args.into_first() {
            Some(Arg::Binary(bytes)) => packet.extend_from_slice(&bytes),
            Some(Arg::Json(Value::Object(mut input))) => {
                // One that comes late, when the room has let go of the player, is none of anyone's.
                let Some(room) = &self.room else { return Err(Complaint::bad("input: you are in no room")) };
                let tick = match input.remove("tick") {
                    // For the next step.
                    None => self.left.0 + 1,
                    Some(tick) => whole(&tick)
                        .ok_or_else(|| Complaint::bad("input: `tick` must be a whole number of 32 bits"))?,
                };
                let row = from_json(&room.schema.inputs, &input).map_err(|error| bad_row("input", &error))?;
                // What such a client shows is the newest state.
                let view_lag = ViewTime::at(self.left).parts_before(Tick(tick));
                InputHead { tick: Tick(tick), ack: self.left, view_lag }.write(&mut packet);
                room.rows.inputs.encode(&row, &mut packet);
            }
            _ => return Err(Complaint::bad("input: it takes an object, or bytes")),
        }
        Ok(packet.into())
    }

    /// Chat has a `text`; what has none is a message of the game.
    fn hear_message(&self, args: Args) -> Result<Bytes, Complaint> {
        let mut said = match args.into_first() {
            Some(Arg::Json(Value::Object(said))) => said,
            Some(Arg::Binary(bytes)) => {
                return Ok([&[ClientTag::Message as u8], &bytes[..]].concat().into());
            }
            _ => return Err(Complaint::bad("message: it takes an object, or bytes")),
        };
        if !said.contains_key("kind") && said.contains_key("text") {
            let text = optional_text("message", &mut said, "text")?.unwrap_or_default();
            let to = match said.remove("to") {
                None => Hearers::All,
                Some(to) if to == "all" => Hearers::All,
                Some(to) if to == "others" => Hearers::Others,
                Some(to) => {
                    let player = whole(&to).and_then(|player| u16::try_from(player).ok());
                    let to = "message: `to` must be \"all\", \"others\" or a player's seat";
                    Hearers::One { player: player.ok_or_else(|| Complaint::bad(to))? }
                }
            };
            no_more("message", &said)?;
            return Ok(ClientMessage::Say { to, text }.to_bytes().into());
        }
        let Some(room) = &self.room else { return Err(Complaint::bad("message: you are in no room")) };
        if room.schema.messages.is_empty() {
            return Err(Complaint::bad("message: this game takes chat alone: `text`, and `to`"));
        }
        let row = from_json(&room.schema.messages, &said).map_err(|error| bad_row("message", &error))?;
        let mut packet = vec![ClientTag::Message as u8];
        room.rows.messages.encode(&row, &mut packet);
        Ok(packet.into())
    }

    /// A message of the server, as the client is told it. The answer is the tick of a frame.
    ///
    /// # Errors
    /// The message is none: the client is to be given a keyframe.
    pub(super) fn tell(&mut self, message: &Bytes, out: &mut VecDeque<Told<A>>) -> Result<Option<Tick>, ()> {
        let Ok((tag, _)) = ServerTag::split(message) else { return Err(()) };
        let rest = message.slice(1..);
        let tick = match tag {
            ServerTag::Frame => Some(FrameCodec::peek(&rest, self.left).map_err(drop)?),
            _ => None,
        };
        if self.form == Form::Packets {
            // What leaves together is one event: each has a packet of its own before its bytes.
            match out.back_mut() {
                Some(Told::Event("packet", packets)) if packets.len() < PACKETS_PER_EVENT_MAX => {
                    packets.push(Arg::Binary(message.clone()));
                }
                _ => out.push_back(Told::Event("packet", vec![Arg::Binary(message.clone())].into())),
            }
            return Ok(tick.map(|head| head.tick));
        }
        match tag {
            ServerTag::Control => {
                let message = ServerMessage::from_bytes(&rest).map_err(drop)?;
                self.tell_control(message, out);
            }
            ServerTag::Own => {
                if let Some(room) = &mut self.room {
                    let (head, row) = OwnHead::read(&rest).map_err(drop)?;
                    let row = if head.has_row { room.rows.own.decode(row).ok() } else { None };
                    let own = row.map(|row| row_to_json(&room.schema.own, &row));
                    room.own = json!({
                        "inputTick": head.input_tick.0,
                        "inputMargin": head.input_margin,
                        "own": own,
                    });
                }
            }
            ServerTag::Frame if self.form == Form::Json => out.push_back(self.state(&rest).ok_or(())?),
            ServerTag::Frame => {
                let is_keyframe = tick.is_some_and(|head| head.baseline.is_none());
                let event = if is_keyframe { "snapshot" } else { "delta" };
                let own = self.room.as_ref().map(|room| room.own.clone()).unwrap_or_default();
                out.push_back(Told::Event(event, vec![Arg::Binary(rest), Arg::Json(own)].into()));
            }
            ServerTag::Events => self.tell_events(&rest, out)?,
        }
        Ok(tick.map(|head| head.tick))
    }

    /// The frame of this tick has left.
    pub(super) fn note_left(&mut self, tick: Tick) {
        self.left = tick;
    }

    /// Forgets the state, of which a keyframe is to come.
    pub(super) fn forget_state(&mut self) {
        if let Some(room) = &mut self.room {
            room.snapshot = None;
        }
    }

    fn state(&mut self, frame: &Bytes) -> Option<Told<A>> {
        let room = self.room.as_mut()?;
        let snapshot = room.frames.decode(room.snapshot.as_ref(), frame).ok()?;
        let entities: Vec<Value> = snapshot
            .rows()
            .map(|row| {
                let mut entity = to_json(&room.schema.views[row.kind as usize], row.codes, &snapshot);
                entity.insert("id".to_owned(), row.id.get().into());
                entity.into()
            })
            .collect();
        let mut state = room.own.clone();
        if state.is_null() {
            state = json!({"inputTick": null, "inputMargin": null, "own": null});
        }
        state["tick"] = snapshot.tick().0.into();
        state["entities"] = entities.into();
        room.snapshot = Some(snapshot);
        Some(Told::Event("state", state.into()))
    }

    fn tell_events(&self, packet: &[u8], out: &mut VecDeque<Told<A>>) -> Result<(), ()> {
        // Of a room that the client has just left.
        let Some(room) = &self.room else { return Ok(()) };
        let (EventsHead { tick, count }, rows) = EventsHead::read(packet).map_err(drop)?;
        for row in room.rows.events.decode_many(rows, count).map_err(drop)? {
            let mut event = row_to_json(&room.schema.events, &row);
            event.insert("tick".to_owned(), tick.0.into());
            out.push_back(Told::Event("event", Value::from(event).into()));
        }
        Ok(())
    }

    fn tell_control(&mut self, message: ServerMessage, out: &mut VecDeque<Told<A>>) {
        let event = |name, value: Value| Told::Event(name, value.into());
        let told = match message {
            ServerMessage::Welcome { .. } => return,
            ServerMessage::Joined(joined) => {
                self.room = Room::of(&joined);
                self.left = Tick(joined.tick);
                if let Some(ack) = self.asker(Request::Join) {
                    let seat = json!({"ok": true, "room": &joined.room, "player": joined.player});
                    out.push_back(Told::Answer(ack, seat));
                }
                event("joined", joined_to_json(&joined))
            }
            ServerMessage::Refused(refusal) => {
                let told = self.refusal(&refusal);
                let is_answer = !matches!(
                    refusal,
                    Refusal::Spectating | Refusal::BadChat | Refusal::ChatVetoed | Refusal::BadName
                );
                match is_answer.then(|| self.asker(Request::Join)).flatten() {
                    Some(ack) => Told::Answer(ack, refused(told)),
                    None => event("error", told),
                }
            }
            ServerMessage::Left { tick } => {
                self.room = None;
                if let Some(ack) = self.asker(Request::Leave) {
                    out.push_back(Told::Answer(ack, json!({"ok": true, "tick": tick})));
                }
                event("left", json!({"tick": tick}))
            }
            ServerMessage::Rooms { rooms, total } => {
                let rooms: Vec<_> = rooms.iter().map(room_to_json).collect();
                match self.asker(Request::List) {
                    Some(ack) => Told::Answer(ack, json!({"ok": true, "rooms": rooms, "total": total})),
                    None => event("rooms", json!({"rooms": rooms, "total": total})),
                }
            }
            ServerMessage::Pong { nonce } => match self.asker(Request::Ping) {
                Some(ack) => Told::Answer(ack, json!({"ok": true, "nonce": nonce})),
                None => event("pong", json!({"nonce": nonce})),
            },
            ServerMessage::PlayerJoined(entry) => event("join", entry_to_json(&entry)),
            ServerMessage::PlayerLeft { player } => event("leave", json!({"player": player})),
            ServerMessage::PlayerAway { player } => event("away", json!({"player": player})),
            ServerMessage::PlayerBack { player } => event("back", json!({"player": player})),
            ServerMessage::Outcome { standings, next_match_tick } => {
                let line = |line: &fracas_shared::message::Standing| json!({"player": line.player, "score": line.score});
                let standings: Vec<_> = standings.iter().map(line).collect();
                event("outcome", json!({"standings": standings, "nextMatchTick": next_match_tick}))
            }
            ServerMessage::MatchBegan { tick } => event("match", json!({"tick": tick})),
            ServerMessage::TimeDropped { tick, ticks } => {
                event("timeDropped", json!({"tick": tick, "ticks": ticks}))
            }
            ServerMessage::Said { player, to, text } => {
                let to = match to {
                    Hearers::All => json!("all"),
                    Hearers::Others => json!("others"),
                    Hearers::One { player } => player.into(),
                };
                event("message", json!({"player": player, "to": to, "text": text}))
            }
            ServerMessage::Notification { text } => event("notification", json!({"text": text})),
            ServerMessage::RetryAfter { ms } => {
                self.retry_after_ms = Some(ms);
                return;
            }
        };
        out.push_back(told);
    }

    /// Who asked this first.
    fn asker(&mut self, request: Request) -> Option<A> {
        let place = self.asked.iter().position(|(asked, _)| *asked == request)?;
        self.asked.remove(place).map(|(_, ack)| ack)
    }

    pub(super) fn refusal(&mut self, refusal: &Refusal) -> Value {
        let mut told = json!({"code": refusal.label(), "message": refusal.to_string()});
        if let Some(ms) = self.retry_after_ms.take() {
            told["retryAfterMs"] = ms.into();
        }
        told
    }

    /// The last word.
    pub(super) fn close(&mut self, code: CloseCode) -> Told<A> {
        let mut told = json!({
            "code": code.number(),
            "name": code.label(),
            "message": code.reason(),
            "comesBack": code.comes_back(),
        });
        if let Some(ms) = self.retry_after_ms.take() {
            told["retryAfterMs"] = ms.into();
        }
        Told::Event("close", told.into())
    }
}

#[cfg(test)]
mod tests;
