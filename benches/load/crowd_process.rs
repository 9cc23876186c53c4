//! A crowd in a process of its own, as seen from outside.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fracas_benches::process::Process;
use serde_json::Value;

use crate::crowd::Options;
use crate::place::Place;
use crate::times::Times;

/// How often it is asked whether all have come.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// Longer than the last ones take to join, when the server has much to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// The crowd; ended when dropped.
pub(crate) struct CrowdProcess {
    process: Process,
    lines: BufReader<ChildStdout>,
    /// How many have not joined although they had time to.
    pub(crate) absent: u64,
}

/// What it says of the time since it was last asked.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// From one update of a client to its next.
    pub(crate) gaps: Times,
    /// From when clients that stalled read again to their first update that was as new as anyone's.
    pub(crate) live_again: Times,
    /// How late the crowd itself was to look at its sockets.
    pub(crate) sweeps: Times,
    counts: Value,
}

impl Told {
    fn of(counts: Value) -> Result<Self> {
        Ok(Self {
            gaps: Times::of_pairs(&counts["gaps"])?,
            live_again: Times::of_pairs(&counts["live_again"])?,
            sweeps: Times::of_pairs(&counts["sweeps"])?,
            counts,
        })
    }

    /// How many clients are shown their match.
    pub(crate) fn playing(&self) -> u64 {
        self.count("playing")
    }

    /// A count by its name, as in `crowd/figures.rs`.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.counts[name].as_u64().unwrap_or(0)
    }
}

impl CrowdProcess {
    /// Starts it, and waits until all have joined, or no more can be expected to.
    pub(crate) fn start(options: &Options, place: &Place) -> Result<Self> {
        let mut crowd = Self::spawn(options, place.options.client_core)?;
        let ramp = Duration::from_secs_f64(options.clients as f64 / options.ramp);
        let given_up_at = Instant::now() + ramp + PATIENCE;
        loop {
            place.interrupt.pause(LOOK_INTERVAL)?;
            let playing = crowd.ask()?.playing();
            eprint!("\r{playing} of {} clients have joined  ", options.clients);
            crowd.absent = (options.clients as u64).saturating_sub(playing);
            if crowd.absent == 0 || Instant::now() > given_up_at {
                eprintln!();
                return Ok(crowd);
            }
        }
    }

    fn spawn(options: &Options, core: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("crowd")
            .arg(format!("--server={}", options.server))
            .arg(format!("--clients={}", options.clients))
            .arg(format!("--stalling={}", options.stalling))
            .arg(format!("--ramp={}", options.ramp))
            .arg(format!("--game={}", options.game))
            .arg(format!("--room={}", options.room))
            .arg(format!("--inputs={}", options.inputs))
            .args(options.apart.then_some("--apart"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process::start(&mut command, core)?;
        let lines = BufReader::new(process.child.stdout.take().context("it has a stdout")?);
        Ok(Self { process, lines, absent: options.clients as u64 })
    }

    /// What it has seen since it was last asked.
    pub(crate) fn ask(&mut self) -> Result<Told> {
        self.command("")
    }

    /// Lets those who may stall stop reading.
    pub(crate) fn stall(&mut self) -> Result<Told> {
        self.command("stall")
    }

    /// Lets them read again.
    pub(crate) fn drain(&mut self) -> Result<Told> {
        self.command("drain")
    }

    fn command(&mut self, command: &str) -> Result<Told> {
        let asking = self.process.child.stdin.as_mut().context("it has a stdin")?;
        writeln!(asking, "{command}").context("the crowd has failed")?;
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the crowd has failed");
        Told::of(serde_json::from_str(&line).with_context(|| format!("the crowd says {line:?}"))?)
    }
}
