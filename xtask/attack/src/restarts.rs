//! A server that is ended again and again while bots play: each time another process goes on with all matches.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use fracas_shared::Rng;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::server::{Metrics, PATIENCE, sibling};
use crate::verdict::Verdict;

/// From the start of a process to its matches' first ticks, and from its greeting until all bots are back.
const TICKING_MS_MAX: u128 = 75;
const LIVE_MS_MAX: u128 = 300;
/// For how long a player sees nothing new.
const AWAY_MS_MAX: f64 = 1000.0;
/// How often it is looked whether all bots are back.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// Below those that systems give by themselves.
const PORTS: RangeInclusive<u16> = 20_000..=29_999;
/// Longer than anything takes between two kills.
const BACK_TIME_MAX: Duration = Duration::from_mins(1);
/// What a server logs when all that was left by earlier ones ticks again.
const GOES_ON: &str = "all matches of earlier servers go on";

#[derive(Args)]
pub(crate) struct Options {
    /// How often it is ended.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    times: u32,
    /// Bots that play meanwhile.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=2000))]
    bots: u32,
    /// How it is ended.
    #[arg(long, value_enum, default_value_t = End::Kill)]
    by: End,
    /// At which moments: they are drawn from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum End {
    /// SIGKILL: it has no say in it
    Kill,
    /// SIGTERM: as operators do
    Term,
}

/// A server's process; ended when dropped.
struct Process {
    child: Child,
    pid: Pid,
    listens: Instant,
    ticks: Option<Instant>,
}

/// What bots say of their time.
#[derive(Debug, Deserialize)]
struct Report {
    joined: u32,
    failed: u32,
    disconnects: u32,
    resumed: u32,
    seats_lost: u32,
    continuity_lost: u32,
    away_ms: Away,
    violations: BTreeMap<String, u64>,
}

/// From the last update before a server ended to the first one of the next.
#[derive(Debug, Deserialize)]
struct Away {
    max: f64,
}

/// Ends it so often, and tells whether nothing was lost.
pub(crate) async fn run(options: &Options) -> Result<bool> {
    let folder = TempDir::new()?;
    let (public, admin) = free_addresses()?;
    let data = folder.path().join("data");
    let mut server = Process::start(public, admin, &data, false).await?;
    let report = folder.path().join("report.json");
    let mut bots = start_bots(options, public, &report, folder.path())?;
    until_all_play(admin, options.bots, BACK_TIME_MAX).await.context("the bots do not join")?;
    println!("{} bots play", options.bots);

    let mut rng = Rng::new(options.seed, 1);
    let (mut ticking, mut live) = (Vec::new(), Vec::new());
    for time in 1..=options.times {
        sleep(Duration::from_millis(1500) + Duration::from_secs(1).mul_f32(rng.unit())).await;
        server.end(options.by).await?;
        let began = Instant::now();
        server = Process::start(public, admin, &data, true).await?;
        let ticks = server.ticks.context("no match goes on")?;
        until_all_play(admin, options.bots, BACK_TIME_MAX).await.context("not all bots come back")?;
        let (ticks, back) = (ticks - began, server.listens.elapsed());
        println!(
            "{time:3}: matches tick {} ms after the start, all bots are back {} ms after it listens",
            ticks.as_millis(),
            back.as_millis()
        );
        ticking.push(ticks.as_millis());
        live.push(back.as_millis());
    }

    sleep(Duration::from_secs(1)).await;
    kill_process(pid_of(&bots)?, Signal::INT)?;
    timeout(PATIENCE, bots.wait()).await.context("the bots do not end")??;
    server.end(End::Term).await?;
    let report: Report =
        serde_json::from_str(&fs::read_to_string(&report)?).context("the bots say nothing")?;
    let replayed = Command::new(sibling("fracas-server")?).arg("replay").arg(&data).output().await?;
    let said = String::from_utf8_lossy(&replayed.stdout).into_owned();

    let mut verdict = Verdict::new();
    let Report { joined, failed, disconnects, resumed, seats_lost, continuity_lost, .. } = report;
    let returns = options.bots * options.times;
    verdict.see(
        &format!("{resumed} of {returns} returns to the seat; {seats_lost} seats lost, {continuity_lost} matches not gone on"),
        resumed == returns && seats_lost + continuity_lost == 0,
    );
    verdict.see(
        &format!(
            "{joined} bots joined, {failed} failed, {disconnects} disconnected, violations: {:?}",
            report.violations
        ),
        joined == options.bots && failed + disconnects == 0 && report.violations.is_empty(),
    );
    let away = report.away_ms.max;
    verdict.see(
        &format!("from one update to the next were {away:.0} ms at most, of {AWAY_MS_MAX:.0}"),
        away < AWAY_MS_MAX,
    );
    see_times(&mut verdict, "matches tick after the start", &mut ticking, TICKING_MS_MAX);
    see_times(&mut verdict, "all bots are back after it listens", &mut live, LIVE_MS_MAX);
    let last = said.lines().last().unwrap_or("nothing");
    verdict.see(&format!("made again from the journal: {last}"), replayed.status.success());
    if !replayed.status.success() {
        said.lines().filter(|line| !line.ends_with("as it was")).for_each(|line| println!("     {line}"));
    }
    Ok(verdict.is_fine())
}

