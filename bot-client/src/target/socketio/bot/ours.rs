//! What a server of ours says, by its events.

use std::borrow::Cow;

use serde_json::Value;

use super::{Asked, Bot, Role};
use crate::player::{Failure, Turn};
use crate::target::socketio::packet::Args;
use crate::target::socketio::seat::{Joined, Seat, State};
use crate::times::Time;

impl Bot {
    /// Asks for a seat, or waits for the one that its first words have taken up again.
    pub(super) fn ask_for_seat(&mut self, turn: &Turn<'_>) {
        if self.resume.is_none() {
            let (event, argument) = self.common.request();
            self.asked = Some((self.ask(event, &argument), Asked::Join));
            self.asked_at = Some(turn.now);
        }
    }

    pub(super) fn take_our_event(
        &mut self,
        event: &str,
        args: Args<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Failure> {
        let broken = || Failure::new("bad_server", format!("the server's event `{event}` cannot be read"));
        match event {
            "joined" => {
                let joined: Joined = args.first().ok_or_else(broken)?;
                turn.record.in_room(&joined.room);
                self.role = Role::Player(Box::new(Seat::new(&joined, turn.now)?));
                self.schedule.limit(f64::from(joined.tick_hz));
                self.resume = joined.resume_token;
                self.note_entry(turn);
            }
            "state" => {
                let state: State = args.first().ok_or_else(broken)?;
                if let Some(asked_at) = self.asked_at.take() {
                    turn.record.note(Time::Join, turn.now - asked_at);
                }
                if let Role::Player(seat) = &mut self.role
                    && seat.take_state(&state, &self.name, turn)
                {
                    self.start(turn);
                }
            }
            "error" => {
                let said: Value = args.first().unwrap_or_default();
                turn.record.error(&format!("said_{}", word(&said, "code")), || word(&said, "message").into());
            }
            "close" => {
                let said: Value = args.first().unwrap_or_default();
                let message = format!("the server closed the connection: {}", word(&said, "message"));
                return Err(Failure::new(&format!("closed_{}", word(&said, "name")), message));
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes what a server of ours says to what was asked of it.
    pub(super) fn take_word(
        &mut self,
        asked: Asked,
        said: &Value,
        turn: &mut Turn<'_>,
    ) -> Result<(), Failure> {
        match asked {
            Asked::Join if said["ok"] != true => {
                Err(Failure::new(&format!("refused_{}", word(said, "code")), word(said, "message")))
            }
            // What is there is told by an event.
            Asked::Join => Ok(()),
            Asked::Leave => {
                let left = said["tick"].as_u64().and_then(|tick| u32::try_from(tick).ok());
                self.end_stay(left, turn);
                self.goes_at = Some(turn.now);
                Ok(())
            }
        }
    }
}

/// A text of an object that the server sent, fit for a terminal.
fn word<'a>(said: &'a Value, field: &str) -> Cow<'a, str> {
    let word = said[field].as_str().unwrap_or("unknown");
    if word.chars().any(char::is_control) { word.escape_debug().to_string().into() } else { word.into() }
}
