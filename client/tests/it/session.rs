//! Sessions in memory.

use std::time::Duration;

use fracas_client::{Codecs, Event, Replica, RequestError, Session, SessionError, SnapshotBuffer, Update};
use fracas_shared::frame::FrameError;
use fracas_shared::message::{
    ClientMessage, Hearers, Joined, PROTOCOL_VERSION, Resumed, RoomWanted, RosterEntry, ServerMessage,
};
use fracas_shared::packet::LooseRow;
use fracas_shared::{EntityId, PlayerId, Refusal, Tick};

use crate::game::{self, Input, Message, Own, Race};
use crate::script::{Script, any_race, controls, read_control, seated, tell};

const NOW: Duration = Duration::ZERO;

#[test]
fn a_stay_from_hello_to_left() {
    let script = Script::new();
    let mut session = Session::new("ann", "test");
    session.join_typed(any_race(), Codecs::of::<Race>()).unwrap();
    let sent = controls(&mut session);
    let hello =
        ClientMessage::Hello { protocol: PROTOCOL_VERSION, name: "ann".into(), client: "test".into() };
    let join = ClientMessage::Join { room: any_race(), schema_hash: script.schema.hash() };
    assert_eq!(sent, [hello, join]);

    let joined = ServerMessage::Joined(script.joined(100)).to_bytes();
    let events = tell(&mut session, NOW, &[Script::welcome(), joined]);
    let [Event::Welcome { .. }, Event::Joined(joined)] = &events[..] else { panic!("{events:?}") };
    let mut replica = Replica::<Race>::new(joined.clone());
    assert_eq!((replica.player(), replica.tick()), (Some(PlayerId(1)), Tick(100)));
    assert_eq!(replica.rules().unwrap().laps, 3);

    let first = Script::snapshot(100, &[(1, 0.0, "bob"), (2, 8.5, "ann")]);
    let second = Script::snapshot(101, &[(1, 0.25, "bob"), (3, 1.0, "")]);
    let crash = game::Event::Crash { player: PlayerId(0) };
    let flag = game::Event::Flag { colour: 7 };
    let messages = [
        script.own(0, 0, Some(&Own { fuel: 9 })),
        script.frame(None, &first),
        script.events(101, &[crash.clone(), flag.clone()]),
        script.own(0, 0, None),
        script.frame(Some(&first), &second),
    ];
    let mut seen = Vec::new();
    for event in tell(&mut session, NOW, &messages) {
        match replica.apply(event).unwrap() {
            Update::Frame { tick, is_continuous, .. } => {
                let cars: Vec<_> =
                    replica.views().iter().map(|(id, car)| (id.get(), car.x, car.name.to_string())).collect();
                seen.push((tick.0, is_continuous, cars));
            }
            Update::Events { tick, list } => {
                assert_eq!((tick, list), (Tick(101), vec![crash.clone(), flag.clone()]));
            }
            Update::Other(other) => panic!("{other:?}"),
        }
        assert_eq!(replica.own(), Some(&Own { fuel: 9 }), "an own row stays until the next one");
    }
    let expected = [
        (100, false, vec![(1, 0.0, "bob".into()), (2, 8.5, "ann".into())]),
        (101, true, vec![(1, 0.25, "bob".into()), (3, 1.0, String::new())]),
    ];
    assert_eq!(seen, expected);
    assert_eq!(replica.view(EntityId::new(3).unwrap()).unwrap().x, 1.0);
    assert!(replica.view(EntityId::new(2).unwrap()).is_none());

    session.leave().unwrap();
    assert_eq!(session.leave(), Err(RequestError::NotInRoom));
    assert_eq!(session.send_input(NOW, &Input { throttle: 1 }), Err(RequestError::NotInRoom));
    assert_eq!(controls(&mut session), [ClientMessage::Ack { tick: 100 }, ClientMessage::Leave]);
    let left = ServerMessage::Left { tick: 104 }.to_bytes();
    let late_frame = script.frame(None, &second);
    let events = tell(&mut session, NOW, &[left, late_frame]);
    assert!(matches!(events[..], [Event::Left { tick: Tick(104) }]), "{events:?}");
    assert!(session.room().is_none());
    session.join(any_race()).unwrap();
}

#[test]
fn nothing_of_a_room_is_told_in_the_next() {
    let script = Script::new();
    let mut session = seated(&script);
    session.leave().unwrap();
    let entry = RosterEntry { player: 2, name: "cid".into(), ..RosterEntry::default() };
    let joined = ServerMessage::Joined(script.joined(7)).to_bytes();
    for message in [
        script.frame(None, &Script::snapshot(100, &[(1, 0.0, "bob")])),
        script.events(100, &[game::Event::Flag { colour: 7 }]),
        ServerMessage::PlayerJoined(entry).to_bytes(),
        ServerMessage::TimeDropped { tick: 100, ticks: 3 }.to_bytes(),
        ServerMessage::Left { tick: 104 }.to_bytes(),
    ] {
        session.handle_message(NOW, &message).unwrap();
    }
    session.join_typed(any_race(), Codecs::of::<Race>()).unwrap();
    let events = tell(&mut session, NOW, &[joined]);
    assert!(matches!(events[..], [Event::Left { .. }, Event::Joined(_)]), "{events:?}");
}

