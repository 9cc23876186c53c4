//! The Fracas game server: everything authoritative, behind one port.

pub mod config;
pub mod metrics;
pub mod shutdown;
pub mod telemetry;
