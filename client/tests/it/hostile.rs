//! A server that sends anything.

use std::time::Duration;

use fracas_client::Replica;
use fracas_shared::message::ServerMessage;
use proptest::prelude::*;

use crate::game::{Event, Own, Race};
use crate::script::{Script, seated};

/// Messages that are right, then broken a little: changed bytes and a cut end.
fn broken() -> impl Strategy<Value = Vec<u8>> {
    let script = Script::new();
    let snapshots: Vec<_> =
        (100..104).map(|tick| Script::snapshot(tick, &[(1, 0.5, "bob"), (7, tick as f32, "ann")])).collect();
    let honest = vec![
        Script::welcome(),
        ServerMessage::Joined(script.joined(100)).to_bytes(),
        ServerMessage::Left { tick: 9 }.to_bytes(),
        script.frame(None, &snapshots[0]),
        script.frame(Some(&snapshots[0]), &snapshots[1]),
        script.frame(Some(&snapshots[1]), &snapshots[2]),
        script.own(101, -3, Some(&Own { fuel: 3 })),
        script.events(101, &[Event::Flag { colour: 200 }]),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (prop::sample::select(honest), changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(mut bytes, changes, end, is_cut)| {
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] ^= byte;
            }
            if is_cut {
                bytes.truncate(end.index(bytes.len()));
            }
            bytes
        },
    )
}

fn feed(messages: &[Vec<u8>]) {
    let script = Script::new();
    let mut session = seated(&script);
    let mut replica = Replica::<Race>::new(session.room().unwrap().joined().clone());
    for message in messages {
        if session.handle_message(Duration::ZERO, message).is_err() {
            session = seated(&script);
        }
        while let Some(event) = session.poll_event() {
            let _ = replica.apply(event);
        }
        while session.poll_send().is_some() {}
    }
}

proptest! {
    #[test]
    fn broken_messages_do_no_harm(messages in prop::collection::vec(broken(), 1..20)) {
        feed(&messages);
    }

    #[test]
    fn noise_does_no_harm(
        messages in prop::collection::vec((0u8..5, prop::collection::vec(any::<u8>(), 0..200)), 1..20)
    ) {
        let messages: Vec<_> = messages
            .into_iter()
            .map(|(tag, mut bytes)| {
                bytes.insert(0, tag);
                bytes
            })
            .collect();
        feed(&messages);
    }
}
