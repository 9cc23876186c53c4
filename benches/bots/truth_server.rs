//! A server of one room that delays known updates by a known schedule, and notes when it really wrote them.
//!
//! It is made of the encoders that both ends share. One thread writes all updates and reads all inputs, so that
//! nothing is between a note and what it is of: between two writes it looks whether an input has come.

use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use fracas_dots::{Config, Dots, View};
use fracas_shared::frame::FrameCodec;
use fracas_shared::message::{Joined, ServerMessage};
use fracas_shared::packet::{LooseRow, ServerTag};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Game as _, PlayerId, Schema, Tick};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;

use crate::notes::Notes;
use crate::truth_seat::{Seat, Stage, frame_of};
use fracas_benches::timing::sharpen_sleep;
use fracas_benches::ws::{self, BINARY};

/// Updates in a second.
pub(crate) const TICK_HZ: u16 = 50;
/// The room's seats.
const SEATS: u16 = 100;
/// Dots on the field.
const DOTS: u16 = 8;
/// Connections that are looked at at once, at most.
const EVENTS_MAX: usize = 256;
/// More than a client says at once.
const READ_BYTES: usize = 16 * 1024;

/// By how much each update is late.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Schedule {
    /// Not at all.
    Healthy,
    /// Every 20th by 15 ms, every 100th by 60 ms, and one by 400 ms every 5 s.
    Known,
}

impl Schedule {
    fn delay(self, number: u32) -> Duration {
        let ms = match self {
            Self::Known if number % 250 == 125 => 400,
            Self::Known if number % 100 == 50 => 60,
            Self::Known if number % 20 == 10 => 15,
            Self::Healthy | Self::Known => 0,
        };
        Duration::from_millis(ms)
    }
}

/// The server; stopped when dropped.
pub(crate) struct TruthServer {
    pub(crate) address: SocketAddr,
    playing: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Vec<Notes>>>>,
}

impl TruthServer {
    /// Starts one.
    pub(crate) fn start(schedule: Schedule) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (playing, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (arriving, arrived) = mpsc::channel();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let is_open =
                    ws::accept(&mut stream).and_then(|()| Ok(stream.set_nonblocking(true)?)).is_ok();
                if is_open && arriving.send(stream).is_err() {
                    return;
                }
            }
        });
        let (counted, asked) = (playing.clone(), is_over.clone());
        let thread = Some(thread::spawn(move || Room::new(schedule, counted, asked)?.run(&arrived)));
        Ok(Self { address, playing, is_over, thread })
    }

    /// How many play now.
    pub(crate) fn playing(&self) -> usize {
        self.playing.load(Ordering::Relaxed)
    }

    /// Stops it, with what it has noted of each player.
    pub(crate) fn stop(mut self) -> Result<Vec<Notes>> {
        self.is_over.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("it is stopped once")?;
        thread.join().map_err(|_| anyhow!("the server panicked"))?
    }
}

impl Drop for TruthServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// What is to be written to a seat.
struct Parcel {
    seat: usize,
    bytes: Vec<u8>,
    /// The stamp that the update tells of; none when it is no update.
    input_tick: Option<u32>,
}

struct Room {
    schedule: Schedule,
    seats: Vec<Seat>,
    tick: Tick,
    /// What waits, and until when.
    queue: VecDeque<(Instant, Vec<Parcel>)>,
    codec: FrameCodec,
    schema_hash: u32,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
    playing: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Room {
    fn new(schedule: Schedule, playing: Arc<AtomicUsize>, is_over: Arc<AtomicBool>) -> Result<Self> {
        let schema = Schema::of::<Dots>();
        Ok(Self {
            schedule,
            seats: Vec::new(),
            tick: Tick(100),
            queue: VecDeque::new(),
            codec: FrameCodec::new(&schema.views),
            schema_hash: schema.hash(),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(EVENTS_MAX),
            buffer: vec![0; READ_BYTES],
            playing,
            is_over,
        })
    }

    fn run(&mut self, arrived: &Receiver<TcpStream>) -> Result<Vec<Notes>> {
        sharpen_sleep()?;
        let (began, period) = (Instant::now(), Duration::from_secs(1) / u32::from(TICK_HZ));
        let mut number = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let due = began + period * number;
            let released_at = self.queue.front().map(|(released_at, _)| *released_at);
            if let Some(released_at) = released_at.filter(|released_at| *released_at <= due) {
                self.hear_until(released_at)?;
                self.release()?;
                continue;
            }
            self.hear_until(due)?;
            self.admit(arrived)?;
            let parcels = self.tick()?;
            // What is behind a late one waits as well: bytes of a connection have an order.
            let last = self.queue.back().map_or(due, |(released_at, _)| *released_at);
            self.queue.push_back((last.max(due + self.schedule.delay(number)), parcels));
            number += 1;
        }
        Ok(self.seats.drain(..).map(|seat| seat.notes).collect())
    }

