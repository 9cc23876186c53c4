//! The load tester with the games of this repository.

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    fracas_bots::run::<fracas_games::Games>(std::env::args_os())
}
