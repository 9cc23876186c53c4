//! What a game's rows look like: names, kinds and bits of their fields.
//!
//! The derive makes a [`Schema`]; it goes to a client once, as JSON, and a client that was never
//! compiled with the game reads and writes all its rows by it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::game::Game;
use crate::limits::{ENUM_NAMES_MAX, FIELDS_MAX, KINDS_MAX, NAME_BYTES_MAX, SCHEMA_BYTES_MAX};
use crate::row::Row;

/// What a field holds, and so how a code of it is to be read. See [`quant`](crate::quant).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum FieldKind {
    /// True or false, 1 bit.
    Bool,
    /// A whole number from 0 to 2^bits - 1.
    Uint {
        /// 1 to 32.
        bits: u8,
    },
    /// A whole number from -2^(bits-1) to 2^(bits-1) - 1.
    Int {
        /// 1 to 32.
        bits: u8,
    },
    /// The number `min + code * step`.
    Fixed {
        /// The number of code 0.
        min: f64,
        /// The distance between two numbers: the quantum.
        step: f64,
        /// 1 to 32.
        bits: u8,
    },
    /// An angle in radians: the circle in 2^bits parts, from 0 upwards.
    Angle {
        /// 1 to 32.
        bits: u8,
    },
    /// One of these names, by its place.
    Enum {
        /// 1 to 256 names.
        names: Vec<String>,
    },
    /// A wire id; 0 is none.
    Entity,
    /// A seat's number plus 1; 0 is nobody.
    Player,
    /// UTF-8 text: its place in the snapshot's table of strings; 0 is the empty text.
    Text,
    /// Bytes: their place in the snapshot's table of strings; 0 is no bytes.
    Bytes,
}

impl FieldKind {
    /// How many bits a code of this kind has.
    pub fn bits(&self) -> u8 {
        match self {
            Self::Bool => 1,
            Self::Uint { bits } | Self::Int { bits } | Self::Fixed { bits, .. } | Self::Angle { bits } => {
                *bits
            }
            Self::Enum { names } => index_bits(names.len()),
            Self::Entity => 16,
            Self::Player | Self::Text | Self::Bytes => 10,
        }
    }

    /// Whether codes are places in a table of strings.
    pub fn is_string(&self) -> bool {
        matches!(self, Self::Text | Self::Bytes)
    }

    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Enum { names } if names.is_empty() || names.len() > ENUM_NAMES_MAX => {
                Err("an enum has 1 to 256 names")
            }
            Self::Enum { names } if names.iter().any(|name| !is_name(name)) => {
                Err("a name has 1 to 64 bytes")
            }
            Self::Fixed { min, step, .. } if !min.is_finite() || !step.is_finite() || *step <= 0.0 => {
                Err("`min` must be a number and `step` a number above 0")
            }
            _ if !(1..=32).contains(&self.bits()) => Err("`bits` must be from 1 to 32"),
            _ => Ok(()),
        }
    }
}

/// The bits that tell apart this many things; at least 1.
pub fn index_bits(things: usize) -> u8 {
    (usize::BITS - things.saturating_sub(1).leading_zeros()).max(1) as u8
}

/// A field of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The field's name.
    pub name: String,
    /// What it holds.
    #[serde(flatten)]
    pub kind: FieldKind,
    /// The field of the same row that is its velocity per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub velocity: Option<String>,
    /// By how much it must be elsewhere than its velocity explains to have been put there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<f32>,
}

impl Field {
    /// A field that does not move.
    pub fn new(name: impl Into<String>, kind: FieldKind) -> Self {
        Self { name: name.into(), kind, velocity: None, jump: None }
    }
}

/// One kind of row: a struct, or a variant of an enum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kind {
    /// The struct's or variant's name.
    pub name: String,
    /// Its fields, in the order of the row.
    pub fields: Vec<Field>,
}

/// All rows of a game.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// The game's id.
    pub game: String,
    /// The revision of its rules.
    pub revision: u32,
    /// Kinds of entities as everyone sees them.
    pub views: Vec<Kind>,
    /// What a player alone sees of its own.
    pub own: Vec<Kind>,
    /// What a player does in one tick.
    pub inputs: Vec<Kind>,
    /// What happens, from server to clients.
    pub events: Vec<Kind>,
    /// Messages of the game from clients to the rules.
    pub messages: Vec<Kind>,
}

/// Why a schema is not to be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// Not the JSON of a schema.
    #[error("not a schema: {0}")]
    Malformed(String),
    /// Beyond a limit.
    #[error("{place}: {problem}")]
    Invalid {
        /// Which part of it.
        place: String,
        /// What is wrong with that.
        problem: &'static str,
    },
}

impl Schema {
    /// The schema of a game compiled into this program.
    ///
    /// # Panics
    /// When the game's rows are beyond the limits: a mistake of the game that its first test finds.
    pub fn of<G: Game>() -> Self {
        let schema = Self {
            game: G::ID.to_owned(),
            revision: G::REVISION,
            views: G::View::kinds(),
            own: G::Own::kinds(),
            inputs: G::Input::kinds(),
            events: G::Event::kinds(),
            messages: G::Message::kinds(),
        };
        if let Err(error) = schema.check() {
            panic!("the schema of game '{}' is beyond the limits: {error}", G::ID);
        }
        schema
    }

