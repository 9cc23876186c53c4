//! Plays a tape to everyone who joins: as many bytes and writes as a real server has, and no game behind them.
//!
//! One thread has all connections. At each tick it reads once of each and writes once to each.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use socket2::SockRef;

use crate::seat::{Seat, Stage};
use crate::tape::Tape;
use crate::timing::{sharpen_sleep, sleep_until};
use crate::ws;

/// A tick that begins so long after its time is late.
const LATE: Duration = Duration::from_millis(5);
/// More than a client says in a tick.
/// Ticks that a room waits for its players.
const ROOM_FILLS_TICKS: u64 = 30;
const READ_BYTES: usize = 16 * 1024;

/// What the server has done so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    playing: usize,
    pub(crate) joined: usize,
    pub(crate) writes: u64,
    pub(crate) bytes_out: u64,
    pub(crate) messages_in: u64,
    pub(crate) bytes_in: u64,
    /// Clients that did not read, and were dropped for it.
    pub(crate) stuck: u64,
    /// Clients that went without a word.
    pub(crate) hung_up: u64,
    /// Clients for whom the tape was too short.
    pub(crate) ran_out: u64,
    pub(crate) ticks: u64,
    /// When each room's first tick is due.
    room_starts: Vec<u64>,
    ticks_late: u64,
    late_max: Duration,
    /// From a tick's begin to its end: the longest, and all together.
    pass_max: Duration,
    passes: Duration,
}

impl Counters {
    /// The tick at which a room's match begins: some time after its first player has come, so that all are
    /// there and are shown the same tick at the same time.
    pub(crate) fn room_starts(&mut self, room: usize) -> u64 {
        if self.room_starts.len() <= room {
            self.room_starts.push(self.ticks + ROOM_FILLS_TICKS);
        }
        self.room_starts[room]
    }

    fn json(&self) -> Value {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        json!({
            "playing": self.playing,
            "joined": self.joined,
            "writes": self.writes,
            "bytes_out": self.bytes_out,
            "messages_in": self.messages_in,
            "bytes_in": self.bytes_in,
            "stuck": self.stuck,
            "hung_up": self.hung_up,
            "ran_out": self.ran_out,
            "ticks": self.ticks,
            "ticks_late": self.ticks_late,
            "late_ms_max": ms(self.late_max),
            "pass_ms_max": ms(self.pass_max),
            "pass_ms_sum": ms(self.passes),
        })
    }
}

/// Serves until stdin ends. Says where in its first line; each line of stdin is answered by the counters so
/// far, and its end by the last ones, each a line of JSON.
pub(crate) fn serve(tape: &Tape) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // The plainest there is: what paces its packets takes more of this core, and nothing gets lost here.
    SockRef::from(&listener).set_tcp_congestion(b"reno")?;
    println!("{}", listener.local_addr()?);
    let (asking, asked) = mpsc::channel();
    thread::spawn(move || {
        let asks = |line: io::Result<String>| line.is_ok() && asking.send(()).is_ok();
        io::stdin().lines().all(asks)
    });
    let (arriving, arrived) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Who does not manage to become a WebSocket is nobody; the others are to get in all the same.
            let is_open = ws::accept(&mut stream).and_then(|()| Ok(stream.set_nonblocking(true)?)).is_ok();
            if is_open && arriving.send(stream).is_err() {
                return;
            }
        }
    });
    let mut server = Server { tape, seats: Vec::new(), counters: Counters::default() };
    server.run(&arrived, &asked)?;
    println!("{}", server.counters.json());
    Ok(())
}

struct Server<'a> {
    tape: &'a Tape,
    seats: Vec<Seat>,
    counters: Counters,
}

impl Server<'_> {
    fn run(&mut self, arrived: &Receiver<TcpStream>, asked: &Receiver<()>) -> Result<()> {
        sharpen_sleep()?;
        let (began, period) = (Instant::now(), Duration::from_secs(1) / u32::from(self.tape.tick_hz));
        let mut buffers = Buffers { read: vec![0; READ_BYTES], write: Vec::new() };
        for number in 1.. {
            let due = began + period * number;
            sleep_until(due);
            let begins = Instant::now();
            self.note_begin(begins - due);
            self.seats.extend(arrived.try_iter().map(Seat::new));
            self.tick(&mut buffers)?;
            self.note_end(begins.elapsed());
            match asked.try_recv() {
                Ok(()) => println!("{}", self.counters.json()),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break,
            }
        }
        Ok(())
    }

    fn note_begin(&mut self, late: Duration) {
        self.counters.ticks += 1;
        self.counters.ticks_late += u64::from(late > LATE);
        self.counters.late_max = self.counters.late_max.max(late);
    }

    fn note_end(&mut self, pass: Duration) {
        self.counters.pass_max = self.counters.pass_max.max(pass);
        self.counters.passes += pass;
    }

    fn tick(&mut self, buffers: &mut Buffers) -> Result<()> {
        for seat in &mut self.seats {
            seat.listen(self.tape, &mut self.counters, &mut buffers.read)?;
            seat.play(self.tape, &mut self.counters, &mut buffers.write);
        }
        self.seats.retain(|seat| seat.stage != Stage::Gone);
        self.counters.playing =
            self.seats.iter().filter(|seat| matches!(seat.stage, Stage::Playing { .. })).count();
        Ok(())
    }
}

struct Buffers {
    read: Vec<u8>,
    write: Vec<u8>,
}
