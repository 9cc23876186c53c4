//! Where clients come from: threads that open connections, each of which has said what it wants.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fracas_benches::timing::sleep_until;
use fracas_benches::ws;
use fracas_shared::message::RoomWanted;
use socket2::{Domain, Socket, Type};
use std::io::Write as _;

use super::Options;
use crate::speech;

/// Connections that are opened at the same time.
const THREADS: usize = 4;
/// Of one address: fewer than the ports that a system gives by itself.
const CLIENTS_PER_ADDRESS: usize = 10_000;
/// What the kernel is asked to keep for a client that may stall; it takes twice as much. So little that the server notices
/// soon, and enough for what was on its way to be taken by a few sweeps.
const STALLING_RECEIVE_BYTES: usize = 6 * 1024;
/// The bytes of a segment that every line takes (RFC 9293, 3.7.1). On loopback there fit 64 KiB into one, which is more than
/// those keep: then the server's kernel sends nothing of its own accord, and waits for its timer of 200 ms.
const STALLING_SEGMENT_BYTES: u32 = 536;

/// One who has come.
pub(super) struct Arrived {
    /// It does not block.
    pub(super) stream: TcpStream,
    pub(super) may_stall: bool,
}

/// Gives those who have come.
pub(super) struct Door(Receiver<Result<Arrived>>);

impl Door {
    pub(super) fn open(options: &Options) -> Result<Self> {
        let (game, room) = (options.game.clone(), options.room.clone());
        let room = if options.apart {
            RoomWanted::Create { game, options: room }
        } else {
            RoomWanted::JoinOrCreate { game, options: room }
        };
        let join = Arc::new(speech::join(room, &options.game)?);
        let (arriving, arrived) = mpsc::channel();
        let (began, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..THREADS {
            let (options, join, next, arriving) =
                (options.clone(), join.clone(), next.clone(), arriving.clone());
            thread::spawn(move || connect_all(&options, &join, began, &next, &arriving));
        }
        Ok(Self(arrived))
    }

    /// The next one who is there by now.
    pub(super) fn next(&self) -> Result<Option<Arrived>> {
        match self.0.try_recv() {
            Ok(arrived) => arrived.map(Some),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => Ok(None),
        }
    }
}

/// Opens connections, each at its time, until there are as many as wanted.
fn connect_all(
    options: &Options,
    join: &[u8],
    began: Instant,
    next: &AtomicUsize,
    arriving: &Sender<Result<Arrived>>,
) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= options.clients {
            return;
        }
        sleep_until(began + Duration::from_secs_f64(number as f64 / options.ramp));
        if arriving.send(connect(options, join, number)).is_err() {
            return;
        }
    }
}

fn connect(options: &Options, join: &[u8], number: usize) -> Result<Arrived> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Those who stall are spread over all rooms.
    let may_stall =
        (number + 1) * options.stalling / options.clients > number * options.stalling / options.clients;
    if may_stall {
        socket.set_recv_buffer_size(STALLING_RECEIVE_BYTES)?;
        socket.set_tcp_mss(STALLING_SEGMENT_BYTES)?;
    }
    let host = 1 + (number / CLIENTS_PER_ADDRESS) as u32;
    let from = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 0, 0)) + host);
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&options.server.into()).with_context(|| format!("client {number} cannot connect"))?;
    let mut stream = TcpStream::from(socket);
    ws::upgrade(&mut stream).with_context(|| format!("client {number}"))?;
    stream.write_all(&speech::hello(&format!("crowd{number}")))?;
    stream.write_all(join)?;
    stream.set_nonblocking(true)?;
    Ok(Arrived { stream, may_stall })
}
