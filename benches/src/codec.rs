//! What frames cost: reference traces, their entropies, a packer by hand, and the codec on them.

mod cubes;
mod entropy;
pub mod fiedler;
pub mod tool;

pub use cubes::{CUBE_FIELDS, CUBE_HZ, CUBE_TICKS, CUBES, CubeRow, CubeTrace};
pub use entropy::{Entropies, EntropyMeter, entropies};
pub use fracas_counts::{ArenaTrace, snapshot_of};
