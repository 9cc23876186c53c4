//! What the server carries, and how well: `cargo xtask bench capacity` and the others that `--help` lists.
//!
//! Each runs the server itself in a process of its own, on one core, and gives it clients from another one. Most of
//! them are a *crowd*: one thread that reads the heads of all that it is shown, at a cost that leaves room for thousands.

mod bots;
mod bounds;
mod capacity;
mod crowd;
mod crowd_process;
mod handshakes;
mod hog;
mod idle;
mod input;
mod join;
mod journal;
mod kernel;
mod lateness;
mod load;
mod metrics;
mod place;
mod prober;
mod product;
mod report;
mod sleeper;
mod speech;
mod stalled;
mod times;
mod viewer;
mod waits;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "fracas-load-bench", arg_required_else_help = true)]
/// What the server carries on one core, and how well.
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Capacity(capacity::Options),
    Lateness(lateness::Options),
    Input(input::Options),
    Join(join::Options),
    Stalled(stalled::Options),
    Idle(idle::Options),
    Journal(journal::Options),
    /// Many clients in one thread, until stdin ends.
    #[command(hide = true)]
    Crowd(crowd::Options),
    /// A thread that sleeps until moments in a row and tells how late it woke.
    #[command(hide = true)]
    Sleeper(sleeper::Options),
    /// Takes all of a core that it can get, for a time.
    #[command(hide = true)]
    Hog(hog::Options),
}

fn main() -> Result<ExitCode> {
    let is_held = match Cli::parse().command {
        Command::Capacity(options) => capacity::run(&options)?,
        Command::Lateness(options) => lateness::run(&options)?,
        Command::Input(options) => input::run(&options)?,
        Command::Join(options) => join::run(&options)?,
        Command::Stalled(options) => stalled::run(&options)?,
        Command::Idle(options) => idle::run(&options)?,
        Command::Journal(options) => journal::run(&options)?,
        Command::Crowd(options) => crowd::run(&options).map(|()| true)?,
        Command::Sleeper(options) => sleeper::run(&options).map(|()| true)?,
        Command::Hog(options) => {
            hog::run(&options);
            true
        }
    };
    Ok(if is_held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
