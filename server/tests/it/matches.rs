//! Matches, as their players live them.

use std::collections::BTreeMap;
use std::sync::Arc;

use fracas_client::{Event, Replica, RoomWanted};
use fracas_games::Games;
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{GameList, GameVisitor, Pilot, PlayerId, Rng, Tick};

use crate::player::Player;
use crate::probe::{self, Probe, ProbeGames, alike, by_id, new_room};
use crate::server::Server;

fn at(player: &Player<Probe>, of: PlayerId) -> u32 {
    let view = player.replica().views().iter().find(|(_, view)| view.player == Some(of));
    view.map_or(0, |(_, view)| view.at)
}

/// What a bot would do.
fn pilot<G: Pilot>(seen: &Replica<G>) -> G::Input {
    let mut rng = Rng::new(seen.tick().0.into(), 0);
    seen.rules().unwrap().pilot(&mut G::Mind::default(), &seen.seen().expect("a player"), &mut rng)
}

/// Two players of any game meet, act, and see the same.
async fn meet<G: Pilot>(server: &Server) {
    let room = || RoomWanted::JoinOrCreate { game: G::ID.into(), options: r#"{"bots": 0}"#.into() };
    let mut ann = Player::<G>::join(server, "ann", room()).await;
    let mut bob = Player::<G>::join(server, "bob", room()).await;
    assert_eq!(ann.room(), bob.room());
    assert_ne!(ann.seat(), bob.seat());
    ann.until("bob in the roster", |ann| ann.roster().0.iter().any(|entry| entry.name == "bob")).await;
    assert!(bob.roster().0.iter().any(|entry| entry.name == "ann"));

    (ann.acts, bob.acts) = (pilot::<G>, pilot::<G>);
    // By tick, for one may be behind the other.
    let mut seen: BTreeMap<u32, Arc<Snapshot>> = BTreeMap::new();
    let (mut same, mut changed) = (0, false);
    while same < 30 || !changed {
        for player in [&mut ann, &mut bob] {
            player.frames(1).await;
            let snapshot = player.snapshot();
            if let Some(others) = seen.insert(snapshot.tick().0, snapshot.clone()) {
                assert_eq!(others, snapshot, "{}: they see different matches", G::ID);
                same += 1;
            }
        }
        let first = seen.values().next();
        changed |= first.is_some_and(|first| !is_alike(first, &ann.snapshot()));
    }
}

/// Whether two snapshots show the same, but for the tick.
fn is_alike(one: &Snapshot, other: &Snapshot) -> bool {
    let codes = |snapshot: &Snapshot| snapshot.rows().flat_map(|row| row.codes.to_vec()).collect::<Vec<_>>();
    codes(one) == codes(other)
}

#[test]
fn in_every_game_two_players_meet_and_see_the_same() {
    struct Meet(Server);

    impl GameVisitor for Meet {
        fn visit<G: Pilot>(&mut self) {
            tokio::runtime::Runtime::new().unwrap().block_on(meet::<G>(&self.0));
        }
    }

    Games::visit_all(&mut Meet(Server::start()));
}

#[tokio::test]
async fn every_step_of_every_player_counts_once() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = Player::<Probe>::join(&server, "ann", alike(r#"{"bots": 1}"#)).await;
    let mut bob = Player::<Probe>::join(&server, "bob", alike(r#"{"bots": 1}"#)).await;
    assert_eq!(ann.replica().own().map(|own| own.player), None, "no frame has come yet");
    ann.acts = |_| probe::Input { steps: 2, fails: false };
    let (anns, bobs) = (ann.seat(), bob.seat());
    ann.until("steps", |ann| at(ann, anns) >= 20).await;
    assert_eq!(ann.replica().own().map(|own| own.player), Some(anns));
    assert_eq!(at(&ann, anns) % 2, 0);
    bob.until("the other's steps", |bob| at(bob, anns) >= 20).await;
    assert_eq!(at(&bob, bobs), 0, "nobody moves who does not want to");
    assert!(server.metric("fracas_inputs_total{fate=\"on_time\"}") > 0.0);
    assert!(server.metric("fracas_received_messages_total{kind=\"input\"}") > 0.0);
    // Of each of the two, with the second after their ten.
    ann.until("ten seconds", |ann| ann.replica().tick().since(Tick(ann.replica().joined().tick)) > 700).await;
    assert!(server.metric("fracas_player_inputs_missing_count") >= 2.0);
    assert!(server.metric("fracas_received_messages_total{kind=\"control\"}") >= 4.0);
}

#[tokio::test]
async fn a_left_seat_is_free_at_once() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = Player::<Probe>::join(&server, "ann", new_room(r#"{"seats": 2, "bots": 0}"#)).await;
    let room = ann.room().to_owned();
    let mut bob = Player::<Probe>::join(&server, "bob", by_id(&room)).await;
    for _ in 0..5 {
        bob.frames(2).await;
        let (joined, seen) = (Tick(bob.replica().joined().tick), bob.replica().tick());
        let left = bob.leave().await;
        assert!(!joined.is_after(seen) && !seen.is_after(left), "{joined:?} {seen:?} {left:?}");
        bob.enter(by_id(&room)).await.unwrap();
    }
    bob.frames(1).await;
    ann.until("bob", |ann| ann.replica().tick() == bob.replica().tick()).await;
    ann.told.clear();
    let bobs = bob.seat();
    bob.leave().await;
    let told = |told: &Event| matches!(told, Event::PlayerLeft(player) if *player == bobs);
    ann.until("word of it", |ann| ann.told.iter().any(told)).await;
    assert_eq!(ann.roster().0.len(), 1);
}

#[tokio::test]
async fn a_player_who_hangs_up_leaves() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = Player::<Probe>::join(&server, "ann", new_room(r#"{"seats": 2, "bots": 0}"#)).await;
    let room = ann.room().to_owned();
    for _ in 0..3 {
        let bob = Player::<Probe>::join(&server, "bob", by_id(&room)).await;
        ann.until("bob", |ann| ann.roster().0.len() == 2).await;
        drop(bob);
        ann.until("bob gone", |ann| ann.roster().0.len() == 1).await;
    }
}

#[tokio::test]
async fn bots_make_room_and_come_back() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = Player::<Probe>::join(&server, "ann", new_room(r#"{"seats": 3, "bots": 3}"#)).await;
    let room = ann.room().to_owned();
    let counts = |player: &mut Player<Probe>| {
        let (players, bots) = player.roster();
        (players.len(), bots.len())
    };
    ann.until("bots", |ann| counts(ann) == (1, 2)).await;
    let mut bob = Player::<Probe>::join(&server, "bob", by_id(&room)).await;
    ann.until("a bot that makes room", |ann| counts(ann) == (2, 1)).await;
    let mut cid = Player::<Probe>::join(&server, "cid", by_id(&room)).await;
    ann.until("no bots", |ann| counts(ann) == (3, 0)).await;
    bob.until("no bots", |bob| counts(bob) == (3, 0)).await;
    bob.leave().await;
    cid.leave().await;
    ann.until("bots again", |ann| counts(ann) == (1, 2)).await;
    let bot = ann.roster().1[0].player;
    ann.until("a bot that plays", |ann| at(ann, PlayerId(bot)) > 3).await;
    server.metric_until("fracas_bots{game=\"probe\"}", |bots| bots == 2.0).await;
}

#[tokio::test]
async fn a_room_that_nobody_watches_stands_still() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = Player::<Probe>::join(&server, "ann", alike("")).await;
    let room = ann.room().to_owned();
    ann.frames(5).await;
    let left = ann.leave().await;
    // Another room of the same rate tells how much time has gone by.
    ann.enter(new_room("")).await.unwrap();
    ann.frames(30).await;
    ann.leave().await;
    ann.enter(by_id(&room)).await.unwrap();
    let back = Tick(ann.replica().joined().tick);
    assert!((1..=2).contains(&back.since(left)), "left at {left:?}, back at {back:?}");
    ann.until("the next tick", |ann| ann.frames == 1 && ann.replica().tick() == back).await;
}

/// The client fails when a frame of the old room reaches it in the new one.
#[tokio::test]
async fn one_connection_goes_from_room_to_room() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let small = r#"{"seats": 2, "bots": 0, "tick_hz": 120}"#;
    let large = r#"{"seats": 9, "bots": 5, "tick_hz": 100, "config": {"noise": 20}}"#;
    // Others keep both rooms going, at ticks of their own.
    let mut ann = Player::<Probe>::join(&server, "ann", alike(small)).await;
    ann.frames(50).await;
    let _bob = Player::<Probe>::join(&server, "bob", alike(large)).await;
    let mut cid = Player::<Probe>::connect(&server, "cid").await;
    for (options, things) in [(small, 2), (large, 20)].into_iter().cycle().take(12) {
        cid.enter(alike(options)).await.unwrap();
        let joined = Tick(cid.replica().joined().tick);
        cid.until("the first frame", |cid| cid.frames == 1).await;
        assert!(!joined.is_after(cid.replica().tick()));
        let seen = cid.replica().views().len();
        assert!(seen >= things && (things > 2 || seen == 2), "{seen} things with {options}");
        cid.frames(3).await;
        cid.leave().await;
    }
}
