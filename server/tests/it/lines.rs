//! Players whose lines are made worse.

use std::time::{Duration, Instant};

use fracas_client::{Client, Codecs, Event, LineProfile, ReconnectPolicy, Session};
use fracas_shared::limits::{CLOSE_TIME_MAX_S, LINE_BYTES_MAX, SEND_BUFFER_BYTES};
use fracas_shared::message::{ClientMessage, Hearers, ServerMessage};
use fracas_shared::packet::ServerTag;
use fracas_shared::{CloseCode, Tick};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::lossy;
use crate::player::Player;
use crate::probe::{Probe, ProbeGames, by_id, new_room};
use crate::raw::Raw;
use crate::server::{PATIENCE, Server, exchange, status};

const TOKEN: &str = "correct-horse-battery";
/// Messages of any size come seldom enough for any limit.
const QUIET: &str = r#"{"bots": 0, "tick_hz": 30}"#;
/// 16 KiB a frame, 60 times a second.
const NOISY: &str = r#"{"bots": 0, "tick_hz": 60, "config": {"noise": 1000}}"#;

fn latency(latency_ms: u32) -> LineProfile {
    LineProfile { latency_ms, ..LineProfile::default() }
}

fn server(line: Option<LineProfile>) -> Server {
    Server::start_of::<ProbeGames>(|config| {
        config.admin_token = TOKEN.into();
        config.line = line;
    })
}

