//! The control: a program that reads the same bytes and writes as many, and does nothing else.
//!
//! No decoding, no timers, no report of each update: what is left is what the system takes for it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use fracas_arena::Arena;
use fracas_benches::process::Cpu;
use fracas_benches::timing::sharpen_sleep;
use fracas_benches::ws::{self, BINARY, CLIENT_HEAD_BYTES, CLOSE};
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, RoomWanted, ServerMessage};
use fracas_shared::packet::{ClientTag, InputHead, LooseRow, RowCodec, ServerTag};
use fracas_shared::{Game, Schema, Tick, ViewTime};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use serde_json::json;

/// More than ever waits on a connection.
const READ_BYTES: usize = 64 * 1024;
/// Connections that are looked at after one wait, at most.
const EVENTS_MAX: usize = 1024;
/// After the last join, before anything is measured.
const SETTLING: Duration = Duration::from_millis(500);
/// Longer than any wait for the server here.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the control is to do.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Where the tape server listens.
    #[arg(long)]
    server: SocketAddr,
    /// How many connections.
    #[arg(long, default_value_t = 1000)]
    clients: usize,
    /// Connections opened in a second.
    #[arg(long, default_value_t = 500.0)]
    ramp: f64,
    /// How long to play once all have joined.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Inputs of each connection in a second.
    #[arg(long, default_value_t = 20.0)]
    inputs: f64,
    /// Pause so long after each round, so that more has come by the next one.
    #[arg(long, default_value_t = 0, value_name = "MICROSECONDS")]
    coalesce_us: u64,
    /// Wait for what is there, not for what has come.
    #[arg(long)]
    level: bool,
}

/// Plays, and prints what it took.
pub(crate) fn run(options: &Options) -> Result<()> {
    sharpen_sleep()?;
    let mut bare = Bare::new(options)?;
    while bare.lines.len() < options.clients || bare.lines.iter().any(|line| line.newest.is_none()) {
        bare.round()?;
    }
    bare.until(Instant::now() + SETTLING)?;
    let (before, cpu_before, began) = (bare.counters, Cpu::of_this()?, Instant::now());
    bare.until(began + Duration::from_secs_f64(options.seconds).saturating_sub(SETTLING))?;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), Cpu::of_this()? - cpu_before);
    let Counters { waits, reads, bytes_in, writes, bytes_out } = bare.counters;
    let report = json!({
        "seconds": seconds,
        "user_s": cpu.user_s,
        "system_s": cpu.system_s,
        "waits": waits - before.waits,
        "reads": reads - before.reads,
        "bytes_in": bytes_in - before.bytes_in,
        "writes": writes - before.writes,
        "bytes_out": bytes_out - before.bytes_out,
    });
    bare.leave()?;
    println!("{report}");
    Ok(())
}

#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    waits: u64,
    reads: u64,
    bytes_in: u64,
    writes: u64,
    bytes_out: u64,
}

struct Line {
    stream: TcpStream,
    /// The tick of the last update, as far as reads tell; none before the seat is there.
    newest: Option<u32>,
    /// What has come before the seat was there.
    greeting: Vec<u8>,
    next_input: Instant,
}

struct Bare<'a> {
    options: &'a Options,
    epoll: OwnedFd,
    lines: Vec<Line>,
    buffer: Vec<u8>,
    events: Vec<epoll::Event>,
    input: Vec<u8>,
    began: Instant,
    counters: Counters,
}

impl<'a> Bare<'a> {
    fn new(options: &'a Options) -> Result<Self> {
        Ok(Self {
            options,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            lines: Vec::new(),
            buffer: vec![0; READ_BYTES],
            events: Vec::with_capacity(EVENTS_MAX),
            input: input(),
            began: Instant::now(),
            counters: Counters::default(),
        })
    }

    fn until(&mut self, end: Instant) -> Result<()> {
        while Instant::now() < end {
            self.round()?;
        }
        Ok(())
    }

