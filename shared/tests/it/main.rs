//! Tests of the shared crate, through what it offers to server, client and games.

mod allocations;
mod cases;
mod derive;
mod frames;
mod golden;
mod hostile;
mod limits;
mod motion;
mod past;
mod samples;
mod typed;
mod viewers;
