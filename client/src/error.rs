//! What can go wrong, and what to do about it.

use std::io;

use fracas_shared::close::{CloseCode, Refusal};
use fracas_shared::codec::DecodeError;
use fracas_shared::frame::FrameError;
use fracas_shared::message::PROTOCOL_VERSION;
use fracas_shared::packet::PacketError;
use fracas_shared::row::RowError;
use fracas_shared::schema::SchemaError;
use fracas_shared::{ConfigError, limits};
use thiserror::Error;

use crate::limits::{CONNECT_TIME_MAX, EVENTS_WAITING_MAX, SENDS_WAITING_MAX};
use crate::server_url::UrlError;

/// Why a session cannot go on. The connection is to be closed; a new one may do better.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SessionError {
    /// A control message that is none.
    #[error("the server sent a control message that cannot be read: {0}")]
    Control(#[from] DecodeError),
    /// Another message that is none.
    #[error("the server sent a message that cannot be read: {0}")]
    Packet(#[from] PacketError),
    /// A schema that is none, or beyond the limits.
    #[error("the server sent a schema that cannot be used: {0}")]
    Schema(#[from] SchemaError),
    /// The server speaks another version of the protocol.
    #[error(
        "the server speaks version {theirs} of the protocol and this client version {PROTOCOL_VERSION}: \
         use a client and a server of one release"
    )]
    WrongVersion {
        /// The server's version.
        theirs: u16,
    },
    /// The rows of the client's game are not those of the server's.
    #[error(
        "client and server were built with different rules of game '{game}' (schema {ours:08x} here, \
         {theirs:08x} there): build both from the same source"
    )]
    WrongRules {
        /// The game's id.
        game: String,
        /// The hash of the schema here.
        ours: u32,
        /// The hash of the schema there.
        theirs: u32,
    },
    /// The room plays another game than the client was compiled for.
    #[error("room '{room}' plays '{got}' and not '{wanted}'")]
    OtherGame {
        /// The room's id.
        room: String,
        /// The client's game.
        wanted: String,
        /// The room's game.
        got: String,
    },
    /// No schema came, although the client has none of this hash.
    #[error("the server sent no schema of game '{0}', although it was asked for")]
    NoSchema(String),
    /// What the server says of a room cannot be.
    #[error("the server described a room that cannot be: {0}")]
    BadRoom(&'static str),
    /// A message that makes no sense where it came.
    #[error("the server sent {0} when there was no place for it")]
    Unexpected(&'static str),
    /// A frame cannot be decoded, and asking for keyframes does not help:
    /// [`FRAMES_LOST_IN_A_ROW_MAX`](crate::limits::FRAMES_LOST_IN_A_ROW_MAX) were lost one after the other, or the server does not read what it is asked.
    #[error("frames cannot be decoded, and keyframes do not help; the last one because: {0}")]
    Undecodable(FrameError),
    /// Nobody polled the session's events.
    #[error("{EVENTS_WAITING_MAX} events wait: poll them after each message")]
    EventsPiledUp,
}

/// Why a request was not sent. The session goes on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// It needs a room.
    #[error("not in a room: join one first")]
    NotInRoom,
    /// The connection was lost, and the seat is about to be taken up again.
    #[error("the connection was lost, and the seat is about to be taken up again: wait")]
    Away,
    /// It needs to be outside of rooms, or the answer to the last join is still to come.
    #[error("in a room, or joining one: leave it first")]
    InRoom,
    /// The row is none of the room's schema.
    #[error("the row does not fit the schema of this room: {0}")]
    BadRow(&'static str),
    /// The message is longer than the server takes.
    #[error("a message of {0} bytes, where the server takes {max}", max = limits::CLIENT_MESSAGE_BYTES_MAX)]
    TooLong(usize),
    /// What was sent before is still waiting.
    #[error("{SENDS_WAITING_MAX} messages wait to be sent: the line is too slow for what is asked of it")]
    SendsPiledUp,
}

/// Why the rules of a room cannot be had from its config.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RulesError {
    /// The config is not of the game's type.
    #[error("the room's config cannot be read: {0}")]
    Malformed(String),
    /// The game refuses the config.
    #[error("the game refuses the room's config: {0}")]
    Refused(#[from] ConfigError),
}

/// Why a [`Play`](crate::Play) cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlayError {
    /// The server sent a row that it should not have.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The room came to have a config that its rules cannot be had from.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

/// Why a [`Client`](crate::Client) could not do what it was asked to.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The address is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// Nobody listens there.
    #[error("no server answers at {url}: {error}")]
    NoServer {
        /// The address.
        url: String,
        /// What the system says.
        error: io::Error,
    },
    /// Something listens there and does not speak.
    #[error("{url} took the connection and said nothing for {} s", CONNECT_TIME_MAX.as_secs())]
    ConnectTimeout {
        /// The address.
        url: String,
    },
    /// The server answered the upgrade with something else.
    #[error("{url} refused the connection with status {status}: {sentence}")]
    UpgradeRefused {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the server said, or what the status means.
        sentence: String,
    },
    /// What listens there is not a server of ours.
    #[error("{url} is no server of this protocol: {problem}")]
    NotOurs {
        /// The address.
        url: String,
        /// What gives it away.
        problem: String,
    },
    /// The server closed the connection.
    #[error("the server closed the connection: {reason} ({code})")]
    Closed {
        /// The WebSocket close code.
        code: u16,
        /// The sentence that came with it.
        reason: String,
    },
    /// The connection broke without a goodbye.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// Nothing came for longer than a living server is silent.
    #[error("nothing came from the server for {} s", limits::IDLE_TIME_MAX_S)]
    Silent,
    /// The server broke the protocol, or has other rules.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The request makes no sense now.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The server does not grant the request. The connection stays.
    #[error("{0}")]
    Refused(Refusal),
    /// A row of the right shape has a value that its type does not.
    #[error("the server sent a row that cannot be read: {0}")]
    Row(#[from] RowError),
}

impl ClientError {
    /// Why the server closed the connection, if it did and gave one of our codes.
    pub fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::Closed { code, .. } => CloseCode::from_number(*code),
            _ => None,
        }
    }

    /// Whether the same may go well on another connection, in some time.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::NoServer { .. } | Self::ConnectTimeout { .. } | Self::Lost(_) | Self::Silent => true,
            Self::UpgradeRefused { status, .. } => matches!(status, 429 | 502..=504),
            Self::Closed { code, .. } => match CloseCode::from_number(*code) {
                Some(code) => code.comes_back(),
                // No word of ours: of a proxy, or none at all.
                None => true,
            },
            Self::Url(_)
            | Self::NotOurs { .. }
            | Self::Session(_)
            | Self::Request(_)
            | Self::Refused(_)
            | Self::Row(_) => false,
        }
    }

    /// A word for counting errors of one kind.
    pub fn label(&self) -> String {
        match self {
            Self::Url(_) => "bad_url".into(),
            Self::NoServer { .. } => "no_server".into(),
            Self::ConnectTimeout { .. } => "connect_timeout".into(),
            Self::UpgradeRefused { status, .. } => format!("upgrade_{status}"),
            Self::NotOurs { .. } => "not_ours".into(),
            Self::Closed { code, .. } => CloseCode::from_number(*code)
                .map_or_else(|| format!("closed_{code}"), |code| format!("closed_{}", code.label())),
            Self::Lost(_) => "lost".into(),
            Self::Silent => "silent".into(),
            Self::Session(_) => "bad_server".into(),
            Self::Request(_) => "bad_request".into(),
            Self::Refused(refusal) => format!("refused_{}", refusal.label()),
            Self::Row(_) => "bad_row".into(),
        }
    }
}
