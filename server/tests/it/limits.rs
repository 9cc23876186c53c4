//! Limits that no other test is about, at the door and in time.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use fracas_server::address_limits::{AddressLimits, Holding};
use fracas_server::auth::{AuthError, Authenticate, Claims, JoinRequest};
use fracas_server::metrics::Metrics;
use fracas_server::net::door::Door;
use fracas_server::rooms::Rooms;
use fracas_server::{Config, Shutdown};
use fracas_shared::limits::{
    CLOSE_TIME_MAX_S, CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, EVENTS_PER_TICK_MAX,
    HTTP_BODY_TIME_MAX_S, HTTP_HEAD_BYTES_MAX, HTTP_HEAD_TIME_MAX_S, HTTP_UNREAD_TIME_MAX_S,
    JOINS_PER_ADDRESS_MAX, MESSAGE_TIME_MAX_S, REFUSALS_MAX, REQUESTS_PER_ADDRESS_MAX, ROOMS_MAX,
    ROOMS_PER_ADDRESS_MAX, SEATS_MAX, SEATS_PER_ADDRESS_MAX, STEP_TIME_MAX_MS, TICKET_TIME_MAX_S,
    TICKETS_MAX, TICKETS_PER_ADDRESS_MAX, TLS_HANDSHAKE_TIME_MAX_S, TOKEN_BYTES_MAX,
};
use fracas_shared::message::RoomWanted;
use fracas_shared::packet::ClientTag;
use fracas_shared::{CloseCode, Refusal};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::player::Player;
use crate::probe::{Probe, ProbeGames, by_id, new_room};
use crate::raw::Raw;
use crate::rfc6455::wire::{BINARY, FIN, PONG, Wire, closed, frame};
use crate::server::{Server, connect, exchange, read_all, status};

/// What bites at other values is in addresses.rs, listener.rs, rooms.rs and failures.rs.
#[test]
fn settings_begin_with_the_limits() {
    let config = Config::default();
    assert_eq!(
        [
            config.connections_max,
            config.connections_per_address_max,
            config.tickets_per_address_max,
            config.seats_per_address_max,
            config.rooms_per_address_max,
            config.rooms_max,
        ],
        [
            CONNECTIONS_MAX,
            CONNECTIONS_PER_ADDRESS_MAX,
            TICKETS_PER_ADDRESS_MAX,
            SEATS_PER_ADDRESS_MAX,
            ROOMS_PER_ADDRESS_MAX,
            ROOMS_MAX,
        ]
    );
    assert_eq!(config.requests_per_address_max, REQUESTS_PER_ADDRESS_MAX);
    assert_eq!(config.joins_per_address_max, JOINS_PER_ADDRESS_MAX);
    assert_eq!(config.step_time_max_ms, STEP_TIME_MAX_MS);
    let door = Door::new(Router::new(), 1);
    assert_eq!(door.head_time_max, Duration::from_secs(HTTP_HEAD_TIME_MAX_S));
    assert_eq!(door.handshake_time_max, Duration::from_secs(TLS_HANDSHAKE_TIME_MAX_S));
}

#[test]
fn a_head_has_so_many_bytes() {
    let server = Server::start();
    let ask = |bytes: usize| {
        let padding = "x".repeat(bytes);
        exchange(
            server.public,
            &format!("GET /rooms HTTP/1.1\r\nHost: test\r\nConnection: close\r\nX: {padding}\r\n\r\n"),
        )
    };
    assert_eq!(status(&ask(HTTP_HEAD_BYTES_MAX - 200)), 200);
    assert_eq!(status(&ask(HTTP_HEAD_BYTES_MAX + 200)), 431);
}

#[test]
fn a_connection_that_says_nothing_is_cut_off() {
    let server = Server::start();
    let began = Instant::now();
    let mut silent = connect(server.public);
    assert_eq!(silent.read_to_end(&mut Vec::new()).unwrap(), 0);
    assert!(began.elapsed() >= Duration::from_secs(HTTP_HEAD_TIME_MAX_S), "{:?}", began.elapsed());
}

