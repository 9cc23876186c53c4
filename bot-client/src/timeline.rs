//! What happened when: a run in windows of equal length.

use serde::{Deserialize, Serialize};

use crate::times::Quantiles;

/// One window of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Point {
    /// When it began, in seconds since the run did.
    pub at_s: f64,
    /// How long it was, in seconds.
    pub lasts_s: f64,
    /// How many bots there were to be at its end.
    pub planned: u32,
    /// How many had a seat then.
    pub playing: u32,
    /// Bots that took a seat.
    pub joined: u32,
    /// Bots that could not, and that lost theirs.
    pub failed: u32,
    /// Bots that dropped their connection on purpose and have their seat again.
    pub resumed: u32,
    /// Updates received.
    pub updates: u64,
    /// Inputs sent.
    pub inputs: u64,
    /// Bytes received by all bots.
    pub rx_bytes: u64,
    /// Bytes sent by all bots.
    pub tx_bytes: u64,
    /// Errors and violations.
    pub errors: u64,
    /// From the first try to reach the server to its welcome.
    pub connect_ms: Quantiles,
    /// From asking for a seat to the first whole state.
    pub join_ms: Quantiles,
    /// From one update of a bot to its next.
    pub update_gap_ms: Quantiles,
    /// How much later than the earliest of its room a tick's state came.
    pub tick_age_ms: Quantiles,
    /// From an input to the first state that shows it.
    pub input_to_state_ms: Quantiles,
    /// To the server and back, through its queues.
    pub ping_ms: Quantiles,
    /// How late the load tester itself was.
    pub lateness_ms: Quantiles,
    /// Processor cores that the load tester used.
    pub cpu_cores: f64,
    /// What the server's own metrics say; none when they were not to be had.
    pub server: Option<ServerPoint>,
}

/// What a server's metrics say of one window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerPoint {
    /// Ticks made.
    pub ticks: u64,
    /// Ticks whose work took longer than their period.
    pub overruns: u64,
    /// Ticks whose time was dropped.
    pub dropped: u64,
    /// From a tick's deadline to its begin, as exact as the server's buckets: 50 of 100 are at most this.
    pub lateness_p50_ms: f64,
    /// The same of 99 of 100.
    pub lateness_p99_ms: f64,
    /// From a tick's begin to its end: 50 of 100 are at most this.
    pub work_p50_ms: f64,
    /// The same of 99 of 100.
    pub work_p99_ms: f64,
    /// Open rooms at the window's end.
    pub rooms: u64,
    /// Seats of players then, those who are away too.
    pub players: u64,
    /// Seats of players who are away then.
    pub away: u64,
    /// Frames for viewers that had missed some.
    pub stale_frames: u64,
    /// Memory in use at the window's end.
    pub memory_bytes: u64,
    /// Processor cores used.
    pub cpu_cores: f64,
}
