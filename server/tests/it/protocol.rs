//! What breaks the protocol ends the connection, with the code that says why.

use bytes::Bytes;
use fracas_server::config::GameConfig;
use fracas_shared::CloseCode;
use fracas_shared::Tick;
use fracas_shared::limits::CLIENT_MESSAGE_BYTES_MAX;
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, ServerMessage};
use fracas_shared::packet::{ClientTag, InputHead, LooseRow, RowCodec};
use fracas_shared::{Row, Schema};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::player::Player;
use crate::probe::{Input, Probe, ProbeGames, alike};
use crate::raw::{Raw, hello};
use crate::server::{PATIENCE, Server};

/// Does something that must end the connection with this code, and nobody else's.
async fn check(code: CloseCode, offend: impl AsyncFnOnce(&mut Raw)) {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut other = Player::<Probe>::join(&server, "ann", alike("")).await;
    let mut raw = Raw::connect(server.public).await;
    offend(&mut raw).await;
    assert_eq!(raw.closed().await, code);
    assert_eq!(server.metric(&closes(code)), 1.0);
    other.frames(3).await;
}

#[tokio::test]
async fn a_line_that_is_lost_is_nobodys_fault() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    drop(Raw::greet(server.public).await);
    server.metric_until(&closes(CloseCode::Normal), |closed| closed == 1.0).await;
    assert_eq!(server.metric(&closes(CloseCode::NotWebSocket)), 0.0);
}

fn closes(code: CloseCode) -> String {
    format!("fracas_closes_total{{reason=\"{}\"}}", code.label())
}

fn binary(message: &[u8]) -> Message {
    Message::Binary(Bytes::copy_from_slice(message))
}

async fn send(raw: &mut Raw, message: &[u8]) {
    raw.send(binary(message)).await.unwrap();
}

async fn greet(raw: &mut Raw) {
    raw.say(&hello(PROTOCOL_VERSION, "raw")).await;
    assert!(matches!(raw.answer().await, ServerMessage::Welcome { .. }));
}

async fn sit(raw: &mut Raw) {
    greet(raw).await;
    raw.say(&ClientMessage::Join { room: alike(""), schema_hash: 0 }).await;
    assert!(matches!(raw.answer().await, ServerMessage::Joined(_)));
}

/// An input for this tick, tag and all.
fn input(tick: u32) -> Vec<u8> {
    let mut packet = vec![ClientTag::Input as u8];
    InputHead { tick: Tick(tick), ack: Tick(0), view_lag: 0 }.write(&mut packet);
    row(&Schema::of::<Probe>().inputs, &Input::default(), &mut packet);
    packet
}

fn row(kinds: &[fracas_shared::schema::Kind], row: &impl Row, packet: &mut Vec<u8>) {
    RowCodec::new(kinds).encode(&LooseRow::of(row, |_| None), packet);
}

#[tokio::test]
async fn messages_that_are_none() {
    for message in [&b""[..], &[0], &[0, 200], &[3], &[255; 40], b"hello"] {
        check(CloseCode::BadMessage, async |raw| send(raw, message).await).await;
    }
    // One byte more than the message has.
    let long = [hello(PROTOCOL_VERSION, "raw").to_bytes(), vec![0]].concat();
    check(CloseCode::BadMessage, async |raw| send(raw, &long).await).await;
    check(CloseCode::BadMessage, async |raw| raw.send(Message::Text("hello".into())).await.unwrap()).await;
}

#[tokio::test]
async fn messages_at_the_wrong_time() {
    let join = ClientMessage::Join { room: alike(""), schema_hash: 0 };
    for early in [join, ClientMessage::Leave, ClientMessage::Ping { nonce: 1 }] {
        check(CloseCode::BadMessage, async |raw| raw.say(&early).await).await;
    }
    check(CloseCode::BadMessage, async |raw| send(raw, &input(1)).await).await;
    check(CloseCode::BadMessage, async |raw| {
        greet(raw).await;
        raw.say(&hello(PROTOCOL_VERSION, "again")).await;
    })
    .await;
    check(CloseCode::BadMessage, async |raw| {
        greet(raw).await;
        send(raw, &[ClientTag::Message as u8, 0]).await;
    })
    .await;
}

