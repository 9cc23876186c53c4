//! The program of a server: what its command line asks for.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use fracas_shared::GameList;
use tokio::runtime::Runtime;

use crate::config::{Config, Invocation, LoadError};
use crate::drain::drain;
use crate::net::listener::Listeners;
use crate::rooms::replay;
use crate::shutdown::Shutdown;
use crate::supervise::{SUPERVISED, end_with_supervisor, supervise};
use crate::{run, telemetry};

/// Does what the command line asks for, whose first word is the program: serves the games of a list, or what else a server's
/// program can do. What goes wrong is told in a line that begins with the program's name.
///
/// It is all that the `main` of a program of one's own games has to call, with [`std::env::args_os`].
pub fn program<G: GameList>(
    name: &str,
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> ExitCode {
    start::<G>(arguments).unwrap_or_else(|error| {
        eprintln!("{name}: {error:#}");
        ExitCode::FAILURE
    })
}

fn start<G: GameList>(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> anyhow::Result<ExitCode> {
    let invocation = match Config::load::<G>(arguments) {
        Ok(invocation) => invocation,
        Err(LoadError::Arguments(error)) => error.exit(),
        Err(error) => return Err(error.into()),
    };
    match invocation {
        Invocation::PrintConfig(text) => io::stdout().write_all(text.as_bytes())?,
        Invocation::Supervise(config) if env::var_os(SUPERVISED).is_none() => {
            telemetry::init(&config)?;
            return Runtime::new()?.block_on(supervise());
        }
        Invocation::Serve(config) | Invocation::Supervise(config) => {
            telemetry::init(&config)?;
            Runtime::new()?.block_on(serve::<G>(*config))?;
        }
        Invocation::Drain(options, config) => {
            let Config { admin_listen, admin_token, .. } = &*config;
            Runtime::new()?.block_on(drain(&options, *admin_listen, admin_token, &mut io::stdout()))?;
        }
        Invocation::Replay(options) => {
            let is_well = replay::<G>(&options, &mut io::stdout().lock())?;
            return Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve<G: GameList>(config: Config) -> anyhow::Result<()> {
    if env::var_os(SUPERVISED).is_some() {
        end_with_supervisor()?;
    }
    let shutdown = Shutdown::on_signals()?;
    let listeners = Listeners::bind(&config)?;
    writeln!(io::stdout(), "{}", listeners.greeting()?)?;
    run::<G>(config, listeners, shutdown).await
}
