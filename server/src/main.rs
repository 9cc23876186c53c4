//! The Fracas server with the games of this repository.

use std::process::ExitCode;

use fracas_games::Games;
use fracas_server::{memory, program};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    memory::use_small_pages();
    program::<Games>("fracas-server", std::env::args_os())
}
