//! Finds rules that do not come back.
//!
//! A thread in a `step` that never returns cannot be ended. Its lane is given to a fresh thread, so
//! that all other rooms go on; the lost one is demoted to the lowest priority, and comes back to
//! nothing. Each loss may cost a core, so after some of them the server stops in good order, for
//! whoever supervises it to start it anew.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::losses::Losses;
use super::sim_thread::Worker;
use super::urgency::raise_watchdog;

/// So often in the time that a step may take its thread is looked at.
const LOOKS_PER_STEP_TIME: u32 = 8;

pub(super) struct Watchdog {
    stop: Sender<()>,
}

impl Watchdog {
    /// Watches the lanes, and counts the threads that they lose.
    pub(super) fn start(workers: Vec<Worker>, step_max: Duration, losses: Losses) -> Self {
        let (stop, stopped) = mpsc::channel();
        let watch = move || {
            raise_watchdog();
            let pause = step_max / LOOKS_PER_STEP_TIME;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                for worker in &workers {
                    if let Some(taken) = worker.lane.look(LOOKS_PER_STEP_TIME) {
                        worker.start(taken.thread);
                        losses.count(taken.lost);
                    }
                }
            }
        };
        let started = thread::Builder::new().name("watchdog".to_owned()).spawn(watch);
        started.expect("a process that cannot start a thread cannot host a match");
        Self { stop }
    }

    pub(super) fn stop(&self) {
        // It has ended by itself when this fails.
        let _ = self.stop.send(());
    }
}
