//! Bytes from strangers: whatever they are, reading them ends in a value within the limits or in an
//! error, without a panic, and with no more memory than their length and the limits account for.

use std::mem::size_of;

use allocation_counter::measure;
use fracas_shared::close::Refusal;
use fracas_shared::codec::StateReader;
use fracas_shared::frame::FrameCodec;
use fracas_shared::limits::{
    CLIENT_MESSAGE_BYTES_MAX, ENTITIES_MAX, FRAME_BYTES_MAX, LINGER_TIME_MAX_S, NAME_BYTES_MAX,
    PLAYER_NAME_BYTES_MAX, ROOMS_PER_LISTING_MAX, SCHEMA_BYTES_MAX, SEATS_MAX, SERVER_MESSAGE_BYTES_MAX,
    TEXT_BYTES_MAX, TEXTS_MAX,
};
use fracas_shared::message::{
    ClientMessage, Hearers, Joined, Resumed, RoomInfo, RoomWanted, RosterEntry, ServerMessage, Standing,
};
use fracas_shared::packet::{ClientTag, EventsHead, InputHead, OwnHead, RowCodec, ServerTag};
use fracas_shared::schema::{Kind, SchemaError};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::state::to_bytes;
use fracas_shared::{EntityId, EntityKey, PlayerId, Rng, Row, Schema, State, Tick, World};

use crate::cases::{check_cases, mutate, one_of, random_bytes};
use crate::derive::random_everything;
use crate::samples::{Scene, random_kinds, random_loose_row};
use crate::typed::{Everything, Phase, Press, Thing};

/// What an error and its message may take.
const ERROR_BYTES: u64 = 1024;

/// Runs `read` and asserts that it never held more than `bytes_max` at once.
fn within<T>(bytes_max: usize, read: impl FnOnce() -> T) -> T {
    let mut value = None;
    let used = measure(|| value = Some(read())).bytes_max;
    assert!(used <= bytes_max as u64 + ERROR_BYTES, "{used} bytes were in use, at most {bytes_max} may be");
    value.expect("it was just read")
}

/// Random bytes, or valid ones that were spoilt.
fn spoilt(rng: &mut Rng, valid: Vec<u8>) -> Vec<u8> {
    if rng.chance(0.2) {
        return random_bytes(rng, 64);
    }
    let mut bytes = valid;
    mutate(rng, &mut bytes);
    bytes
}

fn random_text(rng: &mut Rng) -> String {
    String::from_utf8_lossy(&random_bytes(rng, 12)).into_owned()
}

fn random_client_message(rng: &mut Rng) -> ClientMessage {
    match rng.below(8) {
        0 => ClientMessage::Hello { protocol: 3, name: random_text(rng), client: random_text(rng) },
        1 => {
            let room = match rng.below(7) {
                0 => RoomWanted::JoinOrCreate { game: random_text(rng), options: random_text(rng) },
                1 => RoomWanted::Join { game: random_text(rng) },
                2 => RoomWanted::Create { game: random_text(rng), options: random_text(rng) },
                3 => RoomWanted::ById { room: random_text(rng), password: random_text(rng) },
                4 => RoomWanted::Spectate { room: random_text(rng), password: random_text(rng) },
                5 => RoomWanted::Resume {
                    token: random_text(rng),
                    received: rng.chance(0.5).then(|| rng.bits()),
                    attempt: rng.chance(0.5).then(|| rng.bits()),
                },
                _ => RoomWanted::Reserved { ticket: random_text(rng) },
            };
            ClientMessage::Join { room, schema_hash: rng.bits() }
        }
        2 => ClientMessage::Leave,
        3 => {
            let game = rng.chance(0.5).then(|| random_text(rng));
            ClientMessage::List { game, skip: rng.bits() }
        }
        4 => ClientMessage::Ack { tick: rng.bits() },
        5 => ClientMessage::Resync,
        6 => ClientMessage::Ping { nonce: rng.bits() },
        _ => ClientMessage::Say { to: random_hearers(rng), text: random_text(rng) },
    }
}

