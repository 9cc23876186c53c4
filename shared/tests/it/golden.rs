//! docs/PROTOCOL.md and the code hold each other: every example on the page is what the code writes,
//! and every message that the code writes has its example.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::{fs, path::Path};

use fracas_shared::close::{CloseCode, Refusal};
use fracas_shared::codec;
use fracas_shared::frame::FrameCodec;
use fracas_shared::message::{
    ClientMessage, Hearers, Joined, PROTOCOL_VERSION, Resumed, RoomInfo, RoomWanted, RosterEntry,
    SUBPROTOCOL, ServerMessage, Standing,
};
use fracas_shared::packet::{ClientTag, EventsHead, InputHead, LooseRow, OwnHead, RowCodec, ServerTag};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Schema, Tick};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PROTOCOL.md");
    fs::read_to_string(path).expect("docs/PROTOCOL.md is there")
}

/// The fenced blocks of the page whose first line begins with this word, by the rest of that line.
fn blocks(page: &str, word: &str) -> BTreeMap<String, String> {
    let blocks = page.split("\n```").skip(1).step_by(2);
    let named = blocks.filter_map(|block| {
        let (first, text) = block.split_once('\n')?;
        let name = first.strip_prefix(word)?.trim();
        Some((name.to_owned(), text.to_owned()))
    });
    let mut unique = BTreeMap::new();
    for (name, text) in named {
        assert!(unique.insert(name.clone(), text).is_none(), "two blocks '{word} {name}'");
    }
    unique
}

/// The schema that the page's examples are of.
fn schema(page: &str) -> Schema {
    let json = &blocks(page, "json")["schema"];
    let joined: String = json.lines().map(str::trim).collect();
    let schema = Schema::from_json(&joined).expect("the page's schema is one");
    assert_eq!(schema.to_json(), joined, "the page's schema is not as the code writes it");
    schema
}

/// Bytes in hexadecimal, two digits each; what follows a `#` is a comment.
pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    let words = text.lines().flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
    words.map(|word| u8::from_str_radix(word, 16).expect("two hexadecimal digits")).collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x} ").expect("writing to memory does not fail");
        text
    })
}

