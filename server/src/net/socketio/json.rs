//! What the server says, as objects.

use fracas_shared::json::to_json;
use fracas_shared::message::{Joined, RoomInfo, RosterEntry};
use fracas_shared::packet::LooseRow;
use fracas_shared::schema::Kind;
use serde_json::{Map, Value, json};

pub(super) fn row_to_json(kinds: &[Kind], row: &LooseRow) -> Map<String, Value> {
    kinds.get(row.kind as usize).map(|kind| to_json(kind, &row.codes, row)).unwrap_or_default()
}

/// What is JSON already.
fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

pub(super) fn joined_to_json(joined: &Joined) -> Value {
    let roster: Vec<_> = joined.roster.iter().map(entry_to_json).collect();
    let resumed = joined.resumed.map(|resumed| json!({"missed": resumed.missed}));
    json!({
        "room": joined.room,
        "game": joined.game,
        "player": joined.player,
        "seats": joined.seats,
        "tickHz": joined.tick_hz,
        "tick": joined.tick,
        "schemaHash": joined.schema_hash,
        "schema": joined.schema.as_deref().map(parsed),
        "config": parsed(&joined.config),
        "roster": roster,
        "resumeToken": joined.resume_token,
        "lingerS": joined.linger_s,
        "resumed": resumed,
    })
}

pub(super) fn entry_to_json(entry: &RosterEntry) -> Value {
    json!({"player": entry.player, "name": entry.name, "isBot": entry.is_bot, "isAway": entry.is_away})
}

pub(super) fn room_to_json(room: &RoomInfo) -> Value {
    json!({
        "room": room.room,
        "game": room.game,
        "players": room.players,
        "bots": room.bots,
        "seats": room.seats,
        "tickHz": room.tick_hz,
        "metadata": parsed(&room.metadata),
        "spectators": room.spectators,
        "hasPassword": room.has_password,
        "isLocked": room.is_locked,
    })
}

/// What answers a request that is not granted.
pub(super) fn refused(mut told: Value) -> Value {
    told["ok"] = false.into();
    told
}
