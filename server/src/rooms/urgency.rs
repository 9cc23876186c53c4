//! How urgent the system takes threads to be.
//!
//! Ticks are to begin when they are due, whatever else the machine has to do. So simulation threads run before all
//! ordinary ones (`SCHED_FIFO`) where the system permits it. They sleep most of the time; one that does not is an ordinary
//! one until it does again: to who has too much to do, being first is of no use, and it keeps everybody else from their
//! connections.

#![expect(unsafe_code, reason = "there is no safe interface that takes a thread by its number")]

use std::io;
use std::time::{Duration, Instant};

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

/// How long a simulation thread may go without sleep before it is an ordinary one: longer than a few ticks that are late.
const SLEEPLESS_TIME_MAX: Duration = Duration::from_millis(150);
/// After so long in which it was never without sleep for so long it runs before ordinary ones again.
const CALM_TIME: Duration = Duration::from_secs(1);

/// The urgency of the calling simulation thread.
pub(super) struct Urgency {
    /// Whether it may run before ordinary threads at all.
    is_permitted: bool,
    is_raised: bool,
    /// When it last slept.
    slept: Instant,
    /// Since when it has had enough sleep.
    calm_since: Instant,
}

impl Urgency {
    /// That of an ordinary thread.
    pub(super) fn ordinary() -> Self {
        let now = Instant::now();
        Self { is_permitted: false, is_raised: false, slept: now, calm_since: now }
    }

    /// Lets the thread run before all ordinary ones, for as long as it sleeps in between.
    ///
    /// # Errors
    /// The system does not permit it: it takes `CAP_SYS_NICE`, or a limit on real-time priorities above 0.
    pub(super) fn raised() -> io::Result<Self> {
        raise()?;
        Ok(Self { is_permitted: true, is_raised: true, ..Self::ordinary() })
    }

    /// Takes note of a sleep that has ended just now.
    pub(super) fn woke(&mut self, now: Instant) {
        self.slept = now;
    }

    /// Looks whether the thread has slept lately.
    pub(super) fn look(&mut self, now: Instant) {
        if !self.is_permitted {
            return;
        }
        match self.wanted(now) {
            true if !self.is_raised => self.is_raised = raise().is_ok(),
            false if self.is_raised => self.is_raised = schedule(None, SCHED_OTHER, 0).is_err(),
            _ => {}
        }
    }

    /// Whether it is to run before ordinary threads.
    fn wanted(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.slept) > SLEEPLESS_TIME_MAX {
            self.calm_since = now;
        }
        let calm = now.saturating_duration_since(self.calm_since);
        if self.is_raised { !calm.is_zero() } else { calm >= CALM_TIME }
    }
}

fn raise() -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wanted of a raised thread that sleeps, or not, at these milliseconds.
    fn wanted(moments: &[(u64, bool)]) -> Vec<bool> {
        let before = Instant::now();
        let start = before + CALM_TIME;
        let mut urgency = Urgency { is_permitted: true, is_raised: true, slept: start, calm_since: before };
        let mut all = Vec::new();
        for (at, sleeps) in moments {
            let now = start + Duration::from_millis(*at);
            urgency.is_raised = urgency.wanted(now);
            all.push(urgency.is_raised);
            if *sleeps {
                urgency.woke(now);
            }
        }
        all
    }

    #[test]
    fn who_never_sleeps_is_an_ordinary_thread() {
        assert_eq!(
            wanted(&[(50, false), (100, true), (240, false), (250, true)]),
            [true; 4],
            "a late tick or two"
        );
        assert_eq!(wanted(&[(100, false), (151, false), (200, false)]), [true, false, false]);
    }

    #[test]
    fn who_has_slept_for_a_while_is_urgent_again() {
        let late = [(160, false), (161, true), (300, true), (1100, true)];
        assert_eq!(wanted(&late), [false, false, false, false], "it did not sleep between the last two");
        let mut moments = vec![(160, false)];
        moments.extend((2..=12).map(|number| (number * 100, true)));
        let found = wanted(&moments);
        assert_eq!((found[9], found[11]), (false, true), "a second after it was last sleepless");
    }
}
