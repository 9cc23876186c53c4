//! A session on a tokio socket.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use fracas_shared::limits::{CLOSE_TIME_MAX_S, IDLE_TIME_MAX_S};
use fracas_shared::message::{Hearers, Joined, RoomInfo, RoomWanted};
use fracas_shared::{Game, LineProfile, Row, Tick};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::backoff::{Backoff, ReconnectPolicy};
use crate::codecs::Codecs;
use crate::conditioner::Conditioned;
use crate::error::ClientError;
use crate::event::Event;
use crate::limits::CONNECT_TIME_MAX;
use crate::play::Stamp;
use crate::replica::{Replica, Update};
use crate::server_url::ServerUrl;
use crate::session::Session;
use crate::socket::{Inbound, Socket, Traffic};

/// What the server's log calls a client of this library.
const PROGRAM: &str = concat!("fracas-client/", env!("CARGO_PKG_VERSION"));
/// Silence after which a server is given up.
const SILENCE_MAX: Duration = Duration::from_secs(IDLE_TIME_MAX_S);

/// A session on a tokio socket.
///
/// Everything happens in its async methods, which must be called for anything to happen:
/// a client that does not poll [`Client::next_event`] is closed by the server. All of them may be
/// dropped before they are done, without losing a message. Sending never waits for the line: what
/// the kernel does not take goes out with the next call, and is bounded.
///
/// When the connection of a client with a seat breaks, it comes back by itself and takes the seat
/// up again, as its [`ReconnectPolicy`] says; [`Event::Lost`], [`Event::Reconnecting`] and then
/// [`Event::Joined`] tell. What was missed for good is in [`Joined::resumed`]. An error is for
/// when that failed: the seat is lost.
///
/// Dropping a client hangs up, and the server keeps its seat for some time; [`Client::leave`] gives
/// it back first, [`Client::close`] says goodbye.
pub struct Client {
    url: ServerUrl,
    session: Session,
    line: Line,
    /// What is made of this line, and of each that comes after it.
    profile: LineProfile,
    /// What its jitter is drawn from.
    profile_seed: u64,
    backoff: Option<Backoff>,
    /// Connections so far.
    connections: u32,
    started: Instant,
    connected_at: Instant,
    heard_at: Instant,
    /// One timer for acks and silence. It is left standing when what it waits for moves away, and
    /// set anew only when it fires, so a message costs it nothing.
    timer: Pin<Box<Sleep>>,
    /// Why sending failed. It is told once all has been read that came before: the server's own
    /// word on why it closed may be among that.
    send_error: Option<ClientError>,
    /// What went over the lines that are lost.
    traffic_before: Traffic,
}

enum Line {
    Up(Box<Conditioned>),
    /// Until the next try.
    Pausing(Pin<Box<Sleep>>),
    Connecting(Connecting),
}

type Connecting = Pin<Box<dyn Future<Output = Result<Socket, ClientError>> + Send>>;

impl Client {
    /// Connects to a server and greets it as a player of this name.
    ///
    /// `url` is `ws://host:port`, `http://host:port` or `host:port`. A name has 1 to 32 bytes and
    /// no control characters.
    pub async fn connect(url: &str, name: &str) -> Result<Self, ClientError> {
        Self::connect_to(&url.parse()?, name, PROGRAM).await
    }

    /// [`Client::connect`] for a program that has a name for the server's log.
    pub async fn connect_to(url: &ServerUrl, name: &str, program: &str) -> Result<Self, ClientError> {
        let connecting = async {
            let profile = LineProfile::default();
            let socket = Conditioned::new(Socket::open(url).await?, profile, 0);
            let now = Instant::now();
            let mut client = Self {
                url: url.clone(),
                session: Session::new(name, program),
                line: Line::Up(Box::new(socket)),
                profile,
                profile_seed: 0,
                backoff: Some(Backoff::new(ReconnectPolicy::default(), random_seed())),
                connections: 1,
                started: now,
                connected_at: now,
                heard_at: now,
                timer: Box::pin(sleep_until(now + SILENCE_MAX)),
                send_error: None,
                traffic_before: Traffic::default(),
            };
            client.wait_for(|event| matches!(event, Event::Welcome { .. })).await?;
            Ok(client)
        };
        let too_late = |_| ClientError::ConnectTimeout { url: url.to_string() };
        timeout(CONNECT_TIME_MAX, connecting).await.map_err(too_late)?
    }

