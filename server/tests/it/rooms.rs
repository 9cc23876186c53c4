//! Which room a client gets, and which rooms there are.

use fracas_server::Config;
use std::collections::BTreeSet;

use fracas_server::config::GameConfig;
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, RoomWanted, ServerMessage};
use fracas_shared::{Game, Refusal};

use crate::player::Player;
use crate::probe::{Probe, ProbeGames, alike, by_id, new_room};
use crate::raw::{Raw, hello};
use crate::server::{PATIENCE, Server};

fn without_permanent_rooms(config: &mut Config) {
    config.games.insert(Probe::ID.into(), GameConfig { permanent: false, ..GameConfig::default() });
}

async fn join(server: &Server, room: RoomWanted) -> Player<Probe> {
    Player::join(server, "ann", room).await
}

async fn refused(server: &Server, room: RoomWanted) -> Refusal {
    Player::<Probe>::connect(server, "ann").await.enter(room).await.unwrap_err()
}

#[tokio::test]
async fn equal_options_lead_to_one_room() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let small = r#"{"seats": 3, "bots": 0}"#;
    let mut players = Vec::new();
    for room in ["", "{}", small, r#"{"bots":0,"seats":3}"#, small, small].map(alike) {
        players.push(join(&server, room).await);
    }
    players.push(join(&server, new_room("")).await);
    let rooms: Vec<_> = players.iter().map(Player::room).collect();
    let [plain, also_plain, small, also_small, third, beyond, created] = rooms[..] else { unreachable!() };
    assert_eq!(plain, also_plain);
    assert_eq!((small, small), (also_small, third));
    let different: BTreeSet<_> = [plain, small, beyond, created].into();
    assert_eq!(different.len(), 4, "the small room was full: {rooms:?}");
}

#[tokio::test]
async fn those_who_come_at_once_meet() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut players = Vec::new();
    for _ in 0..8 {
        players.push(Player::<Probe>::connect(&server, "ann").await);
    }
    let options = r#"{"seats": 8, "config": {"noise": 1000}}"#;
    let mut joining = tokio::task::JoinSet::new();
    for mut player in players {
        joining.spawn(async move {
            player.enter(alike(options)).await.unwrap();
            player
        });
    }
    let players = joining.join_all().await;
    assert!(players.iter().all(|player| player.room() == players[0].room()));
}

#[tokio::test]
async fn a_created_room_is_as_told() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let options = r#"{"seats": 5, "tick_hz": 90, "bots": 1, "config": {"noise": 3}}"#;
    let mut ann = join(&server, new_room(options)).await;
    let joined = ann.replica().joined().clone();
    assert_eq!((joined.seats, joined.tick_hz, joined.game.as_str()), (5, 90, Probe::ID));
    let config: serde_json::Value = serde_json::from_str(&joined.config).unwrap();
    assert_eq!((&config["noise"], &config["chatter"]), (&3.into(), &0.into()));
    // The player, the bot and the noise.
    ann.until("everything", |ann| ann.replica().views().len() == 5).await;
}

