//! Where it runs, and where its figures go: what all measurements have in common.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use fracas_benches::Interrupt;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use tempfile::TempDir;

use crate::report::{self, Report};

/// What `--help` says below.
pub(crate) const EXIT_CODES: &str = "\
Exit code: 0 when all bounds are held, 1 otherwise; which, is said under the table. The server runs on a core of its own
and all clients on another: both should have nothing else to do.";

/// Cores and files.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The core of the server.
    #[arg(long, default_value_t = 0)]
    pub(crate) server_core: usize,
    /// The core of the clients.
    #[arg(long, default_value_t = 1)]
    pub(crate) client_core: usize,
    /// Write the figures to this file, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// A measurement that has begun.
pub(crate) struct Place {
    pub(crate) options: Options,
    pub(crate) interrupt: Interrupt,
    /// For what is written on the way; gone at the end.
    pub(crate) folder: TempDir,
}

impl Place {
    /// Takes its core, with all threads to come, and as many files as the system gives.
    pub(crate) fn take(options: &Options) -> Result<Self> {
        let Options { server_core, client_core, .. } = options;
        ensure!(server_core != client_core, "server and clients need a core of their own each");
        let mut only = CpuSet::new();
        only.set(*client_core);
        sched_setaffinity(None, &only)?;
        let files = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files })?;
        Ok(Self { options: options.clone(), interrupt: Interrupt::listen()?, folder: TempDir::new()? })
    }

    /// Tells what was found; whether all is held.
    pub(crate) fn tell(&self, reports: &[Report]) -> Result<bool> {
        for report in reports {
            println!("{}", report.table());
        }
        self.write(reports)
    }

    /// The same, without the tables.
    pub(crate) fn write(&self, reports: &[Report]) -> Result<bool> {
        if let Some(file) = &self.options.json {
            report::write(reports, file)?;
        }
        Ok(reports.iter().all(|report| report.broken().next().is_none()))
    }
}
