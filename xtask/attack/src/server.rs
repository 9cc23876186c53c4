//! The server that is attacked: another process, seen from outside.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

/// Longer than a server takes to start or to stop.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How often memory is looked at.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Lines of the server's log that are kept, the last ones.
const LOG_LINES_KEPT: usize = 200;

/// A program that was built together with this one.
pub(crate) fn sibling(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.exists(), "{} is not built: start this by `cargo xtask attack`", path.display());
    Ok(path)
}

/// A server's process; ended when dropped.
pub(crate) struct Server {
    child: Child,
    pid: Pid,
    /// Where players connect.
    pub(crate) public: SocketAddr,
    admin: SocketAddr,
    log: Arc<Mutex<Log>>,
    peak: Arc<AtomicU64>,
    watch: JoinHandle<()>,
    /// Its journal is in it.
    _folder: TempDir,
}

#[derive(Default)]
struct Log {
    last: Vec<String>,
    panics: Vec<String>,
}

impl Server {
    /// Starts one with these arguments, on free ports.
    pub(crate) async fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        let folder = TempDir::new().context("no folder for the server's journal")?;
        let mut child = Command::new(program)
            .args(arguments)
            .arg("--data-dir")
            .arg(folder.path())
            .args(["--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--log=warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = child.id().and_then(|id| Pid::from_raw(id as i32)).context("the server is gone")?;
        let log = Arc::new(Mutex::new(Log::default()));
        let stderr = child.stderr.take().context("the server has no log")?;
        tokio::spawn(keep(stderr, log.clone()));
        let stdout = child.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let greeting = timeout(PATIENCE, lines.next_line()).await.context("the server does not start")??;
        let Some((public, admin)) = greeting.as_deref().and_then(addresses) else {
            let log = log.lock().unwrap_or_else(PoisonError::into_inner);
            bail!("the server did not start: {}", log.last.join("\n"));
        };
        let peak = Arc::new(AtomicU64::new(0));
        let watch = tokio::spawn(watch(pid, peak.clone()));
        Ok(Self { child, pid, public, admin, log, peak, watch, _folder: folder })
    }

    /// What the kernel counts as resident, in bytes (`VmRSS`).
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        resident_bytes(self.pid)
    }

    /// The most of it since this was last asked.
    pub(crate) fn take_peak_bytes(&self) -> Result<u64> {
        let now = self.resident_bytes()?;
        Ok(self.peak.swap(now, Ordering::Relaxed).max(now))
    }

    /// All metrics, by name with labels.
    pub(crate) async fn metrics(&self) -> Result<Metrics> {
        Metrics::ask(self.admin).await
    }

    /// Waits until this is true of the metrics.
    pub(crate) async fn until(&self, what: &str, is_true: impl Fn(&Metrics) -> bool) -> Result<()> {
        let waiting = async {
            while !is_true(&self.metrics().await?) {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
            anyhow::Ok(())
        };
        timeout(2 * PATIENCE, waiting).await.with_context(|| format!("waited in vain: {what}"))?
    }

    /// Lines of the log that tell of panics.
    pub(crate) fn panics(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).panics.clone()
    }

    /// Stops it as operators do.
    pub(crate) async fn stop(mut self) -> Result<ExitStatus> {
        kill_process(self.pid, Signal::TERM)?;
        Ok(timeout(PATIENCE, self.child.wait()).await.context("the server does not stop")??)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// The two addresses of the line that a server greets with.
pub(crate) fn addresses(greeting: &str) -> Option<(SocketAddr, SocketAddr)> {
    let mut found = greeting.split("http://").skip(1).filter_map(|rest| {
        let address =
            rest.split(|letter: char| !(letter.is_ascii_digit() || ".:".contains(letter))).next()?;
        address.parse().ok()
    });
    Some((found.next()?, found.next()?))
}

async fn keep(stderr: impl tokio::io::AsyncRead + Unpin, log: Arc<Mutex<Log>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if line.contains("panicked at") {
            log.panics.push(line.clone());
        }
        if log.last.len() == LOG_LINES_KEPT {
            log.last.remove(0);
        }
        log.last.push(line);
    }
}

async fn watch(pid: Pid, peak: Arc<AtomicU64>) {
    let mut look = interval(LOOK_INTERVAL);
    loop {
        look.tick().await;
        let Ok(bytes) = resident_bytes(pid) else { return };
        peak.fetch_max(bytes, Ordering::Relaxed);
    }
}

fn resident_bytes(pid: Pid) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()))
        .context("the server is gone, or this is not Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// What a server's metrics said at one moment.
pub(crate) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Those of the server that tells them there.
    pub(crate) async fn ask(admin: SocketAddr) -> Result<Self> {
        let exchange = async {
            let mut stream = TcpStream::connect(admin).await?;
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: attack\r\nConnection: close\r\n\r\n").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            anyhow::Ok(answer)
        };
        let answer = timeout(PATIENCE, exchange).await.context("the server gives no metrics")??;
        let value = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.trim().parse().ok()?))
        };
        Ok(Self(answer.lines().filter(|line| line.starts_with("fracas_")).filter_map(value).collect()))
    }

    /// The sum of all that begin so.
    pub(crate) fn sum(&self, beginning: &str) -> f64 {
        self.0.iter().filter(|(name, _)| name.starts_with(beginning)).map(|(_, value)| value).sum()
    }
}
