//! The tape server as another process sees it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use fracas_benches::ServerProcess;

/// A tape server in a process of its own; ended when dropped.
pub(crate) struct TapeProcess {
    process: ServerProcess,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

/// What it has done: since its start, or in a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Served {
    pub(crate) playing: u64,
    pub(crate) updates: u64,
    pub(crate) bytes_out: u64,
    pub(crate) messages_in: u64,
    pub(crate) bytes_in: u64,
    /// Clients that were lost, for whatever reason.
    pub(crate) lost: u64,
    pub(crate) ticks: u64,
    pub(crate) ticks_late: u64,
    /// How long it worked, in milliseconds.
    pub(crate) worked_ms: f64,
}

impl TapeProcess {
    /// Starts one on this core.
    pub(crate) fn start(tape: &Path, core: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let process = ServerProcess::start(command.args(["serve-tape", "--tape"]).arg(tape), core)?;
        Ok(Self { address: process.address, process })
    }

    /// What it has done so far.
    pub(crate) fn counters(&mut self) -> Result<Served> {
        let said = self.process.ask()?;
        let count = |name: &str| said[name].as_u64().with_context(|| format!("no {name} in {said}"));
        Ok(Served {
            playing: count("playing")?,
            updates: count("updates")?,
            bytes_out: count("bytes_out")?,
            messages_in: count("messages_in")?,
            bytes_in: count("bytes_in")?,
            lost: count("stuck")? + count("hung_up")? + count("ran_out")?,
            ticks: count("ticks")?,
            ticks_late: count("ticks_late")?,
            worked_ms: said["pass_ms_sum"].as_f64().context("no pass_ms_sum")?,
        })
    }
}

impl Served {
    /// What it did after that.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            playing: self.playing,
            updates: self.updates - before.updates,
            bytes_out: self.bytes_out - before.bytes_out,
            messages_in: self.messages_in - before.messages_in,
            bytes_in: self.bytes_in - before.bytes_in,
            lost: self.lost - before.lost,
            ticks: self.ticks - before.ticks,
            ticks_late: self.ticks_late - before.ticks_late,
            worked_ms: self.worked_ms - before.worked_ms,
        }
    }

    /// The share of its ticks that were late.
    pub(crate) fn late_share(&self) -> f64 {
        self.ticks_late as f64 / self.ticks.max(1) as f64
    }
}
