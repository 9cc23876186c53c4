//! What the load tester costs, and whether what it reports is so: `cargo xtask bench bots` and
//! `cargo xtask bench bots-truth`.
//!
//! The control is a program that reads and writes the same bytes on as many sockets and does nothing else. Both
//! meet the same server, which plays a recorded match to everyone who joins.

mod bare;
mod notes;
mod pairs;
mod pairs_report;
mod tape_process;
mod truth;
mod truth_seat;
mod truth_server;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use fracas_benches::tape::{Calls, Shape, Tape, record, serve};

/// The match that is recorded.
const SHAPE: Shape = Shape { seats: 8, tick_hz: 60, inputs_per_s: 20.0 };

#[derive(Parser)]
#[command(name = "fracas-bots-bench", arg_required_else_help = true)]
/// What the load tester costs, and whether what it reports is so.
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Record a match of eight bots in the arena at 60 Hz.
    Record {
        /// The file to write.
        #[arg(long)]
        tape: PathBuf,
        /// How long the match is.
        #[arg(long, default_value_t = 30.0)]
        seconds: f64,
    },
    /// Play a recorded match to everyone who joins, until stdin ends.
    ServeTape {
        /// The file to play.
        #[arg(long)]
        tape: PathBuf,
    },
    /// Read and write as the load tester does, and nothing else.
    Bare(bare::Options),
    /// Compare the processor time of the load tester with that of `bare`, pair by pair.
    Pairs(pairs::Options),
    /// Compare what the load tester reports with what a server knows.
    Truth(truth::Options),
}

fn main() -> Result<ExitCode> {
    let is_good = match Cli::parse().command {
        Command::Record { tape, seconds } => {
            let recorded = record(&SHAPE, Duration::from_secs_f64(seconds))?;
            println!("{:.1} s, {:.0} B/s for each seat", recorded.seconds(), recorded.bytes_per_s());
            recorded.write(&tape).map(|()| true)?
        }
        Command::ServeTape { tape } => {
            let tape = Tape::read(&tape)?;
            serve(&tape, &mut Calls::new(&tape)).map(|()| true)?
        }
        Command::Bare(options) => bare::run(&options).map(|()| true)?,
        Command::Pairs(options) => pairs::run(&options)?,
        Command::Truth(options) => truth::run(&options)?,
    };
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
