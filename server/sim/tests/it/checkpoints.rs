//! Checkpoints: what goes on from them, and what is refused.

use fracas_shared::codec::{StateReader, StateWriter};
use fracas_shared::{State, Tick};
use fracas_sim::{RestoreError, Room, Viewers};
use proptest::prelude::*;

use crate::table::Table;
use crate::tokens::{Message, Tokens};

/// A room with all that a checkpoint may hold: bots with minds, players whose inputs and messages
/// wait, one who comes and one who goes.
fn checkpoint() -> Vec<u8> {
    let mut table = Table::new(6, 4);
    let (busy, gone) = (table.join("busy"), table.join("gone"));
    table.ticks(20);
    for ahead in 1..5 {
        table.steps(busy, table.now() + ahead, 1);
    }
    for _ in 0..3 {
        table.message(busy, &Message::Shout { text: "hey".into() }).expect("a valid message");
    }
    table.leave(gone);
    table.join("new");
    table.room.checkpoint()
}

fn restore(bytes: &[u8]) -> Result<Room<Tokens>, RestoreError> {
    Room::restore(bytes)
}

fn error(bytes: &[u8]) -> String {
    match restore(bytes) {
        Ok(_) => panic!("these bytes were restored"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_restored_room_goes_on() {
    let bytes = checkpoint();
    let (mut first, mut second) =
        (restore(&bytes).expect("a checkpoint"), restore(&bytes).expect("a checkpoint"));
    assert_eq!(first.checkpoint(), bytes);
    for _ in 0..50 {
        first.tick(&mut Viewers::default());
        second.tick(&mut Viewers::default());
        second = restore(&second.checkpoint()).expect("a checkpoint");
        assert_eq!(first.simulation().hash(), second.simulation().hash());
        assert_eq!(first.snapshot(), second.snapshot());
    }
    assert_eq!(first.checkpoint(), second.checkpoint());
}

#[test]
fn bots_of_a_room_restored_before_its_first_tick_do_the_same() {
    let mut table = Table::new(4, 4);
    let mut restored = restore(&table.room.checkpoint()).expect("a checkpoint");
    for _ in 0..10 {
        table.tick();
        restored.tick(&mut Viewers::default());
        assert_eq!(table.room.simulation().hash(), restored.simulation().hash());
    }
}

#[test]
fn a_checkpoint_of_other_rules_is_refused() {
    let head = |id: &str, revision: u32| {
        let mut bytes = Vec::new();
        let mut out = StateWriter::new(&mut bytes);
        4u16.save(&mut out);
        id.to_owned().save(&mut out);
        revision.save(&mut out);
        bytes
    };
    let ours = "these rules are 'tokens' revision 7";
    assert_eq!(error(&head("chess", 7)), format!("the checkpoint is of 'chess' revision 7, {ours}"));
    assert_eq!(error(&head("tokens", 8)), format!("the checkpoint is of 'tokens' revision 8, {ours}"));
    let mut other_version = checkpoint();
    other_version[0] += 1;
    assert!(error(&other_version).contains("a checkpoint of version 5, this is 4"));
}

#[test]
fn a_checkpoint_cut_short_or_too_long_is_refused() {
    let bytes = checkpoint();
    for length in 0..bytes.len() {
        assert!(restore(&bytes[..length]).is_err(), "restored from {length} of {} bytes", bytes.len());
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(error(&longer).contains("bytes after the checkpoint's end"));
    assert!(error(&vec![0; 17 * 1024 * 1024]).contains("at most 16777216 are allowed"));
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let text = |bytes: &[u8], from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect("it is there");
        [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
    };
    let bytes = checkpoint();
    let check = |from, to, problem: &str| {
        let error = error(&text(&bytes, from, to));
        assert!(error.contains(problem), "{error}");
    };
    check("\"seats\":6", "\"seats\":0", "`seats`: must be from 1 to 1000");
    check("\"seats\":6", "\"seats\":7", "seats");
    check("\"tick_hz\":10", "\"tick_hz\":00", "options");
    check("\"bots\":4", "\"bots\":9", "`bots`: must be from 0 to 6");
    check("\"goal\":1000", "\"goal\":0   ", "`goal`: must be above 0");
    check("\"width\":8", "\"wodth\":8", "wodth");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn forged_bytes_are_refused_or_harmless(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let mut bytes = checkpoint();
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut result = None;
        let memory = allocation_counter::measure(|| result = Some(restore(&bytes)));
        prop_assert!(memory.bytes_max < 4 << 20, "{} bytes for a checkpoint of {}", memory.bytes_max, bytes.len());
        if let Some(Ok(mut room)) = result {
            // Not what it was, but a room all the same.
            let again = restore(&room.checkpoint());
            prop_assert!(again.is_ok(), "{:?}", again.err());
            let tick = room.simulation().tick();
            room.tick(&mut Viewers::default());
            prop_assert_eq!(room.simulation().tick(), Tick(tick.0.wrapping_add(1)));
        }
    }

    #[test]
    fn a_record_of_forged_bytes_is_refused_or_loads(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = fracas_sim::TickRecord::<Tokens>::load(&mut StateReader::new(&bytes));
    }
}
