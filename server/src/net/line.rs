//! How the bytes of a client fare, for those above HTTP who do not see its stream.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// The line of one connection. Who has an interest in how it fares says so once.
#[derive(Debug, Default)]
pub(crate) struct Line(OnceLock<Arc<Progress>>);

impl Line {
    /// Tells of this line from now on; false when somebody else is told already.
    pub(crate) fn tell(&self, progress: Arc<Progress>) -> bool {
        self.0.set(progress).is_ok()
    }

    pub(crate) fn told(&self) -> Option<&Progress> {
        self.0.get().map(AsRef::as_ref)
    }
}

/// A line, at its end: whoever is told of it is told that it is over when this is dropped.
#[derive(Debug)]
pub(crate) struct LineEnd(Arc<Line>);

impl LineEnd {
    pub(crate) fn of(line: Arc<Line>) -> Self {
        Self(line)
    }

    pub(crate) fn told(&self) -> Option<&Progress> {
        self.0.told()
    }
}

impl Drop for LineEnd {
    fn drop(&mut self) {
        if let Some(progress) = self.told() {
            progress.is_over.store(true, Ordering::Release);
            progress.end.wake();
        }
    }
}

/// How far the bytes of one client have come, over one line after the other.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    written: AtomicU64,
    received: AtomicU64,
    writer: AtomicWaker,
    is_cut: AtomicBool,
    /// The reader of the line.
    reader: AtomicWaker,
    cut: Notify,
    is_over: AtomicBool,
    /// Whoever waits for the end of the line.
    end: AtomicWaker,
}

impl Progress {
    /// Bytes that the kernel has taken.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Whether so many bytes have been written in all. `waker` is called when more are.
    pub(crate) fn has_written(&self, bytes: u64, waker: &Waker) -> bool {
        self.writer.register(waker);
        self.written() >= bytes
    }

    pub(crate) fn note_written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::AcqRel);
        self.writer.wake();
    }

    pub(crate) fn note_received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes received since this was last asked.
    pub(crate) fn take_received(&self) -> u64 {
        self.received.swap(0, Ordering::Relaxed)
    }

    /// Whether the line has ended. `waker` is called when it does.
    pub(crate) fn is_over(&self, waker: &Waker) -> bool {
        self.end.register(waker);
        self.is_over.load(Ordering::Acquire)
    }

    /// Ends the line: nothing more is read from it.
    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
        self.reader.wake();
        self.cut.notify_waiters();
        self.cut.notify_one();
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    /// The same for the reader of the line, whose waker is called when it is cut.
    pub(crate) fn is_cut_for(&self, reader: &Waker) -> bool {
        self.reader.register(reader);
        self.is_cut()
    }

    /// Waits until the line is cut.
    pub(crate) async fn until_cut(&self) {
        let cut = self.cut.notified();
        if !self.is_cut() {
            cut.await;
        }
    }
}
