//! What frames cost: a reference trace, its entropies, and the codec on it.

mod arena_trace;
mod entropy;

pub use arena_trace::{ArenaTrace, FIELDS, PLAYERS};
pub use entropy::{Entropies, entropies};
