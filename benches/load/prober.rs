//! One client that watches the clock: what it waits for is measured to the moment when it comes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fracas_benches::ws::{self, CLOSE, PONG};
use fracas_shared::message::{ClientMessage, RoomWanted};
use fracas_shared::{Rng, Tick};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::setpriority_process;

use crate::speech;
use crate::viewer::{Heard, Viewer};

/// More than comes at once.
const READ_BYTES: usize = 256 * 1024;
/// Longer than anything takes that is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Before other threads of the core, where the system permits it: it has little to do, and measures.
const NICE: i32 = -10;

/// A client that has said hello.
pub(crate) struct Prober {
    stream: TcpStream,
    seen: Seen,
    viewer: Viewer,
    buffer: Vec<u8>,
}

/// What has come so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    is_welcome: bool,
    has_joined: bool,
    /// The newest tick that was shown.
    newest: Option<Tick>,
    /// The stamp of the newest input that the tick has used.
    input_tick: Tick,
}

impl Prober {
    /// Connects, and says hello.
    pub(crate) fn connect(server: SocketAddr) -> Result<Self> {
        // On Linux it is this thread's own. Without the right to it all is well, too, but for some noise.
        let _ = setpriority_process(None, NICE);
        let mut stream = TcpStream::connect(server)?;
        ws::upgrade(&mut stream)?;
        stream.write_all(&speech::hello("prober"))?;
        let (seen, viewer) = (Seen::default(), Viewer::default());
        let mut prober = Self { stream, seen, viewer, buffer: vec![0; READ_BYTES] };
        prober.until("a welcome", |seen| seen.is_welcome)?;
        Ok(prober)
    }

    /// Joins a room of the arena with these options; how long it took until the first whole state was there.
    pub(crate) fn join(&mut self, room: &str) -> Result<Duration> {
        let wanted = RoomWanted::JoinOrCreate { game: "arena".into(), options: room.to_owned() };
        let join = speech::join(wanted, "arena")?;
        let began = Instant::now();
        self.stream.write_all(&join)?;
        let took = self.until("the first state", |seen| seen.newest.is_some())? - began;
        ensure!(self.seen.has_joined, "a state came before there was a seat");
        self.acknowledge()?;
        Ok(took)
    }

    /// The newest tick that it was shown.
    pub(crate) fn newest(&self) -> Result<Tick> {
        self.seen.newest.context("there is no seat")
    }

    /// Tells the server that the newest state has come.
    pub(crate) fn acknowledge(&mut self) -> Result<()> {
        let tick = self.newest()?.0;
        Ok(self.stream.write_all(&speech::frame(&ClientMessage::Ack { tick }))?)
    }

    /// Writes these bytes.
    pub(crate) fn say(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Takes what comes for so long.
    pub(crate) fn listen(&mut self, length: Duration) -> Result<()> {
        let ends_at = Instant::now() + length;
        while self.read(ends_at)?.is_some() {}
        Ok(())
    }

    /// Waits for an update that has used the input of this stamp, or a later one; when it came.
    pub(crate) fn until_used(&mut self, stamp: Tick) -> Result<Instant> {
        let before = self.newest()?;
        self.until("an update with the input", |seen| {
            seen.newest.is_some_and(|newest| newest.is_after(before)) && !stamp.is_after(seen.input_tick)
        })
    }

    /// Gives the seat back, and hangs up.
    pub(crate) fn leave(mut self) -> Result<()> {
        let leave = speech::frame(&ClientMessage::Leave);
        Ok(self.stream.write_all(&[leave, ws::client_frame(CLOSE, &1000_u16.to_be_bytes())].concat())?)
    }

    /// When what came last made this true.
    fn until(&mut self, what: &str, is_true: impl Fn(&Seen) -> bool) -> Result<Instant> {
        let given_up_at = Instant::now() + PATIENCE;
        loop {
            let Some(at) = self.read(given_up_at)? else { bail!("waited in vain for {what}") };
            if is_true(&self.seen) {
                return Ok(at);
            }
        }
    }

    /// Reads once, and tells when; none when nothing has come until then.
    fn read(&mut self, until: Instant) -> Result<Option<Instant>> {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        if poll(&mut [PollFd::new(&self.stream, PollFlags::IN)], Some(&timeout))? == 0 {
            return Ok(None);
        }
        let count = self.stream.read(&mut self.buffer)?;
        let at = Instant::now();
        ensure!(count > 0, "the server hung up");
        let (seen, mut pings) = (&mut self.seen, Vec::new());
        self.viewer.hear(&self.buffer[..count], |heard| {
            match heard {
                Heard::Welcome => seen.is_welcome = true,
                Heard::Joined(_) => seen.has_joined = true,
                Heard::Update(update) => seen.newest = Some(update.tick),
                Heard::Own(input_tick) => seen.input_tick = input_tick,
                Heard::Ping(payload) => pings.push(payload),
                Heard::Refused(reason) => bail!("refused: {reason}"),
                Heard::Close => bail!("the server ends the connection"),
                Heard::Left => {}
            }
            Ok(())
        })?;
        for payload in pings {
            self.stream.write_all(&ws::client_frame(PONG, &payload))?;
        }
        Ok(Some(at))
    }
}

/// A random time up to this one.
pub(crate) fn random_time(rng: &mut Rng, most: Duration) -> Duration {
    most.mul_f32(rng.unit())
}
