//! A session of Socket.IO as the wire of one player.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fracas_shared::limits::{CLOSE_TIME_MAX_S, HELLO_TIME_MAX_S};
use fracas_shared::message::{ClientMessage, ServerMessage};
use fracas_shared::packet::ServerTag;
use fracas_shared::{CloseCode, Tick};
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::handler::{FromMessageParts, MessageHandler, Value};
use socketioxide::socket::Socket;
use socketioxide::{SendError, SocketError};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep, timeout};

use super::args::Args;
use super::auth::Rejection;
use super::conversation::{Complaint, Conversation, Form, Told};
use super::inbox::{End, Inbox, Said, Taken};
use super::sessions::Session;
use crate::net::wire::{Broken, Inbound, Wire};

/// How soon is tried again what engineioxide had no place for.
const RETRY: Duration = Duration::from_millis(20);
/// A frame that has left is acknowledged in the client's name so often: it shows that the line lives.
const ACK_INTERVAL: Duration = Duration::from_millis(500);

/// By what a request of a client is answered.
pub(super) type Ack = (Arc<Socket<LocalAdapter>>, i64);

/// Puts a client's events into its inbox, in the order in which they come: at once, where a closure of
/// socketioxide's would be a task of its own.
pub(super) struct Listener(pub(super) Arc<Inbox<Ack>>);

impl MessageHandler<LocalAdapter, Listener> for Listener {
    fn call(&self, socket: Arc<Socket<LocalAdapter>>, mut value: Value, ack: Option<i64>) {
        let bytes = match &value {
            Value::Str(text, binaries) => {
                let binaries = binaries.iter().flatten().map(Bytes::len);
                text.len() + binaries.sum::<usize>()
            }
            Value::Bytes(bytes) => bytes.len(),
        };
        let event = Event::from_message_parts(&socket, &mut value, &ack);
        let args = TryData::<Args>::from_message_parts(&socket, &mut value, &ack);
        self.0.put(Said {
            event: event.map(|event| event.0).unwrap_or_default(),
            args: args.ok().and_then(|args| args.0.ok()),
            ack: ack.map(|ack| (socket, ack)),
            bytes,
        });
    }
}

/// Tells the client's first request whether it may connect.
pub(super) type Admission = oneshot::Sender<Result<(), Rejection>>;

/// One client.
pub(super) struct SocketIoWire {
    socket: SocketRef,
    session: Arc<Session>,
    inbox: Arc<Inbox<Ack>>,
    conversation: Conversation<Ack>,
    /// What the door says in the client's name, before what the client says.
    first: VecDeque<ClientMessage>,
    admission: Option<Admission>,
    wants_seat: bool,
    waiting: VecDeque<Told<Ack>>,
    /// The frame among what waits.
    frame: Option<Tick>,
    /// All of it has left when so many bytes have been written.
    leaves_at: Option<u64>,
    /// Until the client is connected, and while engineioxide has no place.
    timer: Pin<Box<Sleep>>,
    is_waiting_for_place: bool,
    /// Whether a sign of life was asked for.
    is_pinged: bool,
    ack_due: Option<Tick>,
    acked: Option<Instant>,
}

impl SocketIoWire {
    pub(super) fn new(
        socket: SocketRef,
        session: Arc<Session>,
        inbox: Arc<Inbox<Ack>>,
        conversation: Conversation<Ack>,
    ) -> Self {
        Self {
            socket,
            session,
            inbox,
            conversation,
            first: VecDeque::new(),
            admission: None,
            wants_seat: false,
            waiting: VecDeque::new(),
            frame: None,
            leaves_at: None,
            timer: Box::pin(sleep(Duration::from_secs(HELLO_TIME_MAX_S))),
            is_waiting_for_place: false,
            is_pinged: false,
            ack_due: None,
            acked: None,
        }
    }

    /// Says this in the client's name, and tells by `admission` what comes of it. Who has nothing said in
    /// its name may connect.
    pub(super) fn begin(&mut self, first: Vec<ClientMessage>, admission: Admission) {
        if first.is_empty() {
            // Whoever waits for it is there.
            let _ = admission.send(Ok(()));
            return;
        }
        self.wants_seat = first.iter().any(|message| matches!(message, ClientMessage::Join { .. }));
        self.first = first.into();
        self.admission = Some(admission);
    }

    /// Whether this message tells if the client may connect. One that refuses it is told by that.
    fn admit(&mut self, message: &Bytes) -> bool {
        let Ok((ServerTag::Control, rest)) = ServerTag::split(message) else { return false };
        let answer = match ServerMessage::from_bytes(rest) {
            Ok(ServerMessage::Welcome { .. }) if !self.wants_seat => Ok(()),
            Ok(ServerMessage::Joined(_)) => Ok(()),
            Ok(ServerMessage::Refused(refusal)) => Err(Rejection::from(refusal)),
            _ => return false,
        };
        let is_refused = answer.is_err();
        if let Some(admission) = self.admission.take() {
            let _ = admission.send(answer);
        }
        if is_refused {
            self.inbox.end(End::Lost("the client was not let in", None));
        }
        is_refused
    }