fn random_hearers(rng: &mut Rng) -> Hearers {
    *one_of(rng, &[Hearers::All, Hearers::Others, Hearers::One { player: 7 }])
}

fn random_roster_entry(rng: &mut Rng) -> RosterEntry {
    RosterEntry {
        player: rng.bits() as u16,
        name: random_text(rng),
        is_bot: rng.chance(0.5),
        is_away: rng.chance(0.5),
    }
}

fn random_server_message(rng: &mut Rng) -> ServerMessage {
    match rng.below(15) {
        0 => ServerMessage::Welcome { protocol: 2, server: random_text(rng) },
        1 => ServerMessage::Joined(Joined {
            room: random_text(rng),
            game: random_text(rng),
            player: rng.chance(0.5).then_some(3),
            seats: 8,
            tick_hz: 30,
            tick: rng.bits(),
            schema_hash: rng.bits(),
            schema: rng.chance(0.5).then(|| random_text(rng)),
            config: random_text(rng),
            roster: (0..rng.below(4)).map(|_| random_roster_entry(rng)).collect(),
            resume_token: random_text(rng),
            linger_s: 20,
            resumed: rng.chance(0.5).then(|| Resumed {
                missed: rng.bits(),
                received: rng.bits(),
                attempt: rng.bits(),
            }),
        }),
        2 => ServerMessage::Refused(Refusal::RoomFull(random_text(rng))),
        3 => ServerMessage::Left { tick: rng.bits() },
        4 => {
            let room = |rng: &mut Rng| RoomInfo {
                room: random_text(rng),
                game: random_text(rng),
                players: 1,
                bots: 2,
                seats: 300,
                tick_hz: 60,
                metadata: random_text(rng),
                spectators: 3,
                has_password: rng.chance(0.5),
                is_locked: rng.chance(0.5),
            };
            ServerMessage::Rooms { rooms: (0..rng.below(4)).map(|_| room(rng)).collect(), total: rng.bits() }
        }
        5 => ServerMessage::PlayerJoined(random_roster_entry(rng)),
        6 => ServerMessage::PlayerLeft { player: rng.bits() as u16 },
        7 => {
            let standing = |rng: &mut Rng| Standing { player: 1, score: rng.bits() as i32 };
            let standings = (0..rng.below(4)).map(|_| standing(rng)).collect();
            ServerMessage::Outcome { standings, next_match_tick: rng.bits() }
        }
        8 => ServerMessage::MatchBegan { tick: rng.bits() },
        9 => ServerMessage::TimeDropped { tick: rng.bits(), ticks: rng.bits() },
        10 => ServerMessage::Pong { nonce: rng.bits() },
        11 => ServerMessage::PlayerAway { player: rng.bits() as u16 },
        12 => ServerMessage::PlayerBack { player: rng.bits() as u16 },
        13 => ServerMessage::RetryAfter { ms: rng.bits() },
        14 => ServerMessage::Notification { text: random_text(rng) },
        _ => ServerMessage::Said { player: 1, to: random_hearers(rng), text: random_text(rng) },
    }
}

/// Strings and lists are held against the limit before memory is taken for them: one for the list,
/// one for what is in it.
const CLIENT_MEMORY: usize = 2 * CLIENT_MESSAGE_BYTES_MAX;
const SERVER_MEMORY: usize = 2 * SERVER_MESSAGE_BYTES_MAX;

#[test]
fn client_messages() {
    check_cases(|rng| {
        let message = random_client_message(rng);
        let valid = message.to_bytes();
        assert_eq!(ClientMessage::from_bytes(&valid[1..]).as_ref(), Ok(&message));
        let bytes = spoilt(rng, valid[1..].to_vec());
        if let Ok(read) = within(CLIENT_MEMORY, || ClientMessage::from_bytes(&bytes)) {
            assert_eq!(ClientMessage::from_bytes(&read.to_bytes()[1..]), Ok(read));
        }
    });
}

