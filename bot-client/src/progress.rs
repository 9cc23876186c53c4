//! What is shown while the bots play where there is no terminal: now and then a line.

use std::time::{Duration, Instant};

use crate::status::Status;

/// Time between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Lines on standard error.
pub(crate) struct Lines {
    line_at: Instant,
    stage: String,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Self { line_at: Instant::now(), stage: String::new() }
    }

    /// Writes a line when a stage begins, and every few seconds.
    pub(crate) fn show(&mut self, status: &Status<'_>) {
        let (stage, now) = (status.stage(), Instant::now());
        if now < self.line_at && self.stage == stage {
            return;
        }
        self.line_at = now + LINE_INTERVAL;
        stage.clone_into(&mut self.stage);
        eprintln!("{}", line(status));
    }
}

/// A run in a line.
fn line(status: &Status<'_>) -> String {
    let counts = status.counts;
    let point = status.timeline.last();
    let playing = point.map_or(0, |point| point.playing);
    let gap = point.map_or(0.0, |point| point.update_gap_ms.p99);
    let trouble = match counts.failed + counts.disconnects + counts.seats_lost {
        0 => String::new(),
        _ => format!(
            ", {} failed, {} disconnected, {} seats lost",
            counts.failed, counts.disconnects, counts.seats_lost
        ),
    };
    let errors = if counts.errors > 0 { format!(", {} errors", counts.errors) } else { String::new() };
    format!(
        "{:>9}  {:>4.0} of {:.0} s  {playing} playing, {} joined{trouble}{errors}, {} updates, gap p99 {gap:.1} ms",
        status.stage(),
        status.elapsed.as_secs_f64(),
        status.lasts.as_secs_f64(),
        counts.joined,
        counts.updates,
    )
}
