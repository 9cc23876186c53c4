//! The servers that are compared.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;
use fracas_benches::ServerProcess;
use fracas_benches::process::{empty_folder, sibling};

/// One of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// One read and one write for each client and tick: the control.
    Skeleton,
    /// The same with all reads submitted at once, and then all writes.
    IoUring,
    /// tokio-tungstenite, a task and a channel for each client.
    Naive,
    /// `fracas-server` as it is.
    Product,
}

impl Kind {
    /// All of them, the control first.
    pub(crate) const ALL: [Self; 4] = [Self::Skeleton, Self::IoUring, Self::Naive, Self::Product];

    /// Its name in tables and in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Skeleton => "skeleton",
            Self::IoUring => "io_uring",
            Self::Naive => "naive",
            Self::Product => "product",
        }
    }

    /// Whether there is no comparison without it.
    pub(crate) fn is_needed(self) -> bool {
        matches!(self, Self::Skeleton | Self::Product)
    }

    /// Whether it says in its last line what it has done.
    pub(crate) fn counts(self) -> bool {
        matches!(self, Self::Skeleton | Self::IoUring)
    }

    /// Starts it on this core. What the product logs goes to a file in this folder.
    pub(crate) fn start(self, tape: &Path, core: usize, folder: &Path) -> Result<ServerProcess> {
        if self == Self::Product {
            return start_product(core, folder);
        }
        let mut command = Command::new(std::env::current_exe()?);
        match self {
            Self::IoUring => command.args(["skeleton", "--io-uring"]),
            Self::Naive => command.arg("naive"),
            Self::Skeleton | Self::Product => command.arg("skeleton"),
        };
        ServerProcess::start(command.arg("--tape").arg(tape), core)
    }
}

/// All as `cargo run --release` has it, but on a port that is free.
fn start_product(core: usize, folder: &Path) -> Result<ServerProcess> {
    let log = folder.join("product.log");
    let mut command = Command::new(sibling("fracas-server")?);
    command.args(["--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]).stderr(File::create(&log)?);
    command.arg("--data-dir").arg(empty_folder(folder, "product-data")?);
    let logged = || fs::read_to_string(&log).unwrap_or_default();
    ServerProcess::start(&mut command, core).with_context(|| format!("the product says: {}", logged()))
}
