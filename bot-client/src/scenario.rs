//! What a run is to be: how many bots play when, what kinds of them there are, what is expected.
//!
//! A scenario comes from a file, as those of assets/scenarios are, or from flags. Either way it is
//! checked here, so that what plans and runs it meets nothing that cannot be done. It goes as JSON to
//! other processes that run a part of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use fracas_client::{LineProfile, RoomWanted};
use serde::{Deserialize, Serialize};

use crate::expect::Expectation;

mod check;
mod file;

pub(crate) use file::time_of_change;

/// The game that is played when none is named.
pub(crate) const GAME_DEFAULT: &str = "arena";
/// What chance begins with when nothing else is said.
pub(crate) const SEED_DEFAULT: u64 = 1;

/// The scenarios that are part of the program, by name.
const SHIPPED: [(&str, &str); 5] = [
    ("smoke", include_str!("../../assets/scenarios/smoke.toml")),
    ("soak", include_str!("../../assets/scenarios/soak.toml")),
    ("spike", include_str!("../../assets/scenarios/spike.toml")),
    ("reconnect-storm", include_str!("../../assets/scenarios/reconnect-storm.toml")),
    ("slow-readers", include_str!("../../assets/scenarios/slow-readers.toml")),
];

/// A run, as it is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// What it is for, in a sentence; empty when nobody said.
    pub(crate) about: String,
    /// What the plan and the bots' decisions are drawn from.
    pub(crate) seed: u64,
    /// One after the other.
    pub(crate) stages: Vec<Stage>,
    /// The mix of bots; at least one.
    pub(crate) groups: Vec<Group>,
    pub(crate) expect: Vec<Expectation>,
    /// The server is restarted meanwhile: bots whose connection is lost come back.
    #[serde(default)]
    pub(crate) restarts: bool,
}

/// A part of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) lasts: Duration,
    pub(crate) kind: StageKind,
}

/// What happens in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StageKind {
    /// The number of clients goes linearly from what it was before to this one.
    Clients { to: u32 },
    /// This share of those who play lose their connection and come back, evenly over the stage.
    Reconnect { share: f64 },
}

/// Bots of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// How large it is beside the other groups.
    pub(crate) share: f64,
    pub(crate) game: String,
    pub(crate) behaviour: Behaviour,
    /// None for one each tick.
    pub(crate) inputs_per_s: Option<f64>,
    pub(crate) line: LineProfile,
    /// The mean length of a session; none to play to the end.
    pub(crate) session: Option<Duration>,
    /// The mean pause between a session and the one that replaces it.
    pub(crate) think: Duration,
    pub(crate) recording: Option<PathBuf>,
    /// Options of the rooms that it creates, as a JSON object; empty for the game's own.
    pub(crate) room_options: String,
    /// The only room that it plays in.
    pub(crate) room_id: Option<String>,
}

/// How a bot plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Behaviour {
    /// By the game's own pilot
    #[default]
    Pilot,
    /// Is there, and does nothing
    Idle,
    /// Does anything that can be done, at random
    Chaos,
    /// By the pilot, but reads what it is sent slowly
    Slow,
    /// Does what was recorded
    Recorded,
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no behaviour is hidden");
        f.write_str(value.get_name())
    }
}

impl Scenario {
    /// The names of the shipped ones.
    pub(crate) fn shipped() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// A shipped one, by its name.
    pub(crate) fn builtin(name: &str) -> Option<Self> {
        let (name, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
        let read = file::parse(name, text, Path::new(""));
        Some(read.unwrap_or_else(|error| panic!("the shipped scenario {name}: {error}")))
    }

    /// A shipped one by its name, or what a file has.
    pub(crate) fn load(name_or_path: &str) -> Result<Self, String> {
        match Self::builtin(name_or_path) {
            Some(scenario) => Ok(scenario),
            None => file::read(Path::new(name_or_path)),
        }
    }

    /// Whether it can be run: everything within its limits, and nothing that contradicts itself.
    pub(crate) fn check(&self) -> Result<(), String> {
        check::check(self)
    }

    /// The most clients that it ever has.
    pub(crate) fn peak_clients(&self) -> u32 {
        self.clients_after_stages().max().unwrap_or(0)
    }

    /// How long all of it takes.
    pub(crate) fn lasts(&self) -> Duration {
        self.stages.iter().fold(Duration::ZERO, |sum, stage| sum.saturating_add(stage.lasts))
    }

    /// The number of clients at the end of each stage.
    pub(crate) fn clients_after_stages(&self) -> impl Iterator<Item = u32> {
        self.stages.iter().scan(0, |clients, stage| {
            if let StageKind::Clients { to } = stage.kind {
                *clients = to;
            }
            Some(*clients)
        })
    }

    /// The same with another peak: each stage has as many more or fewer clients, but never none where
    /// there were some. Stages take as long as before, and storms drop the same share.
    pub(crate) fn scaled_to(&self, peak: u32) -> Self {
        let mut scaled = self.clone();
        let before = u64::from(self.peak_clients().max(1));
        for stage in &mut scaled.stages {
            if let StageKind::Clients { to } = &mut stage.kind
                && *to > 0
            {
                let rounded = (u64::from(*to) * u64::from(peak) + before / 2) / before;
                *to = rounded.max(1) as u32;
            }
        }
        scaled
    }

    /// Makes its longest hold this long. A hold is a stage that leaves the number of clients as it is.
    pub(crate) fn hold_for(&mut self, duration: Duration) -> Result<(), String> {
        let mut before = 0;
        let mut longest: Option<&mut Stage> = None;
        for stage in &mut self.stages {
            let StageKind::Clients { to } = stage.kind else { continue };
            let is_hold = std::mem::replace(&mut before, to) == to;
            if is_hold && longest.as_ref().is_none_or(|longest| stage.lasts > longest.lasts) {
                longest = Some(stage);
            }
        }
        let problem = || format!("no stage of scenario '{}' holds its number of clients", self.name);
        longest.ok_or_else(problem)?.lasts = duration;
        Ok(())
    }
}

impl Group {
    /// A group of one game and behaviour, and all else as it is when nothing is said.
    pub(crate) fn of(game: &str, behaviour: Behaviour) -> Self {
        Self {
            name: Self::default_name(game, behaviour),
            share: 1.0,
            game: game.to_owned(),
            behaviour,
            inputs_per_s: None,
            line: LineProfile::default(),
            session: None,
            think: Duration::ZERO,
            recording: None,
            room_options: String::new(),
            room_id: None,
        }
    }

    /// What a group is called that was given no name.
    pub(crate) fn default_name(game: &str, behaviour: Behaviour) -> String {
        format!("{game} {behaviour}")
    }

    /// The room that its bots ask for.
    pub(crate) fn room_wanted(&self) -> RoomWanted {
        match &self.room_id {
            Some(room) => RoomWanted::ById { room: room.clone(), password: String::new() },
            None => RoomWanted::JoinOrCreate { game: self.game.clone(), options: self.room_options.clone() },
        }
    }
}

#[cfg(test)]
mod tests;
