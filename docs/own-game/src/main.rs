//! A server of Tag and nothing else.

use std::process::exit;

use fracas_server::config::LoadError;
use fracas_server::{Config, Invocation, Listeners, Shutdown, run, telemetry};
use tag::Tag;

fracas_shared::games! {
    /// The games of this server.
    struct Games = [Tag]
}

fn main() {
    if let Err(error) = start() {
        eprintln!("tag: {error:#}");
        exit(1);
    }
}

#[tokio::main]
async fn start() -> anyhow::Result<()> {
    let config = match Config::load::<Games>(std::env::args_os()) {
        Ok(Invocation::Serve(config)) => *config,
        Ok(Invocation::PrintConfig(text)) => {
            print!("{text}");
            return Ok(());
        }
        Err(LoadError::Arguments(error)) => error.exit(),
        Err(error) => return Err(error.into()),
    };
    telemetry::init(&config)?;
    let shutdown = Shutdown::on_signals()?;
    let listeners = Listeners::bind(&config)?;
    println!("{}", listeners.greeting()?);
    run::<Games>(config, listeners, shutdown).await
}
