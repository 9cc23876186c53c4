//! The Fracas server with the games of this repository.

use std::io::{self, Write};
use std::process::exit;

use fracas_games::Games;
use fracas_server::config::LoadError;
use fracas_server::{Config, Invocation, Listeners, Shutdown, memory, run, telemetry};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    memory::use_small_pages();
    if let Err(error) = start() {
        eprintln!("fracas-server: {error:#}");
        exit(1);
    }
}

#[tokio::main]
async fn start() -> anyhow::Result<()> {
    let config = match Config::load::<Games>(std::env::args_os()) {
        Ok(Invocation::Serve(config)) => *config,
        Ok(Invocation::PrintConfig(text)) => return Ok(io::stdout().write_all(text.as_bytes())?),
        Err(LoadError::Arguments(error)) => error.exit(),
        Err(error) => return Err(error.into()),
    };
    telemetry::init(&config)?;
    let shutdown = Shutdown::on_signals()?;
    let listeners = Listeners::bind(&config)?;
    writeln!(io::stdout(), "{}", listeners.greeting()?)?;
    run::<Games>(config, listeners, shutdown).await
}
