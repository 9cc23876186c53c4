//! Sockets away from the reactor, by turns: what a room's ticks do with those of its players.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fracas_server::exchange;
use fracas_server::net::socket::{Inbound, Outbound, Socket};
use fracas_server::net::wire::Broken;
use fracas_shared::CloseCode;
use tokio::sync::oneshot;

/// From a turn in which nothing came to the next one.
const PERIOD: Duration = Duration::from_millis(1);

/// A thread that gives turns to sockets.
#[derive(Clone)]
pub(crate) struct Ticks(Sender<Ticked>);

/// A socket that left the reactor.
struct Ticked {
    socket: Socket,
    /// What was heard in this turn, to be said back.
    heard: Vec<Bytes>,
    /// Whether an answer waits for the line. Until it has left, nothing more is heard.
    is_stuck: bool,
    /// Where it goes back to.
    home: oneshot::Sender<(Socket, Option<CloseCode>)>,
}

/// Why a socket goes back to the reactor: with what to close it.
struct Over(Option<CloseCode>);

impl From<Broken> for Over {
    fn from(broken: Broken) -> Self {
        Self(broken.code)
    }
}

impl Ticks {
    /// Starts the thread; it ends when nobody can give it sockets any more.
    pub(crate) fn start() -> Self {
        let (arrive, arriving) = channel();
        thread::spawn(move || turns(&arriving));
        Self(arrive)
    }

    /// Says back what the socket hears, until it is to be closed: with what.
    pub(crate) async fn talk(&self, mut socket: Socket) -> (Socket, Option<CloseCode>) {
        if !socket.leave_reactor() {
            // There is no TLS here: so many are open that the system gives no second handle.
            return (socket, Some(CloseCode::Restart));
        }
        let (home, back) = oneshot::channel();
        let ticked = Ticked { socket, heard: Vec::new(), is_stuck: false, home };
        assert!(self.0.send(ticked).is_ok(), "the thread is there as long as this is");
        let (mut socket, code) = back.await.expect("it gives each socket back");
        // What cannot come back has lost its line.
        let code = socket.come_back().map_or_else(|broken| broken.code, |()| code);
        (socket, code)
    }
}

/// Turn after turn, until no more sockets come.
fn turns(arriving: &Receiver<Ticked>) {
    exchange::begin(true);
    let mut sockets: Vec<Ticked> = Vec::new();
    loop {
        if sockets.is_empty() {
            let Ok(first) = arriving.recv() else { return };
            arrive(&mut sockets, first);
        }
        loop {
            match arriving.try_recv() {
                Ok(next) => arrive(&mut sockets, next),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        if !turn(&mut sockets) {
            thread::sleep(PERIOD);
        }
    }
}

/// What was read of it already comes before all that is read by turns.
fn arrive(sockets: &mut Vec<Ticked>, mut ticked: Ticked) {
    match ticked.hear_rest() {
        Ok(()) => sockets.push(ticked),
        Err(over) => ticked.go_home(&over),
    }
}

/// Reads each socket once, then writes each once. Whether anything came.
fn turn(sockets: &mut Vec<Ticked>) -> bool {
    for ticked in sockets.iter_mut().filter(|ticked| !ticked.is_stuck) {
        ticked.socket.begin_turn();
    }
    exchange::carry_out();
    let now = Instant::now();
    each(sockets, |ticked| if ticked.is_stuck { Ok(()) } else { ticked.hear(now) });
    each(sockets, Ticked::flush);
    exchange::carry_out();
    each(sockets, Ticked::settle);
    sockets.iter_mut().fold(false, |any, ticked| (ticked.socket.take_received_bytes() > 0) | any)
}

/// Does this with each; those for whom it is over go home.
fn each(sockets: &mut Vec<Ticked>, mut act: impl FnMut(&mut Ticked) -> Result<(), Over>) {
    let mut place = 0;
    while let Some(ticked) = sockets.get_mut(place) {
        match act(ticked) {
            Ok(()) => place += 1,
            Err(over) => sockets.swap_remove(place).go_home(&over),
        }
    }
}

impl Ticked {
    /// Takes what has come.
    fn hear(&mut self, now: Instant) -> Result<(), Over> {
        let heard = &mut self.heard;
        let has_more = self.socket.hear(now, &mut |message| {
            heard.push(Bytes::copy_from_slice(message));
            true
        })?;
        if has_more {
            // What is said by the engine from now on comes after what was heard past it.
            for message in self.heard.drain(..) {
                self.socket.start_send(Outbound::Binary(message))?;
            }
            self.hear_rest()?;
        }
        Ok(())
    }

    /// Takes what the engine makes of what came.
    fn hear_rest(&mut self) -> Result<(), Over> {
        while let Poll::Ready(message) = self.socket.poll_message(&mut nobody()) {
            match message? {
                Inbound::Binary(bytes) => self.socket.start_send(Outbound::Binary(bytes))?,
                Inbound::Text(text) => self.socket.start_send(Outbound::Text(text))?,
                Inbound::Control => {}
                Inbound::Close(_) => return Err(Over(None)),
            }
        }
        Ok(())
    }

    /// Says back what was heard, if all before has left.
    fn flush(&mut self) -> Result<(), Over> {
        match self.socket.poll_flush(&mut nobody()) {
            Poll::Pending => {
                self.is_stuck = true;
                for message in self.heard.drain(..) {
                    self.socket.start_send(Outbound::Binary(message))?;
                }
            }
            Poll::Ready(flushed) => {
                flushed?;
                self.is_stuck = false;
                if !self.heard.is_empty() {
                    self.socket.write(&self.heard)?;
                    self.heard.clear();
                }
            }
        }
        Ok(())
    }

    /// Takes note of what the line took.
    fn settle(&mut self) -> Result<(), Over> {
        Ok(self.socket.settle()?)
    }

    fn go_home(self, over: &Over) {
        // Nobody waits for it any more when the runtime has ended.
        let _ = self.home.send((self.socket, over.0));
    }
}

/// Who is not woken: the next turn comes anyway.
fn nobody() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
