//! Calls of rules, which may panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fracas_sim::Panic;

/// Does work that calls the rules of a game; the error is what a panic in them said. What the work
/// was done on is not to be used for the match again.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(said)
}

/// What a panic said.
pub(super) fn said(panic: Panic) -> String {
    let said =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let said = said.unwrap_or("(no message)").to_owned();
    // What was thrown may panic in its turn when it is dropped.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    said
}