#[test]
fn inputs_carry_stamp_and_ack() {
    let script = Script::new();
    let mut session = seated(&script);
    let input = Input { throttle: -5 };
    assert_eq!(session.send_input(NOW, &input), Ok(None), "nothing to answer yet");
    let mut last = Script::snapshot(100, &[]);
    tell(&mut session, NOW, &[script.frame(None, &last)]);
    assert_eq!(controls(&mut session), [ClientMessage::Ack { tick: 100 }]);
    assert_eq!(session.send_input(NOW, &input), Ok(Some(Tick(101))));
    assert_eq!(session.send_input(NOW, &input), Ok(None), "that tick has its input");
    let (head, read) = script.read_input(&session.poll_send().unwrap());
    assert_eq!((head.tick, head.ack, read), (Tick(101), Tick(100), input.clone()));
    assert!(session.poll_send().is_none());

    // The server says that they come two ticks late: the next ones are stamped two further ahead.
    for tick in 101..120 {
        let next = Script::snapshot(tick, &[]);
        tell(&mut session, NOW, &[script.own(tick - 1, -2, None), script.frame(Some(&last), &next)]);
        last = next;
        if tick == 101 {
            assert_eq!(session.room().unwrap().clock().lead_ticks(), 3);
            assert_eq!(session.send_input(NOW, &input), Ok(Some(Tick(104))));
        }
    }
    let lead = session.room().unwrap().clock().lead_ticks();
    assert!(lead > 3, "raised again once new stamps were reported late, too: {lead}");
}

#[test]
fn acks_go_by_themselves_when_no_input_does() {
    let script = Script::new();
    let mut session = seated(&script);
    assert_eq!(session.poll_timeout(), None, "nothing to acknowledge");
    let first = Script::snapshot(100, &[]);
    let at = Duration::from_millis;
    tell(&mut session, at(300), &[script.frame(None, &first)]);
    assert_eq!(controls(&mut session), [ClientMessage::Ack { tick: 100 }], "the first one goes at once");
    assert_eq!(session.poll_timeout(), None);
    let second = Script::snapshot(101, &[]);
    tell(&mut session, at(400), &[script.frame(Some(&first), &second)]);
    assert_eq!(session.poll_timeout(), Some(at(1300)));
    session.handle_timeout(at(1299));
    assert!(!session.has_sends());
    session.handle_timeout(at(1300));
    assert_eq!(controls(&mut session), [ClientMessage::Ack { tick: 101 }]);
    // A frame that comes after the second is over is acknowledged at once.
    tell(&mut session, at(2500), &[script.frame(Some(&second), &Script::snapshot(102, &[]))]);
    assert_eq!(controls(&mut session), [ClientMessage::Ack { tick: 102 }]);
}

#[test]
fn a_seat_is_taken_up_again_with_all_that_was_missed() {
    let script = Script::new();
    let mut session = seated(&script);
    controls(&mut session);
    let away = |player| ServerMessage::PlayerAway { player }.to_bytes();
    let flag = |tick| script.events(tick, &[game::Event::Flag { colour: 7 }]);
    let vetoed = ServerMessage::Refused(Refusal::ChatVetoed).to_bytes();
    tell(&mut session, NOW, &[away(0), flag(101), vetoed, script.frame(None, &Script::snapshot(101, &[]))]);
    assert!(session.room().unwrap().roster().any(|entry| entry.name == "bob" && entry.is_away));
    controls(&mut session);

    session.resume().unwrap();
    assert_eq!(session.send_input(NOW, &Input { throttle: 1 }), Ok(None), "there will be ticks again");
    assert_eq!(session.say(Hearers::All, "hi"), Err(RequestError::Away));
    let token = "r1-token".to_owned();
    let asked = |received, attempt| RoomWanted::Resume {
        token: token.clone(),
        received: Some(received),
        attempt: Some(attempt),
    };
    let wanted = |session: &mut Session| match &controls(session)[..] {
        [ClientMessage::Hello { name, .. }, ClientMessage::Join { room, .. }] if name == "ann" => {
            room.clone()
        }
        other => panic!("{other:?}"),
    };
    // An event and a roster's change are reliable, a refusal is not: two of three are counted.
    assert_eq!(wanted(&mut session), asked(2, 1));
    // That connection breaks, too, before it has an answer.
    session.resume().unwrap();
    assert_eq!(wanted(&mut session), asked(2, 2));
    let resumed = Some(Resumed { missed: 0, received: 2, attempt: 2 });
    let joined = ServerMessage::Joined(Joined { resumed, ..script.joined(140) }).to_bytes();
    let keyframe = script.frame(None, &Script::snapshot(140, &[]));
    let events = tell(&mut session, NOW, &[Script::welcome(), joined, flag(120), keyframe]);
    let [Event::Welcome { .. }, Event::Joined(joined), Event::GameEvents(_), Event::Frame(frame)] =
        &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!((joined.resumed, frame.is_continuous), (resumed, false));
    controls(&mut session);
    session.resume().unwrap();
    assert_eq!(wanted(&mut session), asked(3, 3));

    let lost = ServerMessage::Refused(Refusal::SeatLost).to_bytes();
    let events = tell(&mut session, NOW, &[Script::welcome(), lost]);
    assert!(matches!(events[..], [Event::Welcome { .. }, Event::Refused(Refusal::SeatLost)]), "{events:?}");
    assert_eq!(session.resume(), Err(RequestError::NotInRoom));
}

