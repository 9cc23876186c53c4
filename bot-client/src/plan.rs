//! Who plays when: a scenario as single sessions.
//!
//! All of it is planned ahead from the scenario alone, so a server that is slow does not get fewer
//! bots or later ones, and every process of a run knows the same plan.

use std::time::Duration;

use xxhash_rust::xxh3::Xxh3;

use crate::scenario::Scenario;

mod deal;
mod planner;

/// A run, planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// By when they start; their numbers are their places.
    pub(crate) sessions: Vec<Session>,
    pub(crate) stages: Vec<PlannedStage>,
    pub(crate) lasts: Duration,
}

/// A bot's time from its joining to its leaving. Times are since the run began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) number: u32,
    /// Its place in the scenario's groups.
    pub(crate) group: usize,
    pub(crate) starts: Duration,
    pub(crate) ends: Duration,
    /// When it drops its connection, to come back at once.
    pub(crate) drops: Vec<Duration>,
}

/// A stage, and when it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedStage {
    pub(crate) name: String,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

impl Plan {
    /// Plans a scenario; refuses one that cannot be run, or has more sessions than may be.
    ///
    /// The number of bots follows the stages: the next one comes when the number that there is to be
    /// reaches it, and goes when that number has fallen to one less. Then the oldest session ends, of
    /// the group that is to become smaller. Who comes and goes by the length of sessions is replaced
    /// by a session of the same group, and who pauses before that counts as being there.
    pub(crate) fn new(scenario: &Scenario) -> Result<Self, String> {
        scenario.check()?;
        planner::plan(scenario)
    }

    /// A number that another plan does not have: processes of one run compare it.
    pub(crate) fn digest(&self) -> u64 {
        let mut hash = Xxh3::new();
        let mut number = |number: u64| hash.update(&number.to_le_bytes());
        // Nanoseconds of a week have 50 bits.
        let nanos = |time: Duration| time.as_nanos() as u64;
        number(nanos(self.lasts));
        number(self.sessions.len() as u64);
        for session in &self.sessions {
            number(session.number.into());
            number(session.group as u64);
            number(nanos(session.starts));
            number(nanos(session.ends));
            number(session.drops.len() as u64);
            session.drops.iter().for_each(|drop| number(nanos(*drop)));
        }
        for stage in &self.stages {
            hash.update(&(stage.name.len() as u64).to_le_bytes());
            hash.update(stage.name.as_bytes());
            hash.update(&nanos(stage.from).to_le_bytes());
            hash.update(&nanos(stage.to).to_le_bytes());
        }
        hash.digest()
    }

    /// What one of several processes runs of it.
    pub(crate) fn shard(&self, index: u32, count: u32) -> impl Iterator<Item = &Session> {
        self.sessions.iter().filter(move |session| session.number % count == index)
    }
}

#[cfg(test)]
mod tests;
