//! A player's line made worse, to try a game as players far away know it.
//!
//! What goes to the client and what comes from it waits, each in its order, as a [`LineProfile`]
//! says. What a wire answers by itself does not: the pongs of a WebSocket, the heartbeat of Engine.IO.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use fracas_shared::limits::{CLOSE_TIME_MAX_S, LINE_BYTES_MAX};
use fracas_shared::{CloseCode, LineProfile, LineQueue};
use tokio::task::coop::poll_proceed;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::wire::{Broken, Inbound, Wire};

/// A wire whose line is as it is, or worse. As it is, it costs nothing.
pub struct Conditioned<W> {
    wire: W,
    conditioner: Option<Box<Conditioner>>,
}

struct Conditioner {
    /// The line's moments count from here.
    began: Instant,
    outbound: Way<Bytes>,
    inbound: Way<Result<Inbound, Broken>>,
    /// Nothing more comes from the wire, and what is still to be heard ends with that.
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
    fn new(profile: LineProfile) -> Self {
        // Another one for each connection, so that not all of them are late at the same time.
        static SEEDS: AtomicU64 = AtomicU64::new(0);
        let began = Instant::now();
        let (outbound, inbound) = LineQueue::pair(profile, SEEDS.fetch_add(1, Ordering::Relaxed));
        Self { began, outbound: Way::new(outbound, began), inbound: Way::new(inbound, began), is_over: false }
    }

    fn set_profile(&mut self, profile: LineProfile) {
        self.outbound.queue.set_profile(profile);
        self.inbound.queue.set_profile(profile);
    }

    fn is_idle(&self) -> bool {
        self.outbound.queue.is_idle() && self.inbound.queue.is_idle()
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Takes what has come from the wire, which took so many bytes.
    fn hear(&mut self, mut heard: Result<Inbound, Broken>, bytes: usize) {
        match &mut heard {
            // A piece of the buffer that it was read into keeps the whole of it.
            Ok(Inbound::Binary(message)) => *message = Bytes::copy_from_slice(message),
            Ok(Inbound::Text | Inbound::Control) => {}
            Ok(Inbound::Close(_)) | Err(_) => self.is_over = true,
        }
        self.inbound.queue.put(self.now(), heard, bytes);
    }

    /// Hands what has arrived to a wire that has written all that it had, no more than it takes at
    /// once. False when nothing has.
    fn hand_over<W: Wire>(&mut self, wire: &mut W) -> Result<bool, Broken> {
        let (now, mut bytes) = (self.now(), 0);
        while bytes < LINE_BYTES_MAX
            && let Some(message) = self.outbound.queue.take(now)
        {
            bytes += message.len();
            wire.start_send(message)?;
        }
        Ok(bytes > 0)
    }
}

impl<W: Wire> Conditioned<W> {
    /// A wire with this line.
    pub fn new(wire: W, profile: LineProfile) -> Self {
        let mut conditioned = Self { wire, conditioner: None };
        conditioned.set_line(profile);
        conditioned
    }

    /// Makes it another line from now on.
    pub fn set_line(&mut self, profile: LineProfile) {
        match &mut self.conditioner {
            Some(conditioner) => conditioner.set_profile(profile),
            None if profile.is_none() => {}
            None => self.conditioner = Some(Box::new(Conditioner::new(profile))),
        }
    }

    /// The conditioner, if there still is anything to be made worse, and the wire.
    fn parts(&mut self) -> (Option<&mut Conditioner>, &mut W) {
        self.conditioner.take_if(|conditioner| conditioner.is_idle());
        (self.conditioner.as_deref_mut(), &mut self.wire)
    }

