//! What may differ from room to room of one game.

use fracas_shared::limits::{
    LINGER_TIME_MAX_S, OPTIONS_BYTES_MAX, PASSWORD_BYTES_MAX, REWIND_TICKS_MAX, REWIND_TIME_MAX_MS,
    SEATS_MAX, TICK_HZ_MAX,
};
use fracas_shared::{ConfigError, Game};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A room's options, whole and checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoomOptions<C> {
    /// Seats, from 1 to [`SEATS_MAX`].
    pub seats: u16,
    /// Ticks per second, from 1 to [`TICK_HZ_MAX`].
    pub tick_hz: u16,
    /// How many seats bots fill while no players do.
    pub bots: u16,
    /// How many seconds a seat is kept after its connection was lost, up to [`LINGER_TIME_MAX_S`].
    pub linger_s: u16,
    /// How far back lag compensation goes at most, in milliseconds, up to [`REWIND_TIME_MAX_MS`] and
    /// [`REWIND_TICKS_MAX`]; 0 for none.
    pub rewind_ms: u16,
    /// The game's config.
    pub config: C,
}

/// What a request or an operator's file says of a room: a JSON object, every field optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptionsPatch {
    /// See [`RoomOptions::seats`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seats: Option<u16>,
    /// See [`RoomOptions::tick_hz`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tick_hz: Option<u16>,
    /// See [`RoomOptions::bots`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bots: Option<u16>,
    /// See [`RoomOptions::linger_s`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linger_s: Option<u16>,
    /// See [`RoomOptions::rewind_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewind_ms: Option<u16>,
    /// Fields of the game's config; those that are not named stay as they are.
    pub config: Map<String, Value>,
    /// Whether the room is left out of listings and found by its id alone. No part of the match.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// Whether the room takes nobody but its creator. No part of the match.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
    /// What everyone but the creator must say to get in, up to [`PASSWORD_BYTES_MAX`]; empty for
    /// nothing. No part of the match.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub password: String,
    /// What the room's creator says of it, for listings. No part of the match.
    pub metadata: Map<String, Value>,
}

impl OptionsPatch {
    /// Reads a request's options; an empty text is an empty patch.
    pub fn from_json(json: &str) -> Result<Self, ConfigError> {
        if json.is_empty() {
            return Ok(Self::default());
        }
        if json.len() > OPTIONS_BYTES_MAX {
            return Err(ConfigError::new("options", format!("longer than {OPTIONS_BYTES_MAX} bytes")));
        }
        let invalid = |error: serde_json::Error| ConfigError::new("options", error.to_string());
        let fields: Map<String, Value> = serde_json::from_str(json).map_err(invalid)?;
        for (name, value) in &fields {
            let field = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
            if let Err(error) = serde_json::from_value::<Self>(field) {
                return Err(ConfigError::new(name, error.to_string()));
            }
        }
        let patch: Self = serde_json::from_value(Value::Object(fields)).map_err(invalid)?;
        if patch.password.len() > PASSWORD_BYTES_MAX {
            return Err(ConfigError::new("password", format!("longer than {PASSWORD_BYTES_MAX} bytes")));
        }
        Ok(patch)
    }
}

impl<C> RoomOptions<C> {
    /// The game's own options.
    pub fn of<G: Game<Config = C>>() -> Self
    where
        C: Default,
    {
        Self {
            seats: G::SEATS,
            tick_hz: G::TICK_HZ,
            bots: 0,
            linger_s: G::LINGER_S,
            rewind_ms: G::REWIND_MS,
            config: C::default(),
        }
    }

    /// These options, changed as the patch says, and checked. Errors name the field.
    pub fn patched<G: Game<Config = C>>(&self, patch: &OptionsPatch) -> Result<Self, ConfigError>
    where
        C: fracas_shared::Config,
    {
        let seats = patch.seats.unwrap_or(self.seats);
        let options = Self {
            seats,
            tick_hz: patch.tick_hz.unwrap_or(self.tick_hz),
            // Fewer seats than before take fewer bots, without being told so.
            bots: patch.bots.unwrap_or(self.bots.min(seats)),
            linger_s: patch.linger_s.unwrap_or(self.linger_s),
            rewind_ms: patch.rewind_ms.unwrap_or(self.rewind_ms),
            config: patched_config(&self.config, &patch.config)?,
        };
        options.check()?;
        Ok(options)
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let check = |field: &str, value: u16, min: u16, max: u16| {
            let problem = || format!("must be from {min} to {max}, not {value}");
            if (min..=max).contains(&value) { Ok(()) } else { Err(ConfigError::new(field, problem())) }
        };
        check("seats", self.seats, 1, SEATS_MAX)?;
        check("tick_hz", self.tick_hz, 1, TICK_HZ_MAX)?;
        check("bots", self.bots, 0, self.seats)?;
        check("linger_s", self.linger_s, 0, LINGER_TIME_MAX_S)?;
        let rewind_max_ms = REWIND_TICKS_MAX * 1000 / u32::from(self.tick_hz);
        check("rewind_ms", self.rewind_ms, 0, rewind_max_ms.min(REWIND_TIME_MAX_MS.into()) as u16)
    }
}

/// The config with the patch's fields laid over its own, tables within tables.
fn patched_config<C: fracas_shared::Config>(
    config: &C,
    patch: &Map<String, Value>,
) -> Result<C, ConfigError> {
    if patch.is_empty() {
        return Ok(config.clone());
    }
    let invalid = |error: serde_json::Error| ConfigError::new("config", error.to_string());
    let base = serde_json::to_value(config).map_err(invalid)?;
    let patched = |patch: &Value| {
        let mut value = base.clone();
        lay_over(&mut value, patch);
        serde_json::from_value(value)
    };
    let patch = Value::Object(patch.clone());
    patched(&patch).map_err(|error| {
        // What is wrong with the whole is mostly wrong with one value of it.
        let alone = leaves("config", &patch).into_iter();
        let mut alone = alone.filter_map(|(place, leaf)| Some((place, patched(&leaf).err()?)));
        let (place, error) = alone.next().unwrap_or(("config".to_owned(), error));
        ConfigError::new(place, error.to_string())
    })
}

/// Each value of a patch by itself, with its path.
fn leaves(place: &str, patch: &Value) -> Vec<(String, Value)> {
    let Value::Object(fields) = patch else { return vec![(place.to_owned(), patch.clone())] };
    let mut all = Vec::new();
    for (name, value) in fields {
        for (place, leaf) in leaves(&format!("{place}.{name}"), value) {
            all.push((place, Value::Object(Map::from_iter([(name.clone(), leaf)]))));
        }
    }
    all
}

fn lay_over(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, over) in over {
                lay_over(under.entry(name).or_insert(Value::Null), over);
            }
        }
        (under, over) => *under = over.clone(),
    }
}