    /// Takes what comes until then.
    fn hear_until(&mut self, until: Instant) -> Result<()> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
            epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout))?;
            let at = Instant::now();
            for event in self.events.drain(..) {
                let seat = &mut self.seats[event.data.u64() as usize];
                seat.listen(at, &mut self.buffer)?;
                if seat.stage == Stage::Gone {
                    epoll::delete(&self.epoll, &seat.stream)?;
                }
            }
            if left.is_zero() {
                return Ok(());
            }
        }
    }

    fn admit(&mut self, arrived: &Receiver<TcpStream>) -> Result<()> {
        for stream in arrived.try_iter() {
            let place = epoll::EventData::new_u64(self.seats.len() as u64);
            epoll::add(&self.epoll, &stream, place, epoll::EventFlags::IN)?;
            self.seats.push(Seat::new(stream));
        }
        Ok(())
    }

    /// Makes the updates of the next tick.
    fn tick(&mut self) -> Result<Vec<Parcel>> {
        self.tick = self.tick.next();
        let (tick, frame) = (self.tick, self.frame()?);
        let mut parcels = Vec::new();
        let mut playing = 0;
        for place in 0..self.seats.len() {
            let joined = frame_of(&self.joined(place));
            let seat = &mut self.seats[place];
            let control = |bytes| Parcel { seat: place, bytes, input_tick: None };
            match seat.stage {
                Stage::Lobby | Stage::Gone => continue,
                Stage::Joining => parcels.push(control(joined)),
                Stage::Playing | Stage::Leaving => {}
            }
            let bytes = seat.step(tick, &frame);
            parcels.push(Parcel { seat: place, bytes, input_tick: Some(seat.used) });
            if seat.stage == Stage::Leaving {
                parcels.push(control(frame_of(&ServerMessage::Left { tick: tick.0 })));
                seat.stage = Stage::Lobby;
            } else {
                seat.stage = Stage::Playing;
                playing += 1;
            }
        }
        self.playing.store(playing, Ordering::Relaxed);
        Ok(parcels)
    }

    fn release(&mut self) -> Result<()> {
        let (_, parcels) = self.queue.pop_front().context("something waits")?;
        for Parcel { seat, bytes, input_tick } in parcels {
            let at = Instant::now();
            let seat = &mut self.seats[seat];
            seat.write(&bytes)?;
            if let Some(input_tick) = input_tick {
                seat.notes.updates.push((at, input_tick));
            }
            self.hear_until(at)?;
        }
        Ok(())
    }

    fn joined(&self, seat: usize) -> ServerMessage {
        ServerMessage::Joined(Joined {
            room: "truth".into(),
            game: Dots::ID.into(),
            player: Some(seat as u16),
            seats: SEATS,
            tick_hz: TICK_HZ,
            tick: self.tick.0,
            schema_hash: self.schema_hash,
            config: serde_json::to_string(&Config::default()).unwrap_or_default(),
            ..Joined::default()
        })
    }

    /// The tick's frame: a keyframe, so that it is the same for all.
    fn frame(&self) -> Result<Vec<u8>> {
        let mut snapshot = Snapshot::new(self.tick);
        for number in 0..DOTS {
            let turn = (self.tick.0 as f32 / 50.0 + f32::from(number)).sin();
            let player = Some(PlayerId(number));
            let view = View { player, x: 20.0 + 10.0 * turn, y: 4.0 * f32::from(number), mass: 1.0 };
            let id = EntityId::new(number + 1).context("ids begin at 1")?;
            let codes = LooseRow::of(&view, |_| None).codes;
            snapshot.push(id, 0, |row| row.extend_from_slice(&codes));
        }
        snapshot.seal(BTreeMap::new());
        let mut payload = vec![ServerTag::Frame as u8];
        self.codec.encode(None, &snapshot, true, &mut payload);
        let mut bytes = Vec::new();
        ws::put_server_frame(BINARY, &payload, &mut bytes);
        Ok(bytes)
    }
}