    /// Reads a schema from a stranger.
    pub fn from_json(json: &str) -> Result<Self, SchemaError> {
        if json.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaError::Malformed(format!("longer than {SCHEMA_BYTES_MAX} bytes")));
        }
        let schema: Self =
            serde_json::from_str(json).map_err(|error| SchemaError::Malformed(error.to_string()))?;
        schema.check()?;
        Ok(schema)
    }

    /// The schema as JSON.
    ///
    /// # Panics
    /// Never: a schema is plain data.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a schema is plain data")
    }

    /// A number that tells this schema from others: the low half of its JSON's xxh3. 0 is never one.
    pub fn hash(&self) -> u32 {
        (xxhash_rust::xxh3::xxh3_64(self.to_json().as_bytes()) as u32).max(1)
    }

    fn check(&self) -> Result<(), SchemaError> {
        let invalid = |place: String, problem| Err(SchemaError::Invalid { place, problem });
        if !is_name(&self.game) {
            return invalid("game".into(), "an id has 1 to 64 bytes");
        }
        for (union, kinds) in [
            ("views", &self.views),
            ("own", &self.own),
            ("inputs", &self.inputs),
            ("events", &self.events),
            ("messages", &self.messages),
        ] {
            if let Err((place, problem)) = check_kinds(kinds) {
                return invalid(format!("{union}{place}"), problem);
            }
        }
        Ok(())
    }
}

/// Checks kinds against the limits; the error is the place within them and the problem.
fn check_kinds(kinds: &[Kind]) -> Result<(), (String, &'static str)> {
    if kinds.len() > KINDS_MAX {
        return Err((String::new(), "at most 32 kinds"));
    }
    for kind in kinds {
        let place = |field: &str| format!(".{}{field}", kind.name);
        if !is_name(&kind.name) {
            return Err((place(""), "a name has 1 to 64 bytes"));
        }
        if kind.fields.len() > FIELDS_MAX {
            return Err((place(""), "at most 64 fields"));
        }
        for field in &kind.fields {
            if !is_name(&field.name) {
                return Err((place(""), "a field's name has 1 to 64 bytes"));
            }
            let fail = |problem| (place(&format!(".{}", field.name)), problem);
            field.kind.check().map_err(fail)?;
            let is_fixed = |field: &Field| matches!(field.kind, FieldKind::Fixed { .. });
            let of_name = |name: &String| kind.fields.iter().find(|field| field.name == *name);
            if field.velocity.as_ref().is_some_and(|name| !of_name(name).is_some_and(is_fixed)) {
                return Err(fail("`velocity` must name a field of the kind `fixed`"));
            }
            if (field.velocity.is_some() || field.jump.is_some()) && !is_fixed(field) {
                return Err(fail("only a field of the kind `fixed` moves"));
            }
            if field.jump.is_some_and(|jump| !jump.is_finite() || jump < 0.0) {
                return Err(fail("`jump` must be a number from 0 upwards"));
            }
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_one_flat_object() {
        let mut field = Field::new("x", FieldKind::Fixed { min: 0.0, step: 0.5, bits: 12 });
        let mut check = |velocity: Option<&str>, jump, more: &str| {
            (field.velocity, field.jump) = (velocity.map(str::to_owned), jump);
            let json = serde_json::to_string(&field).unwrap();
            assert_eq!(
                json,
                format!(r#"{{"name":"x","kind":"fixed","min":0.0,"step":0.5,"bits":12{more}}}"#)
            );
            assert_eq!(serde_json::from_str::<Field>(&json).unwrap(), field);
        };
        check(None, None, "");
        check(Some("vx"), Some(2.0), r#","velocity":"vx","jump":2.0"#);
    }

    #[test]
    fn a_strangers_schema_is_checked() {
        let check = |fields: &str, problem: &str| {
            let json = format!(
                r#"{{"game":"g","revision":1,"views":[{{"name":"V","fields":[{fields}]}}],
                    "own":[],"inputs":[],"events":[],"messages":[]}}"#
            );
            let error = Schema::from_json(&json).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        };
        check(r#"{"name":"x","kind":"uint","bits":33}"#, "`bits` must be from 1 to 32");
        check(r#"{"name":"x","kind":"int","bits":0}"#, "`bits` must be from 1 to 32");
        check(r#"{"name":"x","kind":"fixed","min":0,"step":0,"bits":3}"#, "`step` a number above 0");
        check(r#"{"name":"","kind":"bool"}"#, "a field's name");
        check(r#"{"name":"x","kind":"enum","names":[]}"#, "1 to 256 names");
        check(r#"{"name":"x","kind":"colour"}"#, "colour");
        let fixed = r#""kind":"fixed","min":0,"step":1,"bits":3"#;
        check(&format!(r#"{{"name":"x",{fixed},"velocity":"vx"}}"#), "`velocity` must name");
        check(&format!(r#"{{"name":"x",{fixed},"jump":-1}}"#), "`jump` must be a number");
        check(r#"{"name":"x","kind":"bool","jump":1}"#, "only a field of the kind `fixed` moves");
    }

    #[test]
    fn bits_of_an_index() {
        assert_eq!([0, 1, 2, 3, 4, 5, 256].map(index_bits), [1, 1, 1, 2, 2, 3, 8]);
    }
}
