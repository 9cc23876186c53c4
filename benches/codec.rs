//! What frames cost, in bytes and nanoseconds: of the reference trace, of a random walk and of the cube scene, each
//! beside what it is held against.
//!
//! `cargo bench -p fracas-benches --bench codec`. It takes half a minute, most of it for the physics of the cubes. With
//! `-- encode` or `-- decode` it does that alone, over and over, for a profiler to look at.

use std::time::{Duration, Instant};
use std::{env, mem};

use anyhow::{Result, ensure};
use fracas_benches::codec::{
    ArenaTrace, CUBE_HZ, CUBE_TICKS, CubeRow, CubeTrace, entropies, fiedler, snapshot_of,
};
use fracas_shared::frame::{Baseline, FrameEncoder};
use fracas_shared::schema::{Field, FieldKind, Kind};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{Rng, Tick};

const TICKS: usize = 3_000;
const SEED: u64 = 42;
/// Of which the fastest counts: others share the machine.
const PASSES: usize = 7;

/// Entities of the random walk, and by how many quanta each of their two fields moves in a tick at most.
const WALKERS: u16 = 100;
const WALK_STEP: i32 = 64;
/// Bytes of a patch of Colyseus 0.16 for 100 entities with two changed floats each.
const COLYSEUS_BYTES: f64 = 1_193.0;
/// How many frames back the baseline of the cubes is, besides the previous one.
const CUBE_BASELINE: usize = 6;

/// Ticks of the reference trace that a profiler looks at, and how often.
const PROFILED_TICKS: usize = 1_000;
const PROFILED_PASSES: usize = 20;

fn main() -> Result<()> {
    let asked = env::args().skip(1).find(|argument| !argument.starts_with("--"));
    match asked.as_deref() {
        Some("encode") => return profiled(true),
        Some("decode") => return profiled(false),
        _ => {}
    }
    arena()?;
    walk()?;
    cubes()
}

/// Sizes and times of deltas, keyframes aside.
struct Figures {
    bytes_per_frame: f64,
    entities: f64,
    encode: Duration,
    encode_max: Duration,
    decode: Duration,
}

impl Figures {
    fn per_entity(&self, time: Duration) -> f64 {
        time.as_nanos() as f64 / self.entities
    }
}

/// Each snapshot as a delta from the one so many before, there and back.
fn deltas(views: &[Kind], snapshots: &mut [Snapshot], back: usize) -> Result<Figures> {
    let codec = FrameEncoder::new(views).codec().clone();
    let count = snapshots.len();
    let mut frames: Vec<Vec<u8>> = vec![Vec::new(); count];
    let mut best = Figures {
        bytes_per_frame: 0.0,
        entities: 0.0,
        encode: Duration::MAX,
        encode_max: Duration::MAX,
        decode: Duration::MAX,
    };
    for _ in 0..PASSES {
        let mut encoder = FrameEncoder::new(views);
        let (mut encode, mut longest) = (Duration::ZERO, Duration::ZERO);
        for (place, frame) in frames.iter_mut().enumerate() {
            let (before, now) = snapshots.split_at_mut(place);
            frame.clear();
            let began = Instant::now();
            if let Some(last) = before.last() {
                encoder.follow(last, &mut now[0]);
            }
            let baseline = place.checked_sub(back).map(|place| Baseline::from(&before[place]));
            encoder.encode(baseline, &now[0], false, frame);
            if place >= back {
                encode += began.elapsed();
                longest = longest.max(began.elapsed());
            }
        }
        best.encode = best.encode.min(encode);
        best.encode_max = best.encode_max.min(longest);
        let mut held = vec![Snapshot::default(); back];
        let mut next = Snapshot::default();
        let mut decode = Duration::ZERO;
        for (place, frame) in frames.iter().enumerate() {
            let baseline = (place >= back).then_some(&held[place % back]);
            let began = Instant::now();
            codec.decode_into(baseline, frame, &mut next)?;
            if back > 1 && place > 0 {
                codec.note_moves(&held[(place - 1) % back], &mut next);
            }
            if place >= back {
                decode += began.elapsed();
            }
            ensure!(next == snapshots[place], "a frame does not come back as it went");
            mem::swap(&mut held[place % back], &mut next);
        }
        best.decode = best.decode.min(decode);
    }
    best.bytes_per_frame = frames[back..].iter().map(Vec::len).sum::<usize>() as f64 / (count - back) as f64;
    best.entities = snapshots[back..].iter().map(Snapshot::len).sum::<usize>() as f64;
    Ok(best)
}

/// Encodes the reference trace at 60 Hz over and over, or decodes it.
fn profiled(does_encode: bool) -> Result<()> {
    let views = ArenaTrace::schema();
    let mut trace = ArenaTrace::new(60, SEED);
    let mut snapshots: Vec<_> = (0..PROFILED_TICKS).map(|_| trace.snapshot()).collect();
    let mut frames: Vec<Vec<u8>> = vec![Vec::new(); PROFILED_TICKS];
    for _ in 0..if does_encode { PROFILED_PASSES } else { 1 } {
        let mut encoder = FrameEncoder::new(&views);
        for (place, frame) in frames.iter_mut().enumerate() {
            let (before, now) = snapshots.split_at_mut(place);
            frame.clear();
            if let Some(last) = before.last() {
                encoder.follow(last, &mut now[0]);
            }
            encoder.encode(before.last().map(Baseline::from), &now[0], false, frame);
        }
    }
    let codec = FrameEncoder::new(&views).codec().clone();
    for _ in 0..if does_encode { 0 } else { PROFILED_PASSES } {
        let (mut held, mut next) = (Snapshot::default(), Snapshot::default());
        for (place, frame) in frames.iter().enumerate() {
            codec.decode_into((place > 0).then_some(&held), frame, &mut next)?;
            mem::swap(&mut held, &mut next);
        }
    }
    let entities = PROFILED_TICKS * snapshots[0].len();
    println!("{entities} entities, {PROFILED_PASSES} times");
    Ok(())
}

