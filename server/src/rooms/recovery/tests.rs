//! Journals that are damaged in every way: what is gone on with is what was, and the rest is set aside.

use std::path::PathBuf;

use fracas_games::Games;
use fracas_shared::Rng;
use fracas_shared::State;
use fracas_shared::codec::StateWriter;
use fracas_sim::journal::{Entry, SegmentHead, SegmentWriter};

use super::*;
use crate::config::Config;

const ROOMS: u64 = 3;
const TICKS: u32 = 45;
/// From one checkpoint to the next, in ticks.
const CHECKPOINT_TICKS: u32 = 15;

/// A file of a journal, and what its rooms were like.
struct Written {
    bytes: Vec<u8>,
    /// Where each tick's chunk ends.
    ends: Vec<usize>,
    /// By origin and tick: the sim hash.
    hashes: BTreeMap<(u64, u32), u64>,
}

/// What is kept of a room of this number, of this lane.
fn kept(origin: u64) -> KeptRoom {
    KeptRoom {
        origin,
        id: format!("ROOM{origin}"),
        game: "dots".into(),
        options: r#"{"bots":3,"seats":3}"#.into(),
        is_permanent: false,
        is_locked: false,
        since: 0,
        guests: Vec::new(),
        bans: Vec::new(),
    }
}

/// Plays, and writes as a lane does.
fn written(catalog: &Catalog, lane: u32) -> Written {
    let number = 1 + u64::from(lane);
    let head = SegmentHead { number, process: 7, lane, previous: 0, needed: number, build: "test".into() };
    let mut writer = SegmentWriter::new(head);
    let patch = OptionsPatch::from_json(&kept(1).options).unwrap();
    let mut rooms: Vec<_> = (0..ROOMS)
        .map(|number| {
            let origin = 1 + number + 100 * u64::from(lane);
            (origin, catalog.open("dots", &patch, origin).unwrap().game, Viewers::default())
        })
        .collect();
    let mut written = Written { bytes: Vec::new(), ends: Vec::new(), hashes: BTreeMap::new() };
    for tick in 0..TICKS {
        for (origin, game, viewers) in &mut rooms {
            if tick % CHECKPOINT_TICKS == 0 {
                let (mut state, mut host) = (Vec::new(), Vec::new());
                let hash = game.begin_records(&mut state).unwrap();
                let mut out = StateWriter::new(&mut host);
                kept(*origin).save(&mut out);
                viewers.save(&mut out);
                let what = What::Checkpoint { tick, host: &host, hash, state: &state };
                writer.put(&Entry { room: *origin, what });
                written.hashes.insert((*origin, tick), hash);
            }
            game.tick(viewers);
            let mut record = Vec::new();
            game.write_record(&mut record);
            let now = game.now().0;
            writer.put(&Entry { room: *origin, what: What::Record { tick: now as u8, record: &record } });
            written.hashes.insert((*origin, now), game.hash());
        }
        written.bytes.extend_from_slice(writer.bytes());
        writer.clear();
        written.ends.push(written.bytes.len());
    }
    written
}

fn listed(number: u64) -> Listed {
    Listed { number, path: PathBuf::from(format!("{number}.journal")), bytes: 0 }
}

/// The origin, tick and hash of each room that is gone on with.
fn recovered(catalog: &Catalog, files: &[Vec<u8>]) -> Vec<(u64, u32, u64)> {
    let names: Vec<_> = (1..=files.len() as u64).map(listed).collect();
    let files: Vec<_> = names.iter().zip(files.to_vec()).collect();
    let restored = left_rooms(&files).into_iter().filter_map(|left| left.restore(catalog).ok());
    restored.map(|room| (room.kept.origin, room.game.now().0, room.game.hash())).collect()
}

/// Damages the file in one of many ways. Gives from where on it is damaged.
fn damage(bytes: &mut Vec<u8>, ends: &[usize], rng: &mut Rng) -> usize {
    let place = rng.below(bytes.len() as u32) as usize;
    let chunk = 1 + rng.below(ends.len() as u32 - 1) as usize;
    let (begin, end) = (ends[chunk - 1], ends[chunk]);
    match rng.below(8) {
        0 => {
            bytes.truncate(place);
            place
        }
        1 => {
            bytes[place] ^= 1 << rng.below(8);
            place
        }
        2 => {
            let end = (place + 1 + rng.below(300) as usize).min(bytes.len());
            bytes[place..end].iter_mut().for_each(|byte| *byte = rng.bits() as u8);
            place
        }
        // Chunks in another order, twice, or missing.
        3 => {
            let moved: Vec<u8> = bytes.drain(begin..end).collect();
            let to = ends[rng.below(chunk as u32) as usize];
            bytes.splice(to..to, moved);
            to
        }
        4 => {
            let again = bytes[begin..end].to_vec();
            bytes.splice(end..end, again);
            end
        }
        5 => {
            bytes.drain(begin..end);
            begin
        }
        // A version that is still to come.
        6 => {
            bytes[8..10].copy_from_slice(&(2 + rng.below(60_000) as u16).to_le_bytes());
            8
        }
        _ => {
            let more = (0..=rng.below(200)).map(|_| rng.bits() as u8);
            bytes.extend(more);
            bytes.len()
        }
    }
}

#[test]
fn damaged_journals_give_what_was_or_nothing() {
    let catalog = Catalog::new::<Games>(&Config::default()).unwrap();
    let (first, second) = (written(&catalog, 0), written(&catalog, 1));
    let is_of = |written: &Written, (origin, tick, hash): (u64, u32, u64)| {
        written.hashes.get(&(origin, tick)) == Some(&hash)
    };
    let whole = recovered(&catalog, &[first.bytes.clone(), second.bytes.clone()]);
    assert_eq!(whole.len() as u64, 2 * ROOMS);
    assert!(whole.iter().all(|room| room.1 == TICKS && (is_of(&first, *room) || is_of(&second, *room))));

    let mut rng = Rng::new(1, 1);
    let (mut cut, mut aside, mut healed) = (0, 0, 0);
    for mutation in 0..1000 {
        let mut bytes = first.bytes.clone();
        let from = damage(&mut bytes, &first.ends, &mut rng);
        let rooms = recovered(&catalog, &[bytes, second.bytes.clone()]);
        let (damaged, others): (Vec<_>, Vec<_>) = rooms.into_iter().partition(|room| room.0 <= ROOMS);
        assert_eq!(others.len() as u64, ROOMS, "mutation {mutation}: the others go on");
        assert!(others.iter().all(|room| room.1 == TICKS && is_of(&second, *room)), "mutation {mutation}");
        for room in &damaged {
            assert!(
                is_of(&first, *room),
                "mutation {mutation}: room {} was never so at tick {}",
                room.0,
                room.1
            );
            if room.1 < TICKS {
                // All that was seen before the damage is there.
                let seen = first.ends.iter().filter(|end| **end <= from).count() as u32;
                assert!(room.1 >= seen, "mutation {mutation}: tick {} of {seen}", room.1);
                cut += 1;
            } else {
                healed += 1;
            }
        }
        aside += ROOMS as usize - damaged.len();
    }
    assert!(cut > 100 && aside > 100 && healed > 100, "{cut} cut, {aside} set aside, {healed} healed");
}
