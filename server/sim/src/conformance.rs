//! What every game must keep, checked by playing it: the suite that a game inherits.
//!
//! A game in a repository of its own has `fracas-sim` among its dev-dependencies and one test:
//!
//! ```no_run
//! # use fracas_shared::*;
//! # fn a_game<MyGame: Pilot>() {
//! fracas_sim::conformance::check::<MyGame>();
//! # }
//! ```
//!
//! [`check`] is all checks, one after the other; each can be called by itself, so that a test can
//! name what it tests. A check plays the game under its own config, with bots, players who come and
//! go and a fixed seed, for a minute or so of the match's time. It panics with a sentence that says
//! what was broken and at which tick.
//!
//! What they find: rules that read anything but their arguments, state that a checkpoint misses,
//! fields too fine for their type, ids that a row keeps after the entity is gone, panics on inputs
//! that only a hostile client sends, entities that outlive their match. What they do not find: rules
//! that are no fun.
//!
//! [`MemoryPort`], [`Replica`] and [`Script`] are what the checks are made of, for tests of one's
//! own.

mod chain;
mod churn;
mod determinism;
mod hostile;
mod memory_port;
mod records;
mod replica;
mod rows;
mod script;
mod viewers;

use fracas_shared::Pilot;

use crate::options::RoomOptions;
use crate::room::Room;

pub use chain::Chain;
pub use churn::{churn, matches};
pub use determinism::{checkpoint, determinism};
pub use hostile::hostile_inputs;
pub use memory_port::{Arrival, Lag, MemoryPort};
pub use records::records;
pub use replica::Replica;
pub use rows::round_trips;
pub use script::Script;
pub use viewers::viewers;

/// The seed of all checks: a failure comes back until it is mended.
const SEED: u64 = 0x00F2_ACA5;

/// Runs every check of this suite.
///
/// # Panics
/// When the game breaks one of them.
pub fn check<G: Pilot>() {
    determinism::<G>();
    checkpoint::<G>();
    records::<G>();
    round_trips::<G>();
    viewers::<G>();
    hostile_inputs::<G>();
    churn::<G>();
    matches::<G>();
}

/// A room of the game's own options, but for the number of bots.
fn open<G: Pilot>(bots: u16) -> Room<G> {
    let options = RoomOptions { bots, ..RoomOptions::of::<G>() };
    match Room::open(options, SEED) {
        Ok(room) => room,
        Err(error) => panic!("{}: the game refuses its own default config: {error}", G::ID),
    }
}
