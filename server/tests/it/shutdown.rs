//! The end of a server, as its players see it.

use std::time::{Duration, Instant};

use fracas_client::Client;
use fracas_shared::CloseCode;
use fracas_shared::message::{ClientMessage, ServerMessage};

use crate::player::Player;
use crate::probe::{Probe, ProbeGames, alike, new_room};
use crate::raw::Raw;
use crate::server::Server;

/// Beyond the deadline that the server sets itself.
const GRACE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn everyone_is_told_that_the_server_restarts() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = Player::<Probe>::join(&server, "ann", alike("")).await;
    let mut bob = Player::<Probe>::join(&server, "bob", new_room("")).await;
    let mut lobby = Raw::greet(server.public).await;
    let mut silent = Raw::connect(server.public).await;
    ann.frames(2).await;
    let public = server.public;
    let began = Instant::now();
    server.shutdown.begin();
    assert_eq!(lobby.closed().await, CloseCode::Restart);
    assert_eq!(silent.closed().await, CloseCode::Restart);
    for player in [&mut ann, &mut bob] {
        let error = player.end().await;
        assert_eq!(error.close_code(), Some(CloseCode::Restart), "{error}");
    }
    drop((ann, bob, lobby, silent));
    server.stop();
    assert!(began.elapsed() < GRACE, "{:?}", began.elapsed());
    assert!(Client::connect(&public.to_string(), "cid").await.is_err());
}

#[tokio::test]
async fn who_does_not_take_leave_is_not_waited_for() {
    let server = Server::start_of::<ProbeGames>(|config| config.shutdown_deadline_s = 1);
    let mut raw = Raw::greet(server.public).await;
    let options = r#"{"bots": 0, "config": {"noise": 1000}}"#;
    raw.say(&ClientMessage::Join { room: new_room(options), schema_hash: 0 }).await;
    assert!(matches!(raw.answer().await, ServerMessage::Joined(_)));
    server.metric_until("fracas_frames_total{kind=\"stale\"}", |stale| stale > 0.0).await;
    let began = Instant::now();
    server.stop();
    assert!(began.elapsed() < Duration::from_secs(1) + GRACE, "{:?}", began.elapsed());
}
