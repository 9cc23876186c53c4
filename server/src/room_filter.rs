//! Which rooms of all a listing is to show.

use serde_json::{Map, Value};

/// Which rooms a listing is to show. The default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomFilter {
    /// Only those of this game.
    pub game: Option<String>,
    /// Only those whose metadata have these values under these names.
    pub metadata: Vec<(String, String)>,
}

impl RoomFilter {
    /// Those of a game, or of all.
    pub fn of_game(game: Option<&str>) -> Self {
        Self { game: game.map(str::to_owned), metadata: Vec::new() }
    }

    /// Whether a room of this game with these metadata is to be shown. Numbers and bools are compared
    /// as they are written in JSON; what is an object or a list is never equal.
    pub fn shows(&self, game: &str, metadata: &Map<String, Value>) -> bool {
        let is_equal = |(name, wanted): &(String, String)| match metadata.get(name) {
            Some(Value::String(text)) => text == wanted,
            Some(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => {
                let written = value.to_string();
                written == *wanted
            }
            _ => false,
        };
        self.game.as_deref().is_none_or(|wanted| wanted == game) && self.metadata.iter().all(is_equal)
    }
}
