//! Features of the server, through the seams that operators and clients have.

mod addresses;
mod admin;
mod auth;
mod config;
mod drain;
mod failures;
mod guests;
mod http;
#[cfg(feature = "jwt")]
mod jwt;
mod limits;
mod lines;
mod listener;
mod listing;
mod lobby;
mod lossy;
mod matches;
mod origins;
#[cfg(feature = "planted-faults")]
mod planted;
mod player;
mod probe;
mod process;
mod protocol;
#[cfg(feature = "tls")]
mod proxies;
mod raw;
mod recovery;
mod resumes;
mod rfc6455;
mod rooms;
mod seats;
mod server;
mod shutdown;
mod slow;
#[cfg(feature = "socketio")]
mod socketio;
mod ticked;
mod time;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;
