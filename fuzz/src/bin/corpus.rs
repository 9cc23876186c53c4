//! Writes where the fuzzing of frames begins: viewers' frames as a room sends them. `cargo run --bin corpus -- FOLDER`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs, io};

use fracas_fuzz::views;
use fracas_shared::frame::{Baseline, FrameEncoder};
use fracas_shared::schema::Kind;
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Rng, Tick};

const SEEDS: u64 = 4;
const FRAMES: u32 = 6;

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "corpus/frames".into()));
    fs::create_dir_all(&folder)?;
    for (choice, views) in (0u8..).zip(views()) {
        for seed in 0..SEEDS {
            fs::write(folder.join(format!("{choice}-{seed}")), input(choice, &views, seed))?;
        }
    }
    Ok(())
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
