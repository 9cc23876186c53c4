//! The load tester beside its control, pair by pair: how many times the processor time does it take?

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use fracas_benches::process::{Process, sibling};
use fracas_benches::tape::record;
use serde_json::Value;
use tempfile::TempDir;

use crate::SHAPE;
use crate::pairs_report::{Pair, Run, Runs};
use crate::tape_process::TapeProcess;

/// After the last one is to have joined, before anything is measured.
const SETTLING: Duration = Duration::from_millis(1500);
/// For how long both go on after the window.
const AFTERMATH: Duration = Duration::from_secs(1);
/// Longer than clients take to join when the machine is busy, or to leave.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a tape has more than a run needs: those who leave get updates, too.
const SPARE: Duration = Duration::from_secs(8);
/// The core of the server, and that of the control and the tester.
pub(crate) const SERVER_CORE: usize = 0;
pub(crate) const CLIENT_CORE: usize = 1;

/// What is measured.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How many clients.
    #[arg(long, default_value_t = 1000)]
    clients: u32,
    /// How many pairs.
    #[arg(long, default_value_t = 11)]
    pairs: usize,
    /// How long each of a pair is measured.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Inputs of each client, as the load tester takes them; `all` for one to each update, as it does
    /// without the option.
    #[arg(long, default_value = "20/s")]
    inputs: String,
    /// Connections opened in a second.
    #[arg(long, default_value_t = 500)]
    ramp: u32,
    /// Let the control pause so long after each round.
    #[arg(long, default_value_t = 0, value_name = "MICROSECONDS")]
    coalesce_us: u64,
    /// Play this tape, which is recorded anew otherwise.
    #[arg(long, value_name = "FILE")]
    tape: Option<PathBuf>,
    /// Write the figures to this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// More options for the load tester.
    #[arg(last = true)]
    more: Vec<String>,
}

impl Options {
    fn window(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    fn ramp_time(&self) -> Duration {
        Duration::from_secs_f64(f64::from(self.clients) / f64::from(self.ramp))
    }

    /// How long both are to play once all have joined.
    fn play_time(&self) -> Duration {
        SETTLING + self.window() + AFTERMATH
    }
}

/// Measures all pairs; whether the run counts.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let folder = TempDir::new()?;
    let tape = match &options.tape {
        Some(tape) => tape.clone(),
        None => record_into(folder.path(), options)?,
    };
    let mut server = TapeProcess::start(&tape, SERVER_CORE)?;
    let mut pairs = Vec::new();
    for number in 0..options.pairs {
        eprint!("\rpair {} of {} ", number + 1, options.pairs);
        // Whatever the one leaves behind is to meet the other as often.
        let pair = if number % 2 == 0 {
            let bare = bare(&mut server, options)?;
            Pair { bare, bots: bots(&mut server, options, folder.path())? }
        } else {
            let bots = bots(&mut server, options, folder.path())?;
            Pair { bare: bare(&mut server, options)?, bots }
        };
        pairs.push(pair);
    }
    eprintln!();
    let runs = Runs { clients: options.clients, inputs: options.inputs.clone(), pairs };
    println!("{}", runs.table());
    if let Some(file) = &options.json {
        std::fs::write(file, format!("{:#}\n", runs.json()))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(runs.problems().next().is_none())
}

fn record_into(folder: &Path, options: &Options) -> Result<PathBuf> {
    let length = options.ramp_time() + options.play_time() + SPARE;
    eprintln!("recording a match of {:.0} s", length.as_secs_f64());
    let (path, tape) = (folder.join("tape"), record(&SHAPE, length)?);
    tape.write(&path)?;
    Ok(path)
}

/// Runs the control.
fn bare(server: &mut TapeProcess, options: &Options) -> Result<Run> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("bare")
        .arg(format!("--server={}", server.address))
        .arg(format!("--clients={}", options.clients))
        .arg(format!("--ramp={}", options.ramp))
        .arg(format!("--seconds={}", options.play_time().as_secs_f64()))
        .arg(format!("--inputs={}", inputs_per_s(&options.inputs)?))
        .arg(format!("--coalesce-us={}", options.coalesce_us))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let (run, printed) = measure(server, options, &mut command)?;
    let said: Value = serde_json::from_str(&printed).context("the control says nothing")?;
    Ok(Run { said, ..run })
}

/// Inputs in a second of the control, which has a tape of 60 updates in a second before it.
fn inputs_per_s(inputs: &str) -> Result<f64> {
    let number = if inputs == "all" { "60" } else { inputs.trim_end_matches("/s") };
    number.parse().with_context(|| format!("'{inputs}' is no rate: write inputs per second, as in 20/s"))
}

/// Runs the load tester.
fn bots(server: &mut TapeProcess, options: &Options, folder: &Path) -> Result<Run> {
    let report = folder.join("report.json");
    let mut command = Command::new(sibling("fracas-bots")?);
    command
        .arg(format!("--url=ws://{}", server.address))
        .arg("--game=arena")
        .arg(format!("--clients={}", options.clients))
        .arg(format!("--ramp={}/s", options.ramp))
        .arg(format!("--duration={}ms", options.play_time().as_millis()))
        .arg("--json")
        .arg(&report)
        .args(&options.more)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if options.inputs != "all" {
        command.arg(format!("--inputs={}", options.inputs));
    }
    let (run, _) = measure(server, options, &mut command)?;
    let text = std::fs::read_to_string(&report).context("the load tester has no report")?;
    Ok(Run { said: serde_json::from_str(&text)?, ..run })
}

/// Runs one of a pair, and measures it in the window. Both have the same place on the tape in it.
fn measure(server: &mut TapeProcess, options: &Options, command: &mut Command) -> Result<(Run, String)> {
    let process = Process::start(command, CLIENT_CORE)?;
    thread::sleep(options.ramp_time() + SETTLING);
    wait_for_all(server, options.clients)?;
    let (before, cpu_before, began) = (server.counters()?, process.cpu()?, Instant::now());
    thread::sleep(options.window());
    let (after, cpu, seconds) = (server.counters()?, process.cpu()?, began.elapsed().as_secs_f64());
    let (status, printed) = process.end(AFTERMATH + PATIENCE)?;
    ensure!(status.success(), "{} failed: {status}", command.get_program().to_string_lossy());
    let run = Run { seconds, cpu: cpu - cpu_before, served: after.since(&before), said: Value::Null };
    Ok((run, printed))
}

fn wait_for_all(server: &mut TapeProcess, clients: u32) -> Result<()> {
    let given_up_at = Instant::now() + PATIENCE;
    loop {
        let playing = server.counters()?.playing;
        if playing == u64::from(clients) {
            return Ok(());
        }
        ensure!(Instant::now() < given_up_at, "{playing} of {clients} have joined");
    }
}
