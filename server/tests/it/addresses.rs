//! What one address may have and do, and whose address counts.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use fracas_server::Config;
use fracas_shared::Refusal;
use fracas_shared::message::RoomWanted;
use tokio_tungstenite::tungstenite::Error;

use crate::player::Player;
use crate::probe::{Probe, ProbeGames, by_id, new_room};
use crate::raw::Raw;
use crate::server::{Server, connect, exchange, get, read_all, read_head, status};

const RESERVE: &str = "POST /matchmake/join/probe HTTP/1.1\r\nHost: play.example\r\nContent-Length: 0\r\n";

/// A server behind a proxy on this machine.
fn proxied(change: impl FnOnce(&mut Config)) -> Server {
    Server::start_of::<ProbeGames>(|config| {
        "127.0.0.1".clone_into(&mut config.trusted_proxies);
        change(config);
    })
}

/// Asks for a seat by a proxy that says who the client is.
fn reserve(server: &Server, client: &str, headers: &str) -> String {
    let request =
        format!("{RESERVE}X-Forwarded-For: 203.0.113.66, {client}\r\n{headers}Connection: close\r\n\r\n");
    exchange(server.public, &request)
}

/// The refusal has this status and code, a sentence, and says when to come back; and it is counted.
fn check_refused(server: &Server, answer: &str, code: &str) {
    assert_eq!(status(answer), 429, "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains("\r\nretry-after: 1"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["code"], code);
    assert!(body["message"].as_str().is_some_and(|message| message.len() > 20), "{body}");
    assert!(server.metric(&format!("fracas_refusals_total{{reason=\"{code}\"}}")) >= 1.0);
}

#[test]
fn an_address_reserves_so_many_seats() {
    let server = proxied(|config| config.tickets_per_address_max = 2);
    for _ in 0..2 {
        assert_eq!(status(&reserve(&server, "192.0.2.1", "")), 200);
    }
    check_refused(&server, &reserve(&server, "192.0.2.1", ""), "address_tickets");
    assert_eq!(status(&reserve(&server, "192.0.2.2", "")), 200, "another address");
}

#[tokio::test]
async fn a_ticket_that_is_used_makes_place_for_another() {
    let server = proxied(|config| config.tickets_per_address_max = 1);
    let answer = reserve(&server, "192.0.2.1", "");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let ticket = body["ticket"].as_str().unwrap().to_owned();
    assert_eq!(status(&reserve(&server, "192.0.2.1", "")), 429);
    let _ann = Player::<Probe>::join(&server, "ann", RoomWanted::Reserved { ticket }).await;
    assert_eq!(status(&reserve(&server, "192.0.2.1", "")), 200);
}

#[test]
fn the_address_to_play_at_is_the_one_that_the_client_asked() {
    let server = proxied(|_| {});
    let answer = reserve(&server, "192.0.2.1", "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n");
    assert!(answer.contains("\"address\":\"wss://a.example/ws\""), "{answer}");
    assert!(reserve(&server, "192.0.2.1", "").contains("\"address\":\"ws://play.example/ws\""));

    let alone = Server::start_of::<ProbeGames>(|_| {});
    let answer = reserve(&alone, "192.0.2.1", "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n");
    assert!(answer.contains("\"address\":\"ws://play.example/ws\""), "nobody is believed: {answer}");
}

#[test]
fn an_address_asks_so_often() {
    let server = proxied(|config| config.requests_per_address_max = 3);
    let ask = |client: &str| {
        let request = format!(
            "GET /rooms HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: {client}\r\nConnection: close\r\n\r\n"
        );
        exchange(server.public, &request)
    };
    // However slow this machine is, sooner or later more than three fall into one second.
    let refused = std::iter::repeat_with(|| ask("192.0.2.1")).find(|answer| status(answer) != 200).unwrap();
    check_refused(&server, &refused, "address_requests");
    assert_eq!(status(&ask("192.0.2.2")), 200, "another address");
}

#[test]
fn an_address_wants_in_so_often() {
    let server = proxied(|config| config.joins_per_address_max = 1);
    let refused = std::iter::repeat_with(|| reserve(&server, "192.0.2.1", ""))
        .find(|answer| status(answer) != 200)
        .unwrap();
    check_refused(&server, &refused, "address_joins");
}

#[test]
fn an_address_has_so_many_connections() {
    let server = Server::start_with(|config| {
        config.limit_loopback = true;
        config.connections_per_address_max = 1;
    });
    let ask =
        |stream: &mut TcpStream| stream.write_all(b"GET /rooms HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut first = connect(server.public);
    ask(&mut first);
    assert_eq!(status(&read_head(&mut first)), 200);
    let mut second = connect(server.public);
    ask(&mut second);
    check_refused(&server, &read_all(&mut second), "address_connections");
    drop(first);
    while get(server.public, "/rooms").0 != 200 {}
}

#[tokio::test]
async fn a_proxys_websockets_are_its_clients() {
    let server = proxied(|config| config.connections_per_address_max = 1);
    let open = async |client| Raw::connect_with(server.public, &[("X-Forwarded-For", client)]).await;
    let first = open("192.0.2.1").await.unwrap();
    match open("192.0.2.1").await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 429),
        other => panic!("{:?}", other.err()),
    }
    let _other = open("192.0.2.2").await.expect("another address");
    drop(first);
    while open("192.0.2.1").await.is_err() {}
}

