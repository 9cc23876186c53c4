//! What a frame of the reference trace costs, in bytes and nanoseconds, beside the entropies of the trace.
//!
//! `cargo bench -p fracas-benches --bench codec`. It takes some seconds.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fracas_benches::codec::{ArenaTrace, PLAYERS, entropies};
use fracas_shared::frame::{Baseline, FrameEncoder};
use fracas_shared::snapshot::Snapshot;

const TICKS: usize = 3_000;
const SEED: u64 = 42;
/// Of which the fastest counts: others share the machine.
const PASSES: usize = 7;

fn main() -> Result<()> {
    for (tick_hz, differences, second_differences) in [(60, 9.9, 6.0), (30, 12.5, 8.7)] {
        let ticks: Vec<_> = {
            let mut trace = ArenaTrace::new(tick_hz, SEED);
            (0..TICKS).map(|_| trace.step()).collect()
        };
        let found = entropies(&ticks, ArenaTrace::bits());
        println!("{PLAYERS} players at {tick_hz} Hz, {TICKS} ticks");
        println!("  entropy of differences          {:6.2} bits, known {differences}", found.differences);
        println!(
            "  entropy of second differences   {:6.2} bits, known {second_differences}",
            found.second_differences
        );
        for (found, known) in
            [(found.differences, differences), (found.second_differences, second_differences)]
        {
            ensure!(
                (found / known - 1.0).abs() < 0.05,
                "the trace is not the reference: {found:.2} for {known}"
            );
        }
        deltas(tick_hz)?;
    }
    Ok(())
}

/// Each tick as a delta from the one before, there and back.
fn deltas(tick_hz: u16) -> Result<()> {
    let mut trace = ArenaTrace::new(tick_hz, SEED);
    let mut snapshots: Vec<Snapshot> = (0..TICKS).map(|_| trace.snapshot()).collect();
    let codec = FrameEncoder::new(&ArenaTrace::schema()).codec().clone();
    let mut frames = Vec::new();
    let (mut following, mut encoding, mut decoding) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..PASSES {
        let mut encoder = FrameEncoder::new(&ArenaTrace::schema());
        let began = Instant::now();
        for place in 1..TICKS {
            let (before, now) = snapshots.split_at_mut(place);
            encoder.follow(&before[place - 1], &mut now[0]);
        }
        following = following.min(began.elapsed());
        frames = vec![Vec::with_capacity(128); TICKS - 1];
        let began = Instant::now();
        for (pair, frame) in snapshots.windows(2).zip(&mut frames) {
            encoder.encode(Some(Baseline::from(&pair[0])), &pair[1], false, frame);
        }
        encoding = encoding.min(began.elapsed());
        let mut keyframe = Vec::new();
        encoder.encode(None, &snapshots[0], false, &mut keyframe);
        let mut held = codec.decode(None, &keyframe)?;
        let mut next = Snapshot::default();
        let began = Instant::now();
        for frame in &frames {
            codec.decode_into(Some(&held), frame, &mut next)?;
            std::mem::swap(&mut held, &mut next);
        }
        decoding = decoding.min(began.elapsed());
        held = codec.decode(None, &keyframe)?;
        for (frame, snapshot) in frames.iter().zip(&snapshots[1..]) {
            held = codec.decode(Some(&held), frame)?;
            ensure!(held == *snapshot, "a frame does not come back as it went");
        }
    }
    let updates = (frames.len() * PLAYERS) as f64;
    let bytes: usize = frames.iter().map(Vec::len).sum();
    println!(
        "  this codec                      {:6.3} bytes for each entity and tick, all counted",
        bytes as f64 / updates
    );
    println!("    following                     {:6.1} ns", following.as_nanos() as f64 / updates);
    println!("    encoding                      {:6.1} ns", encoding.as_nanos() as f64 / updates);
    println!("    decoding                      {:6.1} ns", decoding.as_nanos() as f64 / updates);
    Ok(())
}
