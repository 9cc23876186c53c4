//! Something else that wants the processor.

use std::hint::spin_loop;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use fracas_benches::process::Process;

/// How long.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Ends after so many seconds, whatever happens.
    #[arg(long)]
    seconds: f64,
}

/// Takes all that it can get.
pub(crate) fn run(options: &Options) {
    let ends_at = Instant::now() + Duration::from_secs_f64(options.seconds);
    while Instant::now() < ends_at {
        spin_loop();
    }
}

/// Starts so many on this core, each in a process of its own; they end when dropped, or after so long.
pub(crate) fn start(count: usize, core: usize, length: Duration) -> Result<Vec<Process>> {
    let start = |_| {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("hog").arg(format!("--seconds={}", length.as_secs_f64()));
        Process::start(&mut command, core)
    };
    (0..count).map(start).collect()
}
