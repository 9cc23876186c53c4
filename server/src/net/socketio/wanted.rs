//! What a client's requests are for, field by field.

use fracas_shared::message::RoomWanted;
use serde_json::{Map, Value};

use super::args::Args;
use super::conversation::Complaint;

pub(super) fn object(event: &str, args: Args) -> Result<Map<String, Value>, Complaint> {
    args.into_object().ok_or_else(|| Complaint::bad(format!("{event}: it takes an object")))
}

pub(super) fn optional_text(
    event: &str,
    object: &mut Map<String, Value>,
    field: &str,
) -> Result<Option<String>, Complaint> {
    match object.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Complaint::bad(format!("{event}: `{field}` must be a text"))),
    }
}

fn text(event: &str, object: &mut Map<String, Value>, field: &str) -> Result<String, Complaint> {
    optional_text(event, object, field)?
        .ok_or_else(|| Complaint::bad(format!("{event}: `{field}` is missing")))
}

fn flag(event: &str, object: &mut Map<String, Value>, field: &str) -> Result<bool, Complaint> {
    let value = object.remove(field).unwrap_or(Value::Bool(false));
    value.as_bool().ok_or_else(|| Complaint::bad(format!("{event}: `{field}` must be true or false")))
}

/// What is left of an object was not asked for: perhaps a word that was mistyped.
pub(super) fn no_more(event: &str, object: &Map<String, Value>) -> Result<(), Complaint> {
    object.keys().next().map_or(Ok(()), |stranger| {
        let stranger: String = stranger.chars().take(32).collect();
        Err(Complaint::bad(format!("{event}: there is no field `{stranger}`")))
    })
}

pub(super) fn whole(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

pub(super) fn room_wanted(event: &str, wanted: &mut Map<String, Value>) -> Result<RoomWanted, Complaint> {
    let options = |wanted: &mut Map<String, Value>| match wanted.remove("options") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::Object(options)) => Ok(Value::Object(options).to_string()),
        Some(_) => Err(Complaint::bad(format!("{event}: `options` must be an object"))),
    };
    let room = match event {
        "joinById" => {
            let room = text(event, wanted, "room")?;
            let password = optional_text(event, wanted, "password")?.unwrap_or_default();
            if flag(event, wanted, "spectate")? {
                RoomWanted::Spectate { room, password }
            } else {
                RoomWanted::ById { room, password }
            }
        }
        "create" => RoomWanted::Create { game: text(event, wanted, "game")?, options: options(wanted)? },
        _ if flag(event, wanted, "existing")? => RoomWanted::Join { game: text(event, wanted, "game")? },
        _ => RoomWanted::JoinOrCreate { game: text(event, wanted, "game")?, options: options(wanted)? },
    };
    no_more(event, wanted)?;
    Ok(room)
}
