//! Seats, matches and what viewers are told of them.

use fracas_shared::limits::{MAILBOX_RELIABLE_MAX, SEATS_MAX};
use fracas_shared::message::{Hearers, RosterEntry, ServerMessage, Standing};
use fracas_shared::{Chat, LeaveReason, PlayerId, Profile, Refusal, Schema};
use fracas_sim::{RoomOptions, SeatToken};

use crate::table::Table;
use crate::tokens::{Config, Event, Message, Tokens};

fn told(table: &mut Table, viewer: usize) -> Vec<ServerMessage> {
    table.flush(viewer);
    table.lines[viewer].1.take_messages()
}

fn entry(player: PlayerId, name: &str, is_bot: bool) -> RosterEntry {
    RosterEntry { player: player.0, name: name.to_owned(), is_bot, is_away: false }
}

#[test]
fn bots_fill_seats_and_make_room() {
    let mut table = Table::new(3, 2);
    table.tick();
    assert_eq!(table.room.seated(), (0, 2));
    let players = ["a", "b", "c"].map(|name| table.join(name));
    table.tick();
    assert_eq!(table.room.seated(), (3, 0));
    assert_eq!(table.room.join(Profile::player("d"), SeatToken(0)), Err(Refusal::RoomFull(String::new())));
    for (player, seated) in players.into_iter().zip([(2, 1), (1, 2), (0, 2)]) {
        table.leave(player);
        table.tick();
        assert_eq!(table.room.seated(), seated);
    }
}

#[test]
fn viewers_hear_who_comes_and_goes() {
    let mut table = Table::new(2, 2);
    let viewer = table.watch(None);
    table.tick();
    let bots = [entry(PlayerId(0), "Ada", true), entry(PlayerId(1), "Bohr", true)];
    assert_eq!(told(&mut table, viewer), bots.map(ServerMessage::PlayerJoined));
    let player = table.join("player");
    table.tick();
    let joined = entry(player, "player", false);
    let expected = [ServerMessage::PlayerLeft { player: 1 }, ServerMessage::PlayerJoined(joined)];
    assert_eq!(told(&mut table, viewer), expected);
}

#[test]
fn a_crowd_that_comes_at_once_is_no_more_than_a_mailbox_takes() {
    let mut table = Table::new(SEATS_MAX, SEATS_MAX);
    table.tick();
    let viewer = table.watch(None);
    // All others are told of each of them, and of the bot whose place it takes.
    for number in 0..SEATS_MAX {
        table.join(&format!("player {number}"));
    }
    table.tick();
    let told = told(&mut table, viewer).len();
    let changes = 2 * usize::from(SEATS_MAX);
    assert!((changes..MAILBOX_RELIABLE_MAX).contains(&told), "{told} messages");
}

#[test]
fn who_leaves_before_the_tick_was_never_there() {
    let mut table = Table::new(2, 0);
    let viewer = table.watch(None);
    let stays = table.join("stays");
    table.tick();
    told(&mut table, viewer);
    let goes = table.join("goes");
    table.leave(goes);
    table.tick();
    assert_eq!(told(&mut table, viewer), []);
    // The one who was there has left, and another has the seat.
    table.leave(stays);
    assert_eq!(table.join("also goes"), stays);
    table.leave(stays);
    table.tick();
    assert_eq!(told(&mut table, viewer), [ServerMessage::PlayerLeft { player: stays.0 }]);
    assert_eq!(table.room.last_record().leaves, [(stays, LeaveReason::Left)]);
}

#[test]
fn who_joins_is_told_all_and_the_schema_if_need_be() {
    let mut table = Table::new(3, 1);
    table.tick();
    let player = table.join("player");
    let schema = Schema::of::<Tokens>();
    let joined = table.room.joined(Some(player), 0);
    assert_eq!(joined.schema.as_deref().map(Schema::from_json), Some(Ok(schema.clone())));
    assert_eq!((joined.player, joined.seats, joined.tick_hz, joined.tick), (Some(player.0), 3, 10, 2));
    assert_eq!(serde_json::from_str::<Config>(&joined.config).expect("a config"), Config::default());
    assert_eq!(joined.roster, [entry(PlayerId(0), "Ada", true), entry(player, "player", false)]);
    assert_eq!(table.room.joined(Some(player), schema.hash()).schema, None);
}

