//! What the targets that are not our protocol have in common.

mod schedule;
mod stay;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fracas_client::ServerUrl;

pub(super) use self::schedule::Schedule;
pub(super) use self::stay::Stay;
use crate::scenario::{Behaviour, Group};

/// How long a bot whose time is up stays for the last of its inputs, and for the last answers.
pub(super) const LAST_ANSWERS_TIME_MAX: Duration = Duration::from_secs(1);
/// Inputs in a second when nothing else is said.
const INPUTS_PER_S_DEFAULT: f64 = 20.0;

/// What the bots of a group have in common.
pub(crate) struct Plain {
    pub(crate) url: ServerUrl,
    pub(crate) token: Option<String>,
    pub(crate) group: Group,
    pub(crate) name_prefix: String,
    pub(crate) seed: u64,
    /// Whether the server has ever answered an input: only then is each one to be answered.
    has_answered: AtomicBool,
}

impl Plain {
    /// `url` is without the token.
    pub(crate) fn new(
        url: ServerUrl,
        token: Option<String>,
        group: Group,
        name_prefix: &str,
        seed: u64,
    ) -> Self {
        let (name_prefix, has_answered) = (name_prefix.to_owned(), AtomicBool::new(false));
        Self { url, token, group, name_prefix, seed, has_answered }
    }

    /// Whether such bots can do what the group wants, on a target of this name.
    pub(crate) fn check(group: &Group, target: &str) -> Result<(), String> {
        match group.behaviour {
            Behaviour::Pilot | Behaviour::Idle => Ok(()),
            behaviour => Err(format!(
                "group '{}': behaviour {behaviour} needs our own protocol; with --target {target} bots are pilot, \
                 which sends inputs, or idle",
                group.name
            )),
        }
    }

    /// Refuses a group that wants certain rooms where there are none.
    pub(crate) fn check_without_rooms(group: &Group, server: &str) -> Result<(), String> {
        if group.room_id.is_none() && group.room_options.is_empty() {
            return Ok(());
        }
        Err(format!("group '{}' wants rooms, and {server} has none: leave out what says which", group.name))
    }

    /// Inputs in a second; none for a bot that does nothing.
    pub(super) fn inputs_per_s(&self) -> Option<f64> {
        let rate = self.group.inputs_per_s.unwrap_or(INPUTS_PER_S_DEFAULT);
        (self.group.behaviour != Behaviour::Idle).then_some(rate)
    }

    /// Whether an answer that is missing is the server's fault: not when the line is why.
    pub(super) fn is_judged(&self) -> bool {
        self.group.line.rate_kbps == 0 && self.group.line.stall_ms == 0
    }

    pub(super) fn note_answer(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }
}
