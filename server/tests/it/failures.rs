//! Games that fail, and what becomes of the others.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fracas_client::{Event, RoomWanted};
use fracas_server::config::GameConfig;
use fracas_server::{Listeners, Shutdown, run};
use fracas_shared::limits::SIM_THREADS_LOST_MAX;
use fracas_shared::{CloseCode, Refusal};

use crate::player::Player;
use crate::probe::{Input, Message, Probe, ProbeGames, STOP_SPINNING, alike, by_id, new_room};
use crate::server::{Server, local};

const ROOMS: &str = "fracas_rooms{game=\"probe\"}";

/// A room whose rules are made to panic ends; another one and the server go on.
async fn check(server: &Server, fail: impl AsyncFnOnce(&mut Player<Probe>)) {
    let failures = server.metric("fracas_room_failures_total");
    let mut other = Player::<Probe>::join(server, "ann", alike("")).await;
    let mut witness = Player::<Probe>::join(server, "bob", new_room("")).await;
    let mut culprit = Player::<Probe>::join(server, "cid", by_id(witness.room())).await;
    let room = witness.room().to_owned();
    witness.frames(1).await;
    fail(&mut culprit).await;
    for player in [&mut witness, &mut culprit] {
        let error = player.end().await;
        assert_eq!(error.close_code(), Some(CloseCode::RoomFailed), "{error}");
    }
    other.frames(5).await;
    other.leave().await;
    assert_eq!(other.enter(by_id(&room)).await, Err(Refusal::NoSuchRoom(room)));
    assert_eq!(server.metric("fracas_room_failures_total"), failures + 1.0);
    server.metric_until("fracas_players{game=\"probe\"}", |players| players == 0.0).await;
}

#[tokio::test]
async fn rules_that_panic_end_their_room_alone() {
    let server = Server::start_of::<ProbeGames>(|config| config.sim_threads = Some(1));
    check(&server, async |culprit| {
        culprit.client.send_message(&Message::Fail { after_ms: 0 }).await.unwrap();
    })
    .await;
    check(&server, async |culprit| {
        culprit.acts = |_| Input { steps: 0, fails: true };
        culprit.frames(1).await;
    })
    .await;
    let bots = server.metric("fracas_bots{game=\"probe\"}");
    assert!((0.0..=7.0).contains(&bots), "{bots} bots in the one room that is left");
}

#[tokio::test]
async fn who_is_on_the_way_into_a_room_that_fails_is_told() {
    let server = Server::start_of::<ProbeGames>(|config| config.sim_threads = Some(2));
    let mut other = Player::<Probe>::join(&server, "ann", alike("")).await;
    let mut culprit = Player::<Probe>::join(&server, "bob", new_room("")).await;
    culprit.frames(2).await;
    culprit.client.send_message(&Message::Fail { after_ms: 300 }).await.unwrap();
    other.frames(6).await;
    let room = culprit.room().to_owned();
    let mut late = Player::<Probe>::connect(&server, "cid").await;
    match late.enter(by_id(&room)).await {
        Err(refusal) => assert_eq!(refusal, Refusal::NoSuchRoom(room)),
        // On a busy machine the last tick may not have begun before.
        Ok(()) => assert_eq!(late.end().await.close_code(), Some(CloseCode::RoomFailed)),
    }
    assert_eq!(culprit.end().await.close_code(), Some(CloseCode::RoomFailed));
    other.frames(2).await;
}

