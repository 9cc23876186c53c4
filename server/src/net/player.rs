//! Players, on whatever wire: a task reads and writes it, or the ticks of a room do, and what the
//! [`Connection`] wants done is carried out.

mod ticked;

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use fracas_shared::message::ServerMessage;
use fracas_shared::packet::ClientTag;
use fracas_shared::{CloseCode, LineProfile, Refusal, Tick};
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::coop::poll_proceed;
use tokio::time::sleep_until;
use tracing::{Instrument, debug, debug_span};

use super::caller::Caller;
use super::conditioner::Conditioned;
use super::connection::{Action, Connection};
use super::mailbox::{Mail, Mailbox};
use super::wire::{Broken, Inbound, Wire};
use crate::auth::Claims;
use crate::metrics::{Counted, Metrics};
use crate::room_filter::RoomFilter;
use crate::rooms::{Applicant, Identity, RoomLink, Rooms};
use crate::shutdown::Shutdown;

/// A room that ticks less often drives no connection: what is asked between its ticks would wait for long.
const TICKED_HZ_MIN: u16 = 10;

/// Of more messages at once no connection keeps the memory.
const BATCH_USUAL: usize = 8;

/// What all players of a server share.
#[derive(Clone)]
pub struct Players {
    /// Where they play.
    pub rooms: Rooms,
    /// Where they are counted.
    pub metrics: Metrics,
    /// When they are to go.
    pub shutdown: Shutdown,
    /// What is made of their lines, until told otherwise of one.
    pub line: LineProfile,
}

/// What a player's connection keeps for as long as it is there.
pub struct Kept {
    /// The server waits for the last of these to go before it is stopped.
    pub(super) _open: mpsc::Sender<()>,
    /// Places and counts.
    pub(super) _while_there: Box<dyn Send>,
}

/// One player's connection.
pub struct Player<W> {
    wire: Conditioned<W>,
    connection: Connection,
    mailbox: Mailbox,
    /// What is being written.
    batch: Vec<Bytes>,
    link: Option<Arc<RoomLink>>,
    room_answer: Option<Pin<Box<dyn Future<Output = RoomAnswer> + Send>>>,
    identity: Identity,
    claims: Arc<str>,
    address: IpAddr,
    players: Players,
    /// What came while a tick drove it, and is the task's to handle.
    pending: Option<Event>,
    /// Whether a room's ticks may drive it.
    may_be_ticked: bool,
    /// While they do.
    ticked: Option<Counted>,
    /// Whether all that waited was written when it was last looked.
    has_written: bool,
    runtime: Handle,
    _kept: Kept,
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
    /// There is nothing to do but what a tick can do.
    Settled,
    /// The connection is to be ended.
    Closing,
    Gone(Broken),
}

