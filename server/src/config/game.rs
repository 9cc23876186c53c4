//! What the rooms of one game are like.

use fracas_shared::limits::{LINGER_TIME_MAX_S, REWIND_TIME_MAX_MS, SEATS_MAX, TICK_HZ_MAX};
use fracas_shared::{ConfigError, Game};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// What the rooms of one game are like: `[games.<id>]` in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GameConfig {
    /// Seats of a room, 1 to [`SEATS_MAX`]; none for the game's own number.
    pub seats: Option<u16>,
    /// Ticks per second, 1 to [`TICK_HZ_MAX`]; none for the game's own number.
    pub tick_hz: Option<u16>,
    /// Seats that bots fill as long as no player wants them; none for the game's own number. See
    /// [`GameConfig::bots_of`].
    pub bots: Option<u16>,
    /// Seconds for which a seat is kept after its connection was lost, up to [`LINGER_TIME_MAX_S`];
    /// none for the game's own number.
    pub linger_s: Option<u16>,
    /// Milliseconds by which lag compensation goes back at most, up to [`REWIND_TIME_MAX_MS`]; none for
    /// the game's own number.
    pub rewind_ms: Option<u16>,
    /// Whether a room of this game is opened at the start and never ends.
    pub permanent: bool,
    /// What differs from the game's own default config.
    pub config: Table,
}

impl Default for GameConfig {
    fn default() -> Self {
        Self {
            seats: None,
            tick_hz: None,
            bots: None,
            linger_s: None,
            rewind_ms: None,
            permanent: true,
            config: Table::new(),
        }
    }
}

impl GameConfig {
    /// How many of a room's seats bots fill: as set, but one seat is left to a player.
    pub fn bots_of<G: Game>(&self, seats: u16) -> u16 {
        self.bots.unwrap_or(G::BOTS).min(seats.saturating_sub(1))
    }

    /// The game's config: its default with what is set here. The rules have not judged it yet.
    ///
    /// # Errors
    /// A value has another type than the game's.
    pub fn rules<G: Game>(&self) -> Result<G::Config, ConfigError> {
        // A config without fields has no form in TOML.
        if self.config.is_empty() {
            return Ok(G::Config::default());
        }
        Value::Table(self.rules_table::<G>())
            .try_into()
            .map_err(|error| ConfigError::new(format!("games.{}.config", G::ID), error.message()))
    }

    /// The same as a table, to print or to change.
    pub(super) fn rules_table<G: Game>(&self) -> Table {
        let mut table = Table::try_from(G::Config::default()).unwrap_or_default();
        table.iter_mut().for_each(|(_, value)| shorten(value));
        merge(&mut table, self.config.clone());
        table
    }

    /// The first value that is out of range: its name, and the problem.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        for (name, value, min, max) in [
            ("seats", self.seats, 1, SEATS_MAX),
            ("tick_hz", self.tick_hz, 1, TICK_HZ_MAX),
            ("bots", self.bots, 0, SEATS_MAX),
            ("linger_s", self.linger_s, 0, LINGER_TIME_MAX_S),
            ("rewind_ms", self.rewind_ms, 0, REWIND_TIME_MAX_MS),
        ] {
            if let Some(value) = value.filter(|value| !(min..=max).contains(value)) {
                return Err((name, format!("{value} is out of range; {min} to {max} are allowed")));
            }
        }
        Ok(())
    }
}

/// Turns what an `f32` became, 0.4000000059604645, into the shortest number that gives it: 0.4.
fn shorten(value: &mut Value) {
    match value {
        Value::Float(number) if f64::from(*number as f32) == *number => {
            let short = (*number as f32).to_string();
            *number = short.parse().unwrap_or(*number);
        }
        Value::Array(values) => values.iter_mut().for_each(shorten),
        Value::Table(values) => values.iter_mut().for_each(|(_, value)| shorten(value)),
        _ => {}
    }
}

/// Puts `from` over `into`, table by table.
pub(super) fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
