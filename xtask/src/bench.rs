//! `cargo xtask bench`: what is measured, and by which program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use cargo_metadata::MetadataCommand;

use crate::process::{cargo, run};

/// Prints what there is to be measured: the commands below `bench`, each with its first line.
pub(crate) fn list(bench: &clap::Command) {
    let commands = bench.get_subcommands().filter(|command| !["help", "list"].contains(&command.get_name()));
    for command in commands {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        println!("cargo xtask bench {:12}{about}", command.get_name());
    }
    println!(
        "\nSome of them have options: see `--help` behind their names. Figures that were taken are in benches/RESULTS.md."
    );
}

/// A benchmark of the package that cargo knows as such.
pub(crate) fn of_cargo(root: &Path, name: &str, options: &[String]) -> Result<()> {
    let bench = format!("--bench={name}");
    run(cargo(root, &["bench", "--quiet", "--package=fracas-benches", &bench, "--"]).args(options))
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
pub(crate) fn build(root: &Path, programs: &[(&str, &str)]) -> Result<()> {
    let wanted = programs
        .iter()
        .flat_map(|(package, program)| [format!("--package={package}"), format!("--bin={program}")]);
    run(cargo(root, &["build", "--release"]).args(wanted))
}

/// Where a program is that was built for release.
pub(crate) fn program(root: &Path, name: &str) -> Result<PathBuf> {
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    Ok(metadata.target_directory.join("release").join(name).into())
}
