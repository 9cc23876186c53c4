//! The WebSocket protocol (RFC 6455), spoken byte by byte to the port, upgrade and socket of this server.
//!
//! Each case is what a client sends and what it must hear, whether the socket is served on the reactor or by
//! turns away from it. Cases are written from the RFC, whose sections they name.

mod close;
mod control;
mod fragments;
mod framing;
mod refused;
mod utf8;
pub(crate) mod wire;

#[expect(dead_code, unreachable_pub, reason = "the example has a main of its own, and is public there")]
#[path = "../../examples/ws_echo/main.rs"]
mod ws_echo;
