//! When what was written is brought to the disk itself: a journal then outlives a power loss, too.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tracing::error;

use super::Folder;
use crate::config::JournalSync;
use crate::metrics::JournalMetrics;

/// How much a power loss may cost in the mode of that name.
const INTERVAL: Duration = Duration::from_millis(100);

/// Who brings it there.
#[derive(Clone, Debug)]
pub(super) enum Syncing {
    /// The system, when it likes.
    Never,
    /// A thread of its own, every [`INTERVAL`]: it is told of each file that is written.
    Soon(Sender<Arc<File>>),
    /// Who writes it, before anybody sees what it is about.
    AtOnce,
}

impl Syncing {
    pub(super) fn start(mode: JournalSync, folder: &Arc<Folder>, metrics: &JournalMetrics) -> Self {
        match mode {
            JournalSync::Off => Self::Never,
            JournalSync::EachTick => Self::AtOnce,
            JournalSync::Often => {
                let (new, files) = mpsc::channel();
                let (folder, metrics) = (folder.clone(), metrics.clone());
                let work = move || keep_syncing(&files, &folder, &metrics);
                match thread::Builder::new().name("journal".into()).spawn(work) {
                    Ok(_) => Self::Soon(new),
                    Err(error) => {
                        error!(%error, "there is no thread for the journal: each tick brings its own to the disk");
                        Self::AtOnce
                    }
                }
            }
        }
    }

    /// A file is going to be written.
    pub(super) fn begin(&self, file: &Arc<File>, folder: &Folder) -> io::Result<()> {
        match self {
            Self::Never => Ok(()),
            // Only a thread that has panicked takes none.
            Self::Soon(new) => {
                new.send(file.clone()).map_err(|_| io::Error::other("no thread brings it to the disk"))
            }
            Self::AtOnce => folder.sync(),
        }
    }

    /// A file was written.
    pub(super) fn wrote(&self, file: &File) -> io::Result<()> {
        match self {
            Self::Never | Self::Soon(_) => Ok(()),
            Self::AtOnce => file.sync_data(),
        }
    }
}

/// Until nobody writes any more.
fn keep_syncing(new: &Receiver<Arc<File>>, folder: &Folder, metrics: &JournalMetrics) {
    let mut files: Vec<Arc<File>> = Vec::new();
    let (mut next, mut is_over) = (Instant::now() + INTERVAL, false);
    while !is_over {
        let mut are_new = false;
        loop {
            match new.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(file) => {
                    files.push(file);
                    are_new = true;
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    is_over = true;
                    break;
                }
            }
        }
        // Who has this alone is not written to any more: this is the last time.
        let are_written: Vec<_> = files.iter().map(|file| Arc::strong_count(file) > 1).collect();
        let named = if are_new { folder.sync() } else { Ok(()) };
        let synced = files.iter().map(|file| file.sync_data()).chain([named]);
        if let Some(error) = synced.filter_map(Result::err).last() {
            metrics.failures.inc();
            error!(%error, "the journal does not get to the disk: a power loss may cost more than was set");
        }
        let mut are_written = are_written.into_iter();
        files.retain(|_| are_written.next().unwrap_or(true));
        next = Instant::now() + INTERVAL;
    }
}
