//! `cargo xtask soak`: what shows only after long.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::{cargo, run_watched};

/// Plays in a debug and in a release build and compares the hash over all ticks that each prints.
pub(crate) fn determinism(root: &Path, ticks: u64) -> Result<()> {
    let debug = chain(root, ticks, None)?;
    let release = chain(root, ticks, Some("--release"))?;
    println!("\ndebug   {debug}\nrelease {release}");
    if debug != release {
        bail!("debug and release builds play differently within {ticks} ticks");
    }
    println!("The same for {ticks} ticks.");
    Ok(())
}

/// Plays the server's own test of it for so many cycles.
pub(crate) fn resume(root: &Path, cycles: u32, players: u32) -> Result<()> {
    let test = "players_who_drop_and_come_back_keep_seat_and_score";
    let arguments = ["test", "--release", "--package=fracas-server", "--test=it", test, "--", "--nocapture"];
    let mut command = cargo(root, &arguments);
    command.env("FRACAS_CYCLES", cycles.to_string()).env("FRACAS_PLAYERS", players.to_string());
    if !run_watched(&mut command, |_| {})? {
        bail!("not every player kept seat and score");
    }
    Ok(())
}

/// The number on the line `chain <number>` of the simulation's own test.
fn chain(root: &Path, ticks: u64, profile: Option<&str>) -> Result<String> {
    let mut arguments = vec!["test", "--package=fracas-sim", "--test=it"];
    arguments.extend(profile);
    arguments.extend(["determinism", "--", "--nocapture"]);
    let mut command = cargo(root, &arguments);
    command.env("FRACAS_TICKS", ticks.to_string());
    let mut chain = None;
    let passed = run_watched(&mut command, |line| {
        // The test runner may have written its own words before it on the same line.
        let number = line.split_once("chain ").and_then(|(_, rest)| rest.split_whitespace().next());
        if let Some(number) = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            chain = Some(number.to_owned());
        }
    })?;
    if !passed {
        bail!("the determinism test failed");
    }
    chain.context("the determinism test printed no line `chain <number>`")
}
