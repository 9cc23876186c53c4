//! Plays a tape to everyone who joins: as many bytes and writes as a real server has, and no game behind them.
//!
//! One thread has all connections, and all rooms tick in the same moment. At each tick it reads once of each and writes
//! once to each.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use socket2::SockRef;

use super::{Exchange, Line, Seat, Show, Tape};
use crate::timing::{sharpen_sleep, sleep_until};
use crate::ws;

/// A tick that begins so long after its time is late.
const LATE: Duration = Duration::from_millis(5);

/// Serves until stdin ends. Says where in its first line; each line of stdin is answered by the counters so
/// far, and its end by the last ones, each a line of JSON.
pub fn serve(tape: &Tape, exchange: &mut dyn Exchange) -> Result<()> {
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
    let mut server = Server { lines: Vec::new(), show: Show::new(tape), exchange };
    server.run(&arrived, &asked)?;
    println!("{}", server.show.counters.json());
    Ok(())
}

struct Server<'a> {
    lines: Vec<Line>,
    show: Show<'a>,
    exchange: &'a mut dyn Exchange,
}

impl Server<'_> {
    fn run(&mut self, arrived: &Receiver<TcpStream>, asked: &Receiver<()>) -> Result<()> {
        sharpen_sleep()?;
        let (began, period) = (Instant::now(), Duration::from_secs(1) / u32::from(self.show.tape.tick_hz));
        for number in 1.. {
            let due = began + period * number;
            sleep_until(due);
            let begins = Instant::now();
            self.note_begin(begins - due);
            for stream in arrived.try_iter() {
                self.show.counters.changes += 1;
                self.lines.push(Line { stream, seat: Seat::default() });
            }
            self.tick()?;
            self.note_end(begins.elapsed());
            match asked.try_recv() {
                Ok(()) => println!("{}", self.show.counters.json()),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break,
            }
        }
        Ok(())
    }

    fn note_begin(&mut self, late: Duration) {
        let counters = &mut self.show.counters;
        counters.ticks += 1;
        counters.ticks_late += u64::from(late > LATE);
        counters.late_max = counters.late_max.max(late);
    }

    fn note_end(&mut self, pass: Duration) {
        let counters = &mut self.show.counters;
        counters.pass_max = counters.pass_max.max(pass);
        counters.passes += pass;
    }

    fn tick(&mut self) -> Result<()> {
        let Self { lines, show, exchange } = self;
        exchange.exchange(lines, show)?;
        lines.retain(|line| !line.seat.is_gone());
        show.counters.playing = lines.iter().filter(|line| line.seat.is_playing()).count();
        Ok(())
    }
}
