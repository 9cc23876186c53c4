//! How urgent the system takes threads to be.
//!
//! Ticks are to begin when they are due, whatever else the machine has to do. So simulation threads run before all
//! ordinary ones (`SCHED_FIFO`) where the system permits it. They sleep most of the time; one that does not leaves
//! others what Linux keeps for them, a twentieth.

#![expect(unsafe_code, reason = "there is no safe interface that takes a thread by its number")]

use std::io;

use libc::{SCHED_FIFO, SCHED_OTHER, SCHED_RESET_ON_FORK, sched_param};
use rustix::process::{Pid, setpriority_process};
use tracing::debug;

/// The lowest of those that run before all ordinary ones: nothing of the system's own is to wait for it.
const SIMULATION: i32 = 1;
/// It must run while a simulation thread spins.
const WATCHDOG: i32 = 2;
/// The nice value of the watchdog where that is not permitted.
const NICE_OF_WATCHDOG: i32 = -15;
/// That of a lost thread: it gets what nobody else wants.
const NICE_OF_LOST: i32 = 19;

/// Lets the calling simulation thread run before all ordinary ones.
///
/// # Errors
/// The system does not permit it: it takes `CAP_SYS_NICE`, or a limit on real-time priorities above 0.
pub(super) fn raise_simulation() -> io::Result<()> {
    // What such a thread starts is ordinary again.
    schedule(None, SCHED_FIFO | SCHED_RESET_ON_FORK, SIMULATION)
}

/// Lets the calling thread run before simulation threads, as far as the system permits it.
pub(super) fn raise_watchdog() {
    if schedule(None, SCHED_FIFO | SCHED_RESET_ON_FORK, WATCHDOG).is_err() {
        be_nice(rustix::thread::gettid(), NICE_OF_WATCHDOG);
    }
}

/// Lets a thread of this process run when nobody else wants to.
pub(super) fn demote(thread: Pid) {
    if let Err(error) = schedule(Some(thread), SCHED_OTHER, 0) {
        debug!(%error, "a thread keeps its priority");
    }
    be_nice(thread, NICE_OF_LOST);
}

fn be_nice(thread: Pid, nice: i32) {
    if let Err(error) = setpriority_process(Some(thread), nice) {
        debug!(%error, nice, "a thread keeps its priority");
    }
}

/// Sets how a thread is scheduled, or the calling one.
fn schedule(thread: Option<Pid>, policy: i32, priority: i32) -> io::Result<()> {
    let parameters = sched_param { sched_priority: priority };
    // SAFETY: it reads the parameters and keeps nothing; a thread that has gone is an error.
    match unsafe { libc::sched_setscheduler(Pid::as_raw(thread), policy, &raw const parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
