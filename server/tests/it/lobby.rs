//! Seats reserved over HTTP, rooms that are not for everyone, and what players say.

use fracas_client::Event;
use fracas_shared::limits::{CHAT_BYTES_MAX, CHATS_PER_S_MAX, OPTIONS_BYTES_MAX};
use fracas_shared::message::{Hearers, RoomWanted};
use fracas_shared::{CloseCode, PlayerId, Refusal};
use serde_json::Value;

use crate::player::Player;
use crate::probe::{Probe, ProbeGames, by_id, new_room};
use crate::server::{Server, exchange, get, status};

/// Asks for a seat: the status, the head and the answer.
fn matchmake(server: &Server, path: &str, body: &str) -> (u16, String, Value) {
    matchmake_from(server, "http://play.example:3000", path, body)
}

/// The same from a page of this origin.
fn matchmake_from(server: &Server, origin: &str, path: &str, body: &str) -> (u16, String, Value) {
    let length = body.len();
    let answer = exchange(
        server.public,
        &format!(
            "POST /matchmake/{path} HTTP/1.1\r\nHost: play.example:3000\r\nOrigin: {origin}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ),
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (status(head), head.to_owned(), serde_json::from_str(body).unwrap())
}

fn reserved(server: &Server, path: &str, body: &str) -> (String, RoomWanted) {
    let (status, _, answer) = matchmake(server, path, body);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["address"], "ws://play.example:3000/ws");
    assert_eq!(answer["game"], "probe");
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("room"), RoomWanted::Reserved { ticket: text("ticket") })
}

fn refusal(server: &Server, path: &str, body: &str) -> (u16, String) {
    let (status, _, answer) = matchmake(server, path, body);
    assert!(answer["message"].as_str().is_some_and(|message| message.len() > 10), "{answer}");
    (status, answer["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_seat_that_was_reserved_is_kept_for_who_has_the_ticket() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let (room, ticket) = reserved(&server, "create/probe", r#"{"seats": 1, "bots": 0}"#);
    let by_id_path = format!("joinById/{room}");
    assert_eq!(refusal(&server, &by_id_path, ""), (409, "room_full".to_owned()));
    let player = Player::<Probe>::join(&server, "ann", ticket.clone()).await;
    assert_eq!(player.room(), room);
    let mut late = Player::<Probe>::connect(&server, "bob").await;
    assert_eq!(late.enter(ticket).await, Err(Refusal::BadTicket));
}

#[tokio::test]
async fn every_way_to_a_room_can_be_reserved() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let (permanent, _) = reserved(&server, "joinOrCreate/probe", "");
    assert_eq!(reserved(&server, "join/probe", "").0, permanent);
    let (created, _) = reserved(&server, "create/probe", "");
    assert_ne!(created, permanent);
    assert_eq!(reserved(&server, &format!("joinById/{created}"), "").0, created);
}

#[test]
fn refusals_over_http_say_what_is_wrong() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let long = format!(r#"{{"metadata": {{"x": "{}"}}}}"#, "x".repeat(OPTIONS_BYTES_MAX));
    for (path, body, refused) in [
        ("joinOrCreate/chess", "", (404, "no_such_game")),
        ("joinById/QQQQQQ", "", (404, "no_such_room")),
        ("create/probe", r#"{"seats": 0}"#, (400, "bad_option")),
        ("create/probe", "{", (400, "bad_option")),
        ("create/probe", &long, (413, "bad_body")),
        ("gate/probe", "", (404, "no_such_method")),
        ("gate/", "", (404, "no_such_method")),
        ("create/", "", (404, "no_such_game")),
        ("create/PROBE", "", (404, "no_such_game")),
        ("join/%20probe", "", (404, "no_such_game")),
        ("join/chess", "", (404, "no_such_game")),
        ("joinById/%FF", "", (400, "bad_path")),
    ] {
        assert_eq!(refusal(&server, path, body), (refused.0, refused.1.to_owned()), "{path} {body}");
    }
}

/// What may be typed for a room's code, over HTTP and over a WebSocket.
#[tokio::test]
async fn codes_that_no_room_has_are_refused_as_such() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut player = Player::<Probe>::connect(&server, "ann").await;
    for (typed, in_path) in [
        ("", ""),
        ("ABCDE", "ABCDE"),
        ("ABCDEFG", "ABCDEFG"),
        ("ABCDE0", "ABCDE0"),
        ("abcdel", "abcdel"),
        ("ABC EF", "ABC%20EF"),
        ("ABCDE/", "ABCDE%2F"),
        ("\u{c4}BCDE", "%C3%84BCDE"),
    ] {
        let (status, _, answer) = matchmake(&server, &format!("joinById/{in_path}"), "");
        assert_eq!((status, &answer["code"]), (400, &"bad_room_code".into()), "{typed}");
        let refused = Refusal::BadRoomCode(typed.to_owned());
        assert_eq!(answer["message"], refused.to_string());
        assert_eq!(player.enter(by_id(typed)).await, Err(refused.clone()));
        let watch = RoomWanted::Spectate { room: typed.to_owned(), password: String::new() };
        assert_eq!(player.enter(watch).await, Err(refused));
    }
    let long = "x".repeat(2000);
    let (status, _, answer) = matchmake(&server, &format!("joinById/{long}"), "");
    assert_eq!(status, 400);
    assert!(answer["message"].as_str().unwrap().len() < 200, "{answer}");
    assert_eq!(player.enter(by_id(&long)).await, Err(Refusal::BadRoomCode("x".repeat(32))));
    // Nobody has it, but somebody might.
    assert_eq!(player.enter(by_id("qqqqqq")).await, Err(Refusal::NoSuchRoom("QQQQQQ".to_owned())));
}

#[tokio::test]
async fn a_room_is_found_however_its_code_is_typed() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let host = Player::<Probe>::join(&server, "ann", new_room("")).await;
    let code = host.room().to_lowercase();
    assert_eq!(Player::<Probe>::join(&server, "bob", by_id(&code)).await.room(), host.room());
    let padded = format!("  {code}\t");
    assert_eq!(Player::<Probe>::join(&server, "cid", by_id(&padded)).await.room(), host.room());
    assert_eq!(reserved(&server, &format!("joinById/{code}"), "").0, host.room());
    assert_eq!(reserved(&server, &format!("joinById/%20{code}%20"), "").0, host.room());
}

