//! `cargo xtask attack` and `cargo xtask soak slow-readers` and `restarts`: builds what is attacked and what attacks.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;

use crate::process::{self, cargo, shown};

/// Builds as users do, and runs one of the commands of `fracas-attack`.
pub(crate) fn run(root: &Path, name: &str, options: &[String]) -> Result<()> {
    let packages = ["--package=fracas-server", "--package=fracas-bots", "--package=fracas-attack"];
    process::run(cargo(root, &["build", "--release"]).args(packages))?;
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec()?;
    let program = metadata.target_directory.join("release/fracas-attack");
    let mut command = Command::new(program);
    command.arg(name).args(options);
    println!("$ {}", shown(&command));
    let status = command.status().with_context(|| format!("cannot start {}", shown(&command)))?;
    if !status.success() {
        bail!("the server did not hold: see above");
    }
    Ok(())
}
