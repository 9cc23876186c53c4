//! What a simulation thread writes of its rooms.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fracas_sim::journal::SegmentWriter;
use tracing::{error, info};

use super::folder::{Folder, Listed};
use super::syncing::Syncing;
use super::unfinished::Unfinished;
use crate::metrics::JournalMetrics;

/// A file with so many bytes, or that old, is not written any further.
const FILE_BYTES_FULL: u64 = 8 * 1024 * 1024;
const FILE_TIME_MAX: Duration = Duration::from_hours(1);
/// After so long it is tried again when something could not be written.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The journal of one lane.
///
/// All that is put into it between two writes is written at once. While it cannot be written rooms go on without, and
/// each has to begin with a checkpoint when it can be again.
pub(crate) struct LaneJournal {
    folder: Arc<Folder>,
    lane: u32,
    syncing: Syncing,
    /// Checkpoints of an earlier one are of no use any more.
    generation: u32,
    open: Option<Open>,
    /// When it is tried again to open one.
    retry: Instant,
    /// Whether what was written last could not be.
    is_failing: bool,
    /// The number of the last file; 0 before the first.
    previous: u64,
    /// In which file each room has its last checkpoint.
    begun: BTreeMap<u64, u64>,
    /// Parts of what earlier processes left that are written next.
    unfinished: Vec<Unfinished>,
    buffers: LogBuffers,
    metrics: JournalMetrics,
}

/// Memory for what a room is to write: the same for all rooms of a lane, so that it stays in the processor's caches.
#[derive(Default)]
pub(crate) struct LogBuffers {
    /// What is put into the journal.
    pub(crate) entries: Vec<u8>,
    /// What the match has written, and what its host, before they are entries.
    pub(crate) state: Vec<u8>,
    pub(crate) host: Vec<u8>,
}

/// The file that is written.
struct Open {
    writer: SegmentWriter,
    listed: Listed,
    file: Arc<File>,
    since: Instant,
}

impl LaneJournal {
    pub(super) fn new(folder: Arc<Folder>, lane: u32, syncing: Syncing, metrics: JournalMetrics) -> Self {
        let mut journal = Self {
            folder,
            lane,
            syncing,
            generation: 0,
            open: None,
            retry: Instant::now(),
            is_failing: false,
            previous: 0,
            begun: BTreeMap::new(),
            unfinished: Vec::new(),
            buffers: LogBuffers::default(),
            metrics,
        };
        journal.open();
        journal
    }

    /// Rooms whose last checkpoint was put when this was another number have to begin with one; none while nothing can
    /// be written.
    pub(crate) fn generation(&self) -> Option<u32> {
        self.open.as_ref().map(|_| self.generation)
    }

    /// The file that is being written.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.open.as_ref().map(|open| open.listed.path.as_path())
    }

    /// Memory for what a room is to write, with no entries in it. It is to be given back by
    /// [`LaneJournal::put_back`]; what became of it when the rules do not come back, or panic, does not matter.
    pub(crate) fn take_buffers(&mut self) -> LogBuffers {
        let mut buffers = std::mem::take(&mut self.buffers);
        buffers.entries.clear();
        buffers
    }

    pub(crate) fn put_back(&mut self, buffers: LogBuffers) {
        self.buffers = buffers;
    }

    /// Adds what became of a room to what is written next. With a checkpoint in it the room can be gone on with from
    /// there.
    pub(crate) fn put(&mut self, room: u64, entries: &[u8], has_checkpoint: bool) {
        let Some(open) = &mut self.open else { return };
        open.writer.put_made(entries);
        if has_checkpoint {
            self.begun.insert(room, open.listed.number);
        }
    }

    /// When what was put is written, this part of what earlier processes left is settled.
    pub(crate) fn settle(&mut self, part: Unfinished) {
        if self.open.is_some() {
            self.unfinished.push(part);
        }
    }

    /// Takes note that a room is not to be gone on with: its end must have been put.
    pub(crate) fn forget(&mut self, room: u64) {
        self.begun.remove(&room);
    }

    /// Writes what was put since the last time, by one call to the system.
    pub(crate) fn write(&mut self) {
        if self.open.is_none() && Instant::now() >= self.retry {
            self.open();
        }
        let Some(open) = &mut self.open else { return };
        let bytes = open.writer.bytes();
        if bytes.is_empty() {
            return;
        }
        let count = bytes.len() as u64;
        // One that is cut short leaves what a process leaves that is killed.
        let written = (&*open.file).write_all(bytes).and_then(|()| self.syncing.wrote(&open.file));
        if let Err(error) = written {
            return self.fail(&error);
        }
        open.writer.clear();
        open.listed.bytes += count;
        self.metrics.bytes.inc_by(count);
        self.unfinished.drain(..).for_each(Unfinished::settle);
        if std::mem::take(&mut self.is_failing) {
            self.metrics.failing.dec();
            info!(lane = self.lane, "the journal is written again");
        }
        if open.listed.bytes >= FILE_BYTES_FULL || open.since.elapsed() >= FILE_TIME_MAX {
            self.close();
            self.open();
        }
    }

    /// Goes on in a new file.
    fn open(&mut self) {
        let opened =
            self.folder.create(self.lane, self.previous, self.needed()).and_then(|(head, listed, file)| {
                let file = Arc::new(file);
                self.syncing.begin(&file, &self.folder)?;
                self.previous = head.number;
                Ok(Open { writer: SegmentWriter::new(head), listed, file, since: Instant::now() })
            });
        match opened {
            Ok(open) => self.open = Some(open),
            Err(error) => self.fail(&error),
        }
    }

    fn close(&mut self) {
        let Some(Open { listed, .. }) = self.open.take() else { return };
        if listed.bytes == 0 {
            // Nothing was written to it. What cannot be removed now is found at the next start.
            let _ = fs::remove_file(&listed.path);
            return;
        }
        self.folder.close(self.lane, listed, self.needed().unwrap_or(u64::MAX));
    }

    /// The oldest file in which a room was begun that has not begun anew in another one.
    fn needed(&self) -> Option<u64> {
        self.begun.values().min().copied()
    }

    /// Goes on without.
    fn fail(&mut self, error: &io::Error) {
        self.metrics.failures.inc();
        self.generation += 1;
        self.unfinished.clear();
        self.close();
        self.retry = Instant::now() + RETRY_AFTER;
        if !std::mem::replace(&mut self.is_failing, true) {
            self.metrics.failing.inc();
            error!(
                %error,
                lane = self.lane,
                "the journal cannot be written: matches go on, and would be lost if the server ended now"
            );
        }
    }
}

impl Drop for LaneJournal {
    fn drop(&mut self) {
        if self.is_failing {
            self.metrics.failing.dec();
        }
    }
}