impl<W: Wire> Player<W> {
    /// A player on this wire, whose conversation may have begun already. `kept` is held to the end.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn new(
        wire: W,
        connection: Connection,
        caller: &Caller,
        claims: &Claims,
        players: Players,
        kept: Kept,
    ) -> Box<Self> {
        Box::new(Self {
            wire: Conditioned::new(wire, players.line),
            connection,
            mailbox: Mailbox::default(),
            batch: Vec::new(),
            link: None,
            room_answer: None,
            identity: match claims.get("sub").and_then(|sub| sub.as_str()) {
                Some(account) => account.into(),
                None => caller.address.to_string().into(),
            },
            claims: claims.to_json(),
            address: caller.address,
            players,
            pending: None,
            may_be_ticked: false,
            ticked: None,
            has_written: false,
            runtime: Handle::current(),
            _kept: kept,
        })
    }

    /// Serves the player to the connection's end.
    pub async fn run(self: Box<Self>) {
        let address = self.address;
        // Those who do not look for faults need not pay for it.
        self.serve().instrument(debug_span!("connection", client = %address)).await;
    }

    async fn serve(mut self: Box<Self>) {
        let shutdown = self.players.shutdown.clone();
        let (mut timer, mut stop) =
            (pin!(sleep_until(self.connection.deadline().into())), pin!(shutdown.wait().fuse()));
        let code = loop {
            self.carry_out_actions();
            let event = poll_fn(|cx| match self.poll_event(cx) {
                Poll::Ready(event) => Poll::Ready(event),
                Poll::Pending if timer.as_mut().poll(cx).is_ready() => Poll::Ready(Event::Timeout),
                Poll::Pending if stop.as_mut().poll(cx).is_ready() => Poll::Ready(Event::Stop),
                Poll::Pending if self.is_settled() => Poll::Ready(Event::Settled),
                Poll::Pending => Poll::Pending,
            });
            match event.await {
                Event::Message(Inbound::Close(code)) => {
                    // Who says goodbye does not come back; a page that is left or reloaded says 1001.
                    let is_goodbye = code == Some(CloseCode::Normal.number());
                    if let Some(link) = self.link.as_deref().filter(|_| is_goodbye) {
                        link.give_back();
                    }
                    break None;
                }
                Event::Message(message) => self.handle_message(message),
                Event::RoomAnswer(answer) => self.handle_room_answer(answer),
                Event::Timeout => {
                    self.connection.handle_timeout(Instant::now());
                    timer.as_mut().reset(self.connection.deadline().into());
                }
                Event::Stop => self.connection.close(CloseCode::Restart),
                Event::Settled => match self.hand_over() {
                    Ok(()) => return,
                    Err(player) => self = player,
                },
                Event::Closing => break self.mailbox.take(&mut self.batch),
                Event::Gone(broken) => {
                    if broken.error.is_some() {
                        debug!(error = %broken, "the connection broke");
                    }
                    break broken.code;
                }
            }
        };
        self.mailbox.abandon();
        self.count_received();
        self.players.metrics.net.closes(code.unwrap_or(CloseCode::Normal)).inc();
        for message in &self.batch {
            self.players.metrics.net.sent_bytes.inc_by(self.wire.bytes_of(message));
        }
        // In a place of its own, which no connection needs before its end.
        Box::pin(self.wire.finish(self.batch, code)).await;
    }

    /// What happens next; the room's answer before the messages that it sent after it.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Some(event) = self.pending.take() {
            return Poll::Ready(event);
        }
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
            if let Poll::Ready(message) = self.wire.poll_message(cx) {
                turn.made_progress();
                return Poll::Ready(message.map_or_else(Event::Gone, Event::Message));
            }
        }
        Poll::Pending
    }

    /// Whether there is nothing to do but what the ticks of a room may do.
    fn is_settled(&self) -> bool {
        self.may_be_ticked && self.has_written && !self.connection.is_waiting_for_room()
    }

    /// Writes batch after batch; the next one is taken only when the last one has left.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        self.has_written = false;
        loop {
            // Asked also while the line is stuck: that is when a connection must be ended.
            let mail = self.mailbox.poll_mail(cx.waker());
            if let Mail::Line(line) = mail {
                self.wire.set_line(line);
                continue;
            }
            if mail == Mail::Last {
                return Poll::Ready(Event::Closing);
            }
            if let Err(broken) = ready!(self.wire.poll_flush(cx)) {
                return Poll::Ready(Event::Gone(broken));
            }
            if mail == Mail::None {
                self.has_written = true;
                return Poll::Pending;
            }
            self.mailbox.take(&mut self.batch);
            if let Err(event) = self.send_batch() {
                return Poll::Ready(event);
            }
        }
    }

    fn send_batch(&mut self) -> Result<(), Event> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let bytes = self.batch.iter().map(|message| self.wire.bytes_of(message)).sum();
        self.players.metrics.net.sent_bytes.inc_by(bytes);
        let sent = self.wire.send_all(&mut self.batch).map_err(Event::Gone);
        if self.batch.capacity() > BATCH_USUAL {
            self.batch = Vec::new();
        }
        sent
    }

    fn count_received(&mut self) {
        self.players.metrics.net.received_bytes.inc_by(self.wire.take_received_bytes());
    }

    fn handle_message(&mut self, message: Inbound) {
        let now = Instant::now();
        self.count_received();
        match message {
            Inbound::Binary(message) => {
                if message.first() == Some(&(ClientTag::Control as u8)) {
                    self.players.metrics.net.received_controls.inc();
                }
                self.connection.handle_binary(&message, now);
            }
            Inbound::Text => self.connection.handle_text(),
            Inbound::Control => self.connection.handle_ping(now),
            // Ends the task before.
            Inbound::Close(_) => {}
        }
    }

    fn handle_room_answer(&mut self, answer: RoomAnswer) {
        match answer {
            RoomAnswer::Joined(link) => {
                self.may_be_ticked = link.tick_hz() >= TICKED_HZ_MIN;
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
                Action::Ping => self.wire.ping(),
                Action::Join { wanted, name, schema_hash } => {
                    let (port, set_line) = (Box::new(self.mailbox.port()), self.mailbox.line_setter());
                    let (rooms, address) = (self.players.rooms.clone(), self.address);
                    let (claims, identity) = (self.claims.clone(), self.identity.clone());
                    self.room_answer = Some(Box::pin(async move {
                        let applicant =
                            Applicant { name, claims, identity, address, schema_hash, port, set_line };
                        match rooms.enter(wanted, applicant).await {
                            Ok(link) => RoomAnswer::Joined(link),
                            Err(refusal) => RoomAnswer::Refused(refusal),
                        }
                    }));
                }
                Action::Leave => {
                    self.may_be_ticked = false;
                    let link = self.link.take();
                    self.room_answer = Some(Box::pin(async move {
                        RoomAnswer::Left(match link {
                            Some(link) => link.leave().await,
                            None => None,
                        })
                    }));
                }
                Action::List { game, skip } => {
                    let (rooms, total) = self.players.rooms.list(&RoomFilter::of_game(game.as_deref()), skip);
                    self.send(&ServerMessage::Rooms { rooms, total: total as u32 });
                }
                Action::Input(packet) => {
                    self.players.metrics.net.received_inputs.inc();
                    if let Some(link) = &self.link {
                        link.input(packet);
                    }
                }
                Action::Message(packet) => {
                    self.players.metrics.net.received_messages.inc();
                    self.pass_on(|link| link.message(packet));
                }
                Action::Say(chat) => {
                    self.players.metrics.net.received_messages.inc();
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
            self.players.metrics.net.refused(refusal);
        }
        self.mailbox.send(Bytes::from(message.to_bytes()));
    }
}