#[tokio::test]
async fn rows_that_are_none_of_the_game() {
    for packet in
        [&[ClientTag::Input as u8][..], &[1; 9], &[1; 40], &[ClientTag::Message as u8], &[2, 255, 1, 7]]
    {
        check(CloseCode::BadMessage, async |raw| {
            sit(raw).await;
            send(raw, packet).await;
        })
        .await;
    }
}

#[tokio::test]
async fn another_version_of_the_protocol() {
    check(CloseCode::WrongVersion, async |raw| raw.say(&hello(PROTOCOL_VERSION + 1, "raw")).await).await;
}

/// Whatever it says first: a hello may look different there.
#[tokio::test]
async fn another_subprotocol() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut silent = Raw::connect_as(server.public, "fracas.4").await;
    let mut talking = Raw::connect_as(server.public, "fracas.65535").await;
    send(&mut talking, b"\xffhello, said in another way").await;
    for raw in [&mut silent, &mut talking] {
        let goodbye = timeout(PATIENCE, raw.goodbye()).await.expect("the server does not close");
        let said = format!("the server speaks version {PROTOCOL_VERSION} of the protocol");
        assert_eq!(goodbye, (CloseCode::WrongVersion, said));
    }
    server.metric_until(&closes(CloseCode::WrongVersion), |closed| closed == 2.0).await;
    server.metric_until("fracas_connections{door=\"websocket\"}", |open| open == 0.0).await;
}

#[tokio::test]
async fn messages_that_are_too_long() {
    check(CloseCode::MessageTooLong, async |raw| send(raw, &[0; CLIENT_MESSAGE_BYTES_MAX + 1]).await).await;
    check(CloseCode::MessageTooLong, async |raw| send(raw, &vec![0; 200 * 1024]).await).await;
    // Said to be 1 GiB long, of which nothing comes.
    check(CloseCode::MessageTooLong, async |raw| {
        raw.send_bytes(&[0x82, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_websocket() {
    // Not masked; of no known kind; a control frame in pieces; with bits that mean nothing; no UTF-8.
    for bytes in
        [&[0x82, 1, 0][..], &[0x83, 0x80, 0, 0, 0, 0], &[0x09, 0x80, 0, 0, 0, 0], &[0xF2, 0x80, 0, 0, 0, 0]]
    {
        check(CloseCode::NotWebSocket, async |raw| raw.send_bytes(bytes).await).await;
    }
    let no_text = [0x81, 0x81, 0, 0, 0, 0, 0xFF];
    check(CloseCode::NotUtf8, async |raw| raw.send_bytes(&no_text).await).await;
}

#[tokio::test]
async fn messages_that_come_too_fast() {
    let ping = Message::Binary(ClientMessage::Ping { nonce: 1 }.to_bytes().into());
    // An input acknowledges a frame once there is one, and then the seat would be kept.
    let server = Server::start_of::<ProbeGames>(|config| {
        let table = GameConfig { linger_s: Some(0), ..GameConfig::default() };
        config.games.insert("probe".into(), table);
    });
    for flood in [ping, Message::Ping(Bytes::new()), binary(&input(1))] {
        let mut raw = Raw::greet(server.public).await;
        assert_eq!(raw.flood(flood).await, CloseCode::TooFast);
    }
    for flood in [binary(&input(1)), Message::Binary(ClientMessage::Resync.to_bytes().into())] {
        let mut raw = Raw::connect(server.public).await;
        sit(&mut raw).await;
        assert_eq!(raw.flood(flood).await, CloseCode::TooFast);
    }
    assert_eq!(server.metric(&closes(CloseCode::TooFast)), 5.0);
    server.metric_until("fracas_players{game=\"probe\"}", |players| players == 0.0).await;
}

#[tokio::test]
async fn a_goodbye_is_answered() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut player = Player::<Probe>::join(&server, "ann", alike("")).await;
    player.frames(2).await;
    player.client.close().await;
    server.metric_until(&closes(CloseCode::Normal), |closed| closed == 1.0).await;
    server.metric_until("fracas_players{game=\"probe\"}", |players| players == 0.0).await;
}