#[test]
fn a_lost_frame_is_repaired_by_a_keyframe() {
    let script = Script::new();
    let mut session = seated(&script);
    let snapshots: Vec<_> = (100..110).map(|tick| Script::snapshot(tick, &[(1, 0.5, "bob")])).collect();
    let delta = |index: usize| script.frame(Some(&snapshots[index - 1]), &snapshots[index]);
    tell(&mut session, NOW, &[script.frame(None, &snapshots[0]), delta(1)]);
    controls(&mut session);

    // 102 is skipped, so 103 builds on what is not there.
    let events = tell(&mut session, NOW, &[delta(3), delta(4), delta(5)]);
    let [Event::FrameLost(FrameError::WrongBaseline { held: Some(Tick(101)) })] = events[..] else {
        panic!("one loss is told once: {events:?}");
    };
    assert_eq!(controls(&mut session), [ClientMessage::Resync]);
    let events = tell(&mut session, NOW, &[script.frame(None, &snapshots[6]), delta(7)]);
    assert!(matches!(&events[..], [Event::Frame(a), Event::Frame(b)] if a.is_continuous && b.is_continuous));

    // A delta whose baseline was another one than ours has another hash.
    let other = Script::snapshot(107, &[(1, 99.0, "bob")]);
    let events =
        tell(&mut session, NOW, &[script.frame(Some(&other), &Script::snapshot(108, &[(1, 99.0, "bob")]))]);
    assert!(matches!(events[..], [Event::FrameLost(FrameError::WrongHash { .. })]), "{events:?}");
}

#[test]
fn a_client_does_not_ask_for_keyframes_forever() {
    let script = Script::new();
    let mut session = seated(&script);
    let mut broken = script.frame(None, &Script::snapshot(100, &[(1, 0.5, "bob")]));
    broken.truncate(broken.len() - 2);
    tell(&mut session, NOW, &[broken.clone(), broken.clone()]);
    assert_eq!(controls(&mut session), [ClientMessage::Resync, ClientMessage::Resync]);
    let error = session.handle_message(NOW, &broken).unwrap_err();
    assert!(matches!(error, SessionError::Undecodable(_)), "{error}");
}

