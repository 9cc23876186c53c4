//! Who may be in a room, and who may not any more.

use std::time::{Duration, Instant};

use fracas_client::{Event, RoomWanted};
use fracas_shared::limits::{ACK_TIME_MAX_S, PASSWORD_BYTES_MAX, SPECTATORS_PER_ROOM_MAX, WRONG_SECRETS_MAX};
use fracas_shared::message::{ClientMessage, Hearers, ServerMessage};
use fracas_shared::packet::{ClientTag, ServerTag};
use fracas_shared::{CloseCode, Refusal};
use tokio_tungstenite::tungstenite::Message as WebSocketMessage;

use crate::player::Player;
use crate::probe::{Input, Message, Probe, ProbeGames, alike, by_id, new_room};
use crate::raw::Raw;
use crate::server::{Server, get};

const ALONE: &str = r#"{"bots": 0}"#;

fn watch(room: &str) -> RoomWanted {
    RoomWanted::Spectate { room: room.to_owned(), password: String::new() }
}

fn with_password(room: &str, password: &str) -> RoomWanted {
    RoomWanted::ById { room: room.to_owned(), password: password.to_owned() }
}

async fn join(server: &Server, name: &str, room: RoomWanted) -> Player<Probe> {
    Player::join(server, name, room).await
}

#[tokio::test]
async fn who_watches_sees_all_and_has_no_say() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = join(&server, "ann", new_room(ALONE)).await;
    ann.acts = |_| Input { steps: 1, fails: false };
    let room = ann.room().to_owned();
    let mut eve = Player::<Probe>::connect(&server, "eve").await;
    eve.enter(watch(&room)).await.unwrap();
    let seat = ann.seat();
    assert_eq!((eve.replica().player(), eve.replica().joined().resume_token.as_str()), (None, ""));
    assert_eq!(eve.roster().0.len(), 1, "who watches is nobody among the players");

    // A player who never sends inputs would do as well: all that reaches a spectator is state.
    eve.client.say(Hearers::All, "hello").await.unwrap();
    let mut steps = 0;
    let mut is_refused = false;
    while steps < 5 || !is_refused {
        ann.frames(1).await;
        match eve.client.next_event().await.unwrap() {
            Event::Refused(refusal) => is_refused = refusal == Refusal::Spectating,
            Event::Frame(frame) => steps = frame.snapshot.len().max(steps + 1),
            _ => {}
        }
    }
    assert!(!ann.told.iter().any(|told| matches!(told, Event::Said { .. } | Event::PlayerJoined(_))));
    let (_, _, listing) = get(server.public, "/rooms?game=probe");
    assert!(listing.contains(r#""spectators":1"#), "{listing}");
    ann.leave().await;
    assert!(eve.replica().views().iter().all(|(_, view)| view.player != Some(seat)));
}

#[tokio::test]
async fn who_watches_and_wants_to_play_is_closed() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let ann = join(&server, "ann", new_room(ALONE)).await;
    for tag in [ClientTag::Input, ClientTag::Message] {
        let mut raw = Raw::greet(server.public).await;
        raw.say(&ClientMessage::Join { room: watch(ann.room()), schema_hash: 0 }).await;
        assert!(matches!(raw.answer().await, ServerMessage::Joined(_)));
        let bytes = vec![tag as u8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        raw.send(WebSocketMessage::Binary(bytes.into())).await.unwrap();
        assert_eq!(raw.closed().await, CloseCode::BadMessage);
    }
}

#[tokio::test]
async fn so_many_watch_and_no_more() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = join(&server, "ann", new_room(ALONE)).await;
    let room = ann.room().to_owned();
    let mut watching = Vec::new();
    for _ in 0..SPECTATORS_PER_ROOM_MAX {
        watching.push(join(&server, "eve", watch(&room)).await);
    }
    let mut late = Player::<Probe>::connect(&server, "late").await;
    assert_eq!(late.enter(watch(&room)).await, Err(Refusal::SpectatorsFull(room.clone())));
    drop(watching.pop());
    // The room finds out at its next tick.
    while late.enter(watch(&room)).await.is_err() {
        ann.frames(1).await;
    }
}

#[tokio::test]
async fn a_room_with_a_password_takes_who_knows_it() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let options = r#"{"bots": 0, "password": "sesam"}"#;
    let ann = join(&server, "ann", new_room(options)).await;
    let room = ann.room().to_owned();
    let mut bob = Player::<Probe>::connect(&server, "bob").await;
    for wrong in ["", "sesam ", "SESAM", "sesa"] {
        assert_eq!(bob.enter(with_password(&room, wrong)).await, Err(Refusal::WrongPassword(room.clone())));
    }
    assert_eq!(bob.enter(watch(&room)).await, Err(Refusal::WrongPassword(room.clone())));
    bob.enter(with_password(&room, "sesam")).await.unwrap();
    // Nobody is led there by chance, not even by the same options.
    assert_ne!(join(&server, "cid", alike(options)).await.room(), room);
    let long = format!(r#"{{"password": "{}"}}"#, "x".repeat(PASSWORD_BYTES_MAX + 1));
    let refused = Player::<Probe>::connect(&server, "dan").await.enter(new_room(&long)).await;
    assert!(matches!(refused, Err(Refusal::BadOption(text)) if text.contains("`password`")));
}

