//! The match, tested through its public face.

mod checkpoints;
mod conformance;
mod determinism;
mod frames;
mod inputs;
mod limits;
mod options;
mod records;
mod rooms;
mod table;
mod tokens;
