//! The same match again, and the same match elsewhere.

use fracas_shared::codec::{StateReader, StateWriter};
use fracas_shared::game::Events;
use fracas_shared::{Pilot, Rng, State};

use super::script::Script;
use super::{Chain, SEED, open};
use crate::record::TickRecord;
use crate::room::Room;
use crate::simulation::Simulation;
use crate::viewers::Viewers;

const TICKS: u32 = 1_200;

/// Two rooms with the same seed and the same inputs make the same match, and so does a simulation
/// that gets nothing but the records of a room, as bytes.
///
/// # Panics
/// When they do not.
pub fn determinism<G: Pilot>() {
    let script = Script::<G>::new(SEED);
    let mut rooms = [open::<G>(G::SEATS / 2), open::<G>(G::SEATS / 2)];
    let game = G::new(&rooms[0].options().config).unwrap_or_else(|error| panic!("{}: {error}", G::ID));
    let mut replay = Simulation::open(game, G::TICK_HZ, G::REWIND_MS, SEED);
    let mut chains = [Chain::default(); 3];
    for tick in 1..=TICKS {
        for (room, chain) in rooms.iter_mut().zip(&mut chains) {
            script.play(room);
            room.tick(&mut Viewers::default());
            chain.push(room.simulation().hash());
        }
        replay.advance(&through_bytes(rooms[0].last_record()), &mut Events::default());
        chains[2].push(replay.hash());
        let [first, second, replayed] = chains;
        assert_eq!(first, second, "{}: tick {tick}: the same inputs made another match", G::ID);
        assert_eq!(first, replayed, "{}: tick {tick}: the records make another match", G::ID);
    }
}

fn through_bytes<G: Pilot>(record: &TickRecord<G>) -> TickRecord<G> {
    let mut bytes = Vec::new();
    record.save(&mut StateWriter::new(&mut bytes));
    let mut from = StateReader::new(&bytes);
    match TickRecord::load(&mut from) {
        Ok(record) if from.is_at_end() => record,
        Ok(_) => panic!("{}: an input or message saves more than it loads", G::ID),
        Err(error) => panic!("{}: an input or message does not load what it saved: {error}", G::ID),
    }
}

/// A room that is restored from its checkpoint every few ticks goes on like one that never is: the
/// same sim hashes, the same checkpoints, the same snapshots.
///
/// # Panics
/// When it does not: most often, something that the rules remember is not in their state.
pub fn checkpoint<G: Pilot>() {
    let script = Script::<G>::new(SEED);
    let (mut kept, mut moved) = (open::<G>(G::SEATS / 2), open::<G>(G::SEATS / 2));
    let mut rng = Rng::new(SEED, 0);
    for tick in 0..TICKS {
        if tick == 0 || rng.chance(0.1) {
            moved = restored(&moved, &kept);
        }
        for room in [&mut kept, &mut moved] {
            script.play(room);
            room.tick(&mut Viewers::default());
        }
        let (kept, moved) = (kept.simulation().hash(), moved.simulation().hash());
        assert_eq!(kept, moved, "{}: a restored match went on differently at tick {}", G::ID, tick + 1);
    }
}

fn restored<G: Pilot>(room: &Room<G>, kept: &Room<G>) -> Room<G> {
    let tick = room.simulation().tick();
    let bytes = room.checkpoint();
    assert!(bytes == kept.checkpoint(), "{}: tick {tick}: equal matches, but other checkpoints", G::ID);
    let restored = match Room::<G>::restore(&bytes) {
        Ok(restored) => restored,
        Err(error) => panic!("{}: tick {tick}: the checkpoint cannot be restored: {error}", G::ID),
    };
    assert!(restored.checkpoint() == bytes, "{}: tick {tick}: not restored to the same bytes", G::ID);
    assert!(restored.snapshot() == room.snapshot(), "{}: tick {tick}: restored to other views", G::ID);
    restored
}
