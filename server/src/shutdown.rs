//! How a server is told to stop.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

/// What a shell expects of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// The one handle that tells all parts of a server to stop. Clones are the same handle.
///
/// Stopping is begun once and never taken back. Whoever owns the server makes the handle: the
/// binary with [`Shutdown::on_signals`], a test or a program that embeds the server with
/// [`Shutdown::new`].
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// A handle that only [`Shutdown::begin`] triggers.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// A handle that SIGINT and SIGTERM trigger. A second signal ends the process at once, with
    /// code 130.
    ///
    /// # Errors
    /// The signals cannot be listened for.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::new();
        let mut signals = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        let begun = shutdown.clone();
        tokio::spawn(async move {
            any(&mut signals).await;
            info!("stopping; once more to stop at once");
            begun.begin();
            any(&mut signals).await;
            info!("stopped at once");
            std::process::exit(INTERRUPTED);
        });
        Ok(shutdown)
    }

    /// Begins to stop; nothing if it is begun.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether stopping is begun.
    pub fn is_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until stopping is begun. Safe to cancel.
    pub async fn wait(&self) {
        // It cannot fail: this handle is a sender, so there is always one.
        let _ = self.0.subscribe().wait_for(|is_begun| *is_begun).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

async fn any([interrupt, terminate]: &mut [Signal; 2]) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
