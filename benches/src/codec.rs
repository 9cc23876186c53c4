//! What frames cost: reference traces, their entropies, a packer by hand, and the codec on them.

mod arena_trace;
mod cubes;
mod entropy;
pub mod fiedler;
pub mod tool;

pub use arena_trace::{ArenaTrace, FIELDS, PLAYERS};
pub use cubes::{CUBE_FIELDS, CUBE_HZ, CUBE_TICKS, CUBES, CubeRow, CubeTrace};
pub use entropy::{Entropies, EntropyMeter, entropies};