#[test]
fn server_messages() {
    check_cases(|rng| {
        let message = random_server_message(rng);
        let valid = message.to_bytes();
        assert_eq!(ServerMessage::from_bytes(&valid[1..]).as_ref(), Ok(&message));
        let bytes = spoilt(rng, valid[1..].to_vec());
        if let Ok(read) = within(SERVER_MEMORY, || ServerMessage::from_bytes(&bytes)) {
            assert_eq!(ServerMessage::from_bytes(&read.to_bytes()[1..]), Ok(read));
        }
    });
}

#[test]
fn a_message_longer_than_its_limit_is_refused() {
    let text = "x".repeat(CLIENT_MESSAGE_BYTES_MAX);
    let message = ClientMessage::Hello { protocol: 3, name: text, client: String::new() };
    let bytes = message.to_bytes();
    assert!(within(0, || ClientMessage::from_bytes(&bytes[1..])).is_err());
    let message = ServerMessage::Welcome { protocol: 2, server: "x".repeat(SERVER_MESSAGE_BYTES_MAX) };
    let bytes = message.to_bytes();
    assert!(within(0, || ServerMessage::from_bytes(&bytes[1..])).is_err());
}

#[test]
fn the_longest_honest_messages_are_read() {
    let text = |bytes: usize| "x".repeat(bytes);
    let entry =
        RosterEntry { player: SEATS_MAX - 1, name: text(PLAYER_NAME_BYTES_MAX), is_bot: true, is_away: true };
    let joined = ServerMessage::Joined(Joined {
        room: text(NAME_BYTES_MAX),
        game: text(NAME_BYTES_MAX),
        player: Some(SEATS_MAX - 1),
        seats: SEATS_MAX,
        tick_hz: u16::MAX,
        tick: u32::MAX,
        schema_hash: u32::MAX,
        schema: Some(text(SCHEMA_BYTES_MAX)),
        config: text(32 * 1024),
        roster: vec![entry; SEATS_MAX as usize],
        resume_token: text(NAME_BYTES_MAX + 33),
        linger_s: LINGER_TIME_MAX_S,
        resumed: Some(Resumed { missed: u32::MAX, received: u32::MAX, attempt: u32::MAX }),
    });
    let room = RoomInfo {
        room: text(NAME_BYTES_MAX),
        game: text(NAME_BYTES_MAX),
        players: u16::MAX,
        bots: u16::MAX,
        seats: u16::MAX,
        tick_hz: u16::MAX,
        metadata: text(1024),
        spectators: u16::MAX,
        has_password: true,
        is_locked: true,
    };
    let rooms = ServerMessage::Rooms { rooms: vec![room; ROOMS_PER_LISTING_MAX], total: u32::MAX };
    let standing = Standing { player: SEATS_MAX - 1, score: i32::MIN };
    let standings = vec![standing; SEATS_MAX as usize];
    let outcome = ServerMessage::Outcome { standings, next_match_tick: u32::MAX };
    for message in [joined, rooms, outcome] {
        assert_eq!(ServerMessage::from_bytes(&message.to_bytes()[1..]), Ok(message));
    }
}

/// A code is at least a bit; a vector that grows holds its old half meanwhile.
const MEMORY_PER_FRAME_BYTE: usize = 8 * CODE_BYTES * 3;

/// What a code takes in a snapshot: itself, and how it moved.
const CODE_BYTES: usize = 4 + 8;
/// What a snapshot may take at the very most: codes, heads, and twice the table of strings (all that
/// came, and those in use).
const SNAPSHOT_MEMORY: usize =
    ENTITIES_MAX * 64 * CODE_BYTES * 3 + ENTITIES_MAX * 16 * 3 + 2 * TEXTS_MAX * (TEXT_BYTES_MAX + 96);

fn codes_of(snapshot: &Snapshot) -> usize {
    snapshot.rows().map(|row| row.codes.len() + 8).sum::<usize>() + snapshot.strings().len() * 32
}

/// The models that a frame may bring: the tick's and its own.
fn models_of(kinds: &[Kind]) -> usize {
    2 * kinds.iter().map(|kind| 64 + kind.fields.len() * 64).sum::<usize>() + 64
}