fn client_messages() -> Vec<(&'static str, ClientMessage)> {
    let join = |room| ClientMessage::Join { room, schema_hash: 0 };
    let game = || "tag".to_owned();
    vec![
        (
            "client Hello",
            ClientMessage::Hello { protocol: PROTOCOL_VERSION, name: "Ann".into(), client: "web 1".into() },
        ),
        (
            "client Join JoinOrCreate",
            join(RoomWanted::JoinOrCreate { game: game(), options: r#"{"seats":4}"#.into() }),
        ),
        (
            "client Join Join",
            ClientMessage::Join { room: RoomWanted::Join { game: game() }, schema_hash: 0xDEAD_BEEF },
        ),
        ("client Join Create", join(RoomWanted::Create { game: game(), options: String::new() })),
        ("client Join ById", join(RoomWanted::ById { room: "k3v9".into(), password: "sesam".into() })),
        ("client Join Reserved", join(RoomWanted::Reserved { ticket: "t1ck".into() })),
        ("client Join Spectate", join(RoomWanted::Spectate { room: "k3v9".into(), password: String::new() })),
        (
            "client Join Resume",
            join(RoomWanted::Resume { token: "k3v9-5ec2e7".into(), received: Some(12), attempt: Some(3) }),
        ),
        (
            "client Join Resume without a count",
            join(RoomWanted::Resume { token: "k3v9-5ec2e7".into(), received: None, attempt: None }),
        ),
        ("client Leave", ClientMessage::Leave),
        ("client List", ClientMessage::List { game: Some(game()), skip: 100 }),
        ("client List of all games", ClientMessage::List { game: None, skip: 0 }),
        ("client Ack", ClientMessage::Ack { tick: 300 }),
        ("client Resync", ClientMessage::Resync),
        ("client Ping", ClientMessage::Ping { nonce: 250 }),
        ("client Say to all", ClientMessage::Say { to: Hearers::All, text: "hi".into() }),
        ("client Say to one", ClientMessage::Say { to: Hearers::One { player: 1 }, text: "hi".into() }),
    ]
}

fn server_messages() -> Vec<(&'static str, ServerMessage)> {
    let ann = RosterEntry { player: 0, name: "Ann".into(), ..RosterEntry::default() };
    let bot = RosterEntry { player: 1, name: "Ada".into(), is_bot: true, is_away: false };
    let joined = Joined {
        room: "k3v9".into(),
        game: "tag".into(),
        player: Some(0),
        seats: 300,
        tick_hz: 30,
        tick: 100,
        schema_hash: 0xDEAD_BEEF,
        schema: None,
        config: "{}".into(),
        roster: vec![ann.clone(), bot.clone()],
        resume_token: "k3v9-5ec2e7".into(),
        linger_s: 20,
        resumed: None,
    };
    let away = RosterEntry { is_away: true, ..bot.clone() };
    let resumed = Joined {
        roster: vec![ann, away],
        resumed: Some(Resumed { missed: 2, received: 12, attempt: 3 }),
        ..joined.clone()
    };
    let watching = Joined { player: None, roster: Vec::new(), resume_token: String::new(), ..joined.clone() };
    let room = RoomInfo {
        room: "k3v9".into(),
        game: "tag".into(),
        players: 1,
        bots: 1,
        seats: 300,
        tick_hz: 30,
        metadata: "{}".into(),
        spectators: 2,
        has_password: true,
        is_locked: false,
    };
    let standings = vec![Standing { player: 0, score: 7 }, Standing { player: 1, score: -300 }];
    vec![
        ("server Welcome", ServerMessage::Welcome { protocol: PROTOCOL_VERSION, server: "fracas".into() }),
        ("server Joined", ServerMessage::Joined(joined)),
        ("server Joined again", ServerMessage::Joined(resumed)),
        ("server Joined to watch", ServerMessage::Joined(watching)),
        ("server Refused", ServerMessage::Refused(Refusal::RoomFull("k3v9".into()))),
        ("server Refused BadRoomCode", ServerMessage::Refused(Refusal::BadRoomCode("k3v9".into()))),
        ("server Left", ServerMessage::Left { tick: 70_000 }),
        ("server Rooms", ServerMessage::Rooms { rooms: vec![room], total: 251 }),
        ("server PlayerJoined", ServerMessage::PlayerJoined(bot)),
        ("server PlayerLeft", ServerMessage::PlayerLeft { player: 1 }),
        ("server Outcome", ServerMessage::Outcome { standings, next_match_tick: 480 }),
        ("server MatchBegan", ServerMessage::MatchBegan { tick: 480 }),
        ("server TimeDropped", ServerMessage::TimeDropped { tick: 500, ticks: 12 }),
        ("server Pong", ServerMessage::Pong { nonce: 250 }),
        ("server Said", ServerMessage::Said { player: 0, to: Hearers::Others, text: "hi".into() }),
        ("server PlayerAway", ServerMessage::PlayerAway { player: 1 }),
        ("server PlayerBack", ServerMessage::PlayerBack { player: 1 }),
        ("server RetryAfter", ServerMessage::RetryAfter { ms: 2000 }),
        ("server Notification", ServerMessage::Notification { text: "hi".into() }),
    ]
}

fn refusals() -> Vec<Refusal> {
    let text = String::new;
    vec![
        Refusal::NoSuchGame(text()),
        Refusal::NoSuchRoom(text()),
        Refusal::RoomFull(text()),
        Refusal::BadOption(text()),
        Refusal::BadName,
        Refusal::AlreadyInRoom,
        Refusal::TooManyRooms,
        Refusal::Stopping,
        Refusal::RoomLocked("k3v9".into()),
        Refusal::BadTicket,
        Refusal::BadChat,
        Refusal::ChatVetoed,
        Refusal::Busy,
        Refusal::SeatLost,
        Refusal::WrongPassword(text()),
        Refusal::BannedFrom(text()),
        Refusal::SpectatorsFull(text()),
        Refusal::Spectating,
        Refusal::TooManyFromAddress(text()),
        Refusal::BadRoomCode(text()),
        Refusal::Elsewhere,
    ]
}

fn row(codes: &[u32], strings: &[&str]) -> LooseRow {
    let strings = strings.iter().map(|string| string.as_bytes().to_vec()).collect();
    LooseRow { kind: 0, codes: codes.to_vec(), strings }
}

/// What is neither a control message nor a frame.
fn packets(schema: &Schema) -> Vec<(&'static str, Vec<u8>)> {
    let mut input = vec![ClientTag::Input as u8];
    InputHead { tick: Tick(103), ack: Tick(100), view_lag: 4608 }.write(&mut input);
    // x is 100, and fire.
    RowCodec::new(&schema.inputs).encode(&row(&[228, 1], &[]), &mut input);

    let mut message = vec![ClientTag::Message as u8];
    RowCodec::new(&schema.messages).encode(&row(&[1], &["hi"]), &mut message);

    let mut own = vec![ServerTag::Own as u8];
    OwnHead { input_tick: Tick(99), input_margin: Some(-2), has_row: true }.write(&mut own);
    RowCodec::new(&schema.own).encode(&row(&[30], &[]), &mut own);

    let mut no_own = vec![ServerTag::Own as u8];
    OwnHead { input_tick: Tick(0), input_margin: None, has_row: false }.write(&mut no_own);

    let mut events = vec![ServerTag::Events as u8];
    EventsHead { tick: Tick(101), count: 2 }.write(&mut events);
    let said = LooseRow { kind: 1, ..row(&[1, 1], &["hi"]) };
    RowCodec::new(&schema.events).encode_many([&row(&[1, 2], &[]), &said], &mut events);

    vec![
        ("client input", input),
        ("client game message", message),
        ("server own", own),
        ("server own without a row", no_own),
        ("server events", events),
    ]
}

/// The snapshots of ticks 100, 101 and 102.
fn snapshots() -> [Snapshot; 3] {
    let id = |number| EntityId::new(number).expect("it is not 0");
    let snapshot = |tick, x, aim| {
        let mut snapshot = Snapshot::new(Tick(tick));
        snapshot.push(id(1), 0, |codes| codes.extend([1, x, aim, 1]));
        snapshot
    };
    let strings = || BTreeMap::from([(1, Arc::from(&b"Ann"[..]))]);
    let mut first = snapshot(100, 20, 16);
    first.push(id(5), 1, |codes| codes.push(1));
    first.seal(strings());
    let mut second = snapshot(101, 21, 48);
    second.push(id(6), 1, |codes| codes.push(0));
    second.seal(strings());
    let mut third = snapshot(102, 21, 48);
    third.push(id(6), 1, |codes| codes.push(0));
    third.seal(strings());
    [first, second, third]
}

fn frames(schema: &Schema) -> Vec<(&'static str, Vec<u8>)> {
    let codec = FrameCodec::new(&schema.views);
    let [first, second, third] = snapshots();
    let frame = |baseline: Option<&Snapshot>, snapshot: &Snapshot, with_hash| {
        let mut message = vec![ServerTag::Frame as u8];
        codec.encode(baseline.map(Into::into), snapshot, with_hash, &mut message);
        let decoded = codec.decode(baseline, &message[1..]);
        assert_eq!(decoded.as_ref(), Ok(snapshot));
        (message, decoded.unwrap_or_default())
    };
    let (keyframe, first) = frame(None, &first, false);
    let (delta, second) = frame(Some(&first), &second, true);
    let (nothing, _) = frame(Some(&second), &third, false);
    vec![
        ("server keyframe", keyframe),
        ("server delta with a view hash", delta),
        ("server delta of nothing", nothing),
    ]
}

#[test]
fn every_example_is_what_the_code_writes() {
    let page = page();
    let schema = schema(&page);
    let mut written: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (name, message) in client_messages() {
        let bytes = message.to_bytes();
        assert_eq!(ClientMessage::from_bytes(&bytes[1..]), Ok(message));
        written.insert(name.into(), bytes);
    }
    for (name, message) in server_messages() {
        let bytes = message.to_bytes();
        assert_eq!(ServerMessage::from_bytes(&bytes[1..]), Ok(message));
        written.insert(name.into(), bytes);
    }
    let rest = packets(&schema).into_iter().chain(frames(&schema));
    written.extend(rest.map(|(name, bytes)| (name.to_owned(), bytes)));

    let mut shown = blocks(&page, "golden");
    let mut wrong = String::new();
    for (name, bytes) in written {
        let example = shown.remove(&name);
        if example.as_deref().map(from_hex).as_ref() != Some(&bytes) {
            writeln!(wrong, "```golden {name}\n{}\n```", to_hex(&bytes)).expect("writing to memory");
        }
    }
    assert!(wrong.is_empty(), "these examples are not on the page, or differ:\n{wrong}");
    assert!(shown.is_empty(), "the code has no such messages: {:?}", shown.keys());
}

/// The numbers of variants in the examples must be all there are: the next one must not decode.
fn check_all_variants(numbers: impl Iterator<Item = u8>, next_decodes: impl Fn(u8) -> Result<(), String>) {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.dedup();
    assert!(numbers.iter().copied().eq(0..numbers.len() as u8), "{numbers:?}");
    let error = next_decodes(numbers.len() as u8).expect_err("the next variant is one without an example");
    assert!(error.contains("UnexpectedVariant"), "{error}");
}

#[test]
fn every_variant_has_its_example() {
    let zeros = |number| [&[number][..], &[0; 64]].concat();
    check_all_variants(client_messages().iter().map(|(_, message)| message.to_bytes()[1]), |next| {
        ClientMessage::from_bytes(&zeros(next)).map(drop).map_err(|error| error.to_string())
    });
    check_all_variants(server_messages().iter().map(|(_, message)| message.to_bytes()[1]), |next| {
        ServerMessage::from_bytes(&zeros(next)).map(drop).map_err(|error| error.to_string())
    });
    check_all_variants(refusals().iter().map(|refusal| codec::encode(refusal)[0]), |next| {
        codec::decode::<Refusal, 64>(&zeros(next)[..64]).map(drop).map_err(|error| error.to_string())
    });
}

#[test]
fn the_page_has_every_close_code_and_every_refusal() {
    let page = page();
    for code in CloseCode::ALL {
        let row = format!("| {} | {} |", code.number(), code.reason());
        assert!(page.contains(&row), "no row {row}");
    }
    for refusal in refusals() {
        let name = format!("{refusal:?}");
        let name = name.split('(').next().unwrap_or_default();
        let row = format!("| {} | `{name}` |", codec::encode(&refusal)[0]);
        assert!(page.contains(&row), "no row {row}");
    }
    assert!(page.contains(&format!("`{SUBPROTOCOL}`")));
}

#[test]
fn the_page_has_the_hashes_of_its_examples() {
    let page = page();
    let view_hash = snapshots()[1].hash();
    let schema_hash = schema(&page).hash();
    for (what, hash) in [("view", view_hash), ("schema", schema_hash)] {
        assert!(page.contains(&format!("`0x{hash:08x}`")), "the {what} hash is 0x{hash:08x}");
    }
}
