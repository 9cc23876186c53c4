//! Finds rules that do not come back.
//!
//! A thread in a `step` that never returns cannot be ended. Its lane is given to a fresh thread, so
//! that all other rooms go on; the lost one is demoted to the lowest priority, and comes back to
//! nothing. Each loss may cost a core, so after some of them the server stops in good order, for
//! whoever supervises it to start it anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use fracas_shared::limits::SIM_THREADS_LOST_MAX;
use rustix::process::{Pid, setpriority_process};
use tracing::{debug, error};

use super::sim_thread::Worker;
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;

/// So often in the time that a step may take its thread is looked at.
const LOOKS_PER_STEP_TIME: u32 = 8;
/// The nice value of the watchdog, where the system allows it: it must run while others spin.
const NICE_OF_WATCHDOG: i32 = -15;
/// The nice value of a lost thread: it gets what nobody else wants.
const NICE_OF_LOST: i32 = 19;

pub(super) struct Watchdog {
    stop: Sender<()>,
    lost: Arc<AtomicUsize>,
}

impl Watchdog {
    /// Watches the lanes. `shutdown` is begun when [`SIM_THREADS_LOST_MAX`] threads are lost.
    pub(super) fn start(
        workers: Vec<Worker>,
        step_max: Duration,
        metrics: Metrics,
        shutdown: Shutdown,
    ) -> Self {
        let (stop, stopped) = mpsc::channel();
        let lost = Arc::new(AtomicUsize::new(0));
        let count = lost.clone();
        let watch = move || {
            prioritise(rustix::thread::gettid(), NICE_OF_WATCHDOG);
            let pause = step_max / LOOKS_PER_STEP_TIME;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                for worker in &workers {
                    let Some(taken) = worker.lane.look(LOOKS_PER_STEP_TIME) else { continue };
                    if let Some(thread) = taken.lost {
                        prioritise(thread, NICE_OF_LOST);
                    }
                    metrics.rooms.threads_lost.inc();
                    worker.start(taken.thread);
                    if count.fetch_add(1, Ordering::Relaxed) + 1 == SIM_THREADS_LOST_MAX {
                        error!(
                            "{SIM_THREADS_LOST_MAX} simulation threads are lost to rules that do not come back: \
                             the server stops, to be started anew"
                        );
                        shutdown.begin();
                    }
                }
            }
        };
        let started = thread::Builder::new().name("watchdog".to_owned()).spawn(watch);
        started.expect("a process that cannot start a thread cannot host a match");
        Self { stop, lost }
    }

    pub(super) fn is_beyond_repair(&self) -> bool {
        self.lost.load(Ordering::Relaxed) >= SIM_THREADS_LOST_MAX
    }

    pub(super) fn stop(&self) {
        // It has ended by itself when this fails.
        let _ = self.stop.send(());
    }
}

/// Gives a thread of this process this nice value, where the system allows it.
fn prioritise(thread: Pid, nice: i32) {
    if let Err(error) = setpriority_process(Some(thread), nice) {
        debug!(%error, nice, "a thread keeps its priority");
    }
}