fn check_frame(kinds: &[Kind], baseline: Option<&Snapshot>, frame: &[u8]) -> Option<Snapshot> {
    let codec = FrameCodec::new(kinds);
    let carried = baseline.map_or(0, codes_of) * CODE_BYTES * 3;
    // A row may begin before the end of the bytes is noticed.
    let bytes = frame.len() + 64 * 4;
    let memory = (carried + bytes * MEMORY_PER_FRAME_BYTE).min(SNAPSHOT_MEMORY) + models_of(kinds);
    let snapshot = within(memory, || codec.decode(baseline, frame)).ok()?;
    assert!(snapshot.len() <= ENTITIES_MAX && snapshot.strings().len() <= TEXTS_MAX);
    assert!(snapshot.rows().is_sorted_by_key(|row| (row.kind, row.id)));
    assert!(snapshot.strings().values().all(|string| string.len() <= TEXT_BYTES_MAX));
    Some(snapshot)
}

#[test]
fn frames() {
    check_cases(|rng| {
        let kinds = random_kinds(rng);
        let codec = FrameCodec::new(&kinds);
        let mut scene = Scene::new(rng, kinds.clone());
        let mut held = scene.snapshot();
        for _ in 0..4 {
            scene.step(rng);
            let snapshot = scene.snapshot();
            let age = snapshot.tick().since(held.tick());
            let baseline = (age > 0).then_some(&held).filter(|_| rng.chance(0.8));
            let mut frame = Vec::new();
            codec.encode(baseline.map(Into::into), &snapshot, false, &mut frame);
            let frame = spoilt(rng, frame);
            let _ = FrameCodec::peek(&frame, held.tick());
            let read = check_frame(&kinds, Some(&held), &frame);
            check_frame(&kinds, None, &frame);
            // What a spoilt frame made is a snapshot like any other: the next may build on it.
            held = read.unwrap_or(snapshot);
            let mut again = Vec::new();
            codec.encode(None, &held, true, &mut again);
            assert_eq!(codec.decode(None, &again).as_ref(), Ok(&held));
            scene.skip_to(held.tick());
        }
    });
}

#[test]
fn frames_of_typed_rows() {
    check_cases(|rng| {
        let kinds = Thing::kinds();
        let codec = FrameCodec::new(&kinds);
        let mut frame = Vec::new();
        codec.encode(None, &Scene::new(rng, kinds.clone()).snapshot(), false, &mut frame);
        let mut views: Vec<(EntityId, Thing)> = Vec::new();
        if let Some(snapshot) = check_frame(&kinds, None, &spoilt(rng, frame)) {
            let _ = snapshot.read_views(&mut views);
        }
    });
}

#[test]
fn a_flood_of_entities_ends_at_the_limit() {
    let kinds = [Kind { name: "K".into(), fields: Vec::new() }];
    // A keyframe into which entities enter; then as many as can be said, and more than may be.
    let mut frame = vec![0b10_0001, 0, 0, 0, 0];
    frame.resize(FRAME_BYTES_MAX, 0xFF);
    assert_eq!(check_frame(&kinds, None, &frame), None);
    frame.push(0xFF);
    assert_eq!(check_frame(&kinds, None, &frame), None);
}

/// A row is at most 64 codes, or as many strings as there are bytes for; each string is held twice
/// for a moment.
fn check_rows(codec: &RowCodec, bytes: &[u8], count: u8) -> Vec<fracas_shared::packet::LooseRow> {
    let memory = bytes.len() * MEMORY_PER_FRAME_BYTE + usize::from(count) * 512;
    within(memory, || codec.decode_many(bytes, count)).unwrap_or_default()
}

