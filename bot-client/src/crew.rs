//! Several processes that share one run.
//!
//! A coordinator waits for its workers, gives each the scenario and a number, and lets all begin at once. Each
//! worker plans the whole run by itself, which ends in the same plan, runs the sessions that are its by their
//! number, and tells what it measures as it goes. The coordinator adds that up: its histograms are the sum of
//! theirs.

mod coordinator;
mod wire;
mod worker;

pub(crate) use coordinator::gather;
pub(crate) use worker::work;

use serde::{Deserialize, Serialize};

use crate::cli::Target;
use crate::lane::News;
use crate::scenario::Scenario;

/// What a worker tells its coordinator, each a line of JSON.
#[derive(Debug, Serialize, Deserialize)]
enum FromWorker {
    /// The first message.
    Hello { version: String },
    /// It has planned the run, and can begin.
    Ready {
        /// The plan's digest, which must be everyone's.
        digest: u64,
        lanes: usize,
    },
    /// It cannot.
    Refused { problem: String },
    /// What a lane tells.
    News { lane: usize, news: News },
}

/// What a coordinator tells its workers.
#[derive(Debug, Serialize, Deserialize)]
enum FromCoordinator {
    /// What is to be done.
    Order(Box<Order>),
    /// Begin, after this.
    Go { in_ms: u64 },
    /// Let all bots leave.
    Stop,
}

/// A worker's part of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) scenario: Scenario,
    pub(crate) name_prefix: String,
    /// What the server speaks.
    pub(crate) target: Target,
    /// It runs the sessions whose number is this, modulo the workers.
    pub(crate) number: u32,
    pub(crate) workers: u32,
}

/// The version that coordinator and workers must have in common.
const VERSION: &str = env!("CARGO_PKG_VERSION");
