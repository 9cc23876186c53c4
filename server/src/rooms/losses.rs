//! Threads that rules have not given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fracas_shared::limits::SIM_THREADS_LOST_MAX;
use rustix::process::Pid;
use tracing::error;

use super::urgency::demote;
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;

/// How many threads are lost. Clones are the same count.
#[derive(Clone)]
pub(super) struct Losses(Arc<Shared>);

struct Shared {
    count: AtomicUsize,
    metrics: Metrics,
    shutdown: Shutdown,
}

impl Losses {
    /// None yet. `shutdown` is begun when [`SIM_THREADS_LOST_MAX`] are lost.
    pub(super) fn new(metrics: Metrics, shutdown: Shutdown) -> Self {
        Self(Arc::new(Shared { count: AtomicUsize::new(0), metrics, shutdown }))
    }

    /// Counts one that hangs, which gets the lowest priority from now on.
    pub(super) fn count(&self, thread: Option<Pid>) {
        if let Some(thread) = thread {
            demote(thread);
        }
        self.0.metrics.rooms.hangs.inc();
        self.0.metrics.rooms.threads_lost.inc();
        if self.0.count.fetch_add(1, Ordering::Relaxed) + 1 == SIM_THREADS_LOST_MAX {
            error!(
                "{SIM_THREADS_LOST_MAX} threads are lost to rules that do not come back: the server stops, to be \
                 started anew"
            );
            self.0.shutdown.begin();
        }
    }

    /// Whether as many are lost as may be.
    pub(super) fn are_beyond_repair(&self) -> bool {
        self.0.count.load(Ordering::Relaxed) >= SIM_THREADS_LOST_MAX
    }
}