#[test]
fn inputs_messages_events_and_own_rows() {
    check_cases(|rng| {
        let kinds = random_kinds(rng);
        let codec = RowCodec::new(&kinds);
        let rows: Vec<_> = (0..rng.below(4)).filter_map(|_| random_loose_row(rng, &kinds)).collect();
        let mut bytes = Vec::new();
        codec.encode_many(&rows, &mut bytes);
        let bytes = spoilt(rng, bytes);
        for row in check_rows(&codec, &bytes, *one_of(rng, &[0, 1, rows.len() as u8, 255])) {
            let _ = (row.value::<Thing>(), row.value_with_keys::<Press>(|_| None));
            // What was read can be written, and is then the same.
            let mut again = Vec::new();
            codec.encode(&row, &mut again);
            assert_eq!(codec.decode(&again), Ok(row));
        }
    });
}

#[test]
fn typed_rows() {
    check_cases(|rng| {
        let kinds = Thing::kinds();
        let codec = RowCodec::new(&kinds);
        let mut bytes = Vec::new();
        codec.encode(&random_loose_row(rng, &kinds).expect("there are kinds"), &mut bytes);
        for row in check_rows(&codec, &spoilt(rng, bytes), 1) {
            if let Ok(thing) = row.value::<Thing>() {
                if let Thing::Avatar { player, .. } = thing {
                    assert!(player < PlayerId(SEATS_MAX));
                }
                assert_eq!(fracas_shared::packet::LooseRow::of(&thing, |_| None).value(), Ok(thing));
            }
        }
    });
}

#[test]
fn whole_messages_by_their_tags() {
    let codec = RowCodec::new(&Thing::kinds());
    let frames = Thing::kinds();
    check_cases(|rng| {
        let mut bytes = random_bytes(rng, 40);
        if let Some(tag) = bytes.first_mut() {
            *tag %= 5;
        }
        if let Ok((tag, rest)) = ClientTag::split(&bytes) {
            match tag {
                ClientTag::Control => drop(within(CLIENT_MEMORY, || ClientMessage::from_bytes(rest))),
                ClientTag::Input => {
                    if let Ok((_, row)) = InputHead::read(rest) {
                        check_rows(&codec, row, 1);
                    }
                }
                ClientTag::Message => drop(check_rows(&codec, rest, 1)),
            }
        }
        if let Ok((tag, rest)) = ServerTag::split(&bytes) {
            match tag {
                ServerTag::Control => drop(within(SERVER_MEMORY, || ServerMessage::from_bytes(rest))),
                ServerTag::Own => {
                    if let Ok((head, row)) = OwnHead::read(rest) {
                        check_rows(&codec, row, u8::from(head.has_row));
                    }
                }
                ServerTag::Frame => drop(check_frame(&frames, None, rest)),
                ServerTag::Events => {
                    if let Ok((head, rows)) = EventsHead::read(rest) {
                        check_rows(&codec, rows, head.count);
                    }
                }
            }
        }
    });
}

/// JSON is read into a tree before it is fields: a value of two characters takes a node of it, and a
/// list of them has grown by doubling.
const MEMORY_PER_SCHEMA_BYTE: usize = 256;

fn check_schema(json: &str) -> Result<Schema, SchemaError> {
    within(json.len() * MEMORY_PER_SCHEMA_BYTE, || Schema::from_json(json))
}

#[test]
fn schemas() {
    check_cases(|rng| {
        let schema = Schema {
            game: "game".into(),
            revision: rng.bits(),
            views: random_kinds(rng),
            own: random_kinds(rng),
            inputs: random_kinds(rng),
            events: Vec::new(),
            messages: Vec::new(),
        };
        let json = schema.to_json();
        if json.len() <= SCHEMA_BYTES_MAX {
            assert_eq!(Schema::from_json(&json).as_ref(), Ok(&schema));
        }
        let json = spoilt(rng, json.into_bytes());
        if let Ok(read) = check_schema(&String::from_utf8_lossy(&json)) {
            let bytes = random_bytes(rng, 64);
            check_frame(&read.views, None, &bytes);
            check_rows(&RowCodec::new(&read.inputs), &bytes, 1);
            assert_eq!(Schema::from_json(&read.to_json()).map(|again| again.hash()), Ok(read.hash()));
        }
    });
}

