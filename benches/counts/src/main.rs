//! Plays a scene for `cargo xtask bench counts`.
//!
//! `fracas-counts play SCENE COUNTED TICKS` plays so many ticks, what is counted of them in so many. Two runs that
//! differ in nothing but the second number differ by the instructions of that many ticks.
//!
//! `fracas-counts allocations SCENE TICKS` prints how many of so many ticks in which nothing special happens took memory
//! from the allocator, and `fracas-counts scenes` the names of all scenes.

use std::env::args;

use anyhow::{Result, bail, ensure};
use fracas_counts::{SCENES, scene};

/// Until what a scene uses has grown to the size that it stays at.
const WARM_UP_TICKS: usize = 900;

fn main() -> Result<()> {
    let words: Vec<_> = args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["play", name, counted, ticks] => play(name, counted.parse()?, ticks.parse()?),
        ["allocations", name, ticks] => {
            println!("{}", allocations(name, ticks.parse()?)?);
            Ok(())
        }
        ["scenes"] => {
            for (name, what) in SCENES {
                println!("{name} {what}");
            }
            Ok(())
        }
        _ => bail!("start it by `cargo xtask bench counts`"),
    }
}

fn play(name: &str, counted: usize, ticks: usize) -> Result<()> {
    let mut scene = scene(name, WARM_UP_TICKS + ticks, true)?;
    for tick in 0..WARM_UP_TICKS + ticks {
        scene.prepare();
        scene.work(tick < WARM_UP_TICKS + counted);
    }
    Ok(())
}

/// Nobody shoots, for shots are events, and each of those is a message of its own.
fn allocations(name: &str, ticks: usize) -> Result<usize> {
    let mut scene = scene(name, WARM_UP_TICKS + ticks, false)?;
    let (mut steady, mut took) = (0, 0);
    for tick in 0..WARM_UP_TICKS + ticks {
        scene.prepare();
        let used = allocation_counter::measure(|| scene.work(true));
        if tick < WARM_UP_TICKS || !scene.is_steady() {
            continue;
        }
        steady += 1;
        if used.count_total > 0 {
            took += 1;
            eprintln!("tick {tick}: {} times, {} bytes", used.count_total, used.bytes_total);
        }
    }
    ensure!(steady > ticks / 2, "only {steady} of {ticks} ticks are steady");
    Ok(took)
}
