//! The match, tested through its public face.

mod conformance;
mod determinism;