/// Full, locked and gone rooms are refused as such by codes in any case.
#[tokio::test]
async fn rooms_that_take_nobody_say_why() {
    let server = Server::start_of::<ProbeGames>(|config| config.room_linger_s = 0);
    let full = Player::<Probe>::join(&server, "ann", new_room(r#"{"seats": 1, "bots": 0}"#)).await;
    let locked = Player::<Probe>::join(&server, "bob", new_room(r#"{"locked": true}"#)).await;
    let mut gone = Player::<Probe>::join(&server, "cid", new_room("")).await;
    let gone_code = gone.room().to_owned();
    gone.leave().await;
    server.metric_until("fracas_rooms{game=\"probe\"}", |rooms| rooms == 3.0).await;
    let mut late = Player::<Probe>::connect(&server, "dan").await;
    for (code, status, refused) in [
        (full.room(), 409, Refusal::RoomFull(full.room().to_owned())),
        (locked.room(), 403, Refusal::RoomLocked(locked.room().to_owned())),
        (&gone_code, 404, Refusal::NoSuchRoom(gone_code.clone())),
    ] {
        for typed in [code.to_owned(), code.to_lowercase()] {
            let (answered, _, answer) = matchmake(&server, &format!("joinById/{typed}"), "");
            assert_eq!((answered, &answer["code"]), (status, &refused.label().into()));
            assert_eq!(answer["message"], refused.to_string());
            assert_eq!(late.enter(by_id(&typed)).await, Err(refused.clone()));
        }
    }
}

#[tokio::test]
async fn a_private_room_is_found_by_its_id_alone() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let host = Player::<Probe>::join(&server, "ann", new_room(r#"{"private": true}"#)).await;
    let (_, _, listing) = get(server.public, "/rooms");
    assert!(!listing.contains(host.room()), "{listing}");
    let alike = RoomWanted::JoinOrCreate { game: "probe".into(), options: r#"{"private": true}"#.into() };
    assert_ne!(Player::<Probe>::join(&server, "bob", alike).await.room(), host.room());
    assert_eq!(Player::<Probe>::join(&server, "cid", by_id(host.room())).await.room(), host.room());
}

#[tokio::test]
async fn a_locked_room_takes_nobody() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let host = Player::<Probe>::join(&server, "ann", new_room(r#"{"locked": true}"#)).await;
    let room = host.room().to_owned();
    let mut late = Player::<Probe>::connect(&server, "bob").await;
    assert_eq!(late.enter(by_id(&room)).await, Err(Refusal::RoomLocked(room.clone())));
    assert_eq!(refusal(&server, &format!("joinById/{room}"), ""), (403, "room_locked".to_owned()));
}

#[tokio::test]
async fn other_sites_may_ask_if_they_are_named() {
    let asked = |setting: &'static str| {
        let server = Server::start_of::<ProbeGames>(|config| setting.clone_into(&mut config.allowed_origins));
        let (status, head, answer) = matchmake_from(&server, "https://a.example", "join/probe", "");
        let code = answer["code"].as_str().unwrap_or_default().to_owned();
        (status, head.contains("access-control-allow-origin: https://a.example"), code)
    };
    assert_eq!(asked("https://b.example, https://a.example"), (200, true, String::new()));
    for setting in ["https://b.example", ""] {
        assert_eq!(asked(setting), (403, false, "origin_not_allowed".to_owned()), "{setting}");
    }
}

#[tokio::test]
async fn players_talk() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = Player::<Probe>::join(&server, "ann", new_room("")).await;
    let room = by_id(ann.room());
    let mut bob = Player::<Probe>::join(&server, "bob", room).await;
    ann.client.say(Hearers::Others, "hello").await.unwrap();
    let speaker = ann.seat();
    bob.until("a greeting", |bob| bob.told.iter().any(|event| is_said(event, speaker, "hello"))).await;
    ann.client.say(Hearers::All, "x".repeat(CHAT_BYTES_MAX + 1)).await.unwrap();
    let is_refused = |event: &Event| matches!(event, Event::Refused(Refusal::BadChat));
    ann.until("a refusal", |ann| ann.told.iter().any(is_refused)).await;
    assert!(
        !ann.told.iter().any(|event| is_said(event, speaker, "hello")),
        "who speaks to others hears it not"
    );
    for _ in 0..=CHATS_PER_S_MAX {
        // The last one of these may find the line closed already.
        let _ = ann.client.say(Hearers::All, "spam").await;
    }
    assert_eq!(ann.end().await.close_code(), Some(CloseCode::TooFast));
}

fn is_said(event: &Event, speaker: PlayerId, words: &str) -> bool {
    matches!(event, Event::Said { player, text, .. } if *player == speaker && text == words)
}
