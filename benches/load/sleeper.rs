//! The control for lateness: a thread that does nothing but sleep until each moment.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use fracas_benches::process::Process;
use fracas_benches::timing::{sharpen_sleep, sleep_until};

use crate::place::Place;
use crate::times::Times;

/// Longer than it takes to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which moments.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How many in a second.
    #[arg(long)]
    hz: f64,
    /// For how long.
    #[arg(long)]
    seconds: f64,
}

/// Sleeps, and prints how late it woke each time.
pub(crate) fn run(options: &Options) -> Result<()> {
    sharpen_sleep()?;
    let (began, mut times) = (Instant::now(), Times::new());
    let moments = (options.hz * options.seconds) as u32;
    for number in 1..=moments {
        let due = began + Duration::from_secs_f64(f64::from(number) / options.hz);
        sleep_until(due);
        times.record(due.elapsed());
    }
    println!("{}", times.pairs());
    Ok(())
}

/// Lets one run on the server's core for so long, and gives how late it woke.
pub(crate) fn measure(hz: f64, length: Duration, place: &Place) -> Result<Times> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("sleeper")
        .arg(format!("--hz={hz}"))
        .arg(format!("--seconds={}", length.as_secs_f64()))
        .stdout(Stdio::piped());
    let sleeper = Process::start(&mut command, place.options.server_core)?;
    place.interrupt.pause(length)?;
    let (status, printed) = sleeper.end(PATIENCE)?;
    ensure!(status.success(), "the sleeper failed, {status}");
    Times::of_pairs(&serde_json::from_str(&printed).context("the sleeper says nothing")?)
}
