//! What was seen, and whether it is as it should be.

/// One MiB.
const MIB: f64 = 1024.0 * 1024.0;

/// Whether all is as it should be, so far.
pub(crate) struct Verdict(bool);

impl Verdict {
    pub(crate) fn new() -> Self {
        Self(true)
    }

    /// Tells what was seen; with `is_fine` it is as it should be.
    pub(crate) fn see(&mut self, what: &str, is_fine: bool) {
        self.0 &= is_fine;
        println!("{} {what}", mark(is_fine));
    }

    pub(crate) fn is_fine(&self) -> bool {
        self.0
    }
}

/// What a line begins with.
fn mark(is_fine: bool) -> &'static str {
    if is_fine { "ok  " } else { "FAIL" }
}

/// Bytes, for people.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / MIB)
}
