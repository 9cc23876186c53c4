//! The journal of a server: what its threads write of their matches, and what another process makes of it.
//!
//! Each simulation thread writes files of its own into one folder, after its ticks and before what they show leaves: so
//! a process that is killed has written all that anybody has seen. What is in a file is told in docs/JOURNAL.md.

mod at_work;
mod downfalls;
mod folder;
mod lane_journal;
mod syncing;
mod unfinished;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use at_work::{AtWork, Before};
pub(crate) use downfalls::Downfalls;
pub use folder::FolderError;
pub(crate) use folder::{Folder, Listed, file_name, list};
pub(crate) use lane_journal::{LaneJournal, LogBuffers};
use syncing::Syncing;
pub(crate) use unfinished::Unfinished;

use crate::config::Config;
use crate::metrics::Metrics;

/// What this build is called in journals.
pub(crate) const BUILD: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));

/// The journal of this process. Clones are the same one.
#[derive(Clone)]
pub struct Journal {
    folder: Arc<Folder>,
    at_work: Option<Arc<AtWork>>,
    /// What the process before was working on last.
    before: Before,
    syncing: Syncing,
    metrics: Metrics,
}

impl Journal {
    /// Takes the folder that the configuration names.
    pub(crate) fn take(config: &Config, metrics: &Metrics) -> Result<Self, FolderError> {
        let limits = folder::Limits {
            bytes: u64::from(config.journal_mb_max) * 1_000_000,
            age: Duration::from_secs(u64::from(config.journal_hours_max) * 3600),
        };
        let folder =
            Arc::new(Folder::take(Path::new(&config.data_dir), super::rooms::random_seed(), limits)?);
        let syncing = Syncing::start(config.journal_sync, &folder, &metrics.journal);
        let (at_work, before) = AtWork::take(&folder);
        Ok(Self { folder, at_work: at_work.map(Arc::new), before, syncing, metrics: metrics.clone() })
    }

    /// The folder, for what earlier processes left in it.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What earlier processes left, in its first part.
    pub(crate) fn unfinished(&self) -> Unfinished {
        Unfinished::new(self.folder.clone())
    }

    /// What the process before was working on when it ended.
    pub(crate) fn before(&self) -> &Before {
        &self.before
    }

    /// Where it is noted which rooms are being worked on.
    pub(crate) fn at_work(&self) -> Option<&Arc<AtWork>> {
        self.at_work.as_ref()
    }

    /// What a lane writes to.
    pub(crate) fn of_lane(&self, lane: usize) -> LaneJournal {
        LaneJournal::new(self.folder.clone(), lane as u32, self.syncing.clone(), self.metrics.journal.clone())
    }
}