    /// How the client comes back when its connection breaks; none: it does not.
    pub fn set_reconnect(&mut self, policy: Option<ReconnectPolicy>) {
        self.backoff = policy.map(|policy| Backoff::new(policy, random_seed()));
    }

    /// Makes the client's line worse, to try a game as players far away know it, or good again.
    ///
    /// What is sent and what comes from now on takes as long as the profile says. Nothing is lost and
    /// nothing is overtaken, also when the line was another one before. As ever, things happen in the
    /// client's async methods: what is on its way stays there meanwhile. The connections by which the
    /// client comes back have the same line.
    pub fn set_line(&mut self, profile: LineProfile) {
        self.set_seeded_line(profile, random_seed());
    }

    /// [`Client::set_line`] with a line whose jitter is drawn from this seed, if it was as it is
    /// before.
    pub fn set_seeded_line(&mut self, profile: LineProfile, seed: u64) {
        (self.profile, self.profile_seed) = (profile, seed);
        if let Line::Up(socket) = &mut self.line {
            socket.set_line(profile, seed);
        }
    }

    /// Takes the seat of a [`Room::resume_token`](crate::Room::resume_token) up again, in place of
    /// whoever has it. A token is kept by the room that made it, so it must be of game `G`.
    pub async fn resume<G: Game>(&mut self, token: impl Into<String>) -> Result<Replica<G>, ClientError> {
        self.join(RoomWanted::Resume { token: token.into(), received: None, attempt: None }).await
    }

    /// Takes a seat in a room of game `G`.
    ///
    /// # Errors
    /// [`ClientError::Refused`] leaves the client as it was. When the room has other rules than
    /// this program, or another game, the client is of no more use.
    pub async fn join<G: Game>(&mut self, room: RoomWanted) -> Result<Replica<G>, ClientError> {
        self.join_typed(room, Codecs::of::<G>()).await
    }

    /// [`Client::join`] with codecs that many clients share. They must be those of `G`.
    pub async fn join_typed<G: Game>(
        &mut self,
        room: RoomWanted,
        codecs: Arc<Codecs>,
    ) -> Result<Replica<G>, ClientError> {
        self.session.join_typed(room, codecs)?;
        Ok(Replica::new(self.wait_for_seat().await?))
    }

    /// Takes a seat in a room of any game; its rows are read by the schema that comes with it.
    pub async fn join_any(&mut self, room: RoomWanted) -> Result<Arc<Joined>, ClientError> {
        self.session.join(room)?;
        self.wait_for_seat().await
    }

    async fn wait_for_seat(&mut self) -> Result<Arc<Joined>, ClientError> {
        let is_answer = |event: &Event| matches!(event, Event::Joined(_) | Event::Refused(_));
        match self.wait_for(is_answer).await? {
            Event::Joined(joined) => Ok(joined),
            Event::Refused(refusal) => Err(ClientError::Refused(refusal)),
            _ => unreachable!("waited for one of these"),
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn next_event(&mut self) -> Result<Event, ClientError> {
        loop {
            if let Some(event) = self.session.poll_event() {
                return Ok(event);
            }
            self.progress().await?;
        }
    }

    /// The next event, applied to the replica.
    ///
    /// # Errors
    /// The connection is over, or the server sent a row that it should not have.
    pub async fn next_update<G: Game>(&mut self, replica: &mut Replica<G>) -> Result<Update<G>, ClientError> {
        Ok(replica.apply(self.next_event().await?)?)
    }

    /// Sends an input made from the newest frame: see [`Session::send_input`].
    pub fn send_input<'a, I: Row>(
        &'a mut self,
        input: &I,
    ) -> impl Future<Output = Result<Option<Tick>, ClientError>> + use<'a, I> {
        // Encoded before the first await, so that the input need not be `Sync`.
        let stamp = self.session.send_input(self.started.elapsed(), input);
        async move {
            self.send().await;
            Ok(stamp?)
        }
    }

