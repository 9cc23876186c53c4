//! Which room each simulation thread is working on, where the next process reads it when this one is gone.
//!
//! The notes are memory that is a file's, too: they are there whatever ends the process, and cost it a store each. A match
//! that takes its process down is known by them.

#![expect(unsafe_code, reason = "memory that is a file's, too, and what is done in an abort")]

use std::collections::BTreeSet;
use std::ffi::{c_int, c_void};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use tracing::warn;

use super::Folder;
use crate::config::SIM_THREADS_MAX;

const FILE: &str = "at-work";
/// How the process is, and then of each thread the room that it works on.
const WORDS: usize = 1 + SIM_THREADS_MAX;
const BYTES: usize = WORDS * size_of::<u64>();

/// How a process is.
const RECOVERING: u64 = 1;
const SERVING: u64 = 2;
/// It ends by itself: a stack that is full, a panic in a panic, memory that is not to be had.
const ABORTED: u64 = 3;

/// The first word of the notes of this process, for the abort's handler.
static STATE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

/// The notes of this process.
#[derive(Debug)]
pub(crate) struct AtWork(NonNull<AtomicU64>);

// SAFETY: it points to words that are changed as atomics alone, and that stay where they are until it is dropped.
unsafe impl Send for AtWork {}
// SAFETY: as above.
unsafe impl Sync for AtWork {}

/// What the process before noted last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Before {
    /// The rooms that it was working on.
    pub(crate) rooms: BTreeSet<u64>,
    /// Whether that is why it ended: it aborted, or had nothing else to do.
    pub(crate) is_certain: bool,
}

impl AtWork {
    /// Begins to note, and gives what was noted before; no notes when the file cannot be had.
    pub(super) fn take(folder: &Folder) -> (Option<Self>, Before) {
        let path = folder.path_of(FILE);
        let before = fs::read(&path).map(|bytes| Before::read(&bytes)).unwrap_or_default();
        let taken = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        match taken.and_then(Self::map) {
            Ok(at_work) => {
                at_work.words()[0].store(RECOVERING, Ordering::Relaxed);
                at_work.note_aborts();
                (Some(at_work), before)
            }
            Err(error) => {
                warn!(%error, path = %path.display(), "a match that takes the server down will not be known by it");
                (None, before)
            }
        }
    }

    /// Maps the file, which has zeros then. They are written first: memory without a place on a full disk is no memory, and
    /// who touches it is ended by the system.
    fn map(mut file: File) -> io::Result<Self> {
        file.write_all(&[0; BYTES])?;
        // SAFETY: a new mapping, at a place that the kernel chooses, which is nobody else's.
        let words = unsafe {
            mmap(ptr::null_mut(), BYTES, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, &file, 0)?
        };
        NonNull::new(words.cast()).map(Self).ok_or_else(|| io::Error::other("no place"))
    }

    fn words(&self) -> &[AtomicU64; WORDS] {
        // SAFETY: so many words were mapped, at the begin of a page, with zeros or what was in the file: every value is one.
        unsafe { self.0.cast().as_ref() }
    }

    /// This thread begins to work on the room, or on none with 0.
    pub(crate) fn set(&self, thread: usize, room: u64) {
        if let Some(word) = self.words().get(1 + thread) {
            word.store(room, Ordering::Relaxed);
        }
    }

    /// All has been gone on with.
    pub(crate) fn serve(&self) {
        self.words()[0].store(SERVING, Ordering::Relaxed);
    }

    fn note_aborts(&self) {
        STATE.store(self.0.as_ptr(), Ordering::Release);
        // SAFETY: the handler does what a handler may: it stores a word, and lets the system do what it does.
        unsafe { libc::signal(libc::SIGABRT, on_abort as *const () as libc::sighandler_t) };
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        // A later one may have taken its place.
        let _ = STATE.compare_exchange(self.0.as_ptr(), ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed);
        // SAFETY: mapped by `map`, and nobody has a reference to it any more.
        let _ = unsafe { munmap(self.0.as_ptr().cast::<c_void>(), BYTES) };
    }
}

extern "C" fn on_abort(signal: c_int) {
    let state = STATE.load(Ordering::Acquire);
    if !state.is_null() {
        // SAFETY: there is one for as long as it is not null.
        unsafe { (*state).store(ABORTED, Ordering::Relaxed) };
    }
    // SAFETY: both may be called in a handler. The signal comes again when this returns, and ends the process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

impl Before {
    fn read(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks();
        let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
        let state = words.next();
        let rooms = words.take(SIM_THREADS_MAX).filter(|room| *room != 0).collect();
        Self { rooms, is_certain: matches!(state, Some(RECOVERING | ABORTED)) }
    }
}
