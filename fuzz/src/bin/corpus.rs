//! Writes where fuzzing begins: viewers' frames as a room sends them, and files of journals. `cargo run --bin corpus`, in
//! the folder `fuzz`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs, io};

use fracas_fuzz::{head, views};
use fracas_shared::frame::{Baseline, FrameEncoder};
use fracas_shared::schema::Kind;
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Rng, Tick};
use fracas_sim::journal::{Entry, SegmentWriter, What};

const SEEDS: u64 = 4;
const FRAMES: u32 = 6;

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "corpus".into()));
    let (frames, journals) = (folder.join("frames"), folder.join("journals"));
    fs::create_dir_all(&frames)?;
    fs::create_dir_all(&journals)?;
    for (choice, views) in (0u8..).zip(views()) {
        for seed in 0..SEEDS {
            fs::write(frames.join(format!("{choice}-{seed}")), input(choice, &views, seed))?;
        }
    }
    for seed in 0..SEEDS {
        let (file, entries) = journal(seed);
        fs::write(journals.join(format!("file-{seed}")), [&[0], &*file].concat())?;
        fs::write(journals.join(format!("entries-{seed}")), [&[1], &*entries].concat())?;
    }
    Ok(())
}

/// A file of a journal of three rooms, and the entries in it.
fn journal(seed: u64) -> (Vec<u8>, Vec<u8>) {
    let mut rng = Rng::new(seed, 9);
    let (mut writer, mut entries) = (SegmentWriter::new(head()), Vec::new());
    let mut file = Vec::new();
    for tick in 0..8u32 {
        for room in 0..3 {
            let bytes: Vec<u8> = (0..rng.below(12)).map(|_| rng.below(256) as u8).collect();
            let what = match rng.below(8) {
                _ if tick == 0 => What::Checkpoint { tick, host: &bytes, hash: seed, state: b"state" },
                0 => What::Checkpoint { tick, host: b"host", hash: seed, state: &bytes },
                1 => What::Host(&bytes),
                2 if tick > 4 => What::Ended,
                _ => What::Record { tick: tick as u8, record: &bytes },
            };
            let entry = Entry { room, what };
            entry.put(&mut entries);
            writer.put(&entry);
        }
        file.extend_from_slice(writer.bytes());
        writer.clear();
    }
    (file, entries)
}

fn input(choice: u8, views: &[Kind], seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed, choice.into());
    let mut encoder = FrameEncoder::new(views);
    let mut codes: BTreeMap<(u16, u8), Vec<u32>> = BTreeMap::new();
    let mut last: Option<Snapshot> = None;
    let mut input = vec![choice];
    let mut tick = 100;
    for _ in 0..FRAMES {
        step(views, &mut codes, &mut rng);
        let mut now = snapshot(views, &codes, tick);
        if let Some(last) = &last {
            encoder.follow(last, &mut now);
        }
        let mut frame = Vec::new();
        encoder.encode(last.as_ref().map(Baseline::from), &now, rng.chance(0.3), &mut frame);
        input.extend_from_slice(&(frame.len() as u16).to_le_bytes());
        input.extend_from_slice(&frame);
        last = Some(now);
        tick += if rng.chance(0.8) { 1 } else { 5 };
    }
    input
}

/// Who is there moves on; one leaves, one enters.
fn step(views: &[Kind], rows: &mut BTreeMap<(u16, u8), Vec<u32>>, rng: &mut Rng) {
    if views.is_empty() {
        return;
    }
    let kind = rng.below(views.len() as u32) as u8;
    let id = 1 + rng.below(9) as u16;
    rows.retain(|(other, _), _| *other != id);
    rows.insert((id, kind), vec![0; views[usize::from(kind)].fields.len()]);
    for ((_, kind), codes) in rows {
        for (field, code) in views[usize::from(*kind)].fields.iter().zip(codes) {
            let max = u32::MAX >> (32 - u32::from(field.kind.bits()));
            *code = if field.kind.is_string() { rng.below(3) } else { code.wrapping_add(rng.below(9)) & max };
        }
    }
}

fn snapshot(views: &[Kind], rows: &BTreeMap<(u16, u8), Vec<u32>>, tick: u32) -> Snapshot {
    let mut snapshot = Snapshot::new(Tick(tick));
    let mut strings = BTreeMap::new();
    for ((id, kind), codes) in rows {
        let Some(id) = EntityId::new(*id) else { continue };
        snapshot.push(id, *kind, |out| out.extend_from_slice(codes));
        for (field, code) in views[usize::from(*kind)].fields.iter().zip(codes) {
            if field.kind.is_string() && *code != 0 {
                strings.insert(*code, Arc::from(&b"Ann"[..*code as usize]));
            }
        }
    }
    snapshot.seal(strings);
    snapshot
}
