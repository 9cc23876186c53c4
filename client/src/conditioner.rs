//! A client's line made worse, to try a game as players far away know it.
//!
//! What goes to the server and what comes from it waits, each in its order, as a [`LineProfile`]
//! says. The pongs of the WebSocket do not.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use fracas_shared::{LineProfile, LineQueue};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::ClientError;
use crate::session::Session;
use crate::socket::{Inbound, Socket, Traffic, received_bytes, sent_bytes};

/// A socket whose line is as it is, or worse.
pub(crate) struct Conditioned {
    socket: Socket,
    conditioner: Option<Box<Conditioner>>,
}

struct Conditioner {
    /// The line's moments count from here.
    began: Instant,
    outbound: Way<Vec<u8>>,
    inbound: Way<Result<Inbound, ClientError>>,
    /// Nothing more comes from the socket, and what is still to be heard ends with that.
    is_over: bool,
}

/// One direction, and what wakes its task.
struct Way<T> {
    queue: LineQueue<T>,
    timer: Pin<Box<Sleep>>,
}

impl<T> Way<T> {
    fn new(queue: LineQueue<T>, began: Instant) -> Self {
        Self { queue, timer: Box::pin(sleep_until(began)) }
    }

    /// Ready when something has changed by itself; to be asked when all has been taken that has
    /// arrived.
    fn poll_change(&mut self, cx: &mut Context<'_>, began: Instant, now: Duration) -> Poll<()> {
        let Some(wake_at) = self.queue.wake_at(now) else { return Poll::Pending };
        let wake_at = began + wake_at;
        if self.timer.deadline() != wake_at {
            self.timer.as_mut().reset(wake_at);
        }
        self.timer.as_mut().poll(cx)
    }
}

impl Conditioner {
    fn new(profile: LineProfile, seed: u64) -> Self {
        let began = Instant::now();
        let (outbound, inbound) = LineQueue::pair(profile, seed);
        Self { began, outbound: Way::new(outbound, began), inbound: Way::new(inbound, began), is_over: false }
    }

    fn is_idle(&self) -> bool {
        self.outbound.queue.is_idle() && self.inbound.queue.is_idle()
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Takes what has come from the socket.
    fn hear(&mut self, mut heard: Result<Inbound, ClientError>) {
        let bytes = match &mut heard {
            Ok(Inbound::Message(message)) => {
                // A piece of the buffer that it was read into keeps the whole of it.
                *message = Bytes::copy_from_slice(message);
                message.len()
            }
            Ok(Inbound::SignOfLife) => 0,
            Err(_) => {
                self.is_over = true;
                0
            }
        };
        self.inbound.queue.put(self.now(), heard, received_bytes(bytes) as usize);
    }
}

impl Conditioned {
    /// A socket with this line.
    pub(crate) fn new(socket: Socket, profile: LineProfile, seed: u64) -> Self {
        let mut conditioned = Self { socket, conditioner: None };
        conditioned.set_line(profile, seed);
        conditioned
    }

    /// Makes it another line from now on.
    pub(crate) fn set_line(&mut self, profile: LineProfile, seed: u64) {
        match &mut self.conditioner {
            Some(conditioner) => {
                conditioner.outbound.queue.set_profile(profile);
                conditioner.inbound.queue.set_profile(profile);
            }
            None if profile.is_none() => {}
            None => self.conditioner = Some(Box::new(Conditioner::new(profile, seed))),
        }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.socket.traffic()
    }

    /// Whether something has come from the server that is still to be heard.
    pub(crate) fn is_hearing(&self) -> bool {
        self.conditioner.as_ref().is_some_and(|conditioner| !conditioner.inbound.queue.is_empty())
    }

    /// The conditioner, if there still is anything to be made worse, and the socket.
    fn parts(&mut self) -> (Option<&mut Conditioner>, &mut Socket) {
        self.conditioner.take_if(|conditioner| conditioner.is_idle());
        (self.conditioner.as_deref_mut(), &mut self.socket)
    }

    /// Sends what the session has to send. Pending while some of it is on its way to the kernel; what
    /// the line does not take stays in the session, whose queue is bounded.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
    ) -> Poll<Result<(), ClientError>> {
        let (Some(conditioner), socket) = self.parts() else {
            return self.socket.poll_send(cx, || session.poll_send());
        };
        if conditioner.is_over {
            // Who has gone takes nothing any more.
            return Poll::Ready(Ok(()));
        }
        loop {
            let now = conditioner.now();
            let queue = &mut conditioner.outbound.queue;
            while queue.has_room(now)
                && let Some(message) = session.poll_send()
            {
                let bytes = sent_bytes(message.len()) as usize;
                queue.put(now, message, bytes);
            }
            ready!(socket.poll_send(cx, || queue.take(now)))?;
            if queue.is_empty() && !session.has_sends() {
                return Poll::Ready(Ok(()));
            }
            ready!(conditioner.outbound.poll_change(cx, conditioner.began, now));
        }
    }

    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Inbound, ClientError>> {
        let (Some(conditioner), socket) = self.parts() else { return self.socket.poll_message(cx) };
        loop {
            let now = conditioner.now();
            if let Some(heard) = conditioner.inbound.queue.take(now) {
                return Poll::Ready(heard);
            }
            if !conditioner.is_over
                && conditioner.inbound.queue.has_room(now)
                && let Poll::Ready(heard) = socket.poll_message(cx)
            {
                conditioner.hear(heard);
                continue;
            }
            ready!(conditioner.inbound.poll_change(cx, conditioner.began, now));
        }
    }

    /// Waits until nothing is on its way to the server any more.
    pub(crate) async fn deliver(&mut self, session: &mut Session) {
        if self.conditioner.is_some() {
            // Whoever closes the connection is past caring that it broke.
            let _ = poll_fn(|cx| self.poll_send(cx, session)).await;
        }
    }

    /// Says goodbye, after what is still on its way, and waits until the server has, too.
    pub(crate) async fn close(mut self) {
        if let Some(mut conditioner) = self.conditioner.take() {
            let mut next = || conditioner.outbound.queue.take_early();
            let _ = poll_fn(|cx| self.socket.poll_send(cx, &mut next)).await;
        }
        self.socket.close().await;
    }
}
