//! Records a tape: bots play a real match on a server of ours, and what it sends them is kept.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fracas_arena::Arena;
use fracas_client::{Codecs, Event, Replica, RoomWanted, Session, Update};
use fracas_shared::message::{SUBPROTOCOL, ServerMessage};
use fracas_shared::packet::ServerTag;
use fracas_shared::{Game as _, Pilot, Rng};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{Tape, Track};
use crate::Host;

/// A busy machine may cost a tick, and then the whole tape is of no use.
const TRIES: u32 = 3;

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Seats of the room, each played by a bot.
    pub seats: u16,
    /// The room's ticks in a second.
    pub tick_hz: u16,
    /// Inputs of each bot in a second; of more than ticks, there is one for each.
    pub inputs_per_s: f64,
}

impl Shape {
    /// Ticks from one input of a bot to its next.
    fn ticks_per_input(&self) -> u32 {
        (f64::from(self.tick_hz) / self.inputs_per_s).round().max(1.0) as u32
    }

    /// The room's options as JSON.
    pub fn room_options(&self) -> String {
        format!(r#"{{"seats":{},"tick_hz":{}}}"#, self.seats, self.tick_hz)
    }
}

/// Records a match that is so long from when all have joined.
pub fn record(shape: &Shape, length: Duration) -> Result<Tape> {
    let mut problem = None;
    for _ in 0..TRIES {
        match try_record(shape, length) {
            Ok(tape) => return Ok(tape),
            Err(error) => problem = Some(error),
        }
    }
    Err(problem.context("no try")?)
}

fn try_record(shape: &Shape, length: Duration) -> Result<Tape> {
    let host = Host::start(|config| {
        "warn".clone_into(&mut config.log);
        config.games.entry(Arena::ID.into()).or_default().bots = Some(0);
    })?;
    // Of hundreds of bots each decodes all that comes: more than one core can do.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let seats = runtime.block_on(play(host.address, shape, length))?;
    Ok(Tape { tick_hz: shape.tick_hz, seats })
}

/// Seats bots in one room, and lets them play.
async fn play(server: SocketAddr, shape: &Shape, length: Duration) -> Result<Vec<Track>> {
    let codecs = Codecs::of::<Arena>();
    let (all_have_joined, ends_at) = watch::channel(None);
    // The first one makes the room; the others come at once, so that all tracks begin at about the same tick.
    let join = |number| Player::join(server, number, *shape, codecs.clone());
    let first = join(0).await?;
    let room = first.replica.joined().room.clone();
    let mut plays = vec![tokio::spawn(first.play(ends_at.clone()))];
    let joins: Vec<_> = (1..usize::from(shape.seats)).map(|number| tokio::spawn(join(number))).collect();
    for join in joins {
        let player = join.await??;
        ensure!(player.replica.joined().room == room, "more rooms than one");
        plays.push(tokio::spawn(player.play(ends_at.clone())));
    }
    all_have_joined.send_replace(Some(Instant::now() + length));
    let mut tracks = Vec::new();
    for play in plays {
        tracks.push(play.await??);
    }
    Ok(tracks)
}

struct Player {
    socket: WebSocketStream<TcpStream>,
    session: Session,
    replica: Replica<Arena>,
    rules: Arena,
    mind: <Arena as Pilot>::Mind,
    rng: Rng,
    ticks_per_input: u32,
    began: Instant,
    joined: Vec<u8>,
    ticks: Vec<(u32, Vec<Vec<u8>>)>,
    /// What has come of the tick whose frame is still to come.
    waiting: Vec<Vec<u8>>,
}

impl Player {
    async fn join(server: SocketAddr, number: usize, shape: Shape, codecs: Arc<Codecs>) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let uri = format!("ws://{server}/ws").parse()?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
        let (mut socket, _) = client_async(request, stream).await?;
        let mut session = Session::new(format!("bot{number}"), "fracas-benches");
        let options = shape.room_options();
        session.join_typed(RoomWanted::JoinOrCreate { game: Arena::ID.into(), options }, codecs)?;
        let began = Instant::now();
        let (joined, replica) = loop {
            send(&mut socket, &mut session).await?;
            let payload = payload(&mut socket).await?;
            session.handle_message(began.elapsed(), &payload)?;
            if let Some(Event::Joined(joined)) = session.take_event(|event| matches!(event, Event::Joined(_)))
            {
                break (payload, Replica::new(joined));
            }
        };
        Ok(Self {
            socket,
            session,
            rules: replica.rules()?,
            replica,
            mind: <Arena as Pilot>::Mind::default(),
            rng: Rng::new(1, number as u64),
            ticks_per_input: shape.ticks_per_input(),
            began,
            joined,
            ticks: Vec::new(),
            waiting: Vec::new(),
        })
    }

    async fn play(mut self, ends_at: watch::Receiver<Option<Instant>>) -> Result<Track> {
        while ends_at.borrow().is_none_or(|ends_at| Instant::now() < ends_at) {
            let payload = payload(&mut self.socket).await?;
            self.session.handle_message(self.began.elapsed(), &payload)?;
            self.note(payload)?;
            while let Some(event) = self.session.poll_event() {
                self.handle(event)?;
            }
            send(&mut self.socket, &mut self.session).await?;
        }
        Ok(Track::new(self.joined, &self.ticks))
    }

    /// Keeps a payload with its tick, which ends with its frame. Answers that only this player waits for
    /// are none of the match.
    fn note(&mut self, payload: Vec<u8>) -> Result<()> {
        let (tag, message) = ServerTag::split(&payload)?;
        if tag == ServerTag::Control && !ServerMessage::from_bytes(message)?.is_reliable() {
            return Ok(());
        }
        self.waiting.push(payload);
        if tag != ServerTag::Frame {
            return Ok(());
        }
        let newest = self.session.room().and_then(|room| room.newest()).context("a frame that is lost")?;
        let tick = newest.tick().0;
        if let Some((last, _)) = self.ticks.last() {
            ensure!(tick == last + 1, "tick {tick} follows {last}: this machine has too much to do");
        }
        self.ticks.push((tick, std::mem::take(&mut self.waiting)));
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<()> {
        let Update::Frame { tick, .. } = self.replica.apply(event)? else { return Ok(()) };
        if tick.0.is_multiple_of(self.ticks_per_input)
            && let Some(seen) = self.replica.seen()
        {
            let input = self.rules.pilot(&mut self.mind, &seen, &mut self.rng);
            self.session.send_input(self.began.elapsed(), &input)?;
        }
        Ok(())
    }
}

async fn send(socket: &mut WebSocketStream<TcpStream>, session: &mut Session) -> Result<()> {
    while let Some(bytes) = session.poll_send() {
        socket.send(Message::binary(bytes)).await?;
    }
    Ok(())
}

async fn payload(socket: &mut WebSocketStream<TcpStream>) -> Result<Vec<u8>> {
    loop {
        match socket.next().await.context("the server hung up")?? {
            Message::Binary(payload) => return Ok(payload.into()),
            Message::Ping(_) | Message::Pong(_) => {}
            other => bail!("the server says {other:?}"),
        }
    }
}
