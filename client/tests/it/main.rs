//! The client against a server that says what a test wants it to.

mod game;
mod hostile;
mod lines;
mod script;
mod session;
mod socket;
