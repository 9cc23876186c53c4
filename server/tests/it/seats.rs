//! Seats that outlive their connections.

use fracas_client::{ClientError, Event, ReconnectPolicy, RoomWanted};
use fracas_shared::message::{Hearers, Resumed};
use fracas_shared::{CloseCode, Refusal};

use crate::player::Player;
use crate::probe::{Input, Probe, ProbeGames, alike, by_id, new_room};
use crate::server::Server;

/// A server of Probe without bots.
fn start() -> Server {
    Server::start_of::<ProbeGames>(|config| {
        config.games.entry("probe".to_owned()).or_default().bots = Some(0);
        config.games.entry("probe".to_owned()).or_default().permanent = false;
    })
}

fn resume(token: &str) -> RoomWanted {
    RoomWanted::Resume { token: token.to_owned(), received: None, attempt: None }
}

impl Player<Probe> {
    fn token(&mut self) -> String {
        let room = self.client.session().room().expect("a player who is in a room");
        room.resume_token().expect("a player's token").to_owned()
    }

    fn resume_request(&mut self) -> RoomWanted {
        let room = self.client.session().room_mut().expect("a player who is in a room");
        room.resume_request().expect("a player with a seat")
    }

    fn at(&self) -> u32 {
        let view = self.replica().views().iter().find(|(_, view)| view.player == Some(self.seat()));
        view.map_or(0, |(_, view)| view.at)
    }

    /// One who walks, and surely is known to be there.
    async fn walking(server: &Server, name: &str, room: RoomWanted) -> Self {
        let mut player = Self::join(server, name, room).await;
        player.acts = |_| Input { steps: 1, fails: false };
        player.until("steps", |player| player.at() >= 3).await;
        player
    }

    fn was_told(&self, is_it: impl Fn(&Event) -> bool) -> bool {
        self.told.iter().any(is_it)
    }
}

#[tokio::test]
async fn a_player_who_drops_comes_back_to_the_seat_and_the_score() {
    let server = start();
    let mut ann = Player::walking(&server, "ann", new_room("")).await;
    let mut bob = Player::walking(&server, "bob", by_id(ann.room())).await;
    let (seat, room, token, at) = (ann.seat(), ann.room().to_owned(), ann.token(), ann.at());
    drop(ann);
    bob.until("ann to be away", |bob| {
        bob.was_told(|told| matches!(told, Event::PlayerAway(who) if *who == seat))
    })
    .await;
    assert!(bob.roster().0.iter().any(|entry| entry.name == "ann" && entry.is_away));
    server.metric_until("fracas_players_away{game=\"probe\"}", |away| away == 1.0).await;

    let mut ann = Player::<Probe>::connect(&server, "another name").await;
    ann.enter(resume(&token)).await.unwrap();
    assert_eq!((ann.seat(), ann.room()), (seat, room.as_str()));
    assert_eq!(ann.replica().joined().resumed.map(|resumed| resumed.missed), Some(0));
    ann.frames(1).await;
    assert!(ann.at() >= at, "the score is what it was");
    assert_eq!(ann.roster().0.len(), 2);
    bob.until("ann to be back", |bob| {
        bob.was_told(|told| matches!(told, Event::PlayerBack(who) if *who == seat))
    })
    .await;
    assert!(bob.roster().0.iter().all(|entry| !entry.is_away));
    assert!(!bob.was_told(|told| matches!(told, Event::PlayerLeft(_))), "the seat was kept");
    server.metric_until("fracas_players_away{game=\"probe\"}", |away| away == 0.0).await;
}