    /// Sends an input for the tick that [`Play::advance`](crate::Play::advance) wants it for: see
    /// [`Session::send_stamped`].
    pub fn send_stamped<'a, I: Row>(
        &'a mut self,
        stamp: Stamp,
        input: &I,
    ) -> impl Future<Output = Result<bool, ClientError>> + use<'a, I> {
        let sent = self.session.send_stamped(self.started.elapsed(), stamp, input);
        async move {
            self.send().await;
            Ok(sent?)
        }
    }

    /// The time since the client was made: the `now` of its session and of a
    /// [`Play`](crate::Play).
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Sends a message of the game to the rules.
    pub fn send_message<'a, M: Row>(
        &'a mut self,
        message: &M,
    ) -> impl Future<Output = Result<(), ClientError>> + use<'a, M> {
        let sent = self.session.send_message(message);
        async move {
            self.send().await;
            Ok(sent?)
        }
    }

    /// Says something to others in the room: see [`Session::say`].
    pub async fn say(&mut self, to: Hearers, text: impl Into<String>) -> Result<(), ClientError> {
        self.session.say(to, text)?;
        self.send().await;
        Ok(())
    }

    /// Gives the seat back, and waits for the last tick that the player was part of. Events until
    /// then wait for [`Client::next_event`], or are dropped by the next join.
    pub async fn leave(&mut self) -> Result<Tick, ClientError> {
        self.session.leave()?;
        match self.wait_for(|event| matches!(event, Event::Left { .. })).await? {
            Event::Left { tick } => Ok(tick),
            _ => unreachable!("waited for this"),
        }
    }

    /// A page of rooms, `skip` of them passed over, and how many there are in all.
    pub async fn list(&mut self, game: Option<&str>, skip: u32) -> Result<(Vec<RoomInfo>, u32), ClientError> {
        self.session.list(game, skip)?;
        match self.wait_for(|event| matches!(event, Event::Rooms { .. })).await? {
            Event::Rooms { rooms, total } => Ok((rooms, total)),
            _ => unreachable!("waited for this"),
        }
    }

    /// The time to the server and back, and through its queues.
    pub async fn ping(&mut self) -> Result<Duration, ClientError> {
        let sent_at = Instant::now();
        let number = self.started.elapsed().as_micros() as u32;
        self.session.ping(number)?;
        self.wait_for(|event| matches!(event, Event::Pong { nonce } if *nonce == number)).await?;
        Ok(sent_at.elapsed())
    }

    /// Says goodbye, and waits at most [`CLOSE_TIME_MAX_S`] for the server to do so. Before that, what
    /// is on its way over a line that was made worse has as long to arrive.
    pub async fn close(self) {
        let Self { mut session, line: Line::Up(mut socket), .. } = self else { return };
        let time_max = Duration::from_secs(CLOSE_TIME_MAX_S);
        let _ = timeout(time_max, socket.deliver(&mut session)).await;
        // A server that does not answer is hung up on: that is what a client can do about it.
        let _ = timeout(time_max, socket.close()).await;
    }

    /// The session: for its room, and for requests whose answers are awaited as events. After a
    /// request comes [`Client::send`].
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// What went over the line so far.
    pub fn traffic(&self) -> Traffic {
        match &self.line {
            Line::Up(socket) => self.traffic_before + socket.traffic(),
            Line::Pausing(_) | Line::Connecting(_) => self.traffic_before,
        }
    }

    /// Gives the kernel what it takes of what is to be sent; never waits. That the line is broken
    /// is told by [`Client::next_event`].
    pub async fn send(&mut self) {
        poll_fn(|cx| {
            self.poll_send(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// The answer to a request; it does not come when the connection breaks meanwhile.
    async fn wait_for(&mut self, is_wanted: impl Fn(&Event) -> bool) -> Result<Event, ClientError> {
        let connection = self.connections;
        loop {
            if let Some(event) = self.session.take_event(&is_wanted) {
                return Ok(event);
            }
            self.progress().await?;
            if self.connections != connection {
                return Err(ClientError::Lost("the answer to a request was lost with it".into()));
            }
        }
    }

    /// Waits until a message has been handled, or the line is another one.
    async fn progress(&mut self) -> Result<(), ClientError> {
        poll_fn(|cx| self.poll_progress(cx)).await
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        loop {
            match &mut self.line {
                Line::Up(_) => {
                    return Poll::Ready(ready!(self.poll_line(cx)).or_else(|error| self.lose(error)));
                }
                Line::Pausing(pause) => {
                    ready!(pause.as_mut().poll(cx));
                    let url = self.url.clone();
                    self.line = Line::Connecting(Box::pin(async move {
                        let too_late = |_| ClientError::ConnectTimeout { url: url.to_string() };
                        timeout(CONNECT_TIME_MAX, Socket::open(&url)).await.map_err(too_late)?
                    }));
                }
                Line::Connecting(connecting) => match ready!(connecting.as_mut().poll(cx)) {
                    Ok(socket) => self.begin_anew(socket)?,
                    Err(error) => return Poll::Ready(self.lose(error)),
                },
            }
        }
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        loop {
            self.poll_send(cx);
            let Line::Up(socket) = &mut self.line else { return Poll::Pending };
            match socket.poll_message(cx)? {
                Poll::Ready(inbound) => {
                    self.heard_at = Instant::now();
                    if let Inbound::Message(bytes) = inbound {
                        return Poll::Ready(self.handle_message(&bytes));
                    }
                }
                Poll::Pending => {
                    if !socket.is_hearing()
                        && let Some(error) = self.send_error.take()
                    {
                        return Poll::Ready(Err(error));
                    }
                    ready!(self.poll_timer(cx))?;
                }
            }
        }
    }

    fn handle_message(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        let had_room = self.session.room().is_some();
        self.session.handle_message(self.heard_at - self.started, bytes)?;
        if had_room && self.session.room().is_none() {
            // The seat was asked for again, and not given. An end that was asked for is no refusal.
            let is_refusal = |event: &Event| matches!(event, Event::Refused(_));
            if let Some(Event::Refused(refusal)) = self.session.take_event(is_refusal) {
                return Err(ClientError::Refused(refusal));
            }
        }
        Ok(())
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) {
        if self.send_error.is_none()
            && let Line::Up(socket) = &mut self.line
            && let Poll::Ready(Err(error)) = socket.poll_send(cx, &mut self.session)
        {
            self.send_error = Some(error);
        }
    }

    /// Plans to come back, if that makes sense after such an error.
    fn lose(&mut self, error: ClientError) -> Result<(), ClientError> {
        let has_seat = self.session.room().is_some_and(|room| room.resume_token().is_some());
        let Some(backoff) = self.backoff.as_mut().filter(|_| has_seat && error.is_passing()) else {
            return Err(error);
        };
        if let Line::Up(socket) = &self.line {
            backoff.note_lived(self.connected_at.elapsed());
            self.traffic_before = self.traffic_before + socket.traffic();
            self.session.note(Event::Lost { reason: error.to_string() });
        }
        let Some((attempt, delay)) = backoff.next(self.session.retry_after()) else { return Err(error) };
        self.session.note(Event::Reconnecting { attempt, delay });
        self.line = Line::Pausing(Box::pin(sleep_until(Instant::now() + delay)));
        Ok(())
    }

    /// Goes on by another connection.
    fn begin_anew(&mut self, socket: Socket) -> Result<(), ClientError> {
        self.session.resume()?;
        self.line = Line::Up(Box::new(Conditioned::new(socket, self.profile, self.profile_seed)));
        self.send_error = None;
        self.connections += 1;
        self.connected_at = Instant::now();
        self.heard_at = self.connected_at;
        Ok(())
    }

    /// Ready when an ack is to be sent.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        loop {
            let ack_at = self.session.poll_timeout().map(|due| self.started + due);
            let silent_at = self.heard_at + SILENCE_MAX;
            let wake_at = ack_at.map_or(silent_at, |ack_at| ack_at.min(silent_at));
            if self.timer.deadline() > wake_at {
                self.timer.as_mut().reset(wake_at);
            }
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            if now >= silent_at {
                return Poll::Ready(Err(ClientError::Silent));
            }
            if ack_at.is_some_and(|ack_at| now >= ack_at) {
                self.session.handle_timeout(now - self.started);
                return Poll::Ready(Ok(()));
            }
            self.timer.as_mut().reset(wake_at);
        }
    }
}

/// A seed for the pauses between tries. Without randomness they are those of every such client.
fn random_seed() -> u64 {
    getrandom::u64().unwrap_or_default()
}
