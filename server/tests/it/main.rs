//! Features of the server, through the seams that operators and clients have.

mod admin;
mod config;
mod http;
mod listener;
mod process;
mod server;
mod upgrade;
