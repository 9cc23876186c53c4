//! What a frame of the reference trace costs, in bytes and nanoseconds, beside the entropies of the trace.
//!
//! `cargo bench -p fracas-benches --bench codec`. It takes some seconds.

use std::time::Instant;

use anyhow::{Result, ensure};
use fracas_benches::codec::{ArenaTrace, PLAYERS, entropies};
use fracas_shared::frame::FrameCodec;
use fracas_shared::snapshot::Snapshot;

const TICKS: usize = 3_000;
const SEED: u64 = 42;

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
    let snapshots: Vec<Snapshot> = (0..TICKS).map(|_| trace.snapshot()).collect();
    let codec = FrameCodec::new(&ArenaTrace::schema());
    let mut frames = Vec::with_capacity(TICKS);
    let began = Instant::now();
    for pair in snapshots.windows(2) {
        let mut frame = Vec::new();
        codec.encode(Some(&pair[0]), &pair[1], false, &mut frame);
        frames.push(frame);
    }
    let encoding = began.elapsed();
    let began = Instant::now();
    for (pair, frame) in snapshots.windows(2).zip(&frames) {
        let decoded = codec.decode(Some(&pair[0]), frame)?;
        ensure!(decoded.len() == PLAYERS, "a frame lost somebody");
    }
    let decoding = began.elapsed();
    for (pair, frame) in snapshots.windows(2).zip(&frames) {
        ensure!(codec.decode(Some(&pair[0]), frame)? == pair[1], "a frame does not come back as it went");
    }
    let updates = (frames.len() * PLAYERS) as f64;
    let bytes: usize = frames.iter().map(Vec::len).sum();
    println!(
        "  this codec                      {:6.3} bytes for each entity and tick, all counted",
        bytes as f64 / updates
    );
    println!("    encoding                      {:6.1} ns", encoding.as_nanos() as f64 / updates);
    println!("    decoding                      {:6.1} ns", decoding.as_nanos() as f64 / updates);
    Ok(())
}
