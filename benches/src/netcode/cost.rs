//! What lag compensation and the buffering of inputs cost of a tick's work, in instructions.
//!
//! This program runs itself under callgrind, which counts the instructions of the server's part alone:
//! the taking of inputs and the ticks. Instructions do not depend on what else the machine does.

use std::env;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fracas_arena::Config;
use fracas_shared::LineProfile;

use super::brains::PilotBrain;
use super::figures::{Figures, Wanted};
use super::measures::Lengths;
use super::simulated::SimulatedMatch;

/// The option by which the program is told to play for callgrind.
pub const PLAY: &str = "--play-for-callgrind";
const PLAYERS: u64 = 16;
/// What is counted as the work: the functions that [`SimulatedMatch`] calls the server by.
const WORK: [(&str, &str); 2] = [("SimulatedMatch", "room_input"), ("SimulatedMatch", "room_tick")];
/// What is measured of it.
const INPUTS: [(&str, &str); 2] = [("InputQueue", "push"), ("InputQueue", "take")];
const REMEMBERING: [(&str, &str); 1] = [("History", "push")];
const LOOKING_BACK: [(&str, &str); 1] = [("Arena", "first_seen_hit")];

/// Plays a match of 16 for so many seconds, to be counted.
pub fn play(seconds: u64) -> Result<()> {
    let line = LineProfile { latency_ms: 100, jitter_ms: 20, ..LineProfile::default() };
    let mut played = SimulatedMatch::new(Config::default(), 30, 250, 1)?;
    for seed in 0..PLAYERS {
        played.join(line, 30, seed + 1, Box::new(PilotBrain::new(seed, false)))?;
    }
    played.run(Duration::from_secs(seconds))
}

/// The share of a tick's instructions.
pub fn cost(figures: &mut Figures, lengths: Lengths) -> Result<()> {
    let out = env::temp_dir().join(format!("fracas-callgrind-{}", std::process::id()));
    let seconds = lengths.cost_s.to_string();
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--collect-atstart=no", "--compress-strings=no"]);
    valgrind.args(WORK.map(|(of, work)| format!("--toggle-collect=*{of}::{work}*")));
    valgrind.arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(env::current_exe()?).args([PLAY, &seconds]);
    let ran = valgrind
        .stderr(Stdio::null())
        .status()
        .context("valgrind is needed to count instructions: install the package valgrind")?;
    ensure!(ran.success(), "the match under callgrind ended with {ran}");
    let mut annotate = Command::new("callgrind_annotate");
    let annotated = annotate.args(["--inclusive=yes", "--threshold=100"]).arg(&out).output();
    // What is left of it is of no use to anyone.
    let _ = std::fs::remove_file(&out);
    let table = String::from_utf8(annotated?.stdout)?;

    let of = |names: &[(&str, &str)]| {
        names.iter().map(|(of, name)| instructions(&table, of, name)).sum::<Result<f64>>()
    };
    let (work, inputs) = (of(&WORK)?, of(&INPUTS)?);
    let (remembering, looking_back) = (of(&REMEMBERING)?, of(&LOOKING_BACK)?);
    let rewind = remembering + looking_back;
    let line = "8. cost";
    let ticks = (lengths.cost_s * 30) as f64;
    figures.push(line, "a tick of 16 players", work / ticks, "instructions", Wanted::Anything);
    figures.push(line, "input buffering", inputs * 100.0 / work, "%", Wanted::Anything);
    figures.push(line, "lag compensation", rewind * 100.0 / work, "%", Wanted::Anything);
    figures.push(line, "  remembering", remembering * 100.0 / work, "%", Wanted::Anything);
    figures.push(line, "  looking back", looking_back * 100.0 / work, "%", Wanted::Anything);
    figures.push(line, "both of them", (inputs + rewind) * 100.0 / work, "%", Wanted::AtMost(5.0));
    Ok(())
}

/// What a type's function and all that it calls took: `1,234 ( 5.6%)  file:of::name [object]`.
fn instructions(table: &str, of: &str, name: &str) -> Result<f64> {
    let name = format!("::{name} ");
    let of_it: Vec<_> = table
        .lines()
        .filter(|line| line.contains(of) && line.contains(&name))
        .filter_map(|line| line.split_whitespace().next()?.replace(',', "").parse::<f64>().ok())
        .collect();
    ensure!(!of_it.is_empty(), "callgrind saw no function {of}{name}");
    Ok(of_it.iter().sum())
}
