//! The same match again, by its records.

use fracas_shared::{LeaveReason, Pilot, Rng};

use super::script::{Script, players};
use super::{SEED, open};
use crate::room::Room;
use crate::viewers::Viewers;

const TICKS: u32 = 1_200;

/// A room that is restored from a checkpoint, and then makes its ticks by the records of another one, makes the same
/// match: the same sim hashes, the same snapshots, the same players on their seats. Records that somebody has damaged are
/// refused, or make another match, but nothing panics.
///
/// # Panics
/// When it does not.
pub fn records<G: Pilot>() {
    let script = Script::<G>::new(SEED);
    let mut room = open::<G>(G::SEATS / 2);
    let mut rng = Rng::new(SEED, 1);
    let (mut checkpoint, mut records) = (Vec::new(), Vec::<Vec<u8>>::new());
    let mut other = open::<G>(G::SEATS / 2);
    for tick in 0..TICKS {
        let begins = tick == 0 || rng.chance(0.02);
        // Also when the rules have not heard yet who came and went.
        let is_played = rng.chance(0.5);
        if is_played {
            script.play(&mut room);
        }
        if begins {
            damage::<G>(&checkpoint, &records, &mut rng);
            go_on(&mut other);
            checkpoint.clear();
            let Some(hash) = room.begin_records(&mut checkpoint) else {
                panic!("{}: too long a state", G::ID)
            };
            assert_eq!(hash, room.simulation().hash(), "{}: tick {tick}: another sim hash", G::ID);
            records.clear();
            other = restored(&checkpoint);
        }
        if !is_played {
            script.play(&mut room);
        } else if let Some(player) = players(&room).first().filter(|_| rng.chance(0.1)) {
            room.leave(*player, LeaveReason::Left);
        }
        room.tick(&mut Viewers::default());
        let mut record = Vec::new();
        room.write_record(&mut record);
        if let Err(error) = other.replay(&record, &mut Viewers::default()) {
            panic!("{}: tick {}: a record cannot be read: {error}", G::ID, tick + 1);
        }
        records.push(record);
        let hashes = [&room, &other].map(|room| room.simulation().hash());
        assert_eq!(hashes[0], hashes[1], "{}: tick {}: the records make another match", G::ID, tick + 1);
        assert!(room.snapshot() == other.snapshot(), "{}: tick {}: other views", G::ID, tick + 1);
        assert_eq!(room.roster(), other.roster(), "{}: tick {}: others on the seats", G::ID, tick + 1);
        for player in players(&room) {
            let token = room.token_of(player).expect("a player has a token");
            assert_eq!(other.seat_of(token), Some(player), "{}: tick {}: another token", G::ID, tick + 1);
        }
    }
}

/// Lets a room that was made again go on by itself, as another process would.
fn go_on<G: Pilot>(room: &mut Room<G>) {
    for _ in 0..5 {
        room.tick(&mut Viewers::default());
        room.write_record(&mut Vec::new());
    }
}

/// Replays the records with one of them damaged.
fn damage<G: Pilot>(checkpoint: &[u8], records: &[Vec<u8>], rng: &mut Rng) {
    if records.is_empty() {
        return;
    }
    let (mut room, damaged) = (restored::<G>(checkpoint), rng.below(records.len() as u32) as usize);
    for (number, record) in records.iter().enumerate() {
        let mut record = record.clone();
        if number == damaged {
            let place = rng.below(record.len() as u32) as usize;
            match rng.below(3) {
                0 => record[place] ^= 1 << rng.below(8),
                1 => record.truncate(place),
                _ => record.insert(place, rng.bits() as u8),
            }
        }
        if room.replay(&record, &mut Viewers::default()).is_err() {
            return;
        }
    }
}

fn restored<G: Pilot>(checkpoint: &[u8]) -> Room<G> {
    match Room::restore(checkpoint) {
        Ok(room) => room,
        Err(error) => panic!("{}: a checkpoint cannot be restored: {error}", G::ID),
    }
}
