//! Sockets: they move bytes, and never name a world, a game or an entity.

pub mod allowed_origins;
pub(crate) mod body;
pub mod caller;
pub mod conditioner;
pub mod connection;
pub mod door;
pub mod driver;
pub mod entrance;
pub mod http;
mod http_stream;
#[cfg_attr(not(feature = "socketio"), expect(dead_code, reason = "only that door asks how a line fares"))]
mod line;
pub mod listener;
pub mod mailbox;
mod pages;
pub mod player;
pub mod problem;
pub mod proxy_protocol;
mod rate;
pub mod socket;
#[cfg(feature = "socketio")]
pub mod socketio;
#[cfg_attr(not(feature = "tls"), path = "net/no_tls.rs")]
pub mod tls;
pub mod transport;
pub mod upgrade;
pub mod websocket;
pub mod wire;
