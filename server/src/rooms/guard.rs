//! Calls of rules, which may panic.

use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};

use fracas_sim::Match;
use tracing::error;

/// Does work that calls the rules of a game; the error is what a panic in them said. What the work
/// was done on is not to be used for the match again.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        let said = said.unwrap_or("(no message)").to_owned();
        // What was thrown may panic in its turn when it is dropped.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            std::mem::forget(again);
        }
        said
    })
}

/// A match of which nothing but itself is lost when its rules panic at its end.
pub(super) struct GuardedMatch(Option<Box<dyn Match>>);

impl GuardedMatch {
    pub(super) fn new(game: Box<dyn Match>) -> Self {
        Self(Some(game))
    }
}

impl Deref for GuardedMatch {
    type Target = dyn Match;

    fn deref(&self) -> &Self::Target {
        self.0.as_deref().expect("it is there until it is dropped")
    }
}

impl DerefMut for GuardedMatch {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0.as_deref_mut().expect("it is there until it is dropped")
    }
}

impl Drop for GuardedMatch {
    fn drop(&mut self) {
        let game = self.0.take();
        if let Err(said) = guarded(|| drop(game)) {
            error!(said, "the game's rules panicked at the end of a match");
        }
    }
}
