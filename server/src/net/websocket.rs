//! WebSockets on tokio: one task reads a socket and writes it, and carries out what the
//! [`Connection`] wants done.
//!
//! One of the files that may name tungstenite, which does the framing, the masks and the pongs.

use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fracas_shared::limits::{
    CLIENT_MESSAGE_BYTES_MAX, CLOSE_TIME_MAX_S, READ_BUFFER_BYTES, SEND_BUFFER_BYTES, WRITE_BUFFER_BYTES_MAX,
};
use fracas_shared::message::ServerMessage;
use fracas_shared::packet::ClientTag;
use fracas_shared::{CloseCode, Refusal, Tick};
use futures_util::{SinkExt, StreamExt};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::{Instrument, debug, info_span};

use super::connection::{Action, Connection};
use super::mailbox::{Mail, Mailbox};
use super::transport::Transport;
use super::upgrade::Upgraded;
use crate::metrics::{Counted, Metrics};
use crate::rooms::{Applicant, Identity, RoomLink, Rooms};
use crate::shutdown::Shutdown;

/// Below this many bytes a tick's messages leave in one write.
const WRITE_BATCH_BYTES: usize = 16 * 1024;

/// The close code of one who has no more to say (RFC 6455, section 7.4.1).
const CLOSE_NORMAL: u16 = 1000;

/// Serves one WebSocket to its end.
pub async fn serve(upgraded: Upgraded, rooms: Rooms, metrics: Metrics, shutdown: Shutdown) {
    let Upgraded { stream, leftover, caller, claims, is_our_version, place: _place } = upgraded;
    bound_kernel_buffers(stream.tcp(), caller.peer);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BATCH_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(CLIENT_MESSAGE_BYTES_MAX))
        .max_frame_size(Some(CLIENT_MESSAGE_BYTES_MAX));
    let socket =
        WebSocketStream::from_partially_read(stream, leftover.into(), Role::Server, Some(config)).await;
    let _counted = Counted::new(&metrics.net.websockets);
    let mut connection = Connection::new(Instant::now());
    if !is_our_version {
        // Before a hello is read, which may look different there.
        connection.close(CloseCode::WrongVersion);
    }
    let task = Task {
        socket,
        timer: Box::pin(sleep_until(connection.deadline().into())),
        connection,
        mailbox: Mailbox::default(),
        batch: Vec::new(),
        is_flushing: false,
        link: None,
        room_answer: None,
        stop: Box::pin(async move { shutdown.wait().await }),
        identity: match claims.get("sub").and_then(|sub| sub.as_str()) {
            Some(account) => account.into(),
            None => caller.address.to_string().into(),
        },
        claims: claims.to_json(),
        address: caller.address,
        rooms,
        metrics,
    };
    task.run().instrument(info_span!("connection", client = %caller.address)).await;
}

/// Keeps what a slow client has not read out of the kernel: it belongs in the mailbox, where the
/// newest state replaces older.
fn bound_kernel_buffers(stream: &TcpStream, peer: SocketAddr) {
    let socket = SockRef::from(stream);
    let bounded = socket
        .set_send_buffer_size(SEND_BUFFER_BYTES)
        .and_then(|()| socket.set_tcp_notsent_lowat(SEND_BUFFER_BYTES as u32 / 4));
    if let Err(error) = bounded {
        debug!(%peer, %error, "the kernel's buffers keep their own sizes");
    }
}

struct Task {
    socket: WebSocketStream<Transport>,
    connection: Connection,
    mailbox: Mailbox,
    /// What is being written.
    batch: Vec<Bytes>,
    is_flushing: bool,
    link: Option<Arc<RoomLink>>,
    room_answer: Option<Pin<Box<dyn Future<Output = RoomAnswer> + Send>>>,
    timer: Pin<Box<Sleep>>,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    identity: Identity,
    claims: Arc<str>,
    address: IpAddr,
    rooms: Rooms,
    metrics: Metrics,
}

enum RoomAnswer {
    Joined(RoomLink),
    Refused(Refusal),
    Left(Option<Tick>),
}

enum Event {
    Message(Message),
    RoomAnswer(RoomAnswer),
    Timeout,
    Stop,
    /// The connection is to be ended.
    Closing,
    Gone(Option<Error>),
}

