//! What waits for one connection's socket.
//!
//! Reliable messages wait in a small bounded queue; state has one place, where the newest replaces
//! what was not begun. Whoever writes the socket takes a batch only when the batch before has left,
//! so a slow line sees fewer states, never older ones.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;
use fracas_shared::limits::{MAILBOX_RELIABLE_BYTES_MAX, MAILBOX_RELIABLE_MAX};
use fracas_shared::{CloseCode, LineProfile, Tick};
use fracas_sim::{Closer, Held, Port, StateMessages};
use futures_util::task::AtomicWaker;

use super::driver::{Driver, TickDriven};
use crate::rooms::LineSetter;

/// The mailbox of one connection. Clones are the same mailbox.
#[derive(Clone, Default)]
pub struct Mailbox(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    writer: AtomicWaker,
    is_gone: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    reliable: VecDeque<Bytes>,
    reliable_bytes: usize,
    state: Option<StateMessages>,
    begun: Option<Tick>,
    /// What the line is to be like from now on.
    line: Option<LineProfile>,
    /// The first reason given to end the connection.
    close: Option<CloseCode>,
    /// Whether a match has a port of it.
    has_port: bool,
    driver: Driver,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.reliable.is_empty() && self.state.is_none() && self.close.is_none() && self.line.is_none()
    }

    /// The connection that is to go back to the reactor, if a tick drives it and does not have it in hand.
    fn take_back(&mut self) -> Option<Box<dyn TickDriven>> {
        match mem::take(&mut self.driver) {
            Driver::Tick(connection) => Some(connection),
            driver => {
                self.driver = driver;
                None
            }
        }
    }
}

/// What waits in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mail {
    /// Nothing.
    None,
    /// Something, and more may follow.
    Some,
    /// Perhaps something, and after it the connection ends.
    Last,
    /// Word to the writer: the line is to be like this from now on.
    Line(LineProfile),
}

impl Mailbox {
    /// Queues a reliable message; too many of them end the connection.
    pub fn send(&self, message: Bytes) {
        {
            let mut waiting = self.lock();
            if waiting.close.is_some() {
                return;
            }
            waiting.reliable_bytes += message.len();
            waiting.reliable.push_back(message);
            if waiting.reliable.len() > MAILBOX_RELIABLE_MAX
                || waiting.reliable_bytes > MAILBOX_RELIABLE_BYTES_MAX
            {
                waiting.reliable.clear();
                waiting.state = None;
                waiting.close = Some(CloseCode::TooSlow);
            }
            if matches!(waiting.driver, Driver::Tick(_)) {
                return;
            }
        }
        self.0.writer.wake();
    }

    /// Ends the connection after what waits; the first code given counts.
    pub fn close(&self, code: CloseCode) {
        self.change(|waiting| _ = waiting.close.get_or_insert(code));
    }

    /// Asks the writer to make the line another one, before it writes what waits.
    pub fn set_line(&self, line: LineProfile) {
        self.change(|waiting| waiting.line = Some(line));
    }

