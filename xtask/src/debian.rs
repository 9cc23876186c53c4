//! Debian's packages, where installing them needs nobody's leave.

use std::process::Command;

use anyhow::Result;

use crate::process::{run, starts};

/// Whether this is a Debian, or something like it, and we are root.
pub(crate) fn may_install() -> bool {
    is_root() && starts("apt-get")
}

/// Installs packages.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    run(Command::new("apt-get").arg("update"))?;
    let mut command = Command::new("apt-get");
    command.args(["install", "-y", "--no-install-recommends"]).args(packages);
    run(command.env("DEBIAN_FRONTEND", "noninteractive"))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
