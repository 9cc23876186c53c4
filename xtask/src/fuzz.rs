//! `cargo xtask fuzz`: the random tests of the shared crate, for long.

use std::path::Path;

use anyhow::Result;

use crate::process::{self, cargo};

/// Optimised, and yet with the assertions that hostile bytes must not reach.
pub(crate) fn run(root: &Path, cases: u64) -> Result<()> {
    let arguments = [
        "test",
        "--release",
        "--config=profile.release.debug-assertions=true",
        "--config=profile.release.overflow-checks=true",
        "--package=fracas-shared",
        "--test=it",
        "--",
        "frames::",
        "hostile::",
        "state_comes_back",
    ];
    process::run(cargo(root, &arguments).env("FRACAS_CASES", cases.to_string()))
}
