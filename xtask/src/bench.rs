//! `cargo xtask bench`: measurements that have options of their own.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use cargo_metadata::MetadataCommand;

use crate::process::{cargo, run};

/// How netcode feels, over simulated lines.
pub(crate) fn netcode(root: &Path, options: &[String]) -> Result<()> {
    let arguments = ["bench", "--quiet", "--package=fracas-benches", "--bench=netcode", "--"];
    run(cargo(root, &arguments).args(options))
}

/// What the load tester costs, or whether what it reports is so: a command of `fracas-bots-bench`.
pub(crate) fn bots(root: &Path, name: &str, options: &[String]) -> Result<()> {
    let packages = ["--package=fracas-bots", "--package=fracas-benches"];
    let programs = ["--bin=fracas-bots", "--bin=fracas-bots-bench"];
    run(cargo(root, &["build", "--release"]).args(packages).args(programs))?;
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    let program = metadata.target_directory.join("release/fracas-bots-bench");
    run(Command::new(program).arg(name).args(options))
}
