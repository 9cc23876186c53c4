//! What a tick of arena costs without a net: rules, views, codec, own rows, in rooms of 8, one after the other.
//!
//! `cargo bench -p fracas-benches --bench tick -- [ROOMS [TICKS]]`. With one room all is in the processor's caches;
//! with many it is as on a server. It also tells how often a tick allocates, and stops by itself.

use std::env::args;
use std::time::{Duration, Instant};

use anyhow::Result;
use fracas_benches::{PLAYERS, Played};

/// Until matches are on their way.
const WARM_UP_TICKS: u32 = 900;
const ALLOCATION_TICKS: u32 = 300;

fn main() -> Result<()> {
    let numbers: Vec<u32> = args().filter_map(|argument| argument.parse().ok()).collect();
    let rooms = numbers.first().copied().unwrap_or(50);
    let ticks = numbers.get(1).copied().unwrap_or(1000);
    let mut rooms = (0..rooms).map(|number| Played::open(number, true)).collect::<Result<Vec<_>>>()?;
    for _ in 0..WARM_UP_TICKS {
        for room in &mut rooms {
            room.tick();
        }
    }
    let (mut spent, mut bytes) = (Duration::ZERO, 0);
    for _ in 0..ticks {
        for room in &mut rooms {
            room.press();
            let begun = Instant::now();
            bytes += room.work();
            spent += begun.elapsed();
        }
    }
    let count = f64::from(ticks) * rooms.len() as f64;
    // Shots are events, and each of those is a message of its own.
    let mut room = Played::open(0, false)?;
    for _ in 0..WARM_UP_TICKS {
        room.tick();
    }
    let mut allocations = 0;
    for _ in 0..ALLOCATION_TICKS {
        room.press();
        allocations += allocation_counter::measure(|| _ = room.work()).count_total;
    }
    println!(
        "{} rooms of {PLAYERS}: {:.2} us a tick, {:.3} us an update of {:.1} bytes, {:.2} allocations a tick without shots",
        rooms.len(),
        spent.as_secs_f64() * 1e6 / count,
        spent.as_secs_f64() * 1e6 / count / f64::from(PLAYERS),
        bytes as f64 / count / f64::from(PLAYERS),
        allocations as f64 / f64::from(ALLOCATION_TICKS),
    );
    Ok(())
}