fn see_times(verdict: &mut Verdict, what: &str, times: &mut [u128], max: u128) {
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    verdict.see(&format!("{what}: {median} ms in the median, {worst} ms at most, of {max} ms"), worst <= max);
}

/// Two addresses that are free now, and that the system gives to no client: one that connects from the port it connects to,
/// while no server listens there, is connected to itself.
fn free_addresses() -> Result<(SocketAddr, SocketAddr)> {
    let start = PORTS.start() + (std::process::id() % PORTS.len() as u32) as u16;
    let ports = (start..=*PORTS.end()).chain(*PORTS.start()..start);
    let mut free = ports.filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    let (public, admin) = free.next().zip(free.next()).context("no free ports")?;
    Ok((public.local_addr()?, admin.local_addr()?))
}

fn pid_of(child: &Child) -> Result<Pid> {
    let id = child.id().context("the process has ended by itself")?;
    Pid::from_raw(id as i32).context("a process has a number")
}

fn start_bots(options: &Options, public: SocketAddr, report: &Path, folder: &Path) -> Result<Child> {
    Command::new(sibling("fracas-bots")?)
        .arg(format!("--url=ws://{public}"))
        .args([format!("--clients={}", options.bots), "--ramp=200/s".into(), "--duration=2h".into()])
        .args(["--restarts", "--plain", "--metrics=off", r#"--create-options={"seats":8}"#])
        .arg("--json")
        .arg(report)
        .arg("--save-violations")
        .arg(folder.join("violations"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("the bots do not start")
}

/// Waits until so many have their seats, and none is away.
async fn until_all_play(admin: SocketAddr, bots: u32, time_max: Duration) -> Result<()> {
    let waiting = async {
        loop {
            if let Ok(metrics) = Metrics::ask(admin).await
                && metrics.sum("fracas_players{") >= f64::from(bots)
                && metrics.sum("fracas_players_away") == 0.0
            {
                return;
            }
            sleep(LOOK_INTERVAL).await;
        }
    };
    Ok(timeout(time_max, waiting).await?)
}

impl Process {
    /// Starts one there, and waits until it listens; with `goes_on` also until matches of the one before do.
    async fn start(public: SocketAddr, admin: SocketAddr, data: &Path, goes_on: bool) -> Result<Self> {
        let mut child = Command::new(sibling("fracas-server")?)
            .args([format!("--listen={public}"), format!("--admin-listen={admin}"), "--log=info".into()])
            .arg("--data-dir")
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the server does not start")?;
        let pid = pid_of(&child)?;
        let stdout = child.stdout.take().context("the server has no output")?;
        let mut log = BufReader::new(child.stderr.take().context("the server has no log")?).lines();
        let mut greeting = BufReader::new(stdout).lines();
        let greeted =
            timeout(PATIENCE, greeting.next_line()).await.context("the server does not start")??;
        ensure!(greeted.is_some(), "the server ended at its start");
        let listens = Instant::now();
        let mut ticks = None;
        while goes_on && ticks.is_none() {
            let line = timeout(PATIENCE, log.next_line()).await.context("the server does not go on")??;
            let line = line.context("the server ended")?;
            if line.contains(GOES_ON) {
                ticks = Some(Instant::now());
            } else if line.contains("ERROR") {
                println!("     {line}");
            }
        }
        tokio::spawn(async move {
            // What it says after it goes on as expected; a pipe that is full would stop it.
            while let Ok(Some(line)) = log.next_line().await {
                if line.contains("ERROR") || line.contains("panicked") {
                    println!("     {line}");
                }
            }
        });
        Ok(Self { child, pid, listens, ticks })
    }

    async fn end(&mut self, by: End) -> Result<()> {
        let signal = if by == End::Kill { Signal::KILL } else { Signal::TERM };
        kill_process(self.pid, signal).context("the server has ended by itself")?;
        timeout(PATIENCE, self.child.wait()).await.context("the server does not end")??;
        Ok(())
    }
}
