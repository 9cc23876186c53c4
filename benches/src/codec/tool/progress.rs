//! How far it has come, for who waits.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(200);

/// A line on a terminal, which is gone when it is dropped.
#[derive(Default)]
pub(super) struct Progress {
    shown: Option<Instant>,
}

impl Progress {
    /// Shows the share of the work that is done, unless it just did. Nothing where nobody looks.
    pub(super) fn show(&mut self, share: f64, frames: u32) {
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() >= INTERVAL);
        if is_due && io::stderr().is_terminal() {
            self.shown = Some(Instant::now());
            write(format_args!("\r{:3.0} % of the trace, {frames} frames", share * 100.0));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            write(format_args!("\r\x1b[K"));
        }
    }
}

/// A terminal that is gone is no reason to stop.
fn write(text: std::fmt::Arguments<'_>) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_fmt(text).and_then(|()| stderr.flush());
}
