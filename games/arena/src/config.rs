//! What an operator may tune, and the check that the game can be played by it.
//!
//! `assets/arena.toml` holds the defaults and tells each field's meaning and range.

use core::fmt;
use core::ops::RangeInclusive;

use fracas_shared::ConfigError;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::{Table, Value};

use crate::map::{self, Map};

/// The defaults.
const DEFAULTS: &str = include_str!("../../../assets/arena.toml");

/// Arena's tuning. What is not given, also within a table, is as in `assets/arena.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Config {
    /// Where the match takes place.
    pub map: MapSource,
    /// Kills that win the match: 1 to 1000.
    pub score_limit: u16,
    /// The match's length, in seconds: 10 to 3600.
    pub time_limit_s: f32,
    /// From a death to the next life, in seconds: 0 to 30.
    pub respawn_s: f32,
    /// The ships.
    pub ship: ShipConfig,
    /// The weapon that hits at once.
    pub beam: BeamConfig,
    /// The weapon that flies.
    pub rocket: RocketConfig,
    /// What lies around.
    pub pickup: PickupConfig,
}

/// A map, by its name or its rows.
///
/// It is always written as rows, so that clients and journals need no files.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "expected a map's name or the list of its rows")]
pub enum MapSource {
    /// The name of a built-in map.
    Name(String),
    /// The rows of a map, from the upper to the lower.
    Rows(Vec<String>),
}

impl MapSource {
    /// Reads the map.
    pub(crate) fn parse(&self) -> Result<Map, ConfigError> {
        let rows: Vec<_> = match self {
            Self::Rows(rows) => rows.iter().map(String::as_str).collect(),
            Self::Name(name) => map::built_in(name).ok_or_else(|| Self::unknown(name))?.lines().collect(),
        };
        Map::parse(&rows).map_err(|problem| ConfigError::new("map", problem))
    }

    fn unknown(name: &str) -> ConfigError {
        let known = map::built_in_names().join(", ");
        ConfigError::new("map", format!("no map '{name}'; there are {known}, or give the map's rows"))
    }
}

impl Serialize for MapSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Rows(rows) => rows.serialize(serializer),
            Self::Name(name) => match map::built_in(name) {
                Some(text) => serializer.collect_seq(text.lines()),
                None => name.serialize(serializer),
            },
        }
    }
}

/// What ships are like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShipConfig {
    /// In metres: 0.2 to 0.45, less than half a cell.
    pub radius_m: f32,
    /// In metres per second: 1 to 30.
    pub speed_mps: f32,
    /// In metres per second squared: 5 to 500.
    pub acceleration_mps2: f32,
    /// At the beginning of a life, and at most: 1 to 127.
    pub health: u8,
    /// Whether ships are in each other's way.
    pub solid: bool,
}

/// What the beam is like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeamConfig {
    /// Health taken: 1 to 127.
    pub damage: u8,
    /// From one shot to the next, in seconds: 0.05 to 10.
    pub cooldown_s: f32,
    /// In metres: 2 to 180.
    pub range_m: f32,
}

/// What rockets are like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RocketConfig {
    /// Health taken where it hits, less with the distance: 1 to 127.
    pub damage: u8,
    /// How far from the explosion damage ends, in metres: 0.5 to 10.
    pub splash_m: f32,
    /// In metres per second: 2 to 60.
    pub speed_mps: f32,
    /// In seconds: 0.1 to 10.
    pub life_s: f32,
    /// From one shot to the next, in seconds: 0.05 to 10.
    pub cooldown_s: f32,
    /// Rockets at the beginning of a life: 0 to 63.
    pub ammo_at_start: u8,
    /// Rockets that a ship can hold: 1 to 63.
    pub ammo_max: u8,
}

/// What pickups are like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PickupConfig {
    /// Health that one gives: 1 to 127.
    pub health: u8,
    /// Rockets that one gives: 1 to 63.
    pub ammo: u8,
    /// From being taken to being there again, in seconds: 0.5 to 120.
    pub return_s: f32,
}

impl Default for Config {
    fn default() -> Self {
        Table::new().try_into().expect("assets/arena.toml gives every field")
    }
}

impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

// What is given is laid over the defaults before the derived code reads it. That code stands beside
// this trait (`remote = "Self"`), for serde's own `default` would ask for a default while making it.
impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Table::deserialize(deserializer)?;
        let mut table: Table = toml::from_str(DEFAULTS).map_err(D::Error::custom)?;
        lay_over(&mut table, given);
        // The problem and its place, on one line.
        let one_line = |error: toml::de::Error| D::Error::custom(error.to_string().trim().replace('\n', " "));
        Self::deserialize(Value::Table(table)).map_err(one_line)
    }
}

fn lay_over(table: &mut Table, given: Table) {
    for (name, value) in given {
        match (table.get_mut(&name), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                table.insert(name, value);
            }
        }
    }
}

impl Config {
    /// Checks every number against its range.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        within("score_limit", self.score_limit, 1..=1000)?;
        within("time_limit_s", self.time_limit_s, 10.0..=3600.0)?;
        within("respawn_s", self.respawn_s, 0.0..=30.0)?;
        within("ship.radius_m", self.ship.radius_m, 0.2..=0.45)?;
        within("ship.speed_mps", self.ship.speed_mps, 1.0..=30.0)?;
        within("ship.acceleration_mps2", self.ship.acceleration_mps2, 5.0..=500.0)?;
        within("ship.health", self.ship.health, 1..=127)?;
        within("beam.damage", self.beam.damage, 1..=127)?;
        within("beam.cooldown_s", self.beam.cooldown_s, 0.05..=10.0)?;
        within("beam.range_m", self.beam.range_m, 2.0..=180.0)?;
        within("rocket.damage", self.rocket.damage, 1..=127)?;
        within("rocket.splash_m", self.rocket.splash_m, 0.5..=10.0)?;
        within("rocket.speed_mps", self.rocket.speed_mps, 2.0..=60.0)?;
        within("rocket.life_s", self.rocket.life_s, 0.1..=10.0)?;
        within("rocket.cooldown_s", self.rocket.cooldown_s, 0.05..=10.0)?;
        within("rocket.ammo_at_start", self.rocket.ammo_at_start, 0..=63)?;
        within("rocket.ammo_max", self.rocket.ammo_max, 1..=63)?;
        within("pickup.health", self.pickup.health, 1..=127)?;
        within("pickup.ammo", self.pickup.ammo, 1..=63)?;
        within("pickup.return_s", self.pickup.return_s, 0.5..=120.0)
    }
}

fn within<T: Copy + PartialOrd + fmt::Display>(
    field: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), ConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(ConfigError::new(field, format!("{value} is not from {} to {}", range.start(), range.end())))
}