#[tokio::test]
async fn bad_options_are_refused_by_name() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let long = format!(r#"{{"metadata": {{"name": "{}"}}}}"#, "x".repeat(2048));
    let cases = [
        (r#"{"seats": 0}"#, "seats"),
        (r#"{"seats": 1001}"#, "seats"),
        (r#"{"seats": "two"}"#, "seats"),
        (r#"{"tick_hz": 241}"#, "tick_hz"),
        (r#"{"seats": 2, "bots": 3}"#, "bots"),
        (r#"{"config": {"noise": 1001}}"#, "noise"),
        (r#"{"config": {"noise": "loud"}}"#, "config.noise"),
        (r#"{"config": {"nose": 1}}"#, "nose"),
        (r#"{"colour": 1}"#, "colour"),
        ("[1]", "options"),
        ("{", "options"),
        (&long, "options"),
    ];
    let mut ann = Player::<Probe>::connect(&server, "ann").await;
    for (options, field) in cases {
        for room in [new_room(options), alike(options)] {
            match ann.enter(room).await {
                Err(Refusal::BadOption(said)) => assert!(said.contains(field), "{options}: {said}"),
                other => panic!("{options}: {other:?}"),
            }
        }
    }
    ann.enter(alike("")).await.unwrap();
    assert_eq!(server.metric("fracas_refusals_total{reason=\"bad_option\"}"), 24.0);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_joined() {
    let server = Server::start_of::<ProbeGames>(without_permanent_rooms);
    let any = || RoomWanted::Join { game: Probe::ID.into() };
    assert_eq!(refused(&server, any()).await, Refusal::NoSuchRoom(Probe::ID.into()));
    assert_eq!(refused(&server, by_id("QQQQQQ")).await, Refusal::NoSuchRoom("QQQQQQ".into()));
    for room in [
        RoomWanted::Join { game: "chess".into() },
        RoomWanted::JoinOrCreate { game: "chess".into(), options: String::new() },
        RoomWanted::Create { game: "chess".into(), options: String::new() },
    ] {
        assert_eq!(refused(&server, room).await, Refusal::NoSuchGame("chess".into()));
    }
    let room = join(&server, new_room(r#"{"seats": 2, "bots": 0}"#)).await;
    assert_eq!(join(&server, any()).await.room(), room.room(), "whatever its options");
}

#[tokio::test]
async fn a_full_room_is_refused_by_its_id() {
    let server = Server::start_of::<ProbeGames>(without_permanent_rooms);
    let mut ann = join(&server, new_room(r#"{"seats": 1, "bots": 0}"#)).await;
    let full = Refusal::RoomFull(ann.room().to_owned());
    assert_eq!(refused(&server, by_id(ann.room())).await, full);
    let any = RoomWanted::Join { game: Probe::ID.into() };
    assert_eq!(refused(&server, any).await, Refusal::NoSuchRoom(Probe::ID.into()));
    let room = ann.room().to_owned();
    ann.leave().await;
    join(&server, by_id(&room)).await;
}

#[tokio::test]
async fn one_connection_has_one_room() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut raw = Raw::greet(server.public).await;
    let join = ClientMessage::Join { room: alike(""), schema_hash: 0 };
    raw.say(&join).await;
    let ServerMessage::Joined(joined) = raw.answer().await else { panic!("no seat") };
    assert!(joined.schema.is_some_and(|schema| schema.contains("probe")));
    raw.say(&join).await;
    loop {
        match raw.answer().await {
            ServerMessage::PlayerJoined(_) => {}
            answer => break assert_eq!(answer, ServerMessage::Refused(Refusal::AlreadyInRoom)),
        }
    }
}

#[tokio::test]
async fn a_bad_name_may_be_corrected() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut raw = Raw::connect(server.public).await;
    for name in ["", "a\nb", &"x".repeat(33)] {
        raw.say(&hello(PROTOCOL_VERSION, name)).await;
        assert!(matches!(raw.answer().await, ServerMessage::Welcome { .. }));
        assert_eq!(raw.answer().await, ServerMessage::Refused(Refusal::BadName));
    }
    raw.say(&hello(PROTOCOL_VERSION, &"x".repeat(32))).await;
    assert!(matches!(raw.answer().await, ServerMessage::Welcome { .. }));
    raw.say(&ClientMessage::Join { room: alike(""), schema_hash: 0 }).await;
    assert!(matches!(raw.answer().await, ServerMessage::Joined(_)));
}

#[tokio::test]
async fn rooms_are_listed_by_pages() {
    let server = Server::start_of::<ProbeGames>(without_permanent_rooms);
    let mut players = Vec::new();
    for number in 0..103 {
        let options =
            format!(r#"{{"seats": 3, "bots": 0, "tick_hz": 1, "metadata": {{"name": "room {number}"}}}}"#);
        players.push(join(&server, new_room(&options)).await);
    }
    let client = &mut players[0].client;
    let (first, total) = client.list(None, 0).await.unwrap();
    assert_eq!((first.len(), total), (100, 103));
    assert_eq!((first[0].players, first[0].bots, first[0].seats, first[0].tick_hz), (1, 0, 3, 1));
    assert_eq!(first[0].metadata, r#"{"name":"room 0"}"#);
    let (rest, total) = client.list(Some(Probe::ID), 100).await.unwrap();
    assert_eq!((rest.len(), total), (3, 103));
    assert_eq!(rest[2].metadata, r#"{"name":"room 102"}"#);
    assert_eq!(client.list(None, u32::MAX).await.unwrap(), (vec![], 103));
    assert_eq!(client.list(Some("chess"), 0).await.unwrap(), (vec![], 0));
    assert_eq!(rest[2].room, players[102].room());
}

#[tokio::test]
async fn rooms_beyond_the_most_are_refused() {
    let server = Server::start_of::<ProbeGames>(|config| config.rooms_max = 2);
    let _second = join(&server, new_room("")).await;
    assert_eq!(refused(&server, new_room("")).await, Refusal::TooManyRooms);
    assert_eq!(refused(&server, alike(r#"{"seats": 2, "bots": 0}"#)).await, Refusal::TooManyRooms);
    join(&server, alike("")).await;
}

#[tokio::test]
async fn a_room_ends_when_nobody_is_left() {
    let server = Server::start_of::<ProbeGames>(|config| config.room_linger_s = 0);
    let mut ann = join(&server, new_room("")).await;
    let room = ann.room().to_owned();
    let mut bob = join(&server, by_id(&room)).await;
    ann.leave().await;
    assert!(ann.client.list(None, 0).await.unwrap().0.iter().any(|listed| listed.room == room));
    bob.leave().await;
    let gone = async {
        loop {
            let (rooms, _) = ann.client.list(None, 0).await.unwrap();
            if rooms.iter().all(|listed| listed.room != room) {
                break rooms;
            }
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        }
    };
    let rooms = tokio::time::timeout(PATIENCE, gone).await.expect("the room does not end");
    assert_eq!(rooms.len(), 1, "the permanent room stays: {rooms:?}");
    assert_eq!(ann.enter(by_id(&room)).await, Err(Refusal::NoSuchRoom(room)));
    assert_eq!(ann.enter(by_id(&rooms[0].room)).await, Ok(()));
    server.metric_until("fracas_rooms{game=\"probe\"}", |rooms| rooms == 1.0).await;
}

/// Nobody who is on the way in finds the room gone.
#[tokio::test]
async fn coming_and_going_never_ends_a_room_under_a_player() {
    let server = Server::start_of::<ProbeGames>(|config| {
        without_permanent_rooms(config);
        config.room_linger_s = 0;
    });
    let mut coming = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let mut player = Player::<Probe>::connect(&server, "ann").await;
        coming.spawn(async move {
            for _ in 0..20 {
                player.enter(alike(r#"{"seats": 3, "bots": 0, "tick_hz": 240}"#)).await.unwrap();
                player.leave().await;
            }
        });
    }
    coming.join_all().await;
    server.metric_until("fracas_rooms{game=\"probe\"}", |rooms| rooms == 0.0).await;
}

#[tokio::test]
async fn seats_of_those_who_hang_up_on_the_way_in_are_free_again() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = join(&server, new_room(r#"{"seats": 4, "bots": 0}"#)).await;
    let room = ann.room().to_owned();
    for _ in 0..30 {
        let mut raw = Raw::greet(server.public).await;
        raw.say(&ClientMessage::Join { room: by_id(&room), schema_hash: 0 }).await;
    }
    server.metric_until("fracas_connections{door=\"websocket\"}", |open| open == 1.0).await;
    server.metric_until("fracas_players{game=\"probe\"}", |players| players == 1.0).await;
    ann.until("everyone gone", |ann| ann.roster().0.len() == 1).await;
    let (rooms, _) = ann.client.list(None, 0).await.unwrap();
    assert_eq!(rooms.iter().find(|listed| listed.room == room).unwrap().players, 1);
}
