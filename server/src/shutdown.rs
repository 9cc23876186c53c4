//! How a server is told to stop, or to let those who play play on before it does.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
pub struct Shutdown(Arc<watch::Sender<Stage>>);

/// How far a server is on the way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Everyone is welcome.
    Serving,
    /// Those who play may play on for so long since then: as long as the configuration says if nothing was.
    Draining { asked: Instant, within: Option<Duration> },
    /// It stops.
    Stopping,
}

impl Shutdown {
    /// A handle that only [`Shutdown::begin`] and [`Shutdown::drain`] trigger.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Stage::Serving)))
    }

    /// A handle that SIGINT and SIGTERM trigger. A second signal ends the process at once, with
    /// code 130. SIGUSR1 drains the server.
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
        let mut wish = signal(SignalKind::user_defined1())?;
        let drained = shutdown.clone();
        tokio::spawn(async move {
            while wish.recv().await.is_some() {
                drained.drain(None);
            }
        });
        Ok(shutdown)
    }

    /// Lets nobody new in, and stops the server when nobody has a seat any more, or after this time; none for as long as the
    /// configuration says. Asked again, it is this time from then on; nothing once stopping is begun.
    pub fn drain(&self, within: Option<Duration>) {
        self.0.send_if_modified(|stage| {
            let is_in_time = *stage != Stage::Stopping;
            if is_in_time {
                *stage = Stage::Draining { asked: Instant::now(), within };
            }
            is_in_time
        });
    }

    /// How far it is, by now and from now on.
    pub(crate) fn stages(&self) -> watch::Receiver<Stage> {
        self.0.subscribe()
    }

    /// Begins to stop; nothing if it is begun.
    pub fn begin(&self) {
        self.0.send_replace(Stage::Stopping);
    }

    /// Whether stopping is begun.
    pub fn is_begun(&self) -> bool {
        *self.0.borrow() == Stage::Stopping
    }

    /// Waits until stopping is begun. Safe to cancel.
    pub async fn wait(&self) {
        // It cannot fail: this handle is a sender, so there is always one.
        let _ = self.0.subscribe().wait_for(|stage| *stage == Stage::Stopping).await;
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