/// The reference trace, which counts only when its entropies are those that are known of it.
fn arena() -> Result<()> {
    for (tick_hz, differences, second_differences) in [(60, 9.9, 6.0), (30, 12.5, 8.7)] {
        let ticks: Vec<_> = {
            let mut trace = ArenaTrace::new(tick_hz, SEED);
            (0..TICKS).map(|_| trace.step()).collect()
        };
        let found = entropies(&ticks, ArenaTrace::bits());
        println!("{} players at {tick_hz} Hz, {TICKS} ticks", ticks[0].len());
        for (name, found, known) in [
            ("entropy of differences", found.differences, differences),
            ("entropy of second differences", found.second_differences, second_differences),
        ] {
            println!("  {name:30}  {found:6.2} bits, known {known}");
            ensure!(
                (found / known - 1.0).abs() < 0.05,
                "the trace is not the reference: {found:.2} for {known}"
            );
        }
        let mut trace = ArenaTrace::new(tick_hz, SEED);
        let mut snapshots: Vec<_> = (0..TICKS).map(|_| trace.snapshot()).collect();
        let figures = deltas(&ArenaTrace::schema(), &mut snapshots, 1)?;
        let players = ticks[0].len() as f64;
        println!(
            "  bytes for each and tick         {:6.3}, all of a frame counted",
            figures.bytes_per_frame / players
        );
        println!("  encoding, following counted in  {:6.1} ns for each", figures.per_entity(figures.encode));
        println!("  decoding                        {:6.1} ns for each", figures.per_entity(figures.decode));
    }
    Ok(())
}

/// Things that go any way at any time.
fn walk() -> Result<()> {
    let field = |name| Field::new(name, FieldKind::Fixed { min: 0.0, step: 1.0 / 64.0, bits: 16 });
    let views = [Kind { name: "Walker".into(), fields: vec![field("x"), field("y")] }];
    let mut rng = Rng::new(SEED, 0);
    let mut places: Vec<[u32; 2]> = (0..WALKERS).map(|_| [0; 2].map(|_| rng.bits() & 0xffff)).collect();
    let mut snapshots: Vec<_> = (0..TICKS as u32)
        .map(|tick| {
            for code in places.as_flattened_mut() {
                let step = rng.below(2 * WALK_STEP as u32 + 1) as i32 - WALK_STEP;
                *code = code.wrapping_add_signed(step) & 0xffff;
            }
            snapshot_of(Tick(tick), &places)
        })
        .collect();
    let figures = deltas(&views, &mut snapshots, 1)?;
    println!("{WALKERS} things, 2 fields of 16 bits, each moves by up to {WALK_STEP} quanta either way");
    println!(
        "  bytes a frame                   {:6.1}, {:.3} of the {COLYSEUS_BYTES} of Colyseus",
        figures.bytes_per_frame,
        figures.bytes_per_frame / COLYSEUS_BYTES
    );
    println!(
        "  entropy of such steps           {:6.1}",
        f64::from(2 * WALK_STEP + 1).log2() * 2.0 * f64::from(WALKERS) / 8.0
    );
    Ok(())
}

/// Fiedler's cubes, beside a packer by hand.
fn cubes() -> Result<()> {
    let mut trace = CubeTrace::new(SEED);
    let mut snapshots: Vec<_> = (0..CUBE_TICKS).map(|_| trace.snapshot()).collect();
    let kbit_per_s = |bytes_per_frame: f64| bytes_per_frame * 8.0 * f64::from(CUBE_HZ) / 1000.0;
    let mut by_hand = 0;
    let rows = |snapshot: &Snapshot| -> Result<Vec<CubeRow>> {
        snapshot.rows().map(|row| Ok(row.codes.try_into()?)).collect()
    };
    let ticks = snapshots.iter().map(rows).collect::<Result<Vec<_>>>()?;
    for (baseline, now) in ticks.iter().zip(&ticks[CUBE_BASELINE..]) {
        let mut frame = Vec::new();
        fiedler::encode(baseline, now, &mut frame);
        by_hand += frame.len();
    }
    let by_hand = kbit_per_s(by_hand as f64 / (CUBE_TICKS - CUBE_BASELINE) as f64);
    println!("{} cubes at {CUBE_HZ} Hz, {CUBE_TICKS} ticks", snapshots[0].len());
    println!("  packed by hand, {CUBE_BASELINE} frames back   {by_hand:6.1} kbit/s");
    for back in [CUBE_BASELINE, 1] {
        let figures = deltas(&CubeTrace::schema(), &mut snapshots, back)?;
        let ours = kbit_per_s(figures.bytes_per_frame);
        println!(
            "  this codec, {back} back              {ours:6.1} kbit/s, {:.3} of that; a frame in {:.0} us, at most {:.0}",
            ours / by_hand,
            figures.encode.as_micros() as f64 / (CUBE_TICKS - back) as f64,
            figures.encode_max.as_micros()
        );
    }
    Ok(())
}