#[tokio::test]
async fn who_guesses_passwords_is_closed() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let ann = join(&server, "ann", new_room(r#"{"password": "sesam"}"#)).await;
    let mut raw = Raw::greet(server.public).await;
    for _ in 0..=WRONG_SECRETS_MAX {
        raw.say(&ClientMessage::Join { room: with_password(ann.room(), "open"), schema_hash: 0 }).await;
    }
    assert_eq!(raw.closed().await, CloseCode::TooFast);
}

#[tokio::test]
async fn the_rules_may_remove_a_player() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = join(&server, "ann", new_room(ALONE)).await;
    let room = ann.room().to_owned();
    let mut bob = join(&server, "bob", by_id(&room)).await;
    bob.frames(2).await;
    let (seat, token) = (bob.seat(), bob.client.session().room().unwrap().resume_token().unwrap().to_owned());
    ann.client.send_message(&Message::Kick { player: seat }).await.unwrap();
    assert_eq!(bob.end().await.close_code(), Some(CloseCode::Kicked));
    let is_gone = |told: &Event| matches!(told, Event::PlayerLeft(player) if *player == seat);
    ann.until("bob to be gone", |ann| ann.told.iter().any(is_gone)).await;
    let mut bob = Player::<Probe>::connect(&server, "bob").await;
    let resume = RoomWanted::Resume { token, received: None, attempt: None };
    assert_eq!(bob.enter(resume).await, Err(Refusal::SeatLost), "the seat is not kept");
    bob.enter(by_id(&room)).await.unwrap();
}

#[tokio::test]
async fn rules_lock_their_room_and_unlock_it() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = Player::<Probe>::join(&server, "ann", alike("")).await;
    let mut bob = Player::<Probe>::connect(&server, "bob").await;
    let room = ann.room().to_owned();
    ann.client.send_message(&Message::Lock).await.unwrap();
    ann.frames(5).await;
    while bob.enter(by_id(&room)).await != Err(Refusal::RoomLocked(room.clone())) {
        bob.leave().await;
        ann.frames(1).await;
    }
    // Who asks for any room gets another one.
    bob.enter(alike("")).await.unwrap();
    assert_ne!(bob.room(), room);
    bob.leave().await;
    ann.client.send_message(&Message::Unlock).await.unwrap();
    ann.frames(5).await;
    while bob.enter(by_id(&room)).await.is_err() {
        ann.frames(1).await;
    }
}

#[tokio::test]
async fn who_is_banned_does_not_come_back() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = join(&server, "ann", new_room(ALONE)).await;
    let room = ann.room().to_owned();
    let mut bob = join(&server, "bob", by_id(&room)).await;
    ann.client.send_message(&Message::Ban { player: bob.seat() }).await.unwrap();
    assert_eq!(bob.end().await.close_code(), Some(CloseCode::Banned));
    let mut bob = Player::<Probe>::connect(&server, "not bob").await;
    assert_eq!(bob.enter(by_id(&room)).await, Err(Refusal::BannedFrom(room.clone())));
    assert_eq!(bob.enter(watch(&room)).await, Err(Refusal::BannedFrom(room.clone())));
    bob.enter(new_room(ALONE)).await.unwrap();
}

#[tokio::test]
async fn a_bot_that_is_removed_makes_place_for_another() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = join(&server, "ann", new_room(r#"{"bots": 2}"#)).await;
    ann.until("bots", |ann| ann.roster().1.len() == 2).await;
    let bot = fracas_shared::PlayerId(ann.roster().1[0].player);
    ann.client.send_message(&Message::Kick { player: bot }).await.unwrap();
    let left = |told: &Event| matches!(told, Event::PlayerLeft(player) if *player == bot);
    ann.until("the bot to go", |ann| ann.told.iter().any(left)).await;
    ann.until("another bot", |ann| ann.roster().1.len() == 2).await;
}

#[tokio::test]
async fn who_acknowledges_nothing_is_closed_although_it_talks() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut raw = Raw::greet(server.public).await;
    raw.say(&ClientMessage::Join { room: new_room(ALONE), schema_hash: 0 }).await;
    assert!(matches!(raw.answer().await, ServerMessage::Joined(_)));
    // It reads everything and answers every ping, which proves nothing of what it does with it.
    let ending = async {
        for nonce in 0.. {
            raw.say(&ClientMessage::Ping { nonce }).await;
            loop {
                let message = match raw.message().await {
                    Ok(message) => message,
                    Err(code) => return code,
                };
                if matches!(ServerTag::split(&message), Ok((ServerTag::Control, _))) {
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        unreachable!("there are more numbers than that")
    };
    let began = Instant::now();
    assert_eq!(ending.await, CloseCode::TooSlow);
    assert!(began.elapsed() >= Duration::from_secs(ACK_TIME_MAX_S), "{:?}", began.elapsed());
    server.metric_until("fracas_players{game=\"probe\"}", |players| players == 0.0).await;
}
