//! One match, pure: what a room does at each tick, without sockets, threads or clocks.
//!
//! [`Room`] is the match as a host runs it: seats, waiting inputs, bots, frames for viewers.
//! Inside it, [`Simulation`] is the match as its rules know it: a pure function of its
//! [`TickRecord`]s. [`Match`] is a room whose game is not known to the caller.
//!
//! Guarantees: the same records give the same [`Simulation::hash`] on every machine. A room restored
//! from [`Room::checkpoint`] goes on bit for bit, bots included. Nothing a client sends panics.

mod frames;
mod hosted;
mod inputs;
mod options;
#[cfg(feature = "planted-faults")]
mod planted_fault;
mod port;
mod record;
mod report;
mod room;
mod seats;
mod simulation;
mod strings;
mod told;
mod viewer;
mod viewers;
mod wire_ids;

pub mod conformance;
pub mod journal;

pub use hosted::{Census, Match};
pub use inputs::InputCounts;
pub use options::{OptionsPatch, RoomOptions};
#[cfg(feature = "planted-faults")]
pub use planted_fault::PlantedFault;
pub use port::{Closer, Held, Port, StateMessages};
pub use record::{PlayerMessage, TickRecord};
pub use report::{FrameCounts, TickReport};
pub use room::{MessageRefused, RestoreError, Room};
pub use seats::{NoSeatToken, SeatToken};
pub use simulation::{MatchNews, Panic, Simulation};
pub use told::Audience;
pub use viewer::Viewer;
pub use viewers::Viewers;
