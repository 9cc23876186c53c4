//! One thread with its bots: sockets, timers, and who is to come and go when.
//!
//! A lane carries out its share of the plan by the clock, however slow the server is. All its sockets are in
//! one [`Poller`], and a bot is called when one has something: a thousand bots with sixty updates a second
//! each are one thread's work that way. When much comes, the lane looks only every [`COALESCE`], as network
//! cards do, so that it is not woken for each.

mod connection;
mod links;
mod poller;
mod slot;
mod timers;
mod websocket;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Result;
use fracas_client::ClientError;
use fracas_shared::Rng;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use self::connection::Heard;
use self::poller::Poller;
use self::slot::{Link, Slot};
use self::timers::Timers;
use crate::plan::Session;
use crate::player::{Failure, Message, Next, Player, SEAT_LOST, Turn};
use crate::record::{Record, Window};
use crate::target::{Connected, Players, Target};
use crate::times::Time;

/// How often a lane looks at its sockets when much comes.
const COALESCE: Duration = Duration::from_micros(250);
/// That is, when so many sockets have something in [`BEAT`].
const BUSY_EVENTS: u32 = 50;
/// How often a lane looks whether it is late itself.
const BEAT: Duration = Duration::from_millis(5);
/// A lane that was so late is not to be believed for [`DOUBT`].
const LATE: Duration = Duration::from_millis(100);
const DOUBT: Duration = Duration::from_secs(2);
/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;
/// A session that was to last so long and never had a seat has failed. A shorter one may be over before a
/// seat comes over its bad line.
const JOIN_TIME_MAX: Duration = Duration::from_secs(5);

/// What a lane is to do.
pub(crate) struct Orders {
    /// When the run begins.
    pub(crate) starts: Instant,
    /// Its part of the plan, by start.
    pub(crate) sessions: Vec<Session>,
    /// How long a window is.
    pub(crate) window: Duration,
    pub(crate) seed: u64,
    /// By group.
    pub(crate) targets: Vec<Arc<dyn Target>>,
    /// Where connections are made.
    pub(crate) runtime: Handle,
    /// The server is restarted meanwhile.
    pub(crate) restarts: bool,
}

/// What a lane tells.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum News {
    Window {
        window: Box<Window>,
    },
    /// Nobody listens there, and nobody ever did.
    NoServer {
        message: String,
    },
    /// It cannot go on.
    Failed {
        message: String,
    },
    /// It is done.
    Done {
        record: Box<Record>,
    },
}

pub(crate) struct Lane<'a> {
    orders: Orders,
    tell: &'a dyn Fn(News),
    stop: &'a AtomicBool,
    poller: Poller,
    timers: Timers,
    /// Boxed, for one is taken out whenever something comes for it.
    slots: Vec<Option<Box<Slot>>>,
    free: Vec<usize>,
    generation: u32,
    connector: Sender<(u64, Result<Connected, Failure>)>,
    connected: Receiver<(u64, Result<Connected, Failure>)>,
    players: Vec<Players>,
    next_session: usize,
    record: Record,
    buffer: Box<[u8]>,
    beat_at: Instant,
    events_in_beat: u32,
    is_busy: bool,
    late_at: Option<Instant>,
    window_ends: Instant,
}

/// Runs a lane to its end, in a thread of its own.
pub(crate) fn run(orders: Orders, tell: &dyn Fn(News), stop: &AtomicBool) -> Result<()> {
    let mut lane = Lane::new(orders, tell, stop)?;
    lane.play()?;
    tell(News::Done { record: Box::new(lane.record) });
    Ok(())
}

impl<'a> Lane<'a> {
    fn new(orders: Orders, tell: &'a dyn Fn(News), stop: &'a AtomicBool) -> Result<Self> {
        let starts = orders.starts;
        let (connector, connected) = channel();
        Ok(Self {
            players: orders.targets.iter().map(|target| target.players()).collect(),
            window_ends: starts + orders.window,
            poller: Poller::new()?,
            timers: Timers::default(),
            slots: Vec::new(),
            free: Vec::new(),
            generation: 0,
            connector,
            connected,
            next_session: 0,
            record: Record::default(),
            buffer: vec![0; READ_BYTES].into(),
            beat_at: starts,
            events_in_beat: 0,
            is_busy: false,
            late_at: None,
            orders,
            tell,
            stop,
        })
    }

