//! Other processes: started on a core of their own, and what they take of it.

use std::fs;
use std::io::Read as _;
use std::ops::Sub;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// How often it is looked whether a process has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A program that was built together with this one.
pub fn sibling(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.exists(), "{} is not built: start this by `cargo xtask bench`", path.display());
    Ok(path)
}

/// A folder of this name in there, which is empty: what an earlier process left is gone.
pub fn empty_folder(parent: &Path, name: &str) -> Result<PathBuf> {
    let path = parent.join(name);
    if path.exists() {
        fs::remove_dir_all(&path).with_context(|| format!("cannot empty {}", path.display()))?;
    }
    fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}

/// Does something on this core only; threads and processes that are started meanwhile stay there.
pub fn on_core<T>(core: usize, act: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = sched_getaffinity(None)?;
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).with_context(|| format!("there is no core {core} to be had"))?;
    let result = act();
    sched_setaffinity(None, &before)?;
    result
}

/// A process of ours; ended when dropped.
pub struct Process {
    /// With its pipes, if it has some.
    pub child: Child,
}

impl Process {
    /// Starts it on this core.
    pub fn start(command: &mut Command, core: usize) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = on_core(core, || command.spawn().with_context(|| format!("cannot start {name}")))?;
        Ok(Self { child })
    }

    /// What it has taken so far.
    pub fn cpu(&self) -> Result<Cpu> {
        Cpu::of(&self.child.id().to_string())
    }

    /// What the kernel counts as its resident memory, in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(&path).with_context(|| format!("{path}: it is gone"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no status file")?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(self.child.id() as i32).context("a process has a number")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Waits for its end, but not longer than this; with what it has printed, if that was piped.
    pub fn end(mut self, patience: Duration) -> Result<(ExitStatus, String)> {
        let given_up_at = Instant::now() + patience;
        let status = loop {
            match self.child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > given_up_at => bail!("a process does not end"),
                None => thread::sleep(LOOK_INTERVAL),
            }
        };
        let mut printed = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut printed)?;
        }
        Ok((status, printed))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended is none to be ended, and that is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of a process, all threads together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// In its own code, in seconds.
    pub user_s: f64,
    /// In the system's, in seconds.
    pub system_s: f64,
}

impl Cpu {
    /// Of this process so far.
    pub fn of_this() -> Result<Self> {
        Self::of("self")
    }

    /// Of a process so far, by its number.
    fn of(process: &str) -> Result<Self> {
        let path = format!("/proc/{process}/stat");
        let text = std::fs::read_to_string(&path).with_context(|| format!("{path}: it is gone"))?;
        // The name of the program comes second, in brackets; there may be anything in it.
        let (_, rest) = text.rsplit_once(')').context("no stat file")?;
        let mut fields = rest.split_whitespace().skip(11);
        let mut seconds = || -> Result<f64> {
            let ticks: f64 = fields.next().context("no stat file")?.parse()?;
            Ok(ticks / rustix::param::clock_ticks_per_second() as f64)
        };
        Ok(Self { user_s: seconds()?, system_s: seconds()? })
    }

    /// Both, in seconds.
    pub fn total_s(self) -> f64 {
        self.user_s + self.system_s
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { user_s: self.user_s - before.user_s, system_s: self.system_s - before.system_s }
    }
}
