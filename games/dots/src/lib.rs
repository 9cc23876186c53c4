//! games/dots.
