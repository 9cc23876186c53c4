//! The load tester with the games of this repository.

use std::process::ExitCode;

fn main() -> ExitCode {
    fracas_bots::run::<fracas_games::Games>(std::env::args_os())
}
