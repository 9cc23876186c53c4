//! How netcode feels: matches over simulated lines in virtual time, and what their players saw.
//!
//! Nothing in it depends on the machine: the same build finds the same figures everywhere.

mod brains;
mod cheats;
mod cost;
mod figures;
mod measures;
mod simulated;

pub use cheats::cheats;
pub use cost::{PLAY, cost, play};
pub use figures::{Figure, Figures, Wanted};
pub use measures::{Lengths, inputs, others, prediction, shots, time};