#[test]
fn a_match_ends_and_the_next_begins_with_the_same_players() {
    let config = Config { goal: 10, ..Config::default() };
    let mut table = Table::open(RoomOptions { config, ..RoomOptions::of::<Tokens>() });
    let (first, second) = (table.join("first"), table.join("second"));
    let viewer = table.watch(None);
    table.tick();
    told(&mut table, viewer);
    table.steps(second, table.now().next(), 10);
    table.tick();
    let standing = |player: PlayerId, score| Standing { player: player.0, score };
    let standings = vec![standing(second, 10), standing(first, 0)];
    // One second between matches, at 10 Hz.
    assert_eq!(told(&mut table, viewer), [ServerMessage::Outcome { standings, next_match_tick: 12 }]);
    table.ticks(9);
    assert_eq!(told(&mut table, viewer), []);
    table.tick();
    assert_eq!(told(&mut table, viewer), [ServerMessage::MatchBegan { tick: 12 }]);
    table.flush_newest(viewer);
    let mut players: Vec<_> = table.views(viewer).iter().filter_map(|view| view.player).collect();
    players.sort_unstable();
    assert_eq!(players, [first, second]);
    assert_eq!(table.views(viewer).len(), 2 + usize::from(Config::default().still_tokens));
}

#[test]
fn a_match_that_ends_at_once_is_told_to_have_begun() {
    let config = Config { goal: 1, ..Config::default() };
    let mut table = Table::open(RoomOptions { config, ..RoomOptions::of::<Tokens>() });
    let player = table.join("player");
    let viewer = table.watch(None);
    let mut told_of_matches = Vec::new();
    for _ in 0..30 {
        table.steps(player, table.now().next(), 1);
        table.tick();
        told_of_matches.extend(told(&mut table, viewer).into_iter().filter_map(|message| match message {
            ServerMessage::Outcome { .. } => Some("ended"),
            ServerMessage::MatchBegan { .. } => Some("began"),
            _ => None,
        }));
    }
    assert_eq!(told_of_matches, ["ended", "began", "ended", "began", "ended"]);
}

#[test]
fn events_reach_those_whom_they_are_for() {
    let mut table = Table::new(3, 0);
    let (speaker, listener) = (table.join("speaker"), table.join("listener"));
    let viewers = [Some(speaker), Some(listener), None].map(|player| table.watch(player));
    table.tick();
    let shout = Message::Shout { text: "all: hörst du?".into() };
    table.message(speaker, &shout).expect("a valid message");
    let whisper = Message::Whisper { to: listener, text: "you alone".into() };
    table.message(speaker, &whisper).expect("a valid message");
    table.tick();
    let shouted = Event::Shouted { player: speaker, text: "all: hörst du?".into() };
    let whispered = Event::Whispered { player: speaker, text: "you alone".into() };
    let heard = viewers.map(|viewer| table.events(viewer));
    assert_eq!(heard, [vec![shouted.clone()], vec![shouted.clone(), whispered], vec![shouted]]);
}

#[test]
fn own_rows_reach_their_player_alone() {
    let mut table = Table::new(2, 0);
    let player = table.join("player");
    let viewers = [Some(player), None].map(|player| table.watch(player));
    table.tick();
    let own = viewers.map(|viewer| {
        table.flush(viewer);
        table.lines[viewer].1.own().is_some()
    });
    assert_eq!(own, [true, false]);
}

#[test]
fn what_is_said_reaches_those_who_are_to_hear_it() {
    let mut table = Table::new(3, 0);
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| table.join(name));
    let viewers = [ann, bob, cid].map(|player| table.watch(Some(player)));
    table.tick();
    for viewer in viewers {
        told(&mut table, viewer);
    }
    let others_refusal = [ServerMessage::Refused(Refusal::ChatVetoed)];
    for (to, text, hears) in [
        (Hearers::All, "hello", [true, true, true]),
        (Hearers::Others, "hello", [false, true, true]),
        (Hearers::One { player: cid.0 }, "hello", [false, false, true]),
        (Hearers::One { player: 77 }, "hello", [false, false, false]),
        (Hearers::All, "a secret", [false, false, false]),
    ] {
        table.room.chat(ann, Chat { to, text: text.into() }).expect("few messages wait");
        table.tick();
        let said = ServerMessage::Said { player: ann.0, to, text: text.into() };
        let is_vetoed = text.contains("secret");
        for ((viewer, player), hears) in viewers.into_iter().zip([ann, bob, cid]).zip(hears) {
            let told = told(&mut table, viewer);
            match (hears, is_vetoed && player == ann) {
                (true, _) => assert_eq!(told, std::slice::from_ref(&said)),
                (false, true) => assert_eq!(told, others_refusal),
                (false, false) => assert_eq!(told, []),
            }
        }
    }
}
