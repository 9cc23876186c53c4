//! What a client shows when it connects, and why it may not.

use std::fmt;

use fracas_shared::Refusal;
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, RoomWanted};
use serde::Deserialize;

use super::conversation::Form;
use crate::net::problem::Problem;

/// What a client says when it connects.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Auth {
    /// The player's name.
    pub(super) name: String,
    /// What the server's `auth` asks for.
    pub(super) token: Option<String>,
    /// The ticket of a seat that was reserved over HTTP.
    ticket: Option<String>,
    /// What takes a seat up again.
    resume: Option<String>,
    /// In what form the state is wanted: `binary` or `json`.
    state: Option<StateForm>,
    /// The protocol's version, of who speaks in packets.
    packets: Option<u16>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StateForm {
    Binary,
    Json,
}

impl Auth {
    pub(super) fn form(&self) -> Form {
        match (self.packets, self.state) {
            (Some(_), _) => Form::Packets,
            (None, Some(StateForm::Json)) => Form::Json,
            (None, _) => Form::Binary,
        }
    }

    /// What the door says in the client's name: hello, and for a seat that it wants at once. Nothing for who
    /// speaks in packets.
    pub(super) fn first_words(self) -> Vec<ClientMessage> {
        if self.form() == Form::Packets {
            return Vec::new();
        }
        let hello = ClientMessage::Hello {
            protocol: PROTOCOL_VERSION,
            name: self.name,
            client: "socket.io".to_owned(),
        };
        let room = match (self.resume, self.ticket) {
            (Some(token), _) => Some(RoomWanted::Resume { token, received: None, attempt: None }),
            (None, Some(ticket)) => Some(RoomWanted::Reserved { ticket }),
            (None, None) => None,
        };
        let join = room.map(|room| ClientMessage::Join { room, schema_hash: 0 });
        [Some(hello), join].into_iter().flatten().collect()
    }
}

/// Why a client may not connect: what its `connect_error` says.
#[derive(Debug)]
pub(super) struct Rejection {
    code: String,
    message: String,
}

impl Rejection {
    pub(super) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Self {
        Self::new(problem.code(), problem.message())
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.label(), refusal.to_string())
    }
}
