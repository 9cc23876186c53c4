//! Is it so, what the load tester reports? A server with a known schedule says.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::notes::{Notes, Times};
use crate::pairs::{CLIENT_CORE, SERVER_CORE};
use crate::truth_server::{Schedule, TICK_HZ, TruthServer};
use fracas_benches::process::{Process, on_core, sibling};

/// By how much a figure may be off: this or the share, whichever is more.
const OFF_MS_MAX: f64 = 1.0;
const OFF_SHARE_MAX: f64 = 0.02;
/// For how long the tester is stopped in the second part, and how late it must say at least that it was.
const STOP: Duration = Duration::from_secs(2);
const LATENESS_MS_MIN: f64 = 1900.0;
/// How long the tester plays before and after it is stopped.
const AROUND_STOP: Duration = Duration::from_secs(3);
/// Longer than it takes to join or to leave.
const PATIENCE: Duration = Duration::from_secs(20);
/// Figures of a report, and what share of the times they are the quantile of.
const FIGURES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)];

/// What is compared.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How many bots.
    #[arg(long, default_value_t = 50)]
    clients: usize,
    /// How long they play.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// More options for the load tester.
    #[arg(last = true)]
    more: Vec<String>,
}

/// Compares; whether all is so.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let folder = TempDir::new()?;
    let compared = compare(options, folder.path())?;
    let flagged = stop_in_the_middle(options, folder.path())?;
    Ok(compared && flagged)
}

/// Runs the tester against the schedule, and holds its report beside the notes.
fn compare(options: &Options, folder: &Path) -> Result<bool> {
    eprintln!("{} bots for {} s", options.clients, options.seconds);
    let server = on_core(SERVER_CORE, || TruthServer::start(Schedule::Known))?;
    let length = Duration::from_secs(options.seconds);
    let report = finish(start(&server, options, length, folder)?, length, folder)?;
    let players = server.stop()?;
    Ok(table(&players, &report))
}

fn table(players: &[Notes], report: &Value) -> bool {
    let interval = Duration::from_secs(1) / u32::from(TICK_HZ);
    let truths = [
        ("update_gap_ms", Times::corrected_gaps(players, interval)),
        ("tick_age_ms", Times::ages(players, interval)),
        ("input_to_state_ms", Times::inputs_to_state(players, interval)),
    ];
    println!("{:24} {:>5} {:>10} {:>10} {:>10}", "ms", "", "noted", "reported", "off by");
    let mut all_so = true;
    for (key, truth) in truths {
        println!("{key}, {} times", truth.count());
        for (figure, share) in FIGURES {
            let noted = truth.quantile(share);
            // A report need not have all of them, but says nothing wrong with those that it has.
            let Some(reported) = report[key][figure].as_f64() else {
                println!("{:24} {figure:>5} {noted:>10.3} {:>10} {:>10}", "", "-", "-");
                continue;
            };
            let is_so = (reported - noted).abs() <= OFF_MS_MAX.max(noted * OFF_SHARE_MAX);
            all_so &= is_so;
            let mark = if is_so { "" } else { " !" };
            let off = reported - noted;
            println!("{:24} {figure:>5} {noted:>10.3} {reported:>10.3} {off:>+10.3}{mark}", "");
        }
    }
    let has_both = ["update_gap_ms", "input_to_state_ms"].iter().all(|key| report[key]["max"].is_f64());
    all_so && has_both
}

/// Stops the tester for a while: its report must say that it was the tester that was late.
fn stop_in_the_middle(options: &Options, folder: &Path) -> Result<bool> {
    eprintln!("{} bots, stopped for {} s in the middle", options.clients, STOP.as_secs());
    let server = on_core(SERVER_CORE, || TruthServer::start(Schedule::Healthy))?;
    let length = AROUND_STOP + STOP + AROUND_STOP;
    let bots = start(&server, options, length, folder)?;
    let given_up_at = Instant::now() + PATIENCE;
    while server.playing() < options.clients {
        ensure!(Instant::now() < given_up_at, "{} have joined", server.playing());
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(AROUND_STOP);
    bots.signal(Signal::STOP)?;
    thread::sleep(STOP);
    bots.signal(Signal::CONT)?;
    let tester = finish(bots, length, folder)?["tester"].take();
    server.stop()?;
    let lateness = tester["lateness_ms"]["max"].as_f64();
    let is_flagged = tester["is_bottleneck"] == true && lateness.is_some_and(|ms| ms >= LATENESS_MS_MIN);
    println!(
        "\nstopped for {} s: is_bottleneck {}, lateness_ms.max {}: {}",
        STOP.as_secs(),
        tester["is_bottleneck"],
        tester["lateness_ms"]["max"],
        if is_flagged { "told" } else { "not told !" }
    );
    Ok(is_flagged)
}

fn start(server: &TruthServer, options: &Options, length: Duration, folder: &Path) -> Result<Process> {
    let mut command = Command::new(sibling("fracas-bots")?);
    command
        .arg(format!("--url=ws://{}", server.address))
        .args(["--game=dots", "--ramp=100/s"])
        .arg(format!("--clients={}", options.clients))
        .arg(format!("--duration={}ms", length.as_millis()))
        .arg("--json")
        .arg(folder.join("report.json"))
        .args(&options.more)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Process::start(&mut command, CLIENT_CORE)
}

fn finish(bots: Process, length: Duration, folder: &Path) -> Result<Value> {
    let (status, _) = bots.end(length + PATIENCE)?;
    ensure!(status.success(), "the load tester failed: {status}");
    let text =
        std::fs::read_to_string(folder.join("report.json")).context("the load tester has no report")?;
    Ok(serde_json::from_str(&text)?)
}
