//! Players on WebSockets: one task reads a socket and writes it, and carries out what the
//! [`Connection`] wants done.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use fracas_shared::message::ServerMessage;
use fracas_shared::packet::ClientTag;
use fracas_shared::{CloseCode, Refusal, Tick};
use tokio::sync::mpsc;
use tokio::task::coop::poll_proceed;
use tokio::time::{Sleep, sleep_until};
use tracing::{Instrument, debug, info_span};

use super::connection::{Action, Connection};
use super::mailbox::{Mail, Mailbox};
use super::socket::{Broken, Inbound, Outbound, Socket, SocketLimits};
use super::upgrade::Upgraded;
use crate::metrics::{Counted, Metrics};
use crate::room_filter::RoomFilter;
use crate::rooms::{Applicant, Identity, RoomLink, Rooms};
use crate::shutdown::Shutdown;

/// The close code of one who has no more to say (RFC 6455, section 7.4.1).
const CLOSE_NORMAL: u16 = 1000;

/// Serves one WebSocket to its end. `open` is held until then.
pub async fn serve(
    upgraded: Upgraded,
    rooms: Rooms,
    metrics: Metrics,
    shutdown: Shutdown,
    open: mpsc::Sender<()>,
) {
    let Upgraded { stream, leftover, caller, claims, is_our_version, place: _place } = upgraded;
    let socket = Socket::open(stream, leftover, SocketLimits::default()).await;
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
        _open: open,
    };
    task.run().instrument(info_span!("connection", client = %caller.address)).await;
}

struct Task {
    socket: Socket,
    connection: Connection,
    mailbox: Mailbox,
    /// What is being written.
    batch: Vec<Bytes>,
    link: Option<Arc<RoomLink>>,
    room_answer: Option<Pin<Box<dyn Future<Output = RoomAnswer> + Send>>>,
    timer: Pin<Box<Sleep>>,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    identity: Identity,
    claims: Arc<str>,
    address: IpAddr,
    rooms: Rooms,
    metrics: Metrics,
    _open: mpsc::Sender<()>,
}

enum RoomAnswer {
    Joined(RoomLink),
    Refused(Refusal),
    Left(Option<Tick>),
}

enum Event {
    Message(Inbound),
    RoomAnswer(RoomAnswer),
    Timeout,
    Stop,
    /// The connection is to be ended.
    Closing,
    Gone(Broken),
}

impl Task {
    async fn run(mut self) {
        let code = loop {
            self.carry_out_actions();
            match poll_fn(|cx| self.poll_event(cx)).await {
                Event::Message(Inbound::Close(code)) => {
                    // Who says goodbye does not come back; a page that is left or reloaded says 1001.
                    let is_goodbye = code == Some(CLOSE_NORMAL);
                    if let Some(link) = self.link.as_deref().filter(|_| is_goodbye) {
                        link.give_back();
                    }
                    break None;
                }
                Event::Message(message) => self.handle_message(message),
                Event::RoomAnswer(answer) => self.handle_room_answer(answer),
                Event::Timeout => {
                    self.connection.handle_timeout(Instant::now());
                    self.timer.as_mut().reset(self.connection.deadline().into());
                }
                Event::Stop => self.connection.close(CloseCode::Restart),
                Event::Closing => break self.mailbox.take(&mut self.batch),
                Event::Gone(broken) => {
                    if !broken.is_end() {
                        debug!(error = %broken, "the connection broke");
                    }
                    break broken.code;
                }
            }
        };
        self.mailbox.abandon();
        self.count_received();
        self.metrics.net.closes(code.unwrap_or(CloseCode::Normal)).inc();
        for message in &self.batch {
            self.metrics.net.sent_bytes.inc_by(framed_bytes(message.len()));
        }
        // In a place of its own, which no connection needs before its end.
        Box::pin(self.socket.finish(self.batch, code)).await;
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
        if !self.connection.is_waiting_for_room() {
            // A flood of small messages comes in few reads: without this, it would keep others waiting.
            let turn = ready!(poll_proceed(cx));
            if let Poll::Ready(message) = self.socket.poll_message(cx) {
                turn.made_progress();
                return Poll::Ready(message.map_or_else(Event::Gone, Event::Message));
            }
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
            if let Err(broken) = ready!(self.socket.poll_flush(cx)) {
                return Poll::Ready(Event::Gone(broken));
            }
            if mail == Mail::None {
                return Poll::Pending;
            }
            self.mailbox.take(&mut self.batch);
            for message in self.batch.drain(..) {
                self.metrics.net.sent_bytes.inc_by(framed_bytes(message.len()));
                if let Err(broken) = self.socket.start_send(Outbound::Binary(message)) {
                    return Poll::Ready(Event::Gone(broken));
                }
            }
        }
    }

    fn count_received(&mut self) {
        self.metrics.net.received_bytes.inc_by(self.socket.take_received_bytes());
    }

    fn handle_message(&mut self, message: Inbound) {
        let now = Instant::now();
        self.count_received();
        match message {
            Inbound::Binary(message) => {
                if message.first() == Some(&(ClientTag::Control as u8)) {
                    self.metrics.net.received_controls.inc();
                }
                self.connection.handle_binary(&message, now);
            }
            Inbound::Text(_) => self.connection.handle_text(),
            Inbound::Control => self.connection.handle_ping(now),
            // Ends the task before.
            Inbound::Close(_) => {}
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
                    let _ = self.socket.start_send(Outbound::Ping);
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
                    let (rooms, total) = self.rooms.list(&RoomFilter::of_game(game.as_deref()), skip);
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
}

/// A message's bytes with the head of its one frame (RFC 6455, section 5.2).
fn framed_bytes(payload: usize) -> u64 {
    let length = match payload {
        0..=125 => 0,
        126..=65_535 => 2,
        _ => 8,
    };
    (2 + length + payload) as u64
}
