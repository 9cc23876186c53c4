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

/// Counts what comes at a steady rate for long, and in bursts at times: a token bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    per_s: f64,
    burst: f64,
    left: f64,
    filled: Instant,
}

impl Bucket {
    /// One that is full.
    pub(super) fn new(per_s: u32, burst: u32, now: Instant) -> Self {
        Self { per_s: per_s.into(), burst: burst.into(), left: burst.into(), filled: now }
    }

    /// Takes one out; false when there is none.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.left = (self.left + elapsed * self.per_s).min(self.burst);
        self.filled = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}