    fn play(&mut self) -> Result<()> {
        let mut keys = Vec::new();
        loop {
            self.poller.wait(self.time_to_wait(), &mut keys)?;
            // All of it has come by now, however long the work on it takes.
            let came = Instant::now();
            for (key, is_over) in &keys {
                self.take_event(*key, *is_over, came);
            }
            self.events_in_beat += keys.len() as u32;
            while let Ok((key, connected)) = self.connected.try_recv() {
                self.take_connection(key, connected);
            }
            self.keep_time();
            if self.is_over() {
                self.end_window();
                return Ok(());
            }
            if self.is_busy {
                std::thread::sleep(COALESCE);
            }
        }
    }

    /// How long nothing is due.
    fn time_to_wait(&self) -> Duration {
        if self.is_busy {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let session =
            self.orders.sessions.get(self.next_session).map(|session| self.orders.starts + session.starts);
        let due = [self.timers.next(), session, Some(self.beat_at), Some(self.window_ends)];
        let due = due.into_iter().flatten().min().unwrap_or(now);
        due.saturating_duration_since(now)
    }

    fn is_over(&self) -> bool {
        self.next_session >= self.orders.sessions.len() && self.free.len() == self.slots.len()
    }

    /// Does what is due by the clock.
    fn keep_time(&mut self) {
        let now = Instant::now();
        if now >= self.beat_at {
            self.beat(now);
        }
        while let Some(session) = self.orders.sessions.get(self.next_session)
            && self.orders.starts + session.starts <= now
        {
            let session = session.clone();
            self.next_session += 1;
            self.begin(session, now);
        }
        // Each once, whatever it wants next: sockets have their turn, too.
        let due: Vec<usize> = std::iter::from_fn(|| self.timers.take(now)).collect();
        for index in due {
            if let Some(slot) = self.slots.get_mut(index).and_then(Option::as_mut) {
                slot.armed = None;
                self.work_on(index, now, Self::keep_slot);
            }
        }
        while now >= self.window_ends {
            self.end_window();
            self.window_ends += self.orders.window;
        }
    }

    fn beat(&mut self, now: Instant) {
        let late = now - self.beat_at;
        self.record.note_corrected(Time::Lateness, late, BEAT);
        if late >= LATE {
            self.late_at = Some(now);
        }
        // A long beat had more time for events.
        let beats = (late + BEAT).div_duration_f64(BEAT);
        self.is_busy = f64::from(self.events_in_beat) > f64::from(BUSY_EVENTS) * beats;
        self.events_in_beat = 0;
        self.beat_at = now + BEAT;
        if self.stop.load(Ordering::Relaxed) {
            self.stop_all(now);
        }
    }

    /// Nobody comes any more, and who is here leaves.
    fn stop_all(&mut self, now: Instant) {
        self.next_session = self.orders.sessions.len();
        for index in 0..self.slots.len() {
            let Some(slot) = &mut self.slots[index] else { continue };
            if slot.ends_at > now {
                slot.ends_at = now;
                slot.session.drops.clear();
                self.work_on(index, now, Self::keep_slot);
            }
        }
    }

    fn end_window(&mut self) {
        let playing = self.slots.iter().flatten().filter(|slot| slot.player.has_played()).count();
        let cpu = clock_gettime(ClockId::ThreadCPUTime);
        self.record.counts.cpu_us = cpu.tv_sec as u64 * 1_000_000 + cpu.tv_nsec as u64 / 1000;
        let window = Box::new(self.record.end_window(playing as u32));
        (self.tell)(News::Window { window });
    }

    /// Lets a session begin.
    fn begin(&mut self, session: Session, now: Instant) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.generation = self.generation.wrapping_add(1);
        let player = (self.players[session.group])(&session, now);
        self.slots[index] = Some(Box::new(Slot {
            generation: self.generation,
            ends_at: self.orders.starts + session.ends,
            // Another stream than the bot's decisions.
            rng: Rng::new(self.orders.seed, u64::from(session.number) | 2 << 32),
            session,
            player,
            link: Link::Pausing { tries: 0, until: now },
            former: None,
            drops_done: 0,
            armed: None,
            read_at: None,
            has_unread: false,
            is_over: false,
            is_leaving: false,
        }));
        self.work_on(index, now, Self::keep_slot);
    }