impl Task {
    async fn run(mut self) {
        let code = loop {
            self.carry_out_actions();
            match poll_fn(|cx| self.poll_event(cx)).await {
                Event::Message(Message::Close(frame)) => {
                    // Who says goodbye does not come back; a page that is left or reloaded says 1001.
                    let is_goodbye = frame.is_some_and(|frame| frame.code == CLOSE_NORMAL.into());
                    if let Some(link) = self.link.as_deref().filter(|_| is_goodbye) {
                        link.give_back();
                    }
                    break None;
                }
                Event::Gone(None) => break None,
                Event::Message(message) => self.handle_message(message),
                Event::RoomAnswer(answer) => self.handle_room_answer(answer),
                Event::Timeout => {
                    self.connection.handle_timeout(Instant::now());
                    self.timer.as_mut().reset(self.connection.deadline().into());
                }
                Event::Stop => self.connection.close(CloseCode::Restart),
                Event::Closing => break self.mailbox.take(&mut self.batch),
                Event::Gone(Some(error)) => {
                    debug!(%error, "the connection broke");
                    break code_of(&error);
                }
            }
        };
        self.mailbox.abandon();
        self.finish(code).await;
    }

    /// What happens next; the room's answer before the messages that it sent after it.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Some(answer) = &mut self.room_answer
            && let Poll::Ready(answer) = answer.as_mut().poll(cx)
        {
            self.room_answer = None;
            return Poll::Ready(Event::RoomAnswer(answer));
        }
        if let Poll::Ready(event) = self.poll_write(cx) {
            return Poll::Ready(event);
        }
        if !self.connection.is_waiting_for_room()
            && let Poll::Ready(message) = self.socket.poll_next_unpin(cx)
        {
            return Poll::Ready(match message {
                Some(Ok(message)) => Event::Message(message),
                Some(Err(error)) => Event::Gone(Some(error)),
                None => Event::Gone(None),
            });
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Event::Timeout);
        }
        if self.stop.as_mut().poll(cx).is_ready() {
            self.stop = Box::pin(std::future::pending());
            return Poll::Ready(Event::Stop);
        }
        Poll::Pending
    }

    /// Writes batch after batch; the next one is taken only when the last one has left.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            // Asked also while the line is stuck: that is when a connection must be ended.
            let mail = self.mailbox.poll_mail(cx.waker());
            if mail == Mail::Last {
                return Poll::Ready(Event::Closing);
            }
            if self.is_flushing {
                if let Err(error) = ready!(self.socket.poll_flush_unpin(cx)) {
                    return Poll::Ready(Event::Gone(Some(error)));
                }
                self.is_flushing = false;
            }
            if mail == Mail::None {
                return Poll::Pending;
            }
            self.mailbox.take(&mut self.batch);
            for message in self.batch.drain(..) {
                self.metrics.net.sent_bytes.inc_by(framed_bytes(message.len(), 0));
                if let Err(error) = self.socket.start_send_unpin(Message::Binary(message)) {
                    return Poll::Ready(Event::Gone(Some(error)));
                }
            }
            self.is_flushing = true;
        }
    }

    fn handle_message(&mut self, message: Message) {
        let now = Instant::now();
        self.metrics.net.received_bytes.inc_by(framed_bytes(message.len(), MASK_BYTES));
        match message {
            Message::Binary(message) => {
                if message.first() == Some(&(ClientTag::Control as u8)) {
                    self.metrics.net.received_controls.inc();
                }
                self.connection.handle_binary(&message, now);
            }
            Message::Text(_) => self.connection.handle_text(),
            _ => self.connection.handle_ping(now),
        }
    }

    fn handle_room_answer(&mut self, answer: RoomAnswer) {
        match answer {
            RoomAnswer::Joined(link) => {
                self.link = Some(Arc::new(link));
                self.connection.handle_joined();
            }
            RoomAnswer::Refused(refusal) => self.connection.handle_refused(refusal),
            RoomAnswer::Left(tick) => self.connection.handle_left(tick.unwrap_or_default()),
        }
    }

    fn carry_out_actions(&mut self) {
        while let Some(action) = self.connection.poll_action() {
            match action {
                Action::Send(message) => self.send(&message),
                Action::Ping => {
                    // A failure shows at the next read.
                    let _ = self.socket.start_send_unpin(Message::Ping(Bytes::new()));
                    self.is_flushing = true;
                }
                Action::Join { wanted, name, schema_hash } => {
                    let port = Box::new(self.mailbox.port());
                    let (rooms, address) = (self.rooms.clone(), self.address);
                    let (claims, identity) = (self.claims.clone(), self.identity.clone());
                    self.room_answer = Some(Box::pin(async move {
                        match rooms
                            .enter(wanted, Applicant { name, claims, identity, address, schema_hash, port })
                            .await
                        {
                            Ok(link) => RoomAnswer::Joined(link),
                            Err(refusal) => RoomAnswer::Refused(refusal),
                        }
                    }));
                }
                Action::Leave => {
                    let link = self.link.take();
                    self.room_answer = Some(Box::pin(async move {
                        RoomAnswer::Left(match link {
                            Some(link) => link.leave().await,
                            None => None,
                        })
                    }));
                }
                Action::List { game, skip } => {
                    let (rooms, total) = self.rooms.list(game.as_deref(), skip);
                    self.send(&ServerMessage::Rooms { rooms, total: total as u32 });
                }
                Action::Input(packet) => {
                    self.metrics.net.received_inputs.inc();
                    if let Some(link) = &self.link {
                        link.input(packet);
                    }
                }
                Action::Message(packet) => {
                    self.metrics.net.received_messages.inc();
                    self.pass_on(|link| link.message(packet));
                }
                Action::Say(chat) => {
                    self.metrics.net.received_messages.inc();
                    self.pass_on(|link| link.chat(chat));
                }
                Action::Resync => self.pass_on(RoomLink::resync),
                Action::Ack(tick) => {
                    if let Some(link) = &self.link {
                        link.ack(tick);
                    }
                }
                Action::Close(code) => self.mailbox.close(code),
            }
        }
    }

    /// Passes on what may not be lost; a room that has no place for it is one that was flooded.
    fn pass_on(&mut self, pass: impl FnOnce(&RoomLink) -> bool) {
        if self.link.as_deref().is_some_and(|link| !pass(link)) {
            self.connection.close(CloseCode::TooFast);
        }
    }

    fn send(&self, message: &ServerMessage) {
        if let ServerMessage::Refused(refusal) = message {
            self.metrics.net.refused(refusal);
        }
        self.mailbox.send(Bytes::from(message.to_bytes()));
    }

    /// Writes what is left and shakes hands for the end, for as long as that may take; then the
    /// socket is cut.
    async fn finish(mut self, code: Option<CloseCode>) {
        self.metrics.net.closes(code.unwrap_or(CloseCode::Normal)).inc();
        let frame = code.map(|code| CloseFrame { code: code.number().into(), reason: code.reason().into() });
        let farewell = async {
            // Errors mean that the other side is gone, which is what this is about.
            for message in self.batch.drain(..) {
                self.metrics.net.sent_bytes.inc_by(framed_bytes(message.len(), 0));
                let _ = self.socket.feed(Message::Binary(message)).await;
            }
            let _ = self.socket.close(frame).await;
            while let Some(Ok(_)) = self.socket.next().await {}
            // To close a socket in which something is unread resets the connection, and the client
            // loses what it has not read yet: the close frame.
            let stream = self.socket.get_mut();
            let _ = stream.shutdown().await;
            let mut unread = vec![0; READ_BUFFER_BYTES];
            while stream.read(&mut unread).await.is_ok_and(|count| count > 0) {}
        };
        if timeout(Duration::from_secs(CLOSE_TIME_MAX_S), farewell).await.is_err() {
            debug!("the client did not take its leave in time");
        }
    }
}

/// The code to end with when the client broke a rule of the framing or a limit.
fn code_of(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Capacity(_) => Some(CloseCode::MessageTooLong),
        Error::Protocol(_) | Error::Utf8(_) => Some(CloseCode::NotWebSocket),
        Error::WriteBufferFull(_) => Some(CloseCode::TooSlow),
        _ => None,
    }
}

/// The bytes of a mask, which clients' frames have.
const MASK_BYTES: usize = 4;

/// A message's bytes with the header of its one frame (RFC 6455, section 5.2).
fn framed_bytes(payload: usize, mask: usize) -> u64 {
    let length = match payload {
        0..=125 => 0,
        126..=65_535 => 2,
        _ => 8,
    };
    (2 + length + mask + payload) as u64
}