/// Asks for another line of `players/ROOM-SEAT` or `rooms/ROOM`: the status and the answer.
fn set_line(server: &Server, of: &str, body: &str) -> (u16, Value) {
    let request = format!(
        "POST /admin/{of}/line HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(server.admin, &request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (status(head), serde_json::from_str(body).unwrap())
}

fn player_of(player: &Player<Probe>) -> String {
    format!("players/{}-{}", player.room(), player.seat().0)
}

/// Asserts that a ping takes at least so long.
async fn assert_slow(client: &mut Client, ms: u64) {
    let took = timeout(PATIENCE, client.ping()).await.expect("no answer to a ping").unwrap();
    assert!(took >= Duration::from_millis(ms), "{took:?}");
}

#[tokio::test]
async fn every_players_line_is_as_it_is_set() {
    let server = server(Some(latency(200)));
    let mut ann = Player::<Probe>::connect(&server, "ann").await;
    assert_slow(&mut ann.client, 200).await;
    ann.enter(new_room(QUIET)).await.unwrap();
    ann.frames(10).await;
    let began = Instant::now();
    assert!(ann.leave().await.0 > 0);
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_line_is_made_worse_while_its_player_plays() {
    let server = server(None);
    let mut ann = Player::<Probe>::join(&server, "ann", new_room(QUIET)).await;
    let mut bob = Player::<Probe>::join(&server, "bob", by_id(ann.room())).await;
    let one = json!({"reached": 1});
    assert_eq!(set_line(&server, &player_of(&ann), r#"{"latency_ms": 200}"#), (200, one.clone()));
    assert_slow(&mut ann.client, 200).await;
    let room = format!("rooms/{}", ann.room());
    assert_eq!(set_line(&server, &room, "latency=300"), (200, json!({"reached": 2})));
    assert_slow(&mut ann.client, 300).await;
    assert_slow(&mut bob.client, 300).await;
    assert_eq!(set_line(&server, &player_of(&bob), r#"{"preset": "none"}"#), (200, one));
    ann.frames(10).await;
    bob.frames(10).await;
    // In a room that nobody is in, nobody is reached.
    let quiet = Player::<Probe>::join(&server, "eve", new_room(QUIET)).await;
    let (room, seat) = (format!("rooms/{}", quiet.room()), player_of(&quiet));
    quiet.client.close().await;
    server.metric_until("fracas_players{game=\"probe\"}", |players| players == 2.0).await;
    assert_eq!(set_line(&server, &room, "\"4g\""), (200, json!({"reached": 0})));
    assert_eq!(set_line(&server, &seat, "\"4g\"").0, 404);
}

#[tokio::test]
async fn what_is_no_line_and_who_is_nobody_is_told() {
    let server = server(None);
    let ann = Player::<Probe>::join(&server, "ann", new_room(QUIET)).await;
    let (player, room) = (player_of(&ann), ann.room());
    for (of, body, status, code, says) in [
        (player.as_str(), "5g", 400, "bad_body", "'5g' is no line: give one of none, lan"),
        (&player, r#"{"preset": "5g"}"#, 400, "bad_body", "'5g' is no line"),
        (&player, r#"{"latency": 1}"#, 400, "bad_body", "unknown field `latency`"),
        (&player, r#"{"latency_ms": 5001}"#, 400, "bad_body", "`latency_ms`: 5001 is not from 0 to 5000"),
        (&format!("rooms/{room}"), "", 400, "bad_body", "'' is no line"),
        ("rooms/K3V9QX", "4g", 404, "no_such_room", "no room 'K3V9QX'"),
        ("players/K3V9QX-0", "4g", 404, "no_such_room", "no room 'K3V9QX'"),
        (&format!("players/{room}-9"), "4g", 404, "no_such_player", "no player has seat 9"),
        ("players/ann", "4g", 404, "no_such_player", "such as K3V9QX-3"),
    ] {
        let (answered, problem) = set_line(&server, of, body);
        assert_eq!((answered, &problem["code"]), (status, &code.into()), "{of} {body}: {problem}");
        assert!(problem["message"].as_str().unwrap().contains(says), "{of} {body}: {problem}");
    }
    let request = "POST /admin/rooms/K3V9QX/line HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(server.admin, request)), 401);
}

/// The client's frames each build on the one before, so one that is lost or out of order is found.
#[tokio::test]
async fn nothing_is_lost_or_overtaken_when_the_line_changes() {
    let server = server(Some("latency=60,jitter=60".parse().unwrap()));
    let mut ann = Player::<Probe>::join(&server, "ann", new_room(QUIET)).await;
    let lines = ["latency=400", "none", "rate=200", "4g", "latency=20,stall=100,stall_every=300", "none"];
    let mut asked = 0;
    for line in lines {
        for _ in 0..6 {
            ann.client.session().ping(asked).unwrap();
            ann.client.send().await;
            asked += 1;
            ann.frames(1).await;
        }
        assert_eq!(set_line(&server, &player_of(&ann), line).0, 200);
    }
    let pongs = |ann: &Player<Probe>| -> Vec<u32> {
        let told = ann.told.iter();
        told.filter_map(|event| if let Event::Pong { nonce } = event { Some(*nonce) } else { None }).collect()
    };
    ann.until("all answers", |ann| pongs(ann).len() == asked as usize).await;
    assert!(pongs(&ann).into_iter().eq(0..asked), "{:?}", pongs(&ann));
}

#[tokio::test]
async fn who_comes_back_has_the_same_line() {
    let server = server(None);
    let mut line = lossy::Line::to(server.public).await;
    let mut ann = Player::<Probe>::connect_by(line.address(), "ann").await;
    let policy = ReconnectPolicy { pause: Duration::from_millis(1), ..ReconnectPolicy::default() };
    ann.client.set_reconnect(Some(policy));
    ann.enter(new_room(QUIET)).await.unwrap();
    ann.frames(5).await;
    assert_eq!(set_line(&server, &player_of(&ann), "latency=200").0, 200);
    assert_slow(&mut ann.client, 200).await;
    line.cut();
    let is_back = |event: &Event| matches!(event, Event::Joined(joined) if joined.resumed.is_some());
    ann.until("the way back", |ann| ann.told.iter().any(is_back)).await;
    assert_slow(&mut ann.client, 200).await;
}

/// What is underway when a player says goodbye is heard before the goodbye.
#[tokio::test]
async fn who_says_goodbye_is_heard_to_the_end() {
    let server = server(Some(latency(600)));
    let mut ann = Player::<Probe>::join(&server, "ann", new_room(QUIET)).await;
    let mut bob = Player::<Probe>::join(&server, "bob", by_id(ann.room())).await;
    // Frames have piled up since she joined.
    ann.client.session().ping(1).unwrap();
    ann.client.send().await;
    ann.until("an answer", |ann| ann.told.iter().any(|event| matches!(event, Event::Pong { .. }))).await;
    ann.client.say(Hearers::All, "so long").await.unwrap();
    // A room does not hear who leaves in the same tick.
    ann.frames(5).await;
    ann.client.close().await;
    let is_said = |event: &Event| matches!(event, Event::Said { text, .. } if text == "so long");
    bob.until("the last word", |bob| bob.told.iter().any(is_said)).await;
    bob.until("the goodbye", |bob| bob.told.iter().any(|event| matches!(event, Event::PlayerLeft(_)))).await;
}

/// Kicks a player on this line who is told something before; it takes at least so long.
async fn check_last_word(line: &str, least: Duration) {
    let server = server(None);
    let mut ann = Player::<Probe>::join(&server, "ann", new_room(QUIET)).await;
    ann.frames(5).await;
    assert_eq!(set_line(&server, &player_of(&ann), line).0, 200);
    let (room, seat) = (ann.room().to_owned(), ann.seat().0);
    for path in
        [format!("/admin/players/{room}-{seat}/message"), format!("/rooms/{room}/players/{seat}/kick")]
    {
        let body = r#"{"text": "goodbye"}"#;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(status(&exchange(server.admin, &request)), 204, "{path}");
    }
    let began = Instant::now();
    assert_eq!(ann.end().await.close_code(), Some(CloseCode::Kicked));
    let is_told = |event: &Event| matches!(event, Event::Notification { text } if text == "goodbye");
    assert!(ann.told.iter().any(is_told), "{:?}", ann.told);
    assert!(began.elapsed() >= least, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_was_told_before_the_end_arrives_before_it() {
    // The kick was answered a little before its time is taken here.
    check_last_word("latency=600", Duration::from_millis(200)).await;
}

#[tokio::test]
async fn the_end_does_not_wait_for_the_worst_of_lines() {
    check_last_word("latency=5000", Duration::from_millis(CLOSE_TIME_MAX_S * 1000 - 100)).await;
}

/// A second on the way, which is more than the line keeps: it sees fewer states, never older ones.
#[tokio::test]
async fn a_line_that_is_full_takes_the_newest_state() {
    let server = server(Some(latency(2000)));
    let mut raw = Raw::greet(server.public).await;
    let mut session = Session::new("raw", "test");
    // The hello has been said.
    session.poll_send();
    session.join_typed(new_room(NOISY), Codecs::of::<Probe>()).unwrap();
    raw.send_all_of(&mut session).await;
    let mut ticks: Vec<Tick> = Vec::new();
    while ticks.len() < 40 {
        session.handle_message(Duration::ZERO, &raw.next().await).unwrap();
        while let Some(event) = session.poll_event() {
            match event {
                Event::Frame(frame) => ticks.push(frame.snapshot.tick()),
                Event::FrameLost(error) => panic!("a frame was lost: {error}"),
                _ => {}
            }
        }
        let newest = ticks.last().copied().unwrap_or_default();
        raw.say(&ClientMessage::Ack { tick: newest.0 }).await;
    }
    assert!(ticks.is_sorted_by(|a, b| b.is_after(*a)), "{ticks:?}");
    let (first, last) = (ticks[0], ticks[ticks.len() - 1]);
    assert!(last.since(first) > ticks.len() as i32, "none was passed over: {first:?} to {last:?}");
}

#[tokio::test]
async fn little_waits_for_who_does_not_read() {
    let server = server(None);
    let mut raw = Raw::greet(server.public).await;
    raw.say(&ClientMessage::Join { room: new_room(NOISY), schema_hash: 0 }).await;
    let ServerMessage::Joined(joined) = raw.answer().await else { panic!("no seat") };
    // A second on the way is a megabyte.
    assert_eq!(set_line(&server, &format!("rooms/{}", joined.room), "latency=2000").0, 200);
    // It acknowledges nothing either, which ends it.
    let closes = format!("fracas_closes_total{{reason=\"{}\"}}", CloseCode::TooSlow.label());
    server.metric_until(&closes, |closed| closed == 1.0).await;
    let sent = server.metric("fracas_sent_bytes_total");
    // What is on the line, and what the kernels of both ends took.
    let most = (LINE_BYTES_MAX + 8 * SEND_BUFFER_BYTES) as f64;
    assert!(sent > LINE_BYTES_MAX as f64 && sent < most, "{sent} bytes, of at most {most}");
}

#[tokio::test]
async fn little_is_read_of_who_floods() {
    // What is read is not heard yet, so nothing but the line says stop.
    let server = server(Some(latency(2000)));
    let mut raw = Raw::greet(server.public).await;
    assert_eq!(raw.flood(Message::Ping(Bytes::new())).await, CloseCode::TooFast);
    let received = server.metric("fracas_received_bytes_total");
    assert!(received > 0.0 && received < LINE_BYTES_MAX as f64, "{received} bytes");
}

#[tokio::test]
async fn a_slow_line_sends_no_more_than_it_takes() {
    let server = server(Some("rate=400".parse().unwrap()));
    let mut raw = Raw::greet(server.public).await;
    raw.say(&ClientMessage::Join { room: new_room(NOISY), schema_hash: 0 }).await;
    let (began, mut bytes, mut frames) = (Instant::now(), 0, 0);
    while frames < 5 {
        let message = raw.next().await;
        bytes += message.len();
        frames += u32::from(message.first() == Some(&(ServerTag::Frame as u8)));
    }
    // 50,000 bytes a second.
    let least = Duration::from_secs_f64(bytes as f64 / 50_000.0);
    assert!(began.elapsed() >= least, "{:?} for {bytes} bytes", began.elapsed());
}
