//! games/arena.
