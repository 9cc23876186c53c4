//! `cargo xtask codec`: the state codec on anybody's data.

use std::path::Path;
use std::process::ExitCode;

use crate::process::{cargo, shown};

/// Runs it where the command was given, from where the names of its files are; with its exit code.
pub(crate) fn run(root: &Path, options: &[String]) -> ExitCode {
    let mut command = cargo(root, &["run", "--release", "--quiet", "--manifest-path"]);
    command.arg(root.join("Cargo.toml")).args(["--package=fracas-benches", "--bin=fracas-codec", "--"]);
    command.args(options).current_dir(".");
    eprintln!("$ {}", shown(&command));
    match command.status() {
        // By a signal, or as Windows has them.
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1).into(),
        Err(error) => {
            eprintln!("error: cannot start {}: {error}", shown(&command));
            ExitCode::FAILURE
        }
    }
}
