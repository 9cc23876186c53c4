//! Games that fail, and what becomes of the others.

use fracas_server::config::GameConfig;
use fracas_server::{Listeners, Shutdown, run};
use fracas_shared::{CloseCode, Refusal};

use crate::player::Player;
use crate::probe::{Input, Message, Probe, ProbeGames, alike, by_id, new_room};
use crate::server::{Server, local};

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
    let refusal = ann.enter(new_room(r#"{"config": {"fails_to_open": true}}"#)).await.unwrap_err();
    assert!(matches!(&refusal, Refusal::BadOption(said) if said.contains("config")), "{refusal}");
    assert_eq!(server.metric("fracas_room_failures_total"), 1.0);
    ann.enter(new_room("")).await.unwrap();
    ann.frames(2).await;
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
    let error = refused_start("probe", "fails_to_open = true").await;
    assert!(error.contains("the permanent room of 'probe'") && error.contains("config"), "{error}");
    let error = refused_start("chess", "").await;
    assert_eq!(error, "[games.chess]: no such game; this server has: probe");
}
