//! How netcode feels: `cargo xtask bench netcode --json FILE`. It takes some minutes, and stops by itself.
//!
//! Matches over simulated lines in virtual time, so the figures are the same on every machine. The exit
//! code is 1 when a figure is not what it must be.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use fracas_benches::netcode::{
    Figures, Lengths, PLAY, cheats, cost, inputs, others, play, prediction, shots, time,
};

fn main() -> Result<ExitCode> {
    let mut json: Option<PathBuf> = None;
    let mut lengths = Lengths::FULL;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => json = Some(args.next().context("--json takes a file's name")?.into()),
            PLAY => {
                play(args.next().context("for how many seconds?")?.parse()?)?;
                return Ok(ExitCode::SUCCESS);
            }
            "--short" => lengths = Lengths::SMOKE,
            // What cargo says to every benchmark.
            "--bench" => {}
            other => anyhow::bail!("unknown option {other}; there are --json FILE and --short"),
        }
    }
    let mut figures = Figures::default();
    let measures = [prediction, inputs, others, shots, time, cheats, cost];
    for (place, measure) in measures.iter().enumerate() {
        eprintln!("measuring {} of {}", place + 1, measures.len());
        measure(&mut figures, lengths)?;
    }
    println!("{}", figures.table());
    if let Some(file) = json {
        let text = serde_json::to_string_pretty(&figures.json())?;
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let short = figures.short().count();
    if short > 0 {
        eprintln!("{short} figures are not what they must be: see the lines with a !");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