#[test]
fn a_long_gap_breaks_continuity() {
    let script = Script::new();
    let mut session = seated(&script);
    let mut buffer = SnapshotBuffer::new();
    for (tick, is_continuous) in [(100, false), (356, true), (613, false), (612, false)] {
        let events = tell(&mut session, NOW, &[script.frame(None, &Script::snapshot(tick, &[]))]);
        let [Event::Frame(frame)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(frame.is_continuous, is_continuous, "{tick}");
        buffer.push(frame);
    }
    assert_eq!(buffer.len(), 1);
}

#[test]
fn other_rules_are_a_clear_error() {
    let script = Script::new();
    let check = |change: &dyn Fn(&mut fracas_shared::message::Joined), problem: &str| {
        let mut session = Session::new("ann", "test");
        session.join_typed(any_race(), Codecs::of::<Race>()).unwrap();
        tell(&mut session, NOW, &[Script::welcome()]);
        let mut joined = script.joined(100);
        change(&mut joined);
        let message = ServerMessage::Joined(joined).to_bytes();
        let error = session.handle_message(NOW, &message).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    };
    check(&|joined| joined.schema_hash ^= 1, "built with different rules of game 'race'");
    check(&|joined| joined.game = "chess".into(), "plays 'chess' and not 'race'");
    check(&|joined| joined.player = Some(4), "a room that cannot be");
    check(&|joined| joined.tick_hz = 0, "a room that cannot be");
}

#[test]
fn a_client_without_the_game_reads_it_by_its_schema() {
    let script = Script::new();
    let mut session = Session::new("ann", "test");
    session.join(any_race()).unwrap();
    let join = ClientMessage::Join { room: any_race(), schema_hash: 0 };
    assert_eq!(controls(&mut session)[1], join);
    let mut joined = script.joined(100);
    joined.schema = Some(script.schema.to_json());
    let snapshot = Script::snapshot(100, &[(1, 2.0, "bob")]);
    let messages =
        [Script::welcome(), ServerMessage::Joined(joined).to_bytes(), script.frame(None, &snapshot)];
    let events = tell(&mut session, NOW, &messages);
    assert!(matches!(&events[2], Event::Frame(frame) if *frame.snapshot == snapshot));
    assert_eq!(session.room().unwrap().codecs().schema(), &script.schema);

    let check = |row: LooseRow, expected| {
        let mut session = seated(&script);
        tell(&mut session, NOW, &[script.frame(None, &snapshot)]);
        assert_eq!(session.send_input_row(NOW, &row), expected);
    };
    check(LooseRow { kind: 0, codes: vec![3], strings: Vec::new() }, Ok(Some(Tick(101))));
    check(
        LooseRow { kind: 1, codes: vec![3], strings: Vec::new() },
        Err(RequestError::BadRow("no such kind")),
    );
    let bad = |codes| LooseRow { kind: 0, codes, strings: Vec::new() };
    check(bad(vec![]), Err(RequestError::BadRow("a row has one code for each field of its kind")));
    check(bad(vec![256]), Err(RequestError::BadRow("a code has more bits than its field")));

    // In the next room the schema need not be sent again.
    session.leave().unwrap();
    tell(&mut session, NOW, &[ServerMessage::Left { tick: 101 }.to_bytes()]);
    session.join(any_race()).unwrap();
    let known = ClientMessage::Join { room: any_race(), schema_hash: script.schema.hash() };
    assert_eq!(controls(&mut session).last(), Some(&known));
}

#[test]
fn requests_and_their_answers() {
    let script = Script::new();
    let mut session = seated(&script);
    assert_eq!(session.join(any_race()), Err(RequestError::InRoom));
    session.send_message(&Message { honk: true }).unwrap();
    assert_eq!(session.poll_send().unwrap()[0], fracas_shared::packet::ClientTag::Message as u8);
    session.list(Some("race"), 5).unwrap();
    session.ping(7).unwrap();
    let list = ClientMessage::List { game: Some("race".into()), skip: 5 };
    assert_eq!(controls(&mut session), [list, ClientMessage::Ping { nonce: 7 }]);
    let error = session.list(Some(&"x".repeat(5000)), 0).unwrap_err();
    assert!(matches!(error, RequestError::TooLong(5000..)), "{error}");

    let entry = RosterEntry { player: 3, name: "eve".into(), is_bot: true, ..RosterEntry::default() };
    tell(&mut session, NOW, &[ServerMessage::PlayerJoined(entry).to_bytes()]);
    assert_eq!(session.room().unwrap().roster().len(), 3);
    tell(&mut session, NOW, &[ServerMessage::PlayerLeft { player: 0 }.to_bytes()]);
    let names: Vec<_> = session.room().unwrap().roster().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["ann", "eve"]);
}

#[test]
fn a_refusal_leaves_the_lobby_open() {
    let mut session = Session::new("ann", "test");
    session.join(any_race()).unwrap();
    let refused = ServerMessage::Refused(Refusal::RoomFull("r1".into())).to_bytes();
    let events = tell(&mut session, NOW, &[Script::welcome(), refused]);
    assert!(matches!(&events[1], Event::Refused(Refusal::RoomFull(room)) if room == "r1"));
    session.join(any_race()).unwrap();
}

#[test]
fn another_version_is_a_clear_error() {
    let mut session = Session::new("ann", "test");
    let welcome = ServerMessage::Welcome { protocol: 9, server: "script".into() }.to_bytes();
    let error = session.handle_message(NOW, &welcome).unwrap_err();
    assert!(error.to_string().contains("version 9"), "{error}");
}

#[test]
fn sends_and_events_are_bounded() {
    let mut session = Session::new("ann", "test");
    let mut sent = 1;
    while session.ping(0).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, fracas_client::limits::SENDS_WAITING_MAX);
    assert!(matches!(read_control(&session.poll_send().unwrap()), ClientMessage::Hello { .. }));
    session.ping(0).unwrap();

    let pong = ServerMessage::Pong { nonce: 0 }.to_bytes();
    let error = loop {
        if let Err(error) = session.handle_message(NOW, &pong) {
            break error;
        }
    };
    assert_eq!(error, SessionError::EventsPiledUp);
}
