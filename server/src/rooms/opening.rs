//! Calls of rules that make a match, each on a thread of its own and under watch.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::losses::Losses;

/// Matches that are made at one time. More wait for their turn.
const OPENINGS_MAX: usize = 16;
/// In so many parts is waited for the rules: time alone would tell of a process that was stopped that
/// its rules hang.
const WAITS: u32 = 8;

/// Where matches are made: not where connections are served, which the rules would hold up.
pub(super) struct Openings {
    places: Semaphore,
    time_max: Duration,
    losses: Losses,
}

/// Why nothing was made.
#[derive(Debug)]
pub(super) enum OpeningError {
    /// The rules do not come back. Their thread is lost.
    Hung,
    /// The system gives no thread.
    NoThread(io::Error),
}

impl Openings {
    /// The rules have so much time for each match.
    pub(super) fn new(time_max: Duration, losses: Losses) -> Self {
        Self { places: Semaphore::new(OPENINGS_MAX), time_max, losses }
    }

    /// Does the work, which must not panic and is done to its end also when nobody waits for it any more.
    /// What it gives must not call the rules when it is dropped.
    pub(super) async fn make<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, OpeningError> {
        // Nobody closes it.
        let _place = self.places.acquire().await;
        let (answer, mut answered) = oneshot::channel();
        let system_thread = Arc::new(OnceLock::new());
        let noted = system_thread.clone();
        let working = thread::Builder::new().name("opening".to_owned()).spawn(move || {
            let _ = noted.set(rustix::thread::gettid());
            let _ = answer.send(work());
        });
        working.map_err(OpeningError::NoThread)?;
        for _ in 0..WAITS {
            match timeout(self.time_max / WAITS, &mut answered).await {
                Ok(Ok(made)) => return Ok(made),
                // Its thread has ended without an answer, and gives none later.
                Ok(Err(_)) => break,
                Err(_) => {}
            }
        }
        self.losses.count(system_thread.get().copied());
        Err(OpeningError::Hung)
    }
}
