//! `cargo xtask codec`: the state codec on anybody's data. `--help` says how.
//!
//! The exit code is 1 when something is wrong with a file or with the codec, and 2 when it is with the
//! arguments.

use std::process::ExitCode;

use clap::Parser as _;
use fracas_benches::codec::tool::{Options, run};

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
