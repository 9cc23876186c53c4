//! `cargo xtask bench`: measurements that have options of their own.

use std::path::Path;

use anyhow::Result;

use crate::process::{cargo, run};

/// How netcode feels, over simulated lines.
pub(crate) fn netcode(root: &Path, options: &[String]) -> Result<()> {
    let arguments = ["bench", "--quiet", "--package=fracas-benches", "--bench=netcode", "--"];
    run(cargo(root, &arguments).args(options))
}