#[test]
fn schemas_made_to_take_memory() {
    let views = |views: &str| {
        format!(
            r#"{{"game":"g","revision":1,"views":{views},"own":[],"inputs":[],"events":[],"messages":[]}}"#
        )
    };
    let many = |piece: &str| vec![piece; (SCHEMA_BYTES_MAX - 200) / (piece.len() + 1)].join(",");
    for json in [
        views(&format!("[{}]", many(r#"{"name":"","fields":[]}"#))),
        views(&format!(
            r#"[{{"name":"x","fields":[{{"name":"y","kind":"enum","names":[{}]}}]}}]"#,
            many(r#""""#)
        )),
        views(&format!(r#"[{{"name":"x","fields":[{{"name":"y","kind":"bool","z":[{}]}}]}}]"#, many("1"))),
        views(&"[".repeat(SCHEMA_BYTES_MAX - 200)),
        views(&format!(r#"[{{"name":"x","fields":[{{"name":"y","z":{}"#, "[".repeat(60_000))),
    ] {
        assert!(json.len() <= SCHEMA_BYTES_MAX);
        // What a field has beyond its own is passed over; all else here is refused.
        assert_eq!(check_schema(&json).is_ok(), json.contains(r#""bool""#));
    }
    let too_long = " ".repeat(SCHEMA_BYTES_MAX + 1);
    assert!(within(0, || Schema::from_json(&too_long)).is_err());
}

/// A list reserves room for at most as many values as a world has entities, and each list in
/// `Everything` may, one after the other.
const STATE_MEMORY: usize = 8 * ENTITIES_MAX * size_of::<(EntityKey, Phase)>();

#[test]
fn states() {
    check_cases(|rng| {
        let valid = to_bytes(&random_everything(rng));
        let bytes = spoilt(rng, valid);
        let memory = STATE_MEMORY + bytes.len() * 512;
        if let Ok(read) = within(memory, || Everything::load(&mut StateReader::new(&bytes))) {
            let again = to_bytes(&read);
            let read = Everything::load(&mut StateReader::new(&again)).expect("it was just saved");
            assert_eq!(to_bytes(&read), again);
            // A generator that was read must not go round in circles.
            let mut generator = read.rng;
            for bound in 1..10 {
                assert!(generator.below(bound) < bound);
            }
        }
    });
}

#[test]
fn worlds() {
    check_cases(|rng| {
        let mut world = World::new();
        let mut keys = Vec::new();
        for _ in 0..rng.below(12) {
            if rng.chance(0.4) && !keys.is_empty() {
                world.despawn(*one_of(rng, &keys));
            } else {
                keys.push(world.spawn(rng.bits()).expect("it is nearly empty"));
            }
        }
        let bytes = spoilt(rng, to_bytes(&world));
        let memory = STATE_MEMORY + bytes.len() * 512;
        let Ok(mut read) = within(memory, || World::<u32>::load(&mut StateReader::new(&bytes))) else {
            return;
        };
        assert!(read.len() <= ENTITIES_MAX);
        for turn in 0..8 {
            if rng.chance(0.5) {
                let first = read.iter().next().map(|(key, _)| key);
                let _ = first.map(|key| read.despawn(key));
            } else {
                let _ = read.spawn(turn);
            }
        }
        assert_eq!(read.iter().count(), read.len());
    });
}

#[test]
fn a_forged_length_takes_no_memory() {
    for length in [1 << 20, 1 << 40, u64::MAX] {
        let bytes = to_bytes(&length);
        within(0, || assert!(String::load(&mut StateReader::new(&bytes)).is_err()));
        within(ENTITIES_MAX * 8, || assert!(Vec::<u64>::load(&mut StateReader::new(&bytes)).is_err()));
    }
    let generator = to_bytes(&(0_u64, 0_u64));
    assert!(Rng::load(&mut StateReader::new(&generator)).is_err());
    assert_eq!(Tick::load(&mut StateReader::new(&[])).map_err(|_| ()), Err(()));
}
