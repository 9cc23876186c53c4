//! What is loaded: a server of ours, or another one for comparison.

pub(crate) mod fracas;
pub(crate) mod plain;
pub(crate) mod socketio;
pub(crate) mod websocket;

use std::future::Future;
use std::net::TcpStream;
use std::pin::Pin;
use std::time::Instant;

use fracas_client::LineProfile;

use crate::plan::Session;
use crate::player::{Failure, Player};

/// A connection that does not block and is a WebSocket, and what came on it right behind the upgrade.
pub(crate) type Connected = (TcpStream, Vec<u8>);

/// A try to connect.
pub(crate) type Connecting = Pin<Box<dyn Future<Output = Result<Connected, Failure>> + Send>>;

/// Makes the bot of a session that begins now.
pub(crate) type Players = Box<dyn FnMut(&Session, Instant) -> Box<dyn Player>>;

/// A kind of server, and the bots for it.
pub(crate) trait Target: Send + Sync {
    /// Connects; nothing is said on the connection yet.
    fn connect(&self) -> Connecting;

    /// Bytes that the kernel keeps for a bot that does not read; none for as many as usual.
    fn receive_bytes(&self) -> Option<usize> {
        None
    }

    /// How bad each bot's line is.
    fn line(&self) -> LineProfile;

    /// Makes the bots of one lane.
    fn players(&self) -> Players;
}