#[tokio::test]
async fn rules_that_panic_at_the_opening_refuse_the_room() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = Player::<Probe>::connect(&server, "ann").await;
    let refusal = ann.enter(new_room(r#"{"config": {"opening": "fails"}}"#)).await.unwrap_err();
    assert!(matches!(&refusal, Refusal::BadOption(said) if said.contains("config")), "{refusal}");
    assert_eq!(server.metric("fracas_room_failures_total"), 1.0);
    ann.enter(new_room("")).await.unwrap();
    ann.frames(2).await;
}

/// So often is tried what a busy machine may spoil.
const TRIES: u32 = 5;

#[tokio::test]
async fn rules_that_never_open_a_match_hold_nobody_up() {
    let server = start(1000);
    let mut ann = Player::<Probe>::join(&server, "ann", new_room("")).await;
    let mut bob = Player::<Probe>::connect(&server, "bob").await;
    let opening = bob.enter(new_room(r#"{"config": {"opening": "hangs"}}"#));
    let others = async {
        ann.frames(10).await;
        let mut cid = Player::<Probe>::join(&server, "cid", new_room("")).await;
        cid.frames(10).await;
        server.metric("fracas_room_hangs_total")
    };
    let (refused, hangs) = tokio::join!(opening, others);
    assert_eq!(hangs, 0.0, "the others came and played meanwhile");
    let refusal = refused.unwrap_err();
    assert!(matches!(&refusal, Refusal::BadOption(said) if said.contains("do not come back")), "{refusal}");
    assert_eq!(server.metric("fracas_room_hangs_total"), 1.0);
    assert_eq!(server.metric("fracas_sim_threads_lost_total"), 1.0);
    bob.enter(new_room("")).await.unwrap();
    bob.frames(2).await;
}

#[tokio::test]
async fn an_address_gets_back_what_it_had_in_a_room_that_hangs() {
    let server = Server::start_of::<ProbeGames>(|config| {
        config.limit_loopback = true;
        config.step_time_max_ms = 300;
        config.seats_per_address_max = 1;
        config.rooms_per_address_max = 1;
    });
    let mut culprit = Player::<Probe>::join(&server, "bob", new_room("")).await;
    culprit.frames(2).await;
    let mut again = Player::<Probe>::connect(&server, "bob").await;
    let refused = again.enter(new_room("")).await.unwrap_err();
    assert!(matches!(refused, Refusal::TooManyFromAddress(_)), "{refused}");
    culprit.client.send_message(&Message::Hang).await.unwrap();
    assert_eq!(culprit.end().await.close_code(), Some(CloseCode::RoomHung));
    again.enter(new_room("")).await.unwrap();
    again.frames(2).await;
}

#[tokio::test]
async fn a_permanent_room_waits_for_a_place_to_be_opened_anew() {
    let server = Server::start_of::<ProbeGames>(|config| {
        config.rooms_max = 1;
        config.room_linger_s = 1;
    });
    let mut bob = Player::<Probe>::connect(&server, "bob").await;
    let mut tries = 0..TRIES;
    let mut other = loop {
        // On a busy machine the room may be back before its place is taken.
        tries.next().expect("its place was free for a moment");
        let mut culprit = Player::<Probe>::join(&server, "eve", alike("")).await;
        culprit.frames(1).await;
        culprit.client.send_message(&Message::Fail { after_ms: 0 }).await.unwrap();
        assert_eq!(culprit.end().await.close_code(), Some(CloseCode::RoomFailed));
        if bob.enter(new_room(r#"{"private": true}"#)).await.is_ok() {
            break bob;
        }
        server.metric_until("fracas_rooms{game=\"probe\"}", |rooms| rooms == 1.0).await;
    };
    // Longer than the pause after which the room is to be opened for the first time.
    other.frames(120).await;
    let mut ann = Player::<Probe>::connect(&server, "ann").await;
    let wanted = RoomWanted::Join { game: "probe".into() };
    assert!(
        matches!(ann.enter(wanted.clone()).await, Err(Refusal::NoSuchRoom(_))),
        "there is no public room"
    );
    other.leave().await;
    while ann.enter(wanted.clone()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ann.frames(2).await;
}

/// A server whose rooms share one simulation thread, on which a step may take this long.
fn start(step_time_max_ms: u32) -> Server {
    Server::start_of::<ProbeGames>(|config| {
        config.sim_threads = Some(1);
        config.step_time_max_ms = step_time_max_ms;
        config
            .games
            .insert("probe".into(), GameConfig { permanent: false, bots: Some(0), ..GameConfig::default() });
    })
}

/// Ticks that the room told it had dropped.
fn dropped(player: &Player<Probe>) -> u32 {
    let ticks = |told: &Event| match told {
        Event::TimeDropped { ticks, .. } => *ticks,
        _ => 0,
    };
    player.told.iter().map(ticks).sum()
}

/// The ticks of the next so many frames.
async fn ticks(player: &mut Player<Probe>, count: u32) -> Vec<u32> {
    let mut ticks = Vec::new();
    for _ in 0..count {
        player.frames(1).await;
        ticks.push(player.replica().tick().0);
    }
    ticks
}

/// A busy machine drops ticks of its own accord, but not each time that rules panic.
#[tokio::test]
async fn a_room_beside_one_that_panics_misses_no_tick() {
    let server = start(2000);
    let mut witness = Player::<Probe>::join(&server, "ann", new_room("")).await;
    for _ in 0..TRIES {
        let mut culprit = Player::<Probe>::join(&server, "bob", new_room("")).await;
        culprit.frames(2).await;
        witness.frames(1).await;
        witness.told.clear();
        let before = witness.replica().tick().0;
        culprit.client.send_message(&Message::Fail { after_ms: 0 }).await.unwrap();
        let (seen, error) = tokio::join!(ticks(&mut witness, 30), culprit.end());
        assert_eq!(error.close_code(), Some(CloseCode::RoomFailed));
        // A client on a busy machine may be shown only the newest of two ticks.
        assert!(seen.is_sorted_by(|a, b| a < b) && seen[0] > before, "{seen:?}");
        if dropped(&witness) == 0 {
            return;
        }
    }
    panic!("ticks were dropped each time");
}

/// Lets spinning rules come back at the end of a test, however it ends.
struct StopSpinning;

impl Drop for StopSpinning {
    fn drop(&mut self) {
        STOP_SPINNING.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn rules_that_never_come_back_cost_their_room_alone() {
    let server = start(300);
    let spinning = StopSpinning;
    let mut witness = Player::<Probe>::join(&server, "ann", new_room("")).await;
    let mut culprit = Player::<Probe>::join(&server, "bob", new_room("")).await;
    let room = culprit.room().to_owned();
    let mut eve = Player::<Probe>::join(&server, "eve", by_id(&room)).await;
    for player in [&mut witness, &mut culprit, &mut eve] {
        player.frames(2).await;
    }
    culprit.client.send_message(&Message::Spin).await.unwrap();
    for player in [&mut culprit, &mut eve] {
        assert_eq!(player.end().await.close_code(), Some(CloseCode::RoomHung));
    }
    let before = witness.replica().tick().0;
    witness.frames(30).await;
    let dropped = dropped(&witness);
    // 60 ticks a second, of which some are made up for; a busy machine may be late besides.
    assert!((10..=60).contains(&dropped), "{dropped} ticks are missing");
    assert!(witness.replica().tick().0 - before >= 30);
    assert_eq!(eve_enters(&server, &room).await, Err(Refusal::NoSuchRoom(room)));
    let mut again = Player::<Probe>::join(&server, "bob", new_room("")).await;
    again.frames(5).await;
    for (metric, count) in [
        ("fracas_room_hangs_total", 1.0),
        ("fracas_sim_threads_lost_total", 1.0),
        ("fracas_rooms{game=\"probe\"}", 2.0),
        ("fracas_players{game=\"probe\"}", 2.0),
        ("fracas_players_away{game=\"probe\"}", 0.0),
    ] {
        server.metric_until(metric, |value| value == count).await;
    }
    // The step comes back after all, to nothing: what was given up in its name is not given up again.
    drop(spinning);
    again.frames(20).await;
    assert_eq!(server.metric(ROOMS), 2.0);
    assert_eq!(server.metric("fracas_players{game=\"probe\"}"), 2.0);
}

async fn eve_enters(server: &Server, room: &str) -> Result<(), Refusal> {
    Player::<Probe>::connect(server, "eve").await.enter(by_id(room)).await
}

#[tokio::test]
async fn who_is_on_the_way_into_a_room_that_hangs_is_told() {
    let server = start(400);
    let mut culprit = Player::<Probe>::join(&server, "bob", new_room("")).await;
    let room = culprit.room().to_owned();
    culprit.frames(2).await;
    let mut late = Player::<Probe>::connect(&server, "eve").await;
    culprit.client.send_message(&Message::Hang).await.unwrap();
    let (_, refused) = tokio::join!(culprit.end(), async {
        match late.enter(by_id(&room)).await {
            // The step had not begun.
            Ok(()) => late.end().await.close_code() == Some(CloseCode::RoomHung),
            Err(refusal) => refusal == Refusal::NoSuchRoom(room.clone()),
        }
    });
    assert!(refused);
}

#[tokio::test]
async fn after_too_many_losses_the_server_stops_in_good_order() {
    let mut config = local();
    config.sim_threads = Some(1);
    config.step_time_max_ms = 200;
    let listeners = Listeners::bind(&config).unwrap();
    let public = listeners.public.local_addr().unwrap();
    let running = tokio::spawn(run::<ProbeGames>(config, listeners, Shutdown::new()));
    let mut witness = Player::<Probe>::connect_by(public, "ann").await;
    witness.enter(new_room("")).await.unwrap();
    for _ in 0..SIM_THREADS_LOST_MAX {
        let mut culprit = Player::<Probe>::connect_by(public, "bob").await;
        culprit.enter(new_room("")).await.unwrap();
        culprit.frames(1).await;
        culprit.client.send_message(&Message::Hang).await.unwrap();
        assert_eq!(culprit.end().await.close_code(), Some(CloseCode::RoomHung));
    }
    assert_eq!(witness.end().await.close_code(), Some(CloseCode::Restart));
    let error = running.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("start it anew"), "{error}");
}

#[tokio::test]
async fn a_room_that_is_too_slow_slows_itself_and_says_so() {
    let server = start(2000);
    // 60 ticks a second, and none takes less than 40 ms.
    let mut slow = Player::<Probe>::join(&server, "bob", new_room(r#"{"config": {"work_ms": 40}}"#)).await;
    let mut other = Player::<Probe>::join(&server, "ann", new_room(r#"{"tick_hz": 10}"#)).await;
    other.frames(1).await;
    tokio::join!(slow.frames(25), other.frames(12));
    slow.until("word of time that was dropped", |slow| {
        slow.told.iter().any(|told| matches!(told, Event::TimeDropped { .. }))
    })
    .await;
    assert!(server.metric("fracas_room_overruns_total{game=\"probe\"}") >= 20.0);
    assert!(!other.told.iter().any(|told| matches!(told, Event::TimeDropped { .. })), "{:?}", other.told);
}

#[tokio::test]
async fn a_permanent_room_whose_rules_failed_is_opened_anew() {
    let server = Server::start_of::<ProbeGames>(|config| config.sim_threads = Some(1));
    let mut culprit = Player::<Probe>::join(&server, "bob", alike("")).await;
    let room = culprit.room().to_owned();
    culprit.client.send_message(&Message::Fail { after_ms: 0 }).await.unwrap();
    assert_eq!(culprit.end().await.close_code(), Some(CloseCode::RoomFailed));
    server.metric_until(ROOMS, |rooms| rooms == 0.0).await;
    server.metric_until(ROOMS, |rooms| rooms == 1.0).await;
    let mut ann = Player::<Probe>::connect(&server, "ann").await;
    ann.enter(RoomWanted::Join { game: "probe".into() }).await.unwrap();
    assert_ne!(ann.room(), room);
    ann.frames(2).await;
}

#[tokio::test]
async fn rules_that_panic_when_they_are_dropped_end_their_room_alone() {
    let options =
        |more: &str| new_room(&format!(r#"{{"config": {{"dropping": "fails", "noise": 3{more}}}}}"#));
    let server = Server::start_of::<ProbeGames>(|config| {
        (config.sim_threads, config.room_linger_s) = (Some(1), 0);
    });
    let mut witness = Player::<Probe>::join(&server, "ann", new_room("")).await;
    let rooms = async |count: f64| server.metric_until(ROOMS, |rooms| rooms == count).await;
    // The room ends by itself.
    let mut culprit = Player::<Probe>::join(&server, "bob", options("")).await;
    culprit.frames(2).await;
    rooms(3.0).await;
    culprit.leave().await;
    rooms(2.0).await;
    witness.frames(2).await;
    // Its rules fail before.
    culprit.enter(options("")).await.unwrap();
    culprit.client.send_message(&Message::Fail { after_ms: 0 }).await.unwrap();
    assert_eq!(culprit.end().await.close_code(), Some(CloseCode::RoomFailed));
    rooms(2.0).await;
    witness.frames(2).await;
    // It is never opened.
    let mut culprit = Player::<Probe>::connect(&server, "bob").await;
    let refusal = culprit.enter(options(r#", "opening": "fails""#)).await.unwrap_err();
    assert!(matches!(&refusal, Refusal::BadOption(said) if said.contains("failed")), "{refusal}");
    witness.frames(2).await;
    // The server ends.
    culprit.enter(options("")).await.unwrap();
    culprit.frames(2).await;
    server.stop();
    assert_eq!(witness.end().await.close_code(), Some(CloseCode::Restart));
}

#[tokio::test]
async fn rules_whose_drop_never_comes_back_cost_their_room_alone() {
    // Long enough for the panic to be told with all of its stack.
    let server = start(1500);
    let mut witness = Player::<Probe>::join(&server, "ann", new_room("")).await;
    let hanging = new_room(r#"{"config": {"dropping": "hangs"}}"#);
    let mut culprit = Player::<Probe>::join(&server, "bob", hanging).await;
    culprit.frames(2).await;
    culprit.client.send_message(&Message::Fail { after_ms: 0 }).await.unwrap();
    assert_eq!(culprit.end().await.close_code(), Some(CloseCode::RoomFailed));
    server.metric_until("fracas_room_hangs_total", |hangs| hangs == 1.0).await;
    witness.frames(30).await;
    for metric in ["rooms", "players"] {
        server.metric_until(&format!("fracas_{metric}{{game=\"probe\"}}"), |count| count == 1.0).await;
    }
    Player::<Probe>::join(&server, "cid", new_room("")).await.frames(2).await;
}

/// The error of a start that this table for the game must prevent.
async fn refused_start(game: &str, table: &str) -> String {
    let mut config = local();
    let table = GameConfig { config: toml::from_str(table).unwrap(), ..GameConfig::default() };
    config.games.insert(game.into(), table);
    let listeners = Listeners::bind(&config).unwrap();
    run::<ProbeGames>(config, listeners, Shutdown::new()).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_config_that_the_game_refuses_stops_the_start() {
    let error = refused_start("probe", "noise = 1001").await;
    assert_eq!(error, "[games.probe] `noise`: 1001 is more than 1000");
    let error = refused_start("probe", "nose = 1").await;
    assert!(error.contains("games.probe") && error.contains("`nose`"), "{error}");
    let error = refused_start("probe", "opening = \"fails\"").await;
    assert!(error.contains("the permanent room of 'probe'") && error.contains("config"), "{error}");
    let error = refused_start("chess", "").await;
    assert_eq!(error, "[games.chess]: no such game; this server has: probe");
}
