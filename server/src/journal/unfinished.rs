//! What earlier processes left, until all of it is in the files of this one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tracing::{info, warn};

use super::Folder;

/// A part of what earlier processes left. When the last one is settled, their files are done with; one that never is keeps
/// them.
#[derive(Debug)]
pub(crate) struct Unfinished(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    folder: Arc<Folder>,
    left: AtomicUsize,
    /// Whether there ever was more than the first part.
    has_rooms: AtomicBool,
}

impl Unfinished {
    /// The first part.
    pub(super) fn new(folder: Arc<Folder>) -> Self {
        Self(Arc::new(Parts { folder, left: AtomicUsize::new(1), has_rooms: AtomicBool::new(false) }))
    }

    /// Another part.
    pub(crate) fn another(&self) -> Self {
        self.0.left.fetch_add(1, Ordering::Relaxed);
        self.0.has_rooms.store(true, Ordering::Relaxed);
        Self(self.0.clone())
    }

    /// It is in a file of this process now, or nobody will go on with it.
    pub(crate) fn settle(self) {
        if self.0.left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        if self.0.has_rooms.load(Ordering::Relaxed) {
            info!("all matches of earlier servers go on");
        }
        if let Err(error) = self.0.folder.finish() {
            warn!(%error, "the next server will read again what this one has gone on with");
        }
    }
}
