//! Bots that play while a server is attacked, in a process of their own.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::NamedTempFile;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::server::{Server, sibling};

/// What 99 of 100 updates are to come within: two ticks of the arena.
const GAP_MS_MAX: f64 = 2.0 * 1000.0 / 30.0;
/// Longer than bots take to leave.
const PATIENCE: Duration = Duration::from_secs(30);

/// The process of all bots; ended when dropped.
pub(crate) struct Bots {
    child: Child,
    report: NamedTempFile,
}

/// What they say of their time.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) joined: u32,
    pub(crate) failed: u32,
    pub(crate) disconnects: u32,
    pub(crate) updates_expected: u64,
    pub(crate) updates_received: u64,
    pub(crate) view_hash_mismatches: u64,
    pub(crate) update_gap_ms: Quantiles,
    /// By kind; a frame that builds on what a bot does not have is one.
    pub(crate) errors: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Quantiles {
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Report {
    /// Whether so many bots played from begin to end, in time.
    pub(crate) fn is_undisturbed(&self, bots: u32) -> bool {
        self.joined == bots && self.failed + self.disconnects == 0 && self.update_gap_ms.p99 <= GAP_MS_MAX
    }

    /// Whether all that the bots got joins up: each delta builds on what they had, and shows the same.
    pub(crate) fn is_covered(&self) -> bool {
        self.errors.is_empty() && self.view_hash_mismatches == 0 && self.updates_received > 0
    }

    /// The same for people.
    pub(crate) fn told(&self) -> String {
        let Self { joined, failed, disconnects, update_gap_ms: gap, .. } = self;
        format!(
            "bots: {joined} joined, {failed} failed, {disconnects} disconnected; update gap p99 {:.1} ms, at \
             most {:.1} ms",
            gap.p99, gap.max
        )
    }
}

impl Bots {
    /// Lets so many play, and waits until all do.
    pub(crate) async fn play(server: &Server, count: u32) -> Result<Self> {
        let report = NamedTempFile::new()?;
        let child = Command::new(sibling("fracas-bots")?)
            .arg(format!("--url=ws://{}", server.public))
            // They come from one address, which may not join faster.
            .args([format!("--clients={count}"), "--ramp=15/s".into(), "--duration=1h".into()])
            .arg("--json")
            .arg(report.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("the bots do not start")?;
        let count = f64::from(count);
        server.until("all bots play", |metrics| metrics.sum("fracas_players{") >= count).await?;
        Ok(Self { child, report })
    }

    /// Ends their play, and asks what they had of it.
    pub(crate) async fn stop(mut self) -> Result<Report> {
        let id = self.child.id().context("the bots ended before they were told to")?;
        let pid = Pid::from_raw(id as i32).context("a process has a number")?;
        kill_process(pid, Signal::INT)?;
        timeout(PATIENCE, self.child.wait()).await.context("the bots do not end")??;
        let text = std::fs::read_to_string(self.report.path())?;
        serde_json::from_str(&text).context("the bots say nothing of their time")
    }
}
