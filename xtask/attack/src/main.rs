//! Attacks on a server of this machine, to see that it holds: `cargo xtask attack` and
//! `cargo xtask soak slow-readers` and `restarts`.
//!
//! The server is a process of its own, started for this and stopped after it; what it takes and what
//! it says is seen from outside. All that it is attacked with comes from this machine, is bounded in
//! number and in time, and ends by itself.

mod attacks;
mod bots;
mod crowd;
mod line;
mod raid;
mod restarts;
mod server;
mod slow_readers;
mod verdict;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use fracas_server::memory;
use mimalloc::MiMalloc;

// As the server's own binary has it: `serve` is measured.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(Parser)]
#[command(bin_name = "fracas-attack", about = "Attacks a server of this machine, to see that it holds")]
enum Command {
    /// Attack in every way that strangers do, while bots play.
    Raid(raid::Options),
    /// End the server again and again while bots play, and start it anew: no match may be lost.
    Restarts(restarts::Options),
    /// Fill a crowded room with clients that answer and never read, beside some that play.
    SlowReaders(slow_readers::Options),
    /// Serve the crowded room, with all settings of a server.
    #[command(hide = true, disable_help_flag = true)]
    Serve {
        /// Those of `fracas-server`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        settings: Vec<String>,
    },
}

fn main() -> ExitCode {
    let ended = match Command::parse() {
        Command::Raid(options) => attack(raid::run(&options)),
        Command::Restarts(options) => attack(restarts::run(&options)),
        Command::SlowReaders(options) => attack(slow_readers::run(&options)),
        Command::Serve { settings } => {
            memory::use_small_pages();
            return crowd::serve(settings);
        }
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fracas-attack: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all was as it should be.
fn attack(attack: impl Future<Output = Result<bool>>) -> Result<bool> {
    // Strangers have one thread together, and leave the server the other cores.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(attack)
}
