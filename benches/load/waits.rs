//! What one client waited for again and again while others played.

use anyhow::Result;

use crate::bounds::Bound;
use crate::crowd_process::Told;
use crate::load::{Load, Shape, burst_ms};
use crate::metrics::Metrics;
use crate::report::Report;
use crate::times::Times;

/// Waits that take, at the 99th percentile, at most a tick, what a turn of a group of rooms takes, and a little more.
pub(crate) struct Waits<'a> {
    /// What was waited for, for people and in JSON.
    pub(crate) name: &'a str,
    pub(crate) key: &'a str,
    /// What is bounded.
    pub(crate) bound: &'static str,
    pub(crate) times: &'a Times,
    /// What may come to a tick and the turn of a group, in milliseconds.
    pub(crate) above_ms_max: f64,
}

impl Waits<'_> {
    /// A report of this title, and what the others have seen meanwhile. `before` is of the begin.
    pub(crate) fn report(
        &self,
        title: &str,
        shape: &Shape,
        load: &mut Load,
        before: &Metrics,
    ) -> Result<(Report, Told)> {
        let (told, metrics) = (load.crowd.ask()?, load.server.metrics()?.since(before));
        let burst_ms = burst_ms(&metrics, told.count("rooms")).unwrap_or(0.0);
        let mut report = Report::new(title);
        report.head("ms");
        report.times(self.name, self.key, self.times);
        report.times("update gap of the others", "update_gap", &told.gaps);
        report.times("the crowd's own lateness", "crowd_lateness", &told.sweeps);
        report.figure("a tick", "tick_ms", shape.tick_ms(), " ms");
        report.figure("work of the fullest group", "burst_ms", burst_ms, " ms");
        let most = shape.tick_ms() + burst_ms + self.above_ms_max;
        let found = self.times.quantile_s(0.99).map(|seconds| seconds * 1000.0);
        report.bound(Bound::new(self.bound, " ms", most, found));
        Ok((report, told))
    }
}