/// Opens a connection that begins with this, and asks for a seat on it.
fn after(to: SocketAddr, header: &[u8]) -> String {
    let mut stream = connect(to);
    stream.write_all(header).unwrap();
    stream.write_all(format!("{RESERVE}Connection: close\r\n\r\n").as_bytes()).unwrap();
    read_all(&mut stream)
}

fn version_2(source: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(source);
    header.extend([127, 0, 0, 1, 0x10, 0, 0x20, 0]);
    header
}

#[test]
fn a_proxy_that_passes_bytes_on_says_whose_they_are() {
    let server = proxied(|config| {
        config.proxy_protocol = true;
        config.tickets_per_address_max = 1;
    });
    let version_1 = |client: &str| format!("PROXY TCP4 {client} 127.0.0.1 4096 8192\r\n").into_bytes();
    assert_eq!(status(&after(server.public, &version_1("192.0.2.1"))), 200);
    check_refused(&server, &after(server.public, &version_1("192.0.2.1")), "address_tickets");
    check_refused(&server, &after(server.public, &version_2([192, 0, 2, 1])), "address_tickets");
    assert_eq!(status(&after(server.public, &version_2([192, 0, 2, 2]))), 200);

    let answer = after(server.public, b"");
    assert_eq!(status(&answer), 400);
    assert!(answer.contains("bad_proxy_header"), "{answer}");
    assert!(server.metric("fracas_refusals_total{reason=\"bad_proxy_header\"}") >= 1.0);
}

#[test]
fn nobody_else_says_whose_connection_it_is() {
    let server = Server::start_of::<ProbeGames>(|config| {
        "192.0.2.0/24".clone_into(&mut config.trusted_proxies);
        config.proxy_protocol = true;
    });
    assert_eq!(status(&after(server.public, b"")), 200, "who is no proxy has no header");
    assert_eq!(status(&after(server.public, b"PROXY TCP4 192.0.2.1 127.0.0.1 4096 8192\r\n")), 400);
}

#[tokio::test]
async fn an_address_has_so_many_seats_and_rooms() {
    let server = Server::start_of::<ProbeGames>(|config| {
        (config.seats_per_address_max, config.rooms_per_address_max) = (3, 2);
        config.limit_loopback = true;
    });
    let ann = Player::<Probe>::join(&server, "ann", new_room("")).await;
    let mut bob = Player::<Probe>::join(&server, "bob", new_room("")).await;
    let mut cid = Player::<Probe>::connect(&server, "cid").await;
    let too_many = |what: &str| Err(Refusal::TooManyFromAddress(what.to_owned()));
    assert_eq!(cid.enter(new_room("")).await, too_many("rooms"));
    cid.enter(by_id(ann.room())).await.unwrap();
    let mut dan = Player::<Probe>::connect(&server, "dan").await;
    assert_eq!(dan.enter(by_id(ann.room())).await, too_many("seats"));
    // To watch takes no seat, and who is away still has one.
    dan.enter(RoomWanted::Spectate { room: ann.room().to_owned(), password: String::new() }).await.unwrap();
    bob.frames(2).await;
    drop(bob);
    server.metric_until("fracas_players_away{game=\"probe\"}", |away| away == 1.0).await;
    let mut eve = Player::<Probe>::connect(&server, "eve").await;
    assert_eq!(eve.enter(by_id(ann.room())).await, too_many("seats"));
    cid.leave().await;
    eve.enter(by_id(ann.room())).await.unwrap();
}