    /// Changes what is not of every tick: a connection that a tick drives is driven by the reactor from then on.
    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        let connection = {
            let mut waiting = self.lock();
            change(&mut waiting);
            waiting.take_back()
        };
        match connection {
            Some(connection) => connection.go_back(),
            None => self.0.writer.wake(),
        }
    }

    /// Hands the connection to the ticks of the room that has the port. Given back when something waits, or
    /// when there is no such room.
    pub fn hand_over<T: TickDriven + 'static>(&self, connection: Box<T>) -> Result<(), Box<T>> {
        let mut waiting = self.lock();
        if !waiting.has_port || !waiting.is_empty() {
            return Err(connection);
        }
        waiting.driver = Driver::Tick(connection);
        Ok(())
    }

    /// Whether a match has a port of it.
    pub fn has_port(&self) -> bool {
        self.lock().has_port
    }

    /// Takes the connection in hand for a tick to do its part of the driving, if that is its task.
    fn take_in_hand(&self) -> Option<Box<dyn TickDriven>> {
        let mut waiting = self.lock();
        let connection = waiting.take_back();
        if connection.is_some() {
            waiting.driver = Driver::Busy;
        }
        connection
    }

    /// Puts the connection back, or, if it does not stay, gives it back to the reactor.
    fn put_back(&self, connection: Box<dyn TickDriven>, stays: bool) {
        {
            let mut waiting = self.lock();
            // Meanwhile it may have been told to end.
            if stays && waiting.close.is_none() && waiting.line.is_none() {
                waiting.driver = Driver::Tick(connection);
                return;
            }
            waiting.driver = Driver::Reactor;
        }
        connection.go_back();
    }

    /// What waits. `waker` is called when something comes.
    pub fn poll_mail(&self, waker: &Waker) -> Mail {
        self.0.writer.register(waker);
        let mut waiting = self.lock();
        if let Some(line) = waiting.line.take() {
            Mail::Line(line)
        } else if waiting.close.is_some() {
            Mail::Last
        } else if waiting.reliable.is_empty() && waiting.state.is_none() {
            Mail::None
        } else {
            Mail::Some
        }
    }

    /// Takes all that waits, in the order to be written, and the code to end with after it. What is
    /// taken must be written whole.
    pub fn take(&self, batch: &mut Vec<Bytes>) -> Option<CloseCode> {
        let mut waiting = self.lock();
        // Few ticks have any, and who has had many does not keep the memory for them.
        batch.extend(mem::take(&mut waiting.reliable));
        waiting.reliable_bytes = 0;
        if let Some(state) = waiting.state.take() {
            waiting.begun = Some(state.tick);
            batch.extend(state.own);
            batch.push(state.frame);
        }
        waiting.close
    }

    /// Says that the connection is over: whoever sends need not any more.
    pub fn abandon(&self) {
        self.0.is_gone.store(true, Ordering::Release);
        let mut waiting = self.lock();
        waiting.reliable.clear();
        waiting.state = None;
    }

    /// A port for a match to send by.
    pub fn port(&self) -> MailboxPort {
        self.lock().has_port = true;
        MailboxPort { mailbox: self.clone(), in_hand: None }
    }

    /// By what a room makes the line of this connection another one.
    pub fn line_setter(&self) -> LineSetter {
        let mailbox = self.clone();
        Box::new(move |line| mailbox.set_line(line))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing under the lock can leave it half done.
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A match's way into a mailbox. When it is dropped, the match's state leaves the mailbox with it.
pub struct MailboxPort {
    mailbox: Mailbox,
    /// The connection, while the exchange is asked for something of it.
    in_hand: Option<Box<dyn TickDriven>>,
}

impl Port for MailboxPort {
    fn held(&self) -> Held {
        let waiting = self.mailbox.lock();
        Held { begun: waiting.begun, waiting: waiting.state.as_ref().map(|state| state.tick) }
    }

    fn put_state(&mut self, state: StateMessages) -> bool {
        {
            let mut waiting = self.mailbox.lock();
            if state.baseline.is_some() && state.baseline != waiting.begun {
                return false;
            }
            if waiting.close.is_none() {
                waiting.state = Some(state);
            }
            if matches!(waiting.driver, Driver::Tick(_)) {
                return true;
            }
        }
        self.mailbox.0.writer.wake();
        true
    }

    fn send(&mut self, message: Bytes) {
        self.mailbox.send(message);
    }

    fn prepare(&mut self) {
        self.in_hand = self.mailbox.take_in_hand();
        if let Some(connection) = &mut self.in_hand {
            connection.prepare();
        }
    }

    fn receive(&mut self, input: &mut dyn FnMut(&[u8])) {
        if let Some(mut connection) = self.in_hand.take() {
            let stays = connection.receive(input);
            self.mailbox.put_back(connection, stays);
        }
    }

    fn flush(&mut self) {
        let Some(mut connection) = self.mailbox.take_in_hand() else { return };
        if connection.flush() {
            self.in_hand = Some(connection);
        } else {
            self.mailbox.put_back(connection, false);
        }
    }

    fn settle(&mut self) {
        if let Some(mut connection) = self.in_hand.take() {
            let stays = connection.settle();
            self.mailbox.put_back(connection, stays);
        }
    }

    fn close(&mut self, code: CloseCode) {
        self.mailbox.close(code);
    }

    fn is_open(&self) -> bool {
        !self.mailbox.0.is_gone.load(Ordering::Acquire) && self.mailbox.lock().close.is_none()
    }

    fn closer(&self) -> Closer {
        let mailbox = self.mailbox.clone();
        Box::new(move |code| mailbox.close(code))
    }
}

impl Drop for MailboxPort {
    fn drop(&mut self) {
        if let Some(connection) = self.in_hand.take() {
            self.mailbox.put_back(connection, false);
        }
        self.mailbox.change(|waiting| {
            waiting.state = None;
            waiting.begun = None;
            waiting.has_port = false;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(tick: u32, baseline: Option<u32>) -> StateMessages {
        let frame = Bytes::from(format!("frame {tick}"));
        StateMessages { tick: Tick(tick), baseline: baseline.map(Tick), own: None, frame }
    }

    fn taken(mailbox: &Mailbox) -> Vec<Bytes> {
        let mut batch = Vec::new();
        mailbox.take(&mut batch);
        batch
    }

    #[test]
    fn state_waits_in_one_place_and_is_never_queued() {
        let mailbox = Mailbox::default();
        let mut port = mailbox.port();
        assert!(port.put_state(state(1, None)));
        assert_eq!(taken(&mailbox), ["frame 1"]);
        assert!(port.put_state(state(2, Some(1))) && port.put_state(state(3, Some(1))));
        assert_eq!(port.held(), Held { begun: Some(Tick(1)), waiting: Some(Tick(3)) });
        assert_eq!(taken(&mailbox), ["frame 3"]);
        assert!(!port.put_state(state(4, Some(1))), "the viewer holds tick 3 by now");
        assert!(port.put_state(state(4, None)), "a keyframe is always taken");
    }

    #[test]
    fn too_many_reliable_messages_end_the_connection() {
        let mailbox = Mailbox::default();
        let mut port = mailbox.port();
        for _ in 0..MAILBOX_RELIABLE_MAX {
            port.send(Bytes::from_static(b"event"));
        }
        assert!(port.is_open());
        port.send(Bytes::from_static(b"event"));
        assert!(!port.is_open());
        assert_eq!(mailbox.take(&mut Vec::new()), Some(CloseCode::TooSlow));

        let mailbox = Mailbox::default();
        mailbox.send(Bytes::from(vec![0; MAILBOX_RELIABLE_BYTES_MAX + 1]));
        assert_eq!(mailbox.take(&mut Vec::new()), Some(CloseCode::TooSlow));
    }

    #[test]
    fn word_of_the_line_comes_once_and_before_what_waits() {
        let mailbox = Mailbox::default();
        let line = LineProfile { latency_ms: 100, ..LineProfile::default() };
        mailbox.send(Bytes::from_static(b"event"));
        mailbox.set_line(LineProfile::default());
        mailbox.set_line(line);
        assert_eq!(mailbox.poll_mail(Waker::noop()), Mail::Line(line), "the latest counts");
        assert_eq!(mailbox.poll_mail(Waker::noop()), Mail::Some);
    }

    #[test]
    fn a_match_takes_its_state_with_it() {
        let mailbox = Mailbox::default();
        let mut port = mailbox.port();
        port.put_state(state(1, None));
        port.send(Bytes::from_static(b"bye"));
        drop(port);
        assert_eq!(taken(&mailbox), ["bye"]);
    }
}
