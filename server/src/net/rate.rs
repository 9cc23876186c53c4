//! How much comes in a second.

use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);

/// Counts what comes in a second, window by window.
#[derive(Debug)]
pub(super) struct Rate {
    max: u64,
    window: Instant,
    count: u64,
}

impl Rate {
    pub(super) fn new(max: u64, now: Instant) -> Self {
        Self { max, window: now, count: 0 }
    }

    /// Counts so many more; false when that is too many.
    pub(super) fn count(&mut self, more: u64, now: Instant) -> bool {
        if now.saturating_duration_since(self.window) >= WINDOW {
            self.window = now;
            self.count = 0;
        }
        self.count += more;
        self.count <= self.max
    }
}
