//! Attacks on a server of this machine, to see that it holds: `cargo xtask attack` and
//! `cargo xtask soak slow-readers`.
//!
//! The server is a process of its own, started for this and stopped after it; what it takes and what
//! it says is seen from outside. All that it is attacked with comes from this machine, is bounded in
//! number and in time, and ends by itself.

mod attacks;
mod bots;
mod crowd;
mod line;
mod raid;
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
    match start(Command::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fracas-attack: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all was as it should be.
fn start(command: Command) -> Result<bool> {
    // Strangers have one thread together, and leave the server the other cores.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all();
    match command {
        Command::Raid(options) => runtime.build()?.block_on(raid::run(&options)),
        Command::SlowReaders(options) => runtime.build()?.block_on(slow_readers::run(&options)),
        Command::Serve { settings } => {
            memory::use_small_pages();
            tokio::runtime::Runtime::new()?.block_on(crowd::serve(settings))?;
            Ok(true)
        }
    }
}
