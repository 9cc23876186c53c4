//! The server's side of the protocol, message by message.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fracas_client::{Codecs, Event, RoomWanted, Session};
use fracas_shared::frame::FrameCodec;
use fracas_shared::message::{ClientMessage, Joined, PROTOCOL_VERSION, RosterEntry, ServerMessage};
use fracas_shared::packet::{ClientTag, EventsHead, InputHead, LooseRow, OwnHead, RowCodec, ServerTag};
use fracas_shared::row::{Refs, Row, RowWriter};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, EntityKey, Schema, Tick};

use crate::game::{Car, Input, Own, Race};

pub(crate) const TICK_HZ: u16 = 30;

pub(crate) struct Script {
    pub(crate) schema: Schema,
    frames: FrameCodec,
    /// What was said, as who decodes it has it, by tick.
    held: Mutex<BTreeMap<u32, Snapshot>>,
    own: RowCodec,
    events: RowCodec,
    inputs: RowCodec,
}

/// Texts get places in the order in which they are met.
struct Texts<'a>(&'a mut BTreeMap<u32, Arc<[u8]>>);

impl Refs for Texts<'_> {
    fn id_of(&mut self, _: EntityKey) -> Option<EntityId> {
        None
    }

    fn place_of(&mut self, string: &[u8]) -> u32 {
        if string.is_empty() {
            return 0;
        }
        let place = self.0.len() as u32 + 1;
        self.0.insert(place, string.into());
        place
    }
}

impl Script {
    pub(crate) fn new() -> Self {
        let schema = Schema::of::<Race>();
        Self {
            frames: FrameCodec::new(&schema.views),
            held: Mutex::default(),
            own: RowCodec::new(&schema.own),
            events: RowCodec::new(&schema.events),
            inputs: RowCodec::new(&schema.inputs),
            schema,
        }
    }

    pub(crate) fn welcome() -> Vec<u8> {
        ServerMessage::Welcome { protocol: PROTOCOL_VERSION, server: "script".into() }.to_bytes()
    }

    /// Player 1 of 4 has a seat since this tick.
    pub(crate) fn joined(&self, tick: u32) -> Joined {
        let entry =
            |player: u16, name: &str| RosterEntry { player, name: name.into(), ..RosterEntry::default() };
        Joined {
            room: "r1".into(),
            game: "race".into(),
            player: Some(1),
            seats: 4,
            tick_hz: TICK_HZ,
            tick,
            schema_hash: self.schema.hash(),
            schema: None,
            config: r#"{"laps":3}"#.into(),
            roster: vec![entry(0, "bob"), entry(1, "ann")],
            resume_token: "r1-token".into(),
            linger_s: 20,
            resumed: None,
        }
    }

    pub(crate) fn snapshot(tick: u32, cars: &[(u16, f32, &str)]) -> Snapshot {
        let mut texts = BTreeMap::new();
        let mut snapshot = Snapshot::new(Tick(tick));
        for (id, x, name) in cars {
            let car = Car { player: None, x: *x, name: (*name).into() };
            snapshot.push(EntityId::new(*id).unwrap(), car.kind(), |codes| {
                car.write(&mut RowWriter::new(codes, &mut Texts(&mut texts)));
            });
        }
        snapshot.seal(texts);
        snapshot
    }

    pub(crate) fn frame(&self, baseline: Option<&Snapshot>, snapshot: &Snapshot) -> Vec<u8> {
        let mut bytes = vec![ServerTag::Frame as u8];
        let mut held = self.held.lock().unwrap();
        let as_held = |baseline: &Snapshot| held.get(&baseline.tick().0).filter(|held| **held == *baseline);
        let baseline: Option<&Snapshot> = baseline.map(|baseline| as_held(baseline).unwrap_or(baseline));
        self.frames.encode(baseline.map(Into::into), snapshot, true, &mut bytes);
        let decoded = self.frames.decode(baseline, &bytes[1..]).unwrap();
        held.insert(snapshot.tick().0, decoded);
        bytes
    }

    pub(crate) fn own(&self, input_tick: u32, input_margin: i8, own: Option<&Own>) -> Vec<u8> {
        let mut bytes = vec![ServerTag::Own as u8];
        let (input_tick, input_margin) = (Tick(input_tick), Some(input_margin));
        OwnHead { input_tick, input_margin, has_row: own.is_some() }.write(&mut bytes);
        if let Some(own) = own {
            self.own.encode(&LooseRow::of(own, |_| None), &mut bytes);
        }
        bytes
    }

    pub(crate) fn events(&self, tick: u32, events: &[crate::game::Event]) -> Vec<u8> {
        let mut bytes = vec![ServerTag::Events as u8];
        EventsHead { tick: Tick(tick), count: events.len() as u8 }.write(&mut bytes);
        let rows: Vec<_> = events.iter().map(|event| LooseRow::of(event, |_| None)).collect();
        self.events.encode_many(&rows, &mut bytes);
        bytes
    }

    pub(crate) fn read_input(&self, bytes: &[u8]) -> (InputHead, Input) {
        let (tag, bytes) = ClientTag::split(bytes).unwrap();
        assert_eq!(tag, ClientTag::Input);
        let (head, row) = InputHead::read(bytes).unwrap();
        (head, self.inputs.decode(row).unwrap().value().unwrap())
    }
}

pub(crate) fn read_control(bytes: &[u8]) -> ClientMessage {
    let (tag, bytes) = ClientTag::split(bytes).unwrap();
    assert_eq!(tag, ClientTag::Control);
    ClientMessage::from_bytes(bytes).unwrap()
}

pub(crate) fn any_race() -> RoomWanted {
    RoomWanted::JoinOrCreate { game: "race".into(), options: String::new() }
}

/// What a session has to send, as control messages.
pub(crate) fn controls(session: &mut Session) -> Vec<ClientMessage> {
    std::iter::from_fn(|| session.poll_send()).map(|bytes| read_control(&bytes)).collect()
}

/// The events of these messages, all of which the session must take.
pub(crate) fn tell(session: &mut Session, now: Duration, messages: &[Vec<u8>]) -> Vec<Event> {
    let mut events = Vec::new();
    for message in messages {
        session.handle_message(now, message).unwrap();
        events.extend(std::iter::from_fn(|| session.poll_event()));
    }
    events
}

/// A session with a seat since tick 100.
pub(crate) fn seated(script: &Script) -> Session {
    let mut session = Session::new("ann", "test");
    session.join_typed(any_race(), Codecs::of::<Race>()).unwrap();
    let joined = ServerMessage::Joined(script.joined(100)).to_bytes();
    tell(&mut session, Duration::ZERO, &[Script::welcome(), joined]);
    controls(&mut session);
    session
}
