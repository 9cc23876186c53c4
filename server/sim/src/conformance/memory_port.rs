//! A port in memory, with a model of a slow line.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use fracas_shared::{CloseCode, Rng, Tick};

use crate::port::{Closer, Held, Port, StateMessages};

/// A [`Port`] in memory. A clone is the other end of the same line: the test's.
///
/// Messages wait in order. Of states, one is being written and one waits; what waits is replaced by
/// what is newer, as in a mailbox of the net.
#[derive(Clone, Debug, Default)]
pub struct MemoryPort(Arc<Mutex<Line>>);

#[derive(Debug, Default)]
struct Line {
    messages: Vec<Bytes>,
    waiting: Option<StateMessages>,
    /// Begun, and not yet arrived.
    writing: Option<StateMessages>,
    begun: Option<Tick>,
    begins_before_put: bool,
    close_code: Option<CloseCode>,
}

/// What reached the other end.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// A reliable message.
    Message(Bytes),
    /// A state.
    State(StateMessages),
}

/// How a line keeps a viewer waiting: the chances of what happens to it at each tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lag {
    /// Everything put so far arrives.
    pub flush: f32,
    /// Otherwise: the writing of the state that waits begins, and it does not arrive yet.
    pub begin: f32,
    /// The writing begins in the middle of the room's next tick, after the room has asked what the
    /// viewer holds.
    pub begin_late: f32,
}

impl Lag {
    /// Everything arrives at once.
    pub const NONE: Self = Self { flush: 1.0, begin: 0.0, begin_late: 0.0 };
    /// A few ticks' pause now and then.
    pub const STALLS: Self = Self { flush: 0.3, begin: 0.2, begin_late: 0.2 };
    /// Pauses longer than a baseline lives.
    pub const OUTAGES: Self = Self { flush: 0.01, begin: 0.02, begin_late: 0.01 };
}

impl MemoryPort {
    /// A line on which nothing has been put.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a tick pass on a line with this lag, and gives what arrives.
    pub fn pass(&self, lag: Lag, rng: &mut Rng) -> Vec<Arrival> {
        if rng.chance(lag.flush) {
            return self.flush();
        }
        if rng.chance(lag.begin) {
            self.begin();
        }
        if rng.chance(lag.begin_late) {
            self.begin_before_put();
        }
        Vec::new()
    }

    /// Everything put so far arrives.
    pub fn flush(&self) -> Vec<Arrival> {
        let mut line = self.line();
        let first = line.writing.take();
        let messages = std::mem::take(&mut line.messages);
        line.begin();
        let last = line.writing.take();
        let first = first.into_iter().map(Arrival::State);
        first.chain(messages.into_iter().map(Arrival::Message)).chain(last.map(Arrival::State)).collect()
    }

    /// Begins to write the state that waits, unless another is being written.
    pub fn begin(&self) {
        self.line().begin();
    }

    /// Does so right before the next state is put, as a net on another thread may.
    pub fn begin_before_put(&self) {
        self.line().begins_before_put = true;
    }

    /// With what the room ended the connection, if it did.
    pub fn close_code(&self) -> Option<CloseCode> {
        self.line().close_code
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn begin(&mut self) {
        if self.writing.is_none() && self.waiting.is_some() {
            self.writing = self.waiting.take();
            self.begun = self.writing.as_ref().map(|state| state.tick);
        }
    }
}

impl Port for MemoryPort {
    fn held(&self) -> Held {
        let line = self.line();
        Held { begun: line.begun, waiting: line.waiting.as_ref().map(|state| state.tick) }
    }

    fn put_state(&mut self, state: StateMessages) -> bool {
        let mut line = self.line();
        if std::mem::take(&mut line.begins_before_put) {
            line.begin();
        }
        let is_good = state.baseline.is_none() || state.baseline == line.begun;
        if is_good {
            line.waiting = Some(state);
        }
        is_good
    }

    fn send(&mut self, message: Bytes) {
        self.line().messages.push(message);
    }

    fn close(&mut self, code: CloseCode) {
        self.line().close_code = Some(code);
    }

    fn is_open(&self) -> bool {
        self.line().close_code.is_none()
    }

    fn closer(&self) -> Closer {
        let port = self.clone();
        Box::new(move |code| port.line().close_code = Some(code))
    }
}
