//! What a client has said and its connection has not yet heard.
//!
//! Handlers of events cannot wait: what comes faster than it is taken ends the connection.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use fracas_shared::CloseCode;
use fracas_shared::limits::{SOCKETIO_INBOX_BYTES_MAX, SOCKETIO_INBOX_MAX};
use futures_util::task::AtomicWaker;

use super::args::Args;
use crate::net::wire::{Broken, Inbound};

/// An event from the client.
#[derive(Debug)]
pub(super) struct Said<A> {
    pub(super) event: String,
    /// None when they are not what an event has.
    pub(super) args: Option<Args>,
    /// By what it is answered.
    pub(super) ack: Option<A>,
    /// About how many bytes it takes.
    pub(super) bytes: usize,
}

/// The events of one client, in their order.
#[derive(Debug)]
pub(super) struct Inbox<A> {
    state: Mutex<State<A>>,
    /// Whoever takes events out, or waits for the client to be connected.
    taker: AtomicWaker,
}

#[derive(Debug)]
struct State<A> {
    said: VecDeque<Said<A>>,
    bytes: usize,
    is_connected: bool,
    end: Option<End>,
}

/// How it came that nothing more is said.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// The client said goodbye.
    Goodbye,
    /// The session is over, for this reason and with this code.
    Lost(&'static str, Option<CloseCode>),
    /// More came than is taken.
    Flooded,
}

/// What is taken out.
pub(super) enum Taken<A> {
    Said(Said<A>),
    End(Result<Inbound, Broken>),
}

impl<A> Default for Inbox<A> {
    fn default() -> Self {
        let state = State { said: VecDeque::new(), bytes: 0, is_connected: false, end: None };
        Self { state: Mutex::new(state), taker: AtomicWaker::new() }
    }
}

impl<A> Inbox<A> {
    pub(super) fn put(&self, said: Said<A>) {
        {
            let mut state = self.lock();
            if state.end.is_some() {
                return;
            }
            state.bytes += said.bytes;
            state.said.push_back(said);
            if state.said.len() > SOCKETIO_INBOX_MAX || state.bytes > SOCKETIO_INBOX_BYTES_MAX {
                state.said.clear();
                state.end = Some(End::Flooded);
            }
        }
        self.taker.wake();
    }

    /// The client is connected: it may be told something.
    pub(super) fn connect(&self) {
        self.lock().is_connected = true;
        self.taker.wake();
    }

    /// Nothing more comes; the first reason given counts.
    pub(super) fn end(&self, end: End) {
        self.lock().end.get_or_insert(end);
        self.taker.wake();
    }

    pub(super) fn is_connected(&self, waker: &Waker) -> bool {
        self.taker.register(waker);
        self.lock().is_connected
    }

    /// Whether the client can be told nothing any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.lock().end, Some(End::Goodbye | End::Lost(..)))
    }

    pub(super) fn poll(&self, waker: &Waker) -> Poll<Taken<A>> {
        self.taker.register(waker);
        let mut state = self.lock();
        if let Some(said) = state.said.pop_front() {
            state.bytes -= said.bytes;
            return Poll::Ready(Taken::Said(said));
        }
        match &state.end {
            None => Poll::Pending,
            Some(End::Goodbye) => {
                Poll::Ready(Taken::End(Ok(Inbound::Close(Some(CloseCode::Normal.number())))))
            }
            Some(End::Lost(error, code)) => {
                Poll::Ready(Taken::End(Err(Broken { code: *code, error: Some((*error).into()) })))
            }
            Some(End::Flooded) => Poll::Ready(Taken::End(Err(Broken {
                code: Some(CloseCode::TooFast),
                error: Some("more came than is taken".into()),
            }))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<A>> {
        // Nothing under the lock can leave it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(bytes: usize) -> Said<()> {
        Said { event: "input".into(), args: None, ack: None, bytes }
    }

    fn code_of(inbox: &Inbox<()>) -> Option<CloseCode> {
        match inbox.poll(Waker::noop()) {
            Poll::Ready(Taken::End(Err(broken))) => broken.code,
            _ => None,
        }
    }

    #[test]
    fn what_comes_faster_than_it_is_taken_ends_the_connection() {
        let inbox = Inbox::default();
        for _ in 0..SOCKETIO_INBOX_MAX {
            inbox.put(said(1));
        }
        assert!(matches!(inbox.poll(Waker::noop()), Poll::Ready(Taken::Said(_))));
        inbox.put(said(1));
        inbox.put(said(1));
        assert_eq!(code_of(&inbox), Some(CloseCode::TooFast));

        let inbox = Inbox::default();
        inbox.put(said(SOCKETIO_INBOX_BYTES_MAX + 1));
        assert_eq!(code_of(&inbox), Some(CloseCode::TooFast));
    }

    #[test]
    fn what_was_said_before_the_end_is_heard() {
        let inbox = Inbox::default();
        inbox.put(said(1));
        inbox.end(End::Goodbye);
        inbox.end(End::Lost("later", None));
        inbox.put(said(1));
        assert!(matches!(inbox.poll(Waker::noop()), Poll::Ready(Taken::Said(_))));
        let end = inbox.poll(Waker::noop());
        assert!(matches!(end, Poll::Ready(Taken::End(Ok(Inbound::Close(Some(1000)))))));
    }
}
