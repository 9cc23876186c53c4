//! Sockets: they move bytes, and never name a world, a game or an entity.

pub mod connection;
pub mod http;
pub mod listener;
pub mod mailbox;
mod pages;
pub mod upgrade;
pub mod websocket;
