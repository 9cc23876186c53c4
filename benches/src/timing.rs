//! Sleeping as exactly as the machine can.

use std::num::NonZeroU64;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::thread::set_current_timer_slack;

/// Lets this thread's sleeps end when they should: the system may lengthen them by 50 us otherwise.
pub fn sharpen_sleep() -> Result<()> {
    Ok(set_current_timer_slack(NonZeroU64::new(1))?)
}

/// Sleeps until then, or not at all.
pub fn sleep_until(due: Instant) {
    let left = due.saturating_duration_since(Instant::now());
    if left > Duration::ZERO {
        thread::sleep(left);
    }
}
