//! The server itself, in a process of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fracas_benches::process::{Cpu, sibling};
use fracas_benches::{HttpClient, ServerProcess};
use tempfile::TempDir;

use crate::metrics::Metrics;
use crate::place::Place;

/// `fracas-server` as it is built for release; ended when dropped.
pub(crate) struct Product {
    process: ServerProcess,
    admin: SocketAddr,
    /// For its log and its data; dropped when it has ended.
    _folder: TempDir,
}

impl Product {
    /// Starts it on its core, on free ports, as it comes otherwise but for these settings.
    pub(crate) fn start(place: &Place, settings: &[&str]) -> Result<Self> {
        let folder = TempDir::new_in(place.folder.path())?;
        let log = folder.path().join("server.log");
        let mut command = Command::new(sibling("fracas-server")?);
        command.args(["--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]).stderr(File::create(&log)?);
        command.arg("--data-dir").arg(folder.path().join("data")).args(settings);
        let process = ServerProcess::start(&mut command, place.options.server_core);
        let logged = || fs::read_to_string(&log).unwrap_or_default();
        let process = process.with_context(|| format!("the server says: {}", logged()))?;
        let admin = admin(&process.greeting).context("the server does not say where its metrics are")?;
        Ok(Self { process, admin, _folder: folder })
    }

    /// Where players connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address
    }

    /// What it counts.
    pub(crate) fn metrics(&self) -> Result<Metrics> {
        let mut client = HttpClient::connect(self.admin)?;
        let (status, body) = client.get("/metrics")?;
        ensure!(status == 200, "the server answers {status} for its metrics");
        Ok(Metrics::read(&String::from_utf8_lossy(body)))
    }

    /// What it has taken of the processor so far.
    pub(crate) fn cpu(&self) -> Result<Cpu> {
        self.process.cpu()
    }

    /// Its resident memory, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        self.process.resident_bytes()
    }
}

/// The address of the metrics page, by the first line that a server prints.
fn admin(greeting: &str) -> Option<SocketAddr> {
    greeting.split("http://").find_map(|rest| rest.split_once("/metrics")?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_says_where_metrics_are() {
        let greeting = "Fracas is listening on http://127.0.0.1:41001  \
            (metrics on http://127.0.0.1:41002/metrics, Ctrl-C stops)\n";
        assert_eq!(admin(greeting), "127.0.0.1:41002".parse().ok());
        assert_eq!(admin("Fracas is listening on http://127.0.0.1:41001  (Ctrl-C stops)"), None);
    }
}