    /// Works on a slot, and ends it or puts it back.
    fn work_on(
        &mut self,
        index: usize,
        now: Instant,
        work: impl FnOnce(&mut Self, &mut Slot, usize, Instant) -> Result<bool, Failure>,
    ) {
        let Some(mut slot) = self.slots[index].take() else { return };
        let worked = work(self, &mut slot, index, now);
        match worked {
            Ok(true) => {
                self.settle(&mut slot, index, now);
                self.slots[index] = Some(slot);
            }
            Ok(false) => self.end(slot, index, None, now),
            Err(failure) if self.outlives(&slot, &failure, now) => {
                self.return_after_loss(&mut slot, now);
                self.settle(&mut slot, index, now);
                self.slots[index] = Some(slot);
            }
            Err(failure) => self.end(slot, index, Some(failure), now),
        }
    }

    /// Sends what there is, and sets timers.
    fn settle(&mut self, slot: &mut Slot, index: usize, now: Instant) {
        if let Link::Up(connection) | Link::Closing(connection, _) = &mut slot.link {
            while let Some(outgoing) = slot.player.poll_send() {
                connection.send(outgoing, now);
            }
            self.record.counts.tx_bytes += connection.take_tx_bytes();
            // What is broken is told when it is read.
            let _ = connection.flush();
        }
        let due = slot.due(now, self.orders.starts);
        if slot.armed.is_none_or(|armed| due < armed) {
            slot.armed = Some(due);
            self.timers.set(index, due);
        }
    }

    /// Takes what the poller says of a socket.
    fn take_event(&mut self, key: u64, is_over: bool, now: Instant) {
        let (index, generation) = (key as u32 as usize, (key >> 32) as u32);
        let is_same = |slot: &Slot| slot.generation == generation;
        if self.slots.get(index).and_then(Option::as_deref).is_some_and(is_same) {
            self.work_on(index, now, |lane, slot, index, now| {
                slot.is_over |= is_over;
                lane.read_slot(slot, index, now)
            });
        }
    }