#[test]
fn so_many_refusals_are_told_at_one_time() {
    let server = Server::start_with(|config| config.connections_max = 1);
    let _seated = connect(server.public);
    // Each is refused when it asks for something, and none does.
    let mut refused: Vec<_> = (0..REFUSALS_MAX).map(|_| connect(server.public)).collect();
    let mut late = connect(server.public);
    let mut told = Vec::new();
    let _ = late.read_to_end(&mut told);
    assert!(told.is_empty(), "{}", String::from_utf8_lossy(&told));
    let last = refused.last_mut().unwrap();
    last.write_all(b"GET /rooms HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    assert_eq!(status(&read_all(last)), 503);
}

#[test]
fn a_body_is_whole_in_time() {
    let server = Server::start();
    let began = Instant::now();
    let mut slow = connect(server.public);
    let head = "POST /matchmake/joinOrCreate/arena HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n{";
    slow.write_all(head.as_bytes()).unwrap();
    let answer = read_all(&mut slow);
    assert_eq!(status(&answer), 408);
    assert!(answer.contains("body_timeout"), "{answer}");
    assert!(began.elapsed() >= Duration::from_secs(HTTP_BODY_TIME_MAX_S), "{:?}", began.elapsed());
}

#[test]
fn who_reads_no_answers_is_cut_off() {
    let server = Server::start();
    let mut deaf = connect(server.public);
    let began = Instant::now();
    // More than all buffers on the way hold, so some answers wait.
    let requests = "GET /fracas.js HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1000);
    deaf.write_all(requests.as_bytes()).unwrap();
    // The kernel tells of the end on the writing side, although nothing is read.
    while deaf.write_all(b" ").is_ok() {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(began.elapsed() >= Duration::from_secs(HTTP_UNREAD_TIME_MAX_S), "{:?}", began.elapsed());
}

/// Lets everyone in who shows something.
struct Anything;

impl Authenticate for Anything {
    fn authenticate(&self, request: &JoinRequest<'_>) -> Result<Claims, AuthError> {
        request.token.map(|_| Claims::default()).ok_or(AuthError::TokenMissing)
    }
}

#[tokio::test]
async fn a_token_has_so_many_bytes() {
    let server = Server::start_with_auth::<ProbeGames>(Arc::new(Anything));
    let opens = async |bytes: usize| {
        let path = format!("/ws?token={}", "x".repeat(bytes));
        Raw::connect_at(server.public, &path, &[]).await.is_ok()
    };
    assert!(opens(TOKEN_BYTES_MAX).await);
    assert!(!opens(TOKEN_BYTES_MAX + 1).await);
}

#[tokio::test]
async fn so_many_tickets_wait_and_no_more() {
    let config = Config::default();
    let (metrics, shutdown) = (Metrics::new(), Shutdown::new());
    let rooms =
        Rooms::start::<ProbeGames>(&config, AddressLimits::none(), &metrics, &shutdown, None).await.unwrap();
    let address = IpAddr::from(Ipv4Addr::LOCALHOST);
    let reserve = async |wanted: RoomWanted| {
        let hold = AddressLimits::none().hold(address, Holding::Ticket).unwrap();
        rooms.reserve_for_later(wanted, address, hold).await
    };
    let seats = usize::from(SEATS_MAX);
    let mut room = String::new();
    for ticket in 0..TICKETS_MAX {
        let wanted = if ticket % seats == 0 {
            new_room(&format!(r#"{{"seats": {SEATS_MAX}, "bots": 0}}"#))
        } else {
            by_id(&room)
        };
        room = reserve(wanted).await.unwrap().room;
    }
    assert_eq!(reserve(new_room("")).await.unwrap_err(), Refusal::Busy);
    tokio::task::spawn_blocking(move || rooms.stop()).await.unwrap();
}

#[tokio::test]
async fn a_ticket_waits_so_long_and_no_longer() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let began = Instant::now();
    let answer = exchange(
        server.public,
        "POST /matchmake/create/probe HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 23\r\n\r\n\
         {\"seats\": 1, \"bots\": 0}",
    );
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let mut bob = Player::<Probe>::connect(&server, "bob").await;
    while let Err(refusal) = bob.enter(by_id(&text("room"))).await {
        assert_eq!(refusal, Refusal::RoomFull(text("room")), "the seat is kept");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(began.elapsed() >= Duration::from_secs(TICKET_TIME_MAX_S), "{:?}", began.elapsed());
    let mut late = Player::<Probe>::connect(&server, "late").await;
    let used = late.enter(RoomWanted::Reserved { ticket: text("ticket") }).await;
    assert_eq!(used, Err(Refusal::BadTicket));
}

#[tokio::test]
async fn events_beyond_what_a_tick_emits_are_dropped_and_counted() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let murmurs = EVENTS_PER_TICK_MAX + 3;
    let options = format!(r#"{{"bots": 0, "config": {{"murmurs": {murmurs}}}}}"#);
    let mut ann = Player::<Probe>::join(&server, "ann", new_room(&options)).await;
    ann.frames(5).await;
    let dropped = server.metric("fracas_events_dropped_total");
    assert!(dropped >= 15.0 && dropped % 3.0 == 0.0, "3 of each tick: {dropped}");
}

#[test]
fn a_message_that_never_ends_is_cut_off_in_spite_of_pongs() {
    let server = Server::start();
    let mut wire = Wire::open_at(server.public, "Sec-WebSocket-Protocol: fracas.3\r\n");
    let hello = fracas_shared::message::ClientMessage::Hello {
        protocol: 3,
        name: "ann".into(),
        client: "test".into(),
    };
    wire.send(&frame(FIN | BINARY, &hello.to_bytes()), 1000);
    wire.hear();
    let began = Instant::now();
    wire.send(&frame(BINARY, &[ClientTag::Control as u8]), 100);
    let mut ponging = Wire(wire.0.try_clone().unwrap());
    let pongs = std::thread::spawn(move || {
        // As long as somebody takes them.
        while std::io::Write::write_all(&mut ponging.0, &frame(FIN | PONG, b"")).is_ok() {
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    assert_eq!(wire.hear(), closed(CloseCode::IdleTimeout.number()));
    assert!(began.elapsed() >= Duration::from_secs(MESSAGE_TIME_MAX_S), "{:?}", began.elapsed());
    wire.0.shutdown(std::net::Shutdown::Both).unwrap();
    pongs.join().unwrap();
}

#[tokio::test]
async fn who_does_not_take_leave_is_cut_off() {
    let server = Server::start();
    let mut raw = Raw::connect(server.public).await;
    raw.send(Message::Binary(Bytes::from_static(b"nonsense"))).await.unwrap();
    let began = Instant::now();
    let closes = format!("fracas_closes_total{{reason=\"{}\"}}", CloseCode::BadMessage.label());
    server.metric_until(&closes, |count| count == 1.0).await;
    // It reads nothing, so it does not see the close frame, and does not answer it.
    server.metric_until("fracas_connections{door=\"websocket\"}", |open| open == 0.0).await;
    assert!(began.elapsed() >= Duration::from_secs(CLOSE_TIME_MAX_S), "{:?}", began.elapsed());
}
