//! Arena, through its public API.

mod combat;
mod config;
mod house;
mod matches;
mod pilots;
