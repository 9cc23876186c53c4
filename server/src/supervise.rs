//! A server in a process of its own, which is started again when it ends before it was asked to.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{error, info, warn};

/// Set for a server that has somebody to start it again.
pub(crate) const SUPERVISED: &str = "FRACAS_SUPERVISED";

/// A server that lived so long is started again at once; after one that lived less there is a pause, which doubles.
const STABLE_AFTER: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What became of a server.
struct Ended {
    status: ExitStatus,
    /// Whether it had come so far as to say where it listens.
    has_served: bool,
}

/// Runs the server, and again whenever it ends, until it is told to stop: then the server is told, and its exit code is the
/// answer. One that cannot even start has said why, and is not started again.
pub(crate) async fn supervise() -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut drain = signal(SignalKind::user_defined1())?;
    let mut quick = 0;
    loop {
        let began = Instant::now();
        let child = start().context("the server cannot be started")?;
        let pid = Pid::from_child(&child);
        let mut ending = spawn_blocking(move || wait(child));
        let mut is_told = false;
        let Ended { status, has_served } = loop {
            tokio::select! {
                ended = &mut ending => break ended??,
                signal = any(&mut interrupt, &mut terminate) => {
                    is_told = true;
                    // One that has just ended needs no signal.
                    let _ = kill_process(pid, signal);
                }
                // A server that is drained ends well, and its supervisor with it.
                _ = drain.recv() => {
                    let _ = kill_process(pid, Signal::USR1);
                }
            }
        };
        let code = status.code();
        if is_told || code == Some(0) {
            return Ok(code_of(status));
        }
        if !has_served && code.is_some() {
            error!("the server did not start: it is not tried again");
            return Ok(code_of(status));
        }
        quick = if began.elapsed() >= STABLE_AFTER { 0 } else { quick + 1 };
        let pause = pause_after(quick);
        warn!(%status, after_s = began.elapsed().as_secs(), pause_ms = pause.as_millis() as u64, "the server ended, and is started again");
        tokio::select! {
            () = sleep(pause) => {}
            _ = any(&mut interrupt, &mut terminate) => {
                info!("stopped while there was no server");
                return Ok(code_of(status));
            }
        }
    }
}

/// A server is to end when its supervisor does, in good order.
pub(crate) fn end_with_supervisor() -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::TERM))?)
}

async fn any(interrupt: &mut Signals, terminate: &mut Signals) -> Signal {
    tokio::select! {
        _ = interrupt.recv() => Signal::INT,
        _ = terminate.recv() => Signal::TERM,
    }
}

/// Starts the same program with the same arguments, in a group of its own: what a terminal sends to all processes comes by
/// way of the supervisor, once.
fn start() -> io::Result<Child> {
    Command::new(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env(SUPERVISED, "1")
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// Waits for the end, and passes on what is said meanwhile.
fn wait(mut child: Child) -> anyhow::Result<Ended> {
    let said = child.stdout.take().ok_or_else(|| anyhow!("the server has no output"))?;
    let passing = thread::spawn(move || {
        let mut has_said = false;
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            has_said = true;
            // Nobody may be listening.
            let _ = writeln!(io::stdout(), "{line}");
        }
        has_said
    });
    let status = child.wait()?;
    let has_served = passing.join().map_err(|_| anyhow!("nobody passes on what the server says"))?;
    Ok(Ended { status, has_served })
}

fn code_of(status: ExitStatus) -> ExitCode {
    // As a shell has it, when it was a signal.
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// The pause after so many in a row that lived shortly.
fn pause_after(quick: u32) -> Duration {
    match quick.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => PAUSE.saturating_mul(2u32.saturating_pow(doublings)).min(PAUSE_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let pauses = [0, 1, 2, 3, 7, 8, 9, 40, u32::MAX].map(|quick| pause_after(quick).as_millis());
        assert_eq!(pauses, [0, 20, 40, 80, 1280, 2000, 2000, 2000, 2000]);
    }
}
