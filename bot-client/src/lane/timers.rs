//! When something is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Moments, each with what is due then. A moment that has become needless comes all the same: who is woken
/// looks whether there is something to do.
#[derive(Debug, Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Instant, usize)>>);

impl Timers {
    pub(crate) fn set(&mut self, index: usize, at: Instant) {
        self.0.push(Reverse((at, index)));
    }

    /// The next moment.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// What is due now.
    pub(crate) fn take(&mut self, now: Instant) -> Option<usize> {
        self.next().filter(|at| *at <= now)?;
        self.0.pop().map(|Reverse((_, index))| index)
    }
}
