//! server/sim.