    /// One wait, and one read of each connection that has something.
    fn round(&mut self) -> Result<()> {
        let number = self.lines.len();
        let due = self.began + Duration::from_secs_f64(number as f64 / self.options.ramp);
        if number < self.options.clients && Instant::now() >= due {
            self.connect()?;
        }
        // At the latest when the next one is due to connect.
        let timeout = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout))?;
        self.counters.waits += 1;
        let now = Instant::now();
        for place in 0..self.events.len() {
            let line = self.events[place].data.u64() as usize;
            self.read(line, now)?;
        }
        self.events.clear();
        if self.options.coalesce_us > 0 {
            thread::sleep(Duration::from_micros(self.options.coalesce_us));
        }
        Ok(())
    }

    fn connect(&mut self) -> Result<()> {
        let mut stream = TcpStream::connect(self.options.server)?;
        ws::upgrade(&mut stream)?;
        let hello = ClientMessage::Hello {
            protocol: PROTOCOL_VERSION,
            name: format!("bare{}", self.lines.len()),
            client: "fracas-bots-bench".into(),
        };
        let room = RoomWanted::Join { game: Arena::ID.into() };
        let join = ClientMessage::Join { room, schema_hash: Schema::of::<Arena>().hash() };
        for message in [hello, join] {
            stream.write_all(&ws::client_frame(BINARY, &message.to_bytes()))?;
        }
        stream.set_nonblocking(true)?;
        let mut wanted = epoll::EventFlags::IN;
        if !self.options.level {
            wanted |= epoll::EventFlags::ET;
        }
        epoll::add(&self.epoll, &stream, epoll::EventData::new_u64(self.lines.len() as u64), wanted)?;
        self.lines.push(Line { stream, newest: None, greeting: Vec::new(), next_input: Instant::now() });
        Ok(())
    }

    fn read(&mut self, number: usize, now: Instant) -> Result<()> {
        let line = &mut self.lines[number];
        let count = line.stream.read(&mut self.buffer).context("the server went away")?;
        if count == 0 {
            bail!("the server hung up");
        }
        self.counters.reads += 1;
        self.counters.bytes_in += count as u64;
        let Some(newest) = &mut line.newest else {
            line.greeting.extend_from_slice(&self.buffer[..count]);
            line.newest = seat(&line.greeting)?;
            return Ok(());
        };
        *newest += 1;
        if now >= line.next_input {
            line.next_input += Duration::from_secs_f64(1.0 / self.options.inputs);
            let head = InputHead { tick: Tick(*newest + 1), ack: Tick(*newest), view_lag: 0 };
            let stamps = &mut self.input[CLIENT_HEAD_BYTES + 1..];
            stamps[..4].copy_from_slice(&head.tick.0.to_le_bytes());
            stamps[4..8].copy_from_slice(&head.ack.0.to_le_bytes());
            let count = line.stream.write(&self.input).context("the server does not read")?;
            self.counters.writes += 1;
            self.counters.bytes_out += count as u64;
        }
        Ok(())
    }

    /// Gives all seats back, and waits for the server to hang up.
    fn leave(self) -> Result<()> {
        let leave = ws::client_frame(BINARY, &ClientMessage::Leave.to_bytes());
        let close = ws::client_frame(CLOSE, &1000_u16.to_be_bytes());
        for line in &self.lines {
            (&line.stream).write_all(&[&leave[..], &close].concat())?;
        }
        for mut line in self.lines {
            line.stream.set_nonblocking(false)?;
            line.stream.set_read_timeout(Some(PATIENCE))?;
            while line.stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
        }
        Ok(())
    }
}

/// An input of the arena as a frame, with stamps to be filled in.
fn input() -> Vec<u8> {
    let newest = Tick(1);
    let view_lag = ViewTime::at(newest).parts_before(newest.next());
    let mut payload = vec![ClientTag::Input as u8];
    InputHead { tick: newest.next(), ack: newest, view_lag }.write(&mut payload);
    let row = LooseRow::of(&<Arena as Game>::Input::default(), |_| None);
    RowCodec::new(&Schema::of::<Arena>().inputs).encode(&row, &mut payload);
    ws::client_frame(BINARY, &payload)
}

/// The tick at which the seat was given, if the answer has come.
fn seat(mut bytes: &[u8]) -> Result<Option<u32>> {
    while let Some((frame, length)) = ws::split(bytes) {
        let payload = frame.payload();
        if let Ok((ServerTag::Control, message)) = ServerTag::split(&payload)
            && let ServerMessage::Joined(joined) = ServerMessage::from_bytes(message)?
        {
            return Ok(Some(joined.tick));
        }
        bytes = &bytes[length..];
    }
    Ok(None)
}
