//! games/registry.
