//! A server in a process of its own, which says where it listens.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::{Cpu, Process};

/// A server on a core of its own; ended when dropped.
pub struct ServerProcess {
    process: Process,
    lines: BufReader<ChildStdout>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its first line.
    pub greeting: String,
}

impl ServerProcess {
    /// Starts one. Its first line has its address in it.
    pub fn start(command: &mut Command, core: usize) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(command, core)?;
        let mut lines = BufReader::new(process.child.stdout.take().context("it has a stdout")?);
        let mut line = String::new();
        lines.read_line(&mut line)?;
        let address =
            line.split_whitespace().find_map(|word| word.trim_start_matches("http://").parse().ok());
        let address = address.with_context(|| format!("the server says {line:?} and no address"))?;
        Ok(Self { process, lines, address, greeting: line })
    }

    /// Asks one that answers each line of its stdin by a line of JSON.
    pub fn ask(&mut self) -> Result<Value> {
        let asking = self.process.child.stdin.as_mut().context("it has a stdin")?;
        asking.write_all(b"\n")?;
        self.line()
    }

    /// What it has taken of the processor so far.
    pub fn cpu(&self) -> Result<Cpu> {
        self.process.cpu()
    }

    /// What the kernel counts as its resident memory, in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        self.process.resident_bytes()
    }

    /// Closes its stdin, by which one of ours ends with a last line of JSON, and waits so long at most.
    pub fn end(mut self, patience: Duration) -> Result<(ExitStatus, Value)> {
        drop(self.process.child.stdin.take());
        // One that fails has no last line: that is for its exit status to say.
        let last = self.line().unwrap_or_default();
        let (status, _) = self.process.end(patience)?;
        Ok((status, last))
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("the server says {line:?}"))
    }
}
