//! The lines of players, made worse or good again while they play.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use fracas_shared::LineProfile;
use serde::Serialize;
use serde_json::Value;

use super::{bad_body, bad_path, not_done, room_and_seat};
use crate::net::body;
use crate::net::problem::Problem;
use crate::rooms::Rooms;

/// How many have another line now.
#[derive(Serialize)]
pub(super) struct Reached {
    reached: usize,
}

/// What a line is to be like, in whatever form it is said.
async fn line_of(body: Body) -> Result<LineProfile, Problem> {
    let text = body::text(body).await?;
    line_of_text(&text).map_err(bad_body)
}

/// The fields of a [`LineProfile`], `{"preset": "4g"}`, or the same as a text, in quotes or without.
fn line_of_text(text: &str) -> Result<LineProfile, String> {
    let parse = |text: &str| text.parse::<LineProfile>().map_err(|error| error.to_string());
    match serde_json::from_str(text) {
        Ok(Value::String(text)) => parse(&text),
        Ok(Value::Object(fields)) => match fields.get("preset") {
            Some(Value::String(preset)) if fields.len() == 1 => parse(preset),
            Some(_) => Err("`preset` is the name of a line, and goes without other fields".to_owned()),
            None => {
                let line: LineProfile = serde_json::from_value(Value::Object(fields))
                    .map_err(|error| format!("the body is no line: {error}"))?;
                line.check().map_err(|error| error.to_string())?;
                Ok(line)
            }
        },
        _ => parse(text.trim()),
    }
}

/// Makes the line of everyone in a room another one.
pub(super) async fn set_of_room(
    State(rooms): State<Rooms>,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<Json<Reached>, Problem> {
    let Path(room) = path.map_err(|rejection| bad_path(&rejection))?;
    let line = line_of(body).await?;
    let done = rooms.set_line(&room, None, line).await;
    let reached = done.map_err(|error| not_done(error, &room, None))?;
    Ok(Json(Reached { reached }))
}

/// Makes the line of one player another one.
pub(super) async fn set_of_player(
    State(rooms): State<Rooms>,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<Json<Reached>, Problem> {
    let Path(named) = path.map_err(|rejection| bad_path(&rejection))?;
    let (room, player) = room_and_seat(&named)?;
    let line = line_of(body).await?;
    let done = rooms.set_line(room, Some(player), line).await;
    let reached = done.map_err(|error| not_done(error, room, Some(player)))?;
    Ok(Json(Reached { reached }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_be_said_in_several_forms() {
        let of = |text: &str| line_of_text(text).unwrap();
        let line = of("3g");
        for text in ["\"3g\"", r#"{"preset": "3g"}"#, " 3g\n"] {
            assert_eq!(of(text), line, "{text}");
        }
        assert_eq!(of(&serde_json::to_string(&line).unwrap()), line);
        assert_eq!(of("latency=100"), of(r#"{"latency_ms": 100}"#));
        assert!(of("{}").is_none() && of("none").is_none());
    }

    #[test]
    fn what_is_no_line_is_told_in_a_sentence() {
        for (text, says) in [
            ("5g", "'5g' is no line: give one of none, lan,"),
            ("", "'' is no line"),
            ("7", "'7' is no line"),
            (r#"{"preset": "5g"}"#, "'5g' is no line"),
            (r#"{"preset": 4}"#, "`preset` is the name of a line"),
            (r#"{"preset": "4g", "latency_ms": 1}"#, "`preset` is the name of a line"),
            (r#"{"latency": 100}"#, "unknown field `latency`, expected one of `latency_ms`"),
            (r#"{"latency_ms": -1}"#, "the body is no line: "),
            (r#"{"latency_ms": 5001}"#, "`latency_ms`: 5001 is not from 0 to 5000"),
            ("jitter=5001", "`jitter_ms`: 5001 is not from 0 to 5000"),
        ] {
            let problem = line_of_text(text).unwrap_err();
            assert!(problem.contains(says), "{text}: {problem}");
        }
    }
}