    fn turn(record: &mut Record, now: Instant, late_at: Option<Instant>) -> Turn<'_> {
        let was_late = late_at.is_some_and(|late_at| now - late_at < DOUBT);
        Turn { now, record, was_late }
    }

    /// Reads from the slot's socket.
    fn read_slot(&mut self, slot: &mut Slot, index: usize, now: Instant) -> Result<bool, Failure> {
        slot.has_unread = !slot.can_read(now);
        if slot.has_unread {
            return Ok(true);
        }
        let is_over = slot.is_over;
        match std::mem::replace(&mut slot.link, Link::None) {
            Link::Up(mut connection) => {
                let mut turn = Self::turn(&mut self.record, now, self.late_at);
                let mut next = Next::GoOn;
                let heard = connection.read(&mut self.buffer, is_over, now, |message| {
                    hear(slot.player.as_mut(), message, &mut turn, &mut next)
                });
                slot.link = Link::Up(connection);
                match heard? {
                    Heard::All => {
                        self.go_on(slot, index, next, now);
                        Ok(true)
                    }
                    Heard::End => Err(ClientError::Lost("the server hung up".into()).into()),
                }
            }
            Link::HalfClosed(mut connection, until) => {
                let heard = connection.read(&mut self.buffer, is_over, now, |_| Ok(()));
                if matches!(heard, Ok(Heard::All)) {
                    slot.link = Link::HalfClosed(connection, until);
                    return Ok(true);
                }
                self.forget(&connection);
                self.come_back(slot, now);
                Ok(true)
            }
            Link::Closing(mut connection, until) => {
                let heard = connection.read(&mut self.buffer, is_over, now, |_| Ok(()));
                let is_open = matches!(heard, Ok(Heard::All));
                slot.link = Link::Closing(connection, until);
                Ok(is_open)
            }
            link => {
                slot.link = link;
                Ok(true)
            }
        }
    }

    /// Does what is due for a slot.
    fn keep_slot(&mut self, slot: &mut Slot, index: usize, now: Instant) -> Result<bool, Failure> {
        if slot.former.as_ref().is_some_and(|(_, until)| *until <= now) {
            slot.former = None;
        }
        if slot.read_at.is_some_and(|read_at| read_at <= now) {
            slot.read_at = None;
        }
        if slot.has_unread && slot.can_read(now) {
            return self.read_slot(slot, index, now);
        }
        if let Some(drop) = slot.session.drops.get(slot.drops_done)
            && self.orders.starts + *drop <= now
        {
            slot.drops_done += 1;
            if !slot.is_leaving && slot.player.has_played() {
                self.go_on(slot, index, Next::Drop, now);
                return Ok(true);
            }
        }
        match &mut slot.link {
            Link::Pausing { tries, until } if *until <= now => {
                let tries = *tries;
                if now >= slot.ends_at {
                    return Ok(false);
                }
                self.connect(slot, index, tries + 1);
                return Ok(true);
            }
            Link::Closing(_, until) if *until <= now => return Ok(false),
            Link::HalfClosed(connection, until) if *until <= now => {
                let _ = self.poller.remove(connection.stream());
                self.come_back(slot, now);
                return Ok(true);
            }
            Link::Up(_) => {}
            _ => {
                // Whoever is not here when its time is up need not come.
                return Ok(now < slot.ends_at || matches!(slot.link, Link::Closing(..)));
            }
        }
        self.wake(slot, index, now)
    }

    /// Delivers what has arrived over a bad line, and lets the player do what is due.
    fn wake(&mut self, slot: &mut Slot, index: usize, now: Instant) -> Result<bool, Failure> {
        let Link::Up(mut connection) = std::mem::replace(&mut slot.link, Link::None) else { return Ok(true) };
        let mut turn = Self::turn(&mut self.record, now, self.late_at);
        let mut next = Next::GoOn;
        let delivered =
            connection.deliver(now, |message| hear(slot.player.as_mut(), message, &mut turn, &mut next));
        slot.link = Link::Up(connection);
        delivered?;
        if next == Next::GoOn && !slot.is_leaving && slot.ends_at <= now {
            slot.is_leaving = true;
            next = slot.player.leave(&mut turn)?;
        } else if next == Next::GoOn && slot.player.wake_at().is_some_and(|wake_at| wake_at <= now) {
            next = slot.player.wake(&mut turn)?;
        }
        self.go_on(slot, index, next, now);
        Ok(true)
    }

    /// A session is over.
    fn end(&mut self, mut slot: Box<Slot>, index: usize, failure: Option<Failure>, now: Instant) {
        if let Link::Up(connection) | Link::Closing(connection, _) | Link::HalfClosed(connection, _) =
            &slot.link
        {
            self.forget(connection);
        }
        let is_stopped = self.stop.load(Ordering::Relaxed);
        let failure = failure.or_else(|| {
            let never = || Failure::new("never_joined", "a session's time was over before it had a seat");
            let was_long = slot.session.ends.saturating_sub(slot.session.starts) >= JOIN_TIME_MAX;
            (!slot.player.has_played() && was_long && !is_stopped).then(never)
        });
        let mut turn = Self::turn(&mut self.record, now, self.late_at);
        slot.player.ended(&mut turn);
        if let Some(failure) = failure {
            let counts = &mut self.record.counts;
            match () {
                () if failure.kind == SEAT_LOST => counts.seats_lost += 1,
                () if slot.player.has_played() => counts.disconnects += 1,
                () => counts.failed += 1,
            }
            if failure.is_no_server && self.record.counts.joined == 0 {
                (self.tell)(News::NoServer { message: failure.message.clone() });
            }
            self.record.error(&failure.kind, || failure.message);
        }
        self.free.push(index);
    }
}

/// Lets a player hear a message, and notes what is to become of its connection when all is heard.
fn hear(
    player: &mut dyn Player,
    message: Message<'_>,
    turn: &mut Turn<'_>,
    next: &mut Next,
) -> Result<(), Failure> {
    match player.hear(message, turn)? {
        Next::GoOn => {}
        other => *next = other,
    }
    Ok(())
}
