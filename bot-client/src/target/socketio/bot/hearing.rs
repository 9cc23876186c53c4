//! What any server says.

use serde_json::Value;

use super::{Bot, Role};
use crate::player::{Failure, SEAT_LOST, Turn};
use crate::target::socketio::client::Client;
use crate::target::socketio::packet::{self, Args, Packet};
use crate::times::Time;

impl Bot {
    pub(super) fn take_packet(&mut self, packet: Packet<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        match packet {
            Packet::Open { silence_max } => {
                self.silence_max = silence_max;
                self.say(packet::connect(&self.common.auth(&self.name, self.resume.as_deref())));
            }
            Packet::Ping => self.say(packet::PONG.to_owned()),
            Packet::Connected => self.enter(turn),
            Packet::Refused { message } if self.resume.is_some() => {
                let message = format!("the seat could not be taken up again: {message}");
                return Err(Failure::new(SEAT_LOST, message));
            }
            Packet::Refused { message } => return Err(Failure::new("connect_error", message)),
            Packet::Disconnected => return Err(Failure::new("closed", "the server ended the session")),
            Packet::Event { name, args, binaries } => {
                (self.binaries, self.is_event_due) = (binaries, !self.common.is_ours && binaries > 0);
                if self.common.is_ours {
                    self.take_our_event(&name, args, turn)?;
                } else if binaries == 0 {
                    self.take_event(turn);
                }
            }
            Packet::Answer { id, args, binaries } => {
                (self.binaries, self.is_event_due) = (binaries, false);
                self.take_answer(id, args, turn)?;
            }
            Packet::Other => {}
        }
        Ok(())
    }

    /// It is in the namespace.
    fn enter(&mut self, turn: &mut Turn<'_>) {
        if !self.has_played {
            turn.record.note(Time::Connect, turn.now - self.began);
        }
        if self.common.is_ours {
            self.ask_for_seat(turn);
        } else {
            self.role = Role::Client(Client::new(turn.now));
            self.note_entry(turn);
            self.start(turn);
        }
    }

    /// Takes a binary frame: with the last one, an event is there as a whole.
    pub(super) fn take_binary(&mut self, turn: &mut Turn<'_>) {
        self.binaries = self.binaries.saturating_sub(1);
        if self.binaries == 0 && std::mem::take(&mut self.is_event_due) {
            self.take_event(turn);
        }
    }

    /// An event of a server that is not ours is there as a whole.
    fn take_event(&mut self, turn: &mut Turn<'_>) {
        if let Role::Client(client) = &mut self.role {
            client.stay.note_update(None, turn);
        }
    }

    fn take_answer(&mut self, id: u64, args: Args<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        if let Some((_, asked)) = self.asked.take_if(|(asked, _)| *asked == id) {
            let said: Value = args.first().unwrap_or_default();
            return self.take_word(asked, &said, turn);
        }
        if let Role::Client(client) = &mut self.role {
            client.take_answer(id, &self.common.plain, turn);
            self.go_when_done(turn.now);
        }
        Ok(())
    }
}
