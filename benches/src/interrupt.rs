//! Somebody who wants it to end.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

/// Listens for Ctrl-C and for SIGTERM, so that the processes that were started are ended, too.
pub struct Interrupt {
    told: Receiver<()>,
}

impl Interrupt {
    /// From now on neither of them ends this process by itself.
    pub fn listen() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (telling, told) = mpsc::channel();
        let mut terminate = {
            let _context = runtime.enter();
            signal(SignalKind::terminate()).context("no SIGTERM to be heard")?
        };
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminate.recv() => {}
                }
            });
            let _ = telling.send(());
        });
        Ok(Self { told })
    }

    /// Waits so long; an error when it is to end.
    pub fn pause(&self, length: Duration) -> Result<()> {
        match self.told.recv_timeout(length) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => bail!("stopped"),
        }
    }
}
