//! `cargo xtask bench`: measurements that have options of their own.

use std::path::{Path, PathBuf};
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
    build(root, &[("fracas-bots", "fracas-bots"), ("fracas-benches", "fracas-bots-bench")])?;
    run(Command::new(program(root, "fracas-bots-bench")?).arg(name).args(options))
}

/// What an update costs, beside the least that it could.
pub(crate) fn floor(root: &Path, options: &[String]) -> Result<()> {
    // The server by itself, so that it is the one that `cargo run --release` starts: together with others it would be
    // built with their features, too.
    build(root, &[("fracas-server", "fracas-server")])?;
    build(root, &[("fracas-bots", "fracas-bots"), ("fracas-benches", "fracas-floor-bench")])?;
    run(Command::new(program(root, "fracas-floor-bench")?).arg("run").args(options))
}

/// What the server carries, and how well: a command of `fracas-load-bench`.
pub(crate) fn load(root: &Path, name: &str, options: &[String]) -> Result<()> {
    build(root, &[("fracas-server", "fracas-server")])?;
    build(root, &[("fracas-bots", "fracas-bots"), ("fracas-benches", "fracas-load-bench")])?;
    run(Command::new(program(root, "fracas-load-bench")?).arg(name).args(options))
}

/// Builds programs of these packages for release.
fn build(root: &Path, programs: &[(&str, &str)]) -> Result<()> {
    let wanted = programs
        .iter()
        .flat_map(|(package, program)| [format!("--package={package}"), format!("--bin={program}")]);
    run(cargo(root, &["build", "--release"]).args(wanted))
}

/// Where a program is that was built for release.
fn program(root: &Path, name: &str) -> Result<PathBuf> {
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    Ok(metadata.target_directory.join("release").join(name).into())
}
