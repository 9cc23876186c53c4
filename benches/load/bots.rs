//! `fracas-bots` in a process of its own: clients that decode all that they get and check it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use fracas_benches::process::{Process, sibling};
use serde_json::Value;

use crate::place::Place;
use crate::product::Product;

/// Longer than bots take to leave when the machine is busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many come in a second.
const RAMP: u32 = 200;

/// The bots; ended when dropped.
pub(crate) struct Bots {
    process: Process,
    report: PathBuf,
    clients: u64,
}

impl Bots {
    /// Starts so many for so long, in rooms with these options.
    pub(crate) fn start(
        clients: u64,
        room: &str,
        length: Duration,
        server: &Product,
        place: &Place,
    ) -> Result<Self> {
        let report = place.folder.path().join("bots.json");
        let mut command = Command::new(sibling("fracas-bots")?);
        command
            .args(["--game=arena", "--metrics=off", "--plain"])
            .arg(format!("--url=ws://{}", server.address()))
            .arg(format!("--clients={clients}"))
            .arg(format!("--ramp={RAMP}/s"))
            .arg(format!("--duration={}ms", length.as_millis()))
            .arg(format!("--create-options={room}"))
            .arg("--json")
            .arg(&report)
            .arg("--save-violations")
            .arg(place.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = Process::start(&mut command, place.options.client_core)?;
        Ok(Self { process, report, clients })
    }

    /// How long they take to come.
    pub(crate) fn ramp(clients: u64) -> Duration {
        Duration::from_secs_f64(clients as f64 / f64::from(RAMP))
    }

    /// Waits for their end, and gives what they report.
    pub(crate) fn end(self) -> Result<BotsReport> {
        // The exit code says less than the report.
        self.process.end(PATIENCE)?;
        BotsReport::read(&self.report, self.clients)
    }
}

/// What they report.
#[derive(Clone, Debug)]
pub(crate) struct BotsReport {
    report: Value,
    clients: u64,
}

impl BotsReport {
    fn read(path: &Path, clients: u64) -> Result<Self> {
        let text = std::fs::read_to_string(path).context("the bots have no report")?;
        Ok(Self { report: serde_json::from_str(&text)?, clients })
    }

    /// What was amiss, all kinds together: bots that did not join or were lost, and promises broken.
    pub(crate) fn problems(&self) -> u64 {
        let counts = ["failed", "disconnects", "seats_lost", "view_hash_mismatches"];
        let counted: u64 = counts.iter().filter_map(|name| self.report[name].as_u64()).sum();
        let listed = |name: &str| -> u64 {
            let counts = self.report[name].as_object().into_iter().flatten();
            counts.filter_map(|(_, count)| count.as_u64()).sum()
        };
        let joined = self.report["joined"].as_u64().unwrap_or(0);
        counted + listed("violations") + listed("errors") + self.clients.saturating_sub(joined)
    }

    /// For people: what is not well, by name.
    pub(crate) fn sentence(&self) -> String {
        let Self { report, clients } = self;
        format!(
            "{} of {clients} joined, {} failed, {} disconnects, violations {}, errors {}",
            report["joined"], report["failed"], report["disconnects"], report["violations"], report["errors"]
        )
    }

    /// A percentile of a figure in milliseconds, both by their names in the report.
    pub(crate) fn ms(&self, figure: &str, percentile: &str) -> Option<f64> {
        self.report[format!("{figure}_ms")][percentile].as_f64()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_that_is_amiss_counts() {
        let problems = |report| BotsReport { report, clients: 100 }.problems();
        assert_eq!(problems(json!({ "joined": 100, "failed": 0, "violations": {}, "errors": {} })), 0);
        assert_eq!(problems(json!({ "joined": 99, "failed": 1 })), 2);
        assert_eq!(problems(json!({ "joined": 100, "violations": { "tick_back": 2 }, "disconnects": 1 })), 3);
    }
}
