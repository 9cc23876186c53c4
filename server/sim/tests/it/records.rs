//! What the records of a match take.

use fracas_games::Games;
use fracas_shared::{GameList, GameVisitor, Pilot};
use fracas_sim::journal::{Entry, SegmentHead, SegmentWriter, What};
use fracas_sim::{Room, RoomOptions, Viewers};

/// Rooms whose ticks are written at once, as when they are due together.
const ROOMS: u64 = 6;
const SEATS: u16 = 8;
const SECONDS: u32 = 60;
/// Of a player in a minute, all that a file has of it but for checkpoints.
const BYTES_MAX: usize = 6_000;

#[test]
fn a_player_of_the_arena_takes_few_bytes_a_minute() {
    struct Arena(usize);

    impl GameVisitor for Arena {
        fn visit<G: Pilot>(&mut self) {
            if G::ID == "arena" {
                self.0 = bytes_of_a_minute::<G>();
            }
        }
    }

    let mut arena = Arena(0);
    Games::visit_all(&mut arena);
    assert!((1..=BYTES_MAX).contains(&arena.0), "{} bytes", arena.0);
}

/// Bots play, whose inputs are recorded as players' are.
fn bytes_of_a_minute<G: Pilot>() -> usize {
    let options = RoomOptions { seats: SEATS, bots: SEATS, ..RoomOptions::of::<G>() };
    let open = |seed| Room::<G>::open(options.clone(), seed).expect("options that are good");
    let mut rooms: Vec<_> = (0..ROOMS).map(open).collect();
    for room in &mut rooms {
        assert!(room.begin_records(&mut Vec::new()).is_some(), "a small state");
    }
    let head = SegmentHead { number: 1, process: 1, lane: 0, previous: 0, needed: 1, build: String::new() };
    let (mut writer, mut bytes, mut record) = (SegmentWriter::new(head), 0, Vec::new());
    for _ in 0..SECONDS * u32::from(G::TICK_HZ) {
        for (number, room) in rooms.iter_mut().enumerate() {
            room.tick(&mut Viewers::default());
            record.clear();
            room.write_record(&mut record);
            let what = What::Record { tick: room.simulation().tick().0 as u8, record: &record };
            writer.put(&Entry { room: number as u64, what });
        }
        bytes += writer.bytes().len();
        writer.clear();
    }
    bytes / (ROOMS as usize * usize::from(SEATS))
}
