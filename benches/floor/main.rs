//! What an update costs the server's processor, beside the least that it could cost: `cargo xtask bench floor`.
//!
//! Four servers get the same clients, one after the other, round by round: a *skeleton*, which plays a recorded match
//! and only reads each socket once and writes it once at its tick; the same with `io_uring`; a *naive* one of
//! tokio-tungstenite that plays the same match; and the product, which plays a match of its own. The clients are
//! `fracas-bots`, which decode all that comes and count it.

mod bounds;
mod cases;
mod naive;
mod options;
mod report;
mod rounds;
mod run;
mod server;
mod skeleton;
mod statistics;
#[allow(unsafe_code, reason = "the kernel reads and writes through pointers: see `Ring::finish`")]
mod uring;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use fracas_benches::tape::Tape;

#[derive(Parser)]
#[command(name = "fracas-floor-bench", arg_required_else_help = true)]
/// What an update costs the server's processor, beside the least that it could cost.
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compare the product with the skeleton and with the naive server, round by round.
    Run(options::Options),
    /// Play a recorded match to everyone who joins, with one read and one write for each client and tick, until
    /// stdin ends.
    Skeleton {
        /// The file to play.
        #[arg(long)]
        tape: PathBuf,
        /// Submit the reads of all clients at once, and then the writes, by `io_uring`.
        #[arg(long)]
        io_uring: bool,
    },
    /// Play it by a task and a channel for each client, until stdin ends.
    Naive {
        /// The file to play.
        #[arg(long)]
        tape: PathBuf,
    },
}

fn main() -> Result<ExitCode> {
    let is_good = match Cli::parse().command {
        Command::Run(options) => rounds::run(&options)?,
        Command::Skeleton { tape, io_uring } => {
            skeleton::serve(&Tape::read(&tape)?, io_uring)?;
            true
        }
        Command::Naive { tape } => {
            naive::serve(Tape::read(&tape)?)?;
            true
        }
    };
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