#[tokio::test]
async fn a_seat_is_free_when_nobody_comes_back_in_time() {
    let server = start();
    let mut ann = Player::walking(&server, "ann", new_room(r#"{"linger_s":1,"seats":2}"#)).await;
    let mut bob = Player::walking(&server, "bob", by_id(ann.room())).await;
    let (seat, token) = (ann.seat(), ann.token());
    drop(ann);
    // The seat is nobody else's as long as it is kept.
    bob.until("ann to be away", |bob| bob.was_told(|told| matches!(told, Event::PlayerAway(_)))).await;
    let mut cid = Player::<Probe>::connect(&server, "cid").await;
    assert_eq!(cid.enter(by_id(bob.room())).await, Err(Refusal::RoomFull(bob.room().to_owned())));
    bob.until("ann to be gone", |bob| {
        bob.was_told(|told| matches!(told, Event::PlayerLeft(who) if *who == seat))
    })
    .await;
    assert_eq!(cid.enter(resume(&token)).await, Err(Refusal::SeatLost));
    cid.enter(by_id(bob.room())).await.unwrap();
    assert_ne!(cid.token(), token);
    server.metric_until("fracas_players_away{game=\"probe\"}", |away| away == 0.0).await;
}

#[tokio::test]
async fn the_newest_connection_has_the_seat_while_the_old_one_still_stands() {
    let server = start();
    let mut old = Player::walking(&server, "ann", new_room("")).await;
    let (seat, token) = (old.seat(), old.token());
    let mut new = Player::<Probe>::connect(&server, "ann").await;
    new.enter(resume(&token)).await.unwrap();
    assert_eq!(new.seat(), seat);
    assert_eq!(old.end().await.close_code(), Some(CloseCode::Replaced));
    // And once more, while the one before is still about to be closed.
    let mut newest = Player::<Probe>::connect(&server, "ann").await;
    newest.enter(resume(&token)).await.unwrap();
    assert_eq!(new.end().await.close_code(), Some(CloseCode::Replaced));
    newest.acts = |_| Input { steps: 1, fails: false };
    let at = newest.at();
    newest.until("steps in the old seat", |newest| newest.at() > at + 3).await;
    assert_eq!(newest.roster().0.len(), 1, "there is one player, not three");
    server.metric_until("fracas_players{game=\"probe\"}", |players| players == 1.0).await;
}

#[tokio::test]
async fn a_seat_that_its_client_never_knew_of_is_free_at_once() {
    let server = start();
    let mut bob = Player::walking(&server, "bob", new_room(r#"{"seats":2}"#)).await;
    // Joined, and gone before the first frame was acknowledged.
    let ann = Player::<Probe>::join(&server, "ann", by_id(bob.room())).await;
    drop(ann);
    let is_free = |told: &Event| matches!(told, Event::PlayerLeft(_));
    bob.until("ann to be gone", |bob| bob.was_told(is_free) || bob.roster().0.len() == 1).await;
    assert!(!bob.was_told(|told| matches!(told, Event::PlayerAway(_))));
}

#[tokio::test]
async fn a_seat_that_was_given_back_is_not_taken_up_again() {
    let server = start();
    let bob = Player::walking(&server, "bob", new_room("")).await;
    let mut ann = Player::walking(&server, "ann", by_id(bob.room())).await;
    let token = ann.token();
    ann.leave().await;
    assert_eq!(ann.enter(resume(&token)).await, Err(Refusal::SeatLost));
    // What is no token at all is refused in the same words.
    let (room, secret) = token.rsplit_once('-').unwrap();
    for forged in ["", "-", room, secret, "NOROOM-0", &format!("{room}-{}", "0".repeat(32))] {
        assert_eq!(ann.enter(resume(forged)).await, Err(Refusal::SeatLost), "{forged}");
    }
}

#[tokio::test]
async fn who_guesses_tokens_is_shown_the_door() {
    let server = start();
    let mut ann = Player::<Probe>::connect(&server, "ann").await;
    let guessing = async {
        loop {
            if let Err(error) = ann.client.join::<Probe>(resume("ROOM-00")).await
                && !matches!(error, ClientError::Refused(Refusal::SeatLost))
            {
                return error;
            }
        }
    };
    assert_eq!(guessing.await.close_code(), Some(CloseCode::TooFast));
}

#[tokio::test]
async fn a_seat_is_lost_with_its_room() {
    let server = start();
    let mut ann = Player::walking(&server, "ann", new_room("")).await;
    let (token, mut bob) = (ann.token(), Player::<Probe>::join(&server, "bob", by_id(ann.room())).await);
    // The room ends while ann is away, and while bob looks.
    drop(ann);
    bob.acts = |_| Input { steps: 1, fails: true };
    assert_eq!(bob.end().await.close_code(), Some(CloseCode::RoomFailed));
    ann = Player::connect(&server, "ann").await;
    assert_eq!(ann.enter(resume(&token)).await, Err(Refusal::SeatLost));
    server.metric_until("fracas_players{game=\"probe\"}", |players| players == 0.0).await;
}

#[tokio::test]
async fn nothing_is_missed_by_who_comes_back_by_itself() {
    let server = start();
    let mut ann = Player::walking(&server, "ann", new_room("")).await;
    let mut bob = Player::walking(&server, "bob", by_id(ann.room())).await;
    let seat = ann.seat();
    ann.client.set_reconnect(Some(ReconnectPolicy::default()));
    // The way to lose a connection that both ends hold up: another one takes the seat, and goes.
    let mut thief = Player::<Probe>::connect(&server, "ann").await;
    thief.enter(resume(&ann.token())).await.unwrap();
    assert_eq!(ann.end().await.close_code(), Some(CloseCode::Replaced), "no fight for the seat");
    thief.frames(2).await;
    thief.acts = |_| Input { steps: 1, fails: false };
    let wanted = thief.resume_request();
    drop(thief);
    bob.until("ann to be away", |bob| bob.was_told(|told| matches!(told, Event::PlayerAway(_)))).await;
    for word in ["one", "two", "three"] {
        bob.client.say(Hearers::One { player: seat.0 }, word).await.unwrap();
    }
    bob.frames(4).await;
    let mut ann = Player::<Probe>::connect(&server, "ann").await;
    ann.enter(wanted).await.unwrap();
    assert!(matches!(ann.replica().joined().resumed, Some(Resumed { missed: 0, .. })));
    ann.frames(1).await;
    let said: Vec<_> = ann
        .told
        .iter()
        .filter_map(|told| match told {
            Event::Said { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(said, ["one", "two", "three"], "all that was said to ann meanwhile, in order, once");
}

#[tokio::test]
async fn who_missed_more_than_is_kept_is_told_so() {
    let server = start();
    // Each tick has an event of 255 bytes, so what is kept is soon not all that there was.
    let mut ann = Player::walking(&server, "ann", new_room(r#"{"config":{"chatter":40}}"#)).await;
    let mut bob = Player::walking(&server, "bob", by_id(ann.room())).await;
    let wanted = ann.resume_request();
    drop(ann);
    bob.until("ann to be away", |bob| bob.was_told(|told| matches!(told, Event::PlayerAway(_)))).await;
    bob.frames(20).await;
    let mut ann = Player::<Probe>::connect(&server, "ann").await;
    ann.enter(wanted).await.unwrap();
    let resumed = ann.replica().joined().resumed.expect("taken up again");
    assert!(resumed.missed > 0, "{resumed:?}");
    ann.frames(2).await;
}

#[tokio::test]
async fn a_client_that_is_cut_off_is_back_without_its_program_doing_anything() {
    let server = start();
    let mut ann = Player::walking(&server, "ann", new_room("")).await;
    let (seat, room) = (ann.seat(), ann.room().to_owned());
    let mut lossy = crate::lossy::Line::to(server.public).await;
    let mut bob = Player::<Probe>::connect_by(lossy.address(), "bob").await;
    bob.client.set_reconnect(Some(ReconnectPolicy::default()));
    bob.enter(by_id(&room)).await.unwrap();
    bob.acts = |_| Input { steps: 1, fails: false };
    bob.until("steps", |bob| bob.at() >= 3).await;
    let (bobs, at) = (bob.seat(), bob.at());
    assert_ne!(bobs, seat);
    lossy.cut();
    bob.until("a loss", |bob| bob.was_told(|told| matches!(told, Event::Lost { .. }))).await;
    bob.until("a return", |bob| bob.was_told(|told| matches!(told, Event::Joined(_)))).await;
    bob.until("more steps", |bob| bob.at() > at + 3).await;
    assert_eq!(bob.seat(), bobs);
    assert!(matches!(bob.replica().joined().resumed, Some(Resumed { missed: 0, .. })));
    ann.frames(1).await;
    assert!(!ann.was_told(|told| matches!(told, Event::PlayerLeft(_))));
}

#[tokio::test]
async fn rooms_alike_do_not_mix_up_their_tokens() {
    let server = start();
    let mut ann = Player::walking(&server, "ann", alike("")).await;
    let mut bob = Player::walking(&server, "bob", new_room("")).await;
    let (anns, bobs) = (ann.token(), bob.token());
    let (_, secret) = anns.rsplit_once('-').unwrap();
    let (room, _) = bobs.rsplit_once('-').unwrap();
    let mut eve = Player::<Probe>::connect(&server, "eve").await;
    assert_eq!(eve.enter(resume(&format!("{room}-{secret}"))).await, Err(Refusal::SeatLost));
}