    /// Ready when nothing is on its way to the client any more, or nothing more can reach it.
    fn poll_delivered(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_broken = matches!(self.poll_flush(cx), Poll::Ready(Err(_)));
        let waits = |line: &Conditioner| !line.is_over && !line.outbound.queue.is_empty();
        if is_broken || !self.conditioner.as_deref().is_some_and(waits) {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl<W: Wire> Wire for Conditioned<W> {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Inbound, Broken>> {
        let (Some(conditioner), wire) = self.parts() else { return self.wire.poll_message(cx) };
        loop {
            let now = conditioner.now();
            if let Some(heard) = conditioner.inbound.queue.take(now) {
                return Poll::Ready(heard);
            }
            if !conditioner.is_over && conditioner.inbound.queue.has_room(now) {
                // All that has come is put on the line at once, and others have their turns in between.
                let turn = ready!(poll_proceed(cx));
                if let Poll::Ready(heard) = wire.poll_message(cx) {
                    turn.made_progress();
                    let bytes = match &heard {
                        Ok(Inbound::Binary(message)) => wire.bytes_of(message),
                        _ => wire.bytes_of(&Bytes::new()),
                    };
                    conditioner.hear(heard, bytes as usize);
                    continue;
                }
            }
            ready!(conditioner.inbound.poll_change(cx, conditioner.began, now));
        }
    }

    fn start_send(&mut self, message: Bytes) -> Result<(), Broken> {
        let Some(conditioner) = &mut self.conditioner else { return self.wire.start_send(message) };
        let bytes = self.wire.bytes_of(&message) as usize;
        conditioner.outbound.queue.put(conditioner.now(), message, bytes);
        Ok(())
    }

    fn bytes_of(&self, message: &Bytes) -> u64 {
        self.wire.bytes_of(message)
    }

    fn ping(&mut self) {
        self.wire.ping();
    }

    /// Ready when the line takes more: what was added is on its way then, and will arrive.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let (Some(conditioner), wire) = self.parts() else { return self.wire.poll_flush(cx) };
        if conditioner.is_over {
            // Who has gone takes nothing any more.
            return Poll::Pending;
        }
        loop {
            let is_stuck = wire.poll_flush(cx)?.is_pending();
            let now = conditioner.now();
            if is_stuck && conditioner.outbound.queue.has_arrived(now) {
                return Poll::Pending;
            }
            if !is_stuck && conditioner.hand_over(wire)? {
                continue;
            }
            let has_changed = conditioner.outbound.poll_change(cx, conditioner.began, now).is_ready();
            if !has_changed {
                let has_room = conditioner.outbound.queue.has_room(now);
                return if has_room { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
        }
    }

    /// What is late has timers, which are the reactor's.
    fn leave_reactor(&mut self) -> bool {
        let (conditioner, wire) = self.parts();
        conditioner.is_none() && wire.leave_reactor()
    }

    fn begin_turn(&mut self) {
        self.wire.begin_turn();
    }

    fn hear(&mut self, now: std::time::Instant, hear: &mut dyn FnMut(&[u8]) -> bool) -> Result<bool, Broken> {
        if self.conditioner.is_some() { Ok(true) } else { self.wire.hear(now, hear) }
    }

    fn send_all(&mut self, messages: &mut Vec<Bytes>) -> Result<(), Broken> {
        if self.conditioner.is_none() {
            return self.wire.send_all(messages);
        }
        messages.drain(..).try_for_each(|message| self.start_send(message))
    }

    fn settle(&mut self) -> Result<(), Broken> {
        self.wire.settle()
    }

    fn come_back(&mut self) -> Result<(), Broken> {
        self.wire.come_back()
    }

    fn take_received_bytes(&mut self) -> u64 {
        self.wire.take_received_bytes()
    }

    /// What is on its way still arrives as the line says, for [`CLOSE_TIME_MAX_S`] at most; the rest
    /// of it then goes at once.
    async fn finish(mut self, mut last: Vec<Bytes>, code: Option<CloseCode>) {
        if self.conditioner.is_some() {
            for message in last.drain(..) {
                // It is put on the line, which takes it.
                let _ = self.start_send(message);
            }
            let delivered = poll_fn(|cx| self.poll_delivered(cx));
            let _ = timeout(Duration::from_secs(CLOSE_TIME_MAX_S), delivered).await;
        }
        if let Some(mut conditioner) = self.conditioner.take() {
            last.extend(std::iter::from_fn(|| conditioner.outbound.queue.take_early()));
        }
        self.wire.finish(last, code).await;
    }
}
