//! Seated players' connections, which the ticks of their rooms read and write.

use fracas_shared::message::{ClientMessage, Hearers, RoomWanted, ServerMessage};
use fracas_shared::packet::ClientTag;
use fracas_shared::{CloseCode, Refusal};

use crate::player::Player;
use crate::probe::{Probe, ProbeGames, new_room};
use crate::raw::Raw;
use crate::rfc6455::wire::frame;
use crate::server::Server;

/// Final frames of RFC 6455, and the first one of a message in pieces.
const BINARY: u8 = 0x82;
const PING: u8 = 0x89;
const CLOSE: u8 = 0x88;
const LAST_PIECE: u8 = 0x80;
const FIRST_PIECE: u8 = 0x02;
/// How many are driven by ticks.
const TICKED: &str = "fracas_ticked_connections";

fn start() -> Server {
    Server::start_of::<ProbeGames>(|_| {})
}

async fn ticked(server: &Server, count: f64) {
    server.metric_until(TICKED, |ticked| ticked == count).await;
}

/// One who sends bytes as they are, and has a seat in a room of its own that ticks so often.
async fn seated(server: &Server, tick_hz: u16) -> Raw {
    let mut raw = Raw::greet(server.public).await;
    let options = format!(r#"{{"tick_hz": {tick_hz}}}"#);
    let room = RoomWanted::Create { game: "probe".into(), options };
    raw.say(&ClientMessage::Join { room, schema_hash: 0 }).await;
    assert!(matches!(raw.answer().await, ServerMessage::Joined(_)));
    raw
}

fn control(message: &ClientMessage) -> Vec<u8> {
    frame(BINARY, &message.to_bytes())
}

/// What it is answered next, whoever comes into the room meanwhile.
async fn answer(raw: &mut Raw) -> ServerMessage {
    loop {
        match raw.answer().await {
            ServerMessage::PlayerJoined(_) => {}
            answer => return answer,
        }
    }
}

#[tokio::test]
async fn players_are_driven_by_ticks_for_as_long_as_they_have_seats() {
    let server = start();
    let mut ann = Player::<Probe>::join(&server, "ann", new_room("")).await;
    let mut bob = Player::<Probe>::join(&server, "bob", new_room("")).await;
    for _ in 0..3 {
        ann.frames(3).await;
        bob.frames(3).await;
        ticked(&server, 2.0).await;
        ann.frames(10).await;
        ann.leave().await;
        ticked(&server, 1.0).await;
        ann.enter(new_room("")).await.unwrap();
    }
    ann.frames(3).await;
    drop(bob);
    ticked(&server, 1.0).await;
    ann.frames(10).await;
    drop(ann);
    ticked(&server, 0.0).await;
}

#[tokio::test]
async fn a_room_that_ticks_rarely_drives_nobody() {
    let server = start();
    let mut raw = seated(&server, 2).await;
    raw.say(&ClientMessage::Ping { nonce: 1 }).await;
    assert_eq!(answer(&mut raw).await, ServerMessage::Pong { nonce: 1 });
    for _ in 0..4 {
        raw.next().await;
    }
    assert_eq!(server.metric(TICKED), 0.0);
}

#[tokio::test]
async fn whatever_comes_in_one_tick_is_heard_in_its_order() {
    let server = start();
    let mut raw = seated(&server, 30).await;
    ticked(&server, 1.0).await;
    let pong = |nonce| ServerMessage::Pong { nonce };
    let pieces = ClientMessage::Ping { nonce: 2 }.to_bytes();
    let (first, last) = pieces.split_at(2);
    let too_long = ClientMessage::Say { to: Hearers::All, text: "x".repeat(3000) };
    // A message in pieces with a ping in between, long ones, and a piece of one that comes with a later tick.
    let mut bytes = [
        control(&ClientMessage::Ping { nonce: 1 }),
        frame(FIRST_PIECE, first),
        frame(PING, b"still there?"),
        frame(LAST_PIECE, last),
        control(&too_long),
        control(&too_long),
        control(&ClientMessage::Ping { nonce: 3 }),
    ]
    .concat();
    let torn = control(&ClientMessage::Ping { nonce: 4 });
    bytes.extend(&torn[..3]);
    raw.send_bytes(&bytes).await;
    for wanted in [pong(1), pong(2)] {
        assert_eq!(answer(&mut raw).await, wanted);
    }
    for _ in 0..2 {
        assert_eq!(answer(&mut raw).await, ServerMessage::Refused(Refusal::BadChat));
    }
    assert_eq!(answer(&mut raw).await, pong(3));
    raw.send_bytes(&torn[3..]).await;
    assert_eq!(answer(&mut raw).await, pong(4));
    assert_eq!(server.metric(TICKED), 1.0, "none of that needs a task");
    raw.say(&ClientMessage::Leave).await;
    while !matches!(answer(&mut raw).await, ServerMessage::Left { .. }) {}
    ticked(&server, 0.0).await;
}

#[tokio::test]
async fn who_says_what_is_no_message_is_told_so() {
    let server = start();
    let wrong = [
        (frame(0x81, b"text"), CloseCode::BadMessage),
        (frame(BINARY, &[0xFF]), CloseCode::BadMessage),
        (frame(BINARY, &[ClientTag::Input as u8, 1]), CloseCode::BadMessage),
        (vec![0x83, 0x80, 0, 0, 0, 0], CloseCode::NotWebSocket),
        (vec![BINARY, 1, 0], CloseCode::NotWebSocket),
        (frame(BINARY, &[0; 5000]), CloseCode::MessageTooLong),
    ];
    for (bytes, code) in wrong {
        let mut raw = seated(&server, 30).await;
        ticked(&server, 1.0).await;
        raw.send_bytes(&bytes).await;
        assert_eq!(raw.closed().await, code, "{bytes:02x?}");
        ticked(&server, 0.0).await;
    }
    let mut raw = seated(&server, 30).await;
    ticked(&server, 1.0).await;
    raw.send_bytes(&frame(CLOSE, &1000u16.to_be_bytes())).await;
    assert_eq!(raw.closed().await, CloseCode::Normal);
    ticked(&server, 0.0).await;
}