    /// Hands all that waits to engineioxide, as far as that has place.
    fn emit(&mut self) -> Result<(), Broken> {
        let before = self.session.progress.written();
        let mut bytes = 0;
        while let Some(told) = self.waiting.pop_front() {
            let (size, emitted) = match &told {
                Told::Event(event, arg) => (event.len() as u64 + arg.bytes(), self.socket.emit(event, arg)),
                Told::Answer((socket, ack), value) => {
                    // It is made of its parts again, for it is gone when there is no place for it.
                    let Ok(sender) =
                        AckSender::from_message_parts(socket, &mut Value::Bytes(Bytes::new()), &Some(*ack));
                    (0, sender.send(value))
                }
            };
            match emitted {
                Ok(()) => bytes += size,
                Err(SendError::Socket(SocketError::InternalChannelFull)) => {
                    self.waiting.push_front(told);
                    self.is_waiting_for_place = true;
                    self.timer.as_mut().reset(tokio::time::Instant::now() + RETRY);
                    break;
                }
                Err(SendError::Socket(SocketError::Closed)) => {
                    return Err(Broken { code: None, error: None });
                }
                Err(SendError::Serialize(error)) => {
                    return Err(Broken { code: None, error: Some(error.to_string().into()) });
                }
            }
        }
        self.leaves_at = Some(before + bytes);
        Ok(())
    }

    fn note_left(&mut self) {
        self.leaves_at = None;
        if self.waiting.is_empty()
            && let Some(tick) = self.frame.take()
        {
            self.conversation.note_left(tick);
            self.ack_due = Some(tick);
        }
    }

    /// What the door says in the client's name.
    fn own_word(&mut self) -> Option<ClientMessage> {
        if let Some(message) = self.first.pop_front() {
            return Some(message);
        }
        // Who speaks in packets acknowledges frames by itself.
        let is_early = self.acked.is_some_and(|acked| acked.elapsed() < ACK_INTERVAL);
        if self.conversation.form() == Form::Packets || is_early {
            return None;
        }
        let tick = self.ack_due.take()?;
        self.acked = Some(Instant::now());
        Some(ClientMessage::Ack { tick: tick.0 })
    }
}

impl Wire for SocketIoWire {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Inbound, Broken>> {
        if !self.inbox.is_connected(cx.waker()) {
            // Nobody tells of a session that ends before the client is connected.
            let is_over = self.session.progress.is_over(cx.waker());
            if is_over || self.timer.as_mut().poll(cx).is_ready() {
                let error = "the client was gone before it was connected";
                return Poll::Ready(Err(Broken { code: None, error: Some(error.into()) }));
            }
        }
        if let Some(message) = self.own_word() {
            return Poll::Ready(Ok(Inbound::Binary(message.to_bytes().into())));
        }
        if std::mem::take(&mut self.is_pinged) {
            return Poll::Ready(Ok(Inbound::Control));
        }
        let Said { event, args, ack, .. } = match self.inbox.poll(cx.waker()) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Taken::End(end)) => return Poll::Ready(end),
            Poll::Ready(Taken::Said(said)) => said,
        };
        let heard = match args {
            Some(args) => self.conversation.hear(&event, args, ack.clone()),
            None => Err(Complaint::bad("the event is none of JSON")),
        };
        Poll::Ready(Ok(match heard {
            Ok(message) => Inbound::Binary(message),
            Err(complaint) => {
                self.waiting.push_back(complaint.told(ack));
                // It counts as a message of control: who is often wrong is closed.
                Inbound::Control
            }
        }))
    }

    fn start_send(&mut self, message: Bytes) -> Result<(), Broken> {
        if self.admission.is_some() && self.admit(&message) {
            return Ok(());
        }
        match self.conversation.tell(&message, &mut self.waiting) {
            Ok(None) => {}
            Ok(tick) => self.frame = tick,
            Err(()) => {
                self.conversation.forget_state();
                self.first.push_back(ClientMessage::Resync);
            }
        }
        Ok(())
    }

    fn bytes_of(&self, message: &Bytes) -> u64 {
        message.len() as u64
    }

    /// Engine.IO has a heartbeat of its own: who has a session lives.
    fn ping(&mut self) {
        self.is_pinged = true;
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        loop {
            if let Some(bytes) = self.leaves_at {
                if !self.session.progress.has_written(bytes, cx.waker()) {
                    return Poll::Pending;
                }
                self.note_left();
            }
            if self.waiting.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if !self.inbox.is_connected(cx.waker()) {
                return Poll::Pending;
            }
            if std::mem::take(&mut self.is_waiting_for_place) && self.timer.as_mut().poll(cx).is_pending() {
                self.is_waiting_for_place = true;
                return Poll::Pending;
            }
            if let Err(broken) = self.emit() {
                return Poll::Ready(Err(broken));
            }
        }
    }

    fn take_received_bytes(&mut self) -> u64 {
        self.session.progress.take_received()
    }

    async fn finish(mut self, last: Vec<Bytes>, code: Option<CloseCode>) {
        // Who was not let in, or has said goodbye, may connect again in the same session.
        if self.inbox.is_over() {
            return;
        }
        for message in last {
            let _ = self.start_send(message);
        }
        self.waiting.extend(code.map(|code| self.conversation.close(code)));
        let farewell = poll_fn(|cx| self.poll_flush(cx));
        let _ = timeout(Duration::from_secs(CLOSE_TIME_MAX_S), farewell).await;
        // Who is told so does not come back by itself; who finds the line cut does.
        if code.is_some_and(|code| !code.comes_back()) {
            self.leaves_at = Some(self.session.progress.written() + 1);
            let _ = self.socket.clone().disconnect();
            let farewell = poll_fn(|cx| self.poll_flush(cx));
            let _ = timeout(Duration::from_secs(CLOSE_TIME_MAX_S), farewell).await;
        }
        self.session.progress.cut();
    }
}
