//! Many clients in one thread, in a process of its own.
//!
//! They join by the protocol, read the heads of what they are shown, and send inputs with acks. Their sockets are read
//! together, once in each sweep; between two sweeps nobody is woken, so that who writes to them pays for no wake-up.
//! Each line of stdin is a command, answered by a line of JSON; the end of stdin ends all.

mod door;
mod figures;
mod line;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use fracas_benches::timing::{sharpen_sleep, sleep_until};
use fracas_shared::Tick;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use serde_json::{Value, json};

use crate::speech::Inputs;
use door::{Arrived, Door};
use figures::Figures;
use line::Line;

/// From one look at all sockets to the next: many times in a tick.
const SWEEP: Duration = Duration::from_millis(1);
/// More than ever waits on a connection that is read.
const READ_BYTES: usize = 256 * 1024;
/// Connections that are looked at after one question to the system, at most.
const EVENTS_MAX: usize = 4096;
/// What stands for a client that stalls reads nothing.
const STALL: &str = "stall";
/// It reads again.
const DRAIN: &str = "drain";

/// Who they are and what they do.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Where the server listens.
    #[arg(long)]
    pub(crate) server: SocketAddr,
    /// How many they are.
    #[arg(long)]
    pub(crate) clients: usize,
    /// How many of them stop reading at the command `stall`; the kernel keeps as little as it can for these.
    #[arg(long, default_value_t = 0)]
    pub(crate) stalling: usize,
    /// How many come in a second.
    #[arg(long, default_value_t = 500.0)]
    pub(crate) ramp: f64,
    /// What they play.
    #[arg(long, default_value = "arena")]
    pub(crate) game: String,
    /// The options of their rooms, as JSON.
    #[arg(long)]
    pub(crate) room: String,
    /// Inputs of each in a second, of the arena; with 0 they acknowledge once a second and do nothing else.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) inputs: f64,
    /// Whether each opens a room of its own.
    #[arg(long)]
    pub(crate) apart: bool,
}

/// Plays until stdin ends.
pub(crate) fn run(options: &Options) -> Result<()> {
    sharpen_sleep()?;
    let asked = listen();
    let mut crowd = Crowd::new(options)?;
    let mut due = Instant::now();
    loop {
        // Who is behind makes up for nothing: all that has come is taken by the next sweep.
        due = (due + SWEEP).max(Instant::now());
        sleep_until(due);
        crowd.figures.sweeps.record(due.elapsed());
        crowd.admit()?;
        crowd.sweep()?;
        match asked.try_recv() {
            Ok(command) => println!("{}", crowd.answer(&command)?),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
    }
}

/// The lines of stdin.
fn listen() -> Receiver<String> {
    let (asking, asked) = mpsc::channel();
    thread::spawn(move || {
        let _ = io::stdin().lines().try_for_each(|line| asking.send(line.ok()?).ok());
    });
    asked
}

/// All clients.
struct Crowd {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
    door: Door,
    lines: Vec<Line>,
    figures: Figures,
    shared: Shared,
}

/// What clients share.
struct Shared {
    inputs: Inputs,
    /// From one input, or ack of who sends none, to the next.
    interval: Duration,
    has_inputs: bool,
    /// Places in `newest` by the room's id.
    rooms: BTreeMap<String, usize>,
    /// The newest tick that anyone of the room has seen.
    newest: Vec<Tick>,
}

impl Crowd {
    fn new(options: &Options) -> Result<Self> {
        let has_inputs = options.inputs > 0.0;
        let per_s = if has_inputs { options.inputs } else { 1.0 };
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(EVENTS_MAX),
            buffer: vec![0; READ_BYTES],
            door: Door::open(options)?,
            lines: Vec::with_capacity(options.clients),
            figures: Figures::new(),
            shared: Shared {
                inputs: Inputs::new(),
                interval: Duration::from_secs_f64(1.0 / per_s),
                has_inputs,
                rooms: BTreeMap::new(),
                newest: Vec::new(),
            },
        })
    }

    /// Takes who has come to the door.
    fn admit(&mut self) -> Result<()> {
        while let Some(Arrived { stream, may_stall }) = self.door.next()? {
            let place = epoll::EventData::new_u64(self.lines.len() as u64);
            epoll::add(&self.epoll, &stream, place, epoll::EventFlags::IN | epoll::EventFlags::ET)?;
            let number = self.lines.len();
            self.lines.push(Line::new(stream, may_stall, number, &self.shared));
            // What came before it was watched is told by nobody.
            self.read(number)?;
        }
        Ok(())
    }

    /// Reads all that has come.
    fn sweep(&mut self) -> Result<()> {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&at_once))?;
        for place in 0..self.events.len() {
            self.read(self.events[place].data.u64() as usize)?;
        }
        self.events.clear();
        Ok(())
    }

    fn read(&mut self, number: usize) -> Result<()> {
        self.lines[number].read(&mut self.buffer, &mut self.shared, &mut self.figures)
    }

    fn answer(&mut self, command: &str) -> Result<Value> {
        match command {
            "" => {}
            STALL => self.set_stalled(true)?,
            DRAIN => self.set_stalled(false)?,
            other => bail!("no command '{other}'"),
        }
        let playing = self.lines.iter().filter(|line| line.is_playing()).count();
        let mut told = self.figures.take();
        told["playing"] = json!(playing);
        told["rooms"] = json!(self.shared.rooms.len());
        Ok(told)
    }

    fn set_stalled(&mut self, is_stalled: bool) -> Result<()> {
        for number in 0..self.lines.len() {
            if self.lines[number].set_stalled(is_stalled, &self.shared) && !is_stalled {
                self.read(number)?;
            }
        }
        Ok(())
    }
}
